/* Which replica is filled anew, and when without a person. */
#include "core/rebuild.h"

#include "steady.h"

#include "../cmocka_test.h"

static const int64_t second = 1000 * 1000;
static struct view v;
static struct plan plan;

static int set_up(void **state)
{
    (void)state;
    steady_view(&v);
    return 0;
}

static bool needed(int pod)
{
    char why[WHY_SIZE];

    return rebuild_needed(&v, pod, why);
}

static bool allowed(int pod)
{
    char why[WHY_SIZE];

    return rebuild_allowed(&v, pod, why);
}

static bool possible(int pod)
{
    char why[WHY_SIZE];

    return rebuild_possible(&v, pod, why);
}

/* ---- who needs it ---- */

static void test_who_was_refused(void **state)
{
    (void)state;
    assert_false(needed(1));
    assert_false(needed(2));
    (void)str_copy(v.pods[2].refused_run, RUN_SIZE, "r2");
    assert_true(needed(2));
    view_link_down(&v, 2, FAIL_TIMEOUT, "silent"); /* who knows what it is now */
    assert_false(needed(2));
    v.record.sync = SYNC_NONE;
    v.record.sync_why = SYNC_WHY_REFUSED; /* a leader before us tried */
    assert_true(needed(1));
    (void)str_copy(v.record.sync_run, RUN_SIZE, "another");
    assert_false(needed(1));
}

static void test_who_is_diverged(void **state)
{
    (void)state;
    steady_rows(&v, ROW_READY, ROW_DIVERGED);
    assert_true(needed(2));
    assert_false(needed(1));
}

static void test_an_async_replica_that_stays_invalid(void **state)
{
    (void)state;
    v.pods[2].invalid_since = v.now_us - 15 * second;
    assert_false(needed(2)); /* it is registered anew first */
    (void)str_copy(v.pods[2].healed_run, RUN_SIZE, "r2");
    assert_true(needed(2));
    v.pods[2].invalid_since++;
    assert_false(needed(2));
}

static void test_an_s_that_stays_invalid(void **state)
{
    (void)state;
    v.pods[1].invalid_since = v.now_us - 15 * second;
    v.refresh_failures = 2;
    assert_false(needed(1));
    v.refresh_failures = 3;
    assert_true(needed(1));
}

/* ---- when it is possible, and allowed ---- */

static void test_not_without_a_main_at_rest(void **state)
{
    (void)state;
    assert_true(possible(2));
    assert_false(possible(0));
    assert_false(possible(3)); /* there is none */
    v.record.transition = EPOCH_REFRESH;
    assert_false(possible(2));
    v.record.transition = EPOCH_NONE;
    view_role(&v, 0, ROLE_REPLICA, "r0", v.now_us);
    assert_false(possible(2));
    view_role(&v, 0, ROLE_MAIN, "r0b", v.now_us);
    assert_false(possible(2));
}

static void test_one_at_a_time(void **state)
{
    (void)state;
    (void)str_copy(v.record.rebuild[1].uid, UID_SIZE, "r1");
    assert_false(possible(2));
    assert_true(possible(1)); /* a person renews it */
}

static void test_what_the_policy_allows(void **state)
{
    (void)state;
    assert_true(allowed(2));
    assert_false(allowed(1));
    v.record.sync = SYNC_UNPROVEN; /* two with less than the main were one too many */
    assert_false(allowed(2));
    v.record.promoted = PROMOTED_FAILOVER;
    assert_true(allowed(1));
    (void)str_copy(v.record.promoted_run, RUN_SIZE, "before"); /* it may have lost its tail since */
    assert_false(allowed(1));
    (void)str_copy(v.record.promoted_run, RUN_SIZE, "r0");
    v.record.promoted = PROMOTED_FORCED;
    assert_false(allowed(1));
    v.record.promoted = PROMOTED_FAILOVER;
    v.record.sync = SYNC_READY;
    v.settings.rebuild_policy = REBUILD_MANUAL;
    assert_false(allowed(1));
    assert_false(allowed(2));
}

/* ---- what is done ---- */

static const struct effect *deletion(void)
{
    plan_init(&plan, &v);
    rebuild_decide(&v, &plan);
    return plan.n && plan.effects[0].kind == EFFECT_DELETE_POD ? &plan.effects[0] : NULL;
}

static bool ends(int pod)
{
    plan_init(&plan, &v);
    rebuild_decide(&v, &plan);
    return plan_has_write(&plan) && !record_is_rebuilt(&plan.record, pod);
}

static void test_the_pod_of_the_entry_is_deleted(void **state)
{
    (void)state;
    rebuild_enter(&v, &v.record, 2, "diverged");
    assert_string_equal(v.record.rebuild[2].uid, "r2");
    assert_int_equal(deletion()->pod, 2);
    view_delete_started(&v, 2);
    v.now_us += 30 * second - 1;
    assert_null(deletion());
    v.now_us++;
    assert_non_null(deletion()); /* the first one was lost */
    (void)str_copy(v.pods[2].uid, UID_SIZE, "next");
    assert_null(deletion());
}

static void test_an_async_replica_is_filled(void **state)
{
    (void)state;
    rebuild_enter(&v, &v.record, 2, "diverged");
    (void)str_copy(v.pods[2].uid, UID_SIZE, "next");
    steady_rows(&v, ROW_READY, ROW_RECOVERY);
    assert_false(ends(2));
    steady_rows(&v, ROW_READY, ROW_READY);
    assert_true(ends(2));
}

static void test_s_is_filled_when_it_is_proven(void **state)
{
    (void)state;
    rebuild_enter(&v, &v.record, 1, "diverged");
    (void)str_copy(v.pods[1].uid, UID_SIZE, "next");
    v.record.sync = SYNC_UNPROVEN;
    assert_false(ends(1));
    v.record.sync = SYNC_READY;
    assert_true(ends(1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_who_was_refused, set_up),
        cmocka_unit_test_setup(test_who_is_diverged, set_up),
        cmocka_unit_test_setup(test_an_async_replica_that_stays_invalid, set_up),
        cmocka_unit_test_setup(test_an_s_that_stays_invalid, set_up),
        cmocka_unit_test_setup(test_not_without_a_main_at_rest, set_up),
        cmocka_unit_test_setup(test_one_at_a_time, set_up),
        cmocka_unit_test_setup(test_what_the_policy_allows, set_up),
        cmocka_unit_test_setup(test_the_pod_of_the_entry_is_deleted, set_up),
        cmocka_unit_test_setup(test_an_async_replica_is_filled, set_up),
        cmocka_unit_test_setup(test_s_is_filled_when_it_is_proven, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
