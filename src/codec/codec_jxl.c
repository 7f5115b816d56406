/* codec_jxl.c: JPEG XL by libjxl.   ISO/IEC 18181, PS3.5 §8.2.15
 * Our own reading of the header comes first. One thread, and memory up to a ceiling. Samples are
 * asked for in the colours they were coded in, so that nothing converts what is lossless; signed ones
 * are coded as the patterns they are. What was made of a JPEG image is brought back to that image,
 * and decoded as such: its pixels are those of the original. */
#include "codec_jpeg_in.h"
#include "codec_jxl_head.h"

#include "os_library.h"

#include <jxl/decode.h>
#include <jxl/encode.h>
#include <jxl/version.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIXELS_PER_BYTE_MAX = 1 << 19,   /* an empty picture of the largest groups has fewer */
    WORK_BYTES          = 256 << 20, /* of memory in the library, and … */
    WORK_FACTOR         = 32,        /* … so much more for each byte of the frame */
    CHUNK_BYTES         = 64 << 10,
    EFFORT              = 3, /* beyond: 6 times as long for a tenth less */
    EFFORT_LOSSY        = 4,
    EFFORT_REPACK       = 5
};

/* ---- the library, loaded when it is needed: that alone takes some milliseconds ---- */

#define CALLS(X)                                                                                   \
    X(ColorEncodingSetToSRGB)                                                                      \
    X(DecoderCreate)                                                                               \
    X(DecoderDestroy)                                                                              \
    X(DecoderFlushImage)                                                                           \
    X(DecoderGetBasicInfo)                                                                         \
    X(DecoderProcessInput)                                                                         \
    X(DecoderReleaseJPEGBuffer)                                                                    \
    X(DecoderSetImageOutBuffer)                                                                    \
    X(DecoderSetInput)                                                                             \
    X(DecoderSetJPEGBuffer)                                                                        \
    X(DecoderSetPreferredColorProfile)                                                             \
    X(DecoderSubscribeEvents)                                                                      \
    X(EncoderAddImageFrame)                                                                        \
    X(EncoderAddJPEGFrame)                                                                         \
    X(EncoderCloseInput)                                                                           \
    X(EncoderCreate)                                                                               \
    X(EncoderDestroy)                                                                              \
    X(EncoderFrameSettingsCreate)                                                                  \
    X(EncoderFrameSettingsSetOption)                                                               \
    X(EncoderGetRequiredCodestreamLevel)                                                           \
    X(EncoderInitBasicInfo)                                                                        \
    X(EncoderProcessOutput)                                                                        \
    X(EncoderSetBasicInfo)                                                                         \
    X(EncoderSetCodestreamLevel)                                                                   \
    X(EncoderSetColorEncoding)                                                                     \
    X(EncoderSetFrameDistance)                                                                     \
    X(EncoderSetFrameLossless)                                                                     \
    X(EncoderStoreJPEGMetadata)                                                                    \
    X(EncoderUseContainer)
#define FIELD(name)   __typeof__(Jxl##name) *name;
#define TEXT(name)    "Jxl" #name,
#define NUMBER(text)  NUMBER_(text)
#define NUMBER_(text) #text

#if JPEGXL_MAJOR_VERSION > 0
#define LIBRARY "libjxl.so." NUMBER(JPEGXL_MAJOR_VERSION)
#else
#define LIBRARY "libjxl.so.0." NUMBER(JPEGXL_MINOR_VERSION)
#endif

static struct {
    CALLS(FIELD)
} jxl;

static int            loaded;
static struct iso_err why_not;

static void load(void)
{
    static const char *const names[] = { LIBRARY, NULL };
    static const char *const calls[] = { CALLS(TEXT) };

    loaded = os_library_load(names, calls, sizeof calls / sizeof *calls, (void **)&jxl, &why_not);
}

static int need_library(struct iso_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, load);
    if (loaded < 0 && err != NULL)
        *err = why_not;
    return loaded;
}

void codec_jxl_prepare(void)
{
    (void)!need_library(NULL);
}

static bool is_lossless(iso_str uid)
{
    return iso_str_eq_c(uid, "1.2.840.10008.1.2.4.110");
}

