/* arc_keeper.c: the thread that comes after removing. It marks members in the segments as removed, and
 * gives their space back once their grace is over and nobody reads them any more. While a backup runs it does nothing: the places
 * that the copy of the index names must keep their bytes. */
#include "arc_in.h"

#include "arc_backup.h"
#include "os_clock.h"

enum { BATCH = 64, PAUSE_MS = 5000, YIELD_MS = 5 /* to a backup that wants to begin */ };

static bool is_closing(struct arc *arc)
{
    os_mutex_lock(&arc->mu_keeper);
    bool closing = arc->closing;
    os_mutex_unlock(&arc->mu_keeper);
    return closing;
}

/* Nobody takes an object back while its space goes. Places that are being read, and those that fail,
 * stay for a later round: *left. */
static int free_batch(struct arc *arc, int64_t now_us, struct index_tombstone *last, size_t *count,
                      bool *left)
{
    struct index_tombstone list[BATCH];
    struct arc_flight      keep = { .uid = ISO_STR(ARC_KEEP) };
    int64_t                done[BATCH];
    size_t                 n = 0;

    arc_flight_begin(arc, &keep);
    int rc =
        index_tombstones_due(arc->index, now_us, last->from_us, last->id, list, BATCH, count, NULL);
    for (size_t i = 0; i < *count && rc >= 0; i++) {
        if (store_remove(arc->store, &list[i].location, NULL) >= 0)
            done[n++] = list[i].id;
        else
            *left = true;
    }
    if (n > 0 && rc >= 0)
        rc = index_tombstones_done(arc->index, done, n, NULL);
    arc_flight_end(arc, &keep);
    if (rc >= 0 && *count > 0)
        *last = list[*count - 1];
    return rc;
}

/* Members of what can be taken back are renamed, so that the segments alone tell that they were removed.
 * What fails is tried again later. */
static int keep_batch(struct arc *arc, int64_t *after, size_t *count, bool *left)
{
    struct index_tombstone list[BATCH];
    struct arc_flight      keep = { .uid = ISO_STR(ARC_KEEP) };
    int64_t                done[BATCH];
    size_t                 n = 0;

    arc_flight_begin(arc, &keep);
    int rc = index_tombstones_unkept(arc->index, *after, list, BATCH, count, NULL);
    for (size_t i = 0; i < *count && rc >= 0; i++) {
        *after = list[i].id;
        if (store_keep(arc->store, &list[i].location, true, NULL) >= 0)
            done[n++] = list[i].id;
        else
            *left = true;
    }
    if (n > 0 && rc >= 0)
        rc = index_tombstones_kept(arc->index, done, n, NULL);
    arc_flight_end(arc, &keep);
    return rc;
}

static bool keep_round(struct arc *arc)
{
    int64_t after = 0;
    size_t  count = BATCH;
    bool    left  = false;

    while (count == BATCH && !is_closing(arc)) {
        int fd = -1;
        int rc = arc_backup_lock(arc->folder, &fd, NULL);

        count = 0;
        if (rc >= 0)
            rc = keep_batch(arc, &after, &count, &left);
        os_close(fd);
        if (rc < 0)
            return true;
        if (count == BATCH)
            os_sleep_ms(YIELD_MS);
    }
    return left;
}

static bool free_round(struct arc *arc)
{
    const int64_t          now_us = os_wall_us();
    struct index_tombstone last   = { .from_us = INT64_MIN };
    bool                   left   = false;
    size_t                 count  = BATCH;

    while (count == BATCH && !is_closing(arc)) {
        int fd = -1;
        int rc = arc_backup_lock(arc->folder, &fd, NULL);

        count = 0;
        if (rc >= 0)
            rc = free_batch(arc, now_us, &last, &count, &left);
        os_close(fd);
        if (rc < 0)
            return true;
        if (count == BATCH)
            os_sleep_ms(YIELD_MS);
    }
    return left;
}

/* True: something is left to be done soon. */
static bool round_of(struct arc *arc)
{
    int64_t next_us = INT64_MAX;
    bool    left    = false;

    if (index_tombstone_next(arc->index, &next_us, NULL) >= 0 && next_us == INT64_MAX)
        return false;
    left = keep_round(arc);
    if (next_us <= os_wall_us())
        left = free_round(arc) || left;
    return left;
}

/* How long until the next one is due; at most a minute, since the clock may be set. */
static int64_t sleep_ms(struct arc *arc, bool left)
{
    int64_t next_us = INT64_MAX;
    int64_t ms;

    if (left || index_tombstone_next(arc->index, &next_us, NULL) < 0)
        return PAUSE_MS;
    if (next_us == INT64_MAX)
        return -1;
    ms = (next_us - os_wall_us()) / 1000 + 1;
    return ms < 10 ? 10 : ms > 60000 ? 60000 : ms;
}

static void run(void *arg)
{
    struct arc *arc = arg;

    os_mutex_lock(&arc->mu_keeper);
    while (!arc->closing) {
        arc->removed = false;
        os_mutex_unlock(&arc->mu_keeper);
        bool    left = round_of(arc);
        int64_t ms   = sleep_ms(arc, left);
        os_mutex_lock(&arc->mu_keeper);
        const int64_t until_ms = os_now_ms() + ms;
        while (!arc->closing && !arc->removed) {
            if (ms < 0)
                os_cond_wait(&arc->wake_keeper, &arc->mu_keeper);
            else if (!os_cond_wait_until(&arc->wake_keeper, &arc->mu_keeper, until_ms))
                break;
        }
    }
    os_mutex_unlock(&arc->mu_keeper);
}

int arc_keeper_start(struct arc *arc, struct iso_err *err)
{
    int rc = os_thread_start(&arc->keeper, "keeper", 0, run, arc, err);

    arc->keeping = rc >= 0;
    return rc;
}

void arc_keeper_stop(struct arc *arc)
{
    if (!arc->keeping)
        return;
    os_mutex_lock(&arc->mu_keeper);
    arc->closing = true;
    os_cond_signal(&arc->wake_keeper);
    os_mutex_unlock(&arc->mu_keeper);
    os_thread_join(&arc->keeper);
    arc->keeping = false;
}

void arc_wake_keeper(struct arc *arc)
{
    os_mutex_lock(&arc->mu_keeper);
    arc->removed = true;
    os_cond_signal(&arc->wake_keeper);
    os_mutex_unlock(&arc->mu_keeper);
}
