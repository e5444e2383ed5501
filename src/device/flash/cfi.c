/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The flash's command machine (JEDEC JESD68.01 and JESD137, Intel basic command set 0001) and its memory. Both chips get every command
 * and answer alike, so one machine stands for both. Memory holds the complement of the flash's bytes: untouched pages then read as
 * erased, and cost nothing. Programming can only clear bits, as in the real thing; erasing sets a block's bits.
 */
#include "device/flash/cfi.h"
#include "base/bits.h"
#include "device/flash/cfi_file.h"
#include "os/file.h"
#include <stdlib.h>

enum { BUS = 4, CHIPS = 2, BUFFER = 1024 /* of the bank; each chip has half */, BUFFER_BITS = 9 };
enum { STATUS_READY = 0x80, STATUS_ERASE = 0x20, STATUS_PROGRAM = 0x10, STATUS_LOCKED = 0x02 };
enum { MAKER = 0x89, MODEL = 0x18 };

enum command {
    C_ARRAY = 0xff,
    C_RESET = 0xf0,
    C_STATUS = 0x70,
    C_CLEAR = 0x50,
    C_ID = 0x90,
    C_QUERY = 0x98,
    C_WORD = 0x40,
    C_WORD_TOO = 0x10,
    C_ERASE = 0x20,
    C_BUFFER = 0xe8,
    C_CONFIRM = 0xd0,
    C_LOCK = 0x60,
    C_SUSPEND = 0xb0,
};

/* What reads show. */
enum cfi_view { VIEW_ARRAY, VIEW_STATUS, VIEW_ID, VIEW_QUERY, VIEWS };
/* What the next write is. */
enum cfi_expect { EXPECT_COMMAND, EXPECT_WORD, EXPECT_ERASE, EXPECT_LOCK, EXPECT_COUNT, EXPECT_DATA, EXPECT_BUFFER, EXPECTS };

struct cfi_flash {
    struct device device;
    struct cfi_flash_config config;
    struct os_memory memory; /* complement */
    struct cfi_file *file;   /* NULL: nothing is written back */
    uint8_t view, expect, status;
    bool buffer_bad;
    uint32_t words;  /* of the buffer still to come, counted in bus words */
    uint64_t target; /* where the buffer goes; UINT64_MAX until its first word came */
    uint8_t buffer[BUFFER];
};

static uint64_t array_get(const struct cfi_flash *f, uint64_t offset, unsigned size)
{
    uint64_t value;

    switch (size) {
    case 1: return (uint8_t)~f->memory.host[offset];
    case 2: return (uint16_t)~le16_get(f->memory.host + offset);
    case 4: return ~le32_get(f->memory.host + offset);
    default: value = le64_get(f->memory.host + offset); return ~value;
    }
}

/* A byte that each chip shows on its low lines, seen by an access anywhere on the bus. */
static uint64_t lanes(uint8_t byte, uint64_t offset, unsigned size)
{
    uint64_t pattern = 0x0001000100010001ull * byte;

    return size == 1 ? (offset & 1 ? 0 : byte) : size == 8 ? pattern : pattern & ((1ull << 8 * size) - 1);
}

/* The query table (JESD68.01), of one chip, from index 0x10. */
static uint8_t query_byte(const struct cfi_flash *f, uint64_t index)
{
    static const uint8_t table[] = {
        [0x10] = 'Q',
        'R',
        'Y',
        0x01,
        0x00,
        0x31,
        0x00,
        0,
        0,
        0,
        0, /* command set 1, its table at 0x31, no other set */
        [0x1b] = 0x45,
        0x55,
        0,
        0, /* 4.5 V to 5.5 V; no programming voltage */
        [0x1f] = 7,
        7,
        10,
        0,
        4,
        4,
        4,
        0, /* typical times 2^n us or ms, and factors to the maxima */
        [0x28] = 0x02,
        0x00,
        BUFFER_BITS,
        0x00,
        1, /* 16 lines or 8; buffer; one kind of block */
        [0x2f] = CFI_FLASH_BLOCK / CHIPS >> 8 & 0xff,
        CFI_FLASH_BLOCK / CHIPS >> 16,
        [0x31] = 'P',
        'R',
        'I',
        '1',
        '0',
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0, /* version 1.0, no optional feature */
    };
    uint64_t blocks = f->config.size / CFI_FLASH_BLOCK;

    switch (index) {
    case 0x27: return (uint8_t)__builtin_ctzll(f->config.size / CHIPS);
    case 0x2d: return (uint8_t)(blocks - 1);
    case 0x2e: return (uint8_t)((blocks - 1) >> 8);
    default: return index < sizeof(table) ? table[index] : 0;
    }
}

static uint8_t id_byte(uint64_t offset)
{
    switch (offset % CFI_FLASH_BLOCK / BUS) {
    case 0: return offset < BUS ? MAKER : 0;
    case 1: return MODEL;
    default: return 0; /* index 2 of each block: not locked */
    }
}

