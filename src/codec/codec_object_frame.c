/* codec_object_frame.c: one frame from one transfer syntax to the other. What a compression keeps of a
 * sample is its Bits Stored, so the others are looked at over all frames before the first is encoded:
 * a sign's extension is made, overlays are taken out (codec_object_overlay.c), and where anything
 * else is found, all bits allocated are kept as the value. */
#include "codec_object_in.h"

#include "iso_reader.h"

#include <string.h>

static const char native_98[]       = "1.2.840.10008.1.2.1.98"; /* encapsulated uncompressed */
static const char rle[]             = "1.2.840.10008.1.2.5";
static const char deflated_frames[] = "1.2.840.10008.1.2.8.1";

/* Plain samples, in fragments or not. */
static bool is_raw(iso_str uid)
{
    const struct dcm_syntax *syntax = dcm_syntax_find(uid);

    return syntax != NULL && (!syntax->encapsulated || iso_str_eq_c(uid, native_98));
}

/* Samples come as the data set has them, unused bits included. */
static bool keeps_all_bits(iso_str uid)
{
    return is_raw(uid) || iso_str_eq_c(uid, rle) || iso_str_eq_c(uid, deflated_frames);
}

/* ---- bits of a sample ---- */

static uint64_t mask_of(unsigned bits)
{
    return bits >= 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
}

static uint32_t sample_get(const uint8_t *p, size_t unit)
{
    return unit == 1 ? p[0] : unit == 2 ? iso_u16le(p) : iso_u32le(p);
}

static void sample_put(uint8_t *p, size_t unit, uint32_t v)
{
    if (unit == 1)
        p[0] = (uint8_t)v;
    else if (unit == 2)
        iso_put_u16le(p, (uint16_t)v);
    else
        iso_put_u32le(p, v);
}

/* What bits the samples of one frame use. */
struct usage {
    uint32_t any;         /* set somewhere */
    uint32_t unlike_sign; /* above the value, differing from its sign somewhere */
};

static void usage_add(struct usage *u, iso_bytes samples, const struct codec_image *image,
                      uint32_t ignore)
{
    const size_t   unit = codec_sample_bytes(image);
    const uint32_t above =
        (uint32_t)(mask_of(image->bits_allocated) & ~mask_of(image->high_bit + 1u)) & ~ignore;

    for (size_t i = 0; i + unit <= samples.len; i += unit) {
        uint32_t v    = sample_get(samples.ptr + i, unit) & ~ignore;
        uint32_t sign = (v >> image->high_bit & 1) != 0 ? above : 0;
        u->any |= v;
        u->unlike_sign |= (v & above) ^ sign;
    }
}

static uint32_t value_mask(const struct codec_image *image)
{
    unsigned shift = image->high_bit + 1u - image->bits_stored;

    return (uint32_t)(mask_of(image->bits_stored) << shift);
}

static bool has_spare_bits(const struct codec_image *image)
{
    return !image->is_float && image->bits_allocated <= 32 &&
           image->bits_stored < image->bits_allocated;
}

bool codec_recipe_orders(const struct codec_recipe *recipe)
{
    return !recipe->repack && !keeps_all_bits(recipe->to_uid) && has_spare_bits(&recipe->decoded);
}

static int spare_decide(struct codec_recipe *recipe, const struct usage *use, struct iso_err *err)
{
    const struct codec_image *image = &recipe->decoded;
    const uint32_t            stray = use->any & ~value_mask(image);
    const uint32_t            below = (uint32_t)mask_of(image->high_bit + 1u - image->bits_stored);

    if (recipe->lossy)
        return ISO_OK;
    if ((stray & below) != 0)
        return iso_fail(err, ISO_EUNSUPPORTED, "bits below the value of %u bits are in use",
                        image->bits_stored);
    recipe->spare.widen = stray != 0 && !(image->is_signed && use->unlike_sign == 0);
    return ISO_OK;
}

int codec_spare_find(struct codec_recipe *recipe, const struct codec_survey *survey,
                     struct iso_err *err)
{
    struct usage   use = { 0 };
    struct iso_buf in;
    struct iso_buf samples;
    int            rc = ISO_OK;

    if (!keeps_all_bits(recipe->from_uid)) /* a bitstream has no bits beyond its own precision */
        return ISO_OK;
    iso_buf_init(&in, CODEC_FRAME_BYTES_MAX);
    iso_buf_init(&samples, CODEC_FRAME_BYTES_MAX);
    for (uint32_t f = 0; f < survey->frames && rc == ISO_OK; f++) {
        rc = codec_survey_frame(survey, f, &in, err);
        if (rc == ISO_OK)
            rc = codec_recipe_decode(recipe, iso_buf_bytes(&in), &samples, err);
        if (rc == ISO_OK)
            usage_add(&use, iso_buf_bytes(&samples), &recipe->decoded,
                      (uint32_t)recipe->spare.overlays);
    }
    iso_buf_release(&in);
    iso_buf_release(&samples);
    return rc < 0 ? rc : spare_decide(recipe, &use, err);
}

