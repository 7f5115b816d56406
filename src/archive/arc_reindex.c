/* arc_reindex.c: heads first, into a list sorted by arrival on disk; then the objects in that order, a
 * few hundred at a time: read side by side, added in one transaction. The new index stands beside the
 * old one until it is complete, looked at and flushed. */
#include "arc_reindex.h"

#include "arc_in.h"
#include "codec_parallel.h"
#include "index_care.h"
#include "index_memo.h"
#include "index_rebuild.h"
#include "os_clock.h"
#include "store_survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEW_INDEX "index.db.new"
#define LIST      "index.db.list"

enum {
    BATCH            = 256,
    THREADS          = 2,
    KEPT_AT_ONCE     = 256,
    CHECKPOINT_EVERY = 16, /* batches */
    OBJECT_BYTES_MAX = 256 << 20,
    GRACE_S          = 7 * 86400 /* where the configuration has none */
};

struct work {
    struct index_listed  listed;
    struct iso_arena     arena;
    struct arc_reread    read;
    struct index_rebuilt rebuilt;
    int                  rc;
    bool                 damaged; /* it is not what its digest or checksum says */
    struct iso_err       why;
};

struct reindex {
    const struct arc_reindex_config *config;
    struct arc_reindex_report       *report;
    struct arc                      *arc;
    struct index_list               *list;
    struct work                     *work;
    struct index_rebuilt            *rebuilt; /* BATCH */
    int64_t                         *kept;    /* ids to be removed again */
    size_t                           kept_count, kept_cap;
    int64_t                          until_us;
    uint32_t                         volume; /* being surveyed */
    uint64_t                         end_file[STORE_VOLUMES_MAX];
    uint64_t                         end_offset[STORE_VOLUMES_MAX];
    size_t                           at; /* number of the volume in that */
};

static int go_on(struct reindex *r, struct iso_err *err)
{
    if (r->config->stop != NULL && r->config->stop(r->config->ctx))
        return iso_fail(err, ISO_ECANCEL, "stopped; the old index is as it was");
    if (r->config->progress != NULL)
        r->config->progress(r->config->ctx, r->report);
    return ISO_OK;
}

static void tell_failed(struct reindex *r, const struct store_location *at, const char *why)
{
    char name[STORE_NAME_BYTES];
    char where[STORE_NAME_BYTES + 48];

    store_location_name(at, name);
    (void)snprintf(where, sizeof where, "volume %u %s at %llu", at->volume, name,
                   (unsigned long long)store_content_offset(at));
    r->report->failed++;
    if (r->config->failed != NULL)
        r->config->failed(r->config->ctx, where, why);
}

/* ---- what there is ---- */

static int list_sight(void *ctx, const struct store_sight *sight, struct iso_err *err)
{
    struct reindex            *r    = ctx;
    const struct store_member *m    = &sight->member;
    struct index_listed        item = { .at = m->at, .crc32c = -1, .has_digest = true };

    if (sight->kind == STORE_SIGHT_GAP)
        tell_failed(r, &(struct store_location){ sight->volume, sight->segment, sight->from, 0 },
                    "bytes that are no object; a damaged head, perhaps: isocenter verify");
    if (sight->kind != STORE_SIGHT_MEMBER)
        return ISO_OK;
    r->end_file[r->at]   = sight->segment;
    r->end_offset[r->at] = sight->to;
    if (m->state == STORE_REMOVED) {
        r->report->removed++;
        return ISO_OK;
    }
    if ((m->at.file & ~STORE_FILE_LARGE) == 0) { /* a journal entry that cannot be read */
        tell_failed(r, &(struct store_location){ sight->volume, sight->segment, m->offset, 0 },
                    "its journal entry cannot be read");
        return ISO_OK;
    }
    item.kept       = m->state == STORE_KEPT;
    item.has_record = m->record.stored_us > 0;
    item.us         = item.has_record ? m->record.stored_us : sight->mtime_s * 1000000;
    if (m->record.has_crc)
        item.crc32c = (int64_t)m->record.crc32c;
    memcpy(item.digest, m->digest, sizeof item.digest);
    memcpy(item.from, m->record.from, sizeof item.from);
    r->report->members++;
    int rc = index_list_add(r->list, &item, err);
    return rc >= 0 && r->report->members % 1024 == 0 ? go_on(r, err) : rc;
}

