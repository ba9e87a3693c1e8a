#include "core/command.h"
#include "steady.h"

#include "../cmocka_test.h"

static const int64_t ms = 1000, second = 1000 * 1000;
static struct view v;
static char why[WHY_SIZE];

static int set_up(void **state)
{
    (void)state;
    steady_view(&v);
    return 0;
}

/* ---- what is too old to count ---- */

static void test_a_role_is_as_old_as_its_question(void **state)
{
    const struct effect e = {.kind = EFFECT_DEMOTE, .pod = 1, .target = -1};
    int64_t asked_us;

    (void)state;
    assert_int_equal(pod_role(&v.pods[1]), ROLE_REPLICA);
    asked_us = v.now_us + ms;
    v.now_us = asked_us + ms;
    command_started(&v, &e);
    command_done(&v, 1, OUTCOME_FAILED); /* it may have changed, or not */
    assert_int_equal(pod_role(&v.pods[1]), ROLE_UNKNOWN);
    view_role(&v, 1, ROLE_MAIN, "r1", asked_us);
    assert_int_equal(pod_role(&v.pods[1]), ROLE_UNKNOWN);
    view_role(&v, 1, ROLE_MAIN, "r1", v.now_us);
    assert_int_equal(pod_role(&v.pods[1]), ROLE_MAIN);
    v.now_us += ms;
    view_link_down(&v, 1, FAIL_REFUSED, "reset");
    assert_int_equal(pod_role(&v.pods[1]), ROLE_UNKNOWN);
    view_link_up(&v, 1);
    assert_int_equal(pod_role(&v.pods[1]), ROLE_UNKNOWN);
    view_role(&v, 1, ROLE_MAIN, "r1", v.now_us);
    assert_int_equal(pod_role(&v.pods[1]), ROLE_MAIN);
}

static void test_rows_are_of_one_process(void **state)
{
    (void)state;
    assert_non_null(view_row(&v, 1));
    assert_null(view_row(&v, 3));
    view_role(&v, 0, ROLE_MAIN, "r0b", v.now_us);
    assert_null(view_row(&v, 1));
    view_role(&v, 0, ROLE_MAIN, "r0", v.now_us);
    assert_non_null(view_row(&v, 1));
    v.record.target = 1;
    assert_null(view_row(&v, 2));
    v.record.target = 0;
    view_link_down(&v, 0, FAIL_TIMEOUT, "silence");
    assert_null(view_row(&v, 1));
}

static void test_rows_from_before_our_change_do_not_count(void **state)
{
    const struct effect e = {.kind = EFFECT_DROP, .pod = 0, .target = 2};

    (void)state;
    v.now_us += ms;
    command_started(&v, &e);
    v.now_us += ms;
    command_done(&v, 0, OUTCOME_OK);
    assert_false(view_rows_fresh(&v, 0));
    view_rows(&v, 0, "r0", v.rows, v.rows_n, v.now_us - 1); /* asked before, answered after */
    assert_false(view_rows_fresh(&v, 0));
    view_rows(&v, 0, "r0", v.rows, v.rows_n, v.now_us);
    assert_true(view_rows_fresh(&v, 0));
    assert_true(view_rows_fresh(&v, v.now_us));
    assert_false(view_rows_fresh(&v, v.now_us + 1));
}

static void test_a_new_process_is_asked_anew(void **state)
{
    (void)state;
    v.pods[1].register_retry_at = v.now_us + second;
    view_role(&v, 1, ROLE_REPLICA, "r1", v.now_us);
    assert_true(v.pods[1].storage_at > 0);
    view_role(&v, 1, ROLE_REPLICA, "r1b", v.now_us);
    assert_int_equal(v.pods[1].storage_at, 0);
    assert_string_equal(v.pods[1].database, "");
    assert_string_equal(v.pods[1].version, "");
    assert_int_equal(v.pods[1].register_retry_at, 0);
}

static void test_another_t_refuses_anew(void **state)
{
    struct record r = v.record;

    (void)state;
    (void)str_copy(v.pods[2].refused_run, RUN_SIZE, "r2");
    view_role(&v, 1, ROLE_REPLICA, "r1b", v.now_us);
    view_record(&v, &r);
    assert_string_equal(v.pods[2].refused_run, "r2");
    view_role(&v, 0, ROLE_MAIN, "r0b", v.now_us);
    assert_string_equal(v.pods[2].refused_run, "");
    (void)str_copy(v.pods[2].refused_run, RUN_SIZE, "r2");
    r.target = 1;
    view_record(&v, &r);
    assert_string_equal(v.pods[2].refused_run, "");
}

