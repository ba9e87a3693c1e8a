/* Who is about to stop, and who may. */
#include "core/stopping.h"

#include "steady.h"

#include "../cmocka_test.h"

static struct view v;

static int set_up(void **state)
{
    (void)state;
    steady_view(&v);
    return 0;
}

static void expect(int pod, bool may, const char *words)
{
    char why[WHY_SIZE];

    if (stopping_may(&v, pod, why) != may || !strstr(why, words))
        fail_msg("mg-%d %s: %s", pod, may ? "may stop" : "may not stop", why);
}

static void test_who_is_about_to_stop(void **state)
{
    (void)state;
    assert_false(stopping_is(&v, 1));
    v.pods[1].terminating = true;
    assert_true(stopping_is(&v, 1));
    assert_false(stopping_is(&v, 0));
    v.pods[1].terminating = false;
    (void)str_copy(v.record.request, NOTE_SIZE, "stop:0@1");
    assert_true(stopping_is(&v, 0));
    assert_false(stopping_is(&v, 1));
    (void)str_copy(v.record.request, NOTE_SIZE, "rebuild:0@1");
    assert_false(stopping_is(&v, 0));
}

static void test_the_main_may_not(void **state)
{
    (void)state;
    expect(0, false, "mg-0 is main");
    view_link_down(&v, 0, FAIL_TIMEOUT, "silent"); /* the record says so still */
    expect(0, false, "mg-0 is main");
    v.record.sync = SYNC_NONE;
    expect(1, true, "mg-1 may stop");
    view_role(&v, 1, ROLE_MAIN, "r1", v.now_us); /* a stray one is demoted first */
    expect(1, false, "mg-1 is main");
}

static void test_s_may_when_nobody_counts_on_it(void **state)
{
    (void)state;
    expect(1, false, "the main still counts on mg-1");
    v.record.sync = SYNC_UNPROVEN;
    expect(1, false, "the main still counts on mg-1");
    v.settings.planned_restart = PLANNED_BLOCK;
    expect(1, true, "mg-1 may stop");
    v.settings.planned_restart = PLANNED_DEGRADE;
    v.record.sync = SYNC_NONE;
    expect(1, true, "mg-1 may stop");
    v.record.transition = EPOCH_REFRESH;
    expect(1, false, "a refresh is under way");
    v.record.transition = EPOCH_NONE;
    v.record.sync = SYNC_READY;
    (void)str_copy(v.record.sync_run, RUN_SIZE, "another"); /* it is out already */
    expect(1, true, "mg-1 may stop");
}

/* A DROP waits for the call under way, which nobody answers when the replica has gone silent. */
static void test_an_async_replica_goes_after_its_row(void **state)
{
    struct row *row = &v.rows[1];

    (void)state;
    assert_int_equal(row->pod, 2);
    expect(2, false, "the main still has a registration of mg-2");
    row->has_data = false;
    expect(2, true, "mg-2 may stop");
    row->has_data = true;
    expect(2, false, "the main still has a registration of mg-2");
    v.record.transition = EPOCH_REFRESH;
    expect(2, true, "mg-2 may stop");
    v.record.transition = EPOCH_NONE;
    v.rows_n = 1;
    expect(2, true, "mg-2 may stop");
    v.rows_n = 2;
    view_link_down(&v, 0, FAIL_TIMEOUT, "silent"); /* nobody can drop it */
    expect(2, true, "mg-2 may stop");
}

static void test_nobody_may_before_the_record_was_read(void **state)
{
    (void)state;
    v.record_known = false;
    expect(2, false, "the record has not been read yet");
    v.record_known = true;
    view_record_broken(&v, "nonsense");
    expect(2, false, "the record has not been read yet");
    view_record(&v, NULL);
    expect(0, true, "mg-0 may stop");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_who_is_about_to_stop, set_up),
        cmocka_unit_test_setup(test_the_main_may_not, set_up),
        cmocka_unit_test_setup(test_s_may_when_nobody_counts_on_it, set_up),
        cmocka_unit_test_setup(test_an_async_replica_goes_after_its_row, set_up),
        cmocka_unit_test_setup(test_nobody_may_before_the_record_was_read, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
