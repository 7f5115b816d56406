/* The reader: expat calls us for each start, end and piece of text; a small machine with one frame
 * per data set builds the tree as the JSON reader does. A document type declaration stops the parse
 * at once, so there are no entities to expand but the five and character references; text outside of
 * values is ignored. expat keeps one buffer; depth, memory and repeated values have limits. */
#include "dcm_xml.h"

#include "dcm_model.h"
#include "dcm_parser.h"

#include <expat.h>
#include <string.h>

enum {
    FEED_BYTES   = 64 << 10,
    GAP_MAX      = 1024, /* values that number= may leave out at once */
    CREATORS_MAX = 1024, /* private blocks of one data set */
    TEXT_MIN     = 256
};

#define NAMESPACE "http://dicom.nema.org/PS3.19/models/NativeDICOM"

/* A private block that has been met or made. */
struct block {
    iso_str  creator;
    uint16_t group;
    uint8_t  number; /* 10..FF */
};

/* One data set that is being read: the document's, or an item's. */
struct frame {
    struct dcm_dataset *ds;
    struct dcm_element *el; /* between <DicomAttribute> and its end; NULL outside */
    struct dcm_collect  values;
    bool                has_value, has_inline, has_bulk;
    struct block       *block;
    size_t              block_count, block_cap;
};

enum place {
    IN_NOTHING,
    IN_DATASET,
    IN_ATTRIBUTE,
    IN_VALUE,
    IN_INLINE,
    IN_BULK,
    IN_NAME,
    IN_GROUP,
    IN_COMPONENT
};

struct xml_source {
    XML_Parser        parser;
    struct iso_arena *arena;
    struct iso_err   *err;
    int               failed;
    struct frame      frame[DCM_DEPTH_MAX + 1];
    size_t            depth; /* of the current frame */
    enum place        place;
    bool              done; /* the document's element has ended */
    bool              bulk_refused;
    bool              is_ascii;
    size_t            bulk_count;
    char             *text; /* of the value, reused */
    size_t            text_len, text_cap;
    iso_str           part[3][5]; /* components of the name */
    size_t            group, component;
};

static void fail(struct xml_source *s, int rc)
{
    if (s->failed == ISO_OK)
        s->failed = rc;
    (void)XML_StopParser(s->parser, XML_FALSE);
}

static void wrong(struct xml_source *s, const char *what, const char *name)
{
    if (s->failed != ISO_OK)
        return;
    fail(s, iso_fail(s->err, ISO_EFORMAT, "XML, line %lu: %s '%.64s'",
                     (unsigned long)XML_GetCurrentLineNumber(s->parser), what, name));
}

static struct frame *top(struct xml_source *s)
{
    return &s->frame[s->depth];
}

static const char *attribute(const char **atts, const char *name)
{
    for (; atts[0] != NULL; atts += 2)
        if (strcmp(atts[0], name) == 0)
            return atts[1];
    return NULL;
}

/* ---- private blocks --------------------------------------------------------------------------- */

static int remember_block(struct xml_source *s, struct frame *f, uint16_t group, uint8_t number,
                          iso_str creator)
{
    if (f->block_count == CREATORS_MAX)
        return iso_fail(s->err, ISO_ELIMIT, "more than %d private blocks", CREATORS_MAX);
    if (f->block_count == f->block_cap) {
        struct block *grown = iso_arena_grow(s->arena, f->block, f->block_count, f->block_count + 1,
                                             sizeof *grown, &f->block_cap);
        if (grown == NULL)
            return iso_arena_fail(s->arena, s->err);
        f->block = grown;
    }
    f->block[f->block_count++] = (struct block){ creator, group, number };
    return ISO_OK;
}

/* The tag of a private attribute whose block was written as 00: the block its creator has here, or
 * the next free one, for which the creator element is made. */
