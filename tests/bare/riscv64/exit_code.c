/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* For the test of the library: says a word through semihosting and ends the machine with code 37. */
#include "rt.h"

asm(".balign 16\n.globl semihosting_call\nsemihosting_call: slli zero, zero, 31\n ebreak\n srai zero, zero, 7\n ret\n");
uint64_t semihosting_call(uint64_t operation, uint64_t argument);

static void leave(void)
{
    uint64_t words[2] = {0x20026, 37};
    semihosting_call(4, (uint64_t) "# a word\n");
    semihosting_call(32, (uint64_t)words);
    rt_panic("the exit came back");
}

const struct test tests[] = {TEST("exit", leave), {NULL, NULL}};
