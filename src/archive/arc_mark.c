/* arc_mark.c: the low mark. An object's index entry is committed but not flushed; its segment, which is,
 * is the journal that recovery reads after a power loss. About once a second while there is news, this
 * thread makes what has been committed durable and notes how far that goes, so that recovery has a
 * second or two to read and not the archive.
 *
 * It also looks how full the volumes are, and tells what has changed.
 *
 * Where flushes are deferred (arc_config.flush_ms) it flushes the segments first, as often as that says.
 * Until then an index entry may survive a power loss that its object does not, so the index says that
 * this may be so (ARC_DEFERRED), from before the first object until a clean end.
 *
 * The order is what makes it right: first the store says up to where everything is settled, that is, its
 * index transactions have committed; then a flushed transaction writes that down, and flushes those
 * before it too. So the mark can be late, and never early. */
#include "arc_in.h"

#include "os_clock.h"

enum { PAUSE_MS = 1000 };

/* Of one volume, if there is news. */
static int mark_one(struct arc *arc, struct arc_volume *volume, bool *news, struct iso_err *err)
{
    uint64_t file;
    uint64_t offset;
    int      rc;

    store_low(arc->store, volume->number, &file, &offset);
    if (file == 0 || (file == volume->low_file && offset == volume->low_offset))
        return ISO_OK;
    rc = index_volume_mark(arc->index, volume->number, file, offset, err);
    if (rc >= 0) {
        volume->low_file   = file;
        volume->low_offset = offset;
        *news              = true;
    }
    return rc;
}

int arc_mark(struct arc *arc, struct iso_err *err)
{
    bool news = false;
    int  rc   = ISO_OK;

    (void)!store_flush_all(arc->store,
                           NULL); /* of one volume it may fail: that one's mark stays where it is */
    for (size_t i = 0; i < arc->volume_count && rc >= 0; i++)
        rc = mark_one(arc, &arc->volume[i], &news, err);
    return rc >= 0 && news ? index_checkpoint(arc->index, err) : rc;
}

/* Which volumes are not what they were. */
static void volumes_tell(struct arc *arc)
{
    struct arc_volume_stats now[STORE_VOLUMES_MAX];
    size_t                  count;

    if (arc_volumes(arc, now, &count, NULL) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        struct arc_volume *v = &arc->volume[i];

        if (v->warned == now[i].warned && v->full == now[i].full && v->failed == now[i].failed)
            continue;
        v->warned = now[i].warned;
        v->full   = now[i].full;
        v->failed = now[i].failed;
        arc_publish(arc, &(struct arc_event){ .kind = ARC_EVENT_VOLUME, .volume = &now[i] });
    }
}

static void mark_run(void *arg)
{
    struct arc *arc = arg;

    os_mutex_lock(&arc->mu_marker);
    while (!arc->marker_stops) {
        const int64_t pause_ms = arc->config.flush_ms > 0 ? arc->config.flush_ms : PAUSE_MS;

        (void)os_cond_wait_until(&arc->wake_marker, &arc->mu_marker, os_now_ms() + pause_ms);
        if (arc->marker_stops)
            break;
        os_mutex_unlock(&arc->mu_marker);
        (void)!arc_mark(arc, NULL); /* what it could not do, it does the next time */
        volumes_tell(arc);
        os_mutex_lock(&arc->mu_marker);
    }
    os_mutex_unlock(&arc->mu_marker);
}

int arc_marker_start(struct arc *arc, struct iso_err *err)
{
    const bool deferred = arc->config.flush_ms > 0;
    int        rc       = ISO_OK;

    if (deferred != arc->untrusted) /* what stands there from before */
        rc = index_mark_set(arc->index, ISO_STR(ARC_DEFERRED), deferred, err);
    if (rc >= 0)
        rc = os_thread_start(&arc->marker, "marker", 0, mark_run, arc, err);

    arc->marking = rc >= 0;
    return rc;
}

void arc_marker_stop(struct arc *arc)
{
    if (!arc->marking)
        return;
    os_mutex_lock(&arc->mu_marker);
    arc->marker_stops = true;
    os_cond_signal(&arc->wake_marker);
    os_mutex_unlock(&arc->mu_marker);
    os_thread_join(&arc->marker);
    arc->marking       = false;
    const bool flushed = store_flush_all(arc->store, NULL) >= 0;
    if (arc_mark(arc, NULL) >= 0 && flushed && arc->config.flush_ms > 0) /* nothing left to read */
        (void)!index_mark_set(arc->index, ISO_STR(ARC_DEFERRED), 0, NULL);
}
