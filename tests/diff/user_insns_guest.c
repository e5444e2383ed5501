/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A riscv64 Linux program: reads cases from standard input, executes each and writes the state after it to standard output. State goes in
 * and out by signal frames, so that every register can be an operand: the insn is followed by c.ebreak, whose signal ends the case.
 */
#include "user_insns.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

static struct machine_state now;
static int begun;

static void load(ucontext_t *u)
{
    uint64_t *gregs = (uint64_t *)u->uc_mcontext.__gregs;
    uint16_t *code = (uint16_t *)CASE_CODE;
    code[0] = (uint16_t)now.trap;
    code[1] = (now.trap & 3) == 3 ? (uint16_t)(now.trap >> 16) : CASE_C_EBREAK;
    memcpy((void *)CASE_DATA, now.data, CASE_BYTES);
    __asm__ volatile("fence.i" ::: "memory");
    gregs[0] = CASE_CODE;
    memcpy(&gregs[1], &now.x[1], 31 * 8);
    memcpy(u->uc_mcontext.__fpregs.__d.__f, now.f, sizeof now.f);
    u->uc_mcontext.__fpregs.__d.__fcsr = now.fcsr;
}

static void store(const ucontext_t *u, int number)
{
    const uint64_t *gregs = (const uint64_t *)u->uc_mcontext.__gregs;
    now.pc = gregs[0];
    memcpy(&now.x[1], &gregs[1], 31 * 8);
    now.x[0] = 0;
    memcpy(now.f, u->uc_mcontext.__fpregs.__d.__f, sizeof now.f);
    now.fcsr = u->uc_mcontext.__fpregs.__d.__fcsr;
    now.trap = number == SIGTRAP ? 0 : number == SIGILL ? 1 : 100 + (unsigned)number;
    memcpy(now.data, (const void *)CASE_DATA, CASE_BYTES);
}

/* Cases set gp and tp, which C needs: the way in puts them right first. The frame keeps those of the case. */
uint64_t thread_pointer;
void enter(int number, siginfo_t *info, void *frame);
__asm__(".option push\n.option norelax\n"
        "enter: la gp, __global_pointer$\n"
        "la t0, thread_pointer\n"
        "ld tp, 0(t0)\n"
        "tail handler\n"
        ".option pop\n");

void handler(int number, siginfo_t *info, void *frame);
void handler(int number, siginfo_t *info, void *frame)
{
    (void)info;
    if (begun++) {
        store(frame, number);
        if (fwrite(&now, sizeof now, 1, stdout) != 1)
            _exit(1);
    }
    if (fread(&now, sizeof now, 1, stdin) != 1) {
        fflush(stdout);
        _exit(0);
    }
    load(frame);
}

int main(void)
{
    stack_t stack = {.ss_sp = malloc(1 << 20), .ss_size = 1 << 20};
    struct sigaction action = {.sa_sigaction = enter, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    static const int numbers[] = {SIGUSR1, SIGTRAP, SIGILL, SIGSEGV, SIGBUS};
    __asm__("mv %0, tp" : "=r"(thread_pointer));
    sigaltstack(&stack, NULL);
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
    if (mmap((void *)CASE_RAM, CASE_RAM_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
        MAP_FAILED)
        return 1;
    for (uint16_t *p = (uint16_t *)CASE_RAM; p < (uint16_t *)CASE_PAGE; p++)
        *p = CASE_C_EBREAK;
    raise(SIGUSR1);
    return 1;
}
