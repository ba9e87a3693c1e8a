/* What an init container is told: from a fresh record, or nothing. */
#include "app/startup.h"

#include "app/state.h"
#include "core/rebuild.h"

#include "desk_api.h"

void __wrap_rebuild_order(const struct record *r, int pod, const char *uid,
                          struct rebuild_order *out);

static struct desk_api d;
static unsigned ordered;

void __wrap_rebuild_order(const struct record *r, int pod, const char *uid,
                          struct rebuild_order *out)
{
    ordered++;
    assert_int_equal(r->epoch, 4);
    assert_int_equal(pod, 2);
    assert_string_equal(uid, "uid-2");
    *out = (struct rebuild_order){true, true, false, "tok", "it diverged"};
}

static int setup(void **state)
{
    (void)state;
    ordered = 0;
    desk_api_prepare(&d);
    desk_api_start(&d);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    desk_api_stop(&d);
    return 0;
}

static void put_record(void)
{
    struct record r = {.epoch = 4,
                       .main_run = "run-a",
                       .promoted = PROMOTED_INITIAL,
                       .promoted_run = "run-a",
                       .from = -1};

    fake_api_put(&d.kube, "configmaps", desk_configmap(state_encode(&r, "mg", NULL)));
}

static int ask(const char *path)
{
    return desk_api_ask(&d, "GET", path, NULL, NULL);
}

static void test_the_order(void **state)
{
    json_t *json;
    int data, replication, overwrite;
    const char *token;

    (void)state;
    d.kube.holds_events = true; /* nothing but a read can tell */
    put_record();
    assert_int_equal(ask("/api/v1/init/mg-2?uid=uid-2"), 200);
    json = asker_json(&d.asker);
    assert_int_equal(json_unpack(json, "{s:b, s:b, s:b, s:s}", "moveData", &data, "moveReplication",
                                 &replication, "mayOverwrite", &overwrite, "token", &token),
                     0);
    assert_true(data && replication && !overwrite);
    assert_string_equal(token, "tok");
    json_decref(json);
    assert_int_equal(ordered, 1);
}

static void test_no_record_no_order(void **state)
{
    (void)state;
    assert_int_equal(ask("/api/v1/init/mg-2?uid=uid-2"), 200);
    assert_non_null(strstr(asker_text(&d.asker), "\"moveData\": false"));
    assert_int_equal(ordered, 0);
}

static void test_no_fresh_record_no_answer(void **state)
{
    (void)state;
    put_record();
    d.kube.deaf_to = "GET /api/v1/namespaces/db/configmaps/mg-state";
    assert_int_equal(ask("/api/v1/init/mg-2?uid=uid-2"), 503);
    d.kube.deaf_to = NULL;
    fake_api_put(&d.kube, "configmaps", desk_configmap(json_pack("{s:s}", "epoch", "x")));
    assert_int_equal(ask("/api/v1/init/mg-2?uid=uid-2"), 503);
    assert_int_equal(ordered, 0);
}

static void test_wrong_uses(void **state)
{
    (void)state;
    assert_int_equal(ask("/api/v1/init/mg-2"), 400);
    assert_int_equal(ask("/api/v1/init/mg-2?uid="), 400);
    assert_int_equal(ask("/api/v1/init/other-2?uid=uid-2"), 404);
    assert_int_equal(desk_api_ask(&d, "POST", "/api/v1/init/mg-2?uid=uid-2", NULL, NULL), 405);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_order),
        TEST(no_record_no_order),
        TEST(no_fresh_record_no_answer),
        TEST(wrong_uses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
