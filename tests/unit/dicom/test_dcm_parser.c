/* The pull parser and the trees it makes: PS3.5 §7, §A. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "dcm_parser.h"
#include "dcm_writer.h"

/* Bytes with a length that the compiler counts. */
#define WIRE(text) iso_bytes_of(text, sizeof(text) - 1)

#define MODALITY                                                                                   \
    "\x08\x00\x60\x00"                                                                             \
    "CS"                                                                                           \
    "\x02\x00"                                                                                     \
    "CT"
#define ITEM_OPEN "\xfe\xff\x00\xe0\xff\xff\xff\xff"
#define ITEM_END  "\xfe\xff\x0d\xe0\x00\x00\x00\x00"
#define SEQ_END   "\xfe\xff\xdd\xe0\x00\x00\x00\x00"

/* (0008,1115) of two levels, undefined lengths, then (0010,0010) and native pixel data. */
static const char nested[] =
    MODALITY "\x08\x00\x15\x11SQ\x00\x00\xff\xff\xff\xff" ITEM_OPEN
             "\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff" ITEM_OPEN "\x08\x00\x50\x11UI\x04\x00"
             "1.2\0" ITEM_END SEQ_END "\x20\x00\x0e\x00UI\x04\x00"
             "1.3\0" ITEM_END SEQ_END "\x10\x00\x10\x00PN\x04\x00"
             "A^B "
             "\xe0\x7f\x10\x00OW\x00\x00\x04\x00\x00\x00\x01\x02\x03\x04";

static struct iso_arena arena;
static struct iso_err   err;

static int setup(void **state)
{
    (void)state;
    iso_arena_init(&arena, 16 << 20);
    err = (struct iso_err){ 0 };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    iso_arena_release(&arena);
    return 0;
}

static void assert_value(const struct dcm_dataset *ds, dcm_tag tag, const char *expected)
{
    assert_text(dcm_get_raw(ds, tag), expected);
}

static void events_come_in_order(void **state) /* PS3.5 §7.5 */
{
    static const struct {
        enum dcm_event event;
        dcm_tag        tag;
        size_t         depth;
    } expected[] = {
        { DCM_EV_ELEMENT, DCM_MODALITY, 0 },
        { DCM_EV_SEQUENCE, DCM_REFERENCED_SERIES_SEQUENCE, 0 },
        { DCM_EV_ITEM, DCM_ITEM, 1 },
        { DCM_EV_SEQUENCE, DCM_REFERENCED_IMAGE_SEQUENCE, 1 },
        { DCM_EV_ITEM, DCM_ITEM, 2 },
        { DCM_EV_ELEMENT, DCM_REFERENCED_SOP_CLASS_UID, 2 },
        { DCM_EV_ITEM_END, DCM_ITEM, 2 },
        { DCM_EV_SEQUENCE_END, DCM_REFERENCED_IMAGE_SEQUENCE, 1 },
        { DCM_EV_ELEMENT, DCM_SERIES_INSTANCE_UID, 1 },
        { DCM_EV_ITEM_END, DCM_ITEM, 1 },
        { DCM_EV_SEQUENCE_END, DCM_REFERENCED_SERIES_SEQUENCE, 0 },
        { DCM_EV_ELEMENT, DCM_PATIENT_NAME, 0 },
        { DCM_EV_ELEMENT, DCM_PIXEL_DATA, 0 },
        { DCM_EV_END, 0, 0 },
    };
    const struct dcm_position *at;
    struct dcm_parser         *p;

    (void)state;
    assert_int_equal(dcm_parser_new_memory(&p, iso_bytes_of(nested, sizeof nested - 1),
                                           DCM_EXPLICIT_LE, 1000, &err),
                     ISO_OK);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_int_equal(dcm_parser_next(p, &at, &err), ISO_OK);
        assert_int_equal(at->event, expected[i].event);
        assert_int_equal(at->depth, expected[i].depth);
        if (at->event != DCM_EV_END)
            assert_int_equal(at->tag, expected[i].tag);
    }
    assert_int_equal(at->value_offset, 1000 + sizeof nested - 1);
    assert_int_equal(dcm_parser_next(p, &at, &err), ISO_EEND);
    assert_int_equal(dcm_parser_next(p, &at, &err), ISO_EEND);
    dcm_parser_free(p);
}

