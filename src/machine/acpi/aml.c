/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* AML (ACPI specification 6.0, 20.2) and resource descriptors (6.4). Lengths are always three bytes long, so that they can be filled in. */
#include "base/bits.h"
#include "machine/acpi/acpi.h"
#include <string.h>

enum {
    OP_zero = 0x00,
    OP_one = 0x01,
    OP_name = 0x08,
    OP_byte = 0x0a,
    OP_word = 0x0b,
    OP_dword = 0x0c,
    OP_string = 0x0d,
    OP_qword = 0x0e,
    OP_scope = 0x10,
    OP_buffer = 0x11,
    OP_method = 0x14,
    OP_ext = 0x5b,
    OP_ext_device = 0x82,
    OP_notify = 0x86
};
enum { SEGMENT = 4, LENGTH = 3, BUFFER_SIZE = 3 /* a word and its op */ };

static void segment(struct acpi *a, const char *name)
{
    char padded[SEGMENT + 1] = "____";
    memcpy(padded, name, strnlen(name, SEGMENT));
    acpi_text(a, padded, SEGMENT);
}

static void below_root(struct acpi *a, const char *name) /* \_SB.name */
{
    acpi_text(a, "\\.", 2); /* root, then two segments */
    segment(a, "_SB");
    segment(a, name);
}

static void open_length(struct acpi *a)
{
    if (a->depth == ACPI_DEPTH) {
        a->failed = true;
        return;
    }
    a->open[a->depth++] = a->tables.len;
    acpi_zeros(a, LENGTH);
}

void aml_close(struct acpi *a)
{
    if (!a->depth || a->failed)
        return;
    size_t at = a->open[--a->depth], len = a->tables.len - at;
    a->failed |= len >> 20;
    a->tables.data[at] = (uint8_t)((LENGTH - 1) << 6 | (len & 15));
    le16_put(a->tables.data + at + 1, (uint16_t)(len >> 4));
}

void aml_scope(struct acpi *a, const char *name)
{
    acpi_put(a, OP_scope, 1);
    open_length(a);
    acpi_put(a, '\\', 1);
    segment(a, name);
}

void aml_device(struct acpi *a, const char *name)
{
    acpi_put(a, OP_ext | OP_ext_device << 8, 2);
    open_length(a);
    segment(a, name);
}

void aml_method(struct acpi *a, const char *name)
{
    acpi_put(a, OP_method, 1);
    open_length(a);
    segment(a, name);
    acpi_put(a, 0, 1);
}

void aml_name(struct acpi *a, const char *name)
{
    acpi_put(a, OP_name, 1);
    segment(a, name);
}

void aml_number(struct acpi *a, uint64_t value)
{
    static const struct {
        uint8_t op, size;
    } forms[] = {{OP_byte, 1}, {OP_word, 2}, {OP_dword, 4}, {OP_qword, 8}};
    unsigned form = value >> 32 ? 3 : value >> 16 ? 2 : value >> 8 ? 1 : 0;
    if (value < 2) {
        acpi_put(a, value ? OP_one : OP_zero, 1);
        return;
    }
    acpi_put(a, forms[form].op, 1);
    acpi_put(a, value, forms[form].size);
}

void aml_string(struct acpi *a, const char *text)
{
    acpi_put(a, OP_string, 1);
    acpi_text(a, text, (unsigned)strlen(text) + 1);
}

void aml_notify(struct acpi *a, const char *device, unsigned value)
{
    acpi_put(a, OP_notify, 1);
    below_root(a, device);
    aml_number(a, value);
}

/* ---- resources ---- */

void aml_resources(struct acpi *a, const char *name)
{
    aml_name(a, name);
    acpi_put(a, OP_buffer, 1);
    open_length(a);
    acpi_put(a, OP_word, 1);
    acpi_put(a, 0, 2);
}

void aml_resources_end(struct acpi *a)
{
    acpi_put(a, 0x79, 2); /* end tag; a checksum of 0 is always right */
    if (!a->depth || a->failed)
        return;
    size_t at = a->open[a->depth - 1] + LENGTH;
    le16_put(a->tables.data + at + 1, (uint16_t)(a->tables.len - at - BUFFER_SIZE));
    aml_close(a);
}

void aml_memory(struct acpi *a, uint32_t base, uint32_t size) /* 6.4.3.4 */
{
    acpi_put(a, 0x86, 1);
    acpi_put(a, 9, 2);
    acpi_put(a, 1, 1); /* may be written */
    acpi_put(a, base, 4);
    acpi_put(a, size, 4);
}

void aml_interrupt(struct acpi *a, uint32_t number, bool edge) /* 6.4.3.6 */
{
    enum { CONSUMER = 1, EDGE = 2 };
    acpi_put(a, 0x89, 1);
    acpi_put(a, 6, 2);
    acpi_put(a, CONSUMER | (edge ? EDGE : 0), 1);
    acpi_put(a, 1, 1);
    acpi_put(a, number, 4);
}

void aml_pin_event(struct acpi *a, uint16_t pin, const char *controller) /* 6.4.3.8.1 */
{
    enum { PINS = 23, SOURCE = PINS + 2, PATH = sizeof "\\_SB.", CONSUMER = 1, EDGE = 1, PULL_UP = 1 };
    unsigned end = SOURCE + PATH + SEGMENT;
    acpi_put(a, 0x8c, 1);
    acpi_put(a, end - 3, 2);
    acpi_put(a, 1, 1); /* revision */
    acpi_put(a, 0, 1); /* an interrupt */
    acpi_put(a, CONSUMER, 2);
    acpi_put(a, EDGE, 2);
    acpi_put(a, PULL_UP, 1);
    acpi_put(a, 0, 2); /* drive strength, */
    acpi_put(a, 0, 2); /* debounce: none */
    acpi_put(a, PINS, 2);
    acpi_put(a, 0, 1);
    acpi_put(a, SOURCE, 2);
    acpi_put(a, end, 2); /* vendor's data: none */
    acpi_put(a, 0, 2);
    acpi_put(a, pin, 2);
    acpi_text(a, "\\_SB.", PATH - 1);
    acpi_text(a, controller, SEGMENT);
    acpi_put(a, 0, 1);
}
