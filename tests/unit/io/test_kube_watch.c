#include "io/kube_client.h"

#include "../kube_capture.h"
#include "api_script.h"

static struct loop *loop;
static struct api_script api;
static struct kube_client *client;
static struct kube_config config;
static struct kube_watch *watch;

/* What the watch told, in order: L list (with the number of items), A M D events, and the kind of
 * each state, as in "L3 A M D !gone L2 !none". */
static struct buf told;
static const char *until; /* the loop stops when `told` ends so */
static bool reached;
static char stop_at; /* stop the watch in the callback that tells this */
static bool free_at; /* ... by freeing the client */

static void tell(const char *what)
{
    buf_printf(&told, "%s%s", told.n ? " " : "", what);
    if (until && told.n >= strlen(until) && str_eq(str_of(told.p + told.n - strlen(until)), until))
        reached = true;
    if (stop_at == what[0]) {
        stop_at = 0;
        if (free_at) {
            kube_client_free(client);
            client = NULL;
        } else {
            kube_watch_stop(watch);
        }
        watch = NULL;
    }
}

static void on_list(void *arg, json_t *items)
{
    char text[32];

    assert_ptr_equal(arg, &api);
    assert_true(kube_watch_fresh_us(watch) > 0);
    str_format(text, sizeof(text), "L%zu", json_array_size(items));
    tell(text);
}

static void on_event(void *arg, enum kube_event_type type, json_t *object)
{
    assert_ptr_equal(arg, &api);
    assert_true(json_is_object(object));
    tell((const char *[]){"A", "M", "D", "B", "E"}[type]);
}

static void on_state(void *arg, const struct fail *why)
{
    char text[32];

    assert_ptr_equal(arg, &api);
    str_format(text, sizeof(text), "!%s", fail_kind_name(why->kind));
    tell(text);
}

static const struct kube_watch_events events = {on_list, on_event, on_state};

static int setup(void **state)
{
    (void)state;
    stop_at = 0;
    free_at = reached = false;
    until = NULL;
    buf_init(&told, 1 << 20);
    loop = loop_new();
    api_script_start(&api, loop);
    config = (struct kube_config){.timeout_us = 3000000, .watch_timeout_us = 60000000};
    str_format(config.api_url, sizeof(config.api_url), "http://127.0.0.1:%u", api.port);
    str_copy(config.user_agent, sizeof(config.user_agent), "unit-test");
    client = kube_client_new(loop, &config);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kube_watch_stop(watch);
    watch = NULL;
    kube_client_free(client);
    client = NULL;
    api_script_stop(&api);
    loop_free(loop);
    buf_done(&told);
    return 0;
}

static void start(const struct api_step *steps, size_t n)
{
    api_script_set(&api, steps, n);
    watch = kube_watch_start(client, "/api/v1/pods", "labelSelector=app%3Ddb", &events, &api);
    assert_int_equal(told.n, 0); /* never inside the call */
}

static void wait_told(const char *text)
{
    until = text;
    reached = told.n >= strlen(text) && str_eq(str_of(told.p + told.n - strlen(text)), text);
    run_until(loop, &reached);
}

static void free_str(struct str s)
{
    free((void *)s.p);
}

/* ---- answers ---- */

#define LIST_REQUEST  "GET /api/v1/pods?labelSelector=app%3Ddb HTTP"
#define WATCH_REQUEST "GET /api/v1/pods?watch=1&allowWatchBookmarks=true&timeoutSeconds=60&"
#define FROM(version) WATCH_REQUEST "resourceVersion=" version "&labelSelector=app%3Ddb HTTP"

#define ADDED_5                                                                                    \
    "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"5\"}}}\n"
#define DELETED_6                                                                                  \
    "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"6\"}}}"  \
    "\n"
#define BOOKMARK_9 "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"9\"}}}\n"

static struct str list_at(const char *version)
{
    char text[128];

    str_format(text, sizeof(text), "{\"metadata\":{\"resourceVersion\":\"%s\"},\"items\":[{},{}]}",
               version);
    return api_answer(200, text);
}

/* ---- the tests ---- */

