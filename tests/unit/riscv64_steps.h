/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The vCPU of riscv64_fixture.h and accesses to its CSRs by insns, in the mode that it is in. */
#pragma once
#include "riscv64_fixture.h"

static struct fixture *f;
static struct cpu *cpu;

static void start(const char *model)
{
    f = fixture_new(model);
    cpu = f->cpu;
}

static void stop(void) { fixture_free(f); }

__attribute__((unused)) static uint64_t csr(unsigned number)
{
    assert_true(run_insn(f, csrr_insn(number)));
    return RVN(cpu, x, 5);
}

/* Returns what the insn left in rd. */
__attribute__((unused)) static uint64_t csr_do(enum csr_op op, unsigned number, uint64_t value)
{
    RVN(cpu, x, 6) = value;
    assert_true(run_insn(f, csr_insn(op, number)));
    return RVN(cpu, x, 5);
}

__attribute__((unused)) static void csr_set(unsigned number, uint64_t value) { csr_do(CSRRW, number, value); }

__attribute__((unused)) static bool csr_may(enum riscv64_priv priv, uint32_t insn)
{
    uint64_t was = RV(cpu, priv);

    RV(cpu, priv) = priv;
    bool ok = run_insn(f, insn);
    if (!ok) {
        assert_int_equal(cpu->trap.kind, RISCV64_TRAP_illegal);
        assert_int_equal(cpu->trap.info, insn);
    }
    RV(cpu, priv) = was;
    return ok;
}
