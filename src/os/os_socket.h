/* os_socket.h: TCP with deadlines. Sockets are non-blocking inside; calls wait until deadline_ms (of
 * os_now_ms(); OS_FOREVER: no limit) and then give ISO_ETIMEOUT. TCP_NODELAY and TCP_QUICKACK are on
 * everywhere: nothing of ours waits for the classic delayed acknowledgement. A broken connection is
 * ISO_ECLOSED. One thread reads, one writes; os_socket_shutdown from any thread wakes both. */
#ifndef OS_SOCKET_H
#define OS_SOCKET_H

#include "iso_bytes.h"
#include "iso_err.h"

#define OS_FOREVER INT64_MAX

struct os_address {
    char     host[64]; /* numeric */
    uint16_t port;
};

/* host: numeric address or name; port 0: the kernel picks, *bound tells. The socket is the
 * caller's (os_close). */
ISO_MUST_USE int os_listen(const char *host, uint16_t port, int *fd, struct os_address *bound,
                           struct iso_err *err);
ISO_MUST_USE int os_accept(int listener, int64_t deadline_ms, int *fd, struct os_address *peer,
                           struct iso_err *err);
ISO_MUST_USE int os_connect(const char *host, uint16_t port, int64_t deadline_ms, int *fd,
                            struct iso_err *err);
/* True for 127.0.0.0/8, ::1 and "localhost". */
bool os_is_loopback(const char *host);

/* At least one byte unless the peer has closed: then 0. */
int64_t os_receive(int fd, void *ptr, size_t cap, int64_t deadline_ms, struct iso_err *err);
/* The same into first and, what comes beyond that, into second: the sum. */
int64_t os_receive_two(int fd, void *first, size_t first_cap, void *second, size_t second_cap,
                       int64_t deadline_ms, struct iso_err *err);
/* All parts, in as few segments as the kernel makes of them. count at most 64. */
ISO_MUST_USE int os_send(int fd, const iso_bytes *parts, size_t count, int64_t deadline_ms,
                         struct iso_err *err);
/* count bytes of a file from offset, by the kernel. */
ISO_MUST_USE int os_send_file(int fd, int file, uint64_t offset, uint64_t count,
                              int64_t deadline_ms, struct iso_err *err);
/* Both directions end now; blocked calls return. The descriptor stays open. */
void os_socket_shutdown(int fd);
/* From now on receiving finds the end, a blocked call at once; sending goes on. Any thread. */
void os_socket_stop_reading(int fd);
/* Waits until the peer has closed its side or the deadline; discards what comes. */
void os_socket_linger(int fd, int64_t deadline_ms);

#endif
