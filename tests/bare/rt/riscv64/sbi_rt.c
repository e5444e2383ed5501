/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* C part of sbi_rt.h: calls, starts, traps. */
#include "sbi_rt.h"

struct shart sharts[SHART_MAX];
uint64_t boot_hart __attribute__((section(".data"))), boot_dt __attribute__((section(".data")));
extern char strap_stacks[];
void sbi_main(uint64_t id, uint64_t opaque, uint64_t satp, uint64_t sstatus, uint64_t sie) __attribute__((noreturn));
void sbi_secondary(uint64_t id, uint64_t opaque, uint64_t satp, uint64_t sstatus, uint64_t sie) __attribute__((noreturn));
void strap_c(struct shart *h);
void program_start(void); /* the program's: before the cases */

struct sbiret sbi(uint64_t extension, uint64_t function, uint64_t x0, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4)
{
    register uint64_t a0 asm("a0") = x0;
    register uint64_t a1 asm("a1") = x1;
    register uint64_t a2 asm("a2") = x2;
    register uint64_t a3 asm("a3") = x3;
    register uint64_t a4 asm("a4") = x4;
    register uint64_t a6 asm("a6") = function;
    register uint64_t a7 asm("a7") = extension;
    asm volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7) : "memory");
    return (struct sbiret){(int64_t)a0, a1};
}

static void reset(void)
{
    struct shart *h = sself();
    csr_write(CSR_sie, 0);
    csr_clear(CSR_sstatus, STATUS_SIE);
    csr_clear(CSR_sip, 1 << IRQ_S_SOFT);
    h->interrupts = h->traps = h->resume = 0;
}

static void note_start(uint64_t id, uint64_t opaque, uint64_t satp, uint64_t sstatus, uint64_t sie)
{
    struct shart *h = sself();
    h->trap_sp = (uint64_t)strap_stacks + SSTACK * (id + 1);
    h->id = id;
    h->opaque = opaque;
    h->satp = satp;
    h->sstatus = sstatus;
    h->sie = sie;
}

void sbi_main(uint64_t id, uint64_t opaque, uint64_t satp, uint64_t sstatus, uint64_t sie)
{
    note_start(id, opaque, satp, sstatus, sie);
    program_start();
    if (!run_cases(reset))
        sbi(0x53525354, 0, 0, 0, 0, 0, 0); /* SRST: shutdown */
    rt_exit(1);
}

void sbi_secondary(uint64_t id, uint64_t opaque, uint64_t satp, uint64_t sstatus, uint64_t sie)
{
    struct shart *h = sself();
    note_start(id, opaque, satp, sstatus, sie);
    reset();
    void (*work)(struct shart *) = __atomic_load_n(&h->work, __ATOMIC_ACQUIRE);
    if (work)
        work(h);
    __atomic_store_n(&h->work, NULL, __ATOMIC_RELEASE);
    sbi(0x48534d, 1, 0, 0, 0, 0, 0); /* HSM: stop */
    rt_panic("a hart came back from its stop");
}

void strap_c(struct shart *h)
{
    uint64_t cause = csr_read(CSR_scause);
    if (cause & INTERRUPT) {
        h->interrupts |= 1ul << (cause & 63);
        if ((cause & 63) == IRQ_S_SOFT)
            csr_clear(CSR_sip, 1 << IRQ_S_SOFT);
        else
            csr_clear(CSR_sie, 1ul << (cause & 63));
        return;
    }
    h->traps++;
    h->cause = cause;
    h->tval = csr_read(CSR_stval);
    if (!h->resume)
        rt_panic("hart %d: unexpected trap %x at %x (%x)", h->id, cause, csr_read(CSR_sepc), h->tval);
    csr_write(CSR_sepc, h->resume);
    h->resume = 0;
}
