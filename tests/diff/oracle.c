/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Cases and results go through unnamed files: neither side waits for the other, and what a dying emulator wrote is not lost. */
#include "oracle.h"
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int oracle_init(struct oracle *o, const char *qemu, const char *cpu, const char *runner, struct err *err)
{
    *o = (struct oracle){
        .qemu = qemu, .cpu = cpu, .runner = runner, .cases = tmpfile(), .results = tmpfile(), .errors = tmpfile(), .pid = -1};
    if (o->cases && o->results && o->errors) {
        setvbuf(o->results, NULL, _IONBF, 0); /* else what is read of one run may be what the buffer has of the last */
        return 0;
    }
    oracle_fini(o);
    return err_set(err, STATUS_resource, "no temporary file: %s", strerror(errno));
}

void oracle_fini(struct oracle *o)
{
    if (o->pid > 0)
        oracle_wait(o);
    if (o->cases)
        fclose(o->cases);
    if (o->results)
        fclose(o->results);
    if (o->errors)
        fclose(o->errors);
}

static int spawn(struct oracle *o, struct err *err)
{
    static char cpu_option[] = "-cpu";
    char *argv[] = {strdup(o->qemu), cpu_option, strdup(o->cpu), strdup(o->runner), NULL};
    extern char **environ;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fileno(o->cases), 0);
    posix_spawn_file_actions_adddup2(&actions, fileno(o->results), 1);
    posix_spawn_file_actions_adddup2(&actions, fileno(o->errors), 2);
    int rc = argv[0] && argv[2] && argv[3] ? posix_spawnp(&o->pid, o->qemu, &actions, NULL, argv, environ) : ENOMEM;
    posix_spawn_file_actions_destroy(&actions);
    free(argv[0]);
    free(argv[2]);
    free(argv[3]);
    if (!rc)
        return 0;
    o->pid = -1;
    return err_set(err, STATUS_resource, "%s: %s", o->qemu, strerror(rc));
}

/* The child shares the files' positions. */
int oracle_start(struct oracle *o, const struct case_input *cases, size_t n, struct err *err)
{
    rewind(o->cases);
    rewind(o->results);
    if (ftruncate(fileno(o->cases), 0) || ftruncate(fileno(o->results), 0) || ftruncate(fileno(o->errors), 0) ||
        (n && fwrite(cases, sizeof *cases, n, o->cases) != n) || fflush(o->cases) || lseek(fileno(o->cases), 0, SEEK_SET) ||
        lseek(fileno(o->results), 0, SEEK_SET))
        return err_set(err, STATUS_resource, "temporary file: %s", strerror(errno));
    return spawn(o, err);
}

int oracle_wait(struct oracle *o)
{
    int status = 0;
    while (waitpid(o->pid, &status, 0) < 0 && errno == EINTR)
        ;
    o->pid = -1;
    rewind(o->results);
    return status;
}

bool oracle_next(struct oracle *o, struct case_result *result, struct case_word *changed)
{
    return fread(result, sizeof *result, 1, o->results) == 1 && result->nchanged <= CASE_WORDS &&
           fread(changed, sizeof *changed, result->nchanged, o->results) == result->nchanged;
}

const char *oracle_words(const struct oracle *o, char *text, size_t size)
{
    ssize_t n = pread(fileno(o->errors), text, size - 1, 0);
    text[n > 0 ? n : 0] = 0;
    for (char *at = text; (at = strchr(at, '\n'));)
        *at = ' ';
    return text;
}
