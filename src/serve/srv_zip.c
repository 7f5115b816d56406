/* srv_zip.c: one object after the other into the stream. What is stored goes out as it lies in its file;
 * what has to be made (another transfer syntax, de-identified) is made in a file without a name first, so that
 * its length is known and a broken object does not break the archive. Names in the archive are made of
 * numbers, or of UIDs that were checked when they came. */
#include "srv_zip.h"

#include "dcm_dir.h"
#include "http_zip.h"
#include "os_clock.h"
#include "os_file.h"
#include "srv_transcode.h"

#include <string.h>

enum {
    HEADER_BYTES_MAX = 64 << 20,
    NOTES_BYTES_MAX  = 4 << 20,
    FOLDER_FILES     = 1000,
    FILES_MAX        = 10000000
};

/* ---- what is wished ---- */

/* One of two or three words; the first is the default. */
static int read_word(struct http_request *req, const char *name, const char *const words[3],
                     unsigned *which, struct iso_err *err)
{
    iso_str value;

    *which = 0;
    if (!http_query_get(http_query(req), name, &value))
        return ISO_OK;
    for (; *which < 3 && words[*which] != NULL; ++*which)
        if (iso_str_eq_c(value, words[*which]))
            return ISO_OK;
    return iso_fail(err, ISO_EINVAL, "%s is %s, %s%s%s", name, words[0], words[1],
                    words[2] != NULL ? " or " : "", words[2] != NULL ? words[2] : "");
}

static int read_profile(struct http_request *req, struct srv_zip_wish *wish, struct iso_err *err)
{
    static const char *const date_words[3]  = { "remove", "shift", "keep" };
    static const char *const pixel_words[3] = { "drop", "keep", NULL };
    unsigned                 dates = 0, pixels = 0;
    iso_str                  name = { 0 };

    int rc = read_word(req, "dates", date_words, &dates, err);
    if (rc == ISO_OK)
        rc = read_word(req, "pixels", pixel_words, &pixels, err);
    if (rc == ISO_OK)
        rc = dcm_deidentify_retain(&wish->profile, http_query_value(req, "retain"), err);
    if (rc < 0)
        return rc;
    wish->profile.dates = (enum dcm_deidentify_dates)dates;
    wish->keep_pixels   = pixels == 1;
    os_random(wish->profile.key, sizeof wish->profile.key);
    if (!http_query_get(http_query(req), "pseudonym", &name))
        return ISO_OK;
    if (name.len < DCM_DEIDENTIFY_SECRET_MIN || name.len > DCM_DEIDENTIFY_SECRET_MAX)
        return iso_fail(err, ISO_EINVAL, "pseudonym has %d to %d characters, better random ones",
                        DCM_DEIDENTIFY_SECRET_MIN, DCM_DEIDENTIFY_SECRET_MAX);
    return dcm_deidentify_key(name, wish->profile.key, err);
}

int srv_zip_wish(struct http_request *req, struct srv_zip_wish *wish, struct iso_err *err)
{
    static const char *const truths[3]   = { "false", "true", NULL };
    static const char *const profiles[3] = { "no", "basic", NULL };
    static const char *const details[]   = { "retain", "dates", "pixels", "pseudonym" };
    unsigned                 dicomdir = 0, profile = 0;
    iso_str                  value;

    *wish  = (struct srv_zip_wish){ 0 };
    int rc = read_word(req, "dicomdir", truths, &dicomdir, err);
    if (rc == ISO_OK)
        rc = read_word(req, "deidentify", profiles, &profile, err);
    if (rc < 0)
        return rc;
    wish->dicomdir   = dicomdir == 1;
    wish->deidentify = profile == 1;
    if (wish->deidentify)
        return read_profile(req, wish, err);
    for (size_t i = 0; i < sizeof details / sizeof *details; i++)
        if (http_query_get(http_query(req), details[i],
                           &value)) /* a slip must not cost the secret */
            return iso_fail(err, ISO_EINVAL, "%s goes with deidentify=basic", details[i]);
    return ISO_OK;
}

