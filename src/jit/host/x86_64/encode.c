/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Bytes of x86-64 instructions (Intel SDM volume 2, chapter 2); choices are made in ops.c. */
#include "jit/host/x86_64/encode.h"
#include "base/bits.h"

void x86_byte(struct code_buf *c, unsigned byte)
{
    if (c->at < c->end)
        *c->at++ = (uint8_t)byte;
    else
        c->full = true;
}

/* n bytes, 8 at most. Mostly they are written with others behind them, which the next instruction takes the place of. */
static void put(struct code_buf *c, uint64_t bytes, unsigned n)
{
    if (__builtin_expect(c->end - c->at >= 8, 1)) {
        le64_put(c->at, bytes);
        c->at += n;
        return;
    }
    for (; n; n--, bytes >>= 8)
        x86_byte(c, bytes & 0xff);
}

void x86_u32(struct code_buf *c, uint32_t v)
{
    if (c->end - c->at < 4) {
        c->full = true;
        return;
    }
    le32_put(c->at, v);
    c->at += 4;
}

/* The bytes of an instruction up to its ModRM byte. Put together without branches, since nobody guesses those. */
struct head {
    uint64_t bytes;
    unsigned n;
};

static void add(struct head *h, unsigned byte, bool there)
{
    h->bytes |= (uint64_t)(there ? byte : 0) << 8 * h->n;
    h->n += there;
}

static void rex(struct head *h, bool wide, unsigned reg, unsigned index, unsigned base, bool force)
{
    unsigned byte = 0x40 | (unsigned)wide << 3 | (reg >> 3 & 1) << 2 | (index >> 3 & 1) << 1 | (base >> 3 & 1);
    add(h, byte, (byte != 0x40) | force);
}

static void opcode(struct head *h, unsigned op)
{
    add(h, op >> 16, op > 0xffff);
    add(h, op >> 8 & 0xff, op > 0xff);
    add(h, op & 0xff, true);
}

void x86_prr(struct code_buf *c, unsigned prefix, unsigned op, bool wide, unsigned reg, enum x86_reg rm)
{
    struct head h = {0};
    add(&h, prefix, prefix);
    rex(&h, wide, reg, 0, rm, false);
    opcode(&h, op);
    add(&h, 0xc0 | (reg & 7) << 3 | (rm & 7), true);
    put(c, h.bytes, h.n);
}

void x86_rr(struct code_buf *c, unsigned op, bool wide, unsigned reg, enum x86_reg rm) { x86_prr(c, 0, op, wide, reg, rm); }

/* ModRM, SIB and displacement; rsp and r12 as base need a SIB, rbp and r13 a displacement. */
static void memory(struct code_buf *c, struct head *h, unsigned reg, struct x86_mem m)
{
    static const uint8_t scales[] = {[1] = 0, [2] = 1, [4] = 2, [8] = 3}, sizes[] = {0, 1, 4};
    bool sib = (m.index != NO_REG) | ((m.base & 7) == RSP);
    unsigned mod = (m.disp != 0) | ((m.base & 7) == RBP), index = m.index == NO_REG ? 4u : m.index & 7u;
    mod <<= m.disp != (int8_t)m.disp;
    add(h, mod << 6 | (reg & 7) << 3 | (sib ? 4u : m.base & 7u), true);
    add(h, (unsigned)scales[m.scale] << 6 | index << 3 | (m.base & 7u), sib);
    put(c, h->bytes, h->n);
    put(c, (uint32_t)m.disp, sizes[mod]);
}

void x86_prm(struct code_buf *c, unsigned prefix, unsigned op, bool wide, unsigned reg, struct x86_mem m, bool byte)
{
    struct head h = {0};
    add(&h, prefix, prefix);
    rex(&h, wide, reg, m.index == NO_REG ? 0 : m.index, m.base, byte & (reg >= RSP));
    opcode(&h, op);
    memory(c, &h, reg, m);
}

void x86_rm(struct code_buf *c, unsigned op, bool wide, unsigned reg, struct x86_mem m) { x86_prm(c, 0, op, wide, reg, m, false); }

