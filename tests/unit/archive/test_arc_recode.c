/* Stored objects that get another transfer syntax: same object, same pixels, known as it came. */
#include "arc_make.h"

#include "arc_recode.h"
#include "os_clock.h"
#include "os_file.h"
#include "os_thread.h"

#define RLE "1.2.840.10008.1.2.5"

static const struct make ONE = { .patient_name = "Doe^Jane",
                                 .patient_id   = "P1",
                                 .sop          = "1.2.3.4.5",
                                 .number       = 1,
                                 .rows         = 64,
                                 .frames       = 3,
                                 .fill         = 7 };

static struct arc_instance look_up(struct arc *arc, const char *sop, struct iso_arena *arena)
{
    struct arc_instance instance;
    struct iso_err      err = { 0 };

    if (arc_lookup(arc, ISO_STR(""), ISO_STR(""), iso_str_c(sop), arena, &instance, &err) < 0)
        fail_msg("%s", err.text);
    return instance;
}

static uint64_t stored_bytes(struct arc *arc)
{
    struct arc_stats stats;
    struct iso_err   err = { 0 };

    assert_int_equal(arc_stats(arc, &stats, &err), ISO_OK);
    return stats.bytes;
}

/* Every frame of the object decodes to bytes that are all `fill`. */
static void assert_pixels(struct arc *arc, const struct arc_instance *instance, uint8_t fill)
{
    struct iso_arena   arena;
    struct dcm_dataset ds;
    struct codec_image attributes, image;
    struct arc_frame  *frame;
    struct arc_object  object;
    struct iso_err     err = { 0 };
    size_t             found, bytes;

    iso_arena_init(&arena, (size_t)16 << 20);
    assert_int_equal(arc_header(arc, instance, &arena, &ds, &err), ISO_OK);
    assert_int_equal(codec_image_read(&ds, &attributes, &err), ISO_OK);
    assert_int_equal(arc_frames(arc, instance, NULL, 0, &arena, &frame, &found, &err), ISO_OK);
    assert_int_equal(found, 3);
    assert_int_equal(arc_object_open(arc, instance, &object, &err), ISO_OK);
    for (size_t f = 0; f < found; f++) {
        uint8_t *in = iso_arena_alloc(&arena, (size_t)frame[f].bytes);
        size_t   at = 0;

        assert_non_null(in);
        for (size_t r = 0; r < frame[f].range_count; r++) {
            const struct codec_range *range = &frame[f].range[r];
            assert_int_equal(os_read_exact_at(object.fd, in + at, (size_t)range->bytes,
                                              object.offset + range->offset, &err),
                             ISO_OK);
            at += (size_t)range->bytes;
        }
        iso_bytes stored = iso_bytes_of(in, at);
        assert_int_equal(
            codec_inspect(instance->transfer_syntax_uid, stored, &attributes, &image, &bytes, &err),
            ISO_OK);
        uint8_t *out = iso_arena_alloc(&arena, bytes);
        assert_non_null(out);
        assert_int_equal(codec_decode(NULL, instance->transfer_syntax_uid, stored, &attributes,
                                      &image, out, bytes, &err),
                         ISO_OK);
        for (size_t i = 0; i < bytes; i++)
            assert_int_equal(out[i], fill);
    }
    arc_object_close(&object);
    iso_arena_release(&arena);
}

