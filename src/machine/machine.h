/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The VM aggregate behind vm.h: built from a configuration by build.c, its life in run.c, looked into by access.c. Its parts get each other as
 * constructor arguments; nothing is global, so several machines live in one process.
 *
 * lock guards state and outcome and is held by every call that controls the machine. Guests end or reset the machine through
 * machine_request(), which never takes it: the control loop does what was asked a moment later.
 */
#pragma once
#include "accel/accel.h"
#include "device/device.h"
#include "machine/board.h"
#include "machine/config.h"
#include "machine/console.h"
#include "machine/inspect.h"
#include "machine/semihosting.h"

enum { MACHINE_DEVICES = 48, MACHINE_VCPUS = CONFIG_VCPUS_MAX };

struct machine_request {
    enum vm_stop why; /* VM_STOP_NONE: reset */
    int code;
    char text[200];
};

enum { REQUEST_none, REQUEST_being_written, REQUEST_made };

struct vm_machine {
    struct vm_config *config;
    const struct board *board;
    void *board_data;
    struct log *log;
    struct os_loop *io, *control; /* devices and backends; requests of the guest */
    struct os_vclock clock;
    struct mem_space *space;
    struct accel_vm *accel;
    unsigned vcpus;
    struct console console;
    struct semihosting semihosting;
    struct inspect inspect;
    struct device *devices[MACHINE_DEVICES]; /* in the order of creation; freed backwards */
    size_t ndevices;

    struct os_mutex lock;
    struct os_cond changed; /* state became VM_STOPPED */
    enum vm_state state;
    struct vm_outcome outcome;

    _Atomic int request_state; /* REQUEST_*; the first request wins until it is served */
    struct machine_request request;
};

/* ---- for boards, while they build ---- */
int machine_own_device(struct vm_machine *machine, struct device *take_device, struct err *err) NODISCARD; /* frees it on failure, too */
struct device_env machine_device_env(struct vm_machine *machine);
struct cpu *machine_cpu(struct vm_machine *machine, unsigned n);
const char *machine_option(const struct vm_machine *machine, enum config_option option); /* NULL: not set */

/* ---- from the guest's side: any thread, any lock. The vCPUs stop soon, the caller's at once ---- */
void machine_request(struct vm_machine *machine, enum vm_stop why, int code, const char *fmt, ...) PRINTF(4, 5);
void machine_request_reset(struct vm_machine *machine);

/* ---- run.c for build.c and access.c; the lock is held ---- */
int machine_boot(struct vm_machine *machine, struct err *err) NODISCARD;
void machine_serve_request(struct vm_machine *machine);
void machine_halt(struct vm_machine *machine, const struct machine_request *why);
bool machine_firmware_call(void *machine, struct cpu *cpu);
bool machine_semihosting(void *machine, struct cpu *cpu);
void machine_stuck(void *machine, struct cpu *cpu, const char *text);
