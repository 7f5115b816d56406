/* http_static.c: a sorted table of what was in the folder at start-up. Small files are kept in
 * memory, larger ones as open descriptors that go out by sendfile; a gzip body is made when the
 * first client asks for one, and kept. */
#include "http_static.h"

#include "http_accept.h"
#include "http_internal.h"
#include "iso_hash.h"
#include "os_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IN_MEMORY_BYTES_MAX = 64 << 10, GZIP_FILE_BYTES_MAX = 64 << 20, GZIP_LEVEL = 6 };

#define DEFAULT_SECURITY                                                                           \
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "                \
    "connect-src 'self'; img-src 'self' blob: data:; style-src 'self'; font-src 'self'; "          \
    "frame-src 'self'; media-src 'self'; object-src 'none'; base-uri 'none'; "                     \
    "form-action 'self'; frame-ancestors 'none'; "                                                 \
    "require-trusted-types-for 'script'"

struct packed { /* a gzip body; or, with no bytes, the knowledge that it is of no use */
    iso_bytes        bytes;
    struct iso_arena arena;
};

struct file {
    char                    *path; /* relative, '/' between folders */
    const char              *type;
    uint8_t                 *memory; /* or NULL: fd */
    int                      fd;
    uint64_t                 bytes;
    bool                     hashed_name; /* under assets/ */
    char                     etag[33];
    _Atomic(struct packed *) packed;
};

struct http_static {
    const char  *security;
    struct file *files;
    size_t       count;
    size_t       cap;
    uint64_t     bytes;
    uint64_t     bytes_max;
};

static const char *type_of(const char *path)
{
    static const struct {
        const char *ending;
        const char *type;
    } types[] = {
        { ".html", "text/html; charset=utf-8" },
        { ".js", "text/javascript; charset=utf-8" },
        { ".mjs", "text/javascript; charset=utf-8" },
        { ".css", "text/css; charset=utf-8" },
        { ".wasm", "application/wasm" },
        { ".json", "application/json" },
        { ".map", "application/json" },
        { ".webmanifest", "application/manifest+json" },
        { ".svg", "image/svg+xml" },
        { ".png", "image/png" },
        { ".jpg", "image/jpeg" },
        { ".webp", "image/webp" },
        { ".ico", "image/x-icon" },
        { ".woff2", "font/woff2" },
        { ".txt", "text/plain; charset=utf-8" },
    };
    iso_str name = iso_str_c(path);

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (iso_str_ends(name, iso_str_c(types[i].ending)))
            return types[i].type;
    return "application/octet-stream";
}

/* The tag is of the content, so that a rebuilt file with the same bytes stays in caches. */
static int tag_file(struct file *file, struct iso_err *err)
{
    uint8_t            chunk[64 << 10];
    uint8_t            digest[ISO_SHA256_BYTES];
    struct iso_sha256 *hash;
    uint64_t           at = 0;
    int64_t            n;
    int                rc = iso_sha256_new(&hash, err);

    if (rc < 0)
        return rc;
    while ((n = os_read_at(file->fd, chunk, sizeof chunk, at, err)) > 0) {
        iso_sha256_add(hash, chunk, (size_t)n);
        at += (uint64_t)n;
    }
    iso_sha256_take(hash, digest);
    iso_sha256_free(hash);
    if (n < 0)
        return (int)n;
    if (at != file->bytes)
        return iso_fail(err, ISO_EIO, "%s changes while it is read", file->path);
    iso_hex(digest, 16, file->etag);
    return ISO_OK;
}

