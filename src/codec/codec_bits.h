/* codec_bits.h: samples of one bit, eight in a byte from the least significant, and in a byte each.
 * PS3.5 §8.1.1. Any thread. */
#ifndef CODEC_BITS_H
#define CODEC_BITS_H

#include "codec.h"

/* Whether an encoder that can keep single bits is to do so: binary segmentations and the like, of
 * which it is known that they had one bit. */
bool codec_bits_fit(const struct codec_image *frame);
/* count samples; the bits of a last byte that is not full are zero. False: there are samples other
 * than 0 and 1, and out is of no use. */
bool codec_bits_pack(const uint8_t *in, size_t count, uint8_t *out);
void codec_bits_spread(const uint8_t *in, size_t count, uint8_t *out);

#endif
