/* srv_mp4.h: just enough of MP4 to put its index before its data, for who cannot seek; private to
 * serve/. Cameras write the index, `moov`, last, since only then they know it.   ISO/IEC 14496-12 §4.2,
 * §8.7.5. Nothing here allocates, blocks or fails otherwise than by saying no. */
#ifndef SRV_MP4_H
#define SRV_MP4_H

#include "iso_bytes.h"

#define SRV_MP4_TYPE(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (c) << 8 | (d))

enum { SRV_MP4_HEAD_BYTES_MAX = 16 };

struct srv_mp4_box {
    uint32_t type;       /* SRV_MP4_TYPE('m', 'o', 'o', 'v') */
    unsigned head_bytes; /* 8 or 16 */
    uint64_t bytes;      /* with its head */
};

/* The box at the front of in, of which SRV_MP4_HEAD_BYTES_MAX bytes are enough; left: bytes up to the
 * end of what holds it, in.len at least. false: there is no box, or it is longer than that. */
bool srv_mp4_box_read(iso_bytes in, uint64_t left, struct srv_mp4_box *out);

/* moov, a box as a whole: adds `by` to the file offsets of all chunks in it, up to where it is
 * broken. They wrap, if they are wrong. */
void srv_mp4_shift(uint8_t *moov, size_t bytes, uint64_t by);

#endif
