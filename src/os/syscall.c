/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * System calls that a signal cannot miss: between the look at *events and the kernel there are only the instructions from os_wait_begin to
 * os_wait_end. A handler that interrupts them moves the thread to os_wait_untried.
 */
#include "os/syscall.h"
#include "os/context.h"
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int64_t os_syscall(long number, const uint64_t a[6])
{
    long r = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    return r == -1 ? -errno : r;
}

int64_t os_wait_call(const _Atomic uint32_t *events, uint32_t mask, long number, const uint64_t args[6]);
extern const char os_wait_begin[], os_wait_end[], os_wait_untried[];

#define HIDDEN_LABELS ".hidden os_wait_call, os_wait_begin, os_wait_end, os_wait_untried\n"

#if defined(__x86_64__)
__asm__(".text\n.globl os_wait_call, os_wait_begin, os_wait_end, os_wait_untried\n" HIDDEN_LABELS ".type os_wait_call, @function\n"
        "os_wait_call:\n"
        " push %rbx\n push %r12\n"
        " mov %rdi, %rbx\n mov %esi, %r12d\n mov %rdx, %rax\n mov %rcx, %r11\n"
        " mov 0(%r11), %rdi\n mov 8(%r11), %rsi\n mov 16(%r11), %rdx\n mov 24(%r11), %r10\n mov 32(%r11), %r8\n mov 40(%r11), %r9\n"
        "os_wait_begin:\n"
        " test %r12d, (%rbx)\n jnz os_wait_untried\n"
        " syscall\n"
        "os_wait_end:\n"
        " pop %r12\n pop %rbx\n ret\n"
        "os_wait_untried:\n"
        " mov $-512, %rax\n pop %r12\n pop %rbx\n ret\n"
        ".size os_wait_call, . - os_wait_call\n");
#elif defined(__aarch64__)
__asm__(".text\n.globl os_wait_call, os_wait_begin, os_wait_end, os_wait_untried\n" HIDDEN_LABELS ".type os_wait_call, %function\n"
        "os_wait_call:\n"
        " mov x9, x0\n mov w10, w1\n mov x8, x2\n mov x11, x3\n"
        " ldp x0, x1, [x11]\n ldp x2, x3, [x11, #16]\n ldp x4, x5, [x11, #32]\n"
        "os_wait_begin:\n"
        " ldr w12, [x9]\n tst w12, w10\n b.ne os_wait_untried\n"
        " svc #0\n"
        "os_wait_end:\n"
        " ret\n"
        "os_wait_untried:\n"
        " mov x0, #-512\n ret\n"
        ".size os_wait_call, . - os_wait_call\n");
#elif defined(__riscv)
__asm__(".text\n.globl os_wait_call, os_wait_begin, os_wait_end, os_wait_untried\n" HIDDEN_LABELS ".type os_wait_call, @function\n"
        "os_wait_call:\n"
        " mv t0, a0\n mv t1, a1\n mv a7, a2\n mv t2, a3\n"
        " ld a0, 0(t2)\n ld a1, 8(t2)\n ld a2, 16(t2)\n ld a3, 24(t2)\n ld a4, 32(t2)\n ld a5, 40(t2)\n"
        "os_wait_begin:\n"
        " lw t3, 0(t0)\n and t3, t3, t1\n bnez t3, os_wait_untried\n"
        " ecall\n"
        "os_wait_end:\n"
        " ret\n"
        "os_wait_untried:\n"
        " li a0, -512\n ret\n"
        ".size os_wait_call, . - os_wait_call\n");
#endif

int64_t os_syscall_wait(long number, const uint64_t args[6], const _Atomic uint32_t *events, uint32_t mask)
{
    return os_wait_call(events, mask, number, args);
}

void os_syscall_interrupt(void *context)
{
    ucontext_t *uc = context;
    uintptr_t pc = (uintptr_t)CONTEXT_PC(uc), to = (uintptr_t)os_wait_untried;
    if (pc >= (uintptr_t)os_wait_begin && pc < (uintptr_t)os_wait_end)
        memcpy(&CONTEXT_PC(uc), &to, sizeof to);
}
