/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The evaluator's loop: threaded code over the ops of a block. Frequent ops have a handler of their own for each type and operand form;
 * everything else goes through ir_op_run. Handlers read operands before they write the result: both may be the same cell.
 */
#include "ir/eval.h"
#include "mem/ram.h"
#include "os/fault.h"

/* clang-format off */

/* Integer ops with handlers: X(op, expression of the 64-bit form, of the 32-bit form). x and y are the operands. */
#define INTEGER(X)                                                                 \
    X(ADD, x + y, x + y)                                                           \
    X(SUB, x - y, x - y)                                                           \
    X(AND, x & y, x & y)                                                             \
    X(OR, x | y, x | y)                                                            \
    X(XOR, x ^ y, x ^ y)                                                           \
    X(SHL, x << (y & 63), x << (y & 31))                                           \
    X(SHR, x >> (y & 63), x >> (y & 31))                                           \
    X(SAR, (uint64_t)((int64_t)x >> (y & 63)), (uint32_t)((int32_t)x >> (y & 31))) \
    X(MUL, x * y, x * y)

/* Comparisons of 64-bit values: X(op, branch condition or 0, expression). */
#define COMPARE(X)                  \
    X(EQ, x == y)                   \
    X(NE, x != y)                   \
    X(SLT, (int64_t)x < (int64_t)y) \
    X(ULT, x < y)

#define CONDITION(X)                 \
    X(eq, x == y)                    \
    X(ne, x != y)                    \
    X(slt, (int64_t)x < (int64_t)y)  \
    X(sge, (int64_t)x >= (int64_t)y) \
    X(ult, x < y)                    \
    X(uge, x >= y)

/* Accesses of normal memory: X(op, width, type in C of the bits, type in C of the extended value). */
#define LOADS(X)                     \
    X(LOADZ, 8, uint8_t, uint8_t)    \
    X(LOADZ, 16, uint16_t, uint16_t) \
    X(LOADZ, 32, uint32_t, uint32_t) \
    X(LOADS, 8, uint8_t, int8_t)     \
    X(LOADS, 16, uint16_t, int16_t)  \
    X(LOADS, 32, uint32_t, int32_t)  \
    X(LOAD, 32, uint32_t, uint32_t)  \
    X(LOAD, 64, uint64_t, uint64_t)

#define STORES(X)   \
    X(8, uint8_t)   \
    X(16, uint16_t) \
    X(32, uint32_t) \
    X(64, uint64_t)

enum handler {
    H_other, /* first: what nothing else names */
#define X(op, e64, e32) H_##op##_64rr, H_##op##_64rk, H_##op##_32rr, H_##op##_32rk, H_##op##_32rr_sx, H_##op##_32rk_sx,
    INTEGER(X)
#undef X
#define X(op, e) H_##op##_rr, H_##op##_rk,
        COMPARE(X)
#undef X
#define X(cc, e) H_branch_##cc##_rr, H_branch_##cc##_rk,
            CONDITION(X)
#undef X
#define X(op, w, bits, value) H_##op##_##w,
                LOADS(X)
#undef X
#define X(w, bits) H_store_##w,
                    STORES(X)
#undef X
                        H_mov,
    H_k,
    H_pc,
    H_sext32,
    H_select,
    H_branch,
    H_branch_if,
    H_branch_cmp32,
    H_jump,
    H_end,
    H_trap,
    H_trap_if,
    HANDLERS,
};

/* clang-format on */

static unsigned integer_handler(const struct ir_op *op, unsigned first)
{
    unsigned constant = op->b == IR_CONST;
    return op->type == IR_i64 ? first + constant : op->type == IR_i32 ? first + 2 + constant + (op->s[0] == IR_SX ? 2 : 0) : H_other;
}

