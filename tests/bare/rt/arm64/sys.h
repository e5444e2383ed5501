/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* System registers by name, their fields, and the classes of exceptions. */
#pragma once
#include <stdint.h>

#define sys_read(name)                                         \
    ({                                                         \
        uint64_t v_;                                           \
        asm volatile("mrs %0, " name : "=r"(v_) : : "memory"); \
        v_;                                                    \
    })
#define sys_write(name, value)                                                        \
    do {                                                                              \
        asm volatile("msr " name ", %0\n isb" : : "r"((uint64_t)(value)) : "memory"); \
    } while (0)

#define SCTLR_M    (1ul << 0)
#define SCTLR_A    (1ul << 1)
#define SCTLR_C    (1ul << 2)
#define SCTLR_SA   (1ul << 3)
#define SCTLR_SA0  (1ul << 4)
#define SCTLR_UMA  (1ul << 9)
#define SCTLR_I    (1ul << 12)
#define SCTLR_DZE  (1ul << 14)
#define SCTLR_UCT  (1ul << 15)
#define SCTLR_nTWI (1ul << 16)
#define SCTLR_nTWE (1ul << 18)
#define SCTLR_WXN  (1ul << 19)
#define SCTLR_SPAN (1ul << 23)
#define SCTLR_UCI  (1ul << 26)
#define SCTLR_BASE 0x30d00800ul /* bits that read as one, SPAN among them */

#define HCR_VF   (1ul << 6)
#define HCR_VI   (1ul << 7)
#define HCR_VSE  (1ul << 8)
#define HCR_TWI  (1ul << 13)
#define HCR_TWE  (1ul << 14)
#define HCR_TID3 (1ul << 18)
#define HCR_TSC  (1ul << 19)
#define HCR_TACR (1ul << 21)
#define HCR_TVM  (1ul << 26)
#define HCR_TGE  (1ul << 27)
#define HCR_TDZ  (1ul << 28)
#define HCR_HCD  (1ul << 29)
#define HCR_TRVM (1ul << 30)
#define HCR_RW   (1ul << 31)
#define HCR_E2H  (1ul << 34)
#define HCR_FMO  (1ul << 3)
#define HCR_IMO  (1ul << 4)
#define HCR_AMO  (1ul << 5)

#define PSTATE_F    (1ul << 6)
#define PSTATE_I    (1ul << 7)
#define PSTATE_A    (1ul << 8)
#define PSTATE_D    (1ul << 9)
#define PSTATE_DAIF (0xful << 6)
#define PSTATE_IL   (1ul << 20)
#define PSTATE_SS   (1ul << 21)
#define PSTATE_PAN  (1ul << 22)
#define PSTATE_UAO  (1ul << 23)
#define PSTATE_NZCV (0xful << 28)

enum {
    EC_unknown = 0x00,
    EC_wfx = 0x01,
    EC_fp = 0x07,
    EC_illegal = 0x0e,
    EC_svc = 0x15,
    EC_hvc = 0x16,
    EC_smc = 0x17,
    EC_sysreg = 0x18,
    EC_fetch_lower = 0x20,
    EC_fetch = 0x21,
    EC_pc = 0x22,
    EC_data_lower = 0x24,
    EC_data = 0x25,
    EC_sp = 0x26,
    EC_step_lower = 0x32,
    EC_step = 0x33,
    EC_brk = 0x3c,
};
#define ESR(class, iss) ((uint64_t)(class) << 26 | 1ul << 25 | (uint64_t)(iss))
#define ISS_WNR         (1u << 6)
#define ISS_CM          (1u << 8)

/* Fault status codes of aborts, with the level where it counts. */
#define FSC_size(level)        (0x00u + (level))
#define FSC_translation(level) (0x04u + (level))
#define FSC_access(level)      (0x08u + (level))
#define FSC_permission(level)  (0x0cu + (level))
#define FSC_external           0x10u
#define FSC_alignment          0x21u

/* ESR's ISS of a trapped access; a register by its numbers, as in the name S<op0>_<op1>_C<n>_C<m>_<op2>. */
#define ISS_SYSREG(op0, op1, n, m, op2, rt, read)                                                                        \
    ((uint64_t)(op0) << 20 | (uint64_t)(op2) << 17 | (uint64_t)(op1) << 14 | (uint64_t)(n) << 10 | (uint64_t)(rt) << 5 | \
     (uint64_t)(m) << 1 | (read))
