#include "os_thread.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_DEFAULT ((size_t)1 << 20)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STACK_DEFAULT ((size_t)1 << 20)
#endif
#endif
#ifndef STACK_DEFAULT
#define STACK_DEFAULT ((size_t)256 << 10)
#endif

/* A lock that fails is a broken program, not an event to handle. */
static void must(int result)
{
    if (result != 0)
        abort();
}

void os_mutex_init(struct os_mutex *mu)
{
    must(pthread_mutex_init(&mu->handle, NULL));
}

void os_mutex_release(struct os_mutex *mu)
{
    must(pthread_mutex_destroy(&mu->handle));
}

void os_mutex_lock(struct os_mutex *mu)
{
    must(pthread_mutex_lock(&mu->handle));
}

void os_mutex_unlock(struct os_mutex *mu)
{
    must(pthread_mutex_unlock(&mu->handle));
}

void os_cond_init(struct os_cond *cond)
{
    pthread_condattr_t attr;

    must(pthread_condattr_init(&attr));
    must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
    must(pthread_cond_init(&cond->handle, &attr));
    must(pthread_condattr_destroy(&attr));
}

void os_cond_release(struct os_cond *cond)
{
    must(pthread_cond_destroy(&cond->handle));
}

void os_cond_wait(struct os_cond *cond, struct os_mutex *mu)
{
    must(pthread_cond_wait(&cond->handle, &mu->handle));
}

/* The system compares and sleeps in one step; it never touches the memory of a word that is told of. */
void os_word_changed(const atomic_uint *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

unsigned os_word_wait(atomic_uint *word, unsigned from)
{
    unsigned now;

    while ((now = atomic_load_explicit(word, memory_order_acquire)) == from)
        (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, from, NULL, NULL, 0);
    return now;
}

bool os_cond_wait_until(struct os_cond *cond, struct os_mutex *mu, int64_t deadline_ms)
{
    struct timespec ts = { deadline_ms / 1000, deadline_ms % 1000 * 1000000 };
    int             rc = pthread_cond_timedwait(&cond->handle, &mu->handle, &ts);

    if (rc != ETIMEDOUT)
        must(rc);
    return rc == 0;
}

void os_cond_signal(struct os_cond *cond)
{
    must(pthread_cond_signal(&cond->handle));
}

void os_cond_broadcast(struct os_cond *cond)
{
    must(pthread_cond_broadcast(&cond->handle));
}

struct start {
    void (*run)(void *arg);
    void *arg;
};

static void *enter(void *raw)
{
    struct start start = *(struct start *)raw;

    free(raw);
    start.run(start.arg);
    return NULL;
}

int os_thread_start(struct os_thread *thread, const char *name, size_t stack_bytes,
                    void (*run)(void *arg), void *arg, struct iso_err *err)
{
    struct start  *start = malloc(sizeof *start);
    pthread_attr_t attr;
    sigset_t       all;
    sigset_t       before;

    if (start == NULL)
        return iso_fail(err, ISO_ENOMEM, "thread %s: out of memory", name);
    *start = (struct start){ run, arg };
    must(pthread_attr_init(&attr));
    must(pthread_attr_setstacksize(&attr, stack_bytes > 0 ? stack_bytes : STACK_DEFAULT));
    must(sigfillset(&all));
    must(pthread_sigmask(SIG_SETMASK, &all, &before));
    int rc = pthread_create(&thread->handle, &attr, enter, start);
    must(pthread_sigmask(SIG_SETMASK, &before, NULL));
    must(pthread_attr_destroy(&attr));
    if (rc != 0) {
        free(start);
        return iso_fail(err, ISO_EBUSY, "thread %s: %s", name, strerror(rc));
    }
    (void)pthread_setname_np(thread->handle, name);
    return ISO_OK;
}

void os_thread_join(struct os_thread *thread)
{
    must(pthread_join(thread->handle, NULL));
}

void os_thread_detach(struct os_thread *thread)
{
    must(pthread_detach(thread->handle));
}

unsigned os_cpu_count(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? (unsigned)count : 1;
}