static bool is_recompression(iso_str uid)
{
    return iso_str_eq_c(uid, "1.2.840.10008.1.2.4.111");
}

/* ---- memory ---- */

/* What the library may take; its allocations carry their size in front. */
struct budget {
    size_t left;
    bool   refused;
};

enum { PREFIX = 16 }; /* keeps malloc's alignment */

static void *take(void *opaque, size_t size)
{
    struct budget *budget = opaque;
    uint8_t       *ptr    = NULL;

    if (size > budget->left || (ptr = malloc(size + PREFIX)) == NULL) {
        budget->refused = true;
        return NULL;
    }
    budget->left -= size;
    memcpy(ptr, &size, sizeof size);
    return ptr + PREFIX;
}

static void give_back(void *opaque, void *address)
{
    struct budget *budget = opaque;
    size_t         size;

    if (address == NULL)
        return;
    uint8_t *ptr = (uint8_t *)address - PREFIX;
    memcpy(&size, ptr, sizeof size);
    budget->left += size;
    free(ptr);
}

static struct budget budget_of(size_t frame_bytes)
{
    return (struct budget){ .left = WORK_BYTES + frame_bytes * WORK_FACTOR };
}

static JxlMemoryManager manager_of(struct budget *budget)
{
    return (JxlMemoryManager){ .opaque = budget, .alloc = take, .free = give_back };
}

static int broken(const struct budget *budget, struct iso_err *err)
{
    return budget->refused ? iso_fail(err, ISO_ELIMIT, "JPEG XL: more memory than a frame may take")
                           : iso_fail(err, ISO_EFORMAT, "JPEG XL: the stream is broken");
}

/* ---- what will come out ---- */

static enum codec_photometric colour_of(iso_str uid, const struct jxl_head *head,
                                        const struct codec_image *a)
{
    bool ybr = a->photometric == CODEC_YBR_FULL || a->photometric == CODEC_YBR_FULL_422;

    if (head->samples == 1)
        return a->photometric == CODEC_MONOCHROME1 || a->photometric == CODEC_PALETTE_COLOR
                   ? a->photometric
                   : CODEC_MONOCHROME2;
    if (head->from_jpeg)
        return a->photometric == CODEC_RGB ? CODEC_RGB : CODEC_YBR_FULL;
    return ybr && !head->xyb && !is_recompression(uid) ? CODEC_YBR_FULL : CODEC_RGB;
}

static int inspect(iso_str uid, iso_bytes in, const struct codec_image *a,
                   struct codec_image *frame, struct iso_err *err)
{
    struct jxl_head head = { 0 };
    int             rc   = jxl_head_read(in, &head, err);

    if (rc < 0)
        return rc;
    if ((uint64_t)head.rows * head.columns / PIXELS_PER_BYTE_MAX > in.len)
        return iso_fail(err, ISO_ELIMIT, "%zu bytes of JPEG XL that say %u x %u pixels", in.len,
                        head.columns, head.rows);
    struct codec_image given = codec_unpacked(a);
    given.rows               = head.rows;
    given.columns            = head.columns;
    given.samples            = (uint16_t)head.samples;
    given.photometric        = colour_of(uid, &head, a);
    given.is_float           = false;
    if (head.from_jpeg || given.bits_allocated < head.bits || given.bits_allocated > 16)
        given.bits_allocated = head.bits > 8 ? 16 : 8;
    if (head.from_jpeg)
        given.is_signed = a->is_signed && a->bits_allocated == 8;
    if (given.high_bit >= head.bits || head.from_jpeg) {
        given.bits_stored = (uint16_t)head.bits;
        given.high_bit    = (uint16_t)(head.bits - 1);
    }
    *frame = given;
    return ISO_OK;
}

/* ---- decoding ---- */

static JxlPixelFormat format_of(const struct codec_image *frame)
{
    return (JxlPixelFormat){ .num_channels = frame->samples,
                             .data_type =
                                 frame->bits_allocated == 8 ? JXL_TYPE_UINT8 : JXL_TYPE_UINT16,
                             .endianness = JXL_LITTLE_ENDIAN };
}

