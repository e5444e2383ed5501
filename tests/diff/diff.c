/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Compares what a guest's user-level instructions do with QEMU: registers, flags, memory, traps.
 *     diff --runner FILE [--qemu FILE] [--seed N] [--count N] [--blocks N] [--undefined N] [--insn NAME [--first N]]
 * --count cases of every instruction (200), --blocks blocks (2000), --undefined words that mean nothing (4000); all in tier 0 by
 * blocks and one instruction at a time, and in tier 1. --insn: one instruction only, or "block", or "undefined". A case depends on seed, instruction and number alone: a failure prints
 * the options that repeat it. Exits with 77 (skipped) without a runner or QEMU.
 */
#include "base/bits.h"
#include "engine.h"
#include "gen.h"
#include "oracle.h"
#include "os/os.h"
#include "report.h"
#include "subject.h"
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCH = 2048, TRIES = 1000, SHOWN = 2 /* of one instruction */, SHOWN_ALL = 40, BLOCK = INSNS, UNDEFINED, STREAMS };

struct batch {
    struct oracle oracle;
    size_t n;
    struct {
        unsigned id;
        uint64_t number;
    } origin[BATCH];
    struct case_input cases[BATCH];
};

struct diff {
    uint64_t seed, first, counts[STREAMS];
    const char *qemu, *runner, *only;
    struct gen gen;
    struct engine *interpreter, *compiler; /* NULL: this host has no tier 1 */
    struct batch *filling, *running, batches[2], extra;
    struct outcome ours, theirs;
    uint64_t passed, failed, known, made[STREAMS], bad[STREAMS];
};

static const char *stream_name(unsigned id) { return id == BLOCK ? "block" : id == UNDEFINED ? "undefined" : insn_table[id].name; }

static int fatal(const struct err *err)
{
    fprintf(stderr, "diff: %s\n", err->text);
    return 2;
}

/* ---- a failure ---- */

enum { WAY_blocks, WAY_single, WAY_compiled, WAYS };
static const char *const way_names[WAYS] = {"by blocks", "one instruction at a time", "compiled"};

static bool differs(struct diff *d, const struct case_input *c, unsigned way)
{
    engine_run(way == WAY_compiled ? d->compiler : d->interpreter, c, way == WAY_single, &d->ours.result, d->ours.changed);
    return !outcome_equal(&d->ours, &d->theirs);
}

/* Runs the cases of d->extra; the first that differs, or their number. */
static size_t first_different(struct diff *d, unsigned way)
{
    struct batch *b = &d->extra;
    struct err err = {0};
    if (oracle_start(&b->oracle, b->cases, b->n, &err))
        return b->n;
    oracle_wait(&b->oracle);
    for (size_t i = 0; i < b->n && oracle_next(&b->oracle, &d->theirs.result, d->theirs.changed); i++)
        if (differs(d, &b->cases[i], way))
            return i;
    return b->n;
}

static void keep_difference(struct diff *d, struct case_input *c, unsigned way)
{
    size_t i = first_different(d, way);
    if (i < d->extra.n)
        *c = d->extra.cases[i];
}

/* The shortest beginning of a block that differs, all that follows being breakpoints; then as many nops in it as possible. */
static void shorten(struct diff *d, struct case_input *c, unsigned way)
{
    struct batch *b = &d->extra;
    b->n = 0;
    for (unsigned at = 0; at < c->code_len;) {
        at += gen_length(c->code[at]);
        b->cases[b->n] = *c;
        b->cases[b->n++].code_len = at;
    }
    keep_difference(d, c, way);
    for (unsigned at = 0, len; at < c->code_len; at += len) {
        uint8_t nop[4];
        len = gen_length(c->code[at]);
        le32_put(nop, len == 4 ? subject.nop : subject.short_nop);
        b->n = 1;
        b->cases[0] = *c;
        memcpy(b->cases[0].code + at, nop, len);
        keep_difference(d, c, way);
    }
    b->n = 1;
    b->cases[0] = *c;
    (void)first_different(d, way);
}

static void failure(struct diff *d, const struct batch *b, size_t i, unsigned way, const char *what)
{
    unsigned id = b->origin[i].id;
    uint64_t all = 0;
    d->failed++;
    for (unsigned s = 0; s < STREAMS; s++)
        all += d->bad[s] < SHOWN ? d->bad[s] : SHOWN;
    if (d->bad[id]++ >= SHOWN || all >= SHOWN_ALL)
        return;
    printf("FAILED %s, %s; again: --seed %" PRIu64 " --insn %s --first %" PRIu64 " --count 1\n", stream_name(id), what, d->seed,
           stream_name(id), b->origin[i].number);
    struct case_input c = b->cases[i];
    if (id == BLOCK)
        shorten(d, &c, way);
    report_case(&c, &d->ours, &d->theirs);
}

