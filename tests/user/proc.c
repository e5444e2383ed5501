/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Files below /proc: they tell of this program, under every name that they have. */
#include "user.h"
#include <dirent.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/uio.h>

static char buf[1 << 16];

static ssize_t slurp_at(int dir, const char *path)
{
    int fd = openat(dir, path, O_RDONLY);
    if (fd < 0)
        return -errno;
    ssize_t n, size = 0;
    while ((n = read(fd, buf + size, sizeof buf - 1 - (size_t)size)) > 0)
        size += n;
    buf[size] = 0;
    close(fd);
    return size;
}

static const char *base(const char *path) { return strrchr(path, '/') ? strrchr(path, '/') + 1 : path; }

static bool is_self(const char *path, size_t n) { return n < 4096 && n > 9 && strstr(path, "proc") && !strstr(path, "vm-user"); }

static void exe_by(const char *what, int dir, const char *path)
{
    char to[4096] = "";
    struct stat st;
    ssize_t n = readlinkat(dir, path, to, sizeof to - 1);
    int fd = openat(dir, path, O_RDONLY);
    char magic[20] = "";
    ssize_t got = fd < 0 ? -1 : pread(fd, magic, sizeof magic, 0);
    say("%s: link %s, opens %d elf %d", what, n > 0 && is_self(base(to), (size_t)n) ? "right" : to, fd >= 0,
        got == sizeof magic && !memcmp(magic, "\177ELF", 4));
    if (fd >= 0 && !fstat(fd, &st)) {
        struct stat same;
        say("  the same file %d", !fstatat(dir, path, &same, 0) && same.st_ino == st.st_ino && same.st_dev == st.st_dev);
        if (!fstatat(dir, path, &same, AT_SYMLINK_NOFOLLOW))
            say("  itself a link %d", S_ISLNK(same.st_mode));
        say("  access %d", faccessat(dir, path, X_OK, 0));
    }
    close(fd);
}

static void exes(void)
{
    char path[64];
    int proc = open("/proc", O_RDONLY | O_DIRECTORY), self = open("/proc/self", O_RDONLY | O_DIRECTORY), root = open("/", O_PATH);
    exe_by("absolute", AT_FDCWD, "/proc/self/exe");
    snprintf(path, sizeof path, "/proc/%d/exe", (int)getpid());
    exe_by("by number", AT_FDCWD, path);
    exe_by("thread-self", AT_FDCWD, "/proc/thread-self/exe");
    snprintf(path, sizeof path, "/proc/self/task/%d/exe", (int)gettid());
    exe_by("task", AT_FDCWD, path);
    exe_by("below /proc", proc, "self/exe");
    exe_by("below /proc/self", self, "exe");
    exe_by("below the root", root, "proc/self/exe");
    exe_by("odd slashes", AT_FDCWD, "//proc//self/./exe");
    exe_by("with dots", AT_FDCWD, "/proc/self/../self/exe");
    if (!chdir("/proc/self")) {
        exe_by("current", AT_FDCWD, "exe");
        SHOW(slurp_at(AT_FDCWD, "cmdline") > 0);
    }
    int fd = openat(self, "exe", O_PATH | O_NOFOLLOW);
    char to[4096] = "";
    ssize_t n = readlinkat(fd, "", to, sizeof to - 1);
    say("descriptor of the link: %d", n > 0 && is_self(base(to), (size_t)n));
    SHOW(readlinkat(self, "exe", to, 3));
    SHOW(readlinkat(self, "cmdline", to, 3));
    SHOW(openat(self, "exe", O_RDONLY | O_NOFOLLOW));
    SHOW(openat(self, "maps", O_RDONLY | O_DIRECTORY));
    SHOW(openat(self, "nothing", O_RDONLY));
    struct stat st;
    SHOW(fstatat(self, "maps", &st, 0));
    say("mode %o size %ld", st.st_mode, (long)st.st_size);
    SHOW(fstatat(self, "auxv", &st, 0));
    say("mode %o size %ld", st.st_mode, (long)st.st_size);
    SHOW(faccessat(self, "maps", R_OK, 0));
}

