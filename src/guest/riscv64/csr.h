/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The rows of csrs.def as csr.c (accesses when the guest runs) and csr_lift.c (what is known when lifting) see them. */
#pragma once
#include "guest/riscv64/riscv64.h"

enum { CSR_NO_CELL = 0xffff, CSR_FFLAGS = 1, CSR_FRM = 2, CSR_FCSR = 3, CSR_SEED = 0x15, CSR_SSTATUS = 0x100, CSR_MSTATUS = 0x300 };

struct riscv64_csr {
    const char *name; /* of the first of the family */
    uint16_t number, count;
    uint16_t cell; /* of the first, or CSR_NO_CELL */
    uint8_t feature;
    uint64_t rmask, wmask;
    bool (*allow)(struct cpu *cpu, unsigned number);                                 /* conditions that only running decides; NULL: none */
    uint64_t (*read)(struct cpu *cpu, unsigned number, uint64_t insns);              /* NULL: the cell */
    void (*write)(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns); /* NULL: the cell */
};

const struct riscv64_csr *riscv64_csr_row(unsigned number); /* NULL: no such CSR in any model */

/* The write hook of rows that a write leaves as they are. */
void riscv64_csr_ignore(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns);

static inline unsigned riscv64_csr_cell(const struct riscv64_csr *row, unsigned number) { return row->cell + number - row->number; }
static inline bool riscv64_csr_is_fp(unsigned number) { return number >= CSR_FFLAGS && number <= CSR_FCSR; }

void riscv64_finish_status(struct cpu *cpu, uint32_t insn);

/* The bits that software may change at all. */
#define STATUS_S ((uint64_t)(STATUS_SIE | STATUS_SPIE | STATUS_SPP | STATUS_FS | STATUS_SUM | STATUS_MXR))
#define STATUS_M (STATUS_S | (uint64_t)(STATUS_MIE | STATUS_MPIE | STATUS_MPP | STATUS_MPRV | STATUS_TVM | STATUS_TW | STATUS_TSR))
/* What reads show beside the slot: SXL = UXL = 64 bit (sstatus has UXL only); SD says that FS is dirty. */
#define STATUS_UXL (2ull << 32)
#define STATUS_SXL (2ull << 34)
#define STATUS_SD  (1ull << 63)

/* How a cell reads through the CSR: mask and bits that are always 1 (SD aside). */
struct riscv64_csr_view {
    uint64_t mask, ones;
};
struct riscv64_csr_view riscv64_csr_view(const struct cpu *cpu, const struct riscv64_csr *row);

/* Sticky flags as FX_* and as fflags: the same five bits in opposite orders. */
static inline uint64_t riscv64_fflags(uint32_t fx)
{
    return (fx & FX_nv) << 4 | (fx & FX_dz) << 2 | (fx & FX_of) | (fx & FX_uf) >> 2 | (fx & FX_nx) >> 4;
}
static inline uint32_t riscv64_fx(uint64_t fflags) { return (uint32_t)riscv64_fflags((uint32_t)fflags); }
