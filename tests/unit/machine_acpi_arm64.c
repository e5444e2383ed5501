/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The arm64 board's ACPI tables, placed as firmware does by the script: checksums, addresses, and what iasl says of each. */
#include "base/bits.h"
#include "machine/boards/virt_arm64.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { COMMAND = 128, NAME = 56, HEADER = 36 };
#define PLACE_RSDP   0xe0000ull
#define PLACE_TABLES 0x7f000000ull

struct placed {
    struct acpi_files files;
    unsigned allocated;
};

static struct acpi_bytes *file_of(struct placed *p, const char *name)
{
    if (!strcmp(name, ACPI_FILE_RSDP))
        return &p->files.rsdp;
    assert_string_equal(name, ACPI_FILE_TABLES);
    return &p->files.tables;
}

static uint8_t sum(const uint8_t *bytes, size_t n)
{
    uint8_t s = 0;
    for (size_t i = 0; i < n; i++)
        s = (uint8_t)(s + bytes[i]);
    return s;
}

static void run(struct placed *p, const uint8_t *c)
{
    const char *name = (const char *)c + 4;
    struct acpi_bytes *file = file_of(p, name);
    const uint8_t *more = c + 4 + NAME;
    uint32_t at = le32_get(more), start = le32_get(more + 4), len = le32_get(more + 8);
    switch (le32_get(c)) {
    case 1: p->allocated++; break;
    case 2: {
        assert_string_equal((const char *)more, ACPI_FILE_TABLES);
        at = le32_get(more + NAME);
        assert_int_equal(more[NAME + 4], 8);
        assert_true(at + 8 <= file->len && le64_get(file->data + at) < p->files.tables.len);
        le64_put(file->data + at, le64_get(file->data + at) + PLACE_TABLES);
        break;
    }
    case 3:
        assert_true(at < file->len && start + len <= file->len);
        if (file == &p->files.tables) { /* of a whole table */
            assert_int_equal(at, start + 9);
            assert_int_equal(len, le32_get(file->data + start + 4));
        }
        file->data[at] = 0;
        file->data[at] = (uint8_t)-sum(file->data + start, len);
        break;
    default: fail_msg("command %u", le32_get(c));
    }
}

static void place(struct placed *p, const struct virt_arm64_facts *facts)
{
    struct err err = {0};
    *p = (struct placed){0};
    if (virt_arm64_acpi_build(facts, &p->files, &err))
        fail_msg("%s", err.text);
    assert_int_equal(p->files.script.len % COMMAND, 0);
    for (size_t i = 0; i < p->files.script.len; i += COMMAND)
        run(p, p->files.script.data + i);
    assert_int_equal(p->allocated, 2);
}

/* A table at an address; its checksum is right. */
static const uint8_t *table_at(const struct placed *p, uint64_t address)
{
    const uint8_t *t = p->files.tables.data + (address - PLACE_TABLES);
    assert_true(address >= PLACE_TABLES && address - PLACE_TABLES + HEADER <= p->files.tables.len);
    assert_int_equal(sum(t, le32_get(t + 4)), 0);
    return t;
}

static const uint8_t *table(const struct placed *p, const char *signature)
{
    const uint8_t *rsdp = p->files.rsdp.data, *xsdt;
    assert_memory_equal(rsdp, "RSD PTR ", 8);
    assert_int_equal(sum(rsdp, 20), 0);
    assert_int_equal(sum(rsdp, 36), 0);
    xsdt = table_at(p, le64_get(rsdp + 24));
    assert_memory_equal(xsdt, "XSDT", 4);
    for (unsigned at = HEADER; at < le32_get(xsdt + 4); at += 8) {
        const uint8_t *t = table_at(p, le64_get(xsdt + at));
        if (!memcmp(t, signature, 4))
            return t;
    }
    return NULL;
}

/* What iasl says; nothing is what is wanted. A table's listing is compiled again, so that its optional parts are looked at too. */
static void iasl_is_content(const uint8_t *t)
{
    char folder[] = "/tmp/vm-acpi-XXXXXX", command[512], said[2048] = {0};
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof command, "%s/t.aml", folder);
    FILE *file = fopen(command, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(t, 1, le32_get(t + 4), file), le32_get(t + 4));
    assert_int_equal(fclose(file), 0);
    snprintf(command, sizeof command,
             "cd %s && { ! command -v iasl >/dev/null || { iasl -d t.aml >log 2>&1 && iasl -vs -we -p again t.dsl >>log 2>&1 &&"
             " grep -q '0 Errors, 0 Warnings' log && ! grep -F '****' t.dsl; }; }; s=$?; [ $s = 0 ] || cat log; rm -r %s; exit $s",
             folder, folder);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    (void)!fread(said, 1, sizeof said - 1, pipe);
    if (pclose(pipe))
        fail_msg("%.4s: %s", (const char *)t, said);
}

