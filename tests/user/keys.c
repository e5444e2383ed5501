/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * arm64: the keys of pointer authentication as prctl() has them: renewed one by one, switched off and on, kept by fork(), what is refused.
 * Whether a key is another shows in codes of many values. Elsewhere the program keeps numbers in place of keys.
 */
#include "user.h"
#include <sys/prctl.h>

enum { IA, IB, DA, DB, GA, KEYS };
enum { RESET = 54, SET = 60, GET = 61 };
enum { VALUES = 32 };
static const char *const names[KEYS] = {"IA", "IB", "DA", "DB", "GA"};

#ifdef __aarch64__
static long control(int what, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    return syscall(SYS_prctl, what, a, b, c, d);
}

static uint64_t sign(int key, uint64_t value, uint64_t modifier)
{
    register uint64_t v __asm__("x0") = value, m __asm__("x1") = modifier;
    switch (key) {
    case IA: __asm__(".inst 0xdac10020" : "+r"(v) : "r"(m)); break;
    case IB: __asm__(".inst 0xdac10420" : "+r"(v) : "r"(m)); break;
    case DA: __asm__(".inst 0xdac10820" : "+r"(v) : "r"(m)); break;
    case DB: __asm__(".inst 0xdac10c20" : "+r"(v) : "r"(m)); break;
    case GA: __asm__(".inst 0x9ac13000" : "+r"(v) : "r"(m)); break; /* pacga x0, x0, x1 */
    }
    return v;
}

static uint64_t check(int key, uint64_t value, uint64_t modifier)
{
    register uint64_t v __asm__("x0") = value, m __asm__("x1") = modifier;
    switch (key) {
    case IA: __asm__(".inst 0xdac11020" : "+r"(v) : "r"(m)); break;
    case IB: __asm__(".inst 0xdac11420" : "+r"(v) : "r"(m)); break;
    case DA: __asm__(".inst 0xdac11820" : "+r"(v) : "r"(m)); break;
    case DB: __asm__(".inst 0xdac11c20" : "+r"(v) : "r"(m)); break;
    }
    return v;
}
#else
static uint64_t keys[KEYS] = {1, 2, 3, 4, 5};
static unsigned enabled = 15;

static long control(int what, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    bool bad = c || d || (what == RESET ? b || a > 31 : what == SET ? a > 15 || b & ~a : a || b);
    errno = EINVAL;
    if (bad)
        return -1;
    for (int k = 0; what == RESET && k < KEYS; k++)
        keys[k] += !a || a >> k & 1 ? KEYS : 0;
    if (what == SET)
        enabled = (enabled & ~(unsigned)a) | (unsigned)b;
    return what == GET ? (long)enabled : 0;
}

static bool on(int key) { return key == GA || enabled >> key & 1; }
static uint64_t sign(int key, uint64_t value, uint64_t modifier)
{
    return on(key) ? value | ((keys[key] * 37 + modifier) & 127) << 48 : value;
}
static uint64_t check(int key, uint64_t value, uint64_t modifier)
{
    return on(key) ? value ^ ((keys[key] * 37 + modifier) & 127) << 48 : value;
}
#endif

static uint64_t value(unsigned n) { return 0x123456789000ull + n * 0x10; }

static void note(uint64_t codes[KEYS][VALUES])
{
    for (int k = 0; k < KEYS; k++)
        for (unsigned n = 0; n < VALUES; n++)
            codes[k][n] = sign(k, value(n), n);
}

/* Which keys give other codes now. */
static void compare(const char *what, uint64_t before[KEYS][VALUES])
{
    static uint64_t after[KEYS][VALUES];
    char line[64] = " none";
    int len = 0;
    note(after);
    for (int k = 0; k < KEYS; k++)
        if (memcmp(before[k], after[k], sizeof after[k]) != 0)
            len += snprintf(line + len, sizeof line - (size_t)len, " %s", names[k]);
    say("%s: other keys:%s", what, line);
}

static void shown_state(const char *what)
{
    for (int k = 0; k < GA; k++) {
        unsigned same = 0, back = 0;
        for (unsigned n = 0; n < VALUES; n++) {
            same += sign(k, value(n), n) == value(n);
            back += check(k, sign(k, value(n), n), n) == value(n);
        }
        say("%s: %s signs: %d, checks: %d", what, names[k], same < VALUES, back == VALUES);
    }
}

int main(void)
{
    static uint64_t codes[KEYS][VALUES];
    shown("all are enabled", control(GET, 0, 0, 0, 0));
    shown_state("at first");
    note(codes);
    compare("at once", codes);
    for (unsigned k = 0; k < KEYS; k++) {
        shown("renew one", control(RESET, 1ul << k, 0, 0, 0));
        compare("renewed", codes);
        note(codes);
    }
    shown("renew two", control(RESET, 1 << IB | 1 << GA, 0, 0, 0));
    compare("renewed", codes);
    note(codes);
    shown("renew all", control(RESET, 0, 0, 0, 0));
    compare("renewed", codes);
    note(codes);
    for (unsigned off = 1; off < 16; off += 2) {
        shown("switch off", control(SET, 15, 15 & ~off, 0, 0));
        shown("enabled", control(GET, 0, 0, 0, 0));
        shown_state("some off");
    }
    shown("one on", control(SET, 1 << DA, 1 << DA, 0, 0));
    shown("enabled", control(GET, 0, 0, 0, 0));
    pid_t pid = fork();
    if (!pid) {
        shown("enabled in a child", control(GET, 0, 0, 0, 0));
        shown("all on", control(SET, 15, 15, 0, 0));
        compare("in a child", codes);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    shown("enabled in the parent", control(GET, 0, 0, 0, 0));
    shown("all on", control(SET, 15, 15, 0, 0));
    compare("on again", codes);
    shown("no such key", control(RESET, 32, 0, 0, 0));
    shown("more arguments", control(RESET, 1, 1, 0, 0));
    shown("more arguments", control(RESET, 1, 0, 0, 1));
    shown("not of addresses", control(SET, 1 << GA, 0, 0, 0));
    shown("not among them", control(SET, 1, 2, 0, 0));
    shown("more arguments", control(SET, 1, 1, 1, 0));
    shown("more arguments", control(GET, 1, 0, 0, 0));
    compare("after refusals", codes);
    return 0;
}
