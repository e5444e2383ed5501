/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Ways to run vCPUs, behind one table: `emu` (interpreter and JIT); the host's hypervisors join as rows of accels.def. The machine owns an
 * accel_vm and talks to its vCPUs through it. Every vCPU has a thread of its own named vcpu/N.
 *
 * States: built (no threads) -> accel_vm_start -> running <-> paused (accel_vm_pause, accel_vm_resume) -> accel_vm_stop (threads joined).
 * start, pause, resume, stop, step and free come from one controlling thread at a time, never from a vCPU's thread.
 */
#pragma once
#include "guest/guest.h"

struct accel_vm;
struct jit_counts;
struct jit_watch;

enum accel_fetch { ACCEL_FETCH_no, ACCEL_FETCH_yes, ACCEL_FETCH_guarded /* as of struct tlb_page */ };

struct accel_callbacks {                                   /* called on the vCPU's thread; machine is accel_config's */
    bool (*firmware_call)(void *machine, struct cpu *cpu); /* struct cpu_ops */
    bool (*semihosting)(void *machine, struct cpu *cpu);
    /* Of flat memory, both always there. May code be fetched from the page? Else os_fault_last() tells why not. */
    enum accel_fetch (*fetchable)(void *machine, struct cpu *cpu, gva page);
    /* Takes cpu->trap instead of the guest's own handler; cpu->pc is the insn that trapped. true: rounding mode or mode may have changed. */
    bool (*trap)(void *machine, struct cpu *cpu);
    /* The vCPU cannot go on (a trap at its own handler, over and over); it parks. */
    void (*stuck)(void *machine, struct cpu *cpu, const char *text);
};

enum accel_mode {
    ACCEL_auto, /* tier 1 if there is one for this host */
    ACCEL_interpreter,
    ACCEL_jit, /* tier 1, or an error */
};

struct accel_config {
    const struct guest *guest;
    const char *model; /* NULL: the guest's default */
    unsigned vcpus;    /* 1..; 0 with flat memory */
    bool flat;         /* cpu->flat: user mode; space is a flat one */
    enum accel_mode mode;
    unsigned jit_threshold;        /* of jit/policy.h; 0: the default */
    size_t jit_cache;              /* bytes of code memory; 0: the default */
    const struct jit_watch *watch; /* of the machine code that is made; NULL: nobody's. Outlives the VM */
    bool timed;                    /* translating and compiling is timed, for the counters */
    struct mem_space *space;
    const struct os_vclock *clock;
    struct log *log;
    const struct accel_callbacks *callbacks; /* members may be NULL */
    void *machine;
};

int accel_vm_new(struct accel_vm **out, const struct accel_config *config, struct err *err) NODISCARD;
void accel_vm_free(struct accel_vm *vm); /* stops first; NULL is allowed */
struct cpu *accel_vm_cpu(struct accel_vm *vm, unsigned n);

int accel_vm_start(struct accel_vm *vm, struct err *err) NODISCARD; /* threads; those vCPUs that are not parked begin to run */
void accel_vm_pause(struct accel_vm *vm);                           /* returns when no vCPU runs */
void accel_vm_resume(struct accel_vm *vm);
void accel_vm_stop(struct accel_vm *vm);
/* Not running: executes `count` insns of vCPU n in the caller's thread; fewer if it waits or parks. */
uint64_t accel_vm_step(struct accel_vm *vm, unsigned n, uint64_t count);

/* A parked vCPU does not run until unparked (hart stop and start). Parking another vCPU takes effect soon; itself: after this insn. */
void accel_cpu_park(struct cpu *cpu);
/* setup (may be NULL) runs on the vCPU's thread before its first insn. */
void accel_cpu_unpark(struct cpu *cpu, void (*setup)(struct cpu *cpu, void *arg), void *arg);
bool accel_cpu_parked(const struct cpu *cpu);

/* Runs fn on each vCPU of the mask (bit n = vCPU n) before it executes its next insn, and returns when all that run have: for remote
 * fences. self: the calling vCPU (served at once if in the mask), or NULL from the controlling thread while paused. */
void accel_vm_each(struct accel_vm *vm, struct cpu *self, uint64_t mask, void (*fn)(struct cpu *cpu, void *arg), void *arg);

/* Counters since the VM was made; exact while no vCPU runs. */
void accel_vm_stats(struct accel_vm *vm, unsigned n, struct cpu_stats *out); /* of vCPU n */
void accel_vm_counts(struct accel_vm *vm, struct jit_counts *out);           /* of what the vCPUs share */

/* After memory was changed behind the vCPUs' back while they do not run: code is fetched and looked up again. */
void accel_vm_memory_changed(struct accel_vm *vm);

/* ---- flat memory: a vCPU for each thread of the guest, which that thread runs itself ---- */

int accel_thread_new(struct accel_vm *vm, struct cpu **out, struct err *err) NODISCARD; /* any thread, for any thread */
void accel_thread_free(struct cpu *cpu);
/* Runs until somebody sets CPU_EVENT_stop, which this clears. */
void accel_thread_run(struct cpu *cpu);
/* Other threads, or processes by shared memory, see its accesses from now on: atomics must be so for the host too. In a callback, or before. */
void accel_thread_shared(struct accel_vm *vm);
/* Likewise, one insn or the trap that it makes instead. */
void accel_thread_step(struct cpu *cpu);
/* Around what may block, in callbacks: meanwhile the thread keeps no code from being reclaimed. */
void accel_thread_away(struct cpu *cpu);
void accel_thread_back(struct cpu *cpu);
void accel_thread_stats(struct cpu *cpu, struct cpu_stats *out);
/* The code in [from, to) may be another now. The caller's thread sees it at once, others soon; in a callback or while cpu does not run. */
void accel_code_changed(struct accel_vm *vm, gva from, gva to);
/* Where emitted code goes on that faulted at the host address pc; 0: it is no emitted code. For os_fault_hooks.resume. */
uintptr_t accel_fault(struct accel_vm *vm, uintptr_t pc);
/* Around fork(): before it; after it in the parent (child: NULL) or in the child, where only the given vCPU still has its thread. */
void accel_fork_begin(struct accel_vm *vm);
void accel_fork_end(struct accel_vm *vm, struct cpu *child);
