/* What clients felt of a transition: the gate, the sessions that were cut, the first answer. */
#include "app/flights.h"

#include "app/routes.h"

#include "desk.h"

static struct loop *loop;
static struct fake_api api;
static struct controller c;

static int setup(void **state)
{
    struct fail why;

    (void)state;
    loop = desk_setup(&c, &api, NULL);
    c.routes = routes_new(&c, &why);
    c.view.record_exists = true;
    c.view.record.epoch = 4;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    desk_teardown(&c, &api);
    return 0;
}

static void at(int64_t ms, enum gate_state gate, int64_t epoch, enum epoch_kind transition)
{
    c.view.now_us = ms * 1000;
    c.plan.gate.state = gate;
    c.view.record.epoch = epoch;
    c.view.record.transition = transition;
    flights_follow(c.flights);
}

static json_t *clients_of(int64_t epoch)
{
    char entry[100];
    json_t *json, *clients;

    c.view.record.history_n = 0;
    (void)str_format(entry, sizeof entry, "{\"epoch\":%lld,\"at\":1000,\"ms\":{}}",
                     (long long)epoch);
    record_add_history(&c.view.record, entry);
    json = flights_json(&c);
    clients = json_incref(
        json_object_get(json_array_get(json_object_get(json, "transitions"), 0), "clients"));
    json_decref(json);
    return clients;
}

static json_int_t ms_of(json_t *clients, const char *what)
{
    return json_integer_value(json_object_get(json_object_get(clients, "ms"), what));
}

static void test_failover(void **state)
{
    json_t *clients;

    (void)state;
    at(1000, GATE_OPEN, 4, EPOCH_NONE);
    at(2000, GATE_CUT, 4, EPOCH_NONE);
    flights_cut(c.flights, 3);
    c.view.work = (struct epoch_work){.epoch = 5, .detected_at = 1990 * 1000};
    at(2010, GATE_CUT, 5, EPOCH_FAILOVER);
    at(2050, GATE_OPEN, 5, EPOCH_NONE);
    flights_cut(c.flights, 1); /* one that came late */
    assert_null(flights_of(c.flights, 4));
    assert_int_equal(flights_of(c.flights, 5)->cut, 4);
    assert_int_equal(flights_of(c.flights, 5)->answer_us, 0);
    flights_answer(c.flights);
    assert_int_not_equal(flights_of(c.flights, 5)->answer_us, 0);
    clients = clients_of(5);
    assert_int_equal(json_integer_value(json_object_get(clients, "sessionsCut")), 4);
    assert_int_equal(json_integer_value(json_object_get(clients, "shutMs")), 50);
    assert_int_equal(ms_of(clients, "shut"), 10);
    assert_int_equal(ms_of(clients, "route"), 60);
    json_decref(clients);
}

/* Another controller led it: what is felt is counted from the gate. */
static void test_without_the_leaders_times(void **state)
{
    json_t *clients;

    (void)state;
    at(1000, GATE_OPEN, 4, EPOCH_NONE);
    at(2000, GATE_HOLD, 5, EPOCH_REFRESH);
    at(2030, GATE_OPEN, 5, EPOCH_NONE);
    clients = clients_of(5);
    assert_int_equal(ms_of(clients, "shut"), 0);
    assert_int_equal(ms_of(clients, "route"), 30);
    assert_true(json_is_null(json_object_get(json_object_get(clients, "ms"), "firstAnswer")));
    json_decref(clients);
}

static void test_a_hold_without_a_transition_is_none(void **state)
{
    json_t *clients;

    (void)state;
    at(1000, GATE_OPEN, 4, EPOCH_NONE);
    at(2000, GATE_HOLD, 4, EPOCH_NONE);
    at(2500, GATE_OPEN, 4, EPOCH_NONE);
    clients = clients_of(4);
    assert_true(json_is_null(clients));
    json_decref(clients);
    flights_answer(c.flights); /* of nothing */
    flights_cut(c.flights, 2);
    assert_null(flights_of(c.flights, 4));
}

