#include "core/rules.h"
#include "steady.h"

#include "../cmocka_test.h"

static struct view v;
static struct plan plan;

static int set_up(void **state)
{
    (void)state;
    steady_view(&v);
    return 0;
}

static void decide(void)
{
    view_derive(&v);
    rules_decide(&v, &plan);
}

static void expect_nothing(const char *reason)
{
    decide();
    if (plan.n || !strstr(plan.reason, reason))
        fail_msg("%u effects, the first %s; '%s'", plan.n, effect_kind_name(plan.effects[0].kind),
                 plan.reason);
}

static void test_all_is_well(void **state)
{
    (void)state;
    expect_nothing("mg-0 is main");
    assert_string_equal(plan.state, "OPERATIONAL_STATE");
    assert_true(plan.wake_us > v.now_us);
}

/* The same view gives the same plan. */
static void test_a_pure_function(void **state)
{
    static struct plan first;
    struct view before;

    (void)state;
    view_link_down(&v, 1, FAIL_REFUSED, "reset");
    steady_rows(&v, ROW_INVALID, ROW_INVALID);
    decide();
    first = plan;
    before = v;
    decide();
    assert_memory_equal(&first, &plan, sizeof plan);
    assert_memory_equal(&before, &v, sizeof v);
}

static void test_a_leader_that_sees_neither_of_the_pair_resigns(void **state)
{
    (void)state;
    view_link_down(&v, 0, FAIL_TIMEOUT, "silent");
    view_link_down(&v, 1, FAIL_TIMEOUT, "silent");
    decide();
    assert_false(plan.resign);
    v.now_us += 10 * 1000 * 1000 - 1;
    v.leader_until_us = v.now_us + 1000 * 1000;
    decide();
    assert_false(plan.resign);
    assert_true(plan.wake_us == v.now_us + 1);
    v.now_us++;
    decide();
    assert_true(plan.resign);
    /* Where Kubernetes calls them down, too, nobody else would see more. */
    v.pods[0].ready = v.pods[1].ready = false;
    decide();
    assert_false(plan.resign);
    v.pods[1].ready = true;
    decide();
    assert_true(plan.resign);
    view_link_up(&v, 0);
    decide();
    assert_false(plan.resign);
}

static void test_who_may_not_decide(void **state)
{
    (void)state;
    steady_rows(&v, ROW_INVALID, ROW_READY); /* something to do */
    v.leader = false;
    expect_nothing("this controller does not lead: it routes, and decides nothing");
    v.leader = true;
    v.leader_until_us = v.now_us;
    expect_nothing("this controller does not lead: it routes, and decides nothing");
    v.leader_until_us = v.now_us + 1;
    v.writing = true;
    expect_nothing("the record is being written");
    v.writing = false;
    v.record_known = false;
    expect_nothing("the record has not been read yet");
    v.record_known = true;
    (void)str_copy(v.record.paused, sizeof v.record.paused, "by hand");
    expect_nothing("paused: by hand");
    v.record.paused[0] = '\0';
    view_record_broken(&v, "epoch is 'x'");
    expect_nothing("the record makes no sense: epoch is 'x'");
    assert_string_equal(plan.state, "UNKNOWN_STATE");
    v.record_broken = false;
    decide();
    assert_int_equal(plan.n, 1);
}

/* T is connected anew and has not said who it is, while the answer of a command is still awaited.
 */
static void test_nothing_is_taken_for_granted_of_a_new_connection(void **state)
{
    (void)state;
    v.rows_n = 0; /* S was dropped, so it said when it was last asked */
    v.now_us++;
    view_link_up(&v, 0);
    v.pods[0].command = EFFECT_TOUCH;
    decide();
    assert_int_equal(plan.n, 0);
    assert_int_equal(plan.gate.state, GATE_CUT);
    v.pods[0].command = EFFECT_NONE;
    decide();
    assert_int_equal(plan.n, 1);
    assert_int_equal(plan.effects[0].kind, EFFECT_ASK_ROLE);
    assert_int_equal(plan.effects[0].pod, 0);
}

static void test_names_of_the_state(void **state)
{
    (void)state;
    v.record.sync = SYNC_NONE;
    v.record.sync_why = SYNC_WHY_INITIAL;
    decide();
    assert_string_equal(plan.state, "INITIAL_STATE");
    v.record.sync_why = SYNC_WHY_FAILOVER;
    decide();
    assert_string_equal(plan.state, "OPERATIONAL_STATE");
    view_record(&v, NULL);
    v.pods[1].ready = false;
    decide();
    assert_string_equal(plan.state, "BOOTSTRAP");
}

/* ---- O1 ---- */