/* Samples as an encoder wants them: the value alone, in the lowest bits. */
static void order(const struct codec_recipe *recipe, uint8_t *samples, size_t bytes)
{
    const struct codec_image *image  = &recipe->decoded;
    const size_t              unit   = codec_sample_bytes(image);
    const uint32_t            ignore = (uint32_t)recipe->spare.overlays;
    const unsigned            shift  = image->high_bit + 1u - image->bits_stored;
    const uint32_t            mask   = (uint32_t)mask_of(image->bits_stored);
    const uint32_t            sign   = image->is_signed ? 1u << (image->bits_stored - 1) : 0;

    for (size_t i = 0; i + unit <= bytes; i += unit) {
        uint32_t v = sample_get(samples + i, unit) & ~ignore;

        if (!recipe->spare.widen) {
            v = v >> shift & mask;
            v = (v ^ sign) - sign;
        }
        sample_put(samples + i, unit, v);
    }
}

static void describe_ordered(struct codec_recipe *recipe)
{
    recipe->frame = recipe->decoded;
    if (!codec_recipe_orders(recipe))
        return;
    if (recipe->spare.widen)
        recipe->frame.bits_stored = recipe->frame.bits_allocated;
    recipe->frame.high_bit = (uint16_t)(recipe->frame.bits_stored - 1);
}

/* ---- the recipe ---- */

static int try_repack(const struct codec_recipe *recipe, iso_bytes in, struct iso_err *err)
{
    struct iso_buf out;

    iso_buf_init(&out, CODEC_FRAME_BYTES_MAX);
    int rc = codec_repack(recipe->pool, recipe->from_uid, in, recipe->to_uid, &out, err);
    iso_buf_release(&out);
    return rc;
}

int codec_recipe_init(struct codec_recipe *recipe, iso_bytes in, struct iso_err *err)
{
    const struct dcm_syntax *to     = dcm_syntax_find(recipe->to_uid);
    struct iso_err           ignore = { 0 };
    size_t                   bytes;

    recipe->raw = is_raw(recipe->to_uid);
    recipe->repack =
        !recipe->raw && !is_raw(recipe->from_uid) && try_repack(recipe, in, &ignore) == ISO_OK;
    recipe->lossy = !recipe->repack && to != NULL && to->lossy;
    return codec_inspect(recipe->from_uid, in, &recipe->attributes, &recipe->decoded, &bytes, err);
}

/* Single bits stay single bits: the objects that have them may have nothing else. */
static bool is_single_bit(const struct codec_recipe *recipe)
{
    return recipe->raw && recipe->attributes.bits_allocated == 1 && recipe->frame.samples == 1 &&
           recipe->frame.bits_allocated == 8;
}

int codec_recipe_finish(struct codec_recipe *recipe, struct iso_err *err)
{
    describe_ordered(recipe);
    if (recipe->repack) {
        recipe->described = recipe->attributes;
        return ISO_OK;
    }
    if (recipe->raw) {
        recipe->described = recipe->frame;
        if (is_single_bit(recipe)) {
            recipe->described.bits_allocated = 1;
            recipe->described.bits_stored    = 1;
            recipe->described.high_bit       = 0;
        }
        return ISO_OK;
    }
    return codec_encoded(recipe->to_uid, &recipe->frame, &recipe->options, &recipe->described, err);
}

/* ---- making ---- */

static bool same(const struct codec_image *a, const struct codec_image *b)
{
    return a->rows == b->rows && a->columns == b->columns && a->samples == b->samples &&
           a->bits_allocated == b->bits_allocated && a->bits_stored == b->bits_stored &&
           a->is_signed == b->is_signed && a->photometric == b->photometric;
}

static int decode_to(struct codec_pool *pool, iso_str uid, iso_bytes in,
                     const struct codec_image *attributes, struct codec_image *frame,
                     struct iso_buf *out, struct iso_err *err)
{
    size_t bytes;
    int    rc = codec_inspect(uid, in, attributes, frame, &bytes, err);

    if (rc < 0)
        return rc;
    iso_buf_reset(out);
    if (iso_buf_reserve(out, bytes) < 0)
        return iso_buf_check(out, err);
    rc = codec_decode(pool, uid, in, attributes, frame, out->ptr, bytes, err);
    if (rc == ISO_OK)
        out->len = bytes;
    return rc;
}

int codec_recipe_decode(const struct codec_recipe *recipe, iso_bytes in, struct iso_buf *out,
                        struct iso_err *err)
{
    struct codec_image frame;
    int rc = decode_to(recipe->pool, recipe->from_uid, in, &recipe->attributes, &frame, out, err);

    if (rc == ISO_OK && !same(&frame, &recipe->decoded))
        rc = iso_fail(err, ISO_EFORMAT, "its frames are not of one kind");
    return rc;
}

/* What was encoded, decoded again. samples: what it was made of; of what was repacked, what its
 * source decodes to. */
