/* img_card.h: the first page of a text as a picture: what a list shows of a report. */
#ifndef IMG_CARD_H
#define IMG_CARD_H

#include "img.h"

/* A white page in upright format that fits in the box (0: 1000 pixels wide): the title in bold, then
 * text from its first line on, broken between words; UTF-8. What does not fit is left out. */
ISO_MUST_USE int img_card(iso_str title, iso_str text, uint32_t box_width, uint32_t box_height,
                          struct img_picture *out, struct iso_err *err);

#endif
