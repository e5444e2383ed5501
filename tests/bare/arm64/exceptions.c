/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Exceptions: the syndrome, addresses, PSTATE and the vector of every class, from EL1 and from EL0, with both stack pointers; what an entry
 * does to PSTATE and an ERET from it; nested exceptions; masks. Sources: Arm ARM D1.3, D24.2.40.
 */
#include "paging.h"

static uint64_t data[512] ALIGNED(4096);

/* ---- calls ---- */

static void calls(void)
{
    TRY("svc #0x1234", , );
    CHECK_EQ(self()->last.elr, self()->site + 4);
    self()->site += 4;
    CHECK_TRAP(ESR(EC_svc, 0x1234));
    TRY("brk #0xbeef", , );
    CHECK_TRAP(ESR(EC_brk, 0xbeef));
    TRY("udf #7", , );
    CHECK_TRAP(ESR(EC_unknown, 0));
    TRY("hlt #1", , ); /* no debugger, and not semihosting's number */
    CHECK_TRAP(ESR(EC_unknown, 0));
    TRY("smc #0x44", , ); /* without EL2 and EL3 */
    CHECK_TRAP(ESR(EC_unknown, 0));
}

/* words that trap at EL0 and at EL1t, and their syndromes; next: ELR is after the insn */
static const struct {
    uint32_t word;
    uint64_t esr;
    bool next;
} calls_below[] = {
    {0xd4000021, ESR(EC_svc, 1), true},
    {0xd41fffe1, ESR(EC_svc, 0xffff), true},
    {0xd4200000, ESR(EC_brk, 0), false},
    {0x00000000, ESR(EC_unknown, 0), false},
    {0xd4000002, ESR(EC_unknown, 0), false} /* hvc */,
    {0xd4000003, ESR(EC_unknown, 0), false} /* smc */,
    {0xd69f03e0, ESR(EC_unknown, 0), false} /* eret */,
    {0xd4400000, ESR(EC_unknown, 0), false} /* hlt #0 */,
};

static void calls_from_el0(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(calls_below); i++) {
        bool ran;
        uint32_t word = calls_below[i].word;
        row("word %x", (uint64_t)word);
        insn_in(EL0t | PSTATE_NZCV, word, 0, 0, &ran);
        struct trap t = self()->last;
        CHECK(!ran);
        CHECK_EQ(t.spsr, EL0t | PSTATE_NZCV);
        check_trap(VECTOR_lower, calls_below[i].esr, self()->site + (calls_below[i].next ? 4 : 0), __FILE_NAME__, __LINE__);
    }
}

/* With SP_EL0 at EL1 the first four vectors are taken, and the handler runs on SP_EL1. */
static void stack_pointers(void)
{
    bool ran;
    insn_in(EL1t | PSTATE_DAIF, 0xd4200060 /* brk #3 */, 0, 0, &ran);
    CHECK_EQ(self()->last.spsr, EL1t | PSTATE_DAIF);
    check_trap(0, ESR(EC_brk, 3), self()->site, __FILE_NAME__, __LINE__);
    insn_in(EL1h | PSTATE_DAIF, 0xd4200060, 0, 0, &ran);
    CHECK_EQ(self()->last.spsr, EL1h | PSTATE_DAIF);
    check_trap(VECTOR_spx, ESR(EC_brk, 3), self()->site, __FILE_NAME__, __LINE__);
    /* MSR SPSel, and SP_EL0 seen as SP */
    uint64_t sp, el0;
    sys_write("sp_el0", 0x1230);
    asm volatile("mov x9, sp\n msr spsel, #0\n mov %0, sp\n mov sp, %2\n msr spsel, #1\n mrs %1, sp_el0\n"
                 : "=&r"(sp), "=&r"(el0)
                 : "r"(0x4560ul)
                 : "x9");
    CHECK_EQ(sp, 0x1230);
    CHECK_EQ(el0, 0x4560);
    /* SP_EL0 as a register exists only while it is not the stack pointer */
    insn_in(EL1t | PSTATE_DAIF, 0xd5384100 /* mrs x0, sp_el0 */, 0, 0, &ran);
    check_trap(0, ESR(EC_unknown, 0), self()->site, __FILE_NAME__, __LINE__);
}

