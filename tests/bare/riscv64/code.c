/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Code that changes or is mapped anew: fence.i on this hart and on others, data beside code, insns across pages, one code in many modes. */
#include "paging.h"

enum { PAGES = 160, HARTS = 4 };

static uint32_t code[PAGES][1024] ALIGNED(4096);
#define RET 0x00008067u
static uint32_t li_a0(unsigned n) { return n << 20 | 10 << 7 | 0x13; } /* n below 2048 */

typedef uint64_t (*function)(uint64_t arg);
static uint64_t call(const void *at) { return ((function)(uint64_t)at)(0); }

static void put16(void *at, uint32_t insn) /* in halves: `at` need not be aligned */
{
    ((volatile uint16_t *)at)[0] = (uint16_t)insn;
    ((volatile uint16_t *)at)[1] = (uint16_t)(insn >> 16);
}

/* ---- one hart ---- */

static void same_hart(void)
{
    uint32_t *at = code[0];
    for (unsigned i = 0; i < 500; i++) {
        at[0] = li_a0(i);
        at[1] = RET;
        fence_i();
        CHECK_EQ(call(at), i);
    }
}

/* The new insn follows the fence directly: not even the block that holds both may be older. */
static void within_a_block(void)
{
    uint64_t got;
    for (unsigned i = 0; i < 50; i++) {
        asm volatile("la t0, 1f\n sw %1, (t0)\n fence.i\n1: li a0, 0x7ff\n mv %0, a0" : "=r"(got) : "r"(li_a0(i)) : "t0", "a0", "memory");
        CHECK_EQ(got, i);
    }
}

/* A hot loop, one of whose insns is exchanged in between. */
static void patched_loop(void)
{
    uint32_t *at = code[1];
    at[0] = li_a0(0);
    at[1] = 1000u << 20 | 11 << 7 | 0x13;             /* li a1, 1000 */
    at[2] = 1u << 20 | 10 << 15 | 10 << 7 | 0x13;     /* addi a0, a0, 1 */
    at[3] = 0xfffu << 20 | 11 << 15 | 11 << 7 | 0x13; /* addi a1, a1, -1 */
    at[4] = 0xfe059ce3;                               /* bnez a1, -8 */
    at[5] = RET;
    fence_i();
    for (unsigned i = 0; i < 20; i++) {
        at[2] = i << 20 | 10 << 15 | 10 << 7 | 0x13;
        fence_i();
        CHECK_EQ(call(at), 1000 * i);
        CHECK_EQ(call(at), 1000 * i);
    }
}

/* Words in the page of the code, written by the code itself, thousands of times. */
static void data_beside_code(void)
{
    uint32_t *at = code[2];
    /* a2 = this page; loop: lw a0, 1024(a2); addi a0, a0, 1; sw a0, 1024(a2); addi a1, a1, -1; bnez a1, loop */
    at[0] = 0x00000617; /* auipc a2, 0 */
    at[1] = 2000u << 20 | 11 << 7 | 0x13;
    at[2] = 1024u << 20 | 12 << 15 | 2 << 12 | 10 << 7 | 0x03;
    at[3] = 1u << 20 | 10 << 15 | 10 << 7 | 0x13;
    at[4] = (1024u >> 5) << 25 | 10 << 20 | 12 << 15 | 2 << 12 | 0 << 7 | 0x23;
    at[5] = 0xfffu << 20 | 11 << 15 | 11 << 7 | 0x13;
    at[6] = 0xfe0598e3; /* bnez a1, -16 */
    at[7] = RET;
    at[256] = 0;
    fence_i();
    for (unsigned i = 1; i <= 5; i++) {
        CHECK_EQ(call(at), 2000 * i);
        CHECK_EQ(at[256], 2000 * i);
    }
    /* and by atomics */
    for (unsigned i = 0; i < 100; i++) {
        __atomic_fetch_add(&at[256], 1, __ATOMIC_SEQ_CST);
        uint64_t failed;
        asm volatile("lr.w t0, (%1)\n addi t0, t0, 1\n sc.w %0, t0, (%1)" : "=r"(failed) : "r"(&at[257]) : "t0", "memory");
        CHECK_EQ(failed, 0);
    }
    CHECK_EQ(at[256], 10100);
    at[7] = li_a0(9);
    at[8] = RET;
    fence_i();
    CHECK_EQ(call(at), 9);
}

