/* Terms to sets, and decoding. A value is read left to right with what is designated to G0 and G1;
 * the delimiters of PS3.5 §6.1.2.5.3 put both back to what the first term says. Decoding runs twice:
 * once to count, once to write, so that the arena is asked for exactly what is needed.
 *
 * Where the standard leaves bytes without meaning we read as follows, most likely first:
 *   high bytes while nothing is designated to G1: the first set for G1 that the terms name
 *     (writers that forget the escape after a delimiter), else
 *   the default repertoire: UTF-8 when the whole value is well-formed UTF-8, Latin-1 otherwise
 *     (Latin-1 is what pydicom and Orthanc assume; UTF-8 is never well-formed by accident);
 *   what is left: U+FFFD. */
#include "dcm_charset.h"

#include "dcm_charset_table.h"
#include "iso_utf8.h"

#include <string.h>

/* Letters and digits of the term, in capitals: "ISO_IR 100", "iso-ir100" and "ISO IR 100 " are one
 * and the same, as for DCMTK and pydicom. */
static const struct {
    const char *name;
    uint8_t     cs;
} spellings[] = {
    { "6", CS_ASCII },
    { "100", CS_LATIN1 },
    { "101", CS_LATIN2 },
    { "109", CS_LATIN3 },
    { "110", CS_LATIN4 },
    { "144", CS_CYRILLIC },
    { "127", CS_ARABIC },
    { "126", CS_GREEK },
    { "138", CS_HEBREW },
    { "148", CS_LATIN5 },
    { "203", CS_LATIN9 },
    { "166", CS_THAI },
    { "13", CS_KANA },
    { "14", CS_KANA },
    { "87", CS_JISX208 },
    { "159", CS_JISX212 },
    { "149", CS_KSX1001 },
    { "58", CS_GB2312 },
    { "192", CS_UTF8 },
    { "GB18030", CS_GB18030 },
    { "GBK", CS_GBK },
    { "GB2312", CS_GB2312 },
    { "UTF8", CS_UTF8 },
    { "ASCII", CS_ASCII },
    { "USASCII", CS_ASCII },
    { "LATIN1", CS_LATIN1 },
    { "LATIN2", CS_LATIN2 },
    { "LATIN3", CS_LATIN3 },
    { "LATIN4", CS_LATIN4 },
    { "LATIN5", CS_LATIN5 },
    { "LATIN9", CS_LATIN9 },
    { "ISO88591", CS_LATIN1 },
    { "ISO88592", CS_LATIN2 },
    { "ISO88593", CS_LATIN3 },
    { "ISO88594", CS_LATIN4 },
    { "ISO88595", CS_CYRILLIC },
    { "ISO88596", CS_ARABIC },
    { "ISO88597", CS_GREEK },
    { "ISO88598", CS_HEBREW },
    { "ISO88599", CS_LATIN5 },
    { "ISO885911", CS_THAI },
    { "ISO885915", CS_LATIN9 },
    { "TIS620", CS_THAI },
    { "CP1252", CS_CP1252 },
    { "WINDOWS1252", CS_CP1252 },
    { "EUCKR", CS_KSX1001 },
    { "GB180302000", CS_GB18030 },
};

static enum dcm_cs find_term(iso_str term, bool *iso2022)
{
    char   buf[24];
    size_t n = 0;

    for (size_t i = 0; i < term.len; i++) {
        char c = term.ptr[i];

        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if ((c < 'A' || c > 'Z') && (c < '0' || c > '9'))
            continue;
        if (n == sizeof buf)
            return CS_NONE;
        buf[n++] = c;
    }
    iso_str name = iso_str_of(buf, n);
    if (n == 0)
        return CS_ASCII; /* an empty value: the default repertoire */
    *iso2022 = iso_str_starts(name, ISO_STR("ISO2022IR"));
    if (*iso2022)
        name = iso_str_sub(name, 9, n);
    else if (iso_str_starts(name, ISO_STR("ISOIR")))
        name = iso_str_sub(name, 5, n);
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++)
        if (iso_str_eq_c(name, spellings[i].name))
            return (enum dcm_cs)spellings[i].cs;
    return CS_NONE;
}

