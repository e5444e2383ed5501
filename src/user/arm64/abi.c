/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Linux for arm64 as a program sees it: registers of system calls, what traps mean, the frame of a signal handler (the kernel's arch/arm64 uapi:
 * struct rt_sigframe with the records of floating point and of the fault), flags of open() that have numbers of their own.
 */
#include "base/bits.h"
#include "guest/arm64/arm64.h"
#include "os/fault.h"
#include "os/os.h"
#include "user/arm64/arm64_vdso.gen.h"
#include "user/calls.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { BTYPE_CALL = 2, FP = 29, LR = 30, REGISTERS = 31 };
enum { CORE_REGISTERS = REGISTERS + 3, CORE_FLOATS = 528 };

static uint64_t hwcap(const struct cpu *cpu, unsigned n) { return arm64_arch(cpu)->hwcap[n]; }
static uint64_t number(const struct cpu *cpu) { return A64N(cpu, x, 8); }
static void arguments(const struct cpu *cpu, uint64_t args[6]) { memcpy(args, &A64N(cpu, x, 0), 6 * sizeof *args); }
static void result(struct cpu *cpu, int64_t value) { A64N(cpu, x, 0) = (uint64_t)value; }
static uint64_t stack(const struct cpu *cpu) { return A64(cpu, sp); }

/* ---- keys of pointer authentication ---- */

enum { KEYS = 5, ADDRESS_KEYS = 15, ALL_KEYS = 31 }; /* PR_PAC_APIAKEY ... PR_PAC_APGAKEY are bits in this order */
static const uint64_t key_enables[] = {SCTLR_EnIA, SCTLR_EnIB, SCTLR_EnDA, SCTLR_EnDB};

static int64_t renew_keys(struct cpu *cpu, uint64_t which)
{
    for (unsigned i = 0; i < KEYS; i++)
        if (which >> i & 1 && os_random(&A64N(cpu, apkey, 2 * i), 2 * sizeof(uint64_t), NULL))
            return -EIO;
    return 0;
}

static int64_t enable_keys(struct cpu *cpu, uint64_t which, uint64_t enabled)
{
    if (which & ~(uint64_t)ADDRESS_KEYS || enabled & ~which)
        return -EINVAL;
    for (unsigned i = 0; i < ARRAY_LEN(key_enables); i++)
        if (which >> i & 1)
            A64(cpu, sctlr_el1) = (A64(cpu, sctlr_el1) & ~key_enables[i]) | (enabled >> i & 1 ? key_enables[i] : 0);
    return 0;
}

static int64_t enabled_keys(const struct cpu *cpu)
{
    int64_t keys = 0;
    for (unsigned i = 0; i < ARRAY_LEN(key_enables); i++)
        keys |= (int64_t)(A64(cpu, sctlr_el1) & key_enables[i] ? 1 : 0) << i;
    return keys;
}

static bool own_prctl(struct cpu *cpu, const uint64_t a[6], int64_t *r)
{
    enum { RESET_KEYS = 54, SET_ENABLED = 60, GET_ENABLED = 61 };
    uint64_t there =
        (arm64_has(cpu, ARM64_HAS_pauth) ? ADDRESS_KEYS : 0) | (arm64_has(cpu, ARM64_HAS_pacga) ? ALL_KEYS & ~ADDRESS_KEYS : 0);
    int op = (int)a[0];
    if (op != RESET_KEYS && op != SET_ENABLED && op != GET_ENABLED)
        return false;
    *r = -EINVAL;
    if (!there || a[3] || a[4] || (op != SET_ENABLED && a[2]) || (op == GET_ENABLED && a[1]) || (op == RESET_KEYS && a[1] & ~there))
        return true;
    if (op == RESET_KEYS)
        *r = renew_keys(cpu, a[1] ? a[1] : there);
    else if (there & ADDRESS_KEYS)
        *r = op == SET_ENABLED ? enable_keys(cpu, a[1], a[2]) : enabled_keys(cpu);
    return true;
}

static void start(struct cpu *cpu, uint64_t pc, uint64_t sp)
{
    cpu->pc = pc;
    cpu->landing = 0;
    renew_keys(cpu, ALL_KEYS);
    A64(cpu, sp) = sp;
}