static void a_tree_holds_what_came(void **state)
{
    struct dcm_dataset        ds;
    const struct dcm_dataset *item;
    const struct dcm_element *pixels;

    (void)state;
    assert_int_equal(dcm_dataset_parse(iso_bytes_of(nested, sizeof nested - 1), DCM_EXPLICIT_LE,
                                       &arena, &ds, &err),
                     ISO_OK);
    assert_int_equal(ds.count, 4);
    assert_true(ds.sorted);
    assert_value(&ds, DCM_MODALITY, "CT");
    item = dcm_get_item(&ds, DCM_REFERENCED_SERIES_SEQUENCE, 0);
    assert_non_null(item);
    assert_ptr_equal(item->parent, &ds);
    assert_true(item->undefined_length);
    assert_value(item, DCM_SERIES_INSTANCE_UID, "1.3");
    item = dcm_get_item(item, DCM_REFERENCED_IMAGE_SEQUENCE, 0);
    assert_value(item, DCM_REFERENCED_SOP_CLASS_UID, "1.2");
    assert_null(dcm_get_item(&ds, DCM_REFERENCED_SERIES_SEQUENCE, 1));
    pixels = dcm_get(&ds, DCM_PIXEL_DATA);
    assert_int_equal(pixels->form, DCM_FORM_VALUE);
    assert_int_equal(pixels->value.len, 4);
}

/* A cut that falls between two top-level elements leaves a shorter data set; any other is an error
 * that names a place. */
static void every_prefix_is_an_error_or_ends_between_elements(void **state)
{
    static const size_t whole[] = { 0, 10, 106, 118, 134 };
    struct dcm_dataset  ds;
    uint8_t            *cut;
    size_t              good = 0;

    (void)state;
    assert_int_equal(sizeof nested - 1, 134);
    for (size_t n = 0; n < sizeof nested; n++) {
        bool complete = false;
        int  rc;

        cut = malloc(n + 1); /* of its own, so that a read past the end is seen */
        memcpy(cut, nested, n);
        for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
            complete |= whole[i] == n;
        err = (struct iso_err){ 0 };
        rc  = dcm_dataset_parse(iso_bytes_of(cut, n), DCM_EXPLICIT_LE, &arena, &ds, &err);
        free(cut);
        assert_int_equal(rc, complete ? ISO_OK : ISO_EFORMAT);
        good += rc == ISO_OK;
        if (rc < 0)
            assert_non_null(strstr(err.text, "at byte"));
    }
    assert_int_equal(good, sizeof whole / sizeof *whole);
}

struct lent {
    iso_bytes left;
    size_t    piece_bytes;
    uint8_t  *piece; /* gone when the next one comes */
};

static int64_t lend(void *ctx, const uint8_t **ptr, struct iso_err *e)
{
    struct lent *l = ctx;
    size_t       n = l->piece_bytes < l->left.len ? l->piece_bytes : l->left.len;

    (void)e;
    free(l->piece);
    l->piece = malloc(n + 1);
    memcpy(l->piece, l->left.ptr, n);
    l->left = iso_bytes_of(l->left.ptr + n, l->left.len - n);
    *ptr    = l->piece;
    return (int64_t)n;
}

/* However the pieces are cut, and whatever the prefix: the same as from memory. */
static void pieces_may_be_cut_anywhere(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 40; piece++) {
        for (size_t n = 0; n < sizeof nested; n++) {
            struct lent        lent = { iso_bytes_of(nested, n), piece, NULL };
            struct dcm_dataset whole, ds;
            struct dcm_parser *p;
            int                rc =
                dcm_dataset_parse(iso_bytes_of(nested, n), DCM_EXPLICIT_LE, &arena, &whole, &err);

            assert_int_equal(dcm_parser_new_lent(&p, (struct iso_lender){ lend, &lent },
                                                 DCM_EXPLICIT_LE, 0, &err),
                             ISO_OK);
            assert_int_equal(dcm_parser_tree(p, NULL, &arena, &ds, &err), rc);
            dcm_parser_free(p);
            free(lent.piece);
            if (rc < 0 || n < 134)
                continue;
            assert_value(dcm_get_item(&ds, DCM_REFERENCED_SERIES_SEQUENCE, 0),
                         DCM_SERIES_INSTANCE_UID, "1.3");
            assert_value(&ds, DCM_PATIENT_NAME, "A^B");
            assert_int_equal(dcm_get(&ds, DCM_PIXEL_DATA)->offset, 130);
            assert_int_equal(dcm_get(&ds, DCM_PIXEL_DATA)->bytes, 4);
        }
        iso_arena_reset(&arena);
    }
}

