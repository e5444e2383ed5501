/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Cases, checks and output of the bare programs: report.c. A program is its table `tests`. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define ALIGNED(n)   __attribute__((aligned(n)))

struct test {
    const char *name;
    void (*run)(void);
};
#define TEST(name, function) \
    {                        \
        name, function       \
    }
extern const struct test tests[]; /* ends with a row of nulls; the program's */

#define PATIENCE 300000000ul /* ticks of 100 ns until something never comes: a slow machine is no failure */

void print(const char *format, ...); /* %s %d %x %c */
void rt_exit(unsigned code) __attribute__((noreturn));
void rt_panic(const char *format, ...) __attribute__((noreturn));
void skip(const char *why); /* this case; it should then return */
bool check(bool ok, const char *file, int line, const char *what);
bool check_eq(uint64_t a, uint64_t b, const char *file, int line, const char *what);
#define CHECK(e)       check((e), __FILE_NAME__, __LINE__, #e)
#define CHECK_EQ(a, b) check_eq((uint64_t)(a), (uint64_t)(b), __FILE_NAME__, __LINE__, #a " == " #b)
/* Names the row of a table in the messages of the checks that follow. */
void row(const char *format, ...);
void before_cases(void); /* a program may have them: before the first output; after the last, if all went well */
void after_cases(void);
unsigned run_cases(void (*reset)(void)); /* reset: before each; returns how many failed */

void *memset(void *to, int byte, size_t n);
void *memcpy(void *to, const void *from, size_t n);
