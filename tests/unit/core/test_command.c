#include "core/command.h"
#include "steady.h"

#include "../cmocka_test.h"

static const int64_t ms = 1000, second = 1000 * 1000;
static struct view v;

static int set_up(void **state)
{
    (void)state;
    steady_view(&v);
    return 0;
}

static void send(enum effect_kind kind, int pod, int target, enum outcome outcome)
{
    const struct effect e = {.kind = kind, .pod = pod, .target = target};

    command_started(&v, &e);
    assert_int_equal(v.pods[pod].command, kind);
    v.now_us += ms;
    command_done(&v, pod, outcome);
    assert_int_equal(v.pods[pod].command, EFFECT_NONE);
    assert_int_equal(v.pods[pod].last_outcome, outcome);
}

static void begin(enum epoch_kind kind)
{
    struct record r = v.record;

    r.epoch++;
    r.transition = kind;
    r.sync = SYNC_NONE;
    r.sync_why = SYNC_WHY_REFRESH;
    view_record(&v, &r);
}

static void test_pauses(void **state)
{
    static const struct {
        enum effect_kind kind;
        enum outcome outcome;
        int64_t pause_us;
    } table[] = {
        {EFFECT_PROMOTE, OUTCOME_OK, 0},
        {EFFECT_PROMOTE, OUTCOME_BUSY, 20 * ms},
        {EFFECT_PROMOTE, OUTCOME_ROLE_NOT_SET, 20 * ms},
        {EFFECT_PROMOTE, OUTCOME_STALE, 20 * ms},
        {EFFECT_PROMOTE, OUTCOME_FAILED, 100 * ms},
        {EFFECT_REGISTER, OUTCOME_EXISTS, 0},
        {EFFECT_REGISTER, OUTCOME_REFUSED, 0},
        {EFFECT_REGISTER, OUTCOME_UNREACHABLE, 0},
        {EFFECT_TOUCH, OUTCOME_NOT_CONFIRMED, 0},
        {EFFECT_TOUCH, OUTCOME_ABORTED, 0},
        {EFFECT_DROP, OUTCOME_EXISTS, 100 * ms},
        {EFFECT_ENSURE_USERS, OUTCOME_REFUSED, 100 * ms},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        steady_view(&v);
        send(table[i].kind, 0, 2, table[i].outcome);
        if (v.pods[0].retry_at != (table[i].pause_us ? v.now_us + table[i].pause_us : 0))
            fail_msg("%s %s", effect_kind_name(table[i].kind), outcome_name(table[i].outcome));
    }
}

static void test_failures_in_a_row(void **state)
{
    static const int64_t pauses_ms[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pauses_ms); i++) {
        send(EFFECT_TOUCH, 0, -1, OUTCOME_FAILED);
        assert_true(v.pods[0].retry_at == v.now_us + pauses_ms[i] * ms);
    }
    send(EFFECT_TOUCH, 0, -1, OUTCOME_OK);
    send(EFFECT_TOUCH, 0, -1, OUTCOME_FAILED);
    assert_true(v.pods[0].retry_at == v.now_us + 100 * ms);
}

static void test_what_changes_a_role(void **state)
{
    static const enum effect_kind kinds[] = {EFFECT_REGISTER, EFFECT_DROP, EFFECT_TOUCH,
                                             EFFECT_ENSURE_USERS};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        send(kinds[i], 0, 2, OUTCOME_FAILED);
        assert_int_equal(pod_role(&v.pods[0]), ROLE_MAIN);
    }
    send(EFFECT_DEMOTE, 0, -1, OUTCOME_OK);
    assert_int_equal(pod_role(&v.pods[0]), ROLE_REPLICA);
    send(EFFECT_PROMOTE, 0, -1, OUTCOME_OK);
    assert_int_equal(pod_role(&v.pods[0]), ROLE_MAIN);
    send(EFFECT_DEMOTE, 0, -1, OUTCOME_ROLE_NOT_SET);
    assert_int_equal(pod_role(&v.pods[0]), ROLE_UNKNOWN);
}

/* A demotion drops the list of replicas, a promotion begins an empty one. */
static void test_role_changes_empty_the_list(void **state)
{
    (void)state;
    send(EFFECT_DEMOTE, 1, -1, OUTCOME_OK);
    assert_false(view_row(&v, 2) == NULL); /* not T's */
    send(EFFECT_DEMOTE, 0, -1, OUTCOME_OK);
    assert_true(view_rows_fresh(&v, v.now_us));
    assert_null(view_row(&v, 2));
}

static void test_a_promotion_counts_for_its_epoch(void **state)
{
    const struct effect e = {.kind = EFFECT_PROMOTE, .pod = 0, .target = -1};

    (void)state;
    begin(EPOCH_REFRESH);
    send(EFFECT_PROMOTE, 0, -1, OUTCOME_ROLE_NOT_SET);
    assert_false(v.work.promoted);
    send(EFFECT_PROMOTE, 0, -1, OUTCOME_OK);
    assert_true(v.work.promoted);
    command_started(&v, &e);
    begin(EPOCH_REFRESH);
    command_done(&v, 0, OUTCOME_OK); /* of the epoch before */
    assert_false(v.work.promoted);
}

