/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the files of this host share. */
#pragma once
#include "jit/host/x86_64/abi.h"

/* The jump to the guest address in rax, through the jump cache; inline, so that each site is predicted by itself. */
void x86_probe(struct code_buf *c, const uint8_t *routines, bool flat, unsigned landing);
size_t x86_emit(const uint8_t *routines, struct jit_emit_request *request);

enum { COLD_MAX = 1024 };

struct emit;

/* A temporary of the current insn that is in an xmm register, and in no memory. */
struct xtemp {
    uint16_t cell;
    uint8_t reg;
    bool single;   /* f32 */
    uint8_t state; /* X_*; of a pinned register what that has */
};
enum { XTEMPS = 6 };

/* Of an xmm register; none: its 64 bits are the value (owed.c). */
enum {
    X_NAN = 1,   /* a NaN in it is quiet, but not yet the canonical one */
    X_UPPER = 2, /* an f32 that the guest has a box or zeros above, with anything above it */
    X_ONES = 4,  /* an f32 with what the guest has above it: ones, or zeros where there are no boxes */
};

/* A v128 that is in an xmm register too, in blocks that compute with vectors (vec.c). */
enum {
    V_PAIR = 1,  /* all of it */
    V_LOW = 2,   /* its low cell, with 0 or anything above */
    V_DIRTY = 4, /* a temporary that is in no memory */
};
struct vreg {
    uint16_t cell;
    uint8_t state; /* 0: nothing is in the register */
};

/* 16 bytes next to the code, and the instruction that looks at them. */
struct vconst {
    uint64_t half[2];
    uint8_t *site;
};
enum { VCONSTS = 512 };

/* A register of the guest that lives in a place which is another's by the list. */
struct borrowed {
    uint8_t cell, place; /* place: index of pin_regs and of the list */
};

/* An insn that computes a base address. */
struct place {
    uint8_t cell, copy;
    int16_t offset;
};

/* Accesses whose addresses differ by constants from what a register holds at the block's start (cover.c). */
struct cover {
    uint8_t root; /* the cell */
    bool store;
    uint16_t accesses;
    int32_t first, last; /* of their bytes, from there */
};
enum { COVERS = 8 };

/* An integer register whose value is in XMIRROR too: the low 32 bits, or all. */
struct mirror {
    uint16_t cell;
    bool wide, valid;
};

/* Condition flags that are to be made of this op's operands where they are wanted (sunk.c). */
struct sunk {
    const struct ir_op *op;     /* NULL: the flags are in their cell */
    const struct ir_op *choice; /* NULL, or the SELECT between the op's flags and constant ones; its condition is in its cell */
    unsigned cell;              /* of the flags */
    int32_t less[2];            /* what an operand was, less what its register holds */
    bool kept[2];               /* it is in cpu->compared instead */
};

/* What is where at a rare branch. */
struct kept {
    struct xtemp xtemp[XTEMPS];
    uint8_t xstate[XPINS]; /* of pinned xmm registers */
    uint8_t nxtemps;
    struct mirror mirror;
    struct sunk sunk;
    struct vreg vec[XPINS]; /* where e->vectors */
};

struct cold {                                                                /* code behind the block's end that a rare branch goes to */
    enum { COLD_slow, COLD_exit, COLD_trap, COLD_write, COLD_restart } kind; /* restart: out of the block, to the current insn */
    uint8_t *from, *back;                                                    /* displacement of the branch, or NULL; where to go on */
    const uint8_t *access;                                                   /* NULL, or from here to `back` a fault leads to the stub */
    uint8_t *hit; /* slow: behind the branch of a TLB probe, where to go on if the second level knew the page; or NULL */
    const struct ir_op *op;
    int result; /* slow: the register that the fast path leaves the result in, XMM + n of those; or -1 */
    void (*write)(struct emit *e, const struct cold *cold); /* write: makes the code, but for the jump back */
    uint8_t *also[4];                                       /* more branches to the same, or NULL */
    uint8_t reg, other;                                     /* other: write */
    uint16_t insn;                                          /* restart */
    bool single, boxed;
    uint8_t size, copy; /* of the access */
    bool store;
    bool direct;                 /* rax is the addend only, the base register is added by the access */
    bool polls;                  /* exit: it looks for events first */
    bool when;                   /* choices: of a condition that is true */
    bool addressed;              /* slow: the op's address, without its displacement, is a temporary that is in rax only */
    bool given_back;             /* trap: the guest's registers are where the list has them */
    uint16_t forwarded, skipped; /* at the branch */
    uint16_t kept;               /* the place of what else was so there (x86_kept) */
};
enum { XMM = 32 };

