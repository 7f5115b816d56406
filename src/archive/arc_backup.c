/* arc_backup.c: one run of a backup. See arc_backup.h for the order of things and what lies where. */
#include "arc_backup.h"

#include "arc_copy.h"
#include "arc_earlier.h"
#include "arc_manifest.h"
#include "index_snapshot.h"
#include "os_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOCK_WAIT_MS  = 20000,      /* for a keeper in the middle of its work */
    FRESH_NS      = 2000000000, /* a file this young may change without its times changing */
    TRIES         = 5, /* of a file that became shorter: a server that starts cuts a tail */
    VERSIONS_MAX  = 100000,
    NAMES_AT_ONCE = 4096,
    PATH_BYTES    = 4096,
    HEAD_ARENA    = 1 << 20
};

struct backup {
    const struct arc_backup_config *config;
    struct arc_backup_report       *report;
    uint64_t                        bytes_all;
    int                             data;
    int                             target;
    int                             lock;        /* of the data folder */
    int                             target_lock; /* of the target */
    struct arc_copy                 copy;
    struct arc_manifest_head       *head;
    struct arc_manifest_writer      manifest;
    struct index_copy              *index;
    struct arc_earlier              earlier;
    char                            index_name[ARC_GENERATION_BYTES + 16];
};

int arc_backup_lock(int folder, int *fd, struct iso_err *err)
{
    int lock = -1;
    int rc   = os_open(folder, "backup.lock", OS_WRITE, &lock, err);

    if (rc >= 0)
        rc = os_lock(lock, err);
    if (rc < 0) {
        os_close(lock);
        return rc;
    }
    *fd = lock;
    return ISO_OK;
}

static void tell(void *ctx)
{
    struct backup *b = ctx;

    b->report->bytes_read = b->copy.read;
    if (b->config->progress != NULL)
        b->config->progress(b->config->ctx, b->report, b->bytes_all);
}

static bool stopped(void *ctx)
{
    struct backup *b = ctx;

    return b->config->stop != NULL && b->config->stop(b->config->ctx);
}

/* ---- one file ---- */

/* The folders on the way to it. */
static int make_folders(int folder, const char *path, struct iso_err *err)
{
    char part[ARC_STORED_BYTES];
    int  rc = ISO_OK;

    for (const char *p = strchr(path, '/'); p != NULL && rc >= 0; p = strchr(p + 1, '/')) {
        memcpy(part, path, (size_t)(p - path));
        part[p - path] = '\0';
        rc             = os_make_folder(folder, part, err);
    }
    return rc;
}

/* A file of its own in the pool, under the first name that is free. */
static int copy_anew(struct backup *b, int from, struct arc_manifest_file *file,
                     struct iso_err *err)
{
    char           stored[ARC_STORED_BYTES];
    char           part[ARC_STORED_BYTES + 8];
    struct os_stat st;
    int            to = -1;
    int            rc = ISO_OK;

    for (file->version = 1; file->version < VERSIONS_MAX; file->version++) {
        arc_manifest_stored(file, stored);
        if (os_stat(b->target, stored, &st, NULL) == ISO_ENOENT)
            break;
    }
    (void)snprintf(part, sizeof part, "%s.part", stored);
    rc = make_folders(b->target, stored, err);
    if (rc >= 0)
        rc = os_open(b->target, part, OS_WRITE, &to, err);
    if (rc >= 0)
        rc = arc_copy_file(&b->copy, from, to, file->solid, 0, NULL, file->digest, err);
    if (rc >= 0) {
        os_file_forget(to, 0, file->solid);
        rc = os_rename(b->target, part, b->target, stored, err);
    }
    os_close(to);
    if (rc >= 0) {
        b->report->files_copied++;
        b->report->bytes_copied += file->solid;
    }
    return rc;
}

