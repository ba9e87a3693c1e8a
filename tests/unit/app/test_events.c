/* Kubernetes Events: the same words once in five minutes. The loop's clock is the test's (--wrap).
 */
#include "app/events.h"

#include "desk.h"

int64_t __real_loop_now_us(struct loop *loop);
int64_t __wrap_loop_now_us(struct loop *loop);

static int64_t ahead_us; /* of the real clock */

int64_t __wrap_loop_now_us(struct loop *loop)
{
    return __real_loop_now_us(loop) + ahead_us;
}

static struct loop *loop;
static struct fake_api api;
static struct controller c;

static int setup(void **state)
{
    (void)state;
    ahead_us = 0;
    loop = desk_setup(&c, &api, NULL);
    c.events = events_new(&c);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    desk_teardown(&c, &api);
    return 0;
}

static const char *last(const char *key)
{
    return json_string_value(json_object_get(api.last, key));
}

static void test_event_says_what_and_about_whom(void **state)
{
    json_t *about;

    (void)state;
    assert_true(events_post(c.events, "FailoverDone", false, "mg-1 is main now", -1));
    WAIT_UNTIL(loop, api.writes == 1);
    assert_string_equal(last("reason"), "FailoverDone");
    assert_string_equal(last("type"), "Normal");
    assert_true(strstr(last("message") ? last("message") : last("note"), "mg-1 is main now"));
    about = json_object_get(api.last, "involvedObject");
    assert_string_equal(json_string_value(json_object_get(about, "kind")), "StatefulSet");
    assert_string_equal(json_string_value(json_object_get(about, "name")), "mg");
    assert_true(events_post(c.events, "FailoverRefused", true, "nobody may be main", -1));
    WAIT_UNTIL(loop, api.writes == 2); /* under a name of its own, or the server had refused it */
    assert_string_equal(last("type"), "Warning");
}

/* kubectl describes an object with the Events that have its uid. */
static void test_events_name_the_object_and_its_pod(void **state)
{
    struct pod_kube seen = {.ready = true, .uid = "pod-uid", .ip = "10.0.0.2"};
    json_t *about;

    (void)state;
    events_saw_owner(c.events, "set-uid");
    events_saw_owner(c.events, ""); /* a pod that nobody owns says nothing */
    assert_true(events_post(c.events, "R", false, "about none", -1));
    WAIT_UNTIL(loop, api.writes == 1);
    about = json_object_get(api.last, "involvedObject");
    assert_string_equal(json_string_value(json_object_get(about, "uid")), "set-uid");
    assert_true(events_post(c.events, "R", false, "about one that is not there", 1));
    WAIT_UNTIL(loop, api.writes == 2);
    view_kube_pod(controller_view(&c), 1, &seen);
    assert_true(events_post(c.events, "R", false, "about pod 1", 1));
    WAIT_UNTIL(loop, api.writes == 4);
    about = json_object_get(api.last, "involvedObject");
    assert_string_equal(json_string_value(json_object_get(about, "kind")), "Pod");
    assert_string_equal(json_string_value(json_object_get(about, "apiVersion")), "v1");
    assert_string_equal(json_string_value(json_object_get(about, "name")), "mg-1");
    assert_string_equal(json_string_value(json_object_get(about, "uid")), "pod-uid");
    assert_string_equal(last("message"), "about pod 1");
}

static void test_same_words_once_in_five_minutes(void **state)
{
    (void)state;
    assert_true(events_post(c.events, "R", true, "words", -1));
    assert_false(events_post(c.events, "R", true, "words", -1));
    assert_true(events_post(c.events, "R", true, "other words", -1));
    assert_true(events_post(c.events, "S", true, "words", -1));
    ahead_us = 299LL * 1000 * 1000;
    assert_false(events_post(c.events, "R", true, "words", -1));
    ahead_us = 301LL * 1000 * 1000;
    assert_true(events_post(c.events, "R", true, "words", -1));
    assert_false(events_post(c.events, "R", true, "words", -1));
    WAIT_UNTIL(loop, api.writes == 4);
}

/* Sixteen are remembered: the oldest gives way. */
static void test_many_words_do_not_hide_each_other(void **state)
{
    char text[32];

    (void)state;
    for (int i = 0; i < 16; i++) {
        (void)str_format(text, sizeof text, "number %d", i);
        assert_true(events_post(c.events, "R", false, text, -1));
    }
    assert_false(events_post(c.events, "R", false, "number 0", -1));
    assert_false(events_post(c.events, "R", false, "number 15", -1));
    assert_true(events_post(c.events, "R", false, "number 16", -1));
    assert_false(events_post(c.events, "R", false, "number 1", -1));
    assert_true(events_post(c.events, "R", false, "number 0", -1));
    WAIT_UNTIL(loop, api.writes == 18);
}

static void post_many(unsigned n, unsigned *serial)
{
    for (unsigned i = 0; i < n; i++) {
        char text[40];

        (void)str_format(text, sizeof text, "trouble %u", (*serial)++);
        assert_true(events_post(c.events, "R", true, text, -1)); /* it is news, posted or not */
    }
}

static void test_no_more_than_so_many(void **state)
{
    unsigned serial = 0;

    (void)state;
    post_many(40, &serial);
    WAIT_UNTIL(loop, api.writes == 25);
    ahead_us = 21LL * 1000 * 1000; /* two more */
    post_many(10, &serial);
    WAIT_UNTIL(loop, api.writes == 27);
    ahead_us = 3600LL * 1000 * 1000; /* no more than at the beginning */
    post_many(40, &serial);
    WAIT_UNTIL(loop, api.writes == 52);
    for (int i = 0; i < 20; i++)
        desk_turn(loop);
    assert_int_equal(api.writes, 52);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(event_says_what_and_about_whom),
        TEST(events_name_the_object_and_its_pod),
        TEST(same_words_once_in_five_minutes),
        TEST(many_words_do_not_hide_each_other),
        TEST(no_more_than_so_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
