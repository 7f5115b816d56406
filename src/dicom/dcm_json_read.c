/* The reader: one pass over the tokens, straight into elements. Members of an attribute come in any
 * order ("Value" sorts before "vr"), so a Value that comes first is skipped and come back to.
 * Elements are appended as they come and sorted once per data set. */
#include "dcm_json.h"

#include "dcm_model.h"
#include "dcm_parser.h"
#include "iso_json_read.h"

struct json_source {
    struct iso_json_reader in;
    struct iso_arena      *arena;
    size_t                 bulk_count; /* references met; their elements wait as DCM_FORM_BULK */
    bool                   bulk_refused;
    bool                   is_ascii;
};

/* One attribute while its members are read. */
struct attribute {
    iso_str                tag_text;
    iso_str                vr_name;
    struct dcm_element    *el; /* once "vr" is known and it was appended */
    struct iso_json_reader value_at;
    iso_str                inline_binary;
    iso_str                uri;
    unsigned               contents; /* how many of Value, InlineBinary, BulkDataURI */
    bool                   has_value, has_inline, has_uri;
};

static int read_members(struct json_source *s, struct dcm_dataset *ds, unsigned depth,
                        struct iso_err *err);

static int wrong(const struct json_source *s, dcm_tag tag, const char *what, struct iso_err *err)
{
    return iso_fail(err, ISO_EFORMAT, DCM_TAG_FMT ", offset %zu: %s", DCM_TAG_ARG(tag), s->in.at,
                    what);
}

static int read_string(struct json_source *s, const char *what, iso_str *out, struct iso_err *err)
{
    enum iso_json_token token;
    int                 rc = iso_json_next(&s->in, &token, err);

    if (rc < 0)
        return rc;
    if (token != ISO_JSON_STRING)
        return iso_fail(err, ISO_EFORMAT, "offset %zu: %s is no string", s->in.at, what);
    *out = s->in.text;
    return ISO_OK;
}

/* {"Alphabetic": …} after its brace.   F.2.2 */
static int read_name(struct json_source *s, struct dcm_collect *c, struct iso_err *err)
{
    static const char *const names[3]  = { "Alphabetic", "Ideographic", "Phonetic" };
    iso_str                  groups[3] = { { 0 } };
    enum iso_json_token      token;
    int                      rc;

    while ((rc = iso_json_next(&s->in, &token, err)) == ISO_OK && token == ISO_JSON_KEY) {
        size_t i = 0;

        while (i < 3 && !iso_str_eq_c(s->in.text, names[i]))
            i++;
        if (i == 3)
            return wrong(s, c->tag, "not a component group of a name", err);
        rc = iso_json_next(&s->in, &token, err);
        if (rc < 0)
            return rc;
        if (token == ISO_JSON_STRING)
            groups[i] = s->in.text;
        else if (token != ISO_JSON_NULL)
            return wrong(s, c->tag, "a component group is a string", err);
    }
    return rc < 0 ? rc : dcm_collect_name(c, groups, err);
}

static int read_items(struct json_source *s, struct dcm_dataset *ds, struct dcm_element *el,
                      unsigned depth, struct iso_err *err)
{
    enum iso_json_token token;
    int                 rc;

    el->form = DCM_FORM_SEQUENCE;
    while ((rc = iso_json_next(&s->in, &token, err)) == ISO_OK && token != ISO_JSON_ARRAY_END) {
        struct dcm_dataset *item = dcm_element_add_item(ds, el, s->arena);

        if (item == NULL)
            return iso_arena_fail(s->arena, err);
        if (token == ISO_JSON_NULL)
            continue;
        if (token != ISO_JSON_OBJECT)
            return wrong(s, el->tag, "an item is an object", err);
        rc = read_members(s, item, depth + 1, err);
        if (rc < 0)
            return iso_wrap(err, rc, DCM_TAG_FMT "[%zu]", DCM_TAG_ARG(el->tag), el->item_count - 1);
    }
    return rc;
}

static int read_values(struct json_source *s, struct dcm_element *el, struct iso_err *err)
{
    struct dcm_collect  c;
    enum iso_json_token token;
    int                 rc;

    dcm_collect_init(&c, s->arena, el->tag, (enum dcm_vr)el->vr);
    while ((rc = iso_json_next(&s->in, &token, err)) == ISO_OK && token != ISO_JSON_ARRAY_END) {
        if (token == ISO_JSON_STRING || token == ISO_JSON_NUMBER)
            rc = dcm_collect_add(&c, s->in.text, err);
        else if (token == ISO_JSON_NULL)
            rc = dcm_collect_add(&c, iso_str_of("", 0), err);
        else if (token == ISO_JSON_OBJECT)
            rc = read_name(s, &c, err);
        else
            rc = wrong(s, el->tag, "not a value", err);
        if (rc < 0)
            return rc;
    }
    return rc < 0 ? rc : dcm_collect_finish(&c, &el->value, err);
}

