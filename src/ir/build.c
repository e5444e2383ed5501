/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The builder: turns the calls of a lifted insn into ops. Called by the generated lifters and by the translator; one builder serves one
 * thread, block after block. The op that leaves the block is held back (b->last) until the insn's queued writes are committed.
 */
#include "ir/build_state.h"
#include "ir/rotate.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

int ir_build_new(struct ir_build **out, unsigned guest_cells, const struct ir_helper *helpers, unsigned nhelpers)
{
    struct ir_build *b = calloc(1, sizeof *b);
    if (!b)
        return -1;
    b->guest_cells = b->zero = guest_cells;
    b->helpers = helpers;
    b->nhelpers = nhelpers;
    b->known = calloc(guest_cells + 1, sizeof *b->known);
    b->value = calloc(guest_cells + 1, sizeof *b->value);
    b->word = calloc(guest_cells + 1, sizeof *b->word);
    if (!b->known || !b->value || !b->word) {
        ir_build_free(b);
        return -1;
    }
    *out = b;
    return 0;
}

void ir_build_free(struct ir_build *b)
{
    if (!b)
        return;
    free(b->known);
    free(b->value);
    free(b->word);
    free(b);
}

void ir_forget_known(struct ir_build *b)
{
    if (++b->epoch == 0) { /* wrapped: old marks would look new */
        memset(b->known, 0, (b->guest_cells + 1) * sizeof *b->known);
        memset(b->word, 0, (b->guest_cells + 1) * sizeof *b->word);
        b->compared.epoch = b->aligned.epoch = 0;
        b->epoch = 1;
    }
}

void ir_begin(struct ir_build *b)
{
    b->nops = b->ninsns = b->shifts = 0;
    b->next = 0;
    b->ended = false;
    b->page_offset = -1;
    b->skip = IR_MAX_OPS;
    b->way.nops = b->tail.nops = 0;
    ir_forget_known(b);
}

void ir_begin_at(struct ir_build *b, unsigned page_offset)
{
    ir_begin(b);
    b->page_offset = (int)page_offset;
}

void ir_insn_begin(struct ir_build *b, int offset, unsigned len)
{
    assert(!b->ended && b->ninsns < IR_MAX_INSNS);
    b->insns[b->ninsns++] = (struct ir_insn){(uint16_t)b->nops, (int16_t)offset};
    b->first_op = b->nops;
    b->next_temp = b->zero + 1;
    b->offset = offset;
    b->len = len;
    b->next = offset + (int)len;
    b->nputs = b->nsign_extended = 0;
    b->last.op = IR_OPS;
    b->pc_written = false;
}

bool ir_ended(const struct ir_build *b) { return b->ended; }
bool ir_full(const struct ir_build *b) { return b->ninsns == IR_MAX_INSNS || b->nops + IR_MAX_INSN_OPS > IR_MAX_OPS; }

struct ir_op *ir_append(struct ir_build *b, unsigned op, unsigned type)
{
    assert(b->nops < IR_MAX_OPS);
    struct ir_op *o = &b->ops[b->nops++];
    *o = (struct ir_op){.op = (uint8_t)op, .type = (uint8_t)type, .d = IR_NONE, .a = IR_NONE, .b = IR_NONE, .c = IR_NONE};
    return o;
}

unsigned ir_temp(struct ir_build *b, unsigned type)
{
    unsigned cells = ir_type_cells(type);
    if (cells > 1)
        b->next_temp += b->next_temp & 1;
    unsigned cell = b->next_temp;
    b->next_temp += cells;
    assert(b->next_temp <= b->zero + IR_MAX_TEMPS - IR_KEPT_TEMPS);
    return cell;
}

struct ir_op *ir_producer(struct ir_build *b, unsigned cell)
{
    for (unsigned i = b->nops; ir_is_temp(b, cell) && i-- > b->first_op;)
        if (b->ops[i].d == cell && !(ir_sigs[b->ops[i].op].out == 0))
            return &b->ops[i];
    return NULL;
}

/* ---- values ---- */

ir_val ir_k(unsigned type, uint64_t k)
{
    unsigned bits = ir_type_bits(type);
    return (ir_val){.type = (uint8_t)type, .known = true, .cell = IR_CONST, .k = bits < 64 ? k & ((1ull << bits) - 1) : k};
}

