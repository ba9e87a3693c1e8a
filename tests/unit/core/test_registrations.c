#include "core/command.h"
#include "core/registrations.h"
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

static void decide(void)
{
    view_derive(&v);
    plan_init(&plan, &v);
    registrations_keep_sync(&v, &plan);
    registrations_keep_proof(&v, &plan);
    registrations_keep_rows(&v, &plan);
}

/* The only effect, questions aside. */
static const struct effect *only(enum effect_kind kind)
{
    const struct effect *found = NULL;

    decide();
    for (unsigned i = 0; i < plan.n; i++) {
        const struct effect *e = &plan.effects[i];

        if (e->kind == EFFECT_ASK_ROLE || e->kind == EFFECT_ASK_ROWS)
            continue;
        if (found || e->kind != kind)
            fail_msg("%s (%s), wanted %s alone", effect_kind_name(e->kind), e->why,
                     effect_kind_name(kind));
        found = e;
    }
    if (!found && kind != EFFECT_NONE)
        fail_msg("no %s", effect_kind_name(kind));
    return found;
}

static void none(void)
{
    (void)only(EFFECT_NONE);
}

/* Time goes on; all is seen again as it was. */
static void later(int64_t us, enum row_status s, enum row_status a)
{
    v.now_us += us;
    for (int i = 0; i < 3; i++)
        view_role(&v, i, v.pods[i].role, v.pods[i].run, v.now_us);
    steady_rows(&v, s, a);
}

static void touch(enum outcome outcome)
{
    const struct effect e = {.kind = EFFECT_TOUCH, .pod = 0, .target = -1};

    command_started(&v, &e);
    v.now_us += 3000;
    command_done(&v, 0, outcome);
}

/* ---- sync ---- */

static void expect_sync(const char *text)
{
    char sync[RUN_SIZE + 40];

    (void)only(EFFECT_WRITE_RECORD);
    assert_string_equal(record_sync_text(&plan.record, sync, sizeof sync), text);
}

static void test_meddled_rows(void **state)
{
    (void)state;
    steady_rows(&v, ROW_READY, ROW_READY);
    v.rows[0].mode = MODE_ASYNC;
    expect_sync("none:dropped");
    steady_rows(&v, ROW_READY, ROW_READY);
    v.rows[0].has_data = false;
    decide();
    assert_string_equal(record_sync_text(&plan.record, (char[64]){0}, 64), "none:dropped");
    steady_rows(&v, ROW_READY, ROW_READY);
    (void)str_copy(v.rows[0].address, sizeof v.rows[0].address, "10.9.9.9:10000");
    expect_sync("none:dropped");
    view_link_down(&v, 1, FAIL_TIMEOUT, "silence"); /* who runs there now is not known */
    none();
    steady_view(&v);
    v.rows_n = 0;
    decide();
    assert_string_equal(record_sync_text(&plan.record, (char[64]){0}, 64), "none:dropped");
}

static void test_a_row_of_another_process_says_nothing(void **state)
{
    (void)state;
    v.rows_n = 1;
    v.rows[0].mode = MODE_ASYNC;
    view_role(&v, 1, ROLE_REPLICA, "r1b", v.now_us);
    decide();
    assert_false(plan_has_write(&plan)); /* a refresh is due, the sync is over by itself */
}

static void test_unproven_and_proven_again(void **state)
{
    (void)state;
    touch(OUTCOME_OK);
    later(second, ROW_INVALID, ROW_READY);
    expect_sync("unproven:r1");
    view_record(&v, &plan.record);
    none(); /* not while it is invalid */
    later(second, ROW_READY, ROW_READY);
    (void)only(EFFECT_TOUCH); /* the touch before the doubt proves nothing */
    touch(OUTCOME_OK);
    none(); /* the row's answer must be younger than the touch */
    later(100 * 1000, ROW_READY, ROW_READY);
    expect_sync("ready:r1");
}