static int place_private(struct xml_source *s, struct frame *f, iso_str creator, dcm_tag *tag)
{
    uint16_t            group = dcm_tag_group(*tag);
    unsigned            free  = 0x10;
    struct dcm_element *el;
    struct dcm_collect  c;
    int                 rc;

    if (!dcm_tag_is_private(*tag) || (*tag & 0xff00) != 0 || creator.len == 0)
        return ISO_OK;
    if (iso_str_find(creator, '\\', 0) < creator.len) /* it would read back as two values */
        return iso_fail(s->err, ISO_EFORMAT, "privateCreator= with a backslash");
    for (size_t i = 0; i < f->block_count; i++) {
        if (f->block[i].group != group)
            continue;
        if (iso_str_eq(f->block[i].creator, creator)) {
            *tag |= (dcm_tag)f->block[i].number << 8;
            return ISO_OK;
        }
        if (f->block[i].number >= free)
            free = f->block[i].number + 1U;
    }
    if (free > 0xff)
        return iso_fail(s->err, ISO_ELIMIT, "no private block left in group %04x", group);
    creator = iso_arena_str(s->arena, creator);
    if (creator.ptr == NULL)
        return iso_arena_fail(s->arena, s->err);
    rc = remember_block(s, f, group, (uint8_t)free, creator);
    if (rc == ISO_OK)
        rc = dcm_model_append(f->ds, s->arena, DCM_TAG(group, free), DCM_VR_LO, &el, s->err);
    if (rc < 0)
        return rc;
    dcm_collect_init(&c, s->arena, el->tag, DCM_VR_LO);
    rc = dcm_collect_add(&c, creator, s->err);
    if (rc == ISO_OK)
        rc = dcm_collect_finish(&c, &el->value, s->err);
    *tag |= (dcm_tag)free << 8;
    return rc;
}

/* ---- starts ----------------------------------------------------------------------------------- */

static void start_dataset(struct xml_source *s, struct dcm_dataset *ds)
{
    *top(s) = (struct frame){ .ds = ds };
    if (!s->is_ascii)
        dcm_charset_init(&ds->charset, iso_bytes_of("ISO_IR 192", 10));
    s->place = IN_DATASET;
}

static void start_attribute(struct xml_source *s, const char **atts)
{
    struct frame *f       = top(s);
    const char   *tag_str = attribute(atts, "tag");
    iso_str       creator = iso_str_trim(iso_str_c(attribute(atts, "privateCreator")));
    dcm_tag       tag;
    enum dcm_vr   vr;
    int           rc;

    if (tag_str == NULL)
        return wrong(s, "no tag=", "DicomAttribute");
    rc = dcm_model_attribute(iso_str_c(tag_str), iso_str_c(attribute(atts, "vr")), &tag, &vr,
                             s->err);
    if (rc == ISO_OK)
        rc = place_private(s, f, creator, &tag);
    if (rc == ISO_OK)
        rc = dcm_model_append(f->ds, s->arena, tag, vr, &f->el, s->err);
    if (rc < 0)
        return fail(s, rc);
    if (vr == DCM_VR_SQ)
        f->el->form = DCM_FORM_SEQUENCE;
    f->has_value = f->has_inline = f->has_bulk = false;
    dcm_collect_init(&f->values, s->arena, tag, vr);
    s->place = IN_ATTRIBUTE;
}

static void start_item(struct xml_source *s)
{
    struct frame       *f = top(s);
    struct dcm_dataset *item;

    if (f->el->vr != DCM_VR_SQ)
        return wrong(s, "an item in a VR", dcm_vr_info((enum dcm_vr)f->el->vr)->name);
    if (s->depth == DCM_DEPTH_MAX)
        return fail(s,
                    iso_fail(s->err, ISO_ELIMIT, "sequences nested deeper than %d", DCM_DEPTH_MAX));
    item = dcm_element_add_item(f->ds, f->el, s->arena);
    if (item == NULL)
        return fail(s, iso_arena_fail(s->arena, s->err));
    s->depth++;
    start_dataset(s, item);
}

