/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Runtime of the bare programs of arm64: vCPU 0 starts them at EL1, or at EL2 where the machine has it, in an address space that maps memory
 * to itself (paging.h); the others are off until PSCI starts them, and off again after their work. A program is a table `tests` of cases, each
 * run from the same machine state (rt_reset); the last trap is recorded in the vCPU's struct hart, to which x18 points at every level.
 * At EL2 HCR_EL2.E2H is set, so that registers named EL1 are those of the level that runs, as for a hypervisor that is a host's kernel.
 */
#pragma once

#define HART_MAX     8
#define STACK_SIZE   32768
#define HANDLER_SIZE 2048   /* of the stack, for one handler */
#define CALL_MAGIC   0xba5e /* immediate of the SVC or HVC that ends call_in() */
#define HART_resume  0      /* offsets in struct hart, for assembly */
#define HART_site    8
#define HART_call_sp 16
#define HART_trap_sp 24
#define HART_scratch 32
#define HART_call_el 48
#define HART_SIZE    256
#define FRAME_sp     248 /* offsets in struct frame */
#define FRAME_elr    256
#define FRAME_SIZE   288

#define EL0t 0 /* PSTATE.M */
#define EL1t 4
#define EL1h 5
#define EL2t 8
#define EL2h 9

#ifndef __ASSEMBLER__
#include "harts.h"
#include "order.h"
#include "report.h"
#include "sys.h"

/* The registers of interrupted code; an interrupt handler may be interrupted itself, with another frame. */
struct frame {
    uint64_t x[31], sp; /* sp: of the level that took the trap */
    uint64_t elr, spsr, pad[2];
};

struct trap {
    uint64_t count;  /* since trap_clear() */
    uint64_t vector; /* 0 to 15: offset / 128 */
    uint64_t el;     /* the level that took it */
    uint64_t esr, far, elr, spsr;
};

struct hart {
    uint64_t resume;  /* where to go on after a synchronous trap; 0: see trap_taken() */
    uint64_t site;    /* of the insn that TRY expects to trap */
    uint64_t call_sp; /* stack of the call_in() that is under way, 0: none */
    uint64_t trap_sp; /* the next frame ends here */
    uint64_t scratch[2];
    uint64_t call_el; /* the level that called call_in() */
    uint64_t id;
    struct trap last;
    bool (*on_trap)(struct hart *, struct frame *, unsigned vector); /* sees it first; true: go on where the frame says */
    void (*volatile work)(void *arg);                                /* what hart_start() wants of this one */
    void *arg;
    uint64_t pad[14];
};

extern struct hart harts[HART_MAX];
static inline struct hart *self(void)
{
    struct hart *h;
    asm volatile("mov %0, x18" : "=r"(h));
    return h;
}
static inline unsigned current_el(void) { return (unsigned)sys_read("currentel") >> 2; }

/* ---- traps ---- */
enum { VECTOR_sync, VECTOR_irq, VECTOR_fiq, VECTOR_serror, VECTOR_spx = 4, VECTOR_lower = 8 };
void trap_clear(void);
bool check_trap(uint64_t vector, uint64_t esr, uint64_t elr, const char *file, int line);
bool check_abort(uint64_t vector, uint64_t esr, uint64_t far, uint64_t elr, const char *file, int line);
/* One synchronous trap since trap_clear(), from this level, at TRY's insn. */
#define CHECK_TRAP(esr)       check_trap(VECTOR_spx, esr, self()->site, __FILE_NAME__, __LINE__)
#define CHECK_ABORT(esr, far) check_abort(VECTOR_spx, esr, (uint64_t)(far), self()->site, __FILE_NAME__, __LINE__)
#define CHECK_NO_TRAP()       check_eq(self()->last.count, 0, __FILE_NAME__, __LINE__, "traps == 0")

#define STRING_(x) #x
#define STRING(x)  STRING_(x)
/* Assembly that may trap at its first insn and then goes on after its last. x15 to x17 and x30 are free in it. */
#define TRY(insns, outputs, ...)                                                                                 \
    asm volatile("adr x17, 9f\n str x17, [x18, " STRING(HART_resume) "]\n adr x17, 8f\n str x17, [x18, " STRING( \
                     HART_site) "]\n"                                                                            \
                                "8: " insns "\n9: str xzr, [x18, " STRING(HART_resume) "]"                       \
                 : outputs:__VA_ARGS__                                                                           \
                 : "x15", "x16", "x17", "x30", "cc", "memory")

/* Calls fn(arg, arg2) with another PSTATE; returns its result. A synchronous trap that nothing resumes ends it. sp 0: the caller's. */
uint64_t call_in(uint64_t pstate, uint64_t fn, uint64_t arg, uint64_t sp, uint64_t arg2);
#define CALL_IN(pstate, fn, arg) call_in(pstate, (uint64_t)(fn), (uint64_t)(arg), 0, 0)
/* Executes any insn word with a PSTATE; x0 in and out, x1 in. The trap, if any, is recorded. *ran: there was none. */
uint64_t insn_in(uint64_t pstate, uint32_t word, uint64_t x0, uint64_t x1, bool *ran);
extern uint32_t insn_slot[]; /* where insn_in puts it */
void lower_return(void);     /* ends call_in(): what x30 holds in what it calls; lower_return_hvc: at EL1, called from EL2 */
void lower_return_hvc(void);

/* ---- machine ---- */
#define UART ((volatile uint32_t *)0x9000000)
#define RTC  ((volatile uint32_t *)0x9010000)
#define GPIO ((volatile uint32_t *)0x9030000)

#define CODE __attribute__((section(".code"), aligned(4096))) /* words that this program writes and executes, at its own level */

int64_t psci(uint64_t function, uint64_t a, uint64_t b, uint64_t c); /* by the conduit that there is */
void code_sync(const void *at, size_t len);                          /* what was written there is seen by fetches of all vCPUs */
static inline uint64_t now(void) { return sys_read("cntvct_el0") / (sys_read("cntfrq_el0") / 10000000); }
static inline void isb(void) { asm volatile("isb" ::: "memory"); }
#endif
