/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Packed kernels: gzip, zstd, and EFI zboot images around either. The output never grows beyond the limit that the caller gives,
 * so a small file cannot eat the host's memory.
 */
#pragma once
#include "base/err.h"
#include <stdint.h>

enum pack { PACK_none, PACK_gzip, PACK_zstd, PACK_zboot };

enum pack pack_detect(const void *data, size_t len);
/* *out is malloc()ed. limit: greatest number of bytes of output. */
int pack_open(enum pack pack, const void *data, size_t len, size_t limit, void **out, size_t *out_len, struct err *err) NODISCARD;
