/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#pragma once
#include "user/process.h"

void user_stats_add(struct cpu_stats *sum, struct cpu *cpu);
void user_stats_forked(struct user *user, struct cpu *cpu); /* in the child, whose only thread it is */