ir_val ir_vk(unsigned e, uint64_t n)
{
    n = e < 64 ? n & ((1ull << e) - 1) : n;
    for (; e < 64; e *= 2)
        n |= n << e;
    return ir_k(IR_v128, n);
}

/* ---- types ---- */

static bool letter_fits(char letter, unsigned type)
{
    switch (letter) {
    case 'b': return type == IR_i1;
    case 'A': return type == IR_i64;
    case 'I': return type == IR_i32 || type == IR_i64;
    case 'W': return type >= IR_i1 && type <= IR_i128;
    case 'F': return type >= IR_f16 && type <= IR_f80;
    case 'V': return type == IR_v128;
    case 'L': return type == IR_fl;
    default: return type != IR_none;
    }
}

#ifdef NDEBUG
enum { CHECKED = 0 };
#else
enum { CHECKED = 1 };
#endif

static bool all_typed(const ir_val *args, unsigned nargs)
{
    bool all = true;
    for (unsigned i = 0; i < nargs; i++)
        all &= args[i].type != IR_none;
    return all;
}

/* Gives constants without a type their neighbour's; the same letter is the same type. */
static void unify(unsigned op, const struct ir_sig *sig, unsigned ty, ir_val *args, unsigned nargs)
{
    if (!CHECKED && all_typed(args, nargs))
        return;
    for (unsigned i = 0; i < nargs; i++) {
        char letter = sig->in[i];
        unsigned type = letter == 'b' ? IR_i1 : letter == 'A' ? IR_i64 : letter == 'L' ? IR_fl : IR_none;
        for (unsigned j = 0; j < nargs && type == IR_none; j++)
            if (sig->in[j] == letter)
                type = args[j].type;
        if (type == IR_none)
            type = sig->out == letter && ty != IR_none ? ty : IR_i64;
        if (args[i].type == IR_none)
            args[i] = ir_k(type, args[i].k);
        if (args[i].type != type || !letter_fits(letter, type)) {
            (void)op; /* a lifter's mistake: every insn is lifted by a test */
            assert(!"operand type does not fit the op's signature");
        }
    }
}

static unsigned double_type(unsigned type) { return type == IR_i32 ? IR_i64 : IR_i128; }

static unsigned result_type(unsigned op, const struct ir_sig *sig, unsigned ty, const uint8_t s[4], const ir_val *args, unsigned nargs)
{
    if (!sig->out)
        return IR_none;
    if (ty != IR_none)
        return ty;
    switch (op) {
    case IR_CONCAT:
    case IR_CLMUL: return double_type(args[0].type);
    case IR_HI: return args[0].type == IR_i128 ? IR_i64 : IR_i32;
    case IR_BITS: return ir_type_cells(args[0].type) == 2 ? IR_i128 : ir_type_bits(args[0].type) == 64 ? IR_i64 : IR_i32;
    case IR_FBOX: return IR_f64;
    case IR_LL: return s[0] == 128 ? IR_i128 : IR_i64;
    case IR_VDUP: return IR_v128;
    }
    if (sig->out == 'b')
        return IR_i1;
    if (sig->out == 'L')
        return IR_fl;
    for (unsigned i = 0; i < nargs; i++)
        if (sig->in[i] == sig->out)
            return args[i].type;
    return IR_i64;
}

/* ---- operands ---- */

/* base + displacement of a memory op: an ADD with a constant becomes the displacement. */
static void set_address(struct ir_build *b, ir_val address, uint16_t *base, uint64_t *displacement)
{
    *displacement = 0;
    if (address.cell == IR_CONST) {
        *base = (uint16_t)b->zero;
        *displacement = address.k;
        return;
    }
    *base = address.cell;
    const struct ir_op *add = ir_producer(b, address.cell);
    if (add && add->op == IR_ADD && add->type == IR_i64 && add->b == IR_CONST) {
        *base = add->a;
        *displacement = add->imm;
    }
}

static bool takes_constant(const struct ir_sig *sig, const ir_val *args, unsigned nargs)
{
    if (!(sig->flags & IR_F_P) || nargs != 2)
        return false;
    if (sig->in[0] == 'V')
        return sig->in[1] == 'I';
    return (sig->in[0] == 'I' || sig->in[0] == 'W') && ir_is_int(args[0].type) &&
           (sig->out == 'b' || sig->out == 'L' || sig->out == sig->in[0]);
}

