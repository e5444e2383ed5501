/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86-64 instructions as bytes. The buffer remembers that it overflowed; whoever emits checks once at the end. Memory operands are
 * [rbp + displacement] (the vCPU's state) or [base + index * scale + displacement].
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum x86_reg { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, NO_REG };

enum x86_cc { CC_O, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_S, CC_NS, CC_P, CC_NP, CC_L, CC_GE, CC_LE, CC_G };

/* The eight classic operations, by the /digit of their immediate form. */
enum x86_alu { ALU_add, ALU_or, ALU_adc, ALU_sbb, ALU_and, ALU_sub, ALU_xor, ALU_cmp };
enum x86_shift { SH_rol, SH_ror, SH_shl = 4, SH_shr, SH_sar = 7 };

struct x86_mem {
    enum x86_reg base, index; /* NO_REG: none */
    uint8_t scale;            /* 1 2 4 8 */
    int32_t disp;
};

struct code_buf {
    uint8_t *start, *at, *end;
    const uint8_t *exec; /* where start will run */
    bool full;
};

void x86_byte(struct code_buf *c, unsigned byte);
void x86_u32(struct code_buf *c, uint32_t v);

/* op: opcode, 0x0fXX for two-byte ones; reg: register or /digit; wide: 64 bits. */
void x86_rr(struct code_buf *c, unsigned op, bool wide, unsigned reg, enum x86_reg rm);
void x86_rm(struct code_buf *c, unsigned op, bool wide, unsigned reg, struct x86_mem m);
/* The same with a mandatory prefix (66 f2 f3), or with a byte register in reg (setcc, 8-bit stores). */
void x86_prr(struct code_buf *c, unsigned prefix, unsigned op, bool wide, unsigned reg, enum x86_reg rm);
void x86_prm(struct code_buf *c, unsigned prefix, unsigned op, bool wide, unsigned reg, struct x86_mem m, bool byte);

/* With a memory operand at a fixed address near the code; nothing may follow (no immediate). */
void x86_prip(struct code_buf *c, unsigned prefix, unsigned op, bool wide, unsigned reg, const uint8_t *exec_target);
/* The VEX form, 128 bits: reg = f(second, rm), of what prefix and opcode are without it. */
void x86_vrr(struct code_buf *c, unsigned prefix, unsigned op, bool wide, unsigned reg, unsigned second, unsigned rm);
void x86_vrm(struct code_buf *c, unsigned prefix, unsigned op, bool wide, unsigned reg, unsigned second, struct x86_mem m);
void x86_vrip(struct code_buf *c, unsigned prefix, unsigned op, bool wide, unsigned reg, unsigned second, const uint8_t *exec_target);

void x86_mov(struct code_buf *c, enum x86_reg d, enum x86_reg s);   /* 64 bits; nothing if equal */
void x86_mov32(struct code_buf *c, enum x86_reg d, enum x86_reg s); /* zero-extends, also if equal */
void x86_imm(struct code_buf *c, enum x86_reg d, uint64_t v);       /* shortest form; leaves the flags */
void x86_load(struct code_buf *c, enum x86_reg d, struct x86_mem m);
void x86_store(struct code_buf *c, struct x86_mem m, enum x86_reg s);
void x86_lea(struct code_buf *c, enum x86_reg d, struct x86_mem m);
void x86_alu_rr(struct code_buf *c, enum x86_alu op, bool wide, enum x86_reg d, enum x86_reg s);
void x86_alu_rm(struct code_buf *c, enum x86_alu op, bool wide, enum x86_reg d, struct x86_mem m);
void x86_alu_ri(struct code_buf *c, enum x86_alu op, bool wide, enum x86_reg d, int32_t v);
void x86_alu_mi(struct code_buf *c, enum x86_alu op, bool wide, struct x86_mem m, int32_t v);
void x86_shift(struct code_buf *c, enum x86_shift op, bool wide, enum x86_reg d, unsigned count);
void x86_rorx(struct code_buf *c, enum x86_reg d, enum x86_reg s, unsigned count); /* 64 bits; BMI2 */
void x86_shift_cl(struct code_buf *c, enum x86_shift op, bool wide, enum x86_reg d);
void x86_bswap(struct code_buf *c, bool wide, enum x86_reg d);
void x86_setcc(struct code_buf *c, enum x86_cc cc, enum x86_reg d); /* the low byte */
/* Both return the place of the displacement, to be set by x86_target. */
uint8_t *x86_jcc(struct code_buf *c, enum x86_cc cc);
uint8_t *x86_jmp(struct code_buf *c);
/* Aligned so that the displacement can be patched by one store. */
uint8_t *x86_jmp_patchable(struct code_buf *c);
void x86_target(struct code_buf *c, uint8_t *site, const uint8_t *to); /* `to` in the buffer; ignored once full */
void x86_jmp_exec(struct code_buf *c, const uint8_t *exec_target);
void x86_jcc_exec(struct code_buf *c, enum x86_cc cc, const uint8_t *exec_target);
void x86_call_exec(struct code_buf *c, const uint8_t *exec_target);
void x86_jmp_m(struct code_buf *c, struct x86_mem m);
void x86_push(struct code_buf *c, enum x86_reg r);
void x86_pop(struct code_buf *c, enum x86_reg r);
void x86_ret(struct code_buf *c);
static inline bool fits32(int64_t v) { return v == (int32_t)v; }
