/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Traps: every synchronous cause with its registers, delegation, the fields of mstatus on the way in and out, vectors, nesting. */
#include "rt.h"

#define NOWHERE 0x90000000ul /* no device and no memory */

static uint64_t do_ecall(uint64_t arg)
{
    (void)arg;
    TRY("ecall", , "r"(0));
    return 0;
}

static void status_fields(uint64_t from)
{
    CHECK_EQ(self()->m.status >> 11 & 3, from);
    CHECK_EQ(self()->m.status & STATUS_MIE, 0);
}

static void ecalls(void)
{
    static const struct {
        uint64_t mode, cause;
    } rows[] = {{MODE_U, CAUSE_ecall_u}, {MODE_S, CAUSE_ecall_s}, {MODE_M, CAUSE_ecall_m}};
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        row("from mode %d", rows[i].mode);
        trap_clear();
        if (rows[i].mode == MODE_M)
            do_ecall(0);
        else
            CALL_IN(rows[i].mode, do_ecall, 0);
        status_fields(rows[i].mode);
        CHECK_TRAP(rows[i].cause, 0);
    }
}

static void illegal(void)
{
    static const struct {
        const char *what;
        uint32_t word;
        uint64_t tval;
    } rows[] = {
        {"all ones", 0xffffffff, 0xffffffff},
        {"zeros", 0, 0},
        {"16 bit: c.lwsp with rd 0", 0x00004002, 0x4002},
        {"16 bit: c.addiw with rd 0", 0x00002005, 0x2005},
        {"an unused major opcode", 0x0000006b, 0x0000006b},
        {"lr with rs2 not 0", 0x1015252f, 0x1015252f},
        {"slli by 64 and more in a word", 0x0205151b, 0x0205151b},
        {"jalr with funct3 1", 0x00001067, 0x00001067},
        {"system with funct3 4 and no insn", 0x00004073, 0x00004073},
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        for (uint64_t mode = MODE_U; mode <= MODE_M; mode += mode + 1) {
            row("%s, mode %d", rows[i].what, mode);
            insn_in(mode, rows[i].word, 0, 0, NULL);
            CHECK_TRAP(CAUSE_illegal, rows[i].tval);
        }
}

static void breakpoints(void)
{
    bool ran;
    insn_in(MODE_M, 0x00100073, 0, 0, &ran);
    CHECK_EQ(self()->m.cause, CAUSE_breakpoint);
    CHECK_EQ(self()->m.epc, insn_slot);
    CHECK(self()->m.tval == (uint64_t)insn_slot || !self()->m.tval);
    insn_in(MODE_U, 0x00009002, 0, 0, &ran); /* c.ebreak */
    CHECK_EQ(self()->m.cause, CAUSE_breakpoint);
    CHECK_EQ(self()->m.epc, insn_slot);
}

static void access_faults(void)
{
    uint64_t v = 77;
    trap_clear();
    TRY("ld %0, (%1)", "+r"(v), "r"(NOWHERE + 8));
    CHECK_TRAP(CAUSE_load_access, NOWHERE + 8);
    CHECK_EQ(v, 77);
    TRY("lb %0, (%1)", "+r"(v), "r"(NOWHERE + 3));
    CHECK_TRAP(CAUSE_load_access, NOWHERE + 3);
    TRY("sw zero, 4(%1)", "+r"(v), "r"(NOWHERE));
    CHECK_TRAP(CAUSE_store_access, NOWHERE + 4);
    TRY("lr.d %0, (%1)", "+r"(v), "r"(NOWHERE));
    CHECK_TRAP(CAUSE_load_access, NOWHERE);
    TRY("amoadd.w %0, zero, (%1)", "+r"(v), "r"(NOWHERE));
    CHECK_TRAP(CAUSE_store_access, NOWHERE);
    CHECK_EQ(v, 77);
}

/* A jump that goes wrong: pc is already the new one when it traps. */
static uint64_t jump_to(uint64_t to)
{
    TRY_AFTER("", "jalr t5, (%0)", , "r"(to));
    return 0;
}

static void jump_nowhere(void)
{
    for (uint64_t mode = MODE_U; mode <= MODE_M; mode += mode + 1) {
        row("mode %d", mode);
        trap_clear();
        if (mode == MODE_M)
            jump_to(NOWHERE + 2);
        else
            CALL_IN(mode, jump_to, NOWHERE + 2);
        self()->site = NOWHERE + 2;
        CHECK_TRAP(CAUSE_insn_access, NOWHERE + 2);
    }
    row("odd target");
    jump_to(NOWHERE + 1);
    self()->site = NOWHERE;
    CHECK_TRAP(CAUSE_insn_access, NOWHERE);
}

static void jump_to_device(void)
{
    trap_clear();
    jump_to(0x10000000);
    self()->site = 0x10000000;
    CHECK_TRAP(CAUSE_insn_access, 0x10000000);
}

/* Across 16 bytes: inside of them an implementation may do it all the same (Zama16b). */
static void misaligned_atomics(void)
{
    static uint64_t words[4] ALIGNED(64);
    uint64_t at = (uint64_t)words, v = 5;
    trap_clear();
    TRY("lr.w %0, (%1)", "+r"(v), "r"(at + 14));
    CHECK_TRAP(CAUSE_load_misaligned, at + 14);
    TRY("lr.d %0, (%1)", "+r"(v), "r"(at + 12));
    CHECK_TRAP(CAUSE_load_misaligned, at + 12);
    TRY("amoadd.w %0, zero, (%1)", "+r"(v), "r"(at + 13));
    CHECK_TRAP(CAUSE_store_misaligned, at + 13);
    TRY("amoswap.d %0, zero, (%1)", "+r"(v), "r"(at + 9));
    CHECK_TRAP(CAUSE_store_misaligned, at + 9);
    CHECK_EQ(v, 5);
}

/* SC looks at its address even when nothing is reserved. */
static void sc_without_reservation(void)
{
    static uint64_t words[4] ALIGNED(64);
    uint64_t v = 5;
    trap_clear();
    TRY("sc.w %0, zero, (%1)", "+r"(v), "r"(NOWHERE));
    CHECK_TRAP(CAUSE_store_access, NOWHERE);
    TRY("sc.w %0, zero, (%1)", "+r"(v), "r"((uint64_t)words + 14));
    CHECK_TRAP(CAUSE_store_misaligned, (uint64_t)words + 14);
    CHECK_EQ(v, 5);
    TRY("sc.w %0, zero, (%1)", "+r"(v), "r"(words));
    CHECK_NO_TRAP();
    CHECK(v);
}

static void privileged_insns(void)
{
    static const struct {
        const char *what;
        uint32_t word;
        uint64_t least;    /* mode */
        uint64_t trap_bit; /* of mstatus, that takes it from S */
    } rows[] = {
        {"mret", 0x30200073, MODE_M, 0},
        {"sret", 0x10200073, MODE_S, STATUS_TSR},
        {"sfence.vma", 0x12000073, MODE_S, STATUS_TVM},
        {"sinval.vma", 0x16000073, MODE_S, STATUS_TVM},
        {"sfence.w.inval", 0x18000073, MODE_S, 0},
        {"sfence.inval.ir", 0x18100073, MODE_S, 0},
        {"csrr satp", 0x18002573, MODE_S, STATUS_TVM},
        {"csrw satp", 0x18051073, MODE_S, STATUS_TVM},
        {"wfi with tw", 0x10500073, MODE_M, 0}, /* tw is set in all rows below */
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        for (unsigned set = 0; set < 2; set++)
            for (uint64_t mode = MODE_U; mode <= MODE_S; mode++) {
                bool ran, is_return = rows[i].word == 0x10200073;
                row("%s, mode %d, trap bit %d", rows[i].what, mode, (uint64_t)set);
                csr_clear(CSR_mstatus, STATUS_TSR | STATUS_TVM);
                csr_set(CSR_mstatus, STATUS_TW);
                if (set)
                    csr_set(CSR_mstatus, rows[i].trap_bit);
                bool allowed = mode >= rows[i].least && !(set && rows[i].trap_bit);
                if (is_return && allowed) { /* it goes to sepc: the word behind, in U mode, where lower_return works too */
                    csr_write(CSR_sepc, (uint64_t)&insn_slot[1]);
                    csr_clear(CSR_mstatus, STATUS_SPP);
                }
                insn_in(mode, rows[i].word, 0, 0, &ran);
                if (allowed)
                    CHECK(ran);
                else
                    CHECK_TRAP(CAUSE_illegal, rows[i].word);
            }
    csr_clear(CSR_mstatus, STATUS_TSR | STATUS_TVM | STATUS_TW);
    row("csrr mstatus from S");
    insn_in(MODE_S, 0x30002573, 0, 0, NULL);
    CHECK_TRAP(CAUSE_illegal, 0x30002573);
}

static void float_off(void)
{
    bool ran;
    insn_in(MODE_M, 0x00007053, 0, 0, &ran); /* fadd.s ft0, ft0, ft0 */
    CHECK_TRAP(CAUSE_illegal, 0x00007053);
    insn_in(MODE_M, 0x00302573, 0, 0, &ran); /* frcsr */
    CHECK_TRAP(CAUSE_illegal, 0x00302573);
    csr_set(CSR_mstatus, 1 << 13);
    insn_in(MODE_M, 0x00007053, 0, 0, &ran);
    CHECK(ran);
    CHECK_EQ(csr_read(CSR_mstatus) & (STATUS_FS | STATUS_SD), STATUS_FS | STATUS_SD);
    csr_clear(CSR_mstatus, STATUS_FS);
    CHECK_EQ(csr_read(CSR_mstatus) & STATUS_SD, 0);
}

/* ---- delegation ---- */

static uint64_t raise(uint64_t cause)
{
    uint64_t v = 0;
    switch (cause) {
    case CAUSE_insn_access: return jump_to(NOWHERE);
    case CAUSE_illegal: TRY(".4byte 0xffffffff", "+r"(v), "r"(0)); break;
    case CAUSE_breakpoint: TRY("ebreak", "+r"(v), "r"(0)); break;
    case CAUSE_load_misaligned: TRY("lr.d %0, (%1)", "+r"(v), "r"((uint64_t)harts + 12)); break;
    case CAUSE_load_access: TRY("ld %0, (%1)", "+r"(v), "r"(NOWHERE)); break;
    case CAUSE_store_misaligned: TRY("amoadd.d %0, zero, (%1)", "+r"(v), "r"((uint64_t)harts + 12)); break;
    case CAUSE_store_access: TRY("sd zero, (%1)", "+r"(v), "r"(NOWHERE)); break;
    case CAUSE_ecall_u:
    case CAUSE_ecall_s: return do_ecall(0);
    }
    return v;
}

static void delegation(void)
{
    static const struct {
        uint64_t cause, tval;
        bool any_tval;
    } rows[] = {{CAUSE_insn_access, NOWHERE, false},
                {CAUSE_illegal, 0xffffffff, false},
                {CAUSE_breakpoint, 0, true},
                {CAUSE_load_access, NOWHERE, false},
                {CAUSE_load_misaligned, (uint64_t)harts + 12, false},
                {CAUSE_store_misaligned, (uint64_t)harts + 12, false},
                {CAUSE_store_access, NOWHERE, false}};
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        for (uint64_t mode = MODE_U; mode <= MODE_S; mode++)
            for (unsigned to_s = 0; to_s < 2; to_s++) {
                row("cause %d from %d, delegated %d", rows[i].cause, mode, (uint64_t)to_s);
                csr_write(CSR_medeleg, to_s ? 1ul << rows[i].cause : ~(1ul << rows[i].cause | 1 << CAUSE_ecall_u | 1 << CAUSE_ecall_s));
                csr_write(CSR_sepc, 0x1234);
                csr_write(CSR_mepc, 0x5678);
                trap_clear();
                CALL_IN(mode, raise, rows[i].cause);
                struct trap *t = to_s ? &self()->s : &self()->m;
                uint64_t epc = rows[i].cause == CAUSE_insn_access ? NOWHERE : self()->site;
                CHECK_EQ(self()->m.count, !to_s);
                CHECK_EQ(self()->s.count, to_s);
                check_trap(t, rows[i].cause, epc, rows[i].any_tval ? t->tval : rows[i].tval, __FILE_NAME__, __LINE__);
                if (!to_s)
                    CHECK_EQ(csr_read(CSR_sepc), 0x1234);
            }
}

static void delegated_status(void)
{
    csr_write(CSR_medeleg, 1 << CAUSE_illegal);
    for (unsigned sie = 0; sie < 2; sie++)
        for (uint64_t mode = MODE_U; mode <= MODE_S; mode++) {
            row("SIE %d, from mode %d", (uint64_t)sie, mode);
            csr_clear(CSR_mstatus, STATUS_SIE | STATUS_SPIE | STATUS_SPP);
            if (sie)
                csr_set(CSR_mstatus, STATUS_SIE);
            trap_clear();
            CALL_IN(mode, raise, CAUSE_illegal);
            CHECK_EQ(self()->s.status & STATUS_SIE, 0);
            CHECK_EQ(!!(self()->s.status & STATUS_SPIE), sie);
            CHECK_EQ(!!(self()->s.status & STATUS_SPP), mode);
            /* back by sret: SIE = SPIE, SPIE = 1, SPP = U */
            CHECK_EQ(!!(csr_read(CSR_mstatus) & STATUS_SIE), sie);
            CHECK_EQ(csr_read(CSR_mstatus) & (STATUS_SPIE | STATUS_SPP), STATUS_SPIE);
        }
    csr_clear(CSR_mstatus, STATUS_SIE);
}

/* What is delegated stays with M when it comes from M. */
static void no_delegation_from_m(void)
{
    csr_write(CSR_medeleg, ~0ul);
    trap_clear();
    raise(CAUSE_illegal);
    CHECK_TRAP(CAUSE_illegal, 0xffffffff);
    do_ecall(0);
    CHECK_TRAP(CAUSE_ecall_m, 0);
}

/* ---- returns ---- */

static void mret_fields(void)
{
    for (uint64_t mpp = MODE_U; mpp <= MODE_M; mpp += mpp + 1)
        for (unsigned mpie = 0; mpie < 2; mpie++) {
            uint64_t set = mpp << 11 | (mpie ? STATUS_MPIE : 0), after;
            row("MPP %d, MPIE %d", mpp, (uint64_t)mpie);
            csr_write(CSR_mie, 0);
            if (mpp == MODE_M) {
                csr_clear(CSR_mstatus, STATUS_MPIE | STATUS_MIE | STATUS_MPP);
                csr_set(CSR_mstatus, set | STATUS_MPRV);
                asm volatile("la t0, 1f\n csrw mepc, t0\n mret\n1: csrr %0, mstatus\n csrc mstatus, %1"
                             : "=r"(after)
                             : "r"(STATUS_MPRV | STATUS_MIE)
                             : "t0", "memory");
                CHECK_EQ(after & STATUS_MPRV, STATUS_MPRV);
            } else {
                csr_clear(CSR_mstatus, STATUS_MPIE | STATUS_MIE | STATUS_MPP);
                csr_set(CSR_mstatus, set | STATUS_MPRV);
                trap_clear();
                CALL_IN(mpp, do_ecall, 0); /* its mret clears MPRV; the trap moves MIE to MPIE again */
                after = self()->m.status;
                CHECK_EQ(after & STATUS_MPRV, 0);
                CHECK_EQ(!!(after & STATUS_MPIE), mpie);
                continue;
            }
            CHECK_EQ(!!(after & STATUS_MIE), mpie);
            CHECK_EQ(after & STATUS_MPIE, STATUS_MPIE);
            CHECK_EQ(after & STATUS_MPP, 0);
        }
}

static bool stay_in_m(struct hart *h, bool super)
{
    (void)super;
    csr_write(CSR_mepc, h->resume);
    csr_set(CSR_mstatus, STATUS_MPP);
    h->resume = 0;
    return true;
}

static void sret_from_m(void)
{
    trap_clear();
    self()->on_trap = stay_in_m;
    csr_clear(CSR_mstatus, STATUS_SIE | STATUS_MPP);
    csr_set(CSR_mstatus, STATUS_SPIE | STATUS_MPRV | STATUS_SPP | STATUS_TSR);
    asm volatile("la t0, 1f\n csrw sepc, t0\n la t0, 2f\n sd t0, " STRING(HART_resume) "(tp)\n sret\n1: ecall\n2:" ::: "t0", "memory");
    uint64_t after = self()->m.status;
    CHECK_EQ(self()->m.cause, CAUSE_ecall_s);
    CHECK_EQ(after & (STATUS_SIE | STATUS_SPIE | STATUS_SPP | STATUS_MPRV), STATUS_SIE | STATUS_SPIE);
    CHECK_EQ(after & STATUS_MPP, 1ul << 11);
}

/* ---- vectors ---- */

/* A table whose slot n comes to vec_taken with n in a0; no slot may need more than its 4 bytes, so all save a0 and find n by ra. */
asm(".balign 256\n"
    "vec_table: .rept 16\n jal t1, vec_common\n .endr\n" /* the cases that come here may lose t1 and t0 */
    "vec_common: la t0, vec_table + 4\n sub t1, t1, t0\n la t0, vec_hit\n sd t1, (t0)\n"
    "csrr t1, mcause\n sd t1, 8(t0)\n csrr t1, mepc\n sd t1, 16(t0)\n"
    "ld t1, " STRING(HART_resume) "(tp)\n csrw mepc, t1\n csrw mie, zero\n mret\n");
extern char vec_table[];
uint64_t vec_hit[3] __attribute__((used));

static void vectored_exception(void)
{
    csr_write(CSR_mtvec, (uint64_t)vec_table | 1);
    vec_hit[0] = 99;
    TRY_AFTER("", ".4byte 0xffffffff", , "r"(0));
    csr_write(CSR_mtvec, (uint64_t)trap_entry);
    CHECK_EQ(vec_hit[0], 0);
    CHECK_EQ(vec_hit[1], CAUSE_illegal);
    CHECK_EQ(vec_hit[2], self()->site);
}

static void vectored_interrupt(void)
{
    static const uint8_t irqs[] = {IRQ_S_SOFT, IRQ_S_TIMER, IRQ_S_EXT};
    for (unsigned i = 0; i < ARRAY_LEN(irqs); i++) {
        row("interrupt %d", (uint64_t)irqs[i]);
        csr_write(CSR_mtvec, (uint64_t)vec_table | 1);
        vec_hit[0] = 99;
        csr_write(CSR_mip, 1ul << irqs[i]);
        csr_write(CSR_mie, 1ul << irqs[i]);
        TRY_AFTER("csrsi mstatus, 8", "nop\n nop\n nop\n nop\n nop", , "r"(0));
        csr_clear(CSR_mstatus, STATUS_MIE);
        csr_write(CSR_mtvec, (uint64_t)trap_entry);
        csr_write(CSR_mip, 0);
        CHECK_EQ(vec_hit[0], 4 * irqs[i]);
        CHECK_EQ(vec_hit[1], INTERRUPT | irqs[i]);
        CHECK_EQ(vec_hit[2], self()->site);
    }
}

/* The same to S mode: stvec. */
asm(".balign 256\n"
    "svec_table: .rept 16\n jal t1, svec_common\n .endr\n"
    "svec_common: la t0, svec_table + 4\n sub t1, t1, t0\n la t0, vec_hit\n sd t1, (t0)\n"
    "csrr t1, scause\n sd t1, 8(t0)\n csrr t1, sepc\n sd t1, 16(t0)\n"
    "ld t1, " STRING(HART_resume) "(tp)\n csrw sepc, t1\n csrw sie, zero\n sret\n");
extern char svec_table[];

static uint64_t wait_a_little(uint64_t arg)
{
    (void)arg;
    TRY_AFTER("csrsi sstatus, 2", "nop\n nop\n nop\n nop\n nop", , "r"(0));
    return 0;
}

static void vectored_supervisor(void)
{
    static const uint8_t irqs[] = {IRQ_S_SOFT, IRQ_S_TIMER, IRQ_S_EXT};
    csr_write(CSR_mideleg, ~0ul);
    csr_write(CSR_stvec, (uint64_t)svec_table | 1);
    for (unsigned i = 0; i < ARRAY_LEN(irqs); i++) {
        row("interrupt %d", (uint64_t)irqs[i]);
        vec_hit[0] = 99;
        csr_write(CSR_mip, 1ul << irqs[i]);
        csr_write(CSR_mie, 1ul << irqs[i]);
        csr_clear(CSR_mstatus, STATUS_SIE);
        CALL_IN(MODE_S, wait_a_little, 0);
        csr_write(CSR_mip, 0);
        CHECK_EQ(vec_hit[0], 4 * irqs[i]);
        CHECK_EQ(vec_hit[1], INTERRUPT | irqs[i]);
        CHECK_EQ(vec_hit[2], self()->site);
    }
    csr_write(CSR_medeleg, 1 << CAUSE_illegal);
    vec_hit[0] = 99;
    CALL_IN(MODE_S, raise, CAUSE_illegal);
    CHECK_EQ(vec_hit[0], 0);
}

/* A trap in M's handler overwrites mepc, mcause and mstatus.MPP: a handler that saves them survives. */
asm(".balign 4\n"
    "nest_outer: csrr t0, mepc\n csrr t1, mcause\n csrr t2, mstatus\n la t3, nest_inner\n csrw mtvec, t3\n"
    "ebreak\n"
    "la t3, nest_notes\n csrr t4, mepc\n sd t4, 0(t3)\n csrr t4, mcause\n sd t4, 8(t3)\n"
    "sd t0, 16(t3)\n sd t1, 24(t3)\n sd t2, 32(t3)\n"
    "csrw mepc, t0\n csrw mstatus, t2\n"
    "ld t0, " STRING(HART_resume) "(tp)\n csrw mepc, t0\n mret\n"
                                  ".balign 4\n"
                                  "nest_inner: la t3, nest_notes\n csrr t4, mepc\n sd t4, 40(t3)\n csrr t5, mstatus\n sd t5, 48(t3)\n"
                                  "addi t4, t4, 4\n csrw mepc, t4\n mret\n");
extern char nest_outer[], nest_inner[];
uint64_t nest_notes[7] __attribute__((used));

static void nested(void)
{
    csr_set(CSR_mstatus, STATUS_MIE);
    csr_write(CSR_mtvec, (uint64_t)nest_outer);
    TRY_AFTER("", "ecall", , "r"(0));
    csr_write(CSR_mtvec, (uint64_t)trap_entry);
    csr_clear(CSR_mstatus, STATUS_MIE);
    CHECK_EQ(nest_notes[2], self()->site);
    CHECK_EQ(nest_notes[3], CAUSE_ecall_m);
    CHECK_EQ(nest_notes[1], CAUSE_breakpoint);
    CHECK_EQ(nest_notes[0], nest_notes[5] + 4); /* as the inner handler left it */
    CHECK_EQ(nest_notes[4] & (STATUS_MPP | STATUS_MPIE | STATUS_MIE), STATUS_MPP | STATUS_MPIE);
    CHECK_EQ(nest_notes[6] & (STATUS_MPP | STATUS_MPIE | STATUS_MIE), STATUS_MPP);
}

/* A trap leaves all integer registers alone, and its insn without effect. */
static void registers_kept(void)
{
    uint64_t ok;
    asm volatile(
        "la t6, 9f\n sd t6, " STRING(
            HART_resume) "(tp)\n"
                         "li s2, 0x2222\n li s3, 0x3333\n li a4, 0x4444\n li t5, 0x5555\n li a0, 0x90000000\n"
                         "ld a0, 0(a0)\n"
                         "9: sd zero, " STRING(
                             HART_resume) "(tp)\n"
                                          "li t6, 0x2222\n bne s2, t6, 1f\n li t6, 0x3333\n bne s3, t6, 1f\n li t6, 0x4444\n bne a4, t6, 1f\n"
                                          "li t6, 0x5555\n bne t5, t6, 1f\n li t6, 0x90000000\n bne a0, t6, 1f\n li %0, 1\n j 2f\n1: li %0, 0\n2:"
        : "=&r"(ok)::"s2", "s3", "a4", "t5", "t6", "a0", "memory");
    CHECK_EQ(ok, 1);
}

/* MPRV with each MPP: PMP that only M may pass. */
static void mprv(void)
{
    static uint64_t word ALIGNED(8) = 0x1122334455667788;
    csr_write(CSR_pmpaddr0, (uint64_t)&word >> 2 | 0);
    csr_write(CSR_pmpcfg0, PMP_NAPOT); /* 8 bytes, nothing allowed but to M */
    for (uint64_t mode = MODE_U; mode <= MODE_M; mode += mode + 1) {
        uint64_t v = 0;
        row("MPP %d", mode);
        trap_clear();
        csr_clear(CSR_mstatus, STATUS_MPP);
        csr_set(CSR_mstatus, mode << 11);
        TRY_AFTER("csrs mstatus, %2", "ld %0, (%1)\n csrc mstatus, %2", "+r"(v), "r"(&word), "r"(STATUS_MPRV));
        if (mode == MODE_M) {
            CHECK_NO_TRAP();
            CHECK_EQ(v, word);
        } else {
            CHECK_TRAP(CAUSE_load_access, &word);
            CHECK_EQ(v, 0);
        }
    }
}

static void trap_registers(void)
{
    csr_write(CSR_mepc, ~1ul);
    CHECK_EQ(csr_read(CSR_mepc), ~1ul); /* with the C extension: IALIGN is 16 */
    csr_write(CSR_mtval, 0x123456789abcdef0);
    CHECK_EQ(csr_read(CSR_mtval), 0x123456789abcdef0);
    csr_write(CSR_mcause, INTERRUPT | 11);
    CHECK_EQ(csr_read(CSR_mcause), INTERRUPT | 11);
}

static void epc_bit0(void)
{
    csr_write(CSR_mepc, ~0ul);
    CHECK_EQ(csr_read(CSR_mepc), ~1ul);
    csr_write(CSR_sepc, 0x123);
    CHECK_EQ(csr_read(CSR_sepc), 0x122);
}

const struct test tests[] = {
    TEST("ecall from every mode", ecalls),
    TEST("illegal insns", illegal),
    TEST("breakpoints", breakpoints),
    TEST("access faults of loads, stores, atomics", access_faults),
    TEST("jump to where nothing is", jump_nowhere),
    TEST("jump into a device", jump_to_device),
    TEST("misaligned atomics", misaligned_atomics),
    TEST("sc without reservation", sc_without_reservation),
    TEST("privileged insns by mode and trap bits", privileged_insns),
    TEST("floating point while FS is off", float_off),
    TEST("delegation of exceptions", delegation),
    TEST("sstatus of delegated traps", delegated_status),
    TEST("M mode's own traps are never delegated", no_delegation_from_m),
    TEST("fields that mret changes", mret_fields),
    TEST("fields that sret changes, from M", sret_from_m),
    TEST("vectored mtvec: exceptions go to its base", vectored_exception),
    TEST("vectored mtvec: interrupts go to their slots", vectored_interrupt),
    TEST("vectored stvec", vectored_supervisor),
    TEST("a trap inside the handler", nested),
    TEST("registers survive a trap", registers_kept),
    TEST("MPRV takes the permissions of MPP", mprv),
    TEST("what the trap registers hold", trap_registers),
    TEST("bit 0 of mepc and sepc", epc_bit0),
    {NULL, NULL},
};
