/* dcm_file.c: what stands before a data set.   PS3.10 §7.1
 * The group length is not believed: group 2 ends where another group begins. What has no preamble,
 * or no group 2, is only taken when its first bytes make sense as a data set. */
#include "dcm_file.h"

#include <string.h>

#include "dcm_dict.h"
#include "dcm_input.h"
#include "iso_reader.h"

enum {
    PREFIX_AT       = 128,
    GUESS_BYTES     = 8,
    GUESS_VALUE_MAX = 1024, /* a first element this long is not the first of a bare data set */
    META_GROUP      = 2,
};

static bool has_prefix(const struct dcm_input *in, size_t at)
{
    return in->left >= at + 4 && memcmp(in->ptr + at, "DICM", 4) == 0;
}

/* (0002,xxxx) and a VR stand there. */
static bool has_meta(const struct dcm_input *in, size_t at)
{
    return in->left >= at + 8 && iso_u16le(in->ptr + at) == META_GROUP &&
           dcm_vr_of((char)in->ptr[at + 4], (char)in->ptr[at + 5]) != DCM_VR_NONE;
}

/* Which transfer syntax the bytes of a data set speak; NULL: none. */
static const struct dcm_syntax *guess_syntax(const struct dcm_input *in)
{
    const struct dcm_dict_entry *entry;
    const uint8_t               *p = in->ptr;
    enum dcm_vr                  vr;
    bool                         big;

    if (in->left < GUESS_BYTES)
        return NULL;
    big   = iso_u16le(p) > 0x00ff;
    entry = dcm_dict_find(big ? DCM_TAG(iso_u16be(p), iso_u16be(p + 2))
                              : DCM_TAG(iso_u16le(p), iso_u16le(p + 2)));
    if (entry == NULL || (big ? iso_u16be(p) : iso_u16le(p)) > 0x0020 ||
        (big ? iso_u16be(p) : iso_u16le(p)) < 0x0004)
        return NULL;
    vr = dcm_vr_of((char)p[4], (char)p[5]);
    if (vr != DCM_VR_NONE)
        return big ? DCM_EXPLICIT_BE : DCM_EXPLICIT_LE;
    return !big && iso_u32le(p + 4) <= GUESS_VALUE_MAX ? DCM_IMPLICIT_LE : NULL;
}

/* Bytes of the group 2 element whose first 12 bytes (or all) are at ptr; 0: this is none. */
static uint64_t meta_element_bytes(const uint8_t *ptr, size_t left)
{
    enum dcm_vr vr;

    if (left < 8 || iso_u16le(ptr) != META_GROUP)
        return 0;
    vr = dcm_vr_of((char)ptr[4], (char)ptr[5]);
    if (vr == DCM_VR_NONE) /* implicit, as a few write it */
        return 8 + (uint64_t)iso_u32le(ptr + 4);
    if (!dcm_vr_info(vr)->long_header)
        return 8 + (uint64_t)iso_u16le(ptr + 6);
    return left < 12 ? 0 : 12 + (uint64_t)iso_u32le(ptr + 8);
}

/* Gathers group 2, as it is, in buf. */
static int take_group2(struct dcm_input *in, struct iso_buf *buf, struct iso_err *err)
{
    int rc;

    for (;;) { /* each turn consumes an element or ends */
        uint64_t bytes;

        (void)dcm_input_need(in, 12, &rc, err);
        if (rc < 0)
            return rc;
        bytes = meta_element_bytes(in->ptr, in->left);
        if (bytes == 0)
            return ISO_OK;
        if (bytes > DCM_META_BYTES_MAX - buf->len)
            return iso_fail(err, ISO_EFORMAT, DCM_TAG_FMT " at byte %llu: %llu bytes in group 2",
                            META_GROUP, (unsigned)iso_u16le(in->ptr + 2),
                            (unsigned long long)in->offset, (unsigned long long)bytes);
        while (bytes > 0) { /* each turn brings bytes or fails */
            size_t  want = bytes < DCM_WINDOW_BYTES ? (size_t)bytes : DCM_WINDOW_BYTES;
            int64_t got;

            if (iso_buf_reserve(buf, want) < 0)
                return iso_buf_check(buf, err);
            got = dcm_input_read(in, buf->ptr + buf->len, want, err);
            if (got < 0)
                return (int)got;
            if (got == 0)
                return iso_fail(err, ISO_EFORMAT, "the file ends within group 2, at byte %llu",
                                (unsigned long long)in->offset);
            buf->len += (size_t)got;
            bytes -= (uint64_t)got;
        }
    }
}

static int parse_group2(iso_bytes bytes, struct iso_arena *arena, struct dcm_meta *meta,
                        struct iso_err *err)
{
    int rc;

