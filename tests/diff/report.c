/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Comparing and showing results. */
#include "report.h"
#include "base/bits.h"
#include "gen.h"
#include "subject.h"
#include <inttypes.h>
#include <stdio.h>

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

/* Little-endian; what the code does not hold is 0. */
static uint32_t word_at(const struct case_input *c, uint64_t at)
{
    uint8_t bytes[4] = {0};
    memcpy(bytes, c->code + at, c->code_len - at < 4 ? c->code_len - at : 4);
    return gen_length(bytes[0]) == 4 ? le32_get(bytes) : le16_get(bytes);
}

bool outcome_known(const struct case_input *c, const struct outcome *ours, const struct outcome *theirs)
{
    struct case_view v = {c, &ours->result, &theirs->result, 0, "", false};
    uint64_t at = v.ours->after.pc - c->before.pc;
    v.word = at < c->code_len ? word_at(c, at) : 0;
    unsigned id = at < c->code_len ? insn_decode(v.word, UINT64_MAX) : INSNS;
    v.same_state = !memcmp(&v.ours->after, &v.theirs->after, sizeof v.ours->after) && v.ours->nchanged == v.theirs->nchanged;
    v.insn = id < INSNS ? insn_table[id].name : "";
    return subject.known(&v);
}

/* ---- showing ---- */

static uint32_t show_code(const struct case_input *c)
{
    uint32_t mask = 0;
    for (unsigned at = 0; at < c->code_len;) {
        uint32_t word = word_at(c, at);
        unsigned len = gen_length(word), id = insn_decode(word, UINT64_MAX);
        char text[128] = "?";
        if (id < INSNS)
            insn_print(id, word, c->before.pc + at, text, sizeof text);
        printf("    %010" PRIx64 "  %0*" PRIx32 "%*s  %s\n", c->before.pc + at, (int)len * 2, word, (int)(8 - len * 2), "", text);
        mask |= id < INSNS ? gen_named(id, word) : 0;
        at += len;
    }
    return mask;
}

static void show_before(const struct case_input *c, uint32_t mask)
{
    printf("  before:");
    for (unsigned i = 0; i < CASE_STATUSES && subject.status[i]; i++)
        printf(" %s=0x%02" PRIx64, subject.status[i], c->before.status[i]);
    for (unsigned i = 0; i < 32; i++)
        if (mask >> i & 1)
            printf(" %s=0x%" PRIx64, subject.x[i], c->before.x[i]);
    for (unsigned i = 0, words = subject.f[32] ? 2 : 1; i < 32 * words; i++)
        if (mask >> i / words & 1)
            printf(" %s=0x%016" PRIx64, subject.f[i], c->before.f[i]);
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
    for (unsigned i = 0; i < CASE_STATUSES; i++)
        if (a->status[i] != b->status[i])
            printf(" %s=0x%02" PRIx64, subject.status[i], a->status[i]);
    for (unsigned i = 0; i < 32; i++)
        if (a->x[i] != b->x[i])
            printf(" %s=0x%" PRIx64, subject.x[i], a->x[i]);
    for (unsigned i = 0; i < 64; i++)
        if (a->f[i] != b->f[i])
            printf(" %s=0x%016" PRIx64, subject.f[i], a->f[i]);
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