/* The ops whose last value may stay a constant though they are not pure. */
static bool is_trap(unsigned op) { return op == IR_TRAP || op == IR_TRAP_IF; }

static bool has_displacement(const struct ir_sig *sig, unsigned op)
{
    return sig->in[0] == 'A' && (sig->flags & (IR_F_R | IR_F_W)) && op != IR_PROBE;
}

static bool writes(const struct ir_op *o, unsigned cell) { return ir_sigs[o->op].out && cell - o->d < ir_result_cells(o); }

/* A comparison stands right before the choice that it decides, where hosts do both together, unless what it compares has changed meanwhile
 * (ir_COMMIT). */
static void bring_condition(struct ir_build *b, unsigned cell)
{
    struct ir_op *p = ir_producer(b, cell), *end = b->ops + b->nops;
    if (!p || p + 1 == end || !((p->op >= IR_EQ && p->op <= IR_ULE) || p->op == IR_COND))
        return;
    for (const struct ir_op *q = p + 1; q < end; q++)
        if (q->op == IR_CALL || q->a == cell || q->b == cell || q->c == cell || writes(q, p->a) || writes(q, p->b))
            return;
    struct ir_op condition = *p;
    memmove(p, p + 1, (size_t)(end - p - 1) * sizeof *p);
    end[-1] = condition;
}

static ir_val append_op(struct ir_build *b, unsigned op, unsigned ty, const uint8_t s[4], uint64_t imm, ir_val *args, unsigned nargs)
{
    const struct ir_sig *sig = &ir_sigs[op];
    unsigned type = result_type(op, sig, ty, s, args, nargs), cells[3] = {IR_NONE, IR_NONE, IR_NONE};
    bool constant = takes_constant(sig, args, nargs) && op != IR_INSERT; /* whose imm is the field */
    if (constant && (sig->flags & IR_F_C) && args[0].known && !args[1].known) {
        ir_val swap = args[0];
        args[0] = args[1];
        args[1] = swap;
    }
    for (unsigned i = 0; i < nargs; i++) {
        if (i == nargs - 1 && args[i].known && ((constant && i == 1) || (is_trap(op) && args[i].cell == IR_CONST))) {
            cells[i] = IR_CONST;
            imm = args[i].k;
        } else if (!(i == 0 && has_displacement(sig, op))) {
            cells[i] = ir_place(b, args[i]);
        }
    }
    uint16_t base = IR_NONE;
    if (has_displacement(sig, op))
        set_address(b, args[0], &base, &imm);
    if (op == IR_SELECT && type != IR_fl) /* flags are made elsewhere, if at all */
        bring_condition(b, cells[0]);
    unsigned d = type == IR_none ? IR_NONE : ir_temp(b, type);
    struct ir_op *o = ir_append(b, op, type);
    memcpy(o->s, s, 4);
    o->a = base != IR_NONE ? base : (uint16_t)cells[0];
    o->b = (uint16_t)cells[1];
    o->c = (uint16_t)cells[2];
    o->d = (uint16_t)d;
    o->imm = imm;
    b->shifts += constant && (op == IR_SHL || op == IR_SHR);
    if (sig->out == 0 || sig->out == 'L' || (sig->out == 'b' && op != IR_SC))
        o->type = nargs ? args[nargs > 1 && (sig->in[0] == 'A' || op == IR_TRAP_IF)].type : IR_none;
    if (nargs && args[0].type != o->type && sig->in[0] != 'A' && sig->in[0] != 'b')
        o->s[3] = args[0].type;
    return (ir_val){.type = (uint8_t)type, .cell = (uint16_t)d};
}

/* ---- leaving the block ---- */

