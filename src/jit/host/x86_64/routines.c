/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The routines that every block's code shares: entering it from C, leaving it, one op by way of C, and the jump to a computed address.
 */
#include "ir/flags.h"
#include "jit/host/x86_64/abi.h"
#include "jit/host/x86_64/sse.h"
#include <string.h>

static const enum x86_reg saved[] = {RBX, RBP, R12, R13, R14, R15};
enum { SAVED = sizeof saved / sizeof *saved };

struct pins {
    const uint16_t *cells, *fp;
    unsigned n, nfp;
    bool flat;
    const uint8_t *mxcsr; /* the constant */
};

static void pins_move(struct code_buf *c, const struct pins *pins, bool load)
{
    for (unsigned i = 0; i < pins->n; i++) {
        if (load)
            x86_load(c, pin_regs[i], cell_mem(pins->cells[i]));
        else
            x86_store(c, cell_mem(pins->cells[i]), pin_regs[i]);
    }
}

/* ---- floating point ---- */

static const struct constants constants = {
    .box = {0xffffffff00000000},
    .low32 = {0xffffffff},
    .abs32 = {0xffffffff7fffffff, ~0ull},
    .neg32 = {0x80000000},
    .abs64 = {0x7fffffffffffffff, ~0ull},
    .neg64 = {0x8000000000000000},
    .all_abs32 = {0x7fffffff7fffffff, 0x7fffffff7fffffff},
    .all_abs64 = {0x7fffffffffffffff, 0x7fffffffffffffff},
    .leasts32 = {0x0080000000800000, 0x0080000000800000},
    .leasts64 = {0x0010000000000000, 0x0010000000000000},
    .nan64 = 0x7ff8000000000000,
    .nan32 = 0xffffffff7fc00000,
    .minus_one = -1,
    .two63 = 0x1p63,
    .two32 = 0x1p32,
    .least64 = 0x1p-1022,
    .minus_one_f = -1,
    .two63_f = 0x1p63f,
    .two32_f = 0x1p32f,
    .least32 = 0x1p-126f,
    .mxcsr = 0x1f80,
    .flip = {0, 16, 8, 24, 4, 20, 12, 28, 2, 18, 10, 26, 6, 22, 14, 30, 1, 17, 9, 25, 5, 21, 13, 29, 3, 19, 11, 27, 7, 23, 15, 31},
    .flags = {[0x02] = FL_C, [0x03] = FL_N, [0x42] = FL_Z | FL_C, [0x47] = FL_C | FL_V},
};

static void fp_cells_move(struct code_buf *c, const struct pins *pins, bool load)
{
    for (unsigned i = 0; i < pins->nfp && i < XPINS; i++) {
        if (load)
            sse_load(c, false, XPIN0 + i, cell_mem(pins->fp[i]));
        else
            sse_store(c, false, cell_mem(pins->fp[i]), XPIN0 + i);
    }
}

static void ldmxcsr(struct code_buf *c, const struct pins *pins) { x86_prip(c, 0, 0x0fae, false, 2, pins->mxcsr); }

/* Returns the branch that is taken unless cpu->fp_live is that. */
static uint8_t *unless(struct code_buf *c, int32_t live)
{
    x86_alu_mi(c, ALU_cmp, false, STATE(fp_live), live);
    return x86_jcc(c, CC_NE);
}

static uint8_t *if_live(struct code_buf *c)
{
    x86_alu_mi(c, ALU_cmp, false, STATE(fp_live), 0);
    return x86_jcc(c, CC_E);
}

/* Called by the blocks that need them: flags, and cells or none, whatever there was. */
static void fp_change(struct code_buf *c, const struct pins *pins, uint32_t live)
{
    uint8_t *skip = unless(c, 0);
    ldmxcsr(c, pins);
    x86_target(c, skip, c->at);
    if (live == FP_LIVE) {
        fp_cells_move(c, pins, true);
    } else {
        skip = unless(c, FP_LIVE);
        fp_cells_move(c, pins, false);
        x86_target(c, skip, c->at);
    }
    x86_rm(c, 0xc7, false, 0, STATE(fp_live));
    x86_u32(c, live);
    x86_ret(c);
}