/* ---- aborts ---- */

static void aborts(void)
{
    uint64_t nothing = 0x3000000000ul, hole = 0x1000000000000ul;
    TRY("ldr x15, [%0]", , "r"(nothing));
    CHECK_ABORT(ESR(EC_data, FSC_translation(1)), nothing);
    TRY("str x15, [%0, 8]", , "r"(nothing));
    CHECK_ABORT(ESR(EC_data, FSC_translation(1) | ISS_WNR), nothing + 8);
    TRY("ldr x15, [%0]", , "r"(hole));
    CHECK_ABORT(ESR(EC_data, FSC_translation(0)), hole);
    uint64_t text = (uint64_t)image_start;
    TRY("strb w15, [%0]", , "r"(text));
    CHECK_ABORT(ESR(EC_data, FSC_permission(3) | ISS_WNR), text);
    TRY("stadd x15, [%0]", , "r"(text));
    CHECK_ABORT(ESR(EC_data, FSC_permission(3) | ISS_WNR), text);
    TRY("dc zva, %0", , "r"(text + 0x40));
    CHECK_ABORT(ESR(EC_data, FSC_permission(3) | ISS_WNR), text + 0x40);
    TRY("ldp x15, x16, [%0]", , "r"(0x7ffffffff8ul)); /* the last word of the range: its second half is outside */
    CHECK(self()->last.count == 1);
    trap_clear();
}

static void cache_maintenance(void)
{
    uint64_t nothing = 0x3000000000ul;
    TRY("dc civac, %0", , "r"(nothing));
    CHECK_ABORT(ESR(EC_data, FSC_translation(1) | ISS_WNR | ISS_CM), nothing);
    TRY("dc cvau, %0", , "r"((uint64_t)image_start));
    CHECK_NO_TRAP();
}

static void fetches(void)
{
    uint64_t at[] = {(uint64_t)data, 0x3000000000ul, (uint64_t)UART}, esr[] = {FSC_permission(3), FSC_translation(1), FSC_permission(1)};
    for (unsigned i = 0; i < ARRAY_LEN(at); i++) {
        row("%x", at[i]);
        TRY("blr %0", , "r"(at[i]));
        check_abort(VECTOR_spx, ESR(EC_fetch, esr[i]), at[i], at[i], __FILE_NAME__, __LINE__);
        CALL_IN(EL0t, at[i], 0);
        check_abort(VECTOR_lower, ESR(EC_fetch_lower, esr[i]), at[i], at[i], __FILE_NAME__, __LINE__);
    }
}

static uint64_t load_at(uint64_t at)
{
    uint64_t v;
    asm volatile("ldr %0, [%1]" : "=r"(v) : "r"(at) : "memory");
    return v;
}

static void aborts_from_el0(void)
{
    data[3] = 77;
    CHECK_EQ(CALL_IN(EL0t, load_at, &data[3]), 77);
    CHECK_NO_TRAP();
    CALL_IN(EL0t, load_at, insn_slot);
    CHECK_EQ(self()->last.esr, ESR(EC_data_lower, FSC_permission(3)));
    CHECK_EQ(self()->last.far, insn_slot);
    CHECK_EQ(self()->last.vector, VECTOR_lower);
    trap_clear();
    CALL_IN(EL0t, load_at, 0x3000000008ul);
    CHECK_EQ(self()->last.esr, ESR(EC_data_lower, FSC_translation(1)));
    CHECK_EQ(self()->last.far, 0x3000000008ul);
    trap_clear();
    CALL_IN(EL0t, insn_slot, 0);
    CHECK_EQ(self()->last.esr, ESR(EC_fetch_lower, FSC_permission(3)));
}

