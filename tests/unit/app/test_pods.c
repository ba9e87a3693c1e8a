/* Pods: what Kubernetes tells of them, and the links that follow. */
#include "app/pods.h"

#include "app/link.h"

#include "desk.h"

static struct loop *loop;
static struct fake_api api;
static struct controller c;

static void nobody_at_bolt(struct config *config)
{
    config->bolt_port = 1; /* refuses */
}

static int setup(void **state)
{
    (void)state;
    loop = desk_setup(&c, &api, nobody_at_bolt);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    desk_teardown(&c, &api);
    return 0;
}

static void start(void)
{
    c.pods = pods_new(&c);
    assert_false(c.view.pods_known);
    assert_int_equal(pods_fresh_us(c.pods), 0);
    WAIT_UNTIL(loop, c.view.pods_known && fake_api_streams(&api) == 1);
}

static void put(const char *name, const char *uid, const char *ip, bool ready)
{
    fake_api_put(&api, "pods", desk_pod(name, uid, ip, ready));
}

static void test_list_and_watch_become_facts(void **state)
{
    json_t *leaving = desk_pod("mg-1", "u1", "127.0.0.3", false);

    (void)state;
    put("mg-0", "u0", "127.0.0.2", true);
    start();
    assert_true(c.view.pods[0].exists && c.view.pods[0].ready && !c.view.pods[0].terminating);
    assert_string_equal(c.view.pods[0].uid, "u0");
    assert_string_equal(link_ip(c.links[0]), "127.0.0.2");
    assert_false(c.view.pods[1].exists);
    assert_null(c.links[1]);
    assert_true(pods_fresh_us(c.pods) > 0);
    put("mg-1", "u1", "127.0.0.3", true);
    WAIT_UNTIL(loop, c.view.pods[1].ready);
    assert_non_null(c.links[1]);
    (void)json_object_set_new(json_object_get(leaving, "metadata"), "deletionTimestamp",
                              json_string("2020-01-01T00:00:00Z"));
    fake_api_put(&api, "pods", leaving);
    WAIT_UNTIL(loop, c.view.pods[1].terminating);
    assert_false(c.view.pods[1].ready);
    assert_non_null(c.links[1]); /* it serves until its end */
    fake_api_delete(&api, "pods", "mg-1");
    WAIT_UNTIL(loop, !c.view.pods[1].exists);
    assert_null(c.links[1]);
    assert_int_equal(c.view.pods[1].link, LINK_UNTRIED);
}

static void test_names_that_are_not_ours(void **state)
{
    static const char *const others[] = {"mg",      "mg-",   "mg-16",   "mg-x",        "mg-1x",
                                         "mg--1",   "mg-01", "mgr-1",   "mg-client-1", "mg-+1",
                                         "other-0", "xmg-1", "mg-1-abc"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        put(others[i], "u", "127.0.0.9", true);
    put("mg-15", "u15", "", false);
    start();
    for (int i = 0; i < PODS_MAX; i++)
        assert_int_equal(c.view.pods[i].exists, i == 15);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) /* nor by a watch */
        put(others[i], "v", "127.0.0.9", true);
    put("mg-14", "u14", "", false);
    WAIT_UNTIL(loop, c.view.pods[14].exists);
    for (int i = 0; i < 14; i++)
        assert_false(c.view.pods[i].exists);
}

static void test_another_address_is_another_link(void **state)
{
    struct link *first;

    (void)state;
    put("mg-0", "u0", "", false);
    start();
    assert_null(c.links[0]); /* no address yet */
    put("mg-0", "u0", "127.0.0.2", false);
    WAIT_UNTIL(loop, c.links[0]);
    first = c.links[0];
    put("mg-0", "u0", "127.0.0.2", true);
    WAIT_UNTIL(loop, c.view.pods[0].ready);
    assert_ptr_equal(c.links[0], first);
    WAIT_UNTIL(loop, c.view.pods[0].link == LINK_DOWN);
    put("mg-0", "u0", "127.0.0.4", true);
    WAIT_UNTIL(loop, strcmp(c.view.pods[0].ip, "127.0.0.4") == 0);
    assert_string_equal(link_ip(c.links[0]), "127.0.0.4");
    put("mg-0", "u0", "", false);
    WAIT_UNTIL(loop, !c.links[0]);
    assert_true(c.view.pods[0].exists);
    assert_int_equal(c.view.pods[0].link, LINK_UNTRIED);
}

