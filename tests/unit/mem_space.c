/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The physical address space: regions, accesses and copies at their edges, and the flags of pages with code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "mem/space.h"
#include "os/os.h"

#include <cmocka.h>

enum { K = 1024 };
static const gpa RAM = 0x80000000, SECOND = 0x80010000, ROM = 0x1000, DEVICE = 0x10000000;

static struct { /* what the device saw */
    unsigned reads, writes, size;
    uint64_t offset, value;
    bool refuse;
} device;

static bool device_read(void *self, uint64_t offset, unsigned size, uint64_t *value)
{
    assert_ptr_equal(self, &device);
    device.reads++;
    device.offset = offset;
    device.size = size;
    *value = 0x1122334455667788;
    return !device.refuse;
}

static bool device_write(void *self, uint64_t offset, unsigned size, uint64_t value)
{
    assert_ptr_equal(self, &device);
    device.writes++;
    device.offset = offset;
    device.size = size;
    device.value = value;
    return !device.refuse;
}

static const struct mem_ops device_ops = {.read = device_read, .write = device_write, .sizes = 1 | 4};

/* Two adjacent regions of RAM, a ROM, a device; nothing else. */
static struct mem_space *space_new(void)
{
    static const uint8_t rom[] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct mem_space *space;
    struct err err = {0};
    assert_int_equal(mem_space_new(&space), 0);
    assert_int_equal(mem_space_add_ram(space, "second", SECOND, 16 * K, &err), 0);
    assert_int_equal(mem_space_add_ram(space, "first", RAM, 64 * K, &err), 0);
    assert_int_equal(mem_space_add_rom(space, "rom", ROM, 4 * K, rom, sizeof rom, &err), 0);
    assert_int_equal(mem_space_add_device(space, "device", DEVICE, 0x20, &device_ops, &device, NULL, &err), 0);
    memset(&device, 0, sizeof device);
    return space;
}

static void regions(void **state)
{
    struct mem_space *space = space_new();
    const struct mem_region *all;
    (void)state;
    assert_int_equal(mem_space_regions(space, &all), 4);
    for (unsigned i = 1; i < 4; i++)
        assert_true(all[i - 1].base + all[i - 1].size <= all[i].base);
    assert_ptr_equal(mem_space_find(space, ROM), &all[0]);
    assert_ptr_equal(mem_space_find(space, ROM + 4 * K - 1), &all[0]);
    assert_null(mem_space_find(space, ROM + 4 * K));
    assert_null(mem_space_find(space, ROM - 1));
    assert_null(mem_space_find(space, 0));
    assert_null(mem_space_find(space, UINT64_MAX));
    assert_ptr_equal(mem_space_find(space, DEVICE + 0x1f), &all[1]);
    assert_null(mem_space_find(space, DEVICE + 0x20));
    assert_ptr_equal(mem_space_find(space, SECOND - 1), &all[2]);
    assert_ptr_equal(mem_space_find(space, SECOND), &all[3]);
    mem_space_free(space);
    mem_space_free(NULL);
}

/* What cannot be added is refused with a line that names it, and changes nothing. */
static void refused_regions(void **state)
{
    static const struct {
        gpa base;
        uint64_t size;
        const char *text;
    } rows[] = {
        {RAM + 32 * K, 4 * K, "overlaps"}, {RAM - 4 * K, 8 * K, "overlaps"},      {RAM, 64 * K, "overlaps"},
        {0, 1ull << 40, "overlaps"},       {0x90000001, 4 * K, "pages"},          {0x90000000, 100, "pages"},
        {0x90000000, 0, "0 bytes"},        {UINT64_MAX - 4 * K + 1, 8 * K, NULL}, {SECOND + 8 * K, 64 * K, "overlaps"},
    };
    struct mem_space *space = space_new();
    const struct mem_region *all;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {0};
        assert_true(mem_space_add_ram(space, "extra", rows[i].base, rows[i].size, &err) < 0);
        assert_true(err.status < 0);
        if (rows[i].text && !strstr(err.text, rows[i].text))
            fail_msg("row %zu: %s", i, err.text);
    }
    struct err err = {0};
    assert_true(mem_space_add_rom(space, "big", 0x90000000, 4 * K, &device, 4 * K + 1, &err) < 0);
    assert_true(mem_space_add_device(space, "odd", 0x90000002, 4, &device_ops, &device, NULL, &err) < 0);
    assert_int_equal(mem_space_regions(space, &all), 4);
    mem_space_free(space);
}

