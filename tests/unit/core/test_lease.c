#include "core/lease.h"

#include "../cmocka_test.h"

static const int64_t second = 1000 * 1000;
static const struct lease_times times = {15000000, 10000000, 2000000};
static struct lease l;
static int64_t now, wake;

static int set_up(void **state)
{
    (void)state;
    lease_init(&l, &times);
    now = 100 * second;
    return 0;
}

static void expect(enum lease_move move)
{
    assert_int_equal(lease_decide(&l, now, &wake), move);
    assert_true(wake > now);
}

static void write_ok(void)
{
    lease_write_started(&l, now);
    expect(LEASE_WAIT);
    now += 5000;
    lease_write_done(&l, now, true, false);
}

static void test_created_when_there_is_none(void **state)
{
    int64_t sent;

    (void)state;
    expect(LEASE_READ);
    assert_true(lease_until(&l) < now);
    lease_seen_absent(&l);
    expect(LEASE_CREATE);
    sent = now;
    write_ok();
    /* From when it was SENT: it may have taken effect at once. */
    assert_true(lease_until(&l) == sent + times.renew_deadline_us);
    expect(LEASE_WAIT);
    assert_true(wake == sent + times.retry_us);
    now = wake;
    expect(LEASE_RENEW);
}

static void test_what_we_gave_up_is_left_to_others_for_a_while(void **state)
{
    int64_t aside;

    (void)state;
    lease_seen_absent(&l);
    write_ok();
    aside = now;
    lease_set_aside(&l, now);
    assert_int_equal(lease_until(&l), 0);
    now += times.retry_us;
    expect(LEASE_READ);
    lease_seen(&l, now, false, true, true, second); /* free, as we made it */
    expect(LEASE_WAIT);
    assert_true(wake == aside + times.duration_us);
    now = wake;
    expect(LEASE_TAKE);
}

static void test_another_s_lease_is_over_by_our_clock_alone(void **state)
{
    (void)state;
    lease_seen(&l, now, false, false, true, 15 * second);
    expect(LEASE_WAIT);
    assert_true(wake == now + 15 * second);
    now += 14 * second;
    lease_seen(&l, now, false, false, false, 15 * second); /* read again, unchanged */
    now += second;
    expect(LEASE_TAKE);
    lease_seen(&l, now, false, false, true, 15 * second); /* it was renewed just now */
    expect(LEASE_WAIT);
    now += 20 * second;
    lease_seen(&l, now, false, false, true, 0); /* it names none: as long as ours */
    now += 15 * second - 1;
    expect(LEASE_WAIT);
    lease_seen(&l, now, false, false, true, 40 * second); /* the holder's own duration counts */
    assert_true(lease_others_until(&l) == now + 40 * second);
    now += 39 * second;
    expect(LEASE_WAIT);
    now += second;
    expect(LEASE_TAKE);
    lease_seen(&l, now, true, false, true, 15 * second); /* ours */
    assert_int_equal(lease_others_until(&l), 0);
    lease_seen(&l, now, false, true, true, 15 * second); /* nobody's */
    assert_int_equal(lease_others_until(&l), 0);
}

static void test_a_free_lease_is_taken_at_once_but_not_in_a_loop(void **state)
{
    (void)state;
    lease_seen(&l, now, false, true, true, 15 * second);
    expect(LEASE_TAKE);
    lease_write_started(&l, now);
    lease_write_done(&l, now, false, false);
    expect(LEASE_WAIT);
    assert_true(wake == now + times.retry_us);
    now = wake;
    expect(LEASE_TAKE);
}

/* Whoever lost the race for the lease does not sleep through the winner's clean stop. */
static void test_a_lease_that_is_released_is_taken_at_once_though_we_tried_just_now(void **state)
{
    (void)state;
    lease_seen_absent(&l);
    lease_write_started(&l, now);
    lease_write_done(&l, now, false, true);
    now += 1000;
    lease_seen(&l, now, false, false, true, 15 * second);
    expect(LEASE_WAIT);
    now += 1000;
    lease_seen(&l, now, false, true, true, 15 * second);
    expect(LEASE_TAKE);
}

static void test_a_conflict_means_somebody_else_was_first(void **state)
{
    (void)state;
    lease_seen(&l, now, false, true, true, 15 * second);
    write_ok();
    now += 2 * second;
    lease_write_started(&l, now);
    lease_write_done(&l, now, false, true);
    assert_true(lease_until(&l) == 0);
    now += 2 * second;
    expect(LEASE_READ);
    lease_seen(&l, now, false, false, true, 15 * second);
    expect(LEASE_WAIT);
}

/* A leader that cannot renew stops before anybody may take over. */
static void test_a_leader_that_cannot_renew_stops(void **state)
{
    int64_t sent = now, stop;

    (void)state;
    lease_seen_absent(&l);
    write_ok();
    stop = lease_until(&l);
    for (int i = 0; i < 8; i++) {
        now += 2 * second;
        lease_write_started(&l, now);
        lease_write_done(&l, now, false, false);
        assert_true(lease_until(&l) == stop);
    }
    assert_true(stop < sent + times.duration_us);
    expect(LEASE_WAIT);
    now += 2 * second;
    expect(LEASE_RENEW);
    write_ok();
    assert_true(lease_until(&l) > now);
}

static void test_taken_away(void **state)
{
    (void)state;
    lease_seen_absent(&l);
    write_ok();
    assert_true(lease_until(&l) > now);
    lease_seen(&l, now, false, false, true, 15 * second);
    assert_true(lease_until(&l) == 0);
    expect(LEASE_WAIT);
}

/* Our own name in it, from before a restart: no proof of leading until it was written anew. */
static void test_ours_from_a_former_life(void **state)
{
    (void)state;
    lease_seen(&l, now, true, false, true, 15 * second);
    assert_true(lease_until(&l) == 0);
    expect(LEASE_TAKE);
    write_ok();
    assert_true(lease_until(&l) > now);
    lease_seen(&l, now, true, false, true, 15 * second); /* our own write in the watch */
    assert_true(lease_until(&l) > now);
}

static void test_deleted_behind_our_back(void **state)
{
    (void)state;
    lease_seen_absent(&l);
    write_ok();
    lease_seen_absent(&l);
    assert_true(lease_until(&l) == 0);
    now += 2 * second;
    expect(LEASE_CREATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_what_we_gave_up_is_left_to_others_for_a_while, set_up),
        cmocka_unit_test_setup(test_created_when_there_is_none, set_up),
        cmocka_unit_test_setup(test_another_s_lease_is_over_by_our_clock_alone, set_up),
        cmocka_unit_test_setup(test_a_free_lease_is_taken_at_once_but_not_in_a_loop, set_up),
        cmocka_unit_test_setup(
            test_a_lease_that_is_released_is_taken_at_once_though_we_tried_just_now, set_up),
        cmocka_unit_test_setup(test_a_conflict_means_somebody_else_was_first, set_up),
        cmocka_unit_test_setup(test_a_leader_that_cannot_renew_stops, set_up),
        cmocka_unit_test_setup(test_taken_away, set_up),
        cmocka_unit_test_setup(test_ours_from_a_former_life, set_up),
        cmocka_unit_test_setup(test_deleted_behind_our_back, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
