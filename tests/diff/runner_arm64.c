/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Cases set the thread pointer, which C needs, and find 0 there. */
#include "runner.h"
#include <string.h>

const uint32_t case_stop = 0xd4200000; /* brk #0 */
uint64_t thread_pointer;

static struct fpsimd_context *float_frame(const ucontext_t *u)
{
    for (unsigned char *at = (unsigned char *)u->uc_mcontext.__reserved;; at += ((struct _aarch64_ctx *)at)->size)
        if (((struct _aarch64_ctx *)at)->magic == FPSIMD_MAGIC)
            return (struct fpsimd_context *)at;
}

void frame_put(ucontext_t *u, const struct case_state *s)
{
    struct fpsimd_context *f = float_frame(u);
    u->uc_mcontext.pc = s->pc;
    memcpy(u->uc_mcontext.regs, s->x, 31 * 8);
    u->uc_mcontext.sp = s->x[31];
    u->uc_mcontext.pstate = (u->uc_mcontext.pstate & ~0xf0000000ul) | s->status[0];
    f->fpcr = (uint32_t)s->status[1];
    f->fpsr = (uint32_t)s->status[2];
    memcpy(f->vregs, s->f, sizeof s->f);
}

void frame_get(const ucontext_t *u, struct case_state *s)
{
    const struct fpsimd_context *f = float_frame(u);
    s->pc = u->uc_mcontext.pc;
    memcpy(s->x, u->uc_mcontext.regs, 31 * 8);
    s->x[31] = u->uc_mcontext.sp;
    s->status[0] = u->uc_mcontext.pstate & 0xf0000000;
    s->status[1] = f->fpcr;
    s->status[2] = f->fpsr;
    memcpy(s->f, f->vregs, sizeof s->f);
}

void case_begins(void) { __asm__ volatile("clrex\n\tdsb sy\n\tisb" ::: "memory"); }
void remember_thread(void) { __asm__("mrs %0, tpidr_el0" : "=r"(thread_pointer)); }

__asm__(".globl enter\n"
        "enter: stp x29, x30, [sp, -16]!\n"
        "adrp x9, thread_pointer\n"
        "ldr x9, [x9, :lo12:thread_pointer]\n"
        "msr tpidr_el0, x9\n"
        "bl handler\n"
        "msr tpidr_el0, xzr\n"
        "ldp x29, x30, [sp], 16\n"
        "ret\n");
