/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Comparing and showing results; and the table of what the oracle does otherwise than the manual. */
#include "report.h"
#include "base/bits.h"
#include "gen.h"
#include <inttypes.h>
#include <stdio.h>

static const char *const x_names[] = {"zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
                                      "a6",   "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
static const char *const f_names[] = {"ft0", "ft1", "ft2", "ft3", "ft4",  "ft5",  "ft6", "ft7", "fs0",  "fs1", "fa0",
                                      "fa1", "fa2", "fa3", "fa4", "fa5",  "fa6",  "fa7", "fs2", "fs3",  "fs4", "fs5",
                                      "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11"};

/* The host of the oracle does not say which of the addresses that no program can have it was. */
static bool same_address(const struct case_result *ours, const struct case_result *theirs)
{
    if (ours->signal != CASE_SIGSEGV && ours->signal != CASE_SIGBUS)
        return true;
    return ours->address == theirs->address || (!theirs->address && ours->address >> 47);
}

bool outcome_equal(const struct outcome *ours, const struct outcome *theirs)
{
    return ours->result.signal == theirs->result.signal && same_address(&ours->result, &theirs->result) &&
           !memcmp(&ours->result.after, &theirs->result.after, sizeof ours->result.after) &&
           ours->result.nchanged == theirs->result.nchanged &&
           !memcmp(ours->changed, theirs->changed, ours->result.nchanged * sizeof ours->changed[0]);
}

/* ---- where the oracle is wrong by the manual, or the manual leaves it open ---- */

struct case_view { /* of a difference */
    const struct case_result *ours, *theirs;
    const char *insn; /* at which we trapped; "": none */
    bool same_state;  /* but for where and why it ended */
};

/* A store-conditional without reservation checks no address there; the manual wants the misaligned one refused and leaves the others open. */
static bool unchecked_sc(const struct case_view *v)
{
    return !strncmp(v->insn, "sc.", 3) && (v->ours->signal == CASE_SIGBUS || v->ours->signal == CASE_SIGSEGV) &&
           v->theirs->after.pc != v->ours->after.pc;
}

/* The address reported of a cache-block operation is the register's ("CMO": the faulting effective address), not the block's. */
static bool block_address(const struct case_view *v)
{
    return !strncmp(v->insn, "cbo.", 4) && v->same_state && v->ours->signal == CASE_SIGSEGV && v->theirs->signal == CASE_SIGSEGV &&
           v->theirs->address == align_down(v->ours->address, 64);
}

/* At a breakpoint it looks for the semihosting sequence, whose second half need not be there. */
static bool semihosting(const struct case_view *v)
{
    return v->ours->signal == CASE_SIGTRAP && v->theirs->signal == CASE_SIGSEGV && v->same_state &&
           v->theirs->address == CASE_CODE + CASE_CODE_SIZE && v->ours->after.pc == CASE_CODE + CASE_CODE_SIZE - 6;
}

static const struct {
    bool (*is)(const struct case_view *v);
} known[] = {{unchecked_sc}, {block_address}, {semihosting}};

static unsigned id_at(const struct case_input *c, uint64_t at)
{
    uint8_t bytes[4] = {0};
    memcpy(bytes, c->code + at, c->code_len - at < 4 ? c->code_len - at : 4);
    return riscv64_decode(gen_length(bytes[0]) == 4 ? le32_get(bytes) : le16_get(bytes), UINT64_MAX);
}

bool outcome_known(const struct case_input *c, const struct outcome *ours, const struct outcome *theirs)
{
    struct case_view v = {&ours->result, &theirs->result, "", false};
    uint64_t at = v.ours->after.pc - c->before.pc;
    unsigned id = at < c->code_len ? id_at(c, at) : RISCV64_INSNS;
    v.same_state = !memcmp(&v.ours->after, &v.theirs->after, sizeof v.ours->after) && v.ours->nchanged == v.theirs->nchanged;
    v.insn = id < RISCV64_INSNS ? riscv64_insns[id].name : "";
    for (unsigned i = 0; i < ARRAY_LEN(known); i++)
        if (known[i].is(&v))
            return true;
    return false;
}

/* ---- showing ---- */

/* Registers that the fields d, s, t and r may mean; a mask of numbers. */
static uint32_t named(uint32_t word, unsigned id)
{
    static const char *const fields[] = {"d", "s", "t", "r"};
    int64_t values[GEN_MAX_FIELDS];
    uint32_t mask = gen_length(word) == 2 ? 1u << 2 : 0;
    if (id >= RISCV64_INSNS)
        return 0;
    riscv64_extract(id, word, values);
    for (unsigned i = 0; i < ARRAY_LEN(fields); i++) {
        int n = gen_register(id, values, fields[i]);
        if (n >= 0)
            mask |= 1u << n;
    }
    return strcmp(riscv64_insns[id].name, "amocas.q") ? mask : mask | mask << 1;
}

static uint32_t show_code(const struct case_input *c)
{
    uint32_t mask = 0;
    for (unsigned at = 0; at < c->code_len;) {
        uint8_t bytes[4] = {0};
        unsigned have = c->code_len - at < 4 ? c->code_len - at : 4;
        memcpy(bytes, c->code + at, have);
        uint32_t word = le32_get(bytes);
        unsigned len = gen_length(word);
        if (len == 2)
            word &= 0xffff;
        unsigned id = riscv64_decode(word, UINT64_MAX);
        char text[128] = "?";
        if (id < RISCV64_INSNS)
            riscv64_print(id, word, c->before.pc + at, text, sizeof text);
        printf("    %010" PRIx64 "  %0*" PRIx32 "%*s  %s\n", c->before.pc + at, (int)len * 2, word, (int)(8 - len * 2), "", text);
        mask |= named(word, id);
        at += len;
    }
    return mask;
}

static void show_before(const struct case_input *c, uint32_t mask)
{
    printf("  before: fcsr=0x%02" PRIx64, c->before.fcsr);
    for (unsigned i = 1; i < 32; i++)
        if (mask >> i & 1)
            printf(" %s=0x%" PRIx64, x_names[i], c->before.x[i]);
    for (unsigned i = 0; i < 32; i++)
        if (mask >> i & 1)
            printf(" %s=0x%016" PRIx64, f_names[i], c->before.f[i]);
    for (unsigned i = 0; i < c->npatches; i++)
        printf(" [0x%" PRIx64 "]=0x%016" PRIx64, CASE_DATA + 8 * c->patches[i].index, c->patches[i].value);
    printf("\n");
}

static void show_word(const struct outcome *o, uint64_t index)
{
    for (unsigned i = 0; i < o->result.nchanged; i++)
        if (o->changed[i].index == index) {
            printf(" [0x%" PRIx64 "]=0x%016" PRIx64, CASE_DATA + 8 * index, o->changed[i].value);
            return;
        }
    printf(" [0x%" PRIx64 "] unchanged", CASE_DATA + 8 * index);
}

static bool holds(const struct outcome *o, const struct case_word *word)
{
    for (unsigned i = 0; i < o->result.nchanged; i++)
        if (o->changed[i].index == word->index && o->changed[i].value == word->value)
            return true;
    return false;
}

/* What is not the same as on the other side. */
static void show_after(const char *who, const struct outcome *o, const struct outcome *other)
{
    const struct case_state *a = &o->result.after, *b = &other->result.after;
    printf("  %-8s signal=%u pc=0x%" PRIx64, who, o->result.signal, a->pc);
    if (o->result.signal == CASE_SIGSEGV || o->result.signal == CASE_SIGBUS)
        printf(" address=0x%" PRIx64, o->result.address);
    if (a->fcsr != b->fcsr)
        printf(" fcsr=0x%02" PRIx64, a->fcsr);
    for (unsigned i = 1; i < 32; i++)
        if (a->x[i] != b->x[i])
            printf(" %s=0x%" PRIx64, x_names[i], a->x[i]);
    for (unsigned i = 0; i < 32; i++)
        if (a->f[i] != b->f[i])
            printf(" %s=0x%016" PRIx64, f_names[i], a->f[i]);
    for (unsigned i = 0; i < o->result.nchanged; i++)
        if (!holds(other, &o->changed[i]))
            show_word(o, o->changed[i].index);
    for (unsigned i = 0; i < other->result.nchanged; i++) {
        bool listed = false;
        for (unsigned k = 0; k < o->result.nchanged; k++)
            listed |= o->changed[k].index == other->changed[i].index;
        if (!listed)
            show_word(o, other->changed[i].index);
    }
    printf("\n");
}

void report_case(const struct case_input *c, const struct outcome *ours, const struct outcome *theirs)
{
    show_before(c, show_code(c));
    show_after("ours:", ours, theirs);
    show_after("oracle:", theirs, ours);
}
