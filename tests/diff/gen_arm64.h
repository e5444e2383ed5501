/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#pragma once
#include "gen.h"

/* Sets the base register so that the access is at this address. */
bool gen_arm64_base(struct random *r, unsigned base, const struct gen_insn *insn, uint64_t at, struct case_state *s);