    bytes = iso_arena_bytes(arena, bytes);
    if (bytes.ptr == NULL)
        return iso_arena_fail(arena, err);
    rc = dcm_dataset_parse(bytes, DCM_EXPLICIT_LE, arena, &meta->group2, err);
    if (rc < 0)
        return iso_wrap(err, rc, "file meta information");
    meta->media_sop_class_uid    = dcm_get_ascii(&meta->group2, DCM_MEDIA_STORAGE_SOP_CLASS_UID);
    meta->media_sop_instance_uid = dcm_get_ascii(&meta->group2, DCM_MEDIA_STORAGE_SOP_INSTANCE_UID);
    meta->transfer_syntax_uid    = dcm_get_ascii(&meta->group2, DCM_TRANSFER_SYNTAX_UID);
    return ISO_OK;
}

static int not_dicom(struct iso_err *err)
{
    return iso_fail(err, ISO_EFORMAT, "not a DICOM file");
}

/* Past the preamble and prefix, whatever of them there is. */
static int take_preamble(struct dcm_input *in, struct dcm_meta *meta, struct iso_err *err)
{
    int rc;

    (void)dcm_input_need(in, DCM_PREAMBLE_BYTES + 8, &rc, err);
    if (rc < 0)
        return rc;
    /* "DICM" may also be part of a value in a data set that has no preamble. */
    meta->has_preamble =
        has_prefix(in, PREFIX_AT) && (has_meta(in, DCM_PREAMBLE_BYTES) || guess_syntax(in) == NULL);
    if (!meta->has_preamble && has_prefix(in, 0) && has_meta(in, 4))
        dcm_input_advance(in, 4);
    else if (meta->has_preamble || /* or a prefix that someone overwrote */
             (has_meta(in, DCM_PREAMBLE_BYTES) && !has_meta(in, 0) && guess_syntax(in) == NULL))
        dcm_input_advance(in, DCM_PREAMBLE_BYTES);
    return ISO_OK;
}

static int read_meta(struct dcm_input *in, struct iso_arena *arena, struct dcm_meta *meta,
                     struct iso_err *err)
{
    struct dcm_meta          read = { .data_offset = 0 };
    const struct dcm_syntax *guess;
    struct iso_buf           buf;
    int                      rc;

    iso_buf_init(&buf, DCM_META_BYTES_MAX + DCM_WINDOW_BYTES);
    dcm_dataset_init(&read.group2);
    rc = take_preamble(in, &read, err);
    if (rc == ISO_OK)
        rc = take_group2(in, &buf, err);
    if (rc == ISO_OK && buf.len > 0)
        rc = parse_group2(iso_buf_bytes(&buf), arena, &read, err);
    if (rc == ISO_OK)
        (void)dcm_input_need(in, GUESS_BYTES, &rc, err);
    if (rc < 0)
        goto out;
    if (in->left == 0 && in->offset > 0) {
        rc = iso_fail(err, ISO_EFORMAT, "the file ends where its data set should begin");
        goto out;
    }
    read.data_offset = in->offset;
    guess            = guess_syntax(in);
    if (read.transfer_syntax_uid.len > 0)
        read.syntax = dcm_syntax_or_default(read.transfer_syntax_uid);
    else if (buf.len > 0 && guess == NULL && in->left > 0)
        read.syntax = DCM_IMPLICIT_LE; /* the default.   PS3.5 §10.1 */
    else
        read.syntax = guess;
    if (read.syntax == NULL)
        rc = not_dicom(err);
    else
        *meta = read;
out:
    iso_buf_release(&buf);
    return rc;
}

struct rest {
    struct dcm_input in;
    uint8_t          window[DCM_WINDOW_BYTES];
};

static int64_t rest_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct rest *rest = ctx;

    return dcm_input_read(&rest->in, ptr, cap, err);
}

int dcm_meta_read(struct iso_source source, struct iso_arena *arena, struct dcm_meta *meta,
                  struct iso_source *rest, struct iso_err *err)
{
    struct rest *ctx = iso_arena_alloc(arena, sizeof *ctx);
    int          rc;

    if (ctx == NULL)
        return iso_arena_fail(arena, err);
    ctx->in = (struct dcm_input){ .ptr = ctx->window, .window = ctx->window, .source = source };
    rc      = read_meta(&ctx->in, arena, meta, err);
    if (rc == ISO_OK)
        *rest = (struct iso_source){ rest_read, ctx };
    return rc;
}

int dcm_file_parse(iso_bytes in, const struct dcm_tree_options *options, struct iso_arena *arena,
                   struct dcm_meta *meta, struct dcm_dataset *ds, struct iso_err *err)
{
    struct dcm_tree_options with =
        options != NULL ? *options : (struct dcm_tree_options){ .keep_all = true };
    struct dcm_input   input = { .ptr = in.ptr, .left = in.len, .memory = true };
    struct dcm_meta    head;
    struct dcm_parser *p;
    int                rc = read_meta(&input, arena, &head, err);

    if (rc < 0)
        return rc;
    with.keep_all |= head.syntax->deflated; /* offsets into it would help nobody */
    rc = dcm_parser_new_memory(&p, iso_bytes_of(input.ptr, input.left), head.syntax,
                               head.data_offset, err);
    if (rc < 0)
        return rc;
    rc = dcm_parser_tree(p, &with, arena, ds, err);
    dcm_parser_free(p);
    if (rc == ISO_OK)
        *meta = head;
    return rc;
}

