/* img_markup.h: text from objects into the HTML and SVG that we write. Nothing of an object goes
 * into markup but through img_markup_text.   HTML §13.1, XML 1.0 §2.2 */
#ifndef IMG_MARKUP_H
#define IMG_MARKUP_H

#include "iso_buf.h"

/* Appends s as character data, good between tags and within "quotes" alike: the five characters that
 * mean something become references, what is not UTF-8 or may not stand in XML becomes U+FFFD, CR LF
 * and CR become LF. Failure is sticky in out. */
void img_markup_text(struct iso_buf *out, iso_str s);
/* The same without references: plain text for a terminal, controls replaced. */
void img_plain_text(struct iso_buf *out, iso_str s);

#endif
