/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the rest asks of the operating system: clocks, threads, locks, memory. The event loop is os/loop.h, the terminal
 * os/tty.h. Nothing above this room calls the system directly.
 */
#pragma once
#include "base/err.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- clocks: nanoseconds ---- */
uint64_t os_clock_ns(void); /* monotonic, since an arbitrary start */
uint64_t os_wall_ns(void);  /* since 1970-01-01 UTC */
uint64_t os_thread_cpu_ns(void);

/* A machine's own time: runs while the machine runs, stands still while it is paused. Any thread may read it. */
struct os_vclock {
    _Atomic uint64_t word; /* bit 63: paused; the rest: the frozen value, or, running, os_clock_ns() - value (modulo 2^63) */
};
void os_vclock_init(struct os_vclock *clock); /* starts at 0, paused */
uint64_t os_vclock_ns(const struct os_vclock *clock);
void os_vclock_pause(struct os_vclock *clock);
void os_vclock_resume(struct os_vclock *clock);
bool os_vclock_paused(const struct os_vclock *clock);
uint64_t os_vclock_to_host(const struct os_vclock *clock, uint64_t ns); /* the os_clock_ns() at which it will show ns; UINT64_MAX: paused */
void os_vclock_jump(struct os_vclock *clock, uint64_t ns);              /* it shows ns from now on (a snapshot is loaded) */

/* ---- locks: numbered, so that debug builds can assert their order (docs/threads.md) ---- */
enum os_lock_rank {
    OS_RANK_machine = 10,
    OS_RANK_vcpus = 55,
    OS_RANK_loop = 20,
    OS_RANK_device = 30,
    OS_RANK_msi = 35, /* interrupt controllers' parts that take messages of devices and hand them on */
    OS_RANK_irqchip = 40,
    OS_RANK_code = 50,
    OS_RANK_shots = 51,
    OS_RANK_emit = 52,
    OS_RANK_cpu = 60,
    OS_RANK_work = 65 /* between a device and its jobs on the thread pool */,
    OS_RANK_output = 66,
    OS_RANK_console = 68 /* of the machine's console: its output; its ring of input */,
    OS_RANK_pages = 70,
    OS_RANK_queue = 75 /* of a backend between threads */,
    OS_RANK_os = 80 /* inside os/: nothing else is taken under it */,
    OS_RANK_log = 90
};
struct os_mutex {
    pthread_mutex_t m;
    enum os_lock_rank rank;
};
void os_mutex_init(struct os_mutex *mutex, enum os_lock_rank rank);
void os_mutex_fini(struct os_mutex *mutex);
void os_mutex_lock(struct os_mutex *mutex); /* debug builds assert that no lock of an equal or higher rank is held by this thread */
void os_mutex_unlock(struct os_mutex *mutex);

struct os_cond {
    pthread_cond_t c;
};
void os_cond_init(struct os_cond *cond); /* waits by the monotonic clock */
void os_cond_fini(struct os_cond *cond);
void os_cond_wait(struct os_cond *cond, struct os_mutex *mutex);
bool os_cond_wait_until(struct os_cond *cond, struct os_mutex *mutex, uint64_t clock_ns); /* false: the time has come */
void os_cond_signal(struct os_cond *cond);
void os_cond_broadcast(struct os_cond *cond);

struct os_thread;
int os_thread_start(struct os_thread **out, const char *name, void (*run)(void *arg), void *arg, struct err *err) NODISCARD;
void os_thread_join(struct os_thread *thread); /* waits and frees; NULL is allowed */

/* ---- memory ---- */
struct os_memory { /* guest RAM: shareable, zero filled, reserved but not touched */
    uint8_t *host;
    uint64_t size;
    int fd; /* -1 where the system has none */
};
int os_memory_new(struct os_memory *out, const char *name, uint64_t size, struct err *err) NODISCARD;
void os_memory_free(struct os_memory *memory);
void os_memory_discard(struct os_memory *memory, uint64_t offset, uint64_t size); /* gives pages back: they read as zero */
/* Copies a large piece into it without giving the process its pages: those that it touches come when it does. */
void os_memory_put(const struct os_memory *memory, uint64_t offset, const void *data, uint64_t size);
void *os_pages_new(size_t size); /* zero filled, aligned to a page; NULL: out of memory */
/* The same of a multiple of OS_LARGE_PAGE bytes, in large pages if the system has some: the first use of one brings all of it. */
void *os_pages_new_large(size_t size);
enum { OS_LARGE_PAGE = 2 << 20 };
void os_pages_free(void *at, size_t size);
void os_pages_populate(void *at,
                       size_t size); /* the whole pages in it will be written soon: at once instead of by faults, if the system can */
void os_pages_prefetch(void *at, size_t size); /* likewise: will be read */
/* The C library asks for its heap in pieces of about size bytes from now on, and the first one has its pages. Before the first malloc. */
void os_heap_populate(size_t size);
uint64_t os_memory_limit(void); /* bytes of physical memory, a cgroup's limit considered */
/* The smallest limit that /proc/self/cgroup's text (v1, v2 or both) leads to below root ("/sys/fs/cgroup"); UINT64_MAX: none. */
uint64_t os_cgroup_memory_limit(const char *cgroup_text, const char *root);
unsigned os_cpu_count(void); /* that this process may use */
int os_random(void *buf, size_t len, struct err *err) NODISCARD;