static void test_an_armed_s_that_is_main_is_disarmed_first(void **state)
{
    (void)state;
    v.record.fenced = 1U << 1; /* it was a stray main before */
    view_role(&v, 1, ROLE_MAIN, "r1", v.now_us);
    decide();
    assert_int_equal(plan.n, 1);
    assert_true(plan_has_write(&plan));
    assert_int_equal(plan.record.sync, SYNC_NONE);
    assert_int_equal(plan.record.sync_why, SYNC_WHY_STRAY);
    view_write_started(&v);
    view_record(&v, &plan.record);
    decide();
    assert_int_equal(plan.effects[0].kind, EFFECT_DEMOTE);
    assert_int_equal(plan.effects[0].pod, 1);
}

/* ---- roles from before ---- */

static bool asks_for_roles(void)
{
    decide();
    for (int i = 0; i < 3; i++)
        if (plan.effects[i].kind != EFFECT_ASK_ROLE || plan.effects[i].pod != i)
            return false;
    return plan.n == 3 && strcmp(plan.reason, "the pods are asked for their roles") == 0;
}

static void test_roles_from_before_somebody_else_moved_the_main(void **state)
{
    struct record r = v.record;

    (void)state;
    v.now_us++;
    r.epoch++;
    view_record(&v, &r); /* not by us: we wrote nothing */
    assert_true(asks_for_roles());
    assert_true(plan.wake_us == v.now_us + 100 * 1000);
    for (int i = 0; i < 3; i++)
        view_role(&v, i, v.pods[i].role, v.pods[i].run, v.now_us);
    decide();
    assert_string_equal(plan.reason, "mg-0 is main");
}

static void test_roles_from_before_one_began_to_lead(void **state)
{
    (void)state;
    view_leadership(&v, false, 0);
    v.now_us++;
    view_leadership(&v, true, INT64_MAX / 2);
    assert_true(asks_for_roles());
}

/* A pod that does not answer is waited for, but not for long; and what it said before makes it no
 * stray main. */
static void test_an_old_role_makes_nobody_stray(void **state)
{
    (void)state;
    view_role(&v, 2, ROLE_MAIN, "r2", v.now_us);
    v.now_us++;
    view_leadership(&v, false, 0);
    view_leadership(&v, true, INT64_MAX / 2);
    for (int i = 0; i < 2; i++)
        view_role(&v, i, v.pods[i].role, v.pods[i].run, v.now_us);
    decide();
    assert_string_equal(plan.reason, "the pods are asked for their roles");
    v.now_us += 100 * 1000;
    decide();
    assert_string_equal(plan.reason, "mg-0 is main");
    assert_false(plan_has_write(&plan));
    view_role(&v, 2, ROLE_MAIN, "r2", v.now_us);
    decide();
    assert_true(plan_has_write(&plan));
    assert_true(record_is_fenced(&plan.record, 2));
}

/* The gate waits for it, a follower's, too. */
static void test_the_list_of_replicas_is_asked_for(void **state)
{
    (void)state;
    view_leadership(&v, false, 0);
    v.now_us++;
    view_link_up(&v, 0);
    view_role(&v, 0, ROLE_MAIN, "r0", v.now_us);
    decide();
    assert_int_equal(plan.n, 1);
    assert_int_equal(plan.effects[0].kind, EFFECT_ASK_ROWS);
    assert_int_equal(plan.gate.state, GATE_HOLD);
    steady_rows(&v, ROW_READY, ROW_READY);
    decide();
    assert_int_equal(plan.n, 0);
    assert_int_equal(plan.gate.state, GATE_OPEN);
}

static void test_a_mode_that_does_not_fit_is_told(void **state)
{
    (void)state;
    v.settings.replication_mode = REPLICATION_STRICT_SYNC;
    v.pods[1].can.strict_sync = false;
    decide();
    assert_int_equal(plan.n, 1);
    assert_int_equal(plan.effects[0].kind, EFFECT_EVENT);
    assert_string_equal(plan.effects[0].event, "ModeDoesNotFit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_all_is_well, set_up),
        cmocka_unit_test_setup(test_a_pure_function, set_up),
        cmocka_unit_test_setup(test_a_leader_that_sees_neither_of_the_pair_resigns, set_up),
        cmocka_unit_test_setup(test_who_may_not_decide, set_up),
        cmocka_unit_test_setup(test_nothing_is_taken_for_granted_of_a_new_connection, set_up),
        cmocka_unit_test_setup(test_names_of_the_state, set_up),
        cmocka_unit_test_setup(test_an_armed_s_that_is_main_is_disarmed_first, set_up),
        cmocka_unit_test_setup(test_roles_from_before_somebody_else_moved_the_main, set_up),
        cmocka_unit_test_setup(test_roles_from_before_one_began_to_lead, set_up),
        cmocka_unit_test_setup(test_an_old_role_makes_nobody_stray, set_up),
        cmocka_unit_test_setup(test_the_list_of_replicas_is_asked_for, set_up),
        cmocka_unit_test_setup(test_a_mode_that_does_not_fit_is_told, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
