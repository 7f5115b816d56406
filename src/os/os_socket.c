#include "os_socket.h"

#include "os_clock.h"
#include "os_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SEND_PARTS_MAX = 64, BACKLOG = 512 };

static int fail(struct iso_err *err, const char *what)
{
    int number = errno;
    int code   = ISO_EIO;

    if (number == ECONNRESET || number == EPIPE || number == ENOTCONN)
        code = ISO_ECLOSED;
    else if (number == ECONNREFUSED || number == EHOSTUNREACH || number == ENETUNREACH)
        code = ISO_EREFUSED;
    else if (number == ETIMEDOUT)
        code = ISO_ETIMEOUT;
    else if (number == EMFILE || number == ENFILE)
        code = ISO_EBUSY;
    return iso_fail(err, code, "%s: %s", what, strerror(number));
}

/* ISO_OK when events are there, or the connection has ended: the next call tells which. */
static int wait_for(int fd, short events, int64_t deadline_ms, struct iso_err *err)
{
    for (;;) {
        struct pollfd p    = { .fd = fd, .events = events };
        int64_t       left = deadline_ms == OS_FOREVER ? -1 : deadline_ms - os_now_ms();

        if (deadline_ms != OS_FOREVER && left < 0)
            left = 0;
        if (left > 3600000)
            left = 3600000;
        int n = poll(&p, 1, (int)left);
        if (n > 0)
            return ISO_OK;
        if (n < 0 && errno != EINTR)
            return fail(err, "wait for the peer");
        if (n == 0 && deadline_ms != OS_FOREVER && os_now_ms() >= deadline_ms)
            return iso_fail(err, ISO_ETIMEOUT, "the peer did not answer in time");
    }
}

