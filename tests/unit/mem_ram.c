/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Accesses of RAM: in one piece where they are aligned, by bytes or not anywhere else; what surrounds them stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mem/ram.h"
#include "os/os.h"

#include <cmocka.h>

static void pieces(void **state)
{
    (void)state;
    for (unsigned size = 0; size <= 16; size++)
        for (unsigned at = 0; at < 16; at++) {
            uint8_t ram[48], from[16], to[17];
            memset(ram, 0xee, sizeof ram);
            memset(to, 0xdd, sizeof to);
            for (unsigned i = 0; i < 16; i++)
                from[i] = (uint8_t)(i + 1);
            ram_write(ram + 8 + at, from, size);
            for (unsigned i = 0; i < sizeof ram; i++)
                assert_int_equal(ram[i], i - 8 - at < size ? i - 8 - at + 1 : 0xee);
            ram_read(to, ram + 8 + at, size);
            assert_memory_equal(to, from, size);
            assert_int_equal(to[size], 0xdd);
        }
}

/* ---- no half of a write is ever seen ---- */

enum { ROUNDS = 300000 };

static struct {
    _Alignas(64) uint8_t word[8];
    uint8_t *volatile at; /* the compiler must not know how it is aligned */
    unsigned size;
    _Atomic unsigned over;
} shared;

static void write_words(void *arg)
{
    uint64_t value[2] = {0};
    (void)arg;
    for (unsigned n = 0; n < ROUNDS; n++, value[0] = ~value[0])
        ram_write(shared.at, value, shared.size);
    atomic_store(&shared.over, 1);
}

static void whole(void **state)
{
    (void)state;
    for (unsigned size = 2; size <= 8; size *= 2) {
        struct os_thread *thread;
        unsigned torn = 0;
        memset(&shared, 0, sizeof shared);
        shared.at = shared.word;
        shared.size = size;
        assert_int_equal(os_thread_start(&thread, "writer", write_words, NULL, NULL), 0);
        while (!atomic_load(&shared.over)) {
            uint64_t value[2] = {0};
            ram_read(value, shared.at, size);
            torn += value[0] != 0 && value[0] != ~0ull >> (64 - 8 * size);
        }
        os_thread_join(thread);
        assert_int_equal(torn, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pieces), cmocka_unit_test(whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
