/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The SBI as a supervisor sees it: base, TIME, IPI, RFENCE, HSM, DBCN, SUSP, SRST, and the state in which harts start. The program reboots
 * the machine twice before its cases (a word of memory that no file covers tells) and ends by a shutdown.
 */
#include "sbi_rt.h"

enum {
    BASE = 0x10,
    TIME = 0x54494d45,
    IPI = 0x735049,
    RFENCE = 0x52464e43,
    HSM = 0x48534d,
    SRST = 0x53525354,
    DBCN = 0x4442434e,
    SUSP = 0x53555350
};
enum { OK = 0, FAILED = -1, NOT_SUPPORTED = -2, INVALID_PARAM = -3, DENIED = -4, INVALID_ADDRESS = -5, ALREADY_AVAILABLE = -6 };
enum { STARTED, STOPPED, START_PENDING, STOP_PENDING, SUSPENDED };
enum { HARTS = 4 };
#define BOOTS (*(volatile uint64_t *)0x82000000ul)
#define MAGIC 0x626f6f7473000000ul

void program_start(void);
void program_start(void)
{
    if (BOOTS >> 8 != MAGIC >> 8)
        BOOTS = MAGIC;
    BOOTS = BOOTS + 1;
    if ((BOOTS & 255) <= 2) {
        struct sbiret r = sbi(SRST, 0, BOOTS & 255, 0, 0, 0, 0); /* 1: cold reboot, 2: warm reboot */
        rt_panic("reboot %d came back with %d", BOOTS & 255, (uint64_t)-r.error);
    }
}

#define ERROR(call, expected) check_eq((uint64_t)(call).error, (uint64_t)(int64_t)(expected), __FILE_NAME__, __LINE__, #call)

/* Another hart than the one we boot on, the nth. */
static uint64_t other(unsigned n) { return (boot_hart + n) % HARTS; }

static uint64_t status(uint64_t hart) { return sbi(HSM, 2, hart, 0, 0, 0, 0).value; }

static bool becomes(uint64_t hart, uint64_t state)
{
    for (uint64_t end = csr_read(CSR_time) + PATIENCE; csr_read(CSR_time) < end; relax())
        if (status(hart) == state)
            return true;
    return false;
}

static bool start(uint64_t hart, void (*work)(struct shart *), uint64_t opaque)
{
    __atomic_store_n(&sharts[hart].work, work, __ATOMIC_RELEASE);
    return ERROR(sbi(HSM, 0, hart, (uint64_t)secondary_start, opaque, 0, 0), OK);
}

static void finish(uint64_t hart)
{
    for (uint64_t end = csr_read(CSR_time) + PATIENCE; __atomic_load_n(&sharts[hart].work, __ATOMIC_ACQUIRE); relax())
        if (csr_read(CSR_time) > end)
            rt_panic("hart %d does not finish", hart);
    CHECK(becomes(hart, STOPPED));
}

/* ---- base ---- */

static void reboots(void) { CHECK_EQ(BOOTS & 255, 3); }

static void entry_state(void)
{
    CHECK_EQ(sself()->id, boot_hart);
    CHECK_EQ(sself()->satp, 0);
    CHECK_EQ(sself()->sstatus & STATUS_SIE, 0);
    CHECK_EQ(*(volatile uint32_t *)boot_dt, 0xedfe0dd0); /* the device tree's magic, big-endian */
}

static void base(void)
{
    static const uint64_t ids[] = {BASE, TIME, IPI, RFENCE, HSM, SRST, DBCN, SUSP};
    ERROR(sbi(BASE, 0, 0, 0, 0, 0, 0), OK);
    CHECK(sbi(BASE, 0, 0, 0, 0, 0, 0).value >= 2 << 24);
    for (unsigned f = 1; f < 7; f++)
        if (f != 3)
            ERROR(sbi(BASE, f, 0, 0, 0, 0, 0), OK);
    for (unsigned i = 0; i < ARRAY_LEN(ids); i++) {
        row("extension %x", ids[i]);
        ERROR(sbi(BASE, 3, ids[i], 0, 0, 0, 0), OK);
        CHECK(sbi(BASE, 3, ids[i], 0, 0, 0, 0).value);
        ERROR(sbi(ids[i], 99, 0, 0, 0, 0, 0), NOT_SUPPORTED);
    }
    row("an unknown extension");
    CHECK_EQ(sbi(BASE, 3, 0x12345678, 0, 0, 0, 0).value, 0);
    ERROR(sbi(0x12345678, 0, 0, 0, 0, 0, 0), NOT_SUPPORTED);
}

