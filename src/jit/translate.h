/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Lifts a block from guest memory to IR, by the guest's decoder and the builder. */
#pragma once
#include "guest/guest.h"
#include "ir/build.h"
#include "jit/cache.h"

/*
 * room: bytes from `at` that may be used, within its page.
 * The block of at most max_insns insns at physical address `at` (its virtual address has the same page offset). second: the physical page behind the block's page,
 * asked for only when the first insn straddles; it returns UINT64_MAX if that page cannot be fetched (the trap is its caller's affair).
 * *second_page is that page, or `at` if it was not needed. The block is the builder's (ir_finish). source: filled, but for an insn on two pages. NULL: no second page.
 */
struct ir_block *jit_translate(struct ir_build *b, struct cpu *cpu, gpa at, unsigned room, uint64_t key, unsigned max_insns,
                               gpa (*second)(struct cpu *cpu), gpa *second_page, struct jit_source *source);
