/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Fields of a struct described as data: the one description behind snapshot, migration, gdb, REST and plugins.
 * A field's number never changes meaning; a type change is a new number; unknown numbers are skipped, missing ones keep reset values.
 */
#pragma once
#include "base/text.h"
#include <stddef.h>
#include <stdint.h>

enum state_type { STATE_u8, STATE_u16, STATE_u32, STATE_u64, STATE_bool, STATE_bytes /* len bytes */ };

struct state_field {
    uint16_t number; /* 1.. */
    const char *name;
    enum state_type type;
    uint32_t offset; /* in the struct */
    uint32_t count;  /* array elements; bytes: length */
};

struct state_desc {
    const char *name;
    const struct state_field *fields;
    size_t nfields;
    int (*after_load)(void *self); /* checks what came in (hostile input) and rebuilds what is derived; NULL: nothing */
};

#define STATE_FIELD(number, struct_type, member, type, count)               \
    {                                                                       \
        number, #member, STATE_##type, offsetof(struct_type, member), count \
    }

extern const struct state_desc state_none;

/* Appends every field of the struct to out, which must have room (text_ok tells). The caller holds the struct still. */
void state_save(const struct state_desc *desc, const void *self, struct text *out);
/* Fills the struct from what state_save wrote and calls after_load. Whatever the bytes are, nothing outside the fields is touched; after
 * an error the struct's fields are a mixture, so the caller gives up (or resets) the object. */
int state_load(const struct state_desc *desc, void *self, const void *data, size_t len, struct err *err) NODISCARD;
