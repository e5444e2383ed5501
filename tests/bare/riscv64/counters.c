/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Counters: instret to the insn, cycle and time, inhibition, events with mode filters, overflow and its interrupt. */
#include "rt.h"

enum { EVENT_CYCLES = 1, EVENT_INSNS = 2 };
#define EVENT_OF         (1ul << 63)
#define EVENT_MINH       (1ul << 62)
#define EVENT_SINH       (1ul << 61)
#define EVENT_UINH       (1ul << 60)
#define CSR_mhpmcounter4 (CSR_mhpmcounter3 + 1)

/* How far instret goes from before the insns to behind them: they and the first csrr. */
#define RETIRED(insns, ...)                                             \
    ({                                                                  \
        uint64_t a_, b_;                                                \
        asm volatile("csrr %0, minstret\n" insns "\n csrr %1, minstret" \
                     : "=&r"(a_), "=&r"(b_)                             \
                     : __VA_ARGS__                                      \
                     : "t0", "t1", "t2", "t3", "memory");               \
        b_ - a_ - 1;                                                    \
    })

static uint64_t word ALIGNED(8);

static void straight(void)
{
    CHECK_EQ(RETIRED(""), 0);
    CHECK_EQ(RETIRED("nop"), 1);
    CHECK_EQ(RETIRED(".rept 10\n nop\n .endr"), 10);
    CHECK_EQ(RETIRED(".rept 200\n addi t0, t0, 1\n .endr"), 200);
    CHECK_EQ(RETIRED("ld t0, (%2)\n sd t0, (%2)\n lr.d t0, (%2)\n sc.d t1, t0, (%2)\n amoadd.d t0, t1, (%2)", "r"(&word)), 5);
    CHECK_EQ(RETIRED("fence\n fence.i\n nop\n fence.i\n sfence.vma"), 5);
    CHECK_EQ(RETIRED("csrw sscratch, tp\n csrr t0, mstatus\n csrw mstatus, t0\n csrw mie, zero\n csrr t0, mip\n nop"), 6);
    CHECK_EQ(RETIRED(".option push\n .option arch, +c\n c.nop\n c.nop\n nop\n c.nop\n .option pop"), 4);
    CHECK_EQ(RETIRED("mul t0, t1, t2\n div t0, t1, zero\n rem t0, t1, zero"), 3);
}

static void branches(void)
{
    CHECK_EQ(RETIRED("j 1f\n nop\n nop\n1: nop"), 2);
    CHECK_EQ(RETIRED("beqz zero, 1f\n nop\n1: bnez zero, 2f\n nop\n2: nop"), 4);
    CHECK_EQ(RETIRED("li t0, 10\n1: addi t0, t0, -1\n bnez t0, 1b"), 21);
    CHECK_EQ(RETIRED("li t0, 1000\n1: addi t0, t0, -1\n nop\n bnez t0, 1b"), 3001);
    CHECK_EQ(RETIRED("jal t1, 1f\n j 2f\n1: addi t0, t0, 1\n jr t1\n2: nop"), 5);
    CHECK_EQ(RETIRED("la t0, 1f\n jalr t1, (t0)\n nop\n1: nop"), 4); /* la is two */
}

/* Exceptions do not retire; what the handler executes counts. */
static void trapped(void)
{
    static const uint32_t bad[] = {0xffffffff, 0x00000073, 0x00100073};
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        uint64_t n;
        row("insn %x", (uint64_t)bad[i]);
        insn_slot[0] = bad[i];
        insn_slot[1] = 0x00008067;
        fence_i();
        asm volatile("la t0, 1f\n csrw mtvec, t0\n la t1, 2f\n mv t2, ra\n la ra, 3f\n"
                     "csrr t3, minstret\n jr %1\n"          /* 1, 2, the bad one */
                     ".balign 4\n1: csrw mepc, t1\n mret\n" /* 3, 4 */
                     "2: nop\n3: csrr %0, minstret\n"       /* 5 */
                     "sub %0, %0, t3\n mv ra, t2"
                     : "=&r"(n)
                     : "r"(insn_slot)
                     : "t0", "t1", "t2", "t3", "memory");
        csr_write(CSR_mtvec, (uint64_t)trap_entry);
        CHECK_EQ(n, 5);
    }
    row("a load that faults");
    uint64_t n;
    asm volatile("la t0, 1f\n csrw mtvec, t0\n la t1, 2f\n li t2, 0x90000000\n csrr t3, minstret\n nop\n ld t2, (t2)\n nop\n"
                 ".balign 4\n1: csrw mepc, t1\n mret\n2: csrr %0, minstret\n sub %0, %0, t3"
                 : "=&r"(n)::"t0", "t1", "t2", "t3", "memory");
    csr_write(CSR_mtvec, (uint64_t)trap_entry);
    CHECK_EQ(n, 4);
}

