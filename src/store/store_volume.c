/* store_volume.c: the open segment of a volume and its committer. Whoever leads the group (os_group.h)
 * writes all waiting objects in one go behind the segment's end, flushes once, and only then moves the
 * end: a failed or short write leaves nothing that counts, and the next batch writes over it. */
#include "store_in.h"

#include "os_clock.h"

#include <stdio.h>
#include <string.h>

void store_segment_name(uint64_t number, char name[STORE_NAME_BYTES])
{
    (void)snprintf(name, STORE_NAME_BYTES, "%08llu.tar", (unsigned long long)number);
}

/* ---- what a volume can take ---- */

static int flush_failed(struct store_volume *v, struct iso_err *err)
{
    atomic_store(&v->failed, true);
    return iso_wrap(err, ISO_EIO, "volume %u acknowledges nothing more until a restart",
                    v->config.number);
}

/* Never tried again: a flush after a failed one may succeed without having written what that one lost. */
static int flush_with(struct store_volume *v, int fd, int (*sync)(int fd, struct iso_err *err),
                      struct iso_err *err)
{
    if (atomic_load(&v->failed))
        return iso_fail(err, ISO_EIO, "a flush of volume %u has failed before", v->config.number);
    return sync(fd, err) < 0 ? flush_failed(v, err) : ISO_OK;
}

int store_flush(struct store_volume *v, int fd, struct iso_err *err)
{
    return flush_with(v, fd, os_sync, err);
}

int store_flush_folder(struct store_volume *v, int fd, struct iso_err *err)
{
    return flush_with(v, fd, os_sync_folder, err);
}

/* The system is asked now and then only: a full disk is an error of the write as well. */
int store_volume_check(struct store_volume *v, struct iso_err *err)
{
    const int64_t now = os_now_ms();
    uint64_t      left;
    int           rc;

    if (atomic_load(&v->failed))
        return iso_fail(err, ISO_EIO,
                        "a flush to disk has failed: nothing is stored until a restart");
    if (!atomic_load(&v->full) && now - atomic_load(&v->space_at) < STORE_SPACE_MS)
        return ISO_OK;
    rc = os_free_bytes(v->config.folder, &left, err);
    if (rc < 0)
        return rc;
    atomic_store(&v->full, left < v->config.stop_free_bytes);
    atomic_store(&v->space_at, now);
    return left >= v->config.stop_free_bytes
               ? ISO_OK
               : iso_fail(err, ISO_ENOSPC, "%llu MiB free, %llu must stay free",
                          (unsigned long long)(left >> 20),
                          (unsigned long long)(v->config.stop_free_bytes >> 20));
}

int store_volume_pick(struct store *store, const struct store_volume *after,
                      struct store_volume **out, struct iso_err *err)
{
    int rc = iso_fail(err, ISO_EIO, "no volume takes objects");

    for (size_t i = 0; i < store->volume_count; i++) {
        struct store_volume *v = store->volume[i];
        struct iso_err       why;
        int                  one;

        if (after != NULL || v->config.kind != STORE_SEGMENTS) {
            if (v == after)
                after = NULL;
            continue;
        }
        one = store_volume_check(v, &why);
        if (one >= 0) {
            *out = v;
            return ISO_OK;
        }
        if (rc != ISO_ENOSPC) { /* one that is full may have room again: say that */
            rc = one;
            if (err != NULL)
                *err = why;
        }
    }
    return rc;
}

/* ---- segments ---- */

/* A new segment whose name is durable before anything in it is acknowledged. */
static int segment_create(struct store_volume *v, uint64_t number, struct iso_err *err)
{
    char name[STORE_NAME_BYTES];
    int  fd;
    int  rc;

    store_segment_name(number, name);
    rc = os_open(v->seg, name, OS_CREATE, &fd, err);
    if (rc < 0)
        return rc;
    rc = store_flush_folder(v, v->seg, err);
    if (rc < 0) {
        os_close(fd);
        return rc;
    }
    os_close(v->segment);
    v->segment        = fd;
    v->segment_number = number;
    v->segment_end    = 0;
    v->segment_ready  = 0;
    return ISO_OK;
}

