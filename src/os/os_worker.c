/* os_worker.c: our side of zygote and workers: sockets, shared memory, deadlines.
 * Messages are records of a SEQPACKET socket. The zygote gets the worker's two descriptors, forks,
 * and forgets them. The worker says hello on its own socket, with a pidfd of itself attached: so
 * starting one needs no lock, and a worker that died before is seen by the end of its socket. */
#include "os_worker.h"

#include "os_clock.h"
#include "os_worker_in.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SHARED_STEP = 1 << 20 };

struct os_zygote {
    int   socket;
    pid_t pid;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* ---- records with descriptors ---- */

bool os_worker_send(int fd, const void *ptr, size_t len, const int *fds, size_t count)
{
    union {
        struct cmsghdr align;
        char           bytes[CMSG_SPACE(WORKER_FDS * sizeof(int))];
    } control          = { 0 };
    struct iovec  part = { (void *)(uintptr_t)ptr, len };
    struct msghdr msg  = { .msg_iov = &part, .msg_iovlen = 1 };
    ssize_t       n;

    if (count > 0) {
        msg.msg_control      = &control;
        msg.msg_controllen   = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
        head->cmsg_level     = SOL_SOCKET;
        head->cmsg_type      = SCM_RIGHTS;
        head->cmsg_len       = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(head), fds, count * sizeof(int));
    }
    while ((n = sendmsg(fd, &msg, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        ;
    return n == (ssize_t)len;
}

ssize_t os_worker_receive(int fd, void *ptr, size_t cap, int flags, int fds[WORKER_FDS],
                          size_t *count)
{
    union {
        struct cmsghdr align;
        char           bytes[CMSG_SPACE(WORKER_FDS * sizeof(int))];
    } control;
    struct iovec  part = { ptr, cap };
    struct msghdr msg  = { .msg_iov = &part, .msg_iovlen = 1 };
    ssize_t       n;

    if (count != NULL) {
        *count             = 0;
        msg.msg_control    = &control;
        msg.msg_controllen = sizeof control;
    }
    while ((n = recvmsg(fd, &msg, flags | MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
        ;
    if (n < 0 || count == NULL)
        return n;
    struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
    if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
        *count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(head), *count * sizeof(int));
    }
    return n;
}

/* ---- the zygote ---- */

int os_zygote_new(const struct os_worker_limits *limits, void (*prepare)(void),
                  os_worker_main *main, void *ctx, struct os_zygote **out, struct iso_err *err)
{
    struct os_zygote *zygote = calloc(1, sizeof *zygote);
    int               pair[2];

    if (zygote == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        free(zygote);
        return iso_fail(err, ISO_EIO, "a socket pair: %s", strerror(errno));
    }
    zygote->pid = fork();
    if (zygote->pid == 0)
        os_zygote_main(pair[1], limits, prepare, main, ctx); /* does not return */
    (void)close(pair[1]);
    zygote->socket = pair[0];
    if (zygote->pid < 0) {
        int why = errno;
        (void)close(pair[0]);
        free(zygote);
        return iso_fail(err, ISO_EBUSY, "fork: %s", strerror(why));
    }
    *out = zygote;
    return ISO_OK;
}

void os_zygote_free(struct os_zygote *zygote)
{
    if (zygote == NULL)
        return;
    (void)close(zygote->socket); /* which it waits on */
    while (waitpid(zygote->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    free(zygote);
}

/* ---- one worker ---- */

/* Its size can only grow, and by us alone: shrinking would be a SIGBUS for whoever reads it. */
static int make_shared(struct os_worker *worker, struct iso_err *err)
{
    worker->file = memfd_create("frames", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (worker->file < 0 || fcntl(worker->file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return iso_fail(err, ISO_EBUSY, "shared memory: %s", strerror(errno));
    return os_worker_room(worker, SHARED_STEP, err);
}

/* Waits for one record. */
static int wait_readable(int fd, int64_t deadline_ms, struct iso_err *err)
{
    for (;;) {
        int64_t       left = deadline_ms - os_now_ms();
        struct pollfd p    = { .fd = fd, .events = POLLIN };

        if (left < 0)
            left = 0;
        int n = poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left);
        if (n > 0)
            return ISO_OK;
        if (n < 0 && errno != EINTR)
            return iso_fail(err, ISO_EIO, "poll: %s", strerror(errno));
        if (n == 0 && left < INT32_MAX)
            return iso_fail(err, ISO_ETIMEOUT, "no answer in time");
    }
}

static int hear_hello(struct os_worker *worker, int64_t deadline_ms, struct iso_err *err)
{
    struct worker_hello hello;
    int                 fds[WORKER_FDS];
    size_t              count;
    int                 rc = wait_readable(worker->socket, deadline_ms, err);

    if (rc < 0)
        return iso_wrap(err, rc, "a new worker process");
    ssize_t n = os_worker_receive(worker->socket, &hello, sizeof hello, 0, fds, &count);
    if (count > 0)
        worker->process = fds[0];
    if (n != sizeof hello)
        return iso_fail(err, ISO_EIO, "a worker process could not be started");
    worker->confined = hello.confined != 0;
    return ISO_OK;
}

int os_worker_start(struct os_zygote *zygote, int64_t deadline_ms, struct os_worker *out,
                    struct iso_err *err)
{
    struct os_worker worker  = { .socket = -1, .process = -1, .file = -1 };
    int              pair[2] = { -1, -1 };
    int              rc      = make_shared(&worker, err);

    if (rc == ISO_OK && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        rc = iso_fail(err, ISO_EBUSY, "a socket pair: %s", strerror(errno));
    worker.socket = pair[0];
    if (rc == ISO_OK) {
        const int fds[WORKER_FDS] = { pair[1], worker.file };
        if (!os_worker_send(zygote->socket, "w", 1, fds, WORKER_FDS))
            rc = iso_fail(err, ISO_EIO, "the process that starts workers is gone: %s",
                          strerror(errno));
    }
    close_fd(&pair[1]); /* from here on the worker's end is its alone: we see it end */
    if (rc == ISO_OK)
        rc = hear_hello(&worker, deadline_ms, err);
    if (rc < 0)
        os_worker_end(&worker);
    else
        *out = worker;
    return rc;
}

void os_worker_end(struct os_worker *worker)
{
    if (worker->process >= 0)
        (void)pidfd_send_signal(worker->process, SIGKILL, NULL, 0);
    if (worker->shared != NULL)
        (void)munmap(worker->shared, worker->shared_bytes);
    worker->shared = NULL;
    close_fd(&worker->process);
    close_fd(&worker->socket);
    close_fd(&worker->file);
}

int os_worker_room(struct os_worker *worker, size_t bytes, struct iso_err *err)
{
    size_t size;
    void  *at;

    if (bytes <= worker->shared_bytes)
        return ISO_OK;
    if (!iso_add(bytes, SHARED_STEP - 1, &size))
        return iso_fail(err, ISO_ELIMIT, "%zu bytes of shared memory", bytes);
    size -= size % SHARED_STEP;
    if (ftruncate(worker->file, (off_t)size) < 0)
        return iso_fail(err, ISO_EBUSY, "%zu bytes of shared memory: %s", size, strerror(errno));
    if (worker->shared == NULL)
        at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, worker->file, 0);
    else
        at = mremap(worker->shared, worker->shared_bytes, size, MREMAP_MAYMOVE);
    if (at == MAP_FAILED)
        return iso_fail(err, ISO_EBUSY, "%zu bytes of shared memory: %s", size, strerror(errno));
    worker->shared       = at;
    worker->shared_bytes = size;
    return ISO_OK;
}

void os_worker_trim(struct os_worker *worker, size_t keep_bytes)
{
    if (keep_bytes < worker->shared_bytes)
        (void)fallocate(worker->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)keep_bytes,
                        (off_t)(worker->shared_bytes - keep_bytes));
}

int os_worker_ask(struct os_worker *worker, const void *ptr, size_t len, struct iso_err *err)
{
    if (!os_worker_send(worker->socket, ptr, len, NULL, 0))
        return iso_fail(err, ISO_ECLOSED, "the worker process is gone");
    return ISO_OK;
}

int os_worker_hear(struct os_worker *worker, void *ptr, size_t len, int64_t deadline_ms,
                   struct iso_err *err)
{
    int rc = wait_readable(worker->socket, deadline_ms, err);

    if (rc < 0)
        return rc;
    ssize_t n = os_worker_receive(worker->socket, ptr, len, MSG_TRUNC | MSG_DONTWAIT, NULL, NULL);
    if (n <= 0)
        return iso_fail(err, ISO_ECLOSED, "the worker process died");
    if ((size_t)n != len)
        return iso_fail(err, ISO_EPROTO, "the worker process broke the protocol");
    return ISO_OK;
}
