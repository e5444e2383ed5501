/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The exceptions as kinds of struct trap. */
#pragma once

enum arm64_trap {
#define TRAP(name, class, text) ARM64_TRAP_##name = class,
#include "guest/arm64/traps.def"
#undef TRAP
};

enum { ARM64_TRAP_ISS = 8, ARM64_TRAP_CLASS = (1 << ARM64_TRAP_ISS) - 1 };

/* Fields of aborts' ISS. */
enum {
    ABORT_WNR = 1 << 6,      /* a write */
    ABORT_S1PTW = 1 << 7,    /* in a walk's access by stage 2 */
    ABORT_CM = 1 << 8,       /* of cache maintenance */
    FSC_ADDRESS_SIZE = 0x00, /* + level, as the next three */
    FSC_TRANSLATION = 0x04,
    FSC_ACCESS_FLAG = 0x08,
    FSC_PERMISSION = 0x0c,
    FSC_EXTERNAL = 0x10,
    FSC_EXTERNAL_WALK = 0x14, /* + level */
    FSC_ALIGNMENT = 0x21,
    FSC_EXCLUSIVE = 0x35, /* atomics on memory that has none */
};
