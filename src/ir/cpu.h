/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The part of a vCPU that every guest, tier and accelerator shares. The guest's own struct starts with it. Cells are what
 * IR operands number: first the guest's registers (slots of regs.isa), then a block's temporaries.
 * Owned and written by the vCPU's thread, but for the fields marked "any thread".
 */
#pragma once
#include "base/log.h"
#include "ir/ir.h"
#include "ir/stats.h"
#include "mem/tlb.h"
#include "mem/window.h"
#include <stdatomic.h>

struct cpu;
struct guest;

/* A guest-visible event: a value, not an error. kind is a row of the guest's traps.def. */
struct trap {
    uint32_t kind;
    uint64_t info; /* bad address, insn word …: what the guest's trap value register gets */
};

/* Sticky floating-point flags, the same for all guests; guests convert to their layouts. */
enum { FX_nv = 1, FX_dz = 2, FX_of = 4, FX_uf = 8, FX_nx = 16, FX_dn = 32 };

/* Reasons for the run loop to look up: bits of cpu->events. */
enum {
    CPU_EVENT_irq = 1,     /* an interrupt line changed or a timer may have expired */
    CPU_EVENT_request = 2, /* a function waits in the accelerator's queue */
    CPU_EVENT_stop = 4,    /* leave the run loop */
    CPU_EVENT_code = 8,    /* the accelerator's: a page got translated code */
    CPU_EVENT_order = 16,  /* another vCPU tells something */
};

/* What a vCPU tells the others, to have translations forgotten. fn(cpu, 0, 0) does all that any order of the fn does: it may come for many of them. */
struct cpu_order {
    void (*fn)(struct cpu *cpu, uint64_t what, uint64_t value);
    uint64_t what, value;
};

/* Services of the accelerator and the machine to guest code in C. All set before the vCPU runs. */
struct cpu_ops {
    /* TLBs: forget everything, a page (of one ASID or all), for this vCPU. asid < 0: every one. */
    void (*tlb_flush)(struct cpu *cpu, int64_t asid);
    void (*tlb_flush_page)(struct cpu *cpu, gva va, int64_t asid);
    void (*context_changed)(struct cpu *cpu); /* guest->context() may differ now */
    /* fence.i: code that was written must be seen by this vCPU. In flat memory, where nobody notes writes: what [from, to) holds, by all. */
    void (*fetch_changed)(struct cpu *cpu, gva from, gva to);
    void (*set_deadline)(struct cpu *cpu, uint64_t vclock_ns); /* raise CPU_EVENT_irq then; UINT64_MAX: never; one deadline a vCPU */
    void (*wake)(struct cpu *cpu);                             /* any thread: look at events soon, also out of a wait */
    /* An environment call from the mode below the firmware that the machine provides (SBI, PSCI). false: not ours, trap as usual. */
    bool (*firmware_call)(struct cpu *cpu);
    /* A semihosting call; false: not enabled. */
    bool (*semihosting)(struct cpu *cpu);
    /* Every other vCPU of the machine obeys soon, on its thread between insns. settle: they have obeyed, or will before their next insn. */
    void (*tell)(struct cpu *cpu, struct cpu_order order);
    void (*settle)(struct cpu *cpu);
    void (*raise)(struct cpu *cpu, unsigned n); /* cpu_line_set(…, n, true) of every other vCPU of the machine */
    bool (*guarded)(struct cpu *cpu, gva va);   /* is the page of this insn one whose landings are looked at? */
    struct tlb *(*user_tlb)(struct cpu *cpu);   /* of guest->user_context(), and cpu->user_tlb from now on */
};

/*
 * What an LL has left. pair: LL and SC stand together and nothing but computation is between them, so that the SC need compare the value only: it
 * is as if the LL had come right before it. open: such an LL, but the block was left before its SC; another SC fails and asks for strict ones.
 */
enum { RESERVED_no, RESERVED_armed, RESERVED_open, RESERVED_pair, RESERVED_STRICT = 64 };

enum { CPU_UNSHARED_MAX = 256 };

