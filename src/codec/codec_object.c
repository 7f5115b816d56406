/* codec_object.c: a data set out in another transfer syntax: header, frames, what follows them. The
 * header is written first, with room for what depends on the frames (offset tables, the compression
 * ratio), and written again over itself when they are done. Frames are made in parallel, each writing
 * when its turn has come: only as many are in memory as there are threads. */
#include "codec_object_in.h"

#include "codec_in.h"
#include "codec_parallel.h"
#include "iso_reader.h"
#include "os_file.h"
#include "os_thread.h"

#include <stdlib.h>
#include <string.h>

enum {
    ARENA_BYTES_MAX = 256 << 20, /* header values, fragment lists: 16 bytes each */
    ITEM_HEAD       = 8
};

/* Beyond this much uncompressed, offsets may need more than 32 bits. */
#define EXTENDED_BYTES_MIN ((uint64_t)1 << 31)

/* ---- the file that is written ---- */

struct out {
    int      fd;
    uint64_t at;
};

static int out_write(void *ctx, const void *ptr, size_t len, struct iso_err *err)
{
    struct out *out = ctx;
    int         rc  = os_write_at(out->fd, ptr, len, out->at, err);

    if (rc == ISO_OK)
        out->at += len;
    return rc;
}

static struct iso_sink out_sink(struct out *out)
{
    return (struct iso_sink){ out_write, out };
}

/* ---- which ways there are ---- */

static const char encapsulated_uncompressed[] = "1.2.840.10008.1.2.1.98";

/* JPEG XL that holds a JPEG image: made of one, or not at all. */
static bool needs_jpeg(iso_str from_uid, iso_str to_uid)
{
    return iso_str_eq_c(to_uid, "1.2.840.10008.1.2.4.111") &&
           !iso_str_eq_c(from_uid, "1.2.840.10008.1.2.4.50") &&
           !iso_str_eq_c(from_uid, "1.2.840.10008.1.2.4.51");
}

static bool is_native(const struct dcm_syntax *s)
{
    return s == DCM_IMPLICIT_LE || s == DCM_EXPLICIT_LE || s == DCM_EXPLICIT_BE ||
           s == DCM_DEFLATED_LE;
}

bool codec_object_can(iso_str from_uid, iso_str to_uid, const struct codec_image *image)
{
    const struct dcm_syntax *from = dcm_syntax_find(from_uid);
    const struct dcm_syntax *to   = dcm_syntax_find(to_uid);
    struct codec_image       described;

    if (iso_str_eq(from_uid, to_uid))
        return true;
    if (from == NULL || to == NULL || from->video || to->video)
        return false;
    if (is_native(from) && is_native(to))
        return true;
    if (!is_native(from) && !codec_can_decode(from_uid))
        return false;
    if (is_native(to) || iso_str_eq_c(to_uid, encapsulated_uncompressed))
        return image == NULL || !image->is_float;
    if (!codec_can_encode(to_uid) || needs_jpeg(from_uid, to_uid) ||
        (image != NULL && image->is_float))
        return false;
    if (image == NULL || iso_str_eq_c(to_uid, "1.2.840.10008.1.2.4.111"))
        return true;
    struct codec_image frame = codec_unpacked(image);
    return codec_encoded(to_uid, &frame, NULL, &described, NULL) == ISO_OK;
}

/* ---- one conversion ---- */

struct making {
    const struct codec_object_options *options;
    const struct dcm_syntax           *to;
    struct iso_arena                  *arena;
    struct codec_survey                survey;
    struct codec_recipe                recipe;
    struct codec_changes               changes;
    bool                               extended; /* offset table */
    uint8_t                           *offsets;  /* 4 bytes a frame, or 8 */
    uint8_t                           *lengths;  /* 8 a frame, with an extended table */
    uint64_t                           begin;    /* of the data set in the file */
    uint64_t                           table_at; /* content of the basic offset table */
    uint64_t                           frames_at;
    struct out                         out;

