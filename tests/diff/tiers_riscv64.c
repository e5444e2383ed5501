/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* riscv64's part of tiers_program.c. Handlers run in machine mode, which is not translated. */
#include "base/bits.h"
#include "guest/riscv64/riscv64.h"
#include "tiers_code.h"

enum { SLOT_REG = 12 };
enum { CSR_MSCRATCH = 0x340, CSR_MEPC, CSR_MCAUSE, CSR_MTVAL, CSR_INSTRET = 0xc02, CSR_MHARTID = 0xf14 };

const unsigned code_sp = 2, code_handler_at = 0;

/* ---- instructions (unprivileged manual, "RV32/64G Instruction Set Listings") ---- */

static uint32_t itype(unsigned opcode, unsigned f3, unsigned d, unsigned s, int64_t i)
{
    return (uint32_t)i << 20 | s << 15 | f3 << 12 | d << 7 | opcode;
}
static uint32_t lui(unsigned d, uint64_t value)
{
    return (uint32_t)((value + 0x800) & 0xfffff000) | d << 7 | 0x37;
} /* addi adds the rest */
static uint32_t addi(unsigned d, unsigned s, int64_t i) { return itype(0x13, 0, d, s, i); }
static uint32_t slli(unsigned d, unsigned s, unsigned n) { return itype(0x13, 1, d, s, n); }
static uint32_t andi(unsigned d, unsigned s, int64_t i) { return itype(0x13, 7, d, s, i); }
static uint32_t jalr(unsigned d, unsigned s, int64_t i) { return itype(0x67, 0, d, s, i); }
static uint32_t csrrw(unsigned d, unsigned csr, unsigned s) { return itype(0x73, 1, d, s, csr); }
static uint32_t csrr(unsigned d, unsigned csr) { return itype(0x73, 2, d, 0, csr); }
static uint32_t rtype(unsigned f3, unsigned d, unsigned s, unsigned t) { return t << 20 | s << 15 | f3 << 12 | d << 7 | 0x33; }
static uint32_t add(unsigned d, unsigned s, unsigned t) { return rtype(0, d, s, t); }
static uint32_t or_(unsigned d, unsigned s, unsigned t) { return rtype(6, d, s, t); }
static uint32_t store(unsigned f3, unsigned t, unsigned s) { return t << 20 | s << 15 | f3 << 12 | 0x23; } /* to 0(s) */

static uint32_t branch(unsigned f3, unsigned s, unsigned t, int64_t to)
{
    uint32_t i = (uint32_t)to;
    return (i >> 12 & 1) << 31 | (i >> 5 & 63) << 25 | t << 20 | s << 15 | f3 << 12 | (i >> 1 & 15) << 8 | (i >> 11 & 1) << 7 | 0x63;
}

static uint32_t jal(unsigned d, int64_t to)
{
    uint32_t i = (uint32_t)to;
    return (i >> 20 & 1) << 31 | (i >> 1 & 1023) << 21 | (i >> 11 & 1) << 20 | (i >> 12 & 255) << 12 | d << 7 | 0x6f;
}

enum { BEQ = 0, BNE = 1, SW = 2, SD = 3, ECALL = 0x73, FENCE_I = 0x100f, MRET = 0x30200073, WFI = 0x10500073 };

/* To the address in mscratch, all registers kept; after an ecall: the vCPU's flag, then wfi. */
unsigned code_handler(uint32_t words[HANDLER_WORDS])
{
    enum { A = 5, B = 6 };
    const uint32_t handler[] = {
        csrrw(A, CSR_MSCRATCH, A),
        csrrw(0, CSR_MEPC, A),
        csrr(A, CSR_MCAUSE),
        addi(A, A, -8),
        branch(BEQ, A, 0, 16),
        csrr(A, CSR_MEPC),
        csrrw(A, CSR_MSCRATCH, A),
        MRET,
        csrrw(B, CSR_MTVAL, B),
        csrr(A, CSR_MHARTID),
        slli(A, A, 3),
        lui(B, HANDLER_AT + 4096),
        add(A, A, B),
        store(SD, B, A),
        csrrw(B, CSR_MTVAL, B),
        csrr(A, CSR_MEPC),
        csrrw(A, CSR_MSCRATCH, A),
        WFI,
        jal(0, -4),
    };
    memcpy(words, handler, sizeof handler);
    return ARRAY_LEN(handler);
}

