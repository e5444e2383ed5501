/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * `vm binfmt`: lets the kernel start vm-user for programs of other architectures (Linux, Documentation/admin-guide/binfmt-misc.rst). The files
 * below /proc/sys/fs/binfmt_misc are the only ones that it writes. Flags: F the kernel keeps vm-user open, so that it is found in foreign
 * roots; P the program's own name is handed over; O an open program, which also says that nothing on the command line is an option.
 */
#include "app/cli/cli.h"
#include "app/text.h"
#include "base/err.h"
#include "os/file.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLDER "/proc/sys/fs/binfmt_misc"
enum { MAGIC = 20, LINE = 1920 /* the kernel takes no longer ones */, WORKS = 42 };

static const struct format {
    const char *guest, *magic, *mask;
} formats[] = {
#define BINFMT(guest, magic, mask) {guest, magic, mask},
#include "app/cli/binfmt.def"
#undef BINFMT
};

struct request {
    const char *verb, *folder;
    const struct format *format; /* NULL: all */
    bool json, credentials;
};

struct entry { /* as the kernel tells of it */
    bool enabled;
    char interpreter[PATH_MAX], flags[16];
    char magic[2 * 256 + 1], mask[2 * 256 + 1];
    unsigned offset;
};

/* ---- files ---- */

static int write_file(const char *folder, const char *name, const char *text)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return os_file_put(path, text);
}

/* false: there is no such entry. */
static bool read_entry(const char *folder, const char *name, struct entry *e)
{
    char path[PATH_MAX], line[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    *e = (struct entry){.enabled = false};
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        e->enabled |= !strcmp(line, "enabled");
        sscanf(line, "interpreter %4095[^\n]", e->interpreter);
        sscanf(line, "flags: %15s", e->flags);
        sscanf(line, "offset %u", &e->offset);
        sscanf(line, "magic %512s", e->magic);
        sscanf(line, "mask %512s", e->mask);
    }
    if (file)
        fclose(file);
    return file && *e->interpreter;
}

/* Would it take this guest's programs? */
static bool takes(const struct entry *e, const struct format *f)
{
    size_t n = strlen(e->magic) / 2;
    if (!e->enabled || !n || e->offset || n > MAGIC)
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned magic, mask = 0xff;
        if (sscanf(e->magic + 2 * i, "%2x", &magic) != 1 || (*e->mask && sscanf(e->mask + 2 * i, "%2x", &mask) != 1) ||
            ((magic ^ (unsigned char)f->magic[i]) & mask))
            return false;
    }
    return true;
}

static void entry_name(const struct format *f, char name[64]) { snprintf(name, 64, "vm-%s", f->guest); }

/* Other entries that take the same programs; returns their number. */
static unsigned others(const char *folder, const struct format *f, char names[8][64])
{
    DIR *dir = opendir(folder);
    struct dirent *item;
    struct entry e;
    unsigned n = 0;
    char own[64];
    entry_name(f, own);
    while (dir && n < 8 && (item = readdir(dir)))
        if (*item->d_name != '.' && strcmp(item->d_name, own) && strcmp(item->d_name, "register") && strcmp(item->d_name, "status") &&
            strlen(item->d_name) < 64 && read_entry(folder, item->d_name, &e) && takes(&e, f))
            snprintf(names[n++], 64, "%.63s", item->d_name);
    if (dir)
        closedir(dir);
    return n;
}

static bool mounted(const char *folder)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/register", folder);
    return !access(path, F_OK);
}

static int need_folder(const char *folder)
{
    if (mounted(folder) || (!strcmp(folder, FOLDER) && !mount("binfmt_misc", folder, "binfmt_misc", 0, NULL) && mounted(folder)))
        return 0;
    cli_message("binfmt_misc is not mounted at %s: %s; as root: modprobe binfmt_misc, mount -t binfmt_misc binfmt_misc %s", folder,
                strerror(errno), folder);
    return STATUS_unavailable;
}

/* ---- the line that registers ---- */

