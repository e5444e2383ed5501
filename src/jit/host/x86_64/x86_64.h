/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the files of this host share. */
#pragma once
#include "jit/host/x86_64/abi.h"

/* The jump to the guest address in rax, through the jump cache; inline, so that each site is predicted by itself. */
void x86_probe(struct code_buf *c, const uint8_t *routines);
size_t x86_emit(const uint8_t *routines, struct jit_emit_request *request);

enum { COLD_MAX = 1024 };

struct cold { /* code behind the block's end that a rare branch goes to */
    enum { COLD_slow, COLD_exit, COLD_trap } kind;
    uint8_t *from, *back; /* displacement of the branch; where to go on */
    const struct ir_op *op;
    int result; /* slow: the register that the fast path leaves the result in, or -1 */
};

struct emit {
    struct code_buf c;
    const uint8_t *routines;
    struct jit_emit_request *request;
    const struct ir_block *ir;
    const struct routines *r;
    struct cold cold[COLD_MAX];
    unsigned ncold;
    uint8_t pin_of[256]; /* of low cells: 1 + index of the pin register, 0: not pinned */
    unsigned forwarded;  /* the temporary whose value is in rax only; IR_NONE */
    bool ready, lzcnt, popcnt;
};

/* operands.c */
int x86_pin(const struct emit *e, unsigned cell);                          /* the pinned register, or -1 */
enum x86_reg x86_get(struct emit *e, unsigned cell, enum x86_reg scratch); /* the register that holds it; loads into scratch if none does */
void x86_get_into(struct emit *e, unsigned cell, enum x86_reg d, bool wide);
void x86_alu_cell(struct emit *e, enum x86_alu op, bool wide, enum x86_reg d, unsigned cell);
enum x86_reg x86_result(const struct emit *e, const struct ir_op *op);   /* where to compute: the pinned register or rax */
void x86_finish(struct emit *e, const struct ir_op *op, enum x86_reg r); /* the result, in r, goes to its cell */
void x86_cold(struct emit *e, struct cold cold);

/* memory.c */
bool x86_lower_memory(struct emit *e, const struct ir_op *op); /* false: not one with a fast path */
/* integer.c */
bool x86_lower_integer(struct emit *e, const struct ir_op *op);
bool x86_is_native(const struct emit *e, const struct ir_op *op); /* lowered without C, and neither traps nor leaves */
