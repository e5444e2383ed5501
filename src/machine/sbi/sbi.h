/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The built-in SBI 2.0 firmware (RISC-V Supervisor Binary Interface Specification 2.0): what a supervisor's ecall gets when a kernel
 * is booted without firmware of its own. It knows calls, errors and hart states; everything that touches the machine goes through
 * struct sbi_ops. Calls come on the threads of the vCPUs, several at once: hart states are atomic, the rest is constant.
 */
#pragma once
#include "mem/space.h"
#include <stdatomic.h>

enum { SBI_HARTS_MAX = 8, SBI_WRITE_MAX = 4096 /* bytes of console output in one call */ };

enum sbi_status {
    SBI_OK = 0,
    SBI_FAILED = -1,
    SBI_NOT_SUPPORTED = -2,
    SBI_INVALID_PARAM = -3,
    SBI_DENIED = -4,
    SBI_INVALID_ADDRESS = -5,
    SBI_ALREADY_AVAILABLE = -6,
};

enum sbi_hart_state { /* HSM's numbers */
                      SBI_STARTED,
                      SBI_STOPPED,
                      SBI_START_PENDING,
                      SBI_STOP_PENDING,
                      SBI_SUSPENDED,
                      SBI_SUSPEND_PENDING,
                      SBI_RESUME_PENDING,
};

enum sbi_reset { SBI_SHUTDOWN, SBI_COLD_REBOOT, SBI_WARM_REBOOT };

struct sbi_fence {
    bool code;            /* fence.i, else sfence.vma */
    uint64_t start, size; /* size UINT64_MAX: everything */
    int64_t asid;         /* < 0: all */
};

struct sbi_ops {
    void (*set_timer)(void *machine, unsigned hart, uint64_t time); /* called for the calling hart only */
    void (*send_ipi)(void *machine, unsigned caller, uint64_t harts);
    void (*fence)(void *machine, unsigned caller, uint64_t harts, const struct sbi_fence *fence); /* returns when all have done it */
    /* The hart begins at addr in S mode with a0 = its number, a1 = opaque, paging and interrupts off. false: out of resources. */
    bool (*start)(void *machine, unsigned hart, uint64_t addr, uint64_t opaque);
    /* The calling hart, no later than when its call has returned: stands until start; or sleeps until an interrupt is pending. */
    void (*stop)(void *machine, unsigned hart);
    void (*sleep)(void *machine, unsigned hart, bool restart, uint64_t addr, uint64_t opaque); /* restart: then begins at addr as above */
    bool (*asleep)(void *machine, unsigned hart);                                              /* has not come back from sleep yet */
    void (*reset)(void *machine, enum sbi_reset how, bool failure);
    size_t (*console_write)(void *machine, const void *data, size_t len);
    size_t (*console_read)(void *machine, void *data, size_t len);
    uint64_t (*identity)(void *machine, unsigned hart, unsigned which); /* 0 mvendorid, 1 marchid, 2 mimpid */
};

struct sbi {
    const struct sbi_ops *ops;
    void *machine;
    const struct mem_space *space;
    unsigned harts;
    _Atomic int state[SBI_HARTS_MAX]; /* enum sbi_hart_state */
};

struct sbi_call {
    unsigned hart; /* the caller */
    uint64_t arg[6], function, extension;
    int64_t error;
    uint64_t value;
    bool no_return; /* the caller's registers are not to be touched: it stopped, or goes on elsewhere */
    bool legacy;    /* only a0 changes: error */
};

void sbi_init(struct sbi *sbi, const struct sbi_ops *ops, void *machine, const struct mem_space *space, unsigned harts);
void sbi_reset(struct sbi *sbi); /* hart 0 started, the others stopped */
void sbi_serve(struct sbi *sbi, struct sbi_call *call);

/* ---- for the extensions ---- */
#define SBI(name, id, text) void sbi_##name(struct sbi *sbi, struct sbi_call *call);
#include "machine/sbi/sbi.def"
#undef SBI
void sbi_answer(struct sbi_call *call, enum sbi_status error, uint64_t value);
bool sbi_harts(const struct sbi *sbi, uint64_t mask, uint64_t base, uint64_t *harts); /* false: one of them does not exist */
bool sbi_probe(uint64_t extension);