static void test_a_touch_that_is_not_confirmed_proves_nothing(void **state)
{
    (void)state;
    v.record.sync = SYNC_UNPROVEN;
    later(second, ROW_READY, ROW_READY);
    (void)only(EFFECT_TOUCH);
    touch(OUTCOME_NOT_CONFIRMED);
    later(100 * 1000, ROW_READY, ROW_READY);
    none();
    assert_true(plan.wake_us <= v.touch_at + v.settings.proof_interval_us);
    later(second, ROW_READY, ROW_READY);
    (void)only(EFFECT_TOUCH);
}

static void test_not_proven_without_a_word_of_s_itself(void **state)
{
    (void)state;
    v.record.sync = SYNC_UNPROVEN;
    later(second, ROW_READY, ROW_READY);
    decide();
    touch(OUTCOME_OK);
    later(100 * 1000, ROW_READY, ROW_READY);
    view_link_down(&v, 1, FAIL_TIMEOUT, "silence");
    none();
    view_link_up(&v, 1);
    view_role(&v, 1, ROLE_REPLICA, "r1b", v.now_us);
    none(); /* another process */
    view_role(&v, 1, ROLE_REPLICA, "r1", v.now_us);
    expect_sync("ready:r1");
}

static void test_an_aborted_touch_is_a_doubt(void **state)
{
    (void)state;
    touch(OUTCOME_ABORTED);
    later(1000, ROW_READY, ROW_READY);
    expect_sync("unproven:r1");
}

static void test_touches_only_after_writes(void **state)
{
    (void)state;
    touch(OUTCOME_OK); /* the rows said 10: it leaves 12 */
    later(2 * second, ROW_READY, ROW_READY);
    v.rows[0].ts = v.rows[1].ts = 12;
    none();
    v.rows[0].ts = v.rows[1].ts = 14;
    (void)only(EFFECT_TOUCH);
    v.settings.proof_interval_us = 0;
    none();
    v.settings.proof_interval_us = second;
    v.rows[0].mode = MODE_SYNC; /* confirms each write by itself */
    none();
}

/* ---- rows ---- */

static void test_all_is_well(void **state)
{
    (void)state;
    none();
}

static void test_an_a_without_a_row(void **state)
{
    const struct effect *e;

    (void)state;
    v.rows_n = 1;
    e = only(EFFECT_REGISTER);
    assert_int_equal(e->pod, 0);
    assert_int_equal(e->target, 2);
    assert_int_equal(e->mode, MODE_ASYNC);
    assert_string_equal(e->address, "10.0.0.3:10000");
    (void)str_copy(v.settings.domain, sizeof v.settings.domain, "mg.ns.svc.cluster.local");
    (void)str_copy(v.rows[0].address, sizeof v.rows[0].address,
                   "mg-1.mg.ns.svc.cluster.local:10000");
    assert_string_equal(only(EFFECT_REGISTER)->address, "mg-2.mg.ns.svc.cluster.local:10000");
}

static void test_who_is_not_registered(void **state)
{
    (void)state;
    v.rows_n = 1;
    v.pods[2].terminating = true;
    none();
    v.pods[2].terminating = false;
    v.pods[2].ready = false;
    none();
    v.pods[2].ready = true;
    (void)str_copy(v.pods[2].refused_run, sizeof v.pods[2].refused_run, "r2");
    none();
    (void)str_copy(v.pods[2].refused_run, sizeof v.pods[2].refused_run, "r2 before");
    v.pods[2].register_retry_at = v.now_us + 7;
    none();
    assert_true(plan.wake_us == v.now_us + 7);
    v.pods[2].register_retry_at = 0;
    v.pods[2].ip[0] = '\0';
    none();
    (void)str_copy(v.pods[2].ip, sizeof v.pods[2].ip, "10.0.0.3");
    v.rows_at++; /* its role was seen before the row was missed */
    none();
    assert_int_equal(plan.effects[0].kind, EFFECT_ASK_ROLE);
    v.now_us++;
    view_role(&v, 2, ROLE_REPLICA, "r2", v.now_us);
    (void)only(EFFECT_REGISTER);
    view_role(&v, 1, ROLE_MAIN, "r1", v.now_us); /* a stray main could steal it */
    none();
}