static void compare(struct diff *d, const struct batch *b, size_t i)
{
    for (unsigned way = 0; way < WAYS; way++) {
        if ((way == WAY_compiled && !d->compiler) || !differs(d, &b->cases[i], way))
            continue;
        if (outcome_known(&b->cases[i], &d->ours, &d->theirs)) {
            d->known++;
            return;
        }
        failure(d, b, i, way, way_names[way]);
        return;
    }
    d->passed++;
}

static void stopped(struct diff *d, const struct batch *b, size_t i, int status)
{
    char text[512];
    printf("the oracle ended with %s %d: %s\n", WIFSIGNALED(status) ? "signal" : "code",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), oracle_words(&b->oracle, text, sizeof text));
    memset(&d->theirs, 0, sizeof d->theirs);
    (void)differs(d, &b->cases[i], WAY_single);
    failure(d, b, i, WAY_single, "not executed");
}

/* ---- batches: one runs under the oracle while the other is made ---- */

static int collect(struct diff *d, struct batch *b)
{
    struct err err = {0};
    for (size_t first = 0; first < b->n;) {
        int status = oracle_wait(&b->oracle);
        for (; first < b->n && oracle_next(&b->oracle, &d->theirs.result, d->theirs.changed); first++)
            compare(d, b, first);
        if (first == b->n)
            break;
        stopped(d, b, first, status);
        if (++first < b->n && oracle_start(&b->oracle, b->cases + first, b->n - first, &err))
            return fatal(&err);
    }
    b->n = 0;
    return 0;
}

static int turn(struct diff *d)
{
    struct batch *next = d->running;
    struct err err = {0};
    if (d->filling->n && oracle_start(&d->filling->oracle, d->filling->cases, d->filling->n, &err))
        return fatal(&err);
    d->running = d->filling;
    d->filling = next;
    return collect(d, d->filling);
}

static bool make(struct diff *d, unsigned id, uint64_t number, struct case_input *out)
{
    struct random r = random_of(d->seed, id, number);
    if (id == BLOCK) {
        gen_block(&d->gen, &r, out);
        return true;
    }
    for (unsigned tries = 0; tries < TRIES; tries++)
        if (id == UNDEFINED ? gen_undefined(&d->gen, &r, out) : gen_single(&d->gen, &r, id, out))
            return true;
    return false;
}

static int run_stream(struct diff *d, unsigned id)
{
    for (uint64_t n = d->first; n < d->first + d->counts[id]; n++) {
        struct batch *b = d->filling;
        if (!make(d, id, n, &b->cases[b->n]))
            continue;
        b->origin[b->n].id = id;
        b->origin[b->n++].number = n;
        d->made[id]++;
        if (b->n == BATCH && turn(d))
            return 2;
    }
    return 0;
}

/* ---- all of it ---- */

/* Every instruction has cases or a reason to have none. */
static void check_covered(struct diff *d)
{
    for (unsigned id = 0; id < STREAMS; id++) {
        bool without = id < INSNS && gen_excluded(id);
        if (without || d->made[id] >= d->counts[id])
            continue;
        printf("FAILED %s: %" PRIu64 " cases instead of %" PRIu64 "\n", stream_name(id), d->made[id], d->counts[id]);
        d->failed++;
    }
    if (!d->only)
        gen_show_excluded();
}

static int run(struct diff *d)
{
    bool found = false;
    for (unsigned id = 0; id < STREAMS; id++) {
        if (d->only && strcmp(d->only, stream_name(id)) != 0) {
            d->counts[id] = 0;
            continue;
        }
        found = true;
        if (!(id < INSNS && gen_excluded(id)) && run_stream(d, id))
            return 2;
    }
    if (!found) {
        fprintf(stderr, "diff: no instruction is called %s\n", d->only);
        return 2;
    }
    if (turn(d) || turn(d))
        return 2;
    check_covered(d);
    for (unsigned id = 0; id < STREAMS; id++)
        if (d->bad[id])
            printf("%s: %" PRIu64 " of %" PRIu64 " failed\n", stream_name(id), d->bad[id], d->made[id]);
    printf("seed %" PRIu64 ", %" PRIu64 " where the oracle is known to be wrong\n%" PRIu64 " passed, %" PRIu64 " failed\n", d->seed,
           d->known, d->passed, d->failed);
    return d->failed != 0;
}

