/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Executes cases on this project's own engine: one vCPU in user mode without paging, with RAM where case.h has its areas. */
#pragma once
#include "accel/accel.h"
#include "case.h"
#include <stdbool.h>

struct engine;
int engine_new(struct engine **out, enum accel_mode mode, struct err *err) NODISCARD; /* every block is compiled, if it can */
void engine_free(struct engine *e);
const struct cpu *engine_cpu(const struct engine *e);
/* single: one instruction at a time instead of by blocks. changed: room for CASE_WORDS. */
void engine_run(struct engine *e, const struct case_input *c, bool single, struct case_result *result, struct case_word *changed);