static void test_s_is_registered_as_async_while_it_takes_no_part(void **state)
{
    const struct effect *e;

    (void)state;
    v.record.sync = SYNC_NONE;
    v.record.sync_why = SYNC_WHY_FAILOVER;
    v.rows[0] = v.rows[1];
    v.rows_n = 1;
    e = only(EFFECT_REGISTER);
    assert_int_equal(e->target, 1);
    assert_int_equal(e->mode, MODE_ASYNC);
    v.record.sync = SYNC_READY;
    (void)str_copy(v.record.sync_run, sizeof v.record.sync_run, "of another time");
    none();
}

static void test_dead_rows_are_dropped_first(void **state)
{
    const struct effect *e;

    (void)state;
    v.rows[1].has_data = false;
    e = only(EFFECT_DROP);
    assert_int_equal(e->pod, 0);
    assert_int_equal(e->target, 2);
    assert_string_equal(e->name, "mg_2");
}

static void test_rows_under_an_old_address(void **state)
{
    (void)state;
    (void)str_copy(v.rows[1].address, sizeof v.rows[1].address, "10.9.9.9:10000");
    (void)only(EFFECT_DROP);
    v.rows[1].status = ROW_RECOVERY; /* a call may be in flight: not now */
    none();
    view_link_down(&v, 2, FAIL_REFUSED, "gone");
    (void)only(EFFECT_DROP);
}

static void test_a_row_that_stays_invalid(void **state)
{
    int64_t start_us = v.now_us;

    (void)state;
    later(0, ROW_READY, ROW_INVALID);
    none();
    assert_true(plan.wake_us <= start_us + v.settings.replica_heal_us);
    later(v.settings.replica_heal_us - 1, ROW_READY, ROW_INVALID);
    none();
    later(1, ROW_READY, ROW_INVALID);
    command_started(&v, only(EFFECT_DROP));
    command_done(&v, 0, OUTCOME_OK);
    assert_string_equal(v.pods[2].healed_run, "r2");
    later(v.settings.replica_heal_us, ROW_READY, ROW_INVALID);
    later(v.settings.replica_heal_us, ROW_READY, ROW_INVALID);
    none(); /* once for each run of its process */
}

static void test_a_foreign_name_is_dropped_where_it_is_in_the_way(void **state)
{
    (void)state;
    (void)str_copy(v.rows[1].name, sizeof v.rows[1].name, "by_hand");
    v.rows[1].pod = -1;
    assert_string_equal(only(EFFECT_DROP)->name, "by_hand");
    v.rows[1].status = ROW_REPLICATING;
    none();
    (void)str_copy(v.rows[1].address, sizeof v.rows[1].address, "elsewhere:10000");
    (void)only(EFFECT_REGISTER); /* no business of ours */
}

static void test_not_proven_by_a_row_that_is_not_ready(void **state)
{
    (void)state;
    v.record.sync = SYNC_UNPROVEN;
    later(second, ROW_READY, ROW_READY);
    decide();
    touch(OUTCOME_OK);
    later(100 * 1000, ROW_RECOVERY, ROW_READY);
    none();
    v.record.sync = SYNC_NONE;
    v.record.sync_why = SYNC_WHY_ADOPTED;
    steady_rows(&v, ROW_READY, ROW_READY);
    v.rows[0].mode = MODE_ASYNC;
    none();
    v.rows[0].mode = MODE_STRICT_SYNC;
    expect_sync("ready:r1");
}

static void test_who_is_out_of_reach_is_not_registered(void **state)
{
    (void)state;
    v.rows_n = 1;
    (void)only(EFFECT_REGISTER);
    view_link_down(&v, 2, FAIL_TIMEOUT, "silent");
    decide();
    assert_int_equal(plan.n, 0); /* and not asked either */
}