static void texts(void)
{
    int self = open("/proc/self", O_RDONLY | O_DIRECTORY);
    ssize_t n = slurp_at(self, "cmdline");
    say("cmdline: %d of %s", n == (ssize_t)strlen(buf) + 1, is_self(base(buf), 10) ? "this" : buf);
    SHOW(slurp_at(self, "environ") > 0);
    say("environ: %d", memmem(buf, sizeof buf, "TEST=1", 7) != NULL);
    prctl(PR_SET_NAME, "named");
    slurp_at(self, "comm");
    say("comm: %s", buf);
    slurp_at(self, "status");
    const char *name = strstr(buf, "Name:"), *threads = strstr(buf, "Threads:");
    say("status: %.11s %.10s", name ? name : "", threads ? threads : "");
    int pid = 0, matched = 0;
    unsigned long fields[50] = {0};
    slurp_at(self, "stat");
    char *p = strrchr(buf, ')');
    pid = (int)strtol(buf, NULL, 10);
    say("stat: own %d, %.*s", pid == getpid(), p ? (int)(p - strchr(buf, '(') + 1) : 0, strchr(buf, '('));
    for (p = p ? p + 4 : buf; matched < 49 && *p; matched++) /* from field 4 on */
        fields[matched] = strtoul(p, &p, 10);
    extern char **environ;
    uintptr_t stack = (uintptr_t)&environ, start = fields[28 - 4], data = fields[45 - 4], arg = fields[48 - 4], env = fields[50 - 4];
    (void)stack;
    say("stat: stack near %d", start > (uintptr_t)&stack && start - (uintptr_t)&stack < 1 << 20);
    say("stat: arguments %d environment %d data %d", arg == (uintptr_t)program_invocation_name, env == (uintptr_t)environ[0],
        data && data <= (uintptr_t)&environ + PAGE);
    SHOW(slurp_at(self, "auxv") % 16);
    const uint64_t *aux = (const uint64_t *)(void *)buf;
    bool same = true;
    for (; aux[0]; aux += 2)
        if (aux[0] == AT_PHDR || aux[0] == AT_ENTRY || aux[0] == AT_RANDOM || aux[0] == AT_EXECFN || aux[0] == AT_PAGESZ)
            same &= getauxval(aux[0]) == aux[1];
    say("auxv: same %d", same);
    SHOW(slurp_at(AT_FDCWD, "/proc/cpuinfo") > 100);
    say("processor %d", !strncmp(buf, "processor", 9));
    SHOW(slurp_at(AT_FDCWD, "/proc/self/statm") > 5);
    SHOW(slurp_at(AT_FDCWD, "/proc/self/limits") > 5);
    SHOW(slurp_at(AT_FDCWD, "/proc/self/mountinfo") > 5);
}

static char marked[3 * PAGE] __attribute__((aligned(4096)));

static bool find(const char *file, uintptr_t at, char perms[5], char name[64])
{
    int self = open("/proc/self", O_RDONLY | O_DIRECTORY);
    slurp_at(self, file);
    close(self);
    for (char *line = buf; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char *p;
        uintptr_t start = strtoul(line, &p, 16);
        if (*p != '-')
            continue;
        uintptr_t end = strtoul(p + 1, &p, 16);
        if (at < start || at >= end)
            continue;
        snprintf(perms, 5, "%.4s", p + 1);
        char *eol = strchr(p, '\n');
        *eol = 0;
        snprintf(name, 64, "%s", strrchr(p, ' ') ? strrchr(p, ' ') + 1 : "");
        return true;
    }
    return false;
}

