/* dcm_head.c: element headers.   PS3.5 §7.1
 * The usual header is read in a straight line. One that cannot be what the transfer syntax says is
 * tried in the other forms that scanners have been seen to write; a form is believed when the value
 * it announces ends where its surroundings end or where a next header stands. */
#include "dcm_parser_state.h"

#define LENGTH_UNDEFINED 0xffffffffU

struct head {
    enum dcm_vr vr;
    uint8_t     header; /* enum dcm_header */
    uint8_t     head_bytes;
    uint16_t    reserved;
    uint32_t    bytes;
};

/* ---- which VR --------------------------------------------------------------------------------- */

static const struct dcm_dict_entry *find_entry(const struct dcm_parser *p,
                                               const struct level *level, dcm_tag tag)
{
    dcm_tag block = (tag & 0xffff0000) | (tag >> 8 & 0xff);

    if (!dcm_tag_is_private(tag) || (tag & 0xffff) < 0x1000)
        return dcm_dict_find(tag);
    for (size_t i = p->owner_count; i > level->owners; i--)
        if (p->owner[i - 1].block == block)
            return dcm_dict_find_owned(p->owner[i - 1].creator, tag);
    return NULL;
}

/* What the dictionary says of a tag that came without VR; UN when nothing.   PS3.5 §A.1 */
static enum dcm_vr dictionary_vr(const struct dcm_parser *p, const struct level *level, dcm_tag tag)
{
    const struct dcm_dict_entry *entry = find_entry(p, level, tag);

    if (entry == NULL)
        return DCM_VR_UN;
    if (entry->vr_else == DCM_VR_NONE)
        return entry->vr;
    if (tag == DCM_LUT_DATA)
        return level->single_lut ? DCM_VR_US : DCM_VR_OW;
    if (tag == DCM_GRAY_LOOKUP_TABLE_DATA || entry->vr_else == DCM_VR_OW)
        return DCM_VR_OW;
    if (entry->vr_else == DCM_VR_SS)
        return level->signed_pixels ? DCM_VR_SS : DCM_VR_US;
    return entry->vr;
}

/* ---- odd headers ------------------------------------------------------------------------------ */

/* Could the eight bytes at ptr begin an element that follows `tag` in this data set? One without
 * VR where others have none or where this one had none. */
static bool is_next_head(const struct level *level, dcm_tag tag, bool implicit, const uint8_t *ptr)
{
    dcm_tag next = read_tag(ptr, level->big_endian);

    if (next == DCM_ITEM_DELIMITATION)
        return level->kind == LEVEL_ITEM && level->undefined;
    if (next <= tag || next >> 16 == 0xfffe)
        return false;
    if (dcm_vr_of((char)ptr[4], (char)ptr[5]) != DCM_VR_NONE)
        return true;
    return implicit && (ptr[7] == 0 || read_u32(ptr + 4, level->big_endian) == LENGTH_UNDEFINED);
}

/* Does a value of h->bytes after h->head_bytes lead to something sensible? Only what fits the
 * window can be looked at. */
static bool is_plausible(struct dcm_parser *p, const struct level *level, dcm_tag tag,
                         const struct head *h)
{
    uint64_t end = p->in.offset + h->head_bytes + h->bytes;
    size_t   ahead;
    int      rc;

    if (end > level->end)
        return false;
    if (end == level->end)
        return true;
    if (!p->in.memory && (uint64_t)h->head_bytes + h->bytes + 8 > DCM_WINDOW_BYTES)
        return false;
    ahead = (size_t)h->head_bytes + h->bytes;
    if (!dcm_input_need(&p->in, ahead + 8, &rc, NULL))
        return rc == ISO_OK && level->kind == LEVEL_TOP && p->in.left == ahead;
    return is_next_head(level, tag, level->implicit || h->header == DCM_HEADER_IMPLICIT,
                        p->in.ptr + ahead);
}

/* The header read in one of its forms; false: not that many bytes here. */
static bool read_form(struct dcm_parser *p, const struct level *level, enum dcm_header form,
                      struct head *h)
{
    const uint8_t *ptr;
    bool           big = level->big_endian;
    int            rc;

    *h = (struct head){ .header = (uint8_t)form, .head_bytes = 8 };
    if (form == DCM_HEADER_LONG) {
        if (!dcm_input_need(&p->in, 12, &rc, NULL))
            return false;
        h->head_bytes = 12;
        h->reserved   = big ? iso_u16be(p->in.ptr + 6) : iso_u16le(p->in.ptr + 6);
        h->bytes      = read_u32(p->in.ptr + 8, big);
        return h->bytes != LENGTH_UNDEFINED;
    }
    ptr = p->in.ptr;
    if (form == DCM_HEADER_SHORT)
        h->bytes = big ? iso_u16be(ptr + 6) : iso_u16le(ptr + 6);
    else
        h->bytes = read_u32(ptr + 4, big);
    return h->bytes != LENGTH_UNDEFINED;
}

