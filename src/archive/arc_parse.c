/* arc_parse.c: one pass over an object: who it is, its header, where its pixels lie, its digest.
 * The digest is of the data set alone, so that the same data set in another file wrapper is the same
 * object. */
#include "arc_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE_BYTES = 256 << 10 };

struct hasher {
    struct iso_lender from;
    struct arc_hold  *hold;
};

/* Hashed while it is still in the processor's cache. */
static int64_t hasher_lend(void *ctx, const uint8_t **ptr, struct iso_err *err)
{
    struct hasher *h = ctx;
    int64_t        n = h->from.lend(h->from.ctx, ptr, err);

    if (n > 0 && !h->hold->held)
        iso_sha256_add(h->hold->hash, *ptr, (size_t)n);
    return n;
}

/* fallback: what to take when the data set has none; may be empty. */
static int uid_take(const struct dcm_dataset *ds, dcm_tag tag, const char *what, iso_str fallback,
                    char out[DCM_UID_CHARS_MAX + 1], struct iso_err *err)
{
    iso_str uid = dcm_get_ascii(ds, tag);

    if (uid.len == 0)
        uid = fallback;
    if (uid.len == 0)
        return iso_fail(err, ISO_EFORMAT, "no %s " DCM_TAG_FMT, what, DCM_TAG_ARG(tag));
    if (!dcm_uid_acceptable(uid))
        return iso_fail(err, ISO_EFORMAT, "%s " DCM_TAG_FMT " is not a UID: %.*s", what,
                        DCM_TAG_ARG(tag), ISO_STR_ARG(uid));
    memcpy(out, uid.ptr, uid.len);
    out[uid.len] = '\0';
    return ISO_OK;
}

/* Hanging protocols, colour palettes and other objects that are of no patient have no study and no
 * series; everything is found by those here. A name-based UUID of what the object does have. */
static int uid_derive(const char *level, const char *of, char out[DCM_UID_CHARS_MAX + 1],
                      struct iso_err *err)
{
    uint8_t            digest[ISO_SHA256_BYTES];
    struct iso_sha256 *hash;
    int                rc = iso_sha256_new(&hash, err);

    if (rc < 0)
        return rc;
    iso_sha256_add(hash, "isocenter ", 10);
    iso_sha256_add(hash, level, strlen(level));
    iso_sha256_add(hash, of, strlen(of) + 1);
    iso_sha256_take(hash, digest);
    iso_sha256_free(hash);
    dcm_uid_make(digest, out);
    return ISO_OK;
}

static int identity_take(const struct dcm_dataset *ds, const struct arc_start *start,
                         struct arc_identity *id, struct iso_err *err)
{
    const iso_str none       = ISO_STR("");
    bool          has_study  = dcm_get_ascii(ds, DCM_STUDY_INSTANCE_UID).len > 0;
    bool          has_series = dcm_get_ascii(ds, DCM_SERIES_INSTANCE_UID).len > 0;
    int rc = uid_take(ds, DCM_SOP_CLASS_UID, "SOP Class UID", none, id->sop_class_uid, err);

    if (rc >= 0) /* a command's word is not enough: it is to be compared with the data set's */
        rc = uid_take(ds, DCM_SOP_INSTANCE_UID, "SOP Instance UID",
                      start->is_file ? start->sop_instance_uid : none, id->sop_instance_uid, err);
    if (rc >= 0)
        rc = has_series ? uid_take(ds, DCM_SERIES_INSTANCE_UID, "Series Instance UID", none,
                                   id->series_uid, err)
                        : uid_derive("series", id->sop_instance_uid, id->series_uid, err);
    if (rc >= 0) /* a series that has a UID stays together */
        rc = has_study ? uid_take(ds, DCM_STUDY_INSTANCE_UID, "Study Instance UID", none,
                                  id->study_uid, err)
                       : uid_derive("study", id->series_uid, id->study_uid, err);
    return rc;
}

static uint16_t number16(const struct dcm_dataset *ds, dcm_tag tag)
{
    int64_t v;

    return dcm_get_i64(ds, tag, 0, &v) && v > 0 && v <= UINT16_MAX ? (uint16_t)v : 0;
}