static unsigned load_handler(const struct ir_op *op)
{
    unsigned width = op->op == IR_LOAD ? (op->type == IR_i64 || op->type == IR_f64   ? 64
                                          : op->type == IR_i32 || op->type == IR_f32 ? 32
                                                                                     : 0)
                                       : op->s[0];
    unsigned attr = op->s[op->op == IR_LOAD ? 0 : 1];
    if (attr)
        return H_other;
#define X(o, w, bits, value)                                                          \
    if (op->op == IR_##o && width == w && (IR_##o != IR_LOADS || op->type == IR_i64)) \
        return H_##o##_##w;
    LOADS(X)
#undef X
    return H_other;
}

static unsigned store_handler(const struct ir_op *op)
{
    unsigned width = op->op == IR_STOREN                        ? op->s[0]
                     : op->type == IR_i64 || op->type == IR_f64 ? 64
                     : op->type == IR_i32 || op->type == IR_f32 ? 32
                                                                : 0;
    if (op->s[op->op == IR_STOREN])
        return H_other;
#define X(w, bits)  \
    if (width == w) \
        return H_store_##w;
    STORES(X)
#undef X
    return H_other;
}

/* clang-format off */
static unsigned choose(const struct ir_op *op)
{
    unsigned constant = op->b == IR_CONST;
    switch (op->op) {
#define X(o, e64, e32) \
    case IR_##o: return integer_handler(op, H_##o##_64rr);
        INTEGER(X)
#undef X
#define X(o, e) \
    case IR_##o: return op->type == IR_i64 ? H_##o##_rr + constant : H_other;
        COMPARE(X)
#undef X
    case IR_BRANCH_CMP: return op->type == IR_i64 ? H_branch_eq_rr + op->s[0] * 2u + constant : H_branch_cmp32;
    case IR_LOAD: case IR_LOADZ: case IR_LOADS: return load_handler(op);
    case IR_STORE: case IR_STOREN: return store_handler(op);
    case IR_MOV: return ir_type_cells(op->type) > 1 ? H_other : H_mov;
    case IR_K: return ir_type_cells(op->type) > 1 ? H_other : H_k;
    case IR_PC: return H_pc;
    case IR_SEXT: return op->type == IR_i64 && op->s[3] == IR_i32 ? H_sext32 : H_other;
    case IR_SELECT: return op->type == IR_i64 || op->type == IR_f64 ? H_select : H_other;
    case IR_BRANCH: return H_branch;
    case IR_BRANCH_IF: return H_branch_if;
    case IR_JUMP: return H_jump;
    case IR_END: return H_end;
    case IR_TRAP: return H_trap;
    case IR_TRAP_IF: return H_trap_if;
    }
    return H_other;
}

/* clang-format on */

void ir_eval_prepare(struct ir_block *block)
{
    for (unsigned i = 0; i < block->nops; i++)
        block->ops[i].handler = (uint16_t)choose(&block->ops[i]);
}

/* Precise state: the registers are those of the insn's start already, its address and the insns before it are found here. */
enum ir_exit ir_eval_trapped(struct cpu *cpu, const struct ir_block *block, const struct ir_op *op)
{
    unsigned at = (unsigned)(op - block->ops), high = block->ninsns,
             low = block->insns[high - 1].op <= at ? high - 1 : 0; /* mostly the last */
    while (high - low > 1) {
        unsigned middle = (low + high) / 2;
        if (block->insns[middle].op <= at)
            low = middle;
        else
            high = middle;
    }
    cpu->pc += (uint64_t)(int64_t)block->insns[low].offset;
    cpu->insns += low;
    return IR_EXIT_trap;
}

static bool branch_cmp32(const struct ir_op *op, const uint64_t *cell)
{
    uint32_t x = (uint32_t)cell[op->a], y = op->b == IR_CONST ? (uint32_t)(op->imm >> 32) : (uint32_t)cell[op->b];
    switch (op->s[0]) {
    case IR_CC_eq: return x == y;
    case IR_CC_ne: return x != y;
    case IR_CC_slt: return (int32_t)x < (int32_t)y;
    case IR_CC_sge: return (int32_t)x >= (int32_t)y;
    case IR_CC_ult: return x < y;
    default: return x >= y;
    }
}

static bool load_slow(struct cpu *cpu, const struct ir_op *op, gva va, unsigned size, uint64_t *value)
{
    uint64_t two[2] = {0};
    if (!cpu_load(cpu, va, size, 0, two))
        return false;
    (void)op;
    *value = two[0];
    return true;
}

static bool store_slow(struct cpu *cpu, gva va, unsigned size, uint64_t value)
{
    return cpu_store(cpu, va, size, 0, (const uint64_t[2]){value, 0});
}

/* In flat memory there is no other way to an access than to try it; where addresses have tags the slow path takes those off. */
static bool flat(const struct cpu *cpu, gva va) { return cpu->flat && va < MEM_FLAT_END - 8; }

#define FLAT(cpu, op, access)                      \
    do {                                           \
        (cpu)->flat_op = (op);                     \
        atomic_signal_fence(memory_order_seq_cst); \
        access;                                    \
        atomic_signal_fence(memory_order_seq_cst); \
        (cpu)->flat_op = NULL;                     \
    } while (0)

/* clang-format off */
static enum ir_exit loop(struct cpu *cpu, const struct ir_block *block, const struct ir_op *op, unsigned again)
{
    static const void *const labels[HANDLERS] = {
        [H_other] = &&other,
#define X(op, e64, e32) \
    [H_##op##_64rr] = &&op##_64rr, [H_##op##_64rk] = &&op##_64rk, [H_##op##_32rr] = &&op##_32rr, [H_##op##_32rk] = &&op##_32rk, \
    [H_##op##_32rr_sx] = &&op##_32rr_sx, [H_##op##_32rk_sx] = &&op##_32rk_sx,
        INTEGER(X)
#undef X
#define X(op, e) [H_##op##_rr] = &&op##_rr, [H_##op##_rk] = &&op##_rk,
        COMPARE(X)
#undef X
#define X(cc, e) [H_branch_##cc##_rr] = &&branch_##cc##_rr, [H_branch_##cc##_rk] = &&branch_##cc##_rk,
        CONDITION(X)
#undef X
#define X(op, w, bits, value) [H_##op##_##w] = &&op##_##w,
        LOADS(X)
#undef X
#define X(w, bits) [H_store_##w] = &&store_##w,
        STORES(X)
#undef X
        [H_mov] = &&mov, [H_k] = &&k, [H_pc] = &&pc, [H_sext32] = &&sext32, [H_select] = &&select,
        [H_branch] = &&branch, [H_branch_if] = &&branch_if, [H_branch_cmp32] = &&branch_cmp32, [H_jump] = &&jump, [H_end] = &&end,
        [H_trap] = &&trap, [H_trap_if] = &&trap_if,
    };
    uint64_t *cell = cpu->cell;

#define GO goto *labels[op->handler]
#define NEXT \
    do { \
        op++; \
        GO; \
    } while (0)
#define TAKE(offset) \
    do { \
        cpu->pc += (uint64_t)(int64_t)(offset); \
        cpu->insns += op->d; \
        return IR_EXIT_branch; \
    } while (0)
    GO;

#define FORM(label, type, second, expression, store) \
    label: { \
        type x = (type)cell[op->a], y = (type)(second); \
        cell[op->d] = store(expression); \
        NEXT; \
    }
#define X(op_, e64, e32) \
    FORM(op_##_64rr, uint64_t, cell[op->b], e64, (uint64_t)) \
    FORM(op_##_64rk, uint64_t, op->imm, e64, (uint64_t)) \
    FORM(op_##_32rr, uint32_t, cell[op->b], e32, (uint32_t)) \
    FORM(op_##_32rk, uint32_t, op->imm, e32, (uint32_t)) \
    FORM(op_##_32rr_sx, uint32_t, cell[op->b], e32, (uint64_t)(int64_t)(int32_t)) \
    FORM(op_##_32rk_sx, uint32_t, op->imm, e32, (uint64_t)(int64_t)(int32_t))
    INTEGER(X)
#undef X
#define X(op_, e) \
    FORM(op_##_rr, uint64_t, cell[op->b], e, ) \
    FORM(op_##_rk, uint64_t, op->imm, e, )
    COMPARE(X)
#undef X

#define BRANCH(label, second, expression) \
    label: { \
        uint64_t x = cell[op->a], y = (uint64_t)(second); \
        if (expression) \
            TAKE((int32_t)op->imm); \
        NEXT; \
    }
#define X(cc, e) \
    BRANCH(branch_##cc##_rr, cell[op->b], e) \
    BRANCH(branch_##cc##_rk, (int64_t)op->imm >> 32, e)
    CONDITION(X)
#undef X

#define X(op_, w, bits, value) \
    op_##_##w: { \
        gva va = cell[op->a] + op->imm; \
        const struct tlb_entry *e = &cpu->tlb->read[tlb_index(va)]; \
        bits got; \
        if (__builtin_expect(tlb_hit(e, va, w / 8), 1)) { \
            got = ram_get_##w(va + e->addend); \
        } else if (flat(cpu, va)) { \
            FLAT(cpu, op, got = ram_get_##w(va)); \
        } else { \
            uint64_t slow; \
            if (!load_slow(cpu, op, va, w / 8, &slow)) \
                return ir_eval_trapped(cpu, block, op); \
            got = (bits)slow; \
        } \
        cell[op->d] = (uint64_t)(value)got; \
        NEXT; \
    }
    LOADS(X)
#undef X
#define X(w, bits) \
    store_##w: { \
        gva va = cell[op->a] + op->imm; \
        const struct tlb_entry *e = &cpu->tlb->write[tlb_index(va)]; \
        bits put = (bits)cell[op->b]; \
        if (__builtin_expect(tlb_hit(e, va, w / 8), 1)) \
            ram_put_##w(va + e->addend, put); \
        else if (flat(cpu, va)) \
            FLAT(cpu, op, ram_put_##w(va, put)); \
        else if (!store_slow(cpu, va, w / 8, put)) \
            return ir_eval_trapped(cpu, block, op); \
        NEXT; \
    }
    STORES(X)
#undef X

mov:
    cell[op->d] = cell[op->a];
    NEXT;
k:
    cell[op->d] = op->imm;
    NEXT;
pc:
    cell[op->d] = cpu->pc + op->imm;
    NEXT;
sext32:
    cell[op->d] = (uint64_t)(int64_t)(int32_t)cell[op->a];
    NEXT;
select:
    cell[op->d] = cell[cell[op->a] ? op->b : op->c];
    NEXT;
branch_cmp32:
    if (branch_cmp32(op, cell))
        TAKE((int32_t)op->imm);
    NEXT;
branch_if:
    if (cell[op->a])
        TAKE(op->imm);
    NEXT;
branch:
    if (!op->imm && again && !atomic_load_explicit(&cpu->events, memory_order_relaxed)) { /* the block's own loop */
        again--;
        cpu->insns += op->d;
        op = block->ops;
        GO;
    }
    TAKE(op->imm);
jump:
    cpu->pc = cell[op->a];
    cpu->insns += op->d;
    if (op->s[0] > IR_mode)
        cpu->landing = op->s[0] - IR_mode;
    return op->s[0] == IR_mode ? IR_EXIT_end : IR_EXIT_branch;
end:
    if (!op->s[1]) /* else a helper has set it */
        cpu->pc += op->imm;
    cpu->insns += op->d;
    return IR_EXIT_end;
trap_if:
    if (!cell[op->a])
        NEXT;
    cpu_trap(cpu, op->s[0], op->b == IR_CONST ? op->imm : cell[op->b]);
    return ir_eval_trapped(cpu, block, op);
trap:
    cpu_trap(cpu, op->s[0], op->a == IR_CONST ? op->imm : cell[op->a]);
    return ir_eval_trapped(cpu, block, op);
other:
    if (__builtin_expect(!ir_op_run(cpu, op), 0))
        return ir_eval_trapped(cpu, block, op);
    NEXT;
}
/* clang-format on */

struct flat_run {
    struct cpu *cpu;
    const struct ir_block *block;
    const struct ir_op *op; /* to begin with */
    unsigned again;
    enum ir_exit exit;
};

static void run_flat(void *arg)
{
    struct flat_run *r = arg;
    r->exit = loop(r->cpu, r->block, r->op, r->again);
}

enum ir_exit ir_eval_loop(struct cpu *cpu, const struct ir_block *block, unsigned again)
{
    if (!cpu->flat)
        return loop(cpu, block, block->ops, again);
    struct flat_run r = {.cpu = cpu, .block = block, .op = block->ops, .again = again};
    while (!os_fault_try_at(run_flat, &r, &cpu->flat_op)) { /* once more by itself, and on behind it, or it traps */
        const struct ir_op *op = cpu->flat_op;
        cpu->flat_op = NULL;
        if (!ir_op_run(cpu, op))
            return ir_eval_trapped(cpu, block, op);
        r.op = op + 1;
        r.again = 0;
    }
    return r.exit;
}
