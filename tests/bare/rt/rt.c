/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The runtime's C part: start, trap records, cases, other harts. The invariant: between cases all harts but 0 wait in rt_start. */
#include "rt.h"
#include <stdarg.h>

_Static_assert(offsetof(struct hart, resume) == HART_resume && offsetof(struct hart, site) == HART_site, "");
_Static_assert(offsetof(struct hart, call_sp) == HART_call_sp && offsetof(struct hart, trap_sp) == HART_trap_sp, "");
_Static_assert(offsetof(struct hart, strap_sp) == HART_strap_sp && offsetof(struct hart, frame) == HART_frame, "");
_Static_assert(offsetof(struct hart, sframe) == HART_sframe && offsetof(struct hart, leave) == HART_leave, "");

enum { SP = 2, A0 = 10, A7 = 17 };

struct hart harts[HART_MAX];
uint32_t insn_slot[1024] ALIGNED(4096); /* a page of its own: data in a page with code would be slow to write */
extern char stacks[], trap_stacks[];
void call_done(void);
void rt_start(uint64_t id);
void trap_taken(struct hart *h);
void strap_taken(struct hart *h);
static bool case_failed;
static const char *case_skipped; /* why */
static unsigned failures;
static volatile unsigned present; /* harts that have arrived */

/* ---- start ---- */

static void rt_reset(void)
{
    csr_write(CSR_mstatus, 0);
    csr_write(CSR_mie, 0);
    csr_write(CSR_medeleg, 0);
    csr_write(CSR_mideleg, 0);
    csr_write(CSR_satp, 0);
    csr_write(CSR_mcounteren, 0);
    csr_write(CSR_scounteren, 0);
    csr_write(CSR_mcountinhibit, 0);
    csr_write(CSR_mtvec, (uint64_t)trap_entry);
    csr_write(CSR_stvec, (uint64_t)strap_entry);
    csr_write(CSR_mscratch, (uint64_t)self());
    csr_write(CSR_sscratch, (uint64_t)self());
    csr_write(CSR_mip, 0);
    csr_write(CSR_menvcfg, 0);
    csr_write(CSR_senvcfg, 0);
    MSIP(self()->id) = 0;
    MTIMECMP(self()->id) = ~0ul;
    /* The last PMP entry lets everybody do everything; the others are the cases' own. */
    csr_write(CSR_pmpcfg0, 0);
    csr_write(CSR_pmpcfg2, (PMP_NAPOT | PMP_R | PMP_W | PMP_X) << 56);
    csr_write(CSR_pmpaddr0 + 15, ~0ul);
    sfence_vma();
    self()->on_trap = NULL;
    self()->resume = self()->call_sp = self()->leave = self()->depth = 0;
    trap_clear();
}

static void run_cases(void)
{
    unsigned count = 0;
    while (tests[count].run)
        count++;
    print("1..%d\n", (uint64_t)count);
    for (unsigned i = 0; i < count; i++) {
        case_failed = false;
        case_skipped = NULL;
        rt_reset();
        row("");
        tests[i].run();
        print("%s %d - %s%s%s\n", case_failed ? "not ok" : "ok", (uint64_t)i + 1, tests[i].name, case_skipped ? " # SKIP " : "",
              case_skipped ? case_skipped : "");
        failures += case_failed;
    }
}

void rt_start(uint64_t id)
{
    struct hart *h = &harts[id];
    h->id = id;
    h->trap_sp = (uint64_t)trap_stacks + STACK_SIZE * (id + 1);
    h->strap_sp = h->trap_sp - STACK_SIZE / 2;
    asm volatile("mv tp, %0" ::"r"(h));
    rt_reset();
    __atomic_fetch_add(&present, 1, __ATOMIC_SEQ_CST);
    if (!id) {
        run_cases();
        rt_exit(failures != 0);
    }
    for (;;) {
        csr_write(CSR_mie, 1 << IRQ_M_SOFT);
        asm volatile("wfi");
        MSIP(id) = 0;
        fence();
        void (*work)(void *) = __atomic_load_n(&h->work, __ATOMIC_ACQUIRE);
        if (work) {
            work(h->arg);
            rt_reset();
            __atomic_store_n(&h->work, NULL, __ATOMIC_RELEASE);
        }
    }
}

