/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The names of CSRs, for the disassembler and for users. A family of csrs.def has one row, and here a name for each of its members. */
#include "base/bits.h"
#include "guest/riscv64/csr.h"

#define TEN(stem, tens)                                                                                                                    \
    stem tens "0", stem tens "1", stem tens "2", stem tens "3", stem tens "4", stem tens "5", stem tens "6", stem tens "7", stem tens "8", \
        stem tens "9"
#define FAMILY(stem)                                                                  \
    {                                                                                 \
        stem, { TEN(stem, ""), TEN(stem, "1"), TEN(stem, "2"), stem "30", stem "31" } \
    }

static const struct {
    const char *stem, *names[RISCV64_COUNTERS];
} families[] = {
    FAMILY("hpmcounter"), FAMILY("mhpmcounter"), FAMILY("mhpmevent"), FAMILY("pmpaddr"), FAMILY("mstateen"), FAMILY("sstateen"),
};

const char *riscv64_csr_name(unsigned number)
{
    const struct riscv64_csr *row = riscv64_csr_row(number);

    if (!row || row->count == 1)
        return row ? row->name : NULL;
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        size_t stem = strlen(families[i].stem);
        unsigned first = 0;
        if (strncmp(row->name, families[i].stem, stem))
            continue;
        while (strcmp(families[i].names[first], row->name))
            first++;
        return families[i].names[first + number - row->number];
    }
    return NULL;
}

void riscv64_show_csr(struct riscv64_text *t, int64_t number)
{
    const char *name = riscv64_csr_name((unsigned)number);

    if (name)
        riscv64_text_put(t, "%s", name);
    else
        riscv64_text_put(t, "0x%x", (unsigned)number);
}
