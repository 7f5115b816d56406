/* srv_outbox.c: jobs wait in a table for one of a few threads. A thread looks up its job's objects, then
 * delivers them; when the peer fails it pauses, longer each time, and goes on with the first object that
 * has not been accounted for. Under the lock are only the counters that are told. */
#include "srv_outbox.h"

#include "iso_hash.h"
#include "iso_json.h"
#include "os_clock.h"
#include "os_thread.h"
#include "srv_log.h"
#include "srv_outbox_keep.h"

#include <stdlib.h>
#include <string.h>

enum {
    JOB_BYTES_MAX  = 2 << 20,   /* the UIDs of one, and its file */
    LIST_BYTES_MAX = 512 << 20, /* its objects, while it is under way */
    PLAN_BYTES_MAX = 64 << 20,
    CONNECT_MS     = 10 * 1000,
    LOSSES_MAX     = 3, /* objects on which a peer hung up whenever they were tried */
    PAUSE_MS_MAX   = 5 * 60 * 1000
};

enum state { WAITING, SENDING, PAUSING, ENDED, FAILED, CANCELLED };

static const char *const state_names[] = { "waiting", "sending", "pausing",
                                           "ended",   "failed",  "cancelled" };

struct job {
    struct srv_outbox     *box;
    const struct srv_peer *peer;
    char                   id[SRV_OUTBOX_ID_BYTES];
    struct iso_arena       arena; /* of the selection */
    struct arc_selection   selection;

    /* Under the outbox's lock. */
    enum state       state;
    bool             cancelled;
    struct ul_assoc *assoc; /* while there is one */
    uint64_t         total;
    uint64_t         sent;
    uint64_t         warned;
    uint64_t         failed;
    unsigned         tries;
    int64_t          made_us, next_us, ended_us;
    struct iso_err   why; /* of the last failure */
};

struct srv_outbox {
    struct srv_outbox_config config;
    struct arc              *arc;
    struct os_thread         thread[SRV_OUTBOX_AT_ONCE];
    size_t                   thread_count;

    struct os_mutex mu;
    struct os_cond  changed; /* there is a job; or one is cancelled; or it is stopping */
    bool            stopping;
    struct job     *jobs[SRV_OUTBOX_JOBS_MAX]; /* the oldest first */
    size_t          job_count;
};

static bool has_ended(const struct job *job)
{
    return job->state >= ENDED;
}

static void job_free(struct job *job)
{
    if (job != NULL)
        iso_arena_release(&job->arena);
    free(job);
}

/* ---- one job, on a thread ---- */

/* Locked. */
static bool must_stop(const struct job *job)
{
    return job->cancelled || job->box->stopping;
}

static bool go_on(void *ctx)
{
    struct job *job = ctx;

    os_mutex_lock(&job->box->mu);
    bool stop = must_stop(job);
    os_mutex_unlock(&job->box->mu);
    return !stop;
}

static void on_outcome(void *ctx, const struct arc_instance *instance, enum srv_outcome outcome)
{
    struct job *job = ctx;

    (void)instance;
    os_mutex_lock(&job->box->mu);
    job->sent += outcome == SRV_SENT;
    job->warned += outcome == SRV_WARNED;
    job->failed += outcome == SRV_FAILED;
    os_mutex_unlock(&job->box->mu);
}

/* Whoever cancels may interrupt the association as long as it is known here. */
static void on_association(void *ctx, struct ul_assoc *assoc)
{
    struct job *job = ctx;

    os_mutex_lock(&job->box->mu);
    job->assoc = assoc;
    if (assoc != NULL && must_stop(job))
        ul_assoc_interrupt(assoc);
    os_mutex_unlock(&job->box->mu);
}

/* After a failure: longer each time. False: stopped meanwhile. */
static bool pause_job(struct job *job, unsigned tries, const struct iso_err *why)
{
    struct srv_outbox *box = job->box;
    int64_t            ms  = box->config.pause_ms;

    for (unsigned i = 1; i < tries && ms < PAUSE_MS_MAX; i++)
        ms *= 3;
    ms                        = ms < PAUSE_MS_MAX ? ms : PAUSE_MS_MAX;
    const int64_t deadline_ms = os_now_ms() + ms;

    os_mutex_lock(&box->mu);
    job->state   = PAUSING;
    job->tries   = tries;
    job->why     = *why;
    job->next_us = os_wall_us() + ms * 1000;
    while (!must_stop(job) && os_cond_wait_until(&box->changed, &box->mu, deadline_ms))
        ;
    bool stop    = must_stop(job);
    job->state   = SENDING;
    job->next_us = 0;
    os_mutex_unlock(&box->mu);
    return !stop;
}

