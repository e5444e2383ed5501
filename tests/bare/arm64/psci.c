/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* PSCI, by HVC or from EL2 by SMC: what it is and has, CPU_ON and CPU_OFF, AFFINITY_INFO, functions that are not there. Source: DEN 0022. */
#include "paging.h"

enum {
    VERSION = 0x84000000,
    CPU_OFF = 0x84000002,
    MIGRATE_INFO_TYPE = 0x84000006,
    SYSTEM_OFF = 0x84000008,
    SYSTEM_RESET = 0x84000009,
    FEATURES = 0x8400000a,
    CPU_ON32 = 0x84000003,
    AFFINITY32 = 0x84000004,
};
#define CPU_ON   0xc4000003ul
#define AFFINITY 0xc4000004ul
enum { NOT_SUPPORTED = -1, INVALID = -2, ALREADY_ON = -4, INVALID_ADDRESS = -9, OFF = 1 };

void secondary_start(void);

static void says_what_it_is(void)
{
    uint64_t version = (uint64_t)psci(VERSION, 0, 0, 0);
    CHECK(version >= 0x10000 && version < 0x20000);
    static const uint64_t there[] = {VERSION, CPU_OFF, CPU_ON, AFFINITY, SYSTEM_OFF, SYSTEM_RESET, FEATURES, CPU_ON32, AFFINITY32};
    for (unsigned i = 0; i < ARRAY_LEN(there); i++) {
        row("%x", there[i]);
        CHECK_EQ(psci(FEATURES, there[i], 0, 0), 0);
    }
    CHECK_EQ((int32_t)psci(FEATURES, 0x840000f0, 0, 0), NOT_SUPPORTED);
    CHECK_EQ((int32_t)psci(0x840000f0, 0, 0, 0), NOT_SUPPORTED);
    CHECK_EQ((int32_t)psci(MIGRATE_INFO_TYPE, 0, 0, 0), 2); /* no trusted OS */
}

static uint64_t seen_el, seen_daif, seen_mpidr, runs;
static void look(void *arg)
{
    seen_el = current_el();
    seen_daif = sys_read("daif");
    seen_mpidr = sys_read("mpidr_el1");
    runs += (uint64_t)arg;
}

static void on_and_off(void)
{
    if (!harts_need(2))
        return;
    CHECK_EQ(psci(AFFINITY, 0, 0, 0), 0);
    CHECK_EQ(psci(AFFINITY, 1, 0, 0), OFF);
    runs = 0;
    for (unsigned i = 1; i <= 50; i++) {
        hart_start(1, look, (void *)1);
        hart_join(1);
        CHECK_EQ(runs, i);
    }
    CHECK_EQ(seen_el, current_el());
    CHECK_EQ(seen_daif, PSTATE_DAIF);
    CHECK_EQ(seen_mpidr & 0xff00ffffff, 1);
    for (uint64_t end = now() + PATIENCE; psci(AFFINITY, 1, 0, 0) != OFF && now() < end;)
        relax();
    CHECK_EQ(psci(AFFINITY, 1, 0, 0), OFF);
}

static volatile uint64_t stay, entered;
static void wait(void *arg)
{
    (void)arg;
    entered = 1;
    while (stay)
        relax();
}

static void refusals(void)
{
    if (!harts_need(2))
        return;
    CHECK_EQ((int32_t)psci(CPU_ON, 0, (uint64_t)secondary_start, 0), ALREADY_ON);
    CHECK_EQ((int32_t)psci(CPU_ON, 99, (uint64_t)secondary_start, 0), INVALID);
    CHECK_EQ((int32_t)psci(AFFINITY, 99, 0, 0), INVALID);
    stay = 1;
    entered = 0;
    hart_start(1, wait, NULL);
    while (!entered)
        relax();
    CHECK_EQ((int32_t)psci(CPU_ON, 1, (uint64_t)secondary_start, 1), ALREADY_ON);
    CHECK_EQ(psci(AFFINITY, 1, 0, 0), 0);
    stay = 0;
    hart_join(1);
}

/* x4 to x17 survive a call, and so do SP and flags (SMC Calling Convention). */
#define SURVIVES(call)                                                                                                            \
    asm volatile("mov x0, %1\n mov x4, #4\n mov x9, #9\n mov x17, #17\n mov x5, sp\n" call "\n eor x4, x4, #4\n sub x9, x9, #9\n" \
                 "sub x17, x17, #17\n orr %0, x4, x9\n orr %0, %0, x17\n mov x6, sp\n eor x5, x5, x6\n orr %0, %0, x5"            \
                 : "=r"(bad)                                                                                                      \
                 : "r"((uint64_t)VERSION)                                                                                         \
                 : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x9", "x17", "cc", "memory")

static void registers(void)
{
    uint64_t bad;
    if (current_el() == 2)
        SURVIVES("smc #0");
    else
        SURVIVES("hvc #0");
    CHECK_EQ(bad, 0);
}

/* The conduit is the one of the level above the one that the machine starts at. */
static void conduits(void)
{
    enum { HVC = 0xd4000002, SMC = 0xd4000003 };
    bool ran;
    if (current_el() == 1) {
        insn_in(EL1h | PSTATE_DAIF, SMC, VERSION, 0, &ran);
        CHECK(!ran); /* there is no EL3 */
        CHECK_EQ(self()->last.esr >> 26, EC_unknown);
        return;
    }
    uint64_t version = insn_in(EL1h | PSTATE_DAIF, SMC, VERSION, 0, &ran); /* a guest's is the firmware's too, unless HCR_EL2.TSC says no */
    CHECK(ran);
    CHECK_EQ(version, psci(VERSION, 0, 0, 0));
    insn_in(EL1h | PSTATE_DAIF, HVC, VERSION, 0, &ran);
    CHECK(!ran);
    CHECK_EQ(self()->last.el, 2);
    check_trap(VECTOR_lower, ESR(EC_hvc, 0), self()->site + 4, __FILE_NAME__, __LINE__);
}

const struct test tests[] = {
    TEST("version, features, unknown functions", says_what_it_is),
    TEST("CPU_ON, CPU_OFF, AFFINITY_INFO", on_and_off),
    TEST("refusals", refusals),
    TEST("registers that survive", registers),
    TEST("conduits", conduits),
    {NULL, NULL},
};
