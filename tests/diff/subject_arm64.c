/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* arm64: EL0 as a Linux program has it, but that the stack pointer need not be aligned: QEMU's user mode does not look. */
#include "base/bits.h"
#include "guest/arm64/arm64.h"
#include "subject.h"

enum { NZCV, FPCR, FPSR };

static uint64_t features(const struct cpu *cpu) { return arm64_arch(cpu)->insns; }

static void set_state(struct cpu *cpu, const struct case_state *s)
{
    arm64_enter_user(cpu);
    A64(cpu, mode) &= (uint64_t)~MODE_SA;
    memcpy(&A64(cpu, x), s->x, 31 * sizeof s->x[0]);
    A64(cpu, sp) = s->x[31];
    memcpy(&A64(cpu, v), s->f, sizeof s->f);
    arm64_set_nzcv(cpu, s->status[NZCV]);
    arm64_set_fpsr(cpu, s->status[FPSR]);
    arm64_set_fpcr(cpu, s->status[FPCR]);
}

static void get_state(struct cpu *cpu, struct case_state *s)
{
    memcpy(s->x, &A64(cpu, x), 31 * sizeof s->x[0]);
    s->x[31] = A64(cpu, sp);
    memcpy(s->f, &A64(cpu, v), sizeof s->f);
    s->status[NZCV] = arm64_nzcv(cpu);
    s->status[FPCR] = A64(cpu, fpcr);
    s->status[FPSR] = arm64_fpsr(cpu);
}

static uint32_t signal_of(const struct cpu *cpu, struct trap trap, uint64_t *address)
{
    *address = trap.info;
    switch (trap.kind & ARM64_TRAP_CLASS) {
    case ARM64_TRAP_undef:
    case ARM64_TRAP_sysreg:
    case ARM64_TRAP_mops: return CASE_SIGILL; /* Linux would begin again, the oracle does not */
    case ARM64_TRAP_brk: return CASE_SIGTRAP;
    case ARM64_TRAP_pcalign:
    case ARM64_TRAP_spalign: *address = cpu->pc; return CASE_SIGBUS;
    case ARM64_TRAP_insn_abort:
    case ARM64_TRAP_data_abort: return (trap.kind >> ARM64_TRAP_ISS & 63) == FSC_ALIGNMENT ? CASE_SIGBUS : CASE_SIGSEGV;
    default: return 100 + trap.kind;
    }
}

/* ---- where the oracle is wrong by the manual, or the manual leaves it open ---- */

/* An exclusive store without reservation checks no address there. */
static bool unchecked_store(const struct case_view *v)
{
    return (!strncmp(v->insn, "stxr", 4) || !strncmp(v->insn, "stxp", 4)) &&
           (v->ours->signal == CASE_SIGBUS || v->ours->signal == CASE_SIGSEGV) && v->theirs->after.pc != v->ours->after.pc;
}

/* It has FEAT_LSE2: atomic and ordered accesses need not be aligned within 16 bytes; they then go on, or find nothing there. */
static bool within_16(const struct case_view *v)
{
    return v->ours->signal == CASE_SIGBUS && (v->ours->address & 15) &&
           (v->theirs->after.pc != v->ours->after.pc || v->theirs->signal == CASE_SIGSEGV);
}

/* Of several accesses, or one across pages, that fault in a later part: either address may be told, and parts may have been done. */
static bool later_part(const struct case_view *v)
{
    bool parts = strstr(v->insn, "p.") || strstr(v->insn, ".q") || !strncmp(v->insn, "ldpsw", 5) ||
                 ((!strncmp(v->insn, "ld", 2) || !strncmp(v->insn, "st", 2)) && v->insn[2] >= '1' && v->insn[2] <= '4');
    return parts && v->ours->signal == CASE_SIGSEGV && v->theirs->signal == CASE_SIGSEGV && v->theirs->after.pc == v->ours->after.pc;
}

/* Cache maintenance touches nothing there, or the address reported is that of a line. */
static bool maintenance(const struct case_view *v)
{
    return !strncmp(v->insn, "dc.", 3) && v->ours->signal == CASE_SIGSEGV &&
           (v->theirs->after.pc != v->ours->after.pc || (v->same_state && v->ours->address - v->theirs->address < 64));
}

/* Parts of a copy, done by other parts of it; the oracle's epilogues do not do much. */
static bool copied(const struct case_view *v)
{
    return (!strncmp(v->insn, "cpy", 3) || !strncmp(v->insn, "set", 3)) && v->ours->signal == CASE_SIGSEGV &&
           (v->theirs->signal == CASE_SIGSEGV || v->theirs->signal == CASE_SIGILL);
}

/* Programs' addresses may have tags in their top byte, which the oracle takes off. */
static bool tagged(const struct case_view *v)
{
    bool fault = v->ours->signal == CASE_SIGSEGV || v->ours->signal == CASE_SIGBUS;
    return fault && v->ours->address >> 56 && !(v->ours->address >> 55 & 1);
}

static bool known(const struct case_view *v)
{
    return unchecked_store(v) || within_16(v) || later_part(v) || maintenance(v) || copied(v) || tagged(v);
}

#define V(n) "v" #n, "v" #n "h"

const struct subject subject = {
    .guest = &guest_arm64,
    .qemu = "qemu-aarch64",
    .gcc = "aarch64-linux-gnu-gcc",
    .gcc_package = "gcc-aarch64-linux-gnu",
    .cpu = "max,sve=off,sme=off,pauth=off",
    .stop = 0xd4200000, /* brk #0 */
    .nop = 0xd503201f,
    .alignment = 4,
    .x = {"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",  "x10", "x11", "x12", "x13", "x14", "x15",
          "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp"},
    .f = {V(0),  V(1),  V(2),  V(3),  V(4),  V(5),  V(6),  V(7),  V(8),  V(9),  V(10), V(11), V(12), V(13), V(14), V(15),
          V(16), V(17), V(18), V(19), V(20), V(21), V(22), V(23), V(24), V(25), V(26), V(27), V(28), V(29), V(30), V(31)},
    .status = {"nzcv", "fpcr", "fpsr"},
    .features = features,
    .set_state = set_state,
    .get_state = get_state,
    .signal = signal_of,
    .known = known,
};
