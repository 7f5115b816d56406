/* os_filter.c: fork, confine, execute. Between fork and execution only what is safe in the child of a
 * program with threads: system calls on values made before. The seccomp filter is made once; it
 * refuses the calls that a program of this kind never needs, with EPERM, so that a library which
 * tries goes on without. */
#include "os_filter.h"

#include "os_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROGRAM_BYTES_MAX = 8192, PIPE_STEP = 64 << 10, FILES_MAX = 64 };

bool os_filter_find(const char *name, char *path, size_t cap)
{
    static const char *const folders[] = { "/usr/local/bin", "/usr/bin", "/bin" };

    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        int n = snprintf(path, cap, "%s/%s", folders[i], name);

        if (n > 0 && (size_t)n < cap && access(path, X_OK) == 0)
            return true;
    }
    return false;
}

/* ---- confinement ---- */

static pthread_once_t     once = PTHREAD_ONCE_INIT;
static struct sock_filter program[PROGRAM_BYTES_MAX / sizeof(struct sock_filter)];
static struct sock_fprog  seccomp = { 0, program };

static const int refused[] = {
    SCMP_SYS(socket),
    SCMP_SYS(socketpair),
    SCMP_SYS(connect),
    SCMP_SYS(bind),
    SCMP_SYS(listen),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(kill),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(bpf),
    SCMP_SYS(mount),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(keyctl),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(pidfd_open),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(link),
    SCMP_SYS(linkat),
    SCMP_SYS(symlink),
    SCMP_SYS(symlinkat),
    SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),
    SCMP_SYS(rmdir),
    SCMP_SYS(chmod),
    SCMP_SYS(fchmod),
    SCMP_SYS(fchmodat),
    SCMP_SYS(chown),
    SCMP_SYS(fchown),
    SCMP_SYS(fchownat),
    SCMP_SYS(truncate),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    SCMP_SYS(setxattr),
};

/* libseccomp writes its filter to a file; the child needs it in memory. */
static void make_program(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int             fd     = filter != NULL ? memfd_create("filter", MFD_CLOEXEC) : -1;
    bool            fine   = fd >= 0;
    ssize_t         n;

    for (size_t i = 0; fine && i < sizeof refused / sizeof *refused; i++)
        fine = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0) == 0;
    /* files are opened for reading only */
    for (unsigned flag = 0; fine && flag < 4; flag++) {
        static const unsigned bits[] = { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC };

        fine = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(open), 1,
                                SCMP_A1(SCMP_CMP_MASKED_EQ, bits[flag], bits[flag])) == 0 &&
               seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(openat), 1,
                                SCMP_A2(SCMP_CMP_MASKED_EQ, bits[flag], bits[flag])) == 0;
    }
    if (fine && seccomp_export_bpf(filter, fd) == 0 &&
        (n = pread(fd, program, sizeof program, 0)) > 0 && (size_t)n < sizeof program)
        seccomp.len = (unsigned short)((size_t)n / sizeof *program);
    if (fd >= 0)
        (void)close(fd);
    seccomp_release(filter);
}

/* What may be read and executed; -1: this kernel has no Landlock. */
static int make_ruleset(void)
{
    static const char *const folders[] = {
        "/usr",
        "/lib",
        "/lib64",
        "/bin",
        "/etc/fonts",
        "/etc/ld.so.cache",
        "/var/cache/fontconfig",
        "/dev/null",
        "/dev/urandom",
    };
    const struct landlock_ruleset_attr attr = { .handled_access_fs = 0x1fff };
    int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);

    for (size_t i = 0; fd >= 0 && i < sizeof folders / sizeof *folders; i++) {
        struct landlock_path_beneath_attr rule = { .parent_fd =
                                                       open(folders[i], O_PATH | O_CLOEXEC) };
        struct stat                       st;

        if (rule.parent_fd < 0)
            continue;
        rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE;
        if (fstat(rule.parent_fd, &st) == 0 && S_ISDIR(st.st_mode))
            rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
        (void)syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
        (void)close(rule.parent_fd);
    }
    return fd;
}

static void limit(int what, uint64_t value)
{
    const struct rlimit l = { value, value };

    (void)setrlimit((__rlimit_resource_t)what, &l);
}

/* The child. Does not return. */
static void become(const char *path, const char *const argv[], const int in[2], const int out[2],
                   int ruleset, const struct os_filter_limits *limits)
{
    static char *const environment[] = { "PATH=/usr/bin:/bin", "HOME=/nonexistent", "LANG=C.UTF-8",
                                         NULL };
    sigset_t           none;
    int                null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    (void)setsid();
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(in[0], STDIN_FILENO) < 0 || dup2(out[1], STDOUT_FILENO) < 0 ||
        dup2(null, STDERR_FILENO) < 0)
        _exit(126);
    limit(RLIMIT_AS, limits->memory_bytes);
    limit(RLIMIT_CPU, limits->cpu_s);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, FILES_MAX);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        _exit(126);
    if (ruleset >= 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        _exit(126);
    if (seccomp.len > 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &seccomp) != 0)
        _exit(126);
    (void)syscall(SYS_close_range, 3, ~0u, 0);
    (void)execve(path, (char *const *)(uintptr_t)argv, environment);
    _exit(127);
}

