/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Branch target identification as the engine asks for it: what may be landed on and how often that is to be asked, what exceptions save and returns restore. */
#include "arm64_fixture.h"

enum { NOP = 0xd503201f, ERET = 0xd69f03e0, BTI = 0xd503241f, BTI_C = 0xd503245f, BTI_J = 0xd503249f, BTI_JC = 0xd50324df };
enum { PACIASP = 0xd503233f, PACIBSP = 0xd503237f, BRK = 0xd4200000, HLT = 0xd4400000 };
enum { EC_BTI = 0x0d };

static struct fixture *f;
static struct cpu *cpu;

static void start(const char *model)
{
    f = fixture_new(model);
    cpu = f->cpu;
    arm64_enter_kernel(cpu, RAM, 0, 1);
    A64(cpu, vbar_el1) = RAM + 0x10000;
}

static void stop(void) { fixture_free(f); }

/* BTYPE as a return from an exception would leave it: 3 is 3. */
static enum guest_landing land(unsigned btype, bool guarded, uint32_t word)
{
    cpu->trapped = false;
    arm64_set_btype(cpu, btype << PSTATE_BTYPE_pos);
    return cpu->guest->land(cpu, guarded, word);
}

static void targets(void **state)
{
    static const struct {
        uint32_t word;
        uint8_t lands[3]; /* enum guest_landing, by BTYPE 1 to 3 */
    } rows[] = {{NOP, {LAND_trap, LAND_trap, LAND_trap}},          {BTI, {LAND_trap, LAND_trap, LAND_trap}},
                {BTI_C, {LAND_always, LAND_always, LAND_trap}},    {BTI_J, {LAND_always, LAND_trap, LAND_always}},
                {BTI_JC, {LAND_always, LAND_always, LAND_always}}, {PACIASP, {LAND_always, LAND_always, LAND_once}},
                {PACIBSP, {LAND_always, LAND_always, LAND_once}},  {HLT, {LAND_always, LAND_always, LAND_always}}};
    (void)state;
    start("max");
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        for (unsigned btype = 1; btype <= 3; btype++) {
            assert_int_equal(land(btype, true, rows[i].word), rows[i].lands[btype - 1]);
            assert_int_equal(cpu->landing, rows[i].lands[btype - 1] == LAND_trap ? btype : 0);
            assert_int_equal(land(btype, false, rows[i].word), LAND_always);
        }
    assert_int_equal(land(2, true, BRK), LAND_once);
    assert_int_equal(cpu->landing, 2); /* BRK's exception tells of it */
    set(f, SYSREG_NUMBER(3, 0, 1, 0, 0), SCTLR_BT1);
    assert_int_equal(land(3, true, PACIASP), LAND_trap);
    assert_int_equal(land(2, true, PACIASP), LAND_always);
    arm64_set_level(cpu, 0, false);
    assert_int_equal(land(3, true, PACIASP), LAND_once); /* BT0 is 0 */
    stop();
}

static void exception(void **state)
{
    (void)state;
    start("max");
    A64(cpu, pstate) = 0;
    cpu->pc = RAM + 0x800;
    assert_int_equal(land(2, true, NOP), LAND_trap);
    cpu->guest->enter_trap(cpu, cpu->trap);
    assert_int_equal(A64(cpu, esr_el1), (uint64_t)EC_BTI << 26 | 1 << 25 | 2);
    assert_int_equal(A64(cpu, elr_el1), RAM + 0x800);
    assert_int_equal(A64(cpu, spsr_el1) >> PSTATE_BTYPE_pos & 3, 2);
    assert_int_equal(cpu->landing, 0);
    cpu->trapped = false;
    run_through(f, ERET);
    assert_int_equal(cpu->pc, RAM + 0x800);
    assert_int_equal(cpu->landing, 2);
    assert_int_equal(arm64_pstate(cpu) >> PSTATE_BTYPE_pos & 3, 2);
    stop();
}

/* Hints of jumps; without the feature there is no BTYPE. */
static void branches(void **state)
{
    static const struct {
        uint32_t word;
        unsigned landing;
    } rows[] = {{0xd61f0000, 3}, {0xd61f0200, 1}, {0xd61f0220, 1}, {0xd61f0240, 3}, {0xd63f0000, 2}, {0xd63f0200, 2}, {0xd65f0000, 0}};
    (void)state;
    start("max");
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        cpu->landing = 0;
        assert_true(run_insn(f, rows[i].word));
        assert_int_equal(cpu->landing, rows[i].landing);
    }
    stop();
    start("max,-bti");
    assert_true(run_insn(f, 0xd63f0000));
    assert_int_equal(cpu->landing, 0);
    A64(cpu, spsr_el1) = 5 | 2 << PSTATE_BTYPE_pos;
    run_through(f, ERET);
    assert_int_equal(cpu->landing, 0);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(targets), cmocka_unit_test(exception), cmocka_unit_test(branches)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
