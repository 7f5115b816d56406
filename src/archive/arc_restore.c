/* arc_restore.c: a generation of a backup becomes a data folder. The file `restoring` stands in it from
 * the first step to the last, and no archive opens a folder that has one; the index is renamed in
 * after every other file has been flushed. */
#include "arc_backup.h"
#include "arc_copy.h"
#include "arc_manifest.h"
#include "arc_restoring.h"
#include "os_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 4096 };

struct restore {
    const struct arc_restore_config *config;
    struct arc_backup_report        *report;
    struct arc_manifest_head        *head;
    struct arc_copy                  copy;
    uint64_t                         bytes_all;
    int                              source;
    int                              data;
    int                              lock;
    int                              folder[STORE_VOLUMES_MAX]; /* of head->volume; -1: none */
    char                             manifest[ARC_GENERATION_BYTES + 16];
};

static void tell(void *ctx)
{
    struct restore *r = ctx;

    r->report->bytes_read = r->copy.read;
    if (r->config->progress != NULL)
        r->config->progress(r->config->ctx, r->report, r->bytes_all);
}

static bool stopped(void *ctx)
{
    struct restore *r = ctx;

    return r->config->stop != NULL && r->config->stop(r->config->ctx);
}

/* ---- before anything is written ---- */

static int choose_generation(struct restore *r, struct iso_err *err)
{
    const char *wanted                = r->config->generation;
    char(*name)[ARC_GENERATION_BYTES] = calloc(ARC_GENERATIONS_MAX, sizeof *name);
    size_t count                      = 0;
    int    rc = name == NULL ? iso_fail(err, ISO_ENOMEM, "no memory to restore") : ISO_OK;

    if (rc >= 0)
        rc = arc_backup_list(r->config->source, name, ARC_GENERATIONS_MAX, &count, err);
    if (rc >= 0 && count == 0)
        rc = iso_fail(err, ISO_ENOENT, "%s has no complete backup", r->config->source);
    if (rc >= 0 && wanted != NULL) {
        size_t i = 0;

        while (i < count && strcmp(name[i], wanted) != 0)
            i++;
        if (i == count)
            rc = iso_fail(err, ISO_ENOENT, "%s has no generation %.32s; the latest is %s",
                          r->config->source, wanted, name[0]);
    }
    if (rc >= 0) {
        (void)snprintf(r->report->generation, sizeof r->report->generation, "%s",
                       wanted != NULL ? wanted : name[0]);
        arc_manifest_name(r->report->generation, r->manifest);
    }
    free(name);
    return rc;
}

/* The whole manifest is read once, so that a broken one is found out before anything is written. */
static int read_manifest(struct restore *r, struct iso_err *err)
{
    struct arc_manifest_reader m;
    struct arc_manifest_file   file;
    int                        rc = arc_manifest_open(&m, r->source, r->manifest, r->head, err);

    if (rc < 0)
        return rc;
    while ((rc = arc_manifest_next(&m, &file, err)) == ISO_OK)
        ;
    if (rc == ISO_EEND)
        rc = m.ended ? ISO_OK : iso_fail(err, ISO_EFORMAT, "%s is cut short", r->manifest);
    r->bytes_all = m.bytes;
    arc_manifest_close(&m);
    if (rc >= 0 && strcmp(r->head->generation, r->report->generation) != 0)
        rc = iso_fail(err, ISO_EFORMAT, "%s is of another generation", r->manifest);
    r->report->studies   = r->head->studies;
    r->report->instances = r->head->instances;
    return rc;
}

/* ---- the folders ---- */

static int seen_in_folder(void *ctx, const char *name, struct iso_err *err)
{
    const char *path = ctx;

    if (strcmp(name, "lost+found") == 0 || strcmp(name, "lock") == 0)
        return ISO_OK;
    return iso_fail(err, ISO_EEXIST, "%s is not empty (%.64s): name a new folder", path, name);
}

/* Empty, or what an interrupted restore has left: its files are written over. */
static int open_folder(const char *path, int *folder, struct iso_err *err)
{
    struct os_stat st;
    int            fd = -1;
    int            rc = os_make_folder(OS_CWD, path, err);

    if (rc >= 0)
        rc = os_open(OS_CWD, path, OS_FOLDER, folder, err);
    if (rc >= 0 && os_stat(*folder, ARC_RESTORING, &st, NULL) < 0) {
        rc = os_list(OS_CWD, path, seen_in_folder, (void *)(uintptr_t)path, err);
        if (rc >= 0)
            rc = os_open(*folder, ARC_RESTORING, OS_WRITE, &fd, err);
        os_close(fd);
        if (rc >= 0)
            rc = os_sync(*folder, err);
    }
    return rc;
}

