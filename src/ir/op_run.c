/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One op by itself: the complete meaning of every op that does not leave the block. The evaluator calls it for what has no handler of its
 * own, other tiers for what they do not lower.
 */
#include "base/bits.h"
#include "ir/eval.h"
#include "ir/flags.h"
#include "ir/pure.h"
#include <string.h>

static uint64_t cut(uint64_t v, unsigned type)
{
    return type == IR_i1 ? v & 1 : type == IR_i32 || type == IR_f32 ? (uint32_t)v : type == IR_f16 ? (uint16_t)v : v;
}

static u128 get128(const struct cpu *cpu, unsigned cell) { return (u128)cpu->cell[cell + 1] << 64 | cpu->cell[cell]; }

static void put128(struct cpu *cpu, unsigned cell, u128 v)
{
    cpu->cell[cell] = (uint64_t)v;
    cpu->cell[cell + 1] = (uint64_t)(v >> 64);
}

static u128 carryless(uint64_t a, uint64_t b)
{
    u128 r = 0;
    for (unsigned i = 0; i < 64; i++)
        if (b >> i & 1)
            r ^= (u128)a << i;
    return r;
}

/* Ops with an operand or a result of 128 bits, or made for them. false: not one of them. */
static bool run_wide(struct cpu *cpu, const struct ir_op *op)
{
    unsigned source = op->s[3] ? op->s[3] : op->type;
    u128 a, b;
    switch (op->op) {
    case IR_CONCAT:
        if (source == IR_i32)
            cpu->cell[op->d] = cpu->cell[op->a] << 32 | (uint32_t)cpu->cell[op->b];
        else
            put128(cpu, op->d, (u128)cpu->cell[op->a] << 64 | cpu->cell[op->b]);
        return true;
    case IR_CLMUL: put128(cpu, op->d, carryless(cpu->cell[op->a], op->b == IR_CONST ? op->imm : cpu->cell[op->b])); return true;
    case IR_AES: cpu->cell[op->d] = ir_aes(op->s[0], cpu->cell[op->a], op->b == IR_CONST ? op->imm : cpu->cell[op->b]); return true;
    case IR_HI: cpu->cell[op->d] = cpu->cell[op->a] >> 32; return true;
    }
    if (ir_type_cells(source) == 1 && ir_type_cells(op->type) == 1)
        return false;
    a = op->op == IR_SELECT || ir_type_cells(source) == 1 ? cpu->cell[op->a] : get128(cpu, op->a);
    switch (op->op) {
    case IR_SELECT: put128(cpu, op->d, get128(cpu, a ? op->b : op->c)); return true;
    case IR_MOV:
    case IR_ZEXT: put128(cpu, op->d, a); return true;
    case IR_SEXT: put128(cpu, op->d, (u128)(s128)bits_sext((uint64_t)a, source == IR_i32 ? 32 : 64)); return true;
    case IR_TRUNC: cpu->cell[op->d] = cut((uint64_t)a, op->type); return true;
    case IR_NOT: put128(cpu, op->d, ~a); return true;
    }
    b = get128(cpu, op->b);
    switch (op->op) {
    case IR_AND: put128(cpu, op->d, a & b); return true;
    case IR_OR: put128(cpu, op->d, a | b); return true;
    case IR_XOR: put128(cpu, op->d, a ^ b); return true;
    case IR_EQ: cpu->cell[op->d] = a == b; return true;
    case IR_NE: cpu->cell[op->d] = a != b; return true;
    case IR_DIVU: put128(cpu, op->d, b ? a / b : ~(u128)0); return true;
    case IR_REMU: put128(cpu, op->d, b ? a % b : a); return true;
    case IR_DIVS: put128(cpu, op->d, b == 0 ? ~(u128)0 : ~b == 0 ? -a : (u128)((s128)a / (s128)b)); return true;
    case IR_REMS: put128(cpu, op->d, b == 0 ? a : ~b == 0 ? 0 : (u128)((s128)a % (s128)b)); return true;
    }
    return false;
}

static void run_pure(struct cpu *cpu, const struct ir_op *op)
{
    const struct ir_sig *sig = &ir_sigs[op->op];
    unsigned source = op->s[3] ? op->s[3] : op->type;
    unsigned first = sig->in[0] == 'b' ? (unsigned)IR_i1 : source;
    uint64_t a = cut(cpu->cell[op->a], first), b = 0, c = 0;
    if (sig->in[1])
        b = cut(op->b == IR_CONST ? op->imm : cpu->cell[op->b], source);
    if (sig->in[1] && sig->in[2])
        c = cut(cpu->cell[op->c], source);
    uint64_t r =
        op->type >= IR_f16 ? cut(op->op == IR_SELECT ? (a ? b : c) : a, op->type) : ir_pure(op->op, op->type, source, op->imm, a, b, c);
    if (op->type == IR_i32 && op->s[0] == IR_SX)
        r = (uint64_t)(int64_t)(int32_t)r;
    cpu->cell[op->d] = r;
}

static unsigned access_size(const struct ir_op *op)
{
    if (op->op != IR_LOAD && op->op != IR_STORE)
        return op->s[0] / 8;
    return op->type == IR_i32 || op->type == IR_f32 ? 4 : op->type == IR_f16 ? 2 : ir_type_cells(op->type) == 2 ? 16 : 8;
}

static bool run_load(struct cpu *cpu, const struct ir_op *op)
{
    unsigned size = access_size(op);
    uint64_t v[2] = {0};
    if (!cpu_load(cpu, cpu->cell[op->a] + op->imm, size, op->s[op->op != IR_LOAD], v))
        return false;
    if (op->op == IR_LOADS)
        v[0] = cut((uint64_t)bits_sext(v[0], size * 8), op->type);
    cpu->cell[op->d] = v[0];
    if (size == 16)
        cpu->cell[op->d + 1] = v[1];
    return true;
}

