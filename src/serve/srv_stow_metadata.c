/* srv_stow_metadata.c: STOW-RS of objects taken apart: data sets as JSON or XML, their bulk values in
 * parts of their own, found by Content-Location. All parts are read first, since nothing says in which
 * order they come; then each data set gets its values and is written as a Part 10 file.
 * A part is used once, so that a small request cannot become a large archive.   PS3.18 §10.5.1.1.2 */
#include "srv_stow.h"

#include "dcm_file.h"
#include "dcm_xml.h"
#include "iso_reader.h"

#include <stdlib.h>
#include <string.h>

enum { INSTANCES_MAX = 10000, FILE_BYTES_MAX = SRV_STOW_METADATA_MAX + SRV_STOW_BULK_MAX };

struct value { /* a part with bulk data */
    iso_str                  location;
    const struct dcm_syntax *syntax; /* by its transfer-syntax parameter; NULL: none */
    bool                     coded;  /* an image or a video, not plain bytes */
    iso_bytes                bytes;  /* one zero follows them, to make the length even */
    size_t                   order;
    bool                     used;
};

struct instance {
    struct dcm_dataset      *ds;
    const struct dcm_syntax *syntax; /* of the file */
    struct value            *frames; /* fragments of the pixel data, when it is compressed */
    size_t                   frame_count;
    int                      rc; /* why it cannot be stored */
    struct iso_err           why;
};

struct payload {
    struct srv_stow      *s;
    struct iso_arena     *arena;
    struct value         *value;
    size_t                value_count;
    size_t                value_cap;
    size_t                value_bytes;
    struct instance      *instance;
    size_t                instance_count;
    size_t                instance_cap;
    struct dcm_json_bulk *bulk;
    size_t                bulk_count;
    size_t                bulk_cap;
    size_t                text_bytes;
};

/* ---- reading the parts ---- */

static void release_buf(void *buf)
{
    iso_buf_release(buf);
}

/* The rest of a part, at most bytes_max, for as long as the request. */
static int read_all(struct payload *p, struct iso_source source, size_t bytes_max, iso_bytes *out,
                    struct iso_err *err)
{
    struct iso_buf *buf = iso_arena_alloc(p->arena, sizeof *buf);
    uint8_t         chunk[32 << 10];
    int64_t         n;

    if (buf == NULL)
        return iso_arena_fail(p->arena, err);
    iso_buf_init(buf, bytes_max + 1);
    int rc = iso_arena_defer(p->arena, release_buf, buf);
    if (rc < 0)
        return iso_arena_fail(p->arena, err);
    while ((n = source.read(source.ctx, chunk, sizeof chunk, err)) > 0)
        if (iso_buf_add(buf, chunk, (size_t)n) < 0 || buf->len > bytes_max)
            return iso_fail(err, ISO_ELIMIT,
                            "metadata or bulk data beyond what is taken in one request; send the "
                            "objects as application/dicom");
    if (n < 0)
        return (int)n;
    (void)iso_buf_add_u8(buf, 0);
    rc = iso_buf_check(buf, err);
    if (rc == ISO_OK)
        *out = iso_bytes_of(buf->ptr, buf->len - 1);
    return rc;
}

/* One more at the end of an array in the arena; NULL: out of memory. */
static void *grow(struct payload *p, void *array, size_t count, size_t size, size_t *cap)
{
    return count < *cap ? array : iso_arena_grow(p->arena, array, count, count + 1, size, cap);
}

