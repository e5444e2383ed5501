/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The riscv64 guest: machine, supervisor and user mode of the privileged architecture 1.13, without hypervisor and vectors.
 * Everything architectural is in the cells (csrs.isa, regs.isa), so that a copy of the cells is the vCPU's state; struct riscv64_arch
 * holds the model and what is derived from the cells. Whoever writes cells from outside calls riscv64_restored().
 */
#pragma once
#include "guest/guest.h"
#include "guest/riscv64/riscv64_insns.gen.h"
#include "guest/riscv64/traps.h"

struct riscv64_cpu {
    struct cpu base; /* and its cells */
};

enum riscv64_option { /* what a model has; the generated enum riscv64_feature is the part of them that insns ask for */
#define FEATURE(name, models, needs, shown) RISCV64_HAS_##name,
#include "guest/riscv64/features.def"
#undef FEATURE
                      RISCV64_OPTIONS
};

enum riscv64_priv { PRIV_U = 0, PRIV_S = 1, PRIV_M = 3 };

/* Interrupts by their number in mip, which is also their number in cpu->lines. MSI, MTI, SEI and MEI are levels; SSI is a message: the
 * guest clears it. STI comes from stimecmp, LCOFI from the counters. */
enum riscv64_irq {
#define IRQ(name, number, text) IRQ_##name = number,
#include "guest/riscv64/irqs.def"
#undef IRQ
};
enum { IRQ_INPUTS = 1 << IRQ_MSI | 1 << IRQ_MTI | 1 << IRQ_SEI | 1 << IRQ_MEI };

/* Fields of mstatus. SIE and MIE have the numbers of their modes. */
enum {
    STATUS_SIE = 1 << 1,
    STATUS_MIE = 1 << 3,
    STATUS_SPIE = 1 << 5,
    STATUS_MPIE = 1 << 7,
    STATUS_SPP = 1 << 8,
    STATUS_MPP = 3 << 11,
    STATUS_FS = 3 << 13,
    STATUS_MPRV = 1 << 17,
    STATUS_SUM = 1 << 18,
    STATUS_MXR = 1 << 19,
    STATUS_TVM = 1 << 20,
    STATUS_TW = 1 << 21,
    STATUS_TSR = 1 << 22,
};
enum { STATUS_MPP_pos = 11, STATUS_SPP_pos = 8, STATUS_FS_pos = 13 };

/* Fields of menvcfg (senvcfg has those below 8), mstateen and mseccfg. */
#define ENVCFG_FIOM    (1ull << 0)
#define ENVCFG_CBIE    (3ull << 4)
#define ENVCFG_CBCFE   (1ull << 6)
#define ENVCFG_CBZE    (1ull << 7)
#define ENVCFG_ADUE    (1ull << 61)
#define ENVCFG_PBMTE   (1ull << 62)
#define ENVCFG_STCE    (1ull << 63)
#define STATEEN_ENVCFG (1ull << 62)
#define STATEEN_SE     (1ull << 63)
#define SECCFG_USEED   (1ull << 8)
#define SECCFG_SSEED   (1ull << 9)

enum { PMP_R = 1, PMP_W = 2, PMP_X = 4, PMP_A = 3 << 3, PMP_TOR = 1 << 3, PMP_NA4 = 2 << 3, PMP_NAPOT = 3 << 3, PMP_L = 1 << 7 };
enum { PMP_ENTRIES = 16, RISCV64_COUNTERS = 32 };

struct riscv64_pmp { /* one entry, decoded; none: first > last */
    uint64_t first, last;
    uint8_t config;
};

struct riscv64_arch {
    uint64_t has[(RISCV64_OPTIONS + 63) / 64];
    uint64_t insns; /* the same as the decoder numbers them: bits RISCV64_FEATURE_* */
    uint64_t misa;
    uint32_t tick_ns; /* of the time CSR: 100 for 10 MHz; the board may change it before the vCPU runs */
    char *isa;        /* "rv64imafdc_zicsr_..." */
    char *extensions; /* the same features as the strings of riscv,isa-extensions, each with its terminator */
    size_t extensions_len;
    struct riscv64_pmp pmp[PMP_ENTRIES];
    /* Counters (counter.c), a bit each: counts now; has a mode filter; will overflow at `target` of its source. */
    uint32_t running, filtered, armed;
    bool timer_due; /* STI, as far as the clock has been looked at */
    uint64_t target[RISCV64_COUNTERS];
};

#define RV(cpu, slot)     ((cpu)->cell[RISCV64_CELL_##slot])
#define RVN(cpu, slot, n) ((cpu)->cell[RISCV64_CELL_##slot + (n)])

static inline struct riscv64_arch *riscv64_arch(const struct cpu *cpu) { return cpu->arch; }
static inline bool riscv64_has(const struct cpu *cpu, unsigned f) { return riscv64_arch(cpu)->has[f / 64] >> f % 64 & 1; }

