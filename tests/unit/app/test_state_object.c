/* The record as an object of an API server: read, watched, written, and never going back. */
#include "app/state.h"

#include "desk.h"

static struct loop *loop;
static struct fake_api api;
static struct controller c;

/* As another controller, or a person, wrote it. */
static json_t *object_of(int64_t epoch)
{
    struct record r = desk_record(epoch);

    return desk_configmap(state_encode(&r, "mg", NULL));
}

static int setup(void **state)
{
    (void)state;
    loop = desk_setup(&c, &api, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    desk_teardown(&c, &api);
    return 0;
}

/* The record is there, read, and watched. */
static void start_with(json_t *object)
{
    if (object)
        fake_api_put(&api, "configmaps", object);
    c.state = state_new(&c);
    WAIT_UNTIL(loop, c.view.record_known && fake_api_streams(&api) == 1);
}

static void write_epoch(int64_t epoch)
{
    struct record r = desk_record(epoch);

    state_write(c.state, &r);
}

static bool epoch_is(int64_t epoch)
{
    return c.view.record_known && c.view.record_exists && c.view.record.epoch == epoch;
}

static const char *stored(const char *key)
{
    json_t *data = json_object_get(fake_api_find(&api, "configmaps", "mg-state"), "data");

    return json_string_value(json_object_get(data, key));
}

static json_t *member(json_t *object, const char *name)
{
    return json_object_get(json_object_get(object, "metadata"), name);
}

static void test_creates_then_writes_with_the_version(void **state)
{
    (void)state;
    start_with(NULL);
    assert_false(c.view.record_exists);
    write_epoch(1);
    assert_true(c.view.writing);
    WAIT_UNTIL(loop, epoch_is(1));
    assert_false(c.view.writing);
    assert_null(member(api.last, "resourceVersion"));
    assert_string_equal(
        json_string_value(json_object_get(member(api.last, "labels"), "app.kubernetes.io/name")),
        "mg");
    write_epoch(2);
    WAIT_UNTIL(loop, epoch_is(2));
    assert_string_equal(json_string_value(member(api.last, "resourceVersion")), "1");
    write_epoch(3); /* and with the version of the answer, not of the watch */
    WAIT_UNTIL(loop, epoch_is(3));
    assert_string_equal(json_string_value(member(api.last, "resourceVersion")), "2");
    assert_string_equal(stored("epoch"), "3");
}

static void test_conflict_is_read_again(void **state)
{
    (void)state;
    start_with(object_of(4));
    api.holds_events = true;
    fake_api_put(&api, "configmaps", object_of(5)); /* which we have not heard of */
    api.holds_reads = true;
    write_epoch(9);
    WAIT_UNTIL(loop, !c.view.writing);
    assert_false(c.view.record_known); /* not before it was read */
    assert_int_equal(c.view.write_retry_at, 0);
    WAIT_UNTIL(loop, api.reads == 1);
    fake_api_release(&api);
    WAIT_UNTIL(loop, epoch_is(5));
    assert_string_equal(stored("epoch"), "5");
    write_epoch(6);
    WAIT_UNTIL(loop, epoch_is(6));
    assert_string_equal(stored("epoch"), "6");
}

static void test_creation_that_was_overtaken_is_read(void **state)
{
    (void)state;
    start_with(NULL);
    api.holds_events = true;
    fake_api_put(&api, "configmaps", object_of(5));
    write_epoch(1);
    WAIT_UNTIL(loop, epoch_is(5));
}

static void test_lost_answer_is_read(void **state)
{
    (void)state;
    start_with(object_of(4));
    api.holds_events = true; /* so that nothing but a read can tell */
    api.cuts_writes = api.holds_reads = true;
    write_epoch(5);
    WAIT_UNTIL(loop, !c.view.writing);
    assert_false(c.view.record_known);
    assert_true(c.view.write_retry_at > 0);
    WAIT_UNTIL(loop, api.reads == 1);
    fake_api_release(&api);
    WAIT_UNTIL(loop, epoch_is(5));
    assert_int_equal(api.reads, 1);
}

static void test_unanswered_read_is_tried_again(void **state)
{
    unsigned reads;

    (void)state;
    start_with(object_of(4));
    api.silent = true;
    state_read(c.state);
    assert_false(c.view.record_known);
    WAIT_UNTIL(loop, !c.view.record_known && loop_now_us(loop) - c.view.now_us > 100 * 1000);
    api.silent = false;
    reads = api.reads;
    WAIT_UNTIL(loop, epoch_is(4));
    assert_true(api.reads > reads);
}

/* The answer comes first, then the watch with what was before, with our own, and with another's. */
static void test_watch_behind_our_write_does_not_lead_back(void **state)
{
    (void)state;
    start_with(object_of(4));
    api.holds_events = true;
    fake_api_put(&api, "configmaps", object_of(5));
    state_read(c.state); /* we know it, the watch does not tell yet */
    WAIT_UNTIL(loop, epoch_is(5));
    write_epoch(6);
    WAIT_UNTIL(loop, epoch_is(6));
    fake_api_release_events(&api);
    for (int i = 0; i < 50; i++) {
        desk_turn(loop);
        assert_true(epoch_is(6));
    }
    fake_api_put(&api, "configmaps", object_of(7));
    WAIT_UNTIL(loop, epoch_is(7));
}

/* The same with a read that is newer than the watch. */
static void test_watch_behind_our_read_does_not_lead_back(void **state)
{
    json_t *older;

    (void)state;
    start_with(object_of(4));
    api.holds_events = true;
    fake_api_put(&api, "configmaps", object_of(5));
    older = json_deep_copy(fake_api_find(&api, "configmaps", "mg-state"));
    fake_api_put(&api, "configmaps", object_of(6));
    state_read(c.state);
    WAIT_UNTIL(loop, epoch_is(6));
    fake_api_tell(&api, "configmaps", "MODIFIED", older);
    json_decref(older);
    for (int i = 0; i < 50; i++) {
        desk_turn(loop);
        assert_true(epoch_is(6));
    }
    fake_api_release_events(&api);
    for (int i = 0; i < 50; i++) {
        desk_turn(loop);
        assert_true(epoch_is(6));
    }
    fake_api_put(&api, "configmaps", object_of(7));
    WAIT_UNTIL(loop, epoch_is(7));
}

/* The watch is faster than the answer: our own event is over when the answer comes. */
static void test_watch_before_the_answer_leaves_no_deafness(void **state)
{
    unsigned reads;

    (void)state;
    start_with(object_of(4));
    api.holds_answers = true;
    write_epoch(5);
    WAIT_UNTIL(loop, stored("epoch")[0] == '5');
    for (int i = 0; i < 50; i++) /* the event is told, and must not count as known */
        desk_turn(loop);
    assert_true(c.view.writing);
    assert_int_equal(c.view.record.epoch, 4);
    reads = api.reads;
    fake_api_release(&api);
    WAIT_UNTIL(loop, epoch_is(5));
    assert_int_equal(api.reads, reads);
    fake_api_put(&api, "configmaps", object_of(6));
    WAIT_UNTIL(loop, epoch_is(6));
}

/* Somebody wrote behind us, and the watch told it before our own answer came. */
static void test_foreign_change_during_our_write_is_not_lost(void **state)
{
    (void)state;
    start_with(object_of(4));
    api.holds_answers = true;
    write_epoch(5);
    WAIT_UNTIL(loop, stored("epoch")[0] == '5');
    fake_api_put(&api, "configmaps", object_of(6));
    for (int i = 0; i < 50; i++)
        desk_turn(loop);
    fake_api_release(&api);
    WAIT_UNTIL(loop, epoch_is(6));
}

static void test_foreign_change_during_our_read_is_not_lost(void **state)
{
    (void)state;
    start_with(object_of(4));
    api.holds_reads = true;
    state_read(c.state);
    WAIT_UNTIL(loop, api.reads == 1);
    fake_api_put(&api, "configmaps", object_of(5)); /* younger than the answer that is held */
    for (int i = 0; i < 50; i++)
        desk_turn(loop);
    fake_api_release(&api);
    WAIT_UNTIL(loop, epoch_is(5));
}

/* The watch is over (410), and a list follows. */
static void end_watch(void)
{
    json_t *expired = json_pack("{s:s, s:i}", "kind", "Status", "code", 410);
    unsigned lists = api.lists;

    fake_api_tell(&api, "configmaps", "ERROR", expired);
    WAIT_UNTIL(loop, api.lists == lists + 1);
    json_decref(expired);
}

/* The list was made before our write, and comes after its answer. */
static void test_list_from_before_our_write_does_not_lead_back(void **state)
{
    (void)state;
    start_with(object_of(4));
    api.holds_lists = true;
    end_watch();
    write_epoch(5);
    WAIT_UNTIL(loop, epoch_is(5));
    fake_api_release(&api);
    for (int i = 0; i < 50; i++) {
        desk_turn(loop);
        assert_int_equal(c.view.record.epoch, 5);
        assert_true(c.view.record_exists);
    }
    WAIT_UNTIL(loop, epoch_is(5) && fake_api_streams(&api) == 1);
    fake_api_put(&api, "configmaps", object_of(6));
    WAIT_UNTIL(loop, epoch_is(6));
}

/* The list is younger than the read that is under way, and the watch begins behind it. */
static void test_list_during_our_read_is_not_lost(void **state)
{
    (void)state;
    start_with(object_of(4));
    api.holds_reads = api.holds_events = true;
    state_read(c.state);
    WAIT_UNTIL(loop, api.reads == 1);
    fake_api_put(&api, "configmaps", object_of(5));
    end_watch();
    WAIT_UNTIL(loop, fake_api_streams(&api) == 1);
    fake_api_release(&api);
    WAIT_UNTIL(loop, epoch_is(5));
}

static void test_deletion_and_another_creation(void **state)
{
    (void)state;
    start_with(object_of(4));
    fake_api_delete(&api, "configmaps", "mg-state");
    WAIT_UNTIL(loop, !c.view.record_exists);
    assert_true(c.view.record_known);
    write_epoch(1);
    WAIT_UNTIL(loop, epoch_is(1));
    assert_null(member(api.last, "resourceVersion")); /* created, not written over */
}

/* Nonsense is broken, and mended by the next sense. */
static void test_nonsense_is_broken_until_mended(void **state)
{
    json_t *object = object_of(5), *data = json_object_get(object, "data");

    (void)state;
    start_with(object_of(4));
    (void)json_object_set_new(data, "targetMainIndex", json_string("7"));
    fake_api_put(&api, "configmaps", object);
    WAIT_UNTIL(loop, c.view.record_broken);
    assert_string_equal(c.view.record_why, "targetMainIndex is '7': wanted 0 or 1");
    assert_int_equal(c.view.record.epoch, 4); /* what is routed by goes on */
    fake_api_put(&api, "configmaps", object_of(6));
    WAIT_UNTIL(loop, epoch_is(6));
    assert_false(c.view.record_broken);
    fake_api_put(&api, "configmaps", json_pack("{s:{s:s}}", "metadata", "name", "mg-state"));
    WAIT_UNTIL(loop, c.view.record_broken);
    assert_string_equal(c.view.record_why, "it has no data");
    fake_api_delete(&api, "configmaps", "mg-state"); /* and so by a person who starts anew */
    WAIT_UNTIL(loop, !c.view.record_broken);
    assert_false(c.view.record_exists);
}

/* Somebody has restored an older one: nothing is done by it, and the gateways go on as before. */
static void test_a_record_from_a_backup_is_broken_until_deleted(void **state)
{
    (void)state;
    start_with(object_of(7));
    fake_api_put(&api, "configmaps", object_of(6));
    WAIT_UNTIL(loop, c.view.record_broken);
    assert_non_null(strstr(c.view.record_why, "from epoch 7 to 6"));
    assert_int_equal(c.view.record.epoch, 7);
    fake_api_put(&api, "configmaps", object_of(7)); /* it is put back */
    WAIT_UNTIL(loop, !c.view.record_broken);
    fake_api_put(&api, "configmaps", object_of(6));
    WAIT_UNTIL(loop, c.view.record_broken);
    fake_api_delete(&api, "configmaps", "mg-state");
    WAIT_UNTIL(loop, c.view.record_known && !c.view.record_exists);
    fake_api_put(&api, "configmaps", object_of(1));
    WAIT_UNTIL(loop, epoch_is(1));
}

/* Nobody told us that it was deleted, and made anew. */
static void test_another_object_may_begin_again(void **state)
{
    json_t *object = object_of(1);

    (void)state;
    start_with(object_of(7));
    json_object_set_new(json_object_get(object, "metadata"), "uid", json_string("another"));
    fake_api_put(&api, "configmaps", object);
    WAIT_UNTIL(loop, epoch_is(1));
}

static void test_a_record_of_the_reference_controller_is_none(void **state)
{
    (void)state;
    start_with(desk_configmap(json_pack("{s:s}", "targetMainIndex", "1")));
    assert_false(c.view.record_exists);
    assert_false(c.view.record_broken);
    write_epoch(1);
    WAIT_UNTIL(loop, epoch_is(1));
    assert_string_equal(stored("targetMainIndex"), "0"); /* replaced, not created beside it */
    fake_api_put(
        &api, "configmaps",
        desk_configmap(json_pack("{s:s, s:s}", "targetMainIndex", "1", "sync", "none:initial")));
    WAIT_UNTIL(loop, c.view.record_broken); /* one of ours that lost its keys is refused */
}

static void test_unknown_keys_are_kept_over_writes(void **state)
{
    json_t *object = object_of(4), *data = json_object_get(object, "data");

    (void)state;
    (void)json_object_set_new(data, "later", json_string("kept"));
    start_with(object);
    write_epoch(5);
    WAIT_UNTIL(loop, epoch_is(5));
    write_epoch(6);
    WAIT_UNTIL(loop, epoch_is(6));
    assert_string_equal(stored("later"), "kept");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(creates_then_writes_with_the_version),
        TEST(conflict_is_read_again),
        TEST(creation_that_was_overtaken_is_read),
        TEST(lost_answer_is_read),
        TEST(unanswered_read_is_tried_again),
        TEST(watch_behind_our_write_does_not_lead_back),
        TEST(watch_behind_our_read_does_not_lead_back),
        TEST(watch_before_the_answer_leaves_no_deafness),
        TEST(foreign_change_during_our_write_is_not_lost),
        TEST(foreign_change_during_our_read_is_not_lost),
        TEST(list_from_before_our_write_does_not_lead_back),
        TEST(list_during_our_read_is_not_lost),
        TEST(deletion_and_another_creation),
        TEST(nonsense_is_broken_until_mended),
        TEST(a_record_from_a_backup_is_broken_until_deleted),
        TEST(another_object_may_begin_again),
        TEST(a_record_of_the_reference_controller_is_none),
        TEST(unknown_keys_are_kept_over_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