enum { NEED_none, NEED_low /* 32 bits */, NEED_all, NEED_CELLS = 2048 };

struct emit {
    struct code_buf c;
    const uint8_t *routines;
    struct jit_emit_request *request;
    const struct ir_block *ir;
    const struct routines *r;
    struct cold cold[COLD_MAX];
    struct kept kept[COLD_MAX]; /* at the branches to those */
    unsigned ncold;
    uint8_t pin_of[256]; /* of low cells: 1 + index of the pin register, 0: not pinned */
    unsigned npins, nborrowed;
    struct borrowed borrowed[PINS];
    struct cover cover[COVERS];
    unsigned ncovers;
    uint8_t covered[IR_MAX_OPS];               /* by op: 1 + the index of its cover, 0: it probes by itself */
    uint8_t *crossed[COVERS], *missed[COVERS]; /* branches to where all do: two pages, not in the TLB */
    bool loops;                                /* some way out leads to the block's start */
    bool walks;    /* its accesses are likely in the pages of the last ones: it loops, or computes with floats, as loops around it do */
    uint8_t *body; /* behind what only those do who come in */
    const struct ir_op *divided; /* a division whose result waits already */
    unsigned forwarded;          /* the temporary whose value is in rax only; IR_NONE */
    bool locks;                  /* of the atomic op being emitted */
    const struct ir_op *paired;  /* the SC that the last LL stands together with, as long as it has not come */
    bool ready, lzcnt, popcnt, cx16, sha, fma, sse41, sse42, bmi2, aes, clmul, avx, avx2;
    uint8_t base[TLB_RECENT]; /* what is known of registers as base addresses, */
    uint8_t copy[TLB_RECENT]; /* and which of the TLB's copies is for them */
    struct place places[TLB_RECENT];
    unsigned nplaces;
    uint8_t copies[IR_MAX_OPS];     /* by op: 1 + the copy for its result, 0: as before */
    uint8_t passing[IR_MAX_OPS];    /* by op: 1 + the copy for its address, a temporary or far from the register; 0: none */
    bool addressed;                 /* of the access being emitted: as in struct cold */
    bool again[IR_MAX_OPS];         /* by op: the same base is accessed again */
    uint8_t need[IR_MAX_OPS];       /* by op: NEED_* of its result */
    uint8_t wanted[NEED_CELLS + 1]; /* by cell, while those are found out */
    unsigned insn, insn_end;        /* the current insn, and the op behind its last */
    int top;                        /* the highest offset of an insn so far */
    unsigned skipped;               /* insns so far that the code takes for skipped: they are not to be counted */
    uint8_t xpin_of[256];           /* as pin_of, of cells in xmm registers, */
    unsigned xpin_low, xpin_span;   /* which lie from here on, within so many */
    uint8_t xstate[XPINS];          /* X_* of the pinned registers */
    struct xtemp xtemp[XTEMPS];
    struct mirror mirror;
    unsigned nxtemps;
    struct sunk sunk;
    bool vectors; /* the block computes with vectors: xmm registers are not the guest's scalars, */
    struct vreg vec[XPINS];
    unsigned vused[XPINS], vclock; /* when */
    unsigned vlocked;              /* one bit each: needed by this op */
    struct vconst vconst[VCONSTS];
    unsigned nvconst;
};

bool x86_exit_polls(const struct emit *e, const struct ir_op *op);
/* The op in rax by the evaluator; traps: returns the branch that is taken if it does, with the registers given back. */
uint8_t *x86_call_op(struct emit *e, bool traps);

/* operands.c */
int x86_pin(const struct emit *e, unsigned cell);                          /* the pinned register, or -1 */
enum x86_reg x86_get(struct emit *e, unsigned cell, enum x86_reg scratch); /* the register that holds it; loads into scratch if none does */
void x86_get_into(struct emit *e, unsigned cell, enum x86_reg d, bool wide);
void x86_alu_cell(struct emit *e, enum x86_alu op, bool wide, enum x86_reg d, unsigned cell);
enum x86_reg x86_result(const struct emit *e, const struct ir_op *op);        /* where to compute: the pinned register or rax */
void x86_finish(struct emit *e, const struct ir_op *op, enum x86_reg r);      /* the result, in r, goes to its cell */
void x86_finish_word(struct emit *e, const struct ir_op *op, enum x86_reg r); /* likewise of 32 bits: sign-extended if the op says so */
void x86_cold(struct emit *e, struct cold cold);
static inline const struct kept *x86_kept(const struct emit *e, const struct cold *cold) { return &e->kept[cold->kept]; }

