/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Interrupts: the two inputs of the interrupt controller, and waiting for them. */
#include "guest/arm64/arm64.h"

const char *arm64_irq_name(uint32_t number) { return number == ARM64_IRQ ? "IRQ" : number == ARM64_FIQ ? "FIQ" : "unknown interrupt"; }

void arm64_clock_event(struct cpu *cpu) { (void)cpu; }

bool arm64_take_interrupt(struct cpu *cpu)
{
    (void)cpu;
    return false;
}

bool arm64_wakes(struct cpu *cpu) { return atomic_load(&cpu->lines); }

/* Programs do not wait: they come back at once, as from an event. */
uint64_t arm64_hlp_wait_event(struct cpu *cpu, uint64_t how, uint64_t until, uint64_t insn)
{
    (void)how, (void)until, (void)insn;
    (void)cpu;
    return 0;
}