/* ---- other harts ---- */

bool harts_need(unsigned count)
{
    for (uint64_t end = MTIME + 20000000; present < count;) /* 2 s; all start together */
        if (MTIME > end) {
            skip("needs more harts");
            return false;
        }
    return true;
}

void hart_start(unsigned id, void (*work)(void *arg), void *arg)
{
    harts[id].arg = arg;
    __atomic_store_n(&harts[id].work, work, __ATOMIC_RELEASE);
    fence();
    MSIP(id) = 1;
}

void hart_join(unsigned id)
{
    while (__atomic_load_n(&harts[id].work, __ATOMIC_ACQUIRE))
        asm volatile(".4byte 0x0100000f"); /* pause */
}

void hart_run_all(void (*work)(void *arg), unsigned count)
{
    for (unsigned i = 1; i < count; i++)
        hart_start(i, work, (void *)(uint64_t)i);
    work((void *)0);
    for (unsigned i = 1; i < count; i++)
        hart_join(i);
}

/* ---- traps ---- */

static void leave_call(struct hart *h)
{
    h->frame[SP] = h->call_sp;
    csr_write(CSR_mepc, (uint64_t)call_done);
    csr_set(CSR_mstatus, STATUS_MPP);
    h->leave = 0;
}

void trap_taken(struct hart *h)
{
    uint64_t cause = csr_read(CSR_mcause), status = csr_read(CSR_mstatus), epc = csr_read(CSR_mepc), tval = csr_read(CSR_mtval);
    bool lower = (status & STATUS_MPP) != STATUS_MPP;

    if (h->depth++)
        rt_panic("trap %x at %x (%x) inside the trap handler", cause, epc, tval);
    if (lower && h->call_sp && (cause == CAUSE_ecall_u || cause == CAUSE_ecall_s) && h->frame[A7] == CALL_MAGIC) {
        leave_call(h);
    } else {
        h->m = (struct trap){h->m.count + 1, cause, epc, tval, status};
        if (!h->on_trap || !h->on_trap(h, false)) {
            if (h->resume)
                csr_write(CSR_mepc, h->resume);
            else if (lower && h->call_sp)
                leave_call(h);
            else
                rt_panic("unexpected trap %x at %x (%x)", cause, epc, tval);
            h->resume = 0;
            csr_clear(CSR_mstatus, STATUS_MPRV);
        }
    }
    h->depth--;
}

void strap_taken(struct hart *h)
{
    h->s = (struct trap){h->s.count + 1, csr_read(CSR_scause), csr_read(CSR_sepc), csr_read(CSR_stval), csr_read(CSR_sstatus)};
    if (h->on_trap && h->on_trap(h, true))
        return;
    if (h->resume)
        csr_write(CSR_sepc, h->resume);
    else
        h->leave = 1;
    h->resume = 0;
}

void trap_clear(void)
{
    memset(&self()->m, 0, sizeof self()->m);
    memset(&self()->s, 0, sizeof self()->s);
}

bool check_trap(const struct trap *t, uint64_t cause, uint64_t epc, uint64_t tval, const char *file, int line)
{
    bool ok = check_eq(t->count, 1, file, line, "traps == 1");
    ok = ok && check_eq(t->cause, cause, file, line, "cause");
    ok = ok && check_eq(t->epc, epc, file, line, "epc");
    ok = ok && check_eq(t->tval, tval, file, line, "tval");
    trap_clear();
    return ok;
}

