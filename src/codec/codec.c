/* codec.c: the table of transfer syntaxes, and the checks that hold for all of them. */
#include "codec.h"

#include "codec_in.h"
#include "codec_pool_in.h"

enum {
    STREAM_BYTES_MORE = 1 << 20, /* that an encoded frame may have beyond what its size explains */
    REPACK_FACTOR     = 64       /* that a repacked one may be larger than before */
};

/* What is not here is not decoded. */
static const struct {
    const char                *uid;
    const struct codec_family *family;
} table[] = {
    { "1.2.840.10008.1.2", &codec_native },      /* implicit VR little endian */
    { "1.2.840.10008.1.2.1", &codec_native },    /* explicit VR little endian */
    { "1.2.840.10008.1.2.1.98", &codec_native }, /* encapsulated uncompressed */
    { "1.2.840.10008.1.2.1.99", &codec_native }, /* deflated; frames come inflated */
    { "1.2.840.10008.1.2.2", &codec_native },    /* big endian; frames come swapped */
    { "1.2.840.10008.1.2.5", &codec_rle },       /* RLE lossless */
    { "1.2.840.10008.1.2.4.50", &codec_jpeg },   /* JPEG baseline */
    { "1.2.840.10008.1.2.4.51", &codec_jpeg },   /* JPEG extended, 8 and 12 bits */
    { "1.2.840.10008.1.2.4.53", &codec_jpeg },   /* retired: progressive and others */
    { "1.2.840.10008.1.2.4.55", &codec_jpeg },
    { "1.2.840.10008.1.2.4.57", &codec_ljpeg },  /* JPEG lossless */
    { "1.2.840.10008.1.2.4.70", &codec_ljpeg },  /* JPEG lossless, predictor 1 */
    { "1.2.840.10008.1.2.4.80", &codec_jls },    /* JPEG-LS lossless */
    { "1.2.840.10008.1.2.4.81", &codec_jls },    /* JPEG-LS near-lossless */
    { "1.2.840.10008.1.2.4.90", &codec_j2k },    /* JPEG 2000 lossless */
    { "1.2.840.10008.1.2.4.91", &codec_j2k },    /* JPEG 2000 */
    { "1.2.840.10008.1.2.4.92", &codec_j2k_p2 }, /* its Part 2, lossless: decoded if Part 1 */
    { "1.2.840.10008.1.2.4.93", &codec_j2k_p2 }, /* its Part 2 */
    { "1.2.840.10008.1.2.8.1", &codec_deflate }, /* each frame deflated */
    { "1.2.840.10008.1.2.4.110", &codec_jxl },   /* JPEG XL lossless */
    { "1.2.840.10008.1.2.4.111", &codec_jxl },   /* JPEG XL of JPEG */
    { "1.2.840.10008.1.2.4.112", &codec_jxl },   /* JPEG XL */
    { "1.2.840.10008.1.2.4.201", &codec_htj2k }, /* HTJ2K lossless */
    { "1.2.840.10008.1.2.4.202", &codec_htj2k }, /* HTJ2K lossless, by resolution */
    { "1.2.840.10008.1.2.4.203", &codec_htj2k }, /* HTJ2K */
};

static const struct codec_family *find(iso_str uid)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (iso_str_eq_c(uid, table[i].uid))
            return table[i].family;
    return NULL;
}

static const char *name_of(iso_str uid)
{
    const struct dcm_syntax *syntax = dcm_syntax_find(uid);

    return syntax != NULL ? syntax->name : "an unknown transfer syntax";
}

bool codec_can_decode(iso_str transfer_syntax_uid)
{
    return find(transfer_syntax_uid) != NULL;
}

const char *codec_syntax(size_t number)
{
    return number < sizeof table / sizeof *table ? table[number].uid : NULL;
}

bool codec_can_encode(iso_str transfer_syntax_uid)
{
    const struct codec_family *family = find(transfer_syntax_uid);

    return family != NULL && family->encode != NULL;
}

