/* A pod that is about to stop waits until it may. What the core says to it is the test's. */
#include "app/prestop.h"

#include "app/state.h"
#include "core/request.h"
#include "core/stopping.h"

#include "desk_api.h"

bool __wrap_request_check(const struct view *v, const struct request *r, char why[WHY_SIZE]);
bool __wrap_stopping_may(const struct view *v, int pod, char why[WHY_SIZE]);

/* mg: nobody, of the user u with the password p:w. */
static const char basic[] = "Authorization: Basic dTpwOnc=\r\n";

static struct desk_api d;
static bool may, check_says;
static unsigned checked;

bool __wrap_request_check(const struct view *v, const struct request *r, char why[WHY_SIZE])
{
    (void)v;
    assert_int_equal(r->kind, REQUEST_STOP);
    assert_int_equal(r->pod, 1);
    checked++;
    (void)str_copy(why, WHY_SIZE, "the check");
    return check_says;
}

bool __wrap_stopping_may(const struct view *v, int pod, char why[WHY_SIZE])
{
    (void)v;
    assert_int_equal(pod, 1);
    (void)str_copy(why, WHY_SIZE, may ? "nobody counts on it" : "the main counts on it");
    return may;
}

static void put_record(const char *request)
{
    struct record r = desk_record(4);

    (void)str_copy(r.request, sizeof r.request, request);
    fake_api_put(&d.kube, "configmaps", desk_configmap(state_encode(&r, "mg", NULL)));
}

static int prepare(void **state)
{
    (void)state;
    desk_api_prepare(&d);
    put_record("");
    may = false;
    check_says = true;
    checked = 0;
    return 0;
}

static void start(void)
{
    desk_api_start(&d);
    WAIT_UNTIL(d.loop, d.c.view.record_known && d.c.view.pods_known);
}

static int teardown(void **state)
{
    (void)state;
    desk_api_stop(&d);
    return 0;
}

static void send_hook(void)
{
    asker_send(&d.asker, desk_api_port, "POST", "/prestop-hook/mg-1", basic, NULL);
}

static bool waits(void)
{
    prestop_follow(d.c.prestop);
    return !d.asker.ended;
}

static void test_may_at_once(void **state)
{
    (void)state;
    start();
    may = true;
    send_hook();
    assert_int_equal(asker_status(&d.asker), 200);
    assert_non_null(strstr(asker_text(&d.asker), "nobody counts on it"));
}

static void test_waits_until_it_may(void **state)
{
    (void)state;
    start();
    d.c.view.pods[1].terminating = true;
    send_hook();
    for (int i = 0; i < 20; i++) {
        desk_turn(d.loop);
        assert_true(waits());
    }
    may = true;
    prestop_follow(d.c.prestop);
    assert_int_equal(asker_status(&d.asker), 200);
    assert_int_equal(checked, 0);
    assert_string_equal(desk_api_stored(&d, "request"), "");
}

static void test_a_pod_that_is_replaced_asks_no_more(void **state)
{
    struct pod *pod = &d.c.view.pods[1];

    (void)state;
    start();
    pod->exists = pod->terminating = true;
    (void)str_copy(pod->uid, sizeof pod->uid, "old");
    send_hook();
    for (int i = 0; i < 20; i++) {
        desk_turn(d.loop);
        assert_true(waits());
    }
    pod->terminating = false;
    (void)str_copy(pod->uid, sizeof pod->uid, "new");
    prestop_follow(d.c.prestop);
    assert_int_equal(asker_status(&d.asker), 200);
    assert_non_null(strstr(asker_text(&d.asker), "has stopped"));
    assert_string_equal(desk_api_stored(&d, "request"), "");
}

static void test_limit(void **state)
{
    int64_t from_us;

    (void)state;
    d.config.prestop_s = 1;
    start();
    d.c.view.pods[1].terminating = true;
    from_us = loop_now_us(d.loop);
    send_hook();
    assert_int_equal(asker_status(&d.asker), 503);
    assert_true(loop_now_us(d.loop) - from_us >= 1000 * 1000);
    assert_non_null(strstr(asker_text(&d.asker), "the main counts on it"));
}

