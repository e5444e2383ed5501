/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `vm user`: finds vm-user, a program of its own since it is linked statically, and becomes it. */
#include "app/cli/cli.h"
#include "base/err.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct cli_option cli_user_options[] = {
#define OPTION(id, name, value, kept, help, example) {name, value, help, example},
#include "app/user/options.def"
#undef OPTION
    {NULL, NULL, NULL, NULL},
};

/* Beside this command, as in a build; else where it is installed, from this command's folder, then as it was configured. */
int cli_user_path(char path[PATH_MAX])
{
    static const char *const places[] = {"%s/vm-user", "%s/../libexec/vm/vm-user", VM_LIBEXECDIR "/vm-user%.0s"};
    char own[PATH_MAX], try[PATH_MAX + 40];
    ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
    own[n < 0 ? 0 : n] = 0;
    char *slash = strrchr(own, '/');
    if (slash)
        *slash = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(try, sizeof try, places[i], own);
        if (!access(try, X_OK) && realpath(try, path))
            return 0;
    }
    cli_message("there is no vm-user beside %s/vm or in %s; build or install it", own, VM_LIBEXECDIR);
    return STATUS_not_found;
}

int cli_user(int argc, char **argv)
{
    char path[PATH_MAX];
    if (argc && (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h")))
        return cli_help(1, (char *[]){(char[]){"user"}});
    int rc = cli_user_path(path);
    if (rc)
        return rc;
    argv[-1] = (char[]){"vm-user"}; /* the verb's place */
    execv(path, argv - 1);
    cli_message("cannot run %s: %s", path, strerror(errno));
    return STATUS_failed;
}
