/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The routines that every block's code shares: entering it from C, leaving it, one op by way of C, and the jump to a computed address.
 */
#include "ir/eval.h"
#include "jit/host/x86_64/abi.h"
#include "jit/host/x86_64/x86_64.h"
#include <string.h>

static const enum x86_reg saved[] = {RBX, RBP, R12, R13, R14, R15};
enum { SAVED = sizeof saved / sizeof *saved };

static void pins_move(struct code_buf *c, const uint16_t *pins, unsigned npins, bool load)
{
    for (unsigned i = 0; i < npins && i < PINS; i++) {
        if (load)
            x86_load(c, pin_regs[i], cell_mem(pins[i]));
        else
            x86_store(c, cell_mem(pins[i]), pin_regs[i]);
    }
}

/* enum jit_why enter(struct cpu *, entry) */
static void enter(struct code_buf *c, const uint16_t *pins, unsigned npins)
{
    for (unsigned i = 0; i < SAVED; i++)
        x86_push(c, saved[i]);
    x86_alu_ri(c, ALU_sub, true, RSP, 8); /* emitted code calls with an aligned stack */
    x86_mov(c, RAX, RSI);
    x86_lea(c, RBP, (struct x86_mem){.base = RDI, .index = NO_REG, .disp = STATE_BIAS});
    x86_load(c, R14, STATE(tlb));
    pins_move(c, pins, npins, true);
    x86_rr(c, 0xff, false, 4, RAX); /* jmp rax */
}

/* eax: enum jit_why */
static void leave(struct code_buf *c, const uint16_t *pins, unsigned npins)
{
    pins_move(c, pins, npins, false);
    x86_alu_ri(c, ALU_add, true, RSP, 8);
    for (unsigned i = SAVED; i-- > 0;)
        x86_pop(c, saved[i]);
    x86_ret(c);
}

/* Runs the op in rax by ir_op_run. ZF: it trapped. All registers but the pinned are lost. */
static void call_op(struct code_buf *c, const uint16_t *pins, unsigned npins)
{
    x86_store(c, STATE(jit_op), RAX);
    pins_move(c, pins, npins, false);
    x86_lea(c, RDI, (struct x86_mem){.base = RBP, .index = NO_REG, .disp = -STATE_BIAS});
    x86_mov(c, RSI, RAX);
    x86_alu_ri(c, ALU_sub, true, RSP, 8);
    x86_imm(c, RAX, (uintptr_t)ir_op_run);
    x86_rr(c, 0xff, false, 2, RAX); /* call rax */
    x86_alu_ri(c, ALU_add, true, RSP, 8);
    x86_load(c, R14, STATE(tlb));     /* a helper may have changed the context */
    x86_rr(c, 0x84, false, RAX, RAX); /* test al, al; the moves below keep the flags */
    pins_move(c, pins, npins, true);
    x86_ret(c);
}

void x86_probe(struct code_buf *c, const uint8_t *routines)
{
    const struct routines *r = (const void *)routines;
    x86_store(c, STATE(pc), RAX);
    x86_alu_mi(c, ALU_cmp, false, STATE(events), 0);
    uint8_t *poll = x86_jcc(c, CC_NE);
    x86_mov32(c, RCX, RAX);
    x86_shift(c, SH_shl, false, RCX, 3);
    x86_alu_ri(c, ALU_and, false, RCX, (JIT_JUMPS - 1) << 4);
    x86_alu_rm(c, ALU_add, true, RCX, STATE(jumps));
    x86_alu_rm(c, ALU_cmp, true, RAX, (struct x86_mem){.base = RCX, .index = NO_REG});
    uint8_t *miss = x86_jcc(c, CC_NE);
    x86_alu_ri(c, ALU_and, true, RAX, -4096);
    x86_store(c, STATE(page), RAX);
    x86_jmp_m(c, (struct x86_mem){.base = RCX, .index = NO_REG, .disp = 8});
    x86_target(c, poll, c->at);
    x86_target(c, miss, c->at);
    x86_imm(c, RAX, JIT_EXIT_branch);
    x86_jmp_exec(c, routines + r->leave);
}

static size_t routines(uint8_t *out, const uint8_t *exec, size_t room, const uint16_t *pins, unsigned npins)
{
    struct code_buf c = {.start = out, .at = out + sizeof(struct routines), .end = out + room, .exec = exec};
    struct routines r;
    r.enter = (uint32_t)(c.at - out);
    enter(&c, pins, npins);
    r.leave = (uint32_t)(c.at - out);
    leave(&c, pins, npins);
    r.call_op = (uint32_t)(c.at - out);
    call_op(&c, pins, npins);
    r.probe = (uint32_t)(c.at - out);
    memcpy(out, &r, sizeof r);
    /* x86_probe reads the table where the code will run; both are the same memory. */
    x86_probe(&c, exec);
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

static const struct jit_host x86_64 = {
    .name = "x86-64",
    .scratch = sizeof(struct emit),
    .code_max = 128 << 10,
    .routines = routines,
    .enter = run,
    .emit = x86_emit,
    .patch = patch,
};
const struct jit_host *const jit_host = &x86_64;