/* A recorded list, then the recorded stream in its own lines; it goes on from its last version. */
static void test_recorded(void **state)
{
    struct capture list = capture_load("03-200-pod-list-three-running.resp");
    struct capture stream = capture_load("05-watch-pods-stream.resp");
    struct buf text;
    struct str answers[2];
    const char *chunk;
    size_t raw_n;
    char *raw = capture_read("05-watch-pods-raw-chunked.resp", &raw_n);

    (void)state;
    buf_init(&text, 1 << 20);
    buf_add_str(&text, stream.body);
    chunk = text.p;
    answers[0] = api_answer_bytes(200, list.body);
    answers[1] = api_chunked(&chunk, 1, false);
    {
        const struct api_step steps[] = {
            {.expect = LIST_REQUEST, .answer = answers[0]},
            {.expect = WATCH_REQUEST, .answer = answers[1], .split = 50000},
        };

        start(steps, ARRAY_LEN(steps));
        wait_told("D A M M M M M");
        assert_string_equal(told.p, "L3 A M M A M M A M M M M M M D A M D A M M M M M");
    }
    kube_watch_stop(watch);
    watch = NULL;
    buf_clear(&told);
    {
        const struct api_step steps[] = {
            {.expect = LIST_REQUEST, .answer = answers[0]},
            {.expect = WATCH_REQUEST, .answer = {raw, raw_n}, .split = 5000},
        };

        start(steps, ARRAY_LEN(steps));
        wait_told("L3 M M");
    }
    buf_done(&text);
    free_str(answers[0]);
    free_str(answers[1]);
    free(raw);
    capture_done(&list);
    capture_done(&stream);
}

static void test_split_everywhere(void **state)
{
    static const char *const chunks[] = {ADDED_5, DELETED_6 BOOKMARK_9};
    struct str list = list_at("3"), stream = api_chunked(chunks, 2, false);
    struct api_step steps[] = {{.expect = LIST_REQUEST, .answer = list},
                               {.expect = FROM("3"), .answer = stream}};

    (void)state;
    for (size_t i = 1; i < stream.n; i++) {
        steps[1].split = i;
        start(steps, ARRAY_LEN(steps));
        wait_told("L2 A D");
        assert_string_equal(told.p, "L2 A D");
        kube_watch_stop(watch);
        watch = NULL;
        buf_clear(&told);
    }
    free_str(list);
    free_str(stream);
}

/* A regular end: the next stream begins where the last one was, and nothing is listed again. */
static void test_regular_end(void **state)
{
    static const char *const first[] = {ADDED_5, BOOKMARK_9}, *const second[] = {DELETED_6};
    struct str list = list_at("3"), one = api_chunked(first, 2, true),
               two = api_chunked(second, 1, false);
    const struct api_step steps[] = {{.expect = LIST_REQUEST, .answer = list},
                                     {.expect = FROM("3"), .answer = one},
                                     {.expect = FROM("9"), .answer = two}};
    int64_t fresh_us;

    (void)state;
    start(steps, ARRAY_LEN(steps));
    assert_int_equal(kube_watch_fresh_us(watch), 0);
    wait_told("L2 A");
    fresh_us = kube_watch_fresh_us(watch);
    assert_true(fresh_us > 0);
    wait_told("L2 A D");
    assert_true(kube_watch_fresh_us(watch) > fresh_us);
    free_str(list);
    free_str(one);
    free_str(two);
}

/* Streams that end at once, each time, are not asked for without a pause. */
static void test_short_streams(void **state)
{
    struct str list = list_at("3"), end = api_chunked(NULL, 0, true);
    const struct api_step steps[] = {{.expect = LIST_REQUEST, .answer = list},
                                     {.expect = FROM("3"), .answer = end},
                                     {.expect = FROM("3"), .answer = end},
                                     {.expect = FROM("3")}};
    int64_t started_us = loop_now_us(loop), fresh_us;
    bool asked = false;

    (void)state;
    start(steps, ARRAY_LEN(steps));
    wait_told("L2");
    fresh_us = kube_watch_fresh_us(watch);
    while (!asked) {
        run_for(loop, 1000);
        asked = api.step == ARRAY_LEN(steps);
    }
    assert_true(loop_now_us(loop) - started_us >= 300000);        /* 100 ms and 200 ms */
    assert_true(kube_watch_fresh_us(watch) - fresh_us >= 100000); /* a regular end is good news */
    assert_string_equal(told.p, "L2");
    free_str(list);
    free_str(end);
}

