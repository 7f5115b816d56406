/* codec_object_icon.c: compressed pixels within sequences: an icon (0088,0200), or what vendors keep
 * like one. They cannot stay when the transfer syntax changes, as its name speaks for them too, while
 * native pixels within a sequence are allowed in every transfer syntax.   PS3.5 §A.4 */
#include "codec_object_in.h"

#include "iso_reader.h"
#include "os_file.h"

enum { ICON_BYTES_MAX = 8 << 20, ITEM_HEAD = 8 };

static int read_sequence(const struct codec_survey *s, const struct codec_nested *nested,
                         struct iso_arena *arena, struct dcm_dataset *ds, struct iso_err *err)
{
    const struct dcm_tree_options options = { .keep_all = true, .stop_before = nested->tag + 1 };
    struct codec_rest             rest    = { &s->from, nested->offset };
    struct dcm_parser            *parser  = NULL;
    int rc = dcm_parser_new(&parser, codec_rest_source(&rest), s->syntax, nested->offset, err);

    if (rc == ISO_OK)
        rc = dcm_parser_tree(parser, &options, arena, ds, err);
    dcm_parser_free(parser);
    return rc;
}

/* The content of all fragments but the first, the offset table. */
static int join(const struct codec_survey *s, const struct dcm_element *el, struct iso_buf *out,
                struct iso_err *err)
{
    uint64_t end = el->offset + el->bytes;

    if (el->bytes > ICON_BYTES_MAX)
        return iso_fail(err, ISO_ELIMIT, "an icon of %llu bytes", (unsigned long long)el->bytes);
    for (uint64_t at = el->offset, bytes; end - at >= ITEM_HEAD; at += ITEM_HEAD + bytes) {
        uint8_t head[ITEM_HEAD];
        int     rc = os_read_exact_at(s->from.fd, head, sizeof head, at, err);

        bytes = iso_u32le(head + 4);
        if (rc < 0 || bytes > end - at - ITEM_HEAD)
            return rc < 0 ? rc : iso_fail(err, ISO_EFORMAT, "a fragment ends early");
        if (at == el->offset)
            continue;
        if (iso_buf_reserve(out, (size_t)bytes) < 0)
            return iso_buf_check(out, err);
        rc = os_read_exact_at(s->from.fd, out->ptr + out->len, (size_t)bytes, at + ITEM_HEAD, err);
        if (rc < 0)
            return rc;
        out->len += (size_t)bytes;
    }
    return ISO_OK;
}

static int decode(const struct codec_survey *s, struct codec_pool *pool, struct dcm_dataset *item,
                  struct iso_arena *arena, struct iso_err *err)
{
    const struct dcm_element *el = dcm_get(item, DCM_PIXEL_DATA);
    struct codec_image        was;
    struct codec_image        is;
    struct iso_buf            in;
    struct iso_buf            out;
    int                       rc = codec_image_read(item, &was, err);

    iso_buf_init(&in, ICON_BYTES_MAX);
    iso_buf_init(&out, ICON_BYTES_MAX);
    if (rc == ISO_OK)
        rc = join(s, el, &in, err);
    if (rc == ISO_OK)
        rc = codec_frame_make(pool, s->from.transfer_syntax_uid, iso_buf_bytes(&in), &was,
                              iso_str_c(DCM_EXPLICIT_LE->uid), NULL, &out, &is, err);
    if (rc == ISO_OK)
        rc = codec_changes_image(item, &was, &is, arena, item, err);
    if (rc == ISO_OK &&
        dcm_put_raw(item, arena, DCM_PIXEL_DATA, is.bits_allocated > 8 ? DCM_VR_OW : DCM_VR_OB,
                    iso_buf_bytes(&out)) < 0)
        rc = iso_arena_fail(arena, err);
    iso_buf_release(&in);
    iso_buf_release(&out);
    return rc;
}

static int decode_all(const struct codec_survey *s, struct codec_pool *pool, struct dcm_dataset *ds,
                      unsigned depth, struct iso_arena *arena, struct iso_err *err)
{
    const struct dcm_element *pixels = dcm_get(ds, DCM_PIXEL_DATA);
    int                       rc     = ISO_OK;

    if (depth > DCM_DEPTH_MAX)
        return iso_fail(err, ISO_ELIMIT, "nested too deep");
    if (pixels != NULL && pixels->form == DCM_FORM_FRAGMENTS)
        rc = decode(s, pool, ds, arena, err);
    for (size_t i = 0; i < ds->count && rc == ISO_OK; i++)
        for (size_t k = 0; k < ds->element[i].item_count && rc == ISO_OK; k++)
            rc = decode_all(s, pool, &ds->element[i].items[k], depth + 1, arena, err);
    return rc;
}

int codec_nested_make(const struct codec_survey *survey, struct codec_pool *pool,
                      struct iso_arena *arena, struct codec_changes *changes, struct iso_err *err)
{
    int rc = ISO_OK;

    for (size_t i = 0; i < survey->nested_count && rc == ISO_OK; i++) {
        const struct codec_nested *nested = &survey->nested[i];
        struct dcm_dataset         ds     = { 0 };
        const struct dcm_element  *made   = NULL;

        rc = read_sequence(survey, nested, arena, &ds, err);
        if (rc == ISO_OK)
            rc = decode_all(survey, pool, &ds, 0, arena, err);
        if (rc < 0 && nested->tag == DCM_ICON_IMAGE_SEQUENCE) {
            changes->drop[changes->drop_count++] = DCM_ICON_IMAGE_SEQUENCE;
            rc                                   = ISO_OK;
        } else if (rc == ISO_OK && (made = dcm_get(&ds, nested->tag)) != NULL) {
            struct dcm_element *put = dcm_put(&changes->put, arena, nested->tag, DCM_VR_SQ);
            if (put == NULL)
                return iso_arena_fail(arena, err);
            *put = *made;
        }
    }
    return rc < 0 ? iso_wrap(err, rc, "pixels within a sequence") : rc;
}
