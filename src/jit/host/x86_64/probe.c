/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * From a guest address to a host address, by the TLB of mem/tlb.h. The indexed probe serves every access; where the page is likely that of
 * the last access through the same register, its copy behind the indexed entries is compared instead: half the instructions, and the host
 * address does not wait for the index. That is only a guess about speed: the comparison decides.
 */
#include "base/bits.h"
#include "jit/host/x86_64/x86_64.h"
#include <string.h>

/* What is known of a register as a base: accessed since it was last computed anew, or at least not just loaded from memory. */
enum { BASE_read = 1, BASE_write = 2, BASE_computed = 4 };
enum {
    PASSING = 255,      /* instead of a register: of the insn's own */
    OWN = MEM_PAGE / 2, /* a displacement from here on likely leads to another page than the register: another array */
};

static struct x86_mem entry_at(bool store, enum x86_reg index)
{
    int32_t side = store ? (int32_t)offsetof(struct tlb, write) : (int32_t)offsetof(struct tlb, read);
    return (struct x86_mem){.base = R14, .index = index, .scale = 1, .disp = side};
}

/* Loops use the registers for different things, so the copies of one are in other places in each, as the block stands in its page. */
static struct x86_mem copy_at(const struct emit *e, bool store, unsigned half, unsigned copy)
{
    struct x86_mem m = entry_at(store, NO_REG);
    if (e->walks)
        copy = (copy ^ e->request->page_offset * 0x9e3779b1u >> 27) % TLB_RECENT;
    m.disp += (int32_t)((TLB_SIZE + half * TLB_RECENT + copy) * sizeof(struct tlb_entry));
    return m;
}

static struct x86_mem recent_at(const struct emit *e, bool store, unsigned copy) { return copy_at(e, store, 0, copy); }

static struct x86_mem tlb_field(size_t offset) { return (struct x86_mem){.base = R14, .index = NO_REG, .disp = (int32_t)offset}; }

static struct x86_mem addend(struct x86_mem entry)
{
    _Static_assert(sizeof(struct tlb_entry) == 16 && offsetof(struct tlb_entry, addend) == 8, "here and in the shift below");
    entry.disp += 8;
    return entry;
}

struct x86_mem x86_cover_copy(const struct emit *e, const struct cover *cover) { return copy_at(e, cover->store, 1, cover->root); }

/* rcx = offset of the indexed entry of rax. rorx: the host has it. */
static void index_into_rcx(struct code_buf *c, bool rorx)
{
    enum { ENTRY_BITS = 4 };
    if (rorx) {
        x86_rorx(c, RCX, RAX, MEM_PAGE_BITS - ENTRY_BITS);
    } else {
        x86_mov(c, RCX, RAX);
        x86_shift(c, SH_shr, true, RCX, MEM_PAGE_BITS - ENTRY_BITS);
    }
    x86_alu_ri(c, ALU_and, false, RCX, (TLB_SIZE - 1) << ENTRY_BITS);
}

/* rdx: the page; rcx: the entry's offset. */
static uint8_t *compare_indexed(struct emit *e, unsigned size, bool store)
{
    struct code_buf *c = &e->c;
    index_into_rcx(c, e->bmi2);
    x86_lea(c, RDX, (struct x86_mem){.base = RAX, .index = NO_REG, .disp = (int32_t)size - 1});
    x86_alu_ri(c, ALU_and, true, RDX, -MEM_PAGE);
    x86_alu_rm(c, ALU_cmp, true, RDX, entry_at(store, RCX));
    return x86_jcc(c, CC_NE);
}

uint8_t *x86_tlb_probe(struct emit *e, unsigned size, bool store, uint8_t **hit)
{
    if (e->request->flat)
        return NULL;
    uint8_t *slow = compare_indexed(e, size, store);
    *hit = e->c.at;
    x86_alu_rm(&e->c, ALU_add, true, RAX, addend(entry_at(store, RCX)));
    return slow;
}

/* And remembers the page for the register. */
static uint8_t *probe_filling(struct emit *e, unsigned size, bool store, unsigned copy, uint8_t **hit)
{
    struct code_buf *c = &e->c;
    uint8_t *slow = compare_indexed(e, size, store);
    *hit = e->c.at;
    x86_load(c, RCX, addend(entry_at(store, RCX)));
    x86_store(c, recent_at(e, store, copy), RDX);
    x86_store(c, addend(recent_at(e, store, copy)), RCX);
    x86_alu_rr(c, ALU_add, true, RAX, RCX);
    return slow;
}

