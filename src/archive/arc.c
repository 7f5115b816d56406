/* arc.c: opening, closing, events, figures. */
#include "arc_in.h"
#include "arc_quota.h"
#include "arc_restoring.h"

#include "os_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void arc_config_init(struct arc_config *config)
{
    *config = (struct arc_config){
        .on_conflict       = ARC_KEEP_FIRST,
        .segment_bytes     = (uint64_t)256 << 20,
        .inline_bytes_max  = (uint64_t)1 << 20,
        .receive_bytes_max = (uint64_t)64 << 20,
        .direct_bytes_min  = (uint64_t)256 << 10,
        .object_bytes_max  = (uint64_t)64 << 30,
        .free_bytes_min    = (uint64_t)256 << 20,
        .warn_free_bytes   = (uint64_t)1 << 30,
        .header_bytes_max  = (size_t)32 << 20,
        .readers_max       = 8,
        .recycle_rest_s    = ARC_RECYCLE_REST_S,
    };
}

/* ---- life ---- */

void arc_index_lost(struct arc *arc, int rc, const struct iso_err *why)
{
    (void)iso_fail(&arc->index_trouble, rc, "%s", why != NULL ? why->text : "");
    index_close(arc->index);
    arc->index = NULL;
}

void arc_index_remove(int folder, const char *name)
{
    static const char *const tails[] = { "", "-wal", "-shm" };
    char                     full[64];

    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        (void)snprintf(full, sizeof full, "%.40s%s", name, tails[i]);
        (void)os_remove(folder, full, NULL);
    }
}

static int open_index(struct arc *arc, const char *name, struct iso_err *err)
{
    struct iso_err why = { 0 };
    struct iso_buf path;
    int            rc;

    iso_buf_init(&path, 8192);
    iso_buf_printf(&path, "%s/%s", arc->folder_name, name);
    iso_buf_add_u8(&path, '\0');
    rc = iso_buf_check(&path, err);
    if (rc >= 0 && strcmp(name, ARC_INDEX) != 0)
        arc_index_remove(arc->folder, name); /* left by a run that did not come to its end */
    if (rc >= 0)
        rc = index_open((const char *)path.ptr, arc->config.readers_max, &arc->index, &why);
    iso_buf_release(&path);
    if (rc < 0 && arc->config.care && rc != ISO_ENOMEM) {
        arc_index_lost(arc, rc, &why);
        return ISO_OK;
    }
    return rc < 0 ? iso_fail(err, rc, "%s", why.text) : rc;
}

static int open_store(struct arc *arc, struct iso_err *err)
{
    const struct store_config config = { .folder            = arc->folder,
                                         .segment_bytes     = arc->config.segment_bytes,
                                         .inline_bytes_max  = arc->config.inline_bytes_max,
                                         .receive_bytes_max = arc->config.receive_bytes_max,
                                         .direct_bytes_min  = arc->config.direct_bytes_min,
                                         .deferred          = arc->config.flush_ms > 0 };

    return store_open(&config, &arc->store, err);
}

int arc_open(const struct arc_config *config, struct arc **out, struct iso_err *err)
{
    return arc_open_with(config, ARC_INDEX, out, err);
}

int arc_open_with(const struct arc_config *config, const char *index_name, struct arc **out,
                  struct iso_err *err)
{
    struct arc *arc = calloc(1, sizeof *arc);
    int         rc;