    struct os_mutex mu;
    struct os_cond  turn;
    size_t          next;   /* whose turn it is to write */
    size_t          failed; /* the first frame that did, or their number: those before it go on */
    unsigned        bits;   /* of the last byte, when frames do not end at one */
    uint8_t         last;
};

static int write_header(struct making *m, struct dcm_position *end, struct iso_err *err)
{
    struct codec_rest  rest   = { &m->survey.from, m->survey.from.offset };
    struct dcm_edits   edits  = { &m->changes.put, m->changes.drop, m->changes.drop_count };
    struct dcm_parser *parser = NULL;
    int rc = dcm_parser_new(&parser, codec_rest_source(&rest), m->survey.syntax, 0, err);

    m->out.at = m->begin;
    if (rc == ISO_OK)
        rc =
            dcm_recode_edited(parser, m->survey.syntax, m->to, &edits, out_sink(&m->out), end, err);
    dcm_parser_free(parser);
    return rc;
}

/* What follows the pixel data: padding, signatures. */
static int write_rest(struct making *m, struct iso_err *err)
{
    static const struct dcm_edits none   = { 0 };
    struct codec_rest             rest   = { &m->survey.from, m->survey.after };
    struct dcm_parser            *parser = NULL;
    struct dcm_position           end    = { 0 };
    int rc = dcm_parser_new(&parser, codec_rest_source(&rest), m->survey.syntax, 0, err);

    if (rc == ISO_OK)
        rc =
            dcm_recode_edited(parser, m->survey.syntax, m->to, &none, out_sink(&m->out), &end, err);
    if (rc == ISO_OK && end.event != DCM_EV_END)
        rc = iso_fail(err, ISO_EFORMAT, "the data set has pixel data twice");
    dcm_parser_free(parser);
    return rc;
}

/* ---- pixel data ---- */

static size_t put_head(uint8_t *out, dcm_tag tag, const char *vr, uint32_t bytes)
{
    size_t n = 4;

    iso_put_u16le(out, dcm_tag_group(tag));
    iso_put_u16le(out + 2, (uint16_t)tag);
    if (vr != NULL) {
        out[4] = (uint8_t)vr[0];
        out[5] = (uint8_t)vr[1];
        out[6] = out[7] = 0;
        n               = 8;
    }
    iso_put_u32le(out + n, bytes);
    return n + 4;
}

static uint64_t frame_bits(const struct codec_image *i)
{
    return (uint64_t)i->rows * i->columns * i->samples * i->bits_allocated;
}

static int begin_native(struct making *m, struct iso_err *err)
{
    const struct codec_image *i  = &m->recipe.described;
    const char               *vr = !m->to->explicit_vr ? NULL : i->bits_allocated > 8 ? "OW" : "OB";
    uint8_t                   head[12];
    uint64_t                  bytes = (frame_bits(i) * m->survey.frames + 7) / 8;

    if (bytes >= UINT32_MAX - 1)
        return iso_fail(err, ISO_EUNSUPPORTED,
                        "%llu bytes are more than uncompressed pixel data can have",
                        (unsigned long long)bytes);
    size_t n = put_head(head, DCM_PIXEL_DATA, vr, (uint32_t)(bytes + bytes % 2));
    return out_write(&m->out, head, n, err);
}

static int begin_fragments(struct making *m, struct iso_err *err)
{
    uint32_t table = m->extended ? 0 : 4 * m->survey.frames;
    uint8_t  head[20];

    (void)put_head(head, DCM_PIXEL_DATA, "OB", UINT32_MAX);
    (void)put_head(head + 12, DCM_ITEM, NULL, table);
    int rc = out_write(&m->out, head, sizeof head, err);
    if (rc < 0)
        return rc;
    m->table_at = m->out.at;
    if (!m->extended)
        rc = out_write(&m->out, m->offsets, table, err);
    m->frames_at = m->out.at;
    return rc;
}

