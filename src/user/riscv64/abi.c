/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Linux for riscv64 as a program sees it: registers of system calls, what traps mean, the frame of a signal handler (the kernel's
 * arch/riscv uapi: struct rt_sigframe with D registers).
 */
#include "base/bits.h"
#include "guest/riscv64/riscv64.h"
#include "guest/riscv64/traps.h"
#include "os/fault.h"
#include "user/calls.h"
#include "user/riscv64/hwprobe.h"
#include "user/riscv64/riscv64_vdso.gen.h"
#include <elf.h>
#include <errno.h>
#include <string.h>

#ifndef EM_RISCV
#define EM_RISCV 243
#endif

enum { RA = 1, SP = 2, TP = 4, A0 = 10, A7 = 17, CSR_FCSR = 3 };
enum { CORE_FLOATS = 264 };
enum { FLOAT_ABI = 6, FLOAT_ABI_DOUBLE = 4, RVE = 8 }; /* fields of the ELF header's flags */

static bool elf_flags(uint32_t flags) { return (flags & FLOAT_ABI) <= FLOAT_ABI_DOUBLE && !(flags & RVE); }

/* A bit for each extension with a letter, as misa has them; only those that the kernel lists. */
static uint64_t hwcap(const struct cpu *cpu, unsigned n)
{
    const uint64_t letters = 1 << 0 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 8 | 1 << 12; /* A C D F I M */
    return n ? 0 : riscv64_arch(cpu)->misa & letters;
}

static uint64_t number(const struct cpu *cpu) { return RVN(cpu, x, A7); }

static void arguments(const struct cpu *cpu, uint64_t args[6])
{
    for (unsigned i = 0; i < 6; i++)
        args[i] = RVN(cpu, x, A0 + i);
}

static void result(struct cpu *cpu, int64_t value) { RVN(cpu, x, A0) = (uint64_t)value; }
static uint64_t stack(const struct cpu *cpu) { return RVN(cpu, x, SP); }

static void start(struct cpu *cpu, uint64_t pc, uint64_t sp)
{
    cpu->pc = pc;
    RVN(cpu, x, SP) = sp;
}

static void child(struct cpu *cpu, const struct cpu *parent, uint64_t sp, const uint64_t *tls)
{
    memcpy(cpu->cell, parent->cell, cpu->guest->cells * sizeof *cpu->cell);
    cpu->fx = parent->fx;
    riscv64_restored(cpu);
    cpu->pc = parent->pc;
    RVN(cpu, x, A0) = 0;
    if (sp)
        RVN(cpu, x, SP) = sp;
    if (tls)
        RVN(cpu, x, TP) = *tls;
}

static bool is_call(uint32_t trap) { return trap == RISCV64_TRAP_ecall_u; }

static void trap_signal(struct cpu *cpu, struct trap trap, siginfo_t *info)
{
    const struct os_fault *fault = os_fault_last();
    *info = (siginfo_t){.si_signo = SIGSEGV, .si_code = SEGV_MAPERR};
    info->si_addr = (void *)(uintptr_t)trap.info;
    switch (trap.kind) {
    case RISCV64_TRAP_illegal:
        info->si_signo = SIGILL;
        info->si_code = ILL_ILLOPC;
        info->si_addr = (void *)(uintptr_t)cpu->pc;
        break;
    case RISCV64_TRAP_breakpoint:
        info->si_signo = SIGTRAP;
        info->si_code = TRAP_BRKPT;
        info->si_addr = (void *)(uintptr_t)cpu->pc;
        break;
    case RISCV64_TRAP_insn_misaligned:
    case RISCV64_TRAP_load_misaligned:
    case RISCV64_TRAP_store_misaligned:
        info->si_signo = SIGBUS;
        info->si_code = BUS_ADRALN;
        break;
    default: info->si_signo = fault->signal ? fault->signal : SIGSEGV; info->si_code = fault->code;
    }
}

/* ---- signal frames ---- */

struct context {
    uint64_t flags, link;
    uint64_t stack_at;
    int32_t stack_flags, padding;
    uint64_t stack_size;
    uint64_t mask, unused[15];
    _Alignas(16) uint64_t pc;
    uint64_t x[31];
    _Alignas(16) uint64_t f[32];
    uint32_t fcsr;
    uint32_t rest[67]; /* of the union with the state of quad precision; its last three words are 0: no further extensions */
};

struct frame {
    uint8_t info[128];
    struct context uc;
};
_Static_assert(sizeof(siginfo_t) == 128 && offsetof(struct context, pc) == 176 && sizeof(struct frame) == 1088, "the kernel's");