static const char *path_of(struct restore *r, const struct arc_manifest_volume *v)
{
    if (v->number == STORE_VOLUME_FIRST)
        return r->config->data;
    for (size_t i = 0; i < r->config->volume_count; i++)
        if (r->config->volumes[i].number == v->number)
            return r->config->volumes[i].path;
    return v->path;
}

static int open_folders(struct restore *r, struct iso_err *err)
{
    int rc = open_folder(r->config->data, &r->data, err);

    if (rc >= 0)
        rc = os_open(r->data, "lock", OS_WRITE, &r->lock, err);
    if (rc >= 0 && (rc = os_lock(r->lock, err)) == ISO_EBUSY)
        rc = iso_wrap(err, rc, "another process uses %s", r->config->data);
    for (size_t i = 0; i < r->head->volume_count && rc >= 0; i++) {
        const struct arc_manifest_volume *v = &r->head->volume[i];

        if (v->tree) {
            r->report->trees++;
            continue;
        }
        if (v->number == STORE_VOLUME_FIRST)
            rc = os_open(OS_CWD, r->config->data, OS_FOLDER, &r->folder[i], err);
        else
            rc = open_folder(path_of(r, v), &r->folder[i], err);
        if (rc < 0)
            rc = iso_wrap(err, rc, "volume %u", v->number);
    }
    return rc;
}

/* ---- files ---- */

static int folder_of(const struct restore *r, uint32_t volume)
{
    for (size_t i = 0; i < r->head->volume_count; i++)
        if (r->head->volume[i].number == volume)
            return r->folder[i];
    return -1;
}

static int make_folders(int folder, const char *path, struct iso_err *err)
{
    char part[ARC_MANIFEST_PATH];
    int  rc = ISO_OK;

    for (const char *p = strchr(path, '/'); p != NULL && rc >= 0; p = strchr(p + 1, '/')) {
        memcpy(part, path, (size_t)(p - path));
        part[p - path] = '\0';
        rc             = os_make_folder(folder, part, err);
    }
    return rc;
}

/* from: in the backup; to: in its volume, `length` long; again: read what was written, nothing else. */
static int one_file(struct restore *r, const char *from, int folder, const char *to, uint64_t bytes,
                    uint64_t length, const uint8_t wanted[ISO_SHA256_BYTES], bool again,
                    struct iso_err *err)
{
    uint8_t digest[ISO_SHA256_BYTES];
    int     in  = -1;
    int     out = -1;
    int     rc  = again ? os_open(folder, to, OS_READ, &in, err)
                        : os_open(r->source, from, OS_READ, &in, err);

    if (rc >= 0 && !again)
        rc = os_open(folder, to, OS_WRITE, &out, err);
    if (rc >= 0 && again)
        os_file_forget(in, 0, bytes); /* from the disk, if possible */
    if (rc >= 0)
        rc = arc_copy_file(&r->copy, in, out, bytes, 0, NULL, digest, err);
    if (rc >= 0 && !again && length > bytes)
        rc = os_truncate(out, length, err);
    if (rc >= 0 && memcmp(digest, wanted, sizeof digest) != 0)
        rc = iso_fail(err, ISO_EFORMAT, "its bytes are not those that were backed up");
    if (in >= 0)
        os_file_forget(in, 0, bytes);
    os_close(in);
    os_close(out);
    if (rc < 0)
        rc = iso_wrap(err, rc, "%s%s", again ? "read again: " : "", again ? to : from);
    return rc;
}

