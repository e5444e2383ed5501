/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Memory for generated code: the same pages twice, once writable and once executable, so that no page is ever both. Whoever has written
 * code calls os_code_flush before it runs.
 */
#pragma once
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

struct os_code {
    uint8_t *write;      /* where it is written */
    const uint8_t *exec; /* where it runs: the same bytes */
    size_t size;
};

int os_code_new(struct os_code *out, size_t size, struct err *err) NODISCARD; /* size: a multiple of 64 KiB; reserved, not touched */
void os_code_free(struct os_code *code);
void os_code_flush(const struct os_code *code, size_t offset, size_t size); /* other processors' instruction fetch sees what was written */
