/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The arm64 page-table walk against the manual's rules written a second time, as tables and formulas; TLBI and AT. */
#include "arm64_fixture.h"

#define TABLES (RAM + 0x100000) /* one granule a level, first level first */
#define DATA   (RAM + 0x800000) /* a multiple of 8 MiB */

enum { AP_USER = 1 << 6, AP_RO = 1 << 7, AF = 1 << 10, NG = 1 << 11 };
#define DBM  (1ull << 51)
#define CONT (1ull << 52)
#define PXN  (1ull << 53)
#define UXN  (1ull << 54)
#define HA   (1ull << 39)
#define HD   (1ull << 40)
#define IPS  (4ull << 32) /* 44 bits */
#define AS16 (1ull << 36)
#define A1   (1ull << 22)
#define TBI0 (1ull << 37)
#define TBI1 (1ull << 38)

static struct fixture *f;
static struct cpu *cpu;

static void start(void)
{
    f = fixture_new("max");
    cpu = f->cpu;
    arm64_enter_kernel(cpu, RAM, 0, 1);
    A64(cpu, mair_el1) = 0xff;
}

static void stop(void) { fixture_free(f); }

static void put64(gpa at, uint64_t value) { assert_true(mem_store(f->space, at, 8, value)); }

static uint64_t get64(gpa at)
{
    uint64_t value;
    assert_true(mem_load(f->space, at, 8, &value));
    return value;
}

struct shape {
    unsigned grain, tg0, tg1;
};
static const struct shape shapes[] = {{12, 0, 2}, {14, 2, 1}, {16, 1, 3}};

/* Builds the path to a leaf at `level` for va with `bits` of addresses; returns where the leaf is. */
static gpa map(const struct shape *s, unsigned bits, gva va, unsigned level, uint64_t leaf, uint64_t tcr)
{
    unsigned stride = s->grain - 3, levels = (bits - s->grain + stride - 1) / stride;
    bool upper = va >> 63;
    gpa table = TABLES, at = 0;

    for (unsigned l = 4 - levels; l <= level; l++, table += 1u << s->grain) {
        unsigned low = s->grain + stride * (3 - l), len = low + stride < bits ? stride : bits - low;
        at = table + 8 * bits_get(va, low, len);
        put64(at, l == level ? leaf | (level == 3 ? 3 : 1) : (table + (1u << s->grain)) | 3);
    }
    A64(cpu, tcr_el1) = tcr | IPS | (uint64_t)s->tg0 << 14 | (uint64_t)s->tg1 << 30 | (64 - bits) | (64 - bits) << 16;
    A64(cpu, ttbr0_el1) = upper ? 0 : TABLES;
    A64(cpu, ttbr1_el1) = upper ? TABLES : 0;
    A64(cpu, sctlr_el1) |= SCTLR_M;
    arm64_mode_update(cpu);
    return at;
}

/* The fault's code, or -1. */
static int try(gva va, enum mem_access access, struct tlb_page *page)
{
    struct trap trap = {~0u, 0};
    struct tlb_page ignored;
    if (arm64_translate(cpu, va, access, page ? page : &ignored, &trap))
        return -1;
    assert_int_equal(trap.info, va);
    assert_int_equal(trap.kind & ARM64_TRAP_CLASS, access == ACCESS_fetch ? ARM64_TRAP_insn_abort : ARM64_TRAP_data_abort);
    assert_int_equal(trap.kind >> ARM64_TRAP_ISS & ABORT_WNR, access == ACCESS_write ? ABORT_WNR : 0);
    return (int)(trap.kind >> ARM64_TRAP_ISS & 63);
}

static void become(unsigned el, bool pan)
{
    A64(cpu, pstate) = pan ? PSTATE_PAN : 0;
    arm64_set_level(cpu, el, el > 0);
}