static bool has_preserve_flag(void) /* the kernel says to the interpreter that P is set since 5.12 */
{
    struct utsname u;
    unsigned major = 0, minor = 0;
    return !uname(&u) && sscanf(u.release, "%u.%u", &major, &minor) == 2 && (major > 5 || (major == 5 && minor >= 12));
}

static void escaped(char out[4 * MAGIC + 1], const char *bytes)
{
    for (int i = 0; i < MAGIC; i++)
        snprintf(out + 4 * i, 5, "\\x%02x", (unsigned char)bytes[i]);
}

static int make_line(const struct request *r, const struct format *f, char line[LINE])
{
    char path[PATH_MAX], name[64], magic[4 * MAGIC + 1], mask[4 * MAGIC + 1];
    int rc = cli_user_path(path);
    if (rc)
        return rc;
    entry_name(f, name);
    if (strchr(path, ':') || strlen(path) > LINE / 2) {
        cli_message("the kernel cannot be told of %s: install vm in a folder with a shorter name and without a colon", path);
        return STATUS_config;
    }
    escaped(magic, f->magic);
    escaped(mask, f->mask);
    snprintf(line, LINE, ":%s:M::%s:%s:%.*s:%sOF%s", name, magic, mask, LINE / 2, path, has_preserve_flag() ? "P" : "",
             r->credentials ? "C" : "");
    return 0;
}

/* ---- verbs ---- */

static int print(const struct request *r, const struct format *f)
{
    char line[LINE];
    int rc = make_line(r, f, line);
    if (!rc)
        puts(line);
    return rc;
}

static int remove_entry(const struct request *r, const struct format *f)
{
    char name[64];
    struct entry e;
    entry_name(f, name);
    if (!read_entry(r->folder, name, &e) || !write_file(r->folder, name, "-1"))
        return 0;
    cli_message("cannot remove %s/%s: %s", r->folder, name, strerror(errno));
    return errno == EACCES || errno == EPERM ? STATUS_permission : STATUS_failed;
}

static int install(const struct request *r, const struct format *f)
{
    char line[LINE], names[8][64];
    int rc = make_line(r, f, line);
    if (!rc)
        rc = need_folder(r->folder);
    if (!rc)
        rc = remove_entry(r, f); /* an older one, perhaps of another vm-user */
    if (rc)
        return rc;
    for (unsigned i = 0, n = others(r->folder, f, names); i < n; i++)
        cli_message("%s takes programs for %s as well; the one that was registered last, vm from now on, runs them", names[i], f->guest);
    if (!write_file(r->folder, "register", line))
        return 0;
    rc = errno == EACCES || errno == EPERM ? STATUS_permission : STATUS_failed;
    cli_message("cannot register with %s: %s%s", r->folder, strerror(errno), rc == STATUS_permission ? "; only root may" : "");
    return rc;
}

/* Runs a program of the guest, riscv64: li a0, 42; li a7, 93 (exit); ecall. */
static bool works(void)
{
    static const uint8_t code[] = {0x13, 0x05, 0xa0, 0x02, 0x93, 0x08, 0xd0, 0x05, 0x73, 0, 0, 0};
    uint8_t elf[120 + sizeof code] = {0x7f, 'E', 'L', 'F', 2, 1, 1, [16] = 2, [18] = 243, [20] = 1, [24] = 120, [26] = 1, [32] = 64};
    static const uint8_t segment[56] = {1, 0, 0, 0, 5, [18] = 1, [26] = 1, [32] = 120 + sizeof code, [40] = 120 + sizeof code, [49] = 16};
    int status = 0, fd = memfd_create("vm-binfmt", 0);
    elf[52] = 64; /* sizes of both headers, one segment */
    elf[54] = 56;
    elf[56] = 1;
    memcpy(elf + 64, segment, sizeof segment);
    memcpy(elf + 120, code, sizeof code);
    if (fd < 0 || write(fd, elf, sizeof elf) != sizeof elf)
        return false;
    fflush(NULL);
    pid_t pid = fork();
    if (!pid) {
        fexecve(fd, (char *[]){(char[]){"vm-binfmt"}, NULL}, (char *[]){NULL});
        _exit(127);
    }
    bool good = pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == WORKS;
    close(fd);
    return good;
}