/* It has only grown: what is new goes behind what is there. ISO_ECONFLICT: it was changed. */
static int copy_growth(struct backup *b, int from, const struct arc_manifest_file *was,
                       struct arc_manifest_file *file, struct iso_err *err)
{
    char     stored[ARC_STORED_BYTES];
    uint64_t there = was->solid;
    int      to    = -1;
    int      rc    = ISO_OK;

    arc_manifest_stored(was, stored);
    file->version = was->version;
    if (file->solid > there)
        rc = os_open(b->target, stored, OS_WRITE, &to, err);
    if (rc >= 0)
        rc = arc_copy_file(&b->copy, from, to, file->solid, there, was->digest, file->digest, err);
    if (rc >= 0 && file->solid == there &&
        memcmp(file->digest, was->digest, sizeof file->digest) != 0)
        rc = iso_fail(err, ISO_ECONFLICT, "it has been changed");
    if (rc >= 0 && file->solid > there) {
        os_file_forget(to, 0, file->solid);
        b->report->files_copied++;
        b->report->bytes_copied += file->solid - there;
    }
    os_close(to);
    return rc;
}

static bool is_as_before(const struct arc_manifest_file *was, const struct os_file_age *now)
{
    return was->age.ctime_ns != 0 && was->age.bytes == now->bytes && was->age.inode == now->inode &&
           was->age.mtime_ns == now->mtime_ns && was->age.ctime_ns == now->ctime_ns;
}

/* Is what an earlier run has written still there? */
static bool still_stored(struct backup *b, const struct arc_manifest_file *was)
{
    char           stored[ARC_STORED_BYTES];
    struct os_stat st;

    arc_manifest_stored(was, stored);
    return os_stat(b->target, stored, &st, NULL) >= 0 && st.is_file && st.bytes >= was->solid;
}

static int copy_once(struct backup *b, int from, const struct arc_manifest_file *was,
                     struct arc_manifest_file *file, struct iso_err *err)
{
    int rc = os_file_age(from, &file->age, err);

    if (rc < 0)
        return rc;
    if (was != NULL && is_as_before(was, &file->age)) {
        memcpy(file->digest, was->digest, sizeof file->digest);
        file->solid   = was->solid;
        file->version = was->version;
        return ISO_OK;
    }
    rc = arc_copy_solid(&b->copy, from, file->age.bytes, &file->solid, err);
    if (rc < 0)
        return rc;
    if (was != NULL && was->solid <= file->solid && was->solid > 0) {
        rc = copy_growth(b, from, was, file, err);
        if (rc != ISO_ECONFLICT)
            return rc;
    }
    return copy_anew(b, from, file, err);
}

/* path: inside the volume. hot: others read it too, it may stay in memory. */
static int backup_file(struct backup *b, uint32_t volume, int folder, const char *path, bool hot,
                       struct iso_err *err)
{
    struct arc_manifest_file        file = { .volume = volume };
    const struct arc_manifest_file *was;
    int                             fd   = -1;
    int                             rc   = ISO_EFORMAT;
    const int64_t                   seen = os_wall_us();

    (void)snprintf(file.path, sizeof file.path, "%s", path);
    was = arc_earlier_find(&b->earlier, &file);
    if (was != NULL && !still_stored(b, was))
        was = NULL;
    for (int i = 0; i < TRIES && rc == ISO_EFORMAT; i++) {
        os_close(fd);
        fd = -1;
        rc = os_open(folder, path, OS_READ, &fd, err);
        if (rc >= 0)
            rc = copy_once(b, fd, was, &file, err);
    }
    if (rc >= 0 && !hot)
        os_file_forget(fd, 0, file.age.bytes);
    os_close(fd);
    if (rc < 0)
        return iso_wrap(err, rc, "volume %u, %s", volume, path);
    if (file.age.ctime_ns > seen * 1000 - FRESH_NS)
        file.age.ctime_ns = 0;
    b->report->files++;
    b->report->bytes += file.solid;
    return arc_manifest_add(&b->manifest, &file, err);
}

/* ---- one volume ---- */