/* Every granule, level, range and some widths. */
static void levels(void **state)
{
    static const unsigned widths[] = {48, 47, 42, 39, 36};
    (void)state;
    start();
    for (unsigned s = 0; s < ARRAY_LEN(shapes); s++)
        for (unsigned w = 0; w < ARRAY_LEN(widths); w++)
            for (unsigned level = 1; level < 4; level++)
                for (unsigned upper = 0; upper < 2; upper++) {
                    unsigned grain = shapes[s].grain, stride = grain - 3, bits = widths[w],
                             first = 4 - (bits - grain + stride - 1) / stride;
                    unsigned size_bits = grain + stride * (3 - level);
                    gva va = (upper ? ~0ull << bits : 0) | (0x123456789abcdull & ((1ull << bits) - 1));
                    bool leaf_there = level == 3 || level == 2 || grain == 12;
                    struct tlb_page page;
                    if (level < first)
                        continue;
                    gpa base = size_bits < 24 ? DATA : 1ull << size_bits;
                    map(&shapes[s], bits, va, level, base | AF, 0);
                    if (!leaf_there) {
                        assert_int_equal(try(va, ACCESS_read, NULL), FSC_TRANSLATION + level);
                        continue;
                    }
                    assert_int_equal(try(va, ACCESS_read, &page), -1);
                    assert_int_equal(page.page, (base | (va & ((1ull << size_bits) - 1))) & ~4095ull);
                    assert_int_equal(page.span, 1ull << size_bits);
                    assert_true(page.readable && page.writable && page.global);
                    assert_int_equal(try(va ^ 1ull << (bits < 55 ? bits : 54), ACCESS_read, NULL), FSC_TRANSLATION);
                }
    stop();
}

/* Of leaves of every level; it is a property of code. */
static void guarded(void **state)
{
    enum { GP_pos = 50 };
    (void)state;
    start();
    for (unsigned level = 1; level < 4; level++)
        for (unsigned gp = 0; gp < 2; gp++) {
            struct tlb_page page;
            map(&shapes[0], 48, 0x12345678, level, 1ull << 30 | AF | (uint64_t)gp << GP_pos, 0);
            assert_int_equal(try(0x12345678, ACCESS_fetch, &page), -1);
            assert_int_equal(page.guarded, gp);
            assert_int_equal(try(0x12345678, ACCESS_read, &page), -1);
            assert_false(page.guarded);
        }
    stop();
}

static void faults(void **state)
{
    gva va = 0x12345678;
    gpa leaf;
    struct tlb_page page;
    (void)state;
    start();
    leaf = map(&shapes[0], 39, va, 3, DATA, 0);
    assert_int_equal(try(va, ACCESS_read, NULL), FSC_ACCESS_FLAG + 3);
    put64(leaf, 0);
    assert_int_equal(try(va, ACCESS_write, NULL), FSC_TRANSLATION + 3);
    put64(leaf, DATA | AF | 1); /* no page at the last level */
    assert_int_equal(try(va, ACCESS_write, NULL), FSC_TRANSLATION + 3);
    put64(leaf, 1ull << 44 | AF | 3);
    assert_int_equal(try(va, ACCESS_read, NULL), FSC_ADDRESS_SIZE + 3);
    put64(TABLES + 0, 1ull << 45 | 3); /* a table out of reach */
    assert_int_equal(try(va, ACCESS_read, NULL), FSC_ADDRESS_SIZE + 1);
    put64(TABLES + 0, 1ull << 40 | 3); /* and where nothing is */
    assert_int_equal(try(va, ACCESS_read, NULL), FSC_EXTERNAL_WALK + 2);
    map(&shapes[0], 39, va, 3, DATA | AF | CONT, 0);
    assert_int_equal(try(va, ACCESS_read, &page), -1);
    assert_int_equal(page.span, 65536);
    A64(cpu, tcr_el1) |= 1 << 7; /* EPD0 */
    arm64_mode_update(cpu);
    assert_int_equal(try(va, ACCESS_read, NULL), FSC_TRANSLATION);
    stop();
}

