/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* arm64's part of tiers_program.c and tiers_machine.c. Programs run at EL0, handlers at EL1, in the same page tables. */
#include "base/bits.h"
#include "guest/arm64/arm64.h"
#include "tiers_code.h"

enum { SLOT_REG = 16 /* no pointer of a fragment */, SP = 31 };

const unsigned code_sp = SP, code_handler_at = 0x400; /* synchronous, from a lower level */

/* ---- instructions (Arm ARM C6.2), of 64 bits ---- */

static uint32_t movz(unsigned d, unsigned value, unsigned half) { return 0xd2800000 | half << 21 | value << 5 | d; }
static uint32_t movk(unsigned d, unsigned value, unsigned half) { return 0xf2800000 | half << 21 | value << 5 | d; }
static uint32_t addi(unsigned d, unsigned n, unsigned i) { return 0x91000000 | i << 10 | n << 5 | d; }
static uint32_t subi(unsigned d, unsigned n, unsigned i) { return 0xd1000000 | i << 10 | n << 5 | d; }
static uint32_t low_bits(unsigned d, unsigned n, unsigned bits) { return 0x92400000 | (bits - 1) << 10 | n << 5 | d; } /* and */
static uint32_t lsl(unsigned d, unsigned n, unsigned count) { return 0xd3400000 | (64 - count) << 16 | (63 - count) << 10 | n << 5 | d; }
static uint32_t lsr(unsigned d, unsigned n, unsigned count) { return 0xd340fc00 | count << 16 | n << 5 | d; }
static uint32_t add(unsigned d, unsigned n, unsigned m) { return 0x8b000000 | m << 16 | n << 5 | d; }
static uint32_t orr(unsigned d, unsigned n, unsigned m) { return 0xaa000000 | m << 16 | n << 5 | d; }
static uint32_t str_w(unsigned t, unsigned n) { return 0xb9000000 | n << 5 | t; }
static uint32_t str_x(unsigned t, unsigned n, unsigned m) { return 0xf8206800 | m << 16 | n << 5 | t; }
static uint32_t cbz(unsigned t, unsigned words) { return 0xb4000000 | words << 5 | t; }
static uint32_t cbnz(unsigned t, unsigned words) { return 0xb5000000 | words << 5 | t; }
static uint32_t b(int64_t to) { return 0x14000000 | ((uint32_t)(to >> 2) & 0x3ffffff); }
static uint32_t br(unsigned n) { return 0xd61f0000 | n << 5; }
static uint32_t blr(unsigned n) { return 0xd63f0000 | n << 5; }
static uint32_t dc_cvau(unsigned t) { return 0xd50b7b20 | t; }
static uint32_t ic_ivau(unsigned t) { return 0xd50b7520 | t; }

enum { RET = 0xd65f03c0, SVC = 0xd4000001, DSB_ISH = 0xd5033b9f, ISB = 0xd5033fdf, ERET = 0xd69f03e0, WFI = 0xd503207f };
/* Of x9 and x10. */
enum {
    MRS_ESR_9 = 0xd5385209,
    MRS_TPIDR_9 = 0xd538d089,
    MSR_ELR_9 = 0xd5184029,
    MRS_MPIDR_9 = 0xd53800a9,
    MSR_FAR_10 = 0xd518600a,
    MRS_FAR_10 = 0xd538600a
};

/* To the address in TPIDR_EL1, all registers kept (x9 in SP_EL1, x10 in FAR); after an SVC: the vCPU's flag, then WFI. */
unsigned code_handler(uint32_t words[HANDLER_WORDS])
{
    enum { A = 9, B = 10, SVC_CLASS = 0x15, FLAGS = HANDLER_AT + 4096 };
    const uint32_t handler[] = {
        addi(SP, A, 0),
        MRS_ESR_9,
        lsr(A, A, 26),
        subi(A, A, SVC_CLASS),
        cbz(A, 5),
        MRS_TPIDR_9,
        MSR_ELR_9,
        addi(A, SP, 0),
        ERET,
        MSR_FAR_10,
        MRS_MPIDR_9,
        low_bits(A, A, 8),
        lsl(A, A, 3),
        movz(B, FLAGS >> 16, 1),
        movk(B, FLAGS & 0xffff, 0),
        str_x(B, B, A),
        MRS_FAR_10,
        addi(A, SP, 0),
        WFI,
        b(-4),
    };
    memcpy(words, handler, sizeof handler);
    return ARRAY_LEN(handler);
}

