/* codec_opj.c: see there. OpenJPEG works on planes of 32-bit integers; rows of them go straight to
 * the frame. It is strict first: a stream that ends early is an error. Then, for a look, once more
 * and lenient, which gives what there is. */
#include "codec_opj.h"

#include "codec_row.h"
#include "iso_reader.h"
#include "os_library.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <openjpeg.h>

enum {
    STREAM_BUFFER   = 16 << 10, /* larger reads go past it */
    RESOLUTIONS_MAX = 6,
    COLUMNS_CHUNK   = 1024, /* of a row with subsampled components */
    SOT_BYTES       = 12,   /* of a tile-part header, and where its length is: T.800 §A.4.2 */
    PSOT_AT         = 6
};

/* ---- the library, loaded when it is needed ---- */

#define CALLS(X)                                                                                   \
    X(create_compress)                                                                             \
    X(create_decompress)                                                                           \
    X(decode)                                                                                      \
    X(decoder_set_strict_mode)                                                                     \
    X(destroy_codec)                                                                               \
    X(encode)                                                                                      \
    X(end_compress)                                                                                \
    X(image_create)                                                                                \
    X(image_destroy)                                                                               \
    X(read_header)                                                                                 \
    X(set_default_decoder_parameters)                                                              \
    X(set_default_encoder_parameters)                                                              \
    X(set_error_handler)                                                                           \
    X(set_info_handler)                                                                            \
    X(set_warning_handler)                                                                         \
    X(setup_decoder)                                                                               \
    X(setup_encoder)                                                                               \
    X(start_compress)                                                                              \
    X(stream_create)                                                                               \
    X(stream_destroy)                                                                              \
    X(stream_set_read_function)                                                                    \
    X(stream_set_seek_function)                                                                    \
    X(stream_set_skip_function)                                                                    \
    X(stream_set_user_data)                                                                        \
    X(stream_set_user_data_length)                                                                 \
    X(stream_set_write_function)
#define FIELD(name) __typeof__(opj_##name) *name;
#define TEXT(name)  "opj_" #name,

OS_LIBRARY(opj, "libopenjp2.so.7", CALLS, FIELD, TEXT);

struct memory {
    iso_bytes       in;
    struct iso_buf *out;
    size_t          at;
};

struct session {
    opj_codec_t    *codec;
    opj_stream_t   *stream;
    opj_image_t    *image;
    struct memory   memory;
    struct iso_err *err;
    char            first[160]; /* what went wrong first */
};

/* ---- streams and messages ---- */

static OPJ_SIZE_T on_read(void *to, OPJ_SIZE_T n, void *user)
{
    struct memory *m    = user;
    size_t         left = m->in.len - m->at;

    if (left == 0)
        return (OPJ_SIZE_T)-1;
    if (n > left)
        n = left;
    memcpy(to, m->in.ptr + m->at, n);
    m->at += n;
    return n;
}

static OPJ_OFF_T on_skip(OPJ_OFF_T n, void *user)
{
    struct memory *m = user;

    if (m->out != NULL || n < 0)
        return -1;
    if ((uint64_t)n > m->in.len - m->at)
        n = (OPJ_OFF_T)(m->in.len - m->at);
    m->at += (size_t)n;
    return n;
}

static OPJ_BOOL on_seek(OPJ_OFF_T to, void *user)
{
    struct memory *m   = user;
    size_t         len = m->out != NULL ? m->out->len : m->in.len;

    if (to < 0 || (uint64_t)to > len)
        return OPJ_FALSE;
    m->at = (size_t)to;
    return OPJ_TRUE;
}

/* It goes back to fill in the lengths of tile-parts. */
static OPJ_SIZE_T on_write(void *from, OPJ_SIZE_T n, void *user)
{
    struct memory *m    = user;
    size_t         over = m->out->len - m->at < n ? m->out->len - m->at : n;

    if (over > 0)
        memcpy(m->out->ptr + m->at, from, over);
    if (iso_buf_add(m->out, (uint8_t *)from + over, n - over) < 0)
        return (OPJ_SIZE_T)-1;
    m->at += n;
    return n;
}