static bool as_promised(const JxlDecoder *decoder, const struct jxl_head *head)
{
    JxlBasicInfo info;

    if (jxl.DecoderGetBasicInfo(decoder, &info) != JXL_DEC_SUCCESS)
        return false;
    bool turned = info.orientation > JXL_ORIENT_FLIP_VERTICAL;
    return (turned ? info.ysize : info.xsize) == head->columns &&
           (turned ? info.xsize : info.ysize) == head->rows && info.bits_per_sample == head->bits &&
           info.exponent_bits_per_sample == 0 && info.num_color_channels == head->samples &&
           info.num_extra_channels == 0 && !info.have_animation && !info.have_preview &&
           (info.uses_original_profile == JXL_FALSE) == head->xyb;
}

/* Turns the library until the picture is complete. ISO_EFORMAT with *damaged: as far as it goes. */
static int run(JxlDecoder *decoder, const struct jxl_head *head, const struct codec_image *frame,
               uint8_t *out, size_t bytes, bool *damaged)
{
    JxlPixelFormat   format = format_of(frame);
    JxlColorEncoding srgb;

    jxl.ColorEncodingSetToSRGB(&srgb, frame->samples == 1);
    for (;;) { /* each event comes once */
        switch (jxl.DecoderProcessInput(decoder)) {
        case JXL_DEC_BASIC_INFO:
            if (!as_promised(decoder, head))
                return ISO_EFORMAT;
            break;
        case JXL_DEC_COLOR_ENCODING: /* XYB has to become something */
            if (head->xyb && jxl.DecoderSetPreferredColorProfile(decoder, &srgb) != JXL_DEC_SUCCESS)
                return ISO_EFORMAT;
            break;
        case JXL_DEC_NEED_IMAGE_OUT_BUFFER:
            if (jxl.DecoderSetImageOutBuffer(decoder, &format, out, bytes) != JXL_DEC_SUCCESS)
                return ISO_EFORMAT;
            break;
        case JXL_DEC_FULL_IMAGE:
            return ISO_OK;
        case JXL_DEC_NEED_MORE_INPUT:
            *damaged = jxl.DecoderFlushImage(decoder) == JXL_DEC_SUCCESS;
            return ISO_EFORMAT;
        default:
            return ISO_EFORMAT;
        }
    }
}

/* The library gives samples over the whole range of the type; theirs has fewer bits. Exact: theirs
 * are further apart than one. */
static void scale_back(const struct codec_image *frame, unsigned bits, uint8_t *out, size_t bytes)
{
    uint32_t max = (1u << bits) - 1;

    if (bits == frame->bits_allocated)
        return;
    if (frame->bits_allocated == 8) {
        for (size_t i = 0; i < bytes; i++)
            out[i] = (uint8_t)((out[i] * max + UINT8_MAX / 2) / UINT8_MAX);
        return;
    }
    for (size_t i = 0; i < bytes; i += 2)
        iso_put_u16le(out + i,
                      (uint16_t)((iso_u16le(out + i) * max + UINT16_MAX / 2) / UINT16_MAX));
}

