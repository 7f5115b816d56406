/* arc_manifest.c: JSON lines, written and read again. A reader believes nothing: a manifest may come
 * from a disk that has rotted, or from somebody else. */
#include "arc_manifest.h"

#include "iso_json.h"
#include "iso_json_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FLUSH_BYTES = 256 << 10, ARENA_BYTES = 1 << 20 };

/* ---- names ---- */

static bool all_of(iso_str s, const char *set)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '\0' || strchr(set, s.ptr[i]) == NULL)
            return false;
    return s.len > 0;
}

bool arc_manifest_path_ok(iso_str path, uint64_t *number)
{
    const char *digits = "0123456789abcdef";
    uint8_t     raw[8];

    *number = 0;
    if (iso_str_eq_c(path, "volume.json"))
        return true;
    if (path.len == 16 && iso_str_starts(path, ISO_STR("seg/")) &&
        iso_str_ends(path, ISO_STR(".tar")))
        return all_of(iso_str_sub(path, 4, 8), "0123456789") &&
               iso_str_to_u64(iso_str_sub(path, 4, 8), number);
    if (path.len != 29 || !iso_str_starts(path, ISO_STR("large/")) || path.ptr[8] != '/' ||
        !iso_str_ends(path, ISO_STR(".dcm")) || !all_of(iso_str_sub(path, 6, 2), digits) ||
        !iso_unhex(iso_str_sub(path, 9, 16), raw, sizeof raw))
        return false;
    for (size_t i = 0; i < sizeof raw; i++)
        *number = *number << 8 | raw[i];
    *number |= STORE_FILE_LARGE;
    return memcmp(path.ptr + 6, path.ptr + 23, 2) == 0 && all_of(iso_str_sub(path, 9, 16), digits);
}

void arc_manifest_stored(const struct arc_manifest_file *file, char out[ARC_STORED_BYTES])
{
    if (file->version > 1)
        (void)snprintf(out, ARC_STORED_BYTES, "files/%u/%s.%u", file->volume, file->path,
                       file->version);
    else
        (void)snprintf(out, ARC_STORED_BYTES, "files/%u/%s", file->volume, file->path);
}

int arc_manifest_order(const struct arc_manifest_file *a, const struct arc_manifest_file *b)
{
    if (a->volume != b->volume)
        return a->volume < b->volume ? -1 : 1;
    return strcmp(a->path, b->path);
}

bool arc_generation_ok(iso_str name)
{
    return name.len == 16 && name.ptr[8] == 'T' && name.ptr[15] == 'Z' &&
           all_of(iso_str_sub(name, 0, 8), "0123456789") &&
           all_of(iso_str_sub(name, 9, 6), "0123456789");
}

void arc_generation_name(int64_t wall_us, char out[ARC_GENERATION_BYTES])
{
    time_t    s = (time_t)(wall_us / 1000000);
    struct tm tm;

    (void)gmtime_r(&s, &tm);
    (void)strftime(out, ARC_GENERATION_BYTES, "%Y%m%dT%H%M%SZ", &tm);
}

int arc_manifest_head_new(struct arc_manifest_head **head, struct iso_err *err)
{
    struct arc_manifest_head *made = calloc(1, sizeof *made);

    if (made != NULL)
        made->volume = calloc(STORE_VOLUMES_MAX, sizeof *made->volume);
    if (made == NULL || made->volume == NULL) {
        free(made);
        return iso_fail(err, ISO_ENOMEM, "no memory for a manifest");
    }
    *head = made;
    return ISO_OK;
}

void arc_manifest_head_free(struct arc_manifest_head *head)
{
    if (head == NULL)
        return;
    free(head->volume);
    free(head);
}

/* ---- writing ---- */

static int flush_text(struct arc_manifest_writer *w, struct iso_err *err)
{
    int rc = iso_buf_check(&w->text, err);

    if (rc >= 0) {
        iso_sha256_add(w->hash, w->text.ptr, w->text.len);
        rc = os_write(w->fd, w->text.ptr, w->text.len, err);
    }
    iso_buf_reset(&w->text);
    return rc;
}

static void put_digest(struct iso_json *json, const char *key,
                       const uint8_t digest[ISO_SHA256_BYTES])
{
    char hex[2 * ISO_SHA256_BYTES + 1];

    iso_hex(digest, ISO_SHA256_BYTES, hex);
    iso_json_key_str(json, key, iso_str_c(hex));
}

static void put_i64(struct iso_json *json, const char *key, int64_t value)
{
    iso_json_key(json, iso_str_c(key));
    iso_json_i64(json, value);
}

