/* codec_jxl_head.h: our own reading of the front of a JPEG XL image; private to codec/.
 * ISO/IEC 18181-1 §D, 18181-2; PS3.5 §8.2.15 */
#ifndef CODEC_JXL_HEAD_H
#define CODEC_JXL_HEAD_H

#include "codec_in.h"

struct jxl_head {
    uint32_t rows, columns; /* as displayed: after the image's orientation */
    unsigned bits;          /* 1..16 */
    unsigned samples;       /* 1 or 3 */
    bool     xyb;           /* coded in the XYB space: lossy */
    bool     from_jpeg;     /* can give the JPEG stream back that it was made of */
};

/* A bare codestream or one in a container.
 * ISO_EUNSUPPORTED  animated, with a preview, extra channels, floating point or over 16 bits
 * ISO_EFORMAT       not JPEG XL, or ends before all that is known */
ISO_MUST_USE int jxl_head_read(iso_bytes in, struct jxl_head *head, struct iso_err *err);

#endif