/* Until all objects are accounted for, or the job is stopped. */
static void deliver(struct job *job, struct srv_delivery *d)
{
    const unsigned   tries_max = job->box->config.tries;
    struct iso_arena plan;
    unsigned         tries  = 0;
    unsigned         losses = 0;
    bool             going  = true;

    iso_arena_init(&plan, PLAN_BYTES_MAX);
    while (going && d->done < d->count) {
        const size_t before = d->done;

        int rc = srv_deliver(d, &plan);
        iso_arena_reset(&plan);
        going = go_on(job);
        if (rc == ISO_OK || !going)
            continue;
        tries = d->done > before ? 1 : tries + 1;
        if (tries >= tries_max && d->lost && losses < LOSSES_MAX) {
            srv_deliver_fail(d, d->done + 1); /* it is this object that the peer cannot bear */
            losses++;
            tries = 0;
        } else if (tries >= tries_max || d->permanent) {
            srv_deliver_fail(d, d->count);
        } else {
            going = pause_job(job, tries, &d->why);
        }
    }
    iso_arena_release(&plan);
}

static void forget(const struct srv_outbox *box, const char *id)
{
    if (box->config.folder != NULL)
        srv_keep_remove(box->config.folder, id);
}

/* Locked: whether it has not come to its end, and only because the server stops. */
static bool goes_on_later(const struct job *job)
{
    return job->box->stopping && !job->cancelled &&
           job->sent + job->warned + job->failed < job->total;
}

static void finish_job(struct job *job, const struct iso_err *why)
{
    struct srv_outbox *box = job->box;
    char               aet[SRV_WORD_BYTES];

    os_mutex_lock(&box->mu);
    bool keep = goes_on_later(job);
    os_mutex_unlock(&box->mu);
    if (!keep)
        forget(box, job->id);
    os_mutex_lock(&box->mu);
    if (why->text[0] != '\0')
        job->why = *why;
    bool stopped  = must_stop(job) && job->sent + job->warned + job->failed < job->total;
    job->state    = stopped ? CANCELLED : job->failed > 0 ? FAILED : ENDED;
    job->ended_us = os_wall_us();
    srv_log("send", "job=%s destination=%s state=%s total=%llu sent=%llu warned=%llu failed=%llu",
            job->id, srv_word(iso_str_c(job->peer->aet), aet), state_names[job->state],
            (unsigned long long)job->total, (unsigned long long)job->sent,
            (unsigned long long)job->warned, (unsigned long long)job->failed);
    os_mutex_unlock(&box->mu);
}

static void run_job(struct job *job)
{
    const struct srv_outbox_config *config = &job->box->config;
    struct arc_instance            *list   = NULL;
    struct iso_arena                arena;
    struct srv_delivery             d = {
                    .arc        = job->box->arc,
                    .pool       = config->pool,
                    .peer       = job->peer,
                    .ul         = { .pdu_bytes_max = config->pdu_bytes_max,
                                    .idle_ms       = config->io_ms,
                                    .io_ms         = config->io_ms,
                                    .connect_ms    = CONNECT_MS },
                    .calling_ae = config->aet,
                    .caller     = "http",
                    .go_on      = go_on,
                    .told       = on_outcome,
                    .at         = on_association,
                    .ctx        = job,
    };

    iso_arena_init(&arena, LIST_BYTES_MAX);
    int rc = arc_select_all(d.arc, &job->selection, &arena, &list, &d.count, &d.why);
    if (rc == ISO_OK) {
        os_mutex_lock(&job->box->mu);
        job->total = d.count; /* what came or went since it was asked for */
        os_mutex_unlock(&job->box->mu);
        d.list = list;
        deliver(job, &d);
    } else {
        os_mutex_lock(&job->box->mu);
        job->failed = job->total;
        os_mutex_unlock(&job->box->mu);
    }
    finish_job(job, &d.why);
    iso_arena_release(&arena);
}

static struct job *next_job(struct srv_outbox *box)
{
    for (size_t i = 0; i < box->job_count; i++)
        if (box->jobs[i]->state == WAITING)
            return box->jobs[i];
    return NULL;
}

static void work(void *arg)
{
    struct srv_outbox *box = arg;

    os_mutex_lock(&box->mu);
    while (!box->stopping) {
        struct job *job = next_job(box);
        if (job == NULL) {
            os_cond_wait(&box->changed, &box->mu);
            continue;
        }
        job->state = SENDING;
        os_mutex_unlock(&box->mu);
        run_job(job);
        os_mutex_lock(&box->mu);
    }
    os_mutex_unlock(&box->mu);
}

