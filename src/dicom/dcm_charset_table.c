/* Each set becomes a table by asking iconv for every code once, under a lock, on first use: then
 * decoding is a look-up without state, so that no thread keeps conversion descriptors. The way
 * back is a table by UTF-16 code unit, made when something is first encoded. Pages that are never
 * touched cost nothing. A set that this libc lacks stays empty: its characters are U+FFFD. */
#include "dcm_charset_table.h"

#include "iso_reader.h"
#include "iso_utf8.h"
#include "os_thread.h"

#include <iconv.h>
#include <stdatomic.h>
#include <string.h>

enum {
    ROWS       = 94,
    GB_LEADS   = 126,   /* 0x81..0xFE */
    GB_TRAILS  = 190,   /* 0x40..0x7E, 0x80..0xFE */
    GB4_LINEAR = 39420, /* 81 30 81 30 .. 84 31 A4 39: the basic plane */
    GB4_PLANES = 0x100000
};

static const struct {
    const char *iconv_name;
    const char *escape;
} sets[CS_COUNT] = {
    [CS_ASCII]    = { NULL, "(B" },
    [CS_ROMAJI]   = { NULL, "(J" },
    [CS_KANA]     = { NULL, ")I" },
    [CS_LATIN1]   = { "ISO-8859-1", "-A" },
    [CS_LATIN2]   = { "ISO-8859-2", "-B" },
    [CS_LATIN3]   = { "ISO-8859-3", "-C" },
    [CS_LATIN4]   = { "ISO-8859-4", "-D" },
    [CS_CYRILLIC] = { "ISO-8859-5", "-L" },
    [CS_ARABIC]   = { "ISO-8859-6", "-G" },
    [CS_GREEK]    = { "ISO-8859-7", "-F" },
    [CS_HEBREW]   = { "ISO-8859-8", "-H" },
    [CS_LATIN5]   = { "ISO-8859-9", "-M" },
    [CS_LATIN9]   = { "ISO-8859-15", "-b" },
    [CS_THAI]     = { "TIS-620", "-T" },
    [CS_CP1252]   = { "CP1252", NULL },
    [CS_JISX208]  = { "EUC-JP", "$B" },
    [CS_JISX212]  = { "EUC-JP", "$(D" },
    [CS_KSX1001]  = { "EUC-KR", "$)C" },
    [CS_GB2312]   = { "EUC-CN", "$)A" },
    [CS_GBK]      = { "GBK", NULL },
    [CS_GB18030]  = { "GB18030", NULL },
};

static uint16_t single[CS_CP1252 - CS_LATIN1 + 1][128];
static uint16_t pairs94[CS_GB2312 - CS_JISX208 + 1][ROWS * ROWS];
static uint16_t pairs_gb[CS_GB18030 - CS_GBK + 1][GB_LEADS * GB_TRAILS];
static uint16_t linear_gb4[GB4_LINEAR];
/* code + 1 by scalar value */
static uint16_t back94[CS_GB2312 - CS_JISX208 + 1][0x10000];
static uint16_t back_gb[CS_GB18030 - CS_GBK + 1][0x10000];
static uint16_t back_gb4[0x10000];

static struct os_mutex mu = { PTHREAD_MUTEX_INITIALIZER }; /* while a table is being filled */
static atomic_bool     ready[CS_COUNT];
static atomic_bool     back_ready[CS_COUNT];

const char *cs_escape(enum dcm_cs cs)
{
    return sets[cs].escape;
}

enum dcm_cs cs_escape_find(iso_bytes in, size_t *bytes)
{
    for (int cs = CS_ASCII; cs < CS_COUNT; cs++) {
        const char *escape = sets[cs].escape;
        size_t      n      = escape != NULL ? strlen(escape) : 0;

        if (n > 0 && in.len >= n && memcmp(in.ptr, escape, n) == 0) {
            *bytes = n;
            return (enum dcm_cs)cs;
        }
    }
    if (in.len >= 2 && in.ptr[0] == '$' &&
        in.ptr[1] == '@') { /* JIS C 6226-1978: nearly the same */
        *bytes = 2;
        return CS_JISX208;
    }
    return CS_NONE;
}

