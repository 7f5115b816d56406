/* cmd_transcode.c: `isocenter transcode`: files and folders into another transfer syntax. Every file is
 * read back before it gets its name: what is there is whole. */
#include "cmd.h"
#include "cmd_walk.h"

#include "codec_object.h"
#include "codec_pool.h"
#include "dcm_file.h"
#include "iso_json.h"
#include "os_clock.h"
#include "os_file.h"
#include "os_process.h"
#include "os_thread.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PATH_BYTES     = 4096,
    HEAD_BYTES_MAX = 64 << 20,
    THREADS_MAX    = 64,
    CHUNK_BYTES    = 64 << 10,
    KEEP_BYTES     = 32 << 20
};

static const char help[] =
    "usage: isocenter transcode --to SYNTAX --output PATH [options] FILE|FOLDER...\n"
    "\n"
    "Writes the DICOM files behind each argument (a file, a folder with all below it, a ZIP\n"
    "archive) in another transfer syntax. Pixels are decoded and encoded as needed; objects\n"
    "without pixels are copied as they are when the target is a compression. Nothing is ever\n"
    "overwritten.\n"
    "\n"
    "  --to SYNTAX      a UID, a keyword, or one of the names below\n"
    "  --output PATH    a folder (made when absent); for one file also the new file's name\n"
    "  --quality N      of lossy compression, 1 to 100 [90]\n"
    "  --near N         jpegls-near: the largest error of a sample [2]\n"
    "  --new-uid        what is compressed lossily becomes a new instance that refers to the old\n"
    "  --verify         decode what was encoded and compare [on for lossless]\n"
    "  --no-verify\n"
    "  --jobs N         files, or frames of one file, at once [number of processors]\n"
    "  --json           print the report as one JSON object\n"
    "\n"
    "Exit code 0: all done. 1: something could not be converted.\n"
    "\n";

enum outcome { CONVERTED, COPIED, SKIPPED, FAILED, OUTCOMES };
static const char *const outcome_name[] = { "converted", "copied", "skipped", "failed" };

struct transcode {
    const struct dcm_syntax    *to;
    const char                 *output;
    bool                        output_is_file;
    bool                        new_uid;
    bool                        json;
    bool                        progress;
    int                         verify; /* -1: not said */
    unsigned                    jobs;
    char                      **path;
    size_t                      path_count;
    struct codec_pool          *pool;
    struct codec_object_options options;
    uint64_t                    total_files;

    struct os_mutex mu; /* guards all below */
    uint64_t        count[OUTCOMES];
    uint64_t        bytes_from;
    uint64_t        bytes_to;
    struct iso_buf  report; /* JSON entries */
    struct iso_json entries;
};

/* ---- report ---- */

struct done {
    enum outcome               outcome;
    const char                *from; /* transfer syntax UIDs */
    const char                *to;
    const char                *output;
    uint64_t                   bytes_from; /* of the file */
    uint64_t                   bytes_to;
    struct codec_object_result result;
    struct iso_err             err;
};

static double ratio_of(uint64_t from, uint64_t to)
{
    return to > 0 ? (double)from / (double)to : 0;
}

static void tell_json(struct transcode *t, const char *name, const struct done *d)
{
    struct iso_json *json = &t->entries;

    iso_json_open_object(json);
    iso_json_key_str(json, "path", iso_str_c(name));
    iso_json_key_str(json, "outcome", iso_str_c(outcome_name[d->outcome]));
    if (d->outcome == FAILED)
        iso_json_key_str(json, "reason", iso_str_c(d->err.text));
    if (d->outcome == CONVERTED || d->outcome == COPIED) {
        iso_json_key_str(json, "output", iso_str_c(d->output));
        iso_json_key_str(json, "from", iso_str_c(d->from));
        iso_json_key_str(json, "to", iso_str_c(d->to));
        iso_json_key_u64(json, "frames", d->result.frames);
        iso_json_key_u64(json, "bytes_from", d->bytes_from);
        iso_json_key_u64(json, "bytes_to", d->bytes_to);
        iso_json_key_u64(json, "pixel_bytes_from", d->result.pixels_from);
        iso_json_key_u64(json, "pixel_bytes_to", d->result.pixels_to);
        iso_json_key(json, ISO_STR("lossy"));
        iso_json_bool(json, d->result.lossy);
        iso_json_key(json, ISO_STR("repacked"));
        iso_json_bool(json, d->result.repacked);
    }
    iso_json_close_object(json);
}

