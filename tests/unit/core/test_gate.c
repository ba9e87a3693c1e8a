#include "core/command.h"
#include "core/gate.h"
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

static void expect(enum gate_state wanted, const char *words)
{
    view_derive(&v);
    plan_init(&plan, &v);
    gate_decide(&v, &plan);
    if (plan.gate.state != wanted || !strstr(plan.gate.why, words))
        fail_msg("the gate is %s (%s), wanted %s (%s)", gate_state_name(plan.gate.state),
                 plan.gate.why, gate_state_name(wanted), words);
}

static void test_open_to_the_main(void **state)
{
    (void)state;
    expect(GATE_OPEN, "mg-0 is main");
    assert_int_equal(plan.gate.pod, 0);
    assert_string_equal(plan.gate.run, "r0");
    assert_string_equal(plan.gate.ip, "10.0.0.1");
    v.record.sync = SYNC_UNPROVEN;
    expect(GATE_OPEN, "mg-0 is main");
}

static void test_no_record(void **state)
{
    (void)state;
    view_record(&v, NULL);
    expect(GATE_CUT, "no record");
    assert_int_equal(plan.gate.pod, -1);
    assert_int_equal(plan.read.n, 0);
}

static void test_the_main_itself(void **state)
{
    (void)state;
    view_role(&v, 0, ROLE_REPLICA, "r0", v.now_us);
    expect(GATE_CUT, "mg-0 has role replica");
    view_role(&v, 0, ROLE_MAIN, "r0b", v.now_us);
    expect(GATE_CUT, "mg-0 was restarted");
    view_role(&v, 0, ROLE_MAIN, "r0", v.now_us);
    expect(GATE_HOLD, "the main's list of replicas is not known yet"); /* it was a replica */
    steady_rows(&v, ROW_READY, ROW_READY);
    expect(GATE_OPEN, "");
    v.now_us++;
    view_link_up(&v, 0);
    view_role(&v, 0, ROLE_MAIN, "r0", v.now_us);
    expect(GATE_HOLD, "the main's list of replicas is not known yet"); /* since the link is up */
    v.record.sync = SYNC_NONE;
    v.record.sync_why = SYNC_WHY_FAILOVER;
    expect(GATE_OPEN, ""); /* where no S counts it tells nothing */
    v.now_us++;
    view_link_up(&v, 0); /* the role was seen before */
    expect(GATE_CUT, "mg-0 has role unknown");
    view_link_down(&v, 0, FAIL_REFUSED, "reset by peer");
    expect(GATE_CUT, "no connection to mg-0 (reset by peer)");
}

/* A command of ours may be why it is silent: nothing is cut, and nothing flows to whoever is there.
 */
static void test_held_while_the_main_is_silent(void **state)
{
    (void)state;
    v.now_us += 5;
    view_asked(&v, 0);
    v.now_us += v.settings.probe_timeout_us / 2 - 1;
    view_asked(&v, 0); /* the first one counts */
    expect(GATE_OPEN, "");
    assert_int_equal(plan.wake_us, v.now_us + 1);
    v.now_us++;
    expect(GATE_DRAIN, "the main is slow to answer: no new sessions");
    v.now_us += v.settings.probe_timeout_us / 2 - 1;
    expect(GATE_DRAIN, "the main is slow to answer: no new sessions");
    assert_int_equal(plan.wake_us, v.now_us + 1);
    v.now_us++;
    expect(GATE_HOLD, "the main does not answer");
    view_answered(&v, 0);
    expect(GATE_OPEN, "");
    view_asked(&v, 0);
    view_asked(&v, 1); /* another pod's silence is another matter */
    v.now_us += v.settings.probe_timeout_us;
    view_answered(&v, 0);
    expect(GATE_OPEN, "");
}