/* ---- attributes ---- */

static enum codec_photometric photometric_of(iso_str name, uint16_t samples)
{
    static const struct {
        const char            *name;
        enum codec_photometric is;
    } names[] = {
        { "MONOCHROME1", CODEC_MONOCHROME1 },
        { "MONOCHROME2", CODEC_MONOCHROME2 },
        { "PALETTE COLOR", CODEC_PALETTE_COLOR },
        { "RGB", CODEC_RGB },
        { "YBR_FULL", CODEC_YBR_FULL },
        { "YBR_FULL_422", CODEC_YBR_FULL_422 },
        { "YBR_PARTIAL_422", CODEC_YBR_PARTIAL },
        { "YBR_PARTIAL_420", CODEC_YBR_PARTIAL },
        { "YBR_ICT", CODEC_YBR_ICT },
        { "YBR_RCT", CODEC_YBR_RCT },
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (iso_str_eq_c(name, names[i].name))
            return names[i].is;
    if (name.len > 0)
        return CODEC_PHOTOMETRIC_OTHER;
    return samples == 3 ? CODEC_RGB : CODEC_MONOCHROME2;
}

static uint16_t number(const struct dcm_dataset *ds, dcm_tag tag, uint16_t otherwise)
{
    int64_t v;

    return dcm_get_i64(ds, tag, 0, &v) && v >= 0 && v <= UINT16_MAX ? (uint16_t)v : otherwise;
}

int codec_image_read(const struct dcm_dataset *ds, struct codec_image *image, struct iso_err *err)
{
    bool               doubles = dcm_get(ds, DCM_DOUBLE_FLOAT_PIXEL_DATA) != NULL;
    struct codec_image read    = {
           .rows           = number(ds, DCM_ROWS, 0),
           .columns        = number(ds, DCM_COLUMNS, 0),
           .samples        = number(ds, DCM_SAMPLES_PER_PIXEL, 1),
           .bits_allocated = number(ds, DCM_BITS_ALLOCATED, 0),
           .is_signed      = number(ds, DCM_PIXEL_REPRESENTATION, 0) == 1,
           .is_float       = doubles || dcm_get(ds, DCM_FLOAT_PIXEL_DATA) != NULL,
           .planar         = number(ds, DCM_PLANAR_CONFIGURATION, 0) == 1,
    };

    if (read.is_float)
        read.bits_allocated = doubles ? 64 : 32;
    read.photometric =
        photometric_of(dcm_get_ascii(ds, DCM_PHOTOMETRIC_INTERPRETATION), read.samples);
    read.bits_stored = number(ds, DCM_BITS_STORED, read.bits_allocated);
    if (read.bits_stored == 0 || read.bits_stored > read.bits_allocated || read.is_float)
        read.bits_stored = read.bits_allocated;
    read.high_bit = number(ds, DCM_HIGH_BIT, (uint16_t)(read.bits_stored - 1));
    if (read.high_bit >= read.bits_allocated || read.high_bit + 1 < read.bits_stored)
        read.high_bit = (uint16_t)(read.bits_stored - 1);
    if (read.rows == 0 || read.columns == 0 || read.samples == 0 || read.bits_allocated == 0)
        return iso_fail(err, ISO_EUNSUPPORTED, "the object does not describe an image");
    *image = read;
    return ISO_OK;
}

struct codec_image codec_unpacked(const struct codec_image *attributes)
{
    struct codec_image frame = *attributes;

