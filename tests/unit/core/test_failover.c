/* T is lost: who takes over, and when nobody. */
#include "core/failover.h"

#include "core/rules.h"
#include "steady.h"

#include "../cmocka_test.h"

static const int64_t ms = 1000;
static struct view v;
static struct plan plan;

/* mg-0 was to take over from mg-1, which is main in the run that was recorded; and mg-0 is gone. */
static int set_up(void **state)
{
    (void)state;
    steady_view(&v);
    v.record.transition = EPOCH_SWITCHOVER;
    v.record.sync = SYNC_NONE;
    v.record.sync_why = SYNC_WHY_SWITCHOVER;
    v.record.from = 1;
    (void)str_copy(v.record.from_run, RUN_SIZE, "r1");
    view_role(&v, 1, ROLE_MAIN, "r1", v.now_us);
    for (int i = 0; i < 4; i++)
        view_link_down(&v, 0, FAIL_REFUSED, "refused");
    return 0;
}

static bool goes_back(void)
{
    view_derive(&v);
    rules_decide(&v, &plan);
    return plan_has_write(&plan) && plan.record.target == 1;
}

static void test_the_main_never_moved(void **state)
{
    (void)state;
    (void)str_copy(v.record.answer, ANSWER_SIZE, "switchover@7: served");
    assert_true(goes_back());
    assert_int_equal(plan.record.transition, EPOCH_SWITCHOVER);
    assert_string_equal(plan.record.answer,
                        "switchover@7: refused: back again: mg-0 (3 connections in a row "
                        "refused: its process is gone)");
    assert_true(record_is_fenced(&plan.record, 0)); /* it may have been promoted */
    assert_false(record_is_fenced(&plan.record, 1));
}

static void test_not_to_another_process(void **state)
{
    (void)state;
    (void)str_copy(v.record.from_run, RUN_SIZE, "another");
    assert_false(goes_back());
}

static void test_not_to_one_that_was_demoted(void **state)
{
    (void)state;
    view_role(&v, 1, ROLE_REPLICA, "r1", v.now_us);
    assert_false(goes_back());
}

static void test_not_by_an_old_answer(void **state)
{
    (void)state;
    v.roles_since = v.now_us + 1;
    v.now_us += 200 * ms; /* it did not answer in time */
    assert_false(goes_back());
    view_role(&v, 1, ROLE_MAIN, "r1", v.now_us);
    assert_true(goes_back());
}

static void test_not_in_a_failover(void **state)
{
    (void)state;
    v.record.transition = EPOCH_FAILOVER;
    assert_false(goes_back());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_main_never_moved, set_up),
        cmocka_unit_test_setup(test_not_to_another_process, set_up),
        cmocka_unit_test_setup(test_not_to_one_that_was_demoted, set_up),
        cmocka_unit_test_setup(test_not_by_an_old_answer, set_up),
        cmocka_unit_test_setup(test_not_in_a_failover, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
