/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Where the process begins, before the C library: its own pages are asked for at once. A page fault costs as much as many pages that come
 * together, in a virtual machine as much as twenty, and nearly all of these are needed before the guest's first insn: a static program that
 * may stand anywhere writes into all of its tables. Kernels that cannot do it say so, and nobody minds. The C library gets the registers and
 * the stack as they were.
 */
#include <sys/mman.h>

#if defined(__x86_64__) && defined(MADV_POPULATE_WRITE)
#define NUMBER_TEXT(n) #n
#define NUMBER(n)      NUMBER_TEXT(n)
#define ADVISE(how)    " mov $" NUMBER(how) ", %edx\n mov $28, %eax\n syscall\n" /* madvise */
/* clang-format off */
/* First what is read only, then what is written, then 48 KiB of the stack. */
__asm__(".text\n.globl vm_user_begin\n.hidden vm_user_begin, __ehdr_start\n.type vm_user_begin, @function\n"
        "vm_user_begin:\n"
        " mov %rdx, %r12\n"
        " lea __ehdr_start(%rip), %rdi\n lea __init_array_start(%rip), %rsi\n and $-4096, %rsi\n sub %rdi, %rsi\n"
        ADVISE(MADV_POPULATE_READ)
        " lea __init_array_start(%rip), %rdi\n and $-4096, %rdi\n lea _end+4095(%rip), %rsi\n and $-4096, %rsi\n sub %rdi, %rsi\n"
        ADVISE(MADV_POPULATE_WRITE)
        " lea -49152(%rsp), %rdi\n and $-4096, %rdi\n mov $49152, %esi\n"
        ADVISE(MADV_POPULATE_WRITE)
        " mov %r12, %rdx\n"
        " jmp _start\n"
        ".size vm_user_begin, . - vm_user_begin\n");
/* clang-format on */
#endif