/* Takes fd and path over. */
static int add_file(struct http_static *s, char *path, int fd, uint64_t bytes, struct iso_err *err)
{
    int rc = ISO_OK;

    if (s->count == HTTP_STATIC_FILES_MAX || bytes > s->bytes_max - s->bytes) {
        rc = iso_fail(err, ISO_ELIMIT, "more than %d files or %llu bytes to serve",
                      HTTP_STATIC_FILES_MAX, (unsigned long long)s->bytes_max);
    } else if (s->count == s->cap) {
        size_t       cap   = s->cap > 0 ? s->cap * 2 : 64;
        struct file *grown = realloc(s->files, cap * sizeof *grown);
        if (grown != NULL) {
            s->files = grown;
            s->cap   = cap;
        } else {
            rc = iso_fail(err, ISO_ENOMEM, "out of memory");
        }
    }
    if (rc < 0) {
        free(path);
        os_close(fd);
        return rc;
    }
    struct file *file = &s->files[s->count++];
    *file             = (struct file){ .path        = path,
                                       .type        = type_of(path),
                                       .fd          = fd,
                                       .bytes       = bytes,
                                       .hashed_name = strncmp(path, "assets/", 7) == 0 };
    s->bytes += bytes;
    rc = tag_file(file, err);
    if (rc < 0 || bytes > IN_MEMORY_BYTES_MAX)
        return rc;
    file->memory = malloc(bytes > 0 ? (size_t)bytes : 1);
    if (file->memory == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    rc = os_read_exact_at(fd, file->memory, (size_t)bytes, 0, err);
    os_close(fd);
    file->fd = -1;
    return rc;
}

struct walk {
    struct http_static *files;
    int                 folder;
    const char         *prefix; /* "assets/" */
    unsigned            depth;
};

static int add_folder(struct http_static *s, int folder, const char *prefix, unsigned depth,
                      struct iso_err *err);

static int add_entry(void *ctx, const char *name, struct iso_err *err)
{
    struct walk   *walk = ctx;
    struct os_stat stat = { 0 };
    int            fd;
    size_t         n    = strlen(walk->prefix) + strlen(name) + 2;
    char          *path = malloc(n);
    int            rc   = path != NULL ? ISO_OK : iso_fail(err, ISO_ENOMEM, "out of memory");

    if (rc == ISO_OK)
        rc = os_stat(walk->folder, name, &stat, err);
    if (rc < 0 || name[0] == '.' || (!stat.is_file && !stat.is_folder)) {
        free(path);
        return rc;
    }
    (void)snprintf(path, n, "%s%s%s", walk->prefix, name, stat.is_folder ? "/" : "");
    rc = os_open(walk->folder, name, stat.is_folder ? OS_FOLDER : OS_READ, &fd, err);
    if (rc < 0) {
        free(path);
        return rc;
    }
    if (stat.is_file)
        return add_file(walk->files, path, fd, stat.bytes, err);
    rc = add_folder(walk->files, fd, path, walk->depth + 1, err);
    os_close(fd);
    free(path);
    return rc;
}

static int add_folder(struct http_static *s, int folder, const char *prefix, unsigned depth,
                      struct iso_err *err)
{
    struct walk walk = { s, folder, prefix, depth };

    if (depth > HTTP_STATIC_DEPTH_MAX)
        return iso_fail(err, ISO_ELIMIT, "%s: folders too deep", prefix);
    return os_list(folder, ".", add_entry, &walk, err);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

int http_static_load(struct http_static **files, const char *folder, size_t bytes_max,
                     const char *security, struct iso_err *err)
{
    struct http_static *s = calloc(1, sizeof *s);
    int                 fd;

    if (s == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    s->security  = security != NULL ? security : DEFAULT_SECURITY;
    s->bytes_max = bytes_max;
    int rc       = os_open(OS_CWD, folder, OS_FOLDER, &fd, err);
    if (rc == ISO_OK) {
        rc = add_folder(s, fd, "", 0, err);
        os_close(fd);
    }
    if (rc < 0) {
        http_static_free(s);
        return iso_wrap(err, rc, "web application");
    }
    if (s->count > 0)
        qsort(s->files, s->count, sizeof *s->files, by_path);
    *files = s;
    return ISO_OK;
}

static void packed_free(struct packed *packed)
{
    if (packed != NULL)
        iso_arena_release(&packed->arena);
    free(packed);
}

void http_static_free(struct http_static *files)
{
    if (files == NULL)
        return;
    for (size_t i = 0; i < files->count; i++) {
        free(files->files[i].path);
        free(files->files[i].memory);
        os_close(files->files[i].fd);
        packed_free(atomic_load(&files->files[i].packed));
    }
    free(files->files);
    free(files);
}

size_t http_static_count(const struct http_static *files)
{
    return files->count;
}

const char *http_static_path(const struct http_static *files, size_t i)
{
    return files->files[i].path;
}

static struct file *find(const struct http_static *s, iso_str path)
{
    size_t low  = 0;
    size_t high = s->count;

    while (low < high) {
        size_t mid   = low + (high - low) / 2;
        int    order = iso_str_cmp(iso_str_c(s->files[mid].path), path);
        if (order == 0)
            return &s->files[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/* "app.js" asks for a file, "study/1.2.840.5" for a route: an extension begins with a letter, a
 * component of a UID never does. */
static bool has_extension(iso_str last)
{
    size_t dot = last.len;

    while (dot > 0 && last.ptr[dot - 1] != '.')
        dot--;
    return dot > 0 && dot < last.len &&
           ((last.ptr[dot] >= 'a' && last.ptr[dot] <= 'z') ||
            (last.ptr[dot] >= 'A' && last.ptr[dot] <= 'Z'));
}

static struct file *find_for(const struct http_static *s, iso_str path)
{
    struct file *file  = find(s, path);
    size_t       slash = path.len;

    if (file != NULL)
        return file;
    while (slash > 0 && path.ptr[slash - 1] != '/')
        slash--;
    iso_str last = iso_str_sub(path, slash, path.len);
    return has_extension(last) ? NULL : find(s, ISO_STR("index.html"));
}

/* The gzip body, made now if nobody did before; without bytes when it is of no use. Two clients may
 * make it at once: one of the two is kept. */
static struct packed *pack(struct file *file)
{
    struct packed   *packed = calloc(1, sizeof *packed);
    struct packed   *none   = NULL;
    struct iso_arena plain;
    iso_bytes        body = iso_bytes_of(file->memory, (size_t)file->bytes);

    if (packed == NULL)
        return NULL;
    iso_arena_init(&plain, (size_t)file->bytes + 64);
    iso_arena_init(&packed->arena, 2 * (size_t)file->bytes + 64);
    if (file->memory == NULL) {
        uint8_t *copy = iso_arena_alloc(&plain, (size_t)file->bytes);
        body.ptr      = copy;
        if (copy == NULL || os_read_exact_at(file->fd, copy, body.len, 0, NULL) < 0)
            body.len = 0;
    }
    struct iso_arena scratch;
    iso_arena_init(&scratch, (size_t)file->bytes + 64);
    if (body.len > 0 && http_gzip(body, GZIP_LEVEL, &scratch, &packed->bytes, NULL) == ISO_OK)
        packed->bytes = iso_arena_bytes(&packed->arena, packed->bytes); /* no larger than it is */
    iso_arena_release(&scratch);
    iso_arena_release(&plain);
    if (!atomic_compare_exchange_strong(&file->packed, &none, packed)) {
        packed_free(packed);
        return none;
    }
    return packed;
}

static int set_fields(const struct http_static *s, const struct file *file,
                      struct http_request *req, struct iso_err *err)
{
    bool page = iso_str_starts(iso_str_c(file->type), ISO_STR("text/html"));
    int  rc   = http_reply_header(req, "Cache-Control",
                               file->hashed_name ? ISO_STR("public, max-age=31536000, immutable")
                                                    : ISO_STR("no-cache"),
                                  err);

    /* Workers have a policy of their own, taken from their script's response. */
    if (rc == ISO_OK)
        rc = http_reply_header(req, "Content-Security-Policy", iso_str_c(s->security), err);
    if (rc == ISO_OK && page)
        rc = http_reply_header(req, "Cross-Origin-Opener-Policy", ISO_STR("same-origin"), err);
    return rc;
}

int http_static_handle(struct http_request *req, void *ctx, struct iso_err *err)
{
    const struct http_static *s      = ctx;
    struct packed            *packed = NULL;
    iso_str                   path   = http_path_param(req, "path");
    struct file              *file   = find_for(s, path.len > 0 ? path : ISO_STR("index.html"));

    if (file == NULL)
        return http_problem(req, 404, "Not found", "The web application has no such file.", NULL);
    int rc = set_fields(s, file, req, err);
    if (rc < 0)
        return rc;
    if (http_gzip_useful(file->type) && file->bytes >= HTTP_GZIP_BYTES_MIN &&
        file->bytes <= GZIP_FILE_BYTES_MAX) {
        rc = http_reply_header(req, "Vary", ISO_STR("Accept-Encoding"), err);
        if (rc == ISO_OK && http_accepts_gzip(http_header(req, "Accept-Encoding"))) {
            packed = atomic_load(&file->packed);
            packed = packed != NULL ? packed : pack(file);
        }
    }
    if (rc == ISO_OK && packed != NULL && packed->bytes.len > 0) {
        iso_str tag = iso_arena_printf(http_arena(req), "%s-gz", file->etag);
        rc          = http_reply_etag(req, tag, err);
        if (rc == ISO_OK)
            rc = http_reply_header(req, "Content-Encoding", ISO_STR("gzip"), err);
        return rc < 0 ? rc : http_reply_memory(req, 200, file->type, packed->bytes, err);
    }
    if (rc == ISO_OK)
        rc = http_reply_etag(req, iso_str_c(file->etag), err);
    struct http_span span = file->memory != NULL
                                ? http_span_memory(iso_bytes_of(file->memory, (size_t)file->bytes))
                                : http_span_file(file->fd, 0, file->bytes);
    return rc < 0 ? rc : http_reply_spans(req, 200, file->type, &span, 1, err);
}
