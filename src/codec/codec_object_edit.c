/* codec_object_edit.c: the attributes that follow when pixels change their form. What stays true is
 * not touched. */
#include "codec_object_in.h"

#include <stdio.h>
#include <string.h>

enum { RATIO_CHARS = 10 }; /* a place of this size is kept while the ratio is not known */

/* ---- Image Pixel module ---- */

static const char *name_of(enum codec_photometric p)
{
    switch (p) {
    case CODEC_MONOCHROME1:
        return "MONOCHROME1";
    case CODEC_MONOCHROME2:
        return "MONOCHROME2";
    case CODEC_PALETTE_COLOR:
        return "PALETTE COLOR";
    case CODEC_RGB:
        return "RGB";
    case CODEC_YBR_FULL:
        return "YBR_FULL";
    case CODEC_YBR_FULL_422:
        return "YBR_FULL_422";
    case CODEC_YBR_PARTIAL:
        return "YBR_PARTIAL_420";
    case CODEC_YBR_ICT:
        return "YBR_ICT";
    case CODEC_YBR_RCT:
        return "YBR_RCT";
    default:
        return NULL;
    }
}

static int put_number(const struct dcm_dataset *ds, dcm_tag tag, uint32_t value,
                      struct iso_arena *arena, struct dcm_dataset *put, struct iso_err *err)
{
    int64_t was;

    if (dcm_get_i64(ds, tag, 0, &was) && was == value)
        return ISO_OK;
    int rc = dcm_put_i64(put, arena, tag, DCM_VR_US, value);
    return rc < 0 ? iso_arena_fail(arena, err) : ISO_OK;
}

static int put_text(struct dcm_dataset *put, struct iso_arena *arena, dcm_tag tag, enum dcm_vr vr,
                    const char *text, struct iso_err *err)
{
    int rc = dcm_put_str(put, arena, tag, vr, iso_str_c(text));

    return rc < 0 ? iso_arena_fail(arena, err) : ISO_OK;
}

int codec_changes_image(const struct dcm_dataset *ds, const struct codec_image *was,
                        const struct codec_image *is, struct iso_arena *arena,
                        struct dcm_dataset *put, struct iso_err *err)
{
    const struct {
        dcm_tag  tag;
        uint32_t value;
    } numbers[] = {
        { DCM_SAMPLES_PER_PIXEL, is->samples },
        { DCM_ROWS, is->rows },
        { DCM_COLUMNS, is->columns },
        { DCM_BITS_ALLOCATED, is->bits_allocated },
        { DCM_BITS_STORED, is->bits_stored },
        { DCM_HIGH_BIT, is->high_bit },
        { DCM_PIXEL_REPRESENTATION, is->is_signed },
    };
    int rc = ISO_OK;

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && rc == ISO_OK; i++)
        rc = put_number(ds, numbers[i].tag, numbers[i].value, arena, put, err);
    if (rc == ISO_OK && is->samples > 1)
        rc = put_number(ds, DCM_PLANAR_CONFIGURATION, is->planar, arena, put, err);
    if (rc == ISO_OK && is->photometric != was->photometric && name_of(is->photometric) != NULL)
        rc = put_text(put, arena, DCM_PHOTOMETRIC_INTERPRETATION, DCM_VR_CS,
                      name_of(is->photometric), err);
    return rc;
}

/* ---- lossy compression on record ---- */

/* PS3.3 §C.7.6.1.1.5.2; NULL: not a method that is lossy. */
static const char *method_of(iso_str uid)
{
    static const struct {
        const char *prefix;
        const char *method;
    } methods[] = {
        { "1.2.840.10008.1.2.4.5", "ISO_10918_1" },   { "1.2.840.10008.1.2.4.6", "ISO_10918_1" },
        { "1.2.840.10008.1.2.4.8", "ISO_14495_1" },   { "1.2.840.10008.1.2.4.9", "ISO_15444_1" },
        { "1.2.840.10008.1.2.4.20", "ISO_15444_15" }, { "1.2.840.10008.1.2.4.11", "ISO_18181_1" },
    };

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (iso_str_starts(uid, iso_str_c(methods[i].prefix)))
            return methods[i].method;
    return NULL;
}