/* One scalar value below 0x10000 out of n bytes; 0 when they are none, or one and more. */
static uint16_t convert(iconv_t cd, const uint8_t *bytes, size_t n)
{
    char    in[4];
    uint8_t out[8];
    char   *from  = in;
    char   *to    = (char *)out;
    size_t  left  = n;
    size_t  space = sizeof out;

    memcpy(in, bytes, n);
    (void)iconv(cd, NULL, NULL, NULL, NULL);
    if (iconv(cd, &from, &left, &to, &space) == (size_t)-1 || left != 0)
        return 0;
    if (space == sizeof out) /* EUC-JP and others may hold a character back */
        (void)iconv(cd, NULL, NULL, &to, &space);
    return space == sizeof out - 2 ? iso_u16le(out) : 0;
}

static void gb_pair_bytes(unsigned code, uint8_t out[2])
{
    unsigned trail = code % GB_TRAILS;

    out[0] = (uint8_t)(0x81 + code / GB_TRAILS);
    out[1] = (uint8_t)(0x40 + trail + (trail >= 0x3f ? 1 : 0)); /* 7F is no trail byte */
}

static void gb4_bytes(uint32_t linear, uint8_t out[4])
{
    out[3] = (uint8_t)(0x30 + linear % 10);
    linear /= 10;
    out[2] = (uint8_t)(0x81 + linear % 126);
    linear /= 126;
    out[1] = (uint8_t)(0x30 + linear % 10);
    out[0] = (uint8_t)(0x81 + linear / 10);
}

static void fill(enum dcm_cs cs, iconv_t cd)
{
    uint8_t b[4];

    if (cs_is_single(cs)) {
        for (unsigned i = 0; i < 128; i++) {
            b[0]                      = (uint8_t)(0x80 + i);
            single[cs - CS_LATIN1][i] = convert(cd, b, 1);
        }
    } else if (cs_is_94x94(cs)) {
        size_t shift = cs == CS_JISX212 ? 1 : 0; /* EUC-JP: SS3 calls the second kanji set */

        b[0] = 0x8f;
        for (unsigned i = 0; i < ROWS * ROWS; i++) {
            b[shift]                    = (uint8_t)(0xa1 + i / ROWS);
            b[shift + 1]                = (uint8_t)(0xa1 + i % ROWS);
            pairs94[cs - CS_JISX208][i] = convert(cd, b, shift + 2);
        }
    } else {
        for (unsigned i = 0; i < GB_LEADS * GB_TRAILS; i++) {
            gb_pair_bytes(i, b);
            pairs_gb[cs - CS_GBK][i] = convert(cd, b, 2);
        }
        for (unsigned i = 0; cs == CS_GB18030 && i < GB4_LINEAR; i++) {
            gb4_bytes(i, b);
            linear_gb4[i] = convert(cd, b, 4);
        }
    }
}

static void need(enum dcm_cs cs)
{
    if (atomic_load_explicit(&ready[cs], memory_order_acquire))
        return;
    os_mutex_lock(&mu);
    if (!atomic_load_explicit(&ready[cs], memory_order_relaxed)) {
        iconv_t cd = iconv_open("UTF-16LE", sets[cs].iconv_name);

        if (cd != (iconv_t)-1) { /* NOLINT: the value the manual names */
            fill(cs, cd);
            (void)iconv_close(cd);
        }
        atomic_store_explicit(&ready[cs], true, memory_order_release);
    }
    os_mutex_unlock(&mu);
}

static void invert(const uint16_t *table, size_t count, uint16_t *back)
{
    for (size_t i = count; i-- > 0;) /* of two codes for one character the lower one stays */
        if (table[i] != 0)
            back[table[i]] = (uint16_t)(i + 1);
}

static void need_back(enum dcm_cs cs)
{
    need(cs);
    if (atomic_load_explicit(&back_ready[cs], memory_order_acquire))
        return;
    os_mutex_lock(&mu);
    if (!atomic_load_explicit(&back_ready[cs], memory_order_relaxed)) {
        if (cs_is_94x94(cs))
            invert(pairs94[cs - CS_JISX208], ROWS * ROWS, back94[cs - CS_JISX208]);
        else
            invert(pairs_gb[cs - CS_GBK], GB_LEADS * GB_TRAILS, back_gb[cs - CS_GBK]);
        if (cs == CS_GB18030)
            invert(linear_gb4, GB4_LINEAR, back_gb4);
        atomic_store_explicit(&back_ready[cs], true, memory_order_release);
    }
    os_mutex_unlock(&mu);
}

