/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Branch target identification (FEAT_BTI, Arm ARM D8.4.5): what an indirect branch may land on in a guarded page. PSTATE.BTYPE is cpu->landing,
 * as the hints of jumps are numbered; 3 stands for a BR by most registers, and is 1 if that BR stands in no guarded page (slot jumped).
 * All other insns leave BTYPE 0: emitted code that jumps to what was looked at here once does not even set it.
 */
#include "guest/arm64/sysreg.h"

enum { BY_BR16 = 1, BY_CALL = 2, BY_BR = 3, CERTAIN = 1 };

static uint64_t kind(const struct cpu *cpu)
{
    uint64_t from = A64(cpu, jumped);
    if (cpu->landing != BY_BR || from == CERTAIN || !cpu->ops->guarded)
        return cpu->landing;
    return cpu->ops->guarded((struct cpu *)(uintptr_t)cpu, from) ? BY_BR : BY_BR16;
}

uint64_t arm64_btype(const struct cpu *cpu) { return kind(cpu) << PSTATE_BTYPE_pos; }

void arm64_set_btype(struct cpu *cpu, uint64_t pstate)
{
    cpu->landing = arm64_has(cpu, ARM64_HAS_bti) ? pstate >> PSTATE_BTYPE_pos & 3 : 0;
    A64(cpu, jumped) = CERTAIN;
}

static bool is_breakpoint(uint32_t word) { return (word & 0xffe0001f) == 0xd4200000; }
static bool is_halt(uint32_t word) { return (word & 0xffe0001f) == 0xd4400000; }
static bool is_sign_sp(uint32_t word) { return (word & 0xffffffbf) == 0xd503233f; } /* PACIASP, PACIBSP */

/* BTI without targets is for none; the bits of its number are c (2) and j (4). */
static bool is_bti_for(uint32_t word, uint64_t btype)
{
    enum { BTI = 0xd503241f, TARGETS_pos = 6 };
    uint32_t targets = word >> TARGETS_pos & 3; /* 1 c, 2 j */
    if ((word & ~(3u << TARGETS_pos)) != BTI)
        return false;
    return btype == BY_BR16 ? targets != 0 : btype == BY_CALL ? targets & 1 : targets >> 1;
}

static bool compatible(const struct cpu *cpu, uint32_t word, uint64_t btype)
{
    uint64_t strict = arm64_el(cpu) ? SCTLR_BT1 : SCTLR_BT0;
    if (is_sign_sp(word))
        return btype != BY_BR || !(arm64_sctlr(cpu) & strict);
    return is_breakpoint(word) || is_halt(word) || is_bti_for(word, btype);
}

/* In the order of their exceptions: breakpoints, an illegal state, the branch's target. */
enum guest_landing arm64_land(struct cpu *cpu, bool guarded, uint32_t word)
{
    enum { STEP_DONE = 2 };
    uint64_t mode = A64(cpu, mode), btype = cpu->landing;
    bool done = (mode >> MODE_STEP_pos & 3) == STEP_DONE;
    if (done)
        return LAND_once;
    if (mode & MODE_BREAK) {
        arm64_hlp_break_check(cpu, cpu->pc);
        if (cpu->trapped)
            return LAND_trap;
    }
    if (mode & MODE_IL || is_breakpoint(word))
        return LAND_once;
    bool always = !guarded || (compatible(cpu, word, btype) && !(btype == BY_BR && is_sign_sp(word)));
    if (!always && !compatible(cpu, word, kind(cpu))) {
        cpu_trap(cpu, ARM64_TRAP_bti, kind(cpu));
        return LAND_trap;
    }
    cpu->landing = 0;
    return always && !(mode & MODE_BREAK) ? LAND_always : LAND_once;
}
