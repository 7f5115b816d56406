/* A listener: the accept thread makes a guest of every connection and a thread for every guest.
 * A guest's thread negotiates, serves and frees its association and marks the guest done; the accept
 * thread (at the end: the drain) joins it. Guests beyond the
 * limit still get a thread, up to OVERFLOW of them, so that they can be told why. */
#include "ul_acceptor.h"

#include "ul_assoc_private.h"

#include "os_clock.h"
#include "os_file.h"
#include "os_thread.h"

#include <stdlib.h>
#include <string.h>

enum {
    OVERFLOW_MAX   = 16,   /* guests who are only there to be rejected */
    ACCEPT_WAIT_MS = 1000, /* the accept thread reaps at least this often */
    RETRY_MS       = 100   /* after a failed accept: descriptors may come free */
};

struct guest {
    struct ul_acceptor *acceptor;
    struct guest       *next;
    struct os_thread    thread;
    struct os_address   peer;
    int                 fd;    /* taken by assoc */
    struct ul_assoc    *assoc; /* while it may be drained or interrupted */
    bool                refuse;
    bool                done;
};

struct ul_acceptor {
    struct ul_acceptor_config config;
    struct os_address         address;
    struct os_thread          thread;
    int                       listener;

    struct os_mutex mu; /* guards what follows, and guest.assoc and .done */
    struct os_cond  change;
    struct guest   *guests;
    unsigned        active; /* guests not done */
    uint64_t        accepted;
    uint64_t        refused;
    bool            stopping;
    bool            drained;
};

static void tell(struct ul_acceptor *acc, const struct os_address *peer, int code, const char *text)
{
    os_mutex_lock(&acc->mu);
    acc->refused++;
    os_mutex_unlock(&acc->mu);
    if (acc->config.refused != NULL)
        acc->config.refused(acc->config.ctx, peer, code, text);
}

static void set_assoc(struct guest *g, struct ul_assoc *assoc)
{
    os_mutex_lock(&g->acceptor->mu);
    g->assoc = assoc;
    if (assoc != NULL && g->acceptor->stopping)
        ul_assoc_drain(assoc);
    os_mutex_unlock(&g->acceptor->mu);
}

static void guest_run(void *arg)
{
    static const struct ul_reject full  = { UL_REJECT_TRANSIENT, UL_REJECT_PRESENTATION,
                                            UL_REJECT_PRESENTATION_LOCAL_LIMIT };
    struct guest                 *g     = arg;
    struct ul_acceptor           *acc   = g->acceptor;
    struct iso_err                err   = { 0 };
    int                           rc    = ISO_ENOMEM;
    struct ul_assoc              *assoc = ul_assoc_new(g->fd, false, &acc->config.ul, &err);

    if (assoc != NULL) {
        set_assoc(g, assoc);
        rc = ul_assoc_negotiate(assoc, &g->peer, &acc->config.policy, g->refuse ? &full : NULL,
                                &err);
    }
    if (rc == ISO_OK) {
        os_mutex_lock(&acc->mu);
        acc->accepted++;
        os_mutex_unlock(&acc->mu);
        acc->config.serve(acc->config.ctx, assoc);
    } else {
        tell(acc, &g->peer, rc, err.text);
    }
    ul_assoc_end(assoc);
    set_assoc(g, NULL); /* nobody else touches it from here on */
    ul_assoc_free(assoc);
    os_mutex_lock(&acc->mu);
    g->done = true;
    acc->active--;
    os_cond_broadcast(&acc->change);
    os_mutex_unlock(&acc->mu);
}

/* Joins and frees the guests that are done. */
static void reap(struct ul_acceptor *acc)
{
    struct guest *gone = NULL;

    os_mutex_lock(&acc->mu);
    for (struct guest **at = &acc->guests; *at != NULL;) {
        struct guest *g = *at;

        if (g->done) {
            *at     = g->next;
            g->next = gone;
            gone    = g;
        } else {
            at = &g->next;
        }
    }
    os_mutex_unlock(&acc->mu);
    while (gone != NULL) {
        struct guest *next = gone->next;

        os_thread_join(&gone->thread);
        free(gone);
        gone = next;
    }
}

/* Is there room? Fills in whether the guest is one too many. */
static bool may_enter(struct ul_acceptor *acc, struct guest *g)
{
    unsigned from_peer = 0;
    bool     room;

    os_mutex_lock(&acc->mu);
    for (const struct guest *other = acc->guests; other != NULL; other = other->next)
        if (!other->done && strcmp(other->peer.host, g->peer.host) == 0)
            from_peer++;
    g->refuse =
        acc->active >= acc->config.associations_max || from_peer >= acc->config.per_peer_max;
    room = acc->active < acc->config.associations_max + OVERFLOW_MAX &&
           from_peer < acc->config.per_peer_max + OVERFLOW_MAX;
    os_mutex_unlock(&acc->mu);
    return room;
}

