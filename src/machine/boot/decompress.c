/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Unpacks kernels through zlib and libzstd, growing the output as it comes. EFI zboot: a PE/COFF file whose DOS header says "zimg" at 4,
 * payload offset and size at 8 and 12, the compression's name at 24 (Linux, drivers/firmware/efi/libstub/zboot-header.S).
 */
#include "machine/boot/decompress.h"
#include "base/bits.h"
#include <stdlib.h>
#if VM_HAVE_ZLIB
#include <zlib.h>
#endif
#if VM_HAVE_ZSTD
#include <zstd.h>
#endif

enum { ZBOOT_HEADER = 64, ZBOOT_NAME = 24, FIRST_GUESS = 1 << 20 };

enum pack pack_detect(const void *data, size_t len)
{
    if (len >= 4 && !memcmp(data, "\x1f\x8b\x08", 3))
        return PACK_gzip;
    if (len >= 4 && le32_get(data) == 0xfd2fb528)
        return PACK_zstd;
    if (len >= ZBOOT_HEADER && !memcmp(data, "MZ", 2) && !memcmp((const char *)data + 4, "zimg", 4))
        return PACK_zboot;
    return PACK_none;
}

struct growing {
    uint8_t *bytes;
    size_t used, room, limit;
};

/* Makes room for at least one byte more. */
static __attribute__((unused)) int grow(struct growing *g, struct err *err)
{
    if (g->used < g->room)
        return 0;
    if (g->room >= g->limit)
        return err_set(err, STATUS_config, "unpacks to more than the %zu MiB that fit into the machine's memory", g->limit >> 20);
    size_t room = g->room ? g->room : FIRST_GUESS / 2;
    room = room > g->limit / 2 ? g->limit : room * 2;
    uint8_t *bytes = realloc(g->bytes, room);
    if (!bytes)
        return err_set(err, STATUS_resource, "no host memory to unpack (%zu bytes)", room);
    g->bytes = bytes;
    g->room = room;
    return 0;
}

#if VM_HAVE_ZLIB
static int gzip_open(const uint8_t *data, size_t len, struct growing *g, struct err *err)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data};
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return err_set(err, STATUS_resource, "no host memory to unpack gzip");
    size_t left = len;
    int rc = 0, state = Z_OK;
    while (!rc && state != Z_STREAM_END) {
        if (!z.avail_in) {
            z.avail_in = (uInt)(left > 1 << 30 ? 1 << 30 : left);
            left -= z.avail_in;
        }
        rc = grow(g, err);
        if (rc)
            break;
        size_t room = g->room - g->used;
        uInt chunk = (uInt)(room > 1 << 30 ? 1 << 30 : room);
        z.next_out = g->bytes + g->used;
        z.avail_out = chunk;
        state = inflate(&z, Z_NO_FLUSH);
        g->used += chunk - z.avail_out;
        if (state == Z_BUF_ERROR && !z.avail_in && !left)
            rc = err_set(err, STATUS_corrupt, "gzip data is cut off");
        else if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR)
            rc = err_set(err, STATUS_corrupt, "gzip data is damaged (%s)", z.msg ? z.msg : "inflate failed");
    }
    inflateEnd(&z);
    return rc;
}
#else
static int gzip_open(const uint8_t *data, size_t len, struct growing *g, struct err *err)
{
    (void)data, (void)len, (void)g;
    return err_set(err, STATUS_unavailable, "packed by gzip, which this build does not understand; unpack it with gunzip");
}
#endif

#if VM_HAVE_ZSTD
static int zstd_open(const uint8_t *data, size_t len, struct growing *g, struct err *err)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    if (!z)
        return err_set(err, STATUS_resource, "no host memory to unpack zstd");
    ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, 27); /* a frame may ask for a window of 128 MiB, not more */
    ZSTD_inBuffer in = {data, len, 0};
    size_t more = 1;
    int rc = 0;
    while (!rc && more) {
        rc = grow(g, err);
        if (rc)
            break;
        ZSTD_outBuffer out = {g->bytes, g->room, g->used};
        size_t in_before = in.pos;
        more = ZSTD_decompressStream(z, &out, &in);
        if (ZSTD_isError(more))
            rc = err_set(err, STATUS_corrupt, "zstd data is damaged (%s)", ZSTD_getErrorName(more));
        else if (more && in.pos == in.size && out.pos == g->used && in_before == in.pos)
            rc = err_set(err, STATUS_corrupt, "zstd data is cut off");
        g->used = out.pos;
    }
    ZSTD_freeDStream(z);
    return rc;
}
#else
static int zstd_open(const uint8_t *data, size_t len, struct growing *g, struct err *err)
{
    (void)data, (void)len, (void)g;
    return err_set(err, STATUS_unavailable, "packed by zstd, which this build does not understand; unpack it with unzstd");
}
#endif

/* Finds the payload of a zboot image and says how it is packed. */
static int zboot_payload(const uint8_t **data, size_t *len, enum pack *inner, struct err *err)
{
    const uint8_t *file = *data;
    uint32_t offset = le32_get(file + 8), size = le32_get(file + 12);
    char name[33] = {0};
    memcpy(name, file + ZBOOT_NAME, ZBOOT_HEADER - ZBOOT_NAME < 32 ? ZBOOT_HEADER - ZBOOT_NAME : 32);
    if (offset > *len || size > *len - offset)
        return err_set(err, STATUS_corrupt, "EFI zboot image: its payload lies outside of the file");
    if (!strcmp(name, "gzip"))
        *inner = PACK_gzip;
    else if (!strncmp(name, "zstd", 4))
        *inner = PACK_zstd;
    else {
        for (char *c = name; *c; c++)
            *c = *c < 32 || *c > 126 ? '?' : *c;
        return err_set(err, STATUS_config, "EFI zboot image packed by '%s'; gzip and zstd are understood", name);
    }
    *data = file + offset;
    *len = size;
    return 0;
}

int pack_open(enum pack pack, const void *data, size_t len, size_t limit, void **out, size_t *out_len, struct err *err)
{
    const uint8_t *bytes = data;
    struct growing g = {.limit = limit};
    int rc = pack == PACK_zboot ? zboot_payload(&bytes, &len, &pack, err) : 0;
    if (!rc && pack == PACK_gzip)
        rc = gzip_open(bytes, len, &g, err);
    else if (!rc && pack == PACK_zstd)
        rc = zstd_open(bytes, len, &g, err);
    else if (!rc)
        rc = err_set(err, STATUS_config, "not packed data");
    if (rc) {
        free(g.bytes);
        return rc;
    }
    *out = g.bytes;
    *out_len = g.used;
    return 0;
}
