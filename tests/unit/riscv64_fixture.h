/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One riscv64 vCPU for unit tests: 16 MiB of RAM at 0x80000000, a clock that the test sets, and engine services that only count calls.
 * run_insn() lifts and evaluates one insn at a pc in RAM, which need not hold it.
 */
#pragma once
#include "guest/riscv64/lift.h"
#include "guest/riscv64/riscv64.h"
#include "ir/eval.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* wants those above */

#define RAM      0x80000000ull
#define RAM_SIZE (16ull << 20)

struct fixture {
    struct cpu *cpu;
    struct mem_space *space;
    struct os_vclock clock;
    struct ir_build *build;
    struct tlb tlb;
};

static struct { /* what the services were asked since the last clear */
    unsigned flushes, page_flushes, contexts, fetches;
    int64_t asid;
    gva va;
    uint64_t deadline;
    bool firmware, semihosting; /* their answers */
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

static void fake_fetch(struct cpu *cpu)
{
    (void)cpu;
    seen.fetches++;
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

static const struct cpu_ops fake_ops = {fake_flush, fake_flush_page, fake_context,     fake_fetch, fake_deadline,
                                        fake_wake,  fake_firmware,   fake_semihosting, NULL,       NULL};

__attribute__((unused)) static void set_clock(struct fixture *f, uint64_t ns) { os_vclock_jump(&f->clock, ns); }

static struct fixture *fixture_new(const char *model)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = {0};
    size_t size = sizeof(struct cpu) + (RISCV64_CELLS + IR_FRAME_EXTRA) * sizeof(uint64_t);

    assert_non_null(f);
    f->cpu = aligned_alloc(64, (size + 63) / 64 * 64);
    assert_non_null(f->cpu);
    memset(f->cpu, 0, size);
    assert_int_equal(mem_space_new(&f->space), 0);
    assert_int_equal(mem_space_add_ram(f->space, "ram", RAM, RAM_SIZE, &err), 0);
    assert_int_equal(ir_build_new(&f->build, RISCV64_CELLS, riscv64_helpers, RISCV64_HELPERS), 0);
    os_vclock_init(&f->clock);
    f->cpu->guest = &guest_riscv64;
    f->cpu->helpers = guest_riscv64.helpers;
    f->cpu->helpers = riscv64_helpers;
    f->cpu->space = f->space;
    f->cpu->clock = &f->clock;
    f->cpu->ops = &fake_ops;
    f->cpu->tlb = &f->tlb;
    f->cpu->id = 3;
    memset(&f->tlb, 0xff, sizeof f->tlb);
    memset(&seen, 0, sizeof seen);
    assert_int_equal(riscv64_init(f->cpu, model, &err), 0);
    riscv64_reset(f->cpu);
    f->cpu->pc = RAM;
    return f;
}

static void fixture_free(struct fixture *f)
{
    riscv64_fini(f->cpu);
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
    if (exit != IR_EXIT_trap || cpu->trap.kind != RISCV64_TRAP_finish)
        return exit != IR_EXIT_trap;
    cpu->guest->enter_trap(cpu, cpu->trap); /* no trap, the rest of the insn */
    return true;
}

/* csrrw, csrrs, csrrc with rd = x5 and rs1 = x6. */
enum csr_op { CSRRW = 1, CSRRS = 2, CSRRC = 3 };
__attribute__((unused)) static uint32_t csr_insn(enum csr_op op, unsigned number)
{
    return number << 20 | 6u << 15 | (unsigned)op << 12 | 5u << 7 | 0x73;
}
__attribute__((unused)) static uint32_t csrr_insn(unsigned number) { return number << 20 | 2u << 12 | 5u << 7 | 0x73; }
