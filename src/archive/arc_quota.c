/* arc_quota.c: how much may be stored. Whoever begins to receive an object asks here; the figure is at
 * most CHECK_MS old, so senders can get past a quota by what they send in that time and by what was
 * under way. Where studies are recycled a thread looks once a second and takes one study at a time, the
 * oldest first, after what was removed and kept only for its grace. */
#include "arc_quota.h"

#include "arc_in.h"
#include "os_clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHECK_MS      = 100,
    KEPT_CHECK_MS = 5000,
    TICK_MS       = 1000,
    REST_MS       = 5000,  /* after nothing could be recycled */
    FLUSH_MS      = 10000, /* accesses to the index */
    HURRY_AT_ONCE = 256,
    ACCESS_SLOTS  = 1024,
    UID_BYTES     = 65
};

struct access {
    char    study_uid[UID_BYTES]; /* empty: free */
    int64_t us;
};

struct arc_quota {
    struct arc *arc;
    void (*told)(void *ctx, const struct arc_recycle_news *news);
    void *ctx;

    _Atomic int64_t  checked_ms;
    _Atomic int64_t  kept_checked_ms;
    _Atomic uint64_t bytes; /* that count */
    _Atomic uint64_t kept;
    atomic_bool      exhausted; /* nothing can be recycled */
    _Atomic uint64_t recycled_studies, recycled_objects, recycled_bytes;

    struct os_thread thread;
    bool             running;
    struct os_mutex  mu;
    struct os_cond   wake;
    bool             stopping;
    struct access    access[ACCESS_SLOTS];
    size_t           access_count;
};

