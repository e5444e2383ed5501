/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A Linux program of the guest that executes cases under another emulator: struct case_input from standard input, struct case_result and its words
 * to standard output. State goes in and out by signal frames, so that every register can be an operand: a case ends at the first
 * instruction that traps, at the latest at the breakpoint that follows it. What differs from guest to guest is in runner_GUEST.c.
 */
#include "runner.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

enum { SECONDS = 2 /* a case that still runs at the second tick does not end */ };

static struct case_input now;
static struct {
    struct case_result result;
    struct case_word changed[CASE_WORDS];
} done;
static uint64_t shadow[CASE_WORDS]; /* the data as the case found it */
static unsigned long begun, ticked; /* cases; at the last tick of the clock */

/* At once: if the emulator dies, what is missing tells at which case. */
static void put(const void *data, size_t len)
{
    for (const unsigned char *at = data, *end = at + len; at < end;) {
        ssize_t n = write(1, at, (size_t)(end - at));
        if (n <= 0)
            _exit(1);
        at += n;
    }
}

static int get(void *data, size_t len)
{
    static unsigned char input[1 << 16];
    static size_t at, end;
    for (size_t have = 0; have < len;) {
        if (at == end) {
            ssize_t n = read(0, input, sizeof input);
            if (n <= 0)
                return 0;
            at = 0;
            end = (size_t)n;
        }
        size_t part = end - at < len - have ? end - at : len - have;
        memcpy((unsigned char *)data + have, input + at, part);
        at += part;
        have += part;
    }
    return 1;
}

static void fill_code(void)
{
    uint32_t *code = (uint32_t *)(now.before.pc & ~(uint64_t)3), *end = (uint32_t *)(now.before.pc + now.code_len);
    while (code < end)
        *code++ = case_stop;
}

static void begin(ucontext_t *u)
{
    uint64_t *data = (uint64_t *)CASE_DATA;
    memcpy((void *)now.before.pc, now.code, now.code_len);
    for (unsigned i = 0; i < now.npatches; i++)
        data[now.patches[i].index] = shadow[now.patches[i].index] = now.patches[i].value;
    frame_put(u, &now.before);
    case_begins();
}

static void finish(const ucontext_t *u, int number, const siginfo_t *info)
{
    uint64_t *data = (uint64_t *)CASE_DATA;
    done.result = (struct case_result){.signal = (uint32_t)number, .address = (uint64_t)info->si_addr};
    frame_get(u, &done.result.after);
    for (unsigned i = 0; i < CASE_WORDS; i++)
        if (data[i] != shadow[i]) {
            done.changed[done.result.nchanged++] = (struct case_word){i, data[i]};
            data[i] = case_pattern(i);
        }
    for (unsigned i = 0; i < now.npatches; i++)
        data[now.patches[i].index] = shadow[now.patches[i].index] = case_pattern(now.patches[i].index);
    put(&done, sizeof done.result + done.result.nchanged * sizeof done.changed[0]);
    fill_code();
}

void handler(int number, siginfo_t *info, void *frame)
{
    if (number == SIGALRM && ticked != begun) {
        ticked = begun;
        return;
    }
    if (begun++)
        finish(frame, number, info);
    if (!get(&now, sizeof now)) {
        _exit(0);
    }
    begin(frame);
}

/* The two areas, each with its guards around it: in no case does anything else lie there. */
static int map(uint64_t at, uint64_t size, int access)
{
    void *guard = (void *)(at - CASE_GUARD);
    return mmap(guard, size + 2 * CASE_GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) ==
               guard &&
           !mprotect((void *)at, size, access);
}

int main(void)
{
    static const int numbers[] = {SIGUSR1, SIGTRAP, SIGILL, SIGSEGV, SIGBUS, SIGALRM};
    struct itimerval ticks = {{SECONDS, 0}, {SECONDS, 0}};
    stack_t stack = {.ss_sp = malloc(1 << 20), .ss_size = 1 << 20};
    struct sigaction action = {.sa_sigaction = enter, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    remember_thread();
    if (!map(CASE_CODE, CASE_CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC) || !map(CASE_DATA, CASE_DATA_SIZE, PROT_READ | PROT_WRITE))
        return 2;
    sigaddset(&action.sa_mask, SIGALRM);
    sigaltstack(&stack, NULL);
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
    now.before.pc = CASE_CODE;
    now.code_len = CASE_CODE_SIZE;
    fill_code();
    for (unsigned i = 0; i < CASE_WORDS; i++)
        ((uint64_t *)CASE_DATA)[i] = shadow[i] = case_pattern(i);
    setitimer(ITIMER_REAL, &ticks, NULL);
    raise(SIGUSR1);
    return 3;
}
