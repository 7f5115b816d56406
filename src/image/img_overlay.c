#include "img_overlay.h"

#include "iso_reader.h"

#include <string.h>

static dcm_tag of_group(dcm_tag tag, uint16_t group)
{
    return (tag & 0xffff) | (dcm_tag)group << 16;
}

/* Which of its frames goes with frame number `frame` of the image, from 0; false: none.
 * PS3.3 §C.9.3 */
static bool frame_of(const struct dcm_dataset *ds, uint16_t group, uint32_t frame, uint64_t *index)
{
    int64_t count, origin;

    *index = 0;
    if (!dcm_get_i64(ds, of_group(DCM_NUMBER_OF_FRAMES_IN_OVERLAY, group), 0, &count))
        return true;
    if (!dcm_get_i64(ds, of_group(DCM_IMAGE_FRAME_ORIGIN, group), 0, &origin) || origin < 1)
        origin = 1;
    if (count < 1 || (int64_t)frame < origin || frame - origin >= count)
        return false;
    *index = (uint64_t)(frame - origin);
    return true;
}

/* Bits in a row, the lowest of a byte first, frames without gaps.   PS3.5 §8.1.2 */
static int unpack(iso_bytes data, uint64_t first, size_t count, struct iso_arena *arena,
                  const uint8_t **mask, struct iso_err *err)
{
    uint8_t *p;

    if (first > (uint64_t)data.len * 8 || count > (uint64_t)data.len * 8 - first)
        return ISO_OK;
    p = iso_arena_alloc(arena, count);
    if (p == NULL)
        return iso_arena_fail(arena, err);
    for (size_t i = 0; i < count; i++) {
        uint64_t at = first + i;
        p[i]        = (data.ptr[at / 8] >> (at % 8) & 1) != 0 ? 255 : 0;
    }
    *mask = p;
    return ISO_OK;
}

/* A bit of each pixel that is none of its value.   PS3.3 §C.9.2.1.1, PS3.5 §8.1.2 */
static int from_pixels(const struct codec_image *image, iso_bytes pixels, unsigned bit,
                       size_t count, struct iso_arena *arena, const uint8_t **mask,
                       struct iso_err *err)
{
    size_t   bytes = codec_sample_bytes(image);
    unsigned low   = image->high_bit + 1u - image->bits_stored;
    uint8_t *p;

    if (image->samples != 1 || image->is_float || bit >= image->bits_allocated ||
        (bit >= low && bit <= image->high_bit) || pixels.len / bytes < count)
        return ISO_OK;
    p = iso_arena_alloc(arena, count);
    if (p == NULL)
        return iso_arena_fail(arena, err);
    for (size_t i = 0; i < count; i++)
        p[i] = (pixels.ptr[i * bytes + bit / 8] >> (bit % 8) & 1) != 0 ? 255 : 0;
    *mask = p;
    return ISO_OK;
}

int img_overlay_read(const struct dcm_dataset *ds, uint16_t group, uint32_t frame,
                     const struct codec_image *image, iso_bytes pixels, struct iso_arena *arena,
                     struct img_overlay *out, struct iso_err *err)
{
    const struct dcm_element *data = dcm_get(ds, of_group(DCM_OVERLAY_DATA, group));
    struct img_overlay        made = { 0 };
    int64_t                   rows, columns, bit, top = 1, left = 1;
    uint64_t                  index;
    size_t                    count;
    int                       rc = ISO_OK;

    *out = made;
    if (!dcm_get_i64(ds, of_group(DCM_OVERLAY_ROWS, group), 0, &rows) ||
        !dcm_get_i64(ds, of_group(DCM_OVERLAY_COLUMNS, group), 0, &columns) || rows < 1 ||
        columns < 1 || rows > IMG_SIDE_MAX || columns > IMG_SIDE_MAX ||
        !frame_of(ds, group, frame, &index))
        return ISO_OK;
    (void)dcm_get_i64(ds, of_group(DCM_OVERLAY_ORIGIN, group), 0, &top);
    (void)dcm_get_i64(ds, of_group(DCM_OVERLAY_ORIGIN, group), 1, &left);
    made.rows    = (uint32_t)rows;
    made.columns = (uint32_t)columns;
    made.top     = (int16_t)top - 1;
    made.left    = (int16_t)left - 1;
    made.roi     = iso_str_eq_c(dcm_get_ascii(ds, of_group(DCM_OVERLAY_TYPE, group)), "R");
    count        = (size_t)rows * (size_t)columns;
    if (data != NULL && data->form == DCM_FORM_VALUE && data->value.len > 0)
        rc = unpack(data->value, index * count, count, arena, &made.mask, err);
    else if (data == NULL && image != NULL && rows == image->rows && columns == image->columns &&
             dcm_get_i64(ds, of_group(DCM_OVERLAY_BIT_POSITION, group), 0, &bit) && bit > 0 &&
             bit < 64)
        rc = from_pixels(image, pixels, (unsigned)bit, count, arena, &made.mask, err);
    if (rc == ISO_OK)
        *out = made;
    return rc;
}

/* Whether pixel (x, y) of the mask is set and, of a region, one of its four neighbours is not. */
static bool is_drawn(const struct img_overlay *o, uint32_t x, uint32_t y)
{
    const uint8_t *p = o->mask + (size_t)y * o->columns + x;

    if (*p == 0 || !o->roi)
        return *p != 0;
    return x == 0 || y == 0 || x + 1 == o->columns || y + 1 == o->rows || p[-1] == 0 || p[1] == 0 ||
           p[-(ptrdiff_t)o->columns] == 0 || p[o->columns] == 0;
}

void img_overlay_paint(const struct img_overlay *o, uint8_t grey, struct img_picture *picture)
{
    size_t bytes = img_pixel_bytes(picture);

    for (uint32_t y = 0; y < o->rows; y++) {
        int64_t row = (int64_t)y + o->top;

        if (row < 0 || row >= picture->height)
            continue;
        for (uint32_t x = 0; x < o->columns; x++) {
            int64_t column = (int64_t)x + o->left;

            if (column >= 0 && column < picture->width && is_drawn(o, x, y))
                memset(picture->pixels + ((size_t)row * picture->width + (size_t)column) * bytes,
                       grey, bytes);
        }
    }
}