/* A write's value is what the next insn reads. */
static void written(void)
{
    uint64_t a, b, c;
    asm volatile("csrw minstret, %3\n csrr %0, minstret\n csrr %1, minstret\n csrrw %2, minstret, zero"
                 : "=&r"(a), "=&r"(b), "=&r"(c)
                 : "r"(1000));
    CHECK_EQ(a, 1000);
    CHECK_EQ(b, 1001);
    CHECK_EQ(c, 1002);
    asm volatile("csrw minstret, %2\n nop\n csrr %0, minstret\n nop\n csrr %1, minstret" : "=&r"(a), "=&r"(b) : "r"(-2ul));
    CHECK_EQ(a, -1ul);
    CHECK_EQ(b, 1); /* wraps */
    csr_write(CSR_mcycle, 5000);
    CHECK(csr_read(CSR_mcycle) >= 5000);
    CHECK(csr_read(CSR_mcycle) < 5000 + (100ul << 32));
}

static void user_views(void)
{
    uint64_t a = csr_read(CSR_minstret), b = csr_read(CSR_instret), c = csr_read(CSR_minstret);
    CHECK(a < b && b < c);
    a = csr_read(CSR_mcycle), b = csr_read(CSR_cycle), c = csr_read(CSR_mcycle);
    CHECK(a <= b && b <= c);
}

static void monotonic(void)
{
    uint64_t cycle = csr_read(CSR_cycle), time = csr_read(CSR_time), first = time, start = cycle;
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t c = csr_read(CSR_cycle), t = csr_read(CSR_time);
        if (c < cycle || t < time) {
            CHECK_EQ(c, cycle);
            CHECK_EQ(t, time);
            break;
        }
        cycle = c, time = t;
    }
    CHECK(cycle > start);
    CHECK(time > first);
}

static void inhibited(void)
{
    csr_write(CSR_mcountinhibit, 4);
    uint64_t a = csr_read(CSR_minstret), b = csr_read(CSR_minstret);
    CHECK_EQ(a, b);
    csr_write(CSR_minstret, 77);
    CHECK_EQ(csr_read(CSR_minstret), 77);
    CHECK_EQ(csr_read(CSR_instret), 77);
    csr_write(CSR_mcountinhibit, 0);
    CHECK(csr_read(CSR_minstret) - 77 < 100);
    uint64_t c, d;
    asm volatile("csrw mcountinhibit, %2\n csrr %0, minstret\n csrw mcountinhibit, zero\n nop\n nop\n csrr %1, minstret"
                 : "=&r"(c), "=&r"(d)
                 : "r"(4));
    CHECK_EQ(d - c, 2); /* the write that starts it again is not counted, those behind it are */
    csr_write(CSR_mcountinhibit, 1);
    a = csr_read(CSR_mcycle);
    for (uint64_t end = csr_read(CSR_time) + 1000; csr_read(CSR_time) < end;)
        ;
    CHECK_EQ(csr_read(CSR_mcycle), a);
    csr_write(CSR_mcountinhibit, 0);
    CHECK_EQ(csr_read(CSR_mcountinhibit), 0);
    for (uint64_t end = csr_read(CSR_time) + 1000; csr_read(CSR_time) < end;)
        ;
    CHECK(csr_read(CSR_mcycle) > a);
}

/* ---- events ---- */

static void events(void)
{
    uint64_t a, b;
    csr_write(CSR_mhpmevent3, EVENT_INSNS);
    asm volatile("csrr %0, mhpmcounter3\n nop\n nop\n nop\n csrr %1, mhpmcounter3" : "=&r"(a), "=&r"(b));
    CHECK_EQ(b - a, 4);
    csr_write(CSR_mcountinhibit, 8);
    a = csr_read(CSR_mhpmcounter3);
    CHECK_EQ(csr_read(CSR_mhpmcounter3), a);
    csr_write(CSR_mcountinhibit, 0);
    csr_write(CSR_mhpmevent3, EVENT_CYCLES);
    csr_write(CSR_mhpmcounter3, 0);
    for (uint64_t end = csr_read(CSR_time) + 1000; csr_read(CSR_time) < end;)
        ;
    CHECK(csr_read(CSR_mhpmcounter3) > 0);
    csr_write(CSR_mhpmevent3, 0);
    a = csr_read(CSR_mhpmcounter3);
    CHECK_EQ(csr_read(CSR_mhpmcounter3), a);
}

