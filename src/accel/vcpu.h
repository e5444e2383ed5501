/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the files of this room share: the vCPU's thread and its states, common to all accelerators, and the table an accelerator fills. */
#pragma once
#include "accel/accel.h"

struct vcpu;

struct accel { /* a row of accels.def */
    const char *name;
    int (*vm_open)(struct accel_vm *vm, struct err *err);
    void (*vm_close)(struct accel_vm *vm);
    int (*vcpu_open)(struct vcpu *vcpu, struct err *err); /* sets vcpu->impl and cpu->ops */
    void (*vcpu_close)(struct vcpu *vcpu);
    /* Runs the guest until an event other than an interrupt comes, the guest waits or parks itself; max: insns at most, about (UINT64_MAX:
     * no bound), exactly when `exact`. */
    void (*run)(struct vcpu *vcpu, uint64_t max, bool exact);
    void (*memory_changed)(struct accel_vm *vm);
    /* Of flat memory; NULL: this accelerator cannot have it. As the functions of accel.h. */
    void (*away)(struct vcpu *vcpu, bool away);
    void (*shared)(struct accel_vm *vm);
    void (*code_changed)(struct accel_vm *vm, gva from, gva to);
    uintptr_t (*fault)(struct accel_vm *vm, uintptr_t pc);
    void (*fork)(struct accel_vm *vm, bool begin, struct vcpu *child);
    void (*stats)(struct vcpu *vcpu, struct cpu_stats *out); /* complete: with the rows that nobody counts */
    void (*counts)(struct accel_vm *vm, struct jit_counts *out);
};

struct vcpu_request {
    void (*fn)(struct cpu *cpu, void *arg);
    void *arg;
    struct vcpu *from;      /* who waits; NULL: nobody, the request is freed by whoever served it */
    _Atomic uint32_t *left; /* counted down when served */
    struct vcpu_request *next;
};

enum { VCPU_ORDERS = 32 };

struct vcpu {
    struct cpu *cpu;
    struct accel_vm *vm;
    void *impl; /* the accelerator's */
    struct os_thread *thread;
    struct os_mutex lock;
    struct os_cond cond;
    /* Under the lock: */
    struct vcpu_request *requests, **requests_end;
    struct cpu_order orders[VCPU_ORDERS];
    unsigned norders;
    bool gone;                     /* the thread has ended */
    bool parked;                   /* does not run until unparked */
    bool sleeping;                 /* in the wait of a wait insn */
    bool idle;                     /* thread is not in accel->run: paused, parked or sleeping */
    _Atomic uint64_t told, obeyed; /* orders so far */
    bool owing;                    /* this vCPU has told others, and has not settled since */
    _Atomic uint64_t deadline;     /* vclock ns at which CPU_EVENT_irq is due */
    struct cpu_stats stats;
    struct vcpu *next_spare;
};

struct accel_vm {
    struct accel_config config;
    const struct accel *accel;
    void *impl;
    struct vcpu *vcpus;
    struct cpu_monitor *monitor;
    struct os_mutex lock;   /* pausing, stopping, the timer; inside: no other lock but a vCPU's */
    struct os_cond changed; /* some vCPU became idle */
    struct os_cond timer_cond;
    struct os_thread *timer;
    uint64_t timer_wakes; /* os_clock_ns of the timer thread's next look */
    bool started, pausing, stopping;
    struct vcpu *spare; /* of threads that have ended; under the lock */
    unsigned nspare;
};

extern const struct accel accel_emu;

int vcpu_init(struct accel_vm *vm, struct vcpu *vcpu, unsigned n, struct err *err) NODISCARD;
void vcpu_fini(struct vcpu *vcpu);
void vcpu_main(void *vcpu);          /* the thread */
void vcpu_notify(struct vcpu *vcpu); /* any thread: look at the state again */
void vcpu_serve(struct vcpu *vcpu);  /* runs the queued requests; on the vCPU's thread */
void vcpu_tell(struct cpu *cpu, struct cpu_order order);
void vcpu_settle(struct cpu *cpu);
void vcpu_raise(struct cpu *cpu, unsigned n);
void vcpu_obey(struct vcpu *vcpu);      /* the orders of others; on the vCPU's thread */
void vcpu_wait_insn(struct vcpu *vcpu); /* sleeps until something wakes the guest */
void vcpu_wake(struct cpu *cpu);
void vcpu_timer_main(void *vm);
void vcpu_set_deadline(struct cpu *cpu, uint64_t vclock_ns);