static void child(struct cpu *cpu, const struct cpu *parent, uint64_t sp, const uint64_t *tls)
{
    memcpy(cpu->cell, parent->cell, cpu->guest->cells * sizeof *cpu->cell);
    cpu->fx = parent->fx;
    arm64_restored(cpu);
    cpu->pc = parent->pc;
    A64N(cpu, x, 0) = 0;
    if (sp)
        A64(cpu, sp) = sp;
    if (tls)
        A64(cpu, tpidr_el0) = *tls;
}

static bool is_call(uint32_t trap) { return trap == ARM64_TRAP_svc; }

static void trap_signal(struct cpu *cpu, struct trap trap, siginfo_t *info)
{
    const struct os_fault *fault = os_fault_last();
    unsigned code = trap.kind >> ARM64_TRAP_ISS & 63;
    *info = (siginfo_t){.si_signo = SIGILL, .si_code = ILL_ILLOPC};
    info->si_addr = (void *)(uintptr_t)cpu->pc;
    switch (trap.kind & ARM64_TRAP_CLASS) {
    case ARM64_TRAP_mops:
        info->si_signo = 0;
        arm64_mops_restart(cpu, (uint32_t)trap.info);
        break;
    case ARM64_TRAP_brk:
        info->si_signo = SIGTRAP;
        info->si_code = TRAP_BRKPT;
        break;
    case ARM64_TRAP_spalign:
    case ARM64_TRAP_pcalign:
        info->si_signo = SIGBUS;
        info->si_code = BUS_ADRALN;
        info->si_addr = (void *)(uintptr_t)(trap.kind == ARM64_TRAP_spalign ? A64(cpu, sp) : cpu->pc);
        break;
    case ARM64_TRAP_insn_abort:
    case ARM64_TRAP_data_abort:
        info->si_signo = code == FSC_ALIGNMENT ? SIGBUS : fault->signal ? fault->signal : SIGSEGV;
        info->si_code = code == FSC_ALIGNMENT ? BUS_ADRALN : fault->signal ? fault->code : SEGV_MAPERR;
        info->si_addr = (void *)(uintptr_t)trap.info;
        break;
    }
}

/* ---- signal frames ---- */

enum { FPSIMD_MAGIC = 0x46508001, ESR_MAGIC = 0x45535201 };

struct record { /* what begins each part of the reserved space; 0, 0 at the end */
    uint32_t magic, size;
};

struct fpsimd {
    struct record head;
    uint32_t fpsr, fpcr;
    uint64_t v[64];
};

struct context {
    uint64_t flags, link;
    uint64_t stack_at;
    int32_t stack_flags, padding;
    uint64_t stack_size;
    uint64_t mask, unused[15];
    _Alignas(16) uint64_t fault;
    uint64_t x[REGISTERS], sp, pc, pstate;
    _Alignas(16) uint8_t records[4096];
};

struct frame {
    uint8_t info[128];
    struct context uc;
};
_Static_assert(offsetof(struct context, fault) == 176 && offsetof(struct context, records) == 464 && sizeof(struct frame) == 4688,
               "the kernel's");
_Static_assert(sizeof(struct fpsimd) == 528, "the kernel's");

static struct fpsimd float_state(const struct cpu *cpu)
{
    struct fpsimd state = {{FPSIMD_MAGIC, sizeof state}, (uint32_t)arm64_fpsr(cpu), (uint32_t)A64(cpu, fpcr), {0}};
    memcpy(state.v, &A64N(cpu, v, 0), sizeof state.v);
    return state;
}

static bool is_fault(const siginfo_t *info) { return info->si_code > 0 && (info->si_signo == SIGSEGV || info->si_signo == SIGBUS); }

static void put_records(const struct cpu *cpu, const siginfo_t *info, struct context *uc)
{
    const struct fpsimd state = float_state(cpu);
    memcpy(uc->records, &state, sizeof state);
    if (!is_fault(info))
        return;
    enum { ESR_IL = 1 << 25 };
    const struct {
        struct record head;
        uint64_t esr;
    } esr = {{ESR_MAGIC, sizeof esr}, (uint64_t)(cpu->trap.kind & ARM64_TRAP_CLASS) << 26 | ESR_IL | cpu->trap.kind >> ARM64_TRAP_ISS};
    memcpy(uc->records + sizeof state, &esr, sizeof esr);
}

