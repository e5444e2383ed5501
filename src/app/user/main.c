/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The command `vm-user`: runs one program of another architecture. A program of its own because it is linked statically, so that it works in
 * foreign roots and for binfmt_misc; `vm user` is its door.
 */
#include "app/stats.h"
#include "app/user/options.h"
#include "base/log.h"
#include "machine/stats.h"
#include "observe/gdb/user.h"
#include "os/os.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void print_stats(const struct user_options *o, const struct guest *guest, const struct cpu_stats *all,
                        const struct jit_counts *shared)
{
    struct stats_table t = {.vcpus = 1};
    machine_stats_shared(stats_collect, &t, shared);
    machine_stats_vcpu(stats_collect, &t, guest, 0, all);
    if (t.failed)
        fputs("vm user: no counters: out of memory\n", stderr);
    else
        stats_print(&t, o->stats_json, stderr);
    stats_fini(&t);
}

static int run(struct arguments *a, struct err *err)
{
    struct gdb_user *gdb = NULL;
    int rc = log_new(&a->user.log, STDERR_FILENO, a->log_level, false) ? err_set(err, STATUS_resource, "out of memory") : 0;
    if (!rc)
        rc = user_strace_open(&a->user, err); /* by this system's path */
    if (!rc && a->gdb_kept && !gdb_user_take_over(&gdb, a->gdb_kept))
        rc = err_set(err, STATUS_config, "the debugger's connection is lost");
    else if (!rc && a->gdb)
        rc = gdb_user_listen(&gdb, a->gdb, err);
    if (!rc)
        rc = user_root_enter(&a->root, &a->user.exe_fd, err);
    if (!rc && gdb)
        rc = gdb_user_start(gdb, &a->user.debug, err);
    if (!rc && gdb && a->gdb)
        fprintf(stderr, "vm user: waiting for gdb: target remote %s%s\n", strchr(a->gdb, '/') ? "" : ":", a->gdb);
    if (a->user.stats)
        a->user.finished = print_stats;
    return rc ? rc : user_run(&a->user, err);
}

enum { HEAP = 192 << 10 }; /* what a small program takes of it */

int main(int argc, char **argv)
{
    static struct arguments a; /* the program's threads use it to the end */
    struct err err = {0};
    os_heap_populate(HEAP);
    int rc = arguments_parse(&a, argc, argv);
    if (rc)
        return rc;
    if (a.help) {
        arguments_help();
        return 0;
    }
    rc = run(&a, &err);
    fprintf(stderr, "vm user: %s\n", err.text);
    return -rc;
}
