/* Token buckets: rate, burst, sites of IPv6, and a table that overflows. */
#include "gateway/limiter.h"

#include "../cmocka_test.h"

enum { SECOND_US = 1000000 };

static struct origin v4(uint32_t n)
{
    struct origin o = {.ip = {[10] = 0xff, [11] = 0xff, [12] = (uint8_t)(n >> 24)}};

    o.ip[13] = (uint8_t)(n >> 16);
    o.ip[14] = (uint8_t)(n >> 8);
    o.ip[15] = (uint8_t)n;
    return o;
}

static unsigned admitted(struct limiter *l, struct origin o, unsigned tries, int64_t now_us)
{
    unsigned n = 0;

    while (tries--)
        n += limiter_admit(l, &o, now_us);
    return n;
}

static void test_burst_then_rate(void **state)
{
    struct limiter l;

    (void)state;
    limiter_init(&l, 10, 5, 1);
    assert_int_equal(admitted(&l, v4(1), 20, SECOND_US), 5);
    assert_int_equal(admitted(&l, v4(2), 20, SECOND_US), 5); /* each for itself */
    assert_int_equal(admitted(&l, v4(1), 20, SECOND_US + 99000), 0);
    assert_int_equal(admitted(&l, v4(1), 20, SECOND_US + 300000), 3);
    assert_int_equal(admitted(&l, v4(1), 20, 100 * SECOND_US), 5); /* no more than the burst */
    limiter_done(&l);
}

static void test_off(void **state)
{
    struct limiter l;

    (void)state;
    limiter_init(&l, 0, 5, 1);
    assert_int_equal(admitted(&l, v4(1), 1000, SECOND_US), 1000);
    limiter_done(&l);
}

static void test_a_site_of_ipv6_is_one(void **state)
{
    struct origin a = {.ip = {0xfd, 0, [7] = 1, [15] = 1}}, b = {.ip = {0xfd, 0, [7] = 1, [8] = 9}};
    struct origin c = {.ip = {0xfd, 0, [7] = 2, [15] = 1}};
    struct limiter l;

    (void)state;
    limiter_init(&l, 1, 2, 1);
    assert_int_equal(admitted(&l, a, 2, SECOND_US), 2);
    assert_int_equal(admitted(&l, b, 2, SECOND_US), 0);
    assert_int_equal(admitted(&l, c, 2, SECOND_US), 2);
    limiter_done(&l);
}

/* More addresses than the table holds: nobody is refused who did nothing, and who is at the limit
 * is still known. */
static void test_overflow(void **state)
{
    enum { N = 4 * LIMITER_ROWS * LIMITER_PLACES };
    struct limiter l;
    unsigned again = 0;

    (void)state;
    limiter_init(&l, 0.001, 3, 1);
    assert_int_equal(admitted(&l, v4(7), 100, SECOND_US), 3);
    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(admitted(&l, v4(1000 + i), 1, SECOND_US + 1), 1);
    again = admitted(&l, v4(7), 100, SECOND_US + 2);
    assert_int_equal(again, 0);
    limiter_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_then_rate),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_a_site_of_ipv6_is_one),
        cmocka_unit_test(test_overflow),
    };

    return cmocka_run_group_tests_name("limiter", tests, NULL, NULL);
}
