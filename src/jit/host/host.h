/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A host: how blocks of IR become machine code. One const object each, chosen when vm is built for it. A host knows IR, struct cpu and
 * the TLB's layout, never a guest: which of the guest's registers deserve host registers is handed to it as a list of cells.
 */
#pragma once
#include "ir/cpu.h"
#include "ir/ir.h"
#include "ir/softfloat.h"

/* Why emitted code came back. */
enum jit_why {
    JIT_EXIT_branch, /* cpu->pc is the next insn */
    JIT_EXIT_link,   /* likewise; cpu->jit_exit is the exit that could go there directly from now on */
    JIT_EXIT_end,    /* mode, code or interrupts may have changed */
    JIT_EXIT_trap,   /* cpu->jit_op trapped; cpu->pc is its block's address */
    JIT_EXIT_poll,   /* as branch: an event waits */
    /* cpu->jit_ir, which begins at cpu->pc, must run in tier 0 this once: accesses that its code looks up together are not in one page
     * that the TLB knows */
    JIT_EXIT_uncovered,
};

/* A direct way out of a block: a jump whose displacement can be pointed at another block's code, or back at its own cold stub. */
struct jit_exit {
    struct jit_code *from, *to; /* from: NULL once its block is gone; to: NULL while not linked */
    struct jit_exit *next;      /* of those linked to the same block */
    uint32_t site, stub;        /* offsets in code memory: of the 4-byte displacement, of the stub */
    int32_t target;             /* of the way out, from the start of the page that `from` begins in */
    bool round;                 /* a loop of the block itself: linked as it is made, and never again once unlinked */
};

/* The jump cache: guest address to code, exact in one view. Indexed by the address's low bits, of which guests with insns of 2 bytes have one more
 * than counts; 16 bytes, as emitted code knows. */
enum { JIT_JUMPS = 32768, JIT_JUMP_BITS = 2 };
struct jit_jump {
    gva pc;
    const uint8_t *entry;
};
static inline unsigned jit_jump_index(gva pc) { return pc >> JIT_JUMP_BITS & (JIT_JUMPS - 1); }
/* Jumps with the hints land1 to land3 look elsewhere, near by: what one of them finds has been looked at for its kind. */
enum { JIT_LANDING_pos = 6, JIT_LANDINGS = 3 << JIT_LANDING_pos };
static inline unsigned jit_landing_index(gva pc, unsigned landing) { return jit_jump_index(pc) ^ landing << JIT_LANDING_pos; }
/* The other place of a jump, and of that again the first: many kernels' and programs' code is more than the table's addresses are apart. Within
 * its page's stretch of the table it stays where it is. The lowest addresses have one place, because of the next function. */
enum {
    JIT_JUMP_PAGE_BITS = 10 /* log2 of that stretch */,
    JIT_JUMP_HIGH = 17 /* from this bit on addresses do not count for the index */,
    JIT_JUMP_FOLD = 5
};
static inline unsigned jit_jump_other(unsigned index, gva pc)
{
    gva high = pc >> JIT_JUMP_HIGH;
    return index ^ ((high ^ high >> JIT_JUMP_FOLD) & ((1u << JIT_JUMP_FOLD) - 1)) << JIT_JUMP_PAGE_BITS;
}
/* The address of an entry that nothing matches: one that is looked for elsewhere. */
static inline gva jit_jump_none(unsigned index) { return index & ~(unsigned)JIT_LANDINGS ? 0 : 1 << JIT_JUMP_BITS; }

/* Instructions of an access to flat memory, [from, to): a fault there goes on at stub. Offsets in code memory. */
struct jit_fault {
    uint32_t from, to, stub;
};

struct jit_block;

struct jit_code { /* the code of one block; guarded by the compiler's lock, but entry */
    const uint8_t *entry;
    struct jit_block *block;     /* NULL: dropped */
    struct jit_exit *in;         /* exits of others linked to it */
    struct jit_code *chunk_next; /* of those in the same chunk */
    struct ir_block *unrolled;   /* what it was made of, if that is not the block's own IR */
    bool covers;                 /* as it was asked for */
    struct jit_fault *faults;    /* nfaults of them, behind the exits */
    unsigned nfaults, max_faults;
    uint64_t free_epoch; /* when the chunk is recycled */
    unsigned nexits, max_exits;
    struct jit_exit exits[];
};

struct jit_emit_request {
    const struct ir_block *ir;
    const struct ir_block *round; /* what it was unrolled from, or the same; the code may be made of both */
    unsigned page_offset;         /* of the block's first byte in its page */
    const uint16_t *pins;         /* cells in order of use: the host takes as many as it has registers for */
    unsigned npins;
    const uint16_t *fpins; /* likewise, of the cells with floating-point values */
    unsigned nfpins;
    uint8_t fp_host; /* of struct guest */
    bool alone;      /* no other vCPU runs this code or writes its memory */
    bool covers;     /* several accesses may be looked up together, at the cost of JIT_EXIT_uncovered */
    bool flat;       /* cpu->flat: accesses go without a probe, and the block stands at one address only: */
    gva page;        /* of the page that it begins in; flat only */
    uint16_t zero_cell;
    uint8_t *out;        /* where to write, */
    const uint8_t *exec; /* and where that will run */
    uint32_t offset;     /* of both in code memory */
    size_t room;
    void *scratch; /* jit_host->scratch bytes, zero at first, the same from call to call */
    unsigned max_exits;
    struct jit_exit *exits; /* filled: site, stub, target */
    unsigned nexits;
    unsigned max_faults;
    struct jit_fault *faults; /* filled in order; flat only */
    unsigned nfaults;
};

struct jit_host {
    const char *name;
    const char *const *routine_names; /* of the uint32_t offsets at the start of the routines; NULL at the end */
    size_t scratch;
    size_t code_max; /* bytes that one block may need at most, stubs included */
    /* Writes the routines that enter and leave emitted code; returns their size. Once per code memory, at its start. */
    size_t (*routines)(uint8_t *out, const uint8_t *exec, size_t room, const uint16_t *pins, unsigned npins, const uint16_t *fpins,
                       unsigned nfpins, bool flat);
    /* Runs code until it comes back. */
    enum jit_why (*enter)(const uint8_t *routines, struct cpu *cpu, const uint8_t *entry);
    size_t (*emit)(const uint8_t *routines, struct jit_emit_request *request); /* 0: it did not fit */
    void (*patch)(uint8_t *site, int32_t displacement);                        /* atomically, while others may run it */
};

bool jit_op_run(struct cpu *cpu, const struct ir_op *op); /* ir_op_run for emitted code: counts who comes */

extern const struct jit_host *const jit_host; /* of the machine vm runs on; NULL: there is none, tier 0 only */