/* Cells and flags to where C looks for them; loses rcx, rdx. MXCSR has IE DE ZE OE UE PE from bit 0. */
static void fp_save(struct code_buf *c, const struct pins *pins, bool over)
{
    uint8_t *skip = if_live(c);
    x86_rm(c, 0x0fae, false, 3, STATE(host_fp)); /* stmxcsr */
    uint8_t *memory = unless(c, FP_LIVE);
    fp_cells_move(c, pins, false);
    x86_target(c, memory, c->at);
    x86_rm(c, 0x8b, false, RCX, STATE(host_fp));
    x86_mov32(c, RDX, RCX);
    x86_shift(c, SH_shr, false, RDX, 1);
    x86_alu_ri(c, ALU_and, false, RCX, FX_nv);
    x86_alu_ri(c, ALU_and, false, RDX, FX_dz | FX_of | FX_uf | FX_nx);
    x86_alu_rr(c, ALU_or, false, RCX, RDX);
    x86_rm(c, 0x09, false, RCX, STATE(fx));
    if (over) {
        x86_rm(c, 0xc7, false, 0, STATE(fp_live));
        x86_u32(c, 0);
    }
    x86_target(c, skip, c->at);
}

static void fp_again(struct code_buf *c, const struct pins *pins)
{
    uint8_t *skip = if_live(c);
    ldmxcsr(c, pins);
    uint8_t *memory = unless(c, FP_LIVE);
    fp_cells_move(c, pins, true);
    x86_target(c, memory, c->at);
    x86_target(c, skip, c->at);
}

/* ---- in and out ---- */

/* enum jit_why enter(struct cpu *, entry) */
static void enter(struct code_buf *c, const struct pins *pins)
{
    for (unsigned i = 0; i < SAVED; i++)
        x86_push(c, saved[i]);
    x86_alu_ri(c, ALU_sub, true, RSP, 8); /* emitted code calls with an aligned stack */
    x86_mov(c, RAX, RSI);
    x86_lea(c, RBP, (struct x86_mem){.base = RDI, .index = NO_REG, .disp = STATE_BIAS});
    if (!pins->flat)
        x86_load(c, R14, STATE(tlb));
    pins_move(c, pins, true);
    x86_rr(c, 0xff, false, 4, RAX); /* jmp rax */
}

/* eax: enum jit_why */
static void leave(struct code_buf *c, const struct pins *pins)
{
    fp_save(c, pins, true);
    pins_move(c, pins, false);
    x86_alu_ri(c, ALU_add, true, RSP, 8);
    for (unsigned i = SAVED; i-- > 0;)
        x86_pop(c, saved[i]);
    x86_ret(c);
}

/* Runs the op in rax by jit_op_run. ZF: it trapped. All registers but the pinned are lost. */
static void call_op(struct code_buf *c, const struct pins *pins)
{
    x86_store(c, STATE(jit_op), RAX);
    fp_save(c, pins, false);
    pins_move(c, pins, false);
    x86_lea(c, RDI, (struct x86_mem){.base = RBP, .index = NO_REG, .disp = -STATE_BIAS});
    x86_mov(c, RSI, RAX);
    x86_alu_ri(c, ALU_sub, true, RSP, 8);
    x86_imm(c, RAX, (uintptr_t)jit_op_run);
    x86_rr(c, 0xff, false, 2, RAX); /* call rax */
    x86_alu_ri(c, ALU_add, true, RSP, 8);
    if (!pins->flat)
        x86_load(c, R14, STATE(tlb)); /* a helper may have changed the context */
    fp_again(c, pins);
    x86_rr(c, 0x84, false, RAX, RAX); /* test al, al; the moves below keep the flags */
    pins_move(c, pins, true);
    x86_ret(c);
}

static void leave_why(struct code_buf *c, const uint8_t *leave, enum jit_why why)
{
    x86_imm(c, RAX, why);
    x86_jmp_exec(c, leave);
}

