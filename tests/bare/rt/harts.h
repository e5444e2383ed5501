/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Several vCPUs in a bare program, whatever the guest: harts.c. The runtime of a guest brings the rest: its struct hart, hart_kick() and hart_present(). */
#pragma once
#include <stdbool.h>

bool harts_need(unsigned count); /* false: this case is skipped */
void hart_start(unsigned id, void (*work)(void *arg), void *arg);
void hart_join(unsigned id);
void hart_run_all(void (*work)(void *arg), unsigned count); /* arg: the hart's number; this one takes part */

bool hart_present(unsigned id); /* it can be started */
void hart_kick(unsigned id);    /* it has work: harts[id].work */