static void enter(struct ul_acceptor *acc, int fd, const struct os_address *peer)
{
    struct iso_err err = { 0 };
    struct guest  *g   = calloc(1, sizeof *g);

    if (g != NULL) {
        *g = (struct guest){ .acceptor = acc, .fd = fd, .peer = *peer };
        if (!may_enter(acc, g)) {
            free(g);
            g = NULL;
        }
    }
    if (g == NULL) {
        os_close(fd);
        tell(acc, peer, ISO_EBUSY, "too many associations");
        return;
    }
    os_mutex_lock(&acc->mu);
    g->next     = acc->guests;
    acc->guests = g;
    acc->active++;
    os_mutex_unlock(&acc->mu);
    /* Only this thread reaps, so g stays although its thread may be done before we are back. */
    int rc = os_thread_start(&g->thread, "dicom", acc->config.stack_bytes, guest_run, g, &err);
    if (rc < 0) {
        os_mutex_lock(&acc->mu);
        acc->guests = g->next;
        acc->active--;
        os_mutex_unlock(&acc->mu);
        os_close(fd);
        free(g);
        tell(acc, peer, rc, err.text);
    }
}

static void accept_run(void *arg)
{
    struct ul_acceptor *acc = arg;

    for (;;) {
        struct os_address peer = { 0 };
        struct iso_err    err  = { 0 };
        int               fd;
        int rc = os_accept(acc->listener, os_now_ms() + ACCEPT_WAIT_MS, &fd, &peer, &err);

        reap(acc);
        os_mutex_lock(&acc->mu);
        bool stopping = acc->stopping;
        os_mutex_unlock(&acc->mu);
        if (stopping) {
            if (rc == ISO_OK)
                os_close(fd);
            return;
        }
        if (rc == ISO_OK) {
            enter(acc, fd, &peer);
        } else if (rc != ISO_ETIMEOUT) {
            tell(acc, &peer, rc, err.text);
            os_sleep_ms(RETRY_MS);
        }
    }
}

int ul_acceptor_start(const struct ul_acceptor_config *config, struct ul_acceptor **out,
                      struct iso_err *err)
{
    struct ul_acceptor *acc = calloc(1, sizeof *acc);

    if (acc == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for a listener");
    acc->config   = *config;
    acc->listener = -1;
    if (acc->config.associations_max == 0)
        acc->config.associations_max = 1000;
    if (acc->config.per_peer_max == 0)
        acc->config.per_peer_max = 64;
    os_mutex_init(&acc->mu);
    os_cond_init(&acc->change);
    int rc = os_listen(config->host, config->port, &acc->listener, &acc->address, err);
    if (rc == ISO_OK)
        rc = os_thread_start(&acc->thread, "dicom-accept", 0, accept_run, acc, err);
    if (rc < 0) {
        os_close(acc->listener);
        os_cond_release(&acc->change);
        os_mutex_release(&acc->mu);
        free(acc);
        return iso_wrap(err, rc, "DICOM listener");
    }
    *out = acc;
    return ISO_OK;
}

const struct os_address *ul_acceptor_address(const struct ul_acceptor *acceptor)
{
    return &acceptor->address;
}

struct ul_acceptor_stats ul_acceptor_stats(struct ul_acceptor *acceptor)
{
    struct ul_acceptor_stats stats;

    os_mutex_lock(&acceptor->mu);
    stats.accepted = acceptor->accepted;
    stats.refused  = acceptor->refused;
    stats.active   = acceptor->active;
    os_mutex_unlock(&acceptor->mu);
    return stats;
}

/* Ends every association now or at its next message boundary. The mutex is held for a system call
 * per association, which keeps guest.assoc from being freed under us. */
static void end_all(struct ul_acceptor *acc, bool now)
{
    for (struct guest *g = acc->guests; g != NULL; g = g->next) {
        if (g->assoc == NULL)
            continue;
        if (now)
            ul_assoc_interrupt(g->assoc);
        else
            ul_assoc_drain(g->assoc);
    }
}

unsigned ul_acceptor_drain(struct ul_acceptor *acceptor, int64_t deadline_ms)
{
    unsigned cut = 0;

    os_mutex_lock(&acceptor->mu);
    acceptor->stopping = true;
    acceptor->drained  = true;
    os_mutex_unlock(&acceptor->mu);
    os_socket_shutdown(acceptor->listener); /* wakes the accept thread */
    os_thread_join(&acceptor->thread);
    os_close(acceptor->listener);
    acceptor->listener = -1;

    os_mutex_lock(&acceptor->mu);
    end_all(acceptor, false);
    while (acceptor->active > 0 &&
           os_cond_wait_until(&acceptor->change, &acceptor->mu, deadline_ms))
        ;
    cut = acceptor->active;
    while (acceptor->active > 0) {
        end_all(acceptor, true);
        (void)os_cond_wait_until(&acceptor->change, &acceptor->mu, os_now_ms() + RETRY_MS);
    }
    os_mutex_unlock(&acceptor->mu);
    reap(acceptor);
    return cut;
}

void ul_acceptor_free(struct ul_acceptor *acceptor)
{
    if (acceptor == NULL)
        return;
    if (!acceptor->drained)
        (void)ul_acceptor_drain(acceptor, os_now_ms());
    os_cond_release(&acceptor->change);
    os_mutex_release(&acceptor->mu);
    free(acceptor);
}
