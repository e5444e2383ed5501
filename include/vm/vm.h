/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * libvm: run a guest machine inside your program.
 *
 *     struct vm_config *config; struct vm_machine *machine; struct vm_error error; struct vm_outcome outcome;
 *     vm_config_new(&config);
 *     vm_config_set(config, "arch", "riscv64", &error); vm_config_set(config, "kernel", "Image", &error);
 *     vm_machine_new(&machine, config, &error); vm_machine_start(machine, &error); vm_machine_wait(machine, -1, &outcome, &error);
 *     vm_machine_free(machine); vm_config_free(config);
 *
 * Functions return 0 or a negative number whose absolute value is an exit code of the command (1 error, 2 usage, 3 bad configuration,
 * 4 not found, 5 wrong state, 6 permission, 7 out of resource, 8 timeout, 9 not available, 14 corrupt data); error may be NULL.
 * Several machines may live in one process. A machine may be used from several threads, but freed by one only.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VM_API __attribute__((visibility("default")))
#define VM_ABI 1

struct vm_config;
struct vm_machine;

struct vm_error {
    int status;     /* what the function returned */
    char text[504]; /* one line for a person: what is wrong, where, and what to do */
};

VM_API const char *vm_version(void); /* "0.1.0" */
VM_API unsigned vm_abi(void);        /* VM_ABI of the library that is loaded */

/* ---- configuration: options as rows; the command's flags are the same rows with "--" before the name ---- */
struct vm_option {
    const char *name;    /* "memory" */
    const char *value;   /* "SIZE"; NULL: a switch, set with value NULL or "on" / "off" */
    const char *initial; /* NULL: none */
    bool repeats;        /* each set adds one: disk, net */
    const char *help;    /* one line */
    const char *example; /* "512M" */
};
VM_API const struct vm_option *vm_options(size_t *count);

VM_API int vm_config_new(struct vm_config **out);
VM_API void vm_config_free(struct vm_config *config);
/* Checks form and range at once; whether files exist is checked by vm_machine_new. */
VM_API int vm_config_set(struct vm_config *config, const char *name, const char *value, struct vm_error *error);
VM_API const char *vm_config_get(const struct vm_config *config, const char *name, size_t index); /* NULL: not set */

/* The guest's serial console. output is called from a thread of the machine, one call at a time; it must not block long and of the functions
 * below may call vm_console_input only. NULL drops the output. */
VM_API void vm_config_set_console(struct vm_config *config, void (*output)(void *arg, const void *data, size_t len), void *arg);
/* Lines of the log: level "error" "warn" "guest" "info" "debug". Without it they go to standard error. */
VM_API void vm_config_set_log(struct vm_config *config, void (*line)(void *arg, const char *level, const char *component, const char *text),
                              void *arg);

/* ---- life of a machine: created -> running <-> paused -> stopped ---- */
enum vm_state { VM_CREATED, VM_RUNNING, VM_PAUSED, VM_STOPPED };
enum vm_stop {
    VM_STOP_NONE,
    VM_STOP_POWEROFF,
    VM_STOP_REQUEST,
    VM_STOP_GUEST_EXIT /* code is the guest's */,
    VM_STOP_PANIC,
    VM_STOP_TRAP /* nothing handles it */
};
struct vm_outcome {
    enum vm_stop why;
    int code;       /* the guest's exit code (test finisher, semihosting); 0 on a plain power-off */
    char text[200]; /* for a person, of a panic or trap */
};

VM_API int vm_machine_new(struct vm_machine **out, const struct vm_config *config, struct vm_error *error); /* copies config */
VM_API void vm_machine_free(struct vm_machine *machine);                         /* stops it first; NULL is allowed */
VM_API int vm_machine_start(struct vm_machine *machine, struct vm_error *error); /* VM_CREATED: the vCPUs begin to run in their threads */
VM_API int vm_machine_pause(struct vm_machine *machine, struct vm_error *error); /* returns when vCPUs and devices stand still */
VM_API int vm_machine_resume(struct vm_machine *machine, struct vm_error *error);
VM_API int vm_machine_reset(struct vm_machine *machine,
                            struct vm_error *error); /* as the reset button; kernel and firmware are loaded again */
