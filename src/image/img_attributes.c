/* img_attributes.c: what a data set says of how a frame is to be shown, wherever it says it. */
#include "img_in.h"

#include "iso_reader.h"

#include <math.h>

enum { PALETTE_STEPS_MAX = 1 << 17 };

/* ---- where an attribute may be: frame, shared, top level ---- */

struct scope {
    const struct dcm_dataset *level[3];
    size_t                    count;
};

static struct scope scope_of(const struct dcm_dataset *ds, uint32_t frame)
{
    const struct dcm_dataset *own =
        frame > 0 ? dcm_get_item(ds, DCM_PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frame - 1) : NULL;
    const struct dcm_dataset *shared = dcm_get_item(ds, DCM_SHARED_FUNCTIONAL_GROUPS_SEQUENCE, 0);
    struct scope              s      = { .count = 0 };

    if (own != NULL)
        s.level[s.count++] = own;
    if (shared != NULL)
        s.level[s.count++] = shared;
    s.level[s.count++] = ds;
    return s;
}

/* The data set that holds tag: the first item of a functional group's macro, or the top level. */
static const struct dcm_dataset *holder(const struct scope *s, dcm_tag macro, dcm_tag tag)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct dcm_dataset *ds = dcm_get_item(s->level[i], macro, 0);

        if (ds == NULL && i + 1 == s->count)
            ds = s->level[i];
        if (ds != NULL && dcm_get(ds, tag) != NULL)
            return ds;
    }
    return NULL;
}

/* ---- tables ---- */

/* Entries as 16-bit words, or as bytes when there are too few words.   PS3.3 §C.7.6.3.1.6 */
static int lut_entries(iso_bytes data, struct img_lut *lut, struct iso_arena *arena,
                       struct iso_err *err)
{
    bool      words = data.len / 2 >= lut->count;
    uint16_t *entry;

    if (data.len < lut->count) { /* cut: use what there is */
        words      = true;
        lut->count = (uint32_t)(data.len / 2);
    }
    if (lut->count == 0)
        return ISO_OK;
    entry = iso_arena_array(arena, lut->count, sizeof *entry);
    if (entry == NULL)
        return iso_arena_fail(arena, err);
    for (uint32_t i = 0; i < lut->count; i++)
        entry[i] = words ? iso_u16le(data.ptr + 2 * (size_t)i) : data.ptr[i];
    lut->entry = entry;
    return ISO_OK;
}

/* Count, first input, bits.   PS3.3 §C.11.1.1.1 */
static bool lut_descriptor(const struct dcm_dataset *ds, dcm_tag tag, bool is_signed,
                           struct img_lut *lut)
{
    int64_t count, first, bits;

    if (!dcm_get_i64(ds, tag, 0, &count) || !dcm_get_i64(ds, tag, 1, &first) ||
        !dcm_get_i64(ds, tag, 2, &bits))
        return false;
    count &= 0xffff; /* of either sign, by the VR */
    if (is_signed)
        first = (int16_t)first;
    else
        first &= 0xffff;
    *lut = (struct img_lut){ .count = count == 0 ? IMG_LUT_ENTRIES_MAX : (uint32_t)count,
                             .first = (double)first,
                             .bits  = bits >= 8 && bits <= 16 ? (unsigned)bits : 16 };
    return true;
}

int img_lut_read(const struct dcm_dataset *item, bool is_signed, struct img_lut *out,
                 struct iso_arena *arena, struct iso_err *err)
{
    const struct dcm_element *data = dcm_get(item, DCM_LUT_DATA);
    struct img_lut            lut;
    int                       rc;

    if (data == NULL || data->form != DCM_FORM_VALUE ||
        !lut_descriptor(item, DCM_LUT_DESCRIPTOR, is_signed, &lut))
        return ISO_OK;
    rc = lut_entries(data->value, &lut, arena, err);
    if (rc == ISO_OK && lut.count > 0)
        *out = lut;
    return rc;
}

