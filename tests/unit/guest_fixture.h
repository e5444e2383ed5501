/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One vCPU for unit tests: 16 MiB of RAM, a clock that the test sets, engine services that only count calls, and an interrupt controller that
 * notes what it is told. run_insn() lifts and evaluates one insn at a pc in RAM, which need not hold it. Whoever includes it
 * gives GUEST_OBJECT (its struct guest), RAM (where it begins) and FINISHES(kind): the trap is an insn that C is to do.
 */
#pragma once
#include "base/bits.h"
#include "guest/guest.h"
#include "ir/eval.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* wants those above */

#define RAM_SIZE (16ull << 20)

struct fixture {
    struct cpu *cpu;
    struct mem_space *space;
    struct os_vclock clock;
    struct ir_build *build;
    struct tlb tlb, user_tlb;
    struct reg_window window;
};

static struct { /* what the services were asked since the last clear */
    unsigned flushes, page_flushes, contexts, fetches, broadcasts, settled;
    gva from, to; /* of the last of fetches */
    struct cpu_order told;
    int64_t asid;
    gva va;
    uint64_t deadline;
    bool firmware, semihosting; /* their answers */
    uint32_t raised;            /* of other vCPUs */
    uint32_t lines;             /* of the timers, by their interrupts' numbers */
    unsigned number;            /* of the window's register that was used last */
    uint64_t written;
} seen;

static void fake_flush(struct cpu *cpu, int64_t asid)
{
    (void)cpu;
    seen.flushes++;
    seen.asid = asid;
}

static void fake_flush_page(struct cpu *cpu, gva va, int64_t asid)
{
    (void)cpu;
    seen.page_flushes++;
    seen.va = va;
    seen.asid = asid;
}

static void fake_context(struct cpu *cpu)
{
    (void)cpu;
    seen.contexts++;
}

static void fake_fetch(struct cpu *cpu, gva from, gva to)
{
    (void)cpu;
    seen.fetches++;
    seen.from = from;
    seen.to = to;
}

static void fake_deadline(struct cpu *cpu, uint64_t vclock_ns)
{
    (void)cpu;
    seen.deadline = vclock_ns;
}

static void fake_wake(struct cpu *cpu) { (void)cpu; }

static bool fake_firmware(struct cpu *cpu)
{
    (void)cpu;
    return seen.firmware;
}

static bool fake_semihosting(struct cpu *cpu)
{
    (void)cpu;
    return seen.semihosting;
}

static void fake_tell(struct cpu *cpu, struct cpu_order order)
{
    (void)cpu;
    seen.broadcasts++;
    seen.told = order;
}

static void fake_settle(struct cpu *cpu)
{
    (void)cpu;
    seen.settled++;
}

static void fake_raise(struct cpu *cpu, unsigned n)
{
    (void)cpu;
    seen.raised |= 1u << n;
}

static struct tlb *fake_user_tlb(struct cpu *cpu) { return cpu->user_tlb; }

static const struct cpu_ops fake_ops = {fake_flush,    fake_flush_page,  fake_context, fake_fetch,  fake_deadline, fake_wake,
                                        fake_firmware, fake_semihosting, fake_tell,    fake_settle, fake_raise,    NULL,
                                        fake_user_tlb};

static bool fake_read(void *self, unsigned number, uint64_t *value)
{
    (void)self;
    seen.number = number;
    *value = 0x77;
    return (number & 7) != 7;
}

static bool fake_write(void *self, unsigned number, uint64_t value)
{
    (void)self;
    seen.number = number;
    seen.written = value;
    return true;
}

static void fake_line(void *self, unsigned n, bool level)
{
    (void)self;
    seen.lines = (uint32_t)bits_set(seen.lines, n, 1, level);
}

__attribute__((unused)) static void set_clock(struct fixture *f, uint64_t ns) { os_vclock_jump(&f->clock, ns); }

static struct fixture *fixture_new(const char *model)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = {0};
    size_t size = sizeof(struct cpu) + (GUEST_OBJECT.cells + IR_FRAME_EXTRA) * sizeof(uint64_t);

    assert_non_null(f);
    f->cpu = aligned_alloc(64, (size + 63) / 64 * 64);
    assert_non_null(f->cpu);
    memset(f->cpu, 0, size);
    assert_int_equal(mem_space_new(&f->space), 0);
    assert_int_equal(mem_space_add_ram(f->space, "ram", RAM, RAM_SIZE, &err), 0);
    assert_int_equal(ir_build_new(&f->build, GUEST_OBJECT.cells, GUEST_OBJECT.helpers, GUEST_OBJECT.nhelpers), 0);
    os_vclock_init(&f->clock);
    f->window = (struct reg_window){fake_read, fake_write, fake_line, NULL};
    f->cpu->guest = &GUEST_OBJECT;
    f->cpu->helpers = GUEST_OBJECT.helpers;
    f->cpu->space = f->space;
    f->cpu->clock = &f->clock;
    f->cpu->ops = &fake_ops;
    f->cpu->tlb = &f->tlb;
    f->cpu->user_tlb = &f->user_tlb;
    f->cpu->monitor = cpu_monitor_new();
    assert_non_null(f->cpu->monitor);
    f->cpu->window = &f->window;
    f->cpu->id = 3;
    memset(&f->tlb, 0xff, sizeof f->tlb);
    memset(&f->user_tlb, 0xff, sizeof f->user_tlb);
    memset(&seen, 0, sizeof seen);
    assert_int_equal(GUEST_OBJECT.init(f->cpu, model, &err), 0);
    GUEST_OBJECT.reset(f->cpu);
    f->cpu->pc = RAM;
    return f;
}

static void fixture_free(struct fixture *f)
{
    GUEST_OBJECT.fini(f->cpu);
    free(f->cpu->monitor);
    ir_build_free(f->build);
    mem_space_free(f->space);
    free(f->cpu);
    free(f);
}

/* Evaluates one insn; true: it went through, cpu->pc is the next one's. false: cpu->trap. */
__attribute__((unused)) static bool run_insn(struct fixture *f, uint32_t word)
{
    struct cpu *cpu = f->cpu;
    uint64_t key = cpu->guest->block_key(cpu);

    ir_begin(f->build);
    assert_int_not_equal(cpu->guest->lift(f->build, cpu, &key, 0, word, 4), 0);
    struct ir_block *block = ir_finish(f->build);
    ir_eval_prepare(block);
    cpu->trapped = false;
    enum ir_exit exit = ir_eval(cpu, block);
    /* What the lifter thought the mode is afterwards must be so, unless the engine is told to look again. */
    if (exit == IR_EXIT_branch)
        assert_int_equal(key, cpu->guest->block_key(cpu));
    cpu->trapped = false;
    if (exit != IR_EXIT_trap || !FINISHES(cpu->trap.kind))
        return exit != IR_EXIT_trap;
    cpu->guest->enter_trap(cpu, cpu->trap); /* no trap, the rest of the insn */
    return true;
}