int arc_manifest_create(struct arc_manifest_writer *w, int folder, const char *name,
                        const struct arc_manifest_head *head, struct iso_err *err)
{
    struct iso_json json;

    *w = (struct arc_manifest_writer){ .fd = -1 };
    iso_buf_init(&w->text, (size_t)4 << 20);
    int rc = iso_sha256_new(&w->hash, err);
    if (rc >= 0)
        rc = os_open(folder, name, OS_CREATE, &w->fd, err);
    if (rc < 0)
        return rc;
    iso_json_init(&json, &w->text);
    iso_json_open_object(&json);
    iso_json_key_u64(&json, "isocenter_backup", ARC_MANIFEST_FORMAT);
    iso_json_key_str(&json, "program", ISO_STR(ISO_VERSION));
    iso_json_key_str(&json, "generation", iso_str_c(head->generation));
    iso_json_key_str(&json, "archive", iso_str_c(head->archive));
    put_i64(&json, "began_us", head->began_us);
    iso_json_key_u64(&json, "studies", head->studies);
    iso_json_key_u64(&json, "instances", head->instances);
    iso_json_key_u64(&json, "bytes", head->bytes);
    iso_json_key_u64(&json, "index_bytes", head->index_bytes);
    put_digest(&json, "index_sha256", head->index_digest);
    iso_json_key(&json, ISO_STR("volumes"));
    iso_json_open_array(&json);
    for (size_t i = 0; i < head->volume_count; i++) {
        iso_json_open_object(&json);
        iso_json_key_u64(&json, "number", head->volume[i].number);
        iso_json_key_str(&json, "kind", iso_str_c(head->volume[i].tree ? "tree" : "segments"));
        iso_json_key_str(&json, "uuid", iso_str_c(head->volume[i].uuid));
        iso_json_key_str(&json, "path", iso_str_c(head->volume[i].path));
        iso_json_close_object(&json);
    }
    iso_json_close_array(&json);
    iso_json_close_object(&json);
    iso_buf_add_u8(&w->text, '\n');
    return flush_text(w, err);
}

int arc_manifest_add(struct arc_manifest_writer *w, const struct arc_manifest_file *file,
                     struct iso_err *err)
{
    struct iso_json json;

    iso_json_init(&json, &w->text);
    iso_json_open_object(&json);
    iso_json_key_u64(&json, "volume", file->volume);
    iso_json_key_str(&json, "path", iso_str_c(file->path));
    iso_json_key_u64(&json, "version", file->version);
    iso_json_key_u64(&json, "bytes", file->age.bytes);
    iso_json_key_u64(&json, "solid", file->solid);
    put_digest(&json, "sha256", file->digest);
    iso_json_key_u64(&json, "inode", file->age.inode);
    put_i64(&json, "mtime_ns", file->age.mtime_ns);
    put_i64(&json, "ctime_ns", file->age.ctime_ns);
    iso_json_close_object(&json);
    iso_buf_add_u8(&w->text, '\n');
    w->files++;
    w->bytes += file->solid;
    return flush_text(w, err); /* an interrupted run is gone on with from here */
}

int arc_manifest_end(struct arc_manifest_writer *w, int64_t ended_us, struct iso_err *err)
{
    struct iso_json json;
    uint8_t         digest[ISO_SHA256_BYTES];

    iso_sha256_take(w->hash, digest);
    iso_json_init(&json, &w->text);
    iso_json_open_object(&json);
    iso_json_key_u64(&json, "files", w->files);
    iso_json_key_u64(&json, "bytes", w->bytes);
    put_i64(&json, "ended_us", ended_us);
    put_digest(&json, "sha256", digest);
    iso_json_close_object(&json);
    iso_buf_add_u8(&w->text, '\n');
    int rc = flush_text(w, err);
    return rc < 0 ? rc : os_sync(w->fd, err);
}

void arc_manifest_writer_release(struct arc_manifest_writer *w)
{
    os_close(w->fd);
    iso_sha256_free(w->hash);
    iso_buf_release(&w->text);
    *w = (struct arc_manifest_writer){ .fd = -1 };
}

/* ---- reading ---- */

/* The next line without its end; ISO_EEND. Views live until the next call. */
static int read_line(struct arc_manifest_reader *r, iso_str *line, struct iso_err *err)
{
    for (;;) {
        uint8_t *end = memchr(r->buffer + r->from, '\n', r->to - r->from);
        int64_t  n;

        if (end != NULL) {
            *line   = iso_str_of((const char *)r->buffer + r->from,
                                 (size_t)(end - (r->buffer + r->from)));
            r->from = (size_t)(end - r->buffer) + 1;
            return ISO_OK;
        }
        memmove(r->buffer, r->buffer + r->from, r->to - r->from);
        r->to -= r->from;
        r->from = 0;
        if (r->to == ARC_MANIFEST_LINE_MAX)
            return iso_fail(err, ISO_EFORMAT, "manifest: a line is too long");
        n = os_read_at(r->fd, r->buffer + r->to, ARC_MANIFEST_LINE_MAX - r->to, r->at, err);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return ISO_EEND; /* also in the middle of a line: it was not finished */
        r->to += (size_t)n;
        r->at += (uint64_t)n;
    }
}

