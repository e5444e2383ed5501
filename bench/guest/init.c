/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The only program of the initramfs that is booted: says that it is there and powers off at once, or sleeps if its argument is "idle".
 * Freestanding, by system calls alone (Linux, riscv64 and arm64), so that the boot is the kernel's and nobody else's.
 */
#include <stdint.h>

enum { SYS_write = 64, SYS_reboot = 142, SYS_ppoll = 73 };

static long call(long number, long a, long b, long c, long d)
{
#if defined(__riscv)
    register long a0 asm("a0") = a, a1 asm("a1") = b, a2 asm("a2") = c, a3 asm("a3") = d, a4 asm("a4") = 0, a7 asm("a7") = number;
    asm volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a7) : "memory");
    return a0;
#else
    register long x0 asm("x0") = a, x1 asm("x1") = b, x2 asm("x2") = c, x3 asm("x3") = d, x4 asm("x4") = 0, x8 asm("x8") = number;
    asm volatile("svc 0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x8) : "memory");
    return x0;
#endif
}

void init_main(const uint64_t *stack) __attribute__((noreturn));

/* The stack begins with the number of arguments and their addresses. */
void init_main(const uint64_t *stack)
{
    static const char mark[] = "\nbench-init\n";
    const char *option = stack[0] > 1 ? (const char *)stack[2] : "";
    call(SYS_write, 1, (long)mark, sizeof mark - 1, 0);
    while (option[0] == 'i')
        call(SYS_ppoll, 0, 0, 0, 0);
    for (;;)
        call(SYS_reboot, (long)0xfee1dead, 672274793, 0x4321fedc, 0); /* LINUX_REBOOT_MAGIC1, MAGIC2, CMD_POWER_OFF */
}

#if defined(__riscv)
asm(".globl _start\n_start: mv a0, sp\n andi sp, sp, -16\n call init_main\n");
#else
asm(".globl _start\n_start: mov x0, sp\n bl init_main\n");
#endif