/* Code changed by every kind of store. */
static void kinds_of_stores(void)
{
    uint32_t *at = code[3];
    uint64_t failed;
    at[1] = RET;
    for (unsigned i = 0; i < 9 * 30; i++) {
        unsigned n = 17 + i;
        uint32_t insn = li_a0(n);
        row("round %d", (uint64_t)i);
        switch (i % 9) {
        case 0: *(volatile uint32_t *)at = insn; break;
        case 1: put16(at, insn); break;
        case 2:
            for (unsigned b = 0; b < 4; b++)
                ((volatile uint8_t *)at)[b] = (uint8_t)(insn >> 8 * b);
            break;
        case 3: *(volatile uint64_t *)at = (uint64_t)RET << 32 | insn; break;
        case 4: __atomic_exchange_n(at, insn, __ATOMIC_SEQ_CST); break;
        case 5:
            asm volatile("1: lr.w t0, (%1)\n sc.w %0, %2, (%1)\n bnez %0, 1b" : "=&r"(failed) : "r"(at), "r"(insn) : "t0", "memory");
            break;
        case 6:
            asm volatile("sd %1, -2(%0)" ::"r"(at), "r"((uint64_t)insn << 16 | (uint64_t)(RET & 0xffff) << 48) : "memory");
            break; /* misaligned */
        case 7: __atomic_fetch_xor(at, *at ^ insn, __ATOMIC_SEQ_CST); break;
        case 8:
            asm volatile(
                ".option push\n .option arch, +d\n csrs mstatus, %2\n fmv.d.x ft0, %1\n fsd ft0, (%0)\n csrc mstatus, %2\n .option pop" ::
                    "r"(at),
                "r"((uint64_t)RET << 32 | insn), "r"(STATUS_FS)
                : "memory");
            break;
        }
        fence_i();
        CHECK_EQ(call(at), n);
    }
    row("cbo.zero");
    csr_write(CSR_menvcfg, ENVCFG_CBZE);
    trap_clear();
    TRY("mv a0, %0\n .4byte 0x0045200f", , "r"(at));
    fence_i();
    if (self()->m.count)
        return; /* not there */
    CHECK_EQ(at[0], 0);
    trap_clear();
    asm volatile("la t6, 9f\n sd t6, " STRING(HART_resume) "(tp)\n jr %0\n9:" ::"r"(at) : "t6", "memory");
    CHECK_EQ(self()->m.cause, CAUSE_illegal);
    CHECK_EQ(self()->m.epc, at);
}

/* Far more pages than any small cache holds, run round and round, then changed one by one. */
static void many_pages(void)
{
    for (unsigned i = 0; i < PAGES; i++) {
        code[i][8] = li_a0(i);
        code[i][9] = RET;
    }
    fence_i();
    for (unsigned round = 0; round < 3; round++) {
        row("round %d", (uint64_t)round);
        for (unsigned i = 0; i < PAGES; i++)
            CHECK_EQ(call(&code[i][8]), i + 100 * round);
        for (unsigned i = 0; i < PAGES; i++) {
            unsigned k = (i * 61) % PAGES;
            code[k][8] = li_a0(k + 100 * (round + 1));
            if (i % 7 == 0) {
                fence_i();
                CHECK_EQ(call(&code[k][8]), k + 100 * (round + 1));
            }
        }
        fence_i();
    }
}

/* ---- insns across pages ---- */

static void straddling(void)
{
    char *end = (char *)code[5];
    put16(end - 2, li_a0(1));
    put16(end + 2, RET);
    for (unsigned i = 0; i < 60; i++) {
        unsigned n = (i * 37) & 0x7ff;
        row("round %d", (uint64_t)i);
        put16(end - 2, li_a0(n)); /* the number is in the upper half, on the second page */
        fence_i();
        CHECK_EQ(call(end - 2), n);
        CHECK_EQ(call(end - 2), n);
        if (i % 3 == 0) { /* the first page alone: another register, so a0 keeps its 0 */
            put16(end - 2, n << 20 | 11 << 7 | 0x13);
            fence_i();
            CHECK_EQ(call(end - 2), 0);
        }
    }
}

#define VA 0x40000000ul
/* Ends call_in() wherever it is mapped: a0 = n, then the call, from an address that is 2 before a page's end. */
static void put_ending(void *first_half, void *second_half, unsigned n)
{
    uint32_t lui = (CALL_MAGIC + 0x800) >> 12 << 12 | 17 << 7 | 0x37, addiw = (CALL_MAGIC & 0xfffu) << 20 | 17 << 15 | 17 << 7 | 0x1b;
    char *second = second_half;
    *(volatile uint16_t *)first_half = (uint16_t)li_a0(n);
    *(volatile uint16_t *)second = (uint16_t)(li_a0(n) >> 16);
    put16(second + 2, lui);
    put16(second + 6, addiw);
    put16(second + 10, 0x73);
    fence_i();
}

