/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Looking at the machine code that a machine makes: the map for Linux perf (--perf-map) and dumps of blocks (--dump-block). */
#pragma once
#include "jit/compile.h"
#include "machine/config.h"
#include <stdio.h>

struct inspect {
    struct jit_watch watch; /* of what follows */
    struct mem_space *space;
    struct log *log;
    FILE *map, *dump; /* NULL: not asked for, or ended by an error that was told */
    bool all;
    size_t count;
    uint64_t addresses[CONFIG_REPEATS_MAX]; /* guest virtual or physical */
};

int inspect_init(struct inspect *inspect, const struct vm_config *config, struct mem_space *space, struct log *log,
                 struct err *err) NODISCARD;
void inspect_fini(struct inspect *inspect);                           /* also of what is all zeros */
const struct jit_watch *inspect_watch(const struct inspect *inspect); /* NULL: nothing is asked for */