/* Closes the segment with the two zero blocks that end a tar file, and begins the next. */
static int segment_next(struct store_volume *v, struct iso_err *err)
{
    static const uint8_t zeros[2 * STORE_TAR_BLOCK];
    const uint64_t       end = v->segment_end + 2 * (uint64_t)STORE_TAR_BLOCK;
    int                  rc  = os_write_at(v->segment, zeros, sizeof zeros, v->segment_end, err);

    if (rc >= 0 && v->segment_ready > end)
        rc = os_truncate(v->segment, end, err);
    if (rc >= 0)
        rc = store_flush(v, v->segment, err);
    if (rc >= 0)
        store_low_flushed(v);
    return rc < 0 ? rc : segment_create(v, v->segment_number + 1, err);
}

static int number_take(void *ctx, const char *name, struct iso_err *err)
{
    uint64_t *range = ctx;
    uint64_t  n;
    iso_str   text = iso_str_c(name);

    (void)err;
    if (!iso_str_ends(text, ISO_STR(".tar")) ||
        !iso_str_to_u64(iso_str_sub(text, 0, text.len - 4), &n) || n == 0)
        return ISO_OK;
    if (range[0] == 0 || n < range[0])
        range[0] = n;
    if (n > range[1])
        range[1] = n;
    return ISO_OK;
}

int store_segments(struct store_volume *v, uint64_t *first, uint64_t *last, struct iso_err *err)
{
    uint64_t range[2] = { 0, 0 };
    int      rc       = os_list(v->config.folder, "seg", number_take, range, err);

    if (rc >= 0) {
        *first = range[0];
        *last  = range[1];
    }
    return rc;
}

/* ---- the committer ---- */

/* Nothing of a failed write counts; what did reach the file must not look like a member one day. */
static int tail_cut(struct store_volume *v, struct iso_err *err)
{
    int rc = atomic_load(&v->torn) ? os_truncate(v->segment, v->segment_end, err) : ISO_OK;

    if (rc >= 0)
        atomic_store(&v->torn, false);
    return rc;
}

/* Nothing of a batch whose flush failed was acknowledged, and nothing comes behind it any more. But recovery would find it
 * whole: it goes. That this reaches the disk needs no more of it than the file's length. */
static void batch_undo(struct store_volume *v)
{
    atomic_store(&v->torn, true);
    if (tail_cut(v, NULL) < 0 || os_sync(v->segment, NULL) < 0)
        atomic_store(&v->untidy, true);
}

/* All of the list behind the segment's end, then one flush. Deferred: the flush waits until somebody asks
 * for it, or for a large object, whose own file has been flushed anyway. */
static int batch_write(struct store_volume *v, struct store_append *first, size_t count,
                       struct iso_err *err)
{
    struct store_batch *b     = v->batch;
    bool                flush = !v->store->config.deferred;
    int                 rc    = store_low_reserve(v, count, err);

    if (rc < 0)
        return rc;
    for (struct store_append *a = first; a != NULL; a = (struct store_append *)a->item.next)
        flush = flush || a->flush || a->flushes || a->large;
    store_batch_lay_out(v, first, flush);
    rc = store_batch_write(v, flush, err);
    if (rc < 0) {
        atomic_store(&v->torn, true);
        v->segment_ready = v->segment_end;
        (void)!tail_cut(v, NULL); /* else before the next batch */
        return rc;
    }
    if (flush)
        rc = store_flush(v, v->segment, err);
    else
        os_write_back(v->segment, v->segment_end, b->end - v->segment_end);
    if (rc < 0)
        batch_undo(v);
    if (rc >= 0) {
        v->segment_end   = b->end;
        v->segment_ready = b->ready;
        store_low_add(v, b->place, b->places, v->segment_number, b->end);
        if (flush)
            store_low_flushed(v);
    }
    return rc;
}

static void batch_run(void *ctx, struct os_group_item *item, size_t count)
{
    struct store_volume *v          = ctx;
    struct store_append *first      = (struct store_append *)item;
    struct iso_err       why        = { 0 };
    const bool           only_flush = first->flush && count == 1;
    int                  rc         = ISO_OK;

    if (atomic_load(&v->failed))
        rc = iso_fail(&why, ISO_EIO, "a flush of volume %u has failed", v->config.number);
    else if (!only_flush)
        rc = store_volume_check(v, &why);
    if (rc >= 0)
        rc = tail_cut(v, &why);
    if (rc >= 0 && !only_flush && v->segment_end >= v->store->config.segment_bytes)
        rc = segment_next(v, &why);
    if (rc >= 0)
        rc = batch_write(v, first, count, &why);
    if (rc == ISO_ENOSPC)
        atomic_store(&v->space_at, 0); /* look again before the next one */
    for (struct store_append *a = first; a != NULL; a = (struct store_append *)a->item.next) {
        a->rc = rc;
        if (rc < 0)
            a->err = why;
    }
}