bool x86_read_later(const struct emit *e, const struct ir_op *from, unsigned cell); /* before it is written */
bool x86_reads(const struct ir_op *op, unsigned cell);

/* sunk.c */
unsigned x86_sink(struct emit *e, const struct ir_op *op);     /* the op's flags are made later: how many ops it took, or 0 */
void x86_sunk_op(struct emit *e, const struct ir_op *op);      /* before each op */
void x86_sunk_written(struct emit *e, const struct ir_op *op); /* by an op that was lowered together with the one before it */
void x86_sunk_cold(struct emit *e, const struct cold *cold);   /* in a stub that leaves the block; loses rax, rcx, rdx */
bool x86_access_native(const struct ir_op *op);                /* memory.c: a load or store of at most a cell */
bool x86_stays_inside(const struct ir_op *op);                 /* computes only: the block is not left there */
bool x86_sees(const struct ir_op *op, unsigned cell);          /* x86_reads, and cells that the op has not by name */
/* carry.c */
unsigned x86_lower_carry(struct emit *e, const struct ir_op *op);           /* the number of ops that it took */
bool x86_carry_only(const struct emit *e, const struct ir_op *op);          /* of the flags that op makes; */
void x86_carry_keep(struct emit *e, const struct ir_op *op, bool inverted); /* the host's carry as these */
/* flags.c: rcx = rcx op the second operand, by way of rdx; the host's flags as the result */
void x86_flags_operate(struct emit *e, const struct ir_op *op, enum x86_alu alu);
void x86_flags_keep(struct emit *e, const struct ir_op *op, bool inverted);
void x86_flags_take(struct emit *e, bool inverted); /* the same into rax only */

static inline unsigned x86_need(const struct emit *e, const struct ir_op *op) { return e->need[op - e->ir->ops]; }

/* need.c */
void x86_plan_needs(struct emit *e); /* of a block */

/* registers.c */
void x86_plan_registers(struct emit *e); /* of a block */
void x86_borrow(struct emit *e);         /* at its start; */
void x86_give_back(struct emit *e);      /* before whoever expects the list's registers; keeps the others and the flags */
void x86_borrow_again(struct emit *e);   /* after C was called; keeps the flags */

/* xmm.c */
int x86_xpin(const struct emit *e, unsigned cell);     /* the pinned xmm register, or -1 */
int x86_xreg(const struct emit *e, unsigned cell);     /* likewise, or of a temporary */
bool x86_xmemory(const struct emit *e, unsigned cell); /* it is in no register at all */
/* Its value, for lowered float ops of that format, which do not see what a NaN lacks. */
unsigned x86_xget(struct emit *e, unsigned cell, bool single, unsigned scratch);
void x86_xget_into(struct emit *e, unsigned cell, bool single, unsigned d);
unsigned x86_xresult(struct emit *e, const struct ir_op *op); /* where to compute; may be an operand's register */
void x86_xfinish(struct emit *e, const struct ir_op *op, unsigned x, bool single, unsigned state);
bool x86_xkeep(const struct emit *e, const struct ir_op *op); /* may the temporary it makes stay in a register? */
bool x86_xalias(struct emit *e, const struct ir_op *op, unsigned x);
void x86_xsettle(struct emit *e);                 /* for the evaluator, what is in rax only goes to its cell as well */
void x86_xcold(struct emit *e, struct cold cold); /* with the temporaries of now */
void x86_xcold_generic(struct emit *e, const struct cold *cold);
void x86_xcold_evaluate(struct emit *e, const struct cold *cold); /* its first part: the result is in its cell */
void x86_xmm_begin(struct emit *e, bool there);                   /* of a block; there: the guest's registers are where it wants them */
void x86_xmm_op(struct emit *e, unsigned i);                      /* of an op */
bool x86_lower_from_xmm(struct emit *e, const struct ir_op *op);  /* copies to integer registers */
void x86_xmm_flush(struct emit *e, const struct ir_op *op);       /* operands to memory */
void x86_xmm_written(struct emit *e, const struct ir_op *op, bool memory); /* memory: the result is there, not in the register */
const uint8_t *x86_constant(const struct emit *e, size_t offset);
#define CONSTANT(e, field) x86_constant(e, offsetof(struct constants, field))

