/* Equal seeds give equal runs, whatever ran before; and some seeds of every profile hold. */
#include "sim/run.h"

#include "tests/unit/cmocka_test.h"

static void run_well(uint64_t seed, enum run_profile profile, struct run_result *out)
{
    run_seed(seed, profile, false, out);
    if (out->failed)
        print_error("seed %llu: %s\n", (unsigned long long)seed, out->why);
    assert_false(out->failed);
}

static void test_equal_seeds_give_equal_runs(void **state)
{
    enum { SEEDS = 8 };
    static struct run_result first[SEEDS], again;

    (void)state;
    for (uint64_t i = 0; i < SEEDS; i++)
        run_seed(i + 1, RUN_DEFAULT, false, &first[i]);
    for (uint64_t i = SEEDS; i-- > 0;) {
        run_seed(i + 1, RUN_DEFAULT, false, &again);
        assert_int_equal(again.happenings, first[i].happenings);
        assert_int_equal(again.simulated_us, first[i].simulated_us);
        assert_int_equal(again.acknowledged, first[i].acknowledged);
    }
}

static void test_seeds_differ(void **state)
{
    struct run_result one, other;

    (void)state;
    run_seed(1, RUN_QUIET, false, &one);
    run_seed(2, RUN_QUIET, false, &other);
    assert_int_not_equal(one.happenings, other.happenings);
}

static void test_nothing_fails_in_quiet_and_rolling_runs(void **state)
{
    struct run_result result;

    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        run_well(seed, RUN_QUIET, &result);
        assert_int_equal(result.writes, result.acknowledged);
        run_well(seed, RUN_ROLLING, &result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_seeds_give_equal_runs),
        cmocka_unit_test(test_seeds_differ),
        cmocka_unit_test(test_nothing_fails_in_quiet_and_rolling_runs),
    };

    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