void store_volume_append(struct store_append *a)
{
    os_group_submit(&a->volume->group, &a->item);
}

void store_volume_post(struct store_append *a, void (*finished)(struct os_group_item *item))
{
    os_group_post(&a->volume->group, &a->item, finished);
}

int store_flush_all(struct store *store, struct iso_err *err)
{
    for (size_t i = 0; i < store->volume_count && store->config.deferred; i++) {
        struct store_append a = { .volume = store->volume[i], .flush = true };

        if (a.volume->config.kind != STORE_SEGMENTS)
            continue;
        store_volume_append(&a);
        if (a.rc < 0) {
            if (err != NULL)
                *err = a.err;
            return a.rc;
        }
    }
    return ISO_OK;
}

/* ---- life ---- */

static int folder_open(struct store_volume *v, const char *name, int *fd, struct iso_err *err)
{
    int rc = os_make_folder(v->config.folder, name, err);

    return rc < 0 ? rc : os_open(v->config.folder, name, OS_FOLDER, fd, err);
}

static int segment_open(struct store_volume *v, struct iso_err *err)
{
    char           name[STORE_NAME_BYTES];
    struct os_stat st;
    uint64_t       first;
    uint64_t       number;
    int            rc = store_segments(v, &first, &number, err);

    if (rc < 0)
        return rc;
    if (number == 0)
        return segment_create(v, 1, err);
    store_segment_name(number, name);
    rc = os_open(v->seg, name, OS_WRITE, &v->segment, err);
    if (rc >= 0)
        rc = os_stat_fd(v->segment, &st, err);
    if (rc < 0)
        return rc;
    v->segment_number = number;
    v->segment_end    = store_tar_padded(st.bytes); /* until store_recover has looked */
    v->segment_ready  = v->segment_end;
    return ISO_OK;
}

int store_volume_open(struct store_volume *v, struct iso_err *err)
{
    int rc = ISO_OK;

    v->lock = v->tmp = v->seg = v->large = v->segment = -1;
    atomic_init(&v->failed, false);
    atomic_init(&v->torn, false);
    atomic_init(&v->untidy, false);
    atomic_init(&v->full, false);
    atomic_init(&v->space_at, -STORE_SPACE_MS);
    os_group_init(&v->group, STORE_BATCH_MAX, batch_run, v);
    os_group_init(&v->pushes, 1, store_large_run, v);
    rc = store_low_init(v, err);
    if (rc >= 0)
        rc = store_batch_init(v, err);
    if (rc < 0 || v->config.kind != STORE_SEGMENTS)
        return rc;
    if (v->config.folder != v->store->config.folder) { /* that one is locked already */
        rc = os_open(v->config.folder, "lock", OS_WRITE, &v->lock, err);
        if (rc >= 0)
            rc = os_lock(v->lock, err);
        if (rc == ISO_EBUSY)
            rc = iso_wrap(err, rc, "another process uses volume %u", v->config.number);
    }
    if (rc >= 0)
        rc = folder_open(v, "tmp", &v->tmp, err);
    if (rc >= 0)
        rc = folder_open(v, "seg", &v->seg, err);
    if (rc >= 0)
        rc = folder_open(v, "large", &v->large, err);
    if (rc >= 0)
        rc = os_sync_folder(v->config.folder, err);
    if (rc >= 0)
        rc = segment_open(v, err);
    if (rc >= 0) {
        store_low_add(v, NULL, 0, v->segment_number, v->segment_end);
        store_low_flushed(v);
    }
    return rc;
}

void store_volume_close(struct store_volume *v)
{
    os_group_release(&v->pushes);
    os_group_release(&v->group);
    if (v->segment >= 0 && v->segment_ready > v->segment_end && !atomic_load(&v->failed))
        (void)!os_truncate(v->segment, v->segment_end, NULL); /* or recovery does it */
    os_close(v->segment);
    os_close(v->large);
    os_close(v->seg);
    os_close(v->tmp);
    os_close(v->lock);
    store_low_release(v);
    free(v->batch);
    free(v);
}

bool store_is_tidy(struct store *store)
{
    for (size_t i = 0; i < store->volume_count; i++)
        if (atomic_load(&store->volume[i]->untidy) || atomic_load(&store->volume[i]->torn))
            return false;
    return true;
}
