/* cmd_walk.c: one thread walks folders and puts file names into a bounded queue; the others take
 * names out, open the files and hand them on. An archive is one queue entry, read by one thread. */
#include "cmd_walk.h"

#include "os_file.h"
#include "os_library.h"
#include "os_thread.h"

#include <archive.h>
#include <archive_entry.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES_MAX = 4096, THREADS_MAX = 64 };

/* ---- libarchive, loaded when it is needed ---- */

#define CALLS(X)                                                                                   \
    X(entry_filetype)                                                                              \
    X(entry_pathname)                                                                              \
    X(error_string)                                                                                \
    X(read_data)                                                                                   \
    X(read_free)                                                                                   \
    X(read_new)                                                                                    \
    X(read_next_header)                                                                            \
    X(read_open_filename)                                                                          \
    X(read_support_format_zip)
#define FIELD(name) __typeof__(archive_##name) *name;
#define TEXT(name)  "archive_" #name,

OS_LIBRARY(la, "libarchive.so.13", CALLS, FIELD, TEXT);

struct queue {
    const struct cmd_walk *walk;
    struct os_mutex        mu;
    struct os_cond         changed;
    char                  *name[CMD_WALK_QUEUE_MAX]; /* owned */
    size_t                 first;
    size_t                 count;
    bool                   done; /* nothing more will be added */
};

static atomic_bool interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = true;
}

void cmd_walk_catch_interrupt(void)
{
    (void)signal(SIGINT, on_interrupt);
    (void)signal(SIGTERM, on_interrupt);
}

bool cmd_walk_interrupted(void *unused)
{
    (void)unused;
    return interrupted;
}

static void tell_failure(const struct cmd_walk *walk, const char *name, int rc,
                         const struct iso_err *err)
{
    struct cmd_walk_file file = { .name = name, .fd = -1, .rc = rc, .err = *err };

    walk->each(walk->ctx, &file);
}

/* ---- the walker ---- */

