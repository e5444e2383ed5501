/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Vector integer ops by SSE up to 4.2, in the three-operand forms where the host has AVX. One instruction where there is one (a table), else
 * a few; the rest, mostly lanes of 64 or 8 bits that the host lacks, is the evaluator's. Operands and results are registers of vec.c.
 */
#include "base/bits.h"
#include "jit/host/x86_64/sse.h"

enum { SHIFT_RIGHT = 2, SHIFT_SIGN = 4, SHIFT_LEFT = 6 /* the digits of shifts by an immediate */, HIGH_HALF = 0xee /* of pshufd */ };

/* By log2 of the lane width less 3; 0: none. All have the prefix 66. */
static const uint32_t one[IR_OPS][4] = {
    [IR_VADD] = {0x0ffc, 0x0ffd, 0x0ffe, 0x0fd4},
    [IR_VSUB] = {0x0ff8, 0x0ff9, 0x0ffa, 0x0ffb},
    [IR_VMUL] = {0, 0x0fd5, 0x0f3840, 0},
    [IR_VMULHU] = {0, 0x0fe4, 0, 0},
    [IR_VMULHS] = {0, 0x0fe5, 0, 0},
    [IR_VQADDS] = {0x0fec, 0x0fed, 0, 0},
    [IR_VQADDU] = {0x0fdc, 0x0fdd, 0, 0},
    [IR_VQSUBS] = {0x0fe8, 0x0fe9, 0, 0},
    [IR_VQSUBU] = {0x0fd8, 0x0fd9, 0, 0},
    [IR_VAVGU] = {0x0fe0, 0x0fe3, 0, 0},
    [IR_VMINS] = {0x0f3838, 0x0fea, 0x0f3839, 0},
    [IR_VMAXS] = {0x0f383c, 0x0fee, 0x0f383d, 0},
    [IR_VMINU] = {0x0fda, 0x0f383a, 0x0f383b, 0},
    [IR_VMAXU] = {0x0fde, 0x0f383e, 0x0f383f, 0},
    [IR_VCMPEQ] = {0x0f74, 0x0f75, 0x0f76, 0x0f3829},
    [IR_VCMPGTS] = {0x0f64, 0x0f65, 0x0f66, 0x0f3837},
};

/* Those without a lane width. */
static const uint32_t plain[IR_OPS] = {
    [IR_VAND] = 0x0fdb, [IR_VOR] = 0x0feb, [IR_VXOR] = 0x0fef, [IR_VMADDW] = 0x0ff5, [IR_VMADDUB] = 0x0f3804, [IR_VSADB] = 0x0ff6,
};

static unsigned index_of(unsigned e) { return (unsigned)__builtin_ctz(e) - 3; }
static uint64_t lanes(unsigned e, uint64_t lane) { return UINT64_MAX / (UINT64_MAX >> (64 - e)) * (lane & (UINT64_MAX >> (64 - e))); }

/* The op that makes one lane of two; 0: the host has none. */
static uint32_t reduction(const struct ir_op *op)
{
    static const uint8_t ops[] = {[IR_AMO_add] = IR_VADD,   [IR_AMO_and] = IR_VAND,   [IR_AMO_or] = IR_VOR,     [IR_AMO_xor] = IR_VXOR,
                                  [IR_AMO_smin] = IR_VMINS, [IR_AMO_smax] = IR_VMAXS, [IR_AMO_umin] = IR_VMINU, [IR_AMO_umax] = IR_VMAXU};
    unsigned how = ops[op->s[0]];
    return plain[how] ? plain[how] : one[how][index_of(op->s[1])];
}

bool x86_vector_access(const struct emit *e, const struct ir_op *op)
{
    return e->sse42 && (op->op == IR_LOAD || op->op == IR_STORE) && op->type == IR_v128 && !(op->s[0] & ~MEM_UNIT);
}