static bool flash_read(void *self, uint64_t offset, unsigned size, uint64_t *value)
{
    const struct cfi_flash *f = self;

    if (offset + size > f->config.size)
        return false;
    switch (f->view) {
    case VIEW_ARRAY: *value = array_get(f, offset, size); break;
    case VIEW_ID: *value = lanes(id_byte(offset), offset, size); break;
    case VIEW_QUERY: *value = lanes(query_byte(f, offset / BUS), offset, size); break;
    default: *value = lanes(f->status, offset, size); break;
    }
    return true;
}

static void flash_changed(struct cfi_flash *f, uint64_t offset)
{
    if (f->file)
        cfi_file_changed(f->file, offset / CFI_FLASH_BLOCK);
}

static bool flash_refuses(struct cfi_flash *f, unsigned error)
{
    if (f->config.readonly)
        f->status |= (uint8_t)(error | STATUS_LOCKED);
    return f->config.readonly;
}

static void flash_program(struct cfi_flash *f, uint64_t offset, const uint8_t *data, size_t len)
{
    if (flash_refuses(f, STATUS_PROGRAM))
        return;
    for (size_t i = 0; i < len; i++)
        f->memory.host[offset + i] |= (uint8_t)~data[i];
    flash_changed(f, offset);
}

static void flash_erase(struct cfi_flash *f, uint64_t offset)
{
    if (flash_refuses(f, STATUS_ERASE))
        return;
    os_memory_discard(&f->memory, align_down(offset, CFI_FLASH_BLOCK), CFI_FLASH_BLOCK);
    flash_changed(f, offset);
}

/* Two bits at once say that the order of commands was wrong. */
static void flash_out_of_order(struct cfi_flash *f, const char *what, uint64_t value)
{
    f->status |= STATUS_ERASE | STATUS_PROGRAM;
    f->view = VIEW_STATUS;
    log_guest(f->device.log, f->device.id, "%s 0x%llx where another command is expected", what, (unsigned long long)value);
}

static void flash_command(struct cfi_flash *f, uint8_t command)
{
    f->view = VIEW_STATUS;
    switch (command) {
    case C_ARRAY:
    case C_RESET: f->view = VIEW_ARRAY; break;
    case C_STATUS:
    case C_SUSPEND: /* nothing takes time, so nothing can be suspended */
    case C_CONFIRM: break;
    case C_CLEAR:
        f->status = STATUS_READY;
        f->view = VIEW_ARRAY;
        break;
    case C_ID: f->view = VIEW_ID; break;
    case C_QUERY: f->view = VIEW_QUERY; break;
    case C_WORD:
    case C_WORD_TOO: f->expect = EXPECT_WORD; break;
    case C_ERASE: f->expect = EXPECT_ERASE; break;
    case C_LOCK: f->expect = EXPECT_LOCK; break;
    case C_BUFFER: f->expect = EXPECT_COUNT; break;
    default: flash_out_of_order(f, "unknown command", command); break;
    }
}

/* A count is one less than the words that follow, each as wide as the bus. */
static void flash_count(struct cfi_flash *f, uint64_t value)
{
    f->words = (uint32_t)(value & 0xffff) + 1;
    f->buffer_bad = f->words > BUFFER / BUS;
    if (f->buffer_bad) {
        f->expect = EXPECT_COMMAND;
        flash_out_of_order(f, "buffer count", value);
        return;
    }
    f->target = UINT64_MAX;
    memset(f->buffer, 0xff, sizeof(f->buffer));
    f->expect = EXPECT_DATA;
}

static void flash_data(struct cfi_flash *f, uint64_t offset, const uint8_t *data, unsigned size)
{
    if (f->target == UINT64_MAX)
        f->target = align_down(offset, BUFFER);
    if (align_down(offset, BUFFER) == f->target)
        memcpy(f->buffer + offset % BUFFER, data, size);
    else
        f->buffer_bad = true;
    f->words -= size == 8 && f->words > 1 ? 2 : 1;
    if (!f->words)
        f->expect = EXPECT_BUFFER;
}

static bool flash_write(void *self, uint64_t offset, unsigned size, uint64_t value)
{
    struct cfi_flash *f = self;
    enum cfi_expect expect = f->expect;
    uint8_t data[8], command = (uint8_t)value;

    if (offset + size > f->config.size)
        return false;
    le64_put(data, value);
    if (expect == EXPECT_DATA) {
        flash_data(f, offset, data, size);
        return true;
    }
    f->expect = EXPECT_COMMAND;
    switch (expect) {
    case EXPECT_WORD: flash_program(f, offset, data, size); break;
    case EXPECT_COUNT: flash_count(f, value); break;
    case EXPECT_ERASE:
        if (command == C_CONFIRM)
            flash_erase(f, offset);
        else
            flash_out_of_order(f, "erase confirmed by", value);
        break;
    case EXPECT_LOCK: break; /* lock, unlock: accepted, blocks have no locks */
    case EXPECT_BUFFER:
        if (command == C_CONFIRM && !f->buffer_bad)
            flash_program(f, f->target, f->buffer, BUFFER);
        else
            flash_out_of_order(f, "buffer confirmed by", value);
        break;
    default: flash_command(f, command); break;
    }
    return true;
}