static void cpu_accesses(void **state)
{
    struct mem_space *space = space_new();
    uint64_t v = 0;
    (void)state;
    assert_true(mem_store(space, RAM + 5, 8, 0x0102030405060708));
    assert_true(mem_load(space, RAM + 5, 8, &v));
    assert_int_equal(v, 0x0102030405060708);
    assert_true(mem_load(space, RAM + 6, 1, &v));
    assert_int_equal(v, 0x07);
    assert_true(mem_load(space, RAM + 7, 2, &v));
    assert_int_equal(v, 0x0506);
    assert_true(mem_load(space, RAM + 5, 3, &v));
    assert_int_equal(v, 0x060708);
    assert_true(mem_load(space, ROM, 8, &v));
    assert_int_equal(v, 0x0807060504030201);
    assert_false(mem_store(space, ROM, 1, 0));
    assert_false(mem_load(space, SECOND - 4, 8, &v)); /* one access, one region */
    assert_false(mem_load(space, SECOND + 16 * K - 7, 8, &v));
    assert_false(mem_store(space, SECOND + 16 * K - 1, 2, 0));
    assert_true(mem_load(space, SECOND + 16 * K - 8, 8, &v));
    assert_false(mem_load(space, 0, 1, &v));
    assert_false(mem_load(space, UINT64_MAX, 1, &v));
    mem_space_free(space);
}

static void devices(void **state)
{
    struct mem_space *space = space_new();
    uint64_t v = 0;
    (void)state;
    assert_true(mem_load(space, DEVICE + 4, 4, &v));
    assert_int_equal(v, 0x55667788); /* no more than was asked for */
    assert_int_equal(device.offset, 4);
    assert_int_equal(device.size, 4);
    assert_true(mem_load(space, DEVICE + 0x1f, 1, &v));
    assert_int_equal(v, 0x88);
    assert_true(mem_store(space, DEVICE + 8, 1, 0xabcd));
    assert_int_equal(device.writes, 1);
    assert_false(mem_load(space, DEVICE, 2, &v)); /* a size it does not take */
    assert_false(mem_load(space, DEVICE, 8, &v));
    assert_false(mem_load(space, DEVICE + 2, 4, &v)); /* not aligned */
    assert_false(mem_load(space, DEVICE + 0x1d, 4, &v));
    assert_int_equal(device.reads, 2);
    device.refuse = true;
    assert_false(mem_load(space, DEVICE, 4, &v));
    assert_false(mem_store(space, DEVICE, 4, 0));
    mem_space_free(space);
}

static bool bank_read(void *self, uint64_t offset, unsigned size, uint64_t *value)
{
    (void)offset, (void)size;
    *value = *(uint64_t *)self;
    return true;
}

static bool bank_write(void *self, uint64_t offset, unsigned size, uint64_t value)
{
    (void)offset, (void)size;
    *(uint64_t *)self = value;
    return true;
}

static void banks(void **state)
{
    static const struct mem_ops ops = {.read = bank_read, .write = bank_write, .sizes = 4};
    static const gpa at = 0x90000000;
    struct mem_space *space = space_new();
    uint64_t cells[2] = {10, 11}, v;
    void *const selves[] = {&cells[0], &cells[1]};
    (void)state;
    assert_int_equal(mem_space_add_banked(space, "banked", at, 0x100, &ops, selves, 2, NULL, NULL), 0);
    assert_true(mem_load_by(space, 1, at, 4, &v));
    assert_int_equal(v, 11);
    assert_true(mem_store_by(space, 1, at, 4, 21));
    assert_true(mem_store_by(space, 0, at, 4, 20));
    assert_int_equal(cells[1], 21);
    assert_true(mem_load(space, at, 4, &v));
    assert_int_equal(v, 20);
    assert_true(mem_load_by(space, 2, at, 4, &v)); /* who has none */
    assert_int_equal(v, 20);
    assert_true(mem_load_by(space, 1, DEVICE, 4, &v)); /* not banked: the same for all */
    assert_int_equal(device.reads, 1);
    mem_space_free(space);
}

static void copies(void **state)
{
    struct mem_space *space = space_new();
    uint8_t a[64], b[64];
    (void)state;
    for (unsigned i = 0; i < sizeof a; i++)
        a[i] = (uint8_t)(i * 7 + 1);
    assert_true(mem_write(space, SECOND - 20, a, sizeof a)); /* over the border of adjacent regions */
    assert_true(mem_read(space, SECOND - 20, b, sizeof b));
    assert_memory_equal(a, b, sizeof a);
    assert_true(mem_read(space, ROM, b, 8));
    assert_int_equal(b[7], 8);
    assert_false(mem_write(space, ROM, a, 1));
    assert_false(mem_read(space, DEVICE, b, 1));
    assert_false(mem_read(space, SECOND + 16 * K - 10, b, 11));
    assert_true(mem_read(space, SECOND + 16 * K - 10, b, 10));
    memset(a, 0xee, sizeof a);
    assert_false(mem_write(space, SECOND + 16 * K - 10, a, 20)); /* nothing was written */
    assert_true(mem_read(space, SECOND + 16 * K - 10, b, 10));
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(b[i], 0);
    assert_false(mem_read(space, UINT64_MAX - 3, b, 8));
    assert_false(mem_read(space, RAM, b, UINT64_MAX));
    assert_false(mem_write(space, RAM, a, UINT64_MAX - RAM + 1));
    assert_true(mem_read(space, 0, b, 0));
    assert_int_equal(device.reads, 0);
    mem_space_free(space);
}