/* ---- the table ---- */

static int copy_list(struct job *job, const iso_str *from, size_t count, const iso_str **to,
                     size_t *to_count, struct iso_err *err)
{
    iso_str *list = iso_arena_array(&job->arena, count, sizeof *list);

    for (size_t i = 0; list != NULL && i < count; i++) {
        list[i] = iso_arena_str(&job->arena, from[i]);
        if (list[i].ptr == NULL)
            return iso_arena_fail(&job->arena, err);
    }
    *to       = list;
    *to_count = count;
    return list != NULL ? ISO_OK : iso_arena_fail(&job->arena, err);
}

static int copy_selection(struct job *job, const struct arc_selection *from, struct iso_err *err)
{
    struct arc_selection *to = &job->selection;

    int rc =
        copy_list(job, from->study_uids, from->study_count, &to->study_uids, &to->study_count, err);
    if (rc == ISO_OK)
        rc = copy_list(job, from->series_uids, from->series_count, &to->series_uids,
                       &to->series_count, err);
    if (rc == ISO_OK)
        rc = copy_list(job, from->sop_instance_uids, from->instance_count, &to->sop_instance_uids,
                       &to->instance_count, err);
    return rc;
}

static int count_one(void *ctx, const struct arc_instance *instance, struct iso_err *err)
{
    (void)instance;
    (void)err;
    ++*(uint64_t *)ctx;
    return ISO_OK;
}

static void drop_job(struct srv_outbox *box, size_t i)
{
    job_free(box->jobs[i]);
    memmove(&box->jobs[i], &box->jobs[i + 1], (--box->job_count - i) * sizeof *box->jobs);
}

/* Locked. Takes job if it says ISO_OK. */
static int queue_job(struct srv_outbox *box, struct job *job, struct iso_err *err)
{
    if (box->stopping)
        return iso_fail(err, ISO_ECLOSED, "the server is stopping");
    for (size_t i = 0; box->job_count == SRV_OUTBOX_JOBS_MAX && i < box->job_count; i++)
        if (has_ended(box->jobs[i])) {
            drop_job(box, i);
            break;
        }
    if (box->job_count == SRV_OUTBOX_JOBS_MAX)
        return iso_fail(err, ISO_EBUSY, "%d jobs are waiting already", SRV_OUTBOX_JOBS_MAX);
    box->jobs[box->job_count++] = job;
    os_cond_broadcast(&box->changed);
    return ISO_OK;
}

static const struct srv_peer *find_peer(const struct srv_outbox *box, iso_str aet)
{
    for (size_t i = 0; i < box->config.peer_count; i++)
        if (iso_str_eq_c(aet, box->config.peers[i].aet))
            return &box->config.peers[i];
    return NULL;
}

static struct job *job_new(struct srv_outbox *box, const struct srv_peer *peer)
{
    struct job *job = calloc(1, sizeof *job);

    if (job == NULL)
        return NULL;
    job->box  = box;
    job->peer = peer;
    iso_arena_init(&job->arena, JOB_BYTES_MAX);
    return job;
}

/* Before anybody is told that there is a job. */
static int keep_job(const struct srv_outbox *box, const struct job *job, struct iso_err *err)
{
    struct srv_kept kept = { .peer      = iso_str_c(job->peer->aet),
                             .selection = job->selection,
                             .made_us   = job->made_us };

    memcpy(kept.id, job->id, sizeof kept.id);
    return box->config.folder != NULL ? srv_keep_write(box->config.folder, &kept, err) : ISO_OK;
}