/* ---- what programs are made of ---- */

bool code_refuses(unsigned id, const int64_t *values, bool smp)
{
    static const char *const names[] = {"d", "t", "u", "s"};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        int n = gen_register(id, values, names[i]);
        if (n == COUNT || n == COUNT - 1) /* of a pair the other one */
            return true;
    }
    const char *name = insn_table[id].name;
    bool access = !strncmp(name, "st", 2) || !strncmp(name, "ld", 2);
    int base = gen_register(id, values, "n"), index = gen_register(id, values, "m");
    if (access && index >= 0 && index != 31) /* might lead to the dispatcher: then the program may not end */
        return true;
    return base == COUNT || (smp && !strncmp(name, "stx", 3));
}

unsigned code_loop_counter(const struct case_input *c)
{
    (void)c;
    return 0;
}

void code_pointer(struct program *p, unsigned *at, unsigned x, uint64_t to)
{
    unsigned d = x == SP ? T1 : x;
    code_put(p, at, movz(d, to & 0xffff, 0));
    code_put(p, at, movk(d, to >> 16 & 0xffff, 1));
    if (x == SP)
        code_put(p, at, addi(SP, T1, 0));
}

void code_number(struct program *p, unsigned *at, unsigned x, unsigned n) { code_put(p, at, movz(x, n, 0)); }
/* Programs have no such counter; the flags are something else that must be exact. */
void code_count(struct program *p, unsigned *at) { code_put(p, at, 0xd53b4200 | SLOT_REG); }
void code_jump(struct program *p, unsigned *at, unsigned to) { code_put(p, at, b((int64_t)to - *at)); }
void code_slot(struct program *p, unsigned *at) { code_put(p, at, addi(SLOT_REG, SLOT_REG, 1)); }
void code_call_slot(struct program *p, unsigned *at) { code_put(p, at, blr(T3)); }

void code_patch(struct program *p, unsigned *at, uint64_t slot, unsigned bits)
{
    uint32_t word = addi(SLOT_REG, SLOT_REG, 0);
    code_pointer(p, at, T3, slot);
    code_put(p, at, low_bits(T1, COUNT, 3));
    code_put(p, at, cbnz(T1, 12));
    code_put(p, at, bits ? low_bits(T2, COUNT, bits) : movz(T2, 1, 0));
    code_put(p, at, lsl(T2, T2, 10));
    code_put(p, at, movz(T1, word & 0xffff, 0));
    code_put(p, at, movk(T1, word >> 16, 1));
    code_put(p, at, orr(T2, T2, T1));
    code_put(p, at, str_w(T2, T3));
    code_put(p, at, dc_cvau(T3));
    code_put(p, at, DSB_ISH);
    code_put(p, at, ic_ivau(T3));
    code_put(p, at, DSB_ISH);
    code_put(p, at, ISB);
}

void code_private(struct program *p)
{
    le32_put(p->private_code, addi(SLOT_REG, SLOT_REG, 1));
    le32_put(p->private_code + 4, RET);
}

void code_dispatcher(struct program *p, unsigned fragments)
{
    unsigned at = 0, bits = (unsigned)__builtin_ctz(fragments);
    _Static_assert(STUB_SIZE == 1 << 8, "the shift");
    code_put(p, &at, subi(COUNT, COUNT, 1));
    code_put(p, &at, cbz(COUNT, 7));
    code_put(p, &at, low_bits(T1, COUNT, bits));
    code_put(p, &at, lsl(T1, T1, 8));
    code_pointer(p, &at, T2, CODE_AT + STUBS_AT);
    code_put(p, &at, add(T1, T1, T2));
    code_put(p, &at, br(T1));
    code_put(p, &at, SVC);
}

/* ---- the vCPU ---- */

#define PTE_TABLE   3ull
#define PTE_PAGE    (3ull | 3 << 8 /* inner shareable */ | 1 << 10 /* accessed */)
#define PTE_PROGRAM (PTE_PAGE | 1 << 6 /* EL0 too, may be written */)
#define PTE_HANDLER (PTE_PAGE | 1ull << 54 /* not executed at EL0 */)

const struct guest *const state_guest = &guest_arm64;

uint64_t state_features(const struct cpu *cpu) { return arm64_arch(cpu)->insns; }
bool state_ended(const struct cpu *cpu) { return arm64_el(cpu) == 1; }