/* The power button, where the board has one (arm64's): the guest is asked to end, and may do something else. VM_RUNNING. */
VM_API int vm_machine_press_power(struct vm_machine *machine, struct vm_error *error);
VM_API int vm_machine_stop(struct vm_machine *machine, struct vm_error *error); /* at once, without asking the guest */
/* Waits until the machine is stopped, timeout_ms at most (-1: for ever); timeout: returns -8. */
VM_API int vm_machine_wait(struct vm_machine *machine, int64_t timeout_ms, struct vm_outcome *outcome, struct vm_error *error);
VM_API enum vm_state vm_machine_state(const struct vm_machine *machine);

/* ---- looking and touching: the machine must not run (created, paused, stopped) ---- */
VM_API unsigned vm_vcpus(const struct vm_machine *machine);
/* Registers by name ("pc", "x10" or "a0", "f0", "mstatus"); len bytes little-endian, at most the register's size. */
VM_API int vm_register_read(struct vm_machine *machine, unsigned vcpu, const char *name, void *value, size_t len, struct vm_error *error);
VM_API int vm_register_write(struct vm_machine *machine, unsigned vcpu, const char *name, const void *value, size_t len,
                             struct vm_error *error);
VM_API const char *vm_register_name(const struct vm_machine *machine, size_t index); /* NULL after the last */
/* Guest physical memory; RAM and ROM only. Writes also renew translated code. */
VM_API int vm_memory_read(struct vm_machine *machine, uint64_t address, void *data, size_t len, struct vm_error *error);
VM_API int vm_memory_write(struct vm_machine *machine, uint64_t address, const void *data, size_t len, struct vm_error *error);
/* An ELF program into memory; *entry (may be NULL) is its entry point. pc stays as it is. */
VM_API int vm_program_load(struct vm_machine *machine, const void *elf, size_t len, uint64_t *entry, struct vm_error *error);
/* Executes count insns on one vCPU in the caller's thread, the others stand still; fewer only if the machine stops or the vCPU waits. */
VM_API int vm_step(struct vm_machine *machine, unsigned vcpu, uint64_t count, uint64_t *done, struct vm_error *error);
/* Insns retired by a vCPU since it was created. */
VM_API uint64_t vm_insns(const struct vm_machine *machine, unsigned vcpu);
/* What the engine has counted since the machine was made. Names are words that stay the same; later versions may have more of them. */
struct vm_stat {
    unsigned vcpu;    /* VM_STAT_SHARED: of all vCPUs together */
    const char *kind; /* NULL: name says what was counted; "trap", "interrupt", "op", "helper": name says of which */
    const char *name; /* "tlb_fills"; of a kind: "illegal instruction" */
    const char *unit; /* "insns", "ns", ... */
    const char *text; /* for a person; NULL of a kind */
    uint64_t value;
};
#define VM_STAT_SHARED UINT32_MAX
/* Calls visit for each: what is shared, then vCPU after vCPU, in each the kinds at the end, which leave out those of value 0. The strings
 * live as long as the machine; visit calls no function of this header with it. Times of the translator are 0 unless the option stats is on. */
VM_API int vm_machine_stats(struct vm_machine *machine, void (*visit)(void *arg, const struct vm_stat *stat), void *arg,
                            struct vm_error *error);

/* ---- while it runs ---- */
VM_API size_t vm_console_input(struct vm_machine *machine, const void *data, size_t len); /* returns what was taken; the rest later */
VM_API void vm_console_resize(struct vm_machine *machine, unsigned columns, unsigned rows);

#ifdef __cplusplus
}
#endif