static void errors_name_tag_and_offset(void **state)
{
    struct dcm_dataset ds;

    (void)state;
    assert_int_equal(dcm_dataset_parse(WIRE(MODALITY "\x10\x00\x20\x00LO\xff\x7f"
                                                     "abc"),
                                       DCM_EXPLICIT_LE, &arena, &ds, &err),
                     ISO_EFORMAT);
    assert_non_null(strstr(err.text, "(0010,0020) at byte 10"));
}

static void implicit_takes_the_dictionary(void **state) /* PS3.5 §A.1 */
{
    static const char  wire[] = "\x08\x00\x60\x00\x02\x00\x00\x00MR"
                                "\x09\x00\x10\x00\x0c\x00\x00\x00GEMS_IDEN_01"
                                "\x09\x00\x01\x10\x02\x00\x00\x00xy"
                                "\x09\x00\xee\x10\x02\x00\x00\x00xy"
                                "\x28\x00\x03\x01\x02\x00\x00\x00\x01\x00"
                                "\x28\x00\x06\x01\x02\x00\x00\x00\xff\xff"
                                "\xe0\x7f\x10\x00\x02\x00\x00\x00\x01\x02";
    struct dcm_dataset ds;
    int64_t            v = 0;

    (void)state;
    assert_int_equal(dcm_dataset_parse(WIRE(wire), DCM_IMPLICIT_LE, &arena, &ds, &err), ISO_OK);
    assert_int_equal(dcm_get(&ds, DCM_MODALITY)->vr, DCM_VR_CS);
    assert_int_equal(dcm_get(&ds, DCM_TAG(9, 0x10))->vr, DCM_VR_LO);
    assert_int_equal(dcm_get(&ds, DCM_TAG(9, 0x1001))->vr, DCM_VR_LO); /* of the creator's list */
    assert_int_equal(dcm_get(&ds, DCM_TAG(9, 0x10ee))->vr, DCM_VR_UN); /* not in it */
    assert_int_equal(dcm_get(&ds, DCM_PIXEL_DATA)->vr, DCM_VR_OW);
    assert_int_equal(dcm_get(&ds, DCM_SMALLEST_IMAGE_PIXEL_VALUE)->vr, DCM_VR_SS);
    assert_true(dcm_get_i64(&ds, DCM_SMALLEST_IMAGE_PIXEL_VALUE, 0, &v));
    assert_int_equal(v, -1);
    assert_text(dcm_private_creator(&ds, DCM_TAG(9, 0x1001)), "GEMS_IDEN_01");
}

static void big_endian_values_are_turned_round(void **state) /* PS3.5 §7.3 */
{
    static const char  wire[] = "\x00\x08\x00\x60"
                                "CS"
                                "\x00\x02"
                                "CT"
                                "\x00\x28\x00\x10US\x00\x02\x02\x00"
                                "\x00\x28\x00\x09"
                                "AT\x00\x04\x00\x18\x10\x63";
    struct dcm_dataset ds;
    int64_t            v = 0;

    (void)state;
    assert_int_equal(dcm_dataset_parse(WIRE(wire), DCM_EXPLICIT_BE, &arena, &ds, &err), ISO_OK);
    assert_value(&ds, DCM_MODALITY, "CT");
    assert_true(dcm_get_i64(&ds, DCM_ROWS, 0, &v));
    assert_int_equal(v, 512);
    assert_memory_equal(dcm_get(&ds, DCM_TAG(0x28, 9))->value.ptr, "\x18\x00\x63\x10", 4);
}