struct names {
    char (*name)[32];
    size_t count, cap;
};

static int take_name(void *ctx, const char *name, struct iso_err *err)
{
    struct names *n = ctx;

    if (strlen(name) >= sizeof *n->name)
        return ISO_OK; /* none of ours */
    if (n->count == n->cap) {
        size_t cap  = n->cap > 0 ? n->cap * 2 : NAMES_AT_ONCE;
        void  *more = realloc(n->name, cap * sizeof *n->name);

        if (more == NULL)
            return iso_fail(err, ISO_ENOMEM, "no memory for the names of a folder");
        n->name = more;
        n->cap  = cap;
    }
    (void)snprintf(n->name[n->count++], sizeof *n->name, "%s", name);
    return ISO_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The names in a folder, sorted; a folder that is not there has none. */
static int list_sorted(int folder, const char *name, struct names *out, struct iso_err *err)
{
    *out   = (struct names){ 0 };
    int rc = os_list(folder, name, take_name, out, err);

    if (out->count > 0)
        qsort(out->name, out->count, sizeof *out->name, by_name);
    if (rc < 0 && rc != ISO_ENOENT) {
        free(out->name);
        *out = (struct names){ 0 };
        return rc;
    }
    return ISO_OK;
}

/* Files of their own that the copy of the index knows: what has come since then is not needed. */
static int backup_large_folder(struct backup *b, uint32_t volume, int folder, const char *parent,
                               struct iso_err *err)
{
    struct names names;
    uint64_t     number;
    char         path[ARC_MANIFEST_PATH];
    bool         known;

    (void)snprintf(path, sizeof path, "large/%.2s", parent);
    int rc = list_sorted(folder, path, &names, err);
    for (size_t i = 0; i < names.count && rc >= 0; i++) {
        (void)snprintf(path, sizeof path, "large/%.2s/%.31s", parent, names.name[i]);
        if (!arc_manifest_path_ok(iso_str_c(path), &number))
            continue;
        rc = index_copy_knows(b->index, volume, number, &known, err);
        if (rc >= 0 && known) {
            rc = backup_file(b, volume, folder, path, false, err);
            if (rc == ISO_ENOENT) /* removed, and its space given back before we had the lock */
                rc = ISO_OK;
        }
    }
    free(names.name);
    return rc;
}

/* In the order of names: large/, seg/, volume.json. */
static int backup_volume(struct backup *b, uint32_t volume, int folder, struct iso_err *err)
{
    struct names   names;
    struct os_stat st;
    uint64_t       number;
    char           path[ARC_MANIFEST_PATH];
    int            rc = list_sorted(folder, "large", &names, err);

    for (size_t i = 0; i < names.count && rc >= 0; i++)
        if (strlen(names.name[i]) == 2)
            rc = backup_large_folder(b, volume, folder, names.name[i], err);
    free(names.name);
    if (rc >= 0)
        rc = list_sorted(folder, "seg", &names, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < names.count && rc >= 0; i++) {
        (void)snprintf(path, sizeof path, "seg/%.31s", names.name[i]);
        if (arc_manifest_path_ok(iso_str_c(path), &number))
            rc = backup_file(b, volume, folder, path, i + 1 == names.count, err);
    }
    free(names.name);
    if (rc >= 0 && os_stat(folder, "volume.json", &st, NULL) >= 0)
        rc = backup_file(b, volume, folder, "volume.json", true, err);
    return rc;
}

static int backup_volumes(struct backup *b, struct iso_err *err)
{
    int rc = ISO_OK;

    for (size_t i = 0; i < b->head->volume_count && rc >= 0; i++) {
        const struct arc_manifest_volume *v = &b->head->volume[i];
        struct store_identity             identity;
        int                               folder = -1;

        if (v->tree)
            continue;
        rc = os_open(OS_CWD, v->path, OS_FOLDER, &folder, err);
        if (rc >= 0 && v->uuid[0] != '\0')
            rc = store_identity_read(folder, &identity, err);
        if (rc >= 0 && v->uuid[0] != '\0' && strcmp(identity.uuid, v->uuid) != 0)
            rc = iso_fail(err, ISO_ECONFLICT, "it is volume %s, not %s", identity.uuid, v->uuid);
        if (rc < 0)
            rc = iso_wrap(err, rc, "volume %u in %s", v->number, v->path);
        else
            rc = backup_volume(b, v->number, folder, err);
        os_close(folder);
    }
    return rc;
}

/* ---- the index ---- */

static int index_pace(void *ctx, uint64_t bytes, struct iso_err *err)
{
    struct backup *b = ctx;

    return arc_copy_pace(&b->copy, bytes, err);
}

/* What the copy says of the archive as a whole. */
static int read_head(struct backup *b, struct iso_err *err)
{
    struct index_volume volume[STORE_VOLUMES_MAX];
    struct index_stats  stats;
    struct iso_arena    arena;
    size_t              count = 0;

    iso_arena_init(&arena, HEAD_ARENA);
    int rc = index_copy_stats(b->index, &stats, err);
    if (rc >= 0)
        rc = index_copy_volumes(b->index, &arena, volume, STORE_VOLUMES_MAX, &count, err);
    for (size_t i = 0; i < count && rc >= 0; i++) {
        struct arc_manifest_volume *to = &b->head->volume[b->head->volume_count++];

        if (volume[i].uuid.len >= sizeof to->uuid || volume[i].path.len >= sizeof to->path)
            rc = iso_fail(err, ISO_EFORMAT, "volume %u: its path is too long", volume[i].number);
        else {
            to->number = volume[i].number;
            to->tree   = iso_str_eq_c(volume[i].kind, "tree");
            (void)snprintf(to->uuid, sizeof to->uuid, "%.*s", ISO_STR_ARG(volume[i].uuid));
            (void)snprintf(to->path, sizeof to->path, "%.*s", ISO_STR_ARG(volume[i].path));
            b->report->trees += to->tree;
        }
        /* the first one is the data folder, wherever that is now */
        if (to->number == STORE_VOLUME_FIRST) {
            (void)snprintf(to->path, sizeof to->path, "%s", b->config->data);
            (void)snprintf(b->head->archive, sizeof b->head->archive, "%s", to->uuid);
        }
    }
    iso_arena_release(&arena);
    if (rc < 0)
        return rc;
    if (b->head->volume_count == 0) {
        b->head->volume[0].number = STORE_VOLUME_FIRST;
        (void)snprintf(b->head->volume[0].path, sizeof b->head->volume[0].path, "%s",
                       b->config->data);
        b->head->volume_count = 1;
    }
    b->head->studies     = stats.studies;
    b->head->instances   = stats.instances;
    b->head->bytes       = stats.bytes;
    b->report->studies   = stats.studies;
    b->report->instances = stats.instances;
    b->bytes_all         = stats.bytes;
    return ISO_OK;
}

static int copy_index(struct backup *b, struct iso_err *err)
{
    char           from[PATH_BYTES];
    char           to[PATH_BYTES];
    struct os_stat st;
    int            fd = -1;
    int            rc = os_make_folder(b->target, "index", err);

    (void)snprintf(b->index_name, sizeof b->index_name, "index/%s.db", b->head->generation);
    if (rc >= 0 &&
        (snprintf(from, sizeof from, "%s/index.db", b->config->data) >= PATH_BYTES ||
         snprintf(to, sizeof to, "%s/%s", b->config->target, b->index_name) >= PATH_BYTES))
        rc = iso_fail(err, ISO_EINVAL, "the path is too long");
    (void)os_remove(b->target, b->index_name, NULL); /* of a run that was killed in this second */
    if (rc >= 0)
        rc = index_snapshot(from, to, index_pace, b, err);
    if (rc >= 0)
        rc = os_open(OS_CWD, to, OS_READ, &fd, err);
    if (rc >= 0)
        rc = os_sync(fd, err);
    if (rc >= 0)
        rc = os_stat_fd(fd, &st, err);
    if (rc >= 0)
        rc = arc_copy_file(&b->copy, fd, -1, st.bytes, 0, NULL, b->head->index_digest, err);
    os_close(fd);
    if (rc < 0)
        return rc;
    b->copy.read           = 0; /* files count from here */
    b->copy.began_us       = os_now_us();
    b->head->index_bytes   = st.bytes;
    b->report->index_bytes = st.bytes;
    rc                     = index_copy_open(to, &b->index, err);
    return rc < 0 ? rc : read_head(b, err);
}

/* ---- the run ---- */

/* A target is empty, or a backup. */
static int seen_in_target(void *ctx, const char *name, struct iso_err *err)
{
    static const char *const ours[] = { "files",        "index",     "backup.lock",
                                        ARC_UNFINISHED, ARC_RESUME,  ARC_RESUME ".new",
                                        "lost+found",   "README.txt" };
    const char              *target = ctx;
    iso_str                  s      = iso_str_c(name);

    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(name, ours[i]) == 0)
            return ISO_OK;
    if (iso_str_ends(s, ISO_STR(".manifest")))
        return ISO_OK;
    return iso_fail(err, ISO_ECONFLICT,
                    "%s holds something else than a backup (%.64s): name an empty folder", target,
                    name);
}