static bool run_store(struct cpu *cpu, const struct ir_op *op)
{
    unsigned size = access_size(op);
    uint64_t v[2] = {cpu->cell[op->b], size == 16 ? cpu->cell[op->b + 1] : 0};
    return cpu_store(cpu, cpu->cell[op->a] + op->imm, size, op->s[op->op != IR_STORE], v);
}

static bool run_call(struct cpu *cpu, const struct ir_op *op)
{
    const struct ir_helper *h = &cpu->helpers[op->imm >> 48];
    const uint16_t from[6] = {op->a, op->b, op->c, (uint16_t)op->imm, (uint16_t)(op->imm >> 16), (uint16_t)(op->imm >> 32)};
    bool vector = h->result == IR_v128;
    uint64_t v[2] = {0}, args[7] = {(uintptr_t)v};
    for (unsigned i = 0; i < op->s[0]; i++)
        args[i + vector] = h->vectors >> i & 1 ? (uintptr_t)&cpu->cell[from[i]] : cpu->cell[from[i]];
    uint64_t r = h->fn(cpu, args[0], args[1], args[2], args[3], args[4], args[5]);
    if (h->traps && cpu->trapped)
        return false;
    if (op->d == IR_NONE)
        return true;
    cpu->cell[op->d] = vector ? v[0] : cut(r, h->result);
    if (vector)
        cpu->cell[op->d + 1] = v[1];
    return true;
}

/* riscv's sets say which order is asked for; only store-before-load costs a full fence on hosts with total store order. */
static void run_fence(const struct ir_op *op)
{
    unsigned pred = op->s[0] >> 4, succ = op->s[0] & 15;
    if ((pred & 5) && (succ & 10))
        atomic_thread_fence(memory_order_seq_cst);
    else
        atomic_thread_fence(memory_order_acq_rel);
}

static uint64_t run_clock(const struct cpu *cpu, const struct ir_op *op)
{
    switch (op->s[0]) {
    case IR_insns: return cpu->insns + op->imm;
    case IR_events: return atomic_load_explicit(&cpu->events, memory_order_relaxed);
    default: return os_vclock_ns(cpu->clock);
    }
}

static void run_flags(struct cpu *cpu, const struct ir_op *op)
{
    unsigned n = (unsigned)strlen(ir_sigs[op->op].in);
    uint64_t b = n < 2 ? 0 : op->b == IR_CONST ? op->imm : cpu->cell[op->b], carry = n < 3 ? 0 : cpu->cell[op->c];
    cpu->cell[op->d] = ir_flags(op->op, op->s[0], op->type, cpu->cell[op->a], b, carry);
}

/* And counts which way it went, for those who make machine code of it; vCPUs may lose each other's counts. */
static void run_skip(struct cpu *cpu, const struct ir_op *op)
{
    bool skips = (cpu->cell[op->a] != 0) != op->s[0];
    uint8_t *times = (uint8_t *)(uintptr_t)&op->s[skips ? 1 : 2], n = __atomic_load_n(times, __ATOMIC_RELAXED);
    if (n < UINT8_MAX)
        __atomic_store_n(times, n + 1, __ATOMIC_RELAXED);
    cpu->insns -= skips ? op->imm : 0;
}

bool ir_op_run(struct cpu *cpu, const struct ir_op *op)
{
    switch (op->op) {
    case IR_LOAD:
    case IR_LOADZ:
    case IR_LOADS: return run_load(cpu, op);
    case IR_STORE:
    case IR_STOREN: return run_store(cpu, op);
    case IR_PROBE: return cpu_probe(cpu, cpu->cell[op->a], (unsigned)op->imm, (enum mem_access)op->s[0], op->s[1]);
    case IR_LL:
    case IR_SC:
    case IR_AMO:
    case IR_CAS: return ir_op_atomic(cpu, op);
    case IR_CLREX: cpu->reservation.valid = RESERVED_no; return true;
    case IR_FENCE: run_fence(op); return true;
    case IR_CALL: return run_call(cpu, op);
    case IR_CLOCK: cpu->cell[op->d] = run_clock(cpu, op); return true;
    case IR_SKIP: run_skip(cpu, op); return true;
    case IR_COND: cpu->cell[op->d] = ir_condition(op->s[0], cpu->cell[op->a]); return true;
    case IR_FLADD:
    case IR_FLSUB:
    case IR_FLADC:
    case IR_FLSBC:
    case IR_FLLOG:
    case IR_FLPACK:
    case IR_FLBITS: run_flags(cpu, op); return true;
    case IR_FXGET: cpu->cell[op->d] = cpu->fx; return true;
    case IR_FXSET: cpu->fx = (uint32_t)cpu->cell[op->a] & 63; return true;
    case IR_FXOR: cpu->fx |= (uint32_t)cpu->cell[op->a] & 63; return true;
    case IR_K:
        cpu->cell[op->d] = op->imm;
        if (ir_type_cells(op->type) == 2)
            cpu->cell[op->d + 1] = op->type == IR_v128 ? op->imm : 0;
        return true;
    case IR_PC: cpu->cell[op->d] = cpu->pc + op->imm; return true;
    }
    if (op->op >= IR_VFADD)
        return ir_op_vector_float(cpu, op);
    if (op->op >= IR_VADD)
        return ir_op_vector(cpu, op);
    if (op->op >= IR_FADD)
        return ir_op_float(cpu, op);
    if (!run_wide(cpu, op))
        run_pure(cpu, op);
    return true;
}
