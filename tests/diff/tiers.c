/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The tiers against each other: random programs with loops, changing code and traps run interpreted and compiled; registers, flags, memory
 * and the count of retired instructions must agree.
 *     tiers [--seed N] [--count N] [--smp N] [--first N]
 * --count programs on one vCPU (300), one after the other on the same machines, so that compiled code is dropped and recycled; --smp programs
 * that three vCPUs share (24). What differs at program N of a seed can be tried alone with --first N --count 1 --smp 0.
 */
#include "os/os.h"
#include "tiers_machine.h"
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SMP_VCPUS = 3, SKIPPED = 77 };

/* The second one's code memory is used again soon; the last one leaves most to tier 0. */
static const struct machine_setup setups[] = {{1, 0, 0}, {1, 1, 2 << 20}, {1, 6, 8 << 20}, {1, 60, 0}};
enum { MACHINES = sizeof setups / sizeof *setups };

struct options {
    uint64_t seed, count, smp, first;
};

static bool fail(const struct err *err)
{
    fprintf(stderr, "tiers: %s\n", err->text);
    return false;
}

static void say(const struct options *o, uint64_t number, const char *what)
{
    printf("FAILED: program %" PRIu64 " of seed %" PRIu64 ", %s\n", number, o->seed, what);
}

/* What the compiler did, so that a run that proves nothing is seen. */
static void report(const struct machine *m, const char *name)
{
    struct jit_counts c = machine_counts(m);
    printf("%s: %" PRIu64 " blocks compiled (%" PRIu64 " KiB), %" PRIu64 " dropped, %" PRIu64 " links, %" PRIu64 " chunks recycled\n", name,
           c.compiled, c.code_bytes >> 10, c.undone, c.linked, c.recycled);
    printf("    of %" PRIu64 " pages that were written %" PRIu64 " blocks stayed, %" PRIu64 " came back\n", c.dropped_pages, c.same,
           c.revived);
}

static bool run_single(const struct options *o, struct machine *machines, struct gen *g, struct program *p, uint64_t k)
{
    struct random r = random_of(o->seed, 1, k);
    bool paged = random_percent(&r, 50);
    program_make(g, &r, false, p);
    for (unsigned i = 0; i < MACHINES; i++) {
        machine_load(&machines[i], 0, p, paged);
        machine_run(&machines[i], 0);
        if (i && machine_differs(&machines[0], &machines[i], 0)) {
            printf("threshold %u, %s\n", setups[i].threshold, paged ? "paged" : "unpaged");
            say(o, k, "one vCPU");
            return false;
        }
    }
    return true;
}

static bool run_singles(const struct options *o, struct gen *g, struct program *p)
{
    struct machine machines[MACHINES];
    struct err err = {0};
    bool ok = true;
    for (unsigned i = 0; i < MACHINES; i++)
        if (machine_init(&machines[i], &setups[i], &err))
            return fail(&err);
    gen_init(g, machine_features(&machines[0]));
    for (uint64_t k = o->first; ok && k < o->first + o->count; k++)
        ok = run_single(o, machines, g, p, k);
    for (unsigned i = 0; i < MACHINES; i++) {
        char name[32];
        snprintf(name, sizeof name, "threshold %u", setups[i].threshold);
        if (setups[i].threshold)
            report(&machines[i], name);
        machine_fini(&machines[i]);
    }
    return ok;
}

/* Each vCPU's share, evaluated one after the other, against all of them at once. */
static bool run_smp(const struct options *o, struct gen *g, struct program *p, uint64_t k)
{
    struct machine one, all;
    struct err err = {0};
    struct random r = random_of(o->seed, 2, k);
    const struct machine_setup plain = {SMP_VCPUS, 0, 0}, compiled = {SMP_VCPUS, 1 + (unsigned)random_below(&r, 4), 2 << 20};
    bool ok = true;
    if (machine_init(&one, &plain, &err) || machine_init(&all, &compiled, &err))
        return fail(&err);
    gen_init(g, machine_features(&one));
    program_make(g, &r, true, p);
    uint64_t turns = 20 * p->before.x[PROGRAM_COUNTER];
    for (unsigned i = 0; i < SMP_VCPUS; i++) {
        p->before.x[PROGRAM_COUNTER] = turns + random_below(&r, 100);
        machine_load(&one, i, p, true);
        machine_load(&all, i, p, true);
        machine_run(&one, i);
    }
    machine_run_all(&all);
    for (unsigned i = 0; ok && i < SMP_VCPUS; i++)
        if (machine_differs(&one, &all, i)) {
            printf("vCPU %u, threshold %u\n", i, compiled.threshold);
            say(o, k, "shared by vCPUs");
            ok = false;
        }
    if (k == o->first)
        report(&all, "shared, first program");
    machine_fini(&one);
    machine_fini(&all);
    return ok;
}

static struct options parse(int argc, char **argv)
{
    static const struct option longs[] = {
        {"seed", 1, NULL, 's'}, {"count", 1, NULL, 'c'}, {"smp", 1, NULL, 'm'}, {"first", 1, NULL, 'f'}, {0}};
    struct options o = {os_wall_ns() % 1000000007, 300, 24, 0};
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        uint64_t v = optarg ? strtoull(optarg, NULL, 0) : 0;
        *(c == 's' ? &o.seed : c == 'c' ? &o.count : c == 'm' ? &o.smp : &o.first) = v;
    }
    return o;
}

int main(int argc, char **argv)
{
    struct options o = parse(argc, argv);
    struct gen *g = calloc(1, sizeof *g);
    struct program *p = calloc(1, sizeof *p);
    if (!jit_host) {
        printf("skipped: there is no code generator for this host\n");
        return SKIPPED;
    }
    printf("seed %" PRIu64 "\n", o.seed);
    bool ok = g && p && run_singles(&o, g, p);
    for (uint64_t k = o.first; ok && k < o.first + o.smp; k++)
        ok = run_smp(&o, g, p, k);
    printf("%s: %" PRIu64 " programs on one vCPU, %" PRIu64 " shared by %d\n", ok ? "passed" : "failed", o.count, o.smp, SMP_VCPUS);
    free(g);
    free(p);
    return !ok;
}
