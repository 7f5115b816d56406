/* codec_object_icon.c: an icon that is compressed as its image is. It has to change with it: frames
 * of another compression are not allowed in a data set, native ones are in every one. PS3.5 §A.4:
 * "nested" pixel data is never required to be encapsulated. */
#include "codec_object_in.h"

#include "iso_reader.h"
#include "os_file.h"

enum { ICON_BYTES_MAX = 8 << 20, ITEM_HEAD = 8 };

static int read_icon(const struct codec_survey *s, struct iso_arena *arena, struct dcm_dataset *ds,
                     struct iso_err *err)
{
    const struct dcm_tree_options options = { .keep_all    = true,
                                              .stop_before = DCM_ICON_IMAGE_SEQUENCE + 1 };
    struct codec_rest             rest    = { &s->from, s->icon };
    struct dcm_parser            *parser  = NULL;
    int rc = dcm_parser_new(&parser, codec_rest_source(&rest), s->syntax, s->icon, err);

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

/* What the writer would have to fetch from the file. */
static bool is_whole(const struct dcm_dataset *ds)
{
    for (size_t i = 0; i < ds->count; i++) {
        const struct dcm_element *el = &ds->element[i];

        if (el->form == DCM_FORM_BULK || el->form == DCM_FORM_FRAGMENTS)
            return false;
        for (size_t k = 0; k < el->item_count; k++)
            if (!is_whole(&el->items[k]))
                return false;
    }
    return true;
}

int codec_icon_make(const struct codec_survey *survey, struct codec_pool *pool,
                    struct iso_arena *arena, struct codec_changes *changes, struct iso_err *err)
{
    struct dcm_dataset        ds     = { 0 };
    struct iso_err            ignore = { 0 };
    const struct dcm_element *icon;
    bool                      compressed = false;
    int                       rc         = ISO_OK;

    if (survey->icon == 0)
        return ISO_OK;
    rc   = read_icon(survey, arena, &ds, err);
    icon = rc == ISO_OK ? dcm_get(&ds, DCM_ICON_IMAGE_SEQUENCE) : NULL;
    for (size_t i = 0; icon != NULL && i < icon->item_count; i++) {
        const struct dcm_element *pixels = dcm_get(&icon->items[i], DCM_PIXEL_DATA);

        if (pixels == NULL || pixels->form != DCM_FORM_FRAGMENTS)
            continue;
        compressed = true;
        rc         = decode(survey, pool, &icon->items[i], arena, &ignore);
        if (rc < 0)
            break;
    }
    if (!compressed)
        return rc;
    struct dcm_element *put =
        rc == ISO_OK && is_whole(&ds)
            ? dcm_put(&changes->put, arena, DCM_ICON_IMAGE_SEQUENCE, DCM_VR_SQ)
            : NULL;
    if (put == NULL) {
        changes->drop[changes->drop_count++] = DCM_ICON_IMAGE_SEQUENCE;
        return ISO_OK;
    }
    *put = *icon;
    return ISO_OK;
}
