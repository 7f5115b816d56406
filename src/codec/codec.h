/* codec.h: one frame of pixel data out of its transfer syntax.   PS3.5 §8.2, §A.4; PS3.3 §C.7.6.3
 * All decoders give the same simple layout, so that who uses them knows one: samples in 1, 2, 4 or
 * 8 whole bytes, little endian, colour by pixel, every sample at full resolution (no chroma
 * subsampling), no row padding. Colours are not converted: struct codec_image says what they are.
 * Where the bitstream and the attributes disagree on rows, columns or colour space, the bitstream
 * is right. Everything is decoded within the call, on its thread; nothing is kept. Any thread. */
#ifndef CODEC_H
#define CODEC_H

#include "dcm_dataset.h"

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
    enum codec_photometric photometric;
};

/* The Image Pixel attributes of a data set. Bits stored and high bit that contradict bits allocated
 * are put right. ISO_EUNSUPPORTED when it describes no image. */
ISO_MUST_USE int codec_image_read(const struct dcm_dataset *ds, struct codec_image *image,
                                  struct iso_err *err);

/* Whether frames in this transfer syntax can be decoded here. */
bool codec_can_decode(iso_str transfer_syntax_uid);

/* What decoding `in` (one whole frame, its fragments joined) will give, from our own reading of its
 * header, and how many bytes that takes. No library has seen a byte of it then.
 *
 * ISO_EUNSUPPORTED  the transfer syntax, or what the header asks for, is not decoded here
 * ISO_EFORMAT       the header contradicts itself or the attributes
 * ISO_ELIMIT        more than CODEC_FRAME_BYTES_MAX */
ISO_MUST_USE int codec_inspect(iso_str transfer_syntax_uid, iso_bytes in,
                               const struct codec_image *attributes, struct codec_image *frame,
                               size_t *bytes, struct iso_err *err);

/* Decodes it to out, which has room for cap bytes: *bytes of codec_inspect. Codes as there;
 * ISO_EFORMAT also for a frame that ends early or is broken inside, out is undefined then. */
ISO_MUST_USE int codec_decode(iso_str transfer_syntax_uid, iso_bytes in,
                              const struct codec_image *attributes, struct codec_image *frame,
                              uint8_t *out, size_t cap, struct iso_err *err);

/* Bytes of one sample of a decoded frame: 1, 2, 4 or 8. */
static inline size_t codec_sample_bytes(const struct codec_image *frame)
{
    return frame->bits_allocated / 8u;
}

#endif
