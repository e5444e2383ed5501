/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fw_cfg (QEMU's docs/specs/fw_cfg.rst). The selector and the DMA address are big-endian registers; data comes byte by byte in the order of
 * memory, whatever the access' size, and as zeros behind an item's end.
 */
#include "device/misc/fw_cfg.h"
#include "base/bits.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { R_DATA = 0, R_SELECT = 8, R_DMA = 16, R_DMA_LOW = 20 };
enum { DMA_error = 1, DMA_read = 2, DMA_skip = 4, DMA_select = 8, DMA_write = 16, DMA_KEY_pos = 16 };
enum { ID_registers = 1, ID_dma = 2 };
enum { ENTRY = 64, ENTRY_KEY = 4, ENTRY_NAME = 8 }; /* of the directory: size, key, name */
enum { ITEMS = 128 };

static const char dma_signature[] = "QEMU CFG";

struct item {
    unsigned key;
    char name[FW_CFG_NAME]; /* "": none */
    uint8_t *data;
    size_t len;
};

struct fw_cfg {
    struct device device;
    uint16_t key;
    uint32_t offset; /* into the item; stays at the most that it holds */
    uint64_t dma;
    struct item items[ITEMS];
    unsigned nitems, nfiles;
};

/* ---- items ---- */

static struct item *find(struct fw_cfg *f, unsigned key)
{
    for (unsigned i = 0; i < f->nitems; i++)
        if (f->items[i].key == key)
            return &f->items[i];
    return NULL;
}

static int put(struct fw_cfg *f, unsigned key, const char *name, const void *data, size_t len, struct err *err)
{
    struct item *item = find(f, key);
    uint8_t *copy = malloc(len + 1);
    if (!copy)
        return err_set(err, STATUS_resource, "no memory for %zu bytes for the firmware", len);
    if (!item && f->nitems == ITEMS) {
        free(copy);
        return err_set(err, STATUS_config, "more than %d items for the firmware", ITEMS);
    }
    if (!item)
        item = &f->items[f->nitems++];
    if (len)
        memcpy(copy, data, len);
    free(item->data);
    *item = (struct item){.key = key, .data = copy, .len = len};
    snprintf(item->name, sizeof item->name, "%s", name);
    return 0;
}

int fw_cfg_put(struct fw_cfg *f, unsigned key, const void *data, size_t len, struct err *err) { return put(f, key, "", data, len, err); }

int fw_cfg_put_number(struct fw_cfg *f, unsigned key, uint64_t value, unsigned size, struct err *err)
{
    uint8_t bytes[8];
    le64_put(bytes, value);
    return fw_cfg_put(f, key, bytes, size, err);
}

static int put_directory(struct fw_cfg *f, struct err *err)
{
    uint8_t directory[4 + ITEMS * ENTRY] = {0}, *entry = directory + 4;
    be32_put(directory, f->nfiles);
    for (unsigned i = 0; i < f->nitems; i++) {
        const struct item *item = &f->items[i];
        if (!*item->name)
            continue;
        be32_put(entry, (uint32_t)item->len);
        be16_put(entry + ENTRY_KEY, (uint16_t)item->key);
        memcpy(entry + ENTRY_NAME, item->name, FW_CFG_NAME);
        entry += ENTRY;
    }
    return fw_cfg_put(f, FW_CFG_directory, directory, 4 + (size_t)f->nfiles * ENTRY, err);
}

int fw_cfg_put_file(struct fw_cfg *f, const char *name, const void *data, size_t len, struct err *err)
{
    unsigned key = FW_CFG_files + f->nfiles;
    bool known = false;
    if (!*name || strlen(name) >= FW_CFG_NAME)
        return err_set(err, STATUS_config, "'%.60s': an item for the firmware has a name of 1 to %d characters", name, FW_CFG_NAME - 1);
    if (len > UINT32_MAX)
        return err_set(err, STATUS_config, "%s: larger than 4 GiB", name);
    for (unsigned i = 0; i < f->nitems && !known; i++)
        if (!strcmp(f->items[i].name, name)) {
            key = f->items[i].key;
            known = true;
        }
    int rc = put(f, key, name, data, len, err);
    if (rc)
        return rc;
    f->nfiles += !known;
    return put_directory(f, err);
}

/* ---- the guest's side ---- */

static void choose(struct fw_cfg *f, uint16_t key)
{
    f->key = key;
    f->offset = 0;
}

/* What is left of the item, up to len bytes. */
static size_t take(struct fw_cfg *f, uint32_t len, const uint8_t **data)
{
    const struct item *item = find(f, f->key);
    size_t left = item && item->len > f->offset ? item->len - f->offset : 0, n = len < left ? len : left;
    *data = n ? item->data + f->offset : NULL;
    f->offset = len > UINT32_MAX - f->offset ? UINT32_MAX : f->offset + len;
    return n;
}

static bool dma_read(struct fw_cfg *f, gpa to, uint32_t len)
{
    static const uint8_t zeros[MEM_PAGE];
    const uint8_t *data;
    size_t n = take(f, len, &data);
    if (n && !mem_write(f->device.space, to, data, n))
        return false;
    for (uint64_t at = n, part; at < len; at += part) {
        part = len - at < sizeof zeros ? len - at : sizeof zeros;
        if (!mem_write(f->device.space, to + at, zeros, part))
            return false;
    }
    return true;
}

static void dma_run(struct fw_cfg *f)
{
    uint8_t request[16]; /* control, length, address */
    const uint8_t *data;
    gpa at = f->dma;
    f->dma = 0;
    if (!mem_read(f->device.space, at, request, sizeof request)) {
        log_guest(f->device.log, f->device.id, "a request at 0x%llx, where no memory is", (unsigned long long)at);
        return;
    }
    uint32_t control = be32_get(request), len = be32_get(request + 4);
    bool good = true;
    if (control & DMA_select)
        choose(f, (uint16_t)(control >> DMA_KEY_pos));
    if (control & DMA_read)
        good = dma_read(f, be64_get(request + 8), len);
    else if (control & DMA_write)
        good = false;
    else if (control & DMA_skip)
        take(f, len, &data);
    be32_put(request, good ? 0 : DMA_error);
    if (!mem_write(f->device.space, at, request, 4))
        log_guest(f->device.log, f->device.id, "a request at 0x%llx, which cannot be answered there", (unsigned long long)at);
}

static bool fw_cfg_read(void *self, uint64_t offset, unsigned size, uint64_t *value)
{
    struct fw_cfg *f = self;
    uint8_t bytes[8] = {0};
    const uint8_t *data;
    size_t n;
    if (offset < R_SELECT && (n = take(f, size, &data)))
        memcpy(bytes, data, n);
    else if (offset >= R_DMA)
        memcpy(bytes, dma_signature + (offset - R_DMA), size);
    *value = le64_get(bytes);
    return true;
}

static bool fw_cfg_write(void *self, uint64_t offset, unsigned size, uint64_t value)
{
    struct fw_cfg *f = self;
    if (offset == R_SELECT && size == 2) {
        choose(f, __builtin_bswap16((uint16_t)value));
    } else if (offset == R_DMA && size == 8) {
        f->dma = __builtin_bswap64(value);
        dma_run(f);
    } else if (offset == R_DMA && size == 4) {
        f->dma = (uint64_t)__builtin_bswap32((uint32_t)value) << 32;
    } else if (offset == R_DMA_LOW && size == 4) {
        f->dma |= __builtin_bswap32((uint32_t)value);
        dma_run(f);
    } else {
        log_guest(f->device.log, f->device.id, "write of %u bytes to offset 0x%llx, which takes none", size, (unsigned long long)offset);
    }
    return true;
}

const struct mem_ops fw_cfg_ops = {.read = fw_cfg_read, .write = fw_cfg_write, .sizes = 1 | 2 | 4 | 8};

static void fw_cfg_reset(void *self)
{
    struct fw_cfg *f = self;
    choose(f, 0);
    f->dma = 0;
}

static const struct state_field fields[] = {
    STATE_FIELD(1, struct fw_cfg, key, u16, 1),
    STATE_FIELD(2, struct fw_cfg, offset, u32, 1),
    STATE_FIELD(3, struct fw_cfg, dma, u64, 1),
};

static const struct state_desc state = {"fw_cfg", fields, ARRAY_LEN(fields), NULL};

void fw_cfg_free(struct fw_cfg *f)
{
    if (!f)
        return;
    for (unsigned i = 0; i < f->nitems; i++)
        free(f->items[i].data);
    device_fini(&f->device);
    free(f);
}

static void free_self(void *self) { fw_cfg_free(self); }

const struct device_class fw_cfg_class = {
    .name = "fw_cfg",
    .doc = "items for firmware and kernels, by number and by name",
    .state = &state,
    .reset = fw_cfg_reset,
    .free = free_self,
};

int fw_cfg_new(struct fw_cfg **out, const char *id, const struct device_env *env, struct err *err)
{
    struct fw_cfg *f = calloc(1, sizeof *f);
    if (!f)
        return err_set(err, STATUS_resource, "no memory for the firmware's items %s", id);
    device_init(&f->device, &fw_cfg_class, id, env);
    int rc = fw_cfg_put(f, FW_CFG_signature, "QEMU", 4, err);
    if (!rc)
        rc = fw_cfg_put_number(f, FW_CFG_id, ID_registers | ID_dma, 4, err);
    if (!rc)
        rc = put_directory(f, err);
    if (rc)
        fw_cfg_free(f);
    else
        *out = f;
    return rc;
}

struct device *fw_cfg_device(struct fw_cfg *f) { return &f->device; }
