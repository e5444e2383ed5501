/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Loops of one block, several rounds long. */
#pragma once
#include "ir/ir.h"

/* A copy of the block that goes round its loop several times before it branches back, ready for the code generator and for finding the insn
 * of a trap; free() it. NULL: it is no short loop, or there is no memory. */
struct ir_block *jit_unroll(const struct ir_block *block, unsigned zero); /* zero: the cell behind the guest's */
