/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Runs a fuzz target without libFuzzer: every file of the corpus as it is, then a fixed number of mutated ones. It knows nothing of
 * coverage; it exists so that each target runs with every compiler and host, in a time that is known.
 *
 *     fuzz_NAME CORPUS_DIRECTORY [--runs N] [--seed S]
 *
 * Run i depends on seed + i alone: after a crash, the command that repeats just that run is printed.
 */
#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
void __asan_set_death_callback(void (*callback)(void)) __attribute__((weak)); /* there if the sanitizer is */

enum { MOST_FILES = 4096, MOST_BYTES = 1 << 16, MOST_SECONDS = 10 };

struct input {
    uint8_t *data;
    size_t len;
};

static struct {
    struct input files[MOST_FILES];
    size_t count;
    const char *program, *folder;
    volatile uint64_t seed; /* of the run that goes on */
    volatile size_t file;   /* or, while mutated is false, the file */
    volatile int mutated;
} state; /* a signal handler reads it, so it is one object of the process */

static void report(void)
{
    if (state.mutated)
        fprintf(stderr, "\nrepeat with: %s %s --runs 1 --seed %" PRIu64 "\n", state.program, state.folder, state.seed);
    else
        fprintf(stderr, "\nfile %zu of %s, in the order of their names\n", state.file, state.folder);
}

static void on_signal(int number)
{
    report();
    signal(number, SIG_DFL);
    raise(number);
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static void load_file(const char *folder, const char *name)
{
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return;
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(MOST_BYTES);
    if (!file || !data) {
        perror(path);
        exit(2);
    }
    size_t len = fread(data, 1, MOST_BYTES, file);
    fclose(file);
    state.files[state.count++] = (struct input){data, len};
}

static void load_corpus(const char *folder)
{
    struct dirent **names;
    int n = scandir(folder, &names, NULL, by_name);
    if (n < 0) {
        perror(folder);
        exit(2);
    }
    for (int i = 0; i < n; i++) {
        if (names[i]->d_name[0] != '.' && state.count < MOST_FILES)
            load_file(folder, names[i]->d_name);
        free(names[i]);
    }
    free(names);
}

static uint64_t next(uint64_t *x) /* splitmix64 */
{
    uint64_t z = *x += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* Numbers at which sizes and offsets go wrong. */
static const uint64_t edges[] = {0,          1,          2,         4,          8,          0x7f,          0x80,
                                 0xff,       0xfff,      0x1000,    0x7fff,     0xffff,     0x7fffffff,    0x80000000,
                                 0xffffffff, 1ull << 32, INT64_MAX, 1ull << 63, UINT64_MAX, UINT64_MAX - 7};

static size_t mutate_once(uint8_t *buf, size_t len, uint64_t *x)
{
    uint64_t r = next(x);
    size_t at = len ? (size_t)(next(x) % len) : 0, n = 1 + r % 16;
    switch (r >> 8 & 7) {
    case 0: /* a bit */
        if (len)
            buf[at] ^= (uint8_t)(1 << (r >> 16 & 7));
        return len;
    case 1: /* a byte */
        if (len)
            buf[at] = (uint8_t)(r >> 16);
        return len;
    case 2: { /* a number */
        size_t size = 1u << (r >> 16 & 3);
        uint64_t edge = edges[(r >> 24) % (sizeof edges / sizeof edges[0])];
        if (at + size <= len)
            memcpy(buf + at, &edge, size);
        return len;
    }
    case 3: /* the end goes */ return at;
    case 4: /* more of the same at the end */
        for (size_t i = 0; i < n && len < MOST_BYTES; i++)
            buf[len++] = (uint8_t)next(x);
        return len;
    case 5: /* a piece goes */
        if (at + n > len)
            return len;
        memmove(buf + at, buf + at + n, len - at - n);
        return len - n;
    case 6: /* a piece is copied to elsewhere */
        if (len > n)
            memmove(buf + at % (len - n), buf + (size_t)(next(x) % (len - n)), n);
        return len;
    default: { /* a piece of another file */
        const struct input *other = state.count ? &state.files[next(x) % state.count] : NULL;
        if (!other || !other->len)
            return len;
        size_t from = (size_t)(next(x) % other->len);
        n = n * 4 < other->len - from ? n * 4 : other->len - from;
        if (at + n <= MOST_BYTES)
            memcpy(buf + at, other->data + from, n);
        return at + n <= MOST_BYTES && at + n > len ? at + n : len;
    }
    }
}

/* The input is an allocation of its own size, so that the sanitizer sees a read past its end. */
static void run_one(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    if (!copy)
        exit(2);
    memcpy(copy, data, len);
    setitimer(ITIMER_PROF, &(struct itimerval){.it_value.tv_sec = MOST_SECONDS}, NULL); /* of CPU time: a busy machine is no failure */
    LLVMFuzzerTestOneInput(copy, len);
    setitimer(ITIMER_PROF, &(struct itimerval){0}, NULL);
    free(copy);
}

static void run_mutated(uint64_t seed, uint8_t *buf)
{
    uint64_t x = seed;
    size_t len = 0;
    if (state.count) {
        const struct input *from = &state.files[next(&x) % state.count];
        memcpy(buf, from->data, from->len);
        len = from->len;
    }
    for (unsigned n = 1 + next(&x) % 8; n; n--)
        len = mutate_once(buf, len, &x);
    state.seed = seed;
    run_one(buf, len);
}

int main(int argc, char **argv)
{
    uint64_t runs = 10000, seed = (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid();
    state.program = argv[0];
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--runs") && i + 1 < argc)
            runs = strtoull(argv[++i], NULL, 0);
        else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 0);
        else
            state.folder = argv[i];
    if (!state.folder) {
        fprintf(stderr, "usage: %s CORPUS_DIRECTORY [--runs N] [--seed S]\n", argv[0]);
        return 2;
    }
    load_corpus(state.folder);
    printf("%zu files, %" PRIu64 " mutations, seed %" PRIu64 "\n", state.count, runs, seed);
    fflush(stdout);
    if (__asan_set_death_callback)
        __asan_set_death_callback(report);
    const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGPROF};
    for (size_t i = __asan_set_death_callback ? 4 : 0; i < sizeof fatal / sizeof fatal[0]; i++)
        signal(fatal[i], on_signal);
    for (state.file = 0; state.file < state.count; state.file++)
        run_one(state.files[state.file].data, state.files[state.file].len);
    state.mutated = 1;
    uint8_t *buf = malloc(MOST_BYTES);
    for (uint64_t i = 0; buf && i < runs; i++)
        run_mutated(seed + i, buf);
    free(buf);
    for (size_t i = 0; i < state.count; i++)
        free(state.files[i].data);
    return 0;
}
