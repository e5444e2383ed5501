/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The host's clocks in nanoseconds. clock_gettime() needs no system call for the first two on the usual systems. */
#include "os/os.h"
#include <time.h>

static uint64_t clock_read(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t os_clock_ns(void) { return clock_read(CLOCK_MONOTONIC); }

uint64_t os_wall_ns(void) { return clock_read(CLOCK_REALTIME); }

uint64_t os_thread_cpu_ns(void) { return clock_read(CLOCK_THREAD_CPUTIME_ID); }