static void alignment(void)
{
    uint64_t at = (uint64_t)&data[0] + 1, device = (uint64_t)RTC + 1;
    TRY("ldr x15, [%0]", , "r"(at));
    CHECK_NO_TRAP();
    TRY("ldxr x15, [%0]", , "r"(at));
    CHECK_ABORT(ESR(EC_data, FSC_alignment), at);
    TRY("ldr x15, [%0]", , "r"(device));
    CHECK_ABORT(ESR(EC_data, FSC_alignment), device);
    TRY("str w15, [%0]", , "r"(device));
    CHECK_ABORT(ESR(EC_data, FSC_alignment | ISS_WNR), device);
}

static void stack_alignment(void)
{
    sys_write("sctlr_el1", sys_read("sctlr_el1") | SCTLR_SA0);
    /* ldr x1, [sp] with SP_EL0 off by 8 */
    insn_slot[0] = 0xf94003e1;
    insn_slot[1] = 0xd65f03c0;
    code_sync(insn_slot, 8);
    call_in(EL0t, SLOT_OF_EL0, 0, (uint64_t)&data[1], 0);
    check_trap(VECTOR_lower, ESR(EC_sp, 0), SLOT_OF_EL0, __FILE_NAME__, __LINE__);
    call_in(EL0t, SLOT_OF_EL0, 0, (uint64_t)&data[2], 0);
    CHECK_NO_TRAP();
    sys_write("sctlr_el1", sys_read("sctlr_el1") & ~SCTLR_SA0);
    call_in(EL0t, SLOT_OF_EL0, 0, (uint64_t)&data[1], 0);
    CHECK_NO_TRAP();
}

static void pc_alignment(void)
{
    uint64_t at = (uint64_t)insn_slot + 2;
    TRY("br %0", , "r"(at));
    check_abort(VECTOR_spx, ESR(EC_pc, 0), at, at, __FILE_NAME__, __LINE__);
    CALL_IN(EL0t, SLOT_OF_EL0 + 1, 0);
    check_abort(VECTOR_lower, ESR(EC_pc, 0), SLOT_OF_EL0 + 1, SLOT_OF_EL0 + 1, __FILE_NAME__, __LINE__);
}

/* ---- PSTATE ---- */

static void entry_state(void)
{
    bool ran;
    for (unsigned nzcv = 0; nzcv < 16; nzcv++) {
        uint64_t pstate = EL0t | (uint64_t)nzcv << 28 | (nzcv & 3) << 8;
        row("%x", pstate);
        insn_in(pstate, 0xd4200000, 0, 0, &ran);
        CHECK_EQ(self()->last.spsr, pstate);
        trap_clear();
    }
}

static bool note_daif(struct hart *h, struct frame *f, unsigned vector)
{
    (void)vector;
    h->on_trap = NULL;
    f->x[0] = sys_read("daif") | sys_read("spsel") | sys_read("currentel");
    f->elr += 4;
    return true;
}

static void masks_at_entry(void)
{
    uint64_t v;
    self()->on_trap = note_daif;
    asm volatile("msr daifclr, #15\n brk #0\n mov %0, x0\n msr daifset, #15" : "=r"(v) : : "x0", "memory");
    CHECK_EQ(v, PSTATE_DAIF | 1 | 4);
}

/* Vectors that touch no memory, because PAN forbids what the runtime's need: x9 is PAN. */
extern char pan_vectors[];
asm(".text\n .balign 2048\npan_vectors:\n .space 0x200\n mrs x9, s3_0_c4_c2_3\n mrs x10, elr_el1\n add x10, x10, #4\n msr elr_el1, x10\n eret\n"
    ".balign 2048\n");

/* SPAN clear: entries set PAN; the ERET gives the old one back. */
static void pan_at_entry(void)
{
    uint64_t pan[2], after, old = sys_read("vbar_el1");
    sys_write("vbar_el1", pan_vectors);
    for (unsigned i = 0; i < 2; i++) {
        sys_write("sctlr_el1", i ? sys_read("sctlr_el1") | SCTLR_SPAN : sys_read("sctlr_el1") & ~SCTLR_SPAN);
        asm volatile("brk #0\n mov %0, x9" : "=r"(pan[i]) : : "x9", "x10", "memory");
    }
    after = sys_read("s3_0_c4_c2_3");
    sys_write("vbar_el1", old);
    CHECK_EQ(pan[0], PSTATE_PAN);
    CHECK_EQ(pan[1], 0);
    CHECK_EQ(after, 0);
}

