/* img_state.c: what a presentation state says of an image, but for what is drawn on it. */
#include "img_state_in.h"

#include <math.h>

enum { CORNER_MAX = 1 << 20 };

bool img_state_kind_of(iso_str uid, enum img_state_kind *kind)
{
    static const struct {
        const char         *uid;
        enum img_state_kind kind;
    } known[] = {
        { "1.2.840.10008.5.1.4.1.1.11.1", IMG_STATE_GREY },
        { "1.2.840.10008.5.1.4.1.1.11.2", IMG_STATE_COLOUR },
        { "1.2.840.10008.5.1.4.1.1.11.3", IMG_STATE_PSEUDO },
        { "1.2.840.10008.5.1.4.1.1.11.4", IMG_STATE_BLENDING },
        { "1.2.840.10008.5.1.4.1.1.11.5", IMG_STATE_GREY }, /* XA/XRF */
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (iso_str_eq_c(uid, known[i].uid)) {
            *kind = known[i].kind;
            return true;
        }
    return false;
}

/* ---- which images ---- */

static size_t item_count(const struct dcm_dataset *ds, dcm_tag tag)
{
    const struct dcm_element *el = dcm_get(ds, tag);

    return el != NULL && el->form == DCM_FORM_SEQUENCE ? el->item_count : 0;
}

static bool is_superimposed(const struct dcm_dataset *blending)
{
    return iso_str_eq_c(dcm_get_ascii(blending, DCM_BLENDING_POSITION), "SUPERIMPOSED");
}

/* The data set that holds the Referenced Series Sequence: the state, or of a blending state number
 * i of its two items, the underlying one first. NULL: there are no more. */
static const struct dcm_dataset *part_of(const struct dcm_dataset *state, size_t i)
{
    const struct dcm_dataset *first  = dcm_get_item(state, DCM_BLENDING_SEQUENCE, 0);
    const struct dcm_dataset *second = dcm_get_item(state, DCM_BLENDING_SEQUENCE, 1);

    if (first == NULL)
        return i == 0 ? state : NULL;
    if (second == NULL || i > 1)
        return i == 0 ? first : NULL;
    return (i == 0) != is_superimposed(first) ? first : second;
}

/* Number *i of the images that one part refers to; less that many where it has too few. */
static bool target_in(const struct dcm_dataset *part, size_t *i, struct img_state_target *out)
{
    size_t all = item_count(part, DCM_REFERENCED_SERIES_SEQUENCE);

    for (size_t k = 0; k < all; k++) {
        const struct dcm_dataset *series = dcm_get_item(part, DCM_REFERENCED_SERIES_SEQUENCE, k);
        size_t                    images = item_count(series, DCM_REFERENCED_IMAGE_SEQUENCE);
        const struct dcm_dataset *image  = dcm_get_item(series, DCM_REFERENCED_IMAGE_SEQUENCE, *i);
        int64_t                   frame;

        if (image == NULL) {
            *i -= images;
            continue;
        }
        if (!dcm_get_i64(image, DCM_REFERENCED_FRAME_NUMBER, 0, &frame) || frame < 1 ||
            frame > UINT32_MAX)
            frame = 0;
        out->series_uid       = dcm_get_ascii(series, DCM_SERIES_INSTANCE_UID);
        out->sop_class_uid    = dcm_get_ascii(image, DCM_REFERENCED_SOP_CLASS_UID);
        out->sop_instance_uid = dcm_get_ascii(image, DCM_REFERENCED_SOP_INSTANCE_UID);
        out->frame            = (uint32_t)frame;
        return true;
    }
    return false;
}

bool img_state_target(const struct dcm_dataset *state, size_t i, struct img_state_target *out)
{
    const struct dcm_dataset *part;

    if (i >= IMG_STATE_TARGETS_MAX)
        return false;
    for (size_t k = 0; (part = part_of(state, k)) != NULL; k++)
        if (target_in(part, &i, out))
            return true;
    return false;
}

/* An item of a Referenced Image Sequence.   PS3.3 §10.3 */
static bool names(const struct dcm_dataset *item, iso_str sop_instance_uid, uint32_t frame)
{
    const struct dcm_element *frames = dcm_get(item, DCM_REFERENCED_FRAME_NUMBER);
    size_t                    count  = frames != NULL ? dcm_element_vm(frames) : 0;
    int64_t                   number;

    if (!iso_str_eq(dcm_get_ascii(item, DCM_REFERENCED_SOP_INSTANCE_UID), sop_instance_uid))
        return false;
    for (size_t i = 0; i < count && i < IMG_STATE_TARGETS_MAX; i++)
        if (dcm_get_i64(item, DCM_REFERENCED_FRAME_NUMBER, i, &number) && number == frame)
            return true;
    return count == 0;
}

static bool any_names(const struct dcm_dataset *ds, iso_str sop_instance_uid, uint32_t frame)
{
    size_t count = item_count(ds, DCM_REFERENCED_IMAGE_SEQUENCE);

    for (size_t i = 0; i < count; i++)
        if (names(dcm_get_item(ds, DCM_REFERENCED_IMAGE_SEQUENCE, i), sop_instance_uid, frame))
            return true;
    return false;
}

bool img_state_applies(const struct img_state_source *s, const struct dcm_dataset *item)
{
    return item_count(item, DCM_REFERENCED_IMAGE_SEQUENCE) == 0 ||
           any_names(item, s->sop_instance_uid, s->frame);
}

static bool part_refers(const struct dcm_dataset *part, iso_str sop_instance_uid, uint32_t frame)
{
    size_t count = item_count(part, DCM_REFERENCED_SERIES_SEQUENCE);

    for (size_t i = 0; i < count; i++)
        if (any_names(dcm_get_item(part, DCM_REFERENCED_SERIES_SEQUENCE, i), sop_instance_uid,
                      frame))
            return true;
    return false;
}

/* The part that refers to it; NULL: none. */
static const struct dcm_dataset *part_for(const struct dcm_dataset *state, iso_str sop_instance_uid,
                                          uint32_t frame)
{
    const struct dcm_dataset *part;

    for (size_t i = 0; (part = part_of(state, i)) != NULL; i++)
        if (part_refers(part, sop_instance_uid, frame))
            return part;
    return NULL;
}

bool img_state_refers(const struct dcm_dataset *state, iso_str sop_instance_uid, uint32_t frame)
{
    return sop_instance_uid.len > 0 && part_for(state, sop_instance_uid, frame) != NULL;
}

/* The first item of a sequence that is about this frame, or NULL. */
static const struct dcm_dataset *item_for(const struct img_state_source *s,
                                          const struct dcm_dataset *ds, dcm_tag tag)
{
    size_t count = item_count(ds, tag);

    for (size_t i = 0; i < count; i++)
        if (img_state_applies(s, dcm_get_item(ds, tag, i)))
            return dcm_get_item(ds, tag, i);
    return NULL;
}

/* ---- values ---- */

/* Modality LUT, VOI LUT and presentation LUT.   PS3.3 §C.11.1, §C.11.8, §C.11.6 */
static int read_tables(const struct img_state_source *s, const struct dcm_dataset *part,
                       struct img_state *out, struct iso_err *err)
{
    const struct dcm_dataset *item = dcm_get_item(part, DCM_MODALITY_LUT_SEQUENCE, 0);
    int                       rc   = ISO_OK;

    if (item != NULL)
        rc = img_lut_read(item, s->decoded->is_signed, &out->modality, s->arena, err);
    if (!dcm_get_double(part, DCM_RESCALE_SLOPE, 0, &out->slope) || !isfinite(out->slope) ||
        out->slope == 0)
        out->slope = 1;
    if (!dcm_get_double(part, DCM_RESCALE_INTERCEPT, 0, &out->intercept) ||
        !isfinite(out->intercept))
        out->intercept = 0;
    item = item_for(s, part, DCM_SOFTCOPY_VOILUT_SEQUENCE);
    if (rc == ISO_OK && item != NULL) {
        const struct dcm_dataset *lut = dcm_get_item(item, DCM_VOILUT_SEQUENCE, 0);

        out->has_window = img_window_read(item, &out->window);
        if (lut != NULL)
            rc = img_lut_read(lut, s->decoded->is_signed || out->intercept < 0, &out->voi, s->arena,
                              err);
    }
    item = dcm_get_item(s->state, DCM_PRESENTATION_LUT_SEQUENCE, 0);
    if (rc == ISO_OK && item != NULL)
        rc = img_lut_read(item, false, &out->presentation, s->arena, err);
    out->inverse = iso_str_eq_c(dcm_get_ascii(s->state, DCM_PRESENTATION_LUT_SHAPE), "INVERSE");
    return rc;
}

/* ---- geometry ---- */

static bool get_corner(const struct dcm_dataset *item, dcm_tag tag, int32_t *column, int32_t *row)
{
    int64_t x, y;

    if (!dcm_get_i64(item, tag, 0, &x) || !dcm_get_i64(item, tag, 1, &y) || x < -CORNER_MAX ||
        y < -CORNER_MAX || x > CORNER_MAX || y > CORNER_MAX)
        return false;
    *column = (int32_t)x;
    *row    = (int32_t)y;
    return true;
}

/* PS3.3 §C.10.4 */
static void read_area(const struct img_state_source *s, struct img_area *out)
{
    const struct dcm_dataset *item = item_for(s, s->state, DCM_DISPLAYED_AREA_SELECTION_SEQUENCE);
    static const dcm_tag      shapes[] = { DCM_PRESENTATION_PIXEL_SPACING,
                                           DCM_PRESENTATION_PIXEL_ASPECT_RATIO };
    struct img_area           a        = { .magnification = 1 };
    double                    down, across, ratio;
    iso_str                   mode;

    *out = a;
    if (item == NULL)
        return;
    a.has_corners =
        get_corner(item, DCM_DISPLAYED_AREA_TOP_LEFT_HAND_CORNER, &a.left, &a.top) &&
        get_corner(item, DCM_DISPLAYED_AREA_BOTTOM_RIGHT_HAND_CORNER, &a.right, &a.bottom);
    for (size_t i = 0; i < 2 && a.aspect == 0; i++)
        if (dcm_get_double(item, shapes[i], 0, &down) &&
            dcm_get_double(item, shapes[i], 1, &across) && down > 0 && across > 0 &&
            down / across < 32 && across / down < 32)
            a.aspect = down / across;
    mode = dcm_get_ascii(item, DCM_PRESENTATION_SIZE_MODE);
    if (iso_str_eq_c(mode, "TRUE SIZE")) {
        a.mode = IMG_AREA_TRUE_SIZE;
    } else if (iso_str_eq_c(mode, "MAGNIFY") &&
               dcm_get_double(item, DCM_PRESENTATION_PIXEL_MAGNIFICATION_RATIO, 0, &ratio) &&
               ratio > 0 && ratio < IMG_SIDE_MAX) {
        a.mode          = IMG_AREA_MAGNIFY;
        a.magnification = ratio;
    }
    *out = a;
}

/* PS3.3 §C.10.6 */
static void read_turn(const struct dcm_dataset *state, struct img_state *out)
{
    int64_t degrees;

    if (dcm_get_i64(state, DCM_IMAGE_ROTATION, 0, &degrees) && degrees % 90 == 0 && degrees > 0)
        out->rotation = (unsigned)(degrees % 360);
    out->flip = iso_str_eq_c(dcm_get_ascii(state, DCM_IMAGE_HORIZONTAL_FLIP), "Y");
}

static int read_shutter(const struct img_state_source *s, struct img_state *out,
                        struct iso_err *err)
{
    uint16_t group;
    int rc = img_shutter_read(s->state, s->arena, &out->shutter, &out->has_shutter, &group, err);

    if (rc == ISO_OK && group != 0)
        rc = img_overlay_read(s->state, group, s->frame, NULL, s->pixels, s->arena,
                              &out->shutter.bitmap, err);
    return rc;
}

/* ---- all of it ---- */

int img_state_read(const struct dcm_dataset *state, const struct dcm_dataset *image,
                   const struct codec_image *decoded, iso_bytes pixels, uint32_t frame,
                   struct iso_arena *arena, struct img_state *out, struct iso_err *err)
{
    struct img_state_source   s    = { .state            = state,
                                       .image            = image,
                                       .sop_instance_uid = dcm_get_ascii(image, DCM_SOP_INSTANCE_UID),
                                       .frame            = frame,
                                       .decoded          = decoded,
                                       .pixels           = pixels,
                                       .arena            = arena };
    struct img_state          read = { .slope = 1 };
    const struct dcm_dataset *part;
    int                       rc;

    if (!img_state_kind_of(dcm_get_ascii(state, DCM_SOP_CLASS_UID), &read.kind))
        return iso_fail(err, ISO_EUNSUPPORTED, "not a presentation state that is applied here");
    part = s.sop_instance_uid.len > 0 ? part_for(state, s.sop_instance_uid, frame) : NULL;
    if (part == NULL)
        return iso_fail(err, ISO_ENOENT,
                        "the presentation state does not refer to frame %u of this image", frame);
    read.label      = dcm_get_ascii(state, DCM_CONTENT_LABEL);
    read.incomplete = read.kind == IMG_STATE_BLENDING ||
                      dcm_get_item(state, DCM_MASK_SUBTRACTION_SEQUENCE, 0) != NULL;
    rc = read.kind == IMG_STATE_COLOUR ? ISO_OK : read_tables(&s, part, &read, err);
    if (read.kind == IMG_STATE_PSEUDO || (read.kind == IMG_STATE_BLENDING && is_superimposed(part)))
        for (unsigned c = 0; rc == ISO_OK && c < 3; c++)
            rc = img_palette_read(state, decoded, c, &read.palette[c], arena, err);
    read_area(&s, &read.area);
    read_turn(state, &read);
    if (rc == ISO_OK)
        rc = read_shutter(&s, &read, err);
    if (rc == ISO_OK)
        rc = img_state_marks(&s, &read, err);
    if (rc == ISO_OK)
        *out = read;
    return rc;
}
