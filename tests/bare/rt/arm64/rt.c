/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The runtime's C part: start, trap records, calls of the firmware. The invariant: between cases all vCPUs but 0 are off. */
#include "rt.h"
#include "paging.h"

_Static_assert(offsetof(struct hart, resume) == HART_resume && offsetof(struct hart, site) == HART_site, "");
_Static_assert(offsetof(struct hart, call_sp) == HART_call_sp && offsetof(struct hart, trap_sp) == HART_trap_sp, "");
_Static_assert(offsetof(struct hart, scratch) == HART_scratch && sizeof(struct hart) == HART_SIZE, "");
_Static_assert(offsetof(struct frame, sp) == FRAME_sp && offsetof(struct frame, elr) == FRAME_elr, "");
_Static_assert(offsetof(struct hart, call_el) == HART_call_el, "");
_Static_assert(sizeof(struct frame) == FRAME_SIZE, "");

enum { PSCI_CPU_OFF = 0x84000002, PSCI_CPU_ON = 0xc4000003, PSCI_AFFINITY_INFO = 0xc4000004, PSCI_IS_OFF = 1 };

struct hart harts[HART_MAX] ALIGNED(64);
uint32_t insn_slot[1024] CODE;
extern char trap_stacks[], vectors_el1[], vectors_el2[];
void call_done(void);
void secondary_start(void);
void rt_start(uint64_t id);
void trap_taken(struct hart *h, struct frame *f, uint64_t vector, uint64_t el);

/* ---- start ---- */

static void rt_reset(void)
{
    struct hart *h = self();
    asm volatile("msr daifset, #15");
    if (current_el() == 2) {
        sys_write("hcr_el2", HCR_E2H | HCR_RW);
        sys_write("cptr_el2", 3ul << 20);
        sys_write("cnthctl_el2", 3ul << 10 | 3);
        sys_write("cntvoff_el2", 0);
        sys_write("mdcr_el2", 0);
        sys_write("vmpidr_el2", sys_read("mpidr_el1"));
        sys_write("vpidr_el2", sys_read("midr_el1"));
        sys_write("vbar_el12", vectors_el1);
        sys_write("sctlr_el12", SCTLR_BASE);
        sys_write("cntkctl_el12", 3);
        sys_write("cpacr_el12", 3ul << 20);
        sys_write("vbar_el2", vectors_el2);
        sys_write("cnthp_ctl_el2", 0);
    } else {
        sys_write("vbar_el1", vectors_el1);
        sys_write("cpacr_el1", 3ul << 20);
        sys_write("cntkctl_el1", 3);
    }
    sys_write("cntp_ctl_el0", 0);
    sys_write("cntv_ctl_el0", 0);
    sys_write("mdscr_el1", 0);
    asm volatile("msr s3_0_c4_c2_3, xzr\n msr s3_0_c4_c2_4, xzr"); /* PAN, UAO */
    h->trap_sp = (uint64_t)trap_stacks + STACK_SIZE * (h->id + 1);
    h->on_trap = NULL;
    h->resume = h->call_sp = 0;
    space_plain();
    trap_clear();
}

void rt_start(uint64_t id)
{
    struct hart *h = self();
    h->id = id;
    rt_reset();
    if (!id)
        rt_exit(run_cases(rt_reset) != 0);
    h->work(h->arg);
    __atomic_store_n(&h->work, NULL, __ATOMIC_RELEASE);
    psci(PSCI_CPU_OFF, 0, 0, 0);
    rt_panic("a vCPU came back from its end");
}

/* ---- firmware ---- */

int64_t psci(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 asm("x0") = function;
    register uint64_t x1 asm("x1") = a;
    register uint64_t x2 asm("x2") = b;
    register uint64_t x3 asm("x3") = c;
    if (current_el() == 2)
        asm volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory");
    else
        asm volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory");
    return (int64_t)x0;
}

bool hart_present(unsigned id) { return psci(PSCI_AFFINITY_INFO, id, 0, 0) >= 0; }

void hart_kick(unsigned id)
{
    while (psci(PSCI_AFFINITY_INFO, id, 0, 0) != PSCI_IS_OFF)
        relax();
    if (psci(PSCI_CPU_ON, id, (uint64_t)secondary_start, id))
        rt_panic("vCPU %d does not start", (uint64_t)id);
}