/* ---- one object ---- */

struct archive {
    struct http_request       *req;
    struct srv_web            *web;
    const struct srv_zip_wish *wish;
    struct http_zip           *zip;
    struct dcm_dir_writer     *dir;   /* NULL: none */
    struct iso_arena           arena; /* of one object */
    struct iso_buf             notes; /* what was left out */
    uint64_t                   added;
    uint64_t                   left_out;
};

/* A Part 10 file, and where its data set lies in it or beside it. */
struct item {
    const struct arc_instance *inst;
    struct arc_object          object;
    struct srv_made            made;    /* fd -1: not made anew */
    int                        scratch; /* de-identified; -1: not */
    struct http_span           span[2];
    size_t                     span_count;
    int                        fd; /* the data set */
    uint64_t                   offset;
    uint64_t                   bytes;
    const struct dcm_syntax   *syntax;
    iso_str                    syntax_uid;
};

static void item_release(struct item *item)
{
    if (item->made.fd >= 0)
        srv_made_release(&item->made);
    os_close(item->scratch);
    arc_object_close(&item->object);
}

static int item_open(struct archive *a, const struct arc_instance *inst,
                     const struct dcm_syntax *to, struct item *item, struct iso_err *err)
{
    struct iso_err why = { 0 };

    *item  = (struct item){ .inst = inst, .made = { .fd = -1 }, .scratch = -1 };
    int rc = arc_object_open(a->web->arc, inst, &item->object, err);
    if (rc < 0)
        return rc;
    if (to != NULL && srv_make(a->web, inst, to, &item->made, &why) == ISO_OK) {
        item->span[0]    = http_span_memory(iso_buf_bytes(&item->made.meta));
        item->span[1]    = http_span_file(item->made.fd, 0, item->made.bytes);
        item->span_count = 2;
        item->fd         = item->made.fd;
        item->bytes      = item->made.bytes;
        item->syntax_uid = iso_str_c(to->uid);
    } else {
        item->made.fd    = -1;
        item->fd         = item->object.fd;
        item->offset     = item->object.offset + inst->data_offset;
        item->bytes      = item->object.bytes - inst->data_offset;
        item->syntax_uid = inst->transfer_syntax_uid;
        rc               = srv_object_spans(&item->object, item->span, &item->span_count, err);
    }
    item->syntax = dcm_syntax_or_default(item->syntax_uid);
    return rc;
}

static int item_parser(struct item *item, struct srv_range_source *range,
                       struct dcm_parser **parser, struct iso_err *err)
{
    *range = (struct srv_range_source){ item->fd, item->offset, item->bytes };
    return dcm_parser_new(parser, srv_range_source(range), item->syntax, 0, err);
}

/* The data set up to the pixels. */
static int item_header(struct archive *a, struct item *item, struct dcm_dataset *ds,
                       struct iso_err *err)
{
    const struct dcm_tree_options options = { .stop_before = DCM_FLOAT_PIXEL_DATA };
    struct srv_range_source       range;
    struct dcm_parser            *parser = NULL;

    int rc = item_parser(item, &range, &parser, err);
    if (rc == ISO_OK)
        rc = dcm_parser_tree(parser, &options, &a->arena, ds, err);
    dcm_parser_free(parser);
    return rc;
}

/* ---- without names ---- */

/* Of what was left out, nothing that tells more than what stayed. */
static void note_left_out(struct archive *a, const struct item *item, const char *why)
{
    const struct dcm_uid_entry *kind = dcm_uid_find(item->inst->sop_class_uid);
    const struct arc_instance  *inst = item->inst;

    a->left_out++;
    if (a->notes.len > NOTES_BYTES_MAX - 1024)
        return;
    iso_buf_printf(&a->notes, "  %s", kind != NULL ? kind->name : "a private kind of object");
    if (inst->series_number != ARC_NUMBER_NONE)
        iso_buf_printf(&a->notes, ", series %lld", (long long)inst->series_number);
    if (inst->instance_number != ARC_NUMBER_NONE)
        iso_buf_printf(&a->notes, ", object %lld", (long long)inst->instance_number);
    iso_buf_printf(&a->notes, ": %s\r\n", why);
}

