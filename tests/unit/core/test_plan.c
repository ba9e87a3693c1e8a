#include "core/command.h"
#include "core/plan.h"
#include "steady.h"

#include "../cmocka_test.h"

static struct view v;
static struct plan plan;

static int set_up(void **state)
{
    (void)state;
    steady_view(&v);
    plan_init(&plan, &v);
    return 0;
}

static void test_one_command_a_pod_a_round(void **state)
{
    struct effect *e = plan_add(&plan, &v, EFFECT_DEMOTE, RULE_O1, 1, "because of %d", 7);

    (void)state;
    assert_non_null(e);
    assert_string_equal(e->run, "r1");
    assert_string_equal(e->why, "because of 7");
    assert_int_equal(e->target, -1);
    assert_null(plan_add(&plan, &v, EFFECT_PROMOTE, RULE_EPOCH, 1, "again"));
    assert_non_null(plan_add(&plan, &v, EFFECT_PROMOTE, RULE_EPOCH, 0, "another pod"));
}

static void test_no_command_while_one_is_under_way(void **state)
{
    const struct effect e = {.kind = EFFECT_TOUCH, .pod = 0, .target = -1};

    (void)state;
    command_started(&v, &e);
    assert_null(plan_add(&plan, &v, EFFECT_DEMOTE, RULE_EPOCH, 0, "too early"));
    command_done(&v, 0, OUTCOME_OK);
    assert_non_null(plan_add(&plan, &v, EFFECT_DEMOTE, RULE_EPOCH, 0, "now"));
}

static void test_a_pause_is_kept_and_woken_from(void **state)
{
    const struct effect e = {.kind = EFFECT_PROMOTE, .pod = 0, .target = -1};

    (void)state;
    command_started(&v, &e);
    command_done(&v, 0, OUTCOME_BUSY);
    assert_null(plan_add(&plan, &v, EFFECT_PROMOTE, RULE_EPOCH, 0, "too early"));
    assert_true(plan.wake_us == v.now_us + 20 * 1000);
    v.now_us += 20 * 1000;
    plan_init(&plan, &v);
    assert_non_null(plan_add(&plan, &v, EFFECT_PROMOTE, RULE_EPOCH, 0, "now"));
}

static void test_questions_go_beside_commands(void **state)
{
    (void)state;
    assert_non_null(plan_add(&plan, &v, EFFECT_DEMOTE, RULE_O1, 1, "a command"));
    assert_non_null(plan_add(&plan, &v, EFFECT_ASK_ROLE, RULE_O1, 1, "a question"));
    assert_null(plan_add(&plan, &v, EFFECT_ASK_ROLE, RULE_O1, 1, "the same again"));
    assert_non_null(plan_add(&plan, &v, EFFECT_ASK_ROWS, RULE_O1, 1, "another one"));
}

static void test_one_write_a_round(void **state)
{
    struct record *r = plan_write(&plan, &v, RULE_O7, "first");

    (void)state;
    assert_ptr_equal(r, &plan.record);
    assert_int_equal(r->epoch, 3);
    assert_true(plan_has_write(&plan));
    assert_null(plan_write(&plan, &v, RULE_O7, "second"));
    plan_init(&plan, &v);
    view_write_started(&v);
    assert_null(plan_write(&plan, &v, RULE_O7, "while one is under way"));
}

static void test_a_failed_write_is_tried_later(void **state)
{
    int64_t pause_us = 50 * 1000;

    (void)state;
    for (int i = 0; i < 9; i++) {
        view_write_started(&v);
        view_write_failed(&v, FAIL_TIMEOUT);
        assert_false(v.record_known); /* it may have been written all the same */
        view_record(&v, &v.record);   /* read: that ends no pause */
        plan_init(&plan, &v);
        assert_null(plan_write(&plan, &v, RULE_O7, "too early"));
        assert_true(plan.wake_us == v.now_us + pause_us);
        v.now_us += pause_us;
        plan_init(&plan, &v);
        assert_non_null(plan_write(&plan, &v, RULE_O7, "now"));
        if (pause_us < 3200 * 1000)
            pause_us *= 2;
    }
    view_write_started(&v);
    view_record(&v, &v.record); /* written */
    assert_int_equal(v.write_failures, 0);
    view_write_started(&v);
    view_write_failed(&v, FAIL_CONFLICT); /* no pause: somebody else was first */
    assert_false(v.record_known);
    assert_int_equal(v.write_retry_at, 0);
}

static void test_a_first_record_starts_from_nothing(void **state)
{
    struct record *r;

    (void)state;
    view_record(&v, NULL);
    r = plan_write(&plan, &v, RULE_B3, "the first");
    assert_non_null(r);
    assert_int_equal(r->epoch, 0);
    assert_int_equal(r->from, -1);
    assert_string_equal(r->main_run, "");
}

static void test_a_full_plan_takes_no_more(void **state)
{
    (void)state;
    for (int i = 0; i < EFFECTS_MAX; i++)
        assert_non_null(plan_add(&plan, &v, EFFECT_EVENT, RULE_O5, -1, "event %d", i));
    assert_null(plan_add(&plan, &v, EFFECT_EVENT, RULE_O5, -1, "one too many"));
    assert_null(plan_write(&plan, &v, RULE_O5, "no room"));
}

static void test_the_earliest_wake_counts(void **state)
{
    (void)state;
    assert_true(plan.wake_us == v.now_us + v.settings.reconcile_us);
    plan_wake(&plan, v.now_us + 5);
    plan_wake(&plan, v.now_us + 9);
    assert_true(plan.wake_us == v.now_us + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_one_command_a_pod_a_round, set_up),
        cmocka_unit_test_setup(test_no_command_while_one_is_under_way, set_up),
        cmocka_unit_test_setup(test_a_pause_is_kept_and_woken_from, set_up),
        cmocka_unit_test_setup(test_questions_go_beside_commands, set_up),
        cmocka_unit_test_setup(test_one_write_a_round, set_up),
        cmocka_unit_test_setup(test_a_failed_write_is_tried_later, set_up),
        cmocka_unit_test_setup(test_a_first_record_starts_from_nothing, set_up),
        cmocka_unit_test_setup(test_a_full_plan_takes_no_more, set_up),
        cmocka_unit_test_setup(test_the_earliest_wake_counts, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
