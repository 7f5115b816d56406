/* dcm_dict.c: searches in the tables that tools/gen_dict.py made of data/. All are sorted, all
 * searches are bisections; the tags stand apart from their entries so that a search stays in a few
 * cache lines. */
#include "dcm_dict.h"

#include <string.h>

struct dict_repeating {
    dcm_tag               mask;
    struct dcm_dict_entry entry;
};

struct dict_creator {
    const char *name;
    uint16_t    first;
    uint16_t    count;
};

#include "dcm_dict_tables.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static const struct dcm_dict_entry group_length = {
    .vr         = DCM_VR_UL,
    .vr_else    = DCM_VR_NONE,
    .retired    = true,
    .vm         = "1",
    .keyword_at = DICT_TEXT_GROUP_LENGTH_KEYWORD,
    .name_at    = DICT_TEXT_GROUP_LENGTH,
};
static const struct dcm_dict_entry private_creator = {
    .tag        = 0x00010010,
    .vr         = DCM_VR_LO,
    .vr_else    = DCM_VR_NONE,
    .vm         = "1",
    .keyword_at = DICT_TEXT_PRIVATE_CREATOR_KEYWORD,
    .name_at    = DICT_TEXT_PRIVATE_CREATOR,
};

static const struct dcm_syntax unknown_syntax = {
    .uid          = "",
    .name         = "Unknown Transfer Syntax",
    .explicit_vr  = true, /* whatever is not the default one is.   PS3.5 §A.4 */
    .encapsulated = true,
    .media_type   = "application/octet-stream",
};

const struct dcm_syntax *const DCM_IMPLICIT_LE = &dict_syntaxes[DICT_IMPLICIT_LE];
const struct dcm_syntax *const DCM_EXPLICIT_LE = &dict_syntaxes[DICT_EXPLICIT_LE];
const struct dcm_syntax *const DCM_EXPLICIT_BE = &dict_syntaxes[DICT_EXPLICIT_BE];
const struct dcm_syntax *const DCM_DEFLATED_LE = &dict_syntaxes[DICT_DEFLATED_LE];

/* UIDs and creators are padded with NUL or spaces in the wild, on either side. */
static iso_str trim(iso_str s)
{
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\0'))
        s.len--;
    while (s.len > 0 && s.ptr[0] == ' ')
        s = iso_str_sub(s, 1, s.len - 1);
    return s;
}

const char *dcm_dict_keyword(const struct dcm_dict_entry *entry)
{
    return dict_text + entry->keyword_at;
}

const char *dcm_dict_name(const struct dcm_dict_entry *entry)
{
    return dict_text + entry->name_at;
}

const struct dcm_dict_entry *dcm_dict_find(dcm_tag tag)
{
    size_t low = 0, high = COUNT_OF(dict_tags);

    if (dcm_tag_is_private_creator(tag))
        return &private_creator;
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (dict_tags[mid] < tag)
            low = mid + 1;
        else
            high = mid;
    }
    if (low < COUNT_OF(dict_tags) && dict_tags[low] == tag)
        return &dict_public[low];
    if ((tag & 0xffff) == 0)
        return &group_length;
    if (dcm_tag_is_private(tag))
        return NULL;
    for (size_t i = 0; i < COUNT_OF(dict_repeating); i++)
        if ((tag & dict_repeating[i].mask) == dict_repeating[i].entry.tag)
            return &dict_repeating[i].entry;
    return NULL;
}

static const struct dcm_dict_entry *keyword_at(size_t i)
{
    size_t at = dict_keywords[i];

    return at < COUNT_OF(dict_public) ? &dict_public[at]
                                      : &dict_repeating[at - COUNT_OF(dict_public)].entry;
}

