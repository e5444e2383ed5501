/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The arm64 guest: Armv8 and later, A64 only, without SVE, SME and MTE. Everything architectural is in the cells (regs.isa, sysregs.isa), so that a
 * copy of the cells is the vCPU's state; struct arm64_arch holds the model and what is derived from the cells. Whoever writes cells from
 * outside calls arm64_restored().
 */
#pragma once
#include "guest/arm64/arm64_insns.gen.h"
#include "guest/arm64/traps.h"
#include "guest/guest.h"

struct arm64_cpu {
    struct cpu base; /* and its cells */
};

enum arm64_option { /* what a model has; the generated enum arm64_feature is the part of them that insns ask for */
#define FEATURE(name, models, needs, hwcap, linux_name, reg, shift, value) ARM64_HAS_##name,
#include "guest/arm64/features.def"
#undef FEATURE
                    ARM64_OPTIONS
};

enum arm64_id {
    ARM64_ID_none,
    ARM64_ID_pfr0,
    ARM64_ID_pfr1,
    ARM64_ID_isar0,
    ARM64_ID_isar1,
    ARM64_ID_isar2,
    ARM64_ID_mmfr0,
    ARM64_ID_mmfr1,
    ARM64_ID_mmfr2,
    ARM64_ID_dfr0,
    ARM64_IDS
};

/* Fields of the slot `mode`: what the keys of regs.isa mirror. */
enum {
    MODE_EL = 3,
    MODE_SPSEL = 1 << 2,
    MODE_FPEN = 1 << 3,
    MODE_SA = 1 << 4,
    MODE_AL = 1 << 5,
    MODE_E2H = 1 << 6,
    MODE_IL = 1 << 7,
    MODE_STEP_pos = 8, /* two bits */
    MODE_CACHEOPS = 1 << 10,
    MODE_ZVA = 1 << 11,
    MODE_HYP = 1 << 12,
    MODE_MOPS = 1 << 13,
    MODE_BREAK = 1 << 14,
    MODE_DEVICE = 1 << 15,
    MODE_NAA = 1 << 16,
};

/* Fields of the slot `pstate`, of SPSR_ELx and of DAIF. */
enum {
    PSTATE_SP = 1 << 0,
    PSTATE_EL_pos = 2,
    PSTATE_A32 = 1 << 4,
    PSTATE_F = 1 << 6,
    PSTATE_I = 1 << 7,
    PSTATE_A = 1 << 8,
    PSTATE_D = 1 << 9,
    PSTATE_DAIF = 15 << 6,
    PSTATE_BTYPE_pos = 10, /* two bits; of SPSR_ELx: cpu->landing */
    PSTATE_SSBS = 1 << 12,
    PSTATE_IL = 1 << 20,
    PSTATE_SS = 1 << 21,
    PSTATE_PAN = 1 << 22,
    PSTATE_UAO = 1 << 23,
    PSTATE_DIT = 1 << 24,
};

#define SCTLR_M     (1ull << 0)
#define SCTLR_A     (1ull << 1)
#define SCTLR_SA    (1ull << 3)
#define SCTLR_SA0   (1ull << 4)
#define SCTLR_nAA   (1ull << 6)
#define SCTLR_UMA   (1ull << 9)
#define SCTLR_EnDB  (1ull << 13)
#define SCTLR_DZE   (1ull << 14)
#define SCTLR_UCT   (1ull << 15)
#define SCTLR_NTWI  (1ull << 16)
#define SCTLR_NTWE  (1ull << 18)
#define SCTLR_WXN   (1ull << 19)
#define SCTLR_SPAN  (1ull << 23)
#define SCTLR_UCI   (1ull << 26)
#define SCTLR_EnDA  (1ull << 27)
#define SCTLR_EnIB  (1ull << 30)
#define SCTLR_EnIA  (1ull << 31)
#define SCTLR_MSCEN (1ull << 33)
#define SCTLR_BT0   (1ull << 35) /* of EL0; of EL2 without a host unused */
#define SCTLR_BT1   (1ull << 36)
#define SCTLR_DSSBS (1ull << 44)

