/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Blocks as text, for dumps and tests, and the verifier. A line is an insn's mark or an op:
 *     @4:                                  the insn at offset 4 from the block's start
 *     ADD.i64 %5 = %3 # imm=0x10           cells are %N, # is the constant imm, s=1,2 the static arguments; what is 0 or absent is left out
 */
#pragma once
#include "ir/ir.h"
#include <stddef.h>
#include <stdio.h>

void ir_print(FILE *out, const struct ir_block *block);
/* free() the block. line: where the text is wrong. NULL then, or without memory (*line = 0). */
struct ir_block *ir_parse(const char *text, unsigned *line);

/* Does every op fit its signature, every cell the frame, does control leave at the end and nowhere else? On false, *op is the one. */
bool ir_verify(const struct ir_block *block, unsigned guest_cells, unsigned nhelpers, unsigned *op, const char **why);
