/* The routes on HTTP_PORT, over a socket in the same loop. */
#include "desk_api.h"

static struct desk_api d;

static int setup(void **state)
{
    (void)state;
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

/* The whole answer, with its headers; borrowed until the next one. */
static const char *ask(const char *method, const char *path)
{
    (void)desk_api_ask(&d, method, path, NULL, NULL);
    return d.asker.answer.p;
}

static const char *ask_json(const char *path)
{
    (void)desk_api_ask(&d, "GET", path, "Accept: application/json\r\n", NULL);
    return d.asker.answer.p;
}

static int status_of(const char *text)
{
    assert_ptr_equal(text, d.asker.answer.p);
    return asker_status(&d.asker);
}

static json_t *json_of(const char *text)
{
    assert_ptr_equal(text, d.asker.answer.p);
    return asker_json(&d.asker);
}

static void test_routes_that_are_documented(void **state)
{
    static const char *const pages[] = {"/", "/status", "/api/v1/status"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        const char *text = ask_json(pages[i]);
        json_t *json = json_of(text);

        assert_int_equal(status_of(text), 200);
        assert_non_null(strstr(text, "application/json"));
        assert_string_equal(json_string_value(json_object_get(json, "phase")), "BOOTSTRAP");
        json_decref(json);
    }
    assert_non_null(strstr(ask("GET", "/api/v1/leadership"), "\"identity\": \"me\""));
    assert_non_null(strstr(ask("GET", "/metrics"), "\nmemgraph_controller_is_leader "));
    assert_non_null(strstr(d.asker.answer.p, "text/plain; version=0.0.4"));
    assert_int_equal(status_of(ask("GET", "/livez")), 200);
}

static void test_ready_only_once_it_has_heard_and_until_it_stops(void **state)
{
    json_t *json;

    (void)state;
    assert_int_equal(status_of(ask("GET", "/readyz")), 503);
    assert_non_null(strstr(d.asker.answer.p, "the API server has not been heard yet\n"));
    assert_int_equal(status_of(ask("GET", "/health")), 503);
    d.c.heard = true;
    assert_int_equal(status_of(ask("GET", "/readyz")), 200);
    assert_int_equal(status_of(ask("GET", "/health")), 200);
    json = json_of(d.asker.answer.p);
    assert_string_equal(json_string_value(json_object_get(json, "status")), "healthy");
    json_decref(json);
    d.c.stopping = true;
    assert_int_equal(status_of(ask("GET", "/readyz")), 503);
    assert_non_null(strstr(d.asker.answer.p, "stopping"));
    assert_int_equal(status_of(ask("GET", "/health")), 503);
    assert_int_equal(status_of(ask("GET", "/livez")), 200);
}

static void test_methods_and_paths(void **state)
{
    static const char *const methods[] = {"POST", "DELETE", "PATCH"};
    const char *text;

    (void)state;
    text = ask("HEAD", "/status");
    assert_int_equal(status_of(text), 200);
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n"); /* no body */
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        assert_int_equal(status_of(ask(methods[i], "/status")), 405);
        assert_non_null(strstr(d.asker.answer.p, "Allow: GET, HEAD"));
    }
    assert_int_equal(status_of(ask("GET", "/statuses")), 404);
    assert_int_equal(status_of(ask("GET", "/status/")), 404);
    assert_int_equal(status_of(ask("POST", "/nothing")), 404);
    assert_int_equal(status_of(ask("GET", "/status?x=1")), 200);
}

static void test_the_page_and_its_files(void **state)
{
    static const char *const files[] = {"/web/style.css", "/web/main.js", "/web/icon.svg"};
    char header[80];
    const char *text = ask("GET", "/"), *etag;

    (void)state;
    assert_int_equal(status_of(text), 200);
    assert_non_null(strstr(text, "Content-Type: text/html; charset=utf-8\r\n"));
    assert_non_null(
        strstr(text, "Content-Security-Policy: default-src 'none'; script-src 'self';"));
    assert_null(strstr(text, "unsafe"));
    assert_null(strstr(text, "Set-Cookie"));
    etag = strstr(text, "ETag: ");
    assert_non_null(etag);
    (void)str_format(header, sizeof header, "If-None-Match: %.18s\r\n", etag + strlen("ETag: "));
    assert_int_equal(desk_api_ask(&d, "GET", "/", header, NULL), 304);
    assert_int_equal(desk_api_ask(&d, "GET", "/", "If-None-Match: \"other\"\r\n", NULL), 200);
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        assert_int_equal(status_of(ask("GET", files[i])), 200);
    assert_int_equal(status_of(ask("GET", "/web/")), 404);
    assert_int_equal(status_of(ask("GET", "/web/../status")), 404);
    assert_int_equal(status_of(ask("POST", "/web/main.js")), 405);
    /* A browser takes the page although it would take JSON, too. */
    (void)desk_api_ask(&d, "GET", "/", "Accept: text/html,application/json;q=0.9\r\n", NULL);
    assert_non_null(strstr(d.asker.answer.p, "<!doctype html>"));
}

static void test_overview_and_history(void **state)
{
    json_t *json = json_of(ask("GET", "/api/v1/overview"));

    (void)state;
    assert_true(json_is_object(json_object_get(json, "status")));
    assert_true(json_is_object(json_object_get(json, "explain")));
    assert_true(json_is_false(json_object_get(json, "actions")));
    json_decref(json);
    json = json_of(ask("GET", "/api/v1/history"));
    assert_string_equal(json_string_value(json_object_get(json, "seenBy")), "me");
    assert_int_equal(json_array_size(json_object_get(json, "transitions")), 0);
    json_decref(json);
}

/* Runs the loop until the answer, which goes on, holds so many events. */
static unsigned wait_for_events(unsigned wanted)
{
    unsigned n = 0;

    for (int i = 0; i < 20000 && n < wanted; i++) {
        desk_turn(d.loop);
        n = 0;
        for (const char *p = d.asker.answer.p; p && (p = strstr(p, "event: overview\n")); p++)
            n++;
    }
    return n;
}

static void test_events_follow_what_changes(void **state)
{
    int64_t before_us;

    (void)state;
    asker_send(&d.asker, desk_api_port, "GET", "/api/v1/events", NULL, NULL);
    assert_int_equal(wait_for_events(2), 2); /* at once, and the first look */
    assert_non_null(strstr(d.asker.answer.p, "Content-Type: text/event-stream\r\n"));
    assert_non_null(strstr(d.asker.answer.p, "\ndata: {\"status\":{"));
    before_us = loop_now_us(d.loop);
    (void)str_copy(d.c.plan.reason, sizeof d.c.plan.reason, "something new");
    assert_int_equal(wait_for_events(3), 3);
    assert_true(loop_now_us(d.loop) - before_us < 900 * 1000); /* before the second is over */
    assert_non_null(strstr(d.asker.answer.p, "something new"));
    assert_int_equal(wait_for_events(4), 4); /* and without any change once a second */
}

static void test_taken_port_is_said(void **state)
{
    struct controller other = d.c;
    struct fail why;

    (void)state;
    other.config.http_port = desk_api_port;
    assert_null(api_new(&other, &why));
    assert_true(why.text[0]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(routes_that_are_documented), TEST(ready_only_once_it_has_heard_and_until_it_stops),
        TEST(methods_and_paths),          TEST(the_page_and_its_files),
        TEST(overview_and_history),       TEST(events_follow_what_changes),
        TEST(taken_port_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