/* ---- writing ---------------------------------------------------------------------------------- */

static int put_uid(struct dcm_dataset *ds, struct iso_arena *arena, dcm_tag tag, iso_str uid,
                   struct iso_err *err)
{
    if (uid.len == 0 || uid.len > DCM_UID_CHARS_MAX)
        return iso_fail(err, ISO_EINVAL, DCM_TAG_FMT ": a UID of %zu characters", DCM_TAG_ARG(tag),
                        uid.len);
    return dcm_put_str(ds, arena, tag, DCM_VR_UI, uid);
}

static int build_group2(struct dcm_dataset *ds, struct iso_arena *arena, iso_str sop_class_uid,
                        iso_str sop_instance_uid, iso_str transfer_syntax_uid, iso_str source_ae,
                        struct iso_err *err)
{
    static const uint8_t version[2] = { 0, 1 };
    int                  rc = dcm_put_raw(ds, arena, DCM_FILE_META_INFORMATION_VERSION, DCM_VR_OB,
                                          iso_bytes_of(version, sizeof version));

    if (rc == ISO_OK)
        rc = put_uid(ds, arena, DCM_MEDIA_STORAGE_SOP_CLASS_UID, sop_class_uid, err);
    if (rc == ISO_OK)
        rc = put_uid(ds, arena, DCM_MEDIA_STORAGE_SOP_INSTANCE_UID, sop_instance_uid, err);
    if (rc == ISO_OK)
        rc = put_uid(ds, arena, DCM_TRANSFER_SYNTAX_UID, transfer_syntax_uid, err);
    if (rc == ISO_OK)
        rc = put_uid(ds, arena, DCM_IMPLEMENTATION_CLASS_UID, ISO_STR(ISO_IMPLEMENTATION_CLASS_UID),
                     err);
    if (rc == ISO_OK)
        rc = dcm_put_str(ds, arena, DCM_IMPLEMENTATION_VERSION_NAME, DCM_VR_SH,
                         iso_str_sub(ISO_STR(ISO_IMPLEMENTATION_VERSION), 0, 16));
    if (rc == ISO_OK && source_ae.len > 0)
        rc = dcm_put_str(ds, arena, DCM_SOURCE_APPLICATION_ENTITY_TITLE, DCM_VR_AE,
                         iso_str_sub(source_ae, 0, 16));
    return rc;
}

int dcm_meta_write(iso_str sop_class_uid, iso_str sop_instance_uid, iso_str transfer_syntax_uid,
                   iso_str source_ae, struct iso_sink sink, struct iso_err *err)
{
    return dcm_meta_write_private(sop_class_uid, sop_instance_uid, transfer_syntax_uid, source_ae,
                                  ISO_STR(""), iso_bytes_of(NULL, 0), sink, err);
}

int dcm_meta_write_private(iso_str sop_class_uid, iso_str sop_instance_uid,
                           iso_str transfer_syntax_uid, iso_str source_ae, iso_str creator_uid,
                           iso_bytes information, struct iso_sink sink, struct iso_err *err)
{
    static const uint8_t front[] = { 'D', 'I', 'C', 'M', 2, 0, 0, 0, 'U', 'L', 4, 0 };
    uint8_t              head[DCM_PREAMBLE_BYTES + 12] = { 0 };
    struct iso_arena     arena;
    struct dcm_dataset   ds;
    struct iso_buf       group2;
    int                  rc;

    iso_arena_init(&arena, DCM_META_BYTES_MAX);
    iso_buf_init(&group2, DCM_META_BYTES_MAX);
    dcm_dataset_init(&ds);
    rc = build_group2(&ds, &arena, sop_class_uid, sop_instance_uid, transfer_syntax_uid, source_ae,
                      err);
    if (rc == ISO_OK && creator_uid.len > 0)
        rc = put_uid(&ds, &arena, DCM_PRIVATE_INFORMATION_CREATOR_UID, creator_uid, err);
    if (rc == ISO_OK && creator_uid.len > 0)
        rc = dcm_put_raw(&ds, &arena, DCM_PRIVATE_INFORMATION, DCM_VR_OB, information);
    if (rc == ISO_OK)
        rc = dcm_write(&ds, DCM_EXPLICIT_LE, NULL, iso_buf_sink(&group2), err);
    if (rc < 0)
        goto out;
    memcpy(head + PREFIX_AT, front, sizeof front);
    iso_put_u32le(head + DCM_PREAMBLE_BYTES + 8, (uint32_t)group2.len);
    rc = sink.write(sink.ctx, head, sizeof head, err);
    if (rc == ISO_OK)
        rc = sink.write(sink.ctx, group2.ptr, group2.len, err);
out:
    iso_buf_release(&group2);
    iso_arena_release(&arena);
    return rc;
}
