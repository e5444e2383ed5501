/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The runtime's C part in M mode: start, trap records, other harts. The invariant: between cases all harts but 0 wait in rt_start. */
#include "rt.h"

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
static volatile unsigned present; /* harts that have arrived, a bit each */

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

void rt_start(uint64_t id)
{
    struct hart *h = &harts[id];
    h->id = id;
    h->trap_sp = (uint64_t)trap_stacks + STACK_SIZE * (id + 1);
    h->strap_sp = h->trap_sp - STACK_SIZE / 2;
    asm volatile("mv tp, %0" ::"r"(h));
    rt_reset();
    __atomic_fetch_or(&present, 1u << id, __ATOMIC_SEQ_CST);
    if (!id)
        rt_exit(run_cases(rt_reset) != 0);
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

bool hart_present(unsigned id) { return present >> id & 1; } /* all start together */
void hart_kick(unsigned id) { MSIP(id) = 1; }

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
    uint64_t result;

    insn_slot[0] = word;
    insn_slot[1] = 0x00008067; /* ret */
    fence_i();
    trap_clear();
    h->site = (uint64_t)insn_slot;
    if (mode == MODE_M) {
        h->resume = (uint64_t)&insn_slot[1];
        asm volatile("mv a0, %1\n mv a1, %2\n jalr %3\n mv %0, a0"
                     : "=r"(result)
                     : "r"(a0), "r"(a1), "r"(insn_slot)
                     : "ra", "a0", "a1", "memory");
        h->resume = 0;
    } else {
        result = call_in(mode, (uint64_t)insn_slot, a0, 0, a1);
    }
    if (ran)
        *ran = !h->m.count && !h->s.count;
    return result;
}
