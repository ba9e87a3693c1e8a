/* What clients felt, in the record: this replica's part beside the others', at a time when nobody
 * decides. Delays are a thousandth. */
#include "app/felt.h"

#include "app/flights.h"
#include "app/routes.h"
#include "app/state.h"

#include "desk.h"

static struct loop *loop;
static struct fake_api api;
static struct controller c;

void __real_timer_start(struct timer *t, int64_t after_us);
void __wrap_timer_start(struct timer *t, int64_t after_us);

void __wrap_timer_start(struct timer *t, int64_t after_us)
{
    __real_timer_start(t, after_us >= 1000 * 1000 ? after_us / 1000 : after_us);
}

static int setup(void **state)
{
    struct fail why;

    (void)state;
    loop = desk_setup(&c, &api, NULL);
    c.routes = routes_new(&c, &why);
    c.felt = felt_new(&c);
    c.view.record_exists = c.view.record_known = true;
    c.view.record.epoch = 4;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    felt_free(c.felt);
    desk_teardown(&c, &api);
    return 0;
}

/* The history has the epochs 4 and 5. */
static void put(const char *clients)
{
    struct record r = desk_record(5);
    json_t *data;

    record_add_history(&r, "{\"epoch\":4}");
    record_add_history(&r, "{\"epoch\":5}");
    data = state_encode(&r, "mg", NULL);
    (void)json_object_set_new(data, "ofTheFuture", json_string("kept"));
    if (clients)
        (void)json_object_set_new(data, "clients", json_string(clients));
    fake_api_put(&api, "configmaps", desk_configmap(data));
}

static const char *stored(const char *key)
{
    json_t *data = json_object_get(fake_api_find(&api, "configmaps", "mg-state"), "data");
    const char *text = json_string_value(json_object_get(data, key));

    return text ? text : "";
}

/* A failover of epoch 5 that this replica led: 50 ms, two sessions were cut. */
static void fly(void)
{
    c.view.record.epoch = 4;
    c.view.now_us = 2000 * 1000;
    c.plan.gate.state = GATE_CUT;
    flights_follow(c.flights);
    flights_cut(c.flights, 2);
    c.view.work = (struct epoch_work){.epoch = 5, .detected_at = 1990 * 1000};
    c.view.record.epoch = 5;
    c.view.now_us = 2050 * 1000;
    c.plan.gate.state = GATE_OPEN;
    flights_follow(c.flights);
}

#define OURS "{\"cut\":2,\"led\":true,\"parked\":0,\"route\":60,\"shut\":10,\"shutMs\":50}"
#define OTHERS                                                                                     \
    "{\"answer\":77,\"cut\":3,\"led\":false,\"parked\":4,\"route\":70,\"shut\":0,\"shutMs\":70}"

static void test_our_part_is_written_beside_the_others(void **state)
{
    (void)state;
    put("{\"2\":{\"you\":{}},\"5\":{\"you\":" OTHERS "}}");
    fly();
    WAIT_UNTIL(loop, strstr(stored("clients"), "\"me\""));
    /* Epoch 2 is in the history no more. */
    assert_string_equal(stored("clients"), "{\"5\":{\"me\":" OURS ",\"you\":" OTHERS "}}");
    assert_string_equal(stored("ofTheFuture"), "kept");
    assert_string_equal(stored("epoch"), "5");
    assert_int_equal(api.writes, 1);
    felt_ended(c.felt); /* nothing new */
    WAIT_UNTIL(loop, api.reads == 2);
    assert_int_equal(api.writes, 1);
}

static void test_it_waits_while_somebody_decides(void **state)
{
    (void)state;
    put(NULL);
    c.view.record.transition = EPOCH_REFRESH;
    fly();
    for (int i = 0; i < 100; i++)
        desk_turn(loop);
    assert_int_equal(api.reads, 0);
    c.view.record.transition = EPOCH_NONE;
    WAIT_UNTIL(loop, api.writes == 1);
}

static void test_it_is_tried_again(void **state)
{
    (void)state;
    put(NULL);
    api.silent = true;
    fly();
    for (int i = 0; i < 100; i++)
        desk_turn(loop);
    api.silent = false;
    WAIT_UNTIL(loop, api.writes == 1);
    assert_string_equal(stored("clients"), "{\"5\":{\"me\":" OURS "}}");
}

static void test_nonsense_is_replaced(void **state)
{
    (void)state;
    put("[1, \"x\"");
    fly();
    WAIT_UNTIL(loop, api.writes == 1);
    assert_string_equal(stored("clients"), "{\"5\":{\"me\":" OURS "}}");
}

static json_int_t number(json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void test_counts_are_summed_and_times_are_the_leaders(void **state)
{
    json_t *written, *all, *ms;

    (void)state;
    c.state = state_new(&c);
    put("{\"5\":{\"a\":" OTHERS ",\"b\":" OTHERS "}}");
    WAIT_UNTIL(loop, state_text(c.state, "clients"));
    written = felt_written(&c);
    all = felt_of(&c, written, 5); /* nobody of them led */
    assert_int_equal(number(all, "sessionsCut"), 6);
    assert_int_equal(number(all, "parkedMost"), 8);
    assert_int_equal(number(json_object_get(all, "ms"), "firstAnswer"), 77);
    json_decref(all);
    fly(); /* not written yet */
    all = felt_of(&c, written, 5);
    ms = json_object_get(all, "ms");
    assert_int_equal(number(all, "sessionsCut"), 8);
    assert_int_equal(number(all, "shutMs"), 70);
    assert_int_equal(number(ms, "shut"), 10);
    assert_int_equal(number(ms, "route"), 60);
    assert_true(json_is_null(json_object_get(ms, "firstAnswer")));
    assert_int_equal(json_array_size(json_object_get(all, "replicas")), 3);
    json_decref(all);
    all = felt_of(&c, written, 4);
    assert_true(json_is_null(all));
    json_decref(all);
    json_decref(written);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_our_part_is_written_beside_the_others, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_it_waits_while_somebody_decides, setup, teardown),
        cmocka_unit_test_setup_teardown(test_it_is_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nonsense_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_counts_are_summed_and_times_are_the_leaders, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
