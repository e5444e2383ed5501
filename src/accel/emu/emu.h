/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The emulating accelerator: what its files share. One emu_vm a machine, one emu_cpu a vCPU (vcpu->impl). */
#pragma once
#include "accel/vcpu.h"
#include "jit/cache.h"
#include "jit/compile.h"
#include "jit/translate.h"

enum {
    STUCK = 64 /* traps in a row without an insn retired */,
    CONTEXTS = 16,
    VIEWS = 32,
    JUMP_PAGES = 64,
    JUMP_SLOTS = 128,
    FETCH_SIZE = 64,
    SPACES = 16,
    PAGE_WORDS = 64 /* words of a bit for each page (hashed) */
};

/* Where a virtual page's bytes are to be fetched from, in one context. */
struct fetch_entry {
    gva page; /* TLB_NONE: empty */
    gpa at;
    bool guarded;
};

/* One translation of addresses: guest->context()'s number. */
struct context {
    uint64_t number;
    int64_t asid;
    bool used;
    uint64_t stamp; /* of its last use */
    struct tlb *tlb;
};

/* One translation of fetches: guest->code_space()'s number. */
struct space {
    uint64_t number;
    int64_t asid;
    bool used;
    uint64_t stamp; /* of its last use */
    struct tlb_spans spans;
    struct fetch_entry fetch[FETCH_SIZE];
};

/* A space together with a mode key: what a virtual pc means. Its id stands in the jump cache; ids are never used twice until they wrap. */
struct view {
    uint64_t key;
    struct space *space; /* NULL: free */
    uint32_t id;
    uint64_t jumped;        /* a bit for each 64th of jumps that something stands in */
    uint64_t backed;        /* likewise: it has memory of the host; also when nothing stands there any more */
    struct jit_jump *jumps; /* of emitted code; touched where it is used only */
};

struct jump { /* pc -> block, exact in one view; indexed by page, so that a page can be forgotten */
    gva pc;
    uint32_t view;
    struct jit_block *block;
    const uint8_t *entry; /* of its machine code, for who comes without a landing; NULL: not known */
};

struct emu_cpu {
    struct cpu *cpu;
    struct emu_vm *vm;
    struct ir_build *build;
    struct jit_source source;
    struct jit_exit *exit; /* emitted code left by it just now: it may be linked to the next block */
    struct jit_reader reader;
    uint64_t epoch;      /* of the jump cache's content */
    uint64_t shot_count; /* vm->shot_count when it last ran */
    unsigned fetch_room;
    bool fetch_guarded;  /* of struct tlb_page, where fetch_room is */
    _Atomic bool online; /* it is in the run loop */
    uint64_t trap_insns; /* cpu->insns at the last trap, and how many traps have come since without one insn retired */
    unsigned trap_repeats;
    struct context *context, *context_before; /* the one in use, and the one before: kernels and programs take turns */
    uint64_t user_number;                     /* of the context that cpu->user_tlb is of, if it is of one */
    struct view *view, *view_before, views[VIEWS];
    unsigned next_view;
    uint32_t next_id;
    uint64_t stamp;
    unsigned privates;               /* times that a supervisor's page was not global, less those that it was */
    bool unkept;                     /* the block that was looked up last is none for the jump caches */
    uint64_t code_regions[4];        /* a bit for each 2 MiB (hashed) that some entry of the jump caches lies in, */
    uint64_t code_pages[PAGE_WORDS]; /* and for each page */
    struct context contexts[CONTEXTS];
    struct space spaces[SPACES];
    struct tlb *all_tlbs;       /* of the contexts, */
    struct tlb_entry *tlb2;     /* their second level */
    unsigned tlb_id;            /* the last one given there */
    struct jit_jump *all_jumps; /* of the views */
    uint64_t jump_pages;        /* a bit for each row of jumps that something stands in */
    struct jump jumps[JUMP_PAGES][JUMP_SLOTS];
};

/* A page got code while other vCPUs may hold fast write entries for it. */
struct shot {
    gpa page;
    bool coded;
    uint64_t pending; /* vCPUs that have not looked yet */
    struct shot *next;
};

struct emu_vm {
    struct jit_cache *cache;
    struct jit_compiler *compiler; /* NULL: interpreter only */
    unsigned threshold;            /* of jit/policy.h */
    struct accel_vm *vm;
    struct os_mutex lock; /* shots */
    struct shot *shots;
    _Atomic uint64_t shot_count; /* ever; a vCPU that did not run meanwhile drops all its fast write entries instead of being asked */
};

/* context.c */
int emu_contexts_init(struct emu_cpu *emu);
void emu_contexts_fini(struct emu_cpu *emu);
void emu_view_update(struct emu_cpu *emu); /* mode or context may have changed */
struct tlb *emu_user_tlb(struct cpu *cpu);
void emu_tlb_flush(struct cpu *cpu, int64_t asid);
void emu_tlb_flush_page(struct cpu *cpu, gva va, int64_t asid);
/* Drops entries that write the page without notice; were there any? coded: it had code all the time since this was last done. */
bool emu_drop_fast_writes(struct emu_cpu *emu, gpa page, bool coded);
void emu_drop_all_writes(struct emu_cpu *emu);

/* jumps.c */
bool emu_space_update(struct emu_cpu *emu); /* is the view another now? */
void emu_spaces_flush(struct emu_cpu *emu, int64_t asid);
void emu_spaces_flush_page(struct emu_cpu *emu, gva va, int64_t asid);
bool emu_may_keep(struct emu_cpu *emu, const struct tlb_page *page); /* may where it is be remembered in the present space? */
void emu_forget_jumps(struct emu_cpu *emu);
void emu_forget_gone(struct emu_cpu *emu); /* those to blocks that were dropped since emu->epoch */
/* Emitted code jumps there by itself from now on, with that landing. */
void emu_note_jump(struct emu_cpu *emu, gva pc, unsigned landing, const uint8_t *entry);
const uint8_t *emu_known_jump(struct emu_cpu *emu, gva pc); /* what emitted code would find for a jump without a landing; or NULL */
static inline unsigned emu_jump_row(gva pc) { return (pc >> 12 ^ pc >> 18) % JUMP_PAGES; }
static inline struct jump *emu_jump(struct emu_cpu *emu, gva pc)
{
    return &emu->jumps[emu_jump_row(pc)][pc >> JIT_JUMP_BITS & (JUMP_SLOTS - 1)];
}

void emu_keep_jump(struct emu_cpu *emu, gva pc, struct jit_block *block); /* in the present view, pc is this block */

/* code.c */
/* At cpu->pc. NULL: cpu->trapped, or else this insn must be run by itself: protection is finer than pages, or the code is changing. */
struct jit_block *emu_block(struct emu_cpu *emu);
enum guest_landing emu_land(struct emu_cpu *emu); /* cpu->landing is looked at; LAND_trap: cpu->trapped */
bool emu_guarded(struct cpu *cpu, gva va);
struct ir_block *emu_single(struct emu_cpu *emu); /* one insn at cpu->pc, uncached, the builder's; NULL: cpu->trapped */
void emu_fetch_changed(struct cpu *cpu, gva from, gva to);
void emu_serve_shots(struct emu_cpu *emu);
void emu_code_enter(struct emu_cpu *emu); /* the vCPU begins to run, */
void emu_code_leave(struct emu_cpu *emu); /* and ends: it keeps nothing alive and answers no shots */

static inline struct emu_cpu *emu_of(const struct cpu *cpu) { return ((struct vcpu *)cpu->accel)->impl; }