/* AP, UXN, PXN of the leaf; APTable, UXNTable, PXNTable; who; PAN; WXN. */
static void permissions(void **state)
{
    gva va = 0x12345678;
    (void)state;
    start();
    for (unsigned n = 0; n < 1u << 11; n++) {
        bool ap_user = n & 1, ap_ro = n & 2, uxn = n & 4, pxn = n & 8, no_user = n & 16, table_ro = n & 32, table_uxn = n & 64,
             table_pxn = n & 128;
        bool el1 = n & 256, pan = n & 512, wxn = n & 1024;
        gpa at = TABLES + 8 * (va >> 30);
        map(&shapes[0], 39, va, 3, DATA | AF | (ap_user ? AP_USER : 0) | (ap_ro ? AP_RO : 0) | (uxn ? UXN : 0) | (pxn ? PXN : 0), 0);
        put64(at, get64(at) | (uint64_t)table_pxn << 59 | (uint64_t)table_uxn << 60 | (uint64_t)no_user << 61 | (uint64_t)table_ro << 62);
        A64(cpu, sctlr_el1) = SCTLR_M | (wxn ? SCTLR_WXN : 0);
        become(el1, pan);
        bool user = ap_user && !no_user, writable = !ap_ro && !table_ro, reads, writes, runs;
        if (el1) {
            reads = !(pan && user);
            writes = reads && writable;
            runs = !pxn && !table_pxn && !(user && writable) && !(wxn && writable);
        } else {
            reads = user;
            writes = user && writable;
            runs = !uxn && !table_uxn && !(wxn && writes);
        }
        assert_int_equal(try(va, ACCESS_read, NULL), reads ? -1 : FSC_PERMISSION + 3);
        assert_int_equal(try(va, ACCESS_write, NULL), writes ? -1 : FSC_PERMISSION + 3);
        assert_int_equal(try(va, ACCESS_fetch, NULL), runs ? -1 : FSC_PERMISSION + 3);
        if (!el1)
            continue;
        cpu->as_user = true; /* as LDTR and STTR do it, whatever PAN */
        assert_int_equal(try(va, ACCESS_read, NULL), user ? -1 : FSC_PERMISSION + 3);
        assert_int_equal(try(va, ACCESS_write, NULL), user && writable ? -1 : FSC_PERMISSION + 3);
        A64(cpu, pstate) |= PSTATE_UAO;
        assert_int_equal(try(va, ACCESS_read, NULL), reads ? -1 : FSC_PERMISSION + 3);
        cpu->as_user = false;
    }
    stop();
}

/* Access flag and dirty state by hardware. */
static void updates(void **state)
{
    gva va = 0xffffff8012345678;
    struct tlb_page page;
    (void)state;
    start();
    gpa at = map(&shapes[0], 39, va, 3, DATA | AP_RO | DBM, HA);
    assert_int_equal(try(va, ACCESS_read, &page), -1);
    assert_true(get64(at) & AF);
    assert_false(page.writable);
    assert_int_equal(try(va, ACCESS_write, NULL), FSC_PERMISSION + 3);
    at = map(&shapes[0], 39, va, 3, DATA | AP_RO | DBM, HA | HD);
    assert_int_equal(try(va, ACCESS_read, &page), -1);
    assert_false(page.writable);
    assert_int_equal(get64(at) & (AP_RO | AF), AP_RO | AF);
    assert_int_equal(try(va, ACCESS_write, &page), -1);
    assert_true(page.writable);
    assert_int_equal(get64(at) & (AP_RO | AF), AF);
    at = map(&shapes[0], 39, va, 3, DATA | AP_RO, HA | HD);
    assert_int_equal(try(va, ACCESS_write, NULL), FSC_PERMISSION + 3);
    assert_false(get64(at) & AF); /* refused accesses change nothing */
    stop();
}

static void tags(void **state)
{
    gva va = 0x12345678, tagged = va | 0xabull << 56;
    struct trap trap;
    struct tlb_page page;
    (void)state;
    start();
    map(&shapes[0], 39, va, 3, DATA | AF, 0);
    assert_int_equal(try(tagged, ACCESS_read, NULL), FSC_TRANSLATION);
    assert_false(arm64_arch(cpu)->tagged);
    map(&shapes[0], 39, va, 3, DATA | AF, TBI0);
    assert_int_equal(try(tagged, ACCESS_read, &page), -1);
    assert_int_equal(page.page, DATA);
    assert_true(arm64_arch(cpu)->tagged);
    /* An insn's address loses its tag and goes on. */
    assert_false(arm64_translate(cpu, tagged, ACCESS_fetch, &page, &trap));
    cpu->pc = tagged;
    arm64_enter_trap(cpu, trap);
    assert_int_equal(cpu->pc, va);
    map(&shapes[0], 39, va | ~0ull << 39, 3, DATA | AF, TBI1);
    assert_int_equal(try((va | ~0ull << 39) & ~(0x5aull << 56), ACCESS_read, NULL), -1);
    stop();
}