/* The comparison as one that BRANCH_CMP knows: x <= y is y >= x, with a constant x < k + 1; 0 < y is y >= 1. false: it is none, or always true. */
static bool branch_condition(const struct ir_build *b, const struct ir_op *cmp, struct ir_op *branch, int64_t *constant)
{
    static const uint8_t cc[IR_OPS] = {[IR_EQ] = 1 + IR_CC_eq,   [IR_NE] = 1 + IR_CC_ne,   [IR_SLT] = 1 + IR_CC_slt,
                                       [IR_SLE] = 1 + IR_CC_slt, [IR_ULT] = 1 + IR_CC_ult, [IR_ULE] = 1 + IR_CC_ult};
    bool less = cmp->op == IR_SLT || cmp->op == IR_ULT, equal = cmp->op == IR_SLE || cmp->op == IR_ULE, is_signed = cmp->op <= IR_SLE;
    if (!cc[cmp->op])
        return false;
    branch->s[0] = (uint8_t)(cc[cmp->op] - 1);
    branch->a = cmp->a;
    branch->b = cmp->b;
    *constant = cmp->b != IR_CONST ? 0 : cmp->type == IR_i32 ? (int32_t)cmp->imm : (int64_t)cmp->imm;
    if (equal && cmp->b == IR_CONST) {
        if (*constant == (is_signed ? INT32_MAX : -1))
            return false;
        ++*constant;
    } else if (equal || (less && cmp->a == b->zero && cmp->b != IR_CONST)) {
        branch->s[0] = is_signed ? IR_CC_sge : IR_CC_uge;
        branch->a = cmp->b;
        branch->b = cmp->a == b->zero ? (uint16_t)IR_CONST : cmp->a;
        *constant = less;
    }
    return branch->b != IR_CONST || *constant == (int32_t)*constant;
}

/* A comparison just made and used by nothing else becomes part of the branch. */
static bool fuse_compare(struct ir_build *b, struct ir_op *branch)
{
    struct ir_op *cmp = b->nops > b->first_op ? &b->ops[b->nops - 1] : NULL, fused = *branch;
    int64_t off = (int64_t)branch->imm, constant;
    if (!cmp || cmp->d != branch->a || !ir_is_temp(b, cmp->d) || (cmp->type != IR_i64 && cmp->type != IR_i32) || off != (int32_t)off)
        return false;
    if (!branch_condition(b, cmp, &fused, &constant))
        return false;
    for (unsigned i = 0; i < b->nputs; i++)
        if (b->puts[i].v.cell == cmp->d)
            return false;
    fused.op = IR_BRANCH_CMP;
    fused.type = cmp->type;
    fused.imm = (uint32_t)off | (fused.b == IR_CONST ? (uint64_t)constant << 32 : 0);
    *branch = fused;
    b->nops--;
    return true;
}

static void hold(struct ir_build *b, unsigned op, const uint8_t s[4], uint64_t imm, const ir_val *args, unsigned nargs)
{
    assert(b->last.op == IR_OPS); /* one way out per insn, besides traps and RETRY_IF */
    struct ir_op last = {.op = (uint8_t)op, .d = (uint16_t)b->ninsns, .a = IR_NONE, .b = IR_NONE, .c = IR_NONE, .imm = imm};
    memcpy(last.s, s, 4);
    if (op == IR_BRANCH || op == IR_BRANCH_IF)
        last.imm += (uint64_t)(int64_t)b->offset;
    if (op == IR_AGAIN_IF) {
        last.op = IR_BRANCH_IF;
        last.d--;
        last.imm = (uint64_t)(int64_t)b->offset;
    }
    if (op == IR_END)
        last.imm = (uint64_t)(int64_t)b->next;
    if (last.op == IR_BRANCH_IF && args[0].known) {
        if (!args[0].k)
            return;
        last.op = IR_BRANCH;
    } else if (nargs) {
        last.a = (uint16_t)ir_place(b, args[0]);
        if (last.op == IR_BRANCH_IF)
            fuse_compare(b, &last);
    }
    b->last = last;
}

/* RETRY_IF: the queued writes are dropped by leaving before the commit. */
static void retry(struct ir_build *b, ir_val condition)
{
    unsigned cell = ir_place(b, condition);
    struct ir_op *o = ir_append(b, IR_BRANCH_IF, IR_i1);
    o->a = (uint16_t)cell;
    o->d = (uint16_t)(b->ninsns - 1);
    o->imm = (uint64_t)(int64_t)b->offset;
}

