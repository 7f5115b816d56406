/* store_volume.c: the open segment and its committer. Whoever leads the group (os_group.h) writes all
 * waiting objects in one go behind the segment's end, flushes once, and only then moves the end: a
 * failed or short write leaves nothing that counts, and the next batch writes over it. */
#include "store_in.h"

#include "os_clock.h"

#include <stdio.h>

struct append {
    struct os_group_item   item;
    const uint8_t         *digest;
    struct store_record    record;
    iso_bytes              content;
    struct store_location *at;
    int                    rc;
    struct iso_err        *err;
};

static const uint8_t zeros[2 * STORE_TAR_BLOCK];

void store_segment_name(uint64_t number, char name[STORE_NAME_BYTES])
{
    (void)snprintf(name, STORE_NAME_BYTES, "%08llu.tar", (unsigned long long)number);
}

int store_flush(struct store *store, int fd, struct iso_err *err)
{
    int rc = os_sync(fd, err);

    if (rc < 0) {
        atomic_store(&store->failed, true);
        return iso_wrap(err, ISO_EIO, "the volume acknowledges nothing more until a restart");
    }
    return ISO_OK;
}

int store_check_writable(struct store *store, struct iso_err *err)
{
    uint64_t left;
    int      rc;

    if (atomic_load(&store->failed))
        return iso_fail(err, ISO_EIO,
                        "a flush to disk has failed: nothing is stored until a restart");
    rc = os_free_bytes(store->config.folder, &left, err);
    if (rc >= 0 && left < store->config.free_bytes_min)
        rc = iso_fail(err, ISO_ENOSPC, "%llu MiB free, %llu must stay free",
                      (unsigned long long)(left >> 20),
                      (unsigned long long)(store->config.free_bytes_min >> 20));
    return rc;
}

/* A new segment whose name is durable before anything in it is acknowledged. */
static int segment_create(struct store *store, uint64_t number, struct iso_err *err)
{
    char name[STORE_NAME_BYTES];
    int  fd;
    int  rc;

    store_segment_name(number, name);
    rc = os_open(store->seg, name, OS_CREATE, &fd, err);
    if (rc < 0)
        return rc;
    rc = store_flush(store, store->seg, err);
    if (rc < 0) {
        os_close(fd);
        return rc;
    }
    os_close(store->segment);
    store->segment        = fd;
    store->segment_number = number;
    store->segment_end    = 0;
    return ISO_OK;
}

/* Closes the segment with the two zero blocks that end a tar file, and begins the next. */
static int segment_next(struct store *store, struct iso_err *err)
{
    int rc = os_write_at(store->segment, zeros, sizeof zeros, store->segment_end, err);

    if (rc >= 0)
        rc = store_flush(store, store->segment, err);
    return rc < 0 ? rc : segment_create(store, store->segment_number + 1, err);
}

/* All of the list behind the segment's end, then one flush. The items' places are in *at. */
static int batch_write(struct store *store, struct append *first, size_t count, struct iso_err *err)
{
    uint8_t        head[STORE_BATCH_MAX][STORE_TAR_BLOCK];
    iso_bytes      part[3 * STORE_BATCH_MAX];
    int64_t        now   = os_wall_us() / 1000000;
    uint64_t       end   = store->segment_end;
    size_t         parts = 0;
    struct append *a     = first;
    int            rc;

    for (size_t i = 0; i < count; i++, a = (struct append *)a->item.next) {
        struct store_tar_member member = { .bytes   = a->content.len,
                                           .mtime_s = now,
                                           .record  = a->record };

        for (size_t k = 0; k < STORE_DIGEST_BYTES; k++)
            member.digest[k] = a->digest[k];
        store_tar_head(&member, head[i]);
        part[parts++] = iso_bytes_of(head[i], STORE_TAR_BLOCK);
        part[parts++] = a->content;
        part[parts++] =
            iso_bytes_of(zeros, (size_t)(store_tar_padded(a->content.len) - a->content.len));
        *a->at = (struct store_location){ .volume = STORE_VOLUME_FIRST,
                                          .file   = store->segment_number,
                                          .offset = end + STORE_TAR_BLOCK,
                                          .length = a->content.len };
        end += STORE_TAR_BLOCK + store_tar_padded(a->content.len);
    }
    rc = os_write_parts_at(store->segment, part, parts, store->segment_end, err);
    if (rc < 0) { /* nothing of it counts; what did reach the file must not look like a tail */
        if (os_truncate(store->segment, store->segment_end, NULL) < 0)
            atomic_store(&store->failed, true);
        return rc;
    }
    rc = store_flush(store, store->segment, err);
    if (rc >= 0)
        store->segment_end = end;
    return rc;
}

static void batch_run(void *ctx, struct os_group_item *item, size_t count)
{
    struct store  *store = ctx;
    struct append *first = (struct append *)item;
    struct iso_err why   = { 0 };
    int            rc    = store_check_writable(store, &why);

    if (rc >= 0 && store->segment_end >= store->config.segment_bytes)
        rc = segment_next(store, &why);
    if (rc >= 0)
        rc = batch_write(store, first, count, &why);
    for (struct append *a = first; a != NULL; a = (struct append *)a->item.next) {
        a->rc = rc;
        if (rc < 0 && a->err != NULL)
            *a->err = why;
    }
}

int store_volume_append(struct store *store, struct store_blob *blob,
                        const uint8_t digest[STORE_DIGEST_BYTES], const struct store_record *record,
                        struct store_location *at, struct iso_err *err)
{
    struct store_location place  = { 0 };
    struct append         append = { .digest  = digest,
                                     .record  = *record,
                                     .content = iso_bytes_of(blob->ptr, blob->len),
                                     .at      = &place,
                                     .err     = err };

    os_group_submit(&store->group, &append.item);
    if (append.rc >= 0)
        *at = place;
    return append.rc;
}

static int newest(void *ctx, const char *name, struct iso_err *err)
{
    uint64_t *number = ctx;
    uint64_t  n;
    iso_str   text = iso_str_c(name);

    (void)err;
    if (iso_str_ends(text, ISO_STR(".tar")) &&
        iso_str_to_u64(iso_str_sub(text, 0, text.len - 4), &n) && n > *number)
        *number = n;
    return ISO_OK;
}

int store_volume_open(struct store *store, struct iso_err *err)
{
    char           name[STORE_NAME_BYTES];
    struct os_stat st;
    uint64_t       number = 0;
    int            rc;

    os_group_init(&store->group, STORE_BATCH_MAX, batch_run, store);
    rc = os_list(store->config.folder, "seg", newest, &number, err);
    if (rc < 0)
        return rc;
    if (number == 0)
        return segment_create(store, 1, err);
    store_segment_name(number, name);
    rc = os_open(store->seg, name, OS_WRITE, &store->segment, err);
    if (rc >= 0)
        rc = os_stat_fd(store->segment, &st, err);
    if (rc < 0)
        return rc;
    store->segment_number = number;
    store->segment_end    = store_tar_padded(st.bytes); /* until store_recover has looked */
    return ISO_OK;
}

void store_volume_close(struct store *store)
{
    os_close(store->segment);
    os_group_release(&store->group);
}