void dcm_charset_init(struct dcm_charset *set, iso_bytes value)
{
    iso_str rest = iso_str_of_bytes(value);

    *set = (struct dcm_charset){ 0 };
    while (rest.len > 0 && (rest.ptr[rest.len - 1] == ' ' || rest.ptr[rest.len - 1] == '\0'))
        rest.len--;
    if (rest.len == 0)
        return;
    while (rest.ptr != NULL && set->count < DCM_CHARSET_TERMS_MAX) {
        bool        iso2022 = false;
        enum dcm_cs cs      = find_term(iso_str_cut(&rest, '\\'), &iso2022);

        if (cs == CS_NONE) {
            set->unknown = true;
            cs           = CS_ASCII; /* keeps the place: only the first term sets the start */
        }
        if (cs_stands_alone(cs) && set->count > 0)
            continue; /* not allowed beside others: PS3.3 C.12.1.1.2 */
        set->term[set->count++] = (uint8_t)cs;
        set->code_extensions    = set->code_extensions || iso2022 || set->count > 1;
        if (cs_stands_alone(cs)) {
            set->code_extensions = false;
            break;
        }
    }
}

static enum dcm_cs first_term(const struct dcm_charset *set)
{
    return set->count > 0 ? (enum dcm_cs)set->term[0] : CS_ASCII;
}

bool dcm_charset_is_utf8(const struct dcm_charset *set)
{
    return first_term(set) != CS_KANA; /* JIS X 0201 has the yen sign at 5C */
}

struct decoder {
    const uint8_t *p;
    size_t         len;
    size_t         at;
    char          *out; /* NULL while counting */
    size_t         out_len;
    enum dcm_cs    g0, g1;
    enum dcm_cs    g0_start, g1_start;
    enum dcm_cs    g1_spare; /* for high bytes that nobody designated */
    bool           guess_utf8;
    bool           is_list;
    bool           is_name;
};

static void emit(struct decoder *d, uint32_t scalar)
{
    char   buf[4];
    size_t n;

    n = iso_utf8_put(scalar, buf);
    if (n == 0)
        n = iso_utf8_put(0xfffd, buf);
    if (d->out != NULL)
        memcpy(d->out + d->out_len, buf, n);
    d->out_len += n;
}

static void emit_or_bad(struct decoder *d, uint32_t scalar)
{
    emit(d, scalar != 0 ? scalar : 0xfffd);
}

static void reset(struct decoder *d)
{
    d->g0 = d->g0_start;
    d->g1 = d->g1_start;
}

static bool is_delimiter(const struct decoder *d, uint8_t c)
{
    return (d->is_list && c == '\\') || (d->is_name && (c == '^' || c == '='));
}

/* One ESC; what is none of ours becomes U+FFFD and the bytes after it are text. */
static void decode_escape(struct decoder *d)
{
    size_t      n  = 0;
    enum dcm_cs cs = cs_escape_find(iso_bytes_of(d->p + d->at + 1, d->len - d->at - 1), &n);

    d->at += 1 + n;
    if (cs == CS_NONE)
        emit(d, 0xfffd);
    else if (cs_is_g0(cs))
        d->g0 = cs;
    else
        d->g1 = cs;
}

/* A byte below 0x80 that is no ESC. */
static void decode_low(struct decoder *d)
{
    uint8_t c    = d->p[d->at];
    uint8_t next = d->at + 1 < d->len ? d->p[d->at + 1] : 0;

    if (cs_is_94x94(d->g0) && c > 0x20 && c < 0x7f && next > 0x20 && next < 0x7f) {
        emit_or_bad(d, cs_decode_pair(d->g0, c, next));
        d->at += 2;
        return;
    }
    d->at++;
    if (c == '\r' || c == '\n' || c == '\f' || c == '\t' || is_delimiter(d, c))
        reset(d);
    else if (cs_is_94x94(d->g0) && c > 0x20 && c < 0x7f)
        return emit(d, 0xfffd); /* half a character */
    else if (d->g0 == CS_ROMAJI && c == 0x5c)
        return emit(d, 0xa5);
    else if (d->g0 == CS_ROMAJI && c == 0x7e)
        return emit(d, 0x203e);
    emit(d, c);
}

static void decode_undesignated(struct decoder *d)
{
    iso_str  rest = iso_str_of((const char *)d->p + d->at, d->len - d->at);
    uint32_t scalar;

    if (d->guess_utf8 && iso_utf8_take(&rest, &scalar)) {
        emit(d, scalar);
        d->at = d->len - rest.len;
    } else {
        emit(d, d->p[d->at++]);
    }
}

