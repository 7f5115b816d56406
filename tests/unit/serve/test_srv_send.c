/* What an outgoing association proposes.   PS3.8 §7.1.1.13, PS3.4 §C.4.2 */
#include "test.h"

#include "srv_send.h"

#include <stdio.h>
#include <string.h>

static void each_choice_is_a_context(void **state)
{
    static struct srv_plan plan;
    struct iso_arena       arena;
    struct iso_err         err = { 0 };
    const iso_str          ct  = ISO_STR("1.2.840.10008.5.1.4.1.1.2");

    (void)state;
    iso_arena_init(&arena, 1 << 20);
    srv_plan_init(&plan, NULL, &arena);
    assert_int_equal(srv_plan_add(&plan, ct, ISO_STR("1.2.840.10008.1.2.4.70"), &err), ISO_OK);
    assert_int_equal(plan.count, 2); /* as stored, and what else it can become */
    assert_string_equal(plan.proposals[0].transfers[0], "1.2.840.10008.1.2.4.70");
    assert_null(plan.proposals[0].transfers[1]);
    assert_string_equal(plan.proposals[1].transfers[0], "1.2.840.10008.1.2.1");
    assert_string_equal(plan.proposals[1].transfers[1], "1.2.840.10008.1.2");
    assert_null(plan.proposals[1].transfers[2]);
    assert_int_equal(srv_plan_add(&plan, ct, ISO_STR("1.2.840.10008.1.2"), &err), ISO_OK);
    assert_int_equal(plan.count, 4);
    assert_string_equal(plan.proposals[2].transfers[0], "1.2.840.10008.1.2");
    assert_null(plan.proposals[2].transfers[1]);
    assert_string_equal(plan.proposals[3].transfers[0], "1.2.840.10008.1.2.1");
    assert_null(plan.proposals[3].transfers[1]);
    assert_int_equal(srv_plan_add(&plan, ct, ISO_STR("1.2.840.10008.1.2.4.70"), &err), ISO_OK);
    assert_int_equal(plan.count, 4); /* asked for already */
    assert_int_equal(srv_plan_add(&plan, ct, ISO_STR("1.2.840.10008.1.2.4.100"), &err), ISO_OK);
    assert_int_equal(plan.count, 5); /* a video: this or nothing */
    iso_arena_release(&arena);
}

static void a_preference_comes_first(void **state)
{
    static const char *const    wishes[] = { "1.2.840.10008.1.2.5", "", "1.2.840.10008.1.2.4.102" };
    const struct srv_preference prefer   = { wishes, 3 };
    static struct srv_plan      plan;
    struct iso_arena            arena;
    struct iso_err              err = { 0 };

    (void)state;
    iso_arena_init(&arena, 1 << 20);
    srv_plan_init(&plan, &prefer, &arena);
    assert_int_equal(srv_plan_add(&plan, ISO_STR("1.2.840.10008.5.1.4.1.1.2"),
                                  ISO_STR("1.2.840.10008.1.2"), &err),
                     ISO_OK);
    assert_int_equal(plan.count, 3); /* nothing becomes a video */
    assert_string_equal(plan.proposals[0].transfers[0], "1.2.840.10008.1.2.5");
    assert_string_equal(plan.proposals[1].transfers[0], "1.2.840.10008.1.2");
    assert_string_equal(plan.proposals[2].transfers[0], "1.2.840.10008.1.2.1");
    iso_arena_release(&arena);
}

static void more_than_128_wait_for_the_next_plan(void **state) /* PS3.8 §9.3.2.2: odd, 1 to 255 */
{
    static struct srv_plan plan;
    struct iso_arena       arena;
    struct iso_err         err   = { 0 };
    int                    rc    = ISO_OK;
    unsigned               added = 0;
    char                   uid[32];

    (void)state;
    iso_arena_init(&arena, 1 << 20);
    srv_plan_init(&plan, NULL, &arena);
    for (; rc == ISO_OK && added < 200; added += rc == ISO_OK) {
        (void)snprintf(uid, sizeof uid, "1.2.3.%u", added);
        rc = srv_plan_add(&plan, iso_str_c(uid), ISO_STR("1.2.840.10008.1.2.1"), &err);
    }
    assert_int_equal(rc, ISO_ELIMIT);
    assert_int_equal(added, 64);
    assert_int_equal(plan.count, 128);
    assert_int_equal(srv_plan_add(&plan, ISO_STR("1.2.3.5"), ISO_STR("1.2.840.10008.1.2.1"), &err),
                     ISO_OK); /* what is in stays in */
    iso_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_choice_is_a_context),
        cmocka_unit_test(a_preference_comes_first),
        cmocka_unit_test(more_than_128_wait_for_the_next_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