static void status_text(const struct format *f, const struct entry *e, bool there, bool good, char names[8][64], unsigned n)
{
    if (there)
        printf("%s: registered, %s, run by %s (flags %s)\n", f->guest, e->enabled ? "enabled" : "disabled", e->interpreter, e->flags);
    else
        printf("%s: not registered; 'vm binfmt install' does it\n", f->guest);
    for (unsigned i = 0; i < n; i++)
        printf("%s: %s takes the same programs%s\n", f->guest, names[i], there ? ", and the one registered last runs them" : "");
    printf("%s: programs %s\n", f->guest, good ? "run" : "do not run");
}

static void status_json(const struct format *f, const struct entry *e, bool there, bool good, char names[8][64], unsigned n)
{
    printf("{\"guest\":\"%s\",\"registered\":%s,\"enabled\":%s,\"interpreter\":", f->guest, there ? "true" : "false",
           e->enabled ? "true" : "false");
    app_print_json_string(stdout, e->interpreter);
    printf(",\"flags\":\"%s\",\"works\":%s,\"others\":[", e->flags, good ? "true" : "false");
    for (unsigned i = 0; i < n; i++) {
        fputs(i ? "," : "", stdout);
        app_print_json_string(stdout, names[i]);
    }
    puts("]}");
}

static int status(const struct request *r, const struct format *f)
{
    char name[64], names[8][64];
    struct entry e;
    entry_name(f, name);
    bool there = read_entry(r->folder, name, &e), good = works();
    (r->json ? status_json : status_text)(f, &e, there, good, names, others(r->folder, f, names));
    return 0;
}

/* ---- command line ---- */

const struct cli_option cli_binfmt_options[] = {
    {"json", NULL, "with status: one object on a line for each guest", NULL},
    {"credentials", NULL, "with install and print: set-user-ID programs get their rights, and vm-user with them (flag C)", NULL},
    {"folder", "DIR", "where binfmt_misc is mounted, instead of " FOLDER, "/tmp/fake"},
    {NULL, NULL, NULL, NULL},
};

static const struct verb {
    const char *name;
    int (*run)(const struct request *r, const struct format *f);
} verbs[] = {{"install", install}, {"remove", remove_entry}, {"status", status}, {"print", print}};

static const struct format *find_format(const char *guest)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (!strcmp(formats[i].guest, guest))
            return &formats[i];
    return NULL;
}

static int parse(struct request *r, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (!strcmp(word, "--json"))
            r->json = true;
        else if (!strcmp(word, "--credentials"))
            r->credentials = true;
        else if (!strcmp(word, "--folder") && i + 1 < argc)
            r->folder = argv[++i];
        else if (!strncmp(word, "--folder=", 9))
            r->folder = word + 9;
        else if (*word == '-')
            return cli_usage("binfmt does not take '%.80s'", word);
        else if (!r->verb)
            r->verb = word;
        else if (r->format || !(r->format = find_format(word)))
            return cli_usage("binfmt knows no guest '%.80s'; there is: riscv64", word);
    }
    return r->verb ? 0 : cli_usage("binfmt takes install, remove, status or print");
}

int cli_binfmt(int argc, char **argv)
{
    struct request r = {.folder = FOLDER};
    int rc = parse(&r, argc, argv);
    const struct verb *verb = verbs;
    while (!rc && verb < verbs + sizeof verbs / sizeof *verbs && strcmp(verb->name, r.verb))
        verb++;
    if (!rc && verb == verbs + sizeof verbs / sizeof *verbs)
        return cli_usage("binfmt does not know '%.80s': install, remove, status or print", r.verb);
    if (!rc && r.json && verb->run != status)
        return cli_usage("--json is for status");
    for (size_t i = 0; !rc && i < sizeof formats / sizeof *formats; i++)
        if (!r.format || r.format == &formats[i])
            rc = verb->run(&r, &formats[i]);
    return rc;
}