/* number= of a value: those it leaves out are empty. */
static void fill_gap(struct xml_source *s, const char **atts)
{
    struct frame *f      = top(s);
    const char   *number = attribute(atts, "number");
    uint64_t      n;
    int           rc = ISO_OK;

    if (number == NULL)
        return;
    if (!iso_str_to_u64(iso_str_c(number), &n) || n == 0 || n <= f->values.count ||
        n > f->values.count + GAP_MAX)
        return wrong(s, "out of order: number=", number);
    while (f->values.count + 1 < n && rc == ISO_OK)
        rc = dcm_collect_add(&f->values, iso_str_of("", 0), s->err);
    if (rc < 0)
        fail(s, rc);
}

static void start_in_attribute(struct xml_source *s, const char *name, const char **atts)
{
    struct frame *f = top(s);

    s->text_len = 0;
    if (strcmp(name, "Item") == 0)
        return start_item(s);
    if (f->el->vr == DCM_VR_SQ || f->has_inline || f->has_bulk)
        return wrong(s, "does not belong here:", name);
    if (strcmp(name, "Value") == 0 || strcmp(name, "PersonName") == 0) {
        f->has_value = true;
        memset(s->part, 0, sizeof s->part);
        s->place = name[0] == 'V' ? IN_VALUE : IN_NAME;
        fill_gap(s, atts);
    } else if (f->has_value) {
        wrong(s, "beside values:", name);
    } else if (strcmp(name, "InlineBinary") == 0) {
        f->has_inline = true;
        s->place      = IN_INLINE;
    } else if (strcmp(name, "BulkData") == 0) {
        const char *uri = attribute(atts, "uri");

        if (uri == NULL)
            uri = attribute(atts, "uuid");
        if (s->bulk_refused || uri == NULL)
            return wrong(s, "no bulk data can come with this:", uri != NULL ? uri : name);
        iso_str copy = iso_arena_str(s->arena, iso_str_c(uri));
        if (copy.ptr == NULL)
            return fail(s, iso_arena_fail(s->arena, s->err));
        f->has_bulk  = true;
        f->el->form  = DCM_FORM_BULK;
        f->el->value = iso_bytes_of_str(copy);
        s->bulk_count++;
        s->place = IN_BULK;
    } else {
        wrong(s, "unknown element", name);
    }
}

static size_t index_of(const char *name, const char *const *names, size_t count)
{
    size_t i = 0;

    while (i < count && strcmp(name, names[i]) != 0)
        i++;
    return i;
}

static void start_in_name(struct xml_source *s, const char *name)
{
    static const char *const groups[]     = { "Alphabetic", "Ideographic", "Phonetic" };
    static const char *const components[] = { "FamilyName", "GivenName", "MiddleName", "NamePrefix",
                                              "NameSuffix" };

    s->text_len = 0;
    if (s->place == IN_NAME && (s->group = index_of(name, groups, 3)) < 3)
        s->place = IN_GROUP;
    else if (s->place == IN_GROUP && (s->component = index_of(name, components, 5)) < 5)
        s->place = IN_COMPONENT;
    else
        wrong(s, "unknown element", name);
}

static void XMLCALL on_start(void *ctx, const char *name, const char **atts)
{
    struct xml_source *s    = ctx;
    const char        *last = strrchr(name, '|'); /* the namespace, where there is one */

    if (s->failed != ISO_OK)
        return;
    if (last != NULL && strncmp(name, NAMESPACE, (size_t)(last - name)) == 0)
        name = last + 1;
    if (s->place == IN_NOTHING && !s->done && strcmp(name, "NativeDicomModel") == 0)
        start_dataset(s, s->frame[0].ds);
    else if (s->place == IN_DATASET && strcmp(name, "DicomAttribute") == 0)
        start_attribute(s, atts);
    else if (s->place == IN_ATTRIBUTE)
        start_in_attribute(s, name, atts);
    else if (s->place == IN_NAME || s->place == IN_GROUP)
        start_in_name(s, name);
    else
        wrong(s, "unexpected element", name);
}

/* ---- text and ends ---------------------------------------------------------------------------- */

