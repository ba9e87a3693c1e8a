/* When a new epoch on the same main is due. */
#include "core/refresh.h"

#include "core/rules.h"
#include "steady.h"

#include "../cmocka_test.h"

static const int64_t second = 1000 * 1000;
static struct view v;
static struct plan plan;

/* mg-1 is a replica that T has as ASYNC, and takes no part; not because T decided so. */
static int set_up(void **state)
{
    (void)state;
    steady_view(&v);
    v.record.sync = SYNC_NONE;
    v.record.sync_why = SYNC_WHY_DROPPED;
    v.record.sync_run[0] = '\0';
    return 0;
}

/* T's row for mg-1, as ASYNC. */
static void row(enum row_status status, int64_t ts, int64_t behind)
{
    steady_rows(&v, status, ROW_READY);
    v.rows[0].mode = MODE_ASYNC;
    v.rows[0].ts = ts;
    v.rows[0].behind = behind;
}

static bool begins(void)
{
    view_derive(&v);
    rules_decide(&v, &plan);
    return plan_has_write(&plan) && plan.record.transition == EPOCH_REFRESH;
}

static void at(int64_t now_us)
{
    v.now_us = now_us;
    v.leader_until_us = INT64_MAX;
}

/* ---- (b) ---- */

static void test_s_joins(void **state)
{
    (void)state;
    row(ROW_READY, 10, 0);
    assert_true(begins());
    v.pods[1].terminating = true;
    assert_false(begins());
}

static void test_not_before_s_has_nearly_caught_up(void **state)
{
    (void)state;
    row(ROW_RECOVERY, 10, -1001);
    assert_false(begins());
    row(ROW_RECOVERY, 10, -1000);
    assert_true(begins());
    row(ROW_INVALID, 0, 0); /* that says nothing */
    assert_false(begins());
}

static void test_an_s_that_comes_no_nearer(void **state)
{
    (void)state;
    row(ROW_RECOVERY, 10, -2000);
    assert_false(begins());
    at(steady_us + 4 * second);
    row(ROW_RECOVERY, 12, -1900);
    assert_false(begins());
    at(steady_us + 9 * second - 1);
    row(ROW_RECOVERY, 12, -1950);
    assert_false(begins());
    at(steady_us + 9 * second);
    row(ROW_RECOVERY, 12, -1950);
    assert_true(begins());
}

static void test_an_unproven_s_is_left_to_a_touch_first(void **state)
{
    (void)state;
    steady_view(&v);
    v.record.sync = SYNC_UNPROVEN;
    steady_rows(&v, ROW_RECOVERY, ROW_READY);
    assert_false(begins());
    at(steady_us + 15 * second - 1);
    steady_rows(&v, ROW_RECOVERY, ROW_READY);
    assert_false(begins());
    at(steady_us + 15 * second);
    steady_rows(&v, ROW_RECOVERY, ROW_READY);
    assert_true(begins());
}

static void test_not_again_for_who_was_refused(void **state)
{
    (void)state;
    row(ROW_READY, 10, 0);
    v.record.sync_why = SYNC_WHY_REFUSED;
    (void)str_copy(v.record.sync_run, RUN_SIZE, "r1");
    assert_false(begins());
    (void)str_copy(v.record.sync_run, RUN_SIZE, "another");
    assert_true(begins());
    v.record.sync_why = SYNC_WHY_DROPPED;
    (void)str_copy(v.pods[1].refused_run, RUN_SIZE, "r1");
    assert_false(begins());
}

static void test_not_for_who_was_set_aside(void **state)
{
    (void)state;
    row(ROW_READY, 10, 0);
    v.record.sync_why = SYNC_WHY_DEGRADED;
    (void)str_copy(v.record.sync_run, RUN_SIZE, "r1");
    assert_false(begins());
    (void)str_copy(v.record.sync_run, RUN_SIZE, "another");
    assert_true(begins());
}

/* A main that serves alone by decision would pause its writes for nothing. */
static void test_not_while_t_cannot_reach_it(void **state)
{
    (void)state;
    row(ROW_INVALID, 10, 0);
    assert_true(begins());
    v.record.sync_why = SYNC_WHY_DEGRADED;
    assert_false(begins());
    row(ROW_READY, 10, 0);
    assert_true(begins());
}

