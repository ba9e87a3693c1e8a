/* When the main is to move, and what must be so before that is recorded. */
#include "core/switchover.h"

#include "core/rules.h"
#include "steady.h"

#include "../cmocka_test.h"

static const int64_t ms = 1000, second = 1000 * 1000;
static struct view v;
static struct plan plan;

static void decide(void)
{
    v.leader_until_us = INT64_MAX;
    view_derive(&v);
    rules_decide(&v, &plan);
}

static bool moves(void)
{
    decide();
    return plan_has_write(&plan) && plan.record.transition == EPOCH_SWITCHOVER;
}

static const struct effect *effect(enum effect_kind kind)
{
    for (unsigned i = 0; i < plan.n; i++)
        if (plan.effects[i].kind == kind)
            return &plan.effects[i];
    return NULL;
}

/* ---- a main that is not Ready ---- */

static int set_up(void **state)
{
    (void)state;
    steady_view(&v);
    return 0;
}

static bool is_wanted(void)
{
    char why[WHY_SIZE];

    return switchover_wanted(&v, why);
}

static void test_a_main_that_is_not_ready_for_long(void **state)
{
    (void)state;
    v.target_since = v.now_us - 300 * second;
    v.pods[0].ready = false;
    v.pods[0].unready_at = v.now_us - 10 * second;
    assert_true(is_wanted());
    v.pods[0].unready_at++;
    assert_false(is_wanted());
    v.pods[0].unready_at--;
    v.target_since++;
    assert_false(is_wanted());
    v.target_since--;
    (void)str_copy(v.pods[0].ready_run, RUN_SIZE, "another"); /* it is still starting */
    assert_false(is_wanted());
    (void)str_copy(v.pods[0].ready_run, RUN_SIZE, "r0");
    v.pods[1].ready = false; /* so it is no better off */
    assert_false(is_wanted());
    v.pods[1].ready = true;
    view_link_down(&v, 0, FAIL_TIMEOUT, "silent"); /* then a failover is near */
    assert_false(is_wanted());
}

static void test_a_request_names_the_other(void **state)
{
    (void)state;
    (void)str_copy(v.record.request, NOTE_SIZE, "switchover:1@1");
    assert_true(is_wanted());
    (void)str_copy(v.record.request, NOTE_SIZE, "switchover:0@1");
    assert_false(is_wanted());
}

/* ---- before it is recorded ---- */

/* An operator asks; the gate has cut; a touch was confirmed since, and S is ready. */
static int prepared(void **state)
{
    (void)state;
    steady_view(&v);
    (void)str_copy(v.record.request, NOTE_SIZE, "switchover@1");
    decide();
    v.gate_in_force = plan.gate.state;
    assert_int_equal(v.gate_in_force, GATE_CUT);
    v.gate_settled = true;
    v.now_us += ms;
    decide();
    v.touch_at = v.touch_ok_at = v.now_us;
    v.now_us += ms;
    v.touch_end_at = v.now_us;
    v.now_us += ms;
    steady_rows(&v, ROW_READY, ROW_READY);
    return 0;
}

static void test_all_that_is_needed(void **state)
{
    (void)state;
    assert_true(moves());
    assert_int_equal(plan.record.target, 1);
    assert_string_equal(plan.record.request, "");
}

static void test_the_gateways_have_cut(void **state)
{
    (void)state;
    v.gate_settled = false;
    v.touch_at = v.touch_ok_at = 0;
    assert_false(moves());
    assert_null(effect(EFFECT_TOUCH));
    v.now_us = v.switch_since + second; /* a worker that hangs is waited for no longer */
    assert_false(moves());
    assert_non_null(effect(EFFECT_TOUCH));
}

static void test_sessions_have_had_their_time(void **state)
{
    (void)state;
    v.settings.switchover_drain_us = second;
    assert_false(moves());
    assert_null(effect(EFFECT_TOUCH));
    assert_int_equal(plan.gate.state, GATE_DRAIN);
}

static void test_the_touch_came_after_that(void **state)
{
    (void)state;
    v.touch_ok_at = v.gate_settled_at - 1;
    assert_false(moves());
    assert_non_null(effect(EFFECT_TOUCH));
}

static void test_s_is_ready_after_the_touch(void **state)
{
    (void)state;
    v.rows_at = v.touch_end_at - 1;
    assert_false(moves());
    assert_non_null(effect(EFFECT_ASK_ROWS));
    steady_rows(&v, ROW_REPLICATING, ROW_READY);
    assert_false(moves());
    steady_rows(&v, ROW_READY, ROW_READY);
    v.rows[0].behind = -2;
    assert_false(moves());
}

