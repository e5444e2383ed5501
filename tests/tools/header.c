/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The public header stands alone: nothing before it, and plain C99 will do. */
#include <vm/vm.h>

int main(void) { return vm_abi() == VM_ABI ? 0 : 1; }