uint64_t insn_in(uint64_t mode, uint32_t word, uint64_t a0, uint64_t a1, bool *ran)
{
    struct hart *h = self();
    register uint64_t r0 asm("a0") = a0;
    register uint64_t r1 asm("a1") = a1;

    insn_slot[0] = word;
    insn_slot[1] = 0x00008067; /* ret */
    fence_i();
    trap_clear();
    h->site = (uint64_t)insn_slot;
    if (mode == MODE_M) {
        h->resume = (uint64_t)&insn_slot[1];
        asm volatile("jalr %2" : "+r"(r0), "+r"(r1) : "r"(insn_slot) : "ra", "memory");
        h->resume = 0;
    } else {
        r0 = call_in(mode, (uint64_t)insn_slot, a0, 0, a1);
    }
    if (ran)
        *ran = !h->m.count && !h->s.count;
    return r0;
}

/* ---- output ---- */

static volatile uint32_t output_lock;
static char row_text[96];

static void put(char c)
{
    while (!(UART[5] & 0x20))
        ;
    UART[0] = (uint8_t)c;
}

struct sink {
    char *at, *end; /* NULL: the UART */
};

static void emit(struct sink *sink, char c)
{
    if (!sink->at)
        put(c);
    else if (sink->at < sink->end)
        *sink->at++ = c;
}

static void number(struct sink *sink, uint64_t v, unsigned base)
{
    char digits[20];
    int n = 0;
    do
        digits[n++] = "0123456789abcdef"[v % base];
    while (v /= base);
    while (n)
        emit(sink, digits[--n]);
}

static void format(struct sink *sink, const char *text, va_list args)
{
    for (; *text; text++) {
        if (*text != '%') {
            emit(sink, *text);
            continue;
        }
        switch (*++text) {
        case 's':
            for (const char *s = va_arg(args, const char *); *s; s++)
                emit(sink, *s);
            break;
        case 'd':
            number(sink, va_arg(args, uint64_t), 10);
            break;
        case 'x':
            emit(sink, '0');
            emit(sink, 'x');
            number(sink, va_arg(args, uint64_t), 16);
            break;
        default:
            emit(sink, *text);
        }
    }
}

static void lock(void)
{
    while (__atomic_exchange_n(&output_lock, 1, __ATOMIC_ACQUIRE))
        ;
}

static void unlock(void) { __atomic_store_n(&output_lock, 0, __ATOMIC_RELEASE); }

void print(const char *text, ...)
{
    struct sink uart = {NULL, NULL};
    va_list args;
    va_start(args, text);
    lock();
    format(&uart, text, args);
    unlock();
    va_end(args);
}

void row(const char *text, ...)
{
    struct sink sink = {row_text, row_text + sizeof row_text - 1};
    va_list args;
    va_start(args, text);
    format(&sink, text, args);
    *sink.at = 0;
    va_end(args);
}

void rt_exit(unsigned code)
{
    for (;;)
        *FINISHER = code ? code << 16 | 0x3333 : 0x5555;
}

void rt_panic(const char *text, ...)
{
    struct sink uart = {NULL, NULL};
    va_list args;
    va_start(args, text);
    print("Bail out! hart %d: %s ", self()->id, row_text);
    format(&uart, text, args);
    print("\n");
    va_end(args);
    rt_exit(2);
}

void skip(const char *why) { case_skipped = why; }

bool check(bool ok, const char *file, int line, const char *what)
{
    if (ok)
        return true;
    case_failed = true;
    print("# %s:%d: %s%s%s\n", file, (uint64_t)line, row_text, row_text[0] ? ": " : "", what);
    return false;
}

bool check_eq(uint64_t a, uint64_t b, const char *file, int line, const char *what)
{
    if (a == b)
        return true;
    case_failed = true;
    print("# %s:%d: %s%s%s: %x, expected %x\n", file, (uint64_t)line, row_text, row_text[0] ? ": " : "", what, a, b);
    return false;
}

void *memset(void *to, int byte, size_t n)
{
    for (char *p = to; n--;)
        *p++ = (char)byte;
    return to;
}

void *memcpy(void *to, const void *from, size_t n)
{
    char *p = to;
    for (const char *f = from; n--;)
        *p++ = *f++;
    return to;
}
