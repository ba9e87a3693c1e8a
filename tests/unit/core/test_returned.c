/* T is back: as another process, or as a replica. What vouches for what it has? */
#include "core/returned.h"

#include "core/rules.h"
#include "steady.h"

#include "../cmocka_test.h"

static const int64_t ms = 1000;
static struct view v;
static struct plan plan;

/* mg-0 runs as another process, as main, with the data that it had. */
static int set_up(void **state)
{
    (void)state;
    steady_view(&v);
    view_role(&v, 0, ROLE_MAIN, "r0b", v.now_us);
    view_storage(&v, 0, 5, 0, "db", v.now_us);
    return 0;
}

/* What it shows of mg-1. */
static void row(enum row_status status, int64_t ts, int64_t behind)
{
    steady_rows(&v, status, ROW_READY);
    v.rows[0].ts = ts;
    v.rows[0].behind = behind;
}

/* Which epoch is begun, and on whom. */
static bool begins(enum epoch_kind kind, int target)
{
    view_derive(&v);
    rules_decide(&v, &plan);
    return plan_has_write(&plan) && plan.record.transition == kind && plan.record.target == target;
}

static bool does_nothing(void)
{
    view_derive(&v);
    rules_decide(&v, &plan);
    return !plan_has_write(&plan);
}

static bool asks_for(enum effect_kind kind, int pod)
{
    if (!does_nothing())
        return false;
    for (unsigned i = 0; i < plan.n; i++)
        if (plan.effects[i].kind == kind && plan.effects[i].pod == pod)
            return true;
    return false;
}

static bool refuses(const char *words)
{
    return asks_for(EFFECT_EVENT, -1) && strstr(plan.effects[plan.n - 1].why, words) &&
           strcmp(plan.effects[plan.n - 1].event, "FailoverRefused") == 0;
}

/* ---- refresh (a) ---- */

static void test_what_a_row_must_say_of_s(void **state)
{
    (void)state;
    row(ROW_READY, 10, 0);
    assert_true(begins(EPOCH_REFRESH, 0));
    row(ROW_REPLICATING, 10, 0);
    assert_true(begins(EPOCH_REFRESH, 0));
    row(ROW_RECOVERY, 10, 0);
    assert_true(begins(EPOCH_REFRESH, 0));
    row(ROW_READY, 0, 0);
    assert_true(does_nothing());
    row(ROW_INVALID, 10, 0);
    assert_true(does_nothing());
}

static bool drops(int target)
{
    if (!asks_for(EFFECT_DROP, 0))
        return false;
    for (unsigned i = 0; i < plan.n; i++)
        if (plan.effects[i].kind == EFFECT_DROP)
            return plan.effects[i].target == target;
    return false;
}

/* The addresses moved: what stands under S's name speaks of another pod. */
static void test_a_row_under_an_old_address_says_nothing_of_s(void **state)
{
    (void)state;
    row(ROW_READY, 10, 0);
    view_kube_pod(&v, 1, &(struct pod_kube){.ready = true, .uid = "r1", .ip = "10.0.0.9"});
    assert_true(drops(1));
    row(ROW_READY, 10, 5); /* and that it has more is no sign of a loss */
    assert_true(drops(1));
    v.rows[0] = v.rows[1]; /* S has no row, and another pod is registered where S is now */
    (void)str_copy(v.rows[0].address, ADDRESS_SIZE, "10.0.0.9:10000");
    v.rows_n = 1;
    assert_true(drops(2));
}

static void test_an_empty_s_has_no_more(void **state)
{
    (void)state;
    row(ROW_INVALID, 0, 0);
    view_storage(&v, 1, 0, 0, "db", v.now_us);
    assert_true(begins(EPOCH_REFRESH, 0));
}

static void test_where_t_served_alone_nobody_has_more(void **state)
{
    (void)state;
    v.record.sync = SYNC_NONE;
    v.record.sync_why = SYNC_WHY_DEGRADED;
    row(ROW_INVALID, 0, 0);
    assert_true(begins(EPOCH_REFRESH, 0));
    row(ROW_DIVERGED, 10, 0);
    assert_true(begins(EPOCH_REFRESH, 0));
    (void)str_copy(v.pods[1].refused_run, RUN_SIZE, "r1");
    assert_true(begins(EPOCH_REFRESH, 0));
}

/* It takes no part for the moment, and T has taken no write without it. */
static void test_where_t_did_not_serve_alone_s_may_have_more(void **state)
{
    static const enum sync_why whys[] = {SYNC_WHY_REFRESH, SYNC_WHY_SWITCHOVER, SYNC_WHY_DROPPED};

    (void)state;
    v.record.sync = SYNC_NONE;
    v.record.sync_run[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(whys); i++) {
        v.record.sync_why = whys[i];
        row(ROW_INVALID, 0, 0);
        assert_true(does_nothing());
        row(ROW_READY, 10, 0);
        assert_true(begins(EPOCH_REFRESH, 0));
        row(ROW_DIVERGED, 10, 0);
        assert_true(refuses("the replica has more"));
        row(ROW_READY, 10, 0);
        (void)str_copy(v.pods[1].refused_run, RUN_SIZE, "r1");
        assert_true(refuses("the replica has more"));
        v.pods[1].refused_run[0] = '\0';
    }
}

