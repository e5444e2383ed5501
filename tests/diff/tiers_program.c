/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Makes the programs of tiers.c. Four registers are the dispatcher's own; a fragment that would use one of them is made again.
 * Layout: dispatcher, a stub for each fragment (it sets the pointers to data that the fragment expects), the fragments.
 */
#include "tiers_program.h"
#include "base/bits.h"

enum { COUNT = PROGRAM_COUNTER, T1, T2, T3, /* the dispatcher's */ SLOT_REG = 12, SP = 2 };
enum { STUBS_AT = 0x80, STUB_SIZE = 128, MAX_FRAGMENTS = 8, FRAGMENTS_AT = STUBS_AT + MAX_FRAGMENTS * STUB_SIZE };
enum { CSR_MSCRATCH = 0x340, CSR_MEPC, CSR_MCAUSE, CSR_MTVAL, CSR_INSTRET = 0xc02, CSR_MHARTID = 0xf14 };

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
void program_handler(uint32_t words[HANDLER_WORDS])
{
    enum { A = 5, B = 6 };
    const uint32_t handler[HANDLER_WORDS] = {
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
}

/* ---- fragments ---- */

static bool uses_own(unsigned id, const int64_t *values)
{
    static const char *const names[] = {"d", "s", "t", "r"};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) { /* x26: its pair is x27 */
        int n = gen_register(id, values, names[i]);
        if (n >= COUNT - 1 && n <= T3)
            return true;
    }
    return false;
}

static bool refused(const struct gen *g, const struct case_input *c, bool smp)
{
    for (unsigned at = 0, len; at < c->code_len; at += len) {
        uint32_t word = le16_get(c->code + at);
        int64_t values[GEN_MAX_FIELDS] = {0};
        len = gen_length(word);
        if (len == 4)
            word = le32_get(c->code + at);
        unsigned id = insn_decode(word, g->features);
        if (id == INSNS)
            continue;
        insn_extract(id, word, values);
        if (uses_own(id, values) || (smp && !strncmp(insn_table[id].name, "sc.", 3)))
            return true;
    }
    return false;
}

/* The pointer that its accesses use beside sp. */
static unsigned base_of(const struct case_input *c)
{
    for (unsigned x = 8; x < 16; x++)
        if (c->before.x[x] - CASE_DATA < 2 * CASE_DATA_SIZE)
            return x;
    return SP;
}

/* The counter of the fragment's own loop, whose branch is its last instruction; 0: it has none. */
static unsigned loop_counter(const struct case_input *c)
{
    uint32_t last = c->code_len < 4 ? 0 : le32_get(c->code + c->code_len - 4);
    return (last & 0x8000707f) == 0x80001063 ? last >> 15 & 31 : 0; /* bne, backwards */
}

static void put(struct program *p, unsigned *at, uint32_t word)
{
    le32_put(p->code + *at, word);
    *at += 4;
}

static int64_t low(uint64_t value) { return (int64_t)(value << 52) >> 52; } /* what lui has rounded away */

static void set_pointer(struct program *p, unsigned *at, unsigned x, uint64_t to)
{
    put(p, at, lui(x, to));
    put(p, at, addi(x, x, low(to)));
}

/* On every eighth turn: an addi with the count as its immediate is stored to `slot` (T3 is left pointing to it). Of the count so many of its low
 * bits are taken: with 5 there are four words, which come again and again; with 0 it is the one that was there. */
static void patch_slot(struct program *p, unsigned *at, uint64_t slot, unsigned bits)
{
    uint32_t word = addi(SLOT_REG, SLOT_REG, 0);
    set_pointer(p, at, T3, slot);
    put(p, at, andi(T1, COUNT, 7));
    put(p, at, branch(BNE, T1, 0, 7 * 4));
    put(p, at, bits ? slli(T2, COUNT, 32 - bits) : lui(T2, 1 << 20));
    put(p, at, lui(T1, word));
    put(p, at, addi(T1, T1, low(word)));
    put(p, at, or_(T2, T2, T1));
    put(p, at, store(SW, T2, T3));
    put(p, at, FENCE_I);
}

static unsigned patch_bits(struct random *r) { return random_percent(r, 50) ? 5 : 12; }

static void put_stub(struct program *p, struct random *r, unsigned n, const struct case_input *c, unsigned fragment, bool smp)
{
    unsigned at = STUBS_AT + n * STUB_SIZE;
    set_pointer(p, &at, base_of(c), c->before.x[base_of(c)] - CASE_DATA + DATA_AT);
    set_pointer(p, &at, SP, c->before.x[SP] - CASE_DATA + DATA_AT);
    if (loop_counter(c))
        put(p, &at, addi(loop_counter(c), 0, 2 + (int64_t)random_below(r, 12)));
    if (random_percent(r, 40))
        put(p, &at, csrr(SLOT_REG, CSR_INSTRET));
    if (random_percent(r, 30)) /* code that others run must not change, but even so it is dropped under them */
        patch_slot(p, &at, CODE_AT + fragment, smp ? 0 : patch_bits(r));
    if (random_percent(r, 40)) { /* by way of the private page */
        patch_slot(p, &at, PRIVATE_AT, patch_bits(r));
        put(p, &at, jalr(T2, T3, 0));
    }
    put(p, &at, jal(0, (int64_t)fragment - at));
}

/* A slot (patch_slot may write it, so it is aligned), the random code, and back. */
static void put_fragment(struct program *p, unsigned at, const struct case_input *c)
{
    put(p, &at, addi(SLOT_REG, SLOT_REG, 1));
    memcpy(p->code + at, c->code, c->code_len);
    at += c->code_len;
    put(p, &at, jal(0, -(int64_t)at));
}

static void put_dispatcher(struct program *p, unsigned fragments)
{
    unsigned at = 0;
    _Static_assert(STUB_SIZE == 1 << 7, "the shift");
    put(p, &at, addi(COUNT, COUNT, -1));
    put(p, &at, branch(BEQ, COUNT, 0, 6 * 4));
    put(p, &at, andi(T1, COUNT, fragments - 1));
    put(p, &at, slli(T1, T1, 7));
    put(p, &at, lui(T2, CODE_AT));
    put(p, &at, add(T1, T1, T2));
    put(p, &at, jalr(0, T1, STUBS_AT));
    put(p, &at, ECALL);
}

void program_make(const struct gen *g, struct random *r, bool smp, struct program *out)
{
    struct case_input c;
    unsigned fragments = 1u << (1 + random_below(r, 3)), room = (CODE_SIZE - FRAGMENTS_AT) / fragments;
    memset(out, 0, sizeof *out);
    put_dispatcher(out, fragments);
    for (unsigned i = 0; i < fragments; i++) {
        do
            gen_block(g, r, &c);
        while (refused(g, &c, smp));
        if (!i)
            out->before = c.before;
        unsigned at = FRAGMENTS_AT + i * room + (unsigned)random_below(r, room - (CASE_MAX_CODE + 8));
        at = (unsigned)align_down(at, 4);
        put_stub(out, r, i, &c, at, smp);
        put_fragment(out, at, &c);
    }
    le32_put(out->private_code, addi(SLOT_REG, SLOT_REG, 1));
    le32_put(out->private_code + 4, jalr(0, T2, 0));
    out->before.pc = CODE_AT;
    out->before.x[COUNT] = 20 + random_below(r, 400);
}
