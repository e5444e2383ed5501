/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Code that changes: DC CVAU and IC IVAU on this vCPU and for others, code in hot loops, data beside code, code seen through two addresses. */
#include "paging.h"

enum { HARTS = 4 };
static uint32_t code[8][1024] CODE;
#define RET 0xd65f03c0u
static uint32_t mov_x0(unsigned n) { return 0xd2800000u | n << 5; } /* n below 65536 */

typedef uint64_t (*function)(uint64_t arg);
static uint64_t call(const void *at) { return ((function)(uint64_t)at)(0); }

static void put_code(uint32_t *at, uint32_t insn)
{
    __atomic_store_n(at, insn, __ATOMIC_RELEASE);
    code_sync(at, 4);
}

static void same_hart(void)
{
    uint32_t *at = code[0];
    at[1] = RET;
    code_sync(at, 8);
    for (unsigned i = 0; i < 500; i++) {
        put_code(at, mov_x0(i));
        CHECK_EQ(call(at), i);
    }
}

/* A hot loop, one of whose insns is exchanged in between. */
static void patched_loop(void)
{
    uint32_t *at = code[1];
    at[0] = mov_x0(0);
    at[1] = 0xd2807d01; /* mov x1, #1000 */
    at[2] = 0x91000400; /* add x0, x0, #1 */
    at[3] = 0xf1000421; /* subs x1, x1, #1 */
    at[4] = 0x54ffffc1; /* b.ne -8 */
    at[5] = RET;
    code_sync(at, 24);
    for (unsigned i = 0; i < 20; i++) {
        put_code(&at[2], 0x91000000 | i << 10);
        CHECK_EQ(call(at), 1000 * i);
        CHECK_EQ(call(at), 1000 * i);
    }
}

/* Words in the page of the code, written by the code itself. */
static void data_beside_code(void)
{
    uint32_t *at = code[2];
    at[0] = 0x10002002; /* adr x2, +1024 */
    at[1] = 0xd280fa01; /* mov x1, #2000 */
    at[2] = 0xb9400040; /* ldr w0, [x2] */
    at[3] = 0x11000400; /* add w0, w0, #1 */
    at[4] = 0xb9000040; /* str w0, [x2] */
    at[5] = 0xf1000421; /* subs x1, x1, #1 */
    at[6] = 0x54ffff81; /* b.ne -16 */
    at[7] = RET;
    at[256] = 0;
    code_sync(at, 32);
    for (unsigned i = 1; i <= 5; i++) {
        CHECK_EQ(call(at), 2000 * i);
        CHECK_EQ(at[256], 2000 * i);
    }
}

/* Written through one address, executed at another, by EL0. */
static void two_addresses(void)
{
    for (unsigned i = 0; i < 100; i++) {
        bool ran;
        CHECK_EQ(insn_in(EL0t, mov_x0(i), 0, 0, &ran), i);
        CHECK(ran);
    }
}

static volatile uint64_t version, seen[HARTS], quit;
static void follow(void *arg)
{
    uint64_t id = (uint64_t)arg;
    while (!quit) {
        uint64_t before = __atomic_load_n(&version, __ATOMIC_ACQUIRE);
        isb(); /* what the writer completed is fetched from here on */
        uint64_t v = call(code[3]);
        if (v < before)
            CHECK_EQ(v, before);
        __atomic_store_n(&seen[id], v, __ATOMIC_RELEASE);
    }
}

/* IC IVAU reaches all vCPUs: they follow each change, and never go back. */
static void other_harts(void)
{
    if (!harts_need(HARTS))
        return;
    uint32_t *at = code[3];
    at[1] = RET;
    version = quit = 0;
    put_code(at, mov_x0(0));
    code_sync(at, 8);
    for (uint64_t i = 1; i < HARTS; i++)
        hart_start((unsigned)i, follow, (void *)i);
    for (unsigned n = 1; n <= 300; n++) {
        put_code(at, mov_x0(n));
        __atomic_store_n(&version, n, __ATOMIC_RELEASE);
        uint64_t end = now() + PATIENCE / 10;
        for (unsigned i = 1; i < HARTS; i++)
            while (__atomic_load_n(&seen[i], __ATOMIC_ACQUIRE) < n && now() < end)
                relax();
        if (!CHECK(now() < end))
            break;
    }
    quit = 1;
    for (unsigned i = 1; i < HARTS; i++)
        hart_join(i);
}

const struct test tests[] = {
    TEST("on one vCPU", same_hart),       TEST("an insn of a hot loop", patched_loop), TEST("data beside code", data_beside_code),
    TEST("two addresses", two_addresses), TEST("on other vCPUs", other_harts),         {NULL, NULL},
};