/* ---- the conversation ---- */

static void close_end(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* Sends what fits in; a program that reads no more has enough. */
static void feed(int *fd, iso_bytes *in)
{
    ssize_t n = send(*fd, in->ptr, in->len < PIPE_STEP ? in->len : PIPE_STEP, MSG_NOSIGNAL);

    if (n > 0)
        *in = iso_bytes_of(in->ptr + n, in->len - (size_t)n);
    if (in->len == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        close_end(fd);
}

/* ISO_EEND: it has said all. */
static int drain(int fd, struct iso_buf *out, struct iso_err *err)
{
    ssize_t n;

    if (iso_buf_reserve(out, PIPE_STEP) < 0)
        return iso_buf_check(out, err);
    n = read(fd, out->ptr + out->len, PIPE_STEP);
    if (n > 0)
        out->len += (size_t)n;
    if (n == 0)
        return ISO_EEND;
    return n > 0 || errno == EAGAIN || errno == EINTR
               ? ISO_OK
               : iso_fail(err, ISO_EIO, "%s", strerror(errno));
}

static int talk(int *to, int from, iso_bytes in, int64_t until_ms, struct iso_buf *out,
                struct iso_err *err)
{
    int rc = ISO_OK;

    while (rc == ISO_OK) {
        struct pollfd p[2] = { { from, POLLIN, 0 }, { *to, POLLOUT, 0 } };
        int64_t       left = until_ms - os_now_ms();

        if (left <= 0)
            return iso_fail(err, ISO_ETIMEOUT, "it takes too long");
        if (poll(p, *to >= 0 ? 2 : 1, left > 1000 ? 1000 : (int)left) < 0 && errno != EINTR)
            return iso_fail(err, ISO_EIO, "poll: %s", strerror(errno));
        if (*to >= 0 && p[1].revents != 0)
            feed(to, &in);
        if (p[0].revents != 0)
            rc = drain(from, out, err);
    }
    return rc == ISO_EEND ? ISO_OK : rc;
}

/* Its end; it is killed if it does not come to one by itself. */
static int finish(pid_t pid, bool kill_it, int64_t until_ms, struct iso_err *err)
{
    int   status = 0;
    pid_t ended  = 0;

    while (!kill_it && (ended = waitpid(pid, &status, WNOHANG)) == 0) {
        kill_it = os_now_ms() >= until_ms;
        os_sleep_ms(1);
    }
    if (kill_it && ended == 0) {
        (void)kill(-pid, SIGKILL); /* it leads a group of its own */
        (void)kill(pid, SIGKILL);  /* or did not come that far */
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return ISO_OK;
    return WIFSIGNALED(status) ? iso_fail(err, ISO_EIO, "it ended by signal %d", WTERMSIG(status))
                               : iso_fail(err, ISO_EIO, "it ended with %d", WEXITSTATUS(status));
}

int os_filter(const char *path, const char *const argv[], iso_bytes in,
              const struct os_filter_limits *limits, struct iso_buf *out, struct iso_err *err)
{
    int64_t until_ms = os_now_ms() + limits->deadline_ms;
    int     to[2] = { -1, -1 }, from[2] = { -1, -1 };
    int     rc      = ISO_OK;
    int     ruleset = -1;

    (void)pthread_once(&once, make_program);
    /* a socket, since who writes to a pipe that nobody reads gets a signal */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, to) < 0 || pipe2(from, O_CLOEXEC) < 0 ||
        fcntl(to[1], F_SETFL, O_NONBLOCK) < 0 || fcntl(from[0], F_SETFL, O_NONBLOCK) < 0) {
        rc = iso_fail(err, ISO_EIO, "a pipe: %s", strerror(errno));
    } else {
        ruleset   = make_ruleset();
        pid_t pid = fork();
        if (pid == 0)
            become(path, argv, to, from, ruleset, limits);
        close_end(&to[0]);
        close_end(&from[1]);
        if (pid < 0) {
            rc = iso_fail(err, ISO_EIO, "fork: %s", strerror(errno));
        } else {
            struct iso_err why = { 0 };

            rc        = talk(&to[1], from[0], in, until_ms, out, err);
            int ended = finish(pid, rc < 0, until_ms, rc < 0 ? &why : err);
            rc        = rc < 0 ? rc : ended;
        }
    }
    close_end(&to[0]), close_end(&to[1]), close_end(&from[0]), close_end(&from[1]);
    close_end(&ruleset);
    return rc < 0 ? iso_wrap(err, rc, "%s", argv[0]) : ISO_OK;
}
