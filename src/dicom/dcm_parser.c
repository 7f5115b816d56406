/* dcm_parser.c: the states of the pull parser: a stack of open data sets, sequences and fragments,
 * with one fixed window of input under it. Nothing recurses and nothing is allocated after new.
 * PS3.5 §7.5 (nesting), §A.4 (fragments). */
#include "dcm_parser_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_UNDEFINED 0xffffffffU

enum { STEP_PASSED = STEP_STOPPED + 1 }; /* a stray delimiter: go on */

int dcm_parser_fail(struct dcm_parser *p, int code, struct iso_err *err, const char *fmt, ...)
{
    char    text[256];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    p->failed = code;
    return iso_fail(err, code, DCM_TAG_FMT " at byte %llu: %s", DCM_TAG_ARG(p->at.tag),
                    (unsigned long long)p->at.offset, text);
}

/* ---- life ------------------------------------------------------------------------------------- */

static int new_parser(struct dcm_parser **p, const struct dcm_syntax *syntax, uint64_t offset_base,
                      size_t window_bytes, struct iso_err *err)
{
    struct dcm_parser *new = malloc(sizeof *new + window_bytes);

    if (new == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory");
    memset(new, 0, sizeof *new);
    new->offset_base = offset_base;
    new->in.window   = new->window;
    new->in.ptr      = new->window;
    new->swap_unit   = 1;
    new->level_count = 1;
    new->level[0]    = (struct level){ .kind       = LEVEL_TOP,
                                       .implicit   = !syntax->explicit_vr,
                                       .big_endian = syntax->big_endian,
                                       .end        = UINT64_MAX };
    *p               = new;
    return ISO_OK;
}

/* The input is what comes out of the inflater; the parser goes when there is none. */
static int inflate_from(struct dcm_parser *new, struct iso_source source, struct iso_err *err)
{
    int rc = dcm_inflate_new(&new->inflate, source, err);

    if (rc < 0)
        free(new);
    else
        new->in.source = dcm_inflate_source(new->inflate);
    return rc;
}

int dcm_parser_new(struct dcm_parser **p, struct iso_source source, const struct dcm_syntax *syntax,
                   uint64_t offset_base, struct iso_err *err)
{
    struct dcm_parser *new;
    int rc = new_parser(&new, syntax, offset_base, DCM_WINDOW_BYTES, err);

    if (rc < 0)
        return rc;
    new->in.source = source;
    if (syntax->deflated)
        rc = inflate_from(new, source, err);
    if (rc >= 0)
        *p = new;
    return rc;
}

/* A lender as a source, for the inflater. */
static int64_t read_lent(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct dcm_parser *p    = ctx;
    iso_bytes         *rest = &p->deflated;

    if (rest->len == 0) {
        int64_t got = p->lender.lend(p->lender.ctx, &rest->ptr, err);
        if (got <= 0)
            return got;
        rest->len = (size_t)got;
    }
    size_t n = rest->len < cap ? rest->len : cap;
    memcpy(ptr, rest->ptr, n);
    *rest = iso_bytes_of(rest->ptr + n, rest->len - n);
    return (int64_t)n;
}

int dcm_parser_new_lent(struct dcm_parser **p, struct iso_lender lender,
                        const struct dcm_syntax *syntax, uint64_t offset_base, struct iso_err *err)
{
    struct dcm_parser *new;
    int rc = new_parser(&new, syntax, offset_base, DCM_WINDOW_BYTES, err);

    if (rc < 0)
        return rc;
    if (syntax->deflated) {
        new->lender = lender;
        rc          = inflate_from(new, (struct iso_source){ read_lent, new }, err);
    } else {
        new->in.lender = lender;
    }
    if (rc >= 0)
        *p = new;
    return rc;
}

/* Memory as a source, for the inflater. */
static int64_t read_deflated(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    iso_bytes *rest = ctx;
    size_t     n    = rest->len < cap ? rest->len : cap;

    (void)err;
    if (n > 0)
        memcpy(ptr, rest->ptr, n);
    *rest = iso_bytes_of(n > 0 ? rest->ptr + n : rest->ptr, rest->len - n);
    return (int64_t)n;
}

int dcm_parser_new_memory(struct dcm_parser **p, iso_bytes in, const struct dcm_syntax *syntax,
                          uint64_t offset_base, struct iso_err *err)
{
    struct dcm_parser *new;
    int rc = new_parser(&new, syntax, offset_base, syntax->deflated ? DCM_WINDOW_BYTES : 0, err);

    if (rc < 0)
        return rc;
    if (syntax->deflated) {
        new->deflated = in;
        rc = inflate_from(new, (struct iso_source){ read_deflated, &new->deflated }, err);
        if (rc < 0)
            return rc;
    } else {
        new->in.ptr       = in.ptr;
        new->in.left      = in.len;
        new->in.memory    = true;
        new->level[0].end = in.len;
    }
    *p = new;
    return ISO_OK;
}

void dcm_parser_free(struct dcm_parser *p)
{
    if (p != NULL)
        dcm_inflate_free(p->inflate);
    free(p);
}

void dcm_parser_set_skip(struct dcm_parser *p,
                         int64_t (*skip)(void *ctx, uint64_t n, struct iso_err *err))
{
    if (p->inflate == NULL)
        p->in.skip = skip;
}

/* ---- values ----------------------------------------------------------------------------------- */

static int value_cut(struct dcm_parser *p, struct iso_err *err)
{
    return dcm_parser_fail(p, ISO_EFORMAT, err, "the data end %llu bytes before its value does",
                           (unsigned long long)p->value_left);
}

int64_t dcm_parser_read(struct dcm_parser *p, void *ptr, size_t cap, struct iso_err *err)
{
    size_t  n = p->value_left < cap ? (size_t)p->value_left : cap;
    int64_t got;

    if (p->failed < 0)
        return iso_fail(err, p->failed, "the parser has failed");
    if (n == 0)
        return 0;
    got = dcm_input_read(&p->in, ptr, n, err);
    if (got < 0)
        p->failed = (int)got;
    if (got == 0)
        return value_cut(p, err);
    if (got > 0)
        p->value_left -= (uint64_t)got;
    return got;
}

static int skip_value(struct dcm_parser *p, struct iso_err *err)
{
    uint64_t skipped;
    int      rc = dcm_input_skip(&p->in, p->value_left, &skipped, err);

    p->value_left -= skipped;
    if (rc < 0)
        p->failed = rc;
    else if (p->value_left > 0)
        rc = value_cut(p, err);
    return rc;
}

static void swap_bytes(uint8_t *ptr, size_t len, size_t unit)
{
    if (unit == 1)
        return;
    for (size_t i = 0; i + unit <= len; i += unit)
        for (size_t j = 0; j < unit / 2; j++) {
            uint8_t byte          = ptr[i + j];
            ptr[i + j]            = ptr[i + unit - 1 - j];
            ptr[i + unit - 1 - j] = byte;
        }
}

/* Reads all that is left of the value to ptr. */
static int read_exactly(struct dcm_parser *p, uint8_t *ptr, struct iso_err *err)
{
    while (p->value_left > 0) { /* each turn brings bytes or fails */
        int64_t got = dcm_parser_read(p, ptr, (size_t)p->value_left, err);

        if (got < 0)
            return (int)got;
        ptr += got;
    }
    return ISO_OK;
}

/* A long value from a stream grows on the heap with what comes, up to what the arena has room for,
 * then moves there. */
static int read_long_value(struct dcm_parser *p, struct iso_arena *arena, iso_bytes *value,
                           struct iso_err *err)
{
    size_t         room = arena->bytes_max - arena->bytes_used;
    struct iso_buf buf;
    int            rc = ISO_OK;

    iso_buf_init(&buf, p->value_left < room ? (size_t)p->value_left : room);
    while (p->value_left > 0 && rc == ISO_OK) { /* each turn brings bytes or fails */
        size_t  want = p->value_left < DCM_WINDOW_BYTES ? (size_t)p->value_left : DCM_WINDOW_BYTES;
        int64_t got;

        rc = iso_buf_reserve(&buf, want);
        if (rc < 0) {
            rc = iso_buf_check(&buf, err);
            break;
        }
        got = dcm_parser_read(p, buf.ptr + buf.len, want, err);
        if (got < 0)
            rc = (int)got;
        else
            buf.len += (size_t)got;
    }
    swap_bytes(buf.ptr, buf.len, p->swap_unit);
    if (rc == ISO_OK) {
        *value = iso_arena_bytes(arena, iso_buf_bytes(&buf));
        rc     = value->ptr != NULL ? ISO_OK : iso_arena_fail(arena, err);
    }
    iso_buf_release(&buf);
    return rc;
}

int dcm_parser_value(struct dcm_parser *p, size_t bytes_max, struct iso_arena *arena,
                     iso_bytes *value, struct iso_err *err)
{
    iso_bytes all;
    uint8_t  *copy;
    int       rc = ISO_OK;

    if (p->failed < 0)
        return iso_fail(err, p->failed, "the parser has failed");
    if (p->value_left > bytes_max)
        return dcm_parser_fail(p, ISO_ELIMIT, err, "a value of %llu bytes; %zu are allowed",
                               (unsigned long long)p->value_left, bytes_max);
    if (p->in.memory && p->swap_unit == 1) {
        if (p->in.left < p->value_left)
            return value_cut(p, err);
        *value = iso_bytes_of(p->in.ptr, (size_t)p->value_left);
        dcm_input_advance(&p->in, value->len);
        p->value_left = 0;
        return ISO_OK;
    }
    if (p->value_left <= DCM_WINDOW_BYTES) {
        all.len = (size_t)p->value_left;
        copy    = iso_arena_alloc(arena, all.len);
        all.ptr = copy;
        rc      = copy != NULL ? read_exactly(p, copy, err) : iso_arena_fail(arena, err);
        if (rc == ISO_OK)
            swap_bytes(copy, all.len, p->swap_unit);
    } else {
        rc = read_long_value(p, arena, &all, err);
    }
    if (rc < 0)
        return rc;
    *value = all;
    return ISO_OK;
}

/* ---- events ----------------------------------------------------------------------------------- */

static size_t open_sequences(const struct dcm_parser *p)
{
    return p->level_count / 2; /* top, sequence, item, sequence, item … */
}

static int emit(struct dcm_parser *p, enum dcm_event event)
{
    p->at.event = event;
    return ISO_OK;
}

/* An event that has no value and no header form of its own. */
static int emit_end(struct dcm_parser *p, enum dcm_event event, dcm_tag tag, enum dcm_vr vr)
{
    p->at = (struct dcm_position){ .event        = event,
                                   .tag          = tag,
                                   .vr           = vr,
                                   .offset       = p->at.offset,
                                   .value_offset = p->in.offset + p->offset_base,
                                   .depth        = p->at.depth };
    return ISO_OK;
}

static int push(struct dcm_parser *p, enum level_kind kind, uint64_t end, struct iso_err *err)
{
    struct level *outer = &p->level[p->level_count - 1];
    struct level *new   = outer + 1;

    if (p->level_count == LEVELS_MAX ||
        open_sequences(p) >= DCM_DEPTH_MAX + (kind != LEVEL_SEQUENCE))
        return dcm_parser_fail(p, ISO_ELIMIT, err, "nested deeper than %d sequences",
                               DCM_DEPTH_MAX);
    *new           = *outer;
    new->kind      = (uint8_t)kind;
    new->undefined = p->at.undefined_length;
    new->end       = end;
    new->tag       = kind == LEVEL_ITEM ? 0 : p->at.tag;
    new->offset    = p->at.offset;
    new->owners    = p->owner_count;
    new->started   = false;
    p->level_count++;
    return ISO_OK;
}

static void pop(struct dcm_parser *p)
{
    p->owner_count = p->level[p->level_count - 1].owners;
    p->level_count--;
}

static int end_item(struct dcm_parser *p)
{
    p->at.depth = open_sequences(p);
    pop(p);
    return emit_end(p, DCM_EV_ITEM_END, DCM_ITEM, DCM_VR_NONE);
}

static int end_sequence(struct dcm_parser *p)
{
    struct level *level = &p->level[p->level_count - 1];
    dcm_tag       tag   = level->tag;
    bool          is_sq = level->kind == LEVEL_SEQUENCE;

    pop(p);
    p->at.depth = open_sequences(p);
    return emit_end(p, is_sq ? DCM_EV_SEQUENCE_END : DCM_EV_FRAGMENTS_END, tag,
                    is_sq ? DCM_VR_SQ : DCM_VR_OB);
}

/* The stream ended, or a level whose end is known, inside of this one. */
static int fail_open(struct dcm_parser *p, const struct level *level, struct iso_err *err)
{
    static const char *const what[] = { "data set", "sequence", "item", "pixel data" };

    p->at.offset = p->in.offset + p->offset_base;
    if (level->kind != LEVEL_TOP)
        p->at.tag = level->kind == LEVEL_ITEM ? level[-1].tag : level->tag;
    return dcm_parser_fail(p, ISO_EFORMAT, err, "%s inside of the %s that began at byte %llu",
                           p->in.left == 0 ? "the data end" : "something ends", what[level->kind],
                           (unsigned long long)level->offset);
}

/* Makes a tag and a length visible and p->at stand on them; false: see *rc. */
static bool see_head(struct dcm_parser *p, const struct level *level, int *rc, struct iso_err *err)
{
    if (!dcm_input_need(&p->in, 8, rc, err)) {
        if (*rc < 0)
            p->failed = *rc;
        else
            *rc = fail_open(p, level, err);
        return false;
    }
    p->at.tag    = read_tag(p->in.ptr, level->big_endian);
    p->at.offset = p->in.offset + p->offset_base;
    if (level->end - p->in.offset >= 8)
        return true;
    *rc = fail_open(p, level, err);
    return false;
}

/* Zeros to the end, as some pad their files with: the data set is complete. */
static int end_of_padding(struct dcm_parser *p, struct iso_err *err)
{
    int rc = ISO_OK;

    do { /* each turn passes bytes or ends */
        for (size_t i = 0; i < p->in.left; i++)
            if (p->in.ptr[i] != 0)
                return dcm_parser_fail(p, ISO_EFORMAT, err, "something else after the data set");
        dcm_input_advance(&p->in, p->in.left);
    } while (dcm_input_need(&p->in, 1, &rc, err));
    if (rc < 0)
        return p->failed = rc;
    p->done = true;
    return emit_end(p, DCM_EV_END, 0, DCM_VR_NONE);
}

/* (FFFE,xxxx) among the elements of a data set. */
static int next_delimiter(struct dcm_parser *p, struct level *level, struct iso_err *err)
{
    if (p->at.tag == DCM_ITEM_DELIMITATION &&
        (level->kind == LEVEL_TOP || level->undefined || p->in.offset + 8 == level->end)) {
        dcm_input_advance(&p->in, 8); /* its length says nothing */
        return level->kind == LEVEL_TOP ? STEP_PASSED : end_item(p);
    }
    return dcm_parser_fail(p, ISO_EFORMAT, err, "this does not belong into %s",
                           level->kind == LEVEL_TOP ? "a data set" : "an item");
}

static bool may_have_fragments(const struct dcm_position *at) /* PS3.5 §A.4 */
{
    return (at->vr == DCM_VR_OB || at->vr == DCM_VR_OW) &&
           (at->tag == DCM_PIXEL_DATA || dcm_tag_is_private(at->tag));
}

/* An element header was read: what begins with it? */
static int enter_element(struct dcm_parser *p, struct level *level, struct iso_err *err)
{
    bool     is_un = p->at.wire_vr[0] == 'U' && p->at.wire_vr[1] == 'N';
    uint64_t end   = level->end;
    int      rc;

    if (p->elements++ == DCM_ELEMENTS_MAX)
        return dcm_parser_fail(p, ISO_ELIMIT, err, "more than %d elements", DCM_ELEMENTS_MAX);
    if (!p->at.undefined_length) {
        if (p->at.bytes > level->end - p->in.offset)
            return dcm_parser_fail(p, ISO_EFORMAT, err, "its %llu bytes go past the end of %s",
                                   (unsigned long long)p->at.bytes,
                                   level->kind == LEVEL_TOP ? "the data" : "its item");
        end = p->in.offset + p->at.bytes;
    }
    if (p->at.undefined_length && p->at.vr == DCM_VR_UN) { /* PS3.5 §6.2.2, CP-246 */
        is_un    = !level->implicit && p->at.header == DCM_HEADER_NORMAL;
        p->at.vr = DCM_VR_SQ;
        if (is_un)
            memcpy(p->at.wire_vr, "UN", 2);
    }
    if (p->at.vr == DCM_VR_SQ) {
        bool implicit = is_un || p->at.header == DCM_HEADER_IMPLICIT;

        rc = push(p, LEVEL_SEQUENCE, end, err);
        if (rc < 0)
            return rc;
        level[1].implicit |= implicit;
        level[1].big_endian &= !is_un;
        return emit(p, DCM_EV_SEQUENCE);
    }
    if (p->at.undefined_length) {
        if (!may_have_fragments(&p->at))
            return dcm_parser_fail(p, ISO_EFORMAT, err, "%s of undefined length",
                                   dcm_vr_info(p->at.vr)->name);
        rc = push(p, LEVEL_FRAGMENTS, end, err);
        return rc < 0 ? rc : emit(p, DCM_EV_FRAGMENTS);
    }
    p->value_left = p->at.bytes;
    rc            = dcm_parser_note(p, level, err);
    if (rc < 0)
        return p->failed = rc;
    return emit(p, DCM_EV_ELEMENT);
}

static int next_in_data_set(struct dcm_parser *p, struct level *level, struct iso_err *err)
{
    int rc;

    if (p->in.offset == level->end && level->kind == LEVEL_ITEM && !level->undefined)
        return end_item(p);
    if (level->kind == LEVEL_TOP && !dcm_input_need(&p->in, 8, &rc, err)) {
        if (rc < 0)
            return p->failed = rc;
        p->at.tag    = level->tag;
        p->at.offset = p->in.offset + p->offset_base;
        for (size_t i = 0; i < p->in.left; i++)
            if (p->in.ptr[i] != 0)
                return dcm_parser_fail(p, ISO_EFORMAT, err, "cut within the header after it");
        return end_of_padding(p, err);
    }
    if (!see_head(p, level, &rc, err))
        return rc;
    p->at.depth = open_sequences(p);
    if (p->at.tag >> 16 == 0xfffe)
        return next_delimiter(p, level, err);
    if (level->kind == LEVEL_TOP) {
        if (p->stop_before != 0 && p->at.tag >= p->stop_before)
            return STEP_STOPPED;
        if (p->at.tag == 0 && level->started)
            return end_of_padding(p, err);
    }
    rc = dcm_parser_head(p, level, err);
    if (rc < 0)
        return p->failed = rc;
    level->tag     = p->at.tag;
    level->started = true;
    return enter_element(p, level, err);
}

/* The header of an item or of the delimiter; *length is the item's. */
static int next_item_head(struct dcm_parser *p, const struct level *level, uint32_t *length,
                          struct iso_err *err)
{
    int rc;

    if (!see_head(p, level, &rc, err))
        return rc;
    *length = read_u32(p->in.ptr + 4, level->big_endian);
    if (p->at.tag != DCM_ITEM && p->at.tag != DCM_SEQUENCE_DELIMITATION)
        return dcm_parser_fail(p, ISO_EFORMAT, err, "not an item, inside of " DCM_TAG_FMT,
                               DCM_TAG_ARG(level->tag));
    dcm_input_advance(&p->in, 8);
    p->at.vr               = DCM_VR_NONE;
    p->at.wire_vr[0]       = '\0';
    p->at.wire_vr[1]       = '\0';
    p->at.header           = DCM_HEADER_NORMAL;
    p->at.reserved         = 0;
    p->at.undefined_length = *length == LENGTH_UNDEFINED;
    p->at.bytes            = p->at.undefined_length ? 0 : *length;
    p->at.value_offset     = p->in.offset + p->offset_base;
    p->at.depth            = open_sequences(p);
    if (p->at.tag == DCM_ITEM && !p->at.undefined_length && *length > level->end - p->in.offset)
        return dcm_parser_fail(p, ISO_EFORMAT, err, "an item of %u bytes goes past the end of %s",
                               *length, level->undefined ? "the data" : "its sequence");
    return ISO_OK;
}

static int next_in_sequence(struct dcm_parser *p, struct level *level, struct iso_err *err)
{
    uint32_t length;
    int      rc;

    if (p->in.offset == level->end && !level->undefined)
        return end_sequence(p);
    rc = next_item_head(p, level, &length, err);
    if (rc < 0)
        return rc;
    if (p->at.tag == DCM_SEQUENCE_DELIMITATION) {
        if (!level->undefined && p->in.offset != level->end)
            return dcm_parser_fail(p, ISO_EFORMAT, err, "a delimiter before the sequence ends");
        return end_sequence(p);
    }
    rc = push(p, LEVEL_ITEM, p->at.undefined_length ? level->end : p->in.offset + length, err);
    return rc < 0 ? rc : emit(p, DCM_EV_ITEM);
}

static int next_fragment(struct dcm_parser *p, struct level *level, struct iso_err *err)
{
    uint32_t length;
    int      rc = next_item_head(p, level, &length, err);

    if (rc < 0)
        return rc;
    if (p->at.tag == DCM_SEQUENCE_DELIMITATION)
        return end_sequence(p);
    if (length == LENGTH_UNDEFINED)
        return dcm_parser_fail(p, ISO_EFORMAT, err, "a fragment of undefined length");
    p->at.depth   = (p->level_count - 1) / 2;
    p->value_left = length;
    p->swap_unit  = 1;
    return emit(p, DCM_EV_FRAGMENT);
}

int dcm_parser_step(struct dcm_parser *p, struct iso_err *err)
{
    struct level *level = &p->level[p->level_count - 1];
    int           rc;

    if (p->failed < 0)
        return iso_fail(err, p->failed, "the parser has failed");
    if (p->value_left > 0 && (rc = skip_value(p, err)) < 0)
        return rc;
    if (p->done)
        return ISO_EEND;
    switch (level->kind) {
    case LEVEL_SEQUENCE:
        return next_in_sequence(p, level, err);
    case LEVEL_FRAGMENTS:
        return next_fragment(p, level, err);
    default:
        do
            rc = next_in_data_set(p, level, err);
        while (rc == STEP_PASSED);
        return rc;
    }
}

int dcm_parser_next(struct dcm_parser *p, const struct dcm_position **at, struct iso_err *err)
{
    int rc = dcm_parser_step(p, err);

    if (rc == ISO_OK)
        *at = &p->at;
    return rc;
}
