/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Building the process: which architecture the program is of, translator, memory, first thread. */
#include "base/bits.h"
#include "user/process.h"
#include "user/trace.h"
#include "user/user.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCRIPT_DEPTH = 5 };

#if defined __x86_64__
enum { HOST_MACHINE = EM_X86_64 };
#elif defined __aarch64__
enum { HOST_MACHINE = EM_AARCH64 };
#else
enum { HOST_MACHINE = EM_NONE };
#endif

struct program {
    int fd;
    char path[PATH_MAX]; /* as the guest names it */
    char **argv;
};

static int open_program(const struct user *user, const char *path, int *fd, struct err *err)
{
    char buf[PATH_MAX];
    struct stat st;
    const char *real = user_path(user, path, buf);
    *fd = open(real, O_RDONLY | O_CLOEXEC);
    if (*fd < 0 || fstat(*fd, &st))
        return err_set_errno(err, errno, "cannot open the program %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, STATUS_config, "%s is not a program: %s", path,
                       S_ISDIR(st.st_mode) ? "it is a folder" : "it is no regular file");
    if (faccessat(AT_FDCWD, real, X_OK, AT_EACCESS))
        return err_set(err, STATUS_permission, "%s is not executable; 'chmod +x' makes it so, unless its file system is mounted noexec",
                       path);
    return 0;
}