#define HCR_FMO  (1ull << 3)
#define HCR_IMO  (1ull << 4)
#define HCR_AMO  (1ull << 5)
#define HCR_VF   (1ull << 6)
#define HCR_VI   (1ull << 7)
#define HCR_VSE  (1ull << 8)
#define HCR_DC   (1ull << 12)
#define HCR_TWI  (1ull << 13)
#define HCR_TWE  (1ull << 14)
#define HCR_TID1 (1ull << 16)
#define HCR_TID2 (1ull << 17)
#define HCR_TID3 (1ull << 18)
#define HCR_TSC  (1ull << 19)
#define HCR_TACR (1ull << 21)
#define HCR_TTLB (1ull << 25)
#define HCR_TVM  (1ull << 26)
#define HCR_TGE  (1ull << 27)
#define HCR_TDZ  (1ull << 28)
#define HCR_HCD  (1ull << 29)
#define HCR_TRVM (1ull << 30)
#define HCR_RW   (1ull << 31)
#define HCR_E2H  (1ull << 34)
#define HCR_APK  (1ull << 40)
#define HCR_API  (1ull << 41)

/* The top byte of addresses is ignored; but not of those of insns. TCR2: of a regime with one range. */
#define TCR_TBI0  (1ull << 37)
#define TCR_TBI1  (1ull << 38)
#define TCR_TBID0 (1ull << 51)
#define TCR_TBID1 (1ull << 52)
#define TCR2_TBI  (1ull << 20)
#define TCR2_TBID (1ull << 29)

#define HCRX_MCE2  (1ull << 10)
#define HCRX_MSCEN (1ull << 11)

/* Fields of FPCR, and what of it can be written. */
enum { FPCR_FZ16 = 1 << 19, FPCR_RMODE_pos = 22, FPCR_RMODE = 3 << 22, FPCR_FZ = 1 << 24, FPCR_DN = 1 << 25, FPCR_AHP = 1 << 26 };

enum arm64_timer { TIMER_phys, TIMER_virt, TIMER_hyp, TIMER_hypvirt, ARM64_TIMERS };

/* Registers of one translation regime, besides its first table and who asks: everything that decides about a walk. */
struct arm64_regime {
    uint64_t sctlr, tcr, ttbr1;
    bool two_ranges;
    bool device; /* without translation, data is of devices */
};

enum { ARM64_REGIMES = 64, ARM64_EVENT_COUNTERS = 6 };

struct arm64_arch {
    uint64_t has;             /* bits ARM64_HAS_* */
    uint64_t insns;           /* the same as the decoder numbers them: bits ARM64_FEATURE_* */
    uint64_t id[ARM64_IDS];   /* what the features add to the ID registers */
    uint64_t hwcap[2];        /* Linux' names for them */
    uint32_t timer_frequency; /* Hz, of the system counter; the board may change it before the vCPU runs */
    bool el2;                 /* there is an EL2: by the model, and by the level that the board entered at */
    uint64_t mpidr;           /* the affinity of MPIDR_EL1: by default the number of the vCPU; a board may change it */
    gva reset_pc;             /* RVBAR: where EL3's place would begin; the board's */
    /* Timers: their outputs as they were told last, and when the next one comes. */
    uint8_t timer_levels;
    /* Performance counters, a bit each: those that count, and whose overflow is waited for, at their source's target. */
    uint8_t pmu_running, pmu_armed;
    bool pmu_level, pmu_filtered; /* the interrupt as told last; whether some count by the level */
    uint64_t pmu_target[ARM64_EVENT_COUNTERS + 1];
    uint64_t insns_now; /* for hooks of registers that count */
    bool wait_event;    /* what it waits for, if it waits, may also be an event */
    uint64_t timer_due; /* vclock ns; UINT64_MAX: never */
    /* Translation: the regimes met lately, numbered so that contexts have exact numbers. */
    struct arm64_regime regimes[ARM64_REGIMES];
    unsigned nregimes;
    unsigned regime;         /* of the present level */
    int64_t asid;            /* of the present regime; -1: it has none */
    uint64_t space;          /* what the numbers of contexts and code spaces have in common (mmu.c) */
    bool tagged;             /* an address with a tag was translated, */
    uint8_t breaks, watches; /* break- and watchpoints that are on, wherever */
    bool low_global;         /* and a global one of the lower range: flushes of one address mind */
};

