/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The box of SM4 (GB/T 32907), which several guests have instructions for. */
#pragma once
#include <stdint.h>

extern const uint8_t guest_sm4_box[256];