/* MMU off: addresses are physical, as far as there are any. */
static void off(void **state)
{
    struct tlb_page page;
    (void)state;
    start();
    assert_int_equal(try(0x12345678, ACCESS_write, &page), -1);
    assert_int_equal(page.page, 0x12345000);
    assert_int_equal(try(1ull << 44, ACCESS_read, NULL), FSC_ADDRESS_SIZE);
    assert_int_equal(try(~0ull << 60, ACCESS_fetch, NULL), FSC_ADDRESS_SIZE);
    stop();
}

/* Everything that changes a translation changes the number of the context, or flushes. */
static void contexts(void **state)
{
    enum { N = 9 };
    uint64_t numbers[N];
    unsigned n = 0;
    (void)state;
    start();
    map(&shapes[0], 39, 0x1000, 3, DATA | AF, AS16);
    numbers[n++] = arm64_context(cpu);
    become(1, true);
    numbers[n++] = arm64_context(cpu);
    become(0, false);
    numbers[n++] = arm64_context(cpu);
    become(1, false);
    assert_int_equal(arm64_user_context(cpu), numbers[n - 1]);
    assert_int_equal(arm64_context(cpu), numbers[0]);
    set(f, SYSREG_NUMBER(3, 0, 2, 0, 0), TABLES | 0x1234ull << 48);
    assert_int_equal(arm64_asid(cpu), 0x1234);
    numbers[n++] = arm64_context(cpu);
    set(f, SYSREG_NUMBER(3, 0, 2, 0, 0), (TABLES + 4096) | 0x1234ull << 48);
    numbers[n++] = arm64_context(cpu);
    set(f, SYSREG_NUMBER(3, 0, 2, 0, 1), TABLES);
    numbers[n++] = arm64_context(cpu);
    set(f, SYSREG_NUMBER(3, 0, 2, 0, 2), A64(cpu, tcr_el1) | TBI0);
    numbers[n++] = arm64_context(cpu);
    set(f, SYSREG_NUMBER(3, 0, 1, 0, 0), SCTLR_M | SCTLR_WXN);
    numbers[n++] = arm64_context(cpu);
    set(f, SYSREG_NUMBER(3, 0, 1, 0, 0), 0);
    numbers[n++] = arm64_context(cpu);
    assert_int_equal(n, N);
    for (unsigned i = 0; i < N; i++)
        for (unsigned k = 0; k < i; k++)
            assert_int_not_equal(numbers[i], numbers[k]);
    assert_int_equal(arm64_asid(cpu), -1);
    assert_int_equal(arm64_context(cpu), numbers[N - 1]);
    /* More regimes than there are numbers: all is forgotten once. */
    set(f, SYSREG_NUMBER(3, 0, 1, 0, 0), SCTLR_M);
    seen.flushes = 0;
    for (unsigned i = 0; i < ARM64_REGIMES; i++)
        set(f, SYSREG_NUMBER(3, 0, 2, 0, 1), TABLES + 0x10000 + 4096 * i);
    assert_int_equal(seen.flushes, 1);
    stop();
}

/* Is the page in the TLB after an access? */
static bool keeps(gva va)
{
    uint64_t value[2];
    memset(&f->tlb.read, 0xff, sizeof f->tlb.read);
    assert_true(cpu_load(cpu, va, 8, 0, value));
    return tlb_hit(&f->tlb.read[tlb_index(va)], va, 8);
}

/* Data of kernels with PAN, too, but nothing else. */
static void shared_contexts(void **state)
{
    const gva high = ~0ull << 39 | 0x5000;
    (void)state;
    start();
    map(&shapes[0], 39, high, 3, DATA | AF, AS16);
    assert_int_equal(arm64_shared_context(cpu), 0);
    A64(cpu, pstate) |= PSTATE_PAN;
    uint64_t number = arm64_shared_context(cpu);
    assert_int_not_equal(number, 0);
    assert_int_not_equal(number, arm64_context(cpu));
    set(f, SYSREG_NUMBER(3, 0, 2, 0, 0), TABLES | 0x1234ull << 48);
    assert_int_equal(arm64_shared_context(cpu), number);
    set(f, SYSREG_NUMBER(3, 0, 2, 0, 1), TABLES + 4096);
    assert_int_not_equal(arm64_shared_context(cpu), number);
    become(0, false);
    assert_int_equal(arm64_shared_context(cpu), 0);
    become(1, false);
    for (unsigned shared = 0; shared < 2; shared++) {
        f->tlb.shared = shared;
        cpu->unshared = 0;
        map(&shapes[0], 39, high, 3, DATA | AF, AS16);
        assert_true(keeps(high));
        map(&shapes[0], 39, high, 3, DATA | AF | NG, AS16);
        assert_int_equal(keeps(high), !shared);
        map(&shapes[0], 39, 0x5000, 3, DATA | AF, AS16);
        assert_int_equal(keeps(0x5000), !shared);
        assert_int_equal(cpu->unshared, 2 * shared);
    }
    atomic_store(&cpu->events, 0);
    while (cpu->unshared < CPU_UNSHARED_MAX)
        keeps(0x5000);
    assert_int_equal(atomic_load(&cpu->events), CPU_EVENT_irq);
    stop();
}