#define A64(cpu, slot)     ((cpu)->cell[ARM64_CELL_##slot])
#define A64N(cpu, slot, n) ((cpu)->cell[ARM64_CELL_##slot + (n)])

static inline struct arm64_arch *arm64_arch(const struct cpu *cpu) { return cpu->arch; }
static inline bool arm64_has(const struct cpu *cpu, unsigned f) { return arm64_arch(cpu)->has >> f & 1; }
static inline unsigned arm64_el(const struct cpu *cpu) { return A64(cpu, mode) & MODE_EL; }

/* ---- model.c ---- */
int arm64_init(struct cpu *cpu, const char *model, struct err *err) NODISCARD;
void arm64_fini(struct cpu *cpu);
void arm64_reset(struct cpu *cpu);
const char *arm64_hwcap_name(unsigned bit); /* of hwcap[], as /proc/cpuinfo has it; NULL: none */
void arm64_restored(struct cpu *cpu);       /* cells were written from outside: legalises them and derives the rest again */
void arm64_enter_user(struct cpu *cpu);     /* EL0 as Linux sets it up */
/* Boards: as a boot loader hands over to a kernel (or PSCI's CPU_ON), MMU off, everything masked: at EL2 if the model has it, or at EL1, and
 * then there is no EL2. */
void arm64_enter_kernel(struct cpu *cpu, gva pc, uint64_t x0, unsigned el);

/* ---- state.c: PSTATE ---- */
uint64_t arm64_btype(const struct cpu *cpu);            /* PSTATE.BTYPE, in its place */
uint64_t arm64_pstate(const struct cpu *cpu);           /* as SPSR has it, and debuggers' cpsr */
void arm64_set_pstate(struct cpu *cpu, uint64_t value); /* of a debugger: a level that there is not is left out */
void arm64_set_btype(struct cpu *cpu, uint64_t pstate);
void arm64_set_level(struct cpu *cpu, unsigned el, bool spsel);
void arm64_mode_update(struct cpu *cpu);             /* a register that `mode` depends on has changed; tells of another context */
static inline bool arm64_host(const struct cpu *cpu) /* EL2 has EL0 for its own (E2H and TGE) */
{
    return (A64(cpu, hcr_el2) & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE);
}
/* The level whose registers rule EL0 and EL1. */
static inline unsigned arm64_ruler(const struct cpu *cpu)
{
    unsigned el = arm64_el(cpu);
    return el ? el : arm64_host(cpu) ? 2 : 1;
}
static inline uint64_t arm64_sctlr(const struct cpu *cpu) { return arm64_ruler(cpu) == 2 ? A64(cpu, sctlr_el2) : A64(cpu, sctlr_el1); }

/* ---- sysreg.c: by the number that insns have (op0[0] op1 CRn CRm op2), without permission checks; false: no such register ---- */
bool arm64_sysreg_peek(struct cpu *cpu, unsigned number, uint64_t *value);
bool arm64_sysreg_poke(struct cpu *cpu, unsigned number, uint64_t value);
const char *arm64_sysreg_name(unsigned number); /* NULL: unknown */
uint64_t arm64_fpsr(const struct cpu *cpu);
void arm64_set_fpsr(struct cpu *cpu, uint64_t value);
void arm64_set_fpcr(struct cpu *cpu, uint64_t value);
uint64_t arm64_nzcv(const struct cpu *cpu); /* as PSTATE has them: bits 31..28 */
void arm64_set_nzcv(struct cpu *cpu, uint64_t value);
void arm64_float_mode(struct cpu *cpu); /* FPCR has changed: what floating point does is in the vCPU where all guests have it */

/* ---- bti.c ---- */
enum guest_landing arm64_land(struct cpu *cpu, bool guarded, uint32_t word);

/* ---- trap.c ---- */
void arm64_enter_trap(struct cpu *cpu, struct trap trap);
void arm64_take_serror(struct cpu *cpu); /* a virtual one */
void arm64_take(struct cpu *cpu, unsigned el,
                unsigned offset); /* to the vector, with ELR and SPSR; offset: 0 synchronous, 0x80 IRQ, 0x100 FIQ */