/* JPEG by its discrete cosine transform, which nothing can undo. Others of the lossy syntaxes may
 * hold lossless images, and who wrote them knew. */
static bool is_always_lossy(iso_str uid)
{
    return iso_str_eq_c(uid, "1.2.840.10008.1.2.4.50") ||
           iso_str_eq_c(uid, "1.2.840.10008.1.2.4.51");
}

static double plain_bytes(const struct codec_survey *s)
{
    const struct codec_image *i = &s->image;

    return (double)i->rows * i->columns * i->samples * i->bits_allocated / 8 * s->frames;
}

/* The values there are and one more, which is padded to RATIO_CHARS when it is a ratio. */
static int put_ratio(const struct codec_survey *s, double ratio, struct iso_arena *arena,
                     struct dcm_dataset *put, struct iso_err *err)
{
    iso_str was = iso_str_trim(dcm_get_raw(&s->ds, DCM_LOSSY_IMAGE_COMPRESSION_RATIO));
    char    number[32];

    if (!(ratio < 99999))
        ratio = 99999;
    (void)snprintf(number, sizeof number, "%-*.2f", RATIO_CHARS, ratio);
    iso_str all =
        iso_arena_printf(arena, "%.*s%s%s", ISO_STR_ARG(was), was.len > 0 ? "\\" : "", number);
    if (all.ptr == NULL ||
        dcm_put_str(put, arena, DCM_LOSSY_IMAGE_COMPRESSION_RATIO, DCM_VR_DS, all) < 0)
        return iso_arena_fail(arena, err);
    return ISO_OK;
}

static int put_lossy(const struct codec_survey *s, const char *method, double ratio,
                     struct iso_arena *arena, struct dcm_dataset *put, struct iso_err *err)
{
    iso_str was = iso_str_trim(dcm_get_raw(&s->ds, DCM_LOSSY_IMAGE_COMPRESSION_METHOD));
    iso_str all =
        iso_arena_printf(arena, "%.*s%s%s", ISO_STR_ARG(was), was.len > 0 ? "\\" : "", method);
    int rc = put_text(put, arena, DCM_LOSSY_IMAGE_COMPRESSION, DCM_VR_CS, "01", err);

    if (rc == ISO_OK &&
        (all.ptr == NULL ||
         dcm_put_str(put, arena, DCM_LOSSY_IMAGE_COMPRESSION_METHOD, DCM_VR_CS, all) < 0))
        rc = iso_arena_fail(arena, err);
    return rc == ISO_OK ? put_ratio(s, ratio, arena, put, err) : rc;
}

int codec_changes_ratio(const struct codec_survey *survey, uint64_t pixels_to,
                        struct iso_arena *arena, struct codec_changes *changes, struct iso_err *err)
{
    return put_ratio(survey, plain_bytes(survey) / (double)(pixels_to > 0 ? pixels_to : 1), arena,
                     &changes->put, err);
}

/* Image Type: value 1 becomes DERIVED.   PS3.3 §C.7.6.1.1.2 */
static int put_derived(const struct codec_survey *s, struct iso_arena *arena,
                       struct dcm_dataset *put, struct iso_err *err)
{
    iso_str was  = iso_str_trim(dcm_get_raw(&s->ds, DCM_IMAGE_TYPE));
    size_t  end  = iso_str_find(was, '\\', 0);
    iso_str rest = end < was.len ? iso_str_sub(was, end, was.len) : ISO_STR("\\PRIMARY");
    iso_str all  = iso_arena_printf(arena, "DERIVED%.*s", ISO_STR_ARG(rest));

    if (all.ptr == NULL || dcm_put_str(put, arena, DCM_IMAGE_TYPE, DCM_VR_CS, all) < 0)
        return iso_arena_fail(arena, err);
    return ISO_OK;
}

/* ---- a new instance ---- */