static void mappings(void)
{
    char perms[5], name[64];
    int local;
    mprotect(marked + PAGE, PAGE, PROT_READ);
    char *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const char *files[] = {"maps", "smaps"};
    for (int i = 0; i < 2; i++) {
        say("%s:", files[i]);
        say("code %d %s", find(files[i], (uintptr_t)mappings, perms, name), perms);
        say("data %d %s", find(files[i], (uintptr_t)marked, perms, name), perms);
        say("read-only %d %s", find(files[i], (uintptr_t)marked + PAGE, perms, name), perms);
        say("stack %d %s %s", find(files[i], (uintptr_t)&local, perms, name), perms, name);
        say("heap %d %s %s", find(files[i], (uintptr_t)sbrk(0) - 1, perms, name), perms, name);
        say("shared %d %s", find(files[i], (uintptr_t)shared, perms, name), perms);
        say("nothing %d", find(files[i], 64, perms, name));
        munmap(shared, PAGE);
        say("unmapped %d", find(files[i], (uintptr_t)shared, perms, name));
        shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    }
}

static void memory(void)
{
    int fd = open("/proc/self/mem", O_RDWR);
    char text[8] = "";
    OK(fd);
    memcpy(marked, "marked", 7);
    SHOW(pread(fd, text, 7, (off_t)(uintptr_t)marked));
    say("%s", text);
    SHOW(pwrite(fd, "M", 1, (off_t)(uintptr_t)marked));
    say("%s", marked);
    SHOW(pread(fd, text, 7, 8));
    SHOW(lseek(fd, (off_t)(uintptr_t)marked, SEEK_SET) == (off_t)(uintptr_t)marked);
    SHOW(read(fd, text, 3));
    say("%s", text);
    fd = open("/proc/self/pagemap", O_RDONLY);
    OK(fd);
    uint64_t entry = 0;
    SHOW(pread(fd, &entry, 8, (off_t)((uintptr_t)marked / PAGE * 8)));
    say("present %d", (int)(entry >> 63));
}

static void *named(void *arg)
{
    char path[64];
    enum { GET_TID_ADDRESS = 40 /* PR_GET_TID_ADDRESS, of kernels with checkpoints */ };
    int *at = NULL;
    say("the word that the thread's end clears: %d", prctl(GET_TID_ADDRESS, &at, 0, 0, 0) != 0 || *at == gettid());
    prctl(PR_SET_NAME, "second");
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", (int)gettid());
    slurp_at(AT_FDCWD, path);
    say("task: %s", buf);
    slurp_at(AT_FDCWD, "/proc/thread-self/comm");
    say("thread-self: %s", buf);
    snprintf(path, sizeof path, "/proc/self/task/%d/maps", (int)gettid());
    say("maps of a task %d", slurp_at(AT_FDCWD, path) > 100);
    return arg;
}

/* Another process of this program: what it was started with, and which file it is. */
static void others(void)
{
    char path[64], ready;
    int pipes[2];
    if (pipe(pipes))
        return;
    pid_t pid = fork();
    if (!pid) {
        char fd[16];
        snprintf(fd, sizeof fd, "%d", pipes[1]);
        char *argv[] = {(char *)(uintptr_t) "another", fd, (char *)(uintptr_t) "last one", NULL};
        char *envp[] = {(char *)(uintptr_t) "OTHERS=1", NULL};
        execve("/proc/self/exe", argv, envp);
        _exit(1);
    }
    SHOW(read(pipes[0], &ready, 1));
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    ssize_t n = slurp_at(AT_FDCWD, path);
    say("another's arguments %s, the last %s", buf, n > 9 ? buf + n - 9 : "?");
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    n = slurp_at(AT_FDCWD, path);
    say("environment %d %s", (int)n, buf);
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    exe_by("another's", AT_FDCWD, path);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc > 1 && write((int)strtol(argv[1], NULL, 10), "", 1) == 1)
        for (;;)
            pause();
    texts();
    mappings();
    memory();
    pthread_create(&thread, NULL, named, NULL);
    pthread_join(thread, NULL);
    int fd = open("/dev/null", O_RDONLY);
    char path[64], to[64] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    SHOW(readlink(path, to, sizeof to - 1));
    say("%s", to);
    exes();
    others();
    return 0;
}
