/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Stage 1 of address translation, as translate and AT see it. */
#pragma once
#include "guest/arm64/arm64.h"

/* Who accesses: one translation regime with one level's rights. */
struct arm64_view {
    const struct arm64_regime *regime;
    uint64_t ttbr0, mair;
    bool user; /* the rights of EL0 */
    bool pan;  /* users' pages are closed to data accesses */
};

/* Of el with the registers as they are now; room holds the regime. */
struct arm64_view arm64_view_of(struct cpu *cpu, unsigned el, bool user, bool pan, struct arm64_regime *room);
/* attributes: of the leaf, as PAR_EL1 has them; may be NULL. false: *fault is the FSC, with its level. */
bool arm64_walk(struct cpu *cpu, const struct arm64_view *view, gva va, enum mem_access access, struct tlb_page *out, uint64_t *attributes,
                unsigned *fault);