static void test_rows_name_pods(void **state)
{
    struct row rows[4] = {{.name = "my_graph_3"},
                          {.name = "my_graph_16"},
                          {.name = "my-graph-3"},
                          {.name = "my_graph_3x"}};

    (void)state;
    (void)str_copy(v.settings.name, sizeof v.settings.name, "my-graph");
    view_rows(&v, 0, "r0", rows, 4, v.now_us);
    assert_int_equal(v.rows[0].pod, 3);
    assert_int_equal(v.rows[1].pod, -1);
    assert_int_equal(v.rows[2].pod, -1);
    assert_int_equal(v.rows[3].pod, -1);
}

/* ---- who is lost ---- */

static void test_three_refusals_after_a_break(void **state)
{
    (void)state;
    assert_false(view_lost(&v, 0, why));
    view_link_down(&v, 0, FAIL_REFUSED, "connection reset");
    assert_false(view_lost(&v, 0, why));
    view_link_down(&v, 0, FAIL_REFUSED, "connection refused");
    view_link_down(&v, 0, FAIL_REFUSED, "connection refused");
    assert_false(view_lost(&v, 0, why)); /* the break itself is no refused connection */
    view_link_down(&v, 0, FAIL_REFUSED, "connection refused");
    assert_true(view_lost(&v, 0, why));
    assert_non_null(strstr(why, "3 connections in a row refused"));
    view_link_down(&v, 0, FAIL_REFUSED, "connection refused");
    assert_true(view_lost(&v, 0, why)); /* the same words: an Event of them is posted once */
    assert_non_null(strstr(why, "3 connections in a row refused"));
    view_link_up(&v, 0);
    assert_false(view_lost(&v, 0, why));
}

static void test_silence(void **state)
{
    (void)state;
    view_link_down(&v, 0, FAIL_TIMEOUT, "silence");
    view_link_down(&v, 0, FAIL_TIMEOUT, "silence");
    assert_false(view_lost(&v, 0, why));
    view_link_down(&v, 0, FAIL_REFUSED, "refused"); /* in a row, each kind for itself */
    view_link_down(&v, 0, FAIL_TIMEOUT, "silence");
    view_link_down(&v, 0, FAIL_UNREACHABLE, "no route");
    assert_false(view_lost(&v, 0, why));
    view_link_down(&v, 0, FAIL_TIMEOUT, "silence");
    assert_true(view_lost(&v, 0, why));
    assert_non_null(strstr(why, "no answer to 3 probes in a row: it hangs"));
    view_link_down(&v, 0, FAIL_TIMEOUT, "silence");
    assert_true(view_lost(&v, 0, why));
    assert_non_null(strstr(why, "no answer to 3 probes in a row: it hangs"));
}

/* Its Bolt server takes connections, and no question is ever answered. */
static void test_silence_behind_a_log_on(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        view_link_down(&v, 0, FAIL_TIMEOUT, "silence");
        view_link_up(&v, 0);
    }
    view_role(&v, 0, ROLE_MAIN, "r0", v.now_us); /* an answer after all */
    for (int i = 0; i < 2; i++) {
        view_link_down(&v, 0, FAIL_TIMEOUT, "silence");
        assert_false(view_lost(&v, 0, why));
        view_link_up(&v, 0);
        assert_false(view_lost(&v, 0, why));
    }
    view_link_down(&v, 0, FAIL_TIMEOUT, "silence");
    assert_true(view_lost(&v, 0, why));
    assert_non_null(strstr(why, "it hangs"));
}

static void test_a_pod_that_does_not_exist(void **state)
{
    (void)state;
    view_kube_pod(&v, 0, NULL);
    assert_false(view_lost(&v, 0, why)); /* its process answers: it serves */
    view_link_none(&v, 0);
    assert_true(view_lost(&v, 0, why));
    v.pods_known = false;
    assert_false(view_lost(&v, 0, why));
}

/* ---- the record and leadership ---- */

static void test_a_new_epoch_forgets_what_was_done_in_the_last(void **state)
{
    struct record r = v.record;

    (void)state;
    v.work.promoted = v.work.touched = true;
    view_record(&v, &r);
    assert_true(v.work.promoted);
    r.epoch++;
    r.transition = EPOCH_REFRESH;
    v.now_us++;
    view_record(&v, &r);
    assert_false(v.work.promoted);
    assert_int_equal(v.work.epoch, 4);
    assert_true(v.work.recorded_at == v.now_us);
}