static int end_pixels(struct making *m, struct iso_err *err)
{
    uint8_t end[8];
    int     rc = ISO_OK;

    if (m->bits > 0)
        rc = out_write(&m->out, &m->last, 1, err);
    if (rc < 0)
        return rc;
    if (!m->to->encapsulated)
        return (m->out.at - m->frames_at) % 2 != 0 ? out_write(&m->out, "", 1, err) : ISO_OK;
    (void)put_head(end, DCM_SEQUENCE_DELIMITATION, NULL, 0);
    return out_write(&m->out, end, sizeof end, err);
}

/* Native frames of single bits follow each other without a gap.   PS3.5 §8.1.1 */
static int write_bits(struct making *m, iso_bytes frame, struct iso_err *err)
{
    uint64_t left  = frame_bits(&m->recipe.described);
    uint8_t *bytes = (uint8_t *)(uintptr_t)frame.ptr; /* ours: the job's buffer */
    unsigned had   = m->bits;

    if (frame.len == 0)
        return ISO_OK;
    for (size_t i = 0; had > 0 && i < frame.len; i++) {
        unsigned both = (unsigned)bytes[i] << had | m->last;
        bytes[i]      = (uint8_t)both;
        m->last       = (uint8_t)(both >> 8);
    }
    left += had;
    size_t whole = (size_t)(left / 8);
    m->bits      = (unsigned)(left % 8);
    if (whole < frame.len) /* else what is left has been moved to m->last */
        m->last = bytes[whole];
    return out_write(&m->out, bytes, whole, err);
}

/* It is this frame's turn. */
static int write_frame(struct making *m, size_t number, iso_bytes frame, struct iso_err *err)
{
    uint64_t offset = m->out.at - m->frames_at;
    uint8_t  head[ITEM_HEAD];

    if (!m->to->encapsulated && frame_bits(&m->recipe.described) % 8 != 0)
        return write_bits(m, frame, err);
    if (!m->to->encapsulated)
        return out_write(&m->out, frame.ptr, frame.len, err);
    if (m->extended) {
        iso_put_u64le(m->offsets + 8 * number, offset);
        iso_put_u64le(m->lengths + 8 * number, frame.len);
    } else if (offset > UINT32_MAX) {
        return iso_fail(err, ISO_ELIMIT, "compressed frames are larger than uncompressed ones");
    } else {
        iso_put_u32le(m->offsets + 4 * number, (uint32_t)offset);
    }
    (void)put_head(head, DCM_ITEM, NULL, (uint32_t)(frame.len + frame.len % 2));
    int rc = out_write(&m->out, head, sizeof head, err);
    if (rc == ISO_OK)
        rc = out_write(&m->out, frame.ptr, frame.len, err);
    return rc == ISO_OK && frame.len % 2 != 0 ? out_write(&m->out, "", 1, err) : rc;
}

static int frame_job(void *ctx, size_t number, struct iso_err *err)
{
    struct making *m = ctx;
    struct iso_buf in;
    struct iso_buf out;
    int            rc = ISO_OK;

    iso_buf_init(&in, CODEC_FRAME_BYTES_MAX);
    iso_buf_init(&out, 2 * (size_t)CODEC_FRAME_BYTES_MAX);
    if (m->options->stop != NULL && m->options->stop(m->options->ctx))
        rc = iso_fail(err, ISO_ECANCEL, "stopped");
    if (rc == ISO_OK)
        rc = codec_survey_frame(&m->survey, (uint32_t)number, &in, err);
    if (rc == ISO_OK)
        rc = codec_recipe_make(&m->recipe, iso_buf_bytes(&in), &out, err);
    if (rc < 0)
        rc = iso_wrap(err, rc, "frame %zu", number + 1);
    iso_buf_release(&in);

    os_mutex_lock(&m->mu);
    while (rc == ISO_OK && number < m->failed && m->next != number)
        os_cond_wait(&m->turn, &m->mu);
    bool mine = rc == ISO_OK && number < m->failed;
    os_mutex_unlock(&m->mu);

    if (mine) /* nobody else writes until next moves on */
        rc = write_frame(m, number, iso_buf_bytes(&out), err);
    else if (rc == ISO_OK)
        rc = iso_fail(err, ISO_ECANCEL, "an earlier frame failed");
    iso_buf_release(&out);

    os_mutex_lock(&m->mu);
    if (mine && rc == ISO_OK)
        m->next++;
    else if (number < m->failed)
        m->failed = number;
    os_cond_broadcast(&m->turn);
    os_mutex_unlock(&m->mu);
    return rc;
}

