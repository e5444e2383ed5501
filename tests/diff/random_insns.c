/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Prints random instructions for encodings.py to compare with another disassembler.
 *     random_insns insns SEED COUNT    COUNT words of every instruction, random fields: "WORD TEXT" a line
 *     random_insns words SEED COUNT    COUNT random words, "-" as the text of undefined ones
 *     random_insns tests               the words and texts of the stanzas' tests
 * Exits with 1 if a word that was encoded does not decode to an instruction that prints.
 */
#include "../lib/insns.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FIELDS = 16 };
#define ALL_FEATURES UINT64_MAX

/* The guest has insns of 16 bits: those whose low bits are not 3. */
static bool has_short(void)
{
    for (unsigned id = 0; id < INSNS; id++)
        if (insn_table[id].length == 2)
            return true;
    return false;
}

static uint64_t next(uint64_t *state) /* SplitMix64 */
{
    uint64_t v = *state += 0x9e3779b97f4a7c15;
    v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
    v = (v ^ v >> 27) * 0x94d049bb133111eb;
    return v ^ v >> 31;
}

static void show(uint32_t word, unsigned id)
{
    char text[128] = "-";
    if (id < INSNS)
        insn_print(id, word, 0, text, sizeof text);
    printf("%0*" PRIx32 " %s\n", has_short() && (word & 3) != 3 ? 4 : 8, word, text);
}

/* Fields are random or, one time in four, zero: aliases and narrower patterns hide there. */
static int insns(uint64_t seed, unsigned count)
{
    int bad = 0;
    for (unsigned id = 0; id < INSNS; id++) {
        const struct insn_row *insn = &insn_table[id];
        for (unsigned shown = 0, tries = 0; shown < count && tries < 100 * count; tries++) {
            int64_t values[MAX_FIELDS] = {0}, back[MAX_FIELDS] = {0};
            for (unsigned f = 0; f < insn->nfields && f < MAX_FIELDS; f++)
                values[f] = next(&seed) % 4 ? (int64_t)next(&seed) : 0;
            uint32_t word = insn_encode(id, values);
            if (insn_decode(word, ALL_FEATURES) != id)
                continue; /* the condition does not hold, or a narrower pattern has it */
            insn_extract(id, word, back);
            if (insn_encode(id, back) != word) {
                fprintf(stderr, "%s: %08" PRIx32 " does not come back from its fields\n", insn->name, word);
                bad = 1;
            }
            show(word, id);
            shown++;
        }
    }
    return bad;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "tests")) {
        for (unsigned id = 0; id < INSNS; id++)
            for (unsigned t = 0; t < insn_table[id].ntests; t++)
                printf("%08" PRIx32 " %s\n", insn_tests[insn_table[id].first_test + t].word,
                       insn_tests[insn_table[id].first_test + t].text);
        return 0;
    }
    if (argc != 4) {
        fprintf(stderr, "random_insns: insns|words SEED COUNT, or tests\n");
        return 2;
    }
    uint64_t seed = strtoull(argv[2], NULL, 0);
    unsigned count = (unsigned)strtoul(argv[3], NULL, 0);
    if (!strcmp(argv[1], "insns"))
        return insns(seed, count);
    while (count--) {
        uint32_t word = (uint32_t)next(&seed);
        if (has_short() && count % 2)
            word |= 3;
        if (has_short() && (word & 3) != 3)
            word &= 0xffff;
        show(word, insn_decode(word, ALL_FEATURES));
    }
    return 0;
}
