/* What is written into the record beside the leader: one key, against the record as it is now. */
#include "app/note.h"

#include "app/state.h"

#include "desk.h"

static struct loop *loop;
static struct fake_api api;
static struct controller c;

static struct fail outcome;
static struct record seen;
static unsigned dones, checks;
static bool check_says;

static int setup(void **state)
{
    (void)state;
    loop = desk_setup(&c, &api, NULL);
    dones = checks = 0;
    check_says = true;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    desk_teardown(&c, &api);
    return 0;
}

static void put(int64_t epoch)
{
    struct record r = desk_record(epoch);
    json_t *data = state_encode(&r, "mg", NULL);

    (void)json_object_set_new(data, "ofTheFuture", json_string("kept"));
    fake_api_put(&api, "configmaps", desk_configmap(data));
}

static const char *stored(const char *key)
{
    json_t *data = json_object_get(fake_api_find(&api, "configmaps", "mg-state"), "data");

    return json_string_value(json_object_get(data, key));
}

static bool on_check(const struct record *r, char why[WHY_SIZE])
{
    checks++;
    seen = *r;
    (void)str_copy(why, WHY_SIZE, "the check says no");
    return check_says;
}

static void on_done(void *arg, const struct fail *why, const struct record *record)
{
    (void)arg;
    dones++;
    outcome = *why;
    assert_int_equal(record != NULL, why->kind == FAIL_NONE);
    if (record)
        seen = *record;
}

static void run_note(const char *key, const char *text)
{
    unsigned before = dones;

    (void)note_write(&c, key, text, on_check, on_done, NULL);
    assert_int_equal(dones, before);
    WAIT_UNTIL(loop, dones == before + 1);
}

static void test_one_key_is_changed_and_no_other(void **state)
{
    (void)state;
    put(4);
    run_note("request", "refresh@1000");
    assert_int_equal(outcome.kind, FAIL_NONE);
    assert_int_equal(checks, 1);
    assert_int_equal(seen.epoch, 4);
    assert_string_equal(stored("request"), "refresh@1000");
    assert_string_equal(stored("epoch"), "4");
    assert_string_equal(stored("ofTheFuture"), "kept");
    assert_string_equal(stored("sync"), "ready:run-b");
    run_note("paused", "ann@1..");
    assert_string_equal(stored("paused"), "ann@1..");
    assert_string_equal(stored("request"), "refresh@1000");
}

static void test_conflict_is_read_and_judged_again(void **state)
{
    (void)state;
    put(4);
    api.holds_reads = true;
    (void)note_write(&c, "request", "refresh@1000", on_check, on_done, NULL);
    WAIT_UNTIL(loop, api.reads == 1);
    put(5); /* the leader writes between our read and our write */
    api.holds_reads = false;
    fake_api_release(&api);
    WAIT_UNTIL(loop, dones == 1);
    assert_int_equal(outcome.kind, FAIL_NONE);
    assert_int_equal(checks, 2);
    assert_int_equal(seen.epoch, 5);
    assert_string_equal(stored("epoch"), "5");
    assert_string_equal(stored("request"), "refresh@1000");
}

static void test_check_keeps_it_from_being_written(void **state)
{
    (void)state;
    put(4);
    check_says = false;
    run_note("request", "refresh@1000");
    assert_int_equal(outcome.kind, FAIL_CONFLICT);
    assert_string_equal(outcome.text, "the check says no");
    assert_int_equal(api.writes, 0);
    assert_string_equal(stored("request"), "");
}

static void test_lost_answer_is_read(void **state)
{
    (void)state;
    put(4);
    api.cuts_writes = true;
    run_note("request", "refresh@1000");
    assert_int_equal(outcome.kind, FAIL_NONE);
    assert_int_equal(api.writes, 1);
    assert_string_equal(stored("request"), "refresh@1000");
}

/* Its first try was written, the leader has served it, and only then the answer got lost. */
static void test_what_was_served_is_not_asked_for_again(void **state)
{
    struct record r = desk_record(4);

    (void)state;
    (void)str_copy(r.answer, sizeof r.answer, "switchover@1000: served");
    fake_api_put(&api, "configmaps", desk_configmap(state_encode(&r, "mg", NULL)));
    run_note("request", "switchover@1000");
    assert_int_equal(outcome.kind, FAIL_NONE);
    assert_int_equal(api.writes, 0);
    run_note("request", "switchover@10"); /* another one */
    assert_string_equal(stored("request"), "switchover@10");
}

static void test_no_record_and_no_api_server(void **state)
{
    (void)state;
    run_note("request", "refresh@1000");
    assert_int_equal(outcome.kind, FAIL_GONE);
    assert_int_equal(api.writes, 0);
    fake_api_stop(&api);
    run_note("request", "refresh@1000");
    fake_api_start(&api, loop); /* for the teardown */
    assert_int_equal(outcome.kind, FAIL_UNREACHABLE);
}

static void test_silence_is_not_waited_out(void **state)
{
    (void)state;
    put(4);
    api.silent = true; /* it does not even answer a read: nothing was written */
    run_note("request", "refresh@1000");
    assert_int_equal(outcome.kind, FAIL_UNREACHABLE);
    assert_true(api.reads <= 2);
    api.silent = false;
    api.holds_answers = true; /* it writes, says nothing, and then answers no read, either */
    (void)note_write(&c, "request", "refresh@1000", on_check, on_done, NULL);
    WAIT_UNTIL(loop, api.writes == 1);
    api.silent = true;
    WAIT_UNTIL(loop, dones == 2);
    assert_int_equal(outcome.kind, FAIL_TIMEOUT);
    assert_non_null(strstr(outcome.text, "it may have been written all the same"));
    assert_string_equal(stored("request"), "refresh@1000");
    api.silent = api.holds_answers = false;
}

static void test_reading_only(void **state)
{
    (void)state;
    put(7);
    (void)note_read(&c, on_done, NULL);
    WAIT_UNTIL(loop, dones == 1);
    assert_int_equal(seen.epoch, 7);
    assert_int_equal(api.writes, 0);
}

static void test_nonsense_is_no_record(void **state)
{
    (void)state;
    fake_api_put(&api, "configmaps", desk_configmap(json_pack("{s:s}", "epoch", "many")));
    run_note("request", "refresh@1000");
    assert_int_equal(outcome.kind, FAIL_PROTOCOL);
    assert_int_equal(api.writes, 0);
}

static void test_cancelled_says_nothing(void **state)
{
    struct note *n;

    (void)state;
    put(4);
    api.silent = true;
    n = note_write(&c, "request", "refresh@1000", on_check, on_done, NULL);
    desk_turn(loop);
    note_cancel(n);
    api.silent = false;
    run_note("paused", "ann@1..");
    assert_int_equal(dones, 1);
    assert_string_equal(stored("request"), "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(one_key_is_changed_and_no_other),
        TEST(conflict_is_read_and_judged_again),
        TEST(check_keeps_it_from_being_written),
        TEST(lost_answer_is_read),
        TEST(what_was_served_is_not_asked_for_again),
        TEST(no_record_and_no_api_server),
        TEST(silence_is_not_waited_out),
        TEST(reading_only),
        TEST(nonsense_is_no_record),
        TEST(cancelled_says_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
