/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Walks over scattered memory: see iov.h. One walk (iov_slice's) would do, but the copies must not need an array of their own. */
#include "device/virtio/iov.h"
#include <string.h>

size_t iov_len(const struct iovec *iov, unsigned n)
{
    size_t len = 0;
    for (unsigned i = 0; i < n; i++)
        len += iov[i].iov_len;
    return len;
}

enum what { READ, WRITE, ZERO };

static size_t walk(const struct iovec *iov, unsigned n, size_t offset, uint8_t *to, const uint8_t *from, size_t len, enum what what)
{
    size_t done = 0;
    for (unsigned i = 0; i < n && done < len; i++) {
        if (offset >= iov[i].iov_len) {
            offset -= iov[i].iov_len;
            continue;
        }
        uint8_t *at = (uint8_t *)iov[i].iov_base + offset;
        size_t part = iov[i].iov_len - offset;
        if (part > len - done)
            part = len - done;
        if (what == READ)
            memcpy(to + done, at, part);
        else if (what == WRITE)
            memcpy(at, from + done, part);
        else
            memset(at, 0, part);
        done += part;
        offset = 0;
    }
    return done;
}

size_t iov_read(const struct iovec *iov, unsigned n, size_t offset, void *buf, size_t len)
{
    return walk(iov, n, offset, buf, NULL, len, READ);
}

size_t iov_write(const struct iovec *iov, unsigned n, size_t offset, const void *buf, size_t len)
{
    return walk(iov, n, offset, NULL, buf, len, WRITE);
}

size_t iov_zero(const struct iovec *iov, unsigned n, size_t offset, size_t len) { return walk(iov, n, offset, NULL, NULL, len, ZERO); }

unsigned iov_slice(const struct iovec *iov, unsigned n, size_t offset, size_t len, struct iovec *out, unsigned max, size_t *got)
{
    unsigned count = 0;
    *got = 0;
    for (unsigned i = 0; i < n && *got < len && count < max; i++) {
        if (offset >= iov[i].iov_len) {
            offset -= iov[i].iov_len;
            continue;
        }
        size_t part = iov[i].iov_len - offset;
        if (part > len - *got)
            part = len - *got;
        out[count++] = (struct iovec){(uint8_t *)iov[i].iov_base + offset, part};
        *got += part;
        offset = 0;
    }
    return count;
}
