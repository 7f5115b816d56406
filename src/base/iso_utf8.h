/* iso_utf8.h: UTF-8 as RFC 3629 has it: shortest form, no surrogates, at most U+10FFFF. */
#ifndef ISO_UTF8_H
#define ISO_UTF8_H

#include "iso_bytes.h"

/* Bytes (1..4) of the well-formed character at the front of in; 0 when there is none. */
size_t iso_utf8_len(iso_bytes in);
bool   iso_utf8_valid(iso_str s);
/* Writes 1..4 bytes to out; 0 for what is not a Unicode scalar value. */
size_t iso_utf8_put(uint32_t scalar, char out[4]);
/* The scalar value at the front of s, which is cut off; false when s is empty or malformed there. */
bool iso_utf8_take(iso_str *s, uint32_t *scalar);

#endif
