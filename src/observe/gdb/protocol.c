/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Packets and commands. Everything is text in hexadecimal but X's data; a packet that is too long is dropped whole. */
#include "guest/guest.h"
#include "observe/gdb/files.h"
#include "observe/gdb/gdb.h"
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PACKET = 16384, THREADS = 1024, INTERRUPT = 3, ACTIONS = 64 };

struct action {
    uint64_t thread; /* 0: all others */
    struct gdb_resume resume;
};

struct session {
    const struct gdb_target *target;
    void *arg;
    int fd, wake;
    bool no_ack, running, over, lost;
    uint64_t thread; /* that g, p and their like mean; 0: the one that stopped */
    struct gdb_event event;
    char in[PACKET + 1];
    size_t nin;
    char raw[4096]; /* received, not looked at yet */
    size_t nraw, at;
    char out[2 * PACKET + 64];
    size_t nout;
    char *description;
    struct gdb_files files;
    struct action actions[ACTIONS];
    unsigned nactions;
};

/* ---- bytes ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A number in hexadecimal at *text, which moves behind it; false: there is none. */
static bool take_hex(const char **text, uint64_t *value)
{
    const char *start = *text;
    for (*value = 0; hex_digit(**text) >= 0 && *text - start < 16; ++*text)
        *value = *value << 4 | (unsigned)hex_digit(**text);
    return *text > start;
}

static bool take_char(const char **text, char c) { return **text == c && ++*text; }

static size_t from_hex(const char *text, uint8_t *to, size_t room)
{
    size_t n = 0;
    for (; n < room && hex_digit(text[0]) >= 0 && hex_digit(text[1]) >= 0; text += 2)
        to[n++] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
    return n;
}

static void put_text(struct session *s, const char *text)
{
    size_t n = strlen(text), room = sizeof s->out - s->nout;
    n = n < room ? n : room;
    memcpy(s->out + s->nout, text, n);
    s->nout += n;
}

static void put_hex(struct session *s, const void *data, size_t size)
{
    char two[3];
    for (const uint8_t *p = data, *end = p + size; p < end; p++) {
        snprintf(two, sizeof two, "%02x", *p);
        put_text(s, two);
    }
}

