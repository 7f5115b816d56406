/* codec_ojph.h: OpenJPH, a C++ library, as a few C functions. No exception leaves them.
 * Rows pass as 32-bit integers through a function of the caller, component by component, each from
 * the top; so this header needs none of ours. Any thread. */
#ifndef CODEC_OJPH_H
#define CODEC_OJPH_H

#ifdef __cplusplus
extern "C" {
#else
#include <stdbool.h>
#endif
#include <stddef.h>
#include <stdint.h>

/* All components are alike. */
struct codec_ojph_image {
    uint32_t columns, rows;
    unsigned samples;
    unsigned bits;
    bool     is_signed;
    /* of encoding: */
    bool     colour_transform; /* RCT or ICT */
    unsigned levels;           /* of decomposition */
    float    step;             /* of quantization, of a range of 1; 0: lossless */
};

/* Takes or gives the n values of the next row of this component. */
typedef void codec_ojph_row(void *ctx, unsigned component, uint32_t y, int32_t *values, size_t n);
/* Takes bytes of the code stream; false: no more. */
typedef bool codec_ojph_write(void *ctx, const void *ptr, size_t len);

struct codec_ojph_error {
    bool memory; /* there was none */
    char text[80];
};

/* False: *error says why. The header in `in` must describe this image. Of a broken stream
 * some rows may have been put, and lenient goes on to the last one. */
bool codec_ojph_decode(const uint8_t *in, size_t len, const struct codec_ojph_image *image,
                       bool lenient, codec_ojph_row *put, void *ctx,
                       struct codec_ojph_error *error);

/* One tile, 64 x 64 code-blocks, progression RPCL. */
bool codec_ojph_encode(const struct codec_ojph_image *image, codec_ojph_row *get,
                       codec_ojph_write *write, void *ctx, struct codec_ojph_error *error);

#ifdef __cplusplus
}
#endif

#endif
