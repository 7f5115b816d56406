/* UTF-8 to raw. Sets are tried in the order of the terms and change by escape only where the
 * current ones lack a character; G0 is back at its start before each delimiter and at the end, and
 * after a delimiter G1 counts as reset, so it is designated again.   PS3.5 §6.1.2.5.3 */
#include "dcm_charset.h"

#include "dcm_charset_table.h"
#include "iso_utf8.h"

#include <string.h>

struct encoder {
    const struct dcm_charset *set;
    uint8_t                  *out; /* NULL while counting */
    size_t                    out_len;
    enum dcm_cs               g0, g1;
    enum dcm_cs               g0_start, g1_start;
    bool                      is_list;
    bool                      is_name;
};

static void put(struct encoder *e, const void *ptr, size_t len)
{
    if (e->out != NULL)
        memcpy(e->out + e->out_len, ptr, len);
    e->out_len += len;
}

static void designate(struct encoder *e, enum dcm_cs cs)
{
    enum dcm_cs *slot = cs_is_g0(cs) ? &e->g0 : &e->g1;

    if (*slot == cs)
        return;
    *slot = cs;
    put(e, "\x1b", 1);
    put(e, cs_escape(cs), strlen(cs_escape(cs)));
}

static void encode_delimiter(struct encoder *e, uint8_t c)
{
    designate(e, e->g0_start);
    put(e, &c, 1);
    e->g1 = e->g1_start;
}

static bool may_designate(const struct encoder *e, enum dcm_cs cs)
{
    return e->g0 == cs || e->g1 == cs || (e->set->code_extensions && cs_escape(cs) != NULL);
}

static bool encode_ascii(struct encoder *e, uint8_t c)
{
    bool is_delimiter = c == '\r' || c == '\n' || c == '\f' || c == '\t' ||
                        (e->is_list && c == '\\') || (e->is_name && (c == '^' || c == '='));

    if (is_delimiter) {
        encode_delimiter(e, c);
        return true;
    }
    bool printed = c >= 0x20 && c < 0x7f;
    if (printed && e->g0 != CS_ASCII && e->g0 != CS_ROMAJI)
        designate(e, e->g0_start); /* back to letters, the space too: not every reader keeps up */
    if (e->g0 == CS_ROMAJI && (c == '\\' || c == '~')) { /* where these are a yen and an overline */
        if (!e->set->code_extensions)
            return false;
        designate(e, CS_ASCII);
    }
    put(e, &c, 1);
    return true;
}

static bool try_set(struct encoder *e, enum dcm_cs cs, uint32_t scalar)
{
    uint8_t bytes[4];
    size_t  n = may_designate(e, cs) ? cs_encode(cs, scalar, bytes) : 0;

    if (n == 0 || (cs == CS_ROMAJI && e->is_list && bytes[0] == 0x5c)) /* would be a separator */
        return false;
    designate(e, cs);
    put(e, bytes, n);
    return true;
}

static bool encode_iso2022(struct encoder *e, uint32_t scalar)
{
    if (scalar < 0x80)
        return encode_ascii(e, (uint8_t)scalar);
    if ((e->g1 != CS_NONE && try_set(e, e->g1, scalar)) || try_set(e, e->g0, scalar))
        return true;
    for (size_t i = 0; i < e->set->count; i++) {
        enum dcm_cs cs = (enum dcm_cs)e->set->term[i];

        if (try_set(e, cs, scalar) || (cs == CS_KANA && try_set(e, CS_ROMAJI, scalar)))
            return true;
    }
    return false;
}

static bool encode_one(struct encoder *e, enum dcm_cs first, uint32_t scalar)
{
    uint8_t bytes[4];
    size_t  n;

    if (!cs_stands_alone(first))
        return encode_iso2022(e, scalar);
    if (scalar < 0x80) {
        bytes[0] = (uint8_t)scalar;
        n        = 1;
    } else {
        n = cs_encode(first, scalar, bytes);
    }
    put(e, bytes, n);
    return n > 0;
}

static int encode_all(struct encoder *e, enum dcm_cs first, iso_str utf8, struct iso_err *err)
{
    e->out_len = 0;
    e->g0      = e->g0_start;
    e->g1      = e->g1_start;
    while (utf8.len > 0) {
        uint32_t scalar;

        if (!iso_utf8_take(&utf8, &scalar))
            return iso_fail(err, ISO_EINVAL, "text is not UTF-8");
        if (!encode_one(e, first, scalar))
            return iso_fail(err, ISO_EUNSUPPORTED,
                            "the character set cannot say U+%04X (PS3.3 C.12.1.1.2)",
                            (unsigned)scalar);
    }
    if (!cs_stands_alone(first))
        designate(e, e->g0_start);
    return ISO_OK;
}

int dcm_charset_encode(const struct dcm_charset *set, enum dcm_vr vr, iso_str utf8,
                       struct iso_arena *arena, iso_bytes *raw, struct iso_err *err)
{
    static const struct dcm_charset none  = { 0 };
    const struct dcm_vr_info       *info  = dcm_vr_info(vr);
    size_t                          ascii = 0;
    int                             rc;

    if (!info->has_charset)
        set = &none;
    while (ascii < utf8.len && (unsigned char)utf8.ptr[ascii] < 0x80)
        ascii++;
    if (ascii == utf8.len && dcm_charset_is_utf8(set)) {
        *raw = iso_bytes_of_str(utf8);
        return ISO_OK;
    }

    enum dcm_cs    first = set->count > 0 ? (enum dcm_cs)set->term[0] : CS_ASCII;
    struct encoder e     = { .set = set, .is_list = info->is_list, .is_name = vr == DCM_VR_PN };

    e.g0_start = first == CS_KANA ? CS_ROMAJI : CS_ASCII;
    e.g1_start = cs_is_g0(first) ? CS_NONE : first;
    rc         = encode_all(&e, first, utf8, err);
    if (rc < 0)
        return rc;
    e.out = iso_arena_alloc(arena, e.out_len);
    if (e.out == NULL)
        return iso_arena_fail(arena, err);
    rc = encode_all(&e, first, utf8, err);
    if (rc == ISO_OK)
        *raw = iso_bytes_of(e.out, e.out_len);
    return rc;
}
