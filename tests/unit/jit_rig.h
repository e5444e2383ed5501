/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * For tests of emitted code: a guest without instructions, twice. The `oracle` vCPU evaluates blocks, the `native` one runs what the
 * host's code generator made of them; each has its own memory with the same content. rig_check runs a block on both and compares
 * everything that a guest could see.
 *
 * Cells: registers of 64 bits, of 32 bits (upper half 0), of one bit, and pairs for 128 bits. Temporaries begin behind RIG_CELLS, the zero.
 */
#pragma once
#include "guest/guest.h"
#include "ir/text.h"
#include "jit/compile.h"
#include "os/code.h"

enum {
    RIG_WIDE = 20,          /* cells 0.. are of 64 bits, */
    RIG_NARROW = 26,        /* from RIG_WIDE on of 32, */
    RIG_BOOLS = 30,         /* of 1, */
    RIG_PAIRS = 38,         /* of 2 x 64, */
    RIG_BUDGET = RIG_PAIRS, /* and one that random ops leave alone */
    RIG_CELLS = 40,
    RIG_PINS = 14,
};

/* AddressSanitizer has memory of its own at addresses that random blocks on flat memory find. */
#if defined(__SANITIZE_ADDRESS__)
enum { RIG_FLAT = 0 };
#else
enum { RIG_FLAT = 1 };
#endif

/* Virtual pages, from RIG_VA on: some RAM, in another order than the physical pages. */
enum { RIG_ram0, RIG_ram1, RIG_ram2, RIG_ram3, RIG_readonly, RIG_device, RIG_hole, RIG_rom, RIG_half /* only its first half */, RIG_PAGES };
enum { RIG_RAM_PAGES = 6 };
#define RIG_VA UINT64_C(0x7fdfe000) /* so that the index of the TLB changes in both of its parts; where AddressSanitizer has nothing */
enum { TRAP_load = 13, TRAP_store = 15, TRAP_misaligned = 4, TRAP_bus = 7, TRAP_fetch = 12, TRAP_helper = 3 };

enum rig_helper {              /* all but pure ones have an effect that only an exact caller reproduces */
                  HELPER_sum,  /* (6 arguments) i64: pure */
                  HELPER_put,  /* (i64, i64) i32: writes two registers that are often pinned */
                  HELPER_trap, /* (i64) i64: traps if odd, after it has written a register */
                  HELPER_tlb,  /* (): the other address space */
                  HELPER_mix,  /* (v128, i64, v128) v128: pure */
                  HELPER_goto, /* (i64): sets pc */
                  HELPERS
};
extern const struct ir_helper rig_helpers[HELPERS];

struct rig_side {
    struct cpu *cpu;
    struct mem_space *space;
    struct cpu_monitor *monitor;
    uint8_t *ram;
    struct tlb *tlb[2];
    struct tlb_entry *tlb2;
    unsigned tlb_ids; /* given in tlb2 */
    uint64_t device;  /* checksum of what was stored to it */
};

struct rig {
    unsigned emitted; /* blocks; some after the other as for a machine of one vCPU, */
    unsigned checked; /* of them, some after the other */
    bool chosen;      /* have NaNs and tiny results by Arm's rules */
    bool shared;      /* unless threads share its memory */
    bool flat;        /* the pages stand at their own addresses, those of RAM and the readonly one; the others are not there */
    struct guest guest;
    uint16_t pins[RIG_PINS], fpins[RIG_PINS];
    struct rig_side native, oracle;
    struct jit_jump *jumps;
    struct os_code memory; /* routines, then one block after the other, from the start again when it is full */
    void *scratch;
    size_t routines, at;
    struct jit_exit exits[512];
    unsigned nexits;
    struct jit_fault faults[1024];
    unsigned nfaults;
    gva page;               /* that the block begins in; rig_check sets it */
    size_t code, code_size; /* of the last block, in memory */
};

/* The guest's functions and the cells alone; for tests that have a compiler. */
void rig_guest(struct guest *guest, const uint16_t *pins, unsigned npins);
void rig_tlb_forget(struct rig_side *side, struct tlb *tlb);
int rig_side_init(struct rig_side *side, const struct guest *guest);
void rig_side_fini(struct rig_side *side);
gpa rig_translate(unsigned page); /* the physical address of a virtual page of RAM */

int rig_init(struct rig *rig, const uint16_t *pins, unsigned npins);
int rig_init_flat(struct rig *rig, const uint16_t *pins, unsigned npins); /* one rig at a time */
void rig_fini(struct rig *rig);

/* Emits the block; false: no room for it. page_offset: where it stands in its page. */
bool rig_emit(struct rig *rig, const struct ir_block *block, unsigned page_offset);
/* Both vCPUs get the frame, pc and events, run the block and are compared. Explains a difference on stderr; false: there was one. */
bool rig_check(struct rig *rig, struct ir_block *block, const uint64_t frame[RIG_CELLS], gva pc, uint32_t events);
/* What tier 1's caller does with a trap: the op's info and the insn's address. */
void rig_finish_trap(struct cpu *cpu);
