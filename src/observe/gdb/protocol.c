/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Commands: looking at a target that is stopped, and letting it run. */
#include "guest/guest.h"
#include "observe/gdb/session.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 1024, INTERRUPT = 3 };

/* ---- commands: text is what follows the letter or name ---- */

static void put_event(struct gdb_session *s)
{
    const struct gdb_event *e = &s->event;
    switch (e->why) {
    case GDB_exited: gdb_put(s, "W%02x", e->number & 255); break;
    case GDB_killed: gdb_put(s, "X%02x", gdb_signal_out(e->number)); break;
    default:
        gdb_put(s, "T%02xthread:%llx;", gdb_signal_out(e->number), (unsigned long long)e->thread);
        if (e->breakpoint)
            gdb_put_text(s, "swbreak:;");
        if (e->new_program && s->kept.exec_events) {
            const char *path = s->target->program(s->arg);
            gdb_put_text(s, "exec:");
            gdb_put_hex(s, path, strlen(path));
            gdb_put_text(s, ";");
        }
    }
}

static struct cpu *chosen(struct gdb_session *s) { return s->target->cpu(s->arg, s->thread ? s->thread : s->event.thread); }

static void read_registers(struct gdb_session *s)
{
    struct cpu *cpu = chosen(s);
    if (!cpu)
        gdb_put_error(s);
    for (unsigned i = 0, n = cpu ? gdb_registers_count(s->target->guest) : 0; i < n; i++) {
        uint8_t value[8];
        gdb_put_hex(s, value, gdb_register_read(cpu, i, value));
    }
}

static void write_registers(struct gdb_session *s, const char *text)
{
    struct cpu *cpu = chosen(s);
    for (unsigned i = 0, n = cpu ? gdb_registers_count(s->target->guest) : 0; i < n; i++) {
        uint8_t value[8];
        unsigned size = gdb_register_read(cpu, i, value);
        if (gdb_from_hex(text, value, size) == size)
            text += 2 * (size_t)gdb_register_write(cpu, i, value, size);
    }
    gdb_put_text(s, cpu ? "OK" : "E01");
}

static void read_register(struct gdb_session *s, const char *text)
{
    uint64_t n;
    uint8_t value[8];
    struct cpu *cpu = chosen(s);
    unsigned size = cpu && gdb_take_hex(&text, &n) && n < UINT32_MAX ? gdb_register_read(cpu, (unsigned)n, value) : 0;
    if (size)
        gdb_put_hex(s, value, size);
    else
        gdb_put_error(s);
}

static void write_register(struct gdb_session *s, const char *text)
{
    uint64_t n;
    uint8_t value[8];
    struct cpu *cpu = chosen(s);
    bool good = cpu && gdb_take_hex(&text, &n) && n < UINT32_MAX && gdb_take_char(&text, '=') &&
                gdb_register_write(cpu, (unsigned)n, value, gdb_from_hex(text, value, sizeof value));
    gdb_put_text(s, good ? "OK" : "E01");
}