    frame.planar = false;
    if (frame.bits_allocated < 8)
        frame.bits_allocated = 8;
    else if (frame.bits_allocated > 8 && frame.bits_allocated < 16)
        frame.bits_allocated = 16;
    return frame;
}

/* ---- decoding ---- */

static int frame_bytes(const struct codec_image *frame, size_t *bytes, struct iso_err *err)
{
    size_t n;

    if (frame->bits_allocated != 8 && frame->bits_allocated != 16 && frame->bits_allocated != 32 &&
        (frame->bits_allocated != 64 || !frame->is_float))
        return iso_fail(err, ISO_EUNSUPPORTED, "samples of %u bits", frame->bits_allocated);
    if (frame->samples > CODEC_SAMPLES_MAX)
        return iso_fail(err, ISO_EUNSUPPORTED, "%u samples a pixel", frame->samples);
    if (!codec_sample_count(frame, &n) || !iso_mul(n, codec_sample_bytes(frame), &n) ||
        n > CODEC_FRAME_BYTES_MAX)
        return iso_fail(err, ISO_ELIMIT, "a frame of %u x %u pixels is larger than %u MiB decoded",
                        frame->columns, frame->rows, CODEC_FRAME_BYTES_MAX >> 20);
    *bytes = n;
    return ISO_OK;
}

int codec_inspect(iso_str uid, iso_bytes in, const struct codec_image *attributes,
                  struct codec_image *frame, size_t *bytes, struct iso_err *err)
{
    const struct codec_family *family = find(uid);
    struct codec_image         given;
    int                        rc;

    if (family == NULL)
        return iso_fail(err, ISO_EUNSUPPORTED, "frames in %s (%.*s) cannot be decoded here",
                        name_of(uid), ISO_STR_ARG(uid));
    rc = family->inspect(uid, in, attributes, &given, err);
    if (rc == ISO_OK)
        rc = frame_bytes(&given, bytes, err);
    if (rc == ISO_OK)
        *frame = given;
    return rc;
}

/* ---- here or there ---- */

static int run_repack(const struct codec_work *work, struct iso_err *err)
{
    const struct codec_family *families[] = { find(work->uid), find(work->to_uid) };

    for (size_t i = 0; i < 2; i++) {
        if (families[i] == NULL || families[i]->repack == NULL)
            continue;
        int rc = families[i]->repack(work->uid, work->in, work->to_uid, work->stream, err);
        if (rc != ISO_EUNSUPPORTED)
            return rc;
    }
    return iso_fail(err, ISO_EUNSUPPORTED, "there is no way from %s to %s without decoding",
                    name_of(work->uid), name_of(work->to_uid));
}

int codec_run(struct codec_work *work, struct iso_err *err)
{
    int rc = ISO_EINVAL;

    switch (work->op) {
    case CODEC_DECODE:
        work->frame.damaged = false;
        rc = find(work->uid)->decode(work->uid, work->in, &work->attributes, &work->frame,
                                     work->pixels, work->pixel_bytes, err);
        work->damaged = rc == ISO_EFORMAT && work->frame.damaged;
        break;
    case CODEC_ENCODE:
        rc = find(work->uid)->encode(work->uid, &work->frame, work->in, &work->options,
                                     work->stream, err);
        break;
    case CODEC_REPACK:
        rc = run_repack(work, err);
        break;
    }
    if (rc == ISO_OK && work->op != CODEC_DECODE)
        rc = iso_buf_check(work->stream, err);
    return rc;
}

static bool is_foreign(iso_str uid)
{
    const struct codec_family *family = find(uid);

    return family != NULL && family->foreign;
}

static int run(struct codec_pool *pool, struct codec_work *work, size_t stream_bytes_max,
               struct iso_err *err)
{
    if (pool == NULL || (!is_foreign(work->uid) && !is_foreign(work->to_uid)))
        return codec_run(work, err);
    return codec_pool_run(pool, work, stream_bytes_max, err);
}

/* ---- decoding a frame ---- */

int codec_decode(struct codec_pool *pool, iso_str uid, iso_bytes in,
                 const struct codec_image *attributes, struct codec_image *frame, uint8_t *out,
                 size_t cap, struct iso_err *err)
{
    struct codec_image given;
    size_t             bytes;
    int                rc = codec_inspect(uid, in, attributes, &given, &bytes, err);

    if (rc != ISO_OK)
        return rc;
    if (bytes > cap)
        return iso_fail(err, ISO_EINVAL, "a buffer of %zu bytes for a frame of %zu", cap, bytes);
    struct codec_work work = { .op          = CODEC_DECODE,
                               .uid         = uid,
                               .in          = in,
                               .attributes  = *attributes,
                               .frame       = given,
                               .pixels      = out,
                               .pixel_bytes = bytes };

    rc            = run(pool, &work, 0, err);
    given.damaged = work.damaged;
    if (rc == ISO_OK || rc == ISO_EFORMAT)
        *frame = given;
    return rc;
}

/* ---- encoding ---- */

static struct codec_options with_defaults(const struct codec_options *options)
{
    struct codec_options given = options != NULL ? *options : (struct codec_options){ 0 };