/* The first of the forms that leads somewhere. */
static bool find_form(struct dcm_parser *p, const struct level *level, dcm_tag tag,
                      const enum dcm_header *forms, size_t count, struct head *h)
{
    for (size_t i = 0; i < count; i++)
        if (read_form(p, level, forms[i], h) && is_plausible(p, level, tag, h))
            return true;
    return false;
}

static bool is_upper(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

/* Two bytes where a VR should be that are none. */
static int read_unknown_vr(struct dcm_parser *p, const struct level *level, dcm_tag tag,
                           struct head *h, struct iso_err *err)
{
    static const enum dcm_header letters[] = { DCM_HEADER_LONG, DCM_HEADER_SHORT,
                                               DCM_HEADER_IMPLICIT };
    static const enum dcm_header others[]  = { DCM_HEADER_IMPLICIT, DCM_HEADER_SHORT,
                                               DCM_HEADER_LONG };
    const uint8_t               *vr        = p->in.ptr + 4;
    bool                         is_word   = is_upper(vr[0]) && is_upper(vr[1]);
    int                          rc;

    if (read_u32(vr, false) == LENGTH_UNDEFINED && dcm_input_need(&p->in, 16, &rc, NULL) &&
        read_tag(p->in.ptr + 8, level->big_endian) == DCM_ITEM) {
        *h = (struct head){ tag == DCM_PIXEL_DATA ? DCM_VR_OB : DCM_VR_SQ, DCM_HEADER_IMPLICIT, 8,
                            0, LENGTH_UNDEFINED };
        return ISO_OK;
    }
    vr = p->in.ptr + 4;
    if (!find_form(p, level, tag, is_word ? letters : others, 3, h)) {
        /* A VR of the future has the long form.   PS3.5 §6.2 */
        if (!is_word || !read_form(p, level, DCM_HEADER_LONG, h) || h->reserved != 0)
            return dcm_parser_fail(p, ISO_EFORMAT, err, "no VR: bytes %02x %02x", p->in.ptr[4],
                                   p->in.ptr[5]);
    }
    h->vr = dictionary_vr(p, level, tag);
    if (h->bytes % dcm_vr_info(h->vr)->unit_bytes != 0 ||
        (h->vr == DCM_VR_SQ && h->header != DCM_HEADER_IMPLICIT))
        h->vr = DCM_VR_UN;
    return ISO_OK;
}

/* ---- the usual ones --------------------------------------------------------------------------- */

static int read_explicit(struct dcm_parser *p, const struct level *level, dcm_tag tag,
                         struct head *h, struct iso_err *err)
{
    static const enum dcm_header other[] = { DCM_HEADER_LONG, DCM_HEADER_SHORT };
    const uint8_t               *ptr     = p->in.ptr;
    enum dcm_vr                  vr      = dcm_vr_of((char)ptr[4], (char)ptr[5]);
    struct head                  odd;
    int                          rc;

    if (vr == DCM_VR_NONE)
        return read_unknown_vr(p, level, tag, h, err);
    *h = (struct head){ .vr = vr, .head_bytes = 8 };
    if (!dcm_vr_info(vr)->long_header) {
        h->bytes = level->big_endian ? iso_u16be(ptr + 6) : iso_u16le(ptr + 6);
        return ISO_OK;
    }
    if (!dcm_input_need(&p->in, 12, &rc, err))
        return rc < 0 ? rc : dcm_parser_fail(p, ISO_EFORMAT, err, "cut within its header");
    ptr           = p->in.ptr;
    h->head_bytes = 12;
    h->reserved   = level->big_endian ? iso_u16be(ptr + 6) : iso_u16le(ptr + 6);
    h->bytes      = read_u32(ptr + 8, level->big_endian);
    if (h->reserved != 0 && find_form(p, level, tag, other, 2, &odd) &&
        odd.header == DCM_HEADER_SHORT) { /* OB, UT … with a 16-bit length */
        *h    = odd;
        h->vr = vr;
    }
    return ISO_OK;
}

/* True, with *h changed, when an element of an implicit data set carries a VR all the same. */
static bool is_explicit_after_all(struct dcm_parser *p, const struct level *level, dcm_tag tag,
                                  struct head *h)
{
    enum dcm_vr vr = dcm_vr_of((char)p->in.ptr[4], (char)p->in.ptr[5]);
    struct head e;

    if (vr == DCM_VR_NONE || is_plausible(p, level, tag, h))
        return false;
    if (!read_form(p, level, dcm_vr_info(vr)->long_header ? DCM_HEADER_LONG : DCM_HEADER_SHORT,
                   &e)) {
        if (vr != DCM_VR_SQ || e.head_bytes != 12 || e.bytes != LENGTH_UNDEFINED)
            return false; /* only a sequence may come without length here */
    } else {
        /* what follows is explicit too, or ends */
        struct level explicit_level = *level;

        explicit_level.implicit = false;
        if (!is_plausible(p, &explicit_level, tag, &e) && !is_plausible(p, level, tag, &e))
            return false;
    }
    *h        = e;
    h->vr     = vr;
    h->header = DCM_HEADER_EXPLICIT;
    return true;
}

static void read_implicit(struct dcm_parser *p, const struct level *level, dcm_tag tag,
                          struct head *h)
{
    *h = (struct head){ .head_bytes = 8, .bytes = read_u32(p->in.ptr + 4, level->big_endian) };
    if (h->bytes != LENGTH_UNDEFINED && is_explicit_after_all(p, level, tag, h))
        return;
    h->vr = dictionary_vr(p, level, tag);
}

/* An item stands where the value begins. */
static bool begins_with_item(struct dcm_parser *p, const struct head *h)
{
    int rc;

    return dcm_input_need(&p->in, (size_t)h->head_bytes + 8, &rc, NULL) &&
           read_tag(p->in.ptr + h->head_bytes, false) == DCM_ITEM;
}

/* UN of a tag that we know: what it holds is as in implicit VR LE.   PS3.5 §6.2.2, CP-246 */
static void look_through_un(struct dcm_parser *p, const struct level *level, dcm_tag tag,
                            struct head *h)
{
    enum dcm_vr vr = dictionary_vr(p, level, tag);

    if (vr == DCM_VR_SQ && h->bytes > 0 && !begins_with_item(p, h))
        return;
    if (h->bytes % dcm_vr_info(vr)->unit_bytes == 0)
        h->vr = vr;
}

int dcm_parser_head(struct dcm_parser *p, struct level *level, struct iso_err *err)
{
    dcm_tag     tag       = p->at.tag;
    char        letter[2] = { (char)p->in.ptr[4], (char)p->in.ptr[5] };
    bool        explicit_form;
    struct head h;
    int         rc;

    if (level->implicit) {
        read_implicit(p, level, tag, &h);
    } else {
        rc = read_explicit(p, level, tag, &h, err);
        if (rc < 0)
            return rc;
    }
    explicit_form =
        level->implicit ? h.header == DCM_HEADER_EXPLICIT : h.header != DCM_HEADER_IMPLICIT;
    p->swap_unit = level->big_endian ? dcm_vr_info(h.vr)->unit_bytes : 1;
    if (h.vr == DCM_VR_UN && h.header != DCM_HEADER_SHORT && h.header != DCM_HEADER_LONG &&
        explicit_form && h.bytes != LENGTH_UNDEFINED)
        look_through_un(p, level, tag, &h);
    /* A private dictionary may be wrong about a sequence; items are not mistaken for something. */
    if (h.vr == DCM_VR_SQ && !explicit_form && dcm_tag_is_private(tag) && h.bytes > 0 &&
        h.bytes != LENGTH_UNDEFINED && !begins_with_item(p, &h))
        h.vr = DCM_VR_UN;
    p->at.wire_vr[0] = p->at.wire_vr[1] = '\0';
    if (explicit_form && (h.header >= DCM_HEADER_SHORT || dcm_vr_info(h.vr)->name[0] != letter[0] ||
                          dcm_vr_info(h.vr)->name[1] != letter[1])) {
        p->at.wire_vr[0] = letter[0];
        p->at.wire_vr[1] = letter[1];
    }
    p->at.vr               = h.vr;
    p->at.header           = h.header;
    p->at.reserved         = h.reserved;
    p->at.undefined_length = h.bytes == LENGTH_UNDEFINED;
    p->at.bytes            = p->at.undefined_length ? 0 : h.bytes;
    dcm_input_advance(&p->in, h.head_bytes);
    p->at.value_offset = p->in.offset + p->offset_base;
    return ISO_OK;
}

/* ---- what later headers depend on ------------------------------------------------------------- */

int dcm_parser_note(struct dcm_parser *p, struct level *level, struct iso_err *err)
{
    dcm_tag tag   = p->at.tag;
    size_t  bytes = p->at.bytes <= 64 ? (size_t)p->at.bytes : 64;
    size_t  creator;
    int     rc;

    if (!dcm_tag_is_private_creator(tag) && tag != DCM_PIXEL_REPRESENTATION &&
        tag != DCM_LUT_DESCRIPTOR)
        return ISO_OK;
    if (!dcm_input_need(&p->in, bytes, &rc, err))
        return rc; /* cut: whoever reads or skips the value says so */
    if (dcm_tag_is_private_creator(tag)) {
        creator = dcm_dict_creator(iso_str_of((const char *)p->in.ptr, bytes));
        if (creator != 0 && p->owner_count < OWNERS_MAX)
            p->owner[p->owner_count++] = (struct owner){ tag, creator };
    } else if (bytes >= 2) {
        uint16_t v = level->big_endian ? iso_u16be(p->in.ptr) : iso_u16le(p->in.ptr);

        if (tag == DCM_LUT_DESCRIPTOR)
            level->single_lut = v == 1;
        else
            level->signed_pixels = v == 1;
    }
    return ISO_OK;
}
