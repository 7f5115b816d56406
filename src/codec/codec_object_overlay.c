/* codec_object_overlay.c: overlays that live in unused bits of pixel data, where a compression has no
 * room for them, in the place that the standard has had for them since 2004.   PS3.3 §C.9.2 */
#include "codec_object_in.h"

#include "iso_reader.h"

enum { GROUPS = 16, OVERLAY_BYTES_MAX = 64 << 20 };

static dcm_tag in_group(dcm_tag tag, unsigned number)
{
    return tag + ((dcm_tag)number << 17); /* (6000,eeee), (6002,eeee) … */
}

/* The bit that overlay `number` lives in; false: it has data of its own, or there is none. */
static bool bit_of(const struct codec_survey *s, unsigned number, unsigned *bit)
{
    int64_t allocated;
    int64_t position;

    if (dcm_get(&s->ds, in_group(DCM_OVERLAY_DATA, number)) != NULL ||
        !dcm_get_i64(&s->ds, in_group(DCM_OVERLAY_BITS_ALLOCATED, number), 0, &allocated) ||
        !dcm_get_i64(&s->ds, in_group(DCM_OVERLAY_BIT_POSITION, number), 0, &position))
        return false;
    if (allocated != s->image.bits_allocated || position < 0 || position >= allocated ||
        allocated > 32 || s->image.samples != 1)
        return false;
    unsigned lowest = s->image.high_bit + 1u - s->image.bits_stored;
    if (position >= (int64_t)lowest && position <= s->image.high_bit)
        return false; /* within the value: then it is not one */
    *bit = (unsigned)position;
    return true;
}

uint64_t codec_overlay_bits(const struct codec_survey *survey)
{
    uint64_t bits = 0;
    unsigned bit;

    for (unsigned n = 0; n < GROUPS; n++)
        if (bit_of(survey, n, &bit))
            bits |= (uint64_t)1 << bit;
    return bits;
}

struct plane {
    unsigned number;
    unsigned bit;
    uint8_t *data;
};

static int put_plane(const struct codec_survey *s, const struct plane *plane, size_t bytes,
                     struct iso_arena *arena, struct dcm_dataset *put)
{
    const dcm_tag rows = in_group(DCM_OVERLAY_ROWS, plane->number);
    int           rc   = dcm_put_i64(put, arena, rows, DCM_VR_US, s->image.rows);

    if (rc == ISO_OK)
        rc = dcm_put_i64(put, arena, in_group(DCM_OVERLAY_COLUMNS, plane->number), DCM_VR_US,
                         s->image.columns);
    if (rc == ISO_OK && s->frames > 1)
        rc = dcm_put_i64(put, arena, in_group(DCM_NUMBER_OF_FRAMES_IN_OVERLAY, plane->number),
                         DCM_VR_IS, s->frames);
    if (rc == ISO_OK)
        rc = dcm_put_i64(put, arena, in_group(DCM_OVERLAY_BITS_ALLOCATED, plane->number), DCM_VR_US,
                         1);
    if (rc == ISO_OK)
        rc = dcm_put_i64(put, arena, in_group(DCM_OVERLAY_BIT_POSITION, plane->number), DCM_VR_US,
                         0);
    if (rc == ISO_OK)
        rc = dcm_put_raw(put, arena, in_group(DCM_OVERLAY_DATA, plane->number), DCM_VR_OW,
                         iso_bytes_of(plane->data, bytes));
    return rc;
}

/* The planes of one frame, whose first pixel is bit `at` of each.   PS3.5 §8.1.2, §8.2 */
static void take_frame(const struct plane *planes, size_t count, iso_bytes samples, size_t unit,
                       size_t at)
{
    for (size_t i = 0; i + unit <= samples.len; i += unit, at++) {
        const uint8_t *p = samples.ptr + i;

        for (size_t k = 0; k < count; k++)
            if ((p[planes[k].bit / 8] >> planes[k].bit % 8 & 1) != 0)
                planes[k].data[at / 8] |= (uint8_t)(1u << at % 8);
    }
}

int codec_overlay_take(const struct codec_survey *survey, const struct codec_recipe *recipe,
                       struct iso_arena *arena, struct dcm_dataset *put, struct iso_err *err)
{
    const size_t   pixels = (size_t)survey->image.rows * survey->image.columns;
    const size_t   unit   = codec_sample_bytes(&recipe->decoded);
    struct plane   planes[GROUPS];
    size_t         count = 0;
    struct iso_buf in;
    struct iso_buf samples;
    int            rc = ISO_OK;

    if (pixels > (size_t)OVERLAY_BYTES_MAX * 8 / survey->frames)
        return iso_fail(err, ISO_ELIMIT, "overlays of %u frames are too large", survey->frames);
    const size_t bytes = (pixels * survey->frames + 15) / 16 * 2;
    for (unsigned n = 0; n < GROUPS; n++) {
        struct plane plane = { .number = n };
        if (!bit_of(survey, n, &plane.bit))
            continue;
        plane.data = iso_arena_alloc(arena, bytes);
        if (plane.data == NULL)
            return iso_arena_fail(arena, err);
        planes[count++] = plane;
    }
    iso_buf_init(&in, CODEC_FRAME_BYTES_MAX);
    iso_buf_init(&samples, CODEC_FRAME_BYTES_MAX);
    for (uint32_t f = 0; f < survey->frames && rc == ISO_OK; f++) {
        rc = codec_survey_frame(survey, f, &in, err);
        if (rc == ISO_OK)
            rc = codec_recipe_decode(recipe, iso_buf_bytes(&in), &samples, err);
        if (rc == ISO_OK)
            take_frame(planes, count, iso_buf_bytes(&samples), unit, pixels * f);
    }
    iso_buf_release(&in);
    iso_buf_release(&samples);
    for (size_t k = 0; k < count && rc == ISO_OK; k++)
        if (put_plane(survey, &planes[k], bytes, arena, put) < 0)
            rc = iso_arena_fail(arena, err);
    return rc;
}