/* Kernel code from global pages is the same for all address spaces. */
static void spaces(void **state)
{
    (void)state;
    start();
    map(&shapes[0], 39, 0x1000, 3, DATA | AF, AS16);
    uint64_t shared = arm64_code_space(cpu, true), own = arm64_code_space(cpu, false);
    assert_int_not_equal(shared, own);
    set(f, SYSREG_NUMBER(3, 0, 2, 0, 0), (TABLES + 4096) | 7ull << 48);
    assert_int_equal(arm64_code_space(cpu, true), shared);
    assert_int_not_equal(arm64_code_space(cpu, false), own);
    become(0, false);
    assert_int_equal(arm64_code_space(cpu, true), arm64_code_space(cpu, false));
    stop();
}

static uint32_t sys(unsigned op1, unsigned n, unsigned m, unsigned op2) { return 0xd5080000 | op1 << 16 | n << 12 | m << 8 | op2 << 5 | 6; }

static void flushes(void **state)
{
    (void)state;
    start();
    map(&shapes[0], 39, 0x1000, 3, DATA | AF | NG, AS16);
    assert_int_equal(try(0x1000, ACCESS_read, NULL), -1);
    memset(&seen, 0, sizeof seen);
    assert_true(run_insn(f, 0xd508871f)); /* vmalle1 */
    assert_true(seen.flushes == 1 && seen.asid == -1 && !seen.broadcasts);
    assert_true(run_insn(f, 0xd508831f)); /* vmalle1is */
    assert_true(seen.flushes == 2 && seen.broadcasts == 1);
    assert_true(run_insn(f, 0xd5033a9f)); /* dsb ishst: completes no TLBI */
    assert_int_equal(seen.settled, 0);
    assert_true(run_insn(f, 0xd5033b9f)); /* dsb ish */
    assert_int_equal(seen.settled, 1);
    A64N(cpu, x, 6) = 0x55ull << 48 | 0x12345;
    assert_true(run_insn(f, sys(0, 8, 3, 1))); /* vae1is */
    assert_true(seen.page_flushes == 1 && seen.asid == 0x55 && seen.va == 0x12345000 && seen.broadcasts == 2);
    seen.told.fn(cpu, seen.told.what, seen.told.value); /* what the others do */
    assert_true(seen.page_flushes == 2 && seen.asid == 0x55 && seen.va == 0x12345000);
    seen.told.fn(cpu, 0, 0);
    assert_true(seen.flushes == 3 && seen.asid == -1);
    seen.page_flushes = 1;
    seen.flushes = 2;
    assert_true(run_insn(f, sys(0, 8, 7, 2))); /* aside1 */
    assert_true(seen.flushes == 3 && seen.asid == 0x55);
    assert_true(run_insn(f, sys(0, 8, 7, 3))); /* vaae1 */
    assert_true(seen.page_flushes == 2 && seen.asid == -1);
    A64N(cpu, x, 6) = 0x55ull << 48 | (~0ull >> 20); /* the last page: of the kernel's half, for all */
    assert_true(run_insn(f, sys(0, 8, 7, 5)));
    assert_true(seen.page_flushes == 3 && seen.asid == -1 && seen.va == ~0xfffull);
    /* Global pages of the lower half must go with every ASID. */
    map(&shapes[0], 39, 0x1000, 3, DATA | AF, AS16);
    assert_int_equal(try(0x1000, ACCESS_read, NULL), -1);
    A64N(cpu, x, 6) = 0x55ull << 48 | 1;
    assert_true(run_insn(f, sys(0, 8, 7, 1)));
    assert_true(seen.page_flushes == 4 && seen.asid == -1);
    assert_true(run_insn(f, 0xd508871f));
    /* Ranges: 4 KiB granule, num 1, scale 0: four pages. */
    A64N(cpu, x, 6) = 0x55ull << 48 | 1ull << 46 | 1ull << 39 | 0x100;
    assert_true(run_insn(f, sys(0, 8, 6, 1)));
    assert_true(seen.page_flushes == 8 && seen.va == 0x103000 && seen.asid == 0x55);
    A64N(cpu, x, 6) |= 3ull << 44;
    seen.flushes = 0;
    assert_true(run_insn(f, sys(0, 8, 2, 1))); /* too many pages: all of the ASID */
    assert_true(seen.flushes == 1 && seen.asid == 0x55);
    A64N(cpu, x, 6) |= 1ull << 36; /* the kernel's half */
    assert_true(run_insn(f, sys(0, 8, 2, 1)));
    assert_true(seen.flushes == 2 && seen.asid == -1);
    become(0, false);
    assert_false(run_insn(f, 0xd508871f));
    assert_int_equal(cpu->trap.kind, ARM64_TRAP_undef);
    stop();
}

