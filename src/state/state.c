/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Structs to bytes and back. A record is the field's number (16 bits), its type (16), the length of what follows (32), then the elements,
 * all little-endian. The bytes that come back are hostile: lengths are checked before use, a bool must be 0 or 1, a known number with
 * another type or length is an error. Devices check the meaning of their fields in after_load.
 */
#include "state/state.h"
#include "base/bits.h"

enum { HEADER = 8 };

const struct state_desc state_none = {.name = "none"};

static const uint8_t widths[] = {
    [STATE_u8] = 1, [STATE_u16] = 2, [STATE_u32] = 4, [STATE_u64] = 8, [STATE_bool] = 1, [STATE_bytes] = 1,
};

_Static_assert(sizeof(bool) == 1, "bools are saved as one byte");

static uint64_t element_get(const uint8_t *at, unsigned width)
{
    uint16_t v16;
    uint32_t v32;
    uint64_t v64;

    switch (width) {
    case 2: memcpy(&v16, at, 2); return v16;
    case 4: memcpy(&v32, at, 4); return v32;
    case 8: memcpy(&v64, at, 8); return v64;
    default: return *at;
    }
}

static void element_put(uint8_t *at, unsigned width, uint64_t value)
{
    uint16_t v16 = (uint16_t)value;
    uint32_t v32 = (uint32_t)value;

    switch (width) {
    case 2: memcpy(at, &v16, 2); break;
    case 4: memcpy(at, &v32, 4); break;
    case 8: memcpy(at, &value, 8); break;
    default: *at = (uint8_t)value; break;
    }
}

void state_save(const struct state_desc *desc, const void *self, struct text *out)
{
    uint8_t bytes[HEADER];

    for (const struct state_field *f = desc->fields; f < desc->fields + desc->nfields; f++) {
        const uint8_t *at = (const uint8_t *)self + f->offset;
        unsigned width = widths[f->type];

        le16_put(bytes, f->number);
        le16_put(bytes + 2, (uint16_t)f->type);
        le32_put(bytes + 4, f->count * width);
        text_add(out, bytes, HEADER);
        if (width == 1) {
            text_add(out, at, f->count);
            continue;
        }
        for (uint32_t i = 0; i < f->count; i++) {
            le64_put(bytes, element_get(at + (size_t)i * width, width));
            text_add(out, bytes, width);
        }
    }
}

static int field_load(const struct state_desc *desc, const struct state_field *f, void *self, const uint8_t *data, struct err *err)
{
    uint8_t *at = (uint8_t *)self + f->offset;
    unsigned width = widths[f->type];

    for (uint32_t i = 0; i < f->count; i++) {
        uint64_t value = 0;

        for (unsigned b = 0; b < width; b++)
            value |= (uint64_t)data[(size_t)i * width + b] << 8 * b;
        if (f->type == STATE_bool && value > 1)
            return err_set(err, STATUS_corrupt, "state of %s: field %s is neither true nor false", desc->name, f->name);
        element_put(at + (size_t)i * width, width, value);
    }
    return 0;
}

static const struct state_field *field_find(const struct state_desc *desc, unsigned number)
{
    for (size_t i = 0; i < desc->nfields; i++)
        if (desc->fields[i].number == number)
            return &desc->fields[i];
    return NULL;
}

int state_load(const struct state_desc *desc, void *self, const void *data, size_t len, struct err *err)
{
    const uint8_t *at = data;
    int status;

    while (len) {
        const struct state_field *f;
        uint32_t size;

        if (len < HEADER)
            return err_set(err, STATUS_corrupt, "state of %s ends inside a field", desc->name);
        size = le32_get(at + 4);
        if (size > len - HEADER)
            return err_set(err, STATUS_corrupt, "state of %s: field %u is longer than the state", desc->name, le16_get(at));
        f = field_find(desc, le16_get(at));
        if (f && (le16_get(at + 2) != (unsigned)f->type || size != (uint64_t)f->count * widths[f->type]))
            return err_set(err, STATUS_corrupt, "state of %s: field %s has another type or size", desc->name, f->name);
        status = f ? field_load(desc, f, self, at + HEADER, err) : 0;
        if (status)
            return status;
        at += HEADER + size;
        len -= HEADER + size;
    }
    status = desc->after_load ? desc->after_load(self) : 0;
    if (status)
        return err_set(err, STATUS_corrupt, "state of %s contradicts itself", desc->name);
    return 0;
}
