/* The state table, held against a second transcription of PS3.8 Table 9-10 in its own notation. */
#include "test.h"

#include "ul_fsm.h"

#include <stdio.h>
#include <string.h>

/* Columns Sta1 .. Sta13; "-" where the standard's table is blank. AR-8 goes to 9 or 10. */
static const char *const rows[19][13] = {
    { "AE1/4", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-" },
    { "-", "-", "-", "AE2/5", "-", "-", "-", "-", "-", "-", "-", "-", "-" },
    { "-", "AA1/13", "AA8/13", "-", "AE3/6", "AA8/13", "AA8/13", "AA8/13", "AA8/13", "AA8/13",
      "AA8/13", "AA8/13", "AA6/13" },
    { "-", "AA1/13", "AA8/13", "-", "AE4/1", "AA8/13", "AA8/13", "AA8/13", "AA8/13", "AA8/13",
      "AA8/13", "AA8/13", "AA6/13" },
    { "AE5/2", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-" },
    { "-", "AE6/3", "AA8/13", "-", "AA8/13", "AA8/13", "AA8/13", "AA8/13", "AA8/13", "AA8/13",
      "AA8/13", "AA8/13", "AA7/13" },
    { "-", "-", "AE7/6", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-" },
    { "-", "-", "AE8/13", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-" },
    { "-", "-", "-", "-", "-", "DT1/6", "-", "AR7/8", "-", "-", "-", "-", "-" },
    { "-", "AA1/13", "AA8/13", "-", "AA8/13", "DT2/6", "AR6/7", "AA8/13", "AA8/13", "AA8/13",
      "AA8/13", "AA8/13", "AA6/13" },
    { "-", "-", "-", "-", "-", "AR1/7", "-", "-", "-", "-", "-", "-", "-" },
    { "-", "AA1/13", "AA8/13", "-", "AA8/13", "AR2/8", "AR8/9", "AA8/13", "AA8/13", "AA8/13",
      "AA8/13", "AA8/13", "AA6/13" },
    { "-", "AA1/13", "AA8/13", "-", "AA8/13", "AA8/13", "AR3/1", "AA8/13", "AA8/13", "AR10/12",
      "AR3/1", "AA8/13", "AA6/13" },
    { "-", "-", "-", "-", "-", "-", "-", "AR4/13", "AR9/11", "-", "-", "AR4/13", "-" },
    { "-", "-", "AA1/13", "AA2/1", "AA1/13", "AA1/13", "AA1/13", "AA1/13", "AA1/13", "AA1/13",
      "AA1/13", "AA1/13", "-" },
    { "-", "AA2/1", "AA3/1", "-", "AA3/1", "AA3/1", "AA3/1", "AA3/1", "AA3/1", "AA3/1", "AA3/1",
      "AA3/1", "AA2/1" },
    { "-", "AA5/1", "AA4/1", "AA4/1", "AA4/1", "AA4/1", "AA4/1", "AA4/1", "AA4/1", "AA4/1", "AA4/1",
      "AA4/1", "AR5/1" },
    { "-", "AA2/1", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "AA2/1" },
    { "-", "AA1/13", "AA8/13", "-", "AA8/13", "AA8/13", "AA8/13", "AA8/13", "AA8/13", "AA8/13",
      "AA8/13", "AA8/13", "AA7/13" },
};

static const char *action_name(enum ul_action action)
{
    static const char *const names[] = { "-",   "AE1", "AE2", "AE3", "AE4",  "AE5", "AE6", "AE7",
                                         "AE8", "DT1", "DT2", "AR1", "AR2",  "AR3", "AR4", "AR5",
                                         "AR6", "AR7", "AR8", "AR9", "AR10", "AA1", "AA2", "AA3",
                                         "AA4", "AA5", "AA6", "AA7", "AA8" };
    return names[action];
}

static void every_cell_is_the_standards(void **state)
{
    (void)state;
    for (int event = 1; event <= 19; event++) {
        for (int sta = 1; sta <= 13; sta++) {
            struct ul_step step = ul_fsm_step((enum ul_state)sta, (enum ul_event)event, 1);
            char           cell[16];

            if (step.action == UL_NONE) {
                assert_int_equal(step.next, sta);
                (void)snprintf(cell, sizeof cell, "-");
            } else {
                (void)snprintf(cell, sizeof cell, "%s/%d", action_name(step.action), step.next);
            }
            if (strcmp(cell, rows[event - 1][sta - 1]) != 0)
                fail_msg("event %d in Sta%d: %s, not %s", event, sta, cell,
                         rows[event - 1][sta - 1]);
        }
    }
}

static void a_release_collision_depends_on_the_side(void **state) /* PS3.8 §9.2.3, AR-8 */
{
    (void)state;
    assert_int_equal(ul_fsm_step(UL_STA7, UL_EV_RELEASE_RQ, 1).next, UL_STA9);
    assert_int_equal(ul_fsm_step(UL_STA7, UL_EV_RELEASE_RQ, 0).next, UL_STA10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_is_the_standards),
        cmocka_unit_test(a_release_collision_depends_on_the_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