asm(".balign 4\n.globl hundred\nhundred: .rept 98\n nop\n .endr\n li a7, 0x62617265\n ecall\n");
void hundred(void); /* 98 nops, and two of li: 100 that retire */

static void filters(void)
{
    static const struct {
        uint64_t bits, in_u, in_s;
    } rows[] = {
        {EVENT_MINH, 100, 100},
        {EVENT_MINH | EVENT_SINH, 100, 0},
        {EVENT_MINH | EVENT_UINH, 0, 100},
        {EVENT_MINH | EVENT_SINH | EVENT_UINH, 0, 0},
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        row("filter %x", rows[i].bits);
        csr_write(CSR_mhpmevent3, EVENT_INSNS | rows[i].bits);
        CHECK_EQ(csr_read(CSR_mhpmevent3), EVENT_INSNS | rows[i].bits);
        csr_write(CSR_mhpmcounter3, 0);
        CALL_IN(MODE_U, hundred, 0);
        CHECK_EQ(csr_read(CSR_mhpmcounter3), rows[i].in_u);
        CALL_IN(MODE_S, hundred, 0);
        CHECK_EQ(csr_read(CSR_mhpmcounter3), rows[i].in_u + rows[i].in_s);
    }
    row("M mode only");
    csr_write(CSR_mhpmevent3, EVENT_INSNS | EVENT_SINH | EVENT_UINH);
    csr_write(CSR_mhpmevent3 + 1, EVENT_INSNS);
    uint64_t m = csr_read(CSR_mhpmcounter3), all = csr_read(CSR_mhpmcounter4);
    CALL_IN(MODE_U, hundred, 0);
    uint64_t m2 = csr_read(CSR_mhpmcounter3), all2 = csr_read(CSR_mhpmcounter4);
    CHECK_EQ(all2 - all - (m2 - m), 100);
    csr_write(CSR_mhpmevent3, 0);
    csr_write(CSR_mhpmevent3 + 1, 0);
}

/* ---- overflow ---- */

static void overflow(void)
{
    csr_write(CSR_mip, 0);
    csr_write(CSR_mhpmevent3, EVENT_INSNS);
    csr_write(CSR_mhpmcounter3, -2000ul);
    CHECK_EQ(csr_read(CSR_mhpmevent3) & EVENT_OF, 0);
    CHECK_EQ(csr_read(CSR_scountovf), 0);
    asm volatile("li t0, 1500\n1: addi t0, t0, -1\n bnez t0, 1b" ::: "t0");
    for (uint64_t end = csr_read(CSR_time) + PATIENCE; !(csr_read(CSR_mip) >> IRQ_LCOFI & 1) && csr_read(CSR_time) < end;)
        ;
    CHECK(csr_read(CSR_mip) >> IRQ_LCOFI & 1);
    CHECK_EQ(csr_read(CSR_mhpmevent3), EVENT_INSNS | EVENT_OF);
    CHECK_EQ(csr_read(CSR_scountovf), 1 << 3);
    CHECK(csr_read(CSR_mhpmcounter3) < 1ul << 40);
    row("pending is software's to clear, OF stays");
    csr_clear(CSR_mip, 1 << IRQ_LCOFI);
    CHECK(!(csr_read(CSR_mip) >> IRQ_LCOFI & 1));
    CHECK_EQ(csr_read(CSR_scountovf), 1 << 3);
    row("no second one while OF is set");
    csr_write(CSR_mhpmcounter3, -100ul);
    asm volatile("li t0, 1500\n1: addi t0, t0, -1\n bnez t0, 1b" ::: "t0");
    for (uint64_t end = csr_read(CSR_time) + 10000; csr_read(CSR_time) < end;)
        ;
    CHECK(!(csr_read(CSR_mip) >> IRQ_LCOFI & 1));
    row("OF cleared, and again");
    csr_write(CSR_mhpmevent3, EVENT_INSNS);
    csr_write(CSR_mhpmcounter3, -100ul);
    asm volatile("li t0, 1500\n1: addi t0, t0, -1\n bnez t0, 1b" ::: "t0");
    for (uint64_t end = csr_read(CSR_time) + PATIENCE; !(csr_read(CSR_mip) >> IRQ_LCOFI & 1) && csr_read(CSR_time) < end;)
        ;
    CHECK(csr_read(CSR_mip) >> IRQ_LCOFI & 1);
    csr_write(CSR_mhpmevent3, 0);
    csr_write(CSR_mip, 0);
}

