#include "core/eligibility.h"
#include "steady.h"

#include "../cmocka_test.h"

static struct view v;

static int set_up(void **state)
{
    (void)state;
    steady_view(&v);
    return 0;
}

static void expect(bool may, const char *words)
{
    char why[WHY_SIZE] = "";

    view_derive(&v);
    if (eligibility_may_promote(&v, why) != may)
        fail_msg("%s promoted: %s", may ? "may not be" : "may be", why);
    if (!strstr(why, words))
        fail_msg("'%s' does not say '%s'", why, words);
}

static void test_a_proven_replica(void **state)
{
    (void)state;
    expect(true, "mg-1 holds every acknowledged write");
}

static void test_no_record(void **state)
{
    (void)state;
    view_record(&v, NULL);
    expect(false, "there is no record yet");
}

static void test_every_sync_but_ready(void **state)
{
    (void)state;
    v.record.sync = SYNC_UNPROVEN;
    expect(false, "(sync is unproven:r1)");
    v.record.sync = SYNC_NONE;
    v.record.sync_why = SYNC_WHY_FAILOVER;
    expect(false, "(sync is none:failover)");
}

static void test_a_doubt_that_is_not_recorded_yet(void **state)
{
    (void)state;
    steady_rows(&v, ROW_INVALID, ROW_READY);
    expect(false, "the main had lost mg-1 before");
    steady_rows(&v, ROW_READY, ROW_READY); /* it does not go away by itself */
    expect(false, "the main had lost mg-1 before");
}

static void test_in_sync_mode_a_bad_row_is_no_doubt(void **state)
{
    (void)state;
    steady_rows(&v, ROW_INVALID, ROW_READY);
    v.rows[0].mode = MODE_SYNC;
    expect(true, "holds every acknowledged write");
}

static void test_a_bad_async_replica_is_no_obstacle(void **state)
{
    (void)state;
    steady_rows(&v, ROW_READY, ROW_DIVERGED);
    view_link_down(&v, 2, FAIL_TIMEOUT, "silence");
    expect(true, "holds every acknowledged write");
}

static void test_no_link(void **state)
{
    (void)state;
    view_link_down(&v, 1, FAIL_TIMEOUT, "no answer in 1 s");
    expect(false, "mg-1 cannot be reached (no answer in 1 s)");
    view_link_none(&v, 1);
    expect(false, "mg-1 cannot be reached (not connected yet)");
}

static void test_its_role(void **state)
{
    (void)state;
    view_role(&v, 1, ROLE_MAIN, "r1", v.now_us);
    expect(false, "mg-1 has role main");
    v.now_us++;
    view_link_up(&v, 1); /* the answer is older than the connection */
    expect(false, "mg-1 has role unknown");
}

static void test_another_process(void **state)
{
    (void)state;
    view_role(&v, 1, ROLE_REPLICA, "r1b", v.now_us);
    expect(false, "mg-1 was restarted since it was last known to be in sync");
}

static void test_its_end_is_near(void **state)
{
    (void)state;
    v.pods[1].terminating = true;
    expect(false, "mg-1 is being terminated");
}

static void test_its_data_are_to_be_moved_aside(void **state)
{
    (void)state;
    (void)str_copy(v.record.rebuild[1].uid, UID_SIZE, "uid");
    expect(false, "mg-1 waits to be rebuilt");
    v.record.rebuild[1].uid[0] = 0;
    (void)str_copy(v.record.rebuild[2].uid, UID_SIZE, "uid");
    expect(true, "holds every acknowledged write");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_proven_replica, set_up),
        cmocka_unit_test_setup(test_no_record, set_up),
        cmocka_unit_test_setup(test_every_sync_but_ready, set_up),
        cmocka_unit_test_setup(test_a_doubt_that_is_not_recorded_yet, set_up),
        cmocka_unit_test_setup(test_in_sync_mode_a_bad_row_is_no_doubt, set_up),
        cmocka_unit_test_setup(test_a_bad_async_replica_is_no_obstacle, set_up),
        cmocka_unit_test_setup(test_no_link, set_up),
        cmocka_unit_test_setup(test_its_role, set_up),
        cmocka_unit_test_setup(test_another_process, set_up),
        cmocka_unit_test_setup(test_its_end_is_near, set_up),
        cmocka_unit_test_setup(test_its_data_are_to_be_moved_aside, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
