/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Says whether two results are the same, and shows a case whose results are not. */
#pragma once
#include "case.h"
#include <stdbool.h>

struct outcome {
    struct case_result result;
    struct case_word changed[CASE_WORDS];
};

bool outcome_equal(const struct outcome *ours, const struct outcome *theirs);
/* Is this difference one that the oracle is known for? */
bool outcome_known(const struct case_input *c, const struct outcome *ours, const struct outcome *theirs);
void report_case(const struct case_input *c, const struct outcome *ours, const struct outcome *theirs);