/* ---- O2 ---- */

static void test_s_has_more(void **state)
{
    (void)state;
    row(ROW_READY, 12, 2);
    assert_true(begins(EPOCH_FAILOVER, 1));
    row(ROW_DIVERGED, 10, 0);
    assert_true(begins(EPOCH_FAILOVER, 1));
    row(ROW_READY, 10, 0);
    (void)str_copy(v.pods[1].refused_run, RUN_SIZE, "r1");
    assert_true(begins(EPOCH_FAILOVER, 1));
}

/* T died while it was being told to go on without S: it has taken no write alone yet. */
static void test_in_the_middle_of_going_on_alone_s_may_have_more(void **state)
{
    static const enum sync_why whys[] = {SYNC_WHY_PLANNED, SYNC_WHY_DEGRADED};

    (void)state;
    v.record.transition = EPOCH_REFRESH;
    v.record.sync = SYNC_NONE;
    v.record.sync_run[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(whys); i++) {
        v.record.sync_why = whys[i];
        row(ROW_INVALID, 0, 0);
        assert_true(does_nothing());
        row(ROW_READY, 10, 0);
        assert_true(begins(EPOCH_REFRESH, 0));
    }
}

/* The process that T refused is not the one that the record speaks of. */
/* S has been restarted since it was proven, and holds more all the same. */
static void test_a_refusal_of_another_process_counts(void **state)
{
    (void)state;
    view_role(&v, 1, ROLE_REPLICA, "r1b", v.now_us);
    (void)str_copy(v.pods[1].refused_run, RUN_SIZE, "r1b");
    v.rows_n = 0;
    assert_true(refuses("the replica has more"));
}

static void test_t_has_another_database(void **state)
{
    (void)state;
    view_storage(&v, 0, 5, 0, "another", v.now_us);
    row(ROW_READY, 10, 0);
    assert_true(begins(EPOCH_FAILOVER, 1));
}

static void test_t_is_empty_and_there_are_no_uuids(void **state)
{
    (void)state;
    v.record.database[0] = '\0';
    view_storage(&v, 0, 0, 0, "", v.now_us);
    view_storage(&v, 1, 5, 0, "", v.now_us);
    row(ROW_READY, 10, 0);
    assert_true(begins(EPOCH_FAILOVER, 1));
    view_storage(&v, 1, 0, 0, "", v.now_us);
    assert_true(begins(EPOCH_REFRESH, 0));
}

/* A count from before T came back is no count. */
static void test_what_was_counted_before(void **state)
{
    (void)state;
    row(ROW_READY, 10, 0);
    v.now_us += ms;
    view_link_up(&v, 0);
    view_role(&v, 0, ROLE_MAIN, "r0b", v.now_us);
    assert_true(asks_for(EFFECT_ASK_STORAGE, 0));
}

/* ---- O3 ---- */

static void as_replica(void)
{
    view_role(&v, 0, ROLE_REPLICA, "r0b", v.now_us);
}

static void test_a_replica_with_another_database(void **state)
{
    (void)state;
    as_replica();
    assert_true(begins(EPOCH_SWITCHOVER, 0));
    view_storage(&v, 0, 5, 0, "another", v.now_us);
    assert_true(begins(EPOCH_FAILOVER, 1));
}

/* It may have lost the tail of its log, and shows no rows: S is compared with it. */
static void test_a_replica_that_was_restarted_is_compared(void **state)
{
    (void)state;
    as_replica();
    assert_true(begins(EPOCH_SWITCHOVER, 0));
    assert_int_equal(plan.record.from, 1);
    assert_string_equal(plan.record.from_run, "");
    (void)str_copy(v.record.request, NOTE_SIZE, "degrade@1"); /* an operator takes T as it is */
    assert_true(begins(EPOCH_REFRESH, 0));
    v.record.request[0] = '\0';
    v.record.sync = SYNC_NONE;
    v.record.sync_why = SYNC_WHY_FAILOVER; /* it served alone: S has less */
    assert_true(begins(EPOCH_REFRESH, 0));
    v.record.sync = SYNC_READY;
    view_role(&v, 0, ROLE_REPLICA, "r0", v.now_us); /* somebody demoted it: the same process */
    view_storage(&v, 0, 5, 0, "db", v.now_us);
    assert_true(begins(EPOCH_REFRESH, 0));
}

/* mg-0 was to take over from mg-1, and was restarted before it was promoted. */
static void chosen(enum epoch_kind kind)
{
    as_replica();
    v.record.transition = kind;
    v.record.sync = SYNC_NONE;
    v.record.sync_why = kind == EPOCH_FAILOVER ? SYNC_WHY_FAILOVER : SYNC_WHY_SWITCHOVER;
    v.record.promoted = kind == EPOCH_FAILOVER ? PROMOTED_FAILOVER : PROMOTED_SWITCHOVER;
    v.record.from = 1;
    (void)str_copy(v.record.from_run, RUN_SIZE, "r1");
}

