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
#define FEATURE(name, models, needs, hwcap, reg, shift, value) ARM64_HAS_##name,
#include "guest/arm64/features.def"
#undef FEATURE
                    ARM64_OPTIONS
};

enum arm64_id { ARM64_ID_none, ARM64_ID_pfr0, ARM64_ID_pfr1, ARM64_ID_isar0, ARM64_ID_isar1, ARM64_ID_isar2, ARM64_IDS };

/* Fields of the slot `mode`. */
enum { MODE_EL = 3, MODE_SPSEL = 1 << 2, MODE_FPEN = 1 << 3, MODE_SA = 1 << 4, MODE_AL = 1 << 5 };

/* Fields of FPCR, and what of it can be written. */
enum { FPCR_FZ16 = 1 << 19, FPCR_RMODE_pos = 22, FPCR_RMODE = 3 << 22, FPCR_FZ = 1 << 24, FPCR_DN = 1 << 25, FPCR_AHP = 1 << 26 };

struct arm64_arch {
    uint64_t has;             /* bits ARM64_HAS_* */
    uint64_t insns;           /* the same as the decoder numbers them: bits ARM64_FEATURE_* */
    uint64_t id[ARM64_IDS];   /* what the features add to the ID registers */
    uint64_t hwcap[2];        /* Linux' names for them */
    uint32_t timer_frequency; /* Hz, of the system counter */
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
void arm64_restored(struct cpu *cpu);   /* cells were written from outside: derives the rest again */
void arm64_enter_user(struct cpu *cpu); /* EL0 as Linux sets it up */
/* The state in which firmware hands a vCPU to a kernel: that exception level at pc, translation and interrupts off, x0. */
void arm64_enter_kernel(struct cpu *cpu, gva pc, uint64_t x0, unsigned el);

/* ---- sysreg.c: by the number that insns have (op0[0] op1 CRn CRm op2), without permission checks; false: no such register ---- */
bool arm64_sysreg_peek(struct cpu *cpu, unsigned number, uint64_t *value);
bool arm64_sysreg_poke(struct cpu *cpu, unsigned number, uint64_t value);
const char *arm64_sysreg_name(unsigned number); /* NULL: unknown */
uint64_t arm64_fpsr(const struct cpu *cpu);
void arm64_set_fpsr(struct cpu *cpu, uint64_t value);
void arm64_set_fpcr(struct cpu *cpu, uint64_t value);
uint64_t arm64_nzcv(const struct cpu *cpu); /* as PSTATE has them: bits 31..28 */
void arm64_set_nzcv(struct cpu *cpu, uint64_t value);

/* ---- trap.c ---- */
void arm64_enter_trap(struct cpu *cpu, struct trap trap);
const char *arm64_trap_name(uint32_t kind);
struct trap arm64_bus_error(struct cpu *cpu, gva va, enum mem_access access);
struct trap arm64_misaligned(struct cpu *cpu, gva va, enum mem_access access);

/* ---- mmu.c ---- */
bool arm64_translate(struct cpu *cpu, gva va, enum mem_access access, struct tlb_page *out, struct trap *trap);
uint64_t arm64_context(const struct cpu *cpu);
int64_t arm64_asid(const struct cpu *cpu);
uint64_t arm64_code_space(const struct cpu *cpu, bool shared);

/* ---- irq.c: the inputs are bits of cpu->lines ---- */
enum { ARM64_IRQ, ARM64_FIQ };
void arm64_clock_event(struct cpu *cpu);
bool arm64_take_interrupt(struct cpu *cpu);
bool arm64_wakes(struct cpu *cpu);
const char *arm64_irq_name(uint32_t number);

extern const struct guest guest_arm64;
