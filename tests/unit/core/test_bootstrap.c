/* No record: what is known before a cluster is formed or adopted. */
#include "core/bootstrap.h"

#include "core/rules.h"
#include "steady.h"

#include "../cmocka_test.h"

static const int64_t second = 1000 * 1000;
static struct view v;
static struct plan plan;

/* Two empty mains. */
static int set_up(void **state)
{
    (void)state;
    steady_view(&v);
    view_record(&v, NULL);
    for (int i = 0; i < 2; i++) {
        view_role(&v, i, ROLE_MAIN, v.pods[i].run, v.now_us);
        view_storage(&v, i, 0, 0, "db", v.now_us);
    }
    return 0;
}

static bool forms(void)
{
    view_derive(&v);
    rules_decide(&v, &plan);
    return plan_has_write(&plan) && plan.record.transition == EPOCH_INITIAL;
}

static bool waits(const char *words)
{
    return !forms() && strstr(plan.reason, words) && strcmp(plan.state, "BOOTSTRAP") == 0;
}

static bool refuses(const char *words)
{
    return !forms() && strstr(plan.reason, words) && strcmp(plan.state, "UNKNOWN_STATE") == 0 &&
           plan.effects[plan.n - 1].kind == EFFECT_EXIT;
}

static void test_both_are_empty_mains(void **state)
{
    (void)state;
    assert_true(forms());
    assert_int_equal(plan.record.target, 0);
    assert_int_equal(plan.record.epoch, 1);
}

static void test_both_are_ready_and_listed(void **state)
{
    (void)state;
    v.pods[1].ready = false;
    assert_true(waits("waiting until mg-1 is Ready"));
    v.pods[1].ready = true;
    v.pods_known = false;
    assert_true(waits("waiting until mg-0 is Ready"));
}

static void test_both_have_answered(void **state)
{
    (void)state;
    v.pods[1].changed_at = v.now_us + 1;
    assert_true(waits("waiting for an answer of mg-1"));
    v.pods[1].changed_at = 0;
    view_role(&v, 1, ROLE_MAIN, "r1", v.now_us);
    v.pods[1].version[0] = '\0';
    assert_true(waits("waiting for an answer of mg-1"));
    view_version(&v, 1, "3.6.1", v.pods[0].can);
    assert_true(forms());
}

static void test_counts_are_not_old(void **state)
{
    (void)state;
    v.now_us += 2 * second - 1;
    view_storage(&v, 0, 0, 0, "db", v.now_us);
    assert_true(forms());
    v.now_us++;
    assert_true(waits("waiting for an answer of mg-1"));
    assert_int_equal(plan.effects[0].kind, EFFECT_ASK_STORAGE);
}

static void test_none_of_them_holds_data(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        view_storage(&v, i, 1, 0, "db", v.now_us);
        assert_true(refuses("two mains, and not both empty"));
        view_storage(&v, i, 0, 1, "db", v.now_us);
        assert_true(refuses("two mains, and not both empty"));
        view_storage(&v, i, 0, 0, "db", v.now_us);
    }
}

static void test_the_mode_is_one_that_they_know(void **state)
{
    (void)state;
    v.settings.replication_mode = REPLICATION_STRICT_SYNC;
    assert_true(forms());
    v.pods[1].can.strict_sync = false;
    assert_true(waits("does not know it"));
}

/* Nobody says that S holds everything. */
static void test_who_is_adopted_is_not_armed(void **state)
{
    char sync[RUN_SIZE + 40];

    (void)state;
    view_role(&v, 0, ROLE_REPLICA, "r0", v.now_us);
    view_storage(&v, 1, 5, 0, "db", v.now_us);
    assert_false(forms());
    assert_true(plan_has_write(&plan));
    assert_int_equal(plan.record.target, 1);
    assert_int_equal(plan.record.epoch, 0);
    assert_string_equal(plan.record.main_run, "r1");
    assert_string_equal(record_sync_text(&plan.record, sync, sizeof sync), "none:adopted");
    view_storage(&v, 1, 0, 0, "db", v.now_us);
    view_storage(&v, 0, 5, 0, "db", v.now_us);
    assert_true(refuses("the main is empty and the replica has data"));
    view_role(&v, 1, ROLE_REPLICA, "r1", v.now_us);
    assert_true(refuses("no main"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_both_are_empty_mains, set_up),
        cmocka_unit_test_setup(test_both_are_ready_and_listed, set_up),
        cmocka_unit_test_setup(test_both_have_answered, set_up),
        cmocka_unit_test_setup(test_counts_are_not_old, set_up),
        cmocka_unit_test_setup(test_none_of_them_holds_data, set_up),
        cmocka_unit_test_setup(test_the_mode_is_one_that_they_know, set_up),
        cmocka_unit_test_setup(test_who_is_adopted_is_not_armed, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
