#include "core/explain.h"
#include "steady.h"

#include "../cmocka_test.h"

static struct view v;

static int set_up(void **state)
{
    (void)state;
    steady_view(&v);
    return 0;
}

static const struct condition *condition(const struct explanation *e, const char *name)
{
    for (unsigned i = 0; i < e->conditions_n; i++)
        if (strcmp(e->conditions[i].name, name) == 0)
            return &e->conditions[i];
    fail_msg("no condition '%s'", name);
    return NULL;
}

static void test_what_if_the_main_died(void **state)
{
    struct explanation e;
    struct view before = v;

    (void)state;
    v.leader = false; /* a follower answers as the leader would */
    view_lease(&v, v.now_us + 1);
    explain_failover(&v, &e);
    assert_true(condition(&e, "somebody leads")->holds);
    assert_true(e.possible);
    assert_non_null(strstr(e.answer, "begin epoch 4 (failover) on mg-1"));
    assert_true(condition(&e, "it is connected")->holds);
    assert_int_equal(condition(&e, "it is a replica")->age_us, 0);
    v.leader = true;
    view_lease(&v, 0);
    assert_memory_equal(&v, &before, sizeof v); /* it only looks */
    v.record.sync = SYNC_UNPROVEN;
    explain_failover(&v, &e);
    assert_false(e.possible);
    assert_non_null(strstr(e.answer, "no failover from mg-0"));
    assert_false(condition(&e, "it holds every acknowledged write")->holds);
    v.record.sync = SYNC_READY;
    (void)record_pause_text("me", 1, 0, v.record.paused);
    explain_failover(&v, &e);
    assert_false(e.possible);
    assert_false(condition(&e, "decisions are not paused")->holds);
    view_record(&v, NULL);
    explain_failover(&v, &e);
    assert_false(e.possible);
    assert_non_null(strstr(e.answer, "no record"));
}

/* The API server is away, and with it the leader's lease. */
static void test_nobody_decides_where_nobody_leads(void **state)
{
    struct explanation e;

    (void)state;
    v.leader = false;
    view_lease(&v, v.now_us);
    explain_failover(&v, &e);
    assert_false(e.possible);
    assert_false(condition(&e, "somebody leads")->holds);
    assert_non_null(strstr(e.answer, "no controller leads"));
    explain_switchover(&v, &e);
    assert_false(e.possible);
    v.record.sync = SYNC_UNPROVEN; /* the better reason stays */
    explain_failover(&v, &e);
    assert_non_null(strstr(e.answer, "no failover from mg-0"));
}

static void test_what_if_an_operator_asked(void **state)
{
    struct explanation e;

    (void)state;
    explain_switchover(&v, &e);
    assert_true(e.possible);
    assert_string_equal(e.answer, "mg-0 would hand over to mg-1");
    v.pods[1].terminating = true;
    explain_switchover(&v, &e);
    assert_false(e.possible);
    assert_string_equal(e.answer, "mg-1 is being terminated");
    assert_false(condition(&e, "it is not about to stop")->holds);
}

static void test_who_would_be_rebuilt(void **state)
{
    struct explanation e;

    (void)state;
    explain_rebuild(&v, 2, &e);
    assert_false(e.possible);
    assert_string_equal(e.answer, "mg-2 needs no rebuild");
    (void)str_copy(v.pods[2].refused_run, RUN_SIZE, "r2");
    explain_rebuild(&v, 2, &e);
    assert_true(e.possible);
    (void)str_copy(v.pods[1].refused_run, RUN_SIZE, "r1");
    explain_rebuild(&v, 1, &e);
    assert_false(e.possible);
    assert_string_equal(e.answer, "mg-1 waits for a person: request a rebuild");
    v.record.promoted = PROMOTED_FAILOVER;
    (void)str_copy(v.record.promoted_run, RUN_SIZE, "r0");
    explain_rebuild(&v, 1, &e);
    assert_true(e.possible);
    (void)str_copy(v.record.rebuild[2].uid, UID_SIZE, "u");
    explain_rebuild(&v, 1, &e);
    assert_string_equal(e.answer, "mg-1 cannot be rebuilt now");
}

/* ---- what becomes of a write ---- */

