/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The guest's side of a benchmark program: maps memory to itself, runs work() in user mode on every hart, prints check value and, where
 * there is a counter of them, instructions, ends the machine.
 * Before and after the work it prints a mark and sleeps: the emulator's CPU time stands still then, and can be read at leisure.
 */
#include "guest.h"

void guest_main(uint64_t hart) __attribute__((noreturn));
void guest_end(uint64_t result, uint64_t insns, uint64_t cause, uint64_t pc) __attribute__((noreturn));

static volatile int done;
static uint64_t sum, retired;

static void print(const char *text)
{
    for (; *text; text++)
        machine_put(*text);
}

static void print_hex(const char *name, uint64_t value)
{
    char text[] = " 0000000000000000\n";
    for (unsigned i = 0; i < 16; i++)
        text[16 - i] = "0123456789abcdef"[value >> 4 * i & 15];
    print(name);
    print(text);
}

static void mark(const char *text)
{
    print(text);
    machine_sleep();
}

void guest_main(uint64_t hart)
{
    if (hart == 0) {
        machine_prepare();
        mark("go\n");
        machine_start_others();
    } else
        machine_wait_for_start(hart);
    machine_translate();
    run_user(hart, ROUNDS);
}

void guest_end(uint64_t result, uint64_t insns, uint64_t cause, uint64_t pc)
{
    if (cause != machine_call) { /* how work() ends */
        print_hex("trap", cause);
        print_hex("at", pc);
        machine_finish(0);
    }
    __atomic_fetch_add(&sum, result, __ATOMIC_RELAXED);
    __atomic_fetch_add(&retired, insns, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&done, 1, __ATOMIC_ACQ_REL) == HARTS) {
        print_hex("check", sum);
        if (retired)
            print_hex("insns", retired);
        mark("done\n");
        machine_finish(1);
    }
    for (;;)
        machine_idle();
}