static bool frame_push(struct user_thread *t, uint64_t sp, const siginfo_t *info, const struct user_action *action, uint64_t mask)
{
    struct cpu *cpu = t->cpu;
    uint64_t at = align_down(sp - sizeof(struct frame), 16), fcsr;
    struct frame frame = {.uc = {.stack_at = (uintptr_t)t->alt.ss_sp, .stack_flags = t->alt.ss_flags, .stack_size = t->alt.ss_size}};
    memcpy(frame.info, info, sizeof frame.info);
    frame.uc.mask = mask;
    frame.uc.pc = cpu->pc;
    memcpy(frame.uc.x, &RVN(cpu, x, 1), sizeof frame.uc.x);
    memcpy(frame.uc.f, &RVN(cpu, f, 0), sizeof frame.uc.f);
    riscv64_csr_peek(cpu, CSR_FCSR, &fcsr);
    frame.uc.fcsr = (uint32_t)fcsr;
    if (!user_write(at, &frame, sizeof frame))
        return false;
    RVN(cpu, x, RA) = t->user->memory->sigreturn;
    RVN(cpu, x, SP) = at;
    RVN(cpu, x, A0) = (uint64_t)info->si_signo;
    RVN(cpu, x, A0 + 1) = at;
    RVN(cpu, x, A0 + 2) = at + offsetof(struct frame, uc);
    cpu->pc = action->handler;
    return true;
}

static bool frame_pop(struct user_thread *t, uint64_t *mask)
{
    struct cpu *cpu = t->cpu;
    struct frame frame;
    if (!user_read(&frame, RVN(cpu, x, SP), sizeof frame))
        return false;
    memcpy(&RVN(cpu, x, 1), frame.uc.x, sizeof frame.uc.x);
    memcpy(&RVN(cpu, f, 0), frame.uc.f, sizeof frame.uc.f);
    riscv64_csr_poke(cpu, CSR_FCSR, frame.uc.fcsr);
    cpu->pc = frame.uc.pc;
    *mask = frame.uc.mask;
    t->alt.ss_sp = (void *)(uintptr_t)frame.uc.stack_at;
    t->alt.ss_size = frame.uc.stack_size;
    t->alt.ss_flags = frame.uc.stack_flags;
    return true;
}

/* struct user_regs_struct; __riscv_d_ext_state. */
static void core_put(struct cpu *cpu, uint64_t *registers, void *floats)
{
    uint64_t fcsr;
    registers[0] = cpu->pc;
    memcpy(registers + 1, &RVN(cpu, x, 1), 31 * sizeof *registers);
    memset(floats, 0, CORE_FLOATS);
    memcpy(floats, &RVN(cpu, f, 0), 32 * sizeof fcsr);
    riscv64_csr_peek(cpu, CSR_FCSR, &fcsr);
    memcpy((uint8_t *)floats + 32 * sizeof fcsr, &fcsr, sizeof(uint32_t));
}

static void core_take(struct cpu *cpu, const uint64_t *registers, const void *floats)
{
    uint32_t fcsr;
    if (registers) {
        cpu->pc = registers[0] & ~1ull;
        memcpy(&RVN(cpu, x, 1), registers + 1, 31 * sizeof *registers);
    }
    if (!floats)
        return;
    memcpy(&RVN(cpu, f, 0), floats, 32 * sizeof *registers);
    memcpy(&fcsr, (const uint8_t *)floats + 32 * sizeof *registers, sizeof fcsr);
    riscv64_csr_poke(cpu, CSR_FCSR, fcsr);
}

static void cpuinfo(const struct cpu *cpu, unsigned n, FILE *out)
{
    fprintf(out, "processor\t: %u\nhart\t\t: %u\nisa\t\t: %s\nmmu\t\t: sv39\nuarch\t\t: vm\n\n", n, n, riscv64_isa_string(cpu));
}

static const uint8_t *trap_insn(unsigned size)
{
    static const uint8_t full[4] = {0x73, 0, 0x10, 0} /* ebreak */, half[2] = {0x02, 0x90} /* c.ebreak */;
    return size == sizeof full ? full : size == sizeof half ? half : NULL;
}

/* ---- system calls of its own ---- */

static int64_t flush_icache(struct user_thread *t, const uint64_t a[6])
{
    if (a[2] > 1)
        return -EINVAL;
    accel_code_changed(t->user->vm, a[0], a[1] < MEM_FLAT_END ? a[1] : MEM_FLAT_END);
    return 0;
}

static const struct user_call calls[] = {
    {"riscv_hwprobe", "puupx", "", 258, riscv64_hwprobe, 0},
    {"riscv_flush_icache", "PPx", "", 259, flush_icache, 0},
    {NULL, NULL, NULL, 0, NULL, 0},
};

const struct user_abi user_abi_riscv64 = {
    .guest = "riscv64",
    .uname = "riscv64",
    .elf_machine = EM_RISCV,
    .sysroot = "/usr/riscv64-linux-gnu",
    .elf_flags = elf_flags,
    .hwcap = hwcap,
    .number = number,
    .arguments = arguments,
    .result = result,
    .call_size = 4,
    .stack = stack,
    .start = start,
    .child = child,
    .is_call = is_call,
    .trap_signal = trap_signal,
    .cpuinfo = cpuinfo,
    .core_registers = 32,
    .core_floats = CORE_FLOATS,
    .core_put = core_put,
    .core_take = core_take,
    .calls = calls,
    .frame_size = sizeof(struct frame),
    .frame_push = frame_push,
    .frame_pop = frame_pop,
    .trap_insn = trap_insn,
    .vdso = riscv64_vdso,
    .vdso_size = sizeof riscv64_vdso,
    .vdso_sigreturn = RISCV64_VDSO_SIGRETURN,
};