static int verify(const struct codec_recipe *recipe, iso_bytes encoded, iso_bytes samples,
                  struct iso_err *err)
{
    struct codec_image frame;
    struct iso_buf     again;

    iso_buf_init(&again, CODEC_FRAME_BYTES_MAX);
    int rc =
        decode_to(recipe->pool, recipe->to_uid, encoded, &recipe->described, &frame, &again, err);
    if (rc < 0)
        rc = iso_wrap(err, ISO_EIO, "the new frame cannot be decoded");
    else if (again.len != samples.len ||
             (!recipe->lossy && !iso_bytes_eq(iso_buf_bytes(&again), samples)))
        rc = iso_fail(err, ISO_EIO, "the new frame does not decode to the same pixels");
    iso_buf_release(&again);
    return rc;
}

/* Eight samples in a byte, the first in its lowest bit.   PS3.5 §8.1.1 */
static int add_bits(iso_bytes samples, struct iso_buf *out)
{
    const size_t bytes = samples.len / 8 + (samples.len % 8 != 0);
    int          rc    = iso_buf_reserve(out, bytes);

    if (rc < 0)
        return rc;
    memset(out->ptr + out->len, 0, bytes);
    for (size_t i = 0; i < samples.len; i++)
        out->ptr[out->len + i / 8] |= (uint8_t)((samples.ptr[i] & 1) << i % 8);
    out->len += bytes;
    return ISO_OK;
}

static int make(const struct codec_recipe *recipe, iso_bytes in, struct iso_buf *samples,
                struct iso_buf *out, struct iso_err *err)
{
    const size_t before = out->len;
    int          rc     = ISO_OK;

    if (!recipe->repack || recipe->verify)
        rc = codec_recipe_decode(recipe, in, samples, err);
    if (rc == ISO_OK && codec_recipe_orders(recipe))
        order(recipe, samples->ptr, samples->len);
    if (rc < 0)
        return rc;
    if (recipe->repack) {
        rc = codec_repack(recipe->pool, recipe->from_uid, in, recipe->to_uid, out, err);
        if (rc == ISO_OK && (out->len - before) % 2 != 0)
            (void)iso_buf_add_u8(out, 0);
    } else if (is_single_bit(recipe)) {
        (void)add_bits(iso_buf_bytes(samples), out);
    } else if (recipe->raw) {
        (void)iso_buf_add(out, samples->ptr, samples->len);
    } else {
        rc = codec_encode(recipe->pool, recipe->to_uid, &recipe->frame, iso_buf_bytes(samples),
                          &recipe->options, out, err);
    }
    if (rc == ISO_OK)
        rc = iso_buf_check(out, err);
    if (rc == ISO_OK && recipe->verify && !recipe->raw)
        rc = verify(recipe, iso_bytes_of(out->ptr + before, out->len - before),
                    iso_buf_bytes(samples), err);
    return rc;
}

int codec_recipe_make(const struct codec_recipe *recipe, iso_bytes in, struct iso_buf *out,
                      struct iso_err *err)
{
    struct iso_buf samples;

    iso_buf_init(&samples, CODEC_FRAME_BYTES_MAX);
    int rc = make(recipe, in, &samples, out, err);
    iso_buf_release(&samples);
    return rc;
}

/* A frame by itself: what its unused bits hold is seen on it alone. */
static int spare_of_frame(struct codec_recipe *recipe, iso_bytes in, struct iso_err *err)
{
    struct usage   use = { 0 };
    struct iso_buf samples;

    if (!keeps_all_bits(recipe->from_uid))
        return ISO_OK;
    iso_buf_init(&samples, CODEC_FRAME_BYTES_MAX);
    int rc = codec_recipe_decode(recipe, in, &samples, err);
    if (rc == ISO_OK) {
        usage_add(&use, iso_buf_bytes(&samples), &recipe->decoded, 0);
        rc = spare_decide(recipe, &use, err);
    }
    iso_buf_release(&samples);
    return rc;
}

int codec_frame_make(struct codec_pool *pool, iso_str from_uid, iso_bytes in,
                     const struct codec_image *attributes, iso_str to_uid,
                     const struct codec_options *options, struct iso_buf *out,
                     struct codec_image *described, struct iso_err *err)
{
    struct codec_recipe recipe = {
        .pool = pool, .from_uid = from_uid, .to_uid = to_uid, .attributes = *attributes
    };
    int rc = ISO_OK;

    if (options != NULL)
        recipe.options = *options;
    rc = codec_recipe_init(&recipe, in, err);
    if (rc == ISO_OK && codec_recipe_orders(&recipe))
        rc = spare_of_frame(&recipe, in, err);
    if (rc == ISO_OK)
        rc = codec_recipe_finish(&recipe, err);
    if (rc == ISO_OK)
        rc = codec_recipe_make(&recipe, in, out, err);
    if (rc == ISO_OK && described != NULL)
        *described = recipe.described;
    return rc;
}