static void read_memory(struct gdb_session *s, const char *text)
{
    static _Thread_local uint8_t data[GDB_PACKET / 2];
    uint64_t at, size;
    if (!gdb_take_hex(&text, &at) || !gdb_take_char(&text, ',') || !gdb_take_hex(&text, &size)) {
        gdb_put_error(s);
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
        gdb_put_hex(s, data, size);
    else
        gdb_put_error(s);
}

/* M: in hexadecimal, X: binary with escapes. */
static void write_memory(struct gdb_session *s, const char *text, bool binary)
{
    static _Thread_local uint8_t data[GDB_PACKET];
    uint64_t at, size;
    size_t n = 0;
    bool good = gdb_take_hex(&text, &at) && gdb_take_char(&text, ',') && gdb_take_hex(&text, &size) && gdb_take_char(&text, ':') &&
                size <= sizeof data;
    if (good && !binary)
        n = gdb_from_hex(text, data, size);
    for (const char *end = s->in + s->nin; good && binary && text < end && n < size; text++) {
        bool escaped = *text == '}' && text + 1 < end;
        text += escaped;
        data[n++] = (uint8_t)(escaped ? *text ^ 0x20 : *text);
    }
    good = good && n == size && (!size || s->target->write(s->arg, at, data, size));
    gdb_put_text(s, good ? "OK" : "E01");
}

static void set_breakpoint(struct gdb_session *s, const char *text, bool set)
{
    uint64_t at, size;
    if (*text != '0') /* only those in software */
        return;
    text++;
    bool good = gdb_take_char(&text, ',') && gdb_take_hex(&text, &at) && gdb_take_char(&text, ',') && gdb_take_hex(&text, &size) &&
                (size == 2 || size == 4) && s->target->breakpoint(s->arg, at, (unsigned)size, set);
    gdb_put_text(s, good ? "OK" : "E01");
}

static bool take_thread(const char **text, uint64_t *thread)
{
    *thread = 0;
    if (gdb_take_char(text, '-'))
        return gdb_take_char(text, '1');
    return gdb_take_hex(text, thread);
}

static void choose_thread(struct gdb_session *s, const char *text)
{
    uint64_t thread;
    char what = *text;
    text += what != 0;
    bool good = take_thread(&text, &thread) && (!thread || s->target->cpu(s->arg, thread));
    if (good && what == 'g')
        s->thread = thread;
    gdb_put_text(s, good ? "OK" : "E01");
}

static void list_threads(struct gdb_session *s)
{
    static _Thread_local uint64_t ids[THREADS];
    unsigned n = s->target->threads(s->arg, ids, THREADS);
    gdb_put_text(s, n ? "m" : "l");
    for (unsigned i = 0; i < n; i++)
        gdb_put(s, "%s%llx", i ? "," : "", (unsigned long long)ids[i]);
}

static void pass_signals(struct gdb_session *s, const char *text)
{
    uint64_t signals = 0, n;
    while (gdb_take_hex(&text, &n)) {
        int signal = n <= UINT8_MAX ? gdb_signal_in((int)n) : 0;
        if (signal)
            signals |= 1ull << (signal - 1);
        gdb_take_char(&text, ';');
    }
    s->target->pass(s->arg, signals);
    gdb_put_text(s, "OK");
}

static void query(struct gdb_session *s, const char *text)
{
    const struct gdb_target *t = s->target;
    if (!strncmp(text, "Supported", 9)) {
        s->kept.exec_events = t->keep && strstr(text, "exec-events+");
        gdb_put(s, "PacketSize=%x;QStartNoAckMode+;QPassSignals+;swbreak+;vContSupported+;qXfer:features:read+%s%s%s", GDB_PACKET,
                t->auxv ? ";qXfer:auxv:read+" : "", t->program ? ";qXfer:exec-file:read+" : "", s->kept.exec_events ? ";exec-events+" : "");
    } else if (!strncmp(text, "Xfer:", 5))
        gdb_transfer(s, text + 5);
    else if (!strcmp(text, "fThreadInfo"))
        list_threads(s);
    else if (!strcmp(text, "sThreadInfo"))
        gdb_put_text(s, "l");
    else if (!strcmp(text, "C"))
        gdb_put(s, "QC%llx", (unsigned long long)s->event.thread);
    else if (!strncmp(text, "Attached", 8))
        gdb_put_text(s, "0");
    else if (!strncmp(text, "Symbol:", 7))
        gdb_put_text(s, "OK");
}

/* ---- running ---- */

static struct gdb_resume how(const void *arg, uint64_t thread)
{
    const struct gdb_session *s = arg;
    for (unsigned i = 0; i < s->nactions; i++) /* the first that fits counts */
        if (!s->actions[i].thread || s->actions[i].thread == thread)
            return s->actions[i].resume;
    return (struct gdb_resume){GDB_hold, 0};
}

static void resume(struct gdb_session *s)
{
    s->running = true;
    if (s->target->keep)
        s->target->keep(s->arg, s->kept);
    s->target->resume(s->arg, how, s);
}

/* action[:thread]; actions are c, s, Csignal, Ssignal, t. */
static bool take_action(const char **text, struct gdb_thread_action *a)
{
    uint64_t signal = 0;
    char what = **text;
    *a = (struct gdb_thread_action){.resume.action = what == 's' || what == 'S' ? GDB_step : what == 't' ? GDB_hold : GDB_continue};
    if (!what || !strchr("csCSt", what))
        return false;
    ++*text;
    if ((what == 'C' || what == 'S') && (!gdb_take_hex(text, &signal) || signal > UINT8_MAX))
        return false;
    a->resume.signal = gdb_signal_in((int)signal);
    return !gdb_take_char(text, ':') || take_thread(text, &a->thread);
}

static void resume_by(struct gdb_session *s, const char *text)
{
    s->nactions = 0;
    while (gdb_take_char(&text, ';'))
        if (s->nactions == GDB_ACTIONS || !take_action(&text, &s->actions[s->nactions++])) {
            gdb_put_error(s);
            return;
        }
    resume(s);
}

static void resume_one(struct gdb_session *s, const char *text)
{
    struct gdb_thread_action one;
    if (!take_action(&text, &one)) {
        gdb_put_error(s);
        return;
    }
    one.thread = s->event.thread;
    s->actions[0] = one;
    s->actions[1] = (struct gdb_thread_action){.resume.action = one.resume.action == GDB_step ? GDB_hold : GDB_continue};
    s->nactions = 2;
    resume(s);
}

static void many_letters(struct gdb_session *s, const char *text)
{
    if (!strcmp(text, "Cont?"))
        gdb_put_text(s, "vCont;c;C;s;S;t");
    else if (!strncmp(text, "Cont;", 5))
        resume_by(s, text + 4);
    else if (!strncmp(text, "File:", 5))
        gdb_file_command(s, text + 5);
    else if (!strncmp(text, "Kill", 4)) {
        gdb_put_text(s, "OK");
        gdb_send_packet(s);
        s->over = true;
        s->target->kill(s->arg);
    }
}

static void start_no_ack(struct gdb_session *s)
{
    gdb_put_text(s, "OK");
    gdb_send_packet(s);
    s->kept.no_ack = true;
}

static void detach(struct gdb_session *s)
{
    gdb_put_text(s, "OK");
    gdb_send_packet(s);
    s->over = true;
    s->lost = true;
}

static bool alive(struct gdb_session *s, const char *text)
{
    uint64_t thread;
    return take_thread(&text, &thread) && s->target->cpu(s->arg, thread);
}

static void command(struct gdb_session *s)
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
    case 'T': gdb_put_text(s, alive(s, text) ? "OK" : "E01"); break;
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
        gdb_send_packet(s);
}

static void stopped(struct gdb_session *s)
{
    if (!s->running || !s->target->event(s->arg, &s->event))
        return;
    s->running = false;
    s->thread = 0;
    s->over = s->event.why != GDB_stopped;
    put_event(s);
    gdb_send_packet(s);
}

bool gdb_serve(const struct gdb_target *target, void *arg, int fd, int wake, const struct gdb_kept *kept)
{
    struct gdb_session *s = calloc(1, sizeof *s);
    if (!s)
        return true;
    s->target = target;
    s->arg = arg;
    s->fd = fd;
    s->wake = wake;
    s->description = gdb_registers_text(target->guest);
    target->event(arg, &s->event);
    if (kept) {
        s->kept = *kept;
        s->event.new_program = true;
        put_event(s);
        gdb_send_packet(s);
    }
    while (!s->over && !s->lost) {
        int c = gdb_next_byte(s);
        if (c == -1)
            s->lost = true;
        else if (c == -2)
            stopped(s);
        else if (c == INTERRUPT && s->running)
            target->interrupt(arg);
        else if (c == '$' && gdb_take_packet(s) && !s->running)
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
