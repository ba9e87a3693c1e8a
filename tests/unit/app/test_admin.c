/* What an operator asks for over HTTP: who may, what makes sense, what stands in the record then.
 * What the core says to it is the test's (--wrap). */
#include "app/admin.h"

#include "app/state.h"
#include "core/explain.h"
#include "core/request.h"

#include "desk_api.h"

#include <stdio.h>
#include <unistd.h>

bool __wrap_request_check(const struct view *v, const struct request *r, char why[WHY_SIZE]);
void __wrap_explain_writes(const struct view *v, struct explanation *out);
void __wrap_explain_failover(const struct view *v, struct explanation *out);
void __wrap_explain_switchover(const struct view *v, struct explanation *out);
void __wrap_explain_rebuild(const struct view *v, int pod, struct explanation *out);

static struct desk_api d;
static char token_file[] = "/tmp/test_admin.XXXXXX";

static bool core_says = true;
static struct request judged;

bool __wrap_request_check(const struct view *v, const struct request *r, char why[WHY_SIZE])
{
    (void)v;
    judged = *r;
    (void)str_copy(why, WHY_SIZE, "S has not caught up");
    return core_says;
}

static void explain(struct explanation *out, const char *answer)
{
    out->possible = true;
    (void)str_copy(out->answer, sizeof out->answer, answer);
    out->conditions_n = 2;
    out->conditions[0] = (struct condition){"a", true, "b", 1500000};
    out->conditions[1] = (struct condition){"c", false, "d", -1};
}

void __wrap_explain_writes(const struct view *v, struct explanation *out)
{
    (void)v;
    explain(out, "of writes");
}

void __wrap_explain_failover(const struct view *v, struct explanation *out)
{
    (void)v;
    explain(out, "of failover");
}

void __wrap_explain_switchover(const struct view *v, struct explanation *out)
{
    (void)v;
    explain(out, "of switchover");
}

void __wrap_explain_rebuild(const struct view *v, int pod, struct explanation *out)
{
    (void)v;
    assert_int_equal(pod, 1);
    explain(out, "of rebuild");
}

static void write_token(const char *token)
{
    FILE *f = fopen(token_file, "w");

    assert_non_null(f);
    assert_true(fputs(token, f) >= 0);
    (void)fclose(f);
}

static void put_record(enum epoch_kind transition, const char *request)
{
    struct record r = desk_record(4);

    r.transition = transition;
    (void)str_copy(r.request, sizeof r.request, request);
    fake_api_put(&d.kube, "configmaps", desk_configmap(state_encode(&r, "mg", NULL)));
}