/* After a stop of this process all that it knows is old: the main is asked again first. */
static void test_held_until_the_main_is_asked_again(void **state)
{
    int64_t asked_us;

    (void)state;
    view_role(&v, 0, ROLE_MAIN, "r0", v.now_us);
    asked_us = ++v.now_us; /* before the stop */
    expect(GATE_OPEN, "");
    v.now_us += 5 * 1000 * 1000;
    view_stalled(&v);
    expect(GATE_HOLD, "mg-0 may have changed since it was asked: it is asked again");
    view_role(&v, 0, ROLE_MAIN, "r0", asked_us);
    expect(GATE_HOLD, "mg-0 may have changed since it was asked: it is asked again");
    view_role(&v, 0, ROLE_MAIN, "r0", v.now_us);
    expect(GATE_OPEN, "");
}

static void test_every_none(void **state)
{
    (void)state;
    v.record.sync = SYNC_NONE;
    for (int why = SYNC_WHY_INITIAL; why <= SYNC_WHY_ADOPTED; why++) {
        v.record.sync_why = (enum sync_why)why;
        v.settings.durability = DURABILITY_REQUIRED;
        if (record_alone_by_decision(&v.record, v.wall_us))
            expect(GATE_OPEN, "");
        else
            expect(GATE_HOLD, "no SYNC replica takes part (none:");
        v.settings.durability = DURABILITY_PREFERRED;
        expect(GATE_OPEN, "");
    }
}

static void test_every_transition(void **state)
{
    (void)state;
    v.record.sync = SYNC_NONE;
    v.record.sync_why = SYNC_WHY_FAILOVER;
    v.record.transition = EPOCH_FAILOVER;
    expect(GATE_CUT, "a failover is under way");
    v.record.transition = EPOCH_SWITCHOVER;
    expect(GATE_CUT, "a switchover is under way");
    v.record.transition = EPOCH_INITIAL;
    expect(GATE_CUT, "a initial is under way");
    v.record.transition = EPOCH_REFRESH;
    expect(GATE_HOLD, "a new epoch begins on the same main");
    view_role(&v, 0, ROLE_REPLICA, "r0", v.now_us); /* in the middle of it */
    expect(GATE_HOLD, "a new epoch");
    view_role(&v, 0, ROLE_MAIN, "r0b", v.now_us);
    expect(GATE_CUT, "");
}

/* Step 7 opens the gates of the leader that has done it, and nobody else's. */
static void test_the_leader_s_own_touch(void **state)
{
    (void)state;
    v.record.transition = EPOCH_REFRESH;
    v.record.sync = SYNC_NONE;
    v.record.sync_why = SYNC_WHY_REFRESH;
    v.work.promoted = v.work.touched = true;
    expect(GATE_HOLD, "no SYNC replica takes part");
    v.work.s_registered = true;
    expect(GATE_OPEN, "");
    v.work.promoted = false;
    expect(GATE_HOLD, "a new epoch");
    v.work.promoted = true;
    v.work.epoch = 2;
    expect(GATE_HOLD, "a new epoch");
    v.work.epoch = 3;
    v.leader_until_us = v.now_us; /* it is not certain any more */
    expect(GATE_HOLD, "a new epoch");
}

static void test_held_while_s_is_lost(void **state)
{
    int64_t until_us = v.now_us + v.settings.hold_timeout_us;

    (void)state;
    view_link_down(&v, 1, FAIL_REFUSED, "reset");
    expect(GATE_HOLD, "the SYNC replica was lost: waiting for it");
    assert_true(plan.wake_us == until_us);
    v.now_us = until_us;
    expect(GATE_HOLD, "not recorded yet");
    v.record.sync = SYNC_UNPROVEN;
    expect(GATE_OPEN, "");
}

