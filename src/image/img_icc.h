/* img_icc.h: colour profiles.   ICC.1:2010; PS3.3 §C.11.15
 * A profile from outside is never given to the library: img_icc_check reads it by itself and builds a
 * new one of the parts that it understands and has checked, each within bounds: a matrix with curves,
 * or a table (lut8, lut16). Any thread. */
#ifndef IMG_ICC_H
#define IMG_ICC_H

#include "img.h"
#include "iso_buf.h"

enum { IMG_ICC_BYTES_MAX = 4 << 20 };

enum img_icc_space { IMG_ICC_SRGB, IMG_ICC_ADOBE_RGB, IMG_ICC_ROMM_RGB };

/* Appends the profile of a colour space: always the same bytes. ISO_ENOMEM, ISO_ELIMIT of out */
ISO_MUST_USE int img_icc_profile(enum img_icc_space space, struct iso_buf *out,
                                 struct iso_err *err);

/* Appends what can be used of a profile of RGB devices.
 * ISO_EFORMAT broken; ISO_EUNSUPPORTED of other colours, or built otherwise; ISO_ELIMIT too large */
ISO_MUST_USE int img_icc_check(iso_bytes profile, struct iso_buf *out, struct iso_err *err);

/* Colours of a picture from those of a profile, which img_icc_check or img_icc_profile has given, to a
 * colour space. A grey picture becomes RGB. ISO_EFORMAT: the library refuses it; ISO_ENOMEM */
ISO_MUST_USE int img_icc_convert(struct img_picture *picture, iso_bytes from, enum img_icc_space to,
                                 struct iso_err *err);

#endif
