/* codec_jpeg_dct.h: blocks of 8 x 8 samples; private to codec/.   ITU-T T.81 §A.3 */
#ifndef CODEC_JPEG_DCT_H
#define CODEC_JPEG_DCT_H

#include "codec_jpeg_in.h"

/* Where in a block, by rows, the k-th coefficient of a stream is. */
extern const uint8_t jpeg_zigzag[64];

/* Coefficients and quantisers by rows to samples of 8 or 12 bits, rows of them stride apart. */
void jpeg_idct(const int16_t *block, const uint16_t *quantiser, unsigned precision, uint16_t *out,
               size_t stride);
/* Samples around 0 to quantised coefficients, both by rows. */
void jpeg_fdct(const int32_t samples[64], const uint16_t *quantiser, int16_t *block);

/* A component in blocks. Planes and coefficients are those of whole MCUs, beyond its edges. */
struct jpeg_plane {
    uint32_t  width, height;         /* its samples   T.81 §A.1.1 */
    uint32_t  columns, rows;         /* blocks that have some of them */
    uint32_t  all_columns, all_rows; /* blocks in whole MCUs */
    uint32_t  across, down;          /* pixels of the frame for one sample */
    uint16_t  quantiser[64];         /* by rows */
    uint16_t *samples;               /* 64 all_columns x all_rows, by rows of samples */
    int16_t  *coefficients;          /* as many, by blocks; progressive alone */
};

/* Fills in the sizes. ISO_EUNSUPPORTED: a component's samples are not whole pixels wide and high. */
ISO_MUST_USE int jpeg_plane_layout(const struct jpeg_head *head, struct jpeg_plane *planes,
                                   struct iso_err *err);

/* The samples of row y of the frame, at its width. out has room for twice the plane's width and
 * two more. Chroma of half the width, or half the width and height, is interpolated, as decoders that
 * DICOM archives compare with do; else it is repeated. */
void jpeg_plane_row(const struct jpeg_plane *plane, uint32_t columns, uint32_t y, uint16_t *out);

#endif