static void straddling_mapped(void)
{
    char *a = (char *)code[10], *b = (char *)code[20], *c = (char *)code[15]; /* nowhere side by side */
    put_ending(a + 4094, b, 11);
    put_ending(a + 4094, c, 22);
    paging_new(SV39);
    paging_map_program();
    paging_map(VA, (uint64_t)a, 0, PTE_R | PTE_X);
    paging_map(VA + PAGE, (uint64_t)b, 0, PTE_R | PTE_X);
    if (!paging_on(0))
        return skip("no Sv39");
    volatile uint64_t *second = paging_entry(VA + PAGE, 0), *first = paging_entry(VA, 0);
    uint64_t good = *second, good_first = *first;
    for (unsigned i = 0; i < 20; i++) {
        row("round %d", (uint64_t)i);
        *second = good;
        asm volatile("sfence.vma %0" ::"r"(VA + PAGE) : "memory");
        trap_clear();
        CHECK_EQ(CALL_IN(MODE_S, VA + 4094, 0), 11);
        CHECK_EQ(CALL_IN(MODE_S, VA + 4094, 0), 11);
        CHECK_NO_TRAP();
        *second = pte_make((uint64_t)c, PTE_V | PTE_R | PTE_X | PTE_AD);
        asm volatile("sfence.vma %0" ::"r"(VA + PAGE) : "memory");
        CHECK_EQ(CALL_IN(MODE_S, VA + 4094, 0), 22);
        CHECK_NO_TRAP();
        row("round %d, second page gone", (uint64_t)i);
        *second = i & 1 ? 0 : pte_make((uint64_t)b, PTE_V | PTE_R | PTE_AD); /* or not executable */
        asm volatile("sfence.vma %0" ::"r"(VA + PAGE) : "memory");
        trap_clear();
        self()->site = VA + 4094;
        CALL_IN(MODE_S, VA + 4094, 0);
        CHECK_TRAP(CAUSE_insn_page, VA + PAGE);
        row("round %d, first page gone", (uint64_t)i);
        *second = good;
        *first = 0;
        sfence_vma();
        self()->site = VA + 4094;
        CALL_IN(MODE_S, VA + 4094, 0);
        CHECK_TRAP(CAUSE_insn_page, VA + 4094);
        *first = good_first;
        sfence_vma();
        row("round %d, second page where nothing is", (uint64_t)i);
        *second = pte_make(0x90000000, PTE_V | PTE_R | PTE_X | PTE_AD);
        sfence_vma();
        self()->site = VA + 4094;
        CALL_IN(MODE_S, VA + 4094, 0);
        CHECK_TRAP(CAUSE_insn_access, VA + PAGE);
    }
    row("a 2-byte insn at the end needs no second page, the next one does");
    *second = 0;
    sfence_vma();
    *(volatile uint16_t *)(a + 4094) = 0x0001; /* c.nop */
    fence_i();
    trap_clear();
    self()->site = VA + PAGE;
    CALL_IN(MODE_S, VA + 4094, 0);
    CHECK_TRAP(CAUSE_insn_page, VA + PAGE);
    csr_write(CSR_satp, 0);
}

/* A long run of insns up to the last byte of a page, the next absent. */
static void up_to_the_end(void)
{
    uint32_t *at = code[30];
    for (unsigned i = 0; i < 1024; i++)
        at[i] = 1u << 20 | 10 << 15 | 10 << 7 | 0x13; /* addi a0, a0, 1 */
    fence_i();
    paging_new(SV39);
    paging_map_program();
    paging_map(VA, (uint64_t)at, 0, PTE_R | PTE_X);
    if (!paging_on(0))
        return skip("no Sv39");
    for (unsigned i = 0; i < 3; i++) {
        trap_clear();
        self()->site = VA + PAGE;
        CHECK_EQ(CALL_IN(MODE_S, VA, 5), 5 + 1024);
        CHECK_TRAP(CAUSE_insn_page, VA + PAGE);
    }
    csr_write(CSR_satp, 0);
}

/* ---- one address, many codes; one code, many addresses ---- */