/* Each of these ends the stream, is told, and is put right by a fresh list after 100 ms. */
static void check_listed_again(struct str stream, enum api_then then, const char *kind)
{
    struct str list = list_at("3"), again = list_at("8");
    const struct api_step steps[] = {{.expect = LIST_REQUEST, .answer = list},
                                     {.expect = FROM("3"), .answer = stream, .then = then},
                                     {.expect = LIST_REQUEST, .answer = again},
                                     {.expect = FROM("8")}};
    char expected[64];
    int64_t failed_us;

    start(steps, ARRAY_LEN(steps));
    str_format(expected, sizeof(expected), "!%s", kind);
    wait_told(expected);
    failed_us = loop_now_us(loop);
    str_append(expected, sizeof(expected), " L2 !none");
    wait_told(expected);
    assert_true(loop_now_us(loop) - failed_us >= 90000);
    while (api.step < ARRAY_LEN(steps))
        run_for(loop, 200);
    kube_watch_stop(watch);
    watch = NULL;
    buf_clear(&told);
    free_str(list);
    free_str(again);
}

static void test_error_events(void **state)
{
    struct capture c = capture_load("09-200-watch-events-error-410.resp");
    struct buf line;
    const char *chunks[2] = {ADDED_5};
    struct str stream;

    (void)state;
    buf_init(&line, 1 << 20);
    buf_add_str(&line, c.body);
    chunks[1] = line.p;
    stream = api_chunked(chunks, 2, true);
    check_listed_again(stream, API_KEEP, "gone");
    free_str(stream);
    chunks[1] = "{\"type\":\"ERROR\",\"object\":{\"code\":500}}\n";
    stream = api_chunked(chunks, 2, true);
    check_listed_again(stream, API_KEEP, "busy");
    free_str(stream);
    buf_done(&line);
    capture_done(&c);
}

static void test_error_answers(void **state)
{
    struct capture c = capture_load("09-410-list-exact-rv-compacted.resp");
    struct str gone = api_answer_bytes(410, c.body), denied = api_answer(403, "{}");

    (void)state;
    check_listed_again(gone, API_KEEP, "gone");
    check_listed_again(denied, API_KEEP, "denied");
    free_str(gone);
    free_str(denied);
    capture_done(&c);
}

static void test_broken_streams(void **state)
{
    static const char *const chunks[] = {ADDED_5}, *const nonsense[] = {"<html>\n"},
                             *const nameless[] = {"{\"type\":\"ADDED\",\"object\":{}}\n"},
                             *const unended[] = {"{\"type\":\"ADDED\""};
    struct str cut = api_chunked(chunks, 1, false), mid = cut, stream;

    (void)state;
    check_listed_again(cut, API_CLOSE, "unreachable");
    check_listed_again(cut, API_RESET, "unreachable");
    mid.n -= 20; /* inside of the chunk */
    check_listed_again(mid, API_CLOSE, "unreachable");
    free_str(cut);
    stream = api_chunked(unended, 1, true);
    check_listed_again(stream, API_KEEP, "unreachable");
    free_str(stream);
    stream = api_chunked(nonsense, 1, false);
    check_listed_again(stream, API_KEEP, "protocol");
    free_str(stream);
    stream = api_chunked(nameless, 1, false);
    check_listed_again(stream, API_KEEP, "protocol");
    free_str(stream);
}

static void test_line_limit(void **state)
{
    char *text = xcalloc(5 * 1024 * 1024 + 1, 1);
    const char *chunk = text;
    struct str stream;

    (void)state;
    memset(text, 'x', 5 * 1024 * 1024);
    stream = api_chunked(&chunk, 1, false);
    check_listed_again(stream, API_KEEP, "protocol");
    free(text);
    free_str(stream);
}