static void asks(void **state)
{
    enum { PAR = SYSREG_NUMBER(3, 0, 7, 4, 0) };
    (void)state;
    start();
    map(&shapes[0], 39, 0x1000, 3, DATA | AF | 3 << 8 | 1 << 2, 0);
    A64(cpu, mair_el1) = 0xff00;
    A64N(cpu, x, 6) = 0x1234;
    assert_true(run_insn(f, sys(0, 7, 8, 0))); /* s1e1r */
    assert_int_equal(get(f, PAR), 0xffull << 56 | DATA | 3 << 7 | 1 << 9 | 1 << 11);
    assert_true(run_insn(f, sys(0, 7, 8, 2))); /* s1e0r */
    assert_int_equal(get(f, PAR), 1 | (FSC_PERMISSION + 3) << 1 | 1 << 11);
    A64N(cpu, x, 6) = 0x5000;
    assert_true(run_insn(f, sys(0, 7, 8, 1)));
    assert_int_equal(get(f, PAR), 1 | (FSC_TRANSLATION + 3) << 1 | 1 << 11);
    stop();
}

/* LDTR and STTR: another TLB, the rights of EL0. */
static void unprivileged(void **state)
{
    (void)state;
    start();
    gpa at = map(&shapes[0], 39, 0x1000, 3, DATA | AF, 0);
    put64(DATA, 0x1122334455667788);
    A64N(cpu, x, 1) = 0x1000;
    assert_true(run_insn(f, 0xf9400020)); /* ldr x0, [x1] */
    assert_int_equal(A64N(cpu, x, 0), 0x1122334455667788);
    assert_false(run_insn(f, 0xf8400820)); /* ldtr x0, [x1] */
    assert_int_equal(cpu->trap.kind >> ARM64_TRAP_ISS, FSC_PERMISSION + 3);
    put64(at, get64(at) | AP_USER);
    become(1, true);
    memset(&f->tlb, 0xff, sizeof f->tlb);
    assert_false(run_insn(f, 0xf9400020));
    for (unsigned i = 0; i < 2; i++) {
        A64N(cpu, x, 0) = 0;
        assert_true(run_insn(f, 0xf8400820));
        assert_int_equal(A64N(cpu, x, 0), 0x1122334455667788);
    }
    A64N(cpu, x, 0) = 5;
    assert_true(run_insn(f, 0xf8000820)); /* sttr x0, [x1] */
    assert_true(run_insn(f, 0xf8000820));
    assert_int_equal(get64(DATA), 5);
    assert_false(run_insn(f, 0xf9400020)); /* what it found is no one else's */
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels),          cmocka_unit_test(guarded), cmocka_unit_test(faults),  cmocka_unit_test(permissions),
        cmocka_unit_test(updates),         cmocka_unit_test(tags),    cmocka_unit_test(off),     cmocka_unit_test(contexts),
        cmocka_unit_test(shared_contexts), cmocka_unit_test(spaces),  cmocka_unit_test(flushes), cmocka_unit_test(asks),
        cmocka_unit_test(unprivileged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