static void on_error(const char *text, void *user)
{
    struct session *s = user;

    if (s->first[0] != '\0')
        return;
    size_t n = strcspn(text, "\r\n");
    if (n >= sizeof s->first)
        n = sizeof s->first - 1;
    memcpy(s->first, text, n);
    s->first[n] = '\0';
}

static void be_silent(const char *text, void *user)
{
    (void)text;
    (void)user;
}

static int failed(struct session *s, int code, const char *what)
{
    if (strstr(s->first, "memory") != NULL) /* the only way it tells */
        code = ISO_ELIMIT;
    return iso_fail(s->err, code, "JPEG 2000: %s", s->first[0] != '\0' ? s->first : what);
}

static bool open_session(struct session *s, bool reading)
{
    s->codec  = reading ? opj.create_decompress(OPJ_CODEC_J2K) : opj.create_compress(OPJ_CODEC_J2K);
    s->stream = opj.stream_create(STREAM_BUFFER, reading);
    if (s->codec == NULL || s->stream == NULL)
        return false;
    opj.set_error_handler(s->codec, on_error, s);
    opj.set_warning_handler(s->codec, be_silent, NULL);
    opj.set_info_handler(s->codec, be_silent, NULL);
    opj.stream_set_user_data(s->stream, &s->memory, NULL);
    opj.stream_set_user_data_length(s->stream, s->memory.in.len);
    opj.stream_set_read_function(s->stream, on_read);
    opj.stream_set_write_function(s->stream, on_write);
    opj.stream_set_skip_function(s->stream, on_skip);
    opj.stream_set_seek_function(s->stream, on_seek);
    return true;
}

static void close_session(struct session *s)
{
    if (s->image != NULL)
        opj.image_destroy(s->image);
    if (s->stream != NULL)
        opj.stream_destroy(s->stream);
    if (s->codec != NULL)
        opj.destroy_codec(s->codec);
}

/* ---- decoding ---- */

/* One row of a component with fewer samples than the picture: each stands for its neighbours. */
static void put_widened(const struct codec_j2k_head *head, const struct codec_j2k_component *c,
                        const struct codec_row *row, const int32_t *from, uint32_t columns,
                        uint8_t *out)
{
    uint32_t first = (uint32_t)(((uint64_t)head->x0 + c->dx - 1) / c->dx);
    int32_t  wide[COLUMNS_CHUNK];

    for (uint32_t x = 0; x < columns;) {
        uint32_t n = columns - x < COLUMNS_CHUNK ? columns - x : COLUMNS_CHUNK;

        for (uint32_t i = 0; i < n; i++) {
            uint32_t at = (head->x0 + x + i) / c->dx;
            at          = at > first ? at - first : 0;
            wide[i]     = from[at < c->columns ? at : c->columns - 1];
        }
        codec_row_put(row, wide, n, out + (size_t)x * row->bytes * row->samples);
        x += n;
    }
}

static void put_component(const struct codec_j2k_head *head, unsigned number, const int32_t *plane,
                          const struct codec_image *frame, uint8_t *out)
{
    const struct codec_j2k_component *c   = &head->component[number];
    struct codec_row                  row = codec_row_of(frame, c->bits, c->is_signed);
    size_t   row_bytes = (size_t)frame->columns * frame->samples * codec_sample_bytes(frame);
    uint32_t first     = (uint32_t)(((uint64_t)head->y0 + c->dy - 1) / c->dy);

    out += number * row.bytes;
    if (c->columns == frame->columns && c->rows == frame->rows) {
        for (uint32_t y = 0; y < frame->rows; y++)
            codec_row_put(&row, plane + (size_t)y * c->columns, c->columns, out + y * row_bytes);
        return;
    }
    for (uint32_t y = 0; y < frame->rows; y++) {
        uint32_t at = (head->y0 + y) / c->dy;

        at = at > first ? at - first : 0;
        at = at < c->rows ? at : c->rows - 1;
        put_widened(head, c, &row, plane + (size_t)at * c->columns, frame->columns,
                    out + y * row_bytes);
    }
}