/* The end of the older pod of a name is told after the beginning of the newer one. */
static void test_older_ends_do_not_hide_newer_pods(void **state)
{
    json_t *older = desk_pod("mg-0", "old", "127.0.0.2", false);

    (void)state;
    put("mg-0", "new", "127.0.0.3", true);
    start();
    (void)json_object_set_new(json_object_get(older, "metadata"), "resourceVersion",
                              json_string("1"));
    fake_api_tell(&api, "pods", "DELETED", older);
    put("mg-1", "u1", "", false); /* told after it */
    WAIT_UNTIL(loop, c.view.pods[1].exists);
    assert_true(c.view.pods[0].exists);
    assert_string_equal(link_ip(c.links[0]), "127.0.0.3");
    fake_api_delete(&api, "pods", "mg-0");
    WAIT_UNTIL(loop, !c.view.pods[0].exists);
    json_decref(older);
}

/* After a gap the watch is over (410): the new list tells who is gone. */
static void test_new_list_tells_who_is_gone(void **state)
{
    json_t *expired = json_pack("{s:s, s:i}", "kind", "Status", "code", 410);

    (void)state;
    put("mg-0", "u0", "127.0.0.2", true);
    put("mg-1", "u1", "127.0.0.3", true);
    start();
    api.holds_events = true;
    fake_api_delete(&api, "pods", "mg-1");
    fake_api_tell(&api, "pods", "ERROR", expired);
    WAIT_UNTIL(loop, !c.view.pods[1].exists);
    assert_null(c.links[1]);
    assert_true(c.view.pods[0].exists);
    json_decref(expired);
}

static int64_t grace_of(json_t *options)
{
    json_t *grace = json_object_get(options, "gracePeriodSeconds");

    return grace ? json_integer_value(grace) : -1;
}

/* The one that is known, and no other of its name; quickly only when it hangs. */
static void test_deletes_the_pod_that_was_decided_on(void **state)
{
    unsigned writes;

    (void)state;
    put("mg-0", "u0", "127.0.0.2", true);
    put("mg-1", "u1", "127.0.0.3", true);
    start();
    pods_delete(c.pods, 0);
    assert_true(c.view.pods[0].deleted_at > 0);
    WAIT_UNTIL(loop, !c.view.pods[0].exists);
    assert_int_equal(grace_of(api.last), -1);

    WAIT_UNTIL(loop, c.view.pods[1].link == LINK_DOWN);
    view_link_down(controller_view(&c), 1, FAIL_TIMEOUT, "no answer");
    link_free(c.links[1]); /* nothing else is heard of it */
    c.links[1] = NULL;
    api.holds_events = true;
    put("mg-1", "newer", "127.0.0.3", true);
    writes = api.writes;
    pods_delete(c.pods, 1);
    WAIT_UNTIL(loop, api.writes == writes + 1);
    assert_int_equal(grace_of(api.last), 1);
    assert_non_null(fake_api_find(&api, "pods", "mg-1"));
    /* Nobody answers, and the controller ends. */
    api.silent = true;
    pods_delete(c.pods, 1);
    pods_delete(c.pods, 1);
    desk_turn(loop);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(list_and_watch_become_facts),     TEST(names_that_are_not_ours),
        TEST(another_address_is_another_link), TEST(older_ends_do_not_hide_newer_pods),
        TEST(new_list_tells_who_is_gone),      TEST(deletes_the_pod_that_was_decided_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