/* An oracle that knows its options gets through no cases. */
static bool oracle_works(struct diff *d)
{
    struct oracle *o = &d->extra.oracle;
    struct err err = {0};
    char text[512];
    bool works = !oracle_start(o, NULL, 0, &err) && !oracle_wait(o);
    if (!works)
        printf("SKIP: needs %s 10 or later (Debian's package qemu-user, of bookworm-backports): %s\n", subject.qemu,
               oracle_words(o, text, sizeof text));
    return works;
}

static int open_all(struct diff *d)
{
    struct err err = {0};
    if (engine_new(&d->compiler, ACCEL_jit, &err))
        printf("without tier 1: %s\n", err.text);
    if (engine_new(&d->interpreter, ACCEL_interpreter, &err))
        return fatal(&err);
    struct oracle *const oracles[] = {&d->batches[0].oracle, &d->batches[1].oracle, &d->extra.oracle};
    for (unsigned i = 0; i < ARRAY_LEN(oracles); i++)
        if (oracle_init(oracles[i], d->qemu, subject.cpu, d->runner, &err))
            return fatal(&err);
    gen_init(&d->gen, subject.features(engine_cpu(d->interpreter)));
    d->filling = &d->batches[0];
    d->running = &d->batches[1];
    return 0;
}

static void close_all(struct diff *d)
{
    oracle_fini(&d->batches[0].oracle);
    oracle_fini(&d->batches[1].oracle);
    oracle_fini(&d->extra.oracle);
    engine_free(d->interpreter);
    engine_free(d->compiler);
    free(d);
}

static bool parse(struct diff *d, int argc, char **argv)
{
    static const struct option options[] = {{"runner", 1, NULL, 'r'}, {"qemu", 1, NULL, 'q'},   {"seed", 1, NULL, 's'},
                                            {"count", 1, NULL, 'c'},  {"blocks", 1, NULL, 'b'}, {"undefined", 1, NULL, 'u'},
                                            {"insn", 1, NULL, 'i'},   {"first", 1, NULL, 'f'},  {NULL, 0, NULL, 0}};
    uint64_t count = 200, blocks = 2000, undefined = 4000;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'r': d->runner = optarg; break;
        case 'q': d->qemu = optarg; break;
        case 's': d->seed = strtoull(optarg, NULL, 0); break;
        case 'c': count = strtoull(optarg, NULL, 0); break;
        case 'b': blocks = strtoull(optarg, NULL, 0); break;
        case 'u': undefined = strtoull(optarg, NULL, 0); break;
        case 'i': d->only = optarg; break;
        case 'f': d->first = strtoull(optarg, NULL, 0); break;
        default: return false;
        }
    }
    for (unsigned id = 0; id < INSNS; id++)
        d->counts[id] = count;
    d->counts[BLOCK] = d->only ? count : blocks;
    d->counts[UNDEFINED] = d->only ? count : undefined;
    return optind == argc;
}

/* In PATH, or a path itself. */
static bool executable(const char *name)
{
    const char *path = getenv("PATH");
    if (strchr(name, '/'))
        return !access(name, X_OK);
    for (size_t len; path && *path; path += len + (path[len] == ':')) {
        char file[4096];
        len = strcspn(path, ":");
        if (snprintf(file, sizeof file, "%.*s/%s", (int)len, path, name) < (int)sizeof file && !access(file, X_OK))
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    struct diff *d = calloc(1, sizeof *d);
    struct err err = {0};
    if (!d)
        return 2;
    d->qemu = subject.qemu;
    if (os_random(&d->seed, sizeof d->seed, &err))
        return fatal(&err);
    d->seed >>= 32;
    if (!parse(d, argc, argv)) {
        fprintf(stderr, "diff --runner FILE [--qemu FILE] [--seed N] [--count N] [--blocks N] [--undefined N] [--insn NAME [--first N]]\n");
        free(d);
        return 2;
    }
    if (!d->runner || !executable(d->qemu)) {
        printf("SKIP: needs %s (Debian's %s)\n", d->runner ? d->qemu : subject.gcc, d->runner ? "qemu-user" : subject.gcc_package);
        free(d);
        return 77;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("seed %" PRIu64 "\n", d->seed);
    int rc = open_all(d);
    if (!rc)
        rc = oracle_works(d) ? run(d) : 77;
    close_all(d);
    return rc;
}
