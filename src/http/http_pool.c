/* http_pool.c: the workers. Two queues, served in order of arrival; long requests (streams, large
 * bodies, what a route calls long) may hold all but a few of the workers, so that a burst of
 * uploads never keeps a study list waiting. The number of connections bounds the queues. A worker that
 * waits for a slow client is away: a substitute takes its place as long as there is work, so that slow
 * senders do not keep the others out. */
#include "http_internal.h"

#include "os_clock.h"

#include <stdlib.h>

enum { WORKER_STACK_BYTES = 1 << 20, SUBSTITUTES_MAX = 256, PATIENCE_MS = 50 };

static void queue_push(struct http_queue *queue, struct http_request *req)
{
    req->queue_next = NULL;
    if (queue->tail != NULL)
        queue->tail->queue_next = req;
    else
        queue->head = req;
    queue->tail = req;
}

static struct http_request *queue_pop(struct http_queue *queue)
{
    struct http_request *req = queue->head;

    queue->head = req->queue_next;
    if (queue->head == NULL)
        queue->tail = NULL;
    return req;
}

/* With the lock held: the request that has waited longest among those that may run. */
static struct http_request *next_request(struct http_server *server)
{
    const struct http_request *quick = server->quick.head;
    const struct http_request *slow  = server->slow.head;

    if (slow != NULL && (server->long_running < server->long_max || server->stopped) &&
        (quick == NULL || slow->queue_number < quick->queue_number))
        return queue_pop(&server->slow);
    return quick != NULL ? queue_pop(&server->quick) : NULL;
}

static void run_one(struct http_server *server, struct http_request *req)
{
    bool is_long = req->is_long;

    server->long_running += is_long;
    os_mutex_unlock(&server->mu);
    http_request_run(req);
    http_request_unref(req);
    os_mutex_lock(&server->mu);
    server->long_running -= is_long;
    if (is_long && server->slow.head != NULL)
        os_cond_signal(&server->work);
}

static void work(void *arg)
{
    struct http_server *server = arg;

    os_mutex_lock(&server->mu);
    for (;;) {
        struct http_request *req = next_request(server);
        if (req == NULL && server->stopped)
            break;
        if (req == NULL) {
            server->idle++;
            os_cond_wait(&server->work, &server->mu);
            server->idle--;
        } else {
            run_one(server, req);
        }
    }
    os_mutex_unlock(&server->mu);
}

/* Until there is no work, or no place to fill. */
static void substitute(void *arg)
{
    struct http_server  *server = arg;
    struct http_request *req    = NULL;

    os_mutex_lock(&server->mu);
    while (server->substitutes <= server->away && (req = next_request(server)) != NULL)
        run_one(server, req);
    if (--server->substitutes == 0)
        os_cond_broadcast(&server->quiet);
    os_mutex_unlock(&server->mu);
}

/* With the lock held: somebody for the place of a worker who is away. */
static void hire(struct http_server *server)
{
    struct os_thread thread;
    bool             wanted = server->quick.head != NULL ||
                  (server->slow.head != NULL && server->long_running < server->long_max);

    if (!wanted || server->idle > 0 || server->stopped || server->substitutes >= server->away ||
        server->substitutes >= SUBSTITUTES_MAX)
        return;
    if (os_thread_start(&thread, "http-substitute", WORKER_STACK_BYTES, substitute, server, NULL) <
        0)
        return; /* then the request waits for a worker, as it would without us */
    os_thread_detach(&thread);
    server->substitutes++;
}

void http_pool_away(struct http_request *req)
{
    struct http_server *server = req->server;

    os_mutex_lock(&server->mu);
    server->away++;
    server->long_running -= req->is_long;
    if (server->idle > 0 && server->slow.head != NULL)
        os_cond_signal(&server->work);
    else
        hire(server);
    os_mutex_unlock(&server->mu);
}

void http_pool_back(struct http_request *req)
{
    struct http_server *server = req->server;

    os_mutex_lock(&server->mu);
    server->away--;
    server->long_running += req->is_long; /* may be one too many now: no matter */
    os_mutex_unlock(&server->mu);
}

bool http_request_wait(struct http_request *req, int64_t deadline_ms)
{
    int64_t patience_ms = os_now_ms() + PATIENCE_MS;

    if (patience_ms > deadline_ms)
        patience_ms = deadline_ms;
    if (os_cond_wait_until(&req->changed, &req->mu, patience_ms))
        return true;
    if (os_now_ms() >= deadline_ms)
        return false;
    uint64_t put = req->in.put;
    uint64_t got = req->out.got;
    os_mutex_unlock(&req->mu);
    http_pool_away(req);
    os_mutex_lock(&req->mu);
    bool in_time = true; /* what came while the lock was open has not been waited for */
    if (req->in.put == put && req->out.got == got && !req->closed && !req->cancelled &&
        !req->body_ended && !req->body_too_long)
        in_time = os_cond_wait_until(&req->changed, &req->mu, deadline_ms);
    os_mutex_unlock(&req->mu);
    http_pool_back(req);
    os_mutex_lock(&req->mu);
    return in_time;
}

bool http_pool_submit(struct http_request *req)
{
    struct http_server *server = req->server;

    os_mutex_lock(&server->mu);
    bool taken = !server->stopped;
    if (taken) {
        req->queue_number = server->queue_next_number++;
        atomic_fetch_add(&req->refs, 1);
        queue_push(req->is_long ? &server->slow : &server->quick, req);
        if (server->idle > 0)
            os_cond_signal(&server->work);
        else
            hire(server);
    }
    os_mutex_unlock(&server->mu);
    return taken;
}

int http_pool_start(struct http_server *server, struct iso_err *err)
{
    unsigned reserve = server->config.workers / 4 > 2 ? server->config.workers / 4 : 2;

    server->long_max = server->config.workers > reserve ? server->config.workers - reserve : 1;
    server->threads  = calloc(server->config.workers, sizeof *server->threads);
    if (server->threads == NULL)
        return iso_fail(err, ISO_ENOMEM, "http: out of memory");
    server->stopped = false;
    for (unsigned i = 0; i < server->config.workers; i++) {
        int rc = os_thread_start(&server->threads[i], "http-worker", WORKER_STACK_BYTES, work,
                                 server, err);
        if (rc < 0) {
            http_pool_stop(server);
            return rc;
        }
        server->thread_count++;
    }
    return ISO_OK;
}

void http_pool_stop(struct http_server *server)
{
    os_mutex_lock(&server->mu);
    server->stopped = true;
    os_cond_broadcast(&server->work);
    os_mutex_unlock(&server->mu);
    for (unsigned i = 0; i < server->thread_count; i++)
        os_thread_join(&server->threads[i]);
    os_mutex_lock(&server->mu);
    while (server->substitutes > 0)
        os_cond_wait(&server->quiet, &server->mu);
    os_mutex_unlock(&server->mu);
    server->thread_count = 0;
    free(server->threads);
    server->threads = NULL;
}