static int lock_both(struct backup *b, struct iso_err *err)
{
    const int64_t until_ms = os_now_ms() + LOCK_WAIT_MS;
    int           rc       = arc_backup_lock(b->target, &b->target_lock, err);

    if (rc == ISO_EBUSY)
        return iso_wrap(err, rc, "another backup to %s is running", b->config->target);
    while (rc >= 0 && (rc = arc_backup_lock(b->data, &b->lock, err)) == ISO_EBUSY) {
        if (os_now_ms() > until_ms || stopped(b))
            return iso_wrap(err, rc, "another backup of %s is running", b->config->data);
        os_sleep_ms(2);
        rc = ISO_OK;
    }
    return rc;
}

static const char readme[] =
    "This folder is a backup made by `isocenter backup`. Each *.manifest is one generation of it.\n"
    "\n"
    "To get everything back:        isocenter restore THIS_FOLDER --data NEW_FOLDER --verify\n"
    "Without any program of ours:   the images lie in files/<volume>/seg/*.tar, which are plain "
    "tar\n"
    "                               files, and in files/<volume>/large/: `tar xf` gives DICOM "
    "files.\n"
    "\n"
    "Older generations share files with newer ones: give one up with `isocenter backup --keep "
    "N`.\n";

static int leave_readme(struct backup *b, struct iso_err *err)
{
    int fd = -1;
    int rc = os_open(b->target, "README.txt", OS_CREATE, &fd, err);

    if (rc == ISO_EEXIST)
        return ISO_OK;
    if (rc >= 0)
        rc = os_write(fd, readme, sizeof readme - 1, err);
    os_close(fd);
    return rc;
}