/* vec.c */
void x86_vec_begin(struct emit *e);                                   /* of a block: does it compute with vectors? */
unsigned x86_vget(struct emit *e, unsigned cell);                     /* the register with a v128; others that this op has got stay */
unsigned x86_vresult(struct emit *e);                                 /* one to compute in, none of the operands' */
void x86_vfinish(struct emit *e, const struct ir_op *op, unsigned x); /* the result goes to its cells, or stays in x only */
int x86_vlow(const struct emit *e, unsigned cell, unsigned *half);    /* the register that has the cell as one of its halves, or -1 */
void x86_vremember(struct emit *e, unsigned cell, unsigned x, unsigned state);
void x86_vwritten(struct emit *e, const struct ir_op *op);    /* by an op that knows nothing of this */
void x86_vsave(struct emit *e);                               /* before C: what is in no memory goes there; */
void x86_vreload(struct emit *e);                             /* and after it */
void x86_vspill(struct emit *e);                              /* before C from where nothing comes back */
void x86_vinsn(struct emit *e);                               /* temporaries are over */
void x86_pair_pins(struct emit *e, unsigned cell, bool load); /* of the two cells, those that are pinned: from or to memory */
bool x86_lower_pair(struct emit *e, const struct ir_op *op);  /* copies and constants of two cells, in other blocks */
void x86_vload_constant(struct emit *e, unsigned x, uint64_t low, uint64_t high);
/* d = f(a, constant); no immediate may follow. */
void x86_vwith_constant(struct emit *e, unsigned prefix, unsigned op, unsigned d, unsigned a, uint64_t low, uint64_t high);
void x86_vconstants(struct emit *e); /* behind the code */
/* vector.c */
bool x86_vector_native(const struct emit *e, const struct ir_op *op); /* neither leaves nor traps */
bool x86_vector_access(const struct emit *e, const struct ir_op *op); /* a load or store of v128 */
unsigned x86_lower_vector(struct emit *e, const struct ir_op *op);    /* the number of ops that it took */
/* vector_move.c */
bool x86_vector_move_native(const struct emit *e, const struct ir_op *op);
void x86_vector_move(struct emit *e, const struct ir_op *op);
/* A copy of one half of a vector that is in a register; the number of ops that it took. */
unsigned x86_vector_moved_half(struct emit *e, const struct ir_op *op);
/* vector_crypto.c */
bool x86_vector_crypto_native(const struct emit *e, const struct ir_op *op);
unsigned x86_vector_crypto(struct emit *e, const struct ir_op *op); /* the number of ops that it took */
/* vector_float.c */
bool x86_vector_float_native(const struct emit *e, const struct ir_op *op);
void x86_vector_float(struct emit *e, const struct ir_op *op);

/* NaNs are the one without payload, f32 are boxed. Otherwise the evaluator makes all NaNs. */
static inline bool x86_xcanonical(const struct emit *e) { return e->request->fp_host == FP_HOST_canonical; }

/* owed.c; all keep the integer registers */
unsigned x86_xstate(const struct emit *e, unsigned cell);
void x86_xpay_value(struct emit *e, unsigned x, bool single); /* what arithmetic left in any xmm register */
void x86_xpay_nan(struct emit *e, unsigned cell);
void x86_xpay_box(struct emit *e, unsigned cell);
void x86_xpay(struct emit *e, unsigned cell);
void x86_xpay_all(struct emit *e);
bool x86_xowes(const struct emit *e, const struct cold *cold);
void x86_xpay_cold(struct emit *e, const struct cold *cold);

/* mirror.c */
void x86_mirror_set(struct emit *e, const struct ir_op *op, unsigned x, bool wide); /* op has moved x to an integer register */
void x86_mirror_op(struct emit *e, const struct ir_op *op);
bool x86_mirrors(const struct emit *e, unsigned cell, bool single);
void x86_mirror_again(struct emit *e, struct mirror mirror);

/* float.c */
bool x86_float_native(const struct emit *e, const struct ir_op *op);
bool x86_lower_float(struct emit *e, const struct ir_op *op);
/* Around an instruction that may make a NaN or a tiny number: before its operands are got; where its result may be, given their registers;
 * what is above it is its first operand's. */