static void test_what_is_a_loss_of_s(void **state)
{
    (void)state;
    view_link_down(&v, 1, FAIL_TIMEOUT, "silence"); /* of our own connection: T decides */
    expect(GATE_OPEN, "");
    steady_rows(&v, ROW_REPLICATING, ROW_INVALID);
    expect(GATE_OPEN, "");
    steady_rows(&v, ROW_RECOVERY, ROW_READY);
    expect(GATE_HOLD, "was lost");
    steady_view(&v);
    view_role(&v, 1, ROLE_REPLICA, "r1b", v.now_us);
    expect(GATE_HOLD, "was lost");
    steady_view(&v);
    view_link_none(&v, 1);
    view_kube_pod(&v, 1, NULL);
    expect(GATE_HOLD, "was lost");
}

static void test_a_loss_ends_when_all_is_well(void **state)
{
    (void)state;
    view_link_down(&v, 1, FAIL_REFUSED, "reset");
    expect(GATE_HOLD, "was lost");
    v.now_us++;
    view_link_up(&v, 1); /* who it is is not known yet */
    expect(GATE_HOLD, "was lost");
    view_role(&v, 1, ROLE_REPLICA, "r1", v.now_us);
    expect(GATE_OPEN, "");
}

/* ---- readers ---- */

static void expect_reader_at(int line, int pod)
{
    view_derive(&v);
    plan_init(&plan, &v);
    gate_decide(&v, &plan);
    if (pod < 0 ? plan.read.n != 0 : plan.read.n != 1 || plan.read.pods[0] != pod)
        fail_msg("line %d: %u readers, the first is %d, wanted %d", line, plan.read.n,
                 plan.read.pods[0], pod);
}

#define expect_reader(pod) expect_reader_at(__LINE__, pod)

static void test_readers_in_order(void **state)
{
    static const int64_t grace_us = 5 * 1000 * 1000;

    (void)state;
    expect_reader(2);
    v.pods[2].terminating = true;
    expect_reader(1);
    v.record.transition = EPOCH_FAILOVER; /* S may be the one that is to be promoted */
    expect_reader(-1);
    v.record.transition = EPOCH_NONE;
    view_link_down(&v, 1, FAIL_TIMEOUT, "silence");
    expect_reader(0);
    v.settings.read_fallback_main = false;
    expect_reader(-1);
    v.pods[2].terminating = false;
    steady_rows(&v, ROW_READY, ROW_INVALID);
    v.rows[1].behind = -1001;
    expect_reader(2); /* it was well a moment ago */
    v.now_us += grace_us;
    expect_reader(-1);
    steady_rows(&v, ROW_READY, ROW_RECOVERY);
    expect_reader(2); /* close enough behind */
    v.now_us += grace_us;
    v.settings.read_max_lag = 10;
    steady_rows(&v, ROW_READY, ROW_RECOVERY);
    v.rows[1].behind = -11;
    expect_reader(-1);
}

/* A follower asked T in the middle of a refresh, and hears of its end first. */
static void test_an_answer_from_the_middle_of_a_refresh_cuts_nobody(void **state)
{
    (void)state;
    view_leadership(&v, false, 0);
    view_role(&v, 0, ROLE_REPLICA, "r0", v.now_us);
    v.roles_since = v.now_us + 1;
    v.now_us += 2;
    expect(GATE_HOLD, "mg-0 may have changed since it was asked");
    view_role(&v, 0, ROLE_REPLICA, "r0", v.now_us);
    expect(GATE_CUT, "mg-0 has role replica");
    v.roles_since = v.now_us + 1;
    (void)str_copy(v.pods[0].main_in, RUN_SIZE, "another"); /* it never was, in this run */
    expect(GATE_CUT, "mg-0 has role replica");
}

