/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What is handed over in parts: descriptions of the target, and files as it sees them. */
#include "observe/gdb/session.h"
#include <errno.h>
#include <string.h>

static void give_part(struct gdb_session *s, const uint8_t *data, size_t size, const char *range)
{
    uint64_t from, most;
    if (!gdb_take_hex(&range, &from) || !gdb_take_char(&range, ',') || !gdb_take_hex(&range, &most)) {
        gdb_put_error(s);
        return;
    }
    most = most < GDB_PACKET / 2 ? most : GDB_PACKET / 2;
    from = from < size ? from : size;
    size_t n = size - from < most ? size - from : most;
    gdb_put_text(s, from + n < size ? "m" : "l");
    gdb_put_binary(s, data + from, n);
}

/* qXfer:object:read:annex:offset,length */
void gdb_transfer(struct gdb_session *s, const char *text)
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
        gdb_put_text(s, "E00");
    }
}

/* ---- files ---- */

static void put_result(struct gdb_session *s, int64_t result)
{
    if (result < 0)
        gdb_put(s, "F-1,%x", (unsigned)gdb_errno(errno));
    else
        gdb_put(s, "F%llx", (unsigned long long)result);
}

static void open_file(struct gdb_session *s, const char *text)
{
    char path[4096];
    uint64_t flags;
    size_t n = gdb_from_hex(text, (uint8_t *)path, sizeof path - 1);
    path[n] = 0;
    text += 2 * n;
    errno = EINVAL;
    bool good = n && gdb_take_char(&text, ',') && gdb_take_hex(&text, &flags);
    if (good && flags)
        errno = EACCES; /* to be written */
    put_result(s, good && !flags ? gdb_file_add(&s->files, s->target->open(s->arg, path)) : -1);
}

static void read_file(struct gdb_session *s, const char *text)
{
    static _Thread_local uint8_t data[GDB_PACKET / 2];
    uint64_t n, size, offset;
    errno = EINVAL;
    bool good = gdb_take_hex(&text, &n) && gdb_take_char(&text, ',') && gdb_take_hex(&text, &size) && gdb_take_char(&text, ',') &&
                gdb_take_hex(&text, &offset);
    ssize_t got = good ? gdb_file_read(&s->files, n, data, size < sizeof data ? size : sizeof data, offset) : -1;
    put_result(s, got);
    if (got < 0)
        return;
    gdb_put_text(s, ";");
    gdb_put_binary(s, data, (size_t)got);
}

static void stat_file(struct gdb_session *s, const char *text)
{
    uint8_t data[GDB_FILE_STAT];
    uint64_t n;
    errno = EINVAL;
    int rc = gdb_take_hex(&text, &n) ? gdb_file_stat(&s->files, n, data) : -1;
    put_result(s, rc ? -1 : GDB_FILE_STAT);
    if (rc)
        return;
    gdb_put_text(s, ";");
    gdb_put_binary(s, data, sizeof data);
}

static void close_file(struct gdb_session *s, const char *text)
{
    uint64_t n;
    errno = EINVAL;
    put_result(s, gdb_take_hex(&text, &n) ? gdb_file_close(&s->files, n) : -1);
}

static void set_file_system(struct gdb_session *s, const char *text)
{
    (void)text;
    put_result(s, 0); /* the target's: there is no other */
}

void gdb_file_command(struct gdb_session *s, const char *text)
{
    static const struct {
        const char *name;
        void (*run)(struct gdb_session *s, const char *text);
    } commands[] = {
        {"open:", open_file}, {"pread:", read_file}, {"fstat:", stat_file}, {"close:", close_file}, {"setfs:", set_file_system}};
    for (size_t i = 0; s->target->open && i < sizeof commands / sizeof *commands; i++)
        if (!strncmp(text, commands[i].name, strlen(commands[i].name)))
            commands[i].run(s, text + strlen(commands[i].name));
}
