/* dcm_charset.h: Specific Character Set (0008,0005) to UTF-8 and back.   PS3.5 §6.1, PS3.3 C.12.1.1.2
 * ISO 2022 switching, all defined terms, ISO_IR 192, GB18030, GBK; usual misspellings of the terms
 * as DCMTK and pydicom take them. Decoding never fails: what has no meaning becomes U+FFFD. */
#ifndef DCM_CHARSET_H
#define DCM_CHARSET_H

#include "dcm_vr.h"
#include "iso_arena.h"

enum { DCM_CHARSET_TERMS_MAX = 16 };

/* What (0008,0005) says; a plain value. Zeroed: the default repertoire. */
struct dcm_charset {
    uint8_t term[DCM_CHARSET_TERMS_MAX]; /* our numbers of the defined terms */
    uint8_t count;
    bool    code_extensions; /* ISO 2022 escapes are honoured */
    bool    unknown;         /* a term that we do not know was left out */
};

/* value: the raw value of (0008,0005), e.g. "\\ISO 2022 IR 87". */
void dcm_charset_init(struct dcm_charset *set, iso_bytes value);
/* True when every byte below 0x80 means ASCII and text without high bytes or ESC is UTF-8 as it is. */
bool dcm_charset_is_utf8(const struct dcm_charset *set);
/* The whole raw value of an element to UTF-8; vr decides where escapes reset: at '\\' for lists, at
 * '^' and '=' for PN, at line ends and form feeds (PS3.5 §6.1.2.5.3). Backslashes that are the
 * second byte of a multi-byte character stay part of it. Padding is kept; separators stay '\\'.
 * The result borrows raw where nothing had to change; ptr NULL: out of memory. */
iso_str dcm_charset_decode(const struct dcm_charset *set, enum dcm_vr vr, iso_bytes raw,
                           struct iso_arena *arena);
/* UTF-8 to raw; ISO_EUNSUPPORTED when the set cannot say a character (err names it). */
ISO_MUST_USE int dcm_charset_encode(const struct dcm_charset *set, enum dcm_vr vr, iso_str utf8,
                                    struct iso_arena *arena, iso_bytes *raw, struct iso_err *err);

#endif
