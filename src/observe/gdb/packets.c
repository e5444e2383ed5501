/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Packets: everything is text in hexadecimal but what X, qXfer and vFile carry; a packet that is too long is dropped whole. */
#include "observe/gdb/session.h"
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- bytes ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool gdb_take_hex(const char **text, uint64_t *value)
{
    const char *start = *text;
    for (*value = 0; hex_digit(**text) >= 0 && *text - start < 16; ++*text)
        *value = *value << 4 | (unsigned)hex_digit(**text);
    return *text > start;
}

bool gdb_take_char(const char **text, char c) { return **text == c && ++*text; }

size_t gdb_from_hex(const char *text, uint8_t *to, size_t room)
{
    size_t n = 0;
    for (; n < room && hex_digit(text[0]) >= 0 && hex_digit(text[1]) >= 0; text += 2)
        to[n++] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
    return n;
}

void gdb_put_text(struct gdb_session *s, const char *text)
{
    size_t n = strlen(text), room = sizeof s->out - s->nout;
    n = n < room ? n : room;
    memcpy(s->out + s->nout, text, n);
    s->nout += n;
}

void gdb_put_hex(struct gdb_session *s, const void *data, size_t size)
{
    char two[3];
    for (const uint8_t *p = data, *end = p + size; p < end; p++) {
        snprintf(two, sizeof two, "%02x", *p);
        gdb_put_text(s, two);
    }
}

void gdb_put(struct gdb_session *s, const char *fmt, ...)
{
    char text[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    gdb_put_text(s, text);
}

void gdb_put_error(struct gdb_session *s) { gdb_put_text(s, "E01"); }

void gdb_put_binary(struct gdb_session *s, const uint8_t *data, size_t size)
{
    for (; size && s->nout + 2 < sizeof s->out; data++, size--) {
        bool escape = *data == '#' || *data == '$' || *data == '}' || *data == '*';
        if (escape)
            s->out[s->nout++] = '}';
        s->out[s->nout++] = (char)(escape ? *data ^ 0x20 : *data);
    }
}

/* ---- the connection ---- */

static void send_all(struct gdb_session *s, const char *data, size_t size)
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

void gdb_send_packet(struct gdb_session *s)
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

int gdb_next_byte(struct gdb_session *s)
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
bool gdb_take_packet(struct gdb_session *s)
{
    uint8_t sum = 0;
    bool good = true;
    int c;
    s->nin = 0;
    while ((c = gdb_next_byte(s)) != '#') {
        if (c == -1)
            return false;
        if (c < 0)
            continue; /* the target's event stays: nothing runs while packets come */
        sum += (uint8_t)c;
        if (s->nin == GDB_PACKET)
            good = false;
        else
            s->in[s->nin++] = (char)c;
    }
    s->in[s->nin] = 0;
    int high = gdb_next_byte(s), low = gdb_next_byte(s);
    if (high < 0 || low < 0)
        return false;
    good &= hex_digit((char)high) >= 0 && hex_digit((char)low) >= 0 && (hex_digit((char)high) << 4 | hex_digit((char)low)) == sum;
    if (!s->kept.no_ack)
        send_all(s, good ? "+" : "-", 1);
    return good;
}