struct line {
    struct arc_manifest_head *head; /* NULL: not wanted */
    struct arc_manifest_file  file;
    uint64_t                  format, files, bytes, version;
    int64_t                   ended_us;
    uint8_t                   digest[ISO_SHA256_BYTES];
    bool                      is_file, is_end, wrong;
};

static bool copy_text(iso_str from, char *to, size_t cap)
{
    if (from.len >= cap || memchr(from.ptr, '\0', from.len) != NULL)
        return false;
    memcpy(to, from.ptr, from.len);
    to[from.len] = '\0';
    return true;
}

static bool to_u32(iso_str s, uint32_t *out)
{
    uint64_t wide;

    if (!iso_str_to_u64(s, &wide) || wide > UINT32_MAX)
        return false;
    *out = (uint32_t)wide;
    return true;
}

/* One member of a volume in the head. */
static bool volume_member(struct arc_manifest_volume *v, iso_str key, iso_str value)
{
    if (iso_str_eq_c(key, "number"))
        return to_u32(value, &v->number) && v->number > 0;
    if (iso_str_eq_c(key, "kind"))
        v->tree = iso_str_eq_c(value, "tree");
    else if (iso_str_eq_c(key, "uuid"))
        return copy_text(value, v->uuid, sizeof v->uuid);
    else if (iso_str_eq_c(key, "path"))
        return copy_text(value, v->path, sizeof v->path);
    return true;
}

static bool head_member(struct arc_manifest_head *h, iso_str key, iso_str value)
{
    if (iso_str_eq_c(key, "generation"))
        return copy_text(value, h->generation, sizeof h->generation) && arc_generation_ok(value);
    if (iso_str_eq_c(key, "archive"))
        return copy_text(value, h->archive, sizeof h->archive);
    if (iso_str_eq_c(key, "began_us"))
        return iso_str_to_i64(value, &h->began_us);
    if (iso_str_eq_c(key, "studies"))
        return iso_str_to_u64(value, &h->studies);
    if (iso_str_eq_c(key, "instances"))
        return iso_str_to_u64(value, &h->instances);
    if (iso_str_eq_c(key, "bytes"))
        return iso_str_to_u64(value, &h->bytes);
    if (iso_str_eq_c(key, "index_bytes"))
        return iso_str_to_u64(value, &h->index_bytes);
    if (iso_str_eq_c(key, "index_sha256"))
        return iso_unhex(value, h->index_digest, ISO_SHA256_BYTES);
    return true;
}

static bool file_member(struct line *l, iso_str key, iso_str value)
{
    struct arc_manifest_file *f = &l->file;
    uint64_t                  number;

    if (iso_str_eq_c(key, "path")) {
        l->is_file = true;
        return arc_manifest_path_ok(value, &number) && copy_text(value, f->path, sizeof f->path);
    }
    if (iso_str_eq_c(key, "volume"))
        return to_u32(value, &f->volume) && f->volume > 0;
    if (iso_str_eq_c(key, "version"))
        return to_u32(value, &f->version) && f->version > 0;
    if (iso_str_eq_c(key, "bytes"))
        return iso_str_to_u64(value, &f->age.bytes);
    if (iso_str_eq_c(key, "sha256"))
        return iso_unhex(value, l->digest, ISO_SHA256_BYTES);
    if (iso_str_eq_c(key, "solid"))
        return iso_str_to_u64(value, &f->solid);
    if (iso_str_eq_c(key, "inode"))
        return iso_str_to_u64(value, &f->age.inode);
    if (iso_str_eq_c(key, "mtime_ns"))
        return iso_str_to_i64(value, &f->age.mtime_ns);
    if (iso_str_eq_c(key, "ctime_ns"))
        return iso_str_to_i64(value, &f->age.ctime_ns);
    if (iso_str_eq_c(key, "files")) {
        l->is_end = true;
        return iso_str_to_u64(value, &l->files);
    }
    if (iso_str_eq_c(key, "ended_us"))
        return iso_str_to_i64(value, &l->ended_us);
    if (iso_str_eq_c(key, "isocenter_backup"))
        return iso_str_to_u64(value, &l->format);
    return true;
}

static void take_member(struct line *l, unsigned depth, iso_str key, iso_str value)
{
    struct arc_manifest_head *h = l->head;

    if (depth == 1)
        l->wrong =
            l->wrong || !file_member(l, key, value) || (h != NULL && !head_member(h, key, value));
    else if (depth == 3 && h != NULL && h->volume_count > 0)
        l->wrong = l->wrong || !volume_member(&h->volume[h->volume_count - 1], key, value);
}