/* An API server that is being stopped leaves streams open on which nothing comes any more. */
static void test_silent_stream(void **state)
{
    struct str list = list_at("3");
    const struct api_step steps[] = {{.answer = list},
                                     {.expect = "timeoutSeconds=1&"},
                                     {.expect = "?label", .answer = list},
                                     {0}};
    int64_t started_us = loop_now_us(loop);

    (void)state;
    kube_client_free(client);
    config.watch_timeout_us = 100000; /* whole seconds are what the server takes */
    client = kube_client_new(loop, &config);
    start(steps, ARRAY_LEN(steps));
    wait_told("L2 !timeout L2 !none");
    assert_true(loop_now_us(loop) - started_us >= 1000000);
    free_str(list);
}

/* The list fails: 100 ms, 200 ms, ... until it works. */
static void test_list_fails(void **state)
{
    struct str busy = api_answer(500, "{}"), wrong = api_answer(200, "{\"items\":[]}"),
               list = list_at("3");
    const struct api_step steps[] = {
        {.answer = busy}, {.answer = wrong}, {.expect = LIST_REQUEST, .answer = list}, {0}};
    int64_t started_us = loop_now_us(loop);

    (void)state;
    start(steps, ARRAY_LEN(steps));
    wait_told("!busy !protocol L2 !none");
    assert_true(loop_now_us(loop) - started_us >= 300000);
    free_str(busy);
    free_str(wrong);
    free_str(list);
}

/* 100, 200, 400 ms; a line of a stream shows that all is well, so the next pause is 100 ms again.
 */
static void test_pause_starts_again(void **state)
{
    static const char *const chunks[] = {ADDED_5};
    struct str busy = api_answer(500, "{}"), list = list_at("3"),
               stream = api_chunked(chunks, 1, false);
    const struct api_step steps[] = {{.answer = busy},
                                     {.answer = busy},
                                     {.answer = busy},
                                     {.answer = list},
                                     {.answer = stream, .then = API_CLOSE},
                                     {.answer = list},
                                     {0}};
    int64_t failed_us;

    (void)state;
    start(steps, ARRAY_LEN(steps));
    wait_told("!busy !busy !busy L2 !none A !unreachable");
    failed_us = loop_now_us(loop);
    wait_told("A !unreachable L2 !none");
    assert_true(loop_now_us(loop) - failed_us < 700000);
    free_str(busy);
    free_str(list);
    free_str(stream);
}

static void test_stop_in_callbacks(void **state)
{
    static const char *const chunks[] = {ADDED_5 DELETED_6 ADDED_5 "x\n"};
    static const char at[] = "LADL!";
    struct str list = list_at("3"), stream = api_chunked(chunks, 1, true);
    const struct api_step steps[] = {{.answer = list}, {.answer = stream}, {0}};

    (void)state;
    for (size_t i = 0; at[i]; i++) {
        free_at = i >= 3;
        if (!client)
            client = kube_client_new(loop, &config);
        start(steps, ARRAY_LEN(steps));
        stop_at = at[i];
        while (watch)
            run_for(loop, 200);
        run_for(loop, 2000);
        assert_true(told.p[told.n - (at[i] == 'L' ? 2 : at[i] == '!' ? 9 : 1)] == at[i]);
        buf_clear(&told);
    }
    free_str(list);
    free_str(stream);
}

static void test_stop_while_pausing(void **state)
{
    struct str busy = api_answer(500, "{}");
    const struct api_step steps[] = {{.answer = busy}};

    (void)state;
    start(steps, ARRAY_LEN(steps));
    wait_told("!busy");
    kube_watch_stop(watch);
    watch = NULL;
    run_for(loop, 150000); /* a list would not be expected */
    free_str(busy);
    kube_watch_stop(NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_recorded),           T(test_split_everywhere),   T(test_regular_end),
        T(test_short_streams),      T(test_error_events),       T(test_error_answers),
        T(test_broken_streams),     T(test_line_limit),         T(test_silent_stream),
        T(test_list_fails),         T(test_pause_starts_again), T(test_stop_in_callbacks),
        T(test_stop_while_pausing),
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