static void expect_writes(bool acknowledged, const char *answer, const char *confirms)
{
    struct explanation e;
    const struct condition *c;

    view_derive(&v);
    explain_writes(&v, &e);
    if (e.possible != acknowledged || !strstr(e.answer, answer))
        fail_msg("%d '%s', wanted '%s'", e.possible, e.answer, answer);
    c = condition(&e, "the SYNC replica confirms");
    if (!strstr(c->value, confirms))
        fail_msg("'%s', wanted '%s'", c->value, confirms);
}

static void test_writes_are_acknowledged(void **state)
{
    (void)state;
    expect_writes(true, "mg-0 is main", "mg-1 is registered as strict_sync and ready");
    steady_rows(&v, ROW_REPLICATING, ROW_DIVERGED); /* ASYNC: never asked */
    expect_writes(true, "mg-0 is main", "replicating");
}

/* The API server is away, or somebody has put nonsense into the record: sessions go on. */
static void test_writes_go_on_while_nothing_is_decided(void **state)
{
    (void)state;
    v.record_known = false;
    expect_writes(true, "mg-0 is main", "strict_sync and ready");
    v.record_known = true;
    view_record_broken(&v, "nonsense");
    expect_writes(true, "mg-0 is main", "strict_sync and ready");
}

/* What a person at the page must not miss: the gate is open, and each write fails at the main. */
static void test_writes_fail_without_their_replica(void **state)
{
    static const enum row_status bad[] = {ROW_INVALID, ROW_RECOVERY, ROW_DIVERGED};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        steady_view(&v);
        v.record.sync = SYNC_UNPROVEN;
        v.settings.hold_timeout_us = 0;
        steady_rows(&v, bad[i], ROW_READY);
        expect_writes(false, "mg-1 does not confirm them (it is ",
                      "mg-1 is registered as strict_sync and ");
    }
    v.rows[0].mode = MODE_SYNC;
    v.pods[0].can.sync_fails = true;
    expect_writes(false, "mg-1 does not confirm them", "mg-1 is registered as sync and diverged");
    v.pods[0].can.sync_fails = false; /* Memgraph after 3.12 */
    expect_writes(true, "mg-0 is main", "mg-1 is registered as sync and diverged");
    v.pods[0].can.sync_fails = true;
    v.rows[0].has_data = false; /* a REGISTER that failed left it behind */
    expect_writes(true, "mg-0 is main", "it is not seen in the main's list");
}

static void test_a_stranger_that_does_not_confirm(void **state)
{
    (void)state;
    v.rows[1].mode = MODE_STRICT_SYNC;
    v.rows[1].status = ROW_INVALID;
    v.rows[1].pod = -1;
    (void)str_copy(v.rows[1].name, sizeof v.rows[1].name, "by_hand");
    expect_writes(false, "by_hand does not confirm them (it is invalid)", "by_hand");
}

static void test_writes_wait(void **state)
{
    struct explanation e;

    (void)state;
    steady_rows(&v, ROW_INVALID, ROW_READY); /* a moment ago */
    expect_writes(false, "the SYNC replica was lost: waiting for it", "invalid");
    view_link_down(&v, 0, FAIL_REFUSED, "reset by peer");
    expect_writes(false, "no connection to mg-0 (reset by peer)", "not seen in the main's list");
    view_record(&v, NULL);
    explain_writes(&v, &e);
    assert_false(e.possible);
    assert_non_null(strstr(e.answer, "no record"));
}

static void test_a_main_that_serves_alone(void **state)
{
    (void)state;
    v.record.sync = SYNC_NONE;
    v.record.sync_why = SYNC_WHY_DEGRADED;
    v.rows_n = 0;
    expect_writes(true, "mg-0 is main", "none takes part: the main serves alone");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_what_if_the_main_died, set_up),
        cmocka_unit_test_setup(test_nobody_decides_where_nobody_leads, set_up),
        cmocka_unit_test_setup(test_what_if_an_operator_asked, set_up),
        cmocka_unit_test_setup(test_who_would_be_rebuilt, set_up),
        cmocka_unit_test_setup(test_writes_are_acknowledged, set_up),
        cmocka_unit_test_setup(test_writes_go_on_while_nothing_is_decided, set_up),
        cmocka_unit_test_setup(test_writes_fail_without_their_replica, set_up),
        cmocka_unit_test_setup(test_a_stranger_that_does_not_confirm, set_up),
        cmocka_unit_test_setup(test_writes_wait, set_up),
        cmocka_unit_test_setup(test_a_main_that_serves_alone, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
