/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Every stanza's `test` clauses: word to text and back, and what the insn does on the evaluator. One vCPU without paging; the test page is the
 * second of its RAM. Beside what the fixture wants, whoever includes it gives KIND_MASK (of a trap's kind, what a clause names) and prepare().
 */
#pragma once
#include "../lib/insns.h"

enum { MAX_FIELDS = 16 };
#define CODE (RAM + 0x100)
#define PAGE (RAM + MEM_PAGE) /* the test page */

/* Lifts one insn at CODE with the keys of the current state and executes it; the trap it takes, UINT32_MAX: none. */
static uint32_t trap_of(struct fixture *t, uint32_t word)
{
    t->cpu->pc = CODE;
    return run_insn(t, word) ? UINT32_MAX : t->cpu->trap.kind & KIND_MASK;
}

/* ---- the stanzas' own tests ---- */

static uint64_t value_of(const struct insn_cell *c) { return c->value + (c->relative ? PAGE : 0); }

static void set_cell(struct fixture *t, const struct insn_cell *c)
{
    uint64_t v = value_of(c);
    if (c->at == INSN_AT(cell))
        t->cpu->cell[c->number] = v;
    else if (c->at == INSN_AT(mem))
        assert_true(mem_write(t->cpu->space, PAGE + c->number, &v, c->bytes)); /* the host is little-endian, as the guest */
    else if (c->at == INSN_AT(fx))
        t->cpu->fx = (uint32_t)v;
    else
        fail_msg("a key cannot be set before a test: set its slot");
}

static bool holds(struct fixture *t, const struct insn_cell *c, uint32_t trap, uint64_t *have)
{
    *have = 0;
    switch (c->at) {
    case INSN_AT(cell): *have = t->cpu->cell[c->number]; break;
    case INSN_AT(mem):
        assert_true(mem_read(t->cpu->space, PAGE + c->number, have, c->bytes));
        return *have == bits_get(value_of(c), 0, c->bytes * 8u);
    case INSN_AT(pc): *have = t->cpu->pc - (c->relative ? 0 : CODE); break;
    case INSN_AT(fx): *have = t->cpu->fx; break;
    case INSN_AT(trap): *have = trap; break;
    }
    return *have == value_of(c);
}

static bool test_holds(struct fixture *t, const struct insn_row *insn, const struct insn_test *test)
{
    const struct insn_cell *cells = &insn_cells[test->first_cell];
    static const uint8_t zeros[MEM_PAGE];
    bool traps = false, good = true;

    prepare(t);
    assert_true(mem_write(t->cpu->space, PAGE, zeros, MEM_PAGE));
    for (unsigned i = 0; i < test->nbefore; i++)
        set_cell(t, &cells[i]);
    uint32_t trap = trap_of(t, test->word);
    for (unsigned i = test->nbefore; i < test->nbefore + test->nafter; i++) {
        uint64_t have;
        traps |= cells[i].at == INSN_AT(trap);
        if (!holds(t, &cells[i], trap, &have)) {
            print_message("%s: \"%s\": cell %u of its test: 0x%llx, expected 0x%llx\n", insn->name, test->text, i - test->nbefore,
                          (unsigned long long)have, (unsigned long long)value_of(&cells[i]));
            good = false;
        }
    }
    if (!traps && test->nbefore + test->nafter && trap != UINT32_MAX) {
        print_message("%s: \"%s\": trapped: %s\n", insn->name, test->text, GUEST_OBJECT.trap_name(trap));
        good = false;
    }
    return good;
}

static void stanzas_do_what_their_tests_say(void **state)
{
    struct fixture *t = fixture_new("max");
    unsigned bad = 0, run = 0;
    (void)state;
    for (unsigned id = 0; id < INSNS; id++) {
        const struct insn_row *insn = &insn_table[id];
        for (unsigned n = 0; n < insn->ntests; n++, run++)
            bad += !test_holds(t, insn, &insn_tests[insn->first_test + n]);
    }
    fixture_free(t);
    assert_true(run > 300);
    assert_int_equal(bad, 0);
}

static void texts_and_words_round_trip(void **state)
{
    (void)state;
    for (unsigned id = 0; id < INSNS; id++) {
        const struct insn_row *insn = &insn_table[id];
        for (unsigned n = 0; n < insn->ntests; n++) {
            const struct insn_test *test = &insn_tests[insn->first_test + n];
            char text[128];
            int64_t values[MAX_FIELDS];
            assert_int_equal(insn_decode(test->word, UINT64_MAX), id);
            insn_print(id, test->word, 0, text, sizeof text);
            if (strcmp(text, test->text) != 0)
                fail_msg("0x%x: \"%s\", expected \"%s\"", test->word, text, test->text);
            assert_true(insn->nfields <= MAX_FIELDS);
            insn_extract(id, test->word, values);
            assert_int_equal(insn_encode(id, values), test->word);
        }
    }
}
