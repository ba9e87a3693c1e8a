#include "sim/ledger.h"

#include "tests/unit/cmocka_test.h"

enum { SECOND = 1000000 };

static struct ledger l;
static char why[WHY_TEXT_SIZE];

static int setup(void **state)
{
    (void)state;
    ledger_init(&l);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ledger_done(&l);
    return 0;
}

static int64_t record_s; /* when it changes */

static bool record(int64_t epoch, int target, const char *run)
{
    struct record r = {.epoch = epoch, .target = target};

    (void)str_copy(r.main_run, sizeof r.main_run, run);
    return ledger_record(&l, record_s * SECOND, &r, why);
}

static bool write_at(int64_t sent_s, int64_t ended_s, enum write_outcome outcome, const char *run,
                     int pod)
{
    size_t id = ledger_begin(&l, sent_s * SECOND);

    return ledger_end(&l, id, ended_s * SECOND, outcome, run, pod, why);
}

static void test_what_is_there_in_the_end(void **state)
{
    unsigned seen[3] = {1, 0, 1};

    (void)state;
    assert_true(record(1, 0, "a"));
    assert_true(write_at(1, 2, WRITE_ACKNOWLEDGED, "a", 0));
    assert_true(write_at(1, 2, WRITE_REFUSED, "a", 0));
    assert_true(write_at(1, 2, WRITE_UNKNOWN, "a", 0));
    assert_true(ledger_check(&l, seen, 3, why));
    seen[2] = 0;
    assert_true(ledger_check(&l, seen, 3, why)); /* may be there, or not */
    seen[0] = 0;
    assert_false(ledger_check(&l, seen, 3, why));
    assert_non_null(strstr(why, "lost"));
    seen[0] = 2;
    assert_false(ledger_check(&l, seen, 3, why));
    assert_non_null(strstr(why, "2 times"));
    seen[0] = 1;
    seen[1] = 1;
    assert_false(ledger_check(&l, seen, 3, why));
    assert_non_null(strstr(why, "refused"));
}

/* One a move, of the former main, under way then, and acknowledged soon. */
static void test_the_finalize_window(void **state)
{
    static const struct {
        int64_t sent_s, ended_s;
        const char *run;
        bool excused;
    } table[] = {{9, 11, "a", true},   {9, 10, "a", true}, {9, 12, "a", false}, /* too late */
                 {11, 11, "a", false},                                          /* sent after it */
                 {8, 9, "a", true},    {7, 8, "a", false}, /* acknowledged long before it */
                 {9, 11, "b", false}};                     /* by the new main */
    const unsigned seen[2] = {0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        ledger_done(&l);
        ledger_init(&l);
        record_s = 1;
        assert_true(record(1, 0, "a"));
        (void)write_at(table[i].sent_s, table[i].ended_s, WRITE_ACKNOWLEDGED, table[i].run, 0);
        record_s = 10;
        assert_true(record(2, 1, "b"));
        assert_int_equal(ledger_check(&l, seen, 1, why), table[i].excused);
        assert_int_equal(l.excused, table[i].excused);
    }
    ledger_done(&l);
    ledger_init(&l);
    record_s = 1;
    assert_true(record(1, 0, "a"));
    (void)write_at(9, 10, WRITE_ACKNOWLEDGED, "a", 0);
    (void)write_at(9, 10, WRITE_ACKNOWLEDGED, "a", 0);
    record_s = 10;
    assert_true(record(2, 1, "b"));
    assert_false(ledger_check(&l, seen, 2, why)); /* two */
    record_s = 0;
}

static void test_what_was_never_written(void **state)
{
    const unsigned seen[1] = {1};

    (void)state;
    assert_false(ledger_check(&l, seen, 1, why));
    assert_non_null(strstr(why, "never written"));
}

static void test_two_mains(void **state)
{
    (void)state;
    assert_true(record(1, 0, "a"));
    assert_true(write_at(1, 2, WRITE_ACKNOWLEDGED, "a", 0));
    assert_true(record(2, 1, "b"));
    assert_true(write_at(3, 4, WRITE_ACKNOWLEDGED, "a", 0)); /* the new one serves nobody yet */
    assert_true(write_at(4, 6, WRITE_ACKNOWLEDGED, "b", 1));
    assert_true(write_at(5, 7, WRITE_ACKNOWLEDGED, "a", 0)); /* was under way */
    assert_true(write_at(8, 9, WRITE_ACKNOWLEDGED, "c", 1)); /* the new one, restarted */
    assert_false(write_at(8, 9, WRITE_ACKNOWLEDGED, "a", 0));
    assert_non_null(strstr(why, "two mains"));
}

static void test_the_epoch_never_falls(void **state)
{
    (void)state;
    assert_true(record(2, 0, "a"));
    assert_true(record(2, 0, "a"));
    assert_true(record(3, 1, "b"));
    assert_int_equal(l.moves, 1);
    assert_false(record(2, 0, "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_there_in_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_never_written, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_finalize_window, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_mains, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_epoch_never_falls, setup, teardown),
    };

    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