    if (given.quality == 0)
        given.quality = 90;
    if (given.quality > 100)
        given.quality = 100;
    if (given.near == 0)
        given.near = 2;
    return given;
}

int codec_encoded(iso_str uid, const struct codec_image *frame, const struct codec_options *options,
                  struct codec_image *described, struct iso_err *err)
{
    const struct codec_family *family = find(uid);
    struct codec_options       given  = with_defaults(options);
    size_t                     bytes;
    int                        rc = frame_bytes(frame, &bytes, err);

    if (rc < 0)
        return rc;
    if (family == NULL || family->encode == NULL)
        return iso_fail(err, ISO_EUNSUPPORTED, "frames cannot be put into %s (%.*s) here",
                        name_of(uid), ISO_STR_ARG(uid));
    return family->described(uid, frame, &given, described, err);
}

int codec_encode(struct codec_pool *pool, iso_str uid, const struct codec_image *frame,
                 iso_bytes pixels, const struct codec_options *options, struct iso_buf *out,
                 struct iso_err *err)
{
    struct codec_image   described;
    struct codec_options given = with_defaults(options);
    size_t               bytes;
    int                  rc = codec_encoded(uid, frame, options, &described, err);

    if (rc == ISO_OK)
        rc = frame_bytes(frame, &bytes, err);
    if (rc != ISO_OK)
        return rc;
    if (pixels.len != bytes)
        return iso_fail(err, ISO_EINVAL, "%zu bytes for a frame of %zu", pixels.len, bytes);
    size_t before = iso_buf_bytes(out).len;
    /* Lossless compression of noise is larger than the noise, but never by so much. */
    struct codec_work work = { .op      = CODEC_ENCODE,
                               .uid     = uid,
                               .in      = pixels,
                               .frame   = *frame,
                               .options = given,
                               .stream  = out };
    rc                     = run(pool, &work, 2 * bytes + STREAM_BYTES_MORE, err);
    if (rc == ISO_OK && (iso_buf_bytes(out).len - before) % 2 != 0)
        (void)iso_buf_add_u8(out, 0);
    return rc == ISO_OK ? iso_buf_check(out, err) : rc;
}

int codec_repack(struct codec_pool *pool, iso_str from_uid, iso_bytes in, iso_str to_uid,
                 struct iso_buf *out, struct iso_err *err)
{
    struct codec_work work = {
        .op = CODEC_REPACK, .uid = from_uid, .to_uid = to_uid, .in = in, .stream = out
    };
    size_t most = CODEC_FRAME_BYTES_MAX;

    if (in.len < most / REPACK_FACTOR)
        most = in.len * REPACK_FACTOR + STREAM_BYTES_MORE;
    size_t before = iso_buf_bytes(out).len;
    int    rc     = run(pool, &work, most, err);
    if (rc == ISO_OK && (iso_buf_bytes(out).len - before) % 2 != 0)
        (void)iso_buf_add_u8(out, 0);
    return rc == ISO_OK ? iso_buf_check(out, err) : rc;
}

void codec_prepare(void)
{
    codec_jls_prepare();
    codec_jxl_prepare();
    codec_opj_prepare();
}