static void decode_high(struct decoder *d)
{
    enum dcm_cs g1 = d->g1 != CS_NONE ? d->g1 : d->g1_spare;

    if (g1 == CS_NONE) {
        decode_undesignated(d);
    } else if (cs_is_94x94(g1)) {
        if (d->at + 1 < d->len && d->p[d->at + 1] >= 0x80) {
            emit_or_bad(d, cs_decode_pair(g1, d->p[d->at], d->p[d->at + 1]));
            d->at += 2;
        } else {
            emit(d, 0xfffd);
            d->at++;
        }
    } else {
        emit_or_bad(d, cs_decode_byte(g1, d->p[d->at++]));
    }
}

static void decode_iso2022(struct decoder *d)
{
    reset(d);
    while (d->at < d->len) { /* each turn consumes at least a byte */
        if (d->p[d->at] == 0x1b)
            decode_escape(d);
        else if (d->p[d->at] < 0x80)
            decode_low(d);
        else
            decode_high(d);
    }
}

/* GBK and GB 18030. A lead byte with nothing sensible behind it is one bad byte; so is the lead of
 * an undefined pair whose second byte is ASCII: a separator is never swallowed. */
static void decode_gb(struct decoder *d, enum dcm_cs cs)
{
    while (d->at < d->len) {
        const uint8_t *p    = d->p + d->at;
        size_t         left = d->len - d->at;
        uint32_t       scalar;

        if (p[0] < 0x80) {
            emit(d, p[0]);
            d->at++;
        } else if (left >= 2 && (scalar = cs_decode_pair(cs, p[0], p[1])) != 0) {
            emit(d, scalar);
            d->at += 2;
        } else if (left >= 4 && (scalar = cs_decode_gb4(p)) != 0) {
            emit(d, scalar);
            d->at += 4;
        } else if (cs == CS_GBK && p[0] == 0x80) {
            emit(d, 0x20ac); /* as Windows writes the euro sign */
            d->at++;
        } else {
            emit(d, 0xfffd);
            d->at += left >= 2 && p[0] > 0x80 && p[1] >= 0x80 ? 2 : 1;
        }
    }
}

static void decode_utf8(struct decoder *d)
{
    iso_str rest = iso_str_of((const char *)d->p, d->len);

    while (rest.len > 0) {
        uint32_t scalar;

        if (iso_utf8_take(&rest, &scalar)) {
            emit(d, scalar);
        } else {
            emit(d, 0xfffd);
            rest = iso_str_sub(rest, 1, rest.len);
        }
    }
    d->at = d->len;
}

static void decode_all(struct decoder *d, enum dcm_cs cs)
{
    d->at      = 0;
    d->out_len = 0;
    if (cs == CS_UTF8)
        decode_utf8(d);
    else if (cs_stands_alone(cs))
        decode_gb(d, cs);
    else
        decode_iso2022(d);
}

static bool is_plain(iso_bytes raw)
{
    for (size_t i = 0; i < raw.len; i++)
        if (raw.ptr[i] >= 0x80 || raw.ptr[i] == 0x1b)
            return false;
    return true;
}

iso_str dcm_charset_decode(const struct dcm_charset *set, enum dcm_vr vr, iso_bytes raw,
                           struct iso_arena *arena)
{
    static const struct dcm_charset none = { 0 };
    const struct dcm_vr_info       *info = dcm_vr_info(vr);
    iso_str                         text = iso_str_of_bytes(raw);

    if (raw.len == 0)
        return iso_str_of("", 0);
    if (!info->has_charset)
        set = &none;
    if (dcm_charset_is_utf8(set) && is_plain(raw))
        return text;

    enum dcm_cs    first = first_term(set);
    struct decoder d     = { .p = raw.ptr, .len = raw.len, .is_list = info->is_list };

    d.is_name    = vr == DCM_VR_PN;
    d.guess_utf8 = iso_utf8_valid(text);
    d.g0_start   = first == CS_KANA ? CS_ROMAJI : CS_ASCII; /* two-byte sets need an escape first */
    d.g1_start   = cs_is_g0(first) ? CS_NONE : first;
    for (size_t i = 1; i < set->count && d.g1_spare == CS_NONE; i++)
        if (!cs_is_g0((enum dcm_cs)set->term[i]))
            d.g1_spare = (enum dcm_cs)set->term[i];
    if (d.guess_utf8 && first == CS_UTF8)
        return text;

    decode_all(&d, first);
    d.out = iso_arena_alloc(arena, d.out_len);
    if (d.out == NULL)
        return iso_str_of(NULL, 0);
    decode_all(&d, first);
    return iso_str_of(d.out, d.out_len);
}