/* A file of its own that no journal entry names: stored before there were any. */
static int list_file(void *ctx, const struct store_entry *entry, struct iso_err *err)
{
    struct reindex     *r    = ctx;
    struct index_listed item = { .us     = entry->mtime_s * 1000000,
                                 .at     = { r->volume, entry->number, 0, entry->bytes },
                                 .crc32c = -1 };
    bool                has  = false;

    if (!entry->ours || store_survey_under_way(r->arc->store, &item.at))
        return ISO_OK;
    int rc = index_list_has(r->list, &item.at, &has, err);
    if (rc < 0 || has)
        return rc;
    r->report->members++;
    return index_list_add(r->list, &item, err);
}

static int list_all(struct reindex *r, struct iso_err *err)
{
    struct store_volume_info volume[STORE_VOLUMES_MAX];
    size_t                   count;
    int                      rc = store_volumes(r->arc->store, volume, &count, err);

    for (r->at = 0; rc >= 0 && r->at < count; r->at++) {
        r->volume = volume[r->at].number;
        rc        = store_survey(r->arc->store, r->volume, 0, 0, list_sight, r, err);
        if (rc >= 0)
            rc = store_entries(r->arc->store, r->volume, STORE_IN_LARGE, list_file, r, err);
    }
    return rc;
}

/* ---- objects ---- */

static int read_one(struct reindex *r, struct work *w, struct iso_err *err)
{
    const struct index_listed *l     = &w->listed;
    const bool                 whole = r->config->verify || !l->has_digest;
    uint64_t                   bytes;
    int                        fd;
    int                        rc = store_raw_open(r->arc->store, &l->at, &fd, &bytes, err);

    if (rc < 0)
        return rc;
    if (store_content_offset(&l->at) + l->at.length > bytes)
        rc = iso_fail(err, ISO_EFORMAT, "its file ends before it does");
    if (rc >= 0)
        rc = arc_reread(fd, store_content_offset(&l->at), l->at.length,
                        whole ? ARC_WHOLE : ARC_FRONT, NULL, NULL, &w->arena, &w->read, err);
    os_close(fd);
    if (rc < 0)
        return rc;
    struct index_instance *entry = &w->read.entry;
    w->damaged =
        r->config->verify &&
        ((l->has_digest && memcmp(w->read.parsed.digest, l->digest, sizeof l->digest) != 0) ||
         (l->crc32c >= 0 && w->read.crc32c != (uint32_t)l->crc32c));
    if (l->has_digest)
        memcpy(entry->digest, l->digest, sizeof entry->digest);
    entry->location  = l->at;
    entry->stored_us = l->us;
    entry->crc32c    = whole && !w->damaged ? (int64_t)w->read.crc32c : l->crc32c;
    entry->source_ae = iso_str_c(l->from);
    return ISO_OK;
}

/* One of the threads' jobs. What cannot be read is that object's own affair. */
static int read_job(void *ctx, size_t number, struct iso_err *err)
{
    struct reindex *r = ctx;
    struct work    *w = &r->work[number];

    (void)err;
    iso_arena_reset(&w->arena);
    w->why = (struct iso_err){ 0 };
    w->rc  = read_one(r, w, &w->why);
    return ISO_OK;
}

static int keep_id(struct reindex *r, int64_t id, struct iso_err *err)
{
    if (r->kept_count == r->kept_cap) {
        size_t   cap  = r->kept_cap == 0 ? 1024 : 2 * r->kept_cap;
        int64_t *more = realloc(r->kept, cap * sizeof *more);

        if (more == NULL)
            return iso_fail(err, ISO_ENOMEM, "no memory for what was removed");
        r->kept     = more;
        r->kept_cap = cap;
    }
    r->kept[r->kept_count++] = id;
    return ISO_OK;
}

static int added(struct reindex *r, const struct work *w, const struct index_rebuilt *item,
                 struct iso_err *err)
{
    int rc = ISO_OK;

    if (item->rc < 0) {
        tell_failed(r, &w->listed.at, "its header cannot be kept");
        return ISO_OK;
    }
    r->report->replaced += item->replaced || item->id == 0;
    if (item->id != 0 && w->listed.kept)
        rc = keep_id(r, item->id, err);
    if (rc >= 0 && item->id != 0 && w->damaged) {
        tell_failed(r, &w->listed.at, "its bytes are not those that were stored");
        rc = index_damage_set(r->arc->index, item->id, os_wall_us(),
                              ISO_STR("its bytes are not those that were stored"), err);
    }
    return rc;
}

