/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The encoder of x86-64 instructions: bytes that objdump was asked about once, places of displacements, and what a full buffer does. */
#include "base/bits.h"
#include "jit/host/x86_64/encode.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SIZE = 64 };
#define M(base_, index_, scale_, disp_) \
    (struct x86_mem) { .base = base_, .index = index_, .scale = scale_, .disp = (int32_t)(disp_) }

static struct code_buf buffer(uint8_t *bytes, size_t size) { return (struct code_buf){bytes, bytes, bytes + size, bytes, false}; }

static unsigned row(const struct code_buf *c, const char *expected, const char *text)
{
    char got[3 * SIZE + 1] = "";
    for (const uint8_t *p = c->start; p < c->at; p++)
        snprintf(got + 3 * (p - c->start), 4, "%02x ", *p);
    got[c->at > c->start ? 3 * (c->at - c->start) - 1 : 0] = 0;
    if (!strcmp(got, expected) && !c->full)
        return 0;
    print_error("%s: %s, not %s\n", text, got, expected);
    return 1;
}

static void instructions(void **state)
{
    uint8_t bytes[SIZE];
    unsigned bad = 0;
    (void)state;
#define ROW(expected, text, call)                         \
    {                                                     \
        struct code_buf b = buffer(bytes, SIZE), *c = &b; \
        call;                                             \
        bad += row(c, expected, text);                    \
    }
#include "jit_encode_x86_64.def"
#undef ROW
    assert_int_equal(bad, 0);
}

static void nothing_to_move(void **state)
{
    uint8_t bytes[SIZE];
    struct code_buf c = buffer(bytes, SIZE);
    (void)state;
    x86_mov(&c, R9, R9);
    assert_ptr_equal(c.at, c.start);
}

/* Jumps inside the buffer, forwards and back; to elsewhere, from where the code will run. */
static void displacements(void **state)
{
    uint8_t bytes[SIZE], elsewhere[SIZE];
    struct code_buf c = buffer(bytes, SIZE);
    (void)state;
    c.exec = elsewhere;
    uint8_t *back = c.at;
    x86_ret(&c);
    uint8_t *forward = x86_jcc(&c, CC_NE);
    x86_target(&c, x86_jmp(&c), back);
    x86_target(&c, forward, c.at);
    x86_call_exec(&c, elsewhere + 40);
    x86_jmp_exec(&c, elsewhere);
    const uint8_t expected[] = {0xc3, 0x0f, 0x85,    5, 0, 0, 0,    0xe9, 0xf4, 0xff, 0xff,
                                0xff, 0xe8, 40 - 17, 0, 0, 0, 0xe9, 0xea, 0xff, 0xff, 0xff};
    assert_int_equal(c.at - c.start, sizeof expected);
    assert_memory_equal(bytes, expected, sizeof expected);
}

/* The displacement of a jump that is patched while others run it lies in one aligned word, behind whole instructions. */
static void patchable(void **state)
{
    static const uint8_t before[4][4] = {{0x0f, 0x1f, 0x00, 0xe9}, {0x66, 0x90, 0xe9}, {0x90, 0xe9}, {0xe9}};
    _Alignas(16) uint8_t bytes[SIZE];
    (void)state;
    for (unsigned at = 0; at < 4; at++) {
        struct code_buf c = buffer(bytes, SIZE);
        for (unsigned i = 0; i < at; i++)
            x86_ret(&c);
        uint8_t *site = x86_jmp_patchable(&c);
        assert_int_equal((uintptr_t)site & 3, 0);
        assert_ptr_equal(c.at, site + 4);
        assert_memory_equal(bytes + at, before[at], 4 - at);
    }
}

/* Whatever does not fit is dropped and remembered; nothing is written behind the end or before the start. */
static void full_buffer(void **state)
{
    (void)state;
    for (size_t size = 0; size < 48; size++) {
        uint8_t bytes[8 + 48 + 8];
        memset(bytes, 0xcc, sizeof bytes);
        struct code_buf c = buffer(bytes + 8, size);
        x86_imm(&c, R15, UINT64_C(0x1122334455667788));
        x86_alu_mi(&c, ALU_cmp, true, M(RBP, NO_REG, 1, 0x1000), 0x12345678);
        uint8_t *site = x86_jcc(&c, CC_E);
        uint8_t *other = x86_jmp_patchable(&c);
        x86_ret(&c);
        x86_target(&c, site, c.at);
        x86_target(&c, other, c.start);
        assert_true(c.full == (size < (size_t)(10 + 11 + 6 + 5 + 1) + ((3 - (uintptr_t)(bytes + 8 + 27)) & 3)));
        for (unsigned i = 0; i < 8; i++)
            assert_true(bytes[i] == 0xcc && bytes[8 + size + i] == 0xcc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instructions), cmocka_unit_test(nothing_to_move), cmocka_unit_test(displacements),
        cmocka_unit_test(patchable),    cmocka_unit_test(full_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