/* ---- what programs are made of ---- */

bool code_refuses(unsigned id, const int64_t *values, bool smp)
{
    static const char *const names[] = {"d", "s", "t", "r"};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) { /* x26: its pair is x27 */
        int n = gen_register(id, values, names[i]);
        if (n >= COUNT - 1 && n <= T3)
            return true;
    }
    return smp && !strncmp(insn_table[id].name, "sc.", 3);
}

/* The counter of the fragment's own loop, whose branch is its last instruction; 0: it has none. */
unsigned code_loop_counter(const struct case_input *c)
{
    uint32_t last = c->code_len < 4 ? 0 : le32_get(c->code + c->code_len - 4);
    return (last & 0x8000707f) == 0x80001063 ? last >> 15 & 31 : 0; /* bne, backwards */
}

static int64_t low(uint64_t value) { return (int64_t)(value << 52) >> 52; } /* what lui has rounded away */

void code_pointer(struct program *p, unsigned *at, unsigned x, uint64_t to)
{
    code_put(p, at, lui(x, to));
    code_put(p, at, addi(x, x, low(to)));
}

/* On every eighth turn: an addi with the count as its immediate is stored to `slot` (T3 is left pointing to it). Of the count so many of its low
 * bits are taken: with 5 there are four words, which come again and again; with 0 it is the one that was there. */
void code_patch(struct program *p, unsigned *at, uint64_t slot, unsigned bits)
{
    uint32_t word = addi(SLOT_REG, SLOT_REG, 0);
    code_pointer(p, at, T3, slot);
    code_put(p, at, andi(T1, COUNT, 7));
    code_put(p, at, branch(BNE, T1, 0, 7 * 4));
    code_put(p, at, bits ? slli(T2, COUNT, 32 - bits) : lui(T2, 1 << 20));
    code_put(p, at, lui(T1, word));
    code_put(p, at, addi(T1, T1, low(word)));
    code_put(p, at, or_(T2, T2, T1));
    code_put(p, at, store(SW, T2, T3));
    code_put(p, at, FENCE_I);
}

void code_number(struct program *p, unsigned *at, unsigned x, unsigned n) { code_put(p, at, addi(x, 0, n)); }
void code_count(struct program *p, unsigned *at) { code_put(p, at, csrr(SLOT_REG, CSR_INSTRET)); }
void code_jump(struct program *p, unsigned *at, unsigned to) { code_put(p, at, jal(0, (int64_t)to - *at)); }
void code_slot(struct program *p, unsigned *at) { code_put(p, at, addi(SLOT_REG, SLOT_REG, 1)); }
void code_call_slot(struct program *p, unsigned *at) { code_put(p, at, jalr(T2, T3, 0)); }

void code_private(struct program *p)
{
    le32_put(p->private_code, addi(SLOT_REG, SLOT_REG, 1));
    le32_put(p->private_code + 4, jalr(0, T2, 0));
}

void code_dispatcher(struct program *p, unsigned fragments)
{
    unsigned at = 0;
    _Static_assert(STUB_SIZE == 1 << 8, "the shift");
    code_put(p, &at, addi(COUNT, COUNT, -1));
    code_put(p, &at, branch(BEQ, COUNT, 0, 6 * 4));
    code_put(p, &at, andi(T1, COUNT, fragments - 1));
    code_put(p, &at, slli(T1, T1, 8));
    code_put(p, &at, lui(T2, CODE_AT));
    code_put(p, &at, add(T1, T1, T2));
    code_put(p, &at, jalr(0, T1, STUBS_AT));
    code_put(p, &at, ECALL);
}

/* ---- the vCPU ---- */

enum { PTE_ALL = 0xdf /* V R W X U A D */, PTE_POINTER = 1, FCSR = 3 };

const struct guest *const state_guest = &guest_riscv64;

uint64_t state_features(const struct cpu *cpu) { return riscv64_arch(cpu)->insns; }
bool state_ended(const struct cpu *cpu) { return RV(cpu, priv) == PRIV_M; }

