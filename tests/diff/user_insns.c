/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Makes cases of one user-level riscv64 instruction each and executes them on the evaluator.
 *     user_insns SEED COUNT CASES EXPECTED TEXTS    COUNT cases of every instruction
 * Cases that fault are left out: their addresses mean something else to another emulator. user_insns.py compares.
 */
#include "user_insns.h"
#include "base/bits.h"
#include "guest/riscv64/lift.h"
#include "guest/riscv64/riscv64.h"
#include "ir/eval.h"
#include <stdio.h>
#include <stdlib.h>

enum { MAX_FIELDS = 16 };

static uint64_t seed;
static uint64_t next(void) /* SplitMix64 */
{
    uint64_t v = seed += 0x9e3779b97f4a7c15;
    v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
    v = (v ^ v >> 27) * 0x94d049bb133111eb;
    return v ^ v >> 31;
}

static void nothing(struct cpu *cpu) { (void)cpu; }
static void nothing_asid(struct cpu *cpu, int64_t asid) { (void)cpu, (void)asid; }
static void nothing_page(struct cpu *cpu, gva va, int64_t asid) { (void)cpu, (void)va, (void)asid; }
static void nothing_deadline(struct cpu *cpu, uint64_t ns) { (void)cpu, (void)ns; }
static bool refuse(struct cpu *cpu)
{
    (void)cpu;
    return false;
}
static const struct cpu_ops ops = {nothing_asid, nothing_page, nothing, nothing, nothing_deadline, nothing, refuse, refuse};

static struct cpu *cpu_new(struct tlb *tlb, struct os_vclock *clock)
{
    size_t size = align_up(sizeof(struct cpu) + (RISCV64_CELLS + IR_FRAME_EXTRA) * sizeof(uint64_t), 64);
    struct cpu *cpu = aligned_alloc(64, size);
    struct err err = {0};
    if (!cpu)
        return NULL;
    memset(cpu, 0, size);
    memset(tlb, 0xff, sizeof *tlb);
    os_vclock_init(clock);
    cpu->tlb = tlb;
    cpu->guest = &guest_riscv64;
    cpu->helpers = riscv64_helpers;
    cpu->clock = clock;
    cpu->ops = &ops;
    cpu->monitor = cpu_monitor_new();
    if (!cpu->monitor || mem_space_new(&cpu->space) || mem_space_add_ram(cpu->space, "ram", CASE_RAM, CASE_RAM_SIZE, &err) ||
        riscv64_init(cpu, "max", &err))
        return NULL;
    riscv64_reset(cpu);
    return cpu;
}

/* ---- operands ---- */

static uint64_t integer(void)
{
    static const uint64_t special[] = {0,          1,          2,           UINT64_MAX, 1ull << 63, INT64_MAX, 0x80000000,
                                       0x7fffffff, 0xffffffff, 0x100000000, 63,         64,         31,        32};
    uint64_t v = next();
    switch (v % 8) {
    case 0:
    case 1: return special[v / 8 % ARRAY_LEN(special)];
    case 2: return (uint64_t)((int64_t)next() >> v / 8 % 64);
    case 3: return next() & next() & next();
    default: return next();
    }
}

/* Values of a format with the given sizes of exponent and fraction; specials and close neighbours often. */
static uint64_t floating(unsigned exponent, unsigned fraction)
{
    uint64_t v = next(), emax = (1ull << exponent) - 1, bias = emax / 2, sign = v >> 63 << (exponent + fraction), e, f;
    f = v % 3 ? next() : v % 5 ? 0 : UINT64_MAX;
    f = v / 16 % 4 ? f : f & UINT64_MAX << v / 64 % 64;
    f &= (1ull << fraction) - 1;
    switch (v / 3 % 8) {
    case 0: e = 0; break;
    case 1: e = emax; break;
    case 2: e = bias + next() % 70; break; /* sizes of integers */
    case 3: e = next() % (emax + 1); break;
    case 4: e = next() % 2 ? 1 + next() % 3 : emax - 1 - next() % 3; break;
    default: e = bias - 4 + next() % 8;
    }
    return sign | (e & emax) << fraction | f;
}

