#include "core/label.h"
#include "steady.h"

#include "../cmocka_test.h"

static struct view v;

static int set_up(void **state)
{
    (void)state;
    steady_view(&v);
    return 0;
}

static void test_who_is_what(void **state)
{
    (void)state;
    assert_string_equal(label_wanted(&v, 0, ""), "main");
    assert_string_equal(label_wanted(&v, 1, ""), "sync");
    assert_string_equal(label_wanted(&v, 2, ""), "async");
    v.record.sync = SYNC_NONE;
    assert_string_equal(label_wanted(&v, 1, "sync"), "async");
    v.pods[0].run[0] = '\0'; /* restarted: it does not serve yet */
    assert_string_equal(label_wanted(&v, 0, ""), "");
    assert_string_equal(label_wanted(&v, 0, "main"), "main");
    view_record(&v, NULL);
    assert_string_equal(label_wanted(&v, 0, "main"), "main");
}

static void test_what_is_not_known_changes_no_label(void **state)
{
    (void)state;
    v.record_known = false; /* our write was not answered */
    assert_string_equal(label_wanted(&v, 1, ""), "");
    v.record_known = true;
    view_record_broken(&v, "nonsense");
    assert_string_equal(label_wanted(&v, 1, ""), "");
    v.record_broken = false;
    v.record.transition = EPOCH_REFRESH;
    assert_string_equal(label_wanted(&v, 0, ""), "");
    assert_string_equal(label_wanted(&v, 1, ""), "");
}

static void test_while_the_main_moves(void **state)
{
    (void)state;
    v.record.target = 1;
    v.record.transition = EPOCH_SWITCHOVER;
    assert_string_equal(label_wanted(&v, 0, "main"), "");
    assert_string_equal(label_wanted(&v, 1, "sync"), "sync"); /* not main before it serves */
    v.record.transition = EPOCH_NONE;
    (void)str_copy(v.record.main_run, RUN_SIZE, "r1");
    view_role(&v, 1, ROLE_MAIN, "r1", v.now_us);
    assert_string_equal(label_wanted(&v, 1, "sync"), "main");
    assert_string_equal(label_wanted(&v, 0, ""), "sync");
    v.record.transition = EPOCH_REFRESH;
    assert_string_equal(label_wanted(&v, 1, "main"), "main");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_who_is_what, set_up),
        cmocka_unit_test_setup(test_what_is_not_known_changes_no_label, set_up),
        cmocka_unit_test_setup(test_while_the_main_moves, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