/* As soon as the counter has passed 2^64 whoever looks sees it; not before. */
static void overflow_exact(void)
{
    uint64_t before, after;
    csr_write(CSR_mip, 0);
    csr_write(CSR_mhpmevent3, EVENT_INSNS);
    asm volatile("csrw mhpmcounter3, %2\n .rept 20\n nop\n .endr\n csrr %0, mip\n .rept 20\n nop\n .endr\n csrr %1, mip"
                 : "=&r"(before), "=&r"(after)
                 : "r"(-30ul)
                 : "memory");
    CHECK_EQ(before >> IRQ_LCOFI & 1, 0);
    CHECK_EQ(after >> IRQ_LCOFI & 1, 1);
    csr_write(CSR_mhpmevent3, 0);
    csr_write(CSR_mip, 0);
}

static uint64_t came;
static bool note(struct hart *h, bool super)
{
    came = super ? h->s.cause : h->m.cause;
    if (super)
        csr_clear(CSR_sip, 1 << IRQ_LCOFI);
    else
        csr_clear(CSR_mip, 1 << IRQ_LCOFI);
    return true;
}

static uint64_t work_in_s(uint64_t arg)
{
    uint64_t end = csr_read(CSR_time) + PATIENCE;
    csr_set(CSR_sstatus, STATUS_SIE);
    while (!*(volatile uint64_t *)&came && csr_read(CSR_time) < end)
        ;
    csr_clear(CSR_sstatus, STATUS_SIE);
    return arg;
}

static void overflow_interrupt(void)
{
    self()->on_trap = note;
    came = 0;
    csr_write(CSR_mhpmevent3, EVENT_INSNS);
    csr_write(CSR_mie, 1 << IRQ_LCOFI);
    csr_set(CSR_mstatus, STATUS_MIE);
    csr_write(CSR_mhpmcounter3, -5000ul);
    for (uint64_t end = csr_read(CSR_time) + PATIENCE; !*(volatile uint64_t *)&came && csr_read(CSR_time) < end;)
        ;
    csr_clear(CSR_mstatus, STATUS_MIE);
    CHECK_EQ(came, INTERRUPT | IRQ_LCOFI);
    row("to S mode, of what S and U do");
    came = 0;
    csr_write(CSR_mideleg, 1 << IRQ_LCOFI);
    csr_write(CSR_mcounteren, 2);
    csr_write(CSR_mhpmevent3, EVENT_INSNS | EVENT_MINH);
    csr_write(CSR_mhpmcounter3, -5000ul);
    CALL_IN(MODE_S, work_in_s, 0);
    CHECK_EQ(came, INTERRUPT | IRQ_LCOFI);
    CHECK_EQ(csr_read(CSR_mhpmevent3), EVENT_INSNS | EVENT_MINH | EVENT_OF);
    row("of cycles");
    came = 0;
    csr_write(CSR_mideleg, 0);
    csr_write(CSR_mhpmevent3, EVENT_CYCLES);
    csr_write(CSR_mhpmcounter3, -1000000ul);
    csr_set(CSR_mstatus, STATUS_MIE);
    for (uint64_t end = csr_read(CSR_time) + PATIENCE; !*(volatile uint64_t *)&came && csr_read(CSR_time) < end;)
        ;
    csr_clear(CSR_mstatus, STATUS_MIE);
    CHECK_EQ(came, INTERRUPT | IRQ_LCOFI);
    csr_write(CSR_mhpmevent3, 0);
    csr_write(CSR_mip, 0);
}

static uint64_t read_scountovf(uint64_t arg)
{
    (void)arg;
    return csr_read(CSR_scountovf);
}

static void scountovf_views(void)
{
    csr_write(CSR_mhpmevent3, EVENT_OF);
    csr_write(CSR_mhpmevent3 + 1, EVENT_OF);
    CHECK_EQ(csr_read(CSR_scountovf), 3 << 3);
    csr_write(CSR_mcounteren, 1 << 4);
    CHECK_EQ(CALL_IN(MODE_S, read_scountovf, 0), 1 << 4);
    csr_write(CSR_mcounteren, 0);
    CHECK_EQ(CALL_IN(MODE_S, read_scountovf, 0), 0);
    csr_write(CSR_mhpmevent3, 0);
    csr_write(CSR_mhpmevent3 + 1, 0);
}

const struct test tests[] = {
    TEST("instret of straight code", straight),
    TEST("instret of branches", branches),
    TEST("instret of traps", trapped),
    TEST("writes", written),
    TEST("the user's views", user_views),
    TEST("cycle and time go up", monotonic),
    TEST("mcountinhibit", inhibited),
    TEST("events", events),
    TEST("mode filters", filters),
    TEST("overflow", overflow),
    TEST("overflow is seen exactly", overflow_exact),
    TEST("overflow's interrupt", overflow_interrupt),
    TEST("scountovf in S mode", scountovf_views),
    {NULL, NULL},
};
