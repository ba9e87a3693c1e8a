/* The lease: taken, kept, lost and left, against a server that checks versions. */
#include "app/election.h"

#include "app/state.h"

#include "desk.h"

static struct loop *loop;
static struct fake_api api;
static struct controller a, b;
static int64_t renew_ms, lease_ms; /* lease_ms 0: the desk's */

static int setup(void **state)
{
    (void)state;
    renew_ms = 400;
    lease_ms = 0;
    loop = loop_new();
    fake_api_start(&api, loop);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    desk_clear(&a);
    if (b.kube)
        desk_clear(&b);
    b.kube = NULL;
    fake_api_stop(&api);
    loop_free(loop);
    return 0;
}

static void start(struct controller *c, const char *identity)
{
    struct config config;

    desk_config(&config, identity, api.port);
    config.lease_renew_ms = renew_ms;
    if (lease_ms)
        config.lease_ms = lease_ms;
    desk_set(c, loop, &config);
    c->state = state_new(c);
    c->election = election_new(c);
}

static bool leads(struct controller *c)
{
    controller_view(c);
    return view_leading(&c->view);
}

static json_t *spec(const char *member)
{
    return json_object_get(json_object_get(fake_api_find(&api, "leases", "mg-controller"), "spec"),
                           member);
}

static bool held_by(const char *holder)
{
    const char *text = json_string_value(spec("holderIdentity"));

    return text && strcmp(text, holder) == 0;
}

static void test_creates_a_missing_lease(void **state)
{
    (void)state;
    start(&a, "a");
    assert_false(leads(&a)); /* never inside the call */
    WAIT_UNTIL(loop, leads(&a));
    assert_true(held_by("a"));
    assert_int_equal(json_integer_value(spec("leaseDurationSeconds")), 1);
    assert_int_equal(json_integer_value(spec("leaseTransitions")), 0);
    assert_string_equal(election_holder(a.election), "a");
}

/* The object counts in whole seconds: others must not hear less than we count ourselves. */
static void test_a_broken_second_is_rounded_up(void **state)
{
    (void)state;
    lease_ms = 1500;
    start(&a, "a");
    WAIT_UNTIL(loop, leads(&a));
    assert_int_equal(json_integer_value(spec("leaseDurationSeconds")), 2);
}

static void test_takes_a_free_one_and_renews_it(void **state)
{
    char first[64];

    (void)state;
    fake_api_put(&api, "leases", desk_lease("", 15));
    start(&a, "a");
    WAIT_UNTIL(loop, leads(&a));
    assert_int_equal(json_integer_value(spec("leaseTransitions")), 4);
    (void)str_copy(first, sizeof first, json_string_value(spec("acquireTime")));
    assert_string_not_equal(first, "2020-01-01T00:00:00.000000Z");
    WAIT_UNTIL(loop, api.writes >= 4); /* renewals */
    assert_true(leads(&a));
    assert_string_equal(json_string_value(spec("acquireTime")), first);
    assert_string_not_equal(json_string_value(spec("renewTime")), first);
    assert_int_equal(json_integer_value(spec("leaseTransitions")), 4);
}

/* A holder that renews no more is followed after ITS duration, by our clock. */
static void test_waits_for_anothers_duration(void **state)
{
    int64_t since_us = loop_now_us(loop);

    (void)state;
    fake_api_put(&api, "leases", desk_lease("gone", 1));
    start(&a, "a");
    WAIT_UNTIL(loop, leads(&a));
    assert_true(loop_now_us(loop) - since_us >= 1000 * 1000);
    assert_true(loop_now_us(loop) - since_us < 2000 * 1000);
}

static void test_released_one_is_taken_at_once(void **state)
{
    int64_t since_us;

    (void)state;
    fake_api_put(&api, "leases", desk_lease("other", 60));
    start(&a, "a");
    WAIT_UNTIL(loop, strcmp(election_holder(a.election), "other") == 0);
    WAIT_UNTIL(loop, fake_api_streams(&api) == 2);
    since_us = loop_now_us(loop);
    fake_api_put(&api, "leases", desk_lease("", 1));
    WAIT_UNTIL(loop, leads(&a));
    assert_true(loop_now_us(loop) - since_us < 500 * 1000);
}

static void test_deleted_one_is_created_anew(void **state)
{
    (void)state;
    fake_api_put(&api, "leases", desk_lease("other", 60));
    start(&a, "a");
    WAIT_UNTIL(loop, fake_api_streams(&api) == 2);
    fake_api_delete(&api, "leases", "mg-controller");
    WAIT_UNTIL(loop, leads(&a));
}

/* Somebody else wrote himself in: the next renewal is refused, and that ends it. */
static void test_loses_it_on_conflict(void **state)
{
    int64_t since_us;

    (void)state;
    renew_ms = 900;
    start(&a, "a");
    WAIT_UNTIL(loop, leads(&a));
    since_us = loop_now_us(loop);
    fake_api_put(&api, "leases", desk_lease("thief", 60));
    WAIT_UNTIL(loop, !leads(&a));
    assert_true(loop_now_us(loop) - since_us < 800 * 1000); /* not by the deadline */
    WAIT_UNTIL(loop, strcmp(election_holder(a.election), "thief") == 0);
    assert_true(held_by("thief"));
}