bool x86_vector_native(const struct emit *e, const struct ir_op *op)
{
    unsigned w = op->s[0];
    if (!e->sse42 || op->op < IR_VADD)
        return e->sse42 && x86_vector_move_native(e, op);
    if (plain[op->op])
        return true;
    switch (op->op) {
    case IR_VNOT:
    case IR_VANDN:
    case IR_VSEL:
    case IR_VNEG:
    case IR_VABS:
    case IR_VCMPGTU: return true;
    case IR_VQRDMULH: return w == 16;
    case IR_VMULE: return w == 32 || (w == 16 && op->s[1]);
    case IR_VSHL:
    case IR_VSHR:
    case IR_VSAR: return op->b == IR_CONST;
    case IR_VSHLV:
    case IR_VSHRV: return e->avx2 && w >= 32;
    case IR_VSARV: return e->avx2 && w == 32;
    case IR_VPOPCNT: return w == 8;
    case IR_VREDUCE: return reduction(op);
    case IR_VAES:
    case IR_VSHA256: return x86_vector_crypto_native(e, op);
    }
    if (op->op < IR_VDUP && one[op->op][0] + one[op->op][1] + one[op->op][2] + one[op->op][3])
        return one[op->op][index_of(w)];
    return op->op >= IR_VFADD ? x86_vector_float_native(e, op) : x86_vector_move_native(e, op);
}

static void packed(struct emit *e, unsigned opcode, unsigned d, unsigned a, unsigned b) { sse_3(e, 0x66, opcode, d, a, b); }

static void shift(struct emit *e, unsigned how, unsigned w, unsigned d, unsigned a, unsigned n)
{
    unsigned opcode = w == 16 ? 0x0f71 : w == 32 ? 0x0f72 : 0x0f73;
    if (e->avx) {
        x86_vrr(&e->c, 0x66, opcode, false, how, d, a);
    } else {
        sse_move(&e->c, d, a);
        sse_rr(&e->c, 0x66, opcode, how, d);
    }
    x86_byte(&e->c, n);
}

static void with_lanes(struct emit *e, unsigned opcode, unsigned d, unsigned a, unsigned w, uint64_t lane)
{
    x86_vwith_constant(e, 0x66, opcode, d, a, lanes(w, lane), lanes(w, lane));
}

/* Bytes are shifted as words and cut; a sign comes in by (x ^ m) - m, where m is the bit that it went to. */
static void shift_constant(struct emit *e, const struct ir_op *op, unsigned d, unsigned a)
{
    unsigned w = op->s[0], n = op->imm < w ? (unsigned)op->imm : w, how = op->op == IR_VSHL ? SHIFT_LEFT : SHIFT_RIGHT;
    bool sign = op->op == IR_VSAR;
    if (sign && n == w)
        n = w - 1;
    if (n == w) {
        sse_zero(&e->c, d);
        return;
    }
    if (sign && (w == 16 || w == 32)) {
        shift(e, SHIFT_SIGN, w, d, a, n);
        return;
    }
    shift(e, how, w == 8 ? 16 : w, d, a, n);
    if (w == 8)
        with_lanes(e, plain[IR_VAND], d, d, 8, how == SHIFT_LEFT ? 0xffu << n : 0xffu >> n);
    if (sign) {
        with_lanes(e, plain[IR_VXOR], d, d, w, UINT64_C(1) << (w - 1) >> n);
        with_lanes(e, one[IR_VSUB][index_of(w)], d, d, w, UINT64_C(1) << (w - 1) >> n);
    }
}

static void shift_each(struct emit *e, const struct ir_op *op, unsigned d, unsigned a, unsigned b)
{
    unsigned opcode = op->op == IR_VSHLV ? 0x0f3847 : op->op == IR_VSHRV ? 0x0f3845 : 0x0f3846;
    x86_vrr(&e->c, 0x66, opcode, op->s[0] == 64, d, a, b);
}