static void test_leading_again_forgets_too(void **state)
{
    (void)state;
    v.work.promoted = true;
    view_leadership(&v, true, v.now_us + second); /* renewed */
    assert_true(v.work.promoted);
    assert_true(view_leading(&v));
    v.now_us += second;
    assert_false(view_leading(&v));
    view_leadership(&v, false, 0);
    view_leadership(&v, true, v.now_us + second);
    assert_false(v.work.promoted);
}

static void test_a_broken_record(void **state)
{
    (void)state;
    view_record_broken(&v, "epoch is 'x'");
    assert_true(v.record_broken);
    assert_string_equal(v.record_why, "epoch is 'x'");
    view_record(&v, &v.record);
    assert_false(v.record_broken);
}

static void finish(enum sync_state sync, enum sync_why why_none, bool tried)
{
    struct record r = v.record;

    r.epoch++;
    r.transition = EPOCH_REFRESH;
    view_record(&v, &r);
    v.work.s_done = tried;
    r.transition = EPOCH_NONE;
    r.sync = sync;
    r.sync_why = why_none;
    view_record(&v, &r);
}

static void test_refreshes_that_fail_are_rarer_and_rarer(void **state)
{
    static const int64_t seconds[] = {5, 10, 20, 40, 80, 160, 300, 300};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(seconds); i++) {
        finish(SYNC_UNPROVEN, SYNC_WHY_INITIAL, true);
        assert_true(v.refresh_retry_at == v.now_us + seconds[i] * second);
    }
    finish(SYNC_READY, SYNC_WHY_INITIAL, true);
    assert_int_equal(v.refresh_retry_at, 0);
    finish(SYNC_NONE, SYNC_WHY_REFRESH, false); /* S was not there: nothing failed */
    assert_int_equal(v.refresh_retry_at, 0);
    finish(SYNC_NONE, SYNC_WHY_REFRESH, true);
    assert_true(v.refresh_retry_at == v.now_us + 5 * second);
}

static void test_forming_is_tried_again_sooner(void **state)
{
    static const int64_t halves[] = {1, 2, 4, 8, 16, 32, 60, 60};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(halves); i++) {
        finish(SYNC_NONE, SYNC_WHY_INITIAL, false);
        assert_true(v.refresh_retry_at == v.now_us + halves[i] * second / 2);
    }
}

/* ---- what follows ---- */

static void test_doubt(void **state)
{
    (void)state;
    steady_rows(&v, ROW_REPLICATING, ROW_INVALID);
    view_derive(&v);
    assert_false(v.doubt);
    steady_rows(&v, ROW_RECOVERY, ROW_READY);
    view_derive(&v);
    assert_true(v.doubt);
    v.record.sync = SYNC_UNPROVEN;
    view_derive(&v);
    assert_false(v.doubt); /* it is recorded */
}

/* A T that was restarted has not reached S yet: that says nothing. That S is behind does. */
static void test_doubt_after_a_restart_of_t(void **state)
{
    (void)state;
    view_role(&v, 0, ROLE_MAIN, "r0b", v.now_us);
    steady_rows(&v, ROW_INVALID, ROW_READY);
    v.rows[0].ts = 0;
    v.rows[0].behind = -10;
    view_derive(&v);
    assert_false(v.doubt);
    v.rows[0].ts = 8;
    v.rows[0].behind = -2;
    view_derive(&v);
    assert_true(v.doubt);
}

static void test_the_sync_mode(void **state)
{
    (void)state;
    assert_int_equal(view_sync_mode(&v), MODE_STRICT_SYNC);
    v.pods[1].can.strict_sync = false; /* one that is older decides for both */
    assert_int_equal(view_sync_mode(&v), MODE_SYNC);
    v.settings.replication_mode = REPLICATION_STRICT_SYNC;
    assert_int_equal(view_sync_mode(&v), MODE_STRICT_SYNC);
    v.settings.replication_mode = REPLICATION_SYNC;
    v.pods[1].can.strict_sync = true;
    assert_int_equal(view_sync_mode(&v), MODE_SYNC);
    v.pods[0].can.sync_fails = false; /* it acknowledges what nobody else has */
    assert_int_equal(view_sync_mode(&v), MODE_STRICT_SYNC);
}