/* One table of each of the upper levels, and one of the last for each area. */
static void map(struct machine *m, gpa tables, unsigned *next, gva va, gpa pa)
{
    gpa middle = tables + MEM_PAGE + (va >> 21 & 511) * 8;
    uint64_t entry = 0;
    (void)!mem_load(m->space, middle, 8, &entry);
    if (!entry) {
        entry = (tables + (uint64_t)(*next)++ * MEM_PAGE) >> 12 << 10 | PTE_POINTER;
        machine_poke64(m, middle, entry);
    }
    machine_poke64(m, (entry >> 10 << 12) + (va >> 12 & 511) * 8, pa >> 12 << 10 | PTE_ALL);
}

/* satp for vCPU n. */
uint64_t state_tables(struct machine *m, unsigned n)
{
    uint64_t each = (uint64_t)n * PRIVATE_STEP;
    gpa tables = TABLES_AT + each;
    unsigned next = 2;
    memset(mem_ram(m->space, tables, 8 * MEM_PAGE), 0, 8 * MEM_PAGE);
    machine_poke64(m, tables, (tables + MEM_PAGE) >> 12 << 10 | PTE_POINTER);
    for (unsigned i = 0; i < CODE_PAGES; i++)
        map(m, tables, &next, CODE_AT + (uint64_t)i * MEM_PAGE, machine_code_page(i, true));
    for (unsigned i = 0; i < DATA_SIZE / MEM_PAGE; i++)
        map(m, tables, &next, DATA_AT + (uint64_t)i * MEM_PAGE, DATA_AT + each + (uint64_t)i * MEM_PAGE);
    map(m, tables, &next, PRIVATE_AT, PRIVATE_AT + each);
    return 8ull << 60 | tables >> 12;
}

void state_set(struct cpu *cpu, const struct program *p, uint64_t satp)
{
    RV(cpu, priv) = PRIV_U;
    RV(cpu, mstatus) = STATUS_FS;
    RV(cpu, mtvec) = HANDLER_AT;
    RV(cpu, mscratch) = p->before.pc;
    RV(cpu, mcause) = RV(cpu, mepc) = RV(cpu, mtval) = RV(cpu, medeleg) = 0;
    RV(cpu, satp) = satp;
    RV(cpu, mcounteren) = RV(cpu, scounteren) = 4; /* instret: it must be exact too */
    RV(cpu, menvcfg) = RV(cpu, senvcfg) = ENVCFG_CBIE | ENVCFG_CBCFE | ENVCFG_CBZE;
    RVN(cpu, pmpaddr, 0) = HANDLER_AT >> 2 | (2 * MEM_PAGE / 8 - 1);
    RVN(cpu, pmpaddr, 1) = (1ull << 54) - 1;
    RVN(cpu, pmpcfg, 0) = PMP_NAPOT | (PMP_NAPOT | PMP_R | PMP_W | PMP_X) << 8;
    riscv64_restored(cpu);
    memcpy(&RV(cpu, x), p->before.x, sizeof p->before.x);
    memcpy(&RV(cpu, f), p->before.f, 32 * sizeof p->before.f[0]);
    (void)!riscv64_csr_poke(cpu, FCSR, p->before.status[0]);
    cpu->pc = p->before.pc;
    cpu->waiting = cpu->trapped = false;
    cpu->reservation.valid = RESERVED_no;
}

unsigned state_differs(struct cpu *a, struct cpu *b)
{
    uint64_t fa = 0, fb = 0;
    unsigned bad = 0;
    for (unsigned i = 1; i < 32; i++)
        bad += machine_differ("x", i, RVN(a, x, i), RVN(b, x, i));
    for (unsigned i = 0; i < 32; i++)
        bad += machine_differ("f", i, RVN(a, f, i), RVN(b, f, i));
    (void)!riscv64_csr_peek(a, FCSR, &fa);
    (void)!riscv64_csr_peek(b, FCSR, &fb);
    bad += machine_differ("fcsr", 0, fa, fb) + machine_differ("mcause", 0, RV(a, mcause), RV(b, mcause)) +
           machine_differ("mepc", 0, RV(a, mepc), RV(b, mepc));
    return bad;
}
