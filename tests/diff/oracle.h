/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Executes cases by runner.c under QEMU's user mode, many in one process, beside this one. */
#pragma once
#include "base/err.h"
#include "case.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

struct oracle {
    const char *qemu, *cpu, *runner;
    FILE *cases, *results, *errors; /* unnamed files */
    pid_t pid;
};
int oracle_init(struct oracle *o, const char *qemu, const char *cpu, const char *runner, struct err *err) NODISCARD;
void oracle_fini(struct oracle *o);
int oracle_start(struct oracle *o, const struct case_input *cases, size_t n, struct err *err) NODISCARD;
/* Waits; afterwards the results are read one by one. Returns how it ended: 0, or what waitpid said. */
int oracle_wait(struct oracle *o);
const char *oracle_words(const struct oracle *o, char *text, size_t size); /* what it printed, on one line */
/* false: there are no more, the program stopped at this case. changed: room for CASE_WORDS. */
bool oracle_next(struct oracle *o, struct case_result *result, struct case_word *changed);