/* Its process may be another one since the last answer: nothing passes until the next. */
static void test_signs_of_another_process_hold(void **state)
{
    (void)state;
    v.now_us += 1;
    view_deserted(&v, 0);
    expect(GATE_HOLD, "mg-0 may have changed since it was asked");
    view_role(&v, 0, ROLE_MAIN, "r0", v.now_us - 1); /* asked before that */
    expect(GATE_HOLD, "mg-0 may have changed since it was asked");
    view_role(&v, 0, ROLE_MAIN, "r0", v.now_us);
    expect(GATE_OPEN, "mg-0 is main");
    v.now_us += 1;
    view_kube_pod(
        &v, 0, &(struct pod_kube){.ready = true, .uid = "r0", .ip = "10.0.0.1", .instances = "c2"});
    expect(GATE_HOLD, "mg-0 may have changed since it was asked");
    assert_false(view_role(&v, 0, ROLE_MAIN, "r0b", v.now_us));
    expect(GATE_CUT, "mg-0 has role unknown");
    view_role(&v, 0, ROLE_MAIN, "r0", v.now_us);
    expect(GATE_OPEN, "mg-0 is main");
    v.now_us += 1;
    view_link_down(&v, 0, FAIL_REFUSED, "gone");
    view_link_up(&v, 0);
    expect(GATE_CUT, "mg-0 has role unknown"); /* it was away */
}

/* Our own command ended, and what it did is not seen yet. */
static void test_after_our_own_command_it_holds(void **state)
{
    const struct effect e = {.kind = EFFECT_PROMOTE, .pod = 0, .target = -1};

    (void)state;
    v.now_us += 1;
    command_started(&v, &e);
    v.now_us += 1;
    command_done(&v, 0, OUTCOME_FAILED);
    expect(GATE_HOLD, "mg-0 may have changed since it was asked");
    view_role(&v, 0, ROLE_MAIN, "r0", v.now_us);
    expect(GATE_OPEN, "mg-0 is main");
}

static bool reads(int pod)
{
    view_derive(&v);
    plan_init(&plan, &v);
    gate_decide(&v, &plan);
    for (int i = 0; i < (int)plan.read.n; i++)
        if (plan.read.pods[i] == pod)
            return true;
    return false;
}

static void test_who_is_healthy_enough_for_readers(void **state)
{
    static const int64_t second = 1000 * 1000;

    (void)state;
    assert_true(reads(2));
    v.now_us += 4 * second;
    steady_rows(&v, ROW_READY, ROW_DIVERGED);
    assert_true(reads(2)); /* a moment ago it was healthy */
    v.now_us += second;
    steady_rows(&v, ROW_READY, ROW_DIVERGED);
    assert_false(reads(2));
    steady_rows(&v, ROW_READY, ROW_RECOVERY);
    v.rows[1].behind = -1001;
    assert_false(reads(2));
    v.rows[1].behind = -1000;
    assert_true(reads(2));
    view_role(&v, 2, ROLE_MAIN, "r2", v.now_us);
    assert_false(reads(2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_open_to_the_main, set_up),
        cmocka_unit_test_setup(test_no_record, set_up),
        cmocka_unit_test_setup(test_the_main_itself, set_up),
        cmocka_unit_test_setup(test_held_while_the_main_is_silent, set_up),
        cmocka_unit_test_setup(test_held_until_the_main_is_asked_again, set_up),
        cmocka_unit_test_setup(test_every_none, set_up),
        cmocka_unit_test_setup(test_every_transition, set_up),
        cmocka_unit_test_setup(test_the_leader_s_own_touch, set_up),
        cmocka_unit_test_setup(test_held_while_s_is_lost, set_up),
        cmocka_unit_test_setup(test_what_is_a_loss_of_s, set_up),
        cmocka_unit_test_setup(test_a_loss_ends_when_all_is_well, set_up),
        cmocka_unit_test_setup(test_readers_in_order, set_up),
        cmocka_unit_test_setup(test_an_answer_from_the_middle_of_a_refresh_cuts_nobody, set_up),
        cmocka_unit_test_setup(test_signs_of_another_process_hold, set_up),
        cmocka_unit_test_setup(test_after_our_own_command_it_holds, set_up),
        cmocka_unit_test_setup(test_who_is_healthy_enough_for_readers, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