static int queue_put(struct queue *q, const char *name, struct iso_err *err)
{
    char *copy = strdup(name);

    if (copy == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    os_mutex_lock(&q->mu);
    while (q->count == CMD_WALK_QUEUE_MAX)
        os_cond_wait(&q->changed, &q->mu);
    q->name[(q->first + q->count++) % CMD_WALK_QUEUE_MAX] = copy;
    os_cond_broadcast(&q->changed);
    os_mutex_unlock(&q->mu);
    return interrupted ? ISO_ECANCEL : ISO_OK;
}

static char *queue_take(struct queue *q)
{
    char *name = NULL;

    os_mutex_lock(&q->mu);
    while (q->count == 0 && !q->done)
        os_cond_wait(&q->changed, &q->mu);
    if (q->count > 0) {
        name     = q->name[q->first];
        q->first = (q->first + 1) % CMD_WALK_QUEUE_MAX;
        q->count--;
        os_cond_broadcast(&q->changed);
    }
    os_mutex_unlock(&q->mu);
    return name;
}

struct folder {
    struct queue *q;
    const char   *path;
    size_t        depth;
};

static int walk_path(struct queue *q, const char *path, size_t depth, struct iso_err *err);

static bool is_dicomdir(const char *path)
{
    const char *slash = strrchr(path, '/');

    return strcmp(slash != NULL ? slash + 1 : path, "DICOMDIR") == 0;
}

static int walk_entry(void *ctx, const char *name, struct iso_err *err)
{
    const struct folder *in = ctx;
    char                 path[NAME_BYTES_MAX];

    if (is_dicomdir(name)) /* a folder is walked whole: its directory adds nothing */
        return ISO_OK;
    int n = snprintf(path, sizeof path, "%s/%s", in->path, name);
    if (n < 0 || (size_t)n >= sizeof path) {
        iso_fail(err, ISO_ELIMIT, "path longer than %d bytes", NAME_BYTES_MAX);
        tell_failure(in->q->walk, in->path, ISO_ELIMIT, err);
        return ISO_OK;
    }
    return walk_path(in->q, path, in->depth + 1, err);
}

/* Failures of single paths are told to each(); only the end of the walk is returned. */
static int walk_path(struct queue *q, const char *path, size_t depth, struct iso_err *err)
{
    struct os_stat st;
    struct folder  folder = { q, path, depth };
    int            rc     = os_stat(OS_CWD, path, &st, err);

    if (rc == ISO_OK && st.is_file)
        return queue_put(q, path, err);
    if (rc == ISO_OK && st.is_folder && depth >= CMD_WALK_DEPTH_MAX)
        rc = iso_fail(err, ISO_ELIMIT, "folders nested deeper than %d", CMD_WALK_DEPTH_MAX);
    else if (rc == ISO_OK && st.is_folder)
        rc = os_list(OS_CWD, path, walk_entry, &folder, err);
    else if (rc == ISO_OK)
        rc = iso_fail(err, ISO_EUNSUPPORTED, "neither a file nor a folder");
    if (rc == ISO_OK || rc == ISO_ECANCEL || rc == ISO_ENOMEM)
        return rc;
    tell_failure(q->walk, path, rc, err);
    return ISO_OK;
}

/* A path that the user gave. */
static int walk_given(struct queue *q, const char *path, struct iso_err *err)
{
    char folder[NAME_BYTES_MAX];

    if (!is_dicomdir(path))
        return walk_path(q, path, 0, err);
    int n = snprintf(folder, sizeof folder, "%s", path);
    if (n < 0 || (size_t)n >= sizeof folder)
        return iso_fail(err, ISO_ELIMIT, "path longer than %d bytes", NAME_BYTES_MAX);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        *slash = '\0';
    return walk_path(q, slash == NULL ? "." : slash == folder ? "/" : folder, 0, err);
}

/* ---- counting ---- */

struct count {
    const char *path;
    size_t      depth;
    uint64_t    files;
    uint64_t    bytes;
};

static void count_path(struct count *sum, const char *path, size_t depth);

static int count_entry(void *ctx, const char *name, struct iso_err *err)
{
    struct count *sum    = ctx;
    const char   *parent = sum->path;
    size_t        depth  = sum->depth;
    char          path[NAME_BYTES_MAX];
    int           n = snprintf(path, sizeof path, "%s/%s", parent, name);

    (void)err;
    if (n > 0 && (size_t)n < sizeof path && !is_dicomdir(name))
        count_path(sum, path, depth + 1);
    sum->path  = parent;
    sum->depth = depth;
    return ISO_OK;
}

static void count_path(struct count *sum, const char *path, size_t depth)
{
    struct os_stat st;

    if (depth > CMD_WALK_DEPTH_MAX || os_stat(OS_CWD, path, &st, NULL) < 0)
        return;
    if (st.is_file) {
        sum->files++;
        sum->bytes += st.bytes;
    } else if (st.is_folder) {
        sum->path  = path;
        sum->depth = depth;
        (void)!os_list(OS_CWD, path, count_entry, sum, NULL);
    }
}

void cmd_walk_count(char **path, size_t path_count, uint64_t *files, uint64_t *bytes)
{
    struct count sum = { 0 };

    for (size_t i = 0; i < path_count; i++)
        count_path(&sum, path[i], 0);
    *files = sum.files;
    *bytes = sum.bytes;
}

/* ---- the workers ---- */

static int64_t read_fd(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    return os_read(*(int *)ctx, ptr, cap, err);
}

static int64_t read_entry(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct archive *zip = ctx;
    la_ssize_t      n   = la.read_data(zip, ptr, cap);

    if (n < 0)
        return iso_fail(err, ISO_EFORMAT, "damaged archive: %s", la.error_string(zip));
    return n;
}

static void give_archive(const struct cmd_walk *walk, const char *path)
{
    struct archive       *zip;
    struct archive_entry *entry;
    struct iso_err        err = { 0 };
    char                  name[NAME_BYTES_MAX];
    int                   rc = os_library_need(&la_library, &err);

    if (rc < 0) {
        tell_failure(walk, path, rc, &err);
        return;
    }
    rc  = ARCHIVE_FATAL;
    zip = la.read_new();
    if (zip != NULL && la.read_support_format_zip(zip) == ARCHIVE_OK &&
        la.read_open_filename(zip, path, 1 << 18) == ARCHIVE_OK) {
        while (!interrupted && (rc = la.read_next_header(zip, &entry)) == ARCHIVE_OK) {
            const char          *inner = la.entry_pathname(entry);
            struct cmd_walk_file file  = { .name = name, .source = { read_entry, zip }, .fd = -1 };

            if (la.entry_filetype(entry) != AE_IFREG)
                continue;
            inner = inner != NULL ? inner : "?";
            if (is_dicomdir(inner))
                continue;
            (void)snprintf(name, sizeof name, "%s:%s", path, inner);
            walk->each(walk->ctx, &file);
        }
    }
    if (rc == ARCHIVE_FATAL || rc == ARCHIVE_FAILED) {
        const char *why = zip != NULL ? la.error_string(zip) : NULL;
        iso_fail(&err, ISO_EFORMAT, "ZIP archive: %s", why != NULL ? why : "cannot be read");
        tell_failure(walk, path, ISO_EFORMAT, &err);
    }
    (void)la.read_free(zip);
}

static void give_file(const struct cmd_walk *walk, const char *path)
{
    struct cmd_walk_file file = { .name = path };
    struct os_stat       st   = { 0 };
    uint8_t              head[4];
    int                  fd = -1;

    file.rc = os_open(OS_CWD, path, OS_READ, &fd, &file.err);
    if (file.rc == ISO_OK)
        file.rc = os_stat_fd(fd, &st, &file.err);
    if (file.rc == ISO_OK && os_read_at(fd, head, sizeof head, 0, NULL) == sizeof head &&
        memcmp(head, "PK\3\4", sizeof head) == 0) {
        os_close(fd);
        give_archive(walk, path);
        return;
    }
    file.bytes  = st.bytes;
    file.source = (struct iso_source){ read_fd, &fd };
    file.fd     = fd;
    walk->each(walk->ctx, &file);
    os_close(fd);
}

static void work(void *arg)
{
    struct queue *q = arg;
    char         *name;

    while ((name = queue_take(q)) != NULL) {
        if (!interrupted)
            give_file(q->walk, name);
        free(name);
    }
}

int cmd_walk(const struct cmd_walk *walk, struct iso_err *err)
{
    struct queue     q = { .walk = walk };
    struct os_thread worker[THREADS_MAX];
    unsigned         want    = walk->threads < THREADS_MAX ? walk->threads : THREADS_MAX;
    unsigned         started = 0;
    int              rc      = ISO_OK;

    os_mutex_init(&q.mu);
    os_cond_init(&q.changed);
    while (rc == ISO_OK && started < want) {
        rc = os_thread_start(&worker[started], "walk", (size_t)1 << 20, work, &q, err);
        started += rc == ISO_OK;
    }
    if (started > 0)
        rc = ISO_OK; /* fewer will do */
    for (size_t i = 0; rc == ISO_OK && i < walk->path_count; i++)
        rc = walk_given(&q, walk->path[i], err);
    os_mutex_lock(&q.mu);
    q.done = true;
    os_cond_broadcast(&q.changed);
    os_mutex_unlock(&q.mu);
    for (unsigned i = 0; i < started; i++)
        os_thread_join(&worker[i]);
    os_cond_release(&q.changed);
    os_mutex_release(&q.mu);
    return rc;
}

void cmd_walk_report(const struct cmd_walk_figure *figures, size_t count, struct iso_json *entries,
                     const struct iso_buf *files)
{
    struct iso_buf  out;
    struct iso_json json;

    iso_buf_init(&out, CMD_WALK_REPORT_BYTES_MAX);
    iso_json_close_array(entries);
    iso_json_init(&json, &out);
    iso_json_open_object(&json);
    for (size_t i = 0; i < count; i++)
        iso_json_key_u64(&json, figures[i].name, figures[i].value);
    iso_json_key(&json, ISO_STR("files"));
    iso_json_raw(&json, iso_str_of_bytes(iso_buf_bytes(files)));
    iso_json_close_object(&json);
    (void)printf("%.*s\n", (int)out.len, (const char *)out.ptr);
    iso_buf_release(&out);
}
