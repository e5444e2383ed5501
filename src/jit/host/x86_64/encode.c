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

void x86_u32(struct code_buf *c, uint32_t v)
{
    if (c->end - c->at < 4) {
        c->full = true;
        return;
    }
    le32_put(c->at, v);
    c->at += 4;
}

static void opcode(struct code_buf *c, unsigned op)
{
    if (op > 0xffff)
        x86_byte(c, op >> 16);
    if (op > 0xff)
        x86_byte(c, op >> 8 & 0xff);
    x86_byte(c, op & 0xff);
}

static void rex(struct code_buf *c, bool wide, unsigned reg, unsigned index, unsigned base, bool force)
{
    unsigned byte = 0x40 | (unsigned)wide << 3 | (reg >> 3 & 1) << 2 | (index >> 3 & 1) << 1 | (base >> 3 & 1);
    if (byte != 0x40 || force)
        x86_byte(c, byte);
}

void x86_prr(struct code_buf *c, unsigned prefix, unsigned op, bool wide, unsigned reg, enum x86_reg rm)
{
    if (prefix)
        x86_byte(c, prefix);
    rex(c, wide, reg, 0, rm, false);
    opcode(c, op);
    x86_byte(c, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

void x86_rr(struct code_buf *c, unsigned op, bool wide, unsigned reg, enum x86_reg rm) { x86_prr(c, 0, op, wide, reg, rm); }

/* ModRM, SIB and displacement; rsp and r12 as base need a SIB, rbp and r13 a displacement. */
static void memory(struct code_buf *c, unsigned reg, struct x86_mem m)
{
    bool sib = m.index != NO_REG || (m.base & 7) == RSP;
    unsigned mod = m.disp == 0 && (m.base & 7) != RBP ? 0 : m.disp == (int8_t)m.disp ? 1 : 2;
    x86_byte(c, mod << 6 | (reg & 7) << 3 | (sib ? 4u : m.base & 7u));
    if (sib) {
        unsigned scale = m.scale == 8 ? 3 : m.scale == 4 ? 2 : m.scale == 2 ? 1 : 0;
        x86_byte(c, scale << 6 | (m.index == NO_REG ? 4u : m.index & 7u) << 3 | (m.base & 7u));
    }
    if (mod == 1)
        x86_byte(c, (uint8_t)m.disp);
    else if (mod == 2)
        x86_u32(c, (uint32_t)m.disp);
}

void x86_prm(struct code_buf *c, unsigned prefix, unsigned op, bool wide, unsigned reg, struct x86_mem m, bool byte)
{
    if (prefix)
        x86_byte(c, prefix);
    rex(c, wide, reg, m.index == NO_REG ? 0 : m.index, m.base, byte && reg >= RSP);
    opcode(c, op);
    memory(c, reg, m);
}

void x86_rm(struct code_buf *c, unsigned op, bool wide, unsigned reg, struct x86_mem m) { x86_prm(c, 0, op, wide, reg, m, false); }

/* Prefixes, map and opcode: two bytes and the opcode where they can say it. base: the rm register or the base of memory. */
static void vex(struct code_buf *c, unsigned prefix, unsigned op, bool wide, unsigned reg, unsigned second, unsigned index, unsigned base)
{
    unsigned map = op <= 0xffff ? 1 : (op >> 8 & 0xff) == 0x38 ? 2 : 3, pp = prefix == 0x66 ? 1 : prefix == 0xf3 ? 2 : prefix ? 3 : 0;
    unsigned last = (~second & 15) << 3 | pp;
    if (map == 1 && !wide && !(index & 8) && !(base & 8)) {
        x86_byte(c, 0xc5);
        x86_byte(c, (~reg >> 3 & 1) << 7 | last);
    } else {
        x86_byte(c, 0xc4);
        x86_byte(c, (~reg >> 3 & 1) << 7 | (~index >> 3 & 1) << 6 | (~base >> 3 & 1) << 5 | map);
        x86_byte(c, (unsigned)wide << 7 | last);
    }
    x86_byte(c, op & 0xff);
}

void x86_vrr(struct code_buf *c, unsigned prefix, unsigned op, bool wide, unsigned reg, unsigned second, unsigned rm)
{
    vex(c, prefix, op, wide, reg, second, 0, rm);
    x86_byte(c, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

void x86_vrm(struct code_buf *c, unsigned prefix, unsigned op, bool wide, unsigned reg, unsigned second, struct x86_mem m)
{
    vex(c, prefix, op, wide, reg, second, m.index == NO_REG ? 0 : m.index, m.base);
    memory(c, reg, m);
}

void x86_mov(struct code_buf *c, enum x86_reg d, enum x86_reg s)
{
    if (d != s)
        x86_rr(c, 0x8b, true, d, s);
}

void x86_mov32(struct code_buf *c, enum x86_reg d, enum x86_reg s) { x86_rr(c, 0x8b, false, d, s); }

void x86_imm(struct code_buf *c, enum x86_reg d, uint64_t v)
{
    if (v == (uint32_t)v) {
        rex(c, false, 0, 0, d, false);
        x86_byte(c, 0xb8 | (d & 7));
        x86_u32(c, (uint32_t)v);
    } else if (fits32((int64_t)v)) {
        x86_rr(c, 0xc7, true, 0, d);
        x86_u32(c, (uint32_t)v);
    } else {
        rex(c, true, 0, 0, d, false);
        x86_byte(c, 0xb8 | (d & 7));
        x86_u32(c, (uint32_t)v);
        x86_u32(c, (uint32_t)(v >> 32));
    }
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

static void immediate(struct code_buf *c, int32_t v)
{
    if (v == (int8_t)v)
        x86_byte(c, (uint8_t)v);
    else
        x86_u32(c, (uint32_t)v);
}

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
    rex(c, wide, 0, 0, d, false);
    x86_byte(c, 0x0f);
    x86_byte(c, 0xc8 | (d & 7));
}

void x86_setcc(struct code_buf *c, enum x86_cc cc, enum x86_reg d)
{
    rex(c, false, 0, 0, d, d >= RSP);
    x86_byte(c, 0x0f);
    x86_byte(c, 0x90 | cc);
    x86_byte(c, 0xc0 | (d & 7));
}

uint8_t *x86_jcc(struct code_buf *c, enum x86_cc cc)
{
    x86_byte(c, 0x0f);
    x86_byte(c, 0x80 | cc);
    x86_u32(c, 0);
    return c->at - 4;
}

uint8_t *x86_jmp(struct code_buf *c)
{
    x86_byte(c, 0xe9);
    x86_u32(c, 0);
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
    if (prefix)
        x86_byte(c, prefix);
    rex(c, wide, reg, 0, 0, false);
    opcode(c, op);
    x86_byte(c, (reg & 7) << 3 | 5);
    relative(c, exec_target);
}

void x86_vrip(struct code_buf *c, unsigned prefix, unsigned op, bool wide, unsigned reg, unsigned second, const uint8_t *exec_target)
{
    vex(c, prefix, op, wide, reg, second, 0, 0);
    x86_byte(c, (reg & 7) << 3 | 5);
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
    rex(c, false, 0, 0, r, false);
    x86_byte(c, 0x50 | (r & 7));
}

void x86_pop(struct code_buf *c, enum x86_reg r)
{
    rex(c, false, 0, 0, r, false);
    x86_byte(c, 0x58 | (r & 7));
}

void x86_ret(struct code_buf *c) { x86_byte(c, 0xc3); }