    if (arc == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for the archive");
    arc->config = *config;
    arc->folder = -1;
    os_mutex_init(&arc->mu_flights);
    os_cond_init(&arc->landed);
    os_mutex_init(&arc->mu_events);
    os_mutex_init(&arc->mu_keeper);
    os_cond_init(&arc->wake_keeper);
    os_mutex_init(&arc->mu_marker);
    os_cond_init(&arc->wake_marker);
    atomic_init(&arc->digested, 0);
    arc->folder_name   = strdup(config->folder);
    arc->config.folder = arc->folder_name;
    rc                 = arc->folder_name != NULL ? ISO_OK : iso_fail(err, ISO_ENOMEM, "no memory");
    if (rc >= 0)
        rc = arc_digests_open(arc, err);
    if (rc >= 0)
        rc = os_make_folder(OS_CWD, arc->folder_name, err);
    if (rc >= 0)
        rc = os_open(OS_CWD, arc->folder_name, OS_FOLDER, &arc->folder, err);
    if (rc >= 0 && os_stat(arc->folder, ARC_RESTORING, &(struct os_stat){ 0 }, NULL) >= 0)
        rc = iso_fail(err, ISO_ECONFLICT,
                      "a restore into it has not been finished: run isocenter restore again");
    if (rc >= 0)
        rc = open_store(arc, err); /* takes the lock */
    if (rc >= 0)
        rc = open_index(arc, index_name, err);
    if (rc >= 0)
        rc = os_sync_folder(arc->folder, err);
    if (rc >= 0)
        rc = arc_volumes_open(arc, err);
    if (rc >= 0 && !config->care)
        rc = arc_recover(arc, err);
    if (rc >= 0 && !config->care)
        rc = arc_marker_start(arc, err);
    if (rc >= 0)
        rc = arc_quota_open(arc, err);
    if (rc >= 0 && !config->care)
        rc = arc_keeper_start(arc, err);
    if (rc < 0) {
        rc = iso_wrap(err, rc, "data folder %s", config->folder);
        arc_close(arc);
        return rc;
    }
    *out = arc;
    return ISO_OK;
}

void arc_close(struct arc *arc)
{
    if (arc == NULL)
        return;
    arc_settler_stop(arc->settler);
    arc_scrub_stop(arc->scrubber);
    arc_recoder_stop(arc->recoder);
    arc_quota_close(arc->quota);
    arc_keeper_stop(arc);
    arc_marker_stop(arc);
    arc_digests_close(arc);
    index_close(arc->index);
    store_close(arc->store);
    arc_volumes_close(arc);
    os_close(arc->folder);
    os_cond_release(&arc->wake_marker);
    os_mutex_release(&arc->mu_marker);
    os_cond_release(&arc->wake_keeper);
    os_mutex_release(&arc->mu_keeper);
    os_mutex_release(&arc->mu_events);
    os_cond_release(&arc->landed);
    os_mutex_release(&arc->mu_flights);
    free(arc->folder_name);
    free(arc);
}

/* ---- events and figures ---- */

int arc_on_event(struct arc *arc, void (*fn)(void *ctx, const struct arc_event *event), void *ctx,
                 struct iso_err *err)
{
    bool full;

    os_mutex_lock(&arc->mu_events);
    full = arc->subscriber_count == ARC_SUBSCRIBERS_MAX;
    if (!full)
        arc->subscriber[arc->subscriber_count++] = (struct arc_subscriber){ fn, ctx };
    os_mutex_unlock(&arc->mu_events);
    return full ? iso_fail(err, ISO_ELIMIT, "at most %d subscribers", (int)ARC_SUBSCRIBERS_MAX)
                : ISO_OK;
}

void arc_publish(struct arc *arc, const struct arc_event *event)
{
    struct arc_subscriber list[ARC_SUBSCRIBERS_MAX];
    size_t                count;

    os_mutex_lock(&arc->mu_events);
    count = arc->subscriber_count;
    memcpy(list, arc->subscriber, sizeof list);
    os_mutex_unlock(&arc->mu_events);
    for (size_t i = 0; i < count; i++)
        list[i].fn(list[i].ctx, event);
}

int arc_stats(struct arc *arc, struct arc_stats *out, struct iso_err *err)
{
    struct index_stats stats;
    uint64_t           left;
    int                rc = index_stats(arc->index, &stats, err);

    if (rc >= 0)
        rc = store_free_bytes(arc->store, &left, err);
    if (rc >= 0)
        *out = (struct arc_stats){
            .patients   = stats.patients,
            .studies    = stats.studies,
            .series     = stats.series,
            .instances  = stats.instances,
            .bytes      = stats.bytes,
            .bytes_free = left,
            .deferred   = arc->config.flush_ms > 0,
            .writable   = store_writable(arc->store) && index_writable(arc->index),
        };
    return rc;
}