/* Bytes of a native frame; 0 when it is not whole bytes or the pixel data is too short for all. */
static uint64_t frame_bytes_of(const struct arc_parsed *p)
{
    const iso_str photometric = dcm_get_ascii(&p->header, DCM_PHOTOMETRIC_INTERPRETATION);
    uint64_t      samples     = p->samples > 0 ? p->samples : 1;
    uint64_t      pixels      = (uint64_t)p->rows * p->columns;
    uint64_t      bits        = pixels * samples * p->bits_allocated; /* below 2^64: 16+16+16+16 */

    if (samples == 3 && iso_str_ends(photometric, ISO_STR("_422")) &&
        pixels * 2 * p->bits_allocated / 8 * p->frames + 1 >= p->pixel_bytes)
        bits = pixels * 2 * p->bits_allocated; /* colour at half the width.  PS3.3 §C.7.6.3.1.2 */
    if (bits == 0 || (bits % 8 != 0 && p->frames > 1))
        return 0;
    uint64_t bytes = (bits + 7) / 8;
    return bytes <= p->pixel_bytes / p->frames ? bytes : 0;
}

static void pixels_take(struct arc_parsed *p, bool deflated)
{
    static const dcm_tag      tags[] = { DCM_PIXEL_DATA, DCM_FLOAT_PIXEL_DATA,
                                         DCM_DOUBLE_FLOAT_PIXEL_DATA };
    const struct dcm_element *el     = NULL;
    int64_t                   frames;

    p->rows           = number16(&p->header, DCM_ROWS);
    p->columns        = number16(&p->header, DCM_COLUMNS);
    p->samples        = number16(&p->header, DCM_SAMPLES_PER_PIXEL);
    p->bits_allocated = number16(&p->header, DCM_BITS_ALLOCATED);
    for (size_t i = 0; i < sizeof tags / sizeof tags[0] && el == NULL; i++)
        el = dcm_get(&p->header, tags[i]);
    if (el == NULL || el->form == DCM_FORM_SEQUENCE || el->bytes == 0)
        return;
    p->pixel_tag    = el->tag;
    p->pixel_offset = el->offset;
    p->pixel_bytes  = el->bytes;
    p->frames       = 1;
    if (dcm_get_i64(&p->header, DCM_NUMBER_OF_FRAMES, 0, &frames) && frames > 0)
        p->frames = frames <= UINT32_MAX ? (uint32_t)frames : UINT32_MAX;
    if (deflated) {
        p->pixels = INDEX_PIXELS_DEFLATED;
    } else if (el->form == DCM_FORM_FRAGMENTS) {
        p->pixels = INDEX_PIXELS_FRAGMENTS;
    } else {
        p->pixels      = INDEX_PIXELS_NATIVE;
        p->frame_bytes = frame_bytes_of(p);
    }
}

/* Whatever the parser left: padding behind the data set belongs to its bytes. */
static int drain(struct iso_lender from, struct iso_err *err)
{
    const uint8_t *rest;
    int64_t        n;

    do
        n = from.lend(from.ctx, &rest, err);
    while (n > 0);
    return (int)n;
}

/* Takes the parser. hasher NULL: the data set is not read to its end, and has no digest. */
static int parse(struct dcm_parser *parser, struct hasher *hasher, const struct arc_start *start,
                 struct iso_arena *arena, struct arc_parsed *out, struct iso_err *err)
{
    struct arc_table_build        table;
    const struct dcm_tree_options options = { .fragment = arc_table_fragment, .ctx = &table };

    arc_table_init(&table);
    int rc = dcm_parser_tree(parser, &options, arena, &out->header, err);
    dcm_parser_free(parser);
    if (rc >= 0 && hasher != NULL)
        rc = drain((struct iso_lender){ hasher_lend, hasher }, err);
    if (rc >= 0)
        rc = identity_take(&out->header, start, &out->id, err);
    if (rc >= 0) {
        if (hasher != NULL && hasher->hold->held)
            out->undigested = true;
        else if (hasher != NULL)
            iso_sha256_take(hasher->hold->hash, out->digest);
        pixels_take(out, start->syntax->deflated);
    }
    if (rc >= 0 && out->pixels == INDEX_PIXELS_FRAGMENTS)
        rc = arc_table_finish(&table, out->frames, arena, &out->frame_table, err);
    arc_table_release(&table);
    return rc;
}

