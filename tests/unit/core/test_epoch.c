/* The conditions of one step at a time; the stories see the steps one after the other. */
#include "core/epoch.h"

#include "core/command.h"
#include "core/epoch_finish.h"
#include "core/rules.h"
#include "steady.h"

#include "../cmocka_test.h"

static const int64_t ms = 1000, second = 1000 * 1000;
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

/* An epoch is being begun on mg-0; everybody was asked since, and the gateways have closed. from:
 * -1, or mg-1 was main before. */
static void begin(enum epoch_kind kind, int from)
{
    struct record r = v.record;

    r.epoch++;
    r.transition = kind;
    r.sync = SYNC_NONE;
    r.sync_run[0] = '\0';
    r.sync_why = kind == EPOCH_FAILOVER     ? SYNC_WHY_FAILOVER
                 : kind == EPOCH_SWITCHOVER ? SYNC_WHY_SWITCHOVER
                                            : SYNC_WHY_REFRESH;
    r.from = from;
    (void)str_copy(r.from_run, sizeof r.from_run, from >= 0 ? "r1" : "");
    view_write_started(&v);
    v.now_us += 2 * ms;
    view_record(&v, &r);
    v.now_us += ms;
    for (int i = 0; i < 3; i++)
        view_role(&v, i, v.pods[i].role, v.pods[i].run, v.now_us);
    v.gate_settled = v.gate_drained = true;
    decide();
    v.gate_in_force = plan.gate.state;
}

/* Its steps before 6 are done. */
static void promoted(void)
{
    v.work.promoted = v.work.users = true;
    v.work.promoted_at = v.now_us;
}

static const struct effect *effect(enum effect_kind kind, int pod, int target)
{
    for (unsigned i = 0; i < plan.n; i++)
        if (plan.effects[i].kind == kind && plan.effects[i].pod == pod &&
            plan.effects[i].target == target)
            return &plan.effects[i];
    return NULL;
}

/* ---- step 1 ---- */

static void ask_for(const char *request)
{
    (void)str_copy(v.record.request, sizeof v.record.request, request);
    decide();
    assert_true(plan_has_write(&plan));
}

static void test_who_is_to_be_main_waits_for_no_rebuild(void **state)
{
    (void)state;
    (void)str_copy(v.record.rebuild[0].uid, UID_SIZE, "r0");
    ask_for("refresh@1");
    assert_false(record_is_rebuilt(&plan.record, 0));
}

static void test_a_refresh_moves_no_main(void **state)
{
    (void)state;
    v.record.promoted = PROMOTED_FAILOVER;
    (void)str_copy(v.record.promoted_run, RUN_SIZE, "r0");
    ask_for("refresh@1");
    assert_int_equal(plan.record.transition, EPOCH_REFRESH);
    assert_int_equal(plan.record.promoted, PROMOTED_FAILOVER);
    assert_string_equal(plan.record.promoted_run, "r0");
}

/* ---- steps 3 and 4 ---- */

static void test_a_switchover_promotes_nobody_beside_the_old_main(void **state)
{
    (void)state;
    v.pods[0].role = ROLE_REPLICA;
    v.pods[1].role = ROLE_MAIN;
    begin(EPOCH_SWITCHOVER, 1);
    decide();
    assert_non_null(effect(EFFECT_DEMOTE, 1, -1));
    assert_null(effect(EFFECT_PROMOTE, 0, -1));
    v.pods[1].role_at = 0; /* nobody knows */
    decide();
    assert_non_null(effect(EFFECT_ASK_ROLE, 1, -1));
    assert_null(effect(EFFECT_PROMOTE, 0, -1));
    view_role(&v, 1, ROLE_REPLICA, "r1", v.now_us);
    decide();
    assert_non_null(effect(EFFECT_PROMOTE, 0, -1));
}