unsigned x86_lower_float_group(struct emit *e, const struct ir_op *op); /* float_group.c: how many ops it took, or 0 */
void x86_float_begin(struct emit *e);
unsigned x86_float_result(struct emit *e, const struct ir_op *op, unsigned a, unsigned b);
void x86_float_finish(struct emit *e, const struct ir_op *op, unsigned d, bool single, unsigned above, bool tiny);
/* float_convert.c */
void x86_float_convert(struct emit *e, const struct ir_op *op);
/* float_flags.c */
void x86_float_flags(struct emit *e, const struct ir_op *op);
unsigned x86_lower_flags(struct emit *e, const struct ir_op *op); /* the number of ops that it took; 0: none of its idioms */
/* divide.c */
bool x86_divide_native(const struct ir_op *op);
bool x86_lower_divide(struct emit *e, const struct ir_op *op);
bool x86_lower_total_division(struct emit *e, const struct ir_op *op); /* with the comparison and the choice behind it */
/* crypto.c */
bool x86_crypto_native(const struct emit *e, const struct ir_op *op);
unsigned x86_lower_crypto(struct emit *e, const struct ir_op *op); /* the number of ops that it took; 0: not one of its */
/* flags.c */
bool x86_flags_native(const struct ir_op *op);
bool x86_lower_condition_flags(struct emit *e, const struct ir_op *op); /* false: it makes no flags, nor bits of them */
enum x86_cc x86_condition(struct emit *e, const struct ir_op *op);      /* COND: sets the host's flags; loses rcx and rdx only */
/* fuse.c */
unsigned x86_lower_fused(struct emit *e, const struct ir_op *op); /* the number of ops that it took; 0: none of its pairs */
/* Is the cell, which op does not read, read by nobody but choices that x86_lower_fused makes of op, a comparison, and of those behind it? */
bool x86_chosen_only(const struct emit *e, const struct ir_op *op, unsigned cell);
void x86_lower_skip(struct emit *e, const struct ir_op *op);
void x86_extend(struct emit *e, unsigned cell, unsigned bits, bool is_signed, enum x86_reg r);
/* atomic.c */
bool x86_lower_atomic(struct emit *e, const struct ir_op *op);
void x86_locked(struct emit *e, const struct ir_op *op);            /* of the op that is emitted next: does it lock? */
void x86_lock(struct emit *e);                                      /* the prefix, if it does */
void x86_monitor_advance(struct emit *e);                           /* rdx: host address that was written. Loses rcx, rdx */
bool x86_lower_atomic_pair(struct emit *e, const struct ir_op *op); /* atomic_pair.c: CAS of 128 bits */

/* probe.c; rcx and rdx are lost in all */
void x86_plan_probes(struct emit *e);                       /* of a block */
void x86_note_base(struct emit *e, const struct ir_op *op); /* after each op */
/* rax: guest to host address. Returns the branch of a miss, NULL if that cannot be; *hit is where to go on once the entry that it looked
 * at has the page. */
uint8_t *x86_tlb_probe(struct emit *e, unsigned size, bool store, uint8_t **hit);
/* The same with the rights of user mode. The branch of a miss is that of the cold stub that must come next. */
void x86_user_probe(struct emit *e, const struct ir_op *op, unsigned size, bool store);
/* Where a load or store finds its bytes (of rax and the base register). Returns the branch of a miss, for the cold stub that must come
 * next, and *hit as x86_tlb_probe; NULL: it will be given, and no *hit. */
uint8_t *x86_host_address(struct emit *e, const struct ir_op *op, unsigned size, bool store, struct x86_mem *at, uint8_t **hit);
struct x86_mem x86_cover_copy(const struct emit *e, const struct cover *cover); /* the tag of the copy that is for it alone */
void x86_second_routine(struct code_buf *c, bool store);
void x86_recent_routine(struct code_buf *c, bool store, const uint8_t *second);

/* cover.c */
void x86_plan_covers(struct emit *e);                                          /* of a block */
void x86_cover(struct emit *e);                                                /* at its start, looks whether they hold; */
void x86_uncovered(struct emit *e);                                            /* and goes here if not */
const struct cover *x86_covered(const struct emit *e, const struct ir_op *op); /* NULL: it must probe */

/* memory.c */
void x86_address_into_rax(struct emit *e, const struct ir_op *op);
bool x86_lower_float_memory(struct emit *e, const struct ir_op *op); /* where an xmm register has the value or gets it */
bool x86_lower_memory(struct emit *e, const struct ir_op *op);       /* false: not one with a fast path */
/* integer.c */
void x86_branch(struct emit *e, const struct ir_op *op, enum x86_cc cc);
enum x86_cc x86_compare(struct emit *e, const struct ir_op *op); /* sets the flags; loses rcx and rdx only */
bool x86_lower_integer(struct emit *e, const struct ir_op *op);
bool x86_lower_plain(struct emit *e, const struct ir_op *op);     /* what most ops are, without asking for everything else */
bool x86_is_native(const struct emit *e, const struct ir_op *op); /* lowered without C, and neither traps nor leaves */