static void keeps_identity_and_pixels_and_remembers(void **state)
{
    struct arc        *arc = make_archive(*state, ARC_REPLACE);
    struct iso_arena   arena;
    struct iso_err     err = { 0 };
    enum arc_recoded   outcome;
    struct arc_origin  origin;
    struct arc_receipt came = make_and_store(arc, &ONE);

    iso_arena_init(&arena, (size_t)16 << 20);
    struct arc_instance before = look_up(arc, ONE.sop, &arena);
    if (arc_recode(arc, NULL, iso_str_c(ONE.sop), ISO_STR(RLE), &outcome, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(outcome, ARC_RECODED);
    for (int again = 0; again < 2; again++) { /* the second time after a restart */
        struct arc_instance now = look_up(arc, ONE.sop, &arena);

        assert_int_equal(now.id, before.id);
        assert_true(iso_str_eq_c(now.transfer_syntax_uid, RLE));
        assert_true(now.bytes < before.bytes / 10);
        assert_int_equal(stored_bytes(arc), now.bytes);
        assert_pixels(arc, &now, ONE.fill);
        assert_pixels(arc, &before, ONE.fill); /* who had just looked it up can still read it */
        assert_int_equal(arc_origin(arc, now.id, &arena, &origin, &err), ISO_OK);
        assert_true(iso_str_eq_c(origin.transfer_syntax_uid, DCM_EXPLICIT_LE->uid));
        assert_memory_equal(origin.digest, came.digest, sizeof came.digest);
        assert_int_equal(origin.bytes, before.bytes);
        /* the same bytes sent again are no news, although they may replace others */
        assert_int_equal(make_and_store(arc, &ONE).outcome, ARC_ALREADY);
        arc_close(arc);
        arc = make_archive(*state, ARC_REPLACE);
    }
    assert_int_equal(arc_recode(arc, NULL, iso_str_c(ONE.sop), ISO_STR(RLE), &outcome, &err),
                     ISO_OK);
    assert_int_equal(outcome, ARC_NOT_SUITED); /* it is in that transfer syntax */
    struct make other = ONE;
    other.fill        = 9;
    assert_int_equal(make_and_store(arc, &other).outcome, ARC_REPLACED);
    struct arc_instance now = look_up(arc, ONE.sop, &arena);
    assert_pixels(arc, &now, 9);
    assert_int_equal(arc_origin(arc, now.id, &arena, &origin, &err), ISO_ENOENT);
    arc_close(arc);
    iso_arena_release(&arena);
}

static void the_record_is_in_the_file_too(void **state)
{
    struct arc       *arc = make_archive(*state, ARC_KEEP_FIRST);
    struct iso_arena  arena;
    struct iso_err    err = { 0 };
    enum arc_recoded  outcome;
    struct arc_object object;
    struct dcm_meta   meta;

    struct dcm_dataset ds;

    make_and_store(arc, &ONE);
    iso_arena_init(&arena, (size_t)16 << 20);
    assert_int_equal(arc_recode(arc, NULL, iso_str_c(ONE.sop), ISO_STR(RLE), &outcome, &err),
                     ISO_OK);
    struct arc_instance now = look_up(arc, ONE.sop, &arena);
    assert_int_equal(arc_object_open(arc, &now, &object, &err), ISO_OK);
    uint8_t *file = iso_arena_alloc(&arena, (size_t)object.bytes);
    assert_non_null(file);
    assert_int_equal(os_read_exact_at(object.fd, file, (size_t)object.bytes, object.offset, &err),
                     ISO_OK);
    arc_object_close(&object);
    if (dcm_file_parse(iso_bytes_of(file, (size_t)now.bytes), NULL, &arena, &meta, &ds, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(iso_str_eq_c(meta.transfer_syntax_uid, RLE));
    const struct dcm_element *el = dcm_get(&meta.group2, DCM_PRIVATE_INFORMATION);
    assert_non_null(el);
    iso_str text = iso_str_of_bytes(el->value);
    assert_true(iso_str_starts(text, ISO_STR("original transfer-syntax=1.2.840.10008.1.2.1 ")));
    arc_close(arc);
    iso_arena_release(&arena);
}

static void what_does_not_suit_stays(void **state)
{
    struct arc      *arc    = make_archive(*state, ARC_KEEP_FIRST);
    struct make      report = ONE;
    struct iso_err   err    = { 0 };
    enum arc_recoded outcome;

    report.sop  = "1.2.9";
    report.rows = 0;
    make_and_store(arc, &report);
    uint64_t bytes = stored_bytes(arc);
    assert_int_equal(arc_recode(arc, NULL, ISO_STR("1.2.9"), ISO_STR(RLE), &outcome, &err), ISO_OK);
    assert_int_equal(outcome, ARC_NOT_SUITED);
    assert_int_equal(stored_bytes(arc), bytes);
    assert_int_equal(arc_recode(arc, NULL, ISO_STR("1.2.10"), ISO_STR(RLE), &outcome, &err),
                     ISO_ENOENT);
    const struct arc_rule lossy = { .transfer_syntax_uid = "1.2.840.10008.1.2.4.50" };
    const struct arc_rule fine  = { .transfer_syntax_uid = RLE };
    assert_int_equal(arc_rule_check(&lossy, &err), ISO_EINVAL);
    assert_int_equal(arc_rule_check(&fine, &err), ISO_OK);
    arc_close(arc);
}

struct news {
    struct os_mutex mu;
    unsigned        count;
    unsigned        by_outcome[3];
};

static void hear(void *ctx, const struct arc_recode_news *news)
{
    struct news *heard = ctx;

    os_mutex_lock(&heard->mu);
    heard->count++;
    heard->by_outcome[news->outcome]++;
    os_mutex_unlock(&heard->mu);
}

static unsigned heard_after(struct news *news, unsigned wanted)
{
    int64_t  deadline_ms = os_now_ms() + 20000;
    unsigned count;

    do {
        os_sleep_ms(10);
        os_mutex_lock(&news->mu);
        count = news->count;
        os_mutex_unlock(&news->mu);
    } while (count < wanted && os_now_ms() < deadline_ms);
    return count;
}

static void rules_take_what_they_name_once(void **state)
{
    static const struct arc_rule rules[] = {
        { .modality = "MR", .transfer_syntax_uid = "1.2.840.10008.1.2.4.70" },
        { .source_ae = "MAKER", .bytes_min = 10000, .transfer_syntax_uid = RLE },
        { .modality = "US", .transfer_syntax_uid = RLE, .after_s = 86400 },
    };
    static const struct {
        const char *sop, *modality;
        int         rows;
        const char *becomes;
    } objects[] = {
        { "1.2.1", "MR", 64, "1.2.840.10008.1.2.4.70" },
        { "1.2.2", "CT", 64, RLE },
        { "1.2.3", "CT", 8, "1.2.840.10008.1.2.1" }, /* too small */
        { "1.2.4", "US", 8, "1.2.840.10008.1.2.1" }, /* too young */
    };
    struct news              news   = { 0 };
    struct arc_recode_config config = { .rules = rules, .count = 3, .told = hear, .ctx = &news };
    struct arc              *arc    = make_archive(*state, ARC_KEEP_FIRST);
    struct iso_arena         arena;
    struct iso_err           err = { 0 };
    struct arc_recode_stats  stats;

    os_mutex_init(&news.mu);
    iso_arena_init(&arena, (size_t)16 << 20);
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        struct make m = ONE;
        m.sop         = objects[i].sop;
        m.modality    = objects[i].modality;
        m.rows        = objects[i].rows;
        m.series      = i == 0 ? "1.2.100" : i == 3 ? "1.2.102" : "1.2.101";
        make_and_store(arc, &m);
    }
    for (int again = 0; again < 2; again++) {
        assert_int_equal(arc_recode_start(arc, &config, &err), ISO_OK);
        assert_int_equal(heard_after(&news, again == 0 ? 2 : 3), 2 + (unsigned)again);
        for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
            struct arc_instance now = look_up(arc, objects[i].sop, &arena);
            assert_true(iso_str_eq_c(now.transfer_syntax_uid, objects[i].becomes));
        }
        assert_int_equal(arc_recode_stats(arc, &stats, &err), ISO_OK);
        assert_int_equal(stats.objects, 2 + (unsigned)again);
        assert_true(stats.bytes_now < stats.bytes_before / 10);
        arc_close(arc);
        arc = make_archive(*state, ARC_KEEP_FIRST);
        if (again == 0) { /* after the restart only what is new is looked at */
            struct make m = ONE;
            m.sop         = "1.2.5";
            m.series      = "1.2.101";
            make_and_store(arc, &m);
        }
    }
    assert_int_equal(news.by_outcome[ARC_RECODED], 3);
    arc_close(arc);
    os_mutex_release(&news.mu);
    iso_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_identity_and_pixels_and_remembers, make_folder,
                                        make_folder_gone),
        cmocka_unit_test_setup_teardown(the_record_is_in_the_file_too, make_folder,
                                        make_folder_gone),
        cmocka_unit_test_setup_teardown(what_does_not_suit_stays, make_folder, make_folder_gone),
        cmocka_unit_test_setup_teardown(rules_take_what_they_name_once, make_folder,
                                        make_folder_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