/* a > b is not max(a, b) == b; of 64 bits, a comparison of both with the sign inverted. */
static void greater_unsigned(struct emit *e, unsigned w, unsigned d, unsigned a, unsigned b)
{
    unsigned i = index_of(w);
    if (w == 64) {
        with_lanes(e, plain[IR_VXOR], d, a, 64, UINT64_C(1) << 63);
        with_lanes(e, plain[IR_VXOR], XWORK2, b, 64, UINT64_C(1) << 63);
        packed(e, one[IR_VCMPGTS][i], d, d, XWORK2);
        return;
    }
    packed(e, one[IR_VMAXU][i], d, a, b);
    packed(e, one[IR_VCMPEQ][i], d, d, b);
    sse_ones(&e->c, XWORK2);
    packed(e, plain[IR_VXOR], d, d, XWORK2);
}

static void magnitude(struct emit *e, unsigned w, unsigned d, unsigned a)
{
    static const uint32_t opcodes[] = {0x0f381c, 0x0f381d, 0x0f381e};
    if (w < 64) {
        sse_rr(&e->c, 0x66, opcodes[index_of(w)], d, a);
        return;
    }
    sse_zero(&e->c, XWORK2);
    packed(e, one[IR_VCMPGTS][3], XWORK1, XWORK2, a);
    packed(e, plain[IR_VXOR], d, a, XWORK1);
    packed(e, one[IR_VSUB][3], d, d, XWORK1);
}

/* c ^ ((b ^ c) & a) */
static void choose_bits(struct emit *e, unsigned d, unsigned a, unsigned b, unsigned c)
{
    packed(e, plain[IR_VXOR], d, b, c);
    packed(e, plain[IR_VAND], d, d, a);
    packed(e, plain[IR_VXOR], d, d, c);
}

/* The instruction does not saturate the one product that overflows, and no other gives the least value. */
static void rounded_high(struct emit *e, unsigned d, unsigned a, unsigned b)
{
    packed(e, 0x0f380b, d, a, b); /* pmulhrsw */
    with_lanes(e, one[IR_VCMPEQ][1], XWORK2, d, 16, 0x8000);
    packed(e, plain[IR_VXOR], d, d, XWORK2);
}

/* Signed 16 x 16: without the odd lanes of one factor, of the sums of two products one is 0. */
static void even_products(struct emit *e, const struct ir_op *op, unsigned d, unsigned a, unsigned b)
{
    if (op->s[0] == 32) {
        packed(e, op->s[1] ? 0x0f3828 : 0x0ff4, d, a, b);
        return;
    }
    with_lanes(e, plain[IR_VAND], d, a, 32, 0xffff);
    packed(e, plain[IR_VMADDW], d, d, b);
}

/* Of each half of a byte by a table. */
static void count_bits(struct emit *e, unsigned d, unsigned a)
{
    x86_vload_constant(e, XWORK0, lanes(8, 15), lanes(8, 15));
    x86_vload_constant(e, XWORK1, 0x0302020102010100, 0x0403030203020201);
    shift(e, SHIFT_RIGHT, 16, d, a, 4);
    packed(e, plain[IR_VAND], d, d, XWORK0);
    packed(e, plain[IR_VAND], XWORK0, XWORK0, a);
    packed(e, 0x0f3800, XWORK2, XWORK1, d); /* pshufb */
    packed(e, 0x0f3800, XWORK1, XWORK1, XWORK0);
    packed(e, one[IR_VADD][0], d, XWORK1, XWORK2);
}

static void negate(struct emit *e, unsigned w, unsigned d, unsigned a)
{
    sse_zero(&e->c, XWORK2);
    packed(e, one[IR_VSUB][index_of(w)], d, XWORK2, a);
}

static void complement(struct emit *e, unsigned d, unsigned a)
{
    sse_ones(&e->c, XWORK2);
    packed(e, plain[IR_VXOR], d, a, XWORK2);
}