const struct mem_ops cfi_flash_ops = {.read = flash_read, .write = flash_write, .sizes = 1 | 2 | 4 | 8};

bool cfi_flash_peek(const struct cfi_flash *f, uint64_t offset, void *buf, size_t len)
{
    uint8_t *at = buf;

    if (offset > f->config.size || len > f->config.size - offset)
        return false;
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)~f->memory.host[offset + i];
    return true;
}

static void flash_reset(void *self)
{
    struct cfi_flash *f = self;

    f->view = VIEW_ARRAY;
    f->expect = EXPECT_COMMAND;
    f->status = STATUS_READY;
    f->buffer_bad = false;
    f->words = 0;
    f->target = UINT64_MAX;
}

static void flash_pause(void *self)
{
    struct cfi_flash *f = self;

    if (f->file)
        cfi_file_flush(f->file);
}

static int flash_after_load(void *self)
{
    struct cfi_flash *f = self;

    if (f->view >= VIEWS || f->expect >= EXPECTS || f->words > BUFFER / BUS || (f->expect == EXPECT_DATA && !f->words))
        return -STATUS_corrupt;
    if (f->target != UINT64_MAX && (f->target % BUFFER || f->target >= f->config.size))
        return -STATUS_corrupt;
    if (f->expect == EXPECT_BUFFER && f->target == UINT64_MAX)
        return -STATUS_corrupt;
    return 0;
}

static const struct state_field flash_fields[] = {
    STATE_FIELD(1, struct cfi_flash, view, u8, 1),           STATE_FIELD(2, struct cfi_flash, expect, u8, 1),
    STATE_FIELD(3, struct cfi_flash, status, u8, 1),         STATE_FIELD(4, struct cfi_flash, buffer_bad, bool, 1),
    STATE_FIELD(5, struct cfi_flash, words, u32, 1),         STATE_FIELD(6, struct cfi_flash, target, u64, 1),
    STATE_FIELD(7, struct cfi_flash, buffer, bytes, BUFFER),
};

static const struct state_desc flash_state = {"cfi_flash", flash_fields, ARRAY_LEN(flash_fields), flash_after_load};

static void flash_free_self(void *self) { cfi_flash_free(self); }

const struct device_class cfi_flash_class = {
    .name = "cfi_flash",
    .doc = "NOR flash with Intel's command set, as firmware expects it (cfi-flash)",
    .state = &flash_state,
    .reset = flash_reset,
    .pause = flash_pause,
    .free = flash_free_self,
};

static int flash_fill(struct cfi_flash *f, const char *id, struct err *err)
{
    const struct cfi_flash_config *config = &f->config;
    struct os_map map;
    int status;

    if (!config->file)
        return 0;
    status = os_file_map(&map, config->file, err);
    if (status)
        return err_prefix(err, "flash %s", id);
    if (map.len > config->size)
        status = err_set(err, STATUS_config, "flash %s: %s is larger than the flash's %llu bytes", id, config->file,
                         (unsigned long long)config->size);
    for (size_t i = 0; !status && i < map.len; i++)
        if (map.data[i] != 0xff) /* leaves erased pages untouched */
            f->memory.host[i] = (uint8_t)~map.data[i];
    os_file_unmap(&map);
    return status;
}

int cfi_flash_new(struct cfi_flash **out, const char *id, const struct device_env *env, const struct cfi_flash_config *config,
                  struct err *err)
{
    struct cfi_flash *f;
    int status;

    if (!bits_pow2(config->size) || config->size < 2 * CFI_FLASH_BLOCK || config->size > 1u << 30)
        return err_set(err, STATUS_config, "flash %s cannot have %llu bytes: a power of two from 512 KiB to 1 GiB is needed", id,
                       (unsigned long long)config->size);
    f = calloc(1, sizeof(*f));
    if (!f)
        return err_set(err, STATUS_resource, "no memory for flash %s", id);
    device_init(&f->device, &cfi_flash_class, id, env);
    f->config = *config;
    flash_reset(f);
    status = os_memory_new(&f->memory, id, config->size, err);
    if (!status && config->write_back && config->file && !config->readonly) /* before it is read: it may be made */
        status = cfi_file_new(&f->file, config->file, &f->device, &f->memory, CFI_FLASH_BLOCK, config->grow, err);
    if (!status)
        status = flash_fill(f, id, err);
    f->config.file = NULL; /* the caller's */
    if (status)
        cfi_flash_free(f);
    else
        *out = f;
    return status;
}

void cfi_flash_free(struct cfi_flash *f)
{
    if (!f)
        return;
    cfi_file_free(f->file);
    os_memory_free(&f->memory);
    device_fini(&f->device);
    free(f);
}

struct device *cfi_flash_device(struct cfi_flash *f) { return &f->device; }