/* Prefixes, map and opcode: two bytes and the opcode where they can say it. base: the rm register or the base of memory. */
static void vex(struct head *h, unsigned prefix, unsigned op, bool wide, unsigned reg, unsigned second, unsigned index, unsigned base)
{
    unsigned map = op <= 0xffff ? 1 : (op >> 8 & 0xff) == 0x38 ? 2 : 3, pp = prefix == 0x66 ? 1 : prefix == 0xf3 ? 2 : prefix ? 3 : 0;
    unsigned last = (~second & 15) << 3 | pp;
    if (map == 1 && !wide && !(index & 8) && !(base & 8)) {
        add(h, 0xc5, true);
        add(h, (~reg >> 3 & 1) << 7 | last, true);
    } else {
        add(h, 0xc4, true);
        add(h, (~reg >> 3 & 1) << 7 | (~index >> 3 & 1) << 6 | (~base >> 3 & 1) << 5 | map, true);
        add(h, (unsigned)wide << 7 | last, true);
    }
    add(h, op & 0xff, true);
}

void x86_vrr(struct code_buf *c, unsigned prefix, unsigned op, bool wide, unsigned reg, unsigned second, unsigned rm)
{
    struct head h = {0};
    vex(&h, prefix, op, wide, reg, second, 0, rm);
    add(&h, 0xc0 | (reg & 7) << 3 | (rm & 7), true);
    put(c, h.bytes, h.n);
}

void x86_vrm(struct code_buf *c, unsigned prefix, unsigned op, bool wide, unsigned reg, unsigned second, struct x86_mem m)
{
    struct head h = {0};
    vex(&h, prefix, op, wide, reg, second, m.index == NO_REG ? 0 : m.index, m.base);
    memory(c, &h, reg, m);
}

void x86_mov(struct code_buf *c, enum x86_reg d, enum x86_reg s)
{
    if (d != s)
        x86_rr(c, 0x8b, true, d, s);
}

void x86_mov32(struct code_buf *c, enum x86_reg d, enum x86_reg s) { x86_rr(c, 0x8b, false, d, s); }

void x86_imm(struct code_buf *c, enum x86_reg d, uint64_t v)
{
    struct head h = {0};
    bool narrow = v == (uint32_t)v;
    if (!narrow && fits32((int64_t)v)) {
        x86_rr(c, 0xc7, true, 0, d);
        x86_u32(c, (uint32_t)v);
        return;
    }
    rex(&h, !narrow, 0, 0, d, false);
    add(&h, 0xb8 | (d & 7), true);
    put(c, h.bytes, h.n);
    put(c, v, narrow ? 4 : 8);
}

void x86_load(struct code_buf *c, enum x86_reg d, struct x86_mem m) { x86_rm(c, 0x8b, true, d, m); }
void x86_store(struct code_buf *c, struct x86_mem m, enum x86_reg s) { x86_rm(c, 0x89, true, s, m); }
void x86_lea(struct code_buf *c, enum x86_reg d, struct x86_mem m) { x86_rm(c, 0x8d, true, d, m); }

void x86_alu_rr(struct code_buf *c, enum x86_alu op, bool wide, enum x86_reg d, enum x86_reg s)
{
    x86_rr(c, (unsigned)op << 3 | 3, wide, d, s);
}

void x86_alu_rm(struct code_buf *c, enum x86_alu op, bool wide, enum x86_reg d, struct x86_mem m)
{
    x86_rm(c, (unsigned)op << 3 | 3, wide, d, m);
}

static void immediate(struct code_buf *c, int32_t v) { put(c, (uint32_t)v, v == (int8_t)v ? 1 : 4); }

void x86_alu_ri(struct code_buf *c, enum x86_alu op, bool wide, enum x86_reg d, int32_t v)
{
    x86_rr(c, v == (int8_t)v ? 0x83 : 0x81, wide, op, d);
    immediate(c, v);
}

void x86_alu_mi(struct code_buf *c, enum x86_alu op, bool wide, struct x86_mem m, int32_t v)
{
    x86_rm(c, v == (int8_t)v ? 0x83 : 0x81, wide, op, m);
    immediate(c, v);
}

void x86_shift(struct code_buf *c, enum x86_shift op, bool wide, enum x86_reg d, unsigned count)
{
    x86_rr(c, 0xc1, wide, op, d);
    x86_byte(c, count);
}

void x86_rorx(struct code_buf *c, enum x86_reg d, enum x86_reg s, unsigned count)
{
    x86_byte(c, 0xc4);
    x86_byte(c, (~(unsigned)d >> 3 & 1) << 7 | 1 << 6 | (~(unsigned)s >> 3 & 1) << 5 | 3);
    x86_byte(c, 0xfb);
    x86_byte(c, 0xf0);
    x86_byte(c, 0xc0 | (d & 7u) << 3 | (s & 7u));
    x86_byte(c, count);
}

