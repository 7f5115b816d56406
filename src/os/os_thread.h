/* os_thread.h: threads, locks and waiting. The lock order is in docs/locking.md. */
#ifndef OS_THREAD_H
#define OS_THREAD_H

#include <pthread.h>

#include "iso_err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct os_mutex {
    pthread_mutex_t handle;
};

struct os_cond {
    pthread_cond_t handle;
};

struct os_thread {
    pthread_t handle;
};

void os_mutex_init(struct os_mutex *mu);
void os_mutex_release(struct os_mutex *mu);
void os_mutex_lock(struct os_mutex *mu);
void os_mutex_unlock(struct os_mutex *mu);

void os_cond_init(struct os_cond *cond);
void os_cond_release(struct os_cond *cond);
void os_cond_wait(struct os_cond *cond, struct os_mutex *mu);
/* deadline_ms is of os_now_ms(). False once it has passed. May wake early: test your condition. */
bool os_cond_wait_until(struct os_cond *cond, struct os_mutex *mu, int64_t deadline_ms);
void os_cond_signal(struct os_cond *cond);
void os_cond_broadcast(struct os_cond *cond);

/* Sleeping on a word without a lock, so that who is woken waits for none. Whoever changes the word says so:
 * also of one that is gone by then, since its sleeper has seen the change. */
void     os_word_changed(const atomic_uint *word);
unsigned os_word_wait(atomic_uint *word, unsigned from); /* until it is another value: that one */

/* name: at most 15 characters, seen in the system's tools. stack_bytes 0: 256 KiB (more under
 * sanitizers). Signals are blocked in the new thread: the main thread handles them. */
ISO_MUST_USE int os_thread_start(struct os_thread *thread, const char *name, size_t stack_bytes,
                                 void (*run)(void *arg), void *arg, struct iso_err *err);
void             os_thread_join(struct os_thread *thread);
/* Nobody will join it. */
void os_thread_detach(struct os_thread *thread);

/* Processors we may use, at least 1. */
unsigned os_cpu_count(void);

#endif
