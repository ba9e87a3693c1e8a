#include "sim/clock.h"
#include "sim/net.h"
#include "sim/process.h"
#include "sim/random.h"

#include "tests/unit/cmocka_test.h"

enum { MANY = 500 };

static int64_t order[MANY];
static unsigned happened;

static void note(void *arg)
{
    (void)arg;
    order[happened++] = clock_now_us();
}

static int setup(void **state)
{
    (void)state;
    clock_reset();
    happened = 0;
    return 0;
}

static void test_in_the_order_of_time(void **state)
{
    static struct happening h[MANY];
    struct random r = random_stream(1, 1);

    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        happening_init(&h[i], NULL, note, NULL);
        happening_at(&h[i], random_range(&r, 0, 1000));
    }
    for (unsigned i = 0; i < MANY; i += 3)
        happening_at(&h[i], random_range(&r, 0, 1000)); /* another time */
    for (unsigned i = 1; i < MANY; i += 3)
        happening_cancel(&h[i]);
    while (clock_step(2000))
        continue;
    assert_int_equal(happened, MANY - (MANY + 1) / 3);
    for (unsigned i = 1; i < happened; i++)
        assert_true(order[i - 1] <= order[i]);
    assert_int_equal(clock_now_us(), 2000);
}

static unsigned tale[8], told;

static void tell(void *arg)
{
    tale[told++] = *(unsigned *)arg;
}

static void test_equal_times_in_the_order_of_planning(void **state)
{
    static struct happening h[5];
    static unsigned names[5] = {0, 1, 2, 3, 4};

    (void)state;
    told = 0;
    for (unsigned i = 0; i < 5; i++) {
        happening_init(&h[i], NULL, tell, &names[i]);
        happening_at(&h[i], 7);
    }
    happening_at(&h[0], 7); /* planned anew: the last now */
    while (clock_step(10))
        continue;
    assert_int_equal(told, 5);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(tale[i], i + 1);
    assert_int_equal(tale[4], 0);
}

static void on_end(void *arg)
{
    *(bool *)arg = true;
}

static void test_frozen_and_killed(void **state)
{
    static struct happening h, late;
    bool ended = false;
    struct net_config network = {.seed = 1, .latency_us = 10};
    struct process_config config = {.name = "p", .on_end = on_end, .arg = &ended};
    struct loop *p;

    (void)state;
    net_reset(&network);
    config.host = host_new("h", "10.0.0.1");
    p = process_new(&config);
    happening_init(&h, p, note, NULL);
    happening_init(&late, p, note, NULL);
    happening_at(&h, 5);
    process_freeze(p, true);
    while (clock_step(100))
        continue;
    assert_int_equal(happened, 0);
    process_freeze(p, false);
    while (clock_step(200))
        continue;
    assert_int_equal(happened, 1);
    assert_int_equal(order[0], 100); /* when it went on */
    happening_at(&late, 300);
    process_kill(p);
    assert_true(ended);
    while (clock_step(400))
        continue;
    assert_int_equal(happened, 1);
    happening_cancel(&late);
    process_free(p);
    net_done();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_in_the_order_of_time, setup),
        cmocka_unit_test_setup(test_equal_times_in_the_order_of_planning, setup),
        cmocka_unit_test_setup(test_frozen_and_killed, setup),
    };

    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