ir_val ir_emit(struct ir_build *b, unsigned op, unsigned ty, const uint8_t s[4], uint64_t imm, unsigned nargs, ir_val args[3])
{
    static const ir_val none = {.cell = IR_NONE};
    ir_val out;
    assert(nargs <= 3);
    if (b->ended) /* behind a trap: never runs */
        return (ir_val){.type = IR_i64, .cell = (uint16_t)b->zero};
    unify(op, &ir_sigs[op], ty, args, nargs);
    for (unsigned i = 0; op >= IR_VADD && i < nargs; i++) /* their integer operands have no type: all 64 bits count */
        args[i] = ir_whole(b, args[i]);
    switch (op) {
    case IR_BRANCH:
    case IR_BRANCH_IF:
    case IR_JUMP:
    case IR_END:
    case IR_AGAIN_IF: hold(b, op, s, imm, args, nargs); return none;
    case IR_RETRY_IF: retry(b, args[0]); return none;
    case IR_TRAP_IF:
        if ((args[0].known && !args[0].k) || ir_aligned(b, args[0]))
            return none;
        break;
    case IR_PC: imm += (uint64_t)(int64_t)b->offset; break;
    case IR_FXSET: b->compared.epoch = 0; break; /* a comparison made again would raise again */
    case IR_CLOCK: imm = b->ninsns - 1; break;   /* insns of the block before this one */
    }
    if ((ir_sigs[op].flags & IR_F_P) && (out = ir_simplify(b, op, ty, s, imm, args)).cell != IR_NONE)
        return out;
    if (op == IR_COND && (out = ir_compared(b, s[0], args[0])).cell != IR_NONE)
        return out;
    out = append_op(b, op, ty, s, imm, args, nargs);
    if (op == IR_TRAP)
        b->ended = true;
    return out;
}

ir_val ir_call(struct ir_build *b, unsigned helper, unsigned nargs, const ir_val *in)
{
    assert(helper < b->nhelpers && nargs == b->helpers[helper].args && nargs <= 6);
    const struct ir_helper *row = &b->helpers[helper];
    unsigned cells[6] = {0};
    for (unsigned i = 0; i < nargs; i++) {
        ir_val v = in[i].type == IR_none ? ir_k(IR_i64, in[i].k) : in[i];
        assert((v.type == IR_v128) == (row->vectors >> i & 1));
        cells[i] = ir_place(b, ir_whole(b, v));
    }
    unsigned d = row->result == IR_none ? IR_NONE : ir_temp(b, row->result);
    struct ir_op *o = ir_append(b, IR_CALL, row->result);
    o->d = (uint16_t)d;
    o->a = (uint16_t)cells[0];
    o->b = (uint16_t)cells[1];
    o->c = (uint16_t)cells[2];
    o->s[0] = (uint8_t)nargs;
    o->imm = (uint64_t)helper << 48 | cells[3] | (uint64_t)cells[4] << 16 | (uint64_t)cells[5] << 32;
    if (!row->pure) /* it may have written any register */
        ir_forget_known(b);
    b->pc_written |= row->writes_pc;
    return (ir_val){.type = row->result, .cell = (uint16_t)d};
}

void ir_end_key(struct ir_build *b)
{
    if (b->ended)
        return;
    struct ir_op *o = ir_append(b, IR_END, IR_none);
    o->s[0] = IR_key;
    o->d = (uint16_t)b->ninsns;
    o->imm = (uint64_t)(int64_t)b->next;
    b->ended = true;
}

struct ir_block *ir_finish(struct ir_build *b)
{
    if (b->tail.nops)
        ir_tail_drop(b);
    if (b->way.nops && !(b->ended && b->ops[b->nops - 1].op == IR_BRANCH && b->ops[b->nops - 1].imm == 0))
        ir_no_way_out(b);
    if (!b->ended) {
        struct ir_op *o = ir_append(b, IR_BRANCH, IR_none);
        o->d = (uint16_t)b->ninsns;
        o->imm = (uint64_t)(int64_t)b->next;
    }
    if (b->shifts > 1)
        ir_rotate(b->ops, b->nops);
    b->block = (struct ir_block){.nops = (uint16_t)b->nops, .ninsns = (uint16_t)b->ninsns, .ops = b->ops, .insns = b->insns};
    return &b->block;
}