int srv_outbox_add(struct srv_outbox *box, iso_str peer, const struct arc_selection *selection,
                   char id[SRV_OUTBOX_ID_BYTES], struct iso_err *err)
{
    const struct srv_peer *to = find_peer(box, peer);
    uint8_t                name[(SRV_OUTBOX_ID_BYTES - 1) / 2];
    struct job            *job;

    if (to == NULL)
        return iso_fail(err, ISO_EINVAL, "no peer of that name is configured");
    if (selection->study_count + selection->series_count + selection->instance_count >
        SRV_OUTBOX_UIDS_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d UIDs", SRV_OUTBOX_UIDS_MAX);
    job = job_new(box, to);
    if (job == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    job->made_us = os_wall_us();
    os_random(name, sizeof name);
    iso_hex(name, sizeof name, job->id);
    memcpy(id, job->id, sizeof job->id); /* once it is queued it may be gone */
    int rc = copy_selection(job, selection, err);
    if (rc == ISO_OK)
        rc = arc_select(box->arc, &job->selection, count_one, &job->total, err);
    if (rc == ISO_OK && job->total == 0)
        rc = iso_fail(err, ISO_ENOENT, "nothing of that is stored here");
    if (rc == ISO_OK)
        rc = keep_job(box, job, err);
    if (rc == ISO_OK) {
        os_mutex_lock(&box->mu);
        rc = queue_job(box, job, err);
        os_mutex_unlock(&box->mu);
        if (rc < 0)
            forget(box, id);
    }
    if (rc < 0)
        job_free(job);
    return rc;
}

/* Locked. job_count: none. */
static size_t find_job(const struct srv_outbox *box, iso_str id)
{
    size_t i = 0;

    while (i < box->job_count && !iso_str_eq_c(id, box->jobs[i]->id))
        i++;
    return i;
}

/* Locked. */
static void cancel(struct job *job)
{
    job->cancelled = true;
    if (job->assoc != NULL)
        ul_assoc_interrupt(job->assoc);
    if (job->state == WAITING) {
        job->state    = CANCELLED;
        job->ended_us = os_wall_us();
    }
}

/* id: of a job that there was. */
static void forget_named(const struct srv_outbox *box, iso_str id)
{
    char name[SRV_OUTBOX_ID_BYTES] = "";

    memcpy(name, id.ptr, id.len < sizeof name ? id.len : sizeof name - 1);
    forget(box, name);
}

int srv_outbox_cancel(struct srv_outbox *box, iso_str id, struct iso_err *err)
{
    os_mutex_lock(&box->mu);
    const size_t i  = find_job(box, id);
    int          rc = ISO_OK;

    if (i == box->job_count)
        rc = iso_fail(err, ISO_ENOENT, "there is no such job");
    else if (has_ended(box->jobs[i]))
        drop_job(box, i);
    else
        cancel(box->jobs[i]);
    os_cond_broadcast(&box->changed);
    os_mutex_unlock(&box->mu);
    if (rc == ISO_OK)
        forget_named(box, id);
    return rc;
}

/* ---- telling ---- */

static void key_i64(struct iso_json *json, const char *key, int64_t value)
{
    iso_json_key(json, iso_str_c(key));
    iso_json_i64(json, value);
}

/* Locked. */
static void write_job(struct iso_json *json, const struct job *job)
{
    const uint64_t done = job->sent + job->warned + job->failed;

    iso_json_open_object(json);
    iso_json_key_str(json, "id", iso_str_c(job->id));
    iso_json_key_str(json, "peer", iso_str_c(job->peer->aet));
    iso_json_key_str(json, "state", iso_str_c(state_names[job->state]));
    iso_json_key_u64(json, "total", job->total);
    iso_json_key_u64(json, "sent", job->sent);
    iso_json_key_u64(json, "warned", job->warned);
    iso_json_key_u64(json, "failed", job->failed);
    iso_json_key_u64(json, "remaining", job->total > done ? job->total - done : 0);
    iso_json_key_u64(json, "tries", job->tries);
    key_i64(json, "made_us", job->made_us);
    if (job->next_us > 0)
        key_i64(json, "next_try_us", job->next_us);
    if (job->ended_us > 0)
        key_i64(json, "ended_us", job->ended_us);
    if (job->why.text[0] != '\0')
        iso_json_key_str(json, "error", iso_str_c(job->why.text));
    iso_json_close_object(json);
}

int srv_outbox_write(struct srv_outbox *box, iso_str id, struct iso_buf *out, struct iso_err *err)
{
    struct iso_json json;
    int             rc = ISO_OK;

    iso_json_init(&json, out);
    os_mutex_lock(&box->mu);
    if (id.len > 0) {
        const size_t i = find_job(box, id);

        if (i < box->job_count)
            write_job(&json, box->jobs[i]);
        else
            rc = iso_fail(err, ISO_ENOENT, "there is no such job");
    } else {
        iso_json_open_object(&json);
        iso_json_key(&json, ISO_STR("jobs"));
        iso_json_open_array(&json);
        for (size_t i = box->job_count; i-- > 0;)
            write_job(&json, box->jobs[i]);
        iso_json_close_array(&json);
        iso_json_close_object(&json);
    }
    os_mutex_unlock(&box->mu);
    return rc < 0 ? rc : iso_json_end(&json, err);
}

int srv_outbox_write_peers(const struct srv_outbox *box, struct iso_buf *out, struct iso_err *err)
{
    struct iso_json json;

    iso_json_init(&json, out);
    iso_json_open_object(&json);
    iso_json_key(&json, ISO_STR("peers"));
    iso_json_open_array(&json);
    for (size_t i = 0; i < box->config.peer_count; i++) {
        iso_json_open_object(&json);
        iso_json_key_str(&json, "aet", iso_str_c(box->config.peers[i].aet));
        iso_json_close_object(&json);
    }
    iso_json_close_array(&json);
    iso_json_close_object(&json);
    return iso_json_end(&json, err);
}

/* ---- life ---- */

/* One that is not understood, or whose peer is not configured now, stays on the disk and is told. Before
 * threads. */
static int load_job(void *ctx, const char *id)
{
    struct srv_outbox *box  = ctx;
    struct job        *job  = job_new(box, NULL);
    struct srv_kept    kept = { .made_us = 0 };
    struct iso_err     err  = { 0 };

    if (job == NULL)
        return ISO_ENOMEM;
    int rc = srv_keep_read(box->config.folder, id, &job->arena, &kept, &err);
    if (rc == ISO_OK && (job->peer = find_peer(box, kept.peer)) == NULL)
        rc = iso_fail(&err, ISO_EINVAL, "its peer is not configured");
    if (rc == ISO_OK) {
        memcpy(job->id, kept.id, sizeof job->id);
        job->selection = kept.selection;
        job->made_us   = kept.made_us;
        rc             = arc_select(box->arc, &job->selection, count_one, &job->total, &err);
    }
    if (rc == ISO_OK)
        rc = queue_job(box, job, &err);
    srv_log("send", "job=%s state=%s cause=\"%s\"", id, rc == ISO_OK ? "again" : "kept",
            rc == ISO_OK ? "the server was stopped before it had ended" : err.text);
    if (rc < 0)
        job_free(job);
    return ISO_OK;
}

static int older_first(const void *a, const void *b)
{
    const struct job *x = *(struct job *const *)a, *y = *(struct job *const *)b;

    return (x->made_us > y->made_us) - (x->made_us < y->made_us);
}

static int load_jobs(struct srv_outbox *box, struct iso_err *err)
{
    if (box->config.folder == NULL)
        return ISO_OK;
    int rc = srv_keep_list(box->config.folder, load_job, box, err);
    qsort(box->jobs, box->job_count, sizeof *box->jobs, older_first);
    return rc;
}

int srv_outbox_new(const struct srv_outbox_config *config, struct arc *arc, struct srv_outbox **out,
                   struct iso_err *err)
{
    struct srv_outbox *box = calloc(1, sizeof *box);
    int                rc  = ISO_OK;

    if (box == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    box->config = *config;
    box->arc    = arc;
    if (box->config.aet == NULL)
        box->config.aet = "ISOCENTER";
    if (box->config.tries == 0)
        box->config.tries = 5;
    if (box->config.pause_ms == 0)
        box->config.pause_ms = 1000;
    os_mutex_init(&box->mu);
    os_cond_init(&box->changed);
    rc = load_jobs(box, err);
    for (size_t i = 0; rc == ISO_OK && config->peer_count > 0 && i < SRV_OUTBOX_AT_ONCE; i++) {
        rc = os_thread_start(&box->thread[i], "send", (size_t)1 << 20, work, box, err);
        box->thread_count += rc == ISO_OK;
    }
    if (rc == ISO_OK)
        *out = box;
    else
        srv_outbox_free(box);
    return rc;
}

void srv_outbox_stop(struct srv_outbox *box)
{
    if (box == NULL)
        return;
    os_mutex_lock(&box->mu);
    box->stopping = true;
    for (size_t i = 0; i < box->job_count; i++)
        if (box->jobs[i]->assoc != NULL)
            ul_assoc_interrupt(box->jobs[i]->assoc);
    os_cond_broadcast(&box->changed);
    os_mutex_unlock(&box->mu);
}

void srv_outbox_free(struct srv_outbox *box)
{
    if (box == NULL)
        return;
    srv_outbox_stop(box);
    for (size_t i = 0; i < box->thread_count; i++)
        os_thread_join(&box->thread[i]);
    for (size_t i = 0; i < box->job_count; i++)
        job_free(box->jobs[i]);
    os_cond_release(&box->changed);
    os_mutex_release(&box->mu);
    free(box);
}
