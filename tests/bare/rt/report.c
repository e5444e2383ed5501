/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What every bare program has, in whatever mode it runs: output on the UART, checks, and the loop over the cases. */
#include "report.h"
#include "console.h"
#include <stdarg.h>

enum { REPORTS = 8 }; /* of one case */

static bool case_failed;
static unsigned case_reports;
static const char *case_skipped; /* why */
static volatile uint32_t output_lock;
static char row_text[96];

struct sink {
    char *at, *end; /* NULL: the UART */
};

static void emit(struct sink *sink, char c)
{
    if (!sink->at)
        console_put(c);
    else if (sink->at < sink->end)
        *sink->at++ = c;
}

static void number(struct sink *sink, uint64_t v, unsigned base)
{
    char digits[20];
    int n = 0;
    do
        digits[n++] = "0123456789abcdef"[v % base];
    while (v /= base);
    while (n)
        emit(sink, digits[--n]);
}

static void format(struct sink *sink, const char *text, va_list args)
{
    for (; *text; text++) {
        if (*text != '%') {
            emit(sink, *text);
            continue;
        }
        switch (*++text) {
        case 's':
            for (const char *s = va_arg(args, const char *); *s; s++)
                emit(sink, *s);
            break;
        case 'd': number(sink, va_arg(args, uint64_t), 10); break;
        case 'x':
            emit(sink, '0');
            emit(sink, 'x');
            number(sink, va_arg(args, uint64_t), 16);
            break;
        default: emit(sink, *text);
        }
    }
}

static void lock(void)
{
    while (__atomic_exchange_n(&output_lock, 1, __ATOMIC_ACQUIRE))
        ;
}

static void unlock(void) { __atomic_store_n(&output_lock, 0, __ATOMIC_RELEASE); }

void print(const char *text, ...)
{
    struct sink uart = {NULL, NULL};
    va_list args;
    va_start(args, text);
    lock();
    format(&uart, text, args);
    unlock();
    va_end(args);
}

void row(const char *text, ...)
{
    struct sink sink = {row_text, row_text + sizeof row_text - 1};
    va_list args;
    va_start(args, text);
    format(&sink, text, args);
    *sink.at = 0;
    va_end(args);
}

void skip(const char *why) { case_skipped = why; }

bool check(bool ok, const char *file, int line, const char *what)
{
    if (ok)
        return true;
    case_failed = true;
    if (case_reports++ < REPORTS)
        print("# %s:%d: %s%s%s\n", file, (uint64_t)line, row_text, row_text[0] ? ": " : "", what);
    return false;
}

bool check_eq(uint64_t a, uint64_t b, const char *file, int line, const char *what)
{
    if (a == b)
        return true;
    case_failed = true;
    if (case_reports++ < REPORTS)
        print("# %s:%d: %s%s%s: %x, expected %x\n", file, (uint64_t)line, row_text, row_text[0] ? ": " : "", what, a, b);
    return false;
}

void rt_exit(unsigned code)
{
    for (;;)
        console_exit(code);
}

void rt_panic(const char *text, ...)
{
    struct sink uart = {NULL, NULL};
    va_list args;
    va_start(args, text);
    print("Bail out! %s%s", row_text, row_text[0] ? ": " : "");
    format(&uart, text, args);
    print("\n");
    va_end(args);
    rt_exit(2);
}

static void run_case(unsigned number, const struct test *test)
{
    case_failed = false;
    case_reports = 0;
    case_skipped = NULL;
    row("");
    test->run();
    print("%s %d - %s%s%s\n", case_failed ? "not ok" : "ok", (uint64_t)number, test->name, case_skipped ? " # SKIP " : "",
          case_skipped ? case_skipped : "");
}

__attribute__((weak)) void before_cases(void) {}
__attribute__((weak)) void after_cases(void) {}

unsigned run_cases(void (*reset)(void))
{
    unsigned count = 0, failures = 0;
    before_cases();
    while (tests[count].run)
        count++;
    print("1..%d\n", (uint64_t)count);
    for (unsigned i = 0; i < count; i++) {
        reset();
        run_case(i + 1, &tests[i]);
        failures += case_failed;
    }
    if (!failures)
        after_cases();
    return failures;
}

void *memset(void *to, int byte, size_t n)
{
    for (char *p = to; n--;)
        *p++ = (char)byte;
    return to;
}

void *memcpy(void *to, const void *from, size_t n)
{
    char *p = to;
    for (const char *f = from; n--;)
        *p++ = *f++;
    return to;
}