static unsigned copy_of(const struct emit *e, const struct ir_op *op)
{
    unsigned passing = e->passing[op - e->ir->ops];
    return passing ? passing - 1 : e->copy[op->a];
}

/* Compares with the page that was last found through the register. */
static uint8_t *probe_recent(struct emit *e, const struct ir_op *op, unsigned size, bool store, bool direct)
{
    struct code_buf *c = &e->c;
    if (direct && !op->imm) {
        x86_mov(c, RDX, (enum x86_reg)x86_pin(e, op->a));
    } else if (direct) {
        x86_lea(c, RDX, (struct x86_mem){.base = (enum x86_reg)x86_pin(e, op->a), .index = NO_REG, .disp = (int32_t)op->imm});
    } else {
        x86_address_into_rax(e, op);
        x86_mov(c, RDX, RAX);
    }
    struct x86_mem recent = recent_at(e, store, copy_of(e, op));
    x86_alu_ri(c, ALU_and, true, RDX, -MEM_PAGE | (int32_t)(size - 1));
    x86_alu_rm(c, ALU_cmp, true, RDX, recent);
    uint8_t *other = x86_jcc(c, CC_NE);
    if (direct)
        x86_load(c, RAX, addend(recent));
    else
        x86_alu_rm(c, ALU_add, true, RAX, addend(recent));
    return other;
}

/* Of the page last found, but not aligned to its size, as vectors of smaller lanes often are. Loses rcx, rdx; rax is the address unless it hits. */
static void unaligned(struct emit *e, const struct cold *cold)
{
    struct code_buf *c = &e->c;
    struct x86_mem recent = recent_at(e, cold->store, cold->copy);
    uint8_t *miss[2];
    x86_mov(c, RDX, RAX);
    x86_alu_ri(c, ALU_and, true, RDX, -MEM_PAGE);
    x86_alu_rm(c, ALU_cmp, true, RDX, recent);
    miss[0] = x86_jcc(c, CC_NE);
    x86_mov32(c, RCX, RAX);
    x86_alu_ri(c, ALU_and, false, RCX, MEM_PAGE - 1);
    x86_alu_ri(c, ALU_cmp, false, RCX, MEM_PAGE - cold->size);
    miss[1] = x86_jcc(c, CC_A);
    if (cold->direct)
        x86_load(c, RAX, addend(recent));
    else
        x86_alu_rm(c, ALU_add, true, RAX, addend(recent));
    x86_target(c, x86_jmp(c), cold->back);
    x86_target(c, miss[0], c->at);
    x86_target(c, miss[1], c->at);
}

/* Another page than the last one: the indexed probe, which remembers it. The next stub is that of a miss there. */
static void cold_recent(struct emit *e, const struct cold *cold)
{
    struct code_buf *c = &e->c;
    if (cold->direct)
        x86_address_into_rax(e, cold->op);
    if (cold->size == 16)
        unaligned(e, cold);
    x86_imm(c, RCX, cold->size - 1u);
    x86_lea(c, RDX, recent_at(e, cold->store, cold->copy));
    x86_call_exec(c, e->routines + (cold->store ? e->r->recent_write : e->r->recent_read));
    e->cold[cold - e->cold + 1].from = x86_jcc(c, CC_NE);
    if (cold->direct)
        x86_mov(c, RAX, RCX);
}

/* Of the TLB with the rights of user mode, as far as it is known (cpu->user_tlb): the routines take it for the current one. */
static void cold_user(struct emit *e, const struct cold *cold)
{
    struct code_buf *c = &e->c;
    x86_push(c, R14);
    x86_load(c, R14, STATE(user_tlb));
    x86_imm(c, RCX, cold->size - 1u);
    x86_lea(c, RDX, recent_at(e, cold->store, cold->copy));
    x86_call_exec(c, e->routines + (cold->store ? e->r->recent_write : e->r->recent_read));
    x86_pop(c, R14); /* keeps the flags */
    e->cold[cold - e->cold + 1].from = x86_jcc(c, CC_NE);
}

