/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* GDB's protocol on a socket pair, with a target of a few bytes: what is answered, and that nothing hostile does harm. */
#include "guest/guest.h"
#include "observe/gdb/gdb.h"
#include "os/os.h"
#include "riscv64_fixture.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BASE = 0x1000, SIZE = 8192 };

struct rig {
    struct fixture *fixture;
    struct cpu *cpu;
    uint8_t memory[SIZE];
    uint64_t breakpoint;
    struct gdb_event event;
    enum gdb_action action;
    int signal, wake, fd, other;
    bool has_event, detached, killed, goes_on;
    uint64_t passed;
    struct os_thread *thread;
};

static unsigned threads(void *arg, uint64_t *ids, unsigned room)
{
    (void)arg;
    ids[0] = 7;
    return room > 0;
}

static struct cpu *cpu(void *arg, uint64_t thread) { return thread == 7 ? ((struct rig *)arg)->cpu : NULL; }
static bool inside(uint64_t at, size_t size) { return at >= BASE && at - BASE <= SIZE && size <= SIZE - (at - BASE); }

static bool read_memory(void *arg, uint64_t at, void *to, size_t size)
{
    if (!inside(at, size))
        return false;
    memcpy(to, ((struct rig *)arg)->memory + (at - BASE), size);
    return true;
}

static bool write_memory(void *arg, uint64_t at, const void *from, size_t size)
{
    if (!inside(at, size))
        return false;
    memcpy(((struct rig *)arg)->memory + (at - BASE), from, size);
    return true;
}

static bool breakpoint(void *arg, uint64_t at, unsigned size, bool set)
{
    ((struct rig *)arg)->breakpoint = set ? at : 0;
    return inside(at, size);
}

static void tell(struct rig *r, struct gdb_event event)
{
    const uint64_t one = 1;
    r->event = event;
    r->has_event = true;
    assert_int_equal(write(r->wake, &one, sizeof one), sizeof one);
}

static void resume(void *arg, struct gdb_resume (*how)(const void *arg, uint64_t thread), const void *how_arg)
{
    struct rig *r = arg;
    struct gdb_resume chosen = how(how_arg, 7);
    r->action = chosen.action;
    r->signal = chosen.signal;
    if (chosen.action == GDB_step)
        tell(r, (struct gdb_event){.thread = 7, .number = 5});
}

static void interrupt(void *arg) { tell(arg, (struct gdb_event){.thread = 7, .number = 2}); }

static bool event(void *arg, struct gdb_event *to)
{
    struct rig *r = arg;
    *to = r->event;
    bool has = r->has_event;
    r->has_event = false;
    return has;
}

static void pass(void *arg, uint64_t signals) { ((struct rig *)arg)->passed = signals; }
static void detach(void *arg) { ((struct rig *)arg)->detached = true; }
static void kill_it(void *arg) { ((struct rig *)arg)->killed = true; }

static int open_file(void *arg, const char *path)
{
    (void)arg;
    return open(path, O_RDONLY | O_CLOEXEC);
}

static void serve(void *arg)
{
    struct rig *r = arg;
    const struct gdb_target target = {
        .guest = guest_find("riscv64"),
        .threads = threads,
        .cpu = cpu,
        .read = read_memory,
        .write = write_memory,
        .breakpoint = breakpoint,
        .resume = resume,
        .interrupt = interrupt,
        .event = event,
        .pass = pass,
        .detach = detach,
        .kill = kill_it,
        .open = open_file,
    };
    r->goes_on = gdb_serve(&target, r, r->fd, r->wake, NULL);
    close(r->fd);
}

static void begin(struct rig *r)
{
    int fds[2];
    memset(r, 0, sizeof *r);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    r->fd = fds[0];
    r->other = fds[1];
    r->wake = eventfd(0, EFD_NONBLOCK);
    r->fixture = fixture_new(NULL);
    r->cpu = r->fixture->cpu;
    r->event = (struct gdb_event){.thread = 7, .number = 5};
    r->has_event = true;
    assert_int_equal(os_thread_start(&r->thread, "gdb", serve, r, NULL), 0);
}