/* The array behind "Value". */
static int read_value(struct json_source *s, struct dcm_dataset *ds, struct dcm_element *el,
                      unsigned depth, struct iso_err *err)
{
    enum iso_json_token token;
    int                 rc = iso_json_next(&s->in, &token, err);

    if (rc < 0)
        return rc;
    if (token != ISO_JSON_ARRAY)
        return wrong(s, el->tag, "Value is no array", err);
    return el->vr == DCM_VR_SQ ? read_items(s, ds, el, depth, err) : read_values(s, el, err);
}

static int append_element(struct json_source *s, struct dcm_dataset *ds, struct attribute *a,
                          struct iso_err *err)
{
    dcm_tag     tag;
    enum dcm_vr vr;
    int         rc = dcm_model_attribute(a->tag_text, a->vr_name, &tag, &vr, err);

    if (rc == ISO_OK)
        rc = dcm_model_append(ds, s->arena, tag, vr, &a->el, err);
    if (rc == ISO_OK && vr == DCM_VR_SQ)
        a->el->form = DCM_FORM_SEQUENCE;
    return rc;
}

static int read_member(struct json_source *s, struct dcm_dataset *ds, struct attribute *a,
                       unsigned depth, struct iso_err *err)
{
    iso_str key = s->in.text;
    int     rc;

    if (iso_str_eq_c(key, "vr"))
        return read_string(s, "vr", &a->vr_name, err);
    if (iso_str_eq_c(key, "InlineBinary")) {
        a->has_inline = true;
        a->contents++;
        return read_string(s, "InlineBinary", &a->inline_binary, err);
    }
    if (iso_str_eq_c(key, "BulkDataURI")) {
        a->has_uri = true;
        a->contents++;
        return read_string(s, "BulkDataURI", &a->uri, err);
    }
    if (!iso_str_eq_c(key, "Value"))
        return iso_fail(err, ISO_EFORMAT, "offset %zu: '%.*s' is no member of an attribute (F.2.2)",
                        s->in.at, ISO_STR_ARG(iso_str_sub(key, 0, 64)));
    a->contents++;
    if (a->vr_name.len > 0 && a->contents == 1) {
        rc = append_element(s, ds, a, err);
        return rc < 0 ? rc : read_value(s, ds, a->el, depth, err);
    }
    a->has_value = true;
    a->value_at  = s->in;
    return iso_json_skip(&s->in, err);
}

/* The members are known: fills what could not be filled while reading. */
static int finish_attribute(struct json_source *s, struct dcm_dataset *ds, struct attribute *a,
                            unsigned depth, struct iso_err *err)
{
    int rc = a->el == NULL ? append_element(s, ds, a, err) : ISO_OK;

    if (rc < 0)
        return rc;
    if (a->contents > 1)
        return wrong(s, a->el->tag, "more than one of Value, InlineBinary and BulkDataURI", err);
    if (a->has_value) {
        struct iso_json_reader here = s->in;

        s->in = a->value_at;
        rc    = read_value(s, ds, a->el, depth, err);
        s->in = here;
    } else if (a->has_inline) {
        struct dcm_collect c;

        dcm_collect_init(&c, s->arena, a->el->tag, (enum dcm_vr)a->el->vr);
        rc = dcm_collect_base64(&c, a->inline_binary, err);
        if (rc == ISO_OK)
            rc = dcm_collect_finish(&c, &a->el->value, err);
    } else if (a->has_uri) {
        if (s->bulk_refused)
            return wrong(s, a->el->tag, "BulkDataURI, but no bulk data can come with this", err);
        if (a->el->vr == DCM_VR_SQ)
            return wrong(s, a->el->tag, "BulkDataURI in a sequence", err);
        a->el->form  = DCM_FORM_BULK;
        a->el->value = iso_bytes_of_str(a->uri);
        s->bulk_count++;
    }
    a->el->bytes = a->el->value.len;
    return rc;
}

static int read_attribute(struct json_source *s, struct dcm_dataset *ds, unsigned depth,
                          struct iso_err *err)
{
    struct attribute    a = { .tag_text = s->in.text };
    enum iso_json_token token;
    int                 rc = iso_json_next(&s->in, &token, err);

