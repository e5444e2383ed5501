/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Cases set gp and tp, which C needs. The frame keeps those of the case. */
#include "runner.h"
#include <string.h>

const uint32_t case_stop = 0x90029002; /* c.ebreak */
static uint64_t reservation;
uint64_t thread_pointer;

void frame_put(ucontext_t *u, const struct case_state *s)
{
    uint64_t *gregs = (uint64_t *)u->uc_mcontext.__gregs;
    gregs[0] = s->pc;
    memcpy(&gregs[1], &s->x[1], 31 * 8);
    memcpy(u->uc_mcontext.__fpregs.__d.__f, s->f, 32 * 8);
    u->uc_mcontext.__fpregs.__d.__fcsr = (unsigned)s->status[0];
}

void frame_get(const ucontext_t *u, struct case_state *s)
{
    const uint64_t *gregs = (const uint64_t *)u->uc_mcontext.__gregs;
    s->pc = gregs[0];
    memcpy(&s->x[1], &gregs[1], 31 * 8);
    memcpy(s->f, u->uc_mcontext.__fpregs.__d.__f, 32 * 8);
    s->status[0] = u->uc_mcontext.__fpregs.__d.__fcsr;
}

void case_begins(void) { __asm__ volatile("sc.d zero, zero, (%0)\n\tfence.i" ::"r"(&reservation) : "memory"); }
void remember_thread(void) { __asm__("mv %0, tp" : "=r"(thread_pointer)); }

__asm__(".option push\n.option norelax\n"
        ".globl enter\n"
        "enter: la gp, __global_pointer$\n"
        "la t0, thread_pointer\n"
        "ld tp, 0(t0)\n"
        "tail handler\n"
        ".option pop\n");
