/* arc_table.c: where the frames of encapsulated pixel data lie.   PS3.5 §A.4, PS3.3 §C.7.6.3.1.8
 * The table is a compact list of varints: a form number; how many fragments; where the content of
 * the first begins, from the first item; the length of each; then how frames begin, if the basic
 * offset table says so: the count, and for each frame how many fragments it has.
 * Without that, the marks that images begin with say it, or else codec_frames.h decides when a frame is
 * asked for. */
#include "arc_in.h"

#include "iso_reader.h"

#include <string.h>

enum { FORM = 1, ITEM_HEAD = 8, TABLE_BYTES_MAX = 64 << 20 };

static void put_varint(struct iso_buf *out, uint64_t v)
{
    while (v >= 0x80) {
        iso_buf_add_u8(out, (uint8_t)(v | 0x80));
        v >>= 7;
    }
    iso_buf_add_u8(out, (uint8_t)v);
}

static uint64_t get_varint(struct iso_reader *r)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t b = iso_read_u8(r);
        v |= (uint64_t)(b & 0x7f) << shift;
        if ((b & 0x80) == 0)
            break;
    }
    return v;
}

void arc_table_init(struct arc_table_build *build)
{
    memset(build, 0, sizeof *build);
    iso_buf_init(&build->lengths, TABLE_BYTES_MAX);
    iso_buf_init(&build->marks, TABLE_BYTES_MAX);
}

void arc_table_release(struct arc_table_build *build)
{
    iso_buf_release(&build->lengths);
    iso_buf_release(&build->marks);
}

int arc_table_fragment(void *ctx, size_t number, uint64_t offset, uint64_t bytes, iso_bytes front,
                       struct iso_err *err)
{
    struct arc_table_build *b = ctx;

    (void)offset;
    if (number == 0) {
        b->table = front; /* in the arena of the header */
        b->first = ITEM_HEAD + bytes + ITEM_HEAD;
        return ISO_OK;
    }
    put_varint(&b->lengths, bytes);
    if (codec_begins_image(front)) {
        b->marked_first = b->marked_first || b->fragments == 0;
        if (b->begun++ > 0)
            put_varint(&b->marks, b->since);
        b->since = 0;
    }
    b->since++;
    b->fragments++;
    return iso_buf_ok(&b->lengths) ? ISO_OK : iso_buf_check(&b->lengths, err);
}

/* By the marks of images, if every frame begins with one. */
static bool put_marked(const struct arc_table_build *b, uint32_t frames, struct iso_buf *out)
{
    if (b->begun != frames || !b->marked_first || !iso_buf_ok(&b->marks))
        return false;
    put_varint(out, frames);
    iso_buf_add(out, b->marks.ptr, b->marks.len);
    put_varint(out, b->since);
    return true;
}

/* How many fragments each frame has, by the basic offset table; false when it does not fit. */
static bool put_frames(const struct arc_table_build *b, uint32_t frames, struct iso_buf *out)
{
    struct iso_reader    lengths = iso_reader_of(iso_buf_bytes(&b->lengths));
    struct codec_offsets offsets;
    uint64_t             since = 0;

    if (!codec_offsets_init(&offsets, b->table, frames))
        return false;
    put_varint(out, frames);
    for (uint64_t i = 0; i < b->fragments; i++) {
        if (codec_offsets_next(&offsets, get_varint(&lengths)) && i > 0) {
            put_varint(out, since);
            since = 0;
        }
        since++;
    }
    put_varint(out, since);
    return codec_offsets_fit(&offsets);
}

int arc_table_finish(struct arc_table_build *build, uint32_t frames, struct iso_arena *arena,
                     iso_bytes *out, struct iso_err *err)
{
    struct iso_buf buf;
    struct iso_buf starts;
    bool           found;
    int            rc;

    iso_buf_init(&buf, TABLE_BYTES_MAX);
    iso_buf_init(&starts, TABLE_BYTES_MAX);
    put_varint(&buf, FORM);
    put_varint(&buf, build->fragments);
    put_varint(&buf, build->first);
    iso_buf_add(&buf, build->lengths.ptr, build->lengths.len);
    found = frames >= 2 && build->fragments != frames;
    if (found && !put_frames(build, frames, &starts)) {
        iso_buf_reset(&starts);
        found = put_marked(build, frames, &starts);
    }
    if (found)
        iso_buf_add(&buf, starts.ptr, starts.len);
    else
        put_varint(&buf, 0);
    rc = iso_buf_check(&buf, err);
    if (rc >= 0) {
        *out = iso_arena_bytes(arena, iso_buf_bytes(&buf));
        rc   = out->ptr != NULL ? ISO_OK : iso_arena_fail(arena, err);
    }
    iso_buf_release(&starts);
    iso_buf_release(&buf);
    return rc;
}

