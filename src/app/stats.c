/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The engine's counters as a table for a person, or as one line of JSON. */
#include "app/stats.h"
#include "app/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the rows, each with the values of all vCPUs ---- */

enum { NUMBER = 40, NAME = 80 };

static bool same_kind(const char *a, const char *b) { return a && b ? !strcmp(a, b) : a == b; }

static bool same(const struct vm_stat *a, const struct vm_stat *b)
{
    return same_kind(a->kind, b->kind) && !strcmp(a->name, b->name) && (a->vcpu == VM_STAT_SHARED) == (b->vcpu == VM_STAT_SHARED);
}

static struct stats_row *find(struct stats_table *t, const struct vm_stat *stat)
{
    for (size_t i = 0; i < t->count; i++)
        if (same(&t->rows[i].stat, stat))
            return &t->rows[i];
    if (t->count == t->room) {
        size_t room = t->room ? 2 * t->room : 128;
        struct stats_row *grown = realloc(t->rows, room * sizeof *grown);
        if (!grown)
            return NULL;
        t->rows = grown;
        t->room = room;
    }
    t->rows[t->count] = (struct stats_row){.stat = *stat};
    t->rows[t->count].stat.value = 0;
    return &t->rows[t->count++];
}

void stats_collect(void *arg, const struct vm_stat *stat)
{
    struct stats_table *t = arg;
    struct stats_row *row = find(t, stat);
    t->failed |= !row;
    if (!row)
        return;
    row->stat.value += stat->value;
    if (stat->vcpu < STATS_VCPUS)
        row->each[stat->vcpu] = stat->value;
}

/* ---- text ---- */

static const struct ratio {
    const char *row, *of, *fmt;
    double scale;
} ratios[] = {
    {"tier1_insns", "insns", ": %.2f %%", 100},
    {"tier0_insns", "insns", ": %.2f %%", 100},
    {"translate_ns", "translated_insns", ": %.0f for each insn", 1},
    {"compile_ns", "compiled_insns", ": %.0f for each insn", 1},
    {"code_bytes", "compiled_insns", ": %.1f for each insn", 1},
};

static uint64_t value_of(const struct stats_table *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++)
        if (!t->rows[i].stat.kind && !strcmp(t->rows[i].stat.name, name))
            return t->rows[i].stat.value;
    return 0;
}

static void print_ratio(const struct stats_table *t, const struct vm_stat *stat, FILE *out)
{
    for (const struct ratio *r = ratios; r < ratios + sizeof ratios / sizeof *ratios; r++) {
        uint64_t of = !stat->kind && !strcmp(r->row, stat->name) ? value_of(t, r->of) : 0;
        if (of)
            fprintf(out, r->fmt, (double)stat->value * r->scale / (double)of);
    }
}

/* 1234567 -> 1,234,567 */
static const char *grouped(uint64_t value, char out[NUMBER])
{
    char digits[NUMBER];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value), at = 0;
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
    return out;
}

static int name_of(const struct vm_stat *stat, char out[NAME])
{
    return snprintf(out, NAME, "%s%s%s", stat->kind ? stat->kind : "", stat->kind ? ": " : "", stat->name);
}

static void print_row(const struct stats_table *t, const struct stats_row *row, int width, FILE *out)
{
    char name[NAME], number[NUMBER];
    name_of(&row->stat, name);
    fprintf(out, "  %-*s %16s", width, name, grouped(row->stat.value, number));
    for (unsigned i = 0; t->vcpus > 1 && i < t->vcpus; i++)
        fprintf(out, " %16s", row->stat.vcpu == VM_STAT_SHARED ? "" : grouped(row->each[i], number));
    if (row->stat.text)
        fprintf(out, "  %s %s", row->stat.unit, row->stat.text);
    print_ratio(t, &row->stat, out);
    fputc('\n', out);
}

/* Rows of nothing but zeros are left out. */
static void print_text(const struct stats_table *t, FILE *out)
{
    int width = 0;
    char name[NAME];
    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i].stat.value && name_of(&t->rows[i].stat, name) > width)
            width = name_of(&t->rows[i].stat, name);
    fprintf(out, "vm: counters of the run\n  %-*s %16s", width, "", "total");
    for (unsigned i = 0; t->vcpus > 1 && i < t->vcpus; i++)
        fprintf(out, "           vcpu %u", i);
    fputc('\n', out);
    for (unsigned pass = 0; pass < 3; pass++) /* of each vCPU, shared, kinds */
        for (size_t i = 0; i < t->count; i++) {
            const struct vm_stat *stat = &t->rows[i].stat;
            if (stat->value && pass == (stat->kind ? 2 : stat->vcpu == VM_STAT_SHARED))
                print_row(t, &t->rows[i], width, out);
        }
}

/* ---- JSON ---- */

/* {"name":1,...,"trap":{"name":1,...}} of one vCPU, or of what is shared. */
static void print_object(const struct stats_table *t, unsigned vcpu, FILE *out)
{
    const char *kind = NULL, *comma = "";
    fputc('{', out);
    for (size_t i = 0; i < t->count; i++) {
        const struct vm_stat *stat = &t->rows[i].stat;
        uint64_t value = vcpu == VM_STAT_SHARED ? stat->value : t->rows[i].each[vcpu];
        if ((stat->vcpu == VM_STAT_SHARED) != (vcpu == VM_STAT_SHARED) || (stat->kind && !value))
            continue;
        if (!same_kind(stat->kind, kind)) {
            fprintf(out, "%s,\"%s\":{", kind ? "}" : "", stat->kind);
            comma = "";
        }
        kind = stat->kind;
        fputs(comma, out);
        app_print_json_string(out, stat->name);
        fprintf(out, ":%llu", (unsigned long long)value);
        comma = ",";
    }
    fputs(kind ? "}}" : "}", out);
}

static void print_json(const struct stats_table *t, FILE *out)
{
    fputs("{\"shared\":", out);
    print_object(t, VM_STAT_SHARED, out);
    fputs(",\"vcpus\":[", out);
    for (unsigned i = 0; i < t->vcpus; i++) {
        fputs(i ? "," : "", out);
        print_object(t, i, out);
    }
    fputs("]}\n", out);
}

static int by_kind(const void *a, const void *b)
{
    const struct stats_row *x = a, *y = b;
    if (!x->stat.kind || !y->stat.kind)
        return !!x->stat.kind - !!y->stat.kind;
    int kinds = strcmp(x->stat.kind, y->stat.kind);
    return kinds ? kinds : x->stat.value < y->stat.value ? 1 : x->stat.value > y->stat.value ? -1 : strcmp(x->stat.name, y->stat.name);
}

void stats_print(struct stats_table *t, bool json, FILE *out)
{
    size_t plain = 0;
    while (plain < t->count && !t->rows[plain].stat.kind)
        plain++;
    qsort(t->rows + plain, t->count - plain, sizeof *t->rows, by_kind); /* kinds together, what is most first */
    (json ? print_json : print_text)(t, out);
}

void stats_fini(struct stats_table *t) { free(t->rows); }