struct counted {
    int      fd;
    uint64_t bytes;
};

static int write_counted(void *ctx, const void *ptr, size_t len, struct iso_err *err)
{
    struct counted *out = ctx;

    out->bytes += len;
    return os_write(out->fd, ptr, len, err);
}

static int clean(struct archive *a, struct item *item, const struct dcm_dataset *header,
                 struct iso_err *err)
{
    struct srv_range_source range;
    struct dcm_parser      *parser = NULL;
    struct counted          out    = { .fd = -1 };

    int rc = os_open_scratch(&out.fd, err);
    if (rc < 0)
        return rc;
    item->scratch = out.fd;
    rc            = item_parser(item, &range, &parser, err);
    if (rc == ISO_OK)
        rc = dcm_deidentify(&a->wish->profile, header, parser, item->syntax,
                            (struct iso_sink){ write_counted, &out }, err);
    dcm_parser_free(parser);
    item->span[0]    = http_span_file(out.fd, 0, out.bytes);
    item->span_count = 1;
    return rc;
}

/* ISO_EUNSUPPORTED: it has to be left out; err says why. */
static int deidentify(struct archive *a, struct item *item, struct iso_err *err)
{
    struct dcm_dataset header;
    const char        *why = "";

    int rc = item_header(a, item, &header, err);
    if (rc == ISO_OK) {
        enum dcm_deidentify_risk risk = dcm_deidentify_risk(&header, &why);

        if (risk == DCM_RISK_OPAQUE || (risk == DCM_RISK_TEXT && !a->wish->keep_pixels))
            return iso_fail(err, ISO_EUNSUPPORTED, "%s", why);
        rc = clean(a, item, &header, err);
    }
    if (rc == ISO_EFORMAT || rc == ISO_ELIMIT || rc == ISO_EUNSUPPORTED || rc == ISO_EEND)
        return iso_fail(err, ISO_EUNSUPPORTED,
                        "cannot be read to its end"); /* its own words may tell */
    return rc;
}

/* ---- the directory ---- */

static int64_t read_range(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct iso_source source = srv_range_source(ctx);

    return source.read(source.ctx, ptr, cap, err);
}

/* What goes into the archive, as records. */
static int add_record(struct archive *a, struct item *item, iso_str name, struct iso_err *err)
{
    const struct dcm_tree_options options = { .stop_before = DCM_FLOAT_PIXEL_DATA };
    struct srv_range_source       range;
    struct dcm_parser            *parser = NULL;
    struct dcm_dataset            ds;
    struct dcm_meta               meta;
    struct iso_source             rest;

    if (item->scratch < 0) {
        int rc = item_header(a, item, &ds, err);
        return rc == ISO_OK ? dcm_dir_add(a->dir, &ds, item->syntax_uid, name, err) : rc;
    }
    range  = (struct srv_range_source){ item->scratch, 0, item->span[0].len };
    int rc = dcm_meta_read((struct iso_source){ read_range, &range }, &a->arena, &meta, &rest, err);
    if (rc == ISO_OK)
        rc = dcm_parser_new(&parser, rest, meta.syntax, meta.data_offset, err);
    if (rc == ISO_OK)
        rc = dcm_parser_tree(parser, &options, &a->arena, &ds, err);
    if (rc == ISO_OK)
        rc = dcm_dir_add(a->dir, &ds, meta.transfer_syntax_uid, name, err);
    dcm_parser_free(parser);
    return rc;
}

