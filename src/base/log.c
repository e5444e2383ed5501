/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Writing log lines: logfmt or JSON, each line by one write() so that lines of several machines never mix. The lock is a leaf:
 * nothing is called while it is held except a sink. Lines on a terminal end in CR LF because the terminal may be in raw mode.
 */
#include "base/log.h"
#include "base/bits.h"
#include "base/text.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 2000, SITES = 64, SITE_LINES = 10 };
#define SITE_WINDOW_NS 5000000000ull

struct log_site {   /* one (component, fmt) pair that log_guest() has seen */
    uint64_t hash;  /* 0: free */
    uint64_t start; /* of its window */
    unsigned written, dropped;
    char component[40];
};

struct log {
    pthread_mutex_t lock;
    int fd;
    bool json, tty;
    enum log_level max;
    void (*sink)(void *arg, enum log_level level, const char *component, const char *text);
    void *sink_arg;
    uint64_t (*now)(void *arg);
    void *now_arg;
    struct log_site sites[SITES];
};

static const char *const level_names[] = {
    [LOG_error] = "error", [LOG_warn] = "warn", [LOG_guest] = "guest", [LOG_info] = "info", [LOG_debug] = "debug",
};

const char *log_level_name(enum log_level level) { return level_names[level]; }

static uint64_t log_clock(void *arg)
{
    struct timespec t;

    (void)arg;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int log_create(struct log **out, enum log_level max)
{
    struct log *log = calloc(1, sizeof(*log));

    if (!log)
        return -STATUS_resource;
    pthread_mutex_init(&log->lock, NULL);
    log->max = max;
    log->fd = -1;
    log->now = log_clock;
    *out = log;
    return 0;
}

int log_new(struct log **out, int fd, enum log_level max, bool json)
{
    int status = log_create(out, max);

    if (status)
        return status;
    (*out)->fd = fd;
    (*out)->json = json;
    (*out)->tty = isatty(fd);
    return 0;
}

int log_new_sink(struct log **out, enum log_level max,
                 void (*line)(void *arg, enum log_level level, const char *component, const char *text), void *arg)
{
    int status = log_create(out, max);

    if (status)
        return status;
    (*out)->sink = line;
    (*out)->sink_arg = arg;
    return 0;
}

void log_use_clock(struct log *log, uint64_t (*now)(void *arg), void *arg)
{
    log->now = now;
    log->now_arg = arg;
}

bool log_enabled(const struct log *log, enum log_level level) { return log && level <= log->max; }

static void log_timestamp(struct text *line)
{
    struct timespec t;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    text_printf(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                tm.tm_sec, t.tv_nsec / 1000000);
}

static void log_send(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* nobody to tell */
        data += n;
        len -= (size_t)n;
    }
}

/* The lock is held. */
static void log_emit(struct log *log, enum log_level level, const char *component, const char *text)
{
    struct text line;

    if (log->sink) {
        log->sink(log->sink_arg, level, component, text);
        return;
    }
    text_init(&line, 2 * LINE_MAX_LEN);
    text_puts(&line, log->json ? "{\"time\":\"" : "time=");
    log_timestamp(&line);
    text_printf(&line, log->json ? "\",\"level\":\"%s\",\"component\":\"" : " level=%s component=", level_names[level]);
    text_json(&line, component);
    text_puts(&line, log->json ? "\",\"text\":\"" : " text=\"");
    text_json(&line, text);
    text_puts(&line, log->json ? "\"}\n" : log->tty ? "\"\r\n" : "\"\n");
    if (!text_ok(&line) && line.len) /* cut: keep the line a line */
        line.data[line.len - 1] = '\n';
    log_send(log->fd, text_str(&line), line.len);
    text_fini(&line);
}

void log_write(struct log *log, enum log_level level, const char *component, const char *fmt, ...)
{
    char text[LINE_MAX_LEN];
    va_list ap;

    if (!log_enabled(log, level))
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    pthread_mutex_lock(&log->lock);
    log_emit(log, level, component, text);
    pthread_mutex_unlock(&log->lock);
}

static uint64_t log_hash(const char *component, const char *fmt)
{
    uint64_t h = 0xcbf29ce484222325ull;

    for (; *component; component++)
        h = (h ^ (unsigned char)*component) * 0x100000001b3ull;
    h = (h ^ 0xff) * 0x100000001b3ull;
    for (; *fmt; fmt++)
        h = (h ^ (unsigned char)*fmt) * 0x100000001b3ull;
    return h | 1;
}

static void log_summary(struct log *log, struct log_site *site)
{
    char text[80];

    if (!site->dropped)
        return;
    snprintf(text, sizeof(text), "%u more lines of this kind were not shown", site->dropped);
    log_emit(log, LOG_guest, site->component, text);
    site->dropped = 0;
}

/*
 * The pair's site with a current window. Where more pairs are active than fit, the last site probed is shared: the limit then gets
 * stricter, never looser.
 */
static struct log_site *log_site(struct log *log, const char *component, const char *fmt, uint64_t now)
{
    uint64_t hash = log_hash(component, fmt);
    struct log_site *site = NULL;

    for (unsigned i = 0; i < 4 && !site; i++)
        if (log->sites[(hash + i) % SITES].hash == hash)
            site = &log->sites[(hash + i) % SITES];
    for (unsigned i = 0; i < 4 && !site; i++)
        if (!log->sites[(hash + i) % SITES].hash || now - log->sites[(hash + i) % SITES].start >= SITE_WINDOW_NS)
            site = &log->sites[(hash + i) % SITES];
    if (!site)
        site = &log->sites[(hash + 3) % SITES];
    if (!site->hash || now - site->start >= SITE_WINDOW_NS) {
        log_summary(log, site);
        *site = (struct log_site){.hash = hash, .start = now};
        snprintf(site->component, sizeof(site->component), "%s", component);
    }
    return site;
}

void log_guest(struct log *log, const char *component, const char *fmt, ...)
{
    struct log_site *site;
    char text[LINE_MAX_LEN];
    va_list ap;

    if (!log_enabled(log, LOG_guest))
        return;
    pthread_mutex_lock(&log->lock);
    site = log_site(log, component, fmt, log->now(log->now_arg));
    if (site->written < SITE_LINES) {
        site->written++;
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        log_emit(log, LOG_guest, component, text);
    } else {
        site->dropped++;
    }
    pthread_mutex_unlock(&log->lock);
}

void log_free(struct log *log)
{
    if (!log)
        return;
    for (unsigned i = 0; i < SITES; i++)
        log_summary(log, &log->sites[i]);
    pthread_mutex_destroy(&log->lock);
    free(log);
}