static int write_frames(struct making *m, struct iso_err *err)
{
    int rc = ISO_OK;

    os_mutex_init(&m->mu);
    os_cond_init(&m->turn);
    m->next   = 0;
    m->failed = m->survey.frames;
    rc        = codec_parallel(m->options->threads, m->survey.frames, frame_job, m, err);
    os_cond_release(&m->turn);
    os_mutex_release(&m->mu);
    return rc;
}

/* ---- the whole ---- */

/* The first frame says how all are made. */
static int plan(struct making *m, struct iso_err *err)
{
    struct codec_recipe *recipe = &m->recipe;
    struct iso_buf       first;

    iso_buf_init(&first, CODEC_FRAME_BYTES_MAX);
    int rc = codec_survey_frame(&m->survey, 0, &first, err);
    if (rc == ISO_OK)
        rc = codec_recipe_init(recipe, iso_buf_bytes(&first), err);
    iso_buf_release(&first);
    if (rc == ISO_OK && codec_recipe_orders(recipe)) {
        recipe->spare.overlays = codec_overlay_bits(&m->survey);
        rc                     = codec_spare_find(recipe, &m->survey, err);
        if (rc == ISO_OK && recipe->spare.overlays != 0)
            rc = codec_overlay_take(&m->survey, recipe, m->arena, &m->changes.put, err);
    }
    return rc == ISO_OK ? codec_recipe_finish(recipe, err) : rc;
}

static int put_extended(struct making *m, struct iso_err *err)
{
    const size_t bytes = 8 * (size_t)m->survey.frames;

    if (dcm_put_raw(&m->changes.put, m->arena, DCM_EXTENDED_OFFSET_TABLE, DCM_VR_OV,
                    iso_bytes_of(m->offsets, bytes)) < 0 ||
        dcm_put_raw(&m->changes.put, m->arena, DCM_EXTENDED_OFFSET_TABLE_LENGTHS, DCM_VR_OV,
                    iso_bytes_of(m->lengths, bytes)) < 0)
        return iso_arena_fail(m->arena, err);
    return ISO_OK;
}

static int plan_tables(struct making *m, struct iso_err *err)
{
    const struct codec_image *i = &m->recipe.frame;

    m->extended =
        m->survey.frames > 1 && frame_bits(i) / 8 * m->survey.frames >= EXTENDED_BYTES_MIN;
    m->offsets = iso_arena_array(m->arena, m->survey.frames, m->extended ? 8 : 4);
    m->lengths = m->extended ? iso_arena_array(m->arena, m->survey.frames, 8) : m->offsets;
    if (m->offsets == NULL || m->lengths == NULL)
        return iso_arena_fail(m->arena, err);
    return m->extended ? put_extended(m, err) : ISO_OK;
}

/* What could not be known before: tables and the ratio. */
static int write_known(struct making *m, uint64_t pixels_to, struct iso_err *err)
{
    const uint64_t      end = m->out.at;
    uint64_t            header_bytes;
    struct dcm_position stood;
    int                 rc = ISO_OK;

    if (m->to->encapsulated && !m->extended)
        rc = os_write_at(m->out.fd, m->offsets, 4 * (size_t)m->survey.frames, m->table_at, err);
    if (rc < 0 || (!m->extended && !m->recipe.lossy))
        return rc;
    header_bytes = m->table_at - 20 - m->begin;
    if (m->extended)
        rc = put_extended(m, err);
    if (rc == ISO_OK && m->recipe.lossy)
        rc = codec_changes_ratio(&m->survey, pixels_to, m->arena, &m->changes, err);
    if (rc == ISO_OK)
        rc = write_header(m, &stood, err);
    if (rc == ISO_OK && m->out.at - m->begin != header_bytes)
        rc = iso_fail(err, ISO_EIO, "the header has changed its length");
    m->out.at = end;
    return rc;
}