void x86_user_probe(struct emit *e, const struct ir_op *op, unsigned size, bool store)
{
    struct code_buf *c = &e->c;
    unsigned copy = op->a < TLB_RECENT ? e->copy[op->a] : op->a % TLB_RECENT;
    struct x86_mem recent = recent_at(e, store, copy);
    recent.base = RCX;
    x86_mov(c, RDX, RAX);
    x86_load(c, RCX, STATE(user_tlb));
    x86_alu_ri(c, ALU_and, true, RDX, -MEM_PAGE | (int32_t)(size - 1));
    x86_alu_rm(c, ALU_cmp, true, RDX, recent);
    uint8_t *other = x86_jcc(c, CC_NE);
    x86_alu_rm(c, ALU_add, true, RAX, addend(recent));
    x86_cold(e, (struct cold){.kind = COLD_write,
                              .write = cold_user,
                              .from = other,
                              .back = c->at,
                              .op = op,
                              .size = (uint8_t)size,
                              .copy = (uint8_t)copy,
                              .store = store});
}

/*
 * Behind a miss of the indexed probe, which left the address in rax, the entry's offset in rcx, the page of the last byte in rdx; all stay.
 * ZF: the second level had the page, and the entry has it now.
 */
void x86_second_routine(struct code_buf *c, bool store)
{
    struct x86_mem entry = entry_at(store, RAX);
    uint8_t *miss[3];
    x86_push(c, RAX);
    x86_push(c, RCX);
    x86_alu_rr(c, ALU_xor, true, RAX, RDX);
    x86_shift(c, SH_shr, true, RAX, MEM_PAGE_BITS);
    miss[0] = x86_jcc(c, CC_NE); /* two pages */
    x86_mov(c, RCX, RDX);
    x86_shift(c, SH_shr, true, RCX, MEM_PAGE_BITS);
    x86_mov(c, RAX, RDX);
    x86_shift(c, SH_shr, true, RAX, MEM_PAGE_BITS + TLB2_BITS);
    x86_alu_rr(c, ALU_add, false, RCX, RAX);
    x86_alu_rm(c, ALU_add, false, RCX, tlb_field(offsetof(struct tlb, salt)));
    x86_alu_ri(c, ALU_and, false, RCX, TLB2_SIZE - 1);
    x86_shift(c, SH_shl, false, RCX, 4);
    x86_alu_rm(c, ALU_add, true, RCX, STATE(tlb2));
    x86_load(c, RAX, tlb_field(offsetof(struct tlb, id)));
    x86_alu_rr(c, ALU_or, true, RAX, RDX);
    x86_alu_rm(c, ALU_cmp, true, RAX, (struct x86_mem){.base = RCX, .index = NO_REG});
    miss[1] = x86_jcc(c, CC_NE);
    x86_load(c, RCX, (struct x86_mem){.base = RCX, .index = NO_REG, .disp = 8});
    if (store) {
        x86_rr(c, 0xf6, false, 0, RCX); /* test cl, imm8 */
        x86_byte(c, TLB2_READ_ONLY);
        miss[2] = x86_jcc(c, CC_NE);
    } else {
        x86_alu_ri(c, ALU_and, true, RCX, -MEM_PAGE);
    }
    x86_pop(c, RAX);
    x86_store(c, entry, RDX);
    x86_store(c, addend(entry), RCX);
    x86_mov(c, RCX, RAX);
    x86_pop(c, RAX);
    x86_alu_rr(c, ALU_cmp, false, RAX, RAX);
    x86_ret(c);
    for (unsigned i = 0; i < 2u + store; i++)
        x86_target(c, miss[i], c->at);
    x86_pop(c, RCX); /* keeps the flags */
    x86_pop(c, RAX);
    x86_ret(c);
}