static int open_both(struct backup *b, struct iso_err *err)
{
    struct os_stat st;
    int            rc = os_open(OS_CWD, b->config->data, OS_FOLDER, &b->data, err);

    if (rc >= 0)
        rc = os_stat(b->data, "index.db", &st, err);
    if (rc == ISO_ENOENT)
        return iso_wrap(err, rc, "there is no archive in %s", b->config->data);
    if (rc >= 0 && os_stat(b->data, "restoring", &st, NULL) >= 0)
        return iso_fail(err, ISO_ECONFLICT, "a restore into %s has not been finished",
                        b->config->data);
    if (rc >= 0)
        rc = os_make_folder(OS_CWD, b->config->target, err);
    if (rc >= 0)
        rc = os_open(OS_CWD, b->config->target, OS_FOLDER, &b->target, err);
    if (rc >= 0)
        rc = os_list(OS_CWD, b->config->target, seen_in_target,
                     (void *)(uintptr_t)b->config->target, err);
    return rc < 0 ? rc : leave_readme(b, err);
}

/* The name of the run: the time, and later than any other one there. */
static int name_run(struct backup *b, struct iso_err *err)
{
    char(*name)[ARC_GENERATION_BYTES] = calloc(ARC_GENERATIONS_MAX, sizeof *name);
    size_t count                      = 0;
    int    rc = name == NULL ? iso_fail(err, ISO_ENOMEM, "no memory for a backup") : ISO_OK;

    if (rc >= 0)
        rc = arc_backup_list(b->config->target, name, ARC_GENERATIONS_MAX, &count, err);
    b->head->began_us = b->report->began_us = os_wall_us();
    for (int64_t at = b->report->began_us; rc >= 0; at += 1000000) {
        arc_generation_name(at, b->head->generation);
        if (count == 0 || strcmp(b->head->generation, name[0]) > 0)
            break;
        if (at > b->report->began_us + 60000000)
            rc = iso_fail(err, ISO_ECONFLICT,
                          "%s has a generation of the future (%s): is the clock right?",
                          b->config->target, name[0]);
    }
    memcpy(b->report->generation, b->head->generation, sizeof b->report->generation);
    free(name);
    return rc;
}