static int decode_once(iso_bytes in, const struct jxl_head *head, struct codec_image *frame,
                       uint8_t *out, size_t bytes, struct iso_err *err)
{
    struct budget    budget  = budget_of(bytes);
    JxlMemoryManager manager = manager_of(&budget);
    JxlDecoder      *decoder = jxl.DecoderCreate(&manager);
    int              rc      = ISO_EFORMAT;

    if (decoder == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for a JPEG XL decoder");
    memset(out, 0, bytes);
    if (jxl.DecoderSubscribeEvents(decoder, JXL_DEC_BASIC_INFO | JXL_DEC_COLOR_ENCODING |
                                                JXL_DEC_FULL_IMAGE) == JXL_DEC_SUCCESS &&
        jxl.DecoderSetInput(decoder, in.ptr, in.len) == JXL_DEC_SUCCESS)
        rc = run(decoder, head, frame, out, bytes, &frame->damaged);
    jxl.DecoderDestroy(decoder);
    if (rc < 0)
        rc = broken(&budget, err);
    scale_back(frame, head->bits, out, bytes);
    return rc;
}

/* The library gives nothing of a stream that is broken inside; of one that was cut off before that
 * it gives what is there. */
static int decode_pixels(iso_bytes in, const struct jxl_head *head, struct codec_image *frame,
                         uint8_t *out, size_t bytes, struct iso_err *err)
{
    int rc = decode_once(in, head, frame, out, bytes, err);

    for (size_t eighths = 6; rc == ISO_EFORMAT && !frame->damaged && eighths > 0; eighths -= 2)
        (void)decode_once(iso_bytes_of(in.ptr, in.len / 8 * eighths), head, frame, out, bytes,
                          NULL);
    return rc;
}

/* ---- what was a JPEG image ---- */

/* Appends to jpeg. */
static int rebuild(iso_bytes in, struct iso_buf *jpeg, struct iso_err *err)
{
    struct budget    budget  = budget_of(in.len);
    JxlMemoryManager manager = manager_of(&budget);
    JxlDecoder      *decoder = jxl.DecoderCreate(&manager);
    bool             is_jpeg = false, done = false, more = true;

    if (decoder == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for a JPEG XL decoder");
    if (jxl.DecoderSubscribeEvents(decoder, JXL_DEC_JPEG_RECONSTRUCTION | JXL_DEC_FULL_IMAGE) !=
            JXL_DEC_SUCCESS ||
        jxl.DecoderSetInput(decoder, in.ptr, in.len) != JXL_DEC_SUCCESS)
        more = false;
    size_t room = 0, want = in.len + CHUNK_BYTES;
    while (more) { /* until the end or an error: each time with twice the room, to the limit */
        JxlDecoderStatus status = jxl.DecoderProcessInput(decoder);
        if (is_jpeg)
            jpeg->len += room - jxl.DecoderReleaseJPEGBuffer(decoder);
        is_jpeg = is_jpeg || status == JXL_DEC_JPEG_RECONSTRUCTION;
        done    = is_jpeg && status == JXL_DEC_FULL_IMAGE;
        more = (status == JXL_DEC_JPEG_RECONSTRUCTION || status == JXL_DEC_JPEG_NEED_MORE_OUTPUT) &&
               iso_buf_reserve(jpeg, want) == ISO_OK;
        if (more) {
            want *= 2; /* it may write all or nothing */
            room = jpeg->cap - jpeg->len;
            more =
                jxl.DecoderSetJPEGBuffer(decoder, jpeg->ptr + jpeg->len, room) == JXL_DEC_SUCCESS;
        }
    }
    jxl.DecoderDestroy(decoder);
    return done ? ISO_OK : broken(&budget, err);
}

static uint8_t byte_of(int32_t v) /* in 65536ths */
{
    v = (v + 32768) >> 16;
    return (uint8_t)(v < 0 ? 0 : v > UINT8_MAX ? UINT8_MAX : v);
}

/* PS3.3 §C.7.6.3.1.2, YBR_FULL */
static void ybr_to_rgb(uint8_t *p, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, p += 3) {
        int32_t y = p[0] * 65536, b = p[1] - 128, r = p[2] - 128;
        p[0] = byte_of(y + 91881 * r);
        p[1] = byte_of(y - 22554 * b - 46802 * r);
        p[2] = byte_of(y + 116130 * b);
    }
}

static void rgb_to_ybr(uint8_t *p, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, p += 3) {
        int32_t r = p[0], g = p[1], b = p[2];
        p[0] = byte_of(19595 * r + 38470 * g + 7471 * b);
        p[1] = byte_of(-11059 * r - 21709 * g + 32768 * b + 128 * 65536);
        p[2] = byte_of(32768 * r - 27439 * g - 5329 * b + 128 * 65536);
    }
}

static void to_promised(enum codec_photometric is, const struct codec_image *frame, uint8_t *out)
{
    size_t pixels = (size_t)frame->rows * frame->columns;

    if (frame->samples != 3 || is == frame->photometric)
        return;
    if (is == CODEC_RGB)
        rgb_to_ybr(out, pixels);
    else
        ybr_to_rgb(out, pixels);
}