static void are_well_formed(void **state)
{
    static const char *const names[] = {"FACP", "APIC", "GTDT", "PPTT", "SPCR"};
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct placed p;
        struct virt_arm64_facts facts = {.vcpus = i & 1 ? 8 : 1, .gic = i & 2 ? 2 : 3, .el2 = i & 4, .pmu = i & 2};
        place(&p, &facts);
        for (unsigned n = 0; n < ARRAY_LEN(names); n++) {
            assert_non_null(table(&p, names[n]));
            iasl_is_content(table(&p, names[n]));
        }
        const uint8_t *dsdt = table_at(&p, le64_get(table(&p, "FACP") + 140));
        assert_memory_equal(dsdt, "DSDT", 4);
        iasl_is_content(dsdt);
        acpi_files_free(&p.files);
    }
}

/* Resource descriptors byte by byte: iasl takes some that have a wrong length. */
static void say_where_devices_are(void **state)
{
    static const uint8_t uart[] = {0x86, 9, 0, 1, 0, 0, 0, 9, 0, 0x10, 0, 0, 0x89, 6, 0, 1, 1, 33, 0, 0, 0, 0x79, 0},
                         slot[] = {0x86, 9, 0, 1, 0, 0x3e, 0, 0x0a, 0, 2, 0, 0, 0x89, 6, 0, 3, 1, 79, 0, 0, 0, 0x79, 0},
                         button[] = {0x8c, 32, 0, 1, 0, 1, 0,    1,   0,   1,   0,   0,   0,   0,   23,  0, 0,    25, 0,
                                     35,   0,  0, 0, 3, 0, '\\', '_', 'S', 'B', '.', 'G', 'P', 'O', '0', 0, 0x79, 0};
    struct placed p;
    struct virt_arm64_facts facts = {.vcpus = 1, .gic = 3};
    (void)state;
    place(&p, &facts);
    const uint8_t *dsdt = table_at(&p, le64_get(table(&p, "FACP") + 140));
    assert_non_null(memmem(dsdt, le32_get(dsdt + 4), uart, sizeof uart));
    assert_non_null(memmem(dsdt, le32_get(dsdt + 4), slot, sizeof slot));
    assert_non_null(memmem(dsdt, le32_get(dsdt + 4), button, sizeof button));
    assert_non_null(memmem(dsdt, le32_get(dsdt + 4), "_E03", 4));
    acpi_files_free(&p.files);
}

static void say_what_there_is(void **state)
{
    struct placed p;
    struct virt_arm64_facts facts = {.vcpus = 3, .gic = 3, .pmu = true};
    (void)state;
    place(&p, &facts);
    const uint8_t *fadt = table(&p, "FACP"), *madt = table(&p, "APIC");
    assert_int_equal(le16_get(fadt + 129), 3); /* PSCI by HVC */
    assert_int_equal(le32_get(fadt + 4), 276);
    assert_int_equal(le32_get(madt + 4), 44 + 24 + 3 * 80 + 16 + 20);
    assert_true(le64_get(madt + 44 + 8) == 0x8000000);
    assert_int_equal(madt[44 + 20], 3);
    for (unsigned n = 0; n < 3; n++) {
        const uint8_t *cpu = madt + 44 + 24 + n * 80;
        assert_int_equal(cpu[0], 0x0b);
        assert_int_equal(le32_get(cpu + 8), n);
        assert_int_equal(le32_get(cpu + 20), 23);
        assert_true(le64_get(cpu + 68) == n);
    }
    assert_int_equal(le32_get(table(&p, "GTDT") + 48), 29);
    assert_true(le64_get(table(&p, "SPCR") + 44) == 0x9000000);
    assert_int_equal(le32_get(table(&p, "SPCR") + 54), 33);
    acpi_files_free(&p.files);
    facts = (struct virt_arm64_facts){.vcpus = 1, .gic = 2, .el2 = true};
    place(&p, &facts);
    madt = table(&p, "APIC");
    assert_int_equal(le16_get(table(&p, "FACP") + 129), 1);
    assert_int_equal(le32_get(madt + 4), 44 + 24 + 80);
    assert_true(le64_get(madt + 44 + 24 + 32) == 0x8010000);
    acpi_files_free(&p.files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(are_well_formed), cmocka_unit_test(say_where_devices_are),
                                       cmocka_unit_test(say_what_there_is)};
    return cmocka_run_group_tests_name("machine_acpi_arm64", tests, NULL, NULL);
}