static void host_views(void **state)
{
    struct mem_space *space = space_new();
    (void)state;
    assert_non_null(mem_ram(space, RAM, 64 * K));
    assert_ptr_equal(mem_ram(space, RAM + 100, 1), mem_ram(space, RAM, 1) + 100);
    assert_null(mem_ram(space, RAM, 64 * K + 1)); /* the next region is other memory */
    assert_null(mem_ram(space, RAM + 1, UINT64_MAX));
    assert_null(mem_ram(space, ROM, 1));
    assert_null(mem_ram(space, DEVICE, 1));
    assert_null(mem_ram(space, 0, 1));
    mem_space_free(space);
}

/* ---- pages with code ---- */

static size_t take(struct mem_space *space, gpa *pages, size_t max) { return mem_take_written(space, pages, max); }

static void written_code(void **state)
{
    struct mem_space *space = space_new();
    gpa pages[8];
    (void)state;
    assert_false(mem_any_written(space));
    mem_note_write(space, RAM, 4 * K); /* no code there */
    assert_false(mem_any_written(space));
    assert_false(mem_page_code(space, RAM + 4 * K));
    assert_false(mem_any_written(space));
    assert_true(mem_store(space, RAM + 4 * K - 1, 1, 9)); /* the page before */
    assert_false(mem_any_written(space));
    assert_true(mem_store(space, RAM + 4 * K - 1, 2, 9)); /* its last byte is in the page */
    assert_true(mem_any_written(space));
    assert_true(mem_store(space, RAM + 5 * K, 8, 9)); /* noted once */
    assert_int_equal(take(space, pages, 8), 1);
    assert_int_equal(pages[0], RAM + 4 * K);
    assert_false(mem_any_written(space));
    assert_int_equal(take(space, pages, 8), 0);
    assert_true(mem_store(space, RAM + 5 * K, 8, 9)); /* until its code is gone it counts as written */
    assert_false(mem_any_written(space));
    mem_page_code_gone(space, RAM + 4 * K);
    assert_true(mem_store(space, RAM + 5 * K, 8, 9)); /* no code, nothing to note */
    assert_false(mem_any_written(space));
    mem_page_code(space, RAM + 4 * K);
    assert_true(mem_store(space, RAM + 5 * K, 8, 9));
    assert_true(mem_any_written(space));
    mem_space_free(space);
}

static void fast_writes(void **state)
{
    struct mem_space *space = space_new();
    gpa pages[8];
    (void)state;
    assert_false(mem_page_plain(space, RAM));
    assert_true(mem_page_fast_write(space, RAM));
    assert_true(mem_page_plain(space, RAM));
    assert_true(mem_page_code(space, RAM));  /* some TLB may write it: those must be asked */
    assert_false(mem_page_code(space, RAM)); /* once */
    assert_false(mem_page_fast_write(space, RAM));
    mem_note_write(space, RAM + 8, 1);
    assert_true(mem_page_fast_write(space, RAM)); /* known to be written: nothing can be missed any more */
    assert_false(mem_page_plain(space, RAM));     /* but it has code */
    assert_int_equal(take(space, pages, 8), 1);
    mem_page_code_gone(space, RAM);
    assert_true(mem_page_fast_write(space, RAM));
    assert_true(mem_page_code(space, RAM));
    assert_false(mem_page_fast_write(space, DEVICE));
    assert_false(mem_page_fast_write(space, ROM));
    assert_false(mem_page_plain(space, DEVICE));
    assert_false(mem_page_code(space, ROM));
    mem_page_code_gone(space, DEVICE);
    mem_space_free(space);
}

static size_t pages_there(const struct mem_space *space, gpa at, unsigned n)
{
    unsigned char there[64];
    size_t count = 0;
    assert_int_equal(mincore(mem_ram(space, at, n * (uint64_t)MEM_PAGE), n * (size_t)MEM_PAGE, there), 0);
    for (unsigned i = 0; i < n; i++)
        count += there[i] & 1;
    return count;
}

/* Not on old kernels, and not where a program of another architecture runs on this one's kernel. */
static bool host_populates(void)
{
    unsigned char there[2] = {0};
    void *pages = os_pages_new(sizeof there * (size_t)MEM_PAGE);
    assert_non_null(pages);
    os_pages_populate(pages, sizeof there * (size_t)MEM_PAGE);
    assert_int_equal(mincore(pages, sizeof there * (size_t)MEM_PAGE, there), 0);
    os_pages_free(pages, sizeof there * (size_t)MEM_PAGE);
    return there[0] & there[1] & 1;
}