static int run(struct backup *b, struct iso_err *err)
{
    char name[ARC_GENERATION_BYTES + 16];
    int  rc = open_both(b, err);

    if (rc >= 0)
        rc = lock_both(b, err);
    if (rc >= 0)
        rc = arc_earlier_merge(b->target, err);
    if (rc >= 0)
        rc = name_run(b, err);
    if (rc >= 0)
        rc = copy_index(b, err);
    if (rc >= 0)
        rc = arc_earlier_open(&b->earlier, b->target, b->config->target, b->head->archive, err);
    if (rc >= 0)
        rc = arc_manifest_create(&b->manifest, b->target, ARC_UNFINISHED, b->head, err);
    if (rc >= 0)
        rc = backup_volumes(b, err);
    if (rc >= 0) {
        b->report->ended_us = os_wall_us();
        rc                  = arc_manifest_end(&b->manifest, b->report->ended_us, err);
    }
    if (rc >= 0)
        rc = os_sync_all(b->target, err);
    if (rc >= 0) {
        arc_manifest_name(b->head->generation, name);
        rc = os_rename(b->target, ARC_UNFINISHED, b->target, name, err);
    }
    if (rc >= 0)
        rc = os_sync(b->target, err);
    if (rc >= 0) {
        (void)os_remove(b->target, ARC_RESUME, NULL);
        rc = arc_backup_prune(b->target, b->config->target, b->config->keep, &b->report->pruned,
                              err);
        if (rc < 0)
            rc = iso_wrap(err, rc, "the backup is complete, but nothing could be given up");
    }
    return rc;
}

int arc_backup(const struct arc_backup_config *config, struct arc_backup_report *report,
               struct iso_err *err)
{
    struct backup b = { .config      = config,
                        .report      = report,
                        .data        = -1,
                        .target      = -1,
                        .lock        = -1,
                        .target_lock = -1,
                        .manifest    = { .fd = -1 } };

    *report = (struct arc_backup_report){ 0 };
    int rc  = arc_manifest_head_new(&b.head, err);
    if (rc >= 0)
        rc = arc_copy_init(&b.copy, config->bytes_s, stopped, tell, &b, err);
    if (rc >= 0)
        rc = run(&b, err);
    report->bytes_read = b.copy.read;
    arc_earlier_close(&b.earlier);
    arc_manifest_writer_release(&b.manifest);
    index_copy_close(b.index);
    arc_copy_release(&b.copy);
    arc_manifest_head_free(b.head);
    os_close(b.lock);
    os_close(b.target_lock);
    os_close(b.target);
    os_close(b.data);
    return rc;
}