static void un_holds_implicit_items(void **state) /* PS3.5 §6.2.2, CP-246 */
{
    static const char wire[] =
        "\x08\x00\x40\x11UN\x00\x00\xff\xff\xff\xff" ITEM_OPEN "\x08\x00\x50\x11\x04\x00\x00\x00"
        "1.2\0" ITEM_END SEQ_END "\x10\x00\x20\x00UN\x00\x00\x02\x00\x00\x00"
        "ID";
    struct dcm_dataset   ds;
    struct iso_buf       out;

    (void)state;
    assert_int_equal(dcm_dataset_parse(WIRE(wire), DCM_EXPLICIT_LE, &arena, &ds, &err), ISO_OK);
    assert_value(dcm_get_item(&ds, DCM_REFERENCED_IMAGE_SEQUENCE, 0), DCM_REFERENCED_SOP_CLASS_UID,
                 "1.2");
    assert_int_equal(dcm_get(&ds, DCM_PATIENT_ID)->vr, DCM_VR_LO);
    assert_memory_equal(dcm_get(&ds, DCM_PATIENT_ID)->wire_vr, "UN", 2);
    iso_buf_init(&out, 4096);
    assert_int_equal(dcm_write(&ds, DCM_EXPLICIT_LE, NULL, iso_buf_sink(&out), &err), ISO_OK);
    assert_int_equal(out.len, sizeof wire - 1);
    assert_memory_equal(out.ptr, wire, out.len);
    iso_buf_release(&out);
}

static void odd_headers_are_understood_and_repeated(void **state)
{
    static const char *const odd[] = {
        "\x08\x00\x05\x00  \x0a\x00ISO_IR 100",       /* no such VR */
        "\x08\x00\x05\x00\x0a\x00\x00\x00ISO_IR 100", /* no VR */
        "\x08\x00\x05\x00ZZ\x0a\x00ISO_IR 100",
    };
    static const size_t bytes[] = { 18, 18, 18 };

    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        uint8_t            wire[64];
        struct dcm_dataset ds;
        struct iso_buf     out;

        memcpy(wire, odd[i], bytes[i]);
        memcpy(wire + bytes[i], MODALITY, 10);
        assert_int_equal(dcm_dataset_parse(iso_bytes_of(wire, bytes[i] + 10), DCM_EXPLICIT_LE,
                                           &arena, &ds, &err),
                         ISO_OK);
        assert_value(&ds, DCM_SPECIFIC_CHARACTER_SET, "ISO_IR 100");
        assert_value(&ds, DCM_MODALITY, "CT");
        iso_buf_init(&out, 4096);
        assert_int_equal(dcm_write(&ds, DCM_EXPLICIT_LE, NULL, iso_buf_sink(&out), &err), ISO_OK);
        assert_int_equal(out.len, bytes[i] + 10);
        assert_memory_equal(out.ptr, wire, out.len);
        iso_buf_release(&out);
    }
}

static void explicit_in_an_implicit_data_set(void **state)
{
    static const char  wire[] = MODALITY "\x10\x00\x20\x00LO\x02\x00ID";
    struct dcm_dataset ds;

    (void)state;
    assert_int_equal(dcm_dataset_parse(WIRE(wire), DCM_IMPLICIT_LE, &arena, &ds, &err), ISO_OK);
    assert_value(&ds, DCM_MODALITY, "CT");
    assert_value(&ds, DCM_PATIENT_ID, "ID");
}

struct fragments {
    size_t   count;
    uint64_t offset[4], bytes[4];
    size_t   table_bytes;
};

static int on_fragment(void *ctx, size_t number, uint64_t offset, uint64_t bytes, iso_bytes front,
                       struct iso_err *e)
{
    struct fragments *f = ctx;

    (void)e;
    assert_int_equal(number, f->count);
    assert_in_range(number, 0, 3);
    f->offset[f->count]  = offset;
    f->bytes[f->count++] = bytes;
    if (number == 0)
        f->table_bytes = front.len; /* the whole of it */
    else
        assert_int_equal(front.len, bytes < DCM_FRAGMENT_FRONT ? bytes : DCM_FRAGMENT_FRONT);
    return ISO_OK;
}

static void fragments_stay_in_the_stream(void **state) /* PS3.5 §A.4 */
{
    static const char wire[] = MODALITY "\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff"
                                        "\xfe\xff\x00\xe0\x04\x00\x00\x00\x00\x00\x00\x00"
                                        "\xfe\xff\x00\xe0\x03\x00\x00\x00"
                                        "abc"
                                        "\xfe\xff\x00\xe0\x00\x00\x00\x00" SEQ_END
                                        "\xfc\xff\xfc\xffOB\x00\x00\x00\x00\x00\x00";
    struct fragments              f       = { 0 };
    const struct dcm_tree_options options = { .fragment = on_fragment, .ctx = &f };
    const struct dcm_element     *el;
    struct dcm_dataset            ds;
    struct dcm_parser            *p;

    (void)state;
    assert_int_equal(dcm_parser_new_memory(&p, WIRE(wire), DCM_EXPLICIT_LE, 500, &err), ISO_OK);
    assert_int_equal(dcm_parser_tree(p, &options, &arena, &ds, &err), ISO_OK);
    dcm_parser_free(p);
    assert_int_equal(f.count, 3);
    assert_int_equal(f.table_bytes, 4);
    assert_int_equal(f.offset[1], 500 + 10 + 12 + 12 + 8);
    assert_int_equal(f.bytes[1], 3);
    el = dcm_get(&ds, DCM_PIXEL_DATA);
    assert_int_equal(el->form, DCM_FORM_FRAGMENTS);
    assert_int_equal(el->offset, 500 + 22);
    assert_int_equal(el->bytes, 12 + 11 + 8);
    assert_non_null(dcm_get(&ds, DCM_DATA_SET_TRAILING_PADDING));
}

