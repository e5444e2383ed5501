/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The command `vm-user`: runs one program of another architecture. A program of its own because it is linked statically, so that it works in
 * foreign roots and for binfmt_misc; `vm user` is its door.
 */
#include "app/user/options.h"
#include "base/log.h"
#include <stdio.h>
#include <unistd.h>

static int run(struct arguments *a, struct err *err)
{
    int rc = log_new(&a->user.log, STDERR_FILENO, LOG_error, false) ? err_set(err, STATUS_resource, "out of memory") : 0;
    if (!rc)
        rc = user_root_enter(&a->root, &a->user.exe_fd, err);
    return rc ? rc : user_run(&a->user, err);
}

int main(int argc, char **argv)
{
    static struct arguments a; /* the program's threads use it to the end */
    struct err err = {0};
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