static void test_a_row_of_a_pod_that_is_not_ready(void **state)
{
    (void)state;
    v.pods[2].ready = false; /* it may be back at once: a DROP can cost the main seconds */
    none();
    v.pods[2].exists = false;
    (void)only(EFFECT_DROP);
    v.rows[1].status = ROW_RECOVERY; /* a call may be in flight */
    none();
}

/* While it answers, and while its row can be dropped without danger. */
static void test_who_is_about_to_stop_is_let_go(void **state)
{
    static const int64_t patience_us = 2000 * 1000;

    (void)state;
    v.pods[2].terminating = true;
    v.pods[2].terminating_at = v.now_us;
    assert_int_equal(only(EFFECT_DROP)->target, 2);
    later(patience_us - 1, ROW_READY, ROW_RECOVERY);
    none();
    assert_true(registrations_let_go(&v, 2));
    later(1, ROW_READY,
          ROW_RECOVERY); /* a DROP could end the main: it goes with its row in place */
    none();
    assert_false(registrations_let_go(&v, 2));
    v.rows_n = 1;
    none(); /* and not registered again */
}

static void test_nobody_is_gone_before_the_pods_were_listed(void **state)
{
    (void)state;
    v.pods[2].exists = false;
    (void)only(EFFECT_DROP);
    v.pods_known = false;
    none();
}

static void test_who_comes_nearer_is_not_registered_anew(void **state)
{
    (void)state;
    later(0, ROW_READY, ROW_INVALID);
    none();
    later(v.settings.replica_heal_us - 1, ROW_READY, ROW_INVALID);
    v.rows[1].ts++;
    none();
    later(1, ROW_READY, ROW_INVALID);
    v.rows[1].ts++;
    none();
}

static void test_who_cannot_be_registered_is_told(void **state)
{
    (void)state;
    v.rows_n = 1;
    v.pods[2].register_failures = 2;
    v.pods[2].register_retry_at = v.now_us + second;
    none();
    v.pods[2].register_failures = 3;
    assert_string_equal(only(EFFECT_EVENT)->event, "ReplicaNotRegistered");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_meddled_rows, set_up),
        cmocka_unit_test_setup(test_a_row_of_another_process_says_nothing, set_up),
        cmocka_unit_test_setup(test_unproven_and_proven_again, set_up),
        cmocka_unit_test_setup(test_a_touch_that_is_not_confirmed_proves_nothing, set_up),
        cmocka_unit_test_setup(test_not_proven_without_a_word_of_s_itself, set_up),
        cmocka_unit_test_setup(test_an_aborted_touch_is_a_doubt, set_up),
        cmocka_unit_test_setup(test_touches_only_after_writes, set_up),
        cmocka_unit_test_setup(test_all_is_well, set_up),
        cmocka_unit_test_setup(test_an_a_without_a_row, set_up),
        cmocka_unit_test_setup(test_who_is_not_registered, set_up),
        cmocka_unit_test_setup(test_s_is_registered_as_async_while_it_takes_no_part, set_up),
        cmocka_unit_test_setup(test_dead_rows_are_dropped_first, set_up),
        cmocka_unit_test_setup(test_rows_under_an_old_address, set_up),
        cmocka_unit_test_setup(test_a_row_that_stays_invalid, set_up),
        cmocka_unit_test_setup(test_a_foreign_name_is_dropped_where_it_is_in_the_way, set_up),
        cmocka_unit_test_setup(test_not_proven_by_a_row_that_is_not_ready, set_up),
        cmocka_unit_test_setup(test_who_is_out_of_reach_is_not_registered, set_up),
        cmocka_unit_test_setup(test_a_row_of_a_pod_that_is_not_ready, set_up),
        cmocka_unit_test_setup(test_who_is_about_to_stop_is_let_go, set_up),
        cmocka_unit_test_setup(test_nobody_is_gone_before_the_pods_were_listed, set_up),
        cmocka_unit_test_setup(test_who_comes_nearer_is_not_registered_anew, set_up),
        cmocka_unit_test_setup(test_who_cannot_be_registered_is_told, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