static void test_an_async_replica_that_hangs_is_waited_for(void **state)
{
    (void)state;
    row(ROW_READY, 10, 0);
    view_link_down(&v, 2, FAIL_TIMEOUT, "silent");
    assert_false(begins());
    at(steady_us + 10 * second);
    row(ROW_READY, 10, 0);
    assert_true(begins());
}

static void test_a_pause_after_one_that_failed(void **state)
{
    (void)state;
    row(ROW_READY, 10, 0);
    v.refresh_retry_at = steady_us + 1;
    assert_false(begins());
    assert_true(plan.wake_us == steady_us + 1);
    at(steady_us + 1);
    assert_true(begins());
}

/* ---- an adopted S ---- */

/* T has it in the sync mode already: its writes wait for it. */
static void adopted(enum row_status status)
{
    row(status, 10, 0);
    v.rows[0].mode = MODE_STRICT_SYNC;
    v.record.sync_why = SYNC_WHY_ADOPTED;
}

static void test_an_adopted_s_is_left_to_a_touch_first(void **state)
{
    (void)state;
    adopted(ROW_READY);
    assert_false(begins());
    v.touch_at = v.now_us; /* and it was not confirmed */
    assert_true(begins());
}

static void test_an_adopted_s_that_stays_invalid(void **state)
{
    (void)state;
    adopted(ROW_INVALID);
    assert_false(begins());
    at(steady_us + 15 * second - 1);
    adopted(ROW_INVALID);
    assert_false(begins());
    at(steady_us + 15 * second);
    adopted(ROW_INVALID);
    assert_true(begins());
}

/* ---- (c) ---- */

static bool goes_on_alone(enum sync_why why)
{
    return begins() && plan.record.sync == SYNC_NONE && plan.record.sync_why == why;
}

/* It takes no part, and T's writes wait for it all the same: T cannot reach it. */
static void test_a_registration_that_t_cannot_reach(void **state)
{
    (void)state;
    v.settings.durability = DURABILITY_PREFERRED;
    view_link_down(&v, 1, FAIL_TIMEOUT, "silent");
    v.pods[1].exists = false;
    for (int i = 0; i < 2; i++) {
        row(ROW_INVALID, 10, 0);
        v.rows[0].mode = MODE_STRICT_SYNC;
        assert_int_equal(goes_on_alone(SYNC_WHY_DEGRADED), i == 1);
        at(steady_us + 5 * second);
    }
}

static void test_an_s_that_is_about_to_stop(void **state)
{
    (void)state;
    steady_view(&v);
    v.pods[1].terminating = true;
    assert_true(goes_on_alone(SYNC_WHY_PLANNED));
    assert_true(plan.record.sync_until_wall_us == v.wall_us + v.settings.planned_limit_us);
    v.settings.planned_restart = PLANNED_BLOCK;
    assert_false(begins());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_s_joins, set_up),
        cmocka_unit_test_setup(test_not_before_s_has_nearly_caught_up, set_up),
        cmocka_unit_test_setup(test_an_s_that_comes_no_nearer, set_up),
        cmocka_unit_test_setup(test_an_unproven_s_is_left_to_a_touch_first, set_up),
        cmocka_unit_test_setup(test_not_again_for_who_was_refused, set_up),
        cmocka_unit_test_setup(test_not_for_who_was_set_aside, set_up),
        cmocka_unit_test_setup(test_not_while_t_cannot_reach_it, set_up),
        cmocka_unit_test_setup(test_an_async_replica_that_hangs_is_waited_for, set_up),
        cmocka_unit_test_setup(test_a_pause_after_one_that_failed, set_up),
        cmocka_unit_test_setup(test_an_adopted_s_is_left_to_a_touch_first, set_up),
        cmocka_unit_test_setup(test_an_adopted_s_that_stays_invalid, set_up),
        cmocka_unit_test_setup(test_a_registration_that_t_cannot_reach, set_up),
        cmocka_unit_test_setup(test_an_s_that_is_about_to_stop, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