struct tables {
    struct machine *m;
    gpa first;
    unsigned used;
};

static gpa below(struct tables *t, gpa at)
{
    uint64_t entry = 0;
    (void)!mem_load(t->m->space, at, 8, &entry);
    if (!entry) {
        entry = (t->first + (uint64_t)t->used++ * MEM_PAGE) | PTE_TABLE;
        machine_poke64(t->m, at, entry);
    }
    return align_down(entry, MEM_PAGE);
}

static void map(struct tables *t, gva va, uint64_t entry)
{
    gpa middle = below(t, t->first + (va >> 30) * 8), last = below(t, middle + (va >> 21 & 511) * 8);
    machine_poke64(t->m, last + (va >> 12 & 511) * 8, entry);
}

/* Three levels, of 39 bits. */
uint64_t state_tables(struct machine *m, unsigned n)
{
    uint64_t each = (uint64_t)n * PRIVATE_STEP;
    struct tables t = {m, TABLES_AT + each, 1};
    memset(mem_ram(m->space, t.first, PRIVATE_STEP), 0, PRIVATE_STEP);
    for (unsigned i = 0; i < CODE_PAGES; i++)
        map(&t, CODE_AT + (uint64_t)i * MEM_PAGE, machine_code_page(i, true) | PTE_PROGRAM);
    for (unsigned i = 0; i < DATA_SIZE / MEM_PAGE; i++)
        map(&t, DATA_AT + (uint64_t)i * MEM_PAGE, (DATA_AT + each + (uint64_t)i * MEM_PAGE) | PTE_PROGRAM);
    map(&t, PRIVATE_AT, (PRIVATE_AT + each) | PTE_PROGRAM);
    for (unsigned i = 0; i < 2; i++)
        map(&t, HANDLER_AT + (uint64_t)i * MEM_PAGE, (HANDLER_AT + (uint64_t)i * MEM_PAGE) | PTE_HANDLER);
    return t.first;
}

void state_set(struct cpu *cpu, const struct program *p, uint64_t tables)
{
    enum { TCR_39_BITS = 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 /* one range, cached, shared */ };
    arm64_enter_kernel(cpu, HANDLER_AT, 0, 1);
    A64(cpu, vbar_el1) = HANDLER_AT;
    A64(cpu, tpidr_el1) = p->before.pc;
    A64(cpu, cpacr_el1) = 3 << 20;
    A64(cpu, mair_el1) = 0xff;
    A64(cpu, tcr_el1) = TCR_39_BITS;
    A64(cpu, ttbr0_el1) = tables;
    A64(cpu, sctlr_el1) |= SCTLR_UCI | SCTLR_UCT | SCTLR_DZE | SCTLR_MSCEN | SCTLR_SPAN | (tables ? SCTLR_M : 0);
    A64(cpu, mode) = 0;
    A64(cpu, pstate) = 0;
    arm64_set_fpcr(cpu, p->before.status[1]);
    arm64_set_fpsr(cpu, p->before.status[2]);
    arm64_set_nzcv(cpu, p->before.status[0]);
    memcpy(&A64(cpu, x), p->before.x, 31 * sizeof p->before.x[0]);
    A64(cpu, sp) = p->before.x[SP];
    memcpy(&A64(cpu, v), p->before.f, sizeof p->before.f);
    cpu->pc = p->before.pc;
    arm64_restored(cpu);
}

unsigned state_differs(struct cpu *a, struct cpu *b)
{
    unsigned bad = machine_differ("sp", 0, A64N(a, sp_el, 0), A64N(b, sp_el, 0));
    for (unsigned i = 0; i < 31; i++)
        bad += machine_differ("x", i, A64N(a, x, i), A64N(b, x, i));
    for (unsigned i = 0; i < 64; i++)
        bad += machine_differ("v", i, A64N(a, v, i), A64N(b, v, i));
    bad += machine_differ("nzcv", 0, arm64_nzcv(a), arm64_nzcv(b)) + machine_differ("fpcr", 0, A64(a, fpcr), A64(b, fpcr));
    bad += machine_differ("fpsr", 0, arm64_fpsr(a), arm64_fpsr(b)) + machine_differ("spsr", 0, A64(a, spsr_el1), A64(b, spsr_el1));
    return bad + machine_differ("esr", 0, A64(a, esr_el1), A64(b, esr_el1)) + machine_differ("elr", 0, A64(a, elr_el1), A64(b, elr_el1));
}