static void tune(int fd)
{
    int on = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

static void name_address(const struct sockaddr_storage *from, socklen_t len, struct os_address *out)
{
    char service[8] = "0";

    memset(out, 0, sizeof *out);
    if (getnameinfo((const struct sockaddr *)from, len, out->host, sizeof out->host, service,
                    sizeof service, NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        uint64_t port = 0;
        (void)iso_str_to_u64(iso_str_c(service), &port);
        out->port = (uint16_t)port;
    }
}

static int resolve(const char *host, uint16_t port, int flags, struct addrinfo **list,
                   struct iso_err *err)
{
    struct addrinfo hints = { .ai_family   = AF_UNSPEC,
                              .ai_socktype = SOCK_STREAM,
                              .ai_flags    = flags | AI_NUMERICSERV };
    char            service[8];

    (void)snprintf(service, sizeof service, "%u", port);
    int rc = getaddrinfo(host, service, &hints, list);
    if (rc != 0)
        return iso_fail(err, ISO_ENOENT, "address %s: %s", host, gai_strerror(rc));
    return ISO_OK;
}

int os_listen(const char *host, uint16_t port, int *fd, struct os_address *bound,
              struct iso_err *err)
{
    struct addrinfo        *list;
    struct sockaddr_storage name;
    socklen_t               len = sizeof name;
    int                     on  = 1;
    int                     rc  = resolve(host, port, AI_PASSIVE, &list, err);

    if (rc < 0)
        return rc;
    int s = socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0 || setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(s, list->ai_addr, list->ai_addrlen) < 0 || listen(s, BACKLOG) < 0 ||
        getsockname(s, (struct sockaddr *)&name, &len) < 0) {
        rc = fail(err, "listen");
        rc = iso_wrap(err, rc, "%s port %u", host, port);
        os_close(s);
    } else {
        name_address(&name, len, bound);
        *fd = s;
    }
    freeaddrinfo(list);
    return rc;
}

int os_accept(int listener, int64_t deadline_ms, int *fd, struct os_address *peer,
              struct iso_err *err)
{
    for (;;) {
        struct sockaddr_storage name;
        socklen_t               len = sizeof name;
        int s = accept4(listener, (struct sockaddr *)&name, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (s >= 0) {
            tune(s);
            name_address(&name, len, peer);
            *fd = s;
            return ISO_OK;
        }
        if (errno == EAGAIN) {
            int rc = wait_for(listener, POLLIN, deadline_ms, err);
            if (rc < 0)
                return rc;
        } else if (errno == EINVAL) {
            return iso_fail(err, ISO_ECLOSED, "the listener was shut down");
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return fail(err, "accept");
        }
    }
}

static int connect_one(const struct addrinfo *to, int64_t deadline_ms, int *fd, struct iso_err *err)
{
    int       rc     = ISO_OK;
    int       number = 0;
    socklen_t len    = sizeof number;
    int       s      = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (s < 0)
        return fail(err, "socket");
    if (connect(s, to->ai_addr, to->ai_addrlen) < 0) {
        if (errno != EINPROGRESS)
            rc = fail(err, "connect");
        else if ((rc = wait_for(s, POLLOUT, deadline_ms, err)) == ISO_OK) {
            (void)getsockopt(s, SOL_SOCKET, SO_ERROR, &number, &len);
            errno = number;
            if (number != 0)
                rc = fail(err, "connect");
        }
    }
    if (rc < 0) {
        os_close(s);
        return rc;
    }
    tune(s);
    *fd = s;
    return ISO_OK;
}

int os_connect(const char *host, uint16_t port, int64_t deadline_ms, int *fd, struct iso_err *err)
{
    struct addrinfo *list;
    int              rc = resolve(host, port, 0, &list, err);

    if (rc < 0)
        return rc;
    for (const struct addrinfo *to = list; to != NULL; to = to->ai_next)
        if ((rc = connect_one(to, deadline_ms, fd, err)) == ISO_OK)
            break;
    freeaddrinfo(list);
    return rc < 0 ? iso_wrap(err, rc, "%s port %u", host, port) : ISO_OK;
}

bool os_is_loopback(const char *host)
{
    struct in6_addr six;
    struct in_addr  four;

    if (strcmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

/* A receive has failed: ISO_OK when it is to be tried again. */
static int receive_again(int fd, int64_t deadline_ms, struct iso_err *err)
{
    int on = 1;

    if (errno == EINTR)
        return ISO_OK;
    if (errno != EAGAIN)
        return fail(err, "receive");
    /* Everything has been read, so the peer may be waiting for our acknowledgement. Linux forgets
     * the setting after a while: say it again whenever it matters. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    return wait_for(fd, POLLIN, deadline_ms, err);
}

int64_t os_receive(int fd, void *ptr, size_t cap, int64_t deadline_ms, struct iso_err *err)
{
    for (;;) {
        ssize_t n = recv(fd, ptr, cap, 0);

        if (n >= 0)
            return n;
        int rc = receive_again(fd, deadline_ms, err);
        if (rc < 0)
            return rc;
    }
}

int64_t os_receive_two(int fd, void *first, size_t first_cap, void *second, size_t second_cap,
                       int64_t deadline_ms, struct iso_err *err)
{
    for (;;) {
        struct iovec  iov[] = { { first, first_cap }, { second, second_cap } };
        struct msghdr msg   = { .msg_iov = iov, .msg_iovlen = 2 };
        ssize_t       n     = recvmsg(fd, &msg, 0);

        if (n >= 0)
            return n;
        int rc = receive_again(fd, deadline_ms, err);
        if (rc < 0)
            return rc;
    }
}

int os_send(int fd, const iso_bytes *parts, size_t count, int64_t deadline_ms, struct iso_err *err)
{
    struct iovec iov[SEND_PARTS_MAX];
    size_t       first = 0;

    if (count > SEND_PARTS_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d parts in one send", SEND_PARTS_MAX);
    for (size_t i = 0; i < count; i++)
        iov[i] = (struct iovec){ (void *)(uintptr_t)parts[i].ptr, parts[i].len };
    while (first < count) {
        struct msghdr msg = { .msg_iov = iov + first, .msg_iovlen = count - first };
        ssize_t       n   = sendmsg(fd, &msg, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN) {
            int rc = wait_for(fd, POLLOUT, deadline_ms, err);
            if (rc < 0)
                return rc;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(err, "send");
        size_t sent = (size_t)n;
        while (first < count && sent >= iov[first].iov_len)
            sent -= iov[first++].iov_len;
        if (first < count) {
            iov[first].iov_base = (char *)iov[first].iov_base + sent;
            iov[first].iov_len -= sent;
        }
    }
    return ISO_OK;
}

int os_send_file(int fd, int file, uint64_t offset, uint64_t count, int64_t deadline_ms,
                 struct iso_err *err)
{
    off_t at = (off_t)offset;

    while (count > 0) {
        ssize_t n = sendfile(fd, file, &at, count < (1 << 30) ? (size_t)count : 1 << 30);

        if (n < 0 && errno == EAGAIN) {
            int rc = wait_for(fd, POLLOUT, deadline_ms, err);
            if (rc < 0)
                return rc;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(err, "send");
        if (n == 0)
            return iso_fail(err, ISO_EFORMAT, "the file ends %llu bytes early",
                            (unsigned long long)count);
        count -= (uint64_t)n;
    }
    return ISO_OK;
}

void os_socket_shutdown(int fd)
{
    (void)shutdown(fd, SHUT_RDWR);
}

void os_socket_stop_reading(int fd)
{
    (void)shutdown(fd, SHUT_RD);
}

void os_socket_linger(int fd, int64_t deadline_ms)
{
    char discard[4096];

    (void)shutdown(fd, SHUT_WR);
    while (os_receive(fd, discard, sizeof discard, deadline_ms, NULL) > 0)
        ;
}