/* Halves, until one lane is left. */
static void reduce(struct emit *e, const struct ir_op *op)
{
    unsigned w = op->s[1], a = x86_vget(e, op->a), d = x86_vresult(e), opcode = reduction(op);
    sse_rr(&e->c, 0x66, 0x0f70, d, a); /* pshufd */
    x86_byte(&e->c, HIGH_HALF);
    packed(e, opcode, d, d, a);
    for (unsigned half = 32; half >= w; half /= 2) {
        shift(e, SHIFT_RIGHT, 2 * half, XWORK0, d, half);
        packed(e, opcode, d, d, XWORK0);
    }
    enum x86_reg r = x86_result(e, op);
    x86_prr(&e->c, 0x66, 0x0f7e, w == 64, d, r); /* movd, movq */
    if (w < 32)
        x86_prr(&e->c, 0, w == 8 ? 0x0fb6 : 0x0fb7, true, r, r); /* movzx */
    x86_finish(e, op, r);
    x86_vwritten(e, op);
}

static void compute(struct emit *e, const struct ir_op *op)
{
    const char *in = ir_sigs[op->op].in;
    unsigned w = op->s[0], a = x86_vget(e, op->a), b = in[1] == 'V' ? x86_vget(e, op->b) : a, c = in[1] && in[2] ? x86_vget(e, op->c) : a;
    unsigned d = x86_vresult(e);
    switch (op->op) {
    case IR_VNOT: complement(e, d, a); break;
    case IR_VANDN: packed(e, 0x0fdf, d, b, a); break;
    case IR_VSEL: choose_bits(e, d, a, b, c); break;
    case IR_VNEG: negate(e, w, d, a); break;
    case IR_VABS: magnitude(e, w, d, a); break;
    case IR_VCMPGTU: greater_unsigned(e, w, d, a, b); break;
    case IR_VQRDMULH: rounded_high(e, d, a, b); break;
    case IR_VMULE: even_products(e, op, d, a, b); break;
    case IR_VSHL:
    case IR_VSHR:
    case IR_VSAR: shift_constant(e, op, d, a); break;
    case IR_VSHLV:
    case IR_VSHRV:
    case IR_VSARV: shift_each(e, op, d, a, b); break;
    case IR_VPOPCNT: count_bits(e, d, a); break;
    default: packed(e, plain[op->op] ? plain[op->op] : one[op->op][index_of(w)], d, a, b);
    }
    x86_vfinish(e, op, d);
}

/* ---- memory ---- */

static void access(struct emit *e, const struct ir_op *op)
{
    struct x86_mem m;
    struct cold cold = {.kind = COLD_slow, .op = op, .result = -1, .store = op->op == IR_STORE};
    unsigned x = cold.store ? x86_vget(e, op->b) : x86_vresult(e);
    cold.from = x86_host_address(e, op, 16, cold.store, &m, &cold.hit);
    cold.access = e->request->flat ? e->c.at : NULL;
    x86_prm(&e->c, 0, cold.store ? 0x0f11 : 0x0f10, false, x, m, false); /* movups */
    if (!cold.store)
        x86_vfinish(e, op, x);
    cold.back = e->c.at;
    if (!x86_covered(e, op))
        x86_cold(e, cold);
    e->forwarded = IR_NONE;
}

unsigned x86_lower_vector(struct emit *e, const struct ir_op *op)
{
    if (!e->vectors)
        return 0;
    e->vlocked = 0;
    unsigned n = x86_vector_moved_half(e, op);
    if (n)
        return n;
    if (x86_vector_access(e, op)) {
        access(e, op);
        return 1;
    }
    if (!x86_vector_native(e, op))
        return 0;
    if (op->op == IR_VAES || op->op == IR_VSHA256)
        return x86_vector_crypto(e, op);
    if (op->op >= IR_VFADD)
        x86_vector_float(e, op);
    else if (op->op == IR_VREDUCE)
        reduce(e, op);
    else if (x86_vector_move_native(e, op))
        x86_vector_move(e, op);
    else
        compute(e, op);
    return 1;
}