/* ---- model.c ---- */
int riscv64_init(struct cpu *cpu, const char *model, struct err *err) NODISCARD;
void riscv64_fini(struct cpu *cpu);
void riscv64_reset(struct cpu *cpu);
void riscv64_restored(struct cpu *cpu); /* cells were written from outside: derives the rest again */
/* For boards: the strings of the device tree's cpu nodes and the widest mode ("riscv,sv57"). Valid as long as the vCPU. */
const char *riscv64_isa_string(const struct cpu *cpu);
const char *riscv64_isa_extensions(const struct cpu *cpu, size_t *len);
const char *riscv64_mmu_type(const struct cpu *cpu);
/* The state in which firmware hands a hart to a supervisor: S mode at pc, paging off, everything delegated and allowed, a0 and a1. */
void riscv64_enter_supervisor(struct cpu *cpu, gva pc, uint64_t a0, uint64_t a1);
void riscv64_enter_user(struct cpu *cpu); /* U mode with floating point, counters and cbo.zero */

/* ---- mmu.c ---- */
bool riscv64_translate(struct cpu *cpu, gva va, enum mem_access access, struct tlb_page *out, struct trap *trap);
struct trap riscv64_bus_error(struct cpu *cpu, gva va, enum mem_access access);
struct trap riscv64_misaligned(struct cpu *cpu, gva va, enum mem_access access);
uint64_t riscv64_context(const struct cpu *cpu);
int64_t riscv64_asid(const struct cpu *cpu);
uint64_t riscv64_code_space(const struct cpu *cpu, bool shared);

/* ---- pmp.c ---- */
void riscv64_pmp_decode(struct cpu *cpu); /* after pmpcfg or pmpaddr changed */
bool riscv64_pmp_allows(const struct cpu *cpu, gpa at, unsigned size, enum riscv64_priv priv, enum mem_access access);
/* Takes from out's permissions what the entry for `at` forbids; says for which part of the page the answer holds. */
void riscv64_pmp_page(const struct cpu *cpu, gpa at, enum riscv64_priv priv, struct tlb_page *out);
void riscv64_pmpcfg_write(struct cpu *cpu, unsigned index, uint64_t value); /* index: 0 for pmpcfg0, 1 for pmpcfg2 */
void riscv64_pmpaddr_write(struct cpu *cpu, unsigned index, uint64_t value);

/* ---- trap.c, irq.c ---- */
void riscv64_enter_trap(struct cpu *cpu, struct trap trap);
void riscv64_enter_cause(struct cpu *cpu, uint64_t cause, bool interrupt, uint64_t tval); /* delegates and enters the handler */
uint64_t riscv64_epc_mask(const struct cpu *cpu);                                         /* of mepc and sepc as they read */
void riscv64_set_priv(struct cpu *cpu, enum riscv64_priv priv, uint64_t insns);           /* with the counters that mind; not the context */
void riscv64_clock_event(struct cpu *cpu);
bool riscv64_take_interrupt(struct cpu *cpu);
bool riscv64_wakes(struct cpu *cpu);
uint64_t riscv64_pending(struct cpu *cpu);              /* mip as it reads */
void riscv64_irq_update(struct cpu *cpu);               /* asks for take_interrupt if something can be taken now */
void riscv64_update_deadline(struct cpu *cpu);          /* after stimecmp, menvcfg.STCE or an armed counter changed */
void riscv64_set_timer(struct cpu *cpu, uint64_t time); /* writes stimecmp; STI follows if menvcfg.STCE is set */
uint64_t riscv64_time(const struct cpu *cpu);
const char *riscv64_trap_name(uint32_t kind);
const char *riscv64_irq_name(uint32_t number);

/* ---- counter.c: n as in mcounteren; insns: instructions retired so far ---- */
uint64_t riscv64_counter_read(struct cpu *cpu, unsigned n, uint64_t insns);
void riscv64_counter_write(struct cpu *cpu, unsigned n, uint64_t value, uint64_t insns);
void riscv64_counter_inhibit(struct cpu *cpu, uint64_t mask, uint64_t insns);
void riscv64_counter_event(struct cpu *cpu, unsigned n, uint64_t event, uint64_t insns);
void riscv64_counters_mode(struct cpu *cpu, enum riscv64_priv priv, uint64_t insns);
void riscv64_counters_poll(struct cpu *cpu, uint64_t insns);          /* notices overflows that have happened */
uint64_t riscv64_counters_deadline(struct cpu *cpu, uint64_t now_ns); /* when to poll; UINT64_MAX: never */
void riscv64_counters_restored(struct cpu *cpu);

/* ---- csr.c: by CSR number, without permission checks (debuggers, SBI); false: no such CSR ---- */
bool riscv64_csr_peek(struct cpu *cpu, unsigned number, uint64_t *value);
bool riscv64_csr_poke(struct cpu *cpu, unsigned number, uint64_t value);
const char *riscv64_csr_name(unsigned number); /* NULL: unknown */

extern const struct guest guest_riscv64;