/* The host is asked for sixteen at once; in a file's place its pages are there, and all its bytes. */
static void host_pages(void **state)
{
    struct mem_space *space;
    struct err err = {0};
    enum { PAGES = 200, LARGE = 300 * K };
    uint8_t *file = malloc(LARGE), *back = malloc(LARGE);
    (void)state;
    assert_int_equal(mem_space_new(&space), 0);
    assert_int_equal(mem_space_add_ram(space, "ram", RAM, PAGES * (uint64_t)MEM_PAGE, &err), 0);
    mem_page_fast_write(space, RAM + 20 * MEM_PAGE);
    if (host_populates()) {
        assert_int_equal(pages_there(space, RAM, 16), 0);
        assert_int_equal(pages_there(space, RAM + 16 * MEM_PAGE, 16), 16);
        assert_int_equal(pages_there(space, RAM + 32 * MEM_PAGE, 16), 0);
        mem_page_fast_write(space, RAM + 199 * MEM_PAGE);
        assert_int_equal(pages_there(space, RAM + 190 * MEM_PAGE, 10), 8); /* up to the end */
    }
    for (unsigned i = 0; i < LARGE; i++)
        file[i] = (uint8_t)(i * 31 + (i >> 9));
    assert_true(mem_write(space, RAM + 50 * MEM_PAGE + 100, file, LARGE));
    assert_true(mem_read(space, RAM + 50 * MEM_PAGE + 100, back, LARGE));
    assert_memory_equal(file, back, LARGE);
    assert_int_equal(mem_ram(space, RAM + 50 * MEM_PAGE, 100)[99], 0);
    free(file);
    free(back);
    mem_space_free(space);
}

static void many_written(void **state)
{
    struct mem_space *space;
    struct err err = {0};
    enum { PAGES = 1000 };
    bool seen[PAGES] = {false};
    gpa pages[64];
    size_t n, total = 0;
    (void)state;
    assert_int_equal(mem_space_new(&space), 0);
    assert_int_equal(mem_space_add_ram(space, "ram", RAM, PAGES * (uint64_t)MEM_PAGE, &err), 0);
    for (unsigned i = 0; i < PAGES; i++)
        mem_page_code(space, RAM + i * (uint64_t)MEM_PAGE);
    mem_note_write(space, RAM, PAGES * (uint64_t)MEM_PAGE + 12345); /* beyond the end is cut off */
    while ((n = take(space, pages, 64)) > 0)
        for (size_t i = 0; i < n; i++) {
            size_t page = (size_t)((pages[i] - RAM) / MEM_PAGE);
            assert_true(page < PAGES && !seen[page]);
            seen[page] = true;
            total++;
        }
    assert_int_equal(total, PAGES);
    mem_space_free(space);
}

/* ---- one writer, one translator: no write is ever missed ---- */

static struct mem_space *shared;
static _Atomic unsigned turns;

static void writer(void *arg)
{
    (void)arg;
    for (uint64_t n = 1; n <= 20000; n++) {
        mem_store(shared, RAM, 8, n);
        atomic_store(&turns, (unsigned)n);
    }
}

/* The other side of fence.i: after the writer has said n, a copy that was not dropped must be of n or later. */
static void nothing_is_missed(void **state)
{
    struct os_thread *thread;
    struct err err = {0};
    uint64_t copy = 0;
    bool have = false;
    (void)state;
    shared = space_new();
    atomic_store(&turns, 0);
    assert_int_equal(os_thread_start(&thread, "writer", writer, NULL, &err), 0);
    for (unsigned told = 0; told < 20000;) {
        gpa pages[4];
        if (!have) {
            mem_page_code(shared, RAM);
            mem_load(shared, RAM, 8, &copy);
            have = true;
        }
        told = atomic_load(&turns);
        if (mem_any_written(shared) && mem_take_written(shared, pages, 4)) {
            mem_page_code_gone(shared, RAM);
            have = false;
        } else if (copy < told) {
            fail_msg("the copy is %llu, the writer was at %u", (unsigned long long)copy, told);
        }
    }
    os_thread_join(thread);
    mem_space_free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions),
        cmocka_unit_test(refused_regions),
        cmocka_unit_test(cpu_accesses),
        cmocka_unit_test(devices),
        cmocka_unit_test(banks),
        cmocka_unit_test(copies),
        cmocka_unit_test(host_views),
        cmocka_unit_test(written_code),
        cmocka_unit_test(fast_writes),
        cmocka_unit_test(many_written),
        cmocka_unit_test(nothing_is_missed),
        cmocka_unit_test(host_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