/* ---- reading it ---- */

struct layout {
    struct codec_range *fragment;
    uint64_t            fragments;
    uint64_t           *start; /* frames + 1 of them: each frame's first fragment */
};

static int layout_fragments(struct iso_reader *r, const struct arc_instance *in,
                            struct iso_arena *arena, struct layout *l, struct iso_err *err)
{
    const uint64_t end = in->pixel_offset + in->pixel_bytes;
    uint64_t       at;

    if (get_varint(r) != FORM)
        return iso_fail(err, ISO_EFORMAT, "the frame table has an unknown form");
    l->fragments = get_varint(r);
    at           = in->pixel_offset + get_varint(r);
    if (l->fragments > iso_left(r))
        return iso_fail(err, ISO_EFORMAT, "the frame table is damaged");
    if (in->frames > 1 && in->frames > l->fragments)
        return iso_fail(err, ISO_EFORMAT, "%llu fragments do not make %u frames",
                        (unsigned long long)l->fragments, in->frames);
    l->fragment = iso_arena_array(arena, (size_t)l->fragments, sizeof *l->fragment);
    l->start    = iso_arena_array(arena, (size_t)in->frames + 1, sizeof *l->start);
    if (l->fragment == NULL || l->start == NULL)
        return iso_arena_fail(arena, err);
    for (uint64_t i = 0; i < l->fragments; i++) {
        uint64_t bytes = get_varint(r);
        if (at > end || bytes > end - at)
            return iso_fail(err, ISO_EFORMAT, "the frame table is damaged");
        l->fragment[i] = (struct codec_range){ at, bytes };
        at += bytes + ITEM_HEAD;
    }
    return ISO_OK;
}

/* What reads the first bytes of a fragment. */
struct look {
    struct arc_object    object;
    const struct layout *layout;
};

static int peek(void *ctx, size_t index, uint8_t head[CODEC_HEAD_BYTES], struct iso_err *err)
{
    const struct look *look = ctx;

    return (int)os_read_at(look->object.fd, head, CODEC_HEAD_BYTES,
                           look->object.offset + look->layout->fragment[index].offset, err);
}

static int layout_find(struct arc *arc, const struct arc_instance *in, struct layout *l,
                       struct iso_err *err)
{
    struct look look = { .layout = l };
    int         rc   = arc_object_open(arc, in, &look.object, err);

    if (rc < 0)
        return rc;
    rc = codec_frames_find(l->fragment, (size_t)l->fragments, iso_bytes_of(NULL, 0), in->frames,
                           peek, &look, l->start, err);
    arc_object_close(&look.object);
    return rc;
}

static int layout_frames(struct arc *arc, struct iso_reader *r, const struct arc_instance *in,
                         struct layout *l, struct iso_err *err)
{
    const uint64_t counted = get_varint(r);
    uint64_t       at      = 0;

    if (counted != in->frames || !iso_reader_ok(r))
        return layout_find(arc, in, l, err);
    for (uint32_t f = 0; f < in->frames; f++) {
        l->start[f] = at;
        at += get_varint(r);
    }
    l->start[in->frames] = at;
    if (!iso_reader_ok(r) || at != l->fragments)
        return iso_fail(err, ISO_EFORMAT, "the frame table is damaged");
    return ISO_OK;
}

/* The same table with the frames as they were found. */
static int complete(struct arc *arc, const struct arc_instance *in, struct iso_reader r,
                    size_t lengths_end, struct iso_arena *arena, iso_bytes *table,
                    struct iso_err *err)
{
    struct layout  l = { 0 };
    struct iso_buf buf;
    int            rc = layout_fragments(&r, in, arena, &l, err);

    if (rc >= 0)
        rc = layout_find(arc, in, &l, err);
    if (rc < 0)
        return rc;
    iso_buf_init(&buf, TABLE_BYTES_MAX);
    iso_buf_add(&buf, table->ptr, lengths_end);
    put_varint(&buf, in->frames);
    for (uint32_t f = 0; f < in->frames; f++)
        put_varint(&buf, l.start[f + 1] - l.start[f]);
    rc = iso_buf_check(&buf, err);
    if (rc >= 0) {
        iso_bytes copy = iso_arena_bytes(arena, iso_buf_bytes(&buf));

        rc = copy.ptr != NULL ? ISO_OK : iso_arena_fail(arena, err);
        if (rc >= 0)
            *table = copy;
    }
    iso_buf_release(&buf);
    return rc;
}

