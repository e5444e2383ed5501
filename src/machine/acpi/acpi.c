/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ACPI tables and the script that places them. */
#include "machine/acpi/acpi.h"
#include "base/bits.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 36, H_LENGTH = 4, H_CHECKSUM = 9, COMMAND = 128, FILE_NAME = 56 };
enum { ALLOCATE = 1, ADD_POINTER = 2, ADD_CHECKSUM = 3, ZONE_HIGH = 1, ZONE_LOW = 2 };
enum { RSDP = 36, RSDP_CHECKSUM = 8, RSDP_FIRST = 20, RSDP_XSDT = 24, RSDP_CHECKSUM_ALL = 32, RSDP_ALIGN = 16, TABLES_ALIGN = 64 };

/* ---- bytes ---- */

/* So many more, zeros; NULL: no memory. */
static uint8_t *grow(struct acpi *a, struct acpi_bytes *b, size_t n)
{
    if (b->len + n > b->room) {
        size_t room = 2 * (b->len + n);
        uint8_t *data = realloc(b->data, room);
        if (!data) {
            a->failed = true;
            return NULL;
        }
        b->data = data;
        b->room = room;
    }
    memset(b->data + b->len, 0, n);
    b->len += n;
    return b->data + b->len - n;
}

static void put_at(uint8_t *p, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

void acpi_put(struct acpi *a, uint64_t value, unsigned size)
{
    uint8_t *p = grow(a, &a->tables, size);
    if (p)
        put_at(p, value, size);
}

void acpi_zeros(struct acpi *a, size_t n) { grow(a, &a->tables, n); }

void acpi_text(struct acpi *a, const char *text, unsigned size)
{
    uint8_t *p = grow(a, &a->tables, size);
    if (p)
        memcpy(p, text, strnlen(text, size));
}

/* ---- the script ---- */

/* A command with the names of one or two files behind its number. */
static uint8_t *command(struct acpi *a, unsigned number, const char *file, const char *second)
{
    uint8_t *p = grow(a, &a->script, COMMAND);
    if (!p)
        return NULL;
    le32_put(p, number);
    snprintf((char *)p + 4, FILE_NAME, "%s", file);
    if (second)
        snprintf((char *)p + 4 + FILE_NAME, FILE_NAME, "%s", second);
    return p + 4 + FILE_NAME + (second ? FILE_NAME : 0);
}

static void allocate(struct acpi *a, const char *file, unsigned align, unsigned zone)
{
    uint8_t *p = command(a, ALLOCATE, file, NULL);
    if (!p)
        return;
    le32_put(p, align);
    p[4] = (uint8_t)zone;
}

static void add_pointer(struct acpi *a, const char *file, size_t offset, unsigned size)
{
    uint8_t *p = command(a, ADD_POINTER, file, ACPI_FILE_TABLES);
    if (!p)
        return;
    le32_put(p, (uint32_t)offset);
    p[4] = (uint8_t)size;
}

static void add_checksum(struct acpi *a, const char *file, size_t at, size_t start, size_t len)
{
    uint8_t *p = command(a, ADD_CHECKSUM, file, NULL);
    if (!p)
        return;
    le32_put(p, (uint32_t)at);
    le32_put(p + 4, (uint32_t)start);
    le32_put(p + 8, (uint32_t)len);
}

/* ---- tables ---- */

void acpi_begin(struct acpi *a)
{
    *a = (struct acpi){0};
    allocate(a, ACPI_FILE_RSDP, RSDP_ALIGN, ZONE_LOW);
    allocate(a, ACPI_FILE_TABLES, TABLES_ALIGN, ZONE_HIGH);
}

static size_t open_table(const struct acpi *a) { return a->ntables ? a->table[a->ntables - 1] : 0; }

static void end_table(struct acpi *a)
{
    size_t at = open_table(a), len = a->tables.len - at;
    if (a->failed || !a->ntables)
        return;
    le32_put(a->tables.data + at + H_LENGTH, (uint32_t)len);
    add_checksum(a, ACPI_FILE_TABLES, at + H_CHECKSUM, at, len);
}

void acpi_table(struct acpi *a, const char signature[4], unsigned revision)
{
    end_table(a);
    if (a->ntables == ACPI_TABLES_MAX) {
        a->failed = true;
        return;
    }
    a->table[a->ntables++] = a->tables.len;
    acpi_text(a, signature, 4);
    acpi_put(a, 0, 4); /* length, */
    acpi_put(a, revision, 1);
    acpi_put(a, 0, 1); /* and checksum: at the end */
    acpi_text(a, "VM    ", 6);
    acpi_text(a, "VIRT    ", 8);
    acpi_put(a, 1, 4);
    acpi_text(a, "VM  ", 4);
    acpi_put(a, 1, 4);
}

void acpi_set(struct acpi *a, size_t offset, uint64_t value, unsigned size)
{
    size_t at = open_table(a) + offset;
    if (at + size > a->tables.len)
        a->failed = true;
    else
        put_at(a->tables.data + at, value, size);
}

void acpi_point(struct acpi *a, size_t offset, unsigned size, unsigned table)
{
    acpi_set(a, offset, a->table[table], size); /* in its file; the firmware adds the file's address */
    add_pointer(a, ACPI_FILE_TABLES, open_table(a) + offset, size);
}

static void put_rsdp(struct acpi *a, struct acpi_bytes *rsdp)
{
    uint8_t *p = grow(a, rsdp, RSDP);
    if (!p)
        return;
    memcpy(p, "RSD PTR ", 8);
    memcpy(p + RSDP_CHECKSUM + 1, "VM    ", 6);
    p[15] = 2; /* revision */
    le32_put(p + RSDP_FIRST, RSDP);
    le64_put(p + RSDP_XSDT, open_table(a));
    add_pointer(a, ACPI_FILE_RSDP, RSDP_XSDT, 8);
    add_checksum(a, ACPI_FILE_RSDP, RSDP_CHECKSUM, 0, RSDP_FIRST);
    add_checksum(a, ACPI_FILE_RSDP, RSDP_CHECKSUM_ALL, 0, RSDP);
}

int acpi_end(struct acpi *a, unsigned first, struct acpi_files *files, struct err *err)
{
    unsigned n = a->ntables;
    *files = (struct acpi_files){0};
    acpi_table(a, "XSDT", 1);
    for (unsigned i = first; i < n; i++) {
        acpi_zeros(a, 8);
        acpi_point(a, HEADER + 8 * (i - first), 8, i);
    }
    end_table(a);
    put_rsdp(a, &files->rsdp);
    files->tables = a->tables;
    files->script = a->script;
    if (!a->failed)
        return 0;
    acpi_files_free(files);
    return err_set(err, STATUS_resource, "no memory for the ACPI tables");
}

void acpi_files_free(struct acpi_files *files)
{
    free(files->rsdp.data);
    free(files->tables.data);
    free(files->script.data);
    *files = (struct acpi_files){0};
}
