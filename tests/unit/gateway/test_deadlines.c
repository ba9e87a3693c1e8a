#include "gateway/deadlines.h"

#include "../cmocka_test.h"

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static void test_takes_in_order_of_time(void **state)
{
    enum { N = 500 };
    struct deadlines d = {0};
    struct deadline deadline[N] = {0};
    uint64_t seed = 1;
    int64_t last = 0;
    struct deadline *taken;
    unsigned count = 0, set = 0;

    (void)state;
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < N; i++) {
            if (next(&seed) % 4 == 0)
                deadlines_clear(&d, &deadline[i]);
            else
                deadlines_set(&d, &deadline[i], (int64_t)(next(&seed) % 1000) + 1);
        }
    for (int i = 0; i < N; i++)
        set += deadline[i].place != 0;
    assert_int_equal(d.n, set);
    assert_null(deadlines_take(&d, 0));
    for (int64_t now = 1; now <= 1000; now++) {
        while ((taken = deadlines_take(&d, now))) {
            assert_true(taken->at_us >= last && taken->at_us == now);
            assert_int_equal(taken->place, 0);
            last = taken->at_us;
            count++;
        }
    }
    assert_int_equal(count, set);
    assert_true(deadlines_next_us(&d) == INT64_MAX);
    deadlines_done(&d);
}

static void test_next(void **state)
{
    struct deadlines d = {0};
    struct deadline one = {0}, two = {0};

    (void)state;
    deadlines_clear(&d, &one);
    assert_true(deadlines_next_us(&d) == INT64_MAX);
    deadlines_set(&d, &one, 5001);
    deadlines_set(&d, &two, 7000);
    assert_true(deadlines_next_us(&d) == 5001);
    deadlines_set(&d, &one, 9000); /* moved */
    assert_true(deadlines_next_us(&d) == 7000);
    deadlines_clear(&d, &two);
    deadlines_clear(&d, &one);
    assert_true(deadlines_next_us(&d) == INT64_MAX);
    deadlines_done(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_in_order_of_time),
        cmocka_unit_test(test_next),
    };

    return cmocka_run_group_tests_name("deadlines", tests, NULL, NULL);
}