/* Discrete, linear and indirect segments.   PS3.3 §C.7.9.2 */
static uint32_t expand(iso_bytes data, unsigned depth, uint16_t *entry, uint32_t at, uint32_t cap,
                       unsigned *steps)
{
    struct iso_reader r = iso_reader_of(data);

    while (iso_left(&r) >= 4 && at < cap && ++*steps < PALETTE_STEPS_MAX) {
        uint16_t op = iso_read_u16le(&r);
        uint16_t n  = iso_read_u16le(&r);

        if (op == 0) {
            for (uint32_t i = 0; i < n && at < cap && iso_left(&r) >= 2; i++)
                entry[at++] = iso_read_u16le(&r);
        } else if (op == 1 && at > 0 && iso_left(&r) >= 2) {
            int32_t from = entry[at - 1];
            int32_t to   = iso_read_u16le(&r);
            for (int32_t i = 1; i <= n && at < cap; i++)
                entry[at++] = (uint16_t)(from + (int32_t)lround((double)(to - from) * i / n));
        } else if (op == 2 && depth == 0) {
            size_t offset = iso_read_u16le(&r); /* in bytes */
            offset += (size_t)iso_read_u16le(&r) << 16;
            struct iso_reader copy = iso_reader_of(data);
            iso_skip(&copy, offset);
            /* n segments from there; none of them indirect itself */
            for (uint16_t i = 0; i < n && iso_left(&copy) >= 4 && at < cap; i++) {
                uint16_t kind  = iso_u16le(copy.ptr);
                uint16_t words = iso_u16le(copy.ptr + 2);
                size_t   bytes = 4 + 2 * (kind == 0 ? (size_t)words : 1);
                if (kind > 1 || bytes > iso_left(&copy))
                    break;
                at = expand(iso_read_bytes(&copy, bytes), 1, entry, at, cap, steps);
            }
        } else {
            break;
        }
    }
    return at;
}

int img_palette_read(const struct dcm_dataset *ds, const struct codec_image *image,
                     unsigned channel, struct img_lut *out, struct iso_arena *arena,
                     struct iso_err *err)
{
    const struct dcm_element *data = dcm_get(ds, DCM_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA + channel);
    const struct dcm_element *segments =
        dcm_get(ds, DCM_SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA + channel);
    struct img_lut lut;
    unsigned       steps = 0;
    uint16_t      *entry;
    int            rc = ISO_OK;

    if (!lut_descriptor(ds, DCM_RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR + channel,
                        image->is_signed, &lut))
        return ISO_OK;
    if (data != NULL && data->form == DCM_FORM_VALUE && data->value.len > 0) {
        rc = lut_entries(data->value, &lut, arena, err);
    } else if (segments != NULL && segments->form == DCM_FORM_VALUE) {
        entry = iso_arena_array(arena, lut.count, sizeof *entry);
        if (entry == NULL)
            return iso_arena_fail(arena, err);
        lut.count = expand(segments->value, 0, entry, 0, lut.count, &steps);
        lut.entry = entry;
    } else {
        return ISO_OK;
    }
    if (rc == ISO_OK && lut.count > 0)
        *out = lut;
    return rc;
}

/* ---- the rest ---- */

bool img_window_read(const struct dcm_dataset *ds, struct img_window *out)
{
    iso_str           function = dcm_get_ascii(ds, DCM_VOILUT_FUNCTION);
    struct img_window w        = { .function = IMG_LINEAR };

    if (iso_str_eq_c(function, "SIGMOID"))
        w.function = IMG_SIGMOID;
    else if (iso_str_eq_c(function, "LINEAR_EXACT"))
        w.function = IMG_LINEAR_EXACT;
    if (!dcm_get_double(ds, DCM_WINDOW_CENTER, 0, &w.center) ||
        !dcm_get_double(ds, DCM_WINDOW_WIDTH, 0, &w.width) || !isfinite(w.center) ||
        !isfinite(w.width) || w.width <= 0)
        return false;
    if (w.function == IMG_LINEAR && w.width < 1) /* not allowed, but plain: values are small */
        w.function = IMG_LINEAR_EXACT;
    *out = w;
    return true;
}

/* PS3.3 §C.7.5.1.1.2 */
static void padding_read(const struct dcm_dataset *ds, const struct codec_image *image,
                         struct img_attributes *out)
{
    int64_t value, limit;

    if (!dcm_get_i64(ds, DCM_PIXEL_PADDING_VALUE, 0, &value))
        return;
    if (!dcm_get_i64(ds, DCM_PIXEL_PADDING_RANGE_LIMIT, 0, &limit))
        limit = value;
    if (!image->is_signed && image->bits_allocated <= 16) { /* the VR may say otherwise */
        value &= 0xffff;
        limit &= 0xffff;
    } else if (image->is_signed && image->bits_allocated == 16) {
        value = (int16_t)value;
        limit = (int16_t)limit;
    }
    out->padding_low  = (double)(value < limit ? value : limit);
    out->padding_high = (double)(value < limit ? limit : value);
    out->has_padding  = true;
}