/* Returns to what is not there: PSTATE.IL is set, and the next insn reports it. */
static void illegal_returns(void)
{
    static const uint64_t states[] = {EL2h, EL2t, 0xd /* EL3h */, 2, 1 /* EL0h */, 6, 0x13 /* AArch32 */};
    for (unsigned i = 0; i < ARRAY_LEN(states); i++) {
        row("M %x", states[i]);
        trap_clear();
        asm volatile("adr x17, 1f\n str x17, [x18]\n adr x17, 2f\n msr elr_el1, x17\n msr spsr_el1, %0\n isb\n eret\n 2: nop\n 1:"
                     :
                     : "r"(states[i] | PSTATE_NZCV | PSTATE_DAIF)
                     : "x17", "cc", "memory");
        CHECK_EQ(self()->last.count, 1);
        CHECK_EQ(self()->last.esr, ESR(EC_illegal, 0));
        CHECK_EQ(self()->last.spsr, EL1h | PSTATE_IL | PSTATE_NZCV | PSTATE_DAIF);
        CHECK_EQ(self()->last.vector, VECTOR_spx);
    }
    trap_clear();
    bool ran;
    insn_in(EL0t | PSTATE_IL, 0xd503201f, 0, 0, &ran);
    CHECK_EQ(self()->last.spsr, EL0t | PSTATE_IL);
    check_trap(VECTOR_lower, ESR(EC_illegal, 0), self()->site, __FILE_NAME__, __LINE__);
}

/* ---- nested ---- */

static uint64_t depth, order[8], orders;
static bool nest(struct hart *h, struct frame *f, unsigned vector)
{
    uint64_t elr = f->elr, spsr = f->spsr;
    if (vector % 4 || h->last.esr >> 26 != EC_brk)
        return false;
    order[orders++ % 8] = h->last.esr & 0xffff;
    if (depth++ < 5)
        asm volatile("mov x0, 1\n brk #1" : : : "x0", "memory");
    CHECK_EQ(f->elr, elr);
    CHECK_EQ(f->spsr, spsr);
    f->elr = elr + 4;
    return true;
}

static void nested(void)
{
    uint64_t v;
    depth = orders = 0;
    self()->on_trap = nest;
    asm volatile("mov x0, #55\n brk #9\n mov %0, x0" : "=r"(v) : : "x0", "memory");
    CHECK_EQ(v, 55);
    CHECK_EQ(orders, 6);
    CHECK_EQ(order[0], 9);
    CHECK_EQ(order[5], 1);
}

/* ---- what EL1 denies EL0 ---- */

static const struct {
    const char *name;
    uint32_t word;  /* with x0 */
    uint64_t allow; /* bits of SCTLR_EL1 that let it through, 0: nothing does */
    uint64_t esr;
} gates[] = {
    {"dc zva", 0xd50b7420, SCTLR_DZE, ESR(EC_sysreg, ISS_SYSREG(1, 3, 7, 4, 1, 0, 0))},
    {"dc cvau", 0xd50b7b20, SCTLR_UCI, ESR(EC_sysreg, ISS_SYSREG(1, 3, 7, 11, 1, 0, 0))},
    {"dc civac", 0xd50b7e20, SCTLR_UCI, ESR(EC_sysreg, ISS_SYSREG(1, 3, 7, 14, 1, 0, 0))},
    {"ic ivau", 0xd50b7520, SCTLR_UCI, ESR(EC_sysreg, ISS_SYSREG(1, 3, 7, 5, 1, 0, 0))},
    {"mrs ctr_el0", 0xd53b0020, SCTLR_UCT, ESR(EC_sysreg, ISS_SYSREG(3, 3, 0, 0, 1, 0, 1))},
    {"mrs daif", 0xd53b4220, SCTLR_UMA, ESR(EC_sysreg, ISS_SYSREG(3, 3, 4, 2, 1, 0, 1))},
    {"msr daif", 0xd51b4220, SCTLR_UMA, ESR(EC_sysreg, ISS_SYSREG(3, 3, 4, 2, 1, 0, 0))},
    {"msr daifset", 0xd50341df, SCTLR_UMA, ESR(EC_sysreg, ISS_SYSREG(0, 3, 4, 1, 6, 31, 0))},
    {"wfi", 0xd503207f, SCTLR_nTWI, ESR(EC_wfx, 0x1e00000)},
    {"mrs sctlr_el1", 0xd5381000, 0, ESR(EC_unknown, 0)},
    {"msr vbar_el1", 0xd518c000, 0, ESR(EC_unknown, 0)},
    {"tlbi vmalle1", 0xd508871f, 0, ESR(EC_unknown, 0)},
    {"at s1e1r", 0xd5087800, 0, ESR(EC_unknown, 0)},
    {"msr spsel", 0xd50041bf, 0, ESR(EC_unknown, 0)},
};