static void test_a_second_promotion_voids_what_was_done(void **state)
{
    (void)state;
    begin(EPOCH_REFRESH);
    send(EFFECT_PROMOTE, 0, -1, OUTCOME_OK);
    send(EFFECT_ENSURE_USERS, 0, -1, OUTCOME_OK);
    send(EFFECT_REGISTER, 0, 1, OUTCOME_OK);
    send(EFFECT_REGISTER, 0, 2, OUTCOME_OK);
    send(EFFECT_TOUCH, 0, -1, OUTCOME_OK);
    assert_true(v.work.s_done && v.work.s_registered && v.work.touched && v.work.touch_clean);
    assert_int_equal(v.work.tried, 1U << 1 | 1U << 2);
    assert_string_equal(v.work.s_run, "r1");
    send(EFFECT_PROMOTE, 0, -1, OUTCOME_OK);
    assert_false(v.work.s_done || v.work.s_registered || v.work.touched || v.work.touch_clean);
    assert_int_equal(v.work.tried, 0);
    assert_true(v.work.users); /* they are in its data */
}

static void test_registrations_of_s_in_an_epoch(void **state)
{
    static const struct {
        enum outcome outcome;
        bool done, registered;
    } table[] = {
        {OUTCOME_OK, true, true},           {OUTCOME_BUSY, false, false},
        {OUTCOME_STALE, false, false},      {OUTCOME_EXISTS, true, false},
        {OUTCOME_REFUSED, true, false},     {OUTCOME_FAILED, true, false},
        {OUTCOME_UNREACHABLE, true, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        steady_view(&v);
        begin(EPOCH_REFRESH);
        send(EFFECT_REGISTER, 0, 1, table[i].outcome);
        assert_int_equal(v.work.s_done, table[i].done);
        assert_int_equal(v.work.s_registered, table[i].registered);
        assert_string_equal(v.pods[1].refused_run, table[i].outcome == OUTCOME_REFUSED ? "r1" : "");
    }
}

static void test_registrations_that_fail_are_rarer_and_rarer(void **state)
{
    static const int64_t seconds[] = {5, 10, 20, 40, 80, 160, 300, 300};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(seconds); i++) {
        send(EFFECT_REGISTER, 0, 2, i % 2 ? OUTCOME_UNREACHABLE : OUTCOME_EXISTS);
        assert_true(v.pods[2].register_retry_at == v.now_us + seconds[i] * second);
    }
    send(EFFECT_REGISTER, 0, 2, OUTCOME_OK);
    assert_int_equal(v.pods[2].register_retry_at, 0);
    assert_true(v.pods[2].register_at == v.now_us);
}

/* An empty replica takes over the main's database: what it said of itself before is not true any
 * more. */
static void test_a_registration_ends_what_was_known_of_the_data(void **state)
{
    (void)state;
    send(EFFECT_REGISTER, 0, 2, OUTCOME_UNREACHABLE);
    assert_string_equal(v.pods[2].database, "db");
    send(EFFECT_REGISTER, 0, 2, OUTCOME_OK);
    assert_string_equal(v.pods[2].database, "");
    assert_int_equal(v.pods[2].storage_at, 0);
}

static void test_touches(void **state)
{
    static const struct {
        enum outcome outcome;
        bool touched, clean;
    } table[] = {
        {OUTCOME_OK, true, true},       {OUTCOME_NOT_CONFIRMED, true, false},
        {OUTCOME_ABORTED, true, false}, {OUTCOME_FAILED, false, false},
        {OUTCOME_STALE, false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        steady_view(&v);
        begin(EPOCH_FAILOVER);
        send(EFFECT_TOUCH, 0, -1, table[i].outcome);
        assert_int_equal(v.work.touched, table[i].touched);
        assert_int_equal(v.work.touch_clean, table[i].clean);
        assert_int_equal(v.touch_ok_at != 0, table[i].outcome == OUTCOME_OK);
        assert_int_equal(v.touch_ldt, table[i].outcome == OUTCOME_OK ? 12 : 0);
    }
}

static void test_users_count_in_an_epoch_only(void **state)
{
    (void)state;
    begin(EPOCH_FAILOVER);
    send(EFFECT_ENSURE_USERS, 0, -1, OUTCOME_FAILED);
    assert_false(v.work.users);
    send(EFFECT_ENSURE_USERS, 0, -1, OUTCOME_OK);
    assert_true(v.work.users);
}

static void test_users_of_another_epoch_do_not_count(void **state)
{
    const struct effect e = {.kind = EFFECT_ENSURE_USERS, .pod = 0, .target = -1};

    (void)state;
    begin(EPOCH_FAILOVER);
    command_started(&v, &e);
    begin(EPOCH_SWITCHOVER);
    command_done(&v, 0, OUTCOME_OK);
    assert_false(v.work.users);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_pauses, set_up),
        cmocka_unit_test_setup(test_failures_in_a_row, set_up),
        cmocka_unit_test_setup(test_what_changes_a_role, set_up),
        cmocka_unit_test_setup(test_role_changes_empty_the_list, set_up),
        cmocka_unit_test_setup(test_a_promotion_counts_for_its_epoch, set_up),
        cmocka_unit_test_setup(test_a_second_promotion_voids_what_was_done, set_up),
        cmocka_unit_test_setup(test_registrations_of_s_in_an_epoch, set_up),
        cmocka_unit_test_setup(test_registrations_that_fail_are_rarer_and_rarer, set_up),
        cmocka_unit_test_setup(test_a_registration_ends_what_was_known_of_the_data, set_up),
        cmocka_unit_test_setup(test_touches, set_up),
        cmocka_unit_test_setup(test_users_count_in_an_epoch_only, set_up),
        cmocka_unit_test_setup(test_users_of_another_epoch_do_not_count, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