/* rax: the next insn's offset in the block's page; with flat memory its address. */
static void leave_for(struct code_buf *c, const uint8_t *leave, enum jit_why why, bool flat)
{
    if (!flat)
        x86_alu_rm(c, ALU_add, true, RAX, STATE(page));
    x86_store(c, STATE(pc), RAX);
    leave_why(c, leave, why);
}

/* rcx: the struct jit_exit that was taken and is not linked; rax as above, with flat memory only. */
static void leave_by_exit(struct code_buf *c, const uint8_t *leave, bool flat)
{
    x86_store(c, STATE(jit_exit), RCX);
    if (!flat)
        x86_rm(c, 0x63, true, RAX, (struct x86_mem){.base = RCX, .index = NO_REG, .disp = offsetof(struct jit_exit, target)}); /* movsxd */
    leave_for(c, leave, JIT_EXIT_link, flat);
}

/* rcx: the block of IR; rax: where it begins, as above. */
static void leave_ir(struct code_buf *c, const uint8_t *leave, enum jit_why why, bool flat)
{
    x86_store(c, STATE(jit_ir), RCX);
    leave_for(c, leave, why, flat);
}

void x86_probe(struct code_buf *c, const uint8_t *routines, bool flat, unsigned landing)
{
    const struct routines *r = (const void *)routines;
    const uint8_t *miss = routines + (landing ? r->land[landing - 1] : r->branch);
    x86_store(c, STATE(pc), RAX);
    x86_alu_mi(c, ALU_cmp, false, STATE(events), 0);
    x86_jcc_exec(c, CC_NE, miss);
    x86_mov32(c, RCX, RAX);
    x86_shift(c, SH_shl, false, RCX, 4 - JIT_JUMP_BITS);
    x86_alu_ri(c, ALU_and, false, RCX, (JIT_JUMPS - 1) << 4);
    if (landing)
        x86_alu_ri(c, ALU_xor, false, RCX, (int32_t)(landing << JIT_LANDING_pos << 4));
    x86_alu_rm(c, ALU_add, true, RCX, STATE(jumps));
    x86_alu_rm(c, ALU_cmp, true, RAX, (struct x86_mem){.base = RCX, .index = NO_REG});
    x86_jcc_exec(c, CC_NE, miss);
    if (!flat) { /* blocks of flat memory know where they stand */
        x86_alu_ri(c, ALU_and, true, RAX, -4096);
        x86_store(c, STATE(page), RAX);
    }
    x86_jmp_m(c, (struct x86_mem){.base = RCX, .index = NO_REG, .disp = 8});
}

/* A probe that missed: rax the address, rcx the place that was looked at, unless it was an event. Comes back if the other place has nothing either. */
static void probe_other(struct code_buf *c, bool flat)
{
    enum { ENTRY_BITS = 4, PLACE = JIT_JUMP_PAGE_BITS + ENTRY_BITS, MASK = ((1 << JIT_JUMP_FOLD) - 1) << PLACE };
    x86_alu_mi(c, ALU_cmp, false, STATE(events), 0);
    uint8_t *event = x86_jcc(c, CC_NE);
    x86_mov(c, RDX, RAX);
    x86_shift(c, SH_shr, true, RDX, JIT_JUMP_FOLD);
    x86_alu_rr(c, ALU_xor, true, RDX, RAX);
    x86_shift(c, SH_shr, true, RDX, JIT_JUMP_HIGH - PLACE);
    x86_alu_ri(c, ALU_and, false, RDX, MASK);
    x86_alu_rm(c, ALU_sub, true, RCX, STATE(jumps));
    x86_alu_rr(c, ALU_xor, true, RCX, RDX);
    x86_alu_rm(c, ALU_add, true, RCX, STATE(jumps));
    x86_alu_rm(c, ALU_cmp, true, RAX, (struct x86_mem){.base = RCX, .index = NO_REG});
    uint8_t *none = x86_jcc(c, CC_NE);
    if (!flat) {
        x86_alu_ri(c, ALU_and, true, RAX, -4096);
        x86_store(c, STATE(page), RAX);
    }
    x86_jmp_m(c, (struct x86_mem){.base = RCX, .index = NO_REG, .disp = 8});
    x86_target(c, event, c->at);
    x86_target(c, none, c->at);
}

