/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The test guest's traps as the generated lifter names them. */
#pragma once
enum toy_trap {
#define TRAP(name, number) TOY_TRAP_##name = number,
#include "traps.def"
#undef TRAP
};
