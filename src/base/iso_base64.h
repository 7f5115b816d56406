/* iso_base64.h: base64 with padding.   RFC 4648 §4 */
#ifndef ISO_BASE64_H
#define ISO_BASE64_H

#include "iso_buf.h"

/* Appends the text of in; failure is sticky in out. */
void iso_base64_add(struct iso_buf *out, iso_bytes in);

/* The most bytes that text of so many characters can hold. */
static inline size_t iso_base64_room(size_t chars)
{
    return chars / 4 * 3 + 3;
}

/* text to out, which has room for iso_base64_room(text.len); *bytes says how many it became. White
 * space is skipped and missing padding forgiven; anything else that does not belong gives false. */
bool iso_base64_decode(iso_str text, uint8_t *out, size_t *bytes);

#endif
