/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From words of memory to instructions: struct guest's lift and print for arm64, over what isagen makes from the .isa files. */
#pragma once
#include "guest/guest.h"

unsigned arm64_lift_insn(struct ir_build *b, const struct cpu *cpu, uint64_t *key, int offset, uint32_t word, unsigned have);
unsigned arm64_print_insn(const struct cpu *cpu, uint32_t word, gva pc, struct guest_text *out);
