/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* execve: arguments, environment, scripts, descriptors that close, signals that stay ignored or blocked, and every way to fail. */
#include "user.h"
#include <limits.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

extern char **environ;
static char self[PATH_MAX], *volatile bad_path = (char *)8, **volatile bad_list = (char **)8;

static void put(const char *path, const char *text, int mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700);
    if (write(fd, text, strlen(text)) < 0)
        say("cannot write %s", path);
    fchmod(fd, (mode_t)mode);
    close(fd);
}

static pid_t start(void)
{
    pid_t pid = fork();
    if (pid)
        waitpid(pid, NULL, 0);
    return pid;
}

#define TRY(call)                                    \
    do {                                             \
        if (!start()) {                              \
            call;                                    \
            say("%s: %s", #call, error_name(errno)); \
            _exit(0);                                \
        }                                            \
    } while (0)

static void failures(void)
{
    char *args[] = {"x", NULL};
    put("plain", "no program\n", 0755);
    put("empty", "", 0755);
    put("closed", "#!/bin/sh\n", 0644);
    put("lost", "#!/nowhere/at/all\n", 0755);
    put("none", "#!\n", 0755);
    put("directory", "#!/\n", 0755);
    put("short", "\177ELF", 0755);
    TRY(execve("missing", args, environ));
    TRY(execve("", args, environ));
    TRY(execve("plain/x", args, environ));
    TRY(execve("plain", args, environ));
    TRY(execve("empty", args, environ));
    TRY(execve("closed", args, environ));
    TRY(execve("lost", args, environ));
    TRY(execve("none", args, environ));
    TRY(execve("directory", args, environ));
    TRY(execve("short", args, environ));
    TRY(execve("/", args, environ));
    TRY(execve("/dev/null", args, environ));
    TRY(execve(bad_path, args, environ));
    TRY(execve(self, bad_list, environ));
    TRY(execve(self, args, bad_list));
    TRY(execve(self, (char *[]){"x", (char *)8, NULL}, environ));
    static char name[5000];
    memset(name, 'x', sizeof name - 1);
    TRY(execve(name, args, environ));
    static char longest[200 << 10];
    memset(longest, 'y', sizeof longest - 1);
    TRY(execve(self, (char *[]){"x", longest, NULL}, environ));
    int dir = open(".", O_RDONLY | O_DIRECTORY);
    TRY(execveat(dir, "missing", args, environ, 0));
    TRY(execveat(99, "missing", args, environ, 0));
    TRY(execveat(dir, "", args, environ, 0));
    TRY(execveat(dir, "", args, environ, AT_EMPTY_PATH));
    TRY(execveat(dir, "missing", args, environ, 0x1234));
    SHOW(symlink("plain", "link"));
    TRY(execveat(dir, "link", args, environ, AT_SYMLINK_NOFOLLOW));
    close(dir);
}

static void successes(void)
{
    char script[PATH_MAX + 100];
    char *args[] = {"zero", "one", "", "three 3", NULL}, *env[] = {"A=1", "A=2", "EMPTY=", "odd", NULL};
    TRY(execve(self, args, env));
    TRY(execve(self, args, (char *[]){NULL}));
    TRY(execve(self, (char *[]){"", "again", NULL}, env));
    snprintf(script, sizeof script, "#!%s\n", self);
    put("script", script, 0755);
    TRY(execve("script", args, env));
    snprintf(script, sizeof script, "#!  %s \t an argument  with spaces \nmore\n", self);
    put("script2", script, 0755);
    TRY(execve("./script2", args, env));
    put("script3", "#!script\n", 0755);
    TRY(execve("./script3", args, env));
    snprintf(script, sizeof script, "#!%s", self);
    put("script4", script, 0755);
    TRY(execve("./script4", args, env));
    put("script5", "#!/bin/sh -e\necho sh \"$0\" \"$@\"\n", 0755);
    TRY(execve("./script5", args, environ));
    int fd = open(self, O_PATH | O_CLOEXEC), dir = open(".", O_RDONLY), file = open("script", O_RDONLY | O_CLOEXEC);
    TRY(fexecve(fd, args, env));
    TRY(execveat(dir, "script", args, env, 0));
    TRY(fexecve(file, args, env));
    TRY(execveat(AT_FDCWD, "script", args, env, 0));
    close(dir);
    close(fd);
    close(file);
}

/* Files that somebody writes are not executed. */
static void written(void)
{
    char *args[] = {"x", NULL}, data[4096];
    ssize_t n;
    put("busy", "#!/bin/sh\necho it runs\n", 0755);
    int script = open("busy", O_WRONLY), from = open(self, O_RDONLY), copy = open("copy", O_RDWR | O_CREAT, 0755);
    while ((n = read(from, data, sizeof data)) > 0)
        if (write(copy, data, (size_t)n) != n)
            say("cannot copy");
    TRY(execve("./busy", args, environ));
    TRY(execve("./copy", args, environ));
    TRY(execveat(copy, "", args, environ, AT_EMPTY_PATH));
    close(script);
    close(copy);
    close(from);
    TRY(execve("./busy", args, environ));
    unlink("busy");
    unlink("copy");
}

static void kept(void)
{
    char *args[] = {"kept", NULL};
    sigset_t set;
    int open_one = open("/dev/null", O_RDONLY), closing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (dup2(open_one, 20) != 20 || dup3(closing, 21, O_CLOEXEC) != 21)
        say("no descriptors");
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGTERM);
    signal(SIGHUP, SIG_IGN);
    handle(SIGINT, (void (*)(int, siginfo_t *, void *))(uintptr_t)abort, 0);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGTERM);
    prctl(PR_SET_NAME, "before");
    alarm(100000);
    execve(self, args, environ);
}

static int told(int argc, char **argv)
{
    char name[32] = "";
    for (int i = 0; i < argc; i++)
        say("  argument %d: %s", i, strcmp(argv[i], self) ? argv[i] : "(the program)");
    for (int i = 0; environ[i]; i++)
        say("  environment: %s", environ[i]);
    const char *exec = (const char *)getauxval(AT_EXECFN);
    exec = strrchr(exec, '/') ? strrchr(exec, '/') + 1 : exec;
    say("  started as %s",
        strncmp(exec, "user_execs", 10) && strncmp(exec, "execs", 5) && (*exec < '0' || *exec > '9') ? exec : "(the program)");
    if (!strcmp(argv[0], "kept")) {
        struct sigaction action;
        sigset_t set;
        say("  20: %d 21: %d", fcntl(20, F_GETFD), fcntl(21, F_GETFD));
        sigaction(SIGHUP, NULL, &action);
        say("  hup ignored %d", action.sa_handler == SIG_IGN);
        sigaction(SIGINT, NULL, &action);
        say("  int default %d", action.sa_handler == SIG_DFL);
        sigprocmask(SIG_SETMASK, NULL, &set);
        say("  blocked usr2 %d term %d int %d", sigismember(&set, SIGUSR2), sigismember(&set, SIGTERM), sigismember(&set, SIGINT));
        sigpending(&set);
        say("  pending term %d", sigismember(&set, SIGTERM));
        say("  alarm %d", alarm(0) > 90000);
        prctl(PR_GET_NAME, name);
        say("  named before %d", !strcmp(name, "before"));
    }
    return 0;
}

int main(int argc, char **argv)
{
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return 1;
    self[n] = 0;
    if (!getenv("TEST") || argc > 1 || !strcmp(argv[0], "kept") || !*argv[0])
        return told(argc, argv);
    failures();
    successes();
    written();
    if (!start())
        kept();
    return 0;
}
