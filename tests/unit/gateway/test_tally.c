#include "gateway/tally.h"

#include "../cmocka_test.h"

#include <math.h>

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(gateway_refusal_name(GATEWAY_REFUSED_LIMIT), "limit");
    assert_string_equal(gateway_refusal_name(GATEWAY_REFUSED_STOPPING), "stopping");
    assert_string_equal(gateway_cut_name(GATEWAY_CUT_ROUTE), "route");
    assert_string_equal(gateway_cut_name(GATEWAY_CUT_IDLE), "idle");
    assert_string_equal(gateway_cut_name(GATEWAY_CUT_COUNT), "?");
    assert_string_equal(gateway_refusal_name(GATEWAY_REFUSAL_COUNT), "?");
}

static void test_buckets(void **state)
{
    struct tally t = {0};
    struct gateway_counters sum = {0};

    (void)state;
    for (int i = 1; i < GATEWAY_BUCKETS; i++)
        assert_true(gateway_bucket_seconds[i] > gateway_bucket_seconds[i - 1]);
    assert_true(isinf(gateway_bucket_seconds[GATEWAY_BUCKETS - 1]));
    tally_observe(&t.parked_time, 0);
    tally_observe(&t.parked_time, 500); /* a bound belongs to its bucket */
    tally_observe(&t.parked_time, 501);
    tally_observe(&t.parked_time, 3600 * (int64_t)1000000);
    tally_read(&t, &sum);
    assert_int_equal(sum.parked_time.bucket[0], 2);
    assert_int_equal(sum.parked_time.bucket[1], 1);
    assert_int_equal(sum.parked_time.bucket[GATEWAY_BUCKETS - 1], 1);
    assert_int_equal(sum.parked_time.count, 4);
    assert_true(fabs(sum.parked_time.sum_seconds - 3600.001001) < 1e-6);
    assert_int_equal(sum.connect_time.count, 0);
}

static void test_reads_are_sums(void **state)
{
    struct tally a = {0}, b = {0};
    struct gateway_counters sum = {0};

    (void)state;
    tally_add(&a.sessions_active, 3);
    tally_add(&b.sessions_active, 5);
    tally_take(&b.sessions_active, 1);
    tally_add(&a.parked, 2);
    tally_add(&a.sessions_total, 10);
    tally_add(&b.accepted_total, 11);
    tally_add(&b.refused[GATEWAY_REFUSED_UPSTREAM], 12);
    tally_add(&a.cut[GATEWAY_CUT_IDLE], 13);
    tally_add(&a.bytes_up, 14);
    tally_add(&a.bytes_down, 15);
    tally_add(&a.upstream_errors, 16);
    tally_read(&a, &sum);
    tally_read(&b, &sum);
    assert_int_equal(sum.sessions_active, 7);
    assert_int_equal(sum.parked, 2);
    assert_int_equal(sum.sessions_total, 10);
    assert_int_equal(sum.accepted_total, 11);
    assert_int_equal(sum.refused[GATEWAY_REFUSED_UPSTREAM], 12);
    assert_int_equal(sum.cut[GATEWAY_CUT_IDLE], 13);
    assert_int_equal(sum.bytes_up, 14);
    assert_int_equal(sum.bytes_down, 15);
    assert_int_equal(sum.upstream_errors, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_reads_are_sums),
    };

    return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