/* rax: address; rcx: size - 1; rdx: entry to fill. rax becomes the host address, rcx the addend, and ZF is set, or nothing. Loses rdx. */
void x86_recent_routine(struct code_buf *c, bool store, const uint8_t *second)
{
    struct x86_mem entry = entry_at(store, RCX);
    x86_push(c, RDX);
    x86_lea(c, RDX, (struct x86_mem){.base = RAX, .index = RCX, .scale = 1});
    x86_alu_ri(c, ALU_and, true, RDX, -MEM_PAGE);
    x86_push(c, RDX);
    index_into_rcx(c, false);
    x86_pop(c, RDX);
    x86_alu_rm(c, ALU_cmp, true, RDX, entry);
    uint8_t *miss = x86_jcc(c, CC_NE), *hit = c->at;
    x86_load(c, RCX, addend(entry));
    x86_alu_rr(c, ALU_add, true, RAX, RCX);
    x86_push(c, RAX);
    x86_load(c, RAX, (struct x86_mem){.base = RSP, .index = NO_REG, .disp = 8});
    x86_store(c, (struct x86_mem){.base = RAX, .index = NO_REG}, RDX);
    x86_store(c, (struct x86_mem){.base = RAX, .index = NO_REG, .disp = 8}, RCX);
    x86_pop(c, RAX);
    x86_pop(c, RDX);
    x86_alu_rr(c, ALU_cmp, false, RAX, RAX);
    x86_ret(c);
    x86_target(c, miss, c->at);
    x86_call_exec(c, second);
    x86_target(c, x86_jcc(c, CC_E), hit);
    x86_pop(c, RDX); /* keeps the flags */
    x86_ret(c);
}

/* ---- which of them ---- */

static bool is_access(const struct ir_op *op)
{
    return op->op == IR_LOAD || op->op == IR_LOADZ || op->op == IR_LOADS || op->op == IR_STORE || op->op == IR_STOREN;
}

static bool is_store(const struct ir_op *op) { return op->op == IR_STORE || op->op == IR_STOREN; }
static bool writes(const struct ir_op *op) { return (ir_sigs[op->op].out || op->op == IR_CALL) && op->d < TLB_RECENT; }
static bool is_far(const struct ir_op *op) { return (int64_t)op->imm >= OWN || (int64_t)op->imm <= -OWN; }
static bool moves_on(const struct ir_op *op) { return op->op == IR_ADD && op->b == IR_CONST && op->a == op->d && op->type == IR_i64; }

/* The copy for what the register is computed to at this place of the code: its own for one place, unused ones for the others. */
static unsigned copy_for(struct emit *e, unsigned cell, int offset, bool *used)
{
    unsigned copy = cell < TLB_RECENT ? cell : TLB_RECENT;
    for (unsigned i = 0; i < e->nplaces; i++) {
        if (e->places[i].cell == cell && e->places[i].offset == offset)
            return e->places[i].copy;
        if (e->places[i].cell == cell)
            copy = TLB_RECENT;
    }
    if (e->nplaces == ARRAY_LEN(e->places))
        return cell % TLB_RECENT;
    if (copy == TLB_RECENT)
        for (copy = 0; copy < TLB_RECENT - 1 && used[copy];)
            copy++;
    used[copy] = true;
    e->places[e->nplaces++] = (struct place){(uint8_t)cell, (uint8_t)copy, (int16_t)offset};
    return copy;
}

void x86_plan_probes(struct emit *e)
{
    uint8_t later[TLB_RECENT] = {0}; /* BASE_read, BASE_write: accessed further on, by what it holds here */
    bool seen[TLB_RECENT] = {0}, used[TLB_RECENT] = {0};
    unsigned insn = e->ir->ninsns;
    e->nplaces = 0;
    e->walks = e->loops;
    for (unsigned i = 0; i < e->ir->nops; i++)
        e->walks |= e->ir->ops[i].op >= IR_FADD && e->ir->ops[i].op <= IR_ITOF;
    for (unsigned cell = 0; cell < TLB_RECENT; cell++) {
        e->base[cell] = e->walks ? BASE_computed : 0;
        e->copy[cell] = (uint8_t)cell;
    }
    for (unsigned i = 0; i < e->ir->nops; i++)
        if (is_access(&e->ir->ops[i]) && e->ir->ops[i].a < TLB_RECENT)
            used[e->ir->ops[i].a] = true;
    for (unsigned i = e->ir->nops; i-- > 0;) {
        const struct ir_op *op = &e->ir->ops[i];
        while (insn > 0 && (insn == e->ir->ninsns || e->ir->insns[insn].op > i))
            insn--;
        e->copies[i] = e->passing[i] = 0;
        if (op->op == IR_CALL)
            memset(later, 0, sizeof later);
        if (writes(op) && !moves_on(op)) {
            if (later[op->d])
                e->copies[i] = (uint8_t)(1 + copy_for(e, op->d, e->ir->insns[insn].offset, used));
            later[op->d] = 0;
            if (!seen[op->d] && (ir_sigs[op->op].flags & IR_F_R)) /* the next round begins with what this one has loaded */
                e->base[op->d] = 0;
            seen[op->d] = true;
        }
        bool temporary = op->a > e->request->zero_cell && op->a < IR_NONE, own = op->a < TLB_RECENT && is_far(op);
        if (e->walks && is_access(op) && (temporary || own))
            e->passing[i] = (uint8_t)(1 + copy_for(e, PASSING, e->ir->insns[insn].offset, used));
        else if (is_access(op) && op->a < TLB_RECENT) {
            uint8_t side = is_store(op) ? BASE_write : BASE_read;
            e->again[i] = later[op->a] & side;
            later[op->a] |= side;
        }
    }
}