/* Encapsulated, but as samples lie in native pixel data: of any number of bits. */
static bool is_frame_copy(const struct dcm_syntax *to)
{
    return iso_str_eq_c(iso_str_c(to->uid), encapsulated_uncompressed);
}

static int make_image(struct making *m, struct codec_object_result *result, struct iso_err *err)
{
    struct dcm_position end;
    int                 rc = ISO_OK;

    if (m->to->encapsulated && m->survey.image.bits_allocated == 1 && !is_frame_copy(m->to))
        return iso_fail(err, ISO_EUNSUPPORTED, "single bits stay as they are");
    rc = plan(m, err);
    if (rc == ISO_OK)
        rc = codec_changes_make(&m->survey, &m->recipe, m->options, m->arena, &m->changes, err);
    if (rc == ISO_OK)
        rc = codec_nested_make(&m->survey, m->recipe.pool, m->arena, &m->changes, err);
    if (rc == ISO_OK && m->to->encapsulated)
        rc = plan_tables(m, err);
    if (rc == ISO_OK)
        rc = write_header(m, &end, err);
    if (rc == ISO_OK)
        rc = m->to->encapsulated ? begin_fragments(m, err) : begin_native(m, err);
    if (rc < 0)
        return rc;
    m->frames_at = m->out.at;
    rc           = write_frames(m, err);
    if (rc < 0)
        return rc;
    result->pixels_to = m->out.at - m->frames_at;
    if (m->to->encapsulated)
        result->pixels_to -= (uint64_t)ITEM_HEAD * m->survey.frames;
    rc = end_pixels(m, err);
    if (rc == ISO_OK && m->to->encapsulated)
        rc = write_known(m, result->pixels_to, err);
    if (rc == ISO_OK)
        rc = write_rest(m, err);
    result->frames      = m->survey.frames;
    result->pixels_from = m->survey.pixel_bytes;
    result->repacked    = m->recipe.repack;
    result->lossy       = m->recipe.lossy;
    return rc;
}

/* A data set without pixels: its headers only. */
static int make_plain(struct making *m, struct iso_err *err)
{
    struct dcm_position end;
    int                 rc = ISO_OK;

    if (m->to->encapsulated)
        return iso_fail(err, ISO_ENOENT, "there is no pixel data to compress");
    rc = codec_nested_make(&m->survey, m->recipe.pool, m->arena, &m->changes, err);
    return rc == ISO_OK ? write_header(m, &end, err) : rc;
}

/* Little endian, not deflated, on both sides; at least one of them encapsulated. */
static int make(struct codec_pool *pool, const struct codec_object_source *from, iso_str to_uid,
                const struct codec_object_options *options, struct out *out,
                struct codec_object_result *result, struct iso_err *err)
{
    struct iso_arena arena;
    struct making    m = { .options = options,
                           .to      = dcm_syntax_find(to_uid),
                           .arena   = &arena,
                           .begin   = out->at,
                           .out     = *out };

    iso_arena_init(&arena, ARENA_BYTES_MAX);
    dcm_dataset_init(&m.changes.put);
    int rc = codec_survey_read(from, &arena, &m.survey, err);
    if (rc == ISO_OK && m.survey.frames > 0 && m.survey.image.is_float)
        rc = iso_fail(err, ISO_EUNSUPPORTED, "floating point pixels have no compressed form");
    m.recipe = (struct codec_recipe){ .pool       = pool,
                                      .from_uid   = from->transfer_syntax_uid,
                                      .to_uid     = to_uid,
                                      .attributes = m.survey.image,
                                      .options    = options->codec,
                                      .verify     = options->verify };
    if (rc == ISO_OK)
        rc = m.survey.frames > 0 ? make_image(&m, result, err) : make_plain(&m, err);
    *out = m.out;
    iso_arena_release(&arena);
    return rc;
}