int arc_table_complete(void *ctx, int64_t instance, struct iso_arena *arena, iso_bytes *table,
                       struct iso_err *err)
{
    struct arc           *arc = ctx;
    struct iso_reader     r   = iso_reader_of(*table);
    struct index_instance row;
    struct arc_instance   in;
    size_t                found = 0;
    bool                  known = get_varint(&r) == FORM;
    uint64_t              fragments;
    int                   rc;

    fragments = get_varint(&r);
    (void)get_varint(&r);
    for (uint64_t i = 0; known && i < fragments && iso_reader_ok(&r); i++)
        (void)get_varint(&r);
    const size_t lengths_end = table->len - iso_left(&r);
    if (!known || fragments < 3 || get_varint(&r) != 0 || !iso_reader_ok(&r))
        return ISO_OK; /* complete, or nothing that we could complete */
    rc = index_instances(arc->index, &instance, 1, arena, &row, NULL, &found, err);
    if (rc < 0 || found == 0)
        return rc;
    arc_instance_from(&row, &in);
    if (in.frames < 2 || in.frames >= fragments)
        return ISO_OK;
    rc = complete(arc, &in, iso_reader_of(*table), lengths_end, arena, table, err);
    return rc == ISO_ENOMEM ? rc : ISO_OK;
}

static int layout_read(struct arc *arc, const struct arc_instance *in, struct iso_arena *arena,
                       struct layout *l, struct iso_err *err)
{
    iso_bytes         table;
    struct iso_reader r;
    int               rc = index_header(arc->index, in->id, arena, NULL, &table, err);

    if (rc < 0)
        return rc;
    r  = iso_reader_of(table);
    rc = layout_fragments(&r, in, arena, l, err);
    return rc < 0 ? rc : layout_frames(arc, &r, in, l, err);
}

static void frame_native(const struct arc_instance *in, uint32_t number, struct arc_frame *frame)
{
    frame->range[0] =
        (struct codec_range){ in->pixel_offset + (number - 1) * in->frame_bytes, in->frame_bytes };
    frame->range_count = 1;
    frame->bytes       = in->frame_bytes;
}

static void frame_fragments(const struct layout *l, uint32_t number, struct arc_frame *frame)
{
    frame->range       = l->fragment + l->start[number - 1];
    frame->range_count = (size_t)(l->start[number] - l->start[number - 1]);
    for (size_t i = 0; i < frame->range_count; i++)
        frame->bytes += frame->range[i].bytes;
}

static int can_be_cut(const struct arc_instance *in, struct iso_err *err)
{
    if (in->pixels == ARC_PIXELS_NONE || in->frames == 0)
        return iso_fail(err, ISO_EUNSUPPORTED, "the object has no pixel data");
    if (in->pixels == ARC_PIXELS_DEFLATED)
        return iso_fail(err, ISO_EUNSUPPORTED, "the pixel data is inside a deflated stream");
    if (in->pixels == ARC_PIXELS_NATIVE && in->frame_bytes == 0)
        return iso_fail(err, ISO_EUNSUPPORTED,
                        "frames of %u x %u pixels of %u bits cannot be cut out of %llu bytes",
                        in->columns, in->rows, in->bits_allocated,
                        (unsigned long long)in->pixel_bytes);
    return ISO_OK;
}

int arc_frames(struct arc *arc, const struct arc_instance *instance, const uint32_t *numbers,
               size_t count, struct iso_arena *arena, struct arc_frame **out, size_t *found,
               struct iso_err *err)
{
    const bool        native = instance->pixels == ARC_PIXELS_NATIVE;
    struct layout     layout = { 0 };
    struct arc_frame *list;
    int               rc = can_be_cut(instance, err);

    if (numbers == NULL)
        count = instance->frames;
    for (size_t i = 0; i < count && numbers != NULL && rc >= 0; i++)
        if (numbers[i] < 1 || numbers[i] > instance->frames)
            rc = iso_fail(err, ISO_EINVAL, "frame %u of %u", numbers[i], instance->frames);
    if (rc >= 0 && !native)
        rc = layout_read(arc, instance, arena, &layout, err);
    if (rc < 0)
        return rc;
    list                       = iso_arena_array(arena, count, sizeof *list);
    struct codec_range *ranges = native ? iso_arena_array(arena, count, sizeof *ranges) : NULL;
    if (list == NULL || (native && ranges == NULL))
        return iso_arena_fail(arena, err);
    for (size_t i = 0; i < count; i++) {
        list[i].number = numbers != NULL ? numbers[i] : (uint32_t)i + 1;
        if (native) {
            list[i].range = &ranges[i];
            frame_native(instance, list[i].number, &list[i]);
        } else {
            frame_fragments(&layout, list[i].number, &list[i]);
        }
    }
    *out   = list;
    *found = count;
    return ISO_OK;
}