static size_t routines(uint8_t *out, const uint8_t *exec, size_t room, const uint16_t *cells, unsigned n, const uint16_t *fp, unsigned nfp,
                       bool flat)
{
    enum { CONSTANTS = (sizeof(struct routines) + 15) / 16 * 16 };
    const struct pins pins = {cells, fp, pins_of(n, flat), nfp, flat, exec + CONSTANTS + offsetof(struct constants, mxcsr)};
    struct code_buf c = {.start = out, .at = out + CONSTANTS + sizeof constants, .end = out + room, .exec = exec};
    struct routines r = {.constants = CONSTANTS};
    memcpy(out + CONSTANTS, &constants, sizeof constants);
    r.enter = (uint32_t)(c.at - out);
    enter(&c, &pins);
    r.leave = (uint32_t)(c.at - out);
    leave(&c, &pins);
    r.call_op = (uint32_t)(c.at - out);
    call_op(&c, &pins);
    r.fp_load = (uint32_t)(c.at - out);
    fp_change(&c, &pins, FP_LIVE);
    r.fp_flags = (uint32_t)(c.at - out);
    fp_change(&c, &pins, FP_FLAGS);
    r.second_read = (uint32_t)(c.at - out);
    x86_second_routine(&c, false);
    r.second_write = (uint32_t)(c.at - out);
    x86_second_routine(&c, true);
    r.recent_read = (uint32_t)(c.at - out);
    x86_recent_routine(&c, false, exec + r.second_read);
    r.recent_write = (uint32_t)(c.at - out);
    x86_recent_routine(&c, true, exec + r.second_write);
    const uint8_t *out_of = exec + r.leave;
    r.branch = (uint32_t)(c.at - out);
    probe_other(&c, flat);
    leave_why(&c, out_of, JIT_EXIT_branch);
    r.link = (uint32_t)(c.at - out);
    leave_by_exit(&c, out_of, flat);
    r.poll = (uint32_t)(c.at - out);
    leave_for(&c, out_of, JIT_EXIT_poll, flat);
    r.trap = (uint32_t)(c.at - out);
    leave_ir(&c, out_of, JIT_EXIT_trap, flat);
    r.uncovered = (uint32_t)(c.at - out);
    leave_ir(&c, out_of, JIT_EXIT_uncovered, flat);
    for (unsigned i = 0; i < 3; i++) {
        r.land[i] = (uint32_t)(c.at - out);
        probe_other(&c, flat);
        x86_alu_mi(&c, ALU_or, false, STATE(landing), (int32_t)i + 1); /* it was 0 */
        leave_why(&c, out_of, JIT_EXIT_branch);
    }
    r.probe = (uint32_t)(c.at - out);
    memcpy(out, &r, sizeof r);
    /* x86_probe reads the table where the code will run; both are the same memory. */
    x86_probe(&c, exec, flat, 0);
    return c.full ? 0 : (size_t)(c.at - out);
}

static enum jit_why run(const uint8_t *base, struct cpu *cpu, const uint8_t *entry)
{
    enum jit_why (*fn)(struct cpu *, const uint8_t *);
    const uint8_t *at = base + ((const struct routines *)(const void *)base)->enter;
    memcpy(&fn, &at, sizeof fn);
    return fn(cpu, entry);
}

static void patch(uint8_t *site, int32_t displacement) { __atomic_store_n((int32_t *)(void *)site, displacement, __ATOMIC_RELEASE); }

static const char *const routine_names[] = {"enter",        "leave",       "call_op",      "probe",  "fp_load", "fp_flags", "second_read",
                                            "second_write", "recent_read", "recent_write", "branch", "link",    "poll",     "trap",
                                            "uncovered",    "land1",       "land2",        "land3",  NULL};

static const struct jit_host x86_64 = {
    .name = "x86-64",
    .routine_names = routine_names,
    .scratch = sizeof(struct emit),
    .code_max = 128 << 10,
    .routines = routines,
    .enter = run,
    .emit = x86_emit,
    .patch = patch,
};
const struct jit_host *const jit_host = &x86_64;