static int recode(const struct codec_object_source *from, const struct dcm_syntax *to,
                  struct out *out, struct iso_err *err)
{
    const struct dcm_syntax *syntax = dcm_syntax_or_default(from->transfer_syntax_uid);
    struct codec_rest        rest   = { from, from->offset };
    struct dcm_parser       *parser = NULL;
    int                      rc = dcm_parser_new(&parser, codec_rest_source(&rest), syntax, 0, err);

    if (rc == ISO_OK)
        rc = dcm_recode(parser, syntax, to, out_sink(out), err);
    dcm_parser_free(parser);
    return rc;
}

/* Explicit VR little endian comes between: big endian and deflated streams are read and written by
 * dcm_recode alone. */
static bool is_plain(const struct dcm_syntax *s)
{
    return !s->big_endian && !s->deflated;
}

static int through(struct codec_pool *pool, const struct codec_object_source *from, iso_str to_uid,
                   const struct codec_object_options *options, struct out *out,
                   struct codec_object_result *result, struct iso_err *err)
{
    const iso_str              plain   = iso_str_c(DCM_EXPLICIT_LE->uid);
    const struct dcm_syntax   *to      = dcm_syntax_find(to_uid);
    struct out                 between = { .fd = -1 };
    struct codec_object_source again;
    int                        rc = os_open_scratch(&between.fd, err);

    if (rc < 0)
        return rc;
    if (is_plain(to))
        rc = recode(from, DCM_EXPLICIT_LE, &between, err);
    else
        rc = make(pool, from, plain, options, &between, result, err);
    again = (struct codec_object_source){ between.fd, 0, between.at, plain };
    if (rc == ISO_OK && is_plain(to))
        rc = make(pool, &again, to_uid, options, out, result, err);
    else if (rc == ISO_OK)
        rc = recode(&again, to, out, err);
    os_close(between.fd);
    return rc;
}

int codec_object_make(struct codec_pool *pool, const struct codec_object_source *from,
                      iso_str to_uid, const struct codec_object_options *options, int out_fd,
                      uint64_t out_offset, struct codec_object_result *result, struct iso_err *err)
{
    static const struct codec_object_options defaults = { 0 };
    const struct dcm_syntax   *stored = dcm_syntax_or_default(from->transfer_syntax_uid);
    const struct dcm_syntax   *to     = dcm_syntax_find(to_uid);
    struct codec_object_result done   = { 0 };
    struct out                 out    = { out_fd, out_offset };
    int                        rc     = ISO_OK;

    if (options == NULL)
        options = &defaults;
    if (!codec_object_can(from->transfer_syntax_uid, to_uid, NULL))
        return iso_fail(err, ISO_EUNSUPPORTED, "there is no way from %s to %s here", stored->name,
                        to != NULL ? to->name : "an unknown transfer syntax");
    if (to == NULL) /* as it was */
        to = stored;
    if (stored == to || (is_native(stored) && is_native(to)))
        rc = recode(from, to, &out, err);
    else if (is_plain(stored) && is_plain(to))
        rc = make(pool, from, to_uid, options, &out, &done, err);
    else
        rc = through(pool, from, to_uid, options, &out, &done, err);
    if (rc < 0)
        return rc;
    done.bytes = out.at - out_offset;
    *result    = done;
    return ISO_OK;
}

int codec_object_scratch(struct codec_pool *pool, const struct codec_object_source *from,
                         iso_str to_uid, const struct codec_object_options *options, int *fd,
                         struct codec_object_result *result, struct iso_err *err)
{
    int scratch = -1;
    int rc      = os_open_scratch(&scratch, err);

    if (rc < 0)
        return rc;
    rc = codec_object_make(pool, from, to_uid, options, scratch, 0, result, err);
    if (rc < 0)
        os_close(scratch);
    else
        *fd = scratch;
    return rc;
}