static void put_number(unsigned page, unsigned n) { put_ending((char *)code[page] + 4, (char *)code[page] + 6, n); }

static void spaces(void)
{
    uint64_t satp[4];
    paging_new(SV39);
    for (unsigned i = 0; i < 4; i++) {
        put_number(40 + i, 100 + i);
        if (i)
            paging_another();
        paging_map_program();
        paging_map(VA, (uint64_t)code[40 + i], 0, PTE_R | PTE_X);
        satp[i] = paging_satp(i);
    }
    sfence_vma();
    for (unsigned n = 0; n < 80; n++) {
        unsigned i = (n * 5 + n / 3) & 3;
        row("round %d", (uint64_t)n);
        csr_write(CSR_satp, satp[i]);
        CHECK_EQ(CALL_IN(MODE_S, VA + 4, 0), 100 + i);
    }
    CHECK_NO_TRAP();
    csr_write(CSR_satp, 0);
    sfence_vma();
}

/* The same bytes at several addresses know where they are. */
static void aliases(void)
{
    uint32_t *at = code[50];
    at[0] = 0x00000517; /* auipc a0, 0 */
    at[1] = (CALL_MAGIC + 0x800) >> 12 << 12 | 17 << 7 | 0x37;
    at[2] = (CALL_MAGIC & 0xfffu) << 20 | 17 << 15 | 17 << 7 | 0x1b;
    at[3] = 0x73;
    fence_i();
    paging_new(SV39);
    paging_map_program();
    for (unsigned i = 0; i < 8; i++)
        paging_map(VA + i * 0x201000, (uint64_t)at, 0, PTE_R | PTE_X);
    if (!paging_on(0))
        return skip("no Sv39");
    for (unsigned n = 0; n < 40; n++)
        CHECK_EQ(CALL_IN(MODE_S, VA + (n * 3 & 7) * 0x201000, 0), VA + (n * 3 & 7) * 0x201000);
    CHECK_NO_TRAP();
    csr_write(CSR_satp, 0);
}

/* The same bytes in different modes mean different things. */
static void modes(void)
{
    for (unsigned n = 0; n < 30; n++) {
        bool ran;
        row("round %d", (uint64_t)n);
        insn_in(MODE_M, 0x34002573, 0, 0, &ran); /* csrr a0, mscratch */
        CHECK(ran);
        insn_in(MODE_S, 0x34002573, 0, 0, &ran);
        CHECK_TRAP(CAUSE_illegal, 0x34002573);
        csr_write(CSR_sscratch, 0);
        insn_in(MODE_S, 0x14002573, 0, 0, &ran); /* csrr a0, sscratch */
        CHECK(ran);
        insn_in(MODE_U, 0x14002573, 0, 0, &ran);
        CHECK_TRAP(CAUSE_illegal, 0x14002573);
        csr_write(CSR_sscratch, (uint64_t)self());
    }
    /* no rewriting in between: the very same block */
    insn_slot[0] = 0x14002573;
    insn_slot[1] = RET;
    fence_i();
    for (unsigned n = 0; n < 30; n++) {
        trap_clear();
        CALL_IN(MODE_S, insn_slot, 0);
        CHECK_NO_TRAP();
        CALL_IN(MODE_U, insn_slot, 0);
        self()->site = (uint64_t)insn_slot;
        CHECK_TRAP(CAUSE_illegal, 0x14002573);
        csr_set(CSR_mstatus, STATUS_FS);
    }
    insn_slot[0] = 0x00007053; /* fadd.s ft0, ft0, ft0: FS on and off */
    fence_i();
    for (unsigned n = 0; n < 30; n++) {
        trap_clear();
        csr_set(CSR_mstatus, STATUS_FS);
        CALL_IN(MODE_U, insn_slot, 0);
        CHECK_NO_TRAP();
        csr_clear(CSR_mstatus, STATUS_FS);
        CALL_IN(MODE_U, insn_slot, 0);
        self()->site = (uint64_t)insn_slot;
        CHECK_TRAP(CAUSE_illegal, 0x00007053);
    }
}

/* ---- other harts ---- */

static volatile uint64_t phase, answers[HARTS];

/* Waits for the next phase, then fetches anew and runs the code of that phase. */
static void runner(void *arg)
{
    uint64_t id = (uint64_t)arg;
    for (uint64_t seen = 0;;) {
        uint64_t now = __atomic_load_n(&phase, __ATOMIC_ACQUIRE);
        if (now == seen) {
            relax();
            continue;
        }
        seen = now;
        if (now == ~0ul)
            return;
        fence_i();
        answers[id] = call(code[60 + now % 16]) << 32 | now;
        fence();
    }
}

