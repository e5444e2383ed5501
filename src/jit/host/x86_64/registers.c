/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Which of the guest's registers live in host registers within one block. At every way in and out it is the guest's list; a block whose
 * loop, or whose length, makes much of other registers borrows the places of those it hardly needs: what stands there goes to its cell
 * at the block's start (x86_borrow) and comes back at every way out (x86_give_back), calls of C included.
 */
#include "base/bits.h"
#include "jit/host/x86_64/x86_64.h"
#include <string.h>

enum { COUNTED = 256, /* cells looked at */ GAIN_LOOP = 3, GAIN_ONCE = 10 /* uses more than the register that gives way has */ };

static bool in_gpr(const struct ir_op *op)
{
    bool narrow = (op->type <= IR_i64 || op->type == IR_fl) && (op->s[3] <= IR_i64 || op->s[3] == IR_fl);
    return op->op < IR_FADD && op->op != IR_CALL && narrow;
}

/* Of the guest's cells that anything was counted of, in order. */
struct uses {
    uint16_t of[COUNTED];       /* UINT16_MAX: not in an integer register */
    uint64_t any[COUNTED / 64]; /* a bit for each that is not 0 */
};

static void count_use(struct uses *uses, const struct ir_op *op, unsigned cell, bool first)
{
    bool address = first && (ir_sigs[op->op].flags & (IR_F_R | IR_F_W));
    for (unsigned half = 0; half <= ir_reads_pairs(op) && cell + half < COUNTED; half++) {
        uint16_t *count = &uses->of[cell + half];
        if (*count == UINT16_MAX)
            continue;
        uses->any[(cell + half) / 64] |= 1ull << (cell + half) % 64;
        if ((address && !half) || in_gpr(op))
            ++*count;
        else if (op->op != IR_CALL)
            *count = UINT16_MAX;
    }
}

static void count_uses(const struct emit *e, struct uses *uses)
{
    for (unsigned i = 0; i < e->ir->nops; i++) {
        const struct ir_op *op = &e->ir->ops[i];
        if (e->need[i] == NEED_none)
            continue;
        bool writes = (ir_sigs[op->op].out || op->op == IR_CALL) && ir_sigs[op->op].out != 'L' &&
                      op->op != IR_K; /* flags are mostly never made (sunk.c), constants as well stored */
        const uint16_t cells[] = {op->a, op->b, op->c, writes ? op->d : (uint16_t)IR_NONE};
        for (unsigned n = 0; n < ARRAY_LEN(cells); n++)
            count_use(uses, op, cells[n], n == 0);
    }
}

static unsigned most_used(const struct emit *e, const struct uses *uses)
{
    unsigned best = IR_NONE;
    for (unsigned word = 0; word < COUNTED / 64; word++)
        for (uint64_t bits = uses->any[word]; bits; bits &= bits - 1) {
            unsigned cell = word * 64 + (unsigned)__builtin_ctzll(bits), n = uses->of[cell];
            if (cell < e->request->zero_cell && !e->pin_of[cell] && !e->xpin_of[cell] && n && n != UINT16_MAX &&
                (best == IR_NONE || n > uses->of[best]))
                best = cell;
        }
    return best;
}

/* The place whose register is least used, among those that are the list's still. */
static unsigned least_used(const struct emit *e, const struct uses *uses)
{
    unsigned best = PINS;
    for (unsigned place = 0; place < e->npins; place++) {
        bool lent = false;
        for (unsigned i = 0; i < e->nborrowed; i++)
            lent |= e->borrowed[i].place == place;
        if (!lent && (best == PINS || uses->of[e->request->pins[place]] < uses->of[e->request->pins[best]]))
            best = place;
    }
    return best;
}

void x86_plan_registers(struct emit *e)
{
    struct uses uses = {{0}, {0}};
    for (unsigned i = 0; i < e->nborrowed; i++) {
        e->pin_of[e->borrowed[i].cell] = 0;
        e->pin_of[e->request->pins[e->borrowed[i].place]] = (uint8_t)(e->borrowed[i].place + 1);
    }
    e->nborrowed = 0;
    unsigned gain = e->loops ? GAIN_LOOP : GAIN_ONCE;
    if (e->ir->nops < gain)
        return;
    count_uses(e, &uses);
    for (unsigned cell, place; (cell = most_used(e, &uses)) != IR_NONE && (place = least_used(e, &uses)) < PINS;) {
        unsigned owner = e->request->pins[place];
        if (uses.of[cell] < uses.of[owner] + gain)
            return;
        e->borrowed[e->nborrowed++] = (struct borrowed){(uint8_t)cell, (uint8_t)place};
        e->pin_of[owner] = 0;
        e->pin_of[cell] = (uint8_t)(place + 1);
        uses.of[owner] = UINT16_MAX; /* stays in memory */
    }
}

void x86_borrow(struct emit *e)
{
    for (unsigned i = 0; i < e->nborrowed; i++)
        x86_store(&e->c, cell_mem(e->request->pins[e->borrowed[i].place]), pin_regs[e->borrowed[i].place]);
    x86_borrow_again(e);
}

void x86_borrow_again(struct emit *e)
{
    for (unsigned i = 0; i < e->nborrowed; i++)
        x86_load(&e->c, pin_regs[e->borrowed[i].place], cell_mem(e->borrowed[i].cell));
}

void x86_give_back(struct emit *e)
{
    for (unsigned i = 0; i < e->nborrowed; i++) {
        x86_store(&e->c, cell_mem(e->borrowed[i].cell), pin_regs[e->borrowed[i].place]);
        x86_load(&e->c, pin_regs[e->borrowed[i].place], cell_mem(e->request->pins[e->borrowed[i].place]));
    }
}
