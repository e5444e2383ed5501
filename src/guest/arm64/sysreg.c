/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* System registers when the guest runs: what reading and writing those with hooks means. */
#include "guest/arm64/sysreg.h"
#include "base/bits.h"
#include "ir/flags.h"
#include <stdlib.h>

/* ---- flags and floating point ---- */

uint64_t arm64_nzcv(const struct cpu *cpu) { return ir_flags(IR_FLBITS, 0, IR_fl, A64(cpu, nzcv), 0, 0) << 28; }
void arm64_set_nzcv(struct cpu *cpu, uint64_t value) { A64(cpu, nzcv) = ir_flags(IR_FLPACK, 0, IR_fl, value >> 28 & 15, 0, 0); }

/* Bits 4..0 are those of FX_*; IDC is bit 7. */
uint64_t arm64_fpsr(const struct cpu *cpu)
{
    return (cpu->fx & 31) | (cpu->fx & FX_dn ? 1 << 7 : 0) | (A64(cpu, qc) | A64N(cpu, qc, 1) ? 1 << 27 : 0);
}

void arm64_set_fpsr(struct cpu *cpu, uint64_t value)
{
    cpu->fx = (uint32_t)(value & 31) | (value >> 7 & 1 ? (uint32_t)FX_dn : 0);
    A64(cpu, qc) = value >> 27 & 1;
    A64N(cpu, qc, 1) = 0;
}

void arm64_set_fpcr(struct cpu *cpu, uint64_t value)
{
    uint64_t can = FPCR_RMODE | FPCR_FZ | FPCR_DN | FPCR_AHP | (arm64_has(cpu, ARM64_HAS_fp16) ? FPCR_FZ16 : 0);
    A64(cpu, fpcr) = value & can;
    arm64_restored(cpu);
}

static uint64_t read_nzcv(struct cpu *cpu) { return arm64_nzcv(cpu); }
static void write_nzcv(struct cpu *cpu, uint64_t value) { arm64_set_nzcv(cpu, value); }
static uint64_t read_fpcr(struct cpu *cpu) { return A64(cpu, fpcr); }
static void write_fpcr(struct cpu *cpu, uint64_t value) { arm64_set_fpcr(cpu, value); }
static uint64_t read_fpsr(struct cpu *cpu) { return arm64_fpsr(cpu); }
static void write_fpsr(struct cpu *cpu, uint64_t value) { arm64_set_fpsr(cpu, value); }

/* ---- identity ---- */

static uint64_t read_zero(struct cpu *cpu)
{
    (void)cpu;
    return 0;
}

/* Lines of 64 bytes; the instruction cache is physically tagged and wants to be told of changes, the data cache needs no cleaning for that. */
static uint64_t read_ctr(struct cpu *cpu)
{
    (void)cpu;
    return 1u << 31 | 1 << 28 | 4 << 24 | 4 << 20 | 4 << 16 | 3 << 14 | 4;
}

static uint64_t read_dczid(struct cpu *cpu)
{
    (void)cpu;
    return 4; /* 64 bytes */
}

static uint64_t read_cntfrq(struct cpu *cpu) { return arm64_arch(cpu)->timer_frequency; }

static uint64_t read_cntvct(struct cpu *cpu)
{
    return (uint64_t)((u128)os_vclock_ns(cpu->clock) * arm64_arch(cpu)->timer_frequency / 1000000000);
}

/* A part number that nobody has: kernels must go by the ID registers. */
static uint64_t read_midr(struct cpu *cpu)
{
    (void)cpu;
    return 0x000f0510;
}

static uint64_t read_mpidr(struct cpu *cpu) { return 1u << 31 | (cpu->id & 0xff) | (uint64_t)(cpu->id >> 8) << 8; }

/* EL0 to EL2 in A64 only, floating point and vectors; with system registers of the GIC. */
static uint64_t read_pfr0(struct cpu *cpu) { return 0x111 | arm64_arch(cpu)->id[ARM64_ID_pfr0]; }
static uint64_t read_pfr1(struct cpu *cpu) { return arm64_arch(cpu)->id[ARM64_ID_pfr1]; }
static uint64_t read_isar0(struct cpu *cpu) { return arm64_arch(cpu)->id[ARM64_ID_isar0]; }
static uint64_t read_isar1(struct cpu *cpu) { return arm64_arch(cpu)->id[ARM64_ID_isar1]; }
static uint64_t read_isar2(struct cpu *cpu) { return arm64_arch(cpu)->id[ARM64_ID_isar2]; }

/* ---- the table ---- */

#define ARM64_CELL_none SYSREG_NO_CELL
#define read_no         NULL
#define write_no        NULL

static const struct arm64_sysreg rows[] = {
#define SYSREG(name, op0, op1, n, m, op2, reads, writes, slot, read, write) \
    {#name, SYSREG_NUMBER(op0, op1, n, m, op2), ARM64_CELL_##slot, reads, writes, read_##read, write_##write},
#include "guest/arm64/sysregs.def"
#undef SYSREG
};

static int by_number(const void *a, const void *b)
{
    return (int)((const struct arm64_sysreg *)a)->number - (int)((const struct arm64_sysreg *)b)->number;
}

const struct arm64_sysreg *arm64_sysreg_row(unsigned number)
{
    const struct arm64_sysreg key = {.number = (uint16_t)number};
    return bsearch(&key, rows, ARRAY_LEN(rows), sizeof *rows, by_number);
}

const char *arm64_sysreg_name(unsigned number)
{
    const struct arm64_sysreg *row = arm64_sysreg_row(number);
    return row ? row->name : NULL;
}

bool arm64_sysreg_peek(struct cpu *cpu, unsigned number, uint64_t *value)
{
    const struct arm64_sysreg *row = arm64_sysreg_row(number);
    if (row)
        *value = row->read ? row->read(cpu) : cpu->cell[row->cell];
    return row;
}

bool arm64_sysreg_poke(struct cpu *cpu, unsigned number, uint64_t value)
{
    const struct arm64_sysreg *row = arm64_sysreg_row(number);
    if (row && row->write)
        row->write(cpu, value);
    else if (row && row->cell != SYSREG_NO_CELL)
        cpu->cell[row->cell] = value;
    return row;
}

/* ---- helpers of sysregs.isa ---- */

uint64_t arm64_hlp_sysreg_read(struct cpu *cpu, uint64_t number, uint64_t insn)
{
    uint64_t value = 0;
    (void)insn;
    arm64_sysreg_peek(cpu, (unsigned)number, &value);
    return value;
}

uint64_t arm64_hlp_sysreg_write(struct cpu *cpu, uint64_t number, uint64_t value, uint64_t insn)
{
    (void)insn;
    arm64_sysreg_poke(cpu, (unsigned)number, value);
    return 0;
}

uint64_t arm64_hlp_code_barrier(struct cpu *cpu)
{
    if (A64(cpu, changed)) {
        A64(cpu, changed) = 0;
        cpu->ops->fetch_changed(cpu);
    }
    return 0;
}
