/* What is said of the objects of a study is the same whether it was ready or is made now, while objects
 * come and go and series settle. */
#include "arc_make.h"

#include "arc_settle.h"
#include "os_clock.h"

enum { SERIES = 3, FORM = 5, TEXT_BYTES_MAX = 4 << 20 };

static char noise[3000];

/* "<sop> <patient name> <noise>": from the instance and from the header. */
static int describe(void *ctx, const struct arc_instance *instance,
                    const struct dcm_dataset *header, struct iso_arena *scratch,
                    struct iso_buf *out, struct iso_err *err)
{
    iso_str name = dcm_get_ascii(header, DCM_PATIENT_NAME);

    (void)ctx;
    (void)scratch;
    iso_buf_printf(out, "%.*s %.*s %s", ISO_STR_ARG(instance->sop_instance_uid), ISO_STR_ARG(name),
                   noise);
    return iso_buf_check(out, err);
}

static const struct arc_settle_config config = { .describe = describe, .form = FORM };

static void put(struct arc *arc, unsigned number, const char *name)
{
    char        sop[64];
    char        series[64];
    struct make m = { .patient_name = name,
                      .patient_id   = "S1",
                      .sop          = sop,
                      .series       = series,
                      .number       = (int)number,
                      .rows         = 2 };

    (void)snprintf(sop, sizeof sop, "1.2.3.4.%u.%u", number % SERIES, number);
    (void)snprintf(series, sizeof series, "1.2.3.4.%u", number % SERIES);
    (void)make_and_store(arc, &m);
}

static void take(struct arc *arc, unsigned number)
{
    char           sop[64];
    struct iso_err err = { 0 };
    uint64_t       removed;

    (void)snprintf(sop, sizeof sop, "1.2.3.4.%u.%u", number % SERIES, number);
    const iso_str              uid       = iso_str_c(sop);
    const struct arc_selection selection = { .sop_instance_uids = &uid, .instance_count = 1 };
    assert_int_equal(arc_remove(arc, &selection, &removed, &err), ISO_OK);
    assert_int_equal(removed, 1);
}

/* All of the study as text; how many of its series were ready. */
static size_t text_of(struct arc *arc, struct iso_buf *out, uint8_t tag[ISO_SHA256_BYTES])
{
    struct arc_description d;
    struct iso_arena       arena;
    struct iso_err         err   = { 0 };
    size_t                 ready = 0;

    iso_arena_init(&arena, 16 << 20);
    iso_buf_init(out, TEXT_BYTES_MAX);
    if (arc_description_open(arc, ISO_STR("1.2.3"), ISO_STR(""), FORM, &arena, &d, &err) < 0 ||
        arc_description_make(arc, ISO_STR("1.2.3"), &config, TEXT_BYTES_MAX, &arena, &d, &err) < 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < d.parts; i++) {
        if (i > 0)
            iso_buf_add_u8(out, ',');
        for (size_t k = 0; k < d.part[i].pieces; k++)
            assert_int_equal(iso_gzip_inflate(&d.part[i].piece[k], out, &err), ISO_OK);
        assert_true(d.part[i].pieces == 0 || d.part[i].text.len == 0);
        iso_buf_add(out, d.part[i].text.ptr, d.part[i].text.len);
        ready += d.part[i].pieces > 0;
    }
    memcpy(tag, d.tag, sizeof d.tag);
    iso_arena_release(&arena);
    return ready;
}

static int add_described(void *ctx, const struct arc_instance *instance,
                         const struct dcm_dataset *header, struct iso_err *err)
{
    struct iso_buf *out = ctx;

    if (out->len > 0)
        iso_buf_add_u8(out, ',');
    return describe(NULL, instance, header, NULL, out, err);
}

