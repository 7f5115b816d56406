/* store_large.c: the file of a large object. Two buffers take turns: while one is written by the thread
 * that the volume has for it, the other takes what comes, through hash and parser. One write of an object
 * is under way at a time.
 *
 * The file gets its final name as a second link, then a journal entry in the segment; the temporary
 * name goes when the index knows the object (store_settle). So after a crash the temporary names say
 * which files may be nobody's. */
#include "store_in.h"

#include <stdio.h>
#include <string.h>

void store_large_name(uint64_t number, char name[STORE_NAME_BYTES])
{
    unsigned long long n = number & ~STORE_FILE_LARGE;

    (void)snprintf(name, STORE_NAME_BYTES, "%02llx/%016llx.dcm", n & 0xff, n);
}

void store_temporary_name(uint64_t number, char name[STORE_NAME_BYTES])
{
    (void)snprintf(name, STORE_NAME_BYTES, "%016llx",
                   (unsigned long long)(number & ~STORE_FILE_LARGE));
}

/* ---- writing ---- */

void store_large_run(void *ctx, struct os_group_item *first, size_t count)
{
    (void)ctx;
    (void)count;
    for (struct os_group_item *item = first; item != NULL; item = item->next) {
        struct store_push *p = (struct store_push *)item;

        p->rc = os_write_at(p->fd, p->ptr, p->len, p->offset, &p->err);
        if (p->rc >= 0 && p->behind_to > p->behind_from) /* so that the flush finds little */
            os_write_back(p->fd, p->behind_from, p->behind_to - p->behind_from);
    }
}

/* Nothing of ours may be touched after the unlock: whoever waits may free it. */
static void pushed(struct os_group_item *item)
{
    struct store_push *p = (struct store_push *)item;

    os_mutex_lock(&p->mu);
    p->under_way = false;
    os_cond_signal(&p->done);
    os_mutex_unlock(&p->mu);
}

static int wait_push(struct store_blob *blob, struct iso_err *err)
{
    struct store_push *p = &blob->push;

    os_mutex_lock(&p->mu);
    while (p->under_way)
        os_cond_wait(&p->done, &p->mu);
    os_mutex_unlock(&p->mu);
    if (p->rc < 0 && err != NULL)
        *err = p->err;
    return p->rc;
}

int store_large_begin(struct store_blob *blob, struct iso_err *err)
{
    int rc = store_volume_check(blob->volume, err);

    os_mutex_init(&blob->push.mu);
    os_cond_init(&blob->push.done);
    if (rc >= 0)
        rc = os_write_at(blob->fd, blob->ptr, blob->len, 0, err);
    if (rc < 0)
        return rc;
    blob->written = blob->len;
    blob->len     = 0;
    return ISO_OK;
}

int store_large_push(struct store_blob *blob, struct iso_err *err)
{
    struct store_push *p  = &blob->push;
    int                rc = wait_push(blob, err);

    if (rc >= 0)
        rc = store_volume_check(blob->volume, err);
    if (rc >= 0 && blob->spare == NULL && (blob->spare = store_buffer_make(blob->cap)) == NULL)
        rc = iso_fail(err, ISO_ENOMEM, "no memory for an incoming object");
    if (rc < 0)
        return rc;
    p->fd          = blob->fd;
    p->ptr         = blob->ptr;
    p->len         = blob->len;
    p->offset      = blob->written;
    p->behind_from = p->behind_to = blob->behind;
    blob->written += blob->len;
    if (blob->written - blob->behind >= STORE_BEHIND_BYTES)
        blob->behind = p->behind_to = blob->written;
    blob->ptr    = blob->spare;
    blob->spare  = (uint8_t *)(uintptr_t)p->ptr;
    blob->len    = 0;
    p->under_way = true;
    os_group_post(&blob->volume->pushes, &p->item, pushed);
    return ISO_OK;
}

void store_large_release(struct store_blob *blob)
{
    (void)!wait_push(blob, NULL);
    os_cond_release(&blob->push.done);
    os_mutex_release(&blob->push.mu);
    free(blob->spare);
    blob->spare = NULL;
}

/* ---- the name ---- */

/* One of 256 folders, made when it is first needed; its own name is durable then. */
static int large_folder(struct store_volume *v, const char *name, int *folder, struct iso_err *err)
{
    int rc = os_open(v->large, name, OS_FOLDER, folder, err);

    if (rc != ISO_ENOENT)
        return rc;
    rc = os_make_folder(v->large, name, err);
    if (rc >= 0)
        rc = store_flush_folder(v, v->large, err);
    return rc < 0 ? rc : os_open(v->large, name, OS_FOLDER, folder, err);
}

/* Content first, then the name, then the folder that holds the name. */
int store_large_finish(struct store_blob *blob, struct iso_err *err)
{
    struct store_volume *v = blob->volume;
    char                 temporary[STORE_NAME_BYTES];
    char                 name[STORE_NAME_BYTES];
    char                 parent[3];
    int                  folder = -1;
    int                  rc     = wait_push(blob, err);

    store_temporary_name(blob->number, temporary);
    store_large_name(blob->number, name);
    memcpy(parent, name, 2);
    parent[2] = '\0';
    if (rc >= 0)
        rc = store_volume_check(v, err);
    if (rc >= 0)
        rc = os_write_at(blob->fd, blob->ptr, blob->len, blob->written, err);
    if (rc >= 0) {
        blob->written += blob->len;
        blob->len = 0;
        rc        = store_flush(v, blob->fd, err);
    }
    if (rc >= 0)
        rc = large_folder(v, parent, &folder, err);
    if (rc >= 0)
        rc = os_link(v->tmp, temporary, v->large, name, err);
    if (rc >= 0)
        rc = store_flush_folder(v, folder, err);
    os_close(folder);
    return rc;
}