/* One line, whatever it is. Depth 1: its own members; 2: the list of volumes; 3: one of them. */
static int parse_line(struct arc_manifest_reader *r, iso_str text, struct line *l,
                      struct iso_err *err)
{
    struct iso_json_reader json;
    enum iso_json_token    token;
    char                   key[32];
    unsigned               depth = 0;
    int                    rc    = ISO_OK;

    key[0] = '\0';
    iso_arena_reset(&r->arena);
    iso_json_reader_init(&json, text, &r->arena);
    while (rc >= 0 && !l->wrong && (rc = iso_json_next(&json, &token, err)) >= 0 &&
           token != ISO_JSON_END) {
        switch (token) {
        case ISO_JSON_OBJECT:
        case ISO_JSON_ARRAY:
            depth++;
            if (depth == 3 && l->head != NULL) {
                l->wrong = token != ISO_JSON_OBJECT || l->head->volume_count == STORE_VOLUMES_MAX;
                l->head->volume_count += !l->wrong;
            }
            break;
        case ISO_JSON_OBJECT_END:
        case ISO_JSON_ARRAY_END:
            depth--;
            break;
        case ISO_JSON_KEY:
            if (!copy_text(json.text, key, sizeof key))
                key[0] = '\0';
            break;
        case ISO_JSON_STRING:
        case ISO_JSON_NUMBER:
            take_member(l, depth, iso_str_c(key), json.text);
            break;
        default:
            break;
        }
    }
    return rc >= 0 && l->wrong ? iso_fail(err, ISO_EFORMAT, "manifest: %s is wrong", key) : rc;
}

int arc_manifest_open(struct arc_manifest_reader *r, int folder, const char *name,
                      struct arc_manifest_head *head, struct iso_err *err)
{
    struct line line = { .head = head };
    iso_str     text;

    *r = (struct arc_manifest_reader){ .fd = -1 };
    iso_arena_init(&r->arena, ARENA_BYTES);
    int rc = os_open(folder, name, OS_READ, &r->fd, err);
    if (rc >= 0)
        rc = iso_sha256_new(&r->hash, err);
    if (rc >= 0 && (r->buffer = malloc(ARC_MANIFEST_LINE_MAX)) == NULL)
        rc = iso_fail(err, ISO_ENOMEM, "no memory for a manifest");
    if (rc >= 0)
        rc = read_line(r, &text, err);
    if (rc >= 0) {
        iso_sha256_add(r->hash, text.ptr, text.len + 1); /* with its end */
        rc = parse_line(r, text, &line, err);
    }
    if (rc >= 0 && line.format != ARC_MANIFEST_FORMAT)
        rc = iso_fail(err, line.format > ARC_MANIFEST_FORMAT ? ISO_EUNSUPPORTED : ISO_EFORMAT,
                      line.format > ARC_MANIFEST_FORMAT ? "made by a newer program: use that one"
                                                        : "not the manifest of a backup");
    if (rc < 0) {
        arc_manifest_close(r);
        if (rc == ISO_EEND)
            rc = iso_fail(err, ISO_EFORMAT, "an empty manifest");
        return rc == ISO_ENOENT ? rc : iso_wrap(err, rc, "%s", name);
    }
    return ISO_OK;
}

int arc_manifest_next(struct arc_manifest_reader *r, struct arc_manifest_file *file,
                      struct iso_err *err)
{
    struct line line = { .head = NULL };
    uint8_t     digest[ISO_SHA256_BYTES];
    iso_str     text;

    if (r->ended)
        return ISO_EEND;
    int rc = read_line(r, &text, err);
    if (rc < 0)
        return rc;
    rc = parse_line(r, text, &line, err);
    if (rc < 0)
        return rc;
    if (line.is_end) {
        iso_sha256_take(r->hash, digest);
        if (memcmp(digest, line.digest, sizeof digest) != 0 || line.files != r->files ||
            line.file.age.bytes != r->bytes)
            return iso_fail(err, ISO_EFORMAT, "the manifest has been changed or is damaged");
        r->ended    = true;
        r->ended_us = line.ended_us;
        return ISO_EEND;
    }
    if (!line.is_file || line.file.volume == 0 || line.file.version == 0 ||
        line.file.solid > line.file.age.bytes)
        return iso_fail(err, ISO_EFORMAT, "manifest: a line is no file");
    iso_sha256_add(r->hash, text.ptr, text.len + 1);
    *file = line.file;
    memcpy(file->digest, line.digest, sizeof file->digest);
    r->files++;
    r->bytes += file->solid;
    return ISO_OK;
}

void arc_manifest_close(struct arc_manifest_reader *r)
{
    os_close(r->fd);
    iso_sha256_free(r->hash);
    free(r->buffer);
    iso_arena_release(&r->arena);
    *r = (struct arc_manifest_reader){ .fd = -1 };
}
