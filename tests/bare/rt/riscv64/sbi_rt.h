/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Runtime of programs that start in S mode on an SBI: one hart is there at first, others are started through HSM. tp points to the
 * hart's struct shart. Interrupts are noted and disabled; any other trap ends the program.
 */
#pragma once

#define SHART_MAX   8
#define SHART_frame 0 /* offsets in struct shart, for assembly */
#define SHART_sp    256
#define SHART_SIZE  512
#define SSTACK      8192

#ifndef __ASSEMBLER__
#include "csr.h"
#include "report.h"

struct shart {
    uint64_t frame[32];
    uint64_t trap_sp;
    uint64_t id, opaque;                 /* a0 and a1 as it started */
    uint64_t satp, sstatus, sie;         /* likewise */
    uint64_t interrupts;                 /* bits of those that came, since cleared */
    uint64_t resume, cause, tval, traps; /* an expected exception goes on at resume */
    void (*volatile work)(struct shart *);
    uint64_t pad[20];
};
_Static_assert(sizeof(struct shart) == SHART_SIZE && offsetof(struct shart, trap_sp) == SHART_sp, "");

extern struct shart sharts[SHART_MAX];
static inline struct shart *sself(void)
{
    struct shart *h;
    asm volatile("mv %0, tp" : "=r"(h));
    return h;
}

struct sbiret {
    int64_t error;
    uint64_t value;
};
struct sbiret sbi(uint64_t extension, uint64_t function, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4);
extern uint64_t boot_hart, boot_dt;
void secondary_start(void); /* address for HSM: runs sharts[id].work, with the opaque value noted, then stops the hart */
static inline void relax(void) { asm volatile(".4byte 0x0100000f" ::: "memory"); }
#endif
