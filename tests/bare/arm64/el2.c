/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * EL2 with VHE, which HCR_EL2.E2H has switched on: registers by their EL1 names, a host's EL0 (TGE), guests at EL1 without a second stage, what
 * hypervisors trap, HVC and SMC, the counter's offset. Source: Arm ARM D1.3, D24.2.52.
 */
#include "paging.h"

static void levels(void)
{
    CHECK_EQ(current_el(), 2);
    CHECK_EQ(sys_read("id_aa64mmfr1_el1") >> 8 & 15, 1);
    CHECK((sys_read("id_aa64pfr0_el1") >> 8 & 15) != 0);
}

/* Names of EL1 are EL2's, names with 12 or 02 are those of EL1 and EL0. */
static void redirection(void)
{
    sys_write("contextidr_el1", 0x123);
    CHECK_EQ(sys_read("s3_4_c13_c0_1"), 0x123);
    sys_write("contextidr_el12", 0x456);
    CHECK_EQ(sys_read("contextidr_el1"), 0x123);
    sys_write("far_el12", 77);
    sys_write("far_el1", 66);
    CHECK_EQ(sys_read("far_el2"), 66);
    CHECK_EQ(sys_read("far_el12"), 77);
    sys_write("elr_el12", 0x1000);
    sys_write("elr_el1", 0x2000);
    CHECK_EQ(sys_read("elr_el2"), 0x2000);
    CHECK_EQ(sys_read("elr_el12"), 0x1000);
    CHECK_EQ(sys_read("vbar_el1"), sys_read("vbar_el2"));
    CHECK(sys_read("vbar_el12") != sys_read("vbar_el2"));
    sys_write("cntv_cval_el02", 5);
    sys_write("cntv_cval_el0", 6);
    CHECK_EQ(sys_read("cntv_cval_el02"), 5);
    CHECK_EQ(sys_read("s3_4_c14_c3_2"), 6); /* CNTHV_CVAL_EL2 */
    sys_write("cntp_cval_el0", 8);
    CHECK_EQ(sys_read("cnthp_cval_el2"), 8);
}

static uint64_t what_el(uint64_t x) { return x + 1; }

static void host_programs(void)
{
    bool ran;
    sys_write("hcr_el2", HCR_E2H | HCR_RW | HCR_TGE);
    space_plain();
    CHECK_EQ(CALL_IN(EL0t, what_el, 41), 42);
    CHECK_NO_TRAP();
    insn_in(EL0t, 0xd4200020 /* brk #1 */, 0, 0, &ran);
    CHECK_EQ(self()->last.el, 2);
    check_trap(VECTOR_lower, ESR(EC_brk, 1), self()->site, __FILE_NAME__, __LINE__);
    CALL_IN(EL0t, 0x3000000000ul, 0);
    CHECK_EQ(self()->last.el, 2);
    check_abort(VECTOR_lower, ESR(EC_fetch_lower, FSC_translation(1)), 0x3000000000ul, 0x3000000000ul, __FILE_NAME__, __LINE__);
}

static uint64_t level_of_caller(uint64_t unused)
{
    (void)unused;
    return sys_read("currentel") >> 2;
}

static void guests(void)
{
    CHECK_EQ(CALL_IN(EL1h | PSTATE_DAIF, level_of_caller, 0), 1);
    CHECK_NO_TRAP();
    CHECK_EQ(CALL_IN(EL2t | PSTATE_DAIF, level_of_caller, 0), 2);
    CHECK_EQ(CALL_IN(EL0t, what_el, 9), 10); /* by way of EL1 */
    bool ran;
    insn_in(EL1h | PSTATE_DAIF, 0xd4000062 /* hvc #3 */, 0, 0, &ran);
    CHECK_EQ(self()->last.el, 2);
    check_trap(VECTOR_lower, ESR(EC_hvc, 3), self()->site + 4, __FILE_NAME__, __LINE__);
}

static const struct {
    const char *name;
    uint32_t word;
    uint64_t hcr;
    uint64_t esr;
    bool next;
} trapped[] = {
    {"wfi", 0xd503207f, HCR_TWI, ESR(EC_wfx, 0x1e00000), false},
    {"smc #5", 0xd40000a3, HCR_TSC, ESR(EC_smc, 5), false},
    {"mrs id_aa64pfr0_el1", 0xd5380400, HCR_TID3, ESR(EC_sysreg, ISS_SYSREG(3, 0, 0, 4, 0, 0, 1)), false},
    {"mrs id_aa64mmfr1_el1", 0xd5380720, HCR_TID3, ESR(EC_sysreg, ISS_SYSREG(3, 0, 0, 7, 1, 0, 1)), false},
    {"msr contextidr_el1", 0xd518d020, HCR_TVM, ESR(EC_sysreg, ISS_SYSREG(3, 0, 13, 0, 1, 0, 0)), false},
    {"mrs contextidr_el1", 0xd538d020, HCR_TRVM, ESR(EC_sysreg, ISS_SYSREG(3, 0, 13, 0, 1, 0, 1)), false},
    {"mrs actlr_el1", 0xd5381020, HCR_TACR, ESR(EC_sysreg, ISS_SYSREG(3, 0, 1, 0, 1, 0, 1)), false},
    {"dc zva", 0xd50b7420, HCR_TDZ, ESR(EC_sysreg, ISS_SYSREG(1, 3, 7, 4, 1, 0, 0)), false},
};

static uint64_t scratch[64] ALIGNED(4096);
static void traps_of_guests(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(trapped); i++) {
        bool ran;
        row("%s", trapped[i].name);
        sys_write("hcr_el2", HCR_E2H | HCR_RW | trapped[i].hcr);
        insn_in(EL1h | PSTATE_DAIF, trapped[i].word, (uint64_t)scratch, 0, &ran);
        CHECK(!ran);
        CHECK_EQ(self()->last.el, 2);
        check_trap(VECTOR_lower, trapped[i].esr, self()->site, __FILE_NAME__, __LINE__);
        sys_write("hcr_el2", HCR_E2H | HCR_RW);
        if (trapped[i].hcr == HCR_TWI || trapped[i].hcr == HCR_TSC)
            continue; /* nothing would end the wait; the firmware's */
        if (trapped[i].hcr == HCR_TDZ)
            continue; /* to device memory, as all is without stage 1 */
        insn_in(EL1h | PSTATE_DAIF, trapped[i].word, (uint64_t)scratch, 0, &ran);
        CHECK(ran);
    }
}

static void offset(void)
{
    uint64_t off = 1ul << 40;
    sys_write("cntvoff_el2", off);
    uint64_t before = sys_read("cntpct_el0");
    bool ran;
    uint64_t v = insn_in(EL1h | PSTATE_DAIF, 0xd53be040 /* mrs x0, cntvct_el0 */, 0, 0, &ran);
    uint64_t after = sys_read("cntpct_el0");
    CHECK(v + off >= before && v + off <= after);
    CHECK(sys_read("cntvct_el0") >= after); /* not for the host: with E2H it has no offset */
    sys_write("cntvoff_el2", 0);
}

const struct test tests[] = {
    TEST("levels", levels), TEST("registers by other names", redirection), TEST("programs of a host", host_programs),
    TEST("guests", guests), TEST("traps of guests", traps_of_guests),      TEST("the counter's offset", offset),
    {NULL, NULL},
};