static uint64_t any_floating(const char *name)
{
    size_t len = strlen(name);
    uint64_t v = next() % 16;
    bool single = strstr(name, ".s") != NULL, half = strstr(name, ".h") != NULL;
    if (len > 2 && name[len - 1] != 'd' && single && v < 13)
        return floating(8, 23) | 0xffffffff00000000;
    if (half && v < 13)
        return floating(5, 10) | 0xffffffffffff0000;
    return v == 15 ? floating(8, 23) : v == 14 ? floating(8, 23) | 0xffffffff00000000 : floating(11, 52);
}

/* What reads or writes what only one emulator has, or leaves the program. */
static bool excluded(const struct riscv64_insn *insn)
{
    static const char *const names[] = {"ecall", "mret", "sret",    "wfi",   "sfence", "sinval",
                                        "cbo",   "wrs",  "fence.i", "pause", "ebreak", "c.ebreak"};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (!strncmp(insn->name, names[i], strlen(names[i])))
            return true;
    return false;
}

static bool jumps(const struct riscv64_insn *insn) { return strstr(insn->name, "jalr") || !strcmp(insn->name, "c.jr"); }

/* Random fields; CSRs are those of floating point, branches stay in the code page. */
static bool random_word(unsigned id, uint32_t *word, int64_t *base, int64_t *offset)
{
    static const char *const offsets[] = {"i", "st", "cl", "cw", "ld", "lw", "uh"};
    const struct riscv64_insn *insn = &riscv64_insns[id];
    const struct riscv64_field *fields = &riscv64_fields[insn->first_field];
    int64_t values[MAX_FIELDS];
    *base = 2; /* sp, of the insns that do not name it */
    *offset = 0;
    for (unsigned i = 0; i < insn->nfields; i++) {
        values[i] = next() % 8 ? (int64_t)next() : 0;
        if (!strcmp(fields[i].name, "c"))
            values[i] = 1 + (int64_t)(next() % 3);
        if (!strcmp(fields[i].name, "j") || !strcmp(fields[i].name, "b") || !strcmp(fields[i].name, "cj") || !strcmp(fields[i].name, "cb"))
            values[i] = (int64_t)(next() % 0x800) - 0x400;
    }
    *word = riscv64_encode(id, values);
    if (riscv64_decode(*word, UINT64_MAX) != id)
        return false;
    riscv64_extract(id, *word, values);
    for (unsigned i = 0; i < insn->nfields; i++) {
        if (!strcmp(fields[i].name, "s"))
            *base = values[i] + (fields[i].width == 3 ? 8 : 0);
        for (unsigned k = 0; k < ARRAY_LEN(offsets); k++)
            if (!strcmp(fields[i].name, offsets[k]))
                *offset = values[i];
    }
    return true;
}

/* ---- a case ---- */

static void set(struct cpu *cpu, const struct machine_state *s)
{
    cpu->trapped = false;
    cpu->pc = s->pc;
    memcpy(&RV(cpu, x), s->x, sizeof s->x);
    memcpy(&RV(cpu, f), s->f, sizeof s->f);
    RV(cpu, frm) = s->fcsr >> 5;
    RV(cpu, mstatus) = STATUS_FS;
    riscv64_csr_poke(cpu, 1, s->fcsr & 31);
    cpu->reservation.valid = false;
    (void)!mem_write(cpu->space, CASE_DATA, s->data, CASE_BYTES);
}

static void get(struct cpu *cpu, struct machine_state *s)
{
    uint64_t fcsr = 0;
    s->pc = cpu->pc;
    memcpy(s->x, &RV(cpu, x), sizeof s->x);
    s->x[0] = 0;
    memcpy(s->f, &RV(cpu, f), sizeof s->f);
    riscv64_csr_peek(cpu, 3, &fcsr);
    s->fcsr = (uint32_t)fcsr;
    (void)!mem_read(cpu->space, CASE_DATA, s->data, CASE_BYTES);
}