static void test_a_mode_that_does_not_fit(void **state)
{

    (void)state;
    assert_true(view_mode_fits(&v, why));
    v.pods[1].can.sync_fails = false;
    assert_true(view_mode_fits(&v, why)); /* of no matter */
    v.settings.replication_mode = REPLICATION_SYNC;
    assert_false(view_mode_fits(&v, why));
    assert_non_null(strstr(why, "STRICT_SYNC takes its place"));
    v.settings.replication_mode = REPLICATION_STRICT_SYNC;
    assert_true(view_mode_fits(&v, why));
    v.pods[0].can.strict_sync = false;
    assert_false(view_mode_fits(&v, why));
    assert_non_null(strstr(why, "does not know it"));
    v.pods[0].version[0] = '\0'; /* not known yet */
    assert_true(view_mode_fits(&v, why));
}

static void test_last_durable_timestamp(void **state)
{
    int64_t ldt = 0;

    (void)state;
    v.rows[0].has_data = false;
    v.rows[1].ts = 7;
    v.rows[1].behind = -4;
    assert_true(view_ldt(&v, &ldt));
    assert_int_equal(ldt, 11);
    v.rows[1].has_data = false;
    assert_false(view_ldt(&v, &ldt));
}

static void test_a_count_is_as_old_as_its_question(void **state)
{
    (void)state;
    v.now_us += 5 * second;
    view_storage(&v, 1, 5, 0, "db", v.now_us - second);
    assert_true(v.pods[1].storage_at == v.now_us - second);
}

static void test_refusals_count_in_a_row(void **state)
{
    (void)state;
    view_link_down(&v, 0, FAIL_REFUSED, "reset");
    view_link_down(&v, 0, FAIL_REFUSED, "refused");
    view_link_down(&v, 0, FAIL_REFUSED, "refused");
    view_link_down(&v, 0, FAIL_TIMEOUT, "silent");
    view_link_down(&v, 0, FAIL_REFUSED, "refused");
    assert_false(view_lost(&v, 0, why));
    view_link_down(&v, 0, FAIL_REFUSED, "refused");
    view_link_down(&v, 0, FAIL_REFUSED, "refused");
    assert_true(view_lost(&v, 0, why));
}

/* It may have been done, and has dropped the list then. */
static void test_rows_from_before_a_demotion_that_was_not_answered(void **state)
{
    const struct effect e = {.kind = EFFECT_DEMOTE, .pod = 0, .target = -1};

    (void)state;
    assert_non_null(view_row(&v, 1));
    command_started(&v, &e);
    v.now_us += ms;
    command_done(&v, 0, OUTCOME_FAILED);
    view_role(&v, 0, ROLE_MAIN, "r0", v.now_us);
    assert_null(view_row(&v, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_mode_that_does_not_fit, set_up),
        cmocka_unit_test_setup(test_a_role_is_as_old_as_its_question, set_up),
        cmocka_unit_test_setup(test_rows_are_of_one_process, set_up),
        cmocka_unit_test_setup(test_rows_from_before_our_change_do_not_count, set_up),
        cmocka_unit_test_setup(test_a_new_process_is_asked_anew, set_up),
        cmocka_unit_test_setup(test_another_t_refuses_anew, set_up),
        cmocka_unit_test_setup(test_rows_name_pods, set_up),
        cmocka_unit_test_setup(test_three_refusals_after_a_break, set_up),
        cmocka_unit_test_setup(test_silence, set_up),
        cmocka_unit_test_setup(test_silence_behind_a_log_on, set_up),
        cmocka_unit_test_setup(test_a_pod_that_does_not_exist, set_up),
        cmocka_unit_test_setup(test_a_new_epoch_forgets_what_was_done_in_the_last, set_up),
        cmocka_unit_test_setup(test_leading_again_forgets_too, set_up),
        cmocka_unit_test_setup(test_a_broken_record, set_up),
        cmocka_unit_test_setup(test_refreshes_that_fail_are_rarer_and_rarer, set_up),
        cmocka_unit_test_setup(test_forming_is_tried_again_sooner, set_up),
        cmocka_unit_test_setup(test_doubt, set_up),
        cmocka_unit_test_setup(test_doubt_after_a_restart_of_t, set_up),
        cmocka_unit_test_setup(test_the_sync_mode, set_up),
        cmocka_unit_test_setup(test_last_durable_timestamp, set_up),
        cmocka_unit_test_setup(test_a_count_is_as_old_as_its_question, set_up),
        cmocka_unit_test_setup(test_refusals_count_in_a_row, set_up),
        cmocka_unit_test_setup(test_rows_from_before_a_demotion_that_was_not_answered, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