static int add_directory(struct archive *a, struct iso_err *err)
{
    struct counted out = { .fd = -1 };
    uint8_t        seed[16];
    char           uid[DCM_UID_CHARS_MAX + 1];

    os_random(seed, sizeof seed);
    dcm_uid_make(seed, uid);
    int rc = os_open_scratch(&out.fd, err);
    if (rc == ISO_OK)
        rc = dcm_dir_write(a->dir, iso_str_c(uid), (struct iso_sink){ write_counted, &out }, err);
    struct http_span span = http_span_file(out.fd, 0, out.bytes);
    if (rc == ISO_OK)
        rc = http_zip_add(a->zip, "DICOMDIR", 0, &span, 1, err);
    os_close(out.fd);
    return rc;
}

/* ---- all of them ---- */

static int new_uid(struct archive *a, iso_str uid, iso_str *out, struct iso_err *err)
{
    char text[DCM_UID_CHARS_MAX + 1];

    *out = uid;
    if (!a->wish->deidentify)
        return ISO_OK;
    int rc = dcm_deidentify_uid(&a->wish->profile, uid, text, err);
    if (rc == ISO_OK)
        *out = iso_arena_str(&a->arena, iso_str_c(text));
    return rc;
}

static int name_of(struct archive *a, const struct arc_instance *inst, iso_str *name,
                   struct iso_err *err)
{
    iso_str study = { 0 }, series = { 0 }, instance = { 0 };
    int     rc = ISO_OK;

    if (a->dir != NULL && a->added >= FILES_MAX)
        return iso_fail(err, ISO_ELIMIT, "more objects than a DICOMDIR's file names can count");
    if (a->dir == NULL) {
        rc = new_uid(a, inst->study_uid, &study, err);
        if (rc == ISO_OK)
            rc = new_uid(a, inst->series_uid, &series, err);
        if (rc == ISO_OK)
            rc = new_uid(a, inst->sop_instance_uid, &instance, err);
    }
    if (rc < 0)
        return rc;
    *name = a->dir != NULL ? iso_arena_printf(&a->arena, "DICOM/D%07llu/I%07llu",
                                              (unsigned long long)a->added / FOLDER_FILES,
                                              (unsigned long long)a->added)
                           : iso_arena_printf(&a->arena, "%.*s/%.*s/%.*s.dcm", ISO_STR_ARG(study),
                                              ISO_STR_ARG(series), ISO_STR_ARG(instance));
    return name->ptr == NULL ? iso_arena_fail(&a->arena, err) : ISO_OK;
}

static int add_one(struct archive *a, const struct arc_instance *inst, const struct dcm_syntax *to,
                   struct iso_err *err)
{
    const int64_t  mtime_s = a->wish->deidentify ? 0 : inst->stored_us / 1000000;
    struct item    item;
    struct iso_err why  = { 0 };
    iso_str        name = { 0 };

    iso_arena_reset(&a->arena);
    int rc = item_open(a, inst, to, &item, err);
    if (rc == ISO_OK)
        rc = name_of(a, inst, &name, err);
    if (rc == ISO_OK && a->wish->deidentify) {
        rc = deidentify(a, &item, &why);
        if (rc == ISO_EUNSUPPORTED) {
            note_left_out(a, &item, why.text);
            item_release(&item);
            return ISO_OK;
        }
        if (rc < 0 && err != NULL)
            *err = why;
    }
    if (rc == ISO_OK)
        rc = http_zip_add(a->zip, name.ptr, mtime_s, item.span, item.span_count, err);
    a->added += rc == ISO_OK;
    if (rc == ISO_OK && a->dir != NULL) {
        int recorded = add_record(a, &item, name, &why);
        if (recorded == ISO_ENOMEM || recorded == ISO_EIO) {
            rc = recorded;
            if (err != NULL)
                *err = why;
        } /* else: one that no record can be made of is in the archive, but not in its directory */
    }
    item_release(&item);
    return rc;
}