static void test_who_was_chosen_and_restarted(void **state)
{
    (void)state;
    chosen(EPOCH_FAILOVER);
    assert_true(begins(EPOCH_FAILOVER, 1));
    chosen(EPOCH_SWITCHOVER);
    assert_true(begins(EPOCH_FAILOVER, 1));
    v.work.touched = true; /* it has served */
    assert_true(begins(EPOCH_SWITCHOVER, 0));
}

/* Its epoch was begun again on it, so it was main before. */
static void test_who_was_main_before_goes_on(void **state)
{
    (void)state;
    chosen(EPOCH_FAILOVER);
    v.record.from = -1;
    v.record.from_run[0] = '\0';
    assert_true(begins(EPOCH_FAILOVER, 0));
}

static void test_the_old_main_must_have_what_it_had(void **state)
{
    (void)state;
    chosen(EPOCH_FAILOVER);
    view_storage(&v, 1, 0, 0, "db", v.now_us);
    assert_true(refuses("mg-1 is empty"));
    view_storage(&v, 1, 5, 0, "another", v.now_us);
    assert_true(refuses("mg-1 has another database"));
    v.pods[1].storage_at = 0;
    assert_true(asks_for(EFFECT_ASK_STORAGE, 1));
    view_storage(&v, 1, 5, 0, "db", v.now_us);
    view_role(&v, 1, ROLE_MAIN, "r1", v.now_us);
    v.record.fenced = 1U << 1;
    assert_true(asks_for(EFFECT_DEMOTE, 1));
    view_link_down(&v, 1, FAIL_REFUSED, "refused");
    assert_true(refuses("mg-1 does not answer"));
}

/* Both were restarted, and the one that was chosen has lost its volume. */
static void test_a_main_without_data_is_not_compared(void **state)
{
    (void)state;
    chosen(EPOCH_SWITCHOVER);
    v.record.from_run[0] = '\0';
    view_storage(&v, 1, 5, 0, "db", v.now_us);
    v.pods[0].storage_at = 0;
    assert_true(asks_for(EFFECT_ASK_STORAGE, 0));
    view_storage(&v, 0, 0, 0, "another", v.now_us);
    assert_true(refuses("nothing vouches for the other"));
    view_storage(&v, 0, 5, 0, "db", v.now_us);
    assert_true(begins(EPOCH_SWITCHOVER, 0));
    v.record.database[0] = '\0'; /* Memgraph before 3.5 */
    view_storage(&v, 0, 0, 0, "", v.now_us);
    assert_true(refuses("nothing vouches for the other"));
}

static void test_what_an_operator_forced_goes_on(void **state)
{
    char sync[RUN_SIZE + 40];

    (void)state;
    chosen(EPOCH_FAILOVER);
    v.record.promoted = PROMOTED_FORCED;
    v.record.sync_why = SYNC_WHY_FORCED;
    assert_true(begins(EPOCH_FAILOVER, 0));
    assert_int_equal(plan.record.promoted, PROMOTED_FORCED);
    assert_string_equal(record_sync_text(&plan.record, sync, sizeof sync), "none:forced");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_what_a_row_must_say_of_s, set_up),
        cmocka_unit_test_setup(test_a_row_under_an_old_address_says_nothing_of_s, set_up),
        cmocka_unit_test_setup(test_an_empty_s_has_no_more, set_up),
        cmocka_unit_test_setup(test_where_t_served_alone_nobody_has_more, set_up),
        cmocka_unit_test_setup(test_where_t_did_not_serve_alone_s_may_have_more, set_up),
        cmocka_unit_test_setup(test_s_has_more, set_up),
        cmocka_unit_test_setup(test_in_the_middle_of_going_on_alone_s_may_have_more, set_up),
        cmocka_unit_test_setup(test_a_refusal_of_another_process_counts, set_up),
        cmocka_unit_test_setup(test_t_has_another_database, set_up),
        cmocka_unit_test_setup(test_t_is_empty_and_there_are_no_uuids, set_up),
        cmocka_unit_test_setup(test_what_was_counted_before, set_up),
        cmocka_unit_test_setup(test_a_replica_with_another_database, set_up),
        cmocka_unit_test_setup(test_a_replica_that_was_restarted_is_compared, set_up),
        cmocka_unit_test_setup(test_who_was_chosen_and_restarted, set_up),
        cmocka_unit_test_setup(test_who_was_main_before_goes_on, set_up),
        cmocka_unit_test_setup(test_the_old_main_must_have_what_it_had, set_up),
        cmocka_unit_test_setup(test_a_main_without_data_is_not_compared, set_up),
        cmocka_unit_test_setup(test_what_an_operator_forced_goes_on, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