/* false: it faults, or says something about no other emulator. */
static bool execute(struct cpu *cpu, struct ir_build *build, const struct machine_state *before, struct machine_state *after)
{
    set(cpu, before);
    uint64_t key = cpu->guest->block_key(cpu);
    ir_begin(build);
    cpu->guest->lift(build, cpu, &key, 0, before->trap, 4);
    struct ir_block *block = ir_finish(build);
    if (!block)
        return false;
    ir_eval_prepare(block);
    enum ir_exit exit = ir_eval(cpu, block);
    free(block);
    get(cpu, after);
    after->trap = exit == IR_EXIT_trap;
    if (exit == IR_EXIT_trap)
        return cpu->trap.kind == RISCV64_TRAP_illegal;
    bool itself = after->pc - CASE_CODE < ((before->trap & 3) == 3 ? 4 : 2);
    return after->pc >= CASE_RAM && after->pc < CASE_PAGE - 4 && !itself;
}

static bool make_case(struct cpu *cpu, struct ir_build *build, unsigned id, struct machine_state *before, struct machine_state *after)
{
    int64_t base, offset;
    memset(before, 0, sizeof *before);
    before->pc = CASE_CODE;
    if (!random_word(id, &before->trap, &base, &offset))
        return false;
    for (unsigned i = 1; i < 32; i++)
        before->x[i] = integer();
    for (unsigned i = 0; i < 32; i++)
        before->f[i] = any_floating(riscv64_insns[id].name);
    if (next() % 2 && base)
        before->x[base] = CASE_DATA + 32 + (next() % 2 ? next() % 24 * 8 : next() % 192) - (uint64_t)offset;
    if (jumps(&riscv64_insns[id]))
        before->x[base] = CASE_CODE + next() % 512 - (uint64_t)offset;
    before->x[0] = 0;
    before->fcsr = (uint32_t)(next() % 32 | (next() % 16 ? next() % 5 : next() % 8) << 5);
    for (unsigned i = 0; i < CASE_BYTES; i += 8)
        le64_put(before->data + i, integer());
    return execute(cpu, build, before, after);
}

int main(int argc, char **argv)
{
    static struct tlb tlb;
    static struct os_vclock clock;
    struct ir_build *build;
    struct cpu *cpu = cpu_new(&tlb, &clock);
    if (argc != 6 || !cpu || ir_build_new(&build, RISCV64_CELLS, riscv64_helpers, RISCV64_HELPERS)) {
        fprintf(stderr, "user_insns: SEED COUNT CASES EXPECTED TEXTS\n");
        return 2;
    }
    seed = strtoull(argv[1], NULL, 0);
    unsigned count = (unsigned)strtoul(argv[2], NULL, 0);
    FILE *cases = fopen(argv[3], "wb"), *expected = fopen(argv[4], "wb"), *texts = fopen(argv[5], "w");
    bool good = cases && expected && texts;
    for (unsigned id = 0; good && id < RISCV64_INSNS; id++) {
        if (excluded(&riscv64_insns[id]))
            continue;
        unsigned made = 0;
        for (unsigned tries = 0; good && made < count && tries < count * 40; tries++) {
            static struct machine_state before, after;
            char text[128];
            if (!make_case(cpu, build, id, &before, &after))
                continue;
            riscv64_print(id, before.trap, CASE_CODE, text, sizeof text);
            good = fwrite(&before, sizeof before, 1, cases) == 1 && fwrite(&after, sizeof after, 1, expected) == 1 &&
                   fprintf(texts, "%s\n", text) > 0;
            made++;
        }
        if (!made)
            fprintf(stderr, "%s: no case\n", riscv64_insns[id].name);
    }
    good = good && !fclose(cases) && !fclose(expected) && !fclose(texts);
    ir_build_free(build);
    riscv64_fini(cpu);
    mem_space_free(cpu->space);
    free(cpu->monitor);
    free(cpu);
    return !good;
}