static int each_file(struct restore *r, bool again, struct iso_err *err)
{
    struct arc_manifest_reader m;
    struct arc_manifest_file   file;
    char                       stored[ARC_STORED_BYTES];
    int                        rc = arc_manifest_open(&m, r->source, r->manifest, NULL, err);

    if (rc < 0)
        return rc;
    while (rc >= 0 && (rc = arc_manifest_next(&m, &file, err)) == ISO_OK) {
        int folder = folder_of(r, file.volume);

        if (folder < 0) {
            rc = iso_fail(err, ISO_EFORMAT, "the manifest has no volume %u", file.volume);
            break;
        }
        arc_manifest_stored(&file, stored);
        if (!again)
            rc = make_folders(folder, file.path, err);
        if (rc >= 0)
            rc = one_file(r, stored, folder, file.path, file.solid, file.age.bytes, file.digest,
                          again, err);
        if (rc >= 0 && !again) {
            r->report->files++;
            r->report->bytes += file.solid;
            r->report->files_copied++;
            r->report->bytes_copied += file.solid;
        }
    }
    arc_manifest_close(&m);
    return rc == ISO_EEND ? ISO_OK : rc;
}

/* The one that is copied from last is there last. */
static int restore_index(struct restore *r, struct iso_err *err)
{
    char from[ARC_GENERATION_BYTES + 16];
    int  rc;

    (void)snprintf(from, sizeof from, "index/%s.db", r->report->generation);
    rc = one_file(r, from, r->data, "index.db.restoring", r->head->index_bytes,
                  r->head->index_bytes, r->head->index_digest, false, err);
    if (rc >= 0 && r->config->verify)
        rc = one_file(r, from, r->data, "index.db.restoring", r->head->index_bytes,
                      r->head->index_bytes, r->head->index_digest, true, err);
    r->report->index_bytes = r->head->index_bytes;
    return rc;
}

static int flush_all(struct restore *r, struct iso_err *err)
{
    int rc = os_sync_all(r->data, err);

    for (size_t i = 0; i < r->head->volume_count && rc >= 0; i++)
        if (r->folder[i] >= 0)
            rc = os_sync_all(r->folder[i], err);
    return rc;
}

/* From here on it is an archive. */
static int open_to_all(struct restore *r, struct iso_err *err)
{
    int rc = flush_all(r, err);

    if (rc >= 0)
        rc = os_rename(r->data, "index.db.restoring", r->data, "index.db", err);
    if (rc >= 0)
        rc = os_sync(r->data, err);
    for (size_t i = 0; i < r->head->volume_count && rc >= 0; i++) {
        if (r->folder[i] < 0 || r->head->volume[i].number == STORE_VOLUME_FIRST)
            continue;
        rc = os_remove(r->folder[i], ARC_RESTORING, err);
        if (rc >= 0)
            rc = os_sync(r->folder[i], err);
    }
    if (rc >= 0)
        rc = os_remove(r->data, ARC_RESTORING, err);
    return rc < 0 ? rc : os_sync(r->data, err);
}

static int run(struct restore *r, struct iso_err *err)
{
    int rc = os_open(OS_CWD, r->config->source, OS_FOLDER, &r->source, err);

    if (rc >= 0)
        rc = choose_generation(r, err);
    if (rc >= 0)
        rc = read_manifest(r, err);
    if (rc >= 0)
        rc = open_folders(r, err);
    if (rc >= 0)
        rc = each_file(r, false, err);
    if (rc >= 0)
        rc = restore_index(r, err);
    if (rc >= 0 && r->config->verify) {
        rc = flush_all(r, err); /* what is not on the disk cannot be let go of and read again */
        r->bytes_all *= 2;
        if (rc >= 0)
            rc = each_file(r, true, err);
        r->report->verified = rc >= 0;
    }
    return rc < 0 ? rc : open_to_all(r, err);
}

int arc_restore(const struct arc_restore_config *config, struct arc_backup_report *report,
                struct iso_err *err)
{
    struct restore r = { .config = config, .report = report, .source = -1, .data = -1, .lock = -1 };

    for (size_t i = 0; i < STORE_VOLUMES_MAX; i++)
        r.folder[i] = -1;
    *report = (struct arc_backup_report){ .began_us = os_wall_us() };
    int rc  = arc_manifest_head_new(&r.head, err);
    if (rc >= 0)
        rc = arc_copy_init(&r.copy, config->bytes_s, stopped, tell, &r, err);
    if (rc >= 0)
        rc = run(&r, err);
    report->bytes_read = r.copy.read;
    report->ended_us   = os_wall_us();
    arc_copy_release(&r.copy);
    for (size_t i = 0; i < STORE_VOLUMES_MAX; i++)
        os_close(r.folder[i]);
    arc_manifest_head_free(r.head);
    os_close(r.lock);
    os_close(r.data);
    os_close(r.source);
    return rc;
}