static int decode_jpeg(iso_bytes in, const struct codec_image *a, struct codec_image *frame,
                       uint8_t *out, size_t bytes, struct iso_err *err)
{
    iso_str            uid   = ISO_STR("1.2.840.10008.1.2.4.50");
    struct codec_image inner = { 0 };
    struct iso_buf     jpeg;

    iso_buf_init(&jpeg, CODEC_FRAME_BYTES_MAX);
    int rc = rebuild(in, &jpeg, err);
    if (rc == ISO_OK)
        rc = codec_jpeg.inspect(uid, iso_buf_bytes(&jpeg), a, &inner, err);
    if (rc == ISO_OK &&
        (inner.rows != frame->rows || inner.columns != frame->columns ||
         inner.samples != frame->samples || inner.bits_allocated != frame->bits_allocated))
        rc = iso_fail(err, ISO_EFORMAT, "JPEG XL: the JPEG image inside is another one");
    if (rc == ISO_OK) {
        rc             = codec_jpeg.decode(uid, iso_buf_bytes(&jpeg), a, &inner, out, bytes, err);
        frame->damaged = inner.damaged;
        to_promised(inner.photometric, frame, out);
    }
    iso_buf_release(&jpeg);
    return rc;
}

static int decode(iso_str uid, iso_bytes in, const struct codec_image *a, struct codec_image *frame,
                  uint8_t *out, size_t bytes, struct iso_err *err)
{
    struct jxl_head head = { 0 };
    int             rc   = need_library(err);

    (void)uid;
    if (rc == ISO_OK)
        rc = jxl_head_read(in, &head, err);
    if (rc < 0)
        return rc;
    if (!head.from_jpeg)
        return decode_pixels(in, &head, frame, out, bytes, err);
    rc = decode_jpeg(in, a, frame, out, bytes, err);
    if (rc != ISO_EFORMAT || frame->damaged)
        return rc;
    /* Cut off before the JPEG image was complete: what there is of the picture itself. */
    rc = decode_pixels(in, &head, frame, out, bytes, NULL);
    to_promised(CODEC_RGB, frame, out);
    return rc == ISO_OK ? iso_fail(err, ISO_EFORMAT, "JPEG XL: the JPEG image is lost") : rc;
}

/* ---- encoding ---- */

static int described(iso_str uid, const struct codec_image *frame,
                     const struct codec_options *options, struct codec_image *out,
                     struct iso_err *err)
{
    bool lossy = !is_lossless(uid) && options->quality < 100;

    if (is_recompression(uid))
        return iso_fail(err, ISO_EUNSUPPORTED, "only JPEG images can be recompressed as JPEG XL");
    if (frame->is_float || frame->bits_allocated > 16)
        return iso_fail(err, ISO_EUNSUPPORTED, "JPEG XL takes integers of up to 16 bits, not %u",
                        frame->bits_allocated);
    if (frame->samples != 1 && frame->samples != 3)
        return iso_fail(err, ISO_EUNSUPPORTED, "JPEG XL with %u samples a pixel", frame->samples);
    *out         = *frame;
    out->planar  = false;
    out->damaged = false;
    if (!lossy)
        return ISO_OK;
    if (frame->photometric == CODEC_YBR_FULL && frame->bits_allocated == 8)
        out->photometric = CODEC_RGB; /* what XYB is made of */
    if (frame->is_signed || frame->high_bit != frame->bits_stored - 1 ||
        (out->photometric != CODEC_RGB && out->photometric != CODEC_MONOCHROME1 &&
         out->photometric != CODEC_MONOCHROME2))
        return iso_fail(err, ISO_EUNSUPPORTED,
                        "lossy JPEG XL takes unsigned grey or RGB samples in the lowest bits");
    return ISO_OK;
}

/* How lossy JPEG XL's own tools make it for a quality: 90 is what nobody sees. */
static float distance_of(unsigned quality)
{
    float q = (float)quality;

    return quality >= 30 ? 0.1F + (100 - q) * 0.09F : 6.4F + powf(2.5F, (30 - q) / 5) / 6.25F;
}

/* The whole of what the encoder has to give. */
static bool drain(JxlEncoder *encoder, struct iso_buf *out)
{
    JxlEncoderStatus status = JXL_ENC_NEED_MORE_OUTPUT;

    jxl.EncoderCloseInput(encoder);
    while (status == JXL_ENC_NEED_MORE_OUTPUT && iso_buf_reserve(out, CHUNK_BYTES) == ISO_OK) {
        uint8_t *next = out->ptr + out->len;
        size_t   left = out->cap - out->len;
        status        = jxl.EncoderProcessOutput(encoder, &next, &left);
        out->len      = out->cap - left;
    }
    return status == JXL_ENC_SUCCESS;
}