void x86_note_base(struct emit *e, const struct ir_op *op)
{
    unsigned copy = e->copies[op - e->ir->ops];
    if (copy)
        e->copy[op->d] = (uint8_t)(copy - 1);
    if (op->op == IR_CALL)
        memset(e->base, 0, sizeof e->base);
    else if (writes(op) && !moves_on(op))
        e->base[op->d] = e->walks && !(ir_sigs[op->op].flags & IR_F_R) ? BASE_computed : 0;
}

/* Flat memory: the base register and the displacement, as they are. */
static void flat_address(struct emit *e, const struct ir_op *op, struct x86_mem *at)
{
    int pin = x86_pin(e, op->a);
    *at = (struct x86_mem){.base = RAX, .index = NO_REG};
    if (!fits32((int64_t)op->imm)) {
        x86_address_into_rax(e, op);
        e->forwarded = IR_NONE;
        return;
    }
    at->disp = (int32_t)op->imm;
    if (pin >= 0)
        at->base = (enum x86_reg)pin;
    else
        x86_get_into(e, op->a, RAX, true);
    e->forwarded = IR_NONE;
}

static void covered_address(struct emit *e, const struct ir_op *op, const struct cover *cover, struct x86_mem *at)
{
    int pin = fits32((int64_t)op->imm) ? x86_pin(e, op->a) : -1;
    *at = (struct x86_mem){.base = RAX, .index = NO_REG};
    if (pin >= 0) {
        x86_load(&e->c, RAX, addend(x86_cover_copy(e, cover)));
        *at = (struct x86_mem){.base = RAX, .index = (enum x86_reg)pin, .scale = 1, .disp = (int32_t)op->imm};
    } else {
        x86_address_into_rax(e, op);
        x86_alu_rm(&e->c, ALU_add, true, RAX, addend(x86_cover_copy(e, cover)));
    }
    e->forwarded = IR_NONE;
}

uint8_t *x86_host_address(struct emit *e, const struct ir_op *op, unsigned size, bool store, struct x86_mem *at, uint8_t **hit)
{
    e->addressed = op->a == e->forwarded;
    if (e->request->flat) {
        flat_address(e, op, at);
        return NULL;
    }
    const struct cover *cover = x86_covered(e, op);
    if (cover) {
        covered_address(e, op, cover, at);
        *hit = NULL;
        return NULL;
    }
    uint8_t side = store ? BASE_write : BASE_read;
    bool passing = e->passing[op - e->ir->ops];
    bool recent = passing || (op->a < TLB_RECENT && (e->base[op->a] & (side | BASE_computed)));
    bool filling = !recent && op->a < TLB_RECENT && e->again[op - e->ir->ops];
    bool direct = recent && x86_pin(e, op->a) >= 0 && fits32((int64_t)op->imm);
    *at = (struct x86_mem){.base = RAX, .index = NO_REG};
    if (!passing && (recent || filling))
        e->base[op->a] |= side;
    if (!recent) {
        x86_address_into_rax(e, op);
        e->forwarded = IR_NONE;
        return filling ? probe_filling(e, size, store, e->copy[op->a], hit) : x86_tlb_probe(e, size, store, hit);
    }
    uint8_t *other = probe_recent(e, op, size, store, direct);
    *hit = NULL;
    e->forwarded = IR_NONE;
    if (direct)
        *at = (struct x86_mem){.base = RAX, .index = (enum x86_reg)x86_pin(e, op->a), .scale = 1, .disp = (int32_t)op->imm};
    x86_cold(e, (struct cold){.kind = COLD_write,
                              .write = cold_recent,
                              .from = other,
                              .back = e->c.at,
                              .op = op,
                              .size = (uint8_t)size,
                              .copy = (uint8_t)copy_of(e, op),
                              .store = store,
                              .direct = direct});
    return NULL;
}
