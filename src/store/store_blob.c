/* store_blob.c: an object on its way in, and its commit. Small ones stay in memory, in a buffer that only touches the
 * pages it fills; the store's budget counts buffers at their full size, so that the promise "this
 * much and no more" holds whatever the peers send. A blob that gets no memory in time, or grows
 * beyond the inline size, moves to a temporary file and keeps two small buffers (store_large.c). */
#include "store_in.h"

#include "iso_crc32c.h"
#include "os_clock.h"

#include <stdio.h>
#include <string.h>

/* So that it can be written past the system's cache. */
uint8_t *store_buffer_make(size_t bytes)
{
    return aligned_alloc(STORE_ALIGN, (bytes + STORE_ALIGN - 1) / STORE_ALIGN * STORE_ALIGN);
}

/* A full-size buffer within the budget, after a short wait; NULL: spill. */
static uint8_t *buffer_take(struct store *store)
{
    const uint64_t size     = store->config.inline_bytes_max;
    const int64_t  deadline = os_now_ms() + STORE_WAIT_MS;
    uint8_t       *ptr      = NULL;
    bool           granted  = true;

    os_mutex_lock(&store->mu_memory);
    while (granted && store->memory_used + size > store->config.receive_bytes_max)
        granted = os_cond_wait_until(&store->memory_back, &store->mu_memory, deadline);
    granted = store->memory_used + size <= store->config.receive_bytes_max;
    if (granted) {
        store->memory_used += size;
        if (store->buffer_count > 0)
            ptr = store->buffer[--store->buffer_count];
    }
    os_mutex_unlock(&store->mu_memory);
    if (granted && ptr == NULL) {
        ptr = store_buffer_make((size_t)size);
        if (ptr == NULL) {
            os_mutex_lock(&store->mu_memory);
            store->memory_used -= size;
            os_mutex_unlock(&store->mu_memory);
        }
    }
    return ptr;
}

/* A full-size buffer that lies there anyway, while at most half of the budget is taken; or NULL. */
static uint8_t *buffer_spare(struct store *store)
{
    const uint64_t size = store->config.inline_bytes_max;
    uint8_t       *ptr  = NULL;

    os_mutex_lock(&store->mu_memory);
    if (store->buffer_count > 0 &&
        store->memory_used + size <= store->config.receive_bytes_max / 2) {
        store->memory_used += size;
        ptr = store->buffer[--store->buffer_count];
    }
    os_mutex_unlock(&store->mu_memory);
    return ptr;
}

static void buffer_give(struct store_blob *blob)
{
    struct store *store = blob->store;
    uint8_t      *ptr   = blob->ptr;

    if (blob->budgeted) {
        os_mutex_lock(&store->mu_memory);
        store->memory_used -= store->config.inline_bytes_max;
        if (store->buffer_count < STORE_BUFFERS_MAX) {
            store->buffer[store->buffer_count++] = ptr;
            ptr                                  = NULL;
        }
        os_cond_signal(&store->memory_back);
        os_mutex_unlock(&store->mu_memory);
    }
    free(ptr);
    blob->ptr      = NULL;
    blob->budgeted = false;
    blob->cap      = 0;
}

