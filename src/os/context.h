/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The program counter in what a signal's handler gets, a ucontext_t *. Private to this room; its type differs between hosts. */
#pragma once
#include <ucontext.h>

#if defined(__x86_64__)
#define CONTEXT_PC(context) ((context)->uc_mcontext.gregs[REG_RIP])
#elif defined(__aarch64__)
#define CONTEXT_PC(context) ((context)->uc_mcontext.pc)
#elif defined(__riscv)
#define CONTEXT_PC(context) ((context)->uc_mcontext.__gregs[REG_PC])
#endif
