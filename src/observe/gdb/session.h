/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One connection of a debugger, for the files of this folder: what came in a packet, what goes out with the next one. Texts that are taken
 * apart move on: *text stands behind what was found.
 */
#pragma once
#include "observe/gdb/files.h"
#include "observe/gdb/gdb.h"

enum { GDB_PACKET = 16384, GDB_ACTIONS = 64 };

struct gdb_thread_action {
    uint64_t thread; /* 0: all others */
    struct gdb_resume resume;
};

struct gdb_session {
    const struct gdb_target *target;
    void *arg;
    int fd, wake;
    struct gdb_kept kept;
    bool running, over, lost;
    uint64_t thread; /* that g, p and their like mean; 0: the one that stopped */
    struct gdb_event event;
    char in[GDB_PACKET + 1];
    size_t nin;
    char raw[4096]; /* received, not looked at yet */
    size_t nraw, at;
    char out[2 * GDB_PACKET + 64];
    size_t nout;
    char *description;
    struct gdb_files files;
    struct gdb_thread_action actions[GDB_ACTIONS];
    unsigned nactions;
};

/* ---- packets.c ---- */
bool gdb_take_hex(const char **text, uint64_t *value); /* false: there is no number */
bool gdb_take_char(const char **text, char c);
size_t gdb_from_hex(const char *text, uint8_t *to, size_t room);
void gdb_put_text(struct gdb_session *s, const char *text);
void gdb_put_hex(struct gdb_session *s, const void *data, size_t size);
void gdb_put(struct gdb_session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void gdb_put_error(struct gdb_session *s);
void gdb_put_binary(struct gdb_session *s, const uint8_t *data, size_t size); /* the four bytes with a meaning are escaped */
void gdb_send_packet(struct gdb_session *s);
int gdb_next_byte(struct gdb_session *s);    /* waits for a byte, or for the target (-2); -1: the connection is lost */
bool gdb_take_packet(struct gdb_session *s); /* behind its '$' */

/* ---- transfers.c; text: what follows the name ---- */
void gdb_transfer(struct gdb_session *s, const char *text);     /* qXfer */
void gdb_file_command(struct gdb_session *s, const char *text); /* vFile */