/* PATH of the program's environment; what shells take if there is none. */
static const char *search_path(char *const *env)
{
    for (; *env; env++)
        if (!strncmp(*env, "PATH=", 5))
            return *env + 5;
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* A name without a slash, as a shell finds it: the first file that may be executed. An empty part is the current folder. */
static int search(const struct user *user, const char *name, char found[PATH_MAX], struct err *err)
{
    const char *part = search_path(user->options->envp);
    for (size_t len; part; part = part[len] ? part + len + 1 : NULL) {
        char buf[PATH_MAX];
        struct stat st;
        len = strcspn(part, ":");
        if (snprintf(found, PATH_MAX, "%.*s%s%s", (int)len, part, len ? "/" : "./", name) >= PATH_MAX)
            continue;
        const char *real = user_path(user, found, buf);
        if (!stat(real, &st) && S_ISREG(st.st_mode) && !faccessat(AT_FDCWD, real, X_OK, AT_EACCESS))
            return 0;
    }
    return err_set(err, STATUS_not_found, "there is no program '%s' in PATH; a path with a slash is taken as it is", name);
}

bool user_script_parse(char *line, char **interpreter, char **argument)
{
    line[strcspn(line, "\n")] = 0;
    size_t len = strlen(line);
    while (len > 2 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
        line[--len] = 0;
    *interpreter = line + 2 + strspn(line + 2, " \t");
    char *end = *interpreter + strcspn(*interpreter, " \t");
    *argument = *end ? end + 1 + strspn(end + 1, " \t") : NULL;
    *end = 0;
    return **interpreter;
}

/* "#! interpreter argument": those two come before the script's own path. */
static int follow_script(const struct user *user, struct program *p, char *line, struct err *err)
{
    size_t n = 0;
    char *interpreter, *argument;
    while (p->argv[n])
        n++;
    char **argv = calloc(n + 4, sizeof *argv);
    if (!argv || !user_script_parse(line, &interpreter, &argument))
        return err_set(err, STATUS_config, "%s: its first line names no interpreter", p->path);
    size_t at = 0;
    argv[at++] = strdup(interpreter);
    if (argument)
        argv[at++] = strdup(argument);
    argv[at++] = strdup(p->path);
    for (size_t i = 1; i < n; i++)
        argv[at++] = p->argv[i];
    p->argv = argv;
    snprintf(p->path, sizeof p->path, "%s", interpreter);
    close(p->fd);
    return open_program(user, p->path, &p->fd, err);
}

static const struct user_abi *abi_of(unsigned machine)
{
    for (const struct user_abi *const *abi = user_abis; *abi; abi++)
        if ((*abi)->elf_machine == machine)
            return *abi;
    return NULL;
}

static int wrong_machine(const struct program *p, const Elf64_Ehdr *h, struct err *err)
{
    static const struct {
        uint16_t number;
        const char *name;
    } known[] = {{EM_X86_64, "x86-64"}, {EM_386, "32-bit x86"}, {EM_AARCH64, "arm64"}, {EM_ARM, "32-bit arm"}, {EM_PPC64, "ppc64"},
                 {EM_S390, "s390"},     {243, "riscv"},         {EM_MIPS, "mips"},     {258, "loongarch"}};
    const char *name = "an unknown architecture";
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (known[i].number == h->e_machine)
            name = known[i].name;
    if (h->e_machine == HOST_MACHINE)
        return err_set(err, STATUS_config,
                       "%s is a program of this host, which runs it without 'vm user'; give the path of a foreign program, or its "
                       "system by --root DIR",
                       p->path);
    char runs[64] = "";
    for (const struct user_abi *const *abi = user_abis; *abi; abi++)
        snprintf(runs + strlen(runs), sizeof runs - strlen(runs), "%s%s", *runs ? ", " : "", (*abi)->guest);
    return err_set(err, STATUS_config, "%s is a program for %s%s; 'vm user' runs: %s", p->path, name,
                   h->e_ident[EI_CLASS] == ELFCLASS64 ? "" : " (32 bits)", runs);
}

/* Through scripts to an ELF program. */
static int find_program(struct user *user, struct program *p, struct err *err)
{
    for (unsigned depth = 0; depth < SCRIPT_DEPTH; depth++) {
        union {
            Elf64_Ehdr elf;
            char line[USER_SCRIPT_LINE];
        } head = {.line = ""};
        if (pread(p->fd, head.line, sizeof head.line - 1, 0) < 0)
            return err_set_errno(err, errno, "cannot read the program %s", p->path);
        if (!memcmp(head.line, "#!", 2)) {
            int rc = follow_script(user, p, head.line, err);
            if (rc)
                return rc;
            continue;
        }
        if (memcmp(head.elf.e_ident, ELFMAG, SELFMAG))
            return err_set(err, STATUS_config, "%s is neither an ELF program nor a script that begins with #!", p->path);
        user->abi = head.elf.e_ident[EI_CLASS] == ELFCLASS64 ? abi_of(head.elf.e_machine) : NULL;
        return user->abi ? 0 : wrong_machine(p, &head.elf, err);
    }
    return err_set(err, STATUS_config, "%s: scripts that are run by scripts, too deep", p->path);
}

static int build(struct user *user, struct err *err)
{
    static const struct accel_callbacks callbacks = {.fetchable = user_fetchable, .trap = user_trap};
    const struct user_options *o = user->options;
    int rc = mem_space_new(&user->space) ? err_set(err, STATUS_resource, "out of memory") : mem_space_add_flat(user->space, err);
    if (rc)
        return rc;
    os_vclock_init(&user->clock);
    os_vclock_resume(&user->clock);
    const struct accel_config config = {
        .guest = guest_find(user->abi->guest),
        .model = o->cpu,
        .flat = true,
        .mode = o->mode,
        .jit_threshold = o->jit_threshold,
        .timed = o->stats,
        .space = user->space,
        .clock = &user->clock,
        .log = user->log,
        .callbacks = &callbacks,
        .machine = user,
    };
    return accel_vm_new(&user->vm, &config, err);
}

static int set_exe(struct user *user, const struct program *p)
{
    char buf[PATH_MAX], link[40];
    if (user->options->program_fd >= 0 && !user->options->by_kernel) { /* the name may lead nowhere */
        snprintf(link, sizeof link, "/proc/self/fd/%d", p->fd);
        ssize_t n = readlink(link, buf, sizeof buf - 1);
        buf[n < 0 ? 0 : n] = 0;
        user->exe = strdup(n > 0 ? buf : p->path);
    } else {
        user->exe = realpath(p->path, buf) ? strdup(buf) : strdup(p->path);
    }
    return user->exe ? 0 : -STATUS_resource;
}

int user_run(const struct user_options *options, struct err *err)
{
    static struct user user; /* the process is this one program */
    static struct user_memory memory;
    struct program *p = calloc(1, sizeof *p);
    struct user_thread *t;
    int rc = 0;
    if (!p)
        return err_set(err, STATUS_resource, "out of memory");
    user.options = options;
    user.memory = &memory;
    user.log = options->log;
    os_mutex_init(&user.lock, OS_RANK_machine);
    os_mutex_init(&memory.lock, OS_RANK_device);
    getrlimit(RLIMIT_AS, &memory.limits[USER_LIMIT_as]);
    getrlimit(RLIMIT_DATA, &memory.limits[USER_LIMIT_data]);
    if (options->limited)
        memcpy(memory.limits, options->limits, sizeof memory.limits);
    user.sysroot = options->sysroot;
    if (options->finished && !(user.ended = calloc(1, sizeof *user.ended)))
        return err_set(err, STATUS_resource, "out of memory");
    user.exe_fd = options->exe_fd;
    user.debug = options->debug;
    p->argv = options->argv;
    p->fd = options->program_fd;
    if (options->child || strchr(options->program, '/'))
        snprintf(p->path, sizeof p->path, "%s", options->program);
    else
        rc = search(&user, options->program, p->path, err);
    if (!rc && p->fd < 0)
        rc = open_program(&user, p->path, &p->fd, err);
    user.exec_name = options->exec_name ? options->exec_name : strdup(p->path);
    if (!rc)
        rc = find_program(&user, p, err);
    if (!rc && set_exe(&user, p))
        rc = err_set(err, STATUS_resource, "out of memory");
    user_trace_init(&user);
    if (!rc)
        rc = build(&user, err);
    if (!rc)
        rc = user_thread_add(&user, &t, err);
    if (!rc) {
        user_signals_init(&user);
        prctl(PR_SET_NAME, strrchr(user.exec_name, '/') ? strrchr(user.exec_name, '/') + 1 : user.exec_name);
        rc = user_load(&user, t->cpu, p->fd, p->argv, err);
    }
    if (rc)
        return rc;
    close(p->fd);
    user_trace_ready(&user);
    user_thread_loop(t);
}