int arc_quota_open(struct arc *arc, struct iso_err *err)
{
    struct arc_quota *q = calloc(1, sizeof *q);

    if (q == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for the quota");
    q->arc = arc;
    os_mutex_init(&q->mu);
    os_cond_init(&q->wake);
    atomic_init(&q->checked_ms, INT64_MIN / 2);
    atomic_init(&q->kept_checked_ms, INT64_MIN / 2);
    arc->quota = q;
    return ISO_OK;
}

void arc_quota_close(struct arc_quota *q)
{
    if (q == NULL)
        return;
    if (q->running) {
        os_mutex_lock(&q->mu);
        q->stopping = true;
        os_cond_broadcast(&q->wake);
        os_mutex_unlock(&q->mu);
        os_thread_join(&q->thread);
    }
    os_cond_release(&q->wake);
    os_mutex_release(&q->mu);
    free(q);
}

/* ---- measuring ---- */

static int measure(struct arc_quota *q, struct iso_err *err)
{
    const int64_t      now_ms = os_now_ms();
    struct index_stats stats;
    uint64_t           kept;
    uint64_t           due;
    int                rc = index_stats(q->arc->index, &stats, err);

    if (rc >= 0 && now_ms - atomic_load(&q->kept_checked_ms) > KEPT_CHECK_MS) {
        rc = index_tombstone_bytes(q->arc->index, os_wall_us(), &kept, &due, err);
        if (rc >= 0) {
            atomic_store(&q->kept, kept);
            atomic_store(&q->kept_checked_ms, now_ms);
        }
    }
    if (rc >= 0)
        atomic_store(&q->bytes, stats.bytes + atomic_load(&q->kept));
    return rc;
}

static bool is_over(const struct arc_quota *q)
{
    const uint64_t quota = q->arc->config.quota_bytes;
    const uint64_t room  = q->running && !atomic_load(&q->exhausted) ? quota / 16 : 0;

    return quota > 0 && atomic_load(&q->bytes) >= quota + room;
}

int arc_quota_admit(struct arc *arc, struct iso_err *err)
{
    struct arc_quota *q = arc->quota;
    int64_t           last;
    const int64_t     now_ms = os_now_ms();

    if (q == NULL || arc->config.quota_bytes == 0)
        return ISO_OK;
    last = atomic_load(&q->checked_ms);
    if (now_ms - last > CHECK_MS && atomic_compare_exchange_strong(&q->checked_ms, &last, now_ms)) {
        int rc = measure(q, err);

        if (rc < 0)
            return rc;
    }
    if (is_over(q))
        return iso_fail(err, ISO_ENOSPC, "the quota of %llu bytes is used up",
                        (unsigned long long)arc->config.quota_bytes);
    return ISO_OK;
}

/* ---- who was read ---- */

void arc_quota_touch(struct arc *arc, iso_str study_uid)
{
    struct arc_quota *q = arc->quota;
    uint64_t          h = 14695981039346656037u;

    if (q == NULL || !q->running || arc->config.recycle != ARC_RECYCLE_BY_ACCESS ||
        study_uid.len == 0 || study_uid.len >= UID_BYTES)
        return;
    for (size_t i = 0; i < study_uid.len; i++)
        h = (h ^ (uint8_t)study_uid.ptr[i]) * 1099511628211u;
    os_mutex_lock(&q->mu);
    for (size_t i = 0; i < ACCESS_SLOTS; i++) {
        struct access *a = &q->access[(h + i) % ACCESS_SLOTS];

        if (a->study_uid[0] == '\0') {
            memcpy(a->study_uid, study_uid.ptr, study_uid.len);
            a->study_uid[study_uid.len] = '\0';
            q->access_count++;
        }
        if (iso_str_eq_c(study_uid, a->study_uid)) {
            a->us = os_wall_us();
            break;
        }
    }
    if (q->access_count > ACCESS_SLOTS / 2)
        os_cond_signal(&q->wake);
    os_mutex_unlock(&q->mu);
}

static int flush_accesses(struct arc_quota *q, struct iso_err *err)
{
    struct access       *took = NULL;
    struct index_access *list = NULL;
    size_t               n    = 0;
    int                  rc   = ISO_OK;

    os_mutex_lock(&q->mu);
    size_t count = q->access_count;
    os_mutex_unlock(&q->mu);
    if (count == 0)
        return ISO_OK;
    took = malloc(sizeof q->access);
    list = calloc(ACCESS_SLOTS, sizeof *list);
    if (took == NULL || list == NULL) {
        rc = iso_fail(err, ISO_ENOMEM, "no memory for accesses");
    } else {
        os_mutex_lock(&q->mu);
        memcpy(took, q->access, sizeof q->access);
        memset(q->access, 0, sizeof q->access);
        q->access_count = 0;
        os_mutex_unlock(&q->mu);
        for (size_t i = 0; i < ACCESS_SLOTS; i++)
            if (took[i].study_uid[0] != '\0')
                list[n++] = (struct index_access){ iso_str_c(took[i].study_uid), took[i].us };
        rc = index_accessed(q->arc->index, list, n, err);
    }
    free(list);
    free(took);
    return rc;
}

/* ---- recycling ---- */

static bool is_stopping(struct arc_quota *q)
{
    os_mutex_lock(&q->mu);
    bool stopping = q->stopping;
    os_mutex_unlock(&q->mu);
    return stopping;
}

static void nap(struct arc_quota *q, int64_t ms)
{
    const int64_t until_ms = os_now_ms() + ms;

    os_mutex_lock(&q->mu);
    while (!q->stopping && q->access_count <= ACCESS_SLOTS / 2 &&
           os_cond_wait_until(&q->wake, &q->mu, until_ms))
        ;
    os_mutex_unlock(&q->mu);
}

/* A little more than is needed goes, so that the next object does not ask again. What is on its way out
 * already, but held by a reader or a backup, counts as gone. *why: NULL when there is room. */
static int is_needed(struct arc_quota *q, bool going, const char **why, struct iso_err *err)
{
    const struct arc_config *c = &q->arc->config;
    uint64_t                 left;
    uint64_t                 kept;
    uint64_t                 due;
    int                      rc = measure(q, err);

    *why = NULL;
    if (rc >= 0 && c->quota_bytes > 0 &&
        atomic_load(&q->bytes) >= c->quota_bytes - (going ? c->quota_bytes / 64 : 0)) {
        *why = "the quota is used up";
        return ISO_OK;
    }
    if (rc < 0 || c->recycle_below_free_bytes == 0)
        return rc;
    rc = store_free_bytes(q->arc->store, &left, err);
    if (rc >= 0)
        rc = index_tombstone_bytes(q->arc->index, os_wall_us(), &kept, &due, err);
    if (rc >= 0 &&
        left + due < c->recycle_below_free_bytes + (going ? c->recycle_below_free_bytes / 64 : 0))
        *why = "too little space is free";
    return rc;
}

static void tell(struct arc_quota *q, const struct arc_recycle_news *news)
{
    if (q->told != NULL)
        q->told(q->ctx, news);
}

/* Its objects, unless one of them came just now. */
static int recycle_study(struct arc_quota *q, const struct index_oldest *oldest, int64_t before_us,
                         const char *why, struct iso_err *err)
{
    const struct arc_selection selection = { .study_uids = &oldest->study_uid, .study_count = 1 };
    struct arc_recycle_news    news      = { .study_uid  = oldest->study_uid,
                                             .arrived_us = oldest->created_us,
                                             .why        = why };
    struct index_instance      row[INDEX_CHUNK];
    struct iso_arena           chunk;
    int64_t                   *ids   = NULL;
    size_t                     count = 0;
    bool                       young = false;
    int                        rc    = arc_selection_ids(q->arc, &selection, &ids, &count, err);

    iso_arena_init(&chunk, (size_t)16 << 20);
    for (size_t at = 0; at < count && rc >= 0 && !young; at += INDEX_CHUNK) {
        size_t n = count - at < INDEX_CHUNK ? count - at : INDEX_CHUNK;

        iso_arena_reset(&chunk);
        rc = index_instances(q->arc->index, ids + at, n, &chunk, row, NULL, &n, err);
        for (size_t i = 0; i < n && rc >= 0; i++) {
            young = young || row[i].stored_us >= before_us;
            news.bytes += row[i].location.length;
        }
    }
    iso_arena_release(&chunk);
    if (rc >= 0 && !young)
        rc = arc_remove_ids(q->arc, ids, count, false, &news.objects, err);
    free(ids);
    if (news.objects > 0) {
        atomic_fetch_add(&q->recycled_studies, 1);
        atomic_fetch_add(&q->recycled_objects, news.objects);
        atomic_fetch_add(&q->recycled_bytes, news.bytes);
        tell(q, &news);
    }
    return rc;
}

/* Who protects a study waits meanwhile: it is protected, or it has gone. ISO_ENOENT: nothing can go. */
static int recycle_one(struct arc_quota *q, const char *why, struct iso_err *err)
{
    const int64_t       before_us = os_wall_us() - q->arc->config.recycle_rest_s * 1000000;
    struct arc_flight   recycle   = { .uid = ISO_STR(ARC_RECYCLING) };
    struct index_oldest oldest;
    struct iso_arena    arena;
    int                 rc = ISO_OK;

    if (atomic_load(&q->kept) > 0) {
        const struct arc_recycle_news news = {
            .why = "what was removed and kept goes before its time"
        };

        rc = index_tombstones_hurry(q->arc->index, HURRY_AT_ONCE, err);
        atomic_store(&q->kept_checked_ms, INT64_MIN / 2);
        arc_wake_keeper(q->arc);
        if (rc >= 0)
            tell(q, &news);
        return rc;
    }
    iso_arena_init(&arena, 64 << 10);
    arc_flight_begin(q->arc, &recycle);
    rc = index_oldest(q->arc->index, q->arc->config.recycle == ARC_RECYCLE_BY_ACCESS, before_us,
                      &arena, &oldest, err);
    if (rc >= 0)
        rc = recycle_study(q, &oldest, before_us, why, err);
    arc_flight_end(q->arc, &recycle);
    iso_arena_release(&arena);
    return rc;
}

static void run(void *arg)
{
    struct arc_quota *q          = arg;
    int64_t           flushed_ms = os_now_ms();
    bool              going      = false;

    while (!is_stopping(q)) {
        const char *why     = NULL;
        int64_t     wait_ms = TICK_MS;
        int         rc      = is_needed(q, going, &why, NULL);

        if (os_now_ms() - flushed_ms > FLUSH_MS || why != NULL) {
            (void)!flush_accesses(q, NULL);
            flushed_ms = os_now_ms();
        }
        going = rc >= 0 && why != NULL;
        if (going) {
            rc = recycle_one(q, why, NULL);
            if (rc == ISO_ENOENT && !atomic_exchange(&q->exhausted, true)) {
                const struct arc_recycle_news news = {
                    .why = "nothing can be recycled: all is protected or has just come"
                };
                tell(q, &news);
            }
            wait_ms = rc < 0 ? REST_MS : 0;
        }
        if (rc >= 0)
            atomic_store(&q->exhausted, false);
        if (wait_ms > 0)
            nap(q, wait_ms);
    }
    (void)!flush_accesses(q, NULL);
}

int arc_quota_start(struct arc *arc, void (*told)(void *ctx, const struct arc_recycle_news *news),
                    void *ctx, struct iso_err *err)
{
    struct arc_quota        *q = arc->quota;
    const struct arc_config *c = &arc->config;

    if (q == NULL || q->running || c->recycle == ARC_RECYCLE_NONE ||
        (c->quota_bytes == 0 && c->recycle_below_free_bytes == 0))
        return ISO_OK;
    q->told    = told;
    q->ctx     = ctx;
    q->running = true;
    int rc     = os_thread_start(&q->thread, "recycler", (size_t)1 << 20, run, q, err);
    q->running = rc >= 0;
    return rc;
}

int arc_quota_status(struct arc *arc, struct arc_quota_status *out, struct iso_err *err)
{
    struct arc_quota *q = arc->quota;

    *out = (struct arc_quota_status){ 0 };
    if (q == NULL)
        return ISO_OK;
    atomic_store(&q->kept_checked_ms, INT64_MIN / 2);
    int rc = measure(q, err);
    if (rc >= 0)
        *out = (struct arc_quota_status){
            .quota_bytes              = arc->config.quota_bytes,
            .recycle_below_free_bytes = arc->config.recycle_below_free_bytes,
            .recycles                 = q->running,
            .bytes                    = atomic_load(&q->bytes),
            .kept_bytes               = atomic_load(&q->kept),
            .full                     = is_over(q),
            .recycled_studies         = atomic_load(&q->recycled_studies),
            .recycled_objects         = atomic_load(&q->recycled_objects),
            .recycled_bytes           = atomic_load(&q->recycled_bytes),
        };
    return rc;
}

/* ---- protecting ---- */

int arc_protect(struct arc *arc, iso_str study_uid, bool on, struct iso_err *err)
{
    struct arc_flight recycle = { .uid = ISO_STR(ARC_RECYCLING) };

    arc_flight_begin(arc, &recycle);
    int rc = index_protect(arc->index, study_uid, on, err);
    arc_flight_end(arc, &recycle);
    return rc;
}

int arc_protected(struct arc *arc, iso_str study_uid, bool *on, struct iso_err *err)
{
    return index_protected(arc->index, study_uid, on, err);
}