static int put_code(struct dcm_dataset *item, struct iso_arena *arena, const char *value,
                    const char *meaning, struct iso_err *err)
{
    int rc = item == NULL ? iso_arena_fail(arena, err)
                          : put_text(item, arena, DCM_CODE_VALUE, DCM_VR_SH, value, err);

    if (rc == ISO_OK)
        rc = put_text(item, arena, DCM_CODING_SCHEME_DESIGNATOR, DCM_VR_SH, "DCM", err);
    return rc == ISO_OK ? put_text(item, arena, DCM_CODE_MEANING, DCM_VR_LO, meaning, err) : rc;
}

/* PS3.3 §C.7.6.1.1.3, §C.7.6.1.1.4; PS3.16 CID 7202, CID 7203 */
static int put_instance(const struct codec_survey *s, iso_str uid, struct iso_arena *arena,
                        struct dcm_dataset *put, struct iso_err *err)
{
    int rc = dcm_put_str(put, arena, DCM_SOP_INSTANCE_UID, DCM_VR_UI, uid);

    if (rc < 0)
        return iso_arena_fail(arena, err);
    if (rc == ISO_OK && dcm_get(&s->ds, DCM_DERIVATION_DESCRIPTION) == NULL)
        rc = put_text(put, arena, DCM_DERIVATION_DESCRIPTION, DCM_VR_ST, "Lossy compression", err);
    if (rc == ISO_OK && dcm_get(&s->ds, DCM_DERIVATION_CODE_SEQUENCE) == NULL)
        rc = put_code(dcm_put_item(put, arena, DCM_DERIVATION_CODE_SEQUENCE), arena, "113040",
                      "Lossy Compression", err);
    struct dcm_dataset *source =
        rc == ISO_OK ? dcm_put_item(put, arena, DCM_SOURCE_IMAGE_SEQUENCE) : NULL;
    if (rc == ISO_OK && source == NULL)
        rc = iso_arena_fail(arena, err);
    if (rc == ISO_OK && (dcm_put_str(source, arena, DCM_REFERENCED_SOP_CLASS_UID, DCM_VR_UI,
                                     dcm_get_ascii(&s->ds, DCM_SOP_CLASS_UID)) < 0 ||
                         dcm_put_str(source, arena, DCM_REFERENCED_SOP_INSTANCE_UID, DCM_VR_UI,
                                     dcm_get_ascii(&s->ds, DCM_SOP_INSTANCE_UID)) < 0))
        rc = iso_arena_fail(arena, err);
    if (rc == ISO_OK)
        rc = put_code(dcm_put_item(source, arena, DCM_PURPOSE_OF_REFERENCE_CODE_SEQUENCE), arena,
                      "121320", "Uncompressed predecessor", err);
    return rc;
}

/* ---- all ---- */

int codec_changes_make(const struct codec_survey *survey, const struct codec_recipe *recipe,
                       const struct codec_object_options *options, struct iso_arena *arena,
                       struct codec_changes *out, struct iso_err *err)
{
    struct dcm_dataset *put = &out->put;
    iso_str             had = dcm_get_ascii(&survey->ds, DCM_LOSSY_IMAGE_COMPRESSION);
    int                 rc  = ISO_OK;

    if (!recipe->repack)
        rc = codec_changes_image(&survey->ds, &survey->image, &recipe->described, arena, put, err);
    if (rc == ISO_OK && recipe->lossy) {
        const char *method = method_of(recipe->to_uid);
        rc                 = put_lossy(survey, method != NULL ? method : "", 1, arena, put, err);
        if (rc == ISO_OK)
            rc = put_derived(survey, arena, put, err);
        if (rc == ISO_OK && options->new_sop_instance_uid.len > 0)
            rc = put_instance(survey, options->new_sop_instance_uid, arena, put, err);
    } else if (rc == ISO_OK && !iso_str_eq_c(had, "01") && is_always_lossy(recipe->from_uid)) {
        rc = put_lossy(survey, method_of(recipe->from_uid),
                       plain_bytes(survey) / (double)(survey->pixel_bytes + 1), arena, put, err);
    }
    out->drop[out->drop_count++] = DCM_EXTENDED_OFFSET_TABLE;
    out->drop[out->drop_count++] = DCM_EXTENDED_OFFSET_TABLE_LENGTHS;
    return rc;
}