void code_sync(const void *at, size_t len)
{
    uint64_t ctr = sys_read("ctr_el0"), dline = 4ul << (ctr >> 16 & 15), iline = 4ul << (ctr & 15);
    for (uint64_t a = (uint64_t)at & ~(dline - 1); a < (uint64_t)at + len; a += dline)
        asm volatile("dc cvau, %0" ::"r"(a) : "memory");
    asm volatile("dsb ish" ::: "memory");
    for (uint64_t a = (uint64_t)at & ~(iline - 1); a < (uint64_t)at + len; a += iline)
        asm volatile("ic ivau, %0" ::"r"(a) : "memory");
    asm volatile("dsb ish\n isb" ::: "memory");
}

/* ---- traps ---- */

static void leave_call(struct hart *h, struct frame *f)
{
    f->sp = h->call_sp;
    f->elr = (uint64_t)call_done;
    f->spsr = (current_el() == 2 ? EL2h : EL1h) | PSTATE_DAIF;
}

/* Where call_in() came from is above: on to there, with the result. */
static void pass_on(struct frame *f)
{
    register uint64_t x0 asm("x0") = f->x[0];
    asm volatile("hvc %1" : : "r"(x0), "i"(CALL_MAGIC) : "memory");
}

static bool ends_call(const struct trap *t)
{
    unsigned class = (unsigned)(t->esr >> 26);
    return (class == EC_svc || class == EC_hvc) && (t->esr & 0xffff) == CALL_MAGIC;
}

static void go_on(struct hart *h, struct frame *f, const struct trap *t)
{
    bool sync = t->vector % 4 == VECTOR_sync;
    if (h->on_trap && h->on_trap(h, f, (unsigned)t->vector))
        return;
    if (sync && h->resume) {
        f->elr = h->resume;
        f->spsr &= ~PSTATE_IL;
    } else if (sync && h->call_sp && t->el == 1 && h->call_el == 2)
        pass_on(f);
    else if (sync && h->call_sp)
        leave_call(h, f);
    else
        rt_panic("unexpected trap by vector %d: ESR %x, FAR %x, ELR %x, SPSR %x", t->vector, t->esr, t->far, t->elr, t->spsr);
    h->resume = 0;
}

void trap_taken(struct hart *h, struct frame *f, uint64_t vector, uint64_t el)
{
    struct trap t = {.vector = vector, .el = el, .elr = f->elr, .spsr = f->spsr};
    t.esr = el == 2 ? sys_read("esr_el2") : sys_read("esr_el1");
    t.far = el == 2 ? sys_read("far_el2") : sys_read("far_el1");
    if (vector % 4 == VECTOR_sync && h->call_sp && ends_call(&t)) {
        if (el == 1 && h->call_el == 2)
            pass_on(f);
        leave_call(h, f);
        return;
    }
    t.count = h->last.count + 1;
    h->last = t;
    go_on(h, f, &t);
}

void trap_clear(void) { memset(&self()->last, 0, sizeof self()->last); }

bool check_trap(uint64_t vector, uint64_t esr, uint64_t elr, const char *file, int line)
{
    const struct trap *t = &self()->last;
    bool ok = check_eq(t->count, 1, file, line, "traps == 1");
    ok = ok && check_eq(t->vector, vector, file, line, "vector");
    ok = ok && check_eq(t->esr, esr, file, line, "ESR");
    ok = ok && check_eq(t->elr, elr, file, line, "ELR");
    trap_clear();
    return ok;
}

bool check_abort(uint64_t vector, uint64_t esr, uint64_t far, uint64_t elr, const char *file, int line)
{
    bool ok = check_eq(self()->last.far, far, file, line, "FAR");
    return check_trap(vector, esr, elr, file, line) && ok;
}

uint64_t insn_in(uint64_t pstate, uint32_t word, uint64_t x0, uint64_t x1, bool *ran)
{
    struct hart *h = self();
    bool alias = !(pstate & 0xc) && (current_el() == 1 || sys_read("hcr_el2") & HCR_TGE);
    insn_slot[0] = word;
    insn_slot[1] = 0xd65f03c0; /* ret */
    code_sync(insn_slot, 8);
    trap_clear();
    h->site = alias ? SLOT_OF_EL0 : (uint64_t)insn_slot;
    uint64_t result = call_in(pstate, h->site, x0, 0, x1);
    if (ran)
        *ran = !h->last.count;
    return result;
}