static void test_restart_of_the_container_is_told_to_the_leader(void **state)
{
    int64_t from_us;

    (void)state;
    start();
    from_us = loop_now_us(d.loop);
    send_hook();
    WAIT_UNTIL(d.loop, desk_api_stored(&d, "request")[0]);
    assert_true(loop_now_us(d.loop) - from_us >= 1000 * 1000);
    assert_true(str_starts(str_of(desk_api_stored(&d, "request")), "stop:1@"));
    WAIT_UNTIL(d.loop, d.c.view.record.request[0]);
    assert_true(waits());
    put_record(""); /* served: it is the SYNC replica now, and the main counts on it */
    WAIT_UNTIL(d.loop, desk_api_stored(&d, "request")[0]);
    may = true;
    prestop_follow(d.c.prestop);
    assert_int_equal(asker_status(&d.asker), 200);
}

static void test_another_request_goes_first(void **state)
{
    (void)state;
    start();
    put_record("refresh@1");
    WAIT_UNTIL(d.loop, d.c.view.record.request[0]);
    send_hook();
    for (int64_t until_us = loop_now_us(d.loop) + 1200 * 1000; loop_now_us(d.loop) < until_us;)
        desk_turn(d.loop);
    assert_string_equal(desk_api_stored(&d, "request"), "refresh@1");
    assert_true(waits());
    put_record("");
    WAIT_UNTIL(d.loop, str_starts(str_of(desk_api_stored(&d, "request")), "stop:1@"));
}

static void test_what_the_core_refuses_is_not_asked(void **state)
{
    (void)state;
    start();
    check_says = false;
    send_hook();
    WAIT_UNTIL(d.loop, checked == 2);
    assert_string_equal(desk_api_stored(&d, "request"), "");
    assert_true(waits());
}

static void test_stopping_controller_sends_it_elsewhere(void **state)
{
    (void)state;
    start();
    send_hook();
    for (int i = 0; i < 20; i++)
        desk_turn(d.loop);
    assert_true(waits());
    d.c.stopping = true;
    prestop_follow(d.c.prestop);
    assert_int_equal(asker_status(&d.asker), 503);
    assert_non_null(strstr(asker_text(&d.asker), "ask another one"));
}

static void test_credentials(void **state)
{
    static const char *const wrong[] = {NULL, "Authorization: Basic dTpwOng=\r\n",
                                        "Authorization: Basic dTpwOnc\r\n",
                                        "Authorization: Bearer dTpwOnc=\r\n"};

    (void)state;
    (void)str_copy(d.config.user, sizeof d.config.user, "u");
    (void)str_copy(d.config.password, sizeof d.config.password, "p:w");
    start();
    may = true;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(desk_api_ask(&d, "POST", "/prestop-hook/mg-1", wrong[i], NULL), 401);
        assert_non_null(strstr(asker_text(&d.asker), "WWW-Authenticate: Basic"));
    }
    send_hook();
    assert_int_equal(asker_status(&d.asker), 200);
}

static void test_wrong_uses(void **state)
{
    (void)state;
    start();
    assert_int_equal(desk_api_ask(&d, "GET", "/prestop-hook/mg-1", NULL, NULL), 405);
    assert_int_equal(desk_api_ask(&d, "POST", "/prestop-hook/other-1", NULL, NULL), 404);
    assert_int_equal(desk_api_ask(&d, "POST", "/prestop-hook/", NULL, NULL), 404);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, prepare, teardown)
    const struct CMUnitTest tests[] = {
        TEST(may_at_once),
        TEST(waits_until_it_may),
        TEST(a_pod_that_is_replaced_asks_no_more),
        TEST(limit),
        TEST(restart_of_the_container_is_told_to_the_leader),
        TEST(another_request_goes_first),
        TEST(what_the_core_refuses_is_not_asked),
        TEST(stopping_controller_sends_it_elsewhere),
        TEST(credentials),
        TEST(wrong_uses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
