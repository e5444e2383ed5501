/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Runtime of the bare programs: they start in M mode, on every hart, with nothing below them. A program is a table `tests` of cases; hart 0
 * runs them one after the other, each from the same machine state (rt_reset), prints TAP on the UART and ends through the test finisher.
 * tp always points to the hart's struct hart, in every mode; a trap is recorded there, and by default execution goes on at hart->resume.
 */
#pragma once

#define HART_MAX      8
#define STACK_SIZE    8192
#define CALL_MAGIC    0x62617265 /* a7 of the ecall that ends call_in() */
#define HART_resume   0          /* offsets in struct hart, for assembly */
#define HART_site     8
#define HART_call_sp  16
#define HART_trap_sp  24
#define HART_strap_sp 32
#define HART_frame    40
#define HART_sframe   296
#define HART_leave    552

#define MODE_U 0
#define MODE_S 1
#define MODE_M 3

#ifndef __ASSEMBLER__
#include "csr.h"
#include "harts.h"
#include "order.h"
#include "report.h"

struct trap {
    uint64_t count; /* since trap_clear() */
    uint64_t cause, epc, tval;
    uint64_t status; /* mstatus or sstatus as the handler found it */
};

struct hart {
    uint64_t resume;  /* where to go on after a trap; 0: see trap_taken() */
    uint64_t site;    /* of the insn that TRY expects to trap */
    uint64_t call_sp; /* stack of the call_in() that is under way, 0: none */
    uint64_t trap_sp, strap_sp;
    uint64_t frame[32], sframe[32]; /* registers of the interrupted code, by their numbers */
    uint64_t leave;                 /* a lower mode's trap handler asks to end call_in() */
    uint64_t id;
    struct trap m, s;                           /* the last trap to M mode, and to S mode */
    bool (*on_trap)(struct hart *, bool super); /* sees it first; true: go on where it came from */
    uint64_t depth;
    void (*volatile work)(void *arg); /* what hart_start() wants of this one */
    void *arg;
};

extern struct hart harts[HART_MAX];
static inline struct hart *self(void)
{
    struct hart *h;
    asm volatile("mv %0, tp" : "=r"(h));
    return h;
}

/* ---- traps ---- */
void trap_clear(void);
bool check_trap(const struct trap *t, uint64_t cause, uint64_t epc, uint64_t tval, const char *file, int line);
/* One trap since trap_clear(), to M (or S), at TRY's insn. */
#define CHECK_TRAP(cause, tval)  check_trap(&self()->m, cause, self()->site, (uint64_t)(tval), __FILE_NAME__, __LINE__)
#define CHECK_STRAP(cause, tval) check_trap(&self()->s, cause, self()->site, (uint64_t)(tval), __FILE_NAME__, __LINE__)
#define CHECK_NO_TRAP()          check_eq(self()->m.count + self()->s.count, 0, __FILE_NAME__, __LINE__, "traps == 0")

#define STRING_(x) #x
#define STRING(x)  STRING_(x)
/* Assembly that may trap at its first insn and then goes on after its last. t0-t6 are free in it; `before` runs ahead of that insn. */
#define TRY_AFTER(before, insns, outputs, ...)                                                            \
    asm volatile("la t6, 9f\n sd t6, " STRING(HART_resume) "(tp)\n la t6, 8f\n sd t6, " STRING(           \
                     HART_site) "(tp)\n" before "\n8: " insns "\n9: sd zero, " STRING(HART_resume) "(tp)" \
                 : outputs:__VA_ARGS__                                                                    \
                 : "t0", "t1", "t2", "t3", "t4", "t5", "t6", "memory")
#define TRY(insns, outputs, ...) TRY_AFTER("", insns, outputs, __VA_ARGS__)

/* Calls fn(arg) in another mode (bare or where the program is mapped to itself); returns its result. A trap that nothing resumes ends it. */
uint64_t call_in(uint64_t mode, uint64_t fn, uint64_t arg, uint64_t sp, uint64_t arg2); /* sp 0: the caller's */
#define CALL_IN(mode, fn, arg) call_in(mode, (uint64_t)(fn), (uint64_t)(arg), 0, 0)
/* Executes any insn word in a mode: a0 in and out, a1 in; the trap, if any, is recorded. *ran: there was none. */
uint64_t insn_in(uint64_t mode, uint32_t word, uint64_t a0, uint64_t a1, bool *ran);
extern uint32_t insn_slot[]; /* where insn_in puts it */

void trap_entry(void); /* mtvec and stvec of the runtime */
void strap_entry(void);
void lower_return(void); /* ends call_in() from a lower mode: what ra holds there */

/* ---- machine ---- */
#define ACLINT      0x2000000ul
#define PLIC        0xc000000ul
#define UART        ((volatile uint8_t *)0x10000000)
#define MSIP(h)     (*(volatile uint32_t *)(ACLINT + 4 * (uint64_t)(h)))
#define MTIMECMP(h) (*(volatile uint64_t *)(ACLINT + 0x4000 + 8 * (uint64_t)(h)))
#define MTIME       (*(volatile uint64_t *)(ACLINT + 0xbff8))

static inline void fence_i(void) { asm volatile("fence.i" ::: "memory"); }
static inline void sfence_vma(void) { asm volatile("sfence.vma" ::: "memory"); }
static inline uint64_t now(void) { return MTIME; }
#endif