static bool frame_push(struct user_thread *t, uint64_t sp, const siginfo_t *info, const struct user_action *action, uint64_t mask)
{
    enum { RESTORER = 0x04000000 };
    struct cpu *cpu = t->cpu;
    const uint64_t link[2] = {A64N(cpu, x, FP), A64N(cpu, x, LR)};
    uint64_t link_at = align_down(sp - sizeof link, 16), at = link_at - sizeof(struct frame);
    struct frame frame = {.uc = {.stack_at = (uintptr_t)t->alt.ss_sp, .stack_flags = t->alt.ss_flags, .stack_size = t->alt.ss_size}};
    memcpy(frame.info, info, sizeof frame.info);
    frame.uc.mask = mask;
    frame.uc.fault = is_fault(info) ? (uintptr_t)info->si_addr : 0;
    memcpy(frame.uc.x, &A64N(cpu, x, 0), sizeof frame.uc.x);
    frame.uc.sp = A64(cpu, sp);
    frame.uc.pc = cpu->pc;
    frame.uc.pstate = arm64_nzcv(cpu) | arm64_btype(cpu);
    put_records(cpu, info, &frame.uc);
    if (!user_write(link_at, link, sizeof link) || !user_write(at, &frame, sizeof frame))
        return false;
    A64N(cpu, x, 0) = (uint64_t)info->si_signo;
    A64N(cpu, x, 1) = at;
    A64N(cpu, x, 2) = at + offsetof(struct frame, uc);
    A64N(cpu, x, FP) = link_at;
    A64N(cpu, x, LR) = action->flags & RESTORER ? action->restorer : t->user->memory->sigreturn;
    A64(cpu, sp) = at;
    cpu->pc = action->handler;
    cpu->landing = arm64_has(cpu, ARM64_HAS_bti) ? BTYPE_CALL : 0; /* it is called, as far as BTI is concerned */
    return true;
}

/* The record of floating point among those in the frame; false: they make no sense. */
static bool get_records(struct cpu *cpu, const struct context *uc)
{
    struct fpsimd state;
    struct record head;
    for (size_t at = 0; at + sizeof head <= sizeof uc->records; at += head.size) {
        memcpy(&head, uc->records + at, sizeof head);
        if (!head.magic && !head.size)
            return true;
        if (head.size < sizeof head || head.size % 16 || head.size > sizeof uc->records - at)
            return false;
        if (head.magic != FPSIMD_MAGIC)
            continue;
        if (head.size < sizeof state)
            return false;
        memcpy(&state, uc->records + at, sizeof state);
        memcpy(&A64N(cpu, v, 0), state.v, sizeof state.v);
        arm64_set_fpsr(cpu, state.fpsr);
        arm64_set_fpcr(cpu, state.fpcr);
    }
    return false;
}

static bool frame_pop(struct user_thread *t, uint64_t *mask)
{
    struct cpu *cpu = t->cpu;
    struct frame frame;
    if (A64(cpu, sp) % 16 || !user_read(&frame, A64(cpu, sp), sizeof frame) || !get_records(cpu, &frame.uc))
        return false;
    memcpy(&A64N(cpu, x, 0), frame.uc.x, sizeof frame.uc.x);
    A64(cpu, sp) = frame.uc.sp;
    cpu->pc = frame.uc.pc;
    arm64_set_nzcv(cpu, frame.uc.pstate);
    arm64_set_btype(cpu, frame.uc.pstate);
    *mask = frame.uc.mask;
    t->alt.ss_sp = (void *)(uintptr_t)frame.uc.stack_at;
    t->alt.ss_size = frame.uc.stack_size;
    t->alt.ss_flags = frame.uc.stack_flags;
    return true;
}