/* A leader that took over finds the X of a switchover as main: it may have served already. */
static void test_before_x_is_demoted_again_there_is_no_way_back(void **state)
{
    (void)state;
    begin(EPOCH_SWITCHOVER, 1);
    decide();
    assert_true(plan_has_write(&plan));
    assert_int_equal(plan.record.from, -1);
    assert_string_equal(plan.record.from_run, "");
    assert_int_equal(plan.record.transition, EPOCH_SWITCHOVER);
    assert_int_equal(plan.record.fenced, v.record.fenced);
    assert_null(effect(EFFECT_DEMOTE, 0, -1));
    view_link_down(&v, 1, FAIL_TIMEOUT, "silence");
    decide();
    assert_int_equal(plan.record.fenced, v.record.fenced | 1U << 1);
    view_link_up(&v, 1);
    view_role(&v, 1, ROLE_REPLICA, "r1", v.now_us);
    v.record.from = -1;
    decide();
    assert_non_null(effect(EFFECT_DEMOTE, 0, -1));
}

/* The old main is another process: the two are compared anyhow. */
static void test_of_two_that_are_compared_the_way_back_stays_open(void **state)
{
    (void)state;
    begin(EPOCH_SWITCHOVER, 1);
    v.record.from_run[0] = '\0';
    decide();
    assert_false(plan_has_write(&plan));
    assert_non_null(effect(EFFECT_DEMOTE, 0, -1));
}

/* Who of the pair has more is not known before S is there, whatever this leader has seen of it. */
static void test_who_is_to_be_compared_is_waited_for(void **state)
{
    (void)state;
    v.pods[0].role = ROLE_REPLICA;
    begin(EPOCH_SWITCHOVER, 1);
    v.record.from_run[0] = '\0';
    view_role(&v, 0, ROLE_MAIN, "r0", v.now_us);
    promoted();
    view_link_down(&v, 1, FAIL_REFUSED, "gone");
    v.pods[1].run[0] = '\0'; /* this leader has never seen it */
    v.now_us += 60 * second;
    decide();
    assert_string_equal(plan.reason, "mg-1 is being registered");
    (void)str_copy(v.record.from_run, sizeof v.record.from_run, "r1"); /* it is the old main */
    decide();
    assert_string_not_equal(plan.reason, "mg-1 is being registered");
}

/* X vouches for itself: the old main may be any process by now. */
static void test_an_old_main_that_was_restarted_is_not_compared(void **state)
{
    (void)state;
    begin(EPOCH_SWITCHOVER, 1);
    promoted();
    view_role(&v, 1, ROLE_REPLICA, "another", v.now_us);
    assert_false(epoch_s_is_compared(&v));
    decide();
    command_started(&v, effect(EFFECT_REGISTER, 0, 1));
    command_done(&v, 0, OUTCOME_UNREACHABLE);
    assert_true(v.work.promoted && v.work.s_done);
}

