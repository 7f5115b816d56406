/* os_zygote.c: the zygote and its workers from within: what they give up before they work.
 * They ignore the signals that end a server: its terminal or service manager sends those to all
 * processes at once, and the server still needs them while it drains. They end when the server's
 * end of their socket closes, at the latest when it dies. */
#include "os_worker_in.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum {
    FD_SOCKET = 3, /* where every worker has its two */
    FD_FILE   = 4,
    FD_FREE   = 5,
    FD_ASIDE  = 16, /* above all that we use */
    FILES_MAX = 8,

    SPACE_GUESS = 512 << 20 /* where there is no /proc */
};

/* Standard streams lead nowhere; a sanitizer keeps its way to say what it found. */
static void close_streams(void)
{
    int null = open("/dev/null", O_RDWR);

    if (null < 0)
        return;
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
    if (!SANITIZED)
        (void)dup2(null, STDERR_FILENO);
    if (null > STDERR_FILENO)
        (void)close(null);
}

static void set_limit(__rlimit_resource_t which, uint64_t value)
{
    struct rlimit limit = { value, value };

    (void)setrlimit(which, &limit);
}

/* Address space in use: what the program itself takes. */
static uint64_t space_bytes(void)
{
    char    text[64] = { 0 };
    int     fd       = open("/proc/self/statm", O_RDONLY);
    ssize_t n        = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;

    if (fd >= 0)
        (void)close(fd);
    return n > 0 ? strtoull(text, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : SPACE_GUESS;
}

static void set_limits(const struct os_worker_limits *limits)
{
    set_limit(RLIMIT_CORE, 0);
    set_limit(RLIMIT_CPU, limits->cpu_s);
    set_limit(RLIMIT_NOFILE, FILES_MAX);
    set_limit(RLIMIT_NPROC, 0);
    if (SANITIZED)
        return; /* their shadow is terabytes; their reports are files */
    set_limit(RLIMIT_AS, space_bytes() + limits->memory_bytes);
    set_limit(RLIMIT_FSIZE, 0);
}

/* The kernel, out of memory, takes workers before the server. */
static void prefer_for_oom(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY);

    if (fd < 0)
        return;
    if (write(fd, "800", 3) < 0)
        errno = 0; /* a kernel without: no matter */
    (void)close(fd);
}

/* All that computing on memory takes. Nothing that names a file, a socket or a process. */
static bool allow_calls(scmp_filter_ctx filter)
{
    static const int calls[] = {
        SCMP_SYS(read),
        SCMP_SYS(write),
        SCMP_SYS(recvmsg),
        SCMP_SYS(sendmsg),
        SCMP_SYS(munmap),
        SCMP_SYS(mremap),
        SCMP_SYS(madvise),
        SCMP_SYS(brk),
        SCMP_SYS(futex),
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(sigaltstack),
        SCMP_SYS(clock_gettime),
        SCMP_SYS(gettimeofday),
        SCMP_SYS(clock_nanosleep),
        SCMP_SYS(nanosleep),
        SCMP_SYS(sched_yield),
        SCMP_SYS(getrandom),
        SCMP_SYS(restart_syscall),
        SCMP_SYS(getpid),
        SCMP_SYS(gettid),
        SCMP_SYS(sched_getaffinity),
    };
    static const int no_code[] = { SCMP_SYS(mmap), SCMP_SYS(mprotect) };

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0) < 0)
            return false;
    for (size_t i = 0; i < sizeof no_code / sizeof *no_code; i++)
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, no_code[i], 1,
                             SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) < 0)
            return false;
    return true;
}

/* From here on every other system call is the process's last. False: no seccomp here. */
static bool confine(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    bool            done   = filter != NULL && allow_calls(filter) && seccomp_load(filter) == 0;

    seccomp_release(filter);
    return done;
}

static _Noreturn void worker_main(int socket, int file, pid_t zygote,
                                  const struct os_worker_limits *limits, os_worker_main *main,
                                  void *ctx)
{
    struct os_worker_self self = { .socket = FD_SOCKET, .file = FD_FILE };
    struct worker_hello   hello;

    (void)prctl(PR_SET_NAME, "codec");
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != zygote)
        _exit(0);
    socket = fcntl(socket, F_DUPFD, FD_ASIDE);
    file   = fcntl(file, F_DUPFD, FD_ASIDE);
    if (dup2(socket, FD_SOCKET) < 0 || dup2(file, FD_FILE) < 0 || close_range(FD_FREE, ~0U, 0) < 0)
        _exit(1);
    int process = pidfd_open(getpid(), 0);
    prefer_for_oom();
    set_limits(limits);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    hello.confined = confine();
    if (os_worker_send(FD_SOCKET, &hello, sizeof hello, &process, process >= 0))
        main(ctx, &self);
    _exit(0);
}

_Noreturn void os_zygote_main(int socket, const struct os_worker_limits *limits,
                              void (*prepare)(void), os_worker_main *main, void *ctx)
{
    unsigned  asked     = 0;
    const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD };
    char      word;
    int       fds[WORKER_FDS];
    size_t    count;
    pid_t     self = getpid();

    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        (void)signal(ignored[i], SIG_IGN); /* SIGCHLD: the dead are not waited for */
    (void)prctl(PR_SET_NAME, "codec-zygote");
    socket = fcntl(socket, F_DUPFD, FD_ASIDE); /* it may be one of the standard streams */
    close_streams();
    if (dup2(socket, FD_SOCKET) < 0 || close_range(FD_FILE, ~0U, 0) < 0)
        _exit(1);
    while (os_worker_receive(FD_SOCKET, &word, 1, 0, fds, &count) > 0) {
        if (count == WORKER_FDS && ++asked == 2 && prepare != NULL)
            prepare();
        if (count == WORKER_FDS && fork() == 0)
            worker_main(fds[0], fds[1], self, limits, main, ctx);
        for (size_t i = 0; i < count; i++)
            (void)close(fds[i]);
    }
    _exit(0);
}

/* ---- what a worker calls ---- */

bool os_worker_next(struct os_worker_self *self, void *ptr, size_t len)
{
    return os_worker_receive(self->socket, ptr, len, 0, NULL, NULL) == (ssize_t)len;
}

bool os_worker_map(struct os_worker_self *self, size_t shared_bytes)
{
    void *at;

    if (shared_bytes == self->shared_bytes)
        return true;
    if (self->shared == NULL)
        at = mmap(NULL, shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, self->file, 0);
    else
        at = mremap(self->shared, self->shared_bytes, shared_bytes, MREMAP_MAYMOVE);
    if (at == MAP_FAILED)
        return false;
    self->shared       = at;
    self->shared_bytes = shared_bytes;
    return true;
}

bool os_worker_answer(struct os_worker_self *self, const void *ptr, size_t len)
{
    return os_worker_send(self->socket, ptr, len, NULL, 0);
}

void os_worker_rest(void)
{
    (void)malloc_trim(0);
}