__attribute__((format(printf, 2, 3))) static void put(struct session *s, const char *fmt, ...)
{
    char text[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    put_text(s, text);
}

static void put_error(struct session *s) { put_text(s, "E01"); }

/* Binary data: the four bytes with a meaning are escaped. */
static void put_binary(struct session *s, const uint8_t *data, size_t size)
{
    for (; size && s->nout + 2 < sizeof s->out; data++, size--) {
        bool escape = *data == '#' || *data == '$' || *data == '}' || *data == '*';
        if (escape)
            s->out[s->nout++] = '}';
        s->out[s->nout++] = (char)(escape ? *data ^ 0x20 : *data);
    }
}

/* ---- the connection ---- */

static void send_all(struct session *s, const char *data, size_t size)
{
    while (size && !s->lost) {
        ssize_t n = send(s->fd, data, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        s->lost |= n <= 0;
        data += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
}

static void send_packet(struct session *s)
{
    uint8_t sum = 0;
    char end[4];
    for (size_t i = 0; i < s->nout; i++)
        sum += (uint8_t)s->out[i];
    snprintf(end, sizeof end, "#%02x", sum);
    send_all(s, "$", 1);
    send_all(s, s->out, s->nout);
    send_all(s, end, 3);
    s->nout = 0;
}

/* Waits for a byte, or for the target (-2); -1: the connection is lost. */
static int next_byte(struct session *s)
{
    while (s->at == s->nraw) {
        struct pollfd fds[2] = {{.fd = s->fd, .events = POLLIN}, {.fd = s->running ? s->wake : -1, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return -1;
        if (fds[1].revents) {
            uint64_t count;
            if (read(s->wake, &count, sizeof count) < 0 && errno != EAGAIN)
                return -1;
            return -2;
        }
        if (!fds[0].revents)
            continue;
        ssize_t n = recv(s->fd, s->raw, sizeof s->raw, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        s->nraw = (size_t)n;
        s->at = 0;
    }
    return (uint8_t)s->raw[s->at++];
}

/* The rest of a packet behind '$' into s->in. false: damaged, too long or lost. */
static bool take_packet(struct session *s)
{
    uint8_t sum = 0;
    bool good = true;
    int c;
    s->nin = 0;
    while ((c = next_byte(s)) != '#') {
        if (c == -1)
            return false;
        if (c < 0)
            continue; /* the target's event stays: nothing runs while packets come */
        sum += (uint8_t)c;
        if (s->nin == PACKET)
            good = false;
        else
            s->in[s->nin++] = (char)c;
    }
    s->in[s->nin] = 0;
    int high = next_byte(s), low = next_byte(s);
    if (high < 0 || low < 0)
        return false;
    good &= hex_digit((char)high) >= 0 && hex_digit((char)low) >= 0 && (hex_digit((char)high) << 4 | hex_digit((char)low)) == sum;
    if (!s->no_ack)
        send_all(s, good ? "+" : "-", 1);
    return good;
}

/* ---- commands: text is what follows the letter or name ---- */

static void put_event(struct session *s)
{
    const struct gdb_event *e = &s->event;
    switch (e->why) {
    case GDB_exited: put(s, "W%02x", e->number & 255); break;
    case GDB_killed: put(s, "X%02x", gdb_signal_out(e->number)); break;
    default:
        put(s, "T%02xthread:%llx;", gdb_signal_out(e->number), (unsigned long long)e->thread);
        if (e->breakpoint)
            put_text(s, "swbreak:;");
    }
}

static struct cpu *chosen(struct session *s) { return s->target->cpu(s->arg, s->thread ? s->thread : s->event.thread); }

static void read_registers(struct session *s)
{
    struct cpu *cpu = chosen(s);
    if (!cpu)
        put_error(s);
    for (unsigned i = 0, n = cpu ? gdb_registers_count(s->target->guest) : 0; i < n; i++) {
        uint8_t value[8];
        put_hex(s, value, gdb_register_read(cpu, i, value));
    }
}

static void write_registers(struct session *s, const char *text)
{
    struct cpu *cpu = chosen(s);
    for (unsigned i = 0, n = cpu ? gdb_registers_count(s->target->guest) : 0; i < n; i++) {
        uint8_t value[8];
        unsigned size = gdb_register_read(cpu, i, value);
        if (from_hex(text, value, size) == size)
            text += 2 * (size_t)gdb_register_write(cpu, i, value, size);
    }
    put_text(s, cpu ? "OK" : "E01");
}

static void read_register(struct session *s, const char *text)
{
    uint64_t n;
    uint8_t value[8];
    struct cpu *cpu = chosen(s);
    unsigned size = cpu && take_hex(&text, &n) && n < UINT32_MAX ? gdb_register_read(cpu, (unsigned)n, value) : 0;
    if (size)
        put_hex(s, value, size);
    else
        put_error(s);
}

static void write_register(struct session *s, const char *text)
{
    uint64_t n;
    uint8_t value[8];
    struct cpu *cpu = chosen(s);
    bool good = cpu && take_hex(&text, &n) && n < UINT32_MAX && take_char(&text, '=') &&
                gdb_register_write(cpu, (unsigned)n, value, from_hex(text, value, sizeof value));
    put_text(s, good ? "OK" : "E01");
}

static void read_memory(struct session *s, const char *text)
{
    static _Thread_local uint8_t data[PACKET / 2];
    uint64_t at, size;
    if (!take_hex(&text, &at) || !take_char(&text, ',') || !take_hex(&text, &size)) {
        put_error(s);
        return;
    }
    size = size < sizeof data ? size : sizeof data;
    uint64_t page = 4096 - at % 4096;
    if (!s->target->read(s->arg, at, data, size)) { /* what there is in front of a hole */
        size = size > page ? page : size;
        if (!s->target->read(s->arg, at, data, size))
            size = 0;
    }
    if (size)
        put_hex(s, data, size);
    else
        put_error(s);
}

/* M: in hexadecimal, X: binary with escapes. */
static void write_memory(struct session *s, const char *text, bool binary)
{
    static _Thread_local uint8_t data[PACKET];
    uint64_t at, size;
    size_t n = 0;
    bool good = take_hex(&text, &at) && take_char(&text, ',') && take_hex(&text, &size) && take_char(&text, ':') && size <= sizeof data;
    if (good && !binary)
        n = from_hex(text, data, size);
    for (const char *end = s->in + s->nin; good && binary && text < end && n < size; text++) {
        bool escaped = *text == '}' && text + 1 < end;
        text += escaped;
        data[n++] = (uint8_t)(escaped ? *text ^ 0x20 : *text);
    }
    good = good && n == size && (!size || s->target->write(s->arg, at, data, size));
    put_text(s, good ? "OK" : "E01");
}

static void set_breakpoint(struct session *s, const char *text, bool set)
{
    uint64_t at, size;
    if (*text != '0') /* only those in software */
        return;
    text++;
    bool good = take_char(&text, ',') && take_hex(&text, &at) && take_char(&text, ',') && take_hex(&text, &size) &&
                (size == 2 || size == 4) && s->target->breakpoint(s->arg, at, (unsigned)size, set);
    put_text(s, good ? "OK" : "E01");
}

static bool take_thread(const char **text, uint64_t *thread)
{
    *thread = 0;
    if (take_char(text, '-'))
        return take_char(text, '1');
    return take_hex(text, thread);
}

static void choose_thread(struct session *s, const char *text)
{
    uint64_t thread;
    char what = *text;
    text += what != 0;
    bool good = take_thread(&text, &thread) && (!thread || s->target->cpu(s->arg, thread));
    if (good && what == 'g')
        s->thread = thread;
    put_text(s, good ? "OK" : "E01");
}

static void list_threads(struct session *s)
{
    static _Thread_local uint64_t ids[THREADS];
    unsigned n = s->target->threads(s->arg, ids, THREADS);
    put_text(s, n ? "m" : "l");
    for (unsigned i = 0; i < n; i++)
        put(s, "%s%llx", i ? "," : "", (unsigned long long)ids[i]);
}

static void give_part(struct session *s, const uint8_t *data, size_t size, const char *range)
{
    uint64_t from, most;
    if (!take_hex(&range, &from) || !take_char(&range, ',') || !take_hex(&range, &most)) {
        put_error(s);
        return;
    }
    most = most < PACKET / 2 ? most : PACKET / 2;
    from = from < size ? from : size;
    size_t n = size - from < most ? size - from : most;
    put_text(s, from + n < size ? "m" : "l");
    put_binary(s, data + from, n);
}

/* qXfer:object:read:annex:offset,length */
static void transfer(struct session *s, const char *text)
{
    const struct gdb_target *t = s->target;
    const char *range = strrchr(text, ':');
    uint8_t auxv[1024];
    if (!range)
        return;
    range++;
    if (!strncmp(text, "features:read:target.xml:", 25) && s->description) {
        give_part(s, (const uint8_t *)s->description, strlen(s->description), range);
    } else if (!strncmp(text, "auxv:read::", 11) && t->auxv) {
        ssize_t n = t->auxv(s->arg, auxv, sizeof auxv);
        give_part(s, auxv, n < 0 ? 0 : (size_t)n, range);
    } else if (!strncmp(text, "exec-file:read:", 15) && t->program) {
        const char *path = t->program(s->arg);
        give_part(s, (const uint8_t *)path, strlen(path), range);
    } else {
        put_text(s, "E00");
    }
}

static void pass_signals(struct session *s, const char *text)
{
    uint64_t signals = 0, n;
    while (take_hex(&text, &n)) {
        int signal = n <= UINT8_MAX ? gdb_signal_in((int)n) : 0;
        if (signal)
            signals |= 1ull << (signal - 1);
        take_char(&text, ';');
    }
    s->target->pass(s->arg, signals);
    put_text(s, "OK");
}

static void query(struct session *s, const char *text)
{
    const struct gdb_target *t = s->target;
    if (!strncmp(text, "Supported", 9))
        put(s, "PacketSize=%x;QStartNoAckMode+;QPassSignals+;swbreak+;vContSupported+;qXfer:features:read+%s%s", PACKET,
            t->auxv ? ";qXfer:auxv:read+" : "", t->program ? ";qXfer:exec-file:read+" : "");
    else if (!strncmp(text, "Xfer:", 5))
        transfer(s, text + 5);
    else if (!strcmp(text, "fThreadInfo"))
        list_threads(s);
    else if (!strcmp(text, "sThreadInfo"))
        put_text(s, "l");
    else if (!strcmp(text, "C"))
        put(s, "QC%llx", (unsigned long long)s->event.thread);
    else if (!strncmp(text, "Attached", 8))
        put_text(s, "0");
    else if (!strncmp(text, "Symbol:", 7))
        put_text(s, "OK");
}

/* ---- files ---- */

static void put_result(struct session *s, int64_t result)
{
    if (result < 0)
        put(s, "F-1,%x", (unsigned)gdb_errno(errno));
    else
        put(s, "F%llx", (unsigned long long)result);
}

static void open_file(struct session *s, const char *text)
{
    char path[4096];
    uint64_t flags;
    size_t n = from_hex(text, (uint8_t *)path, sizeof path - 1);
    path[n] = 0;
    text += 2 * n;
    errno = EINVAL;
    bool good = n && take_char(&text, ',') && take_hex(&text, &flags);
    if (good && flags)
        errno = EACCES; /* to be written */
    put_result(s, good && !flags ? gdb_file_add(&s->files, s->target->open(s->arg, path)) : -1);
}

static void read_file(struct session *s, const char *text)
{
    static _Thread_local uint8_t data[PACKET / 2];
    uint64_t n, size, offset;
    errno = EINVAL;
    bool good = take_hex(&text, &n) && take_char(&text, ',') && take_hex(&text, &size) && take_char(&text, ',') && take_hex(&text, &offset);
    ssize_t got = good ? gdb_file_read(&s->files, n, data, size < sizeof data ? size : sizeof data, offset) : -1;
    put_result(s, got);
    if (got < 0)
        return;
    put_text(s, ";");
    put_binary(s, data, (size_t)got);
}

static void stat_file(struct session *s, const char *text)
{
    uint8_t data[GDB_FILE_STAT];
    uint64_t n;
    errno = EINVAL;
    int rc = take_hex(&text, &n) ? gdb_file_stat(&s->files, n, data) : -1;
    put_result(s, rc ? -1 : GDB_FILE_STAT);
    if (rc)
        return;
    put_text(s, ";");
    put_binary(s, data, sizeof data);
}

static void close_file(struct session *s, const char *text)
{
    uint64_t n;
    errno = EINVAL;
    put_result(s, take_hex(&text, &n) ? gdb_file_close(&s->files, n) : -1);
}

static void set_file_system(struct session *s, const char *text)
{
    (void)text;
    put_result(s, 0); /* the target's: there is no other */
}

static void file_command(struct session *s, const char *text)
{
    static const struct {
        const char *name;
        void (*run)(struct session *s, const char *text);
    } commands[] = {
        {"open:", open_file}, {"pread:", read_file}, {"fstat:", stat_file}, {"close:", close_file}, {"setfs:", set_file_system}};
    for (size_t i = 0; s->target->open && i < sizeof commands / sizeof *commands; i++)
        if (!strncmp(text, commands[i].name, strlen(commands[i].name)))
            commands[i].run(s, text + strlen(commands[i].name));
}

/* ---- running ---- */

static struct gdb_resume how(const void *arg, uint64_t thread)
{
    const struct session *s = arg;
    for (unsigned i = 0; i < s->nactions; i++) /* the first that fits counts */
        if (!s->actions[i].thread || s->actions[i].thread == thread)
            return s->actions[i].resume;
    return (struct gdb_resume){GDB_hold, 0};
}

static void resume(struct session *s)
{
    s->running = true;
    s->target->resume(s->arg, how, s);
}

/* action[:thread]; actions are c, s, Csignal, Ssignal, t. */
static bool take_action(const char **text, struct action *a)
{
    uint64_t signal = 0;
    char what = **text;
    *a = (struct action){.resume.action = what == 's' || what == 'S' ? GDB_step : what == 't' ? GDB_hold : GDB_continue};
    if (!what || !strchr("csCSt", what))
        return false;
    ++*text;
    if ((what == 'C' || what == 'S') && (!take_hex(text, &signal) || signal > UINT8_MAX))
        return false;
    a->resume.signal = gdb_signal_in((int)signal);
    return !take_char(text, ':') || take_thread(text, &a->thread);
}

static void resume_by(struct session *s, const char *text)
{
    s->nactions = 0;
    while (take_char(&text, ';'))
        if (s->nactions == ACTIONS || !take_action(&text, &s->actions[s->nactions++])) {
            put_error(s);
            return;
        }
    resume(s);
}

static void resume_one(struct session *s, const char *text)
{
    struct action one;
    if (!take_action(&text, &one)) {
        put_error(s);
        return;
    }
    one.thread = s->event.thread;
    s->actions[0] = one;
    s->actions[1] = (struct action){.resume.action = one.resume.action == GDB_step ? GDB_hold : GDB_continue};
    s->nactions = 2;
    resume(s);
}

static void many_letters(struct session *s, const char *text)
{
    if (!strcmp(text, "Cont?"))
        put_text(s, "vCont;c;C;s;S;t");
    else if (!strncmp(text, "Cont;", 5))
        resume_by(s, text + 4);
    else if (!strncmp(text, "File:", 5))
        file_command(s, text + 5);
    else if (!strncmp(text, "Kill", 4)) {
        put_text(s, "OK");
        send_packet(s);
        s->over = true;
        s->target->kill(s->arg);
    }
}

static void start_no_ack(struct session *s)
{
    put_text(s, "OK");
    send_packet(s);
    s->no_ack = true;
}

static void detach(struct session *s)
{
    put_text(s, "OK");
    send_packet(s);
    s->over = true;
    s->lost = true;
}

static bool alive(struct session *s, const char *text)
{
    uint64_t thread;
    return take_thread(&text, &thread) && s->target->cpu(s->arg, thread);
}

static void command(struct session *s)
{
    const char *text = s->in + 1;
    switch (s->in[0]) {
    case '?': put_event(s); break;
    case 'g': read_registers(s); break;
    case 'G': write_registers(s, text); break;
    case 'p': read_register(s, text); break;
    case 'P': write_register(s, text); break;
    case 'm': read_memory(s, text); break;
    case 'M':
    case 'X': write_memory(s, text, s->in[0] == 'X'); break;
    case 'Z':
    case 'z': set_breakpoint(s, text, s->in[0] == 'Z'); break;
    case 'H': choose_thread(s, text); break;
    case 'T': put_text(s, alive(s, text) ? "OK" : "E01"); break;
    case 'q': query(s, text); break;
    case 'v': many_letters(s, text); break;
    case 'c':
    case 's':
    case 'C':
    case 'S': resume_one(s, s->in); break;
    case 'D': detach(s); return;
    case 'k':
        s->over = true;
        s->target->kill(s->arg);
        return;
    case 'Q':
        if (!strcmp(text, "StartNoAckMode")) {
            start_no_ack(s);
            return;
        }
        if (!strncmp(text, "PassSignals:", 12))
            pass_signals(s, text + 12);
        break;
    default: break; /* an empty answer: not known */
    }
    if (!s->running && !s->over)
        send_packet(s);
}

static void stopped(struct session *s)
{
    if (!s->running || !s->target->event(s->arg, &s->event))
        return;
    s->running = false;
    s->thread = 0;
    s->over = s->event.why != GDB_stopped;
    put_event(s);
    send_packet(s);
}

bool gdb_serve(const struct gdb_target *target, void *arg, int fd, int wake)
{
    struct session *s = calloc(1, sizeof *s);
    if (!s)
        return true;
    s->target = target;
    s->arg = arg;
    s->fd = fd;
    s->wake = wake;
    s->description = gdb_registers_text(target->guest);
    target->event(arg, &s->event);
    while (!s->over && !s->lost) {
        int c = next_byte(s);
        if (c == -1)
            s->lost = true;
        else if (c == -2)
            stopped(s);
        else if (c == INTERRUPT && s->running)
            target->interrupt(arg);
        else if (c == '$' && take_packet(s) && !s->running)
            command(s);
    }
    bool goes_on = s->lost && (!s->over || s->event.why == GDB_stopped);
    if (goes_on)
        target->detach(arg);
    gdb_files_fini(&s->files);
    free(s->description);
    free(s);
    return goes_on;
}