static int add_batch(struct reindex *r, size_t count, struct iso_err *err)
{
    size_t of[BATCH];
    size_t n  = 0;
    int    rc = ISO_OK;

    for (size_t i = 0; i < count; i++) {
        struct work *w = &r->work[i];

        if (w->rc < 0) {
            if (w->rc == ISO_EIO || w->rc == ISO_ENOMEM)
                return iso_fail(err, w->rc, "%s", w->why.text);
            tell_failed(r, &w->listed.at, w->why.text);
            continue;
        }
        of[n] = i;
        r->rebuilt[n++] =
            (struct index_rebuilt){ .instance = &w->read.entry,
                                    .header   = &w->read.parsed.header,
                                    .origin   = w->read.has_origin ? &w->read.origin : NULL };
    }
    if (n > 0)
        rc = index_rebuild_add(r->arc->index, r->rebuilt, n, r->until_us, err);
    for (size_t i = 0; i < n && rc >= 0; i++)
        rc = added(r, &r->work[of[i]], &r->rebuilt[i], err);
    r->report->done += count;
    return rc;
}

static int add_all(struct reindex *r, struct iso_err *err)
{
    struct index_listed *listed  = calloc(BATCH, sizeof *listed);
    const unsigned       threads = r->config->threads > 0 ? r->config->threads : THREADS;
    size_t               count   = 1;
    size_t               batch   = 0;
    int rc = listed != NULL ? ISO_OK : iso_fail(err, ISO_ENOMEM, "no memory to read objects");

    while (rc >= 0 && count > 0) {
        rc = index_list_next(r->list, listed, BATCH, &count, err);
        for (size_t i = 0; i < count && rc >= 0; i++)
            r->work[i].listed = listed[i];
        if (rc >= 0 && count > 0)
            rc = codec_parallel(threads, count, read_job, r, err);
        if (rc >= 0 && count > 0)
            rc = add_batch(r, count, err);
        if (rc >= 0 && ++batch % CHECKPOINT_EVERY == 0)
            rc = index_checkpoint(r->arc->index, err);
        if (rc >= 0)
            rc = go_on(r, err);
    }
    free(listed);
    return rc;
}

/* What had been removed is removed again, now that all counts have had it. */
static int remove_kept(struct reindex *r, struct iso_err *err)
{
    int rc = ISO_OK;

    for (size_t at = 0; at < r->kept_count && rc >= 0; at += KEPT_AT_ONCE) {
        size_t   n = r->kept_count - at < KEPT_AT_ONCE ? r->kept_count - at : KEPT_AT_ONCE;
        uint64_t removed;

        rc = index_remove(r->arc->index, r->kept + at, n, r->until_us, &removed, err);
        if (rc >= 0)
            r->report->kept += removed;
    }
    return rc;
}

/* All that was seen is in the new index: recovery begins behind it. */
static int mark_ends(struct reindex *r, struct iso_err *err)
{
    struct store_volume_info volume[STORE_VOLUMES_MAX];
    size_t                   count;
    int                      rc = store_volumes(r->arc->store, volume, &count, err);

    for (size_t i = 0; i < count && rc >= 0; i++)
        if (r->end_file[i] != 0)
            rc = index_volume_mark(r->arc->index, volume[i].number, r->end_file[i],
                                   r->end_offset[i], err);
    return rc;
}

static int refuse(void *ctx, const struct index_illness *ill, struct iso_err *err)
{
    (void)ctx;
    return iso_fail(err, ISO_EIO, "the new index is not sound: %s: %s", ill->table, ill->what);
}

static int look_over(struct reindex *r, struct iso_err *err)
{
    struct index_stats stats;
    int                rc = ISO_OK;

    for (int part = INDEX_CHECK_FILE; part <= INDEX_CHECK_COUNTS && rc >= 0; part++)
        rc = index_check(r->arc->index, (enum index_check_part)part, false, false, refuse, r, err);
    if (rc >= 0)
        rc = index_stats(r->arc->index, &stats, err);
    if (rc >= 0) {
        r->report->instances = stats.instances;
        r->report->bytes     = stats.bytes;
    }
    return rc;
}

/* What the viewer keeps is in no segment: the old index is all that has it. */
static int carry_memos(struct reindex *r, struct iso_err *err)
{
    char           path[4096];
    struct os_stat st;
    struct iso_err why = { 0 };
    int            n   = snprintf(path, sizeof path, "%s/" ARC_INDEX, r->arc->folder_name);

    if (n <= 0 || (size_t)n >= sizeof path)
        return iso_fail(err, ISO_ELIMIT, "the folder's name is too long");
    if (os_stat(r->arc->folder, ARC_INDEX, &st, NULL) < 0)
        return ISO_OK;
    r->report->memos_unread = index_memo_carry(r->arc->index, path, r->report->memos, &why) < 0;
    return ISO_OK;
}

/* ---- in the old one's place ---- */

