/* srv_outbox_keep.c: a file is one JSON object; what is read is checked as if it came from outside. */
#include "srv_outbox_keep.h"

#include "iso_json_read.h"
#include "os_file.h"

#include <stdio.h>
#include <string.h>

enum { FILE_BYTES_MAX = 256 << 10, NAME_BYTES = 32 };

static bool is_id(const char *name)
{
    return strlen(name) == SRV_OUTBOX_ID_BYTES - 1 &&
           strspn(name, "0123456789abcdef") == SRV_OUTBOX_ID_BYTES - 1;
}

/* ---- writing ---- */

static void write_list(struct iso_json *json, const char *key, const iso_str *list, size_t count)
{
    iso_json_key(json, iso_str_c(key));
    iso_json_open_array(json);
    for (size_t i = 0; i < count; i++)
        iso_json_str(json, list[i]);
    iso_json_close_array(json);
}

static int write_text(const struct srv_kept *job, struct iso_buf *out, struct iso_err *err)
{
    const struct arc_selection *s = &job->selection;
    struct iso_json             json;

    iso_json_init(&json, out);
    iso_json_open_object(&json);
    iso_json_key_str(&json, "peer", job->peer);
    iso_json_key(&json, ISO_STR("made_us"));
    iso_json_i64(&json, job->made_us);
    write_list(&json, "studies", s->study_uids, s->study_count);
    write_list(&json, "series", s->series_uids, s->series_count);
    write_list(&json, "instances", s->sop_instance_uids, s->instance_count);
    iso_json_close_object(&json);
    return iso_json_end(&json, err);
}

static int write_into(int folder, const char *id, iso_bytes text, struct iso_err *err)
{
    char part[NAME_BYTES];
    int  fd = -1;

    (void)snprintf(part, sizeof part, "%s.part", id);
    int rc = os_open(folder, part, OS_CREATE, &fd, err);
    if (rc < 0)
        return rc;
    rc = os_write(fd, text.ptr, text.len, err);
    if (rc >= 0)
        rc = os_sync(fd, err);
    os_close(fd);
    if (rc >= 0)
        rc = os_rename(folder, part, folder, id, err);
    if (rc >= 0)
        rc = os_sync_folder(folder, err);
    if (rc < 0) {
        (void)os_remove(folder, part, NULL);
        (void)os_remove(folder, id, NULL);
    }
    return rc;
}

int srv_keep_write(const char *folder, const struct srv_kept *job, struct iso_err *err)
{
    struct iso_buf text;
    int            fd = -1;

    iso_buf_init(&text, FILE_BYTES_MAX);
    int rc = write_text(job, &text, err);
    if (rc >= 0)
        rc = os_make_folder(OS_CWD, folder, err);
    if (rc >= 0)
        rc = os_open(OS_CWD, folder, OS_FOLDER, &fd, err);
    if (rc >= 0)
        rc = write_into(fd, job->id, iso_buf_bytes(&text), err);
    os_close(fd);
    iso_buf_release(&text);
    return rc;
}

void srv_keep_remove(const char *folder, const char *id)
{
    int fd;

    if (os_open(OS_CWD, folder, OS_FOLDER, &fd, NULL) < 0)
        return;
    (void)os_remove(fd, id, NULL);
    os_close(fd);
}

/* ---- reading ---- */

struct listing {
    int (*each)(void *ctx, const char *id);
    void *ctx;
    int   folder;
};

static int list_one(void *ctx, const char *name, struct iso_err *err)
{
    struct listing *l     = ctx;
    const char     *point = strrchr(name, '.');

    (void)err;
    if (is_id(name))
        return l->each(l->ctx, name);
    if (point != NULL && strcmp(point, ".part") == 0) /* of a job that was never acknowledged */
        (void)os_remove(l->folder, name, NULL);
    return ISO_OK;
}

int srv_keep_list(const char *folder, int (*each)(void *ctx, const char *id), void *ctx,
                  struct iso_err *err)
{
    struct listing l  = { each, ctx, -1 };
    int            rc = os_open(OS_CWD, folder, OS_FOLDER, &l.folder, err);

    if (rc == ISO_ENOENT)
        return ISO_OK;
    if (rc >= 0)
        rc = os_list(l.folder, ".", list_one, &l, err);
    os_close(l.folder);
    return rc;
}