static void end(struct rig *r)
{
    close(r->other);
    os_thread_join(r->thread);
    close(r->wake);
    fixture_free(r->fixture);
}

static void raw(const struct rig *r, const char *data, size_t size) { assert_int_equal(write(r->other, data, size), size); }

/* The answer's text; "(nothing)": none came. */
static const char *answer(const struct rig *r)
{
    static char text[40000];
    size_t n = 0;
    struct pollfd fd = {.fd = r->other, .events = POLLIN};
    for (int hashes = 0; hashes < 3 && n + 1 < sizeof text;) {
        if (poll(&fd, 1, 600000) <= 0 || read(r->other, text + n, 1) != 1)
            return "(nothing)";
        if (!n && text[0] != '$')
            continue; /* an acknowledgement */
        hashes += hashes || text[n] == '#';
        n++;
    }
    text[n - 3] = 0;
    return text + 1;
}

static void say(const struct rig *r, const char *text)
{
    char packet[20000];
    uint8_t sum = 0;
    for (const char *p = text; *p; p++)
        sum += (uint8_t)*p;
    raw(r, packet, (size_t)snprintf(packet, sizeof packet, "$%s#%02x", text, sum));
}

static const char *ask(const struct rig *r, const char *text)
{
    say(r, text);
    return answer(r);
}

static void test_looks(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    assert_string_equal(ask(&r, "?"), "T05thread:7;");
    assert_non_null(strstr(ask(&r, "qSupported:swbreak+"), "qXfer:features:read+"));
    assert_string_equal(ask(&r, "QStartNoAckMode"), "OK");
    assert_string_equal(ask(&r, "qfThreadInfo"), "m7");
    assert_string_equal(ask(&r, "qsThreadInfo"), "l");
    assert_string_equal(ask(&r, "Hg7"), "OK");
    assert_string_equal(ask(&r, "Hg8"), "E01");
    assert_string_equal(ask(&r, "T8"), "E01");
    r.cpu->pc = 0x123456789abcdef0;
    assert_string_equal(ask(&r, "p20"), "f0debc9a78563412"); /* pc is behind x0 to x31 */
    assert_string_equal(ask(&r, "P1=0807060504030201"), "OK");
    assert_string_equal(ask(&r, "p1"), "0807060504030201");
    assert_string_equal(ask(&r, "P0=ffffffffffffffff"), "OK");
    assert_string_equal(ask(&r, "p0"), "0000000000000000");
    assert_int_equal(strlen(ask(&r, "g")), 2 * (65 * 8 + 3 * 4));
    assert_string_equal(ask(&r, "p44"), "E01");
    assert_string_equal(ask(&r, "M1000,4:01020304"), "OK");
    assert_string_equal(ask(&r, "X1004,2:a}\003"), "OK");
    assert_string_equal(ask(&r, "m1000,6"), "010203046123");
    assert_string_equal(ask(&r, "m2ffe,10"), "0000"); /* up to the hole at 0x3000 */
    assert_string_equal(ask(&r, "m10,4"), "E01");
    assert_string_equal(ask(&r, "Z0,1010,4"), "OK");
    assert_int_equal(r.breakpoint, 0x1010);
    assert_string_equal(ask(&r, "Z0,10,4"), "E01");
    assert_string_equal(ask(&r, "Z1,1010,4"), "");
    assert_non_null(strstr(ask(&r, "qXfer:features:read:target.xml:0,fff"), "riscv:rv64"));
    end(&r);
    assert_true(r.goes_on && r.detached);
}

static void test_runs(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    assert_string_equal(ask(&r, "QPassSignals:e;14"), "OK");
    assert_int_equal(r.passed, 1ull << (14 - 1) | 1ull << (17 - 1)); /* SIGALRM, SIGCHLD by Linux's numbers */
    assert_string_equal(ask(&r, "vCont;s:7;c"), "T05thread:7;");
    assert_int_equal(r.action, GDB_step);
    say(&r, "vCont;C1e:7"); /* SIGUSR1 */
    raw(&r, "\003", 1);
    assert_string_equal(answer(&r), "T02thread:7;");
    assert_int_equal(r.action, GDB_continue);
    assert_int_equal(r.signal, 10);
    say(&r, "c");
    tell(&r, (struct gdb_event){.why = GDB_exited, .number = 3});
    assert_string_equal(answer(&r), "W03");
    os_thread_join(r.thread);
    r.thread = NULL;
    assert_false(r.goes_on || r.detached);
    end(&r);
}