/* What the old index has in its log goes into its file, if it can be read at all. */
static void settle_old(struct arc *arc)
{
    struct index  *old = NULL;
    struct iso_buf path;

    iso_buf_init(&path, 8192);
    iso_buf_printf(&path, "%s/%s", arc->folder_name, ARC_INDEX);
    iso_buf_add_u8(&path, '\0');
    if (iso_buf_ok(&path) && os_stat(arc->folder, ARC_INDEX, &(struct os_stat){ 0 }, NULL) >= 0 &&
        index_open((const char *)path.ptr, 1, &old, NULL) >= 0)
        index_close(old);
    iso_buf_release(&path);
}

/* The old log must be away before the new file has the name that it belongs to. */
static int swap(struct arc *arc, struct iso_err *err)
{
    struct os_stat st;
    char           before[64];
    char           log[80];
    int            fd = -1;
    int            rc = os_open(arc->folder, NEW_INDEX, OS_WRITE, &fd, err);

    if (rc >= 0)
        rc = os_sync(fd, err);
    os_close(fd);
    settle_old(arc);
    (void)snprintf(before, sizeof before, ARC_INDEX ".before-%lld",
                   (long long)(os_wall_us() / 1000)); /* no two in one ms */
    (void)snprintf(log, sizeof log, "%s-wal", before);
    if (rc >= 0 && os_stat(arc->folder, ARC_INDEX "-wal", &st, NULL) >= 0)
        rc = os_rename(arc->folder, ARC_INDEX "-wal", arc->folder, log, err);
    (void)os_remove(arc->folder, ARC_INDEX "-shm", NULL);
    if (rc >= 0 && os_stat(arc->folder, ARC_INDEX, &st, NULL) >= 0)
        rc = os_link(arc->folder, ARC_INDEX, arc->folder, before, err);
    if (rc >= 0)
        rc = os_sync_folder(arc->folder, err);
    if (rc >= 0)
        rc = os_rename(arc->folder, NEW_INDEX, arc->folder, ARC_INDEX, err);
    if (rc >= 0)
        rc = os_sync_folder(arc->folder, err);
    return rc;
}

static int run(struct reindex *r, struct iso_err *err)
{
    char path[4096];
    int  n  = snprintf(path, sizeof path, "%s/" LIST, r->arc->folder_name);
    int  rc = n > 0 && (size_t)n < sizeof path
                  ? index_list_new(path, &r->list, err)
                  : iso_fail(err, ISO_ELIMIT, "the folder's name is too long");

    if (rc >= 0)
        rc = list_all(r, err);
    if (rc >= 0)
        rc = add_all(r, err);
    if (rc >= 0)
        rc = remove_kept(r, err);
    if (rc >= 0)
        rc = mark_ends(r, err);
    if (rc >= 0)
        rc = look_over(r, err);
    if (rc >= 0)
        rc = carry_memos(r, err);
    if (rc < 0)
        return rc;
    index_close(r->arc->index); /* copies its log into the file */
    r->arc->index = NULL;
    return swap(r->arc, err);
}

int arc_reindex(const struct arc_reindex_config *config, struct arc_reindex_report *report,
                struct iso_err *err)
{
    struct arc_config with  = *config->archive;
    const int64_t     grace = with.removal_grace_s > 0 ? with.removal_grace_s : GRACE_S;
    struct reindex    r     = { .config   = config,
                                .report   = report,
                                .work     = calloc(BATCH, sizeof *r.work),
                                .rebuilt  = calloc(BATCH, sizeof *r.rebuilt),
                                .until_us = os_wall_us() + grace * 1000000 };
    int               rc    = r.work != NULL && r.rebuilt != NULL
                                  ? ISO_OK
                                  : iso_fail(err, ISO_ENOMEM, "no memory for a new index");

    *report   = (struct arc_reindex_report){ .began_us = os_wall_us() };
    with.care = true;
    for (size_t i = 0; i < BATCH && r.work != NULL; i++)
        iso_arena_init(&r.work[i].arena, OBJECT_BYTES_MAX);
    if (rc >= 0)
        rc = arc_open_with(&with, NEW_INDEX, &r.arc, err);
    if (rc >= 0 && r.arc->index == NULL)
        rc = iso_fail(err, ISO_EIO, "%s", r.arc->index_trouble.text);
    if (rc >= 0)
        rc = run(&r, err);
    index_list_free(r.list);
    if (r.arc != NULL && rc < 0) { /* what was begun goes while the folder is still ours */
        index_close(r.arc->index);
        r.arc->index = NULL;
        arc_index_remove(r.arc->folder, NEW_INDEX);
    }
    arc_close(r.arc);
    for (size_t i = 0; i < BATCH && r.work != NULL; i++)
        iso_arena_release(&r.work[i].arena);
    free(r.kept);
    free(r.rebuilt);
    free(r.work);
    report->ended_us = os_wall_us();
    return rc;
}