/* An array of UIDs. */
static int read_list(struct iso_json_reader *r, struct iso_arena *arena, const iso_str **list,
                     size_t *count, struct iso_err *err)
{
    enum iso_json_token token;
    iso_str            *all = iso_arena_array(arena, SRV_OUTBOX_UIDS_MAX, sizeof *all);
    int rc = all != NULL ? iso_json_next(r, &token, err) : iso_arena_fail(arena, err);

    if (rc >= 0 && token != ISO_JSON_ARRAY)
        rc = iso_fail(err, ISO_EFORMAT, "not a list of UIDs");
    *count = 0;
    while (rc >= 0 && (rc = iso_json_next(r, &token, err)) >= 0 && token != ISO_JSON_ARRAY_END) {
        if (token != ISO_JSON_STRING || !dcm_uid_acceptable(r->text) ||
            *count == SRV_OUTBOX_UIDS_MAX)
            return iso_fail(err, ISO_EFORMAT, "not a list of UIDs");
        all[(*count)++] = iso_arena_str(arena, r->text);
    }
    *list = all;
    return rc;
}

static int read_member(struct iso_json_reader *r, iso_str key, struct iso_arena *arena,
                       struct srv_kept *out, struct iso_err *err)
{
    struct arc_selection *s = &out->selection;
    enum iso_json_token   token;
    uint64_t              number;

    if (iso_str_eq_c(key, "studies"))
        return read_list(r, arena, &s->study_uids, &s->study_count, err);
    if (iso_str_eq_c(key, "series"))
        return read_list(r, arena, &s->series_uids, &s->series_count, err);
    if (iso_str_eq_c(key, "instances"))
        return read_list(r, arena, &s->sop_instance_uids, &s->instance_count, err);
    int rc = iso_json_next(r, &token, err);
    if (rc >= 0 && iso_str_eq_c(key, "peer") && token == ISO_JSON_STRING)
        out->peer = iso_arena_str(arena, r->text);
    else if (rc >= 0 && iso_str_eq_c(key, "made_us") && token == ISO_JSON_NUMBER &&
             iso_str_to_u64(r->text, &number) && number <= INT64_MAX)
        out->made_us = (int64_t)number;
    else if (rc >= 0)
        rc = iso_fail(err, ISO_EFORMAT, "a member that no job has");
    return rc;
}

static int read_text(iso_str text, struct iso_arena *arena, struct srv_kept *out,
                     struct iso_err *err)
{
    struct iso_json_reader r;
    enum iso_json_token    token;

    iso_json_reader_init(&r, text, arena);
    int rc = iso_json_next(&r, &token, err);
    if (rc >= 0 && token != ISO_JSON_OBJECT)
        rc = iso_fail(err, ISO_EFORMAT, "not a JSON object");
    while (rc >= 0 && (rc = iso_json_next(&r, &token, err)) >= 0 && token == ISO_JSON_KEY)
        rc = read_member(&r, r.text, arena, out, err);
    if (rc >= 0)
        rc = iso_json_next(&r, &token, err); /* nothing follows */
    if (rc >= 0 && (out->peer.len == 0 || out->selection.study_count + out->selection.series_count +
                                                  out->selection.instance_count ==
                                              0))
        rc = iso_fail(err, ISO_EFORMAT, "a job without peer or objects");
    return rc;
}

int srv_keep_read(const char *folder, const char *id, struct iso_arena *arena, struct srv_kept *out,
                  struct iso_err *err)
{
    struct srv_kept job = { .made_us = 0 };
    char           *all = NULL;
    int64_t         n   = 0;
    int             at = -1, fd = -1;

    int rc = is_id(id) ? os_open(OS_CWD, folder, OS_FOLDER, &at, err)
                       : iso_fail(err, ISO_EINVAL, "not a job's name");
    if (rc >= 0)
        rc = os_open(at, id, OS_READ_PLAIN, &fd, err);
    if (rc >= 0 && (all = iso_arena_alloc(arena, FILE_BYTES_MAX)) == NULL)
        rc = iso_arena_fail(arena, err);
    if (rc >= 0 && (n = os_read_at(fd, all, FILE_BYTES_MAX, 0, err)) < 0)
        rc = (int)n;
    os_close(fd);
    os_close(at);
    if (rc >= 0)
        rc = read_text(iso_str_of(all, (size_t)n), arena, &job, err);
    if (rc < 0)
        return rc;
    memcpy(job.id, id, sizeof job.id);
    *out = job;
    return ISO_OK;
}