uint32_t cs_decode_byte(enum dcm_cs cs, uint8_t byte)
{
    if (cs == CS_KANA)
        return byte >= 0xa1 && byte <= 0xdf ? 0xff61U + byte - 0xa1U : 0;
    iso_assert(cs_is_single(cs) && byte >= 0x80);
    need(cs);
    return single[cs - CS_LATIN1][byte - 0x80];
}

uint32_t cs_decode_pair(enum dcm_cs cs, uint8_t first, uint8_t second)
{
    if (cs_is_94x94(cs)) {
        first &= 0x7f;
        second &= 0x7f;
        if (first < 0x21 || first > 0x7e || second < 0x21 || second > 0x7e)
            return 0;
        need(cs);
        return pairs94[cs - CS_JISX208][(first - 0x21) * ROWS + second - 0x21];
    }
    iso_assert(cs == CS_GBK || cs == CS_GB18030);
    if (first < 0x81 || first > 0xfe || second < 0x40 || second == 0x7f || second > 0xfe)
        return 0;
    need(cs);
    return pairs_gb[cs - CS_GBK]
                   [(first - 0x81) * GB_TRAILS + second - (second > 0x7f ? 0x41 : 0x40)];
}

uint32_t cs_decode_gb4(const uint8_t p[4])
{
    if (p[0] < 0x81 || p[0] > 0xfe || p[1] < 0x30 || p[1] > 0x39 || p[2] < 0x81 || p[2] > 0xfe ||
        p[3] < 0x30 || p[3] > 0x39)
        return 0;
    uint32_t linear =
        ((((uint32_t)p[0] - 0x81) * 10 + p[1] - 0x30) * 126 + p[2] - 0x81) * 10 + p[3] - 0x30;
    if (p[0] >= 0x90) { /* the other sixteen planes, in order from 90 30 81 30 */
        linear -= (0x90 - 0x81) * 12600U;
        return linear < GB4_PLANES ? 0x10000 + linear : 0;
    }
    if (linear >= GB4_LINEAR)
        return 0;
    need(CS_GB18030);
    return linear_gb4[linear];
}

static size_t encode_gb(enum dcm_cs cs, uint32_t scalar, uint8_t out[4])
{
    uint32_t linear;

    if (scalar < 0x10000) {
        need_back(cs);
        if (back_gb[cs - CS_GBK][scalar] != 0) {
            gb_pair_bytes(back_gb[cs - CS_GBK][scalar] - 1U, out);
            return 2;
        }
        if (cs == CS_GBK || back_gb4[scalar] == 0)
            return 0;
        linear = back_gb4[scalar] - 1U;
    } else {
        if (cs == CS_GBK)
            return 0;
        linear = scalar - 0x10000 + (0x90 - 0x81) * 12600U;
    }
    gb4_bytes(linear, out);
    return 4;
}

size_t cs_encode(enum dcm_cs cs, uint32_t scalar, uint8_t out[4])
{
    if (cs == CS_UTF8)
        return iso_utf8_put(scalar, (char *)out);
    if (cs == CS_GBK || cs == CS_GB18030)
        return encode_gb(cs, scalar, out);
    if (cs == CS_ROMAJI && (scalar == 0xa5 || scalar == 0x203e)) {
        out[0] = scalar == 0xa5 ? 0x5c : 0x7e;
        return 1;
    }
    if (cs == CS_KANA && scalar >= 0xff61 && scalar <= 0xff9f) {
        out[0] = (uint8_t)(scalar - 0xff61 + 0xa1);
        return 1;
    }
    if (scalar > 0xffff)
        return 0;
    if (cs_is_single(cs)) {
        need(cs);
        for (unsigned i = 0; i < 128; i++)
            if (single[cs - CS_LATIN1][i] == scalar) {
                out[0] = (uint8_t)(0x80 + i);
                return 1;
            }
    } else if (cs_is_94x94(cs)) {
        need_back(cs);
        unsigned code = back94[cs - CS_JISX208][scalar];

        if (code == 0)
            return 0;
        uint8_t high = cs_is_g0(cs) ? 0 : 0x80;
        out[0]       = (uint8_t)((0x21 + (code - 1) / ROWS) | high);
        out[1]       = (uint8_t)((0x21 + (code - 1) % ROWS) | high);
        return 2;
    }
    return 0;
}