/* S joins as soon as the gate has opened: the first answer comes in that hold, or after it. */
static void test_an_answer_after_two(void **state)
{
    int64_t answered_us;

    (void)state;
    at(1000, GATE_OPEN, 4, EPOCH_NONE);
    at(2000, GATE_CUT, 5, EPOCH_FAILOVER);
    at(2050, GATE_OPEN, 5, EPOCH_NONE);
    at(2060, GATE_HOLD, 6, EPOCH_REFRESH);
    flights_answer(c.flights);
    answered_us = flights_of(c.flights, 5)->answer_us;
    assert_int_not_equal(answered_us, 0);
    at(2080, GATE_OPEN, 6, EPOCH_NONE);
    assert_int_equal(flights_of(c.flights, 6)->answer_us, 0);
    at(3000, GATE_HOLD, 7, EPOCH_REFRESH);
    at(3020, GATE_OPEN, 7, EPOCH_NONE);
    flights_answer(c.flights);
    assert_int_not_equal(flights_of(c.flights, 6)->answer_us, 0);
    assert_int_not_equal(flights_of(c.flights, 7)->answer_us, 0);
    assert_int_equal(flights_of(c.flights, 5)->answer_us, answered_us);
}

/* A follower may hear of the record when all is over: its link had told it. */
static void test_a_follower_that_hears_late(void **state)
{
    json_t *clients;

    (void)state;
    at(1000, GATE_OPEN, 4, EPOCH_NONE);
    at(2000, GATE_CUT, 4, EPOCH_NONE);
    flights_cut(c.flights, 2);
    at(2100, GATE_OPEN, 5, EPOCH_NONE);
    clients = clients_of(5);
    assert_int_equal(json_integer_value(json_object_get(clients, "sessionsCut")), 2);
    assert_int_equal(json_integer_value(json_object_get(clients, "shutMs")), 100);
    json_decref(clients);
}

/* Who has just started finds an epoch that was begun long before. */
static void test_a_start_is_no_transition(void **state)
{
    (void)state;
    c.view.record_exists = false;
    at(1000, GATE_CUT, 0, EPOCH_NONE);
    c.view.record_exists = true;
    at(1100, GATE_CUT, 4, EPOCH_NONE);
    at(1200, GATE_OPEN, 4, EPOCH_NONE);
    assert_null(flights_of(c.flights, 4));
}

static void test_times_of_an_entry(void **state)
{
    json_t *json, *entry;

    (void)state;
    record_add_history(&c.view.record, "{\"epoch\":4,\"at\":1700000000500,\"ms\":{\"open\":400}}");
    json = flights_json(&c);
    entry = json_array_get(json_object_get(json, "transitions"), 0);
    assert_string_equal(json_string_value(json_object_get(entry, "at")),
                        "2023-11-14T22:13:20.500000Z");
    assert_string_equal(json_string_value(json_object_get(entry, "since")),
                        "2023-11-14T22:13:20.100000Z");
    json_decref(json);
}

static void test_the_oldest_are_forgotten(void **state)
{
    (void)state;
    for (int64_t i = 1; i <= FLIGHTS_MAX + 2; i++) {
        at(i * 100, GATE_CUT, i, EPOCH_FAILOVER);
        at(i * 100 + 50, GATE_OPEN, i, EPOCH_NONE);
    }
    assert_null(flights_of(c.flights, 2));
    assert_non_null(flights_of(c.flights, 3));
    assert_non_null(flights_of(c.flights, FLIGHTS_MAX + 2));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(failover),
        TEST(without_the_leaders_times),
        TEST(a_hold_without_a_transition_is_none),
        TEST(an_answer_after_two),
        TEST(a_follower_that_hears_late),
        TEST(a_start_is_no_transition),
        TEST(times_of_an_entry),
        TEST(the_oldest_are_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