/* Only a0 and a1 change. */
static void registers(void)
{
    uint64_t ok;
    asm volatile(
        "li a2, 0x22\n li a3, 0x33\n li a4, 0x44\n li a5, 0x55\n li a6, 0\n li a7, 0x10\n li t0, 0x77\n li t3, 0x88\n li s5, 0x99\n"
        "ecall\n li %0, 0\n li t1, 0x22\n bne a2, t1, 1f\n li t1, 0x33\n bne a3, t1, 1f\n li t1, 0x44\n bne a4, t1, 1f\n"
        "li t1, 0x55\n bne a5, t1, 1f\n bnez a6, 1f\n li t1, 0x10\n bne a7, t1, 1f\n li t1, 0x77\n bne t0, t1, 1f\n"
        "li t1, 0x88\n bne t3, t1, 1f\n li t1, 0x99\n bne s5, t1, 1f\n li %0, 1\n1:"
        : "=&r"(ok)::"a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "t0", "t1", "t3", "s5", "memory");
    CHECK_EQ(ok, 1);
}

/* ---- timer ---- */

static bool interrupted(unsigned irq)
{
    for (uint64_t end = csr_read(CSR_time) + PATIENCE; csr_read(CSR_time) < end; relax())
        if (*(volatile uint64_t *)&sself()->interrupts >> irq & 1)
            return true;
    return false;
}

static void timer(void)
{
    uint64_t at = csr_read(CSR_time) + 20000;
    ERROR(sbi(TIME, 0, at, 0, 0, 0, 0), OK);
    csr_write(CSR_sie, 1 << IRQ_S_TIMER);
    csr_set(CSR_sstatus, STATUS_SIE);
    CHECK(interrupted(IRQ_S_TIMER));
    CHECK(csr_read(CSR_time) >= at);
    CHECK(csr_read(CSR_sip) >> IRQ_S_TIMER & 1);
    ERROR(sbi(TIME, 0, ~0ul, 0, 0, 0, 0), OK); /* takes it back */
    CHECK(!(csr_read(CSR_sip) >> IRQ_S_TIMER & 1));
    row("in the past");
    ERROR(sbi(TIME, 0, 0, 0, 0, 0, 0), OK);
    CHECK(csr_read(CSR_sip) >> IRQ_S_TIMER & 1);
    row("legacy call");
    CHECK_EQ(sbi(0, 0, ~0ul, 0, 0, 0, 0).error, 0);
    CHECK(!(csr_read(CSR_sip) >> IRQ_S_TIMER & 1));
}

/* ---- harts ---- */

static volatile uint64_t seen[HARTS];
static void note_entry(struct shart *h) { seen[h->id] = h->opaque; }

static void hsm_start(void)
{
    CHECK_EQ(status(boot_hart), STARTED);
    for (unsigned n = 1; n < HARTS; n++) {
        uint64_t hart = other(n);
        row("hart %d", hart);
        CHECK_EQ(status(hart), STOPPED);
        for (uint64_t round = 1; round < 20; round++) {
            if (!start(hart, note_entry, round * 1000 + hart))
                return;
            finish(hart);
            CHECK_EQ(seen[hart], round * 1000 + hart);
        }
        CHECK_EQ(sharts[hart].id, hart);
        CHECK_EQ(sharts[hart].satp, 0);
        CHECK_EQ(sharts[hart].sstatus & STATUS_SIE, 0);
    }
}

static void hsm_errors(void)
{
    ERROR(sbi(HSM, 0, boot_hart, (uint64_t)secondary_start, 0, 0, 0), ALREADY_AVAILABLE);
    ERROR(sbi(HSM, 0, 999, (uint64_t)secondary_start, 0, 0, 0), INVALID_PARAM);
    ERROR(sbi(HSM, 0, ~0ul, (uint64_t)secondary_start, 0, 0, 0), INVALID_PARAM);
    ERROR(sbi(HSM, 2, HARTS, 0, 0, 0, 0), INVALID_PARAM);
    ERROR(sbi(HSM, 3, 1, 0, 0, 0, 0), INVALID_PARAM); /* reserved types of suspension */
    ERROR(sbi(HSM, 3, 0x80000001, (uint64_t)secondary_start, 0, 0, 0), INVALID_PARAM);
}

static volatile uint64_t resumed;
static void resume_here(struct shart *h) { resumed = h->opaque; }

static void sleep_retentive(struct shart *h)
{
    csr_write(CSR_sie, 1 << IRQ_S_SOFT);
    struct sbiret r = sbi(HSM, 3, 0, 0, 0, 0, 0);
    seen[h->id] = r.error == OK && csr_read(CSR_sip) >> IRQ_S_SOFT & 1 ? 0x600d : 0xbad;
    csr_clear(CSR_sip, 1 << IRQ_S_SOFT);
}

static void sleep_not_retentive(struct shart *h)
{
    csr_write(CSR_sie, 1 << IRQ_S_SOFT);
    __atomic_store_n(&h->work, resume_here, __ATOMIC_RELEASE);
    seen[h->id] = 0x51ee9;
    struct sbiret r = sbi(HSM, 3, 0x80000000, (uint64_t)secondary_start, 0x4242, 0, 0);
    seen[h->id] = 0xbad0000 | (uint64_t)-r.error; /* it must not come back */
}

static void hsm_suspend(void)
{
    uint64_t hart = other(1);
    for (unsigned i = 0; i < 12; i++) {
        row("round %d", (uint64_t)i);
        seen[hart] = 0;
        if (!start(hart, sleep_retentive, 0))
            return;
        CHECK(becomes(hart, SUSPENDED));
        CHECK_EQ(seen[hart], 0);
        CHECK(sbi(HSM, 0, hart, (uint64_t)secondary_start, 0, 0, 0).error); /* suspended is not stopped */
        ERROR(sbi(IPI, 0, 1, hart, 0, 0, 0), OK);
        finish(hart);
        CHECK_EQ(seen[hart], 0x600d);
        row("round %d, not retentive", (uint64_t)i);
        resumed = 0;
        start(hart, sleep_not_retentive, 0);
        CHECK(becomes(hart, SUSPENDED));
        CHECK_EQ(seen[hart], 0x51ee9);
        ERROR(sbi(IPI, 0, 1, hart, 0, 0, 0), OK);
        finish(hart);
        CHECK_EQ(resumed, 0x4242);
        CHECK_EQ(seen[hart], 0x51ee9);
    }
}

/* ---- interprocessor interrupts ---- */

static void wait_soft(struct shart *h)
{
    seen[h->id] = 1;
    csr_write(CSR_sie, 1 << IRQ_S_SOFT);
    csr_set(CSR_sstatus, STATUS_SIE);
    seen[h->id] = interrupted(IRQ_S_SOFT) ? 2 : 3;
}

static void all_waiting(void)
{
    for (unsigned n = 1; n < HARTS; n++) {
        seen[other(n)] = 0;
        start(other(n), wait_soft, 0);
    }
    for (unsigned n = 1; n < HARTS; n++)
        while (!seen[other(n)])
            relax();
}

static void ipi(void)
{
    row("to itself");
    csr_write(CSR_sie, 1 << IRQ_S_SOFT);
    csr_set(CSR_sstatus, STATUS_SIE);
    ERROR(sbi(IPI, 0, 1, boot_hart, 0, 0, 0), OK);
    CHECK(interrupted(IRQ_S_SOFT));
    csr_clear(CSR_sstatus, STATUS_SIE);
    row("by mask");
    all_waiting();
    ERROR(sbi(IPI, 0, ((1 << HARTS) - 1) & ~(1ul << boot_hart), 0, 0, 0, 0), OK);
    for (unsigned n = 1; n < HARTS; n++) {
        finish(other(n));
        CHECK_EQ(seen[other(n)], 2);
    }
    row("to all");
    all_waiting();
    csr_write(CSR_sie, 0);
    ERROR(sbi(IPI, 0, 0, ~0ul, 0, 0, 0), OK);
    for (unsigned n = 1; n < HARTS; n++) {
        finish(other(n));
        CHECK_EQ(seen[other(n)], 2);
    }
    csr_clear(CSR_sip, 1 << IRQ_S_SOFT);
    row("to nobody");
    ERROR(sbi(IPI, 0, 0, 0, 0, 0, 0), OK);
    CHECK(!(csr_read(CSR_sip) >> IRQ_S_SOFT & 1));
}

static void ipi_errors(void)
{
    ERROR(sbi(IPI, 0, 1, 4000, 0, 0, 0), INVALID_PARAM);
    ERROR(sbi(IPI, 0, 1ul << HARTS, 0, 0, 0, 0), INVALID_PARAM);
    ERROR(sbi(RFENCE, 0, 1, 4000, 0, 0, 0), INVALID_PARAM);
    ERROR(sbi(RFENCE, 1, 1ul << HARTS, 0, 0, 0x1000, 0), INVALID_PARAM);
}

/* ---- remote fences ---- */

static uint32_t code[1024] ALIGNED(4096);
static uint64_t page_a[512] ALIGNED(4096), page_b[512] ALIGNED(4096), root[512] ALIGNED(4096), tables[2][512] ALIGNED(4096);
#define VA 0x40000000ul
static volatile uint64_t ask, answer;

static void serve(struct shart *h)
{
    (void)h;
    csr_write(CSR_satp, 8ul << 60 | 5ul << 44 | (uint64_t)root >> 12);
    asm volatile("sfence.vma" ::: "memory");
    for (uint64_t last = 0;;) {
        uint64_t now = __atomic_load_n(&ask, __ATOMIC_ACQUIRE);
        if (now == last) {
            relax();
            continue;
        }
        last = now;
        if (now == ~0ul)
            break;
        /* No fence of our own: the other hart has done it for us. */
        uint64_t v = now & 1 ? ((uint64_t(*)(void))(uint64_t)code)() : *(volatile uint64_t *)VA;
        __atomic_store_n(&answer, v << 32 | now, __ATOMIC_RELEASE);
    }
    csr_write(CSR_satp, 0);
}

static uint64_t asked(uint64_t what)
{
    __atomic_store_n(&ask, what, __ATOMIC_RELEASE);
    while ((uint32_t)__atomic_load_n(&answer, __ATOMIC_ACQUIRE) != what)
        relax();
    return answer >> 32;
}

static void remote_fences(void)
{
    uint64_t hart = other(1), mask = 1ul << hart, n = 2;
    root[0x80000000ul >> 30] = 0x80000000ul >> 2 | 0xcf;
    root[0] = 0xc7;
    root[VA >> 30] = (uint64_t)tables[0] >> 2 | 1;
    tables[0][0] = (uint64_t)tables[1] >> 2 | 1;
    tables[1][0] = (uint64_t)page_a >> 2 | 0xc7;
    page_a[0] = 0xa;
    page_b[0] = 0xb;
    code[1] = 0x00008067;
    ask = answer = 0;
    code[0] = 0x00000513;
    asm volatile("fence" ::: "memory");
    if (!start(hart, serve, 0))
        return;
    for (unsigned i = 0; i < 60; i++, n += 2) {
        bool b = i & 1;
        row("round %d", (uint64_t)i);
        code[0] = i << 20 | 0x513; /* li a0, i */
        ERROR(sbi(RFENCE, 0, mask, 0, 0, 0, 0), OK);
        CHECK_EQ(asked(n | 1), i);
        tables[1][0] = (uint64_t)(b ? page_b : page_a) >> 2 | 0xc7;
        switch (i % 5) {
        case 0: ERROR(sbi(RFENCE, 1, mask, 0, 0, 0, 0), OK); break; /* start 0, size 0: everything */
        case 1: ERROR(sbi(RFENCE, 1, mask, 0, VA, 4096, 0), OK); break;
        case 2: ERROR(sbi(RFENCE, 2, mask, 0, VA, 4096, 5), OK); break;
        case 3: ERROR(sbi(RFENCE, 1, 0, ~0ul, 0, ~0ul, 0), OK); break;
        case 4: ERROR(sbi(RFENCE, 2, mask, 0, 0, ~0ul, 5), OK); break;
        }
        CHECK_EQ(asked(n), b ? 0xb : 0xa);
    }
    __atomic_store_n(&ask, ~0ul, __ATOMIC_RELEASE);
    finish(hart);
    row("hypervisor's");
    for (unsigned f = 3; f < 7; f++)
        ERROR(sbi(RFENCE, f, mask, 0, 0, 0, 0), NOT_SUPPORTED);
}

/* Harts that fence each other at the same time must not wait for each other for ever. */
static void fence_storm(struct shart *h)
{
    for (unsigned i = 0; i < 25; i++) {
        sbi(RFENCE, i & 1, 0, ~0ul, 0, ~0ul, 0);
        sbi(IPI, 0, 1, (h->id + 1) % HARTS, 0, 0, 0);
    }
}

static void crossing_fences(void)
{
    for (unsigned n = 1; n < HARTS; n++)
        start(other(n), fence_storm, 0);
    fence_storm(sself());
    for (unsigned n = 1; n < HARTS; n++)
        finish(other(n));
}

/* ---- console ---- */

static void console(void)
{
    static const char text[] = "# written through DBCN\n";
    uint64_t done = 0;
    while (done < sizeof text - 1) {
        struct sbiret r = sbi(DBCN, 0, sizeof text - 1 - done, (uint64_t)text + done, 0, 0, 0);
        if (!CHECK_EQ(r.error, OK) || !CHECK(r.value <= sizeof text - 1 - done))
            return;
        done += r.value;
    }
    for (const char *c = "# and byte by byte\n"; *c; c++)
        ERROR(sbi(DBCN, 2, (uint8_t)*c, 0, 0, 0, 0), OK);
    ERROR(sbi(DBCN, 0, 0, (uint64_t)text, 0, 0, 0), OK);
    char buffer[16];
    struct sbiret r = sbi(DBCN, 1, sizeof buffer, (uint64_t)buffer, 0, 0, 0);
    CHECK_EQ(r.error, OK);
    CHECK_EQ(r.value, 0); /* nobody types */
    row("legacy");
    CHECK_EQ(sbi(1, 0, '#', 0, 0, 0, 0).error, 0);
    CHECK_EQ(sbi(1, 0, '\n', 0, 0, 0, 0).error, 0);
    CHECK_EQ(sbi(2, 0, 0, 0, 0, 0, 0).error, -1);
}

static void console_errors(void)
{
    ERROR(sbi(DBCN, 0, 8, (uint64_t)code, 1, 0, 0), INVALID_PARAM);
    ERROR(sbi(DBCN, 0, ~0ul, (uint64_t)code, 0, 0, 0), INVALID_PARAM);
    ERROR(sbi(DBCN, 0, 8, 0x90000000, 0, 0, 0), INVALID_PARAM);
    ERROR(sbi(DBCN, 1, 8, 0x90000000, 0, 0, 0), INVALID_PARAM);
}

/* ---- suspension of the system ---- */

asm(".balign 4\nsusp_resume: la t0, susp_notes\n sd a0, 8(t0)\n sd a1, 16(t0)\n csrr t1, satp\n sd t1, 24(t0)\n csrr t1, sstatus\n"
    "sd t1, 32(t0)\n ld sp, 40(t0)\n ld tp, 48(t0)\n la t1, strap\n csrw stvec, t1\n csrw sscratch, tp\n ld t1, 0(t0)\n jr t1\n");
extern char susp_resume[];
uint64_t susp_notes[7] __attribute__((used));

static void system_suspend(void)
{
    if (!sbi(BASE, 3, SUSP, 0, 0, 0, 0).value)
        return skip("no SUSP");
    ERROR(sbi(SUSP, 0, 1, (uint64_t)susp_resume, 0, 0, 0), INVALID_PARAM);
    ERROR(sbi(SUSP, 0, 0x80000000, (uint64_t)susp_resume, 0, 0, 0), INVALID_PARAM);
    row("while another hart runs");
    uint64_t hart = other(1);
    seen[hart] = 0;
    start(hart, wait_soft, 0);
    while (!seen[hart])
        relax();
    ERROR(sbi(SUSP, 0, 0, (uint64_t)susp_resume, 0, 0, 0), DENIED);
    sbi(IPI, 0, 1, hart, 0, 0, 0);
    finish(hart);
    row("until the timer");
    uint64_t at = csr_read(CSR_time) + 100000;
    csr_write(CSR_sie, 1 << IRQ_S_TIMER);
    sbi(TIME, 0, at, 0, 0, 0, 0);
    asm volatile("la t0, susp_notes\n la t1, 1f\n sd t1, 0(t0)\n sd tp, 48(t0)\n"
                 "addi sp, sp, -16\n sd s0, 0(sp)\n sd s1, 8(sp)\n sd sp, 40(t0)\n"
                 "mv a1, %0\n li a0, 0\n li a2, 0x5757\n li a6, 0\n li a7, 0x53555350\n ecall\n j 2f\n"
                 "1: li a0, 0x600d\n2: la t0, susp_notes\n sd a0, 0(t0)\n ld s0, 0(sp)\n ld s1, 8(sp)\n addi sp, sp, 16" ::"r"(susp_resume)
                 : "ra", "gp", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "s2", "s3", "s4",
                   "s5", "s6", "s7", "s8", "s9", "s10", "s11", "memory");
    CHECK_EQ(*(volatile uint64_t *)susp_notes, 0x600d);
    CHECK(csr_read(CSR_time) >= at);
    CHECK_EQ(susp_notes[1], boot_hart);
    CHECK_EQ(susp_notes[2], 0x5757);
    CHECK_EQ(susp_notes[3], 0);
    CHECK_EQ(susp_notes[4] & STATUS_SIE, 0);
    sbi(TIME, 0, ~0ul, 0, 0, 0, 0);
}

/* ---- what is delegated ---- */

#define TRY(insns, ...) \
    asm volatile("la t6, 9f\n sd t6, %0(tp)\n" insns "\n9:" ::"i"(offsetof(struct shart, resume)), __VA_ARGS__ : "t6", "memory")

static void delegated(void)
{
    struct shart *h = sself();
    TRY(".4byte 0xffffffff", "r"(0));
    CHECK_EQ(h->traps, 1);
    CHECK_EQ(h->cause, CAUSE_illegal);
    TRY("ebreak", "r"(0));
    CHECK_EQ(h->cause, CAUSE_breakpoint);
    csr_write(CSR_satp, 8ul << 60 | (uint64_t)root >> 12);
    asm volatile("sfence.vma" ::: "memory");
    TRY("ld t0, (%1)", "r"(0xc0000000ul));
    CHECK_EQ(h->cause, CAUSE_load_page);
    CHECK_EQ(h->tval, 0xc0000000);
    TRY("sd t0, (%1)", "r"(0xc0000008ul));
    CHECK_EQ(h->cause, CAUSE_store_page);
    csr_write(CSR_satp, 0);
    asm volatile("sfence.vma" ::: "memory");
    CHECK_EQ(h->traps, 4);
    row("time and counters may be read");
    (void)csr_read(CSR_time);
    (void)csr_read(CSR_cycle);
    (void)csr_read(CSR_instret);
    CHECK_EQ(h->traps, 4);
    row("M's CSRs may not");
    TRY("csrr t0, mstatus", "r"(0));
    CHECK_EQ(h->cause, CAUSE_illegal);
    CHECK_EQ(h->traps, 5);
    row("misaligned accesses work");
    uint64_t v, at = (uint64_t)page_a + 1;
    asm volatile("sd %1, (%2)\n ld %0, (%2)" : "=&r"(v) : "r"(0x123456789abcdef0), "r"(at) : "memory");
    CHECK_EQ(v, 0x123456789abcdef0);
}

static void reset_errors(void)
{
    ERROR(sbi(SRST, 0, 3, 0, 0, 0, 0), INVALID_PARAM);
    ERROR(sbi(SRST, 0, 0xefffffff, 0, 0, 0, 0), INVALID_PARAM);
    ERROR(sbi(SRST, 0, 0, 2, 0, 0, 0), INVALID_PARAM);
    ERROR(sbi(SRST, 0, 0, 0xdfffffff, 0, 0, 0), INVALID_PARAM);
}

static void start_nowhere(void)
{
    ERROR(sbi(HSM, 0, other(1), ~0ul - 3, 0, 0, 0), INVALID_ADDRESS);
    ERROR(sbi(HSM, 0, other(1), 0x90000000, 0, 0, 0), INVALID_ADDRESS);
    CHECK_EQ(status(other(1)), STOPPED);
}

const struct test tests[] = {
    TEST("two reboots", reboots),
    TEST("the state at entry", entry_state),
    TEST("base extension", base),
    TEST("registers survive calls", registers),
    TEST("timer", timer),
    TEST("HSM: start, stop, status", hsm_start),
    TEST("HSM: wrong arguments", hsm_errors),
    TEST("HSM: suspension", hsm_suspend),
    TEST("interprocessor interrupts", ipi),
    TEST("wrong harts", ipi_errors),
    TEST("remote fences", remote_fences),
    TEST("remote fences that cross", crossing_fences),
    TEST("debug console", console),
    TEST("system suspension", system_suspend),
    TEST("traps that S mode gets", delegated),
    TEST("reset: wrong arguments", reset_errors),
    TEST("debug console: where nothing is", console_errors),
    TEST("HSM: to start where nothing is", start_nowhere),
    {NULL, NULL},
};