/* struct user_pt_regs; struct user_fpsimd_state, which has the words of the record in another order. */
static void core_put(struct cpu *cpu, uint64_t *registers, void *floats)
{
    const struct fpsimd state = float_state(cpu);
    memcpy(registers, &A64N(cpu, x, 0), REGISTERS * sizeof *registers);
    registers[REGISTERS] = A64(cpu, sp);
    registers[REGISTERS + 1] = cpu->pc;
    registers[REGISTERS + 2] = arm64_nzcv(cpu) | arm64_btype(cpu);
    memset(floats, 0, CORE_FLOATS);
    memcpy(floats, state.v, sizeof state.v);
    memcpy((uint8_t *)floats + sizeof state.v, &state.fpsr, sizeof state.fpsr);
    memcpy((uint8_t *)floats + sizeof state.v + sizeof state.fpsr, &state.fpcr, sizeof state.fpcr);
}

static void core_take(struct cpu *cpu, const uint64_t *registers, const void *floats)
{
    uint32_t word[2];
    if (registers) {
        memcpy(&A64N(cpu, x, 0), registers, REGISTERS * sizeof *registers);
        A64(cpu, sp) = registers[REGISTERS];
        cpu->pc = registers[REGISTERS + 1];
        arm64_set_nzcv(cpu, registers[REGISTERS + 2]);
        arm64_set_btype(cpu, registers[REGISTERS + 2]);
    }
    if (!floats)
        return;
    memcpy(&A64N(cpu, v, 0), floats, 64 * sizeof *registers);
    memcpy(word, (const uint8_t *)floats + 64 * sizeof *registers, sizeof word);
    arm64_set_fpsr(cpu, word[0]);
    arm64_set_fpcr(cpu, word[1]);
}

static uint64_t *tls(struct cpu *cpu) { return &A64(cpu, tpidr_el0); }

static void cpuinfo(const struct cpu *cpu, unsigned n, FILE *out)
{
    fprintf(out, "processor\t: %u\nBogoMIPS\t: 2000.00\nFeatures\t:", n);
    for (unsigned i = 0; i < 128; i++)
        if (hwcap(cpu, i / 64) >> i % 64 & 1)
            fprintf(out, " %s", arm64_hwcap_name(i));
    fprintf(out, "\nCPU implementer\t: 0x00\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0x051\nCPU revision\t: 0\n\n");
}

static const uint8_t *trap_insn(unsigned size)
{
    static const uint8_t brk[4] = {0, 0, 0x20, 0xd4};
    return size == sizeof brk ? brk : NULL;
}

/* Four flags stand in other places than on other architectures. */
static uint64_t open_flags(uint64_t flags, bool to_host)
{
    static const struct {
        uint32_t guest, host;
    } rows[] = {{040000, 0200000} /* O_DIRECTORY */,
                {0100000, 0400000} /* O_NOFOLLOW */,
                {0200000, 040000} /* O_DIRECT */,
                {0400000, 0100000} /* O_LARGEFILE */};
    uint64_t out = flags & ~UINT64_C(0740000);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        if (flags & (to_host ? rows[i].guest : rows[i].host))
            out |= to_host ? rows[i].host : rows[i].guest;
    return out;
}

const struct user_abi user_abi_arm64 = {
    .guest = "arm64",
    .uname = "aarch64",
    .platform = "aarch64",
    .elf_machine = EM_AARCH64,
    .sysroot = "/usr/aarch64-linux-gnu",
    .hwcap = hwcap,
    .number = number,
    .arguments = arguments,
    .result = result,
    .call_size = 4,
    .stack = stack,
    .start = start,
    .prctl = own_prctl,
    .child = child,
    .is_call = is_call,
    .trap_signal = trap_signal,
    .cpuinfo = cpuinfo,
    .core_registers = CORE_REGISTERS,
    .core_floats = CORE_FLOATS,
    .core_put = core_put,
    .core_take = core_take,
    .tls = tls,
    .arm64_trace = true,
    .frame_size = sizeof(struct frame) + 16,
    .frame_push = frame_push,
    .frame_pop = frame_pop,
    .trap_insn = trap_insn,
    .open_flags = open_flags,
    .has_restorer = true,
    .more_prot = USER_PROT_BTI | 0x20 /* PROT_MTE, which changes nothing here */,
    .vdso = arm64_vdso,
    .vdso_size = sizeof arm64_vdso,
    .vdso_sigreturn = ARM64_VDSO_SIGRETURN,
};