/* Whether the library has read the same header as we have. */
static bool same_header(const struct codec_j2k_head *head, const opj_image_t *image)
{
    if (image->numcomps != head->samples)
        return false;
    for (unsigned i = 0; i < head->samples; i++)
        if (image->comps[i].w != head->component[i].columns ||
            image->comps[i].h != head->component[i].rows ||
            image->comps[i].prec != head->component[i].bits ||
            (image->comps[i].sgnd != 0) != head->component[i].is_signed)
            return false;
    return true;
}

static int decode(struct session *s, const struct codec_j2k_head *head,
                  const struct codec_image *frame, bool strict, uint8_t *out)
{
    opj_dparameters_t parameters;

    s->memory.in = head->stream;
    if (!open_session(s, true))
        return iso_fail(s->err, ISO_ELIMIT, "JPEG 2000: no memory");
    opj.set_default_decoder_parameters(&parameters);
    if (!opj.setup_decoder(s->codec, &parameters) ||
        !opj.decoder_set_strict_mode(s->codec, strict) ||
        !opj.read_header(s->stream, s->codec, &s->image))
        return failed(s, ISO_EFORMAT, "the header is broken");
    if (!same_header(head, s->image))
        return iso_fail(s->err, ISO_EFORMAT, "JPEG 2000: two headers that differ");
    if (!opj.decode(s->codec, s->stream, s->image))
        return failed(s, ISO_EFORMAT, "the stream is broken");
    if (!same_header(head, s->image))
        return iso_fail(s->err, ISO_EFORMAT, "JPEG 2000: two headers that differ");
    for (unsigned i = 0; i < head->samples; i++) {
        if (s->image->comps[i].data == NULL)
            return iso_fail(s->err, ISO_EFORMAT, "JPEG 2000: component %u has no samples", i);
        put_component(head, i, s->image->comps[i].data, frame, out);
    }
    return ISO_OK;
}

/* Lenient, the library looks for tile-parts in what is broken too, and allocates what each says of
 * its length: wherever one seems to begin, that is no more than there is.   T.800 §A.4.2 */
static void bound_tile_parts(uint8_t *copy, size_t end)
{
    for (size_t at = 0; at + SOT_BYTES <= end; at++) {
        static const uint8_t sot[] = { 0xff, 0x90, 0x00, 0x0a };
        const uint8_t       *next  = memchr(copy + at, sot[0], end - at);

        if (next == NULL || (size_t)(next - copy) + SOT_BYTES > end)
            return;
        at = (size_t)(next - copy);
        if (memcmp(next, sot, sizeof sot) == 0 && iso_u32be(next + PSOT_AT) > end - at)
            iso_put_u32be(copy + at + PSOT_AT, (uint32_t)(end - at));
    }
}

/* Once more, for what there is: a copy that ends in order. */
static bool decode_part(const struct codec_j2k_head *head, const struct codec_image *frame,
                        uint8_t *out)
{
    struct session        s    = { .err = NULL };
    struct codec_j2k_head mine = *head;
    uint8_t              *copy = malloc(head->end + 2);

    if (copy == NULL)
        return false;
    memcpy(copy, head->stream.ptr, head->end);
    iso_put_u16be(copy + head->end, 0xffd9); /* EOC */
    bound_tile_parts(copy, head->end);
    mine.stream = iso_bytes_of(copy, head->end + 2);
    bool done   = decode(&s, &mine, frame, false, out) == ISO_OK;
    close_session(&s);
    free(copy);
    return done;
}

int codec_opj_decode(const struct codec_j2k_head *head, struct codec_image *frame, uint8_t *out,
                     size_t bytes, struct iso_err *err)
{
    struct session s = { .err = err };
    int            rc;

    rc = os_library_need(&opj_library, err);
    if (rc < 0)
        return rc;
    if (head->complete) {
        rc = decode(&s, head, frame, true, out);
        close_session(&s);
    } else {
        rc = iso_fail(err, ISO_EFORMAT, "JPEG 2000: the stream ends before the image does");
    }
    if (rc != ISO_EFORMAT)
        return rc;
    memset(out, 0, bytes);
    frame->damaged = decode_part(head, frame, out);
    return rc;
}