static void test_hostile(void **state)
{
    static const char *const packets[] = {"",
                                          "g;",
                                          "m",
                                          "m,",
                                          "m1000",
                                          "m1000,",
                                          "mffffffffffffffff,ffffffffffffffff",
                                          "M1000,ffffffffffffffff:00",
                                          "M1000,4",
                                          "X1000,10:a",
                                          "P",
                                          "P1",
                                          "P1=",
                                          "Pffffffffffffffff=00",
                                          "p",
                                          "pffffffffffffffff",
                                          "G",
                                          "G00",
                                          "H",
                                          "Hg",
                                          "Hg-2",
                                          "Z",
                                          "Z0",
                                          "Z0,1000,9",
                                          "z0,,",
                                          "qXfer:",
                                          "qXfer:features:read:target.xml:",
                                          "qXfer:features:read:target.xml:ffffffffffffffff,ffffffffffffffff",
                                          "qXfer:auxv:read::0,10",
                                          "vCont",
                                          "vCont;q",
                                          "vCont;C",
                                          "vCont;Cfff",
                                          "QPassSignals:;;",
                                          "\x7f",
                                          "vFile:open:",
                                          "vFile:pread:0,,",
                                          "vFile:x:"};
    struct rig r;
    (void)state;
    begin(&r);
    for (size_t i = 0; i < sizeof packets / sizeof *packets; i++)
        assert_string_not_equal(ask(&r, packets[i]), "(nothing)");
    raw(&r, "$g#00", 5); /* a wrong sum is asked for again */
    raw(&r, "$?#zz+++--", 10);
    char *flood = malloc(100000);
    assert_non_null(flood);
    memset(flood, 'm', 100000);
    flood[0] = '$';
    raw(&r, flood, 100000);
    raw(&r, "#00", 3);
    free(flood);
    assert_string_equal(ask(&r, "?"), "T05thread:7;");
    assert_string_equal(ask(&r, "D"), "OK");
    os_thread_join(r.thread);
    r.thread = NULL;
    assert_true(r.goes_on && r.detached);
    end(&r);
}

/* /etc, /dev/zero, and a path that is not there, in hexadecimal. */
static void test_files(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    assert_string_equal(ask(&r, "vFile:setfs:0"), "F0");
    assert_string_equal(ask(&r, "vFile:open:2f6e6f6e65,0,0"), "F-1,2");
    assert_string_equal(ask(&r, "vFile:open:2f6465762f7a65726f,2,0"), "F-1,d");
    assert_string_equal(ask(&r, "vFile:pread:0,4,0"), "F-1,9");
    assert_string_equal(ask(&r, "vFile:open:2f6465762f7a65726f,0,0"), "F0");
    say(&r, "vFile:pread:0,4,0");
    char zeros[12];
    assert_int_equal(recv(r.other, zeros, sizeof zeros, MSG_WAITALL), sizeof zeros);
    assert_memory_equal(zeros, "+$F4;\0\0\0\0#b5", 12);
    assert_string_equal(ask(&r, "vFile:close:0"), "F0");
    assert_string_equal(ask(&r, "vFile:close:0"), "F-1,9");
    assert_string_equal(ask(&r, "vFile:close:ffffffffffffffff"), "F-1,9");
    end(&r);
}

static void test_signals(void **state)
{
    (void)state;
    for (int signal = 1; signal <= 64; signal++)
        if (signal != 16) /* SIGSTKFLT, which the protocol does not know */
            assert_int_equal(gdb_signal_in(gdb_signal_out(signal)), signal);
    assert_int_equal(gdb_signal_out(7), 10);
    assert_int_equal(gdb_signal_out(33), 45);
    assert_int_equal(gdb_signal_in(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_looks), cmocka_unit_test(test_runs),    cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_files), cmocka_unit_test(test_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