static bool set_image(JxlEncoder *encoder, const struct codec_image *frame, unsigned bits,
                      bool lossy)
{
    JxlBasicInfo     info;
    JxlColorEncoding srgb;

    jxl.EncoderInitBasicInfo(&info);
    info.xsize                 = frame->columns;
    info.ysize                 = frame->rows;
    info.bits_per_sample       = bits;
    info.num_color_channels    = frame->samples;
    info.uses_original_profile = lossy ? JXL_FALSE : JXL_TRUE;
    jxl.ColorEncodingSetToSRGB(&srgb, frame->samples == 1);
    if (jxl.EncoderSetBasicInfo(encoder, &info) != JXL_ENC_SUCCESS)
        return false;
    int level = jxl.EncoderGetRequiredCodestreamLevel(encoder);
    return level > 0 && jxl.EncoderSetCodestreamLevel(encoder, level) == JXL_ENC_SUCCESS &&
           jxl.EncoderSetColorEncoding(encoder, &srgb) == JXL_ENC_SUCCESS;
}

static bool add_frame(JxlEncoder *encoder, const struct codec_image *frame, iso_bytes pixels,
                      bool lossy, float distance)
{
    JxlPixelFormat           format   = format_of(frame);
    JxlEncoderFrameSettings *settings = jxl.EncoderFrameSettingsCreate(encoder, NULL);
    JxlEncoderStatus         chosen;

    if (settings == NULL ||
        jxl.EncoderFrameSettingsSetOption(settings, JXL_ENC_FRAME_SETTING_EFFORT,
                                          lossy ? EFFORT_LOSSY : EFFORT) != JXL_ENC_SUCCESS)
        return false;
    chosen = lossy ? jxl.EncoderSetFrameDistance(settings, distance)
                   : jxl.EncoderSetFrameLossless(settings, JXL_TRUE);
    return chosen == JXL_ENC_SUCCESS &&
           jxl.EncoderAddImageFrame(settings, &format, pixels.ptr, pixels.len) == JXL_ENC_SUCCESS;
}

/* For lossy coding: over the whole range of their type, and as RGB. The caller frees it. */
static uint8_t *prepare(const struct codec_image *frame, iso_bytes pixels)
{
    uint8_t *out  = calloc(pixels.len, 1);
    uint32_t max  = (1u << frame->bits_stored) - 1;
    size_t   unit = codec_sample_bytes(frame);

    for (size_t i = 0; out != NULL && i < pixels.len; i += unit) {
        uint32_t v = unit == 1 ? pixels.ptr[i] : iso_u16le(pixels.ptr + i);
        v          = v < max ? v : max;
        if (unit == 1)
            out[i] = (uint8_t)((v * UINT8_MAX + max / 2) / max);
        else
            iso_put_u16le(out + i, (uint16_t)((v * UINT16_MAX + max / 2) / max));
    }
    if (out != NULL && frame->photometric == CODEC_YBR_FULL)
        ybr_to_rgb(out, (size_t)frame->rows * frame->columns);
    return out;
}

static int encode(iso_str uid, const struct codec_image *frame, iso_bytes pixels,
                  const struct codec_options *options, struct iso_buf *out, struct iso_err *err)
{
    int rc = need_library(err);
    if (rc < 0)
        return rc;
    bool             lossy    = !is_lossless(uid) && options->quality < 100;
    struct budget    budget   = budget_of(pixels.len);
    JxlMemoryManager manager  = manager_of(&budget);
    uint8_t         *prepared = lossy ? prepare(frame, pixels) : NULL;
    JxlEncoder      *encoder  = jxl.EncoderCreate(&manager);

    if (encoder == NULL || (lossy && prepared == NULL)) {
        rc = iso_fail(err, ISO_ENOMEM, "no memory for a JPEG XL encoder");
        goto out;
    }
    if (lossy)
        pixels.ptr = prepared;
    if (!set_image(encoder, frame, lossy ? frame->bits_stored : frame->bits_allocated, lossy) ||
        !add_frame(encoder, frame, pixels, lossy, distance_of(options->quality)) ||
        !drain(encoder, out))
        rc = !iso_buf_ok(out) ? iso_buf_check(out, err)
                              : iso_fail(err, budget.refused ? ISO_ELIMIT : ISO_EIO,
                                         "JPEG XL: the frame could not be encoded");
out:
    if (encoder != NULL)
        jxl.EncoderDestroy(encoder);
    free(prepared);
    return rc;
}