int arc_parse_lent(struct iso_lender from, const struct arc_start *start, struct iso_arena *arena,
                   struct arc_hold *hold, struct arc_parsed *out, struct iso_err *err)
{
    struct arc_hold    none   = { .held = false };
    struct hasher      hasher = { from, hold != NULL ? hold : &none };
    struct dcm_parser *parser;
    int                rc;

    memset(out, 0, sizeof *out);
    out->data_offset = start->meta.len;
    rc               = iso_sha256_new(&hasher.hold->hash, err);
    if (rc >= 0)
        rc = dcm_parser_new_lent(&parser, (struct iso_lender){ hasher_lend, &hasher },
                                 start->syntax, out->data_offset, err);
    if (rc >= 0)
        rc = parse(parser, &hasher, start, arena, out, err);
    iso_sha256_free(hasher.hold->hash);
    return rc;
}

struct reader {
    struct iso_source from;
    uint8_t          *piece;
};

static int64_t reader_lend(void *ctx, const uint8_t **ptr, struct iso_err *err)
{
    struct reader *r = ctx;

    *ptr = r->piece;
    return r->from.read(r->from.ctx, r->piece, PIECE_BYTES, err);
}

int arc_parse(struct iso_source source, const struct arc_start *start, struct iso_arena *arena,
              struct arc_parsed *out, struct iso_err *err)
{
    struct reader      reader = { .from = source };
    struct dcm_parser *parser;
    int                rc;

    if (start->skip != NULL) {
        memset(out, 0, sizeof *out);
        out->data_offset = start->meta.len;
        rc               = dcm_parser_new(&parser, source, start->syntax, out->data_offset, err);
        if (rc < 0)
            return rc;
        dcm_parser_set_skip(parser, start->skip);
        return parse(parser, NULL, start, arena, out, err);
    }
    reader.piece = malloc(PIECE_BYTES);
    if (reader.piece == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory to read an object");
    rc = arc_parse_lent((struct iso_lender){ reader_lend, &reader }, start, arena, NULL, out, err);
    free(reader.piece);
    return rc;
}

/* ---- what stands before the data set ---- */

struct capture {
    struct iso_source from;
    struct iso_buf    taken;
    bool              on;
};

static int64_t capture_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct capture *c = ctx;
    int64_t         n = c->from.read(c->from.ctx, ptr, cap, err);

    if (n > 0 && c->on && iso_buf_add(&c->taken, ptr, (size_t)n) < 0)
        return iso_buf_check(&c->taken, err);
    return n;
}

/* Bytes that were read ahead, then the rest of the stream. */
struct replay {
    iso_bytes         ahead;
    struct iso_source rest;
};

static int64_t replay_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct replay *r = ctx;

    if (r->ahead.len == 0)
        return r->rest.read(r->rest.ctx, ptr, cap, err);
    size_t n = cap < r->ahead.len ? cap : r->ahead.len;
    memcpy(ptr, r->ahead.ptr, n);
    r->ahead = iso_bytes_of(r->ahead.ptr + n, r->ahead.len - n);
    return (int64_t)n;
}