static void gates_of_el0(void)
{
    uint64_t base = sys_read("sctlr_el1");
    for (unsigned i = 0; i < ARRAY_LEN(gates); i++) {
        bool ran;
        row("%s", gates[i].name);
        insn_in(EL0t, gates[i].word, (uint64_t)data, 0, &ran);
        CHECK_EQ(self()->last.count, 1);
        check_trap(VECTOR_lower, gates[i].esr, self()->site, __FILE_NAME__, __LINE__);
        if (gates[i].allow && gates[i].allow != SCTLR_nTWI) {
            sys_write("sctlr_el1", base | gates[i].allow);
            insn_in(EL0t, gates[i].word, (uint64_t)data, 0, &ran);
            CHECK(ran);
            sys_write("sctlr_el1", base);
        }
    }
}

static void floats(void)
{
    bool ran;
    static const uint32_t word = 0x9e660000; /* fmov x0, d0 */
    for (uint64_t fpen = 0; fpen < 4; fpen++) {
        row("FPEN %d", fpen);
        sys_write("cpacr_el1", fpen << 20);
        insn_in(EL1h | PSTATE_DAIF, word, 0, 0, &ran);
        CHECK_EQ(ran, fpen & 1);
        if (!ran)
            check_trap(VECTOR_spx, ESR(EC_fp, 0x1e00000), self()->site, __FILE_NAME__, __LINE__);
        insn_in(EL0t, word, 0, 0, &ran);
        CHECK_EQ(ran, fpen == 3);
        if (!ran)
            check_trap(VECTOR_lower, ESR(EC_fp, 0x1e00000), self()->site, __FILE_NAME__, __LINE__);
    }
}

/* The vectors' low bits are zero, and where they are is where they are taken. */
static void vector_base(void)
{
    uint64_t old = sys_read("vbar_el1");
    sys_write("vbar_el1", -1ul);
    uint64_t v = sys_read("vbar_el1");
    sys_write("vbar_el1", old);
    CHECK_EQ(v & 0x7ff, 0);
}

const struct test tests[] = {
    TEST("calls and breakpoints at EL1", calls),
    TEST("calls and breakpoints at EL0", calls_from_el0),
    TEST("two stack pointers", stack_pointers),
    TEST("data aborts", aborts),
    TEST("aborts of cache maintenance", cache_maintenance),
    TEST("instruction aborts", fetches),
    TEST("aborts of EL0", aborts_from_el0),
    TEST("alignment of data", alignment),
    TEST("alignment of the stack", stack_alignment),
    TEST("alignment of the pc", pc_alignment),
    TEST("PSTATE is saved", entry_state),
    TEST("PSTATE after an entry", masks_at_entry),
    TEST("PAN after an entry", pan_at_entry),
    TEST("illegal returns", illegal_returns),
    TEST("nested exceptions", nested),
    TEST("what EL1 denies EL0", gates_of_el0),
    TEST("floating point switched off", floats),
    TEST("the vectors' base", vector_base),
    {NULL, NULL},
};
