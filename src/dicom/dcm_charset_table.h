/* dcm_charset_table.h: the coded character sets behind the defined terms, as constant tables that
 * libc's iconv fills on first use; internal to dcm_charset*.c. Any thread. PS3.3 C.12.1.1.2 */
#ifndef DCM_CHARSET_TABLE_H
#define DCM_CHARSET_TABLE_H

#include "dcm_charset.h"

enum dcm_cs {
    CS_NONE,
    CS_ASCII,  /* ISO-IR 6, G0 */
    CS_ROMAJI, /* ISO-IR 14, JIS X 0201 in G0: yen at 5C, overline at 7E */
    CS_KANA,   /* ISO-IR 13, JIS X 0201 in G1 */
    CS_LATIN1, /* single bytes in G1, from here … */
    CS_LATIN2,
    CS_LATIN3,
    CS_LATIN4,
    CS_CYRILLIC,
    CS_ARABIC,
    CS_GREEK,
    CS_HEBREW,
    CS_LATIN5,
    CS_LATIN9,
    CS_THAI,
    CS_CP1252,  /* … to here. This one is no defined term, but met in files */
    CS_JISX208, /* 94 x 94 in G0 */
    CS_JISX212,
    CS_KSX1001, /* 94 x 94 in G1 */
    CS_GB2312,
    CS_GBK, /* these stand alone, without ISO 2022 */
    CS_GB18030,
    CS_UTF8,
    CS_COUNT
};

static inline bool cs_is_single(enum dcm_cs cs)
{
    return cs >= CS_LATIN1 && cs <= CS_CP1252;
}

static inline bool cs_is_94x94(enum dcm_cs cs)
{
    return cs >= CS_JISX208 && cs <= CS_GB2312;
}

/* Invoked in GL, by bytes below 0x80. */
static inline bool cs_is_g0(enum dcm_cs cs)
{
    return cs == CS_ASCII || cs == CS_ROMAJI || cs == CS_JISX208 || cs == CS_JISX212;
}

static inline bool cs_stands_alone(enum dcm_cs cs)
{
    return cs >= CS_GBK;
}

/* What follows ESC to designate the set, e.g. "$B"; NULL for sets that stand alone. */
const char *cs_escape(enum dcm_cs cs);
/* The longest escape at the front of in (after ESC); CS_NONE when there is none. */
enum dcm_cs cs_escape_find(iso_bytes in, size_t *bytes);

/* Scalar value of a byte 0x80..0xFF in a single-byte G1 set or CS_KANA; 0 when undefined. */
uint32_t cs_decode_byte(enum dcm_cs cs, uint8_t byte);
/* Of two bytes; the 94 x 94 sets take them with or without the high bit. 0 when undefined. */
uint32_t cs_decode_pair(enum dcm_cs cs, uint8_t first, uint8_t second);
/* Of a four-byte character of GB 18030; 0 when undefined. */
uint32_t cs_decode_gb4(const uint8_t p[4]);

/* Bytes (0: the set lacks the character) of a scalar value >= 0x80 in set cs, with the high bit as
 * it appears in a stream (off for G0 sets). */
size_t cs_encode(enum dcm_cs cs, uint32_t scalar, uint8_t out[4]);

#endif