const char *arm64_trap_name(uint32_t kind);
struct trap arm64_bus_error(struct cpu *cpu, gva va, enum mem_access access);
struct trap arm64_misaligned(struct cpu *cpu, gva va, enum mem_access access);
/* A helper refuses an insn: as a trapped system register access (or hint) to EL1's or, by a hypervisor's wish, to EL2. */
void arm64_refuse(struct cpu *cpu, unsigned class, uint64_t insn, bool hypervisor);

/* ---- mmu.c ---- */
bool arm64_translate(struct cpu *cpu, gva va, enum mem_access access, struct tlb_page *out, struct trap *trap);
unsigned arm64_access_level(const struct cpu *cpu); /* whose rights the access at hand has */
bool arm64_device_memory(const struct cpu *cpu);    /* all that is not code, because nothing is translated */
void arm64_regime_update(struct cpu *cpu);          /* level or control registers have changed; context_changed is the caller's affair */
void arm64_space_update(struct cpu *cpu);           /* a table's register has; this is done by the one above, too */
uint64_t arm64_context(const struct cpu *cpu);
uint64_t arm64_shared_context(const struct cpu *cpu);
uint64_t arm64_user_context(const struct cpu *cpu);
int64_t arm64_asid(const struct cpu *cpu);
uint64_t arm64_code_space(const struct cpu *cpu, bool shared);

/* ---- debug.c: debug exceptions of the guest's own ---- */
unsigned arm64_debug_target(const struct cpu *cpu); /* the level that takes them, from lower levels */
bool arm64_debug_enabled(const struct cpu *cpu);    /* at the present level, but for BRK */
void arm64_debug_update(struct cpu *cpu);           /* a register of theirs has changed */
bool arm64_page_watched(const struct cpu *cpu, gva page);
bool arm64_watch(struct cpu *cpu, gva va, unsigned size, enum mem_access access, struct trap *trap);

/* ---- mops.c: the syndrome of an insn that meets the other option's registers; what an operating system does then ---- */
uint32_t arm64_mops_syndrome(uint32_t word);
void arm64_mops_restart(struct cpu *cpu, uint32_t word);

/* ---- irq.c: the inputs are bits of cpu->lines; events of other vCPUs come as one ---- */
enum { ARM64_IRQ, ARM64_FIQ, ARM64_EVENT, ARM64_SERROR /* no input, for counts */, ARM64_INPUTS = 1 << ARM64_IRQ | 1 << ARM64_FIQ };
void arm64_clock_event(struct cpu *cpu);
bool arm64_take_interrupt(struct cpu *cpu);
bool arm64_wakes(struct cpu *cpu);
unsigned arm64_virtual_interrupts(const struct cpu *cpu); /* bits PSTATE_A, I, F: those of HCR_EL2 for a guest, whatever its level */
void arm64_irq_update(struct cpu *cpu);                   /* asks for take_interrupt if something can be taken now */
const char *arm64_irq_name(uint32_t number);

/* ---- timer.c ---- */
uint64_t arm64_count(const struct cpu *cpu);      /* the system counter */
void arm64_timers_update(struct cpu *cpu);        /* a register of theirs has changed, or their time has come: tells outputs and deadline */
uint64_t arm64_next_event(const struct cpu *cpu); /* of the event streams, in ns of the machine's clock; UINT64_MAX: never */
uint64_t arm64_virtual_count(const struct cpu *cpu); /* as CNTVCT_EL0 reads now */
bool arm64_timer_unheard(const struct cpu *cpu);     /* one has come due and has not been told */

/* ---- pmu.c: insns: retired before now; cpu->insns outside blocks ---- */
void arm64_pmu_hold(struct cpu *cpu, uint64_t insns); /* around whatever counting depends on */
void arm64_pmu_release(struct cpu *cpu, uint64_t insns);
void arm64_pmu_poll(struct cpu *cpu, uint64_t insns);
uint64_t arm64_pmu_deadline(const struct cpu *cpu, uint64_t insns);
void arm64_pmu_restored(struct cpu *cpu);

extern const struct guest guest_arm64;
