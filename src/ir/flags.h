/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Condition flags as a value: N = bit 15, Z = bit 14, C = bit 8, V = bit 0, the others 0. It is how x86 hosts move theirs with LAHF and SETO;
 * FLPACK and FLBITS turn it from and into the nibble NZCV.
 */
#pragma once
#include "ir/ir.h"

enum { FL_V = 1 << 0, FL_C = 1 << 8, FL_Z = 1 << 14, FL_N = 1 << 15 };

static inline bool ir_flags_op(unsigned op) { return op >= IR_FLADD && op <= IR_FLBITS; }

/* What the op makes of its operands; s: its static; type: of a and b. */
uint64_t ir_flags(unsigned op, unsigned s, unsigned type, uint64_t a, uint64_t b, uint64_t carry);
bool ir_condition(unsigned cond, uint64_t flags); /* IR_COND_* */
