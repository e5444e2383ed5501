/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The verifier: run by tests on every block they build or parse. */
#include "ir/build.h"
#include "ir/text.h"
#include <string.h>

static bool leaves(unsigned op) { return ir_sigs[op].flags & IR_F_E; }

static const char *check_operands(const struct ir_op *o, unsigned cells)
{
    const struct ir_sig *sig = &ir_sigs[o->op];
    const uint16_t operands[3] = {o->a, o->b, o->c};
    size_t n = o->op == IR_CALL ? 0 : strlen(sig->in);
    unsigned each = ir_reads_pairs(o) ? 2 : 1;
    for (unsigned i = 0; i < n; i++) {
        bool last = i == n - 1, constant = operands[i] == IR_CONST;
        bool may = last && ((n == 2 && (sig->flags & IR_F_P)) || o->op == IR_TRAP || o->op == IR_TRAP_IF || o->op == IR_BRANCH_CMP);
        if (constant ? !may : operands[i] + each > cells)
            return constant ? "a constant where a cell must be" : "an operand outside the frame";
    }
    if (sig->out && o->op != IR_CALL && o->d + ir_result_cells(o) > cells)
        return "no result cell";
    return NULL;
}

static const char *check_op(const struct ir_block *block, unsigned i, unsigned cells, unsigned nhelpers)
{
    const struct ir_op *o = &block->ops[i];
    if (o->op >= IR_OPS || o->type > IR_fl)
        return "no such op or type";
    if (leaves(o->op) != (i == block->nops - 1u))
        return leaves(o->op) ? "ops behind the op that leaves" : "the last op does not leave";
    if ((leaves(o->op) || o->op == IR_BRANCH_IF || o->op == IR_BRANCH_CMP) && o->op != IR_TRAP && o->d > block->ninsns)
        return "retires more insns than there are";
    if (o->op == IR_CALL && o->imm >> 48 >= nhelpers)
        return "no such helper";
    return check_operands(o, cells);
}

bool ir_verify(const struct ir_block *block, unsigned guest_cells, unsigned nhelpers, unsigned *op, const char **why)
{
    *op = 0;
    *why = block->nops && block->ninsns ? NULL : "empty";
    for (unsigned i = 1; !*why && i < block->ninsns; i++)
        if (block->insns[i].op < block->insns[i - 1].op)
            *why = "insns out of order";
    for (unsigned i = 0; !*why && i < block->nops; i++) {
        *op = i;
        *why = check_op(block, i, guest_cells + IR_FRAME_EXTRA, nhelpers);
    }
    return !*why;
}
