/* codec_opj.h: OpenJPEG, for frames whose header we have read. Blocks as long as it takes; one
 * thread a call, any thread. */
#ifndef CODEC_OPJ_H
#define CODEC_OPJ_H

#include "codec_j2k_head.h"

/* Decodes to out, all bytes of which are written. As codec_family's decode: ISO_EFORMAT with
 * frame->damaged when only a part could be decoded. */
ISO_MUST_USE int codec_opj_decode(const struct codec_j2k_head *head, struct codec_image *frame,
                                  uint8_t *out, size_t bytes, struct iso_err *err);

/* Appends a bare code stream. Samples of 1 or 2 bytes, 1 or 3 a pixel. quality 0: lossless, 5/3
 * wavelet; else 9/7 with an error of codec_row_error. RGB is transformed (RCT or ICT). */
ISO_MUST_USE int codec_opj_encode(const struct codec_image *frame, iso_bytes pixels,
                                  unsigned quality, struct iso_buf *out, struct iso_err *err);

#endif