const struct dcm_dict_entry *dcm_dict_find_keyword(iso_str keyword)
{
    size_t low = 0, high = COUNT_OF(dict_keywords);

    while (low < high) {
        size_t                       mid   = low + (high - low) / 2;
        const struct dcm_dict_entry *entry = keyword_at(mid);
        int order = iso_str_cmp(iso_str_c(dcm_dict_keyword(entry)), keyword);

        if (order == 0)
            return entry;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

size_t dcm_dict_creator(iso_str creator)
{
    size_t low = 0, high = COUNT_OF(dict_creators);

    creator = trim(creator);
    while (low < high) {
        size_t mid   = low + (high - low) / 2;
        int    order = iso_str_cmp(iso_str_c(dict_creators[mid].name), creator);

        if (order == 0)
            return mid + 1;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return 0;
}

const struct dcm_dict_entry *dcm_dict_find_owned(size_t creator, dcm_tag element)
{
    const struct dict_creator   *owner;
    const struct dcm_dict_entry *mine;
    size_t                       low = 0, high;

    if (creator == 0 || creator > COUNT_OF(dict_creators))
        return NULL;
    owner = &dict_creators[creator - 1];
    mine  = &dict_private[owner->first];
    high  = owner->count;
    element &= 0xffff00ff;
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (mine[mid].tag == element)
            return &mine[mid];
        if (mine[mid].tag < element)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const struct dcm_dict_entry *dcm_dict_find_private(iso_str creator, dcm_tag element)
{
    return dcm_dict_find_owned(dcm_dict_creator(creator), element);
}

/* Exactly n hexadecimal digits at the front of *s, which are cut off. */
static bool take_hex(iso_str *s, size_t n, uint32_t *out)
{
    uint32_t v = 0;

    if (s->len < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = s->ptr[i];

        if (c >= '0' && c <= '9')
            v = v << 4 | (uint32_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            v = v << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
        else
            return false;
    }
    *s   = iso_str_sub(*s, n, s->len - n);
    *out = v;
    return true;
}

bool dcm_tag_parse(iso_str text, dcm_tag *tag)
{
    const struct dcm_dict_entry *entry;
    iso_str                      s = iso_str_trim(text);
    uint32_t                     group, element;

    if (s.len == 11 && s.ptr[0] == '(' && s.ptr[10] == ')')
        s = iso_str_sub(s, 1, 9);
    if (s.len == 8 || (s.len == 9 && s.ptr[4] == ',')) {
        iso_str digits = s;

        if (take_hex(&digits, 4, &group)) {
            if (digits.len == 5)
                digits = iso_str_sub(digits, 1, 4);
            if (take_hex(&digits, 4, &element)) {
                *tag = DCM_TAG(group, element);
                return true;
            }
        }
    }
    entry = dcm_dict_find_keyword(s);
    if (entry == NULL || s.len == 0)
        return false;
    *tag = entry->tag;
    return true;
}

const struct dcm_uid_entry *dcm_uid_find(iso_str uid)
{
    size_t low = 0, high = COUNT_OF(dict_uids);

    uid = trim(uid);
    while (low < high) {
        size_t mid   = low + (high - low) / 2;
        int    order = iso_str_cmp(iso_str_c(dict_uids[mid].uid), uid);

        if (order == 0)
            return &dict_uids[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const struct dcm_uid_entry *dcm_uid_at(size_t i)
{
    return i < COUNT_OF(dict_uids) ? &dict_uids[i] : NULL;
}

bool dcm_uid_valid(iso_str uid)
{
    if (uid.len == 0 || uid.len > 64)
        return false;
    for (iso_str rest = uid; rest.ptr != NULL;) {
        iso_str part = iso_str_cut(&rest, '.');

        if (part.len == 0 || (part.len > 1 && part.ptr[0] == '0'))
            return false;
        for (size_t i = 0; i < part.len; i++)
            if (part.ptr[i] < '0' || part.ptr[i] > '9')
                return false;
    }
    return true;
}

bool dcm_uid_acceptable(iso_str uid)
{
    if (uid.len == 0 || uid.len > DCM_UID_CHARS_MAX || uid.ptr[0] == '.')
        return false;
    for (size_t i = 0; i < uid.len; i++)
        if (uid.ptr[i] != '.' && (uid.ptr[i] < '0' || uid.ptr[i] > '9'))
            return false;
    return true;
}

const struct dcm_syntax *dcm_syntax_find(iso_str uid)
{
    size_t low = 0, high = COUNT_OF(dict_syntaxes);

    uid = trim(uid);
    while (low < high) {
        size_t mid   = low + (high - low) / 2;
        int    order = iso_str_cmp(iso_str_c(dict_syntaxes[mid].uid), uid);

        if (order == 0)
            return &dict_syntaxes[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const struct dcm_syntax *dcm_syntax_or_default(iso_str uid)
{
    const struct dcm_syntax *syntax = dcm_syntax_find(uid);

    return syntax != NULL ? syntax : &unknown_syntax;
}

void dcm_uid_make(const uint8_t bytes[16], char out[65])
{
    uint8_t number[16];
    char    digits[40];
    size_t  at  = sizeof digits;
    bool    any = true;

    memcpy(number, bytes, sizeof number);
    number[6] = (uint8_t)((number[6] & 0x0f) | 0x80); /* version 8 */
    number[8] = (uint8_t)((number[8] & 0x3f) | 0x80); /* variant */
    while (any && at > 0) { /* schoolbook division by ten; 128 bits have 39 digits */
        unsigned rest = 0;

        any = false;
        for (size_t i = 0; i < sizeof number; i++) {
            unsigned part = rest << 8 | number[i];
            number[i]     = (uint8_t)(part / 10);
            rest          = part % 10;
            any           = any || number[i] != 0;
        }
        digits[--at] = (char)('0' + rest);
    }
    memcpy(out, "2.25.", 5);
    memcpy(out + 5, digits + at, sizeof digits - at);
    out[5 + sizeof digits - at] = '\0';
}

/* ---- transfer syntaxes by the names people use ---- */

static const struct {
    const char *name;
    const char *uid;
} syntax_names[] = {
    { "explicit-le", "1.2.840.10008.1.2.1" },      { "implicit-le", "1.2.840.10008.1.2" },
    { "explicit-be", "1.2.840.10008.1.2.2" },      { "deflated", "1.2.840.10008.1.2.1.99" },
    { "encapsulated", "1.2.840.10008.1.2.1.98" },  { "rle", "1.2.840.10008.1.2.5" },
    { "jpeg", "1.2.840.10008.1.2.4.50" },          { "jpeg12", "1.2.840.10008.1.2.4.51" },
    { "jpeg-lossless", "1.2.840.10008.1.2.4.70" }, { "jpeg-lossless-14", "1.2.840.10008.1.2.4.57" },
    { "jpegls", "1.2.840.10008.1.2.4.80" },        { "jpegls-near", "1.2.840.10008.1.2.4.81" },
    { "j2k", "1.2.840.10008.1.2.4.90" },           { "j2k-lossy", "1.2.840.10008.1.2.4.91" },
    { "htj2k", "1.2.840.10008.1.2.4.201" },        { "htj2k-rpcl", "1.2.840.10008.1.2.4.202" },
    { "htj2k-lossy", "1.2.840.10008.1.2.4.203" },  { "jxl", "1.2.840.10008.1.2.4.110" },
    { "jxl-jpeg", "1.2.840.10008.1.2.4.111" },     { "jxl-lossy", "1.2.840.10008.1.2.4.112" },
};

const char *dcm_syntax_name_at(size_t i, const char **uid)
{
    if (i >= sizeof syntax_names / sizeof *syntax_names)
        return NULL;
    *uid = syntax_names[i].uid;
    return syntax_names[i].name;
}

const struct dcm_syntax *dcm_syntax_named(iso_str name)
{
    const struct dcm_uid_entry *entry;

    for (size_t i = 0; i < sizeof syntax_names / sizeof *syntax_names; i++)
        if (iso_str_eq_c(name, syntax_names[i].name))
            return dcm_syntax_find(iso_str_c(syntax_names[i].uid));
    for (size_t i = 0; (entry = dcm_uid_at(i)) != NULL; i++)
        if (entry->kind == DCM_UID_TRANSFER_SYNTAX && iso_str_eq_c(name, entry->keyword))
            return dcm_syntax_find(iso_str_c(entry->uid));
    return dcm_syntax_find(name);
}
