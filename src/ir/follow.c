/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Where the builder goes on behind a branch: jumps are followed, and a conditional one back to the block's start makes the block a loop; one to
 * before it may turn out to be a loop's first way out (b->way). Second tails of loops are tails.c's.
 */
#include "ir/build_state.h"
#include <stddef.h>

/* The other way round: the same registers, where the next insn is the way out. */
static void turn_round(struct ir_build *b, struct ir_op *o)
{
    static const uint8_t other[] = {[IR_CC_eq] = IR_CC_ne,   [IR_CC_ne] = IR_CC_eq,   [IR_CC_slt] = IR_CC_sge,
                                    [IR_CC_sge] = IR_CC_slt, [IR_CC_ult] = IR_CC_uge, [IR_CC_uge] = IR_CC_ult};
    uint32_t next = (uint32_t)b->next;
    if (o->op == IR_BRANCH_CMP) {
        o->s[0] = other[o->s[0]];
        o->imm = (o->imm & ~UINT64_C(0xffffffff)) | next;
        return;
    }
    o->op = IR_BRANCH_CMP; /* if 0 */
    o->type = IR_i64;
    o->s[0] = IR_CC_eq;
    o->b = IR_CONST;
    o->imm = next;
}

/* The block ends with the way back of the conditional branch that was built last. */
static void go_back(struct ir_build *b, int64_t to)
{
    turn_round(b, &b->ops[b->nops - 1]);
    struct ir_op *o = ir_append(b, IR_BRANCH, IR_none);
    o->d = (uint16_t)b->ninsns;
    o->imm = (uint64_t)to;
    b->next = (int)to;
    b->ended = true;
}

static int64_t branch_offset(const struct ir_op *o) { return o->op == IR_BRANCH_CMP ? (int32_t)o->imm : (int64_t)o->imm; }

void ir_no_way_out(struct ir_build *b)
{
    b->nops = b->way.nops;
    b->ninsns = b->way.ninsns;
    b->next = b->way.next;
    b->way.nops = 0;
    go_back(b, branch_offset(&b->ops[b->nops - 1]));
}

static void follow(struct ir_build *b, int low, int high)
{
    enum { FURTHER = 12 /* insns that a loop may have behind the first way out of it */ };
    ir_skip(b);
    if (b->way.nops && b->ninsns - b->way.ninsns > FURTHER) {
        ir_no_way_out(b);
        return;
    }
    struct ir_op *o = b->nops > b->first_op ? &b->ops[b->nops - 1] : NULL;
    bool always = o && b->ended && o->op == IR_BRANCH, maybe = o && !b->ended && (o->op == IR_BRANCH_IF || o->op == IR_BRANCH_CMP);
    if (!(always || maybe) || o->d != b->ninsns) /* what retires less is the same insn again */
        return;
    int64_t to = branch_offset(o);
    bool back = to <= b->offset;
    if (to < low || to >= high || maybe != (back && !(always && o->s[0] == IR_call)))
        return;
    if (always) {
        b->ended = false;
        b->nops--;
        b->next = (int)to;
    } else if (to >= 0 || b->way.nops) {
        go_back(b, to);
    } else {
        b->way.nops = b->nops;
        b->way.ninsns = b->ninsns;
        b->way.next = b->next;
    }
}

int ir_follow(struct ir_build *b, int low, int high)
{
    if (b->tail.nops)
        return ir_tail(b, low, high);
    follow(b, low, high);
    if (b->ended)
        ir_tail_begin(b, high);
    return b->next;
}