/* File names are for people here: what could steer a terminal is made visible. */
static void print_name(FILE *out, const char *name)
{
    for (const char *p = name; *p != '\0'; p++)
        (void)fputc((unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p, out);
}

static void tell_text(struct transcode *t, const char *name, const struct done *d)
{
    FILE *out = d->outcome == FAILED ? stderr : stdout;

    if (t->progress)
        (void)fprintf(stderr, "\r\x1b[K");
    if (d->outcome == SKIPPED)
        return;
    print_name(out, name);
    if (d->outcome == FAILED) {
        (void)fputs(": ", out);
        print_name(out, d->err.text);
        (void)fputc('\n', out);
        return;
    }
    (void)fprintf(out, ": %llu to %llu bytes, %.2f:1%s%s\n", (unsigned long long)d->bytes_from,
                  (unsigned long long)d->bytes_to, ratio_of(d->bytes_from, d->bytes_to),
                  d->result.lossy      ? ", lossy"
                  : d->result.repacked ? ", not decoded"
                                       : "",
                  d->outcome == COPIED ? ", copied: it has no pixels to compress" : "");
}

static void tell(struct transcode *t, const char *name, const struct done *d)
{
    uint64_t all = 0;

    os_mutex_lock(&t->mu);
    t->count[d->outcome]++;
    if (d->outcome == CONVERTED || d->outcome == COPIED) {
        t->bytes_from += d->bytes_from;
        t->bytes_to += d->bytes_to;
    }
    if (t->json)
        tell_json(t, name, d);
    else
        tell_text(t, name, d);
    for (int i = 0; i < OUTCOMES; i++)
        all += t->count[i];
    if (t->progress)
        (void)fprintf(stderr, "\r%llu of %llu files  %.2f:1 ", (unsigned long long)all,
                      (unsigned long long)t->total_files, ratio_of(t->bytes_from, t->bytes_to));
    os_mutex_unlock(&t->mu);
}

/* ---- where it goes ---- */

/* All folders of path but its last part. */
static int make_folders(const char *path, struct iso_err *err)
{
    char part[PATH_BYTES];
    int  rc = ISO_OK;

    (void)snprintf(part, sizeof part, "%s", path);
    for (char *p = part + 1; *p != '\0' && rc == ISO_OK; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        rc = os_make_folder(OS_CWD, part, err);
        *p = '/';
    }
    return rc;
}

/* The file's place below the argument that it was found by; an archive's entries, whose names are not
 * ours, get their SOP Instance UID. */
static int place_of(const struct transcode *t, const struct cmd_walk_file *file, iso_str uid,
                    char out[PATH_BYTES], struct iso_err *err)
{
    const char *below = NULL;
    int         n;

    if (t->output_is_file) {
        n = snprintf(out, PATH_BYTES, "%s", t->output);
    } else if (file->fd < 0) {
        n = snprintf(out, PATH_BYTES, "%s/%.*s.dcm", t->output, ISO_STR_ARG(uid));
    } else {
        for (size_t i = 0; i < t->path_count && below == NULL; i++) {
            size_t len = strlen(t->path[i]);

            while (len > 1 && t->path[i][len - 1] == '/')
                len--;
            if (strncmp(file->name, t->path[i], len) != 0 || file->name[len] != '/')
                continue;
            below = file->name + len;
            while (t->path_count > 1 && below > file->name && below[-1] != '/')
                below--; /* of several folders, each keeps its name */
        }
        if (below == NULL) /* named itself */
            below = strrchr(file->name, '/') != NULL ? strrchr(file->name, '/') : file->name;
        while (*below == '/')
            below++;
        n = snprintf(out, PATH_BYTES, "%s/%s", t->output, below);
    }
    if (n < 0 || n >= PATH_BYTES)
        return iso_fail(err, ISO_ELIMIT, "a path longer than %d bytes", PATH_BYTES);
    return make_folders(out, err);
}

/* ---- one file ---- */

struct reading {
    int      fd;
    uint64_t at;
};

static int64_t read_fd(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct reading *r = ctx;
    int64_t         n = os_read_at(r->fd, ptr, cap, r->at, err);

    if (n > 0)
        r->at += (uint64_t)n;
    return n;
}

/* What an archive holds, in a file of its own. */
static int unpack(const struct cmd_walk_file *file, int *fd, uint64_t *bytes, struct iso_err *err)
{
    uint8_t chunk[CHUNK_BYTES];
    int64_t n  = 0;
    int     rc = os_open_scratch(fd, err);

    *bytes = 0;
    while (rc == ISO_OK &&
           (n = file->source.read(file->source.ctx, chunk, sizeof chunk, err)) > 0) {
        rc = os_write_at(*fd, chunk, (size_t)n, *bytes, err);
        *bytes += (uint64_t)n;
    }
    return rc < 0 ? rc : (int)(n < 0 ? n : ISO_OK);
}

/* Group 2 may lack the UIDs; the data set has them. */
static int read_head(int fd, struct iso_arena *arena, struct dcm_meta *meta, struct iso_err *err)
{
    const struct dcm_tree_options options = { .stop_before = DCM_SOP_INSTANCE_UID + 1 };
    struct reading                in      = { fd, 0 };
    struct dcm_parser            *parser  = NULL;
    struct iso_source             rest;
    struct dcm_dataset            ds;
    int rc = dcm_meta_read((struct iso_source){ read_fd, &in }, arena, meta, &rest, err);

    if (rc == ISO_OK)
        rc = dcm_parser_new(&parser, rest, meta->syntax, 0, err);
    if (rc == ISO_OK)
        rc = dcm_parser_tree(parser, &options, arena, &ds, err);
    if (rc == ISO_OK) {
        meta->media_sop_class_uid    = dcm_get_ascii(&ds, DCM_SOP_CLASS_UID);
        meta->media_sop_instance_uid = dcm_get_ascii(&ds, DCM_SOP_INSTANCE_UID);
        if (!dcm_uid_acceptable(meta->media_sop_class_uid) ||
            !dcm_uid_acceptable(meta->media_sop_instance_uid))
            rc = iso_fail(err, ISO_EFORMAT, "no SOP Class and SOP Instance UID");
    }
    dcm_parser_free(parser);
    return rc;
}

struct writing {
    int      fd;
    uint64_t at;
};

static int write_fd(void *ctx, const void *ptr, size_t len, struct iso_err *err)
{
    struct writing *w  = ctx;
    int             rc = os_write_at(w->fd, ptr, len, w->at, err);

    if (rc == ISO_OK)
        w->at += len;
    return rc;
}

/* new_uid: empty: keep. */
static int convert_as(struct transcode *t, const struct codec_object_source *from,
                      const struct dcm_meta *meta, iso_str new_uid, int fd, struct done *d,
                      struct iso_err *err)
{
    struct codec_object_options options = t->options;
    struct writing              out     = { fd, 0 };

    options.new_sop_instance_uid = new_uid;
    int rc                       = dcm_meta_write(
                              meta->media_sop_class_uid, new_uid.len > 0 ? new_uid : meta->media_sop_instance_uid,
                              iso_str_c(t->to->uid), iso_str_of(NULL, 0), (struct iso_sink){ write_fd, &out }, err);
    if (rc == ISO_OK)
        rc = codec_object_make(t->pool, from, iso_str_c(t->to->uid), &options, fd, out.at,
                               &d->result, err);
    if (rc == ISO_OK)
        d->bytes_to = out.at + d->result.bytes;
    return rc;
}

static int convert(struct transcode *t, const struct codec_object_source *from,
                   const struct dcm_meta *meta, int fd, struct done *d, struct iso_err *err)
{
    uint8_t seed[16];
    char    uid[65] = "";

    os_random(seed, sizeof seed);
    if (t->new_uid && t->to->lossy)
        dcm_uid_make(seed, uid);
    int rc = convert_as(t, from, meta, iso_str_c(uid), fd, d, err);
    if (rc == ISO_OK && uid[0] != '\0' &&
        !d->result.lossy) /* taken over as it is: the same object */
        rc = convert_as(t, from, meta, iso_str_of(NULL, 0), fd, d, err);
    return rc == ISO_OK ? os_truncate(fd, d->bytes_to, err) : rc;
}

static int copy(int from, uint64_t bytes, int to, struct iso_err *err)
{
    uint8_t chunk[CHUNK_BYTES];
    int     rc = os_truncate(to, 0, err);

    for (uint64_t at = 0; at < bytes && rc == ISO_OK;) {
        int64_t n = os_read_at(from, chunk, sizeof chunk, at, err);
        if (n <= 0)
            return n < 0 ? (int)n : iso_fail(err, ISO_EIO, "the file became shorter");
        rc = os_write_at(to, chunk, (size_t)n, at, err);
        at += (uint64_t)n;
    }
    return rc;
}

/* Into place under a name of its own first: a file that is there is complete. */
static int write_file(struct transcode *t, const struct codec_object_source *from,
                      const struct dcm_meta *meta, const char *place, struct done *d,
                      struct iso_err *err)
{
    char part[PATH_BYTES + 16];
    int  fd = -1;

    (void)snprintf(part, sizeof part, "%s.part", place);
    int rc = os_open(OS_CWD, part, OS_CREATE, &fd, err);
    if (rc < 0)
        return rc;
    d->outcome = CONVERTED;
    rc         = convert(t, from, meta, fd, d, err);
    if (rc == ISO_ENOENT) { /* no pixels to compress */
        *err        = (struct iso_err){ 0 };
        d->outcome  = COPIED;
        d->to       = d->from;
        d->bytes_to = d->bytes_from;
        rc          = copy(from->fd, d->bytes_from, fd, err);
    }
    os_close(fd);
    if (rc == ISO_OK)
        rc = os_link(OS_CWD, part, OS_CWD, place, err);
    (void)os_remove(OS_CWD, part, NULL);
    return rc;
}

static bool is_named(const struct transcode *t, const char *name)
{
    for (size_t i = 0; i < t->path_count; i++)
        if (strcmp(t->path[i], name) == 0)
            return true;
    return false;
}

static void one_file(void *ctx, const struct cmd_walk_file *file)
{
    struct transcode *t = ctx;
    struct done       d = { .outcome = FAILED, .bytes_from = file->bytes, .err = file->err };
    struct iso_arena  arena;
    struct dcm_meta   meta = { 0 };
    char              place[PATH_BYTES];
    int               fd = file->fd;
    int               rc = file->rc;

    iso_arena_init(&arena, HEAD_BYTES_MAX);
    if (rc == ISO_OK && fd < 0)
        rc = unpack(file, &fd, &d.bytes_from, &d.err);
    if (rc == ISO_OK) {
        rc = read_head(fd, &arena, &meta, &d.err);
        if (rc == ISO_EFORMAT && !is_named(t, file->name))
            d.outcome = SKIPPED;
    }
    if (rc == ISO_OK)
        rc = place_of(t, file, meta.media_sop_instance_uid, place, &d.err);
    if (rc == ISO_OK) {
        iso_str                          uid  = meta.transfer_syntax_uid.len > 0
                                                    ? iso_arena_str(&arena, meta.transfer_syntax_uid)
                                                    : iso_str_c(meta.syntax->uid);
        const struct codec_object_source from = { fd, meta.data_offset,
                                                  d.bytes_from - meta.data_offset, uid };
        d.from                                = uid.ptr;
        d.to                                  = t->to->uid;
        d.output                              = place;
        rc                                    = write_file(t, &from, &meta, place, &d, &d.err);
    }
    if (rc < 0 && d.outcome != SKIPPED)
        d.outcome = FAILED;
    tell(t, file->name, &d);
    iso_arena_release(&arena);
    if (fd != file->fd)
        os_close(fd);
}

/* ---- the whole ---- */

static void print_report(struct transcode *t)
{
    const struct cmd_walk_figure figures[] = {
        { "converted", t->count[CONVERTED] }, { "copied", t->count[COPIED] },
        { "skipped", t->count[SKIPPED] },     { "failed", t->count[FAILED] },
        { "bytes_from", t->bytes_from },      { "bytes_to", t->bytes_to },
    };

    if (t->progress)
        (void)fprintf(stderr, "\r\x1b[K");
    if (!t->json) {
        (void)printf("%llu converted, %llu copied, %llu failed, %llu skipped: %llu to %llu bytes, "
                     "%.2f:1%s\n",
                     (unsigned long long)t->count[CONVERTED], (unsigned long long)t->count[COPIED],
                     (unsigned long long)t->count[FAILED], (unsigned long long)t->count[SKIPPED],
                     (unsigned long long)t->bytes_from, (unsigned long long)t->bytes_to,
                     ratio_of(t->bytes_from, t->bytes_to),
                     cmd_walk_interrupted(NULL) ? " (interrupted)" : "");
        return;
    }
    cmd_walk_report(figures, sizeof figures / sizeof *figures, &t->entries, &t->report);
}

/* One file may get a name; everything else goes to a folder. */
static int prepare_output(struct transcode *t, struct iso_err *err)
{
    struct os_stat from = { 0 };
    struct os_stat to   = { 0 };
    char           path[PATH_BYTES];
    size_t         len   = strlen(t->output);
    bool           there = os_stat(OS_CWD, t->output, &to, NULL) == ISO_OK;

    t->output_is_file = t->path_count == 1 && len > 0 && t->output[len - 1] != '/' &&
                        os_stat(OS_CWD, t->path[0], &from, NULL) == ISO_OK && from.is_file &&
                        !to.is_folder;
    if (t->output_is_file)
        return there ? iso_fail(err, ISO_EEXIST, "%s is there already", t->output) : ISO_OK;
    if (len == 0 || len + 2 > sizeof path)
        return iso_fail(err, ISO_EINVAL, "not a folder's name");
    (void)snprintf(path, sizeof path, "%s/", t->output);
    return make_folders(path, err);
}

static int transcode(struct transcode *t)
{
    struct iso_err  err  = { 0 };
    struct cmd_walk walk = {
        .path = t->path, .path_count = t->path_count, .each = one_file, .ctx = t
    };
    uint64_t                       bytes;
    const struct codec_pool_config pool = { .workers = t->jobs };

    os_keep_freed_memory(KEEP_BYTES);
    if (codec_pool_new(&pool, &t->pool, &err) < 0) /* before there are threads */
        return cmd_fail(CMD_FAILED, "transcode", "%s", err.text);
    if (prepare_output(t, &err) < 0) {
        codec_pool_free(t->pool);
        return cmd_fail(CMD_USAGE, "transcode", "%s", err.text);
    }
    cmd_walk_catch_interrupt();
    cmd_walk_count(t->path, t->path_count, &t->total_files, &bytes);
    walk.threads       = t->total_files < t->jobs ? (unsigned)t->total_files + 1 : t->jobs;
    t->options.threads = (t->jobs + walk.threads - 1) / walk.threads;
    if (t->total_files <= 1)
        t->options.threads = t->jobs;
    t->options.verify = t->verify < 0 ? !t->to->lossy : t->verify == 1;
    t->options.stop   = cmd_walk_interrupted;
    t->progress       = !t->json && os_is_terminal(STDERR_FILENO);
    os_mutex_init(&t->mu);
    iso_buf_init(&t->report, CMD_WALK_REPORT_BYTES_MAX);
    iso_json_init(&t->entries, &t->report);
    if (t->json)
        iso_json_open_array(&t->entries);
    int rc = cmd_walk(&walk, &err);
    print_report(t);
    iso_buf_release(&t->report);
    os_mutex_release(&t->mu);
    codec_pool_free(t->pool);
    if (rc < 0 && rc != ISO_ECANCEL)
        return cmd_fail(CMD_FAILED, "transcode", "%s", err.text);
    return t->count[FAILED] > 0 || cmd_walk_interrupted(NULL) ? CMD_FAILED : CMD_OK;
}

static int print_help(void)
{
    const char *name;
    const char *uid;

    (void)fputs(help, stdout);
    (void)printf("  %-18s %-26s %s\n", "name", "UID", "transfer syntax");
    for (size_t i = 0; (name = dcm_syntax_name_at(i, &uid)) != NULL; i++)
        if (codec_object_can(iso_str_c(DCM_EXPLICIT_LE->uid), iso_str_c(uid), NULL) ||
            codec_object_can(ISO_STR("1.2.840.10008.1.2.4.50"), iso_str_c(uid), NULL))
            (void)printf("  %-18s %-26s %s\n", name, uid, dcm_syntax_find(iso_str_c(uid))->name);
    return CMD_OK;
}

static int number(const char *option, uint64_t max, unsigned *out)
{
    uint64_t n;

    if (!iso_str_to_u64(iso_str_c(optarg), &n) || n < 1 || n > max)
        return cmd_fail(CMD_USAGE, "transcode", "--%s is 1 to %llu", option,
                        (unsigned long long)max);
    *out = (unsigned)n;
    return CMD_OK;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        { "to", required_argument, NULL, 't' },
        { "output", required_argument, NULL, 'o' },
        { "quality", required_argument, NULL, 'q' },
        { "near", required_argument, NULL, 'n' },
        { "new-uid", no_argument, NULL, 'u' },
        { "verify", no_argument, NULL, 'v' },
        { "no-verify", no_argument, NULL, 'V' },
        { "jobs", required_argument, NULL, 'j' },
        { "json", no_argument, NULL, 'J' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    static struct transcode t;
    const char             *to   = NULL;
    int                     code = CMD_OK;
    int                     c;

    t.jobs   = os_cpu_count() < THREADS_MAX ? os_cpu_count() : THREADS_MAX;
    t.verify = -1;
    while (code == CMD_OK && (c = getopt_long(argc, argv, "t:o:j:h", options, NULL)) != -1) {
        if (c == 'h')
            return print_help();
        if (c == '?')
            return cmd_usage("transcode");
        if (c == 't')
            to = optarg;
        if (c == 'o')
            t.output = optarg;
        if (c == 'q')
            code = number("quality", 100, &t.options.codec.quality);
        if (c == 'n')
            code = number("near", 255, &t.options.codec.near);
        if (c == 'j')
            code = number("jobs", THREADS_MAX, &t.jobs);
        t.new_uid |= c == 'u';
        t.json |= c == 'J';
        t.verify = c == 'v' ? 1 : c == 'V' ? 0 : t.verify;
    }
    if (code != CMD_OK)
        return code;
    t.to         = to != NULL ? dcm_syntax_named(iso_str_c(to)) : NULL;
    t.path       = argv + optind;
    t.path_count = (size_t)(argc - optind);
    if (to != NULL && t.to == NULL)
        return cmd_fail(CMD_USAGE, "transcode", "no transfer syntax is called %s", to);
    if (t.to == NULL || t.output == NULL || t.path_count == 0)
        return cmd_usage("transcode");
    return transcode(&t);
}

const struct cmd cmd_transcode = { "transcode", "DICOM files in another transfer syntax", run };