static void other_harts(void)
{
    if (!harts_need(HARTS))
        return;
    phase = 0;
    for (unsigned i = 1; i < HARTS; i++)
        hart_start(i, runner, (void *)(uint64_t)i);
    for (uint64_t n = 1; n <= 150; n++) {
        uint32_t *at = code[60 + n % 16];
        row("round %d", n);
        at[1] = RET;
        at[0] = li_a0(n & 0x7ff);
        at[512] = (uint32_t)n; /* data beside it */
        __atomic_store_n(&phase, n, __ATOMIC_RELEASE);
        for (unsigned i = 1; i < HARTS; i++)
            while ((uint32_t)answers[i] != n)
                relax();
        for (unsigned i = 1; i < HARTS; i++)
            CHECK_EQ(answers[i] >> 32, n & 0x7ff);
    }
    phase = ~0ul;
    for (unsigned i = 1; i < HARTS; i++)
        hart_join(i);
}

static volatile uint64_t ipi_done[HARTS];
static void ipi_runner(void *arg)
{
    uint64_t id = (uint64_t)arg;
    fence_i();
    ipi_done[id] = call(code[80]);
}

/* As an operating system does it: write, fence, IPI, fence.i there. */
static void by_ipi(void)
{
    if (!harts_need(HARTS))
        return;
    for (unsigned n = 0; n < 80; n++) {
        row("round %d", (uint64_t)n);
        code[80][0] = li_a0(n);
        code[80][1] = RET;
        fence();
        for (unsigned i = 1; i < HARTS; i++)
            hart_start(i, ipi_runner, (void *)(uint64_t)i);
        for (unsigned i = 1; i < HARTS; i++) {
            hart_join(i);
            CHECK_EQ(ipi_done[i], n);
        }
    }
}

/* Harts 1 to 3 write words in the pages whose code hart 0 runs, all the time; code and words stay right. */
static volatile bool stop_writing;
static uint64_t written[HARTS];
static void writer(void *arg)
{
    uint64_t id = (uint64_t)arg, n = 0;
    do { /* once at least, however late it begins */
        for (unsigned page = 90; page < 100; page++)
            ((volatile uint32_t *)code[page])[100 + id] = (uint32_t)n;
        n++;
        for (unsigned page = 90; page < 100; page++)
            if (((volatile uint32_t *)code[page])[100 + id] != (uint32_t)(n - 1))
                __atomic_fetch_add(&written[0], 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&code[90][99], 1, __ATOMIC_RELAXED);
    } while (!stop_writing);
    written[id] = n;
}

static void written_by_others(void)
{
    if (!harts_need(HARTS))
        return;
    stop_writing = false;
    written[0] = 0;
    code[90][99] = 0;
    for (unsigned i = 1; i < HARTS; i++)
        hart_start(i, writer, (void *)(uint64_t)i);
    for (unsigned n = 0; n < 60; n++)
        for (unsigned page = 90; page < 100; page++) {
            code[page][0] = li_a0((n + page) & 0x7ff);
            code[page][1] = RET;
            fence_i();
            CHECK_EQ(call(code[page]), (n + page) & 0x7ff);
        }
    stop_writing = true;
    uint64_t sum = 0;
    for (unsigned i = 1; i < HARTS; i++) {
        hart_join(i);
        CHECK_EQ(code[95][100 + i], written[i] - 1);
        sum += written[i];
    }
    CHECK_EQ(written[0], 0);
    CHECK_EQ(code[90][99], (uint32_t)sum);
}

const struct test tests[] = {
    TEST("fence.i on the same hart", same_hart),
    TEST("the insn behind the fence", within_a_block),
    TEST("a patched loop", patched_loop),
    TEST("data beside code", data_beside_code),
    TEST("every kind of store", kinds_of_stores),
    TEST("many pages", many_pages),
    TEST("insns across pages", straddling),
    TEST("insns across pages that are mapped", straddling_mapped),
    TEST("code up to a page's end", up_to_the_end),
    TEST("one address in several spaces", spaces),
    TEST("one page at several addresses", aliases),
    TEST("one code in several modes", modes),
    TEST("fence.i on other harts", other_harts),
    TEST("IPI and fence.i", by_ipi),
    TEST("pages with code that others write", written_by_others),
    {NULL, NULL},
};