static void a_tree_stops_where_it_is_told(void **state)
{
    const struct dcm_tree_options options = { .stop_before = DCM_PIXEL_DATA };
    const struct dcm_position    *at;
    struct dcm_dataset            ds;
    struct dcm_parser            *p;

    (void)state;
    assert_int_equal(dcm_parser_new_memory(&p, iso_bytes_of(nested, sizeof nested - 1),
                                           DCM_EXPLICIT_LE, 0, &err),
                     ISO_OK);
    assert_int_equal(dcm_parser_tree(p, &options, &arena, &ds, &err), ISO_OK);
    assert_int_equal(ds.count, 3);
    assert_int_equal(dcm_parser_next(p, &at, &err), ISO_OK); /* and goes on there */
    assert_int_equal(at->tag, DCM_PIXEL_DATA);
    assert_int_equal(at->bytes, 4);
    dcm_parser_free(p);
}

/* n sequences in one another, each of undefined length; a source, so that nobody holds it all. */
struct deep {
    size_t left, at;
};

static int64_t read_deep(void *ctx, void *ptr, size_t cap, struct iso_err *e)
{
    static const char step[] = "\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff" ITEM_OPEN;
    struct deep      *deep   = ctx;
    uint8_t          *out    = ptr;
    size_t            n      = 0;

    (void)e;
    while (n < cap && deep->left > 0) {
        out[n++] = (uint8_t)step[deep->at++];
        if (deep->at == sizeof step - 1) {
            deep->at = 0;
            deep->left--;
        }
    }
    return (int64_t)n;
}

static void depth_is_bounded(void **state)
{
    static const size_t depths[] = { 64, 65, 1000000 };
    struct dcm_dataset  ds;
    struct dcm_parser  *p;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct deep deep = { depths[i], 0 };

        assert_int_equal(
            dcm_parser_new(&p, (struct iso_source){ read_deep, &deep }, DCM_EXPLICIT_LE, 0, &err),
            ISO_OK);
        assert_int_equal(dcm_parser_tree(p, NULL, &arena, &ds, &err),
                         depths[i] == 64 ? ISO_EFORMAT : ISO_ELIMIT); /* 64 are fine, but cut */
        dcm_parser_free(p);
    }
}

/* Endless zeros after a given head. */
struct endless {
    iso_bytes head;
    uint64_t  left;
};

static int64_t read_endless(void *ctx, void *ptr, size_t cap, struct iso_err *e)
{
    struct endless *in = ctx;
    size_t          n  = in->head.len;

    (void)e;
    if (n > 0) {
        n = n < cap ? n : cap;
        memcpy(ptr, in->head.ptr, n);
        in->head = iso_bytes_of(in->head.ptr + n, in->head.len - n);
        return (int64_t)n;
    }
    n = in->left < cap ? (size_t)in->left : cap;
    memset(ptr, 0, n);
    in->left -= n;
    return (int64_t)n;
}