/* A leader that took over finds X as main. Was it promoted in this epoch? */
static void test_who_is_main_already(void **state)
{
    static const struct {
        enum epoch_kind kind;
        enum promoted promoted;
        int from;
        bool believed;
    } table[] = {{EPOCH_FAILOVER, PROMOTED_FAILOVER, 1, true},
                 {EPOCH_FAILOVER, PROMOTED_FAILOVER, -1, false},
                 {EPOCH_FAILOVER, PROMOTED_FORCED, 1, false},
                 {EPOCH_SWITCHOVER, PROMOTED_SWITCHOVER, -1, false},
                 {EPOCH_REFRESH, PROMOTED_FAILOVER, -1, false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        steady_view(&v);
        v.record.promoted = table[i].promoted;
        begin(table[i].kind, table[i].from);
        decide();
        assert_int_equal(!effect(EFFECT_DEMOTE, 0, -1), table[i].believed);
        assert_int_equal(effect(EFFECT_ENSURE_USERS, 0, -1) != NULL, table[i].believed);
    }
}

static void test_another_label_of_a_main_is_waited_for(void **state)
{
    (void)state;
    v.pods[0].role = ROLE_REPLICA;
    begin(EPOCH_FAILOVER, 1);
    v.main_labels = 1U << 0 | 1U << 1;
    decide();
    assert_null(effect(EFFECT_PROMOTE, 0, -1));
    assert_true(plan.wake_us <= v.work.recorded_at + 100 * ms);
    v.main_labels = 1U << 0;
    decide();
    assert_non_null(effect(EFFECT_PROMOTE, 0, -1));
    v.main_labels = 1U << 2;
    v.now_us = v.work.recorded_at + 100 * ms;
    decide();
    assert_non_null(effect(EFFECT_PROMOTE, 0, -1));
}

/* ---- step 6 ---- */

static void test_who_joins_said_so_since_the_record_was_written(void **state)
{
    (void)state;
    begin(EPOCH_REFRESH, -1);
    promoted();
    v.pods[1].role_at = v.work.recorded_at - 1;
    decide();
    assert_null(effect(EFFECT_REGISTER, 0, 1));
    v.pods[1].role_at = v.work.recorded_at;
    decide();
    assert_non_null(effect(EFFECT_REGISTER, 0, 1));
    v.work.s_done = true;
    v.pods[2].role_at = v.work.recorded_at - 1;
    decide();
    assert_null(effect(EFFECT_REGISTER, 0, 2));
    assert_null(effect(EFFECT_TOUCH, 0, -1)); /* its answer is waited for */
    v.now_us = v.work.recorded_at + 100 * ms;
    decide();
    assert_null(effect(EFFECT_REGISTER, 0, 2));
    assert_non_null(effect(EFFECT_TOUCH, 0, -1)); /* but not for long */
    v.pods[2].role_at = v.work.recorded_at;
    decide();
    assert_non_null(effect(EFFECT_REGISTER, 0, 2));
}

static void test_who_ends_does_not_join(void **state)
{
    (void)state;
    begin(EPOCH_REFRESH, -1);
    promoted();
    v.pods[1].terminating = v.pods[2].terminating = true;
    decide();
    assert_non_null(effect(EFFECT_TOUCH, 0, -1));
}

static void test_s_is_no_replica_for_long(void **state)
{
    (void)state;
    v.pods[1].role = ROLE_MAIN;
    begin(EPOCH_REFRESH, -1);
    promoted();
    v.work.tried = 1U << 2;
    decide();
    assert_null(effect(EFFECT_TOUCH, 0, -1));
    v.now_us = v.work.recorded_at + 5 * second;
    decide();
    assert_non_null(effect(EFFECT_TOUCH, 0, -1));
}

/* Both of the pair were restarted: who has more? */
static void test_the_other_is_compared_however_long_it_takes(void **state)
{
    (void)state;
    begin(EPOCH_SWITCHOVER, 1);
    promoted();
    v.record.from_run[0] = '\0';
    v.work.tried = 1U << 2;
    view_link_down(&v, 1, FAIL_TIMEOUT, "silent");
    v.now_us = v.work.recorded_at + 60 * second;
    decide();
    assert_null(effect(EFFECT_TOUCH, 0, -1));
    view_link_up(&v, 1);
    view_role(&v, 1, ROLE_REPLICA, "r1", v.now_us);
    decide();
    assert_non_null(effect(EFFECT_REGISTER, 0, 1));
    v.work.s_done = true; /* and it was refused: it has more */
    (void)str_copy(v.pods[1].refused_run, RUN_SIZE, "r1");
    decide();
    assert_true(plan_has_write(&plan));
    assert_int_equal(plan.record.target, 1);
    assert_int_equal(plan.record.from, -1); /* never back to mg-0 */
}

/* An epoch that compares mg-1 with mg-0: its REGISTER has ended. */
static void compared(enum outcome outcome)
{
    begin(EPOCH_SWITCHOVER, 1);
    promoted();
    v.record.from_run[0] = '\0';
    view_role(&v, 1, ROLE_REPLICA, "r1", v.now_us);
    decide();
    command_started(&v, effect(EFFECT_REGISTER, 0, 1));
    command_done(&v, 0, outcome);
    decide();
}

/* It could not be reached, or nobody knows what was answered. */
static void test_a_comparison_that_says_nothing_is_none(void **state)
{
    static const struct {
        enum outcome outcome;
        bool compared;
    } table[] = {{OUTCOME_OK, true},
                 {OUTCOME_REFUSED, true},
                 {OUTCOME_UNREACHABLE, false},
                 {OUTCOME_EXISTS, false},
                 {OUTCOME_FAILED, false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        steady_view(&v);
        compared(table[i].outcome);
        v.now_us += second; /* a command that failed has a pause */
        decide();
        assert_int_equal(v.work.s_done, table[i].compared);
        assert_int_equal(effect(EFFECT_DEMOTE, 0, -1) != NULL, !table[i].compared);
    }
}

/* It was refused, and was restarted before that could be recorded. */
static void test_who_has_more_is_still_there(void **state)
{
    (void)state;
    compared(OUTCOME_REFUSED);
    assert_true(plan_has_write(&plan));
    view_role(&v, 1, ROLE_REPLICA, "another", v.now_us);
    v.pods[1].role_at = v.now_us;
    decide();
    assert_false(plan_has_write(&plan));
    assert_null(effect(EFFECT_TOUCH, 0, -1));
    assert_non_null(effect(EFFECT_REGISTER, 0, 1));
}

static void test_it_is_compared_again_after_a_pause(void **state)
{
    (void)state;
    compared(OUTCOME_UNREACHABLE);
    assert_null(effect(EFFECT_REGISTER, 0, 1));
    v.pods[1].register_retry_at -= second;
    promoted();
    decide();
    assert_string_equal(plan.reason, "mg-1 is being registered");
    assert_null(effect(EFFECT_REGISTER, 0, 1));
    assert_int_equal(plan.wake_us, v.pods[1].register_retry_at);
    v.now_us = v.pods[1].register_retry_at;
    decide();
    assert_non_null(effect(EFFECT_REGISTER, 0, 1));
}

/* What another main could not do says nothing of this one. */
static void test_it_is_compared_at_once_in_a_new_epoch(void **state)
{
    (void)state;
    begin(EPOCH_SWITCHOVER, 1);
    promoted();
    v.record.from_run[0] = '\0';
    view_role(&v, 1, ROLE_REPLICA, "r1", v.now_us);
    v.pods[1].register_retry_at = v.now_us + second;
    decide();
    assert_non_null(effect(EFFECT_REGISTER, 0, 1));
}

static void test_a_person_hears_of_it(void **state)
{
    (void)state;
    compared(OUTCOME_UNREACHABLE);
    promoted();
    v.pods[1].register_failures = 2;
    decide();
    assert_null(effect(EFFECT_EVENT, -1, -1));
    v.pods[1].register_failures = 3;
    decide();
    assert_string_equal(effect(EFFECT_EVENT, -1, -1)->event, "PairNotCompared");
    view_link_down(&v, 1, FAIL_REFUSED, "gone");
    decide();
    assert_null(effect(EFFECT_EVENT, -1, -1));
}

/* ---- step 7 ---- */

/* The touch was confirmed, S was registered before it and stands. */
static void proven(void)
{
    steady_view(&v);
    begin(EPOCH_REFRESH, -1);
    promoted();
    v.work.s_done = v.work.s_registered = v.work.touched = v.work.touch_clean = true;
    v.work.touched_at = v.now_us;
    (void)str_copy(v.work.s_run, sizeof v.work.s_run, "r1");
    steady_rows(&v, ROW_READY, ROW_READY);
}

static void test_what_proves_s(void **state)
{
    (void)state;
    proven();
    assert_true(epoch_s_proven(&v));
    v.work.s_registered = false;
    assert_false(epoch_s_proven(&v));
    proven();
    v.work.touch_clean = false;
    assert_false(epoch_s_proven(&v));
    proven();
    v.rows_at = v.work.touched_at - 1;
    assert_false(epoch_s_proven(&v));
    proven();
    v.rows[0].pod = 3;
    assert_false(epoch_s_proven(&v));
    proven();
    v.rows[0].mode = MODE_ASYNC;
    assert_false(epoch_s_proven(&v));
    proven();
    v.rows[0].has_data = false;
    assert_false(epoch_s_proven(&v));
    proven();
    (void)str_copy(v.pods[1].run, RUN_SIZE, "r1b");
    assert_false(epoch_s_proven(&v));
}

/* ---- step 8 ---- */

static void test_what_is_recorded_of_s(void **state)
{
    char sync[RUN_SIZE + 40];

    (void)state;
    proven();
    decide();
    assert_string_equal(record_sync_text(&plan.record, sync, sizeof sync), "ready:r1");
    proven();
    v.work.touch_clean = false;
    decide();
    assert_string_equal(record_sync_text(&plan.record, sync, sizeof sync), "unproven:r1");
    proven();
    v.work.s_registered = false;
    decide();
    assert_string_equal(record_sync_text(&plan.record, sync, sizeof sync), "none:refresh");
    (void)str_copy(v.pods[1].refused_run, RUN_SIZE, "r1");
    decide();
    assert_string_equal(record_sync_text(&plan.record, sync, sizeof sync), "none:refused:r1");
    v.record.sync_why = SYNC_WHY_DEGRADED; /* T served alone before, and goes on so */
    decide();
    assert_string_equal(record_sync_text(&plan.record, sync, sizeof sync), "none:degraded");
}

static void test_a_request_is_served_once(void **state)
{
    (void)state;
    ask_for("refresh@1");
    assert_string_equal(plan.record.request, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_who_is_to_be_main_waits_for_no_rebuild, set_up),
        cmocka_unit_test_setup(test_a_refresh_moves_no_main, set_up),
        cmocka_unit_test_setup(test_a_switchover_promotes_nobody_beside_the_old_main, set_up),
        cmocka_unit_test_setup(test_before_x_is_demoted_again_there_is_no_way_back, set_up),
        cmocka_unit_test_setup(test_of_two_that_are_compared_the_way_back_stays_open, set_up),
        cmocka_unit_test_setup(test_who_is_to_be_compared_is_waited_for, set_up),
        cmocka_unit_test_setup(test_who_is_main_already, set_up),
        cmocka_unit_test_setup(test_another_label_of_a_main_is_waited_for, set_up),
        cmocka_unit_test_setup(test_who_joins_said_so_since_the_record_was_written, set_up),
        cmocka_unit_test_setup(test_who_ends_does_not_join, set_up),
        cmocka_unit_test_setup(test_s_is_no_replica_for_long, set_up),
        cmocka_unit_test_setup(test_the_other_is_compared_however_long_it_takes, set_up),
        cmocka_unit_test_setup(test_a_comparison_that_says_nothing_is_none, set_up),
        cmocka_unit_test_setup(test_an_old_main_that_was_restarted_is_not_compared, set_up),
        cmocka_unit_test_setup(test_who_has_more_is_still_there, set_up),
        cmocka_unit_test_setup(test_it_is_compared_again_after_a_pause, set_up),
        cmocka_unit_test_setup(test_it_is_compared_at_once_in_a_new_epoch, set_up),
        cmocka_unit_test_setup(test_a_person_hears_of_it, set_up),
        cmocka_unit_test_setup(test_what_proves_s, set_up),
        cmocka_unit_test_setup(test_what_is_recorded_of_s, set_up),
        cmocka_unit_test_setup(test_a_request_is_served_once, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
