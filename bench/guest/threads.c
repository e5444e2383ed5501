/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Threads of one process and what they do to each other: "NAME ROUNDS" is one part of this. Prints a check value. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 2 };

static unsigned rounds;

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s failed\n", what);
    exit(1);
}

static uint64_t mix(uint64_t sum, uint64_t value) { return (sum ^ value) * 0x9e3779b97f4a7c15; }

/* One function on all threads, with their number. */
static void on_all(void *(*work)(void *), unsigned n)
{
    pthread_t threads[16];
    for (uintptr_t i = 0; i < n; i++)
        must(!pthread_create(&threads[i], NULL, work, (void *)i), "pthread_create");
    for (unsigned i = 0; i < n; i++)
        must(!pthread_join(threads[i], NULL), "pthread_join");
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t guarded;

static void *add_under_lock(void *nobody)
{
    for (unsigned i = 0; i < rounds; i++) {
        pthread_mutex_lock(&lock);
        guarded = guarded * 5 + 1;
        pthread_mutex_unlock(&lock);
    }
    return nobody;
}

static void *sleep_long(void *nobody)
{
    for (;;)
        pause();
    return nobody;
}

/* A lock that nobody else wants, in a process that has threads. */
static uint64_t locks(void)
{
    pthread_t other;
    must(!pthread_create(&other, NULL, sleep_long, NULL), "pthread_create");
    add_under_lock(NULL);
    return guarded;
}

static uint64_t contended(void)
{
    on_all(add_under_lock, THREADS);
    return guarded;
}

static _Atomic uint64_t counter;
static _Atomic uint32_t bits;

static void *change_atomically(void *number)
{
    _Atomic uint64_t mine = (uintptr_t)number;
    for (unsigned i = 0; i < rounds; i++) {
        uint64_t old = atomic_load(&mine);
        while (!atomic_compare_exchange_weak(&mine, &old, old * 5 + 1))
            ;
        atomic_exchange_explicit(&mine, old + i, memory_order_relaxed);
        if (i % 64 == 0) {
            atomic_fetch_add(&counter, 1);
            atomic_fetch_or(&bits, 1u << i / 64 % 32);
        }
    }
    return number;
}

static uint64_t atomics(void)
{
    on_all(change_atomically, THREADS);
    return mix(counter, bits);
}

static struct {
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied;
    uint64_t items[16];
    unsigned first, count;
} queue = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER, {0}, 0, 0};

static void *produce(void *nobody)
{
    for (unsigned i = 0; i < rounds; i++) {
        pthread_mutex_lock(&queue.lock);
        while (queue.count == 16)
            pthread_cond_wait(&queue.emptied, &queue.lock);
        queue.items[(queue.first + queue.count++) % 16] = i;
        pthread_cond_signal(&queue.filled);
        pthread_mutex_unlock(&queue.lock);
    }
    return nobody;
}

static uint64_t items(void)
{
    pthread_t producer;
    uint64_t sum = 0;
    must(!pthread_create(&producer, NULL, produce, NULL), "pthread_create");
    for (unsigned i = 0; i < rounds; i++) {
        pthread_mutex_lock(&queue.lock);
        while (!queue.count)
            pthread_cond_wait(&queue.filled, &queue.lock);
        sum = mix(sum, queue.items[queue.first]);
        queue.first = (queue.first + 1) % 16;
        queue.count--;
        pthread_cond_signal(&queue.emptied);
        pthread_mutex_unlock(&queue.lock);
    }
    pthread_join(producer, NULL);
    return sum;
}

static pthread_barrier_t barrier;
static uint64_t parts_of_sum[4];

static void *meet(void *number)
{
    uintptr_t i = (uintptr_t)number;
    for (unsigned r = 0; r < rounds; r++) {
        parts_of_sum[i] = mix(parts_of_sum[i], r + i);
        pthread_barrier_wait(&barrier);
    }
    return number;
}

static uint64_t barriers(void)
{
    must(!pthread_barrier_init(&barrier, NULL, 4), "pthread_barrier_init");
    on_all(meet, 4);
    return parts_of_sum[0] + parts_of_sum[1] + parts_of_sum[2] + parts_of_sum[3];
}

static pthread_rwlock_t shared = PTHREAD_RWLOCK_INITIALIZER;

static void *read_mostly(void *number)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < rounds; i++)
        if (i % 64) {
            pthread_rwlock_rdlock(&shared);
            sum += guarded;
            pthread_rwlock_unlock(&shared);
        } else {
            pthread_rwlock_wrlock(&shared);
            guarded++;
            pthread_rwlock_unlock(&shared);
        }
    return (void *)(sum ? number : NULL);
}

static uint64_t readers(void)
{
    on_all(read_mostly, THREADS);
    return guarded;
}

static uint64_t sums[THREADS];

/* Blocks of all sizes come and go in each thread, so that the allocator's locks and arenas matter. */
static void *allocate(void *number)
{
    enum { BLOCKS = 256 };
    uint8_t *blocks[BLOCKS] = {NULL};
    uint64_t state = 88172645463325252u + (uintptr_t)number, sum = 0;
    for (unsigned i = 0; i < rounds; i++) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        uint8_t **block = &blocks[state % BLOCKS];
        if (*block)
            sum = mix(sum, **block);
        free(*block);
        *block = malloc(16 + (state >> 20) % 2000);
        must(*block != NULL, "malloc");
        **block = (uint8_t)i;
    }
    for (unsigned i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    sums[(uintptr_t)number] = sum;
    return number;
}

static uint64_t heap(void)
{
    on_all(allocate, THREADS);
    return sums[0] + sums[1];
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        uint64_t (*work)(void);
    } parts[] = {{"locks", locks},       {"contended", contended}, {"atomics", atomics}, {"items", items},
                 {"barriers", barriers}, {"readers", readers},     {"heap", heap}};
    rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    for (size_t i = 0; argc > 2 && i < sizeof parts / sizeof *parts; i++)
        if (!strcmp(parts[i].name, argv[1])) {
            printf("check %llx\n", (unsigned long long)parts[i].work());
            return 0;
        }
    return 1;
}
