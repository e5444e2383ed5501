/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Registers as GDB numbers and names them: the guest's general ones, pc, the floating point ones, then those that are computed. The
 * description says so in XML, with the features that GDB knows the architecture by.
 */
#include "base/bits.h"
#include "guest/guest.h"
#include "observe/gdb/gdb.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if VM_GUEST_riscv64
#include "guest/riscv64/riscv64.h"
#endif

struct computed {
    const char *name;
    unsigned number, bits;
};

static const struct known {
    const char *guest, *architecture, *prefix; /* of features */
    const struct computed *computed;
    unsigned ncomputed;
    bool (*peek)(struct cpu *cpu, unsigned number, uint64_t *value);
    bool (*poke)(struct cpu *cpu, unsigned number, uint64_t value);
} known[] = {
#if VM_GUEST_riscv64
    {"riscv64", "riscv:rv64", "org.gnu.gdb.riscv", (const struct computed[]){{"fflags", 1, 32}, {"frm", 2, 32}, {"fcsr", 3, 32}}, 3,
     riscv64_csr_peek, riscv64_csr_poke},
#endif
};

static const struct known *known_of(const struct guest *guest)
{
    for (const struct known *k = known; k < known + ARRAY_LEN(known); k++)
        if (!strcmp(k->guest, guest->name))
            return k;
    return NULL;
}

/* The n-th register of 64 bits of a group; a cell that has two names is one. NULL: no more. */
static const struct guest_reg *of_group(const struct guest *guest, const char *group, unsigned n)
{
    for (const struct guest_reg *r = guest->regs, *end = r + guest->nregs; r < end; r++) {
        bool seen = r->bits != 64 || strcmp(r->group, group) != 0;
        for (const struct guest_reg *before = guest->regs; before < r && !seen; before++)
            seen = before->cell == r->cell;
        if (!seen && !n--)
            return r;
    }
    return NULL;
}

static unsigned group_count(const struct guest *guest, const char *group)
{
    unsigned n = 0;
    while (of_group(guest, group, n))
        n++;
    return n;
}

struct place {
    uint64_t *cell;
    const struct computed *computed;
};

static unsigned find(struct cpu *cpu, unsigned n, struct place *place)
{
    const struct guest *guest = cpu->guest;
    const struct known *k = known_of(guest);
    unsigned general = group_count(guest, "general"), floats = group_count(guest, "float");
    *place = (struct place){NULL, NULL};
    if (n < general)
        place->cell = &cpu->cell[of_group(guest, "general", n)->cell];
    else if (n == general)
        place->cell = &cpu->pc;
    else if (n <= general + floats)
        place->cell = &cpu->cell[of_group(guest, "float", n - general - 1)->cell];
    else if (k && n - general - floats - 1 < k->ncomputed)
        place->computed = &k->computed[n - general - floats - 1];
    return place->cell ? 8 : place->computed ? place->computed->bits / 8 : 0;
}

unsigned gdb_registers_count(const struct guest *guest)
{
    const struct known *k = known_of(guest);
    return group_count(guest, "general") + 1 + group_count(guest, "float") + (k ? k->ncomputed : 0);
}

unsigned gdb_register_read(struct cpu *cpu, unsigned n, uint8_t out[8])
{
    struct place place;
    unsigned size = find(cpu, n, &place);
    uint64_t value = place.cell ? *place.cell : 0;
    if (place.computed && !known_of(cpu->guest)->peek(cpu, place.computed->number, &value))
        return 0;
    for (unsigned i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> 8 * i);
    return size;
}

unsigned gdb_register_write(struct cpu *cpu, unsigned n, const uint8_t *from, size_t room)
{
    struct place place;
    unsigned size = find(cpu, n, &place);
    uint64_t value = 0;
    if (!size || size > room)
        return 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)from[i] << 8 * i;
    if (place.computed)
        return known_of(cpu->guest)->poke(cpu, place.computed->number, value) ? size : 0;
    if (n || strcmp(of_group(cpu->guest, "general", 0)->name, "x0") != 0) /* which is 0 for ever */
        *place.cell = value;
    return size;
}

static void feature(FILE *out, const struct guest *guest, const struct known *k, const char *name, const char *group, const char *type)
{
    fprintf(out, "<feature name=\"%s.%s\">", k->prefix, name);
    for (unsigned i = 0; of_group(guest, group, i); i++)
        fprintf(out, "<reg name=\"%s\" bitsize=\"64\" type=\"%s\"/>", of_group(guest, group, i)->name, type);
    if (!strcmp(group, "general"))
        fputs("<reg name=\"pc\" bitsize=\"64\" type=\"code_ptr\"/>", out);
    for (unsigned i = 0; !strcmp(group, "float") && i < k->ncomputed; i++)
        fprintf(out, "<reg name=\"%s\" bitsize=\"%u\" type=\"int\"/>", k->computed[i].name, k->computed[i].bits);
    fputs("</feature>", out);
}

char *gdb_registers_text(const struct guest *guest)
{
    const struct known *k = known_of(guest);
    char *text = NULL;
    size_t size;
    FILE *out = k ? open_memstream(&text, &size) : NULL;
    if (!out)
        return NULL;
    fprintf(out, "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target><architecture>%s</architecture>",
            k->architecture);
    feature(out, guest, k, "cpu", "general", "int");
    feature(out, guest, k, "fpu", "float", "ieee_double");
    fputs("</target>", out);
    fclose(out);
    return text;
}