/* The text is what the objects say one by one; the tag changes when, and only when, they do. */
static void check(struct arc *arc, size_t ready_expected)
{
    static struct iso_buf      last;
    static uint8_t             last_tag[ISO_SHA256_BYTES];
    const iso_str              study     = ISO_STR("1.2.3");
    const struct arc_selection selection = { .study_uids = &study, .study_count = 1 };
    struct iso_buf             text;
    struct iso_buf             expected;
    struct iso_err             err = { 0 };
    uint8_t                    tag[ISO_SHA256_BYTES];

    assert_int_equal(text_of(arc, &text, tag), ready_expected);
    iso_buf_init(&expected, TEXT_BYTES_MAX);
    assert_int_equal(arc_select_headers(arc, &selection, add_described, &expected, &err), ISO_OK);
    assert_int_equal(text.len, expected.len);
    assert_memory_equal(text.ptr, expected.ptr, text.len);
    if (last.len > 0)
        assert_int_equal(memcmp(tag, last_tag, sizeof tag) == 0,
                         last.len == text.len && memcmp(last.ptr, text.ptr, text.len) == 0);
    iso_buf_release(&last);
    last = text;
    memcpy(last_tag, tag, sizeof tag);
    iso_buf_release(&expected);
}

static void settle(struct arc *arc, uint64_t expected)
{
    struct iso_err err = { 0 };
    uint64_t       settled;

    if (arc_settle_now(arc, &config, &settled, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(settled, expected);
}

static void ready_text_is_what_would_be_made(void **state)
{
    struct arc *arc = make_archive(*state, ARC_REPLACE);

    memset(noise, 'x', sizeof noise - 1);
    for (unsigned n = 0; n < 60; n++)
        put(arc, n, "A^B");
    check(arc, 0);
    settle(arc, SERIES);
    check(arc, SERIES);
    settle(arc, 0);
    put(arc, 60, "A^B"); /* late */
    check(arc, SERIES - 1);
    take(arc, 1);
    check(arc, SERIES - 2);
    settle(arc, 2);
    check(arc, SERIES);
    put(arc, 5, "C^D"); /* in the place of another one */
    check(arc, SERIES - 1);
    settle(arc, 1);
    check(arc, SERIES);
    arc_close(arc);
    arc = make_archive(*state, ARC_REPLACE);
    check(arc, SERIES);
    for (unsigned n = 2; n < 60; n += SERIES)
        take(arc, n); /* a whole series */
    check(arc, SERIES - 1);
    arc_close(arc);
}

static void the_thread_settles_what_rests(void **state)
{
    struct arc             *arc = make_archive(*state, ARC_REPLACE);
    struct arc_settle_stats stats;
    struct iso_err          err         = { 0 };
    const int64_t           deadline_ms = os_now_ms() + 20000;

    assert_int_equal(arc_settle_start(arc, &config, &err), ISO_OK);
    for (unsigned n = 0; n < 150; n++) {
        put(arc, n, "A^B");
        if (n % 10 == 9)
            take(arc, n - 5);
    }
    do {
        os_sleep_ms(10);
        assert_int_equal(arc_settle_stats(arc, &stats, &err), ISO_OK);
        assert_true(os_now_ms() < deadline_ms);
    } while (stats.unsettled > 0);
    assert_int_equal(stats.header_count, 0);
    assert_in_range(stats.pack_count, SERIES, 2 * SERIES);
    assert_int_equal(stats.ready_count, SERIES);
    assert_true(stats.pack_bytes < 150 * 100);
    check(arc, SERIES);
    arc_close(arc);
}

static void a_series_rests_before_it_settles(void **state)
{
    struct arc_settle_config slow = config;
    struct arc              *arc  = make_archive(*state, ARC_REPLACE);
    struct iso_err           err  = { 0 };

    slow.wait_ms = 3600000;
    put(arc, 0, "A^B");
    assert_int_equal(arc_settle_start(arc, &slow, &err), ISO_OK);
    os_sleep_ms(100);
    check(arc, 0);
    const int64_t from_ms = os_now_ms();
    arc_close(arc); /* does not wait for that hour */
    assert_true(os_now_ms() - from_ms < 30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ready_text_is_what_would_be_made, make_folder,
                                        make_folder_gone),
        cmocka_unit_test_setup_teardown(the_thread_settles_what_rests, make_folder,
                                        make_folder_gone),
        cmocka_unit_test_setup_teardown(a_series_rests_before_it_settles, make_folder,
                                        make_folder_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