/* DEIDENT.TXT: what was done, and what was not. */
static int add_notes(struct archive *a, struct iso_err *err)
{
    static const char *const             dates[] = { "removed",
                                                     "shifted by whole days, the same for each patient",
                                                     "kept" };
    const struct dcm_deidentify_profile *p       = &a->wish->profile;
    struct iso_buf                       text;

    iso_buf_init(&text, NOTES_BYTES_MAX + 65536);
    iso_buf_printf(
        &text,
        "These objects were de-identified by Isocenter by the Basic Application Level\r\n"
        "Confidentiality Profile of DICOM PS3.15 Annex E.\r\n\r\n"
        "Dates: %s\r\nUIDs: %s\r\nPatient characteristics: %s\r\nDevice identity: %s\r\n"
        "Institution identity: %s\r\nDescriptions and comments: removed\r\nPrivate attributes: "
        "removed\r\n"
        "Overlays, curves, graphic annotations: removed\r\n"
        "Pixels that may show text or faces: %s\r\n\r\n"
        "Pixels were not looked at, nor was what lies inside compressed streams.\r\n\r\n"
        "Objects: %llu\r\nLeft out: %llu\r\n",
        dates[p->dates], p->keep_uids ? "kept" : "replaced", p->keep_patient ? "kept" : "removed",
        p->keep_device ? "kept" : "removed", p->keep_institution ? "kept" : "removed",
        a->wish->keep_pixels ? "kept" : "left out", (unsigned long long)a->added,
        (unsigned long long)a->left_out);
    (void)iso_buf_add(&text, a->notes.ptr, a->notes.len);
    struct http_span span = http_span_memory(iso_buf_bytes(&text));
    int              rc   = iso_buf_ok(&text) && iso_buf_ok(&a->notes)
                                ? http_zip_add(a->zip, "DEIDENT.TXT", 0, &span, 1, err)
                                : iso_fail(err, ISO_ENOMEM, "out of memory");
    iso_buf_release(&text);
    return rc;
}

static int begin(struct archive *a, iso_str study, struct iso_err *err)
{
    struct iso_sink sink;
    iso_str         name = { 0 };

    int rc = new_uid(a, study, &name, err);
    if (rc == ISO_OK)
        rc = http_reply_header(a->req, "Content-Disposition",
                               iso_arena_printf(http_arena(a->req),
                                                "attachment; filename=\"%.*s.zip\"",
                                                ISO_STR_ARG(name)),
                               err);
    if (rc == ISO_OK && a->wish->deidentify)
        rc = http_reply_header(a->req, "Cache-Control", ISO_STR("no-store"), err);
    if (rc == ISO_OK && a->wish->dicomdir)
        rc = dcm_dir_writer_new(&a->dir, ISO_STR(""), err);
    if (rc == ISO_OK)
        rc = http_reply_stream(a->req, 200, "application/zip", HTTP_LENGTH_UNKNOWN, &sink, err);
    return rc == ISO_OK ? http_zip_new(&a->zip, sink, err) : rc;
}

int srv_zip_send(struct http_request *req, struct srv_web *web, const struct arc_instance *list,
                 const struct dcm_syntax *const *to, size_t count, const struct srv_zip_wish *wish,
                 struct iso_err *err)
{
    struct archive a = { .req = req, .web = web, .wish = wish };

    iso_arena_init(&a.arena, HEADER_BYTES_MAX);
    iso_buf_init(&a.notes, NOTES_BYTES_MAX);
    int rc = begin(&a, list[0].study_uid, err);
    for (size_t i = 0; rc == ISO_OK && i < count; i++)
        rc = add_one(&a, &list[i], to[i], err);
    if (rc == ISO_OK && wish->deidentify)
        rc = add_notes(&a, err);
    if (rc == ISO_OK && a.dir != NULL && a.added > 0)
        rc = add_directory(&a, err);
    if (rc == ISO_OK)
        rc = http_zip_finish(a.zip, err);
    http_zip_free(a.zip);
    dcm_dir_writer_free(a.dir);
    iso_buf_release(&a.notes);
    iso_arena_release(&a.arena);
    return rc;
}