void x86_shift_cl(struct code_buf *c, enum x86_shift op, bool wide, enum x86_reg d) { x86_rr(c, 0xd3, wide, op, d); }

void x86_bswap(struct code_buf *c, bool wide, enum x86_reg d)
{
    struct head h = {0};
    rex(&h, wide, 0, 0, d, false);
    add(&h, 0x0f, true);
    add(&h, 0xc8 | (d & 7), true);
    put(c, h.bytes, h.n);
}

void x86_setcc(struct code_buf *c, enum x86_cc cc, enum x86_reg d)
{
    struct head h = {0};
    rex(&h, false, 0, 0, d, d >= RSP);
    opcode(&h, 0x0f90u | cc);
    add(&h, 0xc0 | (d & 7), true);
    put(c, h.bytes, h.n);
}

uint8_t *x86_jcc(struct code_buf *c, enum x86_cc cc)
{
    put(c, 0x0f | (0x80u | cc) << 8, 6);
    return c->at - 4;
}

uint8_t *x86_jmp(struct code_buf *c)
{
    put(c, 0xe9, 5);
    return c->at - 4;
}

uint8_t *x86_jmp_patchable(struct code_buf *c)
{
    static const uint8_t nops[4][3] = {{0}, {0x90}, {0x66, 0x90}, {0x0f, 0x1f, 0x00}}; /* of 1, 2, 3 bytes */
    unsigned pad = (unsigned)(3 - (uintptr_t)c->at) & 3; /* the opcode is one byte, then an address that is a multiple of 4 */
    for (unsigned i = 0; i < pad; i++)
        x86_byte(c, nops[pad][i]);
    return x86_jmp(c);
}

void x86_target(struct code_buf *c, uint8_t *site, const uint8_t *to)
{
    if (!c->full)
        le32_put(site, (uint32_t)(to - (site + 4)));
}

static void relative(struct code_buf *c, const uint8_t *exec_target)
{
    const uint8_t *next = c->exec + (c->at - c->start) + 4;
    x86_u32(c, (uint32_t)(exec_target - next));
}

void x86_prip(struct code_buf *c, unsigned prefix, unsigned op, bool wide, unsigned reg, const uint8_t *exec_target)
{
    struct head h = {0};
    add(&h, prefix, prefix);
    rex(&h, wide, reg, 0, 0, false);
    opcode(&h, op);
    add(&h, (reg & 7) << 3 | 5, true);
    put(c, h.bytes, h.n);
    relative(c, exec_target);
}

void x86_vrip(struct code_buf *c, unsigned prefix, unsigned op, bool wide, unsigned reg, unsigned second, const uint8_t *exec_target)
{
    struct head h = {0};
    vex(&h, prefix, op, wide, reg, second, 0, 0);
    add(&h, (reg & 7) << 3 | 5, true);
    put(c, h.bytes, h.n);
    relative(c, exec_target);
}

void x86_jmp_exec(struct code_buf *c, const uint8_t *exec_target)
{
    x86_byte(c, 0xe9);
    relative(c, exec_target);
}

void x86_jcc_exec(struct code_buf *c, enum x86_cc cc, const uint8_t *exec_target)
{
    x86_byte(c, 0x0f);
    x86_byte(c, 0x80 | cc);
    relative(c, exec_target);
}

void x86_call_exec(struct code_buf *c, const uint8_t *exec_target)
{
    x86_byte(c, 0xe8);
    relative(c, exec_target);
}

void x86_jmp_m(struct code_buf *c, struct x86_mem m) { x86_rm(c, 0xff, false, 4, m); }

void x86_push(struct code_buf *c, enum x86_reg r)
{
    struct head h = {0};
    rex(&h, false, 0, 0, r, false);
    add(&h, 0x50 | (r & 7), true);
    put(c, h.bytes, h.n);
}

void x86_pop(struct code_buf *c, enum x86_reg r)
{
    struct head h = {0};
    rex(&h, false, 0, 0, r, false);
    add(&h, 0x58 | (r & 7), true);
    put(c, h.bytes, h.n);
}

void x86_ret(struct code_buf *c) { x86_byte(c, 0xc3); }