static int setup(void **state)
{
    int fd;

    (void)state;
    (void)str_copy(token_file, sizeof token_file, "/tmp/test_admin.XXXXXX");
    fd = mkstemp(token_file);
    assert_true(fd >= 0);
    close(fd);
    write_token("s3cret\n");
    desk_api_prepare(&d);
    (void)str_copy(d.config.admin_token_file, sizeof d.config.admin_token_file, token_file);
    put_record(EPOCH_NONE, "");
    desk_api_start(&d);
    WAIT_UNTIL(d.loop, d.c.view.record_known && d.c.view.pods_known);
    core_says = true;
    judged = (struct request){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    desk_api_stop(&d);
    unlink(token_file);
    return 0;
}

static int ask(const char *action, const char *body)
{
    char path[100];

    (void)str_format(path, sizeof path, "/api/v1/admin/%s", action);
    return desk_api_ask(&d, "POST", path, "Authorization: Bearer s3cret\r\n", body);
}

static const char *stored(const char *key)
{
    return desk_api_stored(&d, key);
}

static void test_requests_are_judged_and_recorded(void **state)
{
    static const struct {
        const char *action, *body, *text;
        enum request_kind kind;
        int pod;
    } cases[] = {
        {"switchover", NULL, "switchover@", REQUEST_SWITCHOVER, -1},
        {"switchover", "{}", "switchover@", REQUEST_SWITCHOVER, -1},
        {"switchover", "{\"to\": \"mg-1\"}", "switchover:1@", REQUEST_SWITCHOVER, 1},
        {"failover", "{\"acceptDataLoss\": true}", "failover@", REQUEST_FAILOVER, -1},
        {"failover", "{\"acceptDataLoss\": true, \"to\": \"mg-0\"}", "failover:0@",
         REQUEST_FAILOVER, 0},
        {"rebuild/mg-2", NULL, "rebuild:2@", REQUEST_REBUILD, 2},
        {"degrade", NULL, "degrade@", REQUEST_DEGRADE, -1},
        {"refresh", "{}", "refresh@", REQUEST_REFRESH, -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *json;

        assert_int_equal(ask(cases[i].action, cases[i].body), 202);
        json = asker_json(&d.asker);
        assert_string_equal(json_string_value(json_object_get(json, "recorded")),
                            stored("request"));
        json_decref(json);
        assert_int_equal(judged.kind, cases[i].kind);
        assert_int_equal(judged.pod, cases[i].pod);
        assert_true(str_starts(str_of(stored("request")), cases[i].text));
        put_record(EPOCH_NONE, ""); /* served */
        WAIT_UNTIL(d.loop, !d.c.view.record.request[0]);
    }
}

static void test_bodies_that_make_no_sense(void **state)
{
    static const struct {
        const char *action, *body;
    } cases[] = {
        {"switchover", "{\"to\": \"other-1\"}"},
        {"switchover", "{\"to\": 1}"},
        {"switchover", "{\"too\": \"mg-1\"}"},
        {"switchover", "[]"},
        {"switchover", "{"},
        {"failover", NULL},
        {"failover", "{\"acceptDataLoss\": false}"},
        {"failover", "{\"to\": \"mg-0\"}"},
        {"failover", "{\"acceptDataLoss\": true, \"to\": \"nobody\"}"},
        {"failover", "{\"acceptDataLoss\": \"true\"}"},
        {"degrade", "{\"for\": \"1h\"}"},
        {"pause", "{\"for\": \"60\"}"},
        {"pause", "{\"for\": \"0\"}"},
        {"pause", "{\"by\": \"a b\"}"},
        {"resume", "{\"a\": 1}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(ask(cases[i].action, cases[i].body), 400);
    assert_int_equal(ask("rebuild/other-1", NULL), 404);
    assert_int_equal(ask("rebuild", NULL), 404);
    assert_int_equal(ask("rebuild/mg-1/x", NULL), 404);
    assert_int_equal(ask("switchover/mg-1", NULL), 404);
    assert_int_equal(ask("reboot", NULL), 404);
    assert_string_equal(stored("request"), "");
}

static void test_large_body_is_refused(void **state)
{
    static char body[8000];

    (void)state;
    memset(body, ' ', sizeof body - 1);
    assert_int_equal(ask("switchover", body), 413);
}

static void test_token_and_method(void **state)
{
    static const char *const wrong[] = {NULL,
                                        "Authorization: Bearer s3cre\r\n",
                                        "Authorization: Bearer s3crets\r\n",
                                        "Authorization: Bearer S3cret\r\n",
                                        "Authorization: Basic s3cret\r\n",
                                        "Authorization: s3cret\r\n",
                                        "Authorization: Bearer\r\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(desk_api_ask(&d, "POST", "/api/v1/admin/refresh", wrong[i], NULL), 401);
        assert_non_null(strstr(asker_text(&d.asker), "WWW-Authenticate: Bearer"));
    }
    assert_int_equal(
        desk_api_ask(&d, "GET", "/api/v1/admin/refresh", "Authorization: Bearer s3cret\r\n", NULL),
        405);
    assert_non_null(strstr(asker_text(&d.asker), "Allow: POST"));
    assert_string_equal(stored("request"), "");
    write_token("other-token"); /* the Secret was replaced */
    assert_int_equal(ask("refresh", NULL), 401);
    assert_int_equal(desk_api_ask(&d, "POST", "/api/v1/admin/refresh",
                                  "Authorization: bearer other-token\r\n", NULL),
                     202);
}

static void test_without_a_token_file_it_is_closed(void **state)
{
    (void)state;
    d.c.config.admin_token_file[0] = '\0';
    assert_int_equal(ask("refresh", NULL), 403);
    assert_non_null(strstr(asker_text(&d.asker), "set ADMIN_TOKEN_FILE"));
    assert_string_equal(stored("request"), "");
}

static void test_what_the_core_refuses_is_a_conflict(void **state)
{
    (void)state;
    core_says = false;
    assert_int_equal(ask("switchover", NULL), 409);
    assert_non_null(strstr(asker_text(&d.asker), "S has not caught up"));
    assert_string_equal(stored("request"), "");
}

static void test_one_request_at_a_time(void **state)
{
    (void)state;
    assert_int_equal(ask("refresh", NULL), 202);
    assert_int_equal(ask("degrade", NULL), 409);
    assert_non_null(strstr(asker_text(&d.asker), "a request is open already: refresh@"));
    WAIT_UNTIL(d.loop, d.c.view.record.request[0]);
    assert_int_equal(ask("degrade", NULL), 409);
    assert_true(str_starts(str_of(stored("request")), "refresh@"));
}

/* Written by somebody else, and not heard of here yet. */
static void test_the_record_is_read_afresh(void **state)
{
    (void)state;
    d.kube.holds_events = true;
    put_record(EPOCH_NONE, "degrade@1");
    assert_int_equal(ask("refresh", NULL), 409);
    put_record(EPOCH_REFRESH, "");
    assert_int_equal(ask("pause", NULL), 409);
    assert_non_null(strstr(asker_text(&d.asker), "a refresh is under way"));
    assert_string_equal(stored("paused"), "");
}

static void test_pause_and_resume(void **state)
{
    struct record r = {0};
    int64_t until_us, before_us = loop_wall_us(d.loop);

    (void)state;
    assert_int_equal(ask("resume", NULL), 409);
    assert_int_equal(ask("pause", "{\"for\": \"1h\", \"by\": \"ann\"}"), 202);
    assert_true(str_starts(str_of(stored("paused")), "ann@"));
    (void)str_copy(r.paused, sizeof r.paused, stored("paused"));
    assert_true(record_paused(&r, before_us, &until_us));
    assert_in_range(until_us, before_us + 3599LL * 1000 * 1000, before_us + 3700LL * 1000 * 1000);
    WAIT_UNTIL(d.loop, d.c.view.record.paused[0]);
    assert_int_equal(ask("resume", NULL), 202);
    assert_string_equal(stored("paused"), "");
    assert_int_equal(ask("pause", NULL), 202);
    (void)str_copy(r.paused, sizeof r.paused, stored("paused"));
    assert_true(record_paused(&r, INT64_MAX - 1, NULL));
    put_record(EPOCH_REFRESH, "");
    WAIT_UNTIL(d.loop, d.c.view.record.transition == EPOCH_REFRESH);
    assert_int_equal(ask("pause", NULL), 409);
}

static void test_without_a_record_or_the_api_server(void **state)
{
    (void)state;
    fake_api_delete(&d.kube, "configmaps", "mg-state");
    assert_int_equal(ask("refresh", NULL), 409);
    assert_non_null(strstr(asker_text(&d.asker), "there is no record yet"));
    put_record(EPOCH_NONE, "");
    d.kube.deaf_to = "GET /api/v1/namespaces/db/configmaps/mg-state";
    assert_int_equal(ask("refresh", NULL), 503);
    assert_string_equal(stored("request"), "");
    d.kube.deaf_to = NULL;
    d.kube.holds_answers = true; /* it writes, and falls silent */
    asker_send(&d.asker, desk_api_port, "POST", "/api/v1/admin/refresh",
               "Authorization: Bearer s3cret\r\n", NULL);
    WAIT_UNTIL(d.loop, stored("request")[0]);
    d.kube.silent = true;
    assert_int_equal(asker_status(&d.asker), 504);
    assert_non_null(strstr(asker_text(&d.asker), "may have been written"));
    d.kube.silent = d.kube.holds_answers = false;
}

/* Asked, and the controller ends before the API server answered. */
static void test_the_end_while_one_waits(void **state)
{
    (void)state;
    d.kube.silent = true;
    asker_send(&d.asker, desk_api_port, "POST", "/api/v1/admin/refresh",
               "Authorization: Bearer s3cret\r\n", NULL);
    for (int i = 0; i < 20; i++)
        desk_turn(d.loop);
    assert_false(d.asker.ended);
}

static void test_explain(void **state)
{
    json_t *json, *failover, *conditions;

    (void)state;
    d.c.view.pods[0].exists = d.c.view.pods[1].exists = true; /* 0 is the main */
    assert_int_equal(desk_api_ask(&d, "GET", "/api/v1/explain", NULL, NULL), 200);
    json = asker_json(&d.asker);
    failover = json_object_get(json, "failover");
    assert_true(json_is_true(json_object_get(failover, "possible")));
    assert_string_equal(json_string_value(json_object_get(failover, "answer")), "of failover");
    conditions = json_object_get(failover, "conditions");
    assert_int_equal(json_array_size(conditions), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(conditions, 0), "ageMs")),
                     1500);
    assert_true(json_is_null(json_object_get(json_array_get(conditions, 1), "ageMs")));
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(json, "writes"), "answer")), "of writes");
    assert_non_null(json_object_get(json, "switchover"));
    assert_int_equal(json_object_size(json_object_get(json, "rebuild")), 1);
    assert_non_null(json_object_get(json_object_get(json, "rebuild"), "mg-1"));
    json_decref(json);
    assert_int_equal(desk_api_ask(&d, "GET", "/api/v1/explain?pod=mg-1", NULL, NULL), 200);
    json = asker_json(&d.asker);
    assert_null(json_object_get(json, "failover"));
    json_decref(json);
    assert_int_equal(desk_api_ask(&d, "GET", "/api/v1/explain?pod=x", NULL, NULL), 404);
    assert_int_equal(desk_api_ask(&d, "GET", "/api/v1/explain?pod=mg-9", NULL, NULL), 404);
    assert_int_equal(desk_api_ask(&d, "POST", "/api/v1/explain", NULL, NULL), 405);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(requests_are_judged_and_recorded),
        TEST(bodies_that_make_no_sense),
        TEST(large_body_is_refused),
        TEST(token_and_method),
        TEST(without_a_token_file_it_is_closed),
        TEST(what_the_core_refuses_is_a_conflict),
        TEST(one_request_at_a_time),
        TEST(the_record_is_read_afresh),
        TEST(pause_and_resume),
        TEST(without_a_record_or_the_api_server),
        TEST(the_end_while_one_waits),
        TEST(explain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
