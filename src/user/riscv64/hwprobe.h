/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#pragma once
#include "user/calls.h"

int64_t riscv64_hwprobe(struct user_thread *t, const uint64_t a[6]);