static void XMLCALL on_text(void *ctx, const char *ptr, int len)
{
    struct xml_source *s = ctx;
    size_t             need;

    if (s->failed != ISO_OK ||
        (s->place != IN_VALUE && s->place != IN_INLINE && s->place != IN_COMPONENT))
        return;
    need = s->text_len + (size_t)len;
    if (need > s->text_cap) {
        char *grown = iso_arena_grow(s->arena, s->text, s->text_len,
                                     need > TEXT_MIN ? need : TEXT_MIN, 1, &s->text_cap);
        if (grown == NULL)
            return fail(s, iso_arena_fail(s->arena, s->err));
        s->text = grown;
    }
    memcpy(s->text + s->text_len, ptr, (size_t)len);
    s->text_len = need;
}

static void end_name(struct xml_source *s)
{
    iso_str groups[3];
    int     rc;

    for (size_t g = 0; g < 3; g++) {
        size_t used = 5;

        while (used > 0 && s->part[g][used - 1].len == 0)
            used--;
        struct dcm_collect c; /* joins the components */
        dcm_collect_init(&c, s->arena, 0, DCM_VR_LT);
        for (size_t k = 0; k < used; k++) {
            rc = dcm_collect_raw(&c, k > 0 ? ISO_STR("^") : ISO_STR(""), s->err);
            if (rc == ISO_OK)
                rc = dcm_collect_raw(&c, s->part[g][k], s->err);
            if (rc < 0)
                return fail(s, rc);
        }
        groups[g] = iso_str_of(c.ptr, c.len);
    }
    rc = dcm_collect_name(&top(s)->values, groups, s->err);
    if (rc < 0)
        fail(s, rc);
}

static void end_value(struct xml_source *s)
{
    iso_str text = iso_str_of(s->text, s->text_len);
    int     rc   = s->place == IN_INLINE ? dcm_collect_base64(&top(s)->values, text, s->err)
                                         : dcm_collect_add(&top(s)->values, text, s->err);

    if (rc < 0)
        fail(s, rc);
}

static void end_component(struct xml_source *s)
{
    iso_str copy = iso_arena_str(s->arena, iso_str_of(s->text, s->text_len));

    if (copy.ptr == NULL)
        return fail(s, iso_arena_fail(s->arena, s->err));
    s->part[s->group][s->component] = copy;
    s->place                        = IN_GROUP;
}

static void end_attribute(struct xml_source *s)
{
    struct frame       *f  = top(s);
    struct dcm_element *el = f->el;
    int                 rc = ISO_OK;

    if (el->form == DCM_FORM_VALUE) {
        rc        = dcm_collect_finish(&f->values, &el->value, s->err);
        el->bytes = el->value.len;
    }
    if (rc == ISO_OK && dcm_tag_is_private_creator(el->tag) && el->form == DCM_FORM_VALUE) {
        iso_str creator = iso_str_trim(dcm_model_trim(DCM_VR_LO, iso_str_of_bytes(el->value)));

        rc = remember_block(s, f, dcm_tag_group(el->tag), (uint8_t)el->tag, creator);
    }
    if (rc < 0)
        return fail(s, rc);
    dcm_model_charset(f->ds, el);
    f->el    = NULL;
    s->place = IN_DATASET;
}

static void end_dataset(struct xml_source *s)
{
    struct frame *f  = top(s);
    int           rc = ISO_OK;

    if (s->depth == 0 && !s->is_ascii)
        rc = dcm_model_say_utf8(f->ds, s->arena, s->err);
    if (rc == ISO_OK)
        rc = dcm_model_finish(f->ds, s->err);
    if (rc < 0)
        return fail(s, rc);
    s->place = s->depth == 0 ? IN_NOTHING : IN_ATTRIBUTE;
    if (s->depth > 0)
        s->depth--;
    else
        s->done = true;
}