static void huge_lengths_cost_nothing(void **state)
{
    static const char             wire[] = "\x10\x00\x99\x99UT\x00\x00\xfe\xff\xff\xff";
    const struct dcm_tree_options all    = { .keep_all = true };
    struct endless                small  = { WIRE(wire), 1000 };
    struct endless                large  = { WIRE(wire), (uint64_t)64 << 20 };
    struct dcm_dataset            ds;
    struct dcm_parser            *p;

    (void)state;
    assert_int_equal(
        dcm_parser_new(&p, (struct iso_source){ read_endless, &small }, DCM_EXPLICIT_LE, 0, &err),
        ISO_OK);
    assert_int_equal(dcm_parser_tree(p, &all, &arena, &ds, &err), ISO_EFORMAT);
    dcm_parser_free(p);
    assert_in_range(arena.bytes_used, 0, 1 << 20);
    /* More than the arena may hold, and it comes: the ceiling says so. */
    assert_int_equal(
        dcm_parser_new(&p, (struct iso_source){ read_endless, &large }, DCM_EXPLICIT_LE, 0, &err),
        ISO_OK);
    assert_int_equal(dcm_parser_tree(p, &all, &arena, &ds, &err), ISO_ELIMIT);
    dcm_parser_free(p);
}

static void bulk_is_what_would_fill_an_index(void **state)
{
    (void)state;
    assert_true(dcm_is_bulk(DCM_PIXEL_DATA, DCM_VR_OW, 2));
    assert_true(dcm_is_bulk(DCM_TAG(0x29, 0x1010), DCM_VR_OB, 1025));
    assert_false(dcm_is_bulk(DCM_TAG(0x29, 0x1010), DCM_VR_OB, 1024));
    assert_false(dcm_is_bulk(DCM_TAG(0x6002, 0x3000), DCM_VR_OW, 1 << 20));
    assert_false(dcm_is_bulk(DCM_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA, DCM_VR_OW, 131072));
    assert_false(dcm_is_bulk(DCM_EXTENDED_OFFSET_TABLE, DCM_VR_OV, 1 << 20));
    assert_false(dcm_is_bulk(DCM_TAG(0x40, 0xa160), DCM_VR_UT, 256 << 10));
    assert_true(dcm_is_bulk(DCM_TAG(0x40, 0xa160), DCM_VR_UT, (256 << 10) + 1));
}

static void padding_is_not_data(void **state)
{
    struct dcm_dataset ds;

    (void)state;
    assert_int_equal(dcm_dataset_parse(WIRE(MODALITY "\0\0\0\0\0\0\0\0\0\0\0"), DCM_EXPLICIT_LE,
                                       &arena, &ds, &err),
                     ISO_OK);
    assert_int_equal(ds.count, 1);
    assert_int_equal(dcm_dataset_parse(WIRE(MODALITY "\0\0\0\0\0\0\0\0\0\0\1"), DCM_EXPLICIT_LE,
                                       &arena, &ds, &err),
                     ISO_EFORMAT);
}

static void values_are_read_in_pieces(void **state)
{
    const struct dcm_position *at;
    struct dcm_parser         *p;
    char                       piece[3];

    (void)state;
    assert_int_equal(dcm_parser_new_memory(&p,
                                           WIRE("\x08\x00\x80\x00LO\x04\x00"
                                                "abcd" MODALITY),
                                           DCM_EXPLICIT_LE, 0, &err),
                     ISO_OK);
    assert_int_equal(dcm_parser_next(p, &at, &err), ISO_OK);
    assert_int_equal(dcm_parser_read(p, piece, 3, &err), 3);
    assert_memory_equal(piece, "abc", 3);
    assert_int_equal(dcm_parser_next(p, &at, &err), ISO_OK); /* the rest is passed over */
    assert_int_equal(at->tag, DCM_MODALITY);
    assert_int_equal(dcm_parser_read(p, piece, 3, &err), 2);
    assert_int_equal(dcm_parser_read(p, piece, 3, &err), 0);
    dcm_parser_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_in_order),
        cmocka_unit_test(a_tree_holds_what_came),
        cmocka_unit_test(every_prefix_is_an_error_or_ends_between_elements),
        cmocka_unit_test(pieces_may_be_cut_anywhere),
        cmocka_unit_test(errors_name_tag_and_offset),
        cmocka_unit_test(implicit_takes_the_dictionary),
        cmocka_unit_test(big_endian_values_are_turned_round),
        cmocka_unit_test(un_holds_implicit_items),
        cmocka_unit_test(odd_headers_are_understood_and_repeated),
        cmocka_unit_test(explicit_in_an_implicit_data_set),
        cmocka_unit_test(fragments_stay_in_the_stream),
        cmocka_unit_test(a_tree_stops_where_it_is_told),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(huge_lengths_cost_nothing),
        cmocka_unit_test(bulk_is_what_would_fill_an_index),
        cmocka_unit_test(padding_is_not_data),
        cmocka_unit_test(values_are_read_in_pieces),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
