/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Registers of a vCPU that a device answers instead of the vCPU itself: an interrupt controller's interface, where insns reach it by the
 * number of a register and not by an address. The board hands a device's window to a vCPU (cpu->window), so that neither knows the other.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct reg_window {
    /* Both NULL: there are no such registers, only lines. number: as the guest's architecture packs it. On the vCPU's thread, no lock held. false: there is no such register here. A read may
     * have effects (it may acknowledge an interrupt). */
    bool (*read)(void *self, unsigned number, uint64_t *value);
    bool (*write)(void *self, unsigned number, uint64_t value);
    /* An interrupt that a part of the vCPU makes (timer, counters), by the number that the device gives it. Any thread; costs no lock while
     * the interrupt is not enabled. Callers tell changes only. */
    void (*line)(void *self, unsigned n, bool level);
    void *self;
};