    if (rc < 0)
        return rc;
    if (token != ISO_JSON_OBJECT)
        return iso_fail(err, ISO_EFORMAT, "offset %zu: attribute '%.*s' is no object", s->in.at,
                        ISO_STR_ARG(iso_str_sub(a.tag_text, 0, 64)));
    while ((rc = iso_json_next(&s->in, &token, err)) == ISO_OK && token == ISO_JSON_KEY) {
        rc = read_member(s, ds, &a, depth, err);
        if (rc < 0)
            return rc;
    }
    if (rc == ISO_OK)
        rc = finish_attribute(s, ds, &a, depth, err);
    if (rc == ISO_OK)
        dcm_model_charset(ds, a.el);
    return rc;
}

/* A data set after its brace. */
static int read_members(struct json_source *s, struct dcm_dataset *ds, unsigned depth,
                        struct iso_err *err)
{
    enum iso_json_token token;
    int                 rc;

    if (depth > DCM_DEPTH_MAX)
        return iso_fail(err, ISO_ELIMIT, "sequences nested deeper than %d", DCM_DEPTH_MAX);
    if (!s->is_ascii)
        dcm_charset_init(&ds->charset, iso_bytes_of("ISO_IR 192", 10));
    while ((rc = iso_json_next(&s->in, &token, err)) == ISO_OK && token == ISO_JSON_KEY) {
        rc = read_attribute(s, ds, depth, err);
        if (rc < 0)
            return rc;
    }
    if (rc == ISO_OK && depth == 0 && !s->is_ascii)
        rc = dcm_model_say_utf8(ds, s->arena, err);
    return rc == ISO_OK ? dcm_model_finish(ds, err) : rc;
}

static int read_list(struct json_source *s, bool is_array, struct dcm_dataset **list, size_t *count,
                     struct iso_err *err)
{
    struct dcm_dataset *all = NULL;
    size_t              n   = 0;
    size_t              cap = 0;
    enum iso_json_token token;
    int                 rc = ISO_OK;

    for (;;) {
        if (is_array) {
            rc = iso_json_next(&s->in, &token, err);
            if (rc < 0 || token == ISO_JSON_ARRAY_END)
                break;
            if (token != ISO_JSON_OBJECT)
                return iso_fail(err, ISO_EFORMAT, "offset %zu: a data set is an object", s->in.at);
        }
        if (n == cap) {
            all = iso_arena_grow(s->arena, all, n, n + 1, sizeof *all, &cap);
            if (all == NULL)
                return iso_arena_fail(s->arena, err);
        }
        dcm_dataset_init(&all[n]);
        rc = read_members(s, &all[n], 0, err);
        if (rc < 0)
            return is_array ? iso_wrap(err, rc, "data set %zu", n) : rc;
        n++;
        if (!is_array)
            break;
    }
    if (rc == ISO_OK)
        rc = iso_json_next(&s->in, &token, err); /* nothing may follow */
    *list  = all;
    *count = n;
    return rc;
}

/* Neither a byte nor an escape beyond ASCII. */
static bool is_ascii(iso_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] >= 0x80)
            return false;
        if (text.ptr[i] == '\\' && i + 4 < text.len && text.ptr[i + 1] == 'u' &&
            (text.ptr[i + 2] != '0' || text.ptr[i + 3] != '0' || text.ptr[i + 4] > '7'))
            return false;
    }
    return true;
}

int dcm_json_read(iso_bytes text, struct iso_arena *arena, struct dcm_dataset **list, size_t *count,
                  struct dcm_json_bulk **bulk, size_t *bulk_count, struct iso_err *err)
{
    struct json_source    s    = { .arena = arena, .bulk_refused = bulk == NULL };
    struct dcm_dataset   *all  = NULL;
    struct dcm_json_bulk *uris = NULL;
    size_t                n    = 0;
    size_t                met  = 0;
    enum iso_json_token   token;
    int                   rc;

    s.is_ascii = is_ascii(text);
    iso_json_reader_init(&s.in, iso_str_of_bytes(text), arena);
    rc = iso_json_next(&s.in, &token, err);
    if (rc < 0)
        return rc;
    if (token != ISO_JSON_OBJECT && token != ISO_JSON_ARRAY)
        return iso_fail(err, ISO_EFORMAT, "neither a data set nor a list of them (PS3.18 F.2.1)");
    rc = read_list(&s, token == ISO_JSON_ARRAY, &all, &n, err);
    if (rc < 0)
        return rc;
    if (bulk != NULL) {
        uris = iso_arena_array(arena, s.bulk_count, sizeof *uris);
        if (uris == NULL)
            return iso_arena_fail(arena, err);
    }
    for (size_t i = 0; i < n; i++)
        dcm_model_settle(&all[i], uris, &met);
    *list  = all;
    *count = n;
    if (bulk != NULL) {
        *bulk       = uris;
        *bulk_count = met;
    }
    return ISO_OK;
}
