/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * ACPI tables (ACPI specification 6.0, chapter 5) for firmware to place. The tables lie one behind the other in one blob; a script of 128-byte
 * commands beside it (QEMU's table loader, which EDK2 and SeaBIOS know) says which fields are addresses to adjust, and which bytes are
 * checksums. Numbers are little-endian.
 *
 * Memory that ran out, or a name too long, is noted and told by acpi_end; the calls before need no check.
 */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct acpi_bytes {
    uint8_t *data;
    size_t len, room;
};

enum { ACPI_TABLES_MAX = 16, ACPI_DEPTH = 8 };

struct acpi {
    struct acpi_bytes tables, script;
    size_t table[ACPI_TABLES_MAX]; /* where they begin */
    unsigned ntables;
    size_t open[ACPI_DEPTH]; /* AML: where the lengths of what is open are */
    unsigned depth;
    bool failed;
};

struct acpi_files { /* what goes to the firmware; acpi_free frees them */
    struct acpi_bytes rsdp, tables, script;
};
#define ACPI_FILE_RSDP   "etc/acpi/rsdp"
#define ACPI_FILE_TABLES "etc/acpi/tables"
#define ACPI_FILE_SCRIPT "etc/table-loader"

void acpi_begin(struct acpi *acpi);
void acpi_put(struct acpi *acpi, uint64_t value, unsigned size);    /* size: 1 to 8 bytes */
void acpi_text(struct acpi *acpi, const char *text, unsigned size); /* padded with zeros, or cut */
void acpi_zeros(struct acpi *acpi, size_t n);
/* A table begins with its header; the next one, or acpi_end, ends it. */
void acpi_table(struct acpi *acpi, const char signature[4], unsigned revision);
void acpi_set(struct acpi *acpi, size_t offset, uint64_t value, unsigned size); /* a field of the table that is open */
void acpi_point(struct acpi *acpi, size_t offset, unsigned size,
                unsigned table); /* the field gets that table's address; by number, from 0 */
/* XSDT of the tables from number `first` on, RSDP, and the end. What is in acpi goes to files, or away. */
int acpi_end(struct acpi *acpi, unsigned first, struct acpi_files *files, struct err *err) NODISCARD;
void acpi_files_free(struct acpi_files *files);

/* ---- aml.c: definition blocks (chapter 20). A name is one segment of four characters. ---- */

void aml_scope(struct acpi *acpi, const char *name); /* below the root */
void aml_device(struct acpi *acpi, const char *name);
void aml_method(struct acpi *acpi, const char *name); /* no arguments */
void aml_close(struct acpi *acpi);                    /* scope, device, method or resources */
void aml_name(struct acpi *acpi, const char *name);   /* its object follows: */
void aml_number(struct acpi *acpi, uint64_t value);
void aml_string(struct acpi *acpi, const char *text);
void aml_resources(struct acpi *acpi, const char *name); /* a name with resource descriptors (6.4), to aml_resources_end: */
void aml_memory(struct acpi *acpi, uint32_t base, uint32_t size);
void aml_interrupt(struct acpi *acpi, uint32_t number, bool edge);
void aml_pin_event(struct acpi *acpi, uint16_t pin, const char *controller); /* rising edge of a pin of \_SB.controller */
void aml_resources_end(struct acpi *acpi);
void aml_notify(struct acpi *acpi, const char *device, unsigned value); /* in a method; of \_SB.device */
