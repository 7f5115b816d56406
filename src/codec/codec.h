/* codec.h: one frame of pixel data out of its transfer syntax, and into one.   PS3.5 §8.2, §A.4;
 * PS3.3 §C.7.6.3
 * Decoders give and encoders take the same simple layout, so that who uses them knows one: samples
 * in 1, 2, 4 or 8 whole bytes, little endian, colour by pixel, every sample at full resolution (no
 * chroma subsampling), no row padding. Colours are not converted, but for what a compression does
 * within itself (YBR_RCT and YBR_ICT come out as RGB): struct codec_image says what they are.
 * Where the bitstream and the attributes disagree on rows, columns, components, precision, sign or
 * colour space, the bitstream is right. Samples keep the bits allocated of the attributes where the
 * bitstream's precision fits in, and get the next whole bytes where not.
 *
 * A codec that is a library's runs in a process of its own where the caller has a pool of them
 * (codec_pool.h); pool NULL: within the call, on its thread, like our own codecs. Nothing is kept.
 * Any thread. */
#ifndef CODEC_H
#define CODEC_H

#include "dcm_dataset.h"
#include "iso_buf.h"

struct codec_pool;

enum {
    CODEC_FRAME_BYTES_MAX = 256 << 20, /* one decoded frame */
    CODEC_SAMPLES_MAX     = 4
};

enum codec_photometric { /* PS3.3 §C.7.6.3.1.2 */
                         CODEC_MONOCHROME1,
                         CODEC_MONOCHROME2,
                         CODEC_PALETTE_COLOR,
                         CODEC_RGB,
                         CODEC_YBR_FULL,
                         CODEC_YBR_FULL_422,
                         CODEC_YBR_PARTIAL, /* 420 and 422: the range of video */
                         CODEC_YBR_ICT,
                         CODEC_YBR_RCT,
                         CODEC_PHOTOMETRIC_OTHER
};

/* The pixels of a frame: as the data set describes them, or as a decoder gave them. */
struct codec_image {
    uint32_t               rows;
    uint32_t               columns;
    uint16_t               samples; /* per pixel */
    uint16_t               bits_allocated;
    uint16_t               bits_stored;
    uint16_t               high_bit;
    bool                   is_signed;
    bool                   is_float; /* (7FE0,0008), (7FE0,0009): IEEE 754 in all bits allocated */
    bool                   planar;   /* colour by plane */
    bool                   damaged;  /* of codec_decode only: see there */
    enum codec_photometric photometric;
};

/* The Image Pixel attributes of a data set. Bits stored and high bit that contradict bits allocated
 * are put right. ISO_EUNSUPPORTED when it describes no image. */
ISO_MUST_USE int codec_image_read(const struct dcm_dataset *ds, struct codec_image *image,
                                  struct iso_err *err);

/* Whether frames in this transfer syntax can be decoded here, and encoded. */
bool codec_can_decode(iso_str transfer_syntax_uid);
bool codec_can_encode(iso_str transfer_syntax_uid);
/* Those that can be decoded, one after the other; NULL after the last. */
const char *codec_syntax(size_t number);

/* What decoding `in` (one whole frame, its fragments joined) will give, from our own reading of its
 * header, and how many bytes that takes. No library has seen a byte of it then.
 *
 * ISO_EUNSUPPORTED  the transfer syntax, or what the header asks for, is not decoded here
 * ISO_EFORMAT       the header contradicts itself or the attributes
 * ISO_ELIMIT        more than CODEC_FRAME_BYTES_MAX, or out of all proportion to the bytes of in */
ISO_MUST_USE int codec_inspect(iso_str transfer_syntax_uid, iso_bytes in,
                               const struct codec_image *attributes, struct codec_image *frame,
                               size_t *bytes, struct iso_err *err);

/* Decodes it to out, which has room for cap bytes: *bytes of codec_inspect. Codes as there, and:
 *
 * ISO_EFORMAT   ends early or is broken inside. *frame is written then, and if frame->damaged, out
 *               holds what could be decoded and zeros for the rest: good for a look, never to keep.
 * ISO_ELIMIT    took more time or memory than a frame may
 * ISO_EIO       the process that decoded it died: only this frame is concerned */
ISO_MUST_USE int codec_decode(struct codec_pool *pool, iso_str transfer_syntax_uid, iso_bytes in,
                              const struct codec_image *attributes, struct codec_image *frame,
                              uint8_t *out, size_t cap, struct iso_err *err);

struct codec_options {
    unsigned quality; /* of lossy compression, 1..100; 0: 90 */
    unsigned near;    /* JPEG-LS near-lossless: the largest error of a sample; 0: 2 */
};

/* How the data set must describe frames like this one once they are in that transfer syntax: its
 * photometric interpretation, bits, planar configuration. The same for every frame of an object.
 * ISO_EUNSUPPORTED when such frames cannot be put into it: err says which it takes. */
ISO_MUST_USE int codec_encoded(iso_str transfer_syntax_uid, const struct codec_image *frame,
                               const struct codec_options *options, struct codec_image *described,
                               struct iso_err *err);

/* Appends the encoded frame, of even length (PS3.5 §A.4), to out. pixels: in the layout above, as
 * frame says. options NULL: defaults. */
ISO_MUST_USE int codec_encode(struct codec_pool *pool, iso_str transfer_syntax_uid,
                              const struct codec_image *frame, iso_bytes pixels,
                              const struct codec_options *options, struct iso_buf *out,
                              struct iso_err *err);

/* From one compressed form to another without decoding to pixels, bit for bit reversible: JPEG
 * baseline to JPEG XL recompression (.111) and back; a stream that is valid as it is in the other
 * syntax, such as .70 in .57. Appends to out. ISO_EUNSUPPORTED: decode and encode instead. */
ISO_MUST_USE int codec_repack(struct codec_pool *pool, iso_str from_uid, iso_bytes in,
                              iso_str to_uid, struct iso_buf *out, struct iso_err *err);

/* Bytes of one sample of a decoded frame: 1, 2, 4 or 8. */
static inline size_t codec_sample_bytes(const struct codec_image *frame)
{
    return frame->bits_allocated / 8u;
}

#endif
