/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* riscv64: U mode with all that Linux lets its programs do. */
#include "base/bits.h"
#include "guest/riscv64/riscv64.h"
#include "subject.h"

enum { FCSR = 3 };

static uint64_t features(const struct cpu *cpu) { return riscv64_arch(cpu)->insns; }

static void set_state(struct cpu *cpu, const struct case_state *s)
{
    RV(cpu, priv) = PRIV_U;
    RV(cpu, mstatus) = STATUS_FS;
    RV(cpu, menvcfg) = RV(cpu, senvcfg) = ENVCFG_CBIE | ENVCFG_CBCFE | ENVCFG_CBZE;
    RVN(cpu, pmpaddr, 0) = (1ull << 54) - 1;
    RVN(cpu, pmpcfg, 0) = PMP_NAPOT | PMP_R | PMP_W | PMP_X;
    riscv64_restored(cpu);
    memcpy(&RV(cpu, x), s->x, sizeof s->x);
    memcpy(&RV(cpu, f), s->f, 32 * sizeof s->f[0]);
    (void)!riscv64_csr_poke(cpu, FCSR, s->status[0]);
}

static void get_state(struct cpu *cpu, struct case_state *s)
{
    memcpy(s->x, &RV(cpu, x), sizeof s->x);
    memcpy(s->f, &RV(cpu, f), 32 * sizeof s->f[0]);
    s->x[0] = 0;
    (void)!riscv64_csr_peek(cpu, FCSR, &s->status[0]);
}

static uint32_t signal_of(const struct cpu *cpu, struct trap trap, uint64_t *address)
{
    (void)cpu;
    *address = trap.info;
    switch (trap.kind) {
    case RISCV64_TRAP_illegal: return CASE_SIGILL;
    case RISCV64_TRAP_breakpoint: return CASE_SIGTRAP;
    case RISCV64_TRAP_insn_misaligned:
    case RISCV64_TRAP_load_misaligned:
    case RISCV64_TRAP_store_misaligned: return CASE_SIGBUS;
    case RISCV64_TRAP_insn_access:
    case RISCV64_TRAP_load_access:
    case RISCV64_TRAP_store_access: return CASE_SIGSEGV;
    default: return 100 + trap.kind;
    }
}

/* ---- where the oracle is wrong by the manual, or the manual leaves it open ---- */

/* A store-conditional without reservation checks no address there; the manual wants the misaligned one refused and leaves the others open. */
static bool unchecked_sc(const struct case_view *v)
{
    return !strncmp(v->insn, "sc.", 3) && (v->ours->signal == CASE_SIGBUS || v->ours->signal == CASE_SIGSEGV) &&
           v->theirs->after.pc != v->ours->after.pc;
}

/* The address reported of a cache-block operation is the register's ("CMO": the faulting effective address), not the block's. */
static bool block_address(const struct case_view *v)
{
    return !strncmp(v->insn, "cbo.", 4) && v->same_state && v->ours->signal == CASE_SIGSEGV && v->theirs->signal == CASE_SIGSEGV &&
           v->theirs->address == align_down(v->ours->address, 64);
}

/* At a breakpoint it looks for the semihosting sequence, whose second half need not be there. */
static bool semihosting(const struct case_view *v)
{
    return v->ours->signal == CASE_SIGTRAP && v->theirs->signal == CASE_SIGSEGV && v->same_state &&
           v->theirs->address == CASE_CODE + CASE_CODE_SIZE && v->ours->after.pc == CASE_CODE + CASE_CODE_SIZE - 6;
}

static bool known(const struct case_view *v) { return unchecked_sc(v) || block_address(v) || semihosting(v); }

const struct subject subject = {
    .guest = &guest_riscv64,
    .qemu = "qemu-riscv64",
    .gcc = "riscv64-linux-gnu-gcc",
    .gcc_package = "gcc-riscv64-linux-gnu",
    /* zama16b would let misaligned atomics through; the others add meanings to words; svinval's it does not refuse in user mode. */
    .cpu = "max,zama16b=false,v=false,zfh=false,zfbfmin=false,zicfilp=false,zicfiss=false,svinval=false,"
           "zve32f=false,zve32x=false,zve64d=false,zve64f=false,zve64x=false,zvbb=false,zvbc=false,zvfbfmin=false,zvfbfwma=false,"
           "zvfh=false,zvfhmin=false,zvkb=false,zvkg=false,zvkn=false,zvknc=false,zvkned=false,zvkng=false,zvknha=false,zvknhb=false,"
           "zvks=false,zvksc=false,zvksed=false,zvksg=false,zvksh=false,zvkt=false",
    .stop = 0x90029002, /* c.ebreak */
    .nop = 0x00000013,
    .short_nop = 0x0001,
    .alignment = 2,
    .x = {"zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
          "a6",   "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"},
    .f = {"ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0",  "fa1",  "fa2", "fa3", "fa4",  "fa5",
          "fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11"},
    .status = {"fcsr"},
    .features = features,
    .set_state = set_state,
    .get_state = get_state,
    .signal = signal_of,
    .known = known,
};