static void test_stops_at_the_deadline_while_the_api_is_away(void **state)
{
    int64_t until_us;

    (void)state;
    start(&a, "a");
    WAIT_UNTIL(loop, leads(&a) && api.writes >= 3);
    api.silent = true;
    for (int i = 0; i < 20; i++) /* for an answer that was on its way */
        desk_turn(loop);
    until_us = a.view.leader_until_us;
    assert_true(until_us <= loop_now_us(loop) + 400 * 1000);
    while (leads(&a)) {
        assert_int_equal(a.view.leader_until_us, until_us); /* no attempt moves it */
        desk_turn(loop);
    }
    assert_true(loop_now_us(loop) >= until_us);
    WAIT_UNTIL(loop, !a.view.leader); /* it is told, too, not just out of date */
    api.silent = false;
    WAIT_UNTIL(loop, leads(&a));
}

/* The connection was cut behind a renewal, which curl sent again by itself on another one: a
 * conflict with ourselves, which is found out. */
static void test_a_renewal_that_was_sent_twice(void **state)
{
    unsigned writes;

    (void)state;
    start(&a, "a");
    WAIT_UNTIL(loop, leads(&a));
    api.cuts_writes = true;
    writes = api.writes;
    WAIT_UNTIL(loop, api.writes > writes);
    api.cuts_writes = false;
    writes = api.writes;
    WAIT_UNTIL(loop, leads(&a) && api.writes > writes + 1);
    assert_true(held_by("a"));
}

/* The renewal came through and its answer never came: still ours, and led all the time. */
static void test_a_lost_answer_is_found_out(void **state)
{
    unsigned writes;

    (void)state;
    renew_ms = 900;
    start(&a, "a");
    WAIT_UNTIL(loop, leads(&a));
    api.holds_answers = true;
    writes = api.writes;
    WAIT_UNTIL(loop, api.writes > writes);
    api.holds_answers = false;
    writes = api.writes;
    while (api.writes < writes + 3) {
        desk_turn(loop);
        assert_true(leads(&a));
    }
    assert_true(held_by("a"));
}

/* The same when somebody deleted it meanwhile. */
static void test_a_lost_answer_and_a_lost_lease(void **state)
{
    unsigned writes;

    (void)state;
    renew_ms = 900;
    start(&a, "a");
    WAIT_UNTIL(loop, leads(&a));
    api.holds_answers = true;
    writes = api.writes;
    WAIT_UNTIL(loop, api.writes > writes);
    api.holds_answers = false;
    fake_api_delete(&api, "leases", "mg-controller");
    WAIT_UNTIL(loop, !a.view.leader);
    WAIT_UNTIL(loop, leads(&a));
    assert_true(held_by("a"));
}

static bool released;

static void on_released(void *arg)
{
    assert_ptr_equal(arg, &a);
    released = true;
}

static void test_releases_at_stop(void **state)
{
    unsigned writes;

    (void)state;
    start(&a, "a");
    WAIT_UNTIL(loop, leads(&a));
    released = false;
    election_release(a.election, on_released, &a);
    assert_false(leads(&a)); /* from the call on */
    assert_false(released);
    WAIT_UNTIL(loop, released);
    assert_true(held_by(""));
    writes = api.writes;
    for (int i = 0; i < 500; i++)
        desk_turn(loop);
    assert_int_equal(api.writes, writes); /* and it does not come back */
}

static void test_release_of_nothing_is_done_too(void **state)
{
    (void)state;
    fake_api_put(&api, "leases", desk_lease("other", 60));
    start(&a, "a");
    WAIT_UNTIL(loop, strcmp(election_holder(a.election), "other") == 0);
    released = false;
    election_release(a.election, on_released, &a);
    assert_false(released);
    WAIT_UNTIL(loop, released);
    assert_true(held_by("other"));
}

static void test_resigns_and_leaves_it_aside(void **state)
{
    int64_t since_us;

    (void)state;
    start(&a, "a");
    WAIT_UNTIL(loop, leads(&a));
    since_us = loop_now_us(loop);
    election_resign(a.election);
    assert_false(leads(&a));
    election_resign(a.election); /* not held: nothing */
    WAIT_UNTIL(loop, held_by(""));
    WAIT_UNTIL(loop, leads(&a)); /* nobody else wanted it */
    assert_true(loop_now_us(loop) - since_us >= 1000 * 1000);
}

/* Nothing that the server does makes two of them lead at once. */
static void test_two_never_lead_at_once(void **state)
{
    static const char *const deaf[] = {"\"a\"", "\"b\"", NULL};
    unsigned changes = 0;
    struct controller *last = NULL;

    (void)state;
    start(&a, "a");
    start(&b, "b");
    for (unsigned round = 0; round < 4; round++) {
        int64_t end_us = loop_now_us(loop) + 1500 * 1000;

        api.deaf_to = deaf[round % 2]; /* one that cannot renew, with every other request served */
        while (loop_now_us(loop) < end_us) {
            desk_turn(loop);
            assert_false(leads(&a) && leads(&b));
            if (leads(&a) && last != &a) {
                last = &a;
                changes++;
            } else if (leads(&b) && last != &b) {
                last = &b;
                changes++;
            }
        }
    }
    assert_true(changes >= 3); /* and both do, in turn */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(creates_a_missing_lease),        TEST(a_broken_second_is_rounded_up),
        TEST(takes_a_free_one_and_renews_it), TEST(waits_for_anothers_duration),
        TEST(released_one_is_taken_at_once),  TEST(deleted_one_is_created_anew),
        TEST(loses_it_on_conflict),           TEST(stops_at_the_deadline_while_the_api_is_away),
        TEST(a_renewal_that_was_sent_twice),  TEST(a_lost_answer_is_found_out),
        TEST(a_lost_answer_and_a_lost_lease), TEST(releases_at_stop),
        TEST(release_of_nothing_is_done_too), TEST(resigns_and_leaves_it_aside),
        TEST(two_never_lead_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
