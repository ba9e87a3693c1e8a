/* Whose process is it: what is asked of Kubernetes, and what becomes of the answer. */
#include "app/confirm.h"

#include "app/link.h"
#include "app/pods.h"

#include "desk.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

void __wrap_link_hurry(struct link *l);

static struct loop *loop;
static struct fake_api api;
static struct controller c;
static unsigned hurried;
static int listener;

void __wrap_link_hurry(struct link *l)
{
    assert_non_null(l);
    hurried++;
}

/* Takes connections and says nothing: no link comes up, or goes down, but by the test. */
static unsigned listen_silently(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;

    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
    return ntohs(at.sin_port);
}

static int setup(void **state)
{
    struct config config;

    (void)state;
    hurried = 0;
    loop = loop_new();
    fake_api_start(&api, loop);
    desk_config(&config, "a", api.port);
    config.bolt_port = listen_silently();
    config.probe_timeout_ms = 60000;
    desk_set(&c, loop, &config);
    c.confirm = confirm_new(&c);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    confirm_free(c.confirm);
    desk_clear(&c);
    fake_api_stop(&api);
    close(listener);
    loop_free(loop);
    return 0;
}

static void put(const char *name, const char *ip, bool ready, const char *container)
{
    json_t *pod = desk_pod(name, name, ip, ready);

    (void)json_object_set_new(json_object_get(pod, "status"), "containerStatuses",
                              json_pack("[{s:s, s:s, s:{s:{}}}]", "name", "memgraph", "containerID",
                                        container, "state", "running"));
    fake_api_put(&api, "pods", pod);
}

/* The pod's process is known, and another one answers at its address. */
static void claim(int pod)
{
    struct view *v = controller_view(&c);

    view_link_up(v, pod);
    assert_false(view_role(v, pod, ROLE_REPLICA, "new", v->now_us));
}

static void start(void)
{
    c.pods = pods_new(&c);
    WAIT_UNTIL(loop, c.view.pods_known && fake_api_streams(&api) == 1);
    hurried = 0;
    api.lists = 0;
}

static const char *confirmed(int pod)
{
    return c.view.pods[pod].confirmed_run;
}

static void test_a_new_container(void **state)
{
    (void)state;
    put("mg-0", "127.0.0.2", true, "c1");
    start();
    claim(0);
    confirm_ask(c.confirm);
    WAIT_UNTIL(loop, hurried == 1);
    assert_string_equal(confirmed(0), "new");
    assert_int_equal(api.lists, 1);
}

/* The watch has not told yet, the list does. */
static void test_the_watch_is_behind(void **state)
{
    (void)state;
    put("mg-0", "127.0.0.2", true, "c1");
    start();
    claim(0);
    c.view.pods[0].started_at = 0; /* another process was taken for it */
    confirm_ask(c.confirm);
    WAIT_UNTIL(loop, api.lists == 1);
    desk_turn(loop);
    assert_int_equal(hurried, 0);
    api.holds_events = true;
    put("mg-0", "127.0.0.2", false, "c2");
    confirm_ask(c.confirm);
    WAIT_UNTIL(loop, hurried == 1);
    assert_string_equal(confirmed(0), "new");
}

static void test_two_pods_with_one_address(void **state)
{
    (void)state;
    put("mg-0", "127.0.0.2", true, "c1");
    put("mg-1", "127.0.0.2", true, "c2");
    put("mg-2", "127.0.0.4", true, "c3");
    start();
    claim(0);
    claim(1);
    claim(2);
    confirm_ask(c.confirm);
    WAIT_UNTIL(loop, hurried == 1);
    assert_string_equal(confirmed(0), "");
    assert_string_equal(confirmed(1), "");
    assert_string_equal(confirmed(2), "new");
    put("mg-0", "127.0.0.2", false, "c1"); /* its node does not report any more */
    confirm_ask(c.confirm);
    WAIT_UNTIL(loop, strcmp(confirmed(1), "new") == 0);
    assert_string_equal(confirmed(0), "");
}

/* What was claimed while the question was under way is asked for again. */
static void test_a_question_under_way(void **state)
{
    (void)state;
    put("mg-0", "127.0.0.2", true, "c1");
    put("mg-1", "127.0.0.3", true, "c2");
    start();
    api.holds_lists = true;
    confirm_ask(c.confirm);
    WAIT_UNTIL(loop, api.lists == 1);
    claim(1);
    confirm_ask(c.confirm);
    confirm_ask(c.confirm);
    assert_int_equal(api.lists, 1);
    api.holds_lists = false;
    fake_api_release(&api);
    WAIT_UNTIL(loop, hurried == 1);
    assert_int_equal(api.lists, 2);
    assert_string_equal(confirmed(1), "new");
}

static void test_a_server_that_is_away(void **state)
{
    (void)state;
    put("mg-0", "127.0.0.2", true, "c1");
    start();
    claim(0);
    api.silent = true;
    confirm_ask(c.confirm);
    confirm_ask(c.confirm); /* once more after the first has failed */
    desk_turn(loop);
    api.silent = false;
    WAIT_UNTIL(loop, hurried == 1);
    assert_string_equal(confirmed(0), "new");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_new_container, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_watch_is_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_pods_with_one_address, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_question_under_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_server_that_is_away, setup, teardown),
    };

    return cmocka_run_group_tests_name("confirm", tests, NULL, NULL);
}
