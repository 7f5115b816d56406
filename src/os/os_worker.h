/* os_worker.h: processes that work for us on memory we share with them, and can reach nothing else.
 * A zygote is forked while this process is young: it holds no file, no thread, no data, and does
 * nothing but fork workers when asked. A worker is its copy: it may compute, allocate up to a
 * ceiling, and answer; it has no file, no network, no process (seccomp, where the system has it;
 * resource limits everywhere). It dies with the zygote, and the zygote with us.
 * What comes from a worker is to be believed as little as what comes from a peer. */
#ifndef OS_WORKER_H
#define OS_WORKER_H

#include "iso_bytes.h"
#include "iso_err.h"

struct os_worker_limits {
    uint64_t memory_bytes; /* of its own and shared; sanitizer builds have no such ceiling */
    unsigned cpu_s;        /* in its whole life */
};

/* The worker's side: what its main has. */
struct os_worker_self {
    int      socket;
    int      file; /* the shared memory */
    uint8_t *shared;
    size_t   shared_bytes;
};

/* Runs in a worker, which ends when it returns. A copy of nothing but ctx is at hand. */
typedef void os_worker_main(void *ctx, struct os_worker_self *self);

/* Our side of one worker. */
struct os_worker {
    int      socket;
    int      process; /* a pidfd; -1 where the system has none */
    int      file;
    uint8_t *shared; /* may change at any time, as long as the worker lives */
    size_t   shared_bytes;
    bool     confined; /* seccomp is on */
};

struct os_zygote;

/* Call while the process has one thread. ctx and what it points to are copied with the process.
 * prepare runs in the zygote, which is not confined, before its second worker (NULL: nothing): what takes
 * long and all workers need. The first one, by which one learns whether there can be any, goes without. */
ISO_MUST_USE int os_zygote_new(const struct os_worker_limits *limits, void (*prepare)(void),
                               os_worker_main *main, void *ctx, struct os_zygote **out,
                               struct iso_err *err);
/* It and all workers end. NULL: nothing. */
void os_zygote_free(struct os_zygote *zygote);

/* A new worker, ready; the caller's. Any thread. */
ISO_MUST_USE int os_worker_start(struct os_zygote *zygote, int64_t deadline_ms,
                                 struct os_worker *out, struct iso_err *err);
/* Kills it and gives everything back. */
void os_worker_end(struct os_worker *worker);
/* The shared memory has at least so many bytes afterwards; what it held stays. */
ISO_MUST_USE int os_worker_room(struct os_worker *worker, size_t bytes, struct iso_err *err);
/* Gives the memory beyond so many bytes back to the system; it reads as zeros then. */
void os_worker_trim(struct os_worker *worker, size_t keep_bytes);
/* One message of ours. ISO_ECLOSED: the worker is gone. */
ISO_MUST_USE int os_worker_ask(struct os_worker *worker, const void *ptr, size_t len,
                               struct iso_err *err);
/* Its answer, of exactly len bytes. ISO_ECLOSED: the worker is gone; ISO_ETIMEOUT: it still works;
 * ISO_EPROTO: an answer of another length. */
ISO_MUST_USE int os_worker_hear(struct os_worker *worker, void *ptr, size_t len,
                                int64_t deadline_ms, struct iso_err *err);

/* In the worker: the next message, of exactly len bytes, with shared_bytes of shared memory mapped
 * as the caller knows it from the message. False: there is no more to do. */
bool os_worker_next(struct os_worker_self *self, void *ptr, size_t len);
bool os_worker_map(struct os_worker_self *self, size_t shared_bytes);
bool os_worker_answer(struct os_worker_self *self, const void *ptr, size_t len);
/* Memory that was freed goes back to the system. */
void os_worker_rest(void);

#endif
