/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Rotations of guests without an insn for them. */
#pragma once
#include "ir/ir.h"

/* Where both parts of a rotated register are put together the op becomes a ROTR of it; who makes the parts stays, and may turn out to be
 * needed no more. */
void ir_rotate(struct ir_op *ops, unsigned nops);
