/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Bytes scattered over several pieces of host memory (struct iovec), and copies in and out of them. Used by the virtio devices
 * and the block backends. Offsets and lengths that reach past the end are cut, never an error: the result says how much was done.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

size_t iov_len(const struct iovec *iov, unsigned n);
size_t iov_read(const struct iovec *iov, unsigned n, size_t offset, void *buf, size_t len);        /* copies out of the pieces */
size_t iov_write(const struct iovec *iov, unsigned n, size_t offset, const void *buf, size_t len); /* copies into the pieces */
size_t iov_zero(const struct iovec *iov, unsigned n, size_t offset, size_t len);
/* Describes [offset, offset+len) of iov in at most max pieces of out; *got: the bytes described. Returns the number of pieces. */
unsigned iov_slice(const struct iovec *iov, unsigned n, size_t offset, size_t len, struct iovec *out, unsigned max, size_t *got);
