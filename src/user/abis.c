/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The architectures whose programs run: rows of guests.def that have a folder here. */
#include "user/process.h"

#ifdef VM_GUEST_riscv64
extern const struct user_abi user_abi_riscv64;
#endif
#ifdef VM_GUEST_arm64
extern const struct user_abi user_abi_arm64;
#endif

const struct user_abi *const user_abis[] = {
#ifdef VM_GUEST_riscv64
    &user_abi_riscv64,
#endif
#ifdef VM_GUEST_arm64
    &user_abi_arm64,
#endif
    NULL,
};