static void XMLCALL on_end(void *ctx, const char *name)
{
    struct xml_source *s = ctx;

    (void)name; /* expat checks that it is the one that began */
    if (s->failed != ISO_OK)
        return;
    switch (s->place) {
    case IN_COMPONENT:
        end_component(s);
        break;
    case IN_GROUP:
        s->place = IN_NAME;
        break;
    case IN_NAME:
        end_name(s);
        s->place = IN_ATTRIBUTE;
        break;
    case IN_VALUE:
    case IN_INLINE:
        end_value(s);
        s->place = IN_ATTRIBUTE;
        break;
    case IN_BULK:
        s->place = IN_ATTRIBUTE;
        break;
    case IN_ATTRIBUTE:
        end_attribute(s);
        break;
    default:
        end_dataset(s);
    }
}

static void XMLCALL on_doctype(void *ctx, const char *name, const char *system_id,
                               const char *public_id, int has_internal_subset)
{
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    wrong(ctx, "a document type declaration is refused:", name);
}

static int feed(struct xml_source *s, iso_bytes text)
{
    for (size_t at = 0;;) {
        size_t left = text.len - at;
        size_t n    = left < FEED_BYTES ? left : FEED_BYTES;

        if (XML_Parse(s->parser, (const char *)text.ptr + at, (int)n, n == left) ==
            XML_STATUS_ERROR) {
            if (s->failed != ISO_OK)
                return s->failed;
            enum XML_Error code = XML_GetErrorCode(s->parser);
            if (code == XML_ERROR_NO_MEMORY)
                return iso_fail(s->err, ISO_ENOMEM, "no memory for the XML parser");
            return iso_fail(s->err, ISO_EFORMAT, "XML, line %lu: %s",
                            (unsigned long)XML_GetCurrentLineNumber(s->parser),
                            XML_ErrorString(code));
        }
        at += n;
        if (at == text.len)
            return ISO_OK;
    }
}

/* Of "&#…;": is it a character beyond ASCII? Hexadecimal is taken to be. */
static bool is_beyond_ascii(iso_str reference)
{
    uint64_t c;
    size_t   end = iso_str_find(reference, ';', 0);

    return end > 8 || !iso_str_to_u64(iso_str_sub(reference, 0, end), &c) || c >= 0x80;
}

static bool is_ascii(iso_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] >= 0x80 || text.ptr[i] == 0) /* UTF-8, or UTF-16 */
            return false;
        if (text.ptr[i] == '&' && i + 1 < text.len && text.ptr[i + 1] == '#' &&
            is_beyond_ascii(iso_str_sub(iso_str_of_bytes(text), i + 2, 16)))
            return false;
    }
    return true;
}

int dcm_xml_read(iso_bytes text, struct iso_arena *arena, struct dcm_dataset *ds,
                 struct dcm_json_bulk **bulk, size_t *bulk_count, struct iso_err *err)
{
    struct xml_source    *s    = iso_arena_alloc(arena, sizeof *s);
    struct dcm_dataset   *root = iso_arena_alloc(arena, sizeof *root);
    struct dcm_json_bulk *uris = NULL;
    size_t                met  = 0;
    int                   rc;

    if (s == NULL || root == NULL)
        return iso_arena_fail(arena, err);
    dcm_dataset_init(root);
    s->arena        = arena;
    s->err          = err;
    s->bulk_refused = bulk == NULL;
    s->is_ascii     = is_ascii(text);
    s->frame[0].ds  = root;
    s->parser       = XML_ParserCreateNS(NULL, '|');
    if (s->parser == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for the XML parser");
    XML_SetUserData(s->parser, s);
    XML_SetElementHandler(s->parser, on_start, on_end);
    XML_SetCharacterDataHandler(s->parser, on_text);
    XML_SetStartDoctypeDeclHandler(s->parser, on_doctype);
    rc = feed(s, text);
    XML_ParserFree(s->parser);
    if (rc < 0)
        return rc;
    if (bulk != NULL) {
        uris = iso_arena_array(arena, s->bulk_count, sizeof *uris);
        if (uris == NULL)
            return iso_arena_fail(arena, err);
    }
    *ds = *root;
    dcm_model_settle(ds, uris, &met);
    if (bulk != NULL) {
        *bulk       = uris;
        *bulk_count = met;
    }
    return ISO_OK;
}