static int add_instance(struct payload *p, struct dcm_dataset *ds, struct iso_err *err)
{
    if (p->instance_count == INSTANCES_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d instances of metadata", INSTANCES_MAX);
    p->instance = grow(p, p->instance, p->instance_count, sizeof *p->instance, &p->instance_cap);
    if (p->instance == NULL)
        return iso_arena_fail(p->arena, err);
    p->instance[p->instance_count++] = (struct instance){ .ds = ds, .syntax = DCM_EXPLICIT_LE };
    return ISO_OK;
}

static int add_metadata(struct payload *p, bool xml, struct iso_source body, struct iso_err *err)
{
    struct dcm_json_bulk *bulk       = NULL;
    size_t                bulk_count = 0;
    struct dcm_dataset   *list       = NULL;
    size_t                count      = 1;
    iso_bytes             text;
    int                   rc = read_all(p, body, SRV_STOW_METADATA_MAX - p->text_bytes, &text, err);

    if (rc < 0)
        return rc;
    p->text_bytes += text.len;
    if (xml) {
        list = iso_arena_alloc(p->arena, sizeof *list);
        rc   = list == NULL ? iso_arena_fail(p->arena, err)
                            : dcm_xml_read(text, p->arena, list, &bulk, &bulk_count, err);
    } else {
        rc = dcm_json_read(text, p->arena, &list, &count, &bulk, &bulk_count, err);
    }
    for (size_t i = 0; rc == ISO_OK && i < count; i++)
        rc = add_instance(p, &list[i], err);
    for (size_t i = 0; rc == ISO_OK && i < bulk_count; i++) {
        p->bulk = grow(p, p->bulk, p->bulk_count, sizeof *p->bulk, &p->bulk_cap);
        if (p->bulk == NULL)
            return iso_arena_fail(p->arena, err);
        p->bulk[p->bulk_count++] = bulk[i];
    }
    return rc;
}

static int add_value(struct payload *p, const struct http_part *part,
                     const struct http_media *media, struct iso_err *err)
{
    iso_str      syntax = http_media_param(media, "transfer-syntax");
    struct value value  = { .order = p->value_count,
                            .location =
                                iso_arena_str(p->arena, http_part_header(part, "content-location")),
                            .syntax = dcm_syntax_find(syntax),
                            .coded  = iso_str_starts(media->type, ISO_STR("image/")) ||
                                     iso_str_starts(media->type, ISO_STR("video/")) };

    if (value.location.ptr == NULL)
        return iso_arena_fail(p->arena, err);
    if (syntax.len > 0 && value.syntax == NULL)
        return iso_fail(err, ISO_EUNSUPPORTED, "unknown transfer syntax %.*s", ISO_STR_ARG(syntax));
    int rc = read_all(p, part->body, SRV_STOW_BULK_MAX - p->value_bytes, &value.bytes, err);
    if (rc < 0)
        return rc;
    p->value_bytes += value.bytes.len;
    p->value = grow(p, p->value, p->value_count, sizeof *p->value, &p->value_cap);
    if (p->value == NULL)
        return iso_arena_fail(p->arena, err);
    p->value[p->value_count++] = value;
    return ISO_OK;
}

static int read_parts(struct payload *p, struct http_multipart *multipart, struct iso_err *err)
{
    struct http_part  part;
    struct http_media media;
    int               rc = ISO_OK;

    while (rc == ISO_OK && (rc = http_multipart_next(multipart, &part, err)) == ISO_OK) {
        iso_str type = http_part_header(&part, "content-type");

        if (p->value_count + p->instance_count >= SRV_STOW_PARTS_MAX)
            return iso_fail(err, ISO_ELIMIT, "more than %d parts", SRV_STOW_PARTS_MAX);
        if (type.len == 0)
            type = ISO_STR("application/octet-stream");
        rc = http_media_parse(type, p->arena, &media, err);
        if (rc < 0)
            return iso_wrap(err, rc, "Content-Type of a part");
        if (iso_str_eq_c(media.type, "application/dicom+json"))
            rc = add_metadata(p, false, part.body, err);
        else if (iso_str_eq_c(media.type, "application/dicom+xml"))
            rc = add_metadata(p, true, part.body, err);
        else
            rc = add_value(p, &part, &media, err);
    }
    return rc == ISO_EEND ? ISO_OK : rc;
}

/* ---- values to their elements ---- */

static int compare_values(const void *a, const void *b)
{
    const struct value *x    = a;
    const struct value *y    = b;
    int                 diff = iso_str_cmp(x->location, y->location);

    return diff != 0 ? diff : (x->order > y->order) - (x->order < y->order);
}

/* All parts of that location, in the order in which they came. */
static struct value *find_values(struct payload *p, iso_str location, size_t *count)
{
    size_t low  = 0;
    size_t high = p->value_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (iso_str_cmp(p->value[mid].location, location) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (*count = 0;
         low + *count < p->value_count && iso_str_eq(p->value[low + *count].location, location);)
        ++*count;
    return p->value + low;
}

static struct dcm_element *element_of(struct dcm_dataset *ds, dcm_tag tag)
{
    for (size_t i = 0; i < ds->count; i++)
        if (ds->element[i].tag == tag)
            return &ds->element[i];
    return NULL;
}

/* Each part is a frame of its own.   PS3.5 §A.4, PS3.18 §8.7.3.3.2 */
static int put_frames(struct instance *in, struct dcm_element *el, struct value *value,
                      size_t count, struct iso_err *err)
{
    uint64_t bytes = 8; /* of an empty offset table */

    if (value->syntax == NULL || !value->syntax->encapsulated)
        return iso_fail(err, ISO_EUNSUPPORTED,
                        "compressed pixel data needs a transfer-syntax in its Content-Type");
    for (size_t i = 0; i < count; i++) {
        if (value[i].syntax != value->syntax)
            return iso_fail(err, ISO_EINVAL, "frames of different transfer syntaxes");
        bytes += 8 + ((value[i].bytes.len + 1) & ~(uint64_t)1);
    }
    el->form             = DCM_FORM_FRAGMENTS;
    el->vr               = DCM_VR_OB;
    el->undefined_length = true;
    el->bytes            = bytes;
    in->syntax           = value->syntax;
    in->frames           = value;
    in->frame_count      = count;
    return ISO_OK;
}

static int put_value(struct payload *p, struct instance *in, const struct dcm_json_bulk *bulk,
                     struct iso_err *err)
{
    size_t              count;
    struct value       *value = find_values(p, bulk->uri, &count);
    struct dcm_element *el    = element_of(bulk->ds, bulk->tag);

    if (count == 0 || el == NULL)
        return iso_fail(err, ISO_EINVAL, "no part has the Content-Location %.*s",
                        ISO_STR_ARG(bulk->uri));
    if (value->used)
        return iso_fail(err, ISO_EINVAL, "two elements share the part %.*s",
                        ISO_STR_ARG(bulk->uri));
    for (size_t i = 0; i < count; i++)
        value[i].used = true;
    if (bulk->tag == DCM_PIXEL_DATA && bulk->ds == in->ds &&
        (value->coded || (value->syntax != NULL && value->syntax->encapsulated)))
        return put_frames(in, el, value, count, err);
    if (count > 1)
        return iso_fail(err, ISO_EINVAL, "several parts are at %.*s", ISO_STR_ARG(bulk->uri));
    el->value = iso_bytes_of(value->bytes.ptr, (value->bytes.len + 1) & ~(size_t)1);
    el->bytes = el->value.len;
    return ISO_OK;
}

/* Instances lie in the arrays that the readers made: the one that holds an item is at its root. */
static struct instance *instance_of(struct payload *p, const struct dcm_dataset *ds)
{
    while (ds->parent != NULL)
        ds = ds->parent;
    for (size_t i = 0; i < p->instance_count; i++)
        if (p->instance[i].ds == ds)
            return &p->instance[i];
    return NULL;
}

static void put_values(struct payload *p)
{
    struct instance *in = NULL;

    if (p->value_count > 0)
        qsort(p->value, p->value_count, sizeof *p->value, compare_values);
    for (size_t i = 0; i < p->bulk_count; i++) { /* those of one instance follow each other */
        const struct dcm_dataset *root = p->bulk[i].ds;

        while (root->parent != NULL)
            root = root->parent;
        if (in == NULL || in->ds != root)
            in = instance_of(p, root);
        if (in != NULL && in->rc == ISO_OK)
            in->rc = put_value(p, in, &p->bulk[i], &in->why);
    }
}

/* ---- files ---- */

static int write_frames(void *ctx, const struct dcm_element *el, struct iso_sink sink,
                        struct iso_err *err)
{
    static const uint8_t   table[8] = { 0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0 };
    const struct instance *in       = ctx;
    int                    rc       = sink.write(sink.ctx, table, sizeof table, err);

    (void)el;
    for (size_t i = 0; rc == ISO_OK && i < in->frame_count; i++) {
        size_t  bytes   = (in->frames[i].bytes.len + 1) & ~(size_t)1;
        uint8_t head[8] = { 0xfe, 0xff, 0x00, 0xe0 };

        iso_put_u32le(head + 4, (uint32_t)bytes);
        rc = sink.write(sink.ctx, head, sizeof head, err);
        if (rc == ISO_OK)
            rc = sink.write(sink.ctx, in->frames[i].bytes.ptr, bytes, err);
    }
    return rc;
}

struct memory {
    iso_bytes rest;
};

static int64_t memory_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct memory *m = ctx;
    size_t         n = m->rest.len < cap ? m->rest.len : cap;

    (void)err;
    memcpy(ptr, m->rest.ptr, n);
    m->rest = iso_bytes_of(m->rest.ptr + n, m->rest.len - n);
    return (int64_t)n;
}

static void identity_of(const struct dcm_dataset *ds, struct arc_identity *id)
{
    iso_str sop   = dcm_get_ascii(ds, DCM_SOP_INSTANCE_UID);
    iso_str class = dcm_get_ascii(ds, DCM_SOP_CLASS_UID);

    *id = (struct arc_identity){ 0 };
    if (!dcm_uid_acceptable(sop) || !dcm_uid_acceptable(class))
        return;
    memcpy(id->sop_instance_uid, sop.ptr, sop.len);
    memcpy(id->sop_class_uid, class.ptr, class.len);
}

static int write_file(struct instance *in, struct iso_buf *file, struct iso_err *err)
{
    const struct dcm_write_options options = { .lengths            = DCM_LENGTHS_UNDEFINED,
                                               .skip_group_lengths = true,
                                               .bulk               = write_frames,
                                               .ctx                = in };
    struct arc_identity            id;

    identity_of(in->ds, &id);
    if (id.sop_instance_uid[0] == '\0')
        return iso_fail(err, ISO_EFORMAT, "the metadata lacks its SOP Class or Instance UID");
    while (in->ds->count > 0 && in->ds->element[0].tag < 0x00080000)
        dcm_remove(in->ds, in->ds->element[0].tag);        /* file meta: ours is written */
    dcm_remove(in->ds, DCM_AVAILABLE_TRANSFER_SYNTAX_UID); /* about the service, not the object */
    int rc = dcm_meta_write(iso_str_c(id.sop_class_uid), iso_str_c(id.sop_instance_uid),
                            iso_str_c(in->syntax->uid), ISO_STR(""), iso_buf_sink(file), err);
    if (rc == ISO_OK)
        rc = dcm_write(in->ds, in->syntax, &options, iso_buf_sink(file), err);
    return rc;
}

static int store_instance(struct payload *p, struct instance *in, struct iso_err *err)
{
    struct iso_buf      file;
    struct arc_identity id;
    int                 rc = in->rc;

    iso_buf_init(&file, FILE_BYTES_MAX);
    identity_of(in->ds, &id);
    if (rc == ISO_OK)
        rc = write_file(in, &file, &in->why);
    if (rc < 0) {
        p->s->part = ++p->s->parts;
        rc         = srv_stow_refuse(p->s, &id, rc, &in->why, err);
    } else {
        struct memory memory = { iso_buf_bytes(&file) };
        rc = srv_stow_part(p->s, (struct iso_source){ memory_read, &memory }, err);
    }
    iso_buf_release(&file);
    return rc;
}

int srv_stow_metadata(struct srv_stow *s, struct http_multipart *multipart, struct iso_err *err)
{
    struct payload p  = { .s = s, .arena = s->arena };
    int            rc = read_parts(&p, multipart, err);

    if (rc < 0)
        return rc;
    put_values(&p);
    for (size_t i = 0; rc == ISO_OK && i < p.instance_count; i++)
        rc = store_instance(&p, &p.instance[i], err);
    return rc;
}
