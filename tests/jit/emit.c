/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Emits the code of one block of IR (a file in ir/text.h's form, after lines that begin with #) for this host and prints its bytes and what
 * the addresses in it mean, for the script beside it. Everything lies at fixed addresses, so that equal code is equal text.
 * Files named flat_* are emitted for flat memory, with their page at FLAT_PAGE.
 * Cells 0 to 31 are integer registers, 32 to 63 floating-point ones, pinned as riscv64's are; 64 is the zero, temporaries follow.
 */
#include "base/bits.h"
#include "ir/text.h"
#include "jit/host/host.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ZERO = 64, PAGE_OFFSET = 0x100, SIZE = 1 << 20, EXITS = 64, FAULTS = 64, OPS = 256, SKIPPED = 77, FLAT_PAGE = 0x12000 };
#define MEMORY UINT64_C(0x7f0000000000) /* as far up as what is allocated */

static const uint16_t pins[] = {15, 14, 10, 2, 11, 12, 13, 8, 9, 1, 16}, fpins[] = {47, 46, 45, 44, 43, 42, 32, 33, 34, 35, 36};

struct fixed { /* at MEMORY */
    struct ir_block block;
    struct jit_exit exits[EXITS];
    struct jit_fault faults[FAULTS];
    struct ir_op ops[OPS];
    _Alignas(4096) uint8_t code[SIZE];
};

static struct ir_block *parse(const char *path)
{
    static char text[1 << 16];
    FILE *in = fopen(path, "r");
    size_t n = in ? fread(text, 1, sizeof text - 1, in) : 0;
    unsigned line = 0, op = 0;
    const char *why = "cannot be parsed", *start = text;
    if (in)
        fclose(in);
    text[n] = 0;
    while (*start == '#')
        start += strcspn(start, "\n") + 1;
    struct ir_block *b = ir_parse(start, &line);
    if (b && b->nops <= OPS && ir_verify(b, ZERO, UINT16_MAX, &op, &why))
        return b;
    fprintf(stderr, "%s (line %u, op %u)\n", why, line, op);
    return NULL;
}

/* The table at the start of the routines is the host's own; it begins with the offsets of those that have names. */
static void print_routines(const uint8_t *code)
{
    for (unsigned i = 0; jit_host->routine_names[i]; i++)
        printf("routine %s %u\n", jit_host->routine_names[i], le32_get(code + 4 * i));
}

/* Fields of struct cpu that code uses, by their distance from the cells. */
static void print_state(void)
{
#define F(field)                            \
    {                                       \
#field, offsetof(struct cpu, field) \
    }
    static const struct {
        const char *name;
        size_t offset;
    } fields[] = {F(tlb),    F(pc),     F(events),   F(fx),      F(insns),    F(page),    F(jumps),
                  F(jit_op), F(jit_ir), F(jit_exit), F(monitor), F(user_tlb), F(fp_live), F(host_fp)};
#undef F
    for (unsigned i = 0; i < ARRAY_LEN(fields); i++)
        printf("state %s %td\n", fields[i].name, (ptrdiff_t)fields[i].offset - (ptrdiff_t)offsetof(struct cpu, cell));
}

static void print(const struct fixed *m, size_t at, size_t size)
{
    printf("host %s\ncode 0x%" PRIxPTR "\nstart %zu\n", jit_host->name, (uintptr_t)m->code, at);
    printf("block 0x%" PRIxPTR "\nops 0x%" PRIxPTR " %zu\n", (uintptr_t)&m->block, (uintptr_t)m->ops, sizeof m->ops[0]);
    printf("exits 0x%" PRIxPTR " %zu\n", (uintptr_t)m->exits, sizeof m->exits[0]);
    print_routines(m->code);
    print_state();
    printf("bytes ");
    for (size_t i = 0; i < size; i++)
        printf("%02x", m->code[at + i]);
    printf("\n");
}

int main(int argc, char **argv)
{
    if (!jit_host)
        return SKIPPED;
    void *place = (void *)(uintptr_t)MEMORY;
    struct fixed *m = mmap(place, sizeof *m, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    struct ir_block *b = argc == 2 ? parse(argv[1]) : NULL;
    void *scratch = calloc(1, jit_host->scratch);
    bool flat = argc == 2 && strstr(argv[1], "/flat_");
    if (m != place || !b || !scratch)
        return 1;
    m->block = *b;
    m->block.ops = m->ops;
    memcpy(m->ops, b->ops, b->nops * sizeof *b->ops);
    size_t at = jit_host->routines(m->code, m->code, SIZE, pins, ARRAY_LEN(pins), fpins, ARRAY_LEN(fpins), flat);
    at = align_up(at, 4096);
    struct jit_emit_request request = {
        .ir = &m->block,
        .round = &m->block,
        .covers = true,
        .page_offset = PAGE_OFFSET,
        .pins = pins,
        .npins = ARRAY_LEN(pins),
        .fpins = fpins,
        .nfpins = ARRAY_LEN(fpins),
        .fp_host = FP_HOST_canonical,
        .zero_cell = ZERO,
        .flat = flat,
        .page = FLAT_PAGE,
        .out = m->code + at,
        .exec = m->code + at,
        .offset = (uint32_t)at,
        .room = SIZE - at,
        .scratch = scratch,
        .max_exits = EXITS,
        .exits = m->exits,
        .max_faults = FAULTS,
        .faults = m->faults,
    };
    size_t size = jit_host->emit(m->code, &request);
    print(m, at, size);
    free(b);
    free(scratch);
    return !size;
}
