/* http_pool.c: the workers. Two queues, served in order of arrival; long requests (streams, large
 * bodies, what a route calls long) may hold all but a few of the workers, so that a burst of
 * uploads never keeps a study list waiting. The number of connections bounds the queues. */
#include "http_internal.h"

#include <stdlib.h>

enum { WORKER_STACK_BYTES = 1 << 20 };

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
            continue;
        }
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
    os_mutex_unlock(&server->mu);
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
    server->thread_count = 0;
    free(server->threads);
    server->threads = NULL;
}
