/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Memory for generated code: the same pages twice, once writable and once executable, so that no page is ever both; but for the kind that
 * is private. Whoever has written code calls os_code_flush before it runs.
 */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct os_code {
    uint8_t *write;      /* where it is written */
    const uint8_t *exec; /* where it runs: the same bytes */
    size_t size;
};

enum os_code_kind {
    OS_CODE_file,      /* two mappings of a memfd */
    OS_CODE_anonymous, /* two of no file, which Linux perf wants before it looks into a map of the process; hosts that forbid making memory
                          executable later refuse it */
    OS_CODE_private,   /* one that may be written and run, of which a forked process gets a copy; some hosts refuse it */
};

/* size: a multiple of 64 KiB; reserved, not touched. */
int os_code_new(struct os_code *out, size_t size, enum os_code_kind kind, struct err *err) NODISCARD;
void os_code_free(struct os_code *code);
void os_code_populate(const struct os_code *code, size_t offset, size_t size); /* as os_pages_populate; whole pages */
void os_code_flush(const struct os_code *code, size_t offset, size_t size); /* other processors' instruction fetch sees what was written */
