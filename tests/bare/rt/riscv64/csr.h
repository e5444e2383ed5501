/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CSRs by number (the assembler need not know the newer ones), their fields, and the causes of traps. */
#pragma once

enum csr {
    CSR_fflags = 0x001,
    CSR_frm,
    CSR_fcsr,
    CSR_seed = 0x015,
    CSR_sstatus = 0x100,
    CSR_sie = 0x104,
    CSR_stvec,
    CSR_scounteren,
    CSR_senvcfg = 0x10a,
    CSR_sstateen0 = 0x10c,
    CSR_sscratch = 0x140,
    CSR_sepc,
    CSR_scause,
    CSR_stval,
    CSR_sip,
    CSR_stimecmp = 0x14d,
    CSR_satp = 0x180,
    CSR_scountovf = 0xda0,
    CSR_mstatus = 0x300,
    CSR_misa,
    CSR_medeleg,
    CSR_mideleg,
    CSR_mie,
    CSR_mtvec,
    CSR_mcounteren,
    CSR_menvcfg = 0x30a,
    CSR_mstateen0 = 0x30c,
    CSR_mcountinhibit = 0x320,
    CSR_mhpmevent3 = 0x323,
    CSR_mscratch = 0x340,
    CSR_mepc,
    CSR_mcause,
    CSR_mtval,
    CSR_mip,
    CSR_pmpcfg0 = 0x3a0,
    CSR_pmpcfg2 = 0x3a2,
    CSR_pmpaddr0 = 0x3b0,
    CSR_mseccfg = 0x747,
    CSR_mcycle = 0xb00,
    CSR_minstret = 0xb02,
    CSR_mhpmcounter3 = 0xb03,
    CSR_cycle = 0xc00,
    CSR_time,
    CSR_instret,
    CSR_hpmcounter3,
    CSR_mvendorid = 0xf11,
    CSR_marchid,
    CSR_mimpid,
    CSR_mhartid,
    CSR_mconfigptr,
};

#define csr_read(n)                                                 \
    ({                                                              \
        unsigned long v_;                                           \
        asm volatile("csrr %0, %1" : "=r"(v_) : "i"(n) : "memory"); \
        v_;                                                         \
    })
#define csr_swap(n, v)                                                                             \
    ({                                                                                             \
        unsigned long v_;                                                                          \
        asm volatile("csrrw %0, %1, %2" : "=r"(v_) : "i"(n), "rK"((unsigned long)(v)) : "memory"); \
        v_;                                                                                        \
    })
#define csr_write(n, v) asm volatile("csrw %0, %1" ::"i"(n), "rK"((unsigned long)(v)) : "memory")
#define csr_set(n, v)   asm volatile("csrs %0, %1" ::"i"(n), "rK"((unsigned long)(v)) : "memory")
#define csr_clear(n, v) asm volatile("csrc %0, %1" ::"i"(n), "rK"((unsigned long)(v)) : "memory")

#define STATUS_SIE  (1ul << 1)
#define STATUS_MIE  (1ul << 3)
#define STATUS_SPIE (1ul << 5)
#define STATUS_MPIE (1ul << 7)
#define STATUS_SPP  (1ul << 8)
#define STATUS_MPP  (3ul << 11)
#define STATUS_FS   (3ul << 13)
#define STATUS_MPRV (1ul << 17)
#define STATUS_SUM  (1ul << 18)
#define STATUS_MXR  (1ul << 19)
#define STATUS_TVM  (1ul << 20)
#define STATUS_TW   (1ul << 21)
#define STATUS_TSR  (1ul << 22)
#define STATUS_UXL  (3ul << 32)
#define STATUS_SXL  (3ul << 34)
#define STATUS_SD   (1ul << 63)

#define ENVCFG_FIOM  (1ul << 0)
#define ENVCFG_CBIE  (3ul << 4)
#define ENVCFG_CBCFE (1ul << 6)
#define ENVCFG_CBZE  (1ul << 7)
#define ENVCFG_ADUE  (1ul << 61)
#define ENVCFG_PBMTE (1ul << 62)
#define ENVCFG_STCE  (1ul << 63)

#define IRQ_S_SOFT  1
#define IRQ_M_SOFT  3
#define IRQ_S_TIMER 5
#define IRQ_M_TIMER 7
#define IRQ_S_EXT   9
#define IRQ_M_EXT   11
#define IRQ_LCOFI   13
#define INTERRUPT   (1ul << 63)

#define CAUSE_insn_misaligned  0
#define CAUSE_insn_access      1
#define CAUSE_illegal          2
#define CAUSE_breakpoint       3
#define CAUSE_load_misaligned  4
#define CAUSE_load_access      5
#define CAUSE_store_misaligned 6
#define CAUSE_store_access     7
#define CAUSE_ecall_u          8
#define CAUSE_ecall_s          9
#define CAUSE_ecall_m          11
#define CAUSE_insn_page        12
#define CAUSE_load_page        13
#define CAUSE_store_page       15

#define PMP_R     1ul
#define PMP_W     2ul
#define PMP_X     4ul
#define PMP_TOR   (1ul << 3)
#define PMP_NA4   (2ul << 3)
#define PMP_NAPOT (3ul << 3)
#define PMP_L     0x80ul