/* ---- from JPEG and back ---- */

static int pack_jpeg(iso_bytes in, struct iso_buf *out, struct iso_err *err)
{
    struct jpeg_head head = { 0 };
    int              rc   = jpeg_head_read(in, &head, err);

    if (rc < 0)
        return rc;
    if (head.process != JPEG_BASELINE || head.precision != 8)
        return iso_fail(err, ISO_EUNSUPPORTED, "only baseline JPEG is recompressed as JPEG XL");
    struct budget            budget = budget_of((size_t)head.rows * head.columns * head.components);
    JxlMemoryManager         manager = manager_of(&budget);
    JxlEncoder              *encoder = jxl.EncoderCreate(&manager);
    JxlEncoderFrameSettings *settings =
        encoder != NULL ? jxl.EncoderFrameSettingsCreate(encoder, NULL) : NULL;
    size_t before = out->len;

    if (settings == NULL)
        rc = iso_fail(err, ISO_ENOMEM, "no memory for a JPEG XL encoder");
    else if (jxl.EncoderUseContainer(encoder, JXL_TRUE) != JXL_ENC_SUCCESS ||
             jxl.EncoderStoreJPEGMetadata(encoder, JXL_TRUE) != JXL_ENC_SUCCESS ||
             jxl.EncoderFrameSettingsSetOption(settings, JXL_ENC_FRAME_SETTING_EFFORT,
                                               EFFORT_REPACK) != JXL_ENC_SUCCESS ||
             jxl.EncoderAddJPEGFrame(settings, in.ptr, in.len) != JXL_ENC_SUCCESS ||
             !drain(encoder, out))
        rc = iso_buf_ok(out) ? broken(&budget, err) : iso_buf_check(out, err);
    if (encoder != NULL)
        jxl.EncoderDestroy(encoder);
    if (rc < 0)
        out->len = before;
    else if ((out->len - before) % 2 != 0)
        (void)iso_buf_add_u8(out, 0);
    return rc;
}

static int unpack_jpeg(iso_bytes in, struct iso_buf *out, struct iso_err *err)
{
    struct jxl_head  head   = { 0 };
    struct jpeg_head inner  = { 0 };
    size_t           before = out->len;
    int              rc     = jxl_head_read(in, &head, err);

    if (rc < 0)
        return rc;
    if (!head.from_jpeg)
        return iso_fail(err, ISO_EUNSUPPORTED, "this JPEG XL image was not made of JPEG");
    rc = rebuild(in, out, err);
    if (rc == ISO_OK)
        rc = jpeg_head_read(iso_bytes_of(out->ptr + before, out->len - before), &inner, err);
    if (rc == ISO_OK && (inner.process != JPEG_BASELINE || inner.precision != 8))
        rc = iso_fail(err, ISO_EUNSUPPORTED, "the JPEG image inside is not baseline");
    if (rc < 0)
        out->len = before;
    else if ((out->len - before) % 2 != 0)
        (void)iso_buf_add_u8(out, 0);
    return rc;
}

static int repack(iso_str from_uid, iso_bytes in, iso_str to_uid, struct iso_buf *out,
                  struct iso_err *err)
{
    iso_str baseline = ISO_STR("1.2.840.10008.1.2.4.50");
    int     rc       = need_library(err);

    if (rc < 0)
        return rc;
    if (iso_str_eq(from_uid, baseline) && is_recompression(to_uid))
        return pack_jpeg(in, out, err);
    if (is_recompression(from_uid) && iso_str_eq(to_uid, baseline))
        return unpack_jpeg(in, out, err);
    return iso_fail(err, ISO_EUNSUPPORTED, "not between these");
}

const struct codec_family codec_jxl = {
    .inspect   = inspect,
    .decode    = decode,
    .described = described,
    .encode    = encode,
    .repack    = repack,
    .foreign   = true,
};
