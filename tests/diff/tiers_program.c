/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Makes the programs of tiers.c. Four registers are the dispatcher's own; a fragment that would use one of them is made again.
 * Layout: dispatcher, a stub for each fragment (it sets the pointers to data that the fragment expects), the fragments.
 */
#include "base/bits.h"
#include "tiers_code.h"

/* The pointer that its accesses use beside sp. */
static unsigned base_of(const struct case_input *c)
{
    for (unsigned x = 8; x < 16; x++)
        if (c->before.x[x] - CASE_DATA < 2 * CASE_DATA_SIZE)
            return x;
    return code_sp;
}

void code_put(struct program *p, unsigned *at, uint32_t word)
{
    le32_put(p->code + *at, word);
    *at += 4;
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
        if (code_refuses(id, values, smp))
            return true;
    }
    return false;
}

static unsigned patch_bits(struct random *r) { return random_percent(r, 50) ? 5 : 12; }

static void put_stub(struct program *p, struct random *r, unsigned n, const struct case_input *c, unsigned fragment, bool smp)
{
    unsigned at = STUBS_AT + n * STUB_SIZE, counter = code_loop_counter(c);
    code_pointer(p, &at, base_of(c), c->before.x[base_of(c)] - CASE_DATA + DATA_AT);
    code_pointer(p, &at, code_sp, c->before.x[code_sp] - CASE_DATA + DATA_AT);
    if (counter)
        code_number(p, &at, counter, 2 + (unsigned)random_below(r, 12));
    if (random_percent(r, 40))
        code_count(p, &at);
    if (random_percent(r, 30)) /* code that others run must not change, but even so it is dropped under them */
        code_patch(p, &at, CODE_AT + fragment, smp ? 0 : patch_bits(r));
    if (random_percent(r, 40)) { /* by way of the private page */
        code_patch(p, &at, PRIVATE_AT, patch_bits(r));
        code_call_slot(p, &at);
    }
    code_jump(p, &at, fragment);
}

/* A slot (code_patch may write it, so it is aligned), the random code, and back. */
static void put_fragment(struct program *p, unsigned at, const struct case_input *c)
{
    code_slot(p, &at);
    memcpy(p->code + at, c->code, c->code_len);
    at += c->code_len;
    code_jump(p, &at, 0);
}

void program_make(const struct gen *g, struct random *r, bool smp, struct program *out)
{
    struct case_input c;
    unsigned fragments = 1u << (1 + random_below(r, 3)), room = (CODE_SIZE - FRAGMENTS_AT) / fragments;
    memset(out, 0, sizeof *out);
    code_dispatcher(out, fragments);
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
    code_private(out);
    out->before.pc = CODE_AT;
    out->before.x[COUNT] = 20 + random_below(r, 400);
}
