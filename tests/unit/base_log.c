/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Log lines: level, both forms, escapes, and the rate limit of what a guest causes, with a clock of the test's own. */
#include "base/log.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h> /* wants the others first */

struct lines {
    unsigned count;
    enum log_level level;
    char component[64], text[256];
};

static void note_line(void *arg, enum log_level level, const char *component, const char *text)
{
    struct lines *lines = arg;

    lines->count++;
    lines->level = level;
    snprintf(lines->component, sizeof(lines->component), "%s", component);
    snprintf(lines->text, sizeof(lines->text), "%s", text);
}

static uint64_t test_clock(void *arg) { return *(uint64_t *)arg; }

static void filters_by_level(void **state)
{
    struct lines lines = {0};
    struct log *log;

    (void)state;
    assert_int_equal(log_new_sink(&log, LOG_warn, note_line, &lines), 0);
    log_write(log, LOG_info, "a", "no");
    log_guest(log, "a", "no");
    assert_int_equal(lines.count, 0);
    log_write(log, LOG_error, "disk0", "lost %d", 3);
    assert_int_equal(lines.count, 1);
    assert_string_equal(lines.component, "disk0");
    assert_string_equal(lines.text, "lost 3");
    log_free(log);
    log_write(NULL, LOG_error, "a", "dropped");
    log_guest(NULL, "a", "dropped");
}

static void limits_guest_lines(void **state)
{
    uint64_t now = 1000;
    struct lines lines = {0};
    struct log *log;

    (void)state;
    assert_int_equal(log_new_sink(&log, LOG_info, note_line, &lines), 0);
    log_use_clock(log, test_clock, &now);
    for (int i = 0; i < 25; i++)
        log_guest(log, "uart0", "bad offset %d", i);
    assert_int_equal(lines.count, 10);
    log_guest(log, "uart1", "bad offset %d", 0); /* another component has its own budget */
    log_guest(log, "uart0", "bad size %d", 0);   /* and so has another text */
    assert_int_equal(lines.count, 12);
    now += 5000000000ull;
    log_guest(log, "uart0", "bad offset %d", 99);
    assert_int_equal(lines.count, 14); /* the summary, then the line */
    assert_string_equal(lines.text, "bad offset 99");
    for (int i = 0; i < 12; i++)
        log_guest(log, "uart0", "bad offset %d", i);
    assert_int_equal(lines.count, 23);
    log_free(log);
    assert_int_equal(lines.count, 24);
    assert_string_equal(lines.text, "3 more lines of this kind were not shown");
    assert_int_equal(lines.level, LOG_guest);
}

static void survives_many_sites(void **state)
{
    uint64_t now = 0;
    struct lines lines = {0};
    struct log *log;

    (void)state;
    assert_int_equal(log_new_sink(&log, LOG_info, note_line, &lines), 0);
    log_use_clock(log, test_clock, &now);
    for (int i = 0; i < 100000; i++) {
        char component[20];

        snprintf(component, sizeof(component), "device%d", i);
        log_guest(log, component, "bad");
    }
    assert_true(lines.count <= 64 * 10);
    log_free(log);
}

static void written_to_file(bool json, char *line, size_t size)
{
    int ends[2];
    struct log *log;
    ssize_t n;

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(log_new(&log, ends[1], LOG_info, json), 0);
    log_write(log, LOG_warn, "net0", "say \"%s\"\n", "hi");
    log_free(log);
    n = read(ends[0], line, size - 1);
    assert_true(n > 0);
    line[n] = 0;
    close(ends[0]);
    close(ends[1]);
}

static void writes_both_forms(void **state)
{
    char line[400];

    (void)state;
    written_to_file(false, line, sizeof(line));
    assert_memory_equal(line, "time=20", 7);
    assert_non_null(strstr(line, "Z level=warn component=net0 text=\"say \\\"hi\\\"\\n\"\n"));
    written_to_file(true, line, sizeof(line));
    assert_memory_equal(line, "{\"time\":\"20", 11);
    assert_non_null(strstr(line, "Z\",\"level\":\"warn\",\"component\":\"net0\",\"text\":\"say \\\"hi\\\"\\n\"}\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_by_level),
        cmocka_unit_test(limits_guest_lines),
        cmocka_unit_test(survives_many_sites),
        cmocka_unit_test(writes_both_forms),
    };

    return cmocka_run_group_tests_name("base_log", tests, NULL, NULL);
}