/* A file without a proper beginning gets ours; who it is stands near the front of its data set. */
static int meta_make(struct arc_start *start, struct iso_arena *arena, struct iso_err *err)
{
    enum { AHEAD_BYTES = 64 << 10 };
    const struct dcm_tree_options options = { .keep_all    = true,
                                              .stop_before = DCM_SOP_INSTANCE_UID + 1 };
    struct replay                *replay  = iso_arena_alloc(arena, sizeof *replay);
    uint8_t                      *ahead   = iso_arena_alloc(arena, AHEAD_BYTES);
    struct iso_buf               *made    = iso_arena_alloc(arena, sizeof *made);
    struct dcm_parser            *parser  = NULL;
    struct dcm_dataset            front;
    size_t                        have = 0;
    int64_t                       n    = 1;
    int                           rc;

    if (replay == NULL || ahead == NULL || made == NULL)
        return iso_arena_fail(arena, err);
    while (have < AHEAD_BYTES && n > 0) {
        n = start->rest.read(start->rest.ctx, ahead + have, AHEAD_BYTES - have, err);
        if (n < 0)
            return (int)n;
        have += (size_t)n;
    }
    *replay     = (struct replay){ iso_bytes_of(ahead, have), start->rest };
    start->rest = (struct iso_source){ replay_read, replay };
    if (start->syntax->deflated)
        return iso_fail(err, ISO_EFORMAT, "a deflated file needs its file meta information");
    dcm_dataset_init(&front);
    rc = dcm_parser_new_memory(&parser, replay->ahead, start->syntax, 0, err);
    if (rc >= 0)
        rc = dcm_parser_tree(parser, &options, arena, &front, err);
    dcm_parser_free(parser);
    if (rc < 0)
        return rc;
    iso_buf_init(made, DCM_META_BYTES_MAX);
    rc          = dcm_meta_write(dcm_get_ascii(&front, DCM_SOP_CLASS_UID),
                                 dcm_get_ascii(&front, DCM_SOP_INSTANCE_UID), start->transfer_syntax_uid,
                                 ISO_STR(""), iso_buf_sink(made), err);
    start->meta = iso_arena_bytes(arena, iso_buf_bytes(made));
    iso_buf_release(made);
    return rc >= 0 && start->meta.ptr == NULL ? iso_arena_fail(arena, err) : rc;
}

int arc_start_read(struct iso_source source, struct iso_arena *arena, struct arc_start *out,
                   struct iso_err *err)
{
    struct capture *c = iso_arena_alloc(arena, sizeof *c);
    struct dcm_meta meta;
    int             rc;

    if (c == NULL)
        return iso_arena_fail(arena, err);
    *c        = (struct capture){ .from = source, .on = true };
    out->skip = NULL;
    iso_buf_init(&c->taken, 2 * DCM_META_BYTES_MAX);
    rc    = dcm_meta_read((struct iso_source){ capture_read, c }, arena, &meta, &out->rest, err);
    c->on = false;
    if (rc >= 0) {
        out->syntax              = meta.syntax;
        out->transfer_syntax_uid = meta.transfer_syntax_uid.len > 0 ? meta.transfer_syntax_uid
                                                                    : iso_str_c(meta.syntax->uid);
        out->is_file             = true;
        out->sop_class_uid       = meta.media_sop_class_uid;
        out->sop_instance_uid    = meta.media_sop_instance_uid;
        if (!dcm_uid_acceptable(out->transfer_syntax_uid))
            rc = iso_fail(err, ISO_EFORMAT, "the transfer syntax is not a UID: %.*s",
                          ISO_STR_ARG(out->transfer_syntax_uid));
        else if (!meta.has_preamble || meta.transfer_syntax_uid.len == 0)
            rc = meta_make(out, arena, err);
        else {
            out->meta =
                iso_arena_bytes(arena, iso_bytes_of(c->taken.ptr, (size_t)meta.data_offset));
            if (out->meta.ptr == NULL)
                rc = iso_arena_fail(arena, err);
        }
    }
    iso_buf_release(&c->taken);
    return rc;
}

void arc_parsed_entry(const struct arc_parsed *parsed, struct index_instance *entry)
{
    *entry = (struct index_instance){
        .study_uid           = iso_str_c(parsed->id.study_uid),
        .series_uid          = iso_str_c(parsed->id.series_uid),
        .sop_instance_uid    = iso_str_c(parsed->id.sop_instance_uid),
        .sop_class_uid       = iso_str_c(parsed->id.sop_class_uid),
        .transfer_syntax_uid = iso_str_c(parsed->id.transfer_syntax_uid),
        .data_offset         = parsed->data_offset,
        .pixels              = parsed->pixels,
        .pixel_tag           = parsed->pixel_tag,
        .pixel_offset        = parsed->pixel_offset,
        .pixel_bytes         = parsed->pixel_bytes,
        .frames              = parsed->frames,
        .rows                = parsed->rows,
        .columns             = parsed->columns,
        .samples             = parsed->samples,
        .bits_allocated      = parsed->bits_allocated,
        .frame_bytes         = parsed->frame_bytes,
        .frame_table         = parsed->frame_table,
        .crc32c              = -1,
    };
    memcpy(entry->digest, parsed->digest, sizeof entry->digest);
}