static double aspect_of(const struct dcm_dataset *ds, const struct scope *s)
{
    static const dcm_tag spacings[] = { DCM_PIXEL_SPACING, DCM_IMAGER_PIXEL_SPACING,
                                        DCM_NOMINAL_SCANNED_PIXEL_SPACING, DCM_PIXEL_ASPECT_RATIO };
    double               down, across;

    for (size_t i = 0; i < sizeof spacings / sizeof *spacings; i++) {
        const struct dcm_dataset *at =
            i == 0 ? holder(s, DCM_PIXEL_MEASURES_SEQUENCE, spacings[i]) : ds;
        if (at != NULL && dcm_get_double(at, spacings[i], 0, &down) &&
            dcm_get_double(at, spacings[i], 1, &across) && down > 0 && across > 0 &&
            down / across < 32 && across / down < 32)
            return down / across;
    }
    return 1;
}

/* The palette colours only what lies at or above its first input.   PS3.3 §C.7.6.19, §C.8.16.2.1.1.3 */
static bool is_supplemental(const struct dcm_dataset *ds, const struct codec_image *image)
{
    iso_str presentation = dcm_get_ascii(ds, DCM_PIXEL_PRESENTATION);

    return (image->photometric == CODEC_MONOCHROME1 || image->photometric == CODEC_MONOCHROME2) &&
           (iso_str_eq_c(presentation, "COLOR") || iso_str_eq_c(presentation, "MIXED"));
}

static bool is_inverse(const struct dcm_dataset *ds, const struct codec_image *image)
{
    iso_str shape = dcm_get_ascii(ds, DCM_PRESENTATION_LUT_SHAPE);

    /* The two say the same where both are there.  PS3.3 §C.8.11.3.1 */
    return image->photometric == CODEC_MONOCHROME1 || iso_str_eq_c(shape, "INVERSE");
}

int img_attributes_read(const struct dcm_dataset *ds, const struct codec_image *image,
                        uint32_t frame, struct iso_arena *arena, struct img_attributes *out,
                        struct iso_err *err)
{
    struct scope              s    = scope_of(ds, frame);
    struct img_attributes     read = { .slope = 1 };
    const struct dcm_dataset *at;
    int                       rc = ISO_OK;

    read.aspect  = aspect_of(ds, &s);
    read.inverse = is_inverse(ds, image);
    padding_read(ds, image, &read);
    at = holder(&s, DCM_PIXEL_VALUE_TRANSFORMATION_SEQUENCE, DCM_RESCALE_SLOPE);
    if (at != NULL && (!dcm_get_double(at, DCM_RESCALE_SLOPE, 0, &read.slope) ||
                       !isfinite(read.slope) || read.slope == 0))
        read.slope = 1;
    if (at != NULL && (!dcm_get_double(at, DCM_RESCALE_INTERCEPT, 0, &read.intercept) ||
                       !isfinite(read.intercept)))
        read.intercept = 0;
    at                = holder(&s, DCM_FRAME_VOILUT_SEQUENCE, DCM_WINDOW_CENTER);
    read.has_window   = at != NULL && img_window_read(at, &read.window);
    read.supplemental = is_supplemental(ds, image);
    at                = dcm_get_item(ds, DCM_MODALITY_LUT_SEQUENCE, 0);
    if (at != NULL)
        rc = img_lut_read(at, image->is_signed, &read.modality, arena, err);
    at = dcm_get_item(ds, DCM_VOILUT_SEQUENCE, 0);
    if (rc == ISO_OK && at != NULL) /* its input may be negative after a rescale */
        rc = img_lut_read(at, image->is_signed || read.intercept < 0, &read.voi, arena, err);
    at = dcm_get_item(ds, DCM_PRESENTATION_LUT_SEQUENCE, 0);
    if (rc == ISO_OK && at != NULL) /* instead of a shape.  PS3.3 §C.11.6 */
        rc = img_lut_read(at, false, &read.presentation, arena, err);
    if (read.presentation.count > 0)
        read.inverse = false;
    for (unsigned c = 0; rc == ISO_OK && c < 3; c++)
        rc = img_palette_read(ds, image, c, &read.palette[c], arena, err);
    if (rc == ISO_OK)
        *out = read;
    return rc;
}