int store_begin(struct store *store, struct store_blob **blob, struct iso_err *err)
{
    struct store_volume *v;
    struct store_blob   *b;
    int                  rc = store_volume_pick(store, NULL, &v, err);

    if (rc < 0)
        return rc;
    b = calloc(1, sizeof *b);
    if (b == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for an incoming object");
    b->store    = store;
    b->ptr      = buffer_spare(store);
    b->budgeted = b->ptr != NULL;
    b->cap      = b->budgeted ? (size_t)store->config.inline_bytes_max : STORE_CHUNK_BYTES;
    b->fd       = -1;
    if (b->ptr == NULL)
        b->ptr = store_buffer_make(STORE_CHUNK_BYTES);
    if (b->ptr == NULL) {
        free(b);
        return iso_fail(err, ISO_ENOMEM, "no memory for an incoming object");
    }
    *blob = b;
    return ISO_OK;
}

/* From memory to a temporary file. */
static int spill(struct store_blob *blob, struct iso_err *err)
{
    char name[STORE_NAME_BYTES];
    int  rc;

    os_random(&blob->number, sizeof blob->number);
    blob->number |= STORE_FILE_LARGE; /* and keep it positive in any signed column */
    blob->number &= ~((uint64_t)1 << 63);
    store_temporary_name(blob->number, name);
    rc = store_volume_pick(blob->store, NULL, &blob->volume, err);
    if (rc >= 0)
        rc = os_open(blob->volume->tmp, name, OS_CREATE, &blob->fd, err);
    if (rc >= 0)
        rc = store_large_begin(blob, err);
    if (rc < 0)
        return rc;
    buffer_give(blob); /* others need it more */
    blob->ptr = store_buffer_make(STORE_SPILL_BYTES);
    if (blob->ptr == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for an incoming object");
    blob->cap = STORE_SPILL_BYTES;
    return ISO_OK;
}

/* The buffer is full: a larger one, or the file. */
static int grow(struct store_blob *blob, struct iso_err *err)
{
    uint8_t *large;

    if (blob->fd >= 0)
        return store_large_push(blob, err);
    if (blob->budgeted || (large = buffer_take(blob->store)) == NULL)
        return spill(blob, err);
    memcpy(large, blob->ptr, blob->len);
    free(blob->ptr);
    blob->ptr      = large;
    blob->cap      = (size_t)blob->store->config.inline_bytes_max;
    blob->budgeted = true;
    return ISO_OK;
}

int store_reserve(struct store_blob *blob, size_t want, void **ptr, size_t *room,
                  struct iso_err *err)
{
    if (blob->len == blob->cap) {
        int rc = grow(blob, err);
        if (rc < 0)
            return rc;
    }
    size_t left = blob->cap - blob->len;
    *ptr        = blob->ptr + blob->len;
    *room       = want < left ? want : left;
    return ISO_OK;
}

int store_added(struct store_blob *blob, size_t len, struct iso_err *err)
{
    if (len > blob->cap - blob->len)
        return iso_fail(err, ISO_EINVAL, "more bytes than were reserved");
    blob->crc32c = iso_crc32c(blob->crc32c, blob->ptr + blob->len, len);
    blob->len += len;
    return ISO_OK;
}

int store_add(struct store_blob *blob, const void *ptr, size_t len, struct iso_err *err)
{
    const uint8_t *from = ptr;

    while (len > 0) {
        void  *to;
        size_t room;
        int    rc = store_reserve(blob, len, &to, &room, err);
        if (rc < 0)
            return rc;
        memcpy(to, from, room);
        rc = store_added(blob, room, err);
        if (rc < 0)
            return rc;
        from += room;
        len -= room;
    }
    return ISO_OK;
}

uint64_t store_blob_bytes(const struct store_blob *blob)
{
    return blob->written + blob->len;
}

uint32_t store_blob_crc32c(const struct store_blob *blob)
{
    return blob->crc32c;
}

void store_blob_flushes(struct store_blob *blob)
{
    blob->flushes = true;
}

bool store_blob_memory(const struct store_blob *blob, iso_bytes *all)
{
    if (blob->fd >= 0)
        return false;
    *all = iso_bytes_of(blob->ptr, blob->len);
    return true;
}

bool store_blob_stays(const struct store_blob *blob)
{
    return blob->fd < 0 && blob->budgeted && blob->len < blob->cap;
}

/* ---- commit ---- */

/* All that comes before the wait. */
static int commit_begin(struct store_blob *b, const uint8_t digest[STORE_DIGEST_BYTES],
                        const struct store_record *record, struct iso_err *err)
{
    struct store_append *a  = &b->append;
    int                  rc = ISO_OK;

    *a = (struct store_append){ .record = *record, .large = b->fd >= 0, .flushes = b->flushes };
    memcpy(a->digest, digest, sizeof a->digest);
    a->record.has_crc = true;
    a->record.crc32c  = b->crc32c;
    if (!a->large) {
        a->content = iso_bytes_of(b->ptr, b->len);
        return store_volume_pick(b->store, NULL, &a->volume, err);
    }
    a->volume  = b->volume; /* the file and what names it stay together */
    rc         = store_large_finish(b, err);
    size_t len = store_tar_large_line(b->number & ~STORE_FILE_LARGE, b->written, a->line);
    a->content = iso_bytes_of(a->line, len);
    return rc;
}

/* After a failure: is there another volume for it? */
static bool commit_elsewhere(struct store_append *a)
{
    return a->rc < 0 && !a->large &&
           store_volume_pick(a->volume->store, a->volume, &a->volume, NULL) >= 0;
}

static void commit_end(struct store_blob *b, struct store_location *at)
{
    const struct store_append *a = &b->append;

    if (a->large)
        *at = (struct store_location){ a->volume->config.number, b->number,
                                       store_journal_pack(a->segment, a->offset), b->written };
    else
        *at = (struct store_location){ a->volume->config.number, a->segment, a->offset, b->len };
    if (b->fd >= 0)
        store_large_release(b);
    os_close(b->fd);
    buffer_give(b);
    free(b);
}

int store_commit(struct store_blob **blob, const uint8_t digest[STORE_DIGEST_BYTES],
                 const struct store_record *record, struct store_location *at, struct iso_err *err)
{
    struct store_append *a  = &(*blob)->append;
    int                  rc = commit_begin(*blob, digest, record, err);

    if (rc < 0)
        return rc;
    do
        store_volume_append(a);
    while (commit_elsewhere(a));
    if (a->rc < 0) {
        if (err != NULL)
            *err = a->err;
        return a->rc;
    }
    commit_end(*blob, at);
    *blob = NULL;
    return ISO_OK;
}

static void commit_finished(struct os_group_item *item)
{
    struct store_append *a = (struct store_append *)item;
    struct store_blob   *b =
        (struct store_blob *)(void *)((char *)a - offsetof(struct store_blob, append));
    struct store_location at   = { 0 };
    struct store_append   copy = { .rc = a->rc, .done = a->done, .ctx = a->ctx };

    if (commit_elsewhere(a)) {
        store_volume_post(a, commit_finished);
        return;
    }
    if (a->rc >= 0)
        commit_end(b, &at);
    else
        copy.err = a->err;
    copy.done(copy.ctx, copy.rc, &at, &copy.err);
}

void store_commit_post(struct store_blob *blob, const uint8_t digest[STORE_DIGEST_BYTES],
                       const struct store_record *record,
                       void (*done)(void *ctx, int rc, const struct store_location *at,
                                    const struct iso_err *why),
                       void *ctx)
{
    const struct store_location nowhere = { 0 };
    struct iso_err              err     = { 0 };
    int                         rc      = commit_begin(blob, digest, record, &err);

    if (rc < 0) {
        done(ctx, rc, &nowhere, &err);
        return;
    }
    blob->append.done = done;
    blob->append.ctx  = ctx;
    store_volume_post(&blob->append, commit_finished);
}

void store_settle(struct store *store, const struct store_location *at)
{
    struct store_volume *v = store_volume_find(store, at->volume);
    char                 name[STORE_NAME_BYTES];
    uint64_t             segment;
    uint64_t             offset;

    if (v == NULL)
        return;
    if ((at->file & STORE_FILE_LARGE) != 0) {
        store_temporary_name(at->file, name);
        (void)!os_remove(v->tmp, name, NULL); /* or recovery does it */
    }
    if (store_journal_of(at, &segment, &offset))
        store_low_settle(v, segment, offset - STORE_TAR_BLOCK);
}

void store_discard(struct store *store, const struct store_location *at)
{
    struct store_volume *v = store_volume_find(store, at->volume);

    if (store_remove(store, at, NULL) >= 0)
        store_settle(store, at);
    else if (v != NULL)
        atomic_store(&v->untidy, true);
}

void store_abort(struct store_blob *blob)
{
    char name[STORE_NAME_BYTES];

    if (blob == NULL)
        return;
    if (blob->fd >= 0) {
        store_large_release(blob);
        os_close(blob->fd);
        store_large_name(blob->number, name);
        (void)!os_remove(blob->volume->large, name, NULL);
        store_temporary_name(blob->number, name);
        (void)!os_remove(blob->volume->tmp, name, NULL);
    }
    buffer_give(blob);
    free(blob);
}