struct cpu {
    struct tlb *tlb;         /* of the current context */
    struct tlb_entry *tlb2;  /* the second level, of all contexts; NULL: none, and no emitted code runs */
    gva pc;                  /* in a block: its first insn; outside: the next insn */
    _Atomic uint32_t events; /* any thread: CPU_EVENT_* */
    uint32_t fx;             /* FX_* */
    uint32_t landing;     /* how pc was come to: 1 to 3: by a jump with the hint land1 to land3, and nobody has looked yet; 0: otherwise */
    uint8_t fp_nan;       /* FP_NAN_*: the guest's rule (ir/softfloat.h) */
    bool fp_tiny_before;  /* tininess is detected before rounding */
    uint8_t fp_flush;     /* FP_FLUSH_*: subnormal operands and results are zeros */
    bool fp_alt_half;     /* f16 has numbers where the others have infinities and NaNs (Arm's AHP) */
    struct trap trap;     /* valid while trapped */
    bool trapped;         /* an op or helper trapped; whoever called it must stop */
    bool as_user;         /* the access at hand has the rights of user mode */
    bool stepping;        /* the guest looks at itself after each insn: none are run together */
    bool flat;            /* guest addresses are the host's own, below MEM_FLAT_END (user mode); a fault is the host's */
    _Atomic bool waiting; /* the guest executed a wait insn: the run loop sleeps; others may look */
    uint64_t wait_until;  /* vclock ns bound of that wait; UINT64_MAX: none */
    uint64_t insns;       /* retired, up to the current block */
    unsigned id;          /* 0.. in the machine */
    _Atomic uint64_t lines; /* any thread, by cpu_line_set: interrupt inputs, by guest numbers */
    const struct guest *guest;
    const struct ir_helper *helpers; /* the guest's */
    struct mem_space *space;
    const struct os_vclock *clock;
    const struct cpu_ops *ops;
    struct log *log;
    /* Of emitted code (jit/host/host.h). */
    gva page;                   /* the page that the running block begins in; its pc is this and an offset known when it was made */
    struct jit_jump *jumps;     /* the jump cache of the current view */
    const struct ir_op *jit_op; /* the op that trapped, and its block */
    const struct ir_block *jit_ir;
    struct jit_exit *jit_exit;    /* the exit taken */
    const void *volatile flat_op; /* the op of the evaluator's whose access of flat memory may fault just now; NULL: none */
    uint64_t compared[2];         /* operands of a comparison whose flags are not made yet */
    uint32_t host_fp;             /* the host's floating-point status on its way into fx */
    uint32_t fp_live;             /* some cells and part of fx are in the host's registers; 0 but while emitted code is entered */
    void *arch;                   /* the guest's own part: features, caches of its registers; guest->init makes it */
    void *accel;                  /* the accelerator's part of this vCPU */
    void *machine;                /* the machine's part, for ops of the machine */
    struct tlb *user_tlb;         /* of accesses with the rights of user mode (attribute user); one where nothing hits: ask ops */
    struct cpu_monitor *monitor;  /* shared by the machine's vCPUs: LL/SC */
    struct {
        const void *line;
        uint64_t value[2];
        uint32_t version;
        uint8_t size;
        uint8_t valid;  /* RESERVED_* */
        uint8_t strict; /* so many LLs of emitted code arm the version whatever follows */
    } reservation;
    const struct reg_window *window; /* registers that a device answers; NULL: none. The board sets it before the vCPU runs */
    struct cpu_stats *stats;         /* NULL: nobody wants to know */
    /* Accesses that a TLB of global pages did not keep, less those that it did; at CPU_UNSHARED_MAX none is used any more. */
    uint32_t unshared;
    _Alignas(16) uint64_t cell[];
};

/*
 * Where blocks' temporaries begin, behind so many cells of the guest: hosts take a load for one of what was just stored if the low bits of the
 * addresses are the same (11 on an AMD EPYC), and wait. Every block looks at events and counts insns, so the first temporaries keep away from these fields.
 */
enum { CPU_ALIAS = 2048 / 8, CPU_FIELDS = offsetof(struct cpu, cell) / 8, CPU_FIRST_TEMPS = 32 };
#define CPU_ALIAS_OF(cells) ((CPU_FIELDS + (cells)) % CPU_ALIAS)
#define CPU_FRAME_AT(cells)                                                                \
    (CPU_ALIAS_OF(cells) < CPU_FIELDS || CPU_ALIAS_OF(cells) + CPU_FIRST_TEMPS > CPU_ALIAS \
         ? (cells) + (CPU_ALIAS + CPU_FIELDS - CPU_ALIAS_OF(cells)) % CPU_ALIAS            \
         : (cells))

/* Of slow paths only. */
static inline void cpu_count(struct cpu *cpu, enum cpu_stat stat)
{
    if (cpu->stats)
        cpu->stats->n[stat]++;
}

/* Any thread: sets interrupt input n of the guest (riscv64: the bit of mip) and wakes the vCPU if that changes it. */
static inline void cpu_line_set(struct cpu *cpu, unsigned n, bool level)
{
    uint64_t bit = 1ull << n;
    uint64_t was = level ? atomic_fetch_or(&cpu->lines, bit) : atomic_fetch_and(&cpu->lines, ~bit);
    if (!(was & bit) == level) {
        atomic_fetch_or(&cpu->events, CPU_EVENT_irq);
        if (level)
            cpu->ops->wake(cpu);
    }
}

static inline void cpu_trap(struct cpu *cpu, uint32_t kind, uint64_t info)
{
    cpu->trap = (struct trap){kind, info};
    cpu->trapped = true;
}

/* Fields of a memory access's attributes (MEM_rlx ... MEM_user, words.def kind `at`). */
enum { MEM_ORDER = 7, MEM_UNIT = 208 };

/* Guest memory by virtual address (guest/access.c), for evaluator and helpers: size 1, 2, 4, 8 or 16 (hi: the upper half). false: cpu->trapped. */
bool cpu_load(struct cpu *cpu, gva va, unsigned size, unsigned attr, uint64_t value[2]);
bool cpu_store(struct cpu *cpu, gva va, unsigned size, unsigned attr, const uint64_t value[2]);
/* Every trap that the access would take, no data. */
bool cpu_probe(struct cpu *cpu, gva va, unsigned size, enum mem_access access, unsigned attr);
/* The host address of [va, va+size) in one RAM page, after all checks, and its physical address; a page-crossing or device access traps.
 * Whoever writes there calls mem_note_write(cpu->space, *at, size) afterwards. NULL: trapped. */
void *cpu_host(struct cpu *cpu, gva va, unsigned size, enum mem_access access, unsigned attr, gpa *at);
