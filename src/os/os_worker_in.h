/* os_worker_in.h: what the two sides of os_worker.h share; private to os/. */
#ifndef OS_WORKER_IN_H
#define OS_WORKER_IN_H

#include "os_worker.h"

#include <sys/types.h>

enum { WORKER_FDS = 2 }; /* with one record: of a new worker its socket and its memory */

/* The first record of a worker; a pidfd of itself is attached where the system has them. */
struct worker_hello {
    uint8_t confined;
};

/* The zygote's life. */
_Noreturn void os_zygote_main(int socket, const struct os_worker_limits *limits,
                              void (*prepare)(void), os_worker_main *main, void *ctx);

/* One record, whole. */
bool os_worker_send(int fd, const void *ptr, size_t len, const int *fds, size_t count);
/* One record: its length, 0 at the end, -1 on failure. count NULL: no descriptors are taken. */
ssize_t os_worker_receive(int fd, void *ptr, size_t cap, int flags, int fds[WORKER_FDS],
                          size_t *count);

#endif