static void test_the_others_have_passed_the_touch_of_this_epoch(void **state)
{
    (void)state;
    v.work.touch_ts = 9;
    v.rows[1].ts = 8;
    v.rows[1].behind = -2;
    assert_false(moves());
    v.rows[1].ts = 9; /* not its end */
    assert_true(moves());
    v.work.touch_ts = 0; /* it is not known */
    assert_false(moves());
    v.rows[1].behind = 0;
    assert_true(moves());
}

static void test_a_broken_async_replica_blocks_nothing(void **state)
{
    (void)state;
    v.work.touch_ts = 9;
    v.rows[1].ts = 8;
    v.rows[1].status = ROW_DIVERGED;
    assert_true(moves());
    v.rows[1].status = ROW_RECOVERY;
    assert_false(moves());
    v.rows[1].has_data = false;
    assert_true(moves());
    v.rows[1].has_data = true;
    view_link_down(&v, 2, FAIL_TIMEOUT, "silent");
    assert_true(moves());
}

static void test_async_replicas_are_not_waited_for_long(void **state)
{
    (void)state;
    v.work.touch_ts = 9;
    v.rows[1].ts = 8;
    v.now_us = v.gate_settled_at + 2 * second - 1;
    assert_false(moves());
    v.now_us++;
    assert_true(moves());
}

/* ---- one that is given up ---- */

static void test_pauses_after_one_that_was_given_up(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        int64_t pause_us = (i < 6 ? 5LL << i : 5LL << 6) * second;

        v.now_us = v.switch_since + v.settings.switchover_timeout_us - 1;
        decide();
        assert_true(v.switch_since != 0);
        v.now_us++;
        decide();
        assert_int_equal(v.switch_since, 0);
        assert_true(v.switch_retry_at == v.now_us + pause_us);
        v.now_us = v.switch_retry_at - 1;
        (void)str_copy(v.record.request, NOTE_SIZE, i % 2 ? "switchover@1" : "switchover@2");
        decide();
        assert_int_equal(v.switch_since, 0);
        v.now_us++;
        decide();
        assert_true(v.switch_since == v.now_us);
    }
}

/* Nobody closes a gate for what cannot be. */
static void test_no_gate_is_closed_for_one_who_may_not(void **state)
{
    (void)state;
    v.record.sync = SYNC_UNPROVEN;
    decide();
    assert_int_equal(v.switch_since, 0);
    assert_int_equal(plan.gate.state, GATE_OPEN);
}

/* Replicas that were restarted in an adopted main's epoch would be refused by its successor. */
static void test_an_adopted_main_begins_an_epoch_first(void **state)
{
    (void)state;
    steady_view(&v);
    v.record.epoch = 0;
    assert_false(switchover_wants_epoch(&v)); /* nobody asks */
    (void)str_copy(v.record.request, NOTE_SIZE, "stop:1@1");
    assert_false(switchover_wants_epoch(&v));
    (void)str_copy(v.record.request, NOTE_SIZE, "stop:0@1");
    assert_true(switchover_wants_epoch(&v));
    (void)str_copy(v.record.request, NOTE_SIZE, "switchover@1");
    assert_true(switchover_wants_epoch(&v));
    v.record.epoch = 1;
    assert_false(switchover_wants_epoch(&v));
    v.record.epoch = 0;
    v.pods[0].terminating = true; /* it may be gone any moment, and S is not armed in a refresh */
    assert_false(switchover_wants_epoch(&v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_main_that_is_not_ready_for_long, set_up),
        cmocka_unit_test_setup(test_a_request_names_the_other, set_up),
        cmocka_unit_test_setup(test_all_that_is_needed, prepared),
        cmocka_unit_test_setup(test_the_gateways_have_cut, prepared),
        cmocka_unit_test_setup(test_sessions_have_had_their_time, prepared),
        cmocka_unit_test_setup(test_the_touch_came_after_that, prepared),
        cmocka_unit_test_setup(test_s_is_ready_after_the_touch, prepared),
        cmocka_unit_test_setup(test_the_others_have_passed_the_touch_of_this_epoch, prepared),
        cmocka_unit_test_setup(test_a_broken_async_replica_blocks_nothing, prepared),
        cmocka_unit_test_setup(test_async_replicas_are_not_waited_for_long, prepared),
        cmocka_unit_test_setup(test_pauses_after_one_that_was_given_up, prepared),
        cmocka_unit_test_setup(test_no_gate_is_closed_for_one_who_may_not, prepared),
        cmocka_unit_test(test_an_adopted_main_begins_an_epoch_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