/* ---- encoding ---- */

/* So that the smallest resolution is not under 32 pixels. */
static int resolutions_of(const struct codec_image *frame)
{
    uint32_t side = frame->rows < frame->columns ? frame->rows : frame->columns;
    int      n    = 1;

    while (n < RESOLUTIONS_MAX && side >> n >= 32)
        n++;
    return n;
}

static bool make_image(struct session *s, const struct codec_image *frame, unsigned bits,
                       iso_bytes pixels)
{
    opj_image_cmptparm_t component[3] = { 0 };
    size_t               bytes        = codec_sample_bytes(frame);
    size_t               n            = (size_t)frame->rows * frame->columns;

    for (unsigned i = 0; i < frame->samples; i++)
        component[i] = (opj_image_cmptparm_t){ .dx   = 1,
                                               .dy   = 1,
                                               .w    = frame->columns,
                                               .h    = frame->rows,
                                               .prec = bits,
                                               .sgnd = frame->is_signed };
    s->image = opj.image_create(frame->samples, component,
                                frame->samples == 3 ? OPJ_CLRSPC_SRGB : OPJ_CLRSPC_GRAY);
    if (s->image == NULL)
        return false;
    s->image->x1 = frame->columns;
    s->image->y1 = frame->rows;
    for (unsigned i = 0; i < frame->samples; i++)
        codec_row_get(frame, pixels.ptr + i * bytes, n, s->image->comps[i].data);
    return true;
}

static int encode(struct session *s, const struct codec_image *frame, iso_bytes pixels,
                  unsigned quality)
{
    opj_cparameters_t parameters;
    int32_t           lo, hi;
    unsigned          bits = codec_row_bits(frame, pixels, &lo, &hi);

    if (!open_session(s, false) || !make_image(s, frame, bits, pixels))
        return iso_fail(s->err, ISO_ENOMEM, "JPEG 2000: no memory");
    opj.set_default_encoder_parameters(&parameters);
    parameters.tcp_numlayers  = 1;
    parameters.numresolution  = resolutions_of(frame);
    parameters.tcp_mct        = frame->photometric == CODEC_RGB;
    parameters.irreversible   = quality > 0;
    parameters.cp_disto_alloc = quality == 0;
    if (quality > 0) { /* it wants decibel, of the range of the precision */
        parameters.cp_fixed_quality  = 1;
        parameters.tcp_distoratio[0] = (float)(20 * log10((double)((1u << bits) - 1) /
                                                          codec_row_error(quality, bits, lo, hi)));
    }
    if (!opj.setup_encoder(s->codec, &parameters, s->image) ||
        !opj.start_compress(s->codec, s->image, s->stream) || !opj.encode(s->codec, s->stream) ||
        !opj.end_compress(s->codec, s->stream))
        return failed(s, ISO_EIO, "it could not be encoded");
    return ISO_OK;
}

int codec_opj_encode(const struct codec_image *frame, iso_bytes pixels, unsigned quality,
                     struct iso_buf *out, struct iso_err *err)
{
    struct iso_buf stream; /* it seeks to its start: not to that of out */
    struct session s = { .err = err, .memory.out = &stream };
    int            rc;

    rc = os_library_need(&opj_library, err);
    if (rc < 0)
        return rc;
    iso_buf_init(&stream, CODEC_FRAME_BYTES_MAX);
    rc = encode(&s, frame, pixels, quality);
    close_session(&s);
    if (rc == ISO_OK)
        rc = iso_buf_check(&stream, err);
    if (rc == ISO_OK) {
        (void)iso_buf_add(out, stream.ptr, stream.len);
        rc = iso_buf_check(out, err);
    }
    iso_buf_release(&stream);
    return rc;
}

void codec_opj_prepare(void)
{
    (void)!os_library_need(&opj_library, NULL);
}
