/* The record between ConfigMap and struct. */
#include "app/state.h"

#include "../cmocka_test.h"

static void test_round_trip_keeps_unknown_keys(void **state)
{
    struct record r = {.target = 1,
                       .epoch = 7,
                       .main_run = "run-b",
                       .promoted = PROMOTED_FAILOVER,
                       .promoted_run = "run-b",
                       .from = 0,
                       .from_run = "run-a",
                       .sync = SYNC_UNPROVEN,
                       .sync_run = "run-c",
                       .transition = EPOCH_REFRESH,
                       .database = "db",
                       .fenced = 1U << 0 | 1U << 3};
    struct record back;
    json_t *before = json_pack("{s:s, s:s}", "later", "kept", "epoch", "6");
    json_t *data;

    (void)state;
    record_add_history(&r, "{\"epoch\":6}");
    record_add_history(&r, "{\"epoch\":7}");
    data = state_encode(&r, "mg", before);
    assert_string_equal(json_string_value(json_object_get(data, "later")), "kept");
    assert_string_equal(json_string_value(json_object_get(data, "epoch")), "7");
    assert_string_equal(json_string_value(json_object_get(data, "fenced")), "mg-0,mg-3");
    assert_int_equal(state_decode(data, &back).kind, FAIL_NONE);
    assert_memory_equal(&r, &back, sizeof r);
    json_decref(data);
    json_decref(before);
}

static void test_nonsense_is_refused(void **state)
{
    json_t *data = json_pack("{s:s, s:s, s:s, s:s, s:s}", "targetMainIndex", "2", "epoch", "1",
                             "mainRun", "r", "promoted", "initial:r", "sync", "none:initial");
    struct record r;
    struct fail f;

    (void)state;
    f = state_decode(data, &r);
    assert_int_equal(f.kind, FAIL_PROTOCOL);
    assert_string_equal(f.text, "targetMainIndex is '2': wanted 0 or 1");
    (void)json_object_set_new(data, "targetMainIndex", json_string("0"));
    assert_int_equal(state_decode(data, &r).kind, FAIL_NONE);
    (void)json_object_set_new(data, "history", json_string("not json"));
    assert_int_equal(state_decode(data, &r).kind, FAIL_NONE); /* no decision hangs on it */
    assert_int_equal(r.history_n, 0);
    (void)json_object_del(data, "sync");
    f = state_decode(data, &r);
    assert_string_equal(f.text, "sync is missing");
    json_decref(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip_keeps_unknown_keys),
        cmocka_unit_test(test_nonsense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
