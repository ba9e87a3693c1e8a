/* The Bolt client against a scripted server on loopback, in one loop. */
#include "bolt_server.h"
#include "io/bolt_client.h"

#include "base/alloc.h"

#include "../cmocka_test.h"

#include <errno.h>

enum { PATIENCE_US = 5 * 1000 * 1000, DOWNS_MAX = 64 };

struct test {
    struct loop *loop;
    struct bolt_server server;
    struct bolt_client_config config;
    struct bolt_client *client;
    struct timer *patience;
    bool expired;

    char events[256]; /* "up ", "answer ", "down " in their order */
    unsigned ups, downs, answers;
    struct fail why[DOWNS_MAX];
    int64_t down_us[DOWNS_MAX];

    struct fail fail; /* of the last answer, copied */
    enum memgraph_error error;
    char message[256], run_id[MEMGRAPH_UUID_SIZE], first_cell[32];
    size_t rows;
    int64_t asked_us;

    const char *then;    /* query to ask in the next callback of an answer */
    const char *free_in; /* event in which the client is freed */
    bool was_up_in_answer;
};

static void note(struct test *t, const char *event)
{
    (void)str_append(t->events, sizeof t->events, "%s ", event);
    if (t->free_in && strcmp(t->free_in, event) == 0) {
        bolt_client_free(t->client);
        t->client = NULL;
    }
}

static void on_up(void *arg)
{
    struct test *t = arg;

    assert_true(bolt_client_up(t->client));
    t->ups++;
    note(t, "up");
}

static void on_down(void *arg, const struct fail *why)
{
    struct test *t = arg;

    assert_false(bolt_client_up(t->client));
    assert_true(t->downs < DOWNS_MAX);
    t->down_us[t->downs] = loop_now_us(t->loop);
    t->why[t->downs++] = *why;
    note(t, "down");
}

static void on_answer(void *arg, const struct bolt_answer *answer);

static void ask(struct test *t, const char *query, int64_t timeout_us)
{
    assert_int_equal(bolt_client_query(t->client, query, timeout_us, on_answer, t), 0);
    assert_true(bolt_client_busy(t->client));
}

static void on_answer(void *arg, const struct bolt_answer *answer)
{
    struct test *t = arg;

    assert_false(bolt_client_busy(t->client));
    t->answers++;
    t->fail = answer->fail;
    t->error = answer->error;
    (void)str_copy(t->message, sizeof t->message, answer->message);
    (void)str_copy(t->run_id, sizeof t->run_id, answer->run_id);
    t->rows = answer->rows.n;
    t->asked_us = answer->asked_us;
    t->was_up_in_answer = bolt_client_up(t->client);
    if (t->then) {
        const char *query = t->then;

        t->then = NULL;
        ask(t, query, PATIENCE_US);
    }
    t->first_cell[0] = '\0';
    for (size_t i = 0; i < answer->rows.n; i++) /* still there after the next query was asked */
        assert_true(str_copy_n(t->first_cell, sizeof t->first_cell,
                               answer->rows.rows[i].as.list.items[0].as.str));
    note(t, "answer");
}

static void on_impatient(void *arg)
{
    ((struct test *)arg)->expired = true;
}

/* Runs the loop until the condition holds. */
#define WAIT(t, condition)                                                                         \
    do {                                                                                           \
        timer_start((t)->patience, PATIENCE_US);                                                   \
        while (!(condition)) {                                                                     \
            assert_false((t)->expired);                                                            \
            uv_run(loop_uv((t)->loop), UV_RUN_ONCE);                                               \
        }                                                                                          \
        timer_stop((t)->patience);                                                                 \
    } while (0)

static int setup(void **state)
{
    struct test *t = xcalloc(1, sizeof *t);

    t->loop = loop_new();
    t->patience = timer_new(t->loop, on_impatient, t);
    bolt_server_start(&t->server, t->loop, 0);
    t->config = (struct bolt_client_config){
        .host = "127.0.0.1", .user_agent = "test/1", .connect_timeout_us = PATIENCE_US};
    t->config.port = t->server.port;
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct test *t = *state;

    bolt_client_free(t->client);
    bolt_server_stop(&t->server);
    timer_free(t->patience);
    loop_free(t->loop);
    free(t);
    return 0;
}

static void start(struct test *t)
{
    static const struct bolt_client_events events = {on_up, on_down};

    t->client = bolt_client_new(t->loop, &t->config, &events, t);
    assert_false(bolt_client_up(t->client));
}

static void start_up(struct test *t)
{
    start(t);
    WAIT(t, t->ups == 1);
}

static void test_up_and_query(void **state)
{
    struct test *t = *state;
    int64_t before_us;

    start(t);
    assert_int_equal(bolt_client_query(t->client, "ROW", 1, on_answer, t), -ENOTCONN);
    WAIT(t, t->ups == 1);
    before_us = loop_now_us(t->loop);
    ask(t, "ROW", PATIENCE_US);
    assert_int_equal(bolt_client_query(t->client, "ROW", 1, on_answer, t), -EBUSY);
    assert_int_equal(t->answers, 0);
    WAIT(t, t->answers == 1);
    assert_int_equal(t->fail.kind, FAIL_NONE);
    assert_int_equal(t->error, MEMGRAPH_OK);
    assert_string_equal(t->message, "");
    assert_string_equal(t->run_id, "the-run-id");
    assert_string_equal(t->first_cell, "main");
    assert_true(t->asked_us >= before_us && t->asked_us <= loop_now_us(t->loop));
    ask(t, "ROWS", PATIENCE_US);
    WAIT(t, t->answers == 2);
    assert_int_equal(t->rows, 100);
    assert_string_equal(t->server.log, "HELLO LOGON RUN PULL RUN PULL ");
    assert_string_equal(t->events, "up answer answer ");
}

static void test_every_version(void **state)
{
    static const enum bolt_version versions[] = {BOLT_4_1, BOLT_4_3, BOLT_4_4, BOLT_5_2};
    struct test *t = *state;

    t->server.user = "admin";
    t->server.password = "secret";
    (void)str_copy(t->config.user, sizeof t->config.user, "admin");
    (void)str_copy(t->config.password, sizeof t->config.password, "secret");
    for (unsigned i = 0; i < ARRAY_LEN(versions); i++) {
        t->server.version = versions[i];
        start(t);
        WAIT(t, t->ups == i + 1);
        ask(t, "ROW", PATIENCE_US);
        WAIT(t, t->answers == i + 1);
        assert_string_equal(t->first_cell, "main");
        bolt_client_free(t->client);
        t->client = NULL;
    }
}

/* The server says no at RUN or at PULL; the next query works, also when asked at once. */
static void test_server_failure_then_query(void **state)
{
    struct test *t = *state;

    start_up(t);
    t->server.words = "Couldn't register replica x. Error: 6";
    ask(t, "FAIL AT PULL", PATIENCE_US);
    WAIT(t, t->answers == 1);
    assert_int_equal(t->fail.kind, FAIL_NONE);
    assert_int_equal(t->error, MEMGRAPH_BUSY);
    assert_string_equal(t->message, "Couldn't register replica x. Error: 6");
    assert_string_equal(t->run_id, "");
    assert_int_equal(t->rows, 0);
    t->then = "ROW";
    ask(t, "FAIL AT RUN", PATIENCE_US);
    WAIT(t, t->answers == 3);
    assert_int_equal(t->error, MEMGRAPH_OK);
    assert_string_equal(t->first_cell, "main");
    assert_string_equal(t->server.log, "HELLO LOGON RUN PULL RESET RUN PULL RESET RUN PULL ");
    assert_string_equal(t->events, "up answer answer answer ");
}

static void test_query_in_answer(void **state)
{
    struct test *t = *state;

    start_up(t);
    t->then = "ROW";
    ask(t, "ROWS", PATIENCE_US);
    WAIT(t, t->answers == 2);
    assert_int_equal(t->rows, 1);
    assert_string_equal(t->first_cell, "main");
}

/* Far more than a socket takes at once. */
static void test_long_query(void **state)
{
    enum { BYTES = 12 * 1024 * 1024 };
    struct test *t = *state;
    char *query = xcalloc(BYTES + 1, 1);

    memset(query, 'q', BYTES);
    start_up(t);
    ask(t, query, PATIENCE_US);
    free(query);
    WAIT(t, t->answers == 1);
    assert_int_equal(t->fail.kind, FAIL_NONE);
    assert_int_equal(t->rows, 1);
}

/* 0, 5, 20, 50, 100 ms, each told. */
static void test_refused_schedule(void **state)
{
    static const int64_t gaps_us[] = {5000, 20000, 50000, 100000};
    struct test *t = *state;
    int64_t started_us;

    bolt_server_stop(&t->server);
    started_us = loop_now_us(t->loop);
    start(t);
    WAIT(t, t->downs == 5);
    assert_true(t->down_us[0] - started_us < 500000);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(t->why[i].kind, FAIL_REFUSED);
    for (unsigned i = 0; i < ARRAY_LEN(gaps_us); i++) {
        int64_t gap_us = t->down_us[i + 1] - t->down_us[i];

        assert_true(gap_us >= gaps_us[i]);
        assert_true(gap_us < gaps_us[i] + 500000);
    }
}

/* The server goes away under a link that is up: refused at once, after 5 and after 20 ms; then it
 * comes back. "At once" is seen in one of several rounds, as the machine may be busy in any. */
static void test_server_dies_and_returns(void **state)
{
    struct test *t = *state;
    unsigned port = t->server.port;
    bool at_once = false;

    start_up(t);
    for (unsigned round = 1; round <= 10 && !at_once; round++) {
        const int64_t *down_us = t->down_us;

        t->downs = 0;
        bolt_server_stop(&t->server);
        WAIT(t, t->downs == 4);
        for (unsigned i = 0; i < 4; i++)
            assert_int_equal(t->why[i].kind, FAIL_REFUSED);
        at_once = down_us[1] - down_us[0] < 5000;
        assert_true(down_us[2] - down_us[1] >= 5000);
        assert_true(down_us[3] - down_us[2] >= 20000);
        bolt_server_start(&t->server, t->loop, port);
        bolt_client_retry_now(t->client);
        WAIT(t, t->ups == round + 1);
        ask(t, "ROW", PATIENCE_US);
        WAIT(t, t->answers == round);
        bolt_client_retry_now(t->client); /* no effect */
        assert_true(bolt_client_up(t->client));
    }
    assert_true(at_once);
}

/* A server that logs us on and hangs up at once is tried quickly at first, not for ever. */
static void test_server_that_never_lasts(void **state)
{
    struct test *t = *state;
    int64_t from_us;

    start_up(t);
    from_us = loop_now_us(t->loop);
    for (unsigned i = 0; i < 5; i++) {
        ask(t, "CLOSE", PATIENCE_US);
        WAIT(t, t->ups == i + 2);
    }
    assert_true(loop_now_us(t->loop) - from_us >= 5000 + 20000 + 50000 + 100000);
}

static void test_query_dies_with_the_connection(void **state)
{
    static const char *const how[] = {"CLOSE", "RESET"};
    struct test *t = *state;

    start_up(t);
    for (unsigned i = 0; i < ARRAY_LEN(how); i++) {
        t->events[0] = '\0';
        ask(t, how[i], PATIENCE_US);
        WAIT(t, t->ups == i + 2);
        assert_int_equal(t->answers, i + 1);
        assert_int_equal(t->fail.kind, FAIL_REFUSED);
        assert_int_equal(t->why[i].kind, FAIL_REFUSED);
        assert_string_equal(t->message, t->fail.text);
        assert_false(t->was_up_in_answer);
        assert_string_equal(t->events, "answer down up ");
    }
}

static void test_silent_query(void **state)
{
    struct test *t = *state;

    start_up(t);
    ask(t, "SILENCE", 20000);
    WAIT(t, t->downs == 1);
    assert_int_equal(t->answers, 1);
    assert_int_equal(t->fail.kind, FAIL_TIMEOUT);
    assert_int_equal(t->why[0].kind, FAIL_TIMEOUT);
    assert_string_equal(t->events, "up answer down ");
    WAIT(t, t->ups == 2);
}

static void test_silent_server(void **state)
{
    struct test *t = *state;

    t->server.mood = BOLT_SERVER_IS_SILENT;
    t->config.connect_timeout_us = 20000;
    start(t);
    WAIT(t, t->downs == 2);
    assert_int_equal(t->why[0].kind, FAIL_TIMEOUT);
    assert_int_equal(t->why[1].kind, FAIL_TIMEOUT);
}

/* The time limits of logging on and of a query end with them. */
static void test_limits_end(void **state)
{
    enum { LIMIT_US = 200000 };
    struct test *t = *state;
    struct timer *wake;
    unsigned downs;
    int64_t up_us;

    t->config.connect_timeout_us = LIMIT_US;
    start_up(t);
    downs = t->downs;
    up_us = loop_now_us(t->loop);
    wake = timer_new(t->loop, on_impatient, &(struct test){0});
    timer_start(wake, LIMIT_US + 1000);
    WAIT(t, loop_now_us(t->loop) > up_us + LIMIT_US);
    ask(t, "ROW", LIMIT_US);
    up_us = loop_now_us(t->loop);
    WAIT(t, t->answers == 1);
    timer_start(wake, LIMIT_US + 1000);
    WAIT(t, loop_now_us(t->loop) > up_us + LIMIT_US);
    timer_free(wake);
    assert_int_equal(t->downs, downs);
    assert_true(bolt_client_up(t->client));
}

static void test_bad_handshakes(void **state)
{
    struct test *t = *state;

    t->server.mood = BOLT_SERVER_REFUSES;
    start(t);
    WAIT(t, t->downs == 1);
    assert_int_equal(t->why[0].kind, FAIL_PROTOCOL);
    assert_string_equal(t->why[0].text, BOLT_VIOLATION_MESSAGE);
    t->server.mood = BOLT_SERVER_SPEAKS_TLS;
    WAIT(t, t->downs == 2);
    assert_int_equal(t->why[1].kind, FAIL_PROTOCOL);
    assert_string_equal(t->why[1].text, "handshake answered with 15 03 01 00");
    t->server.mood = BOLT_SERVER_HANGS_UP;
    WAIT(t, t->downs == 3);
    assert_int_equal(t->why[2].kind, FAIL_REFUSED);
}

static void test_wrong_password(void **state)
{
    struct test *t = *state;
    int64_t denied_us;

    t->server.user = "admin";
    t->server.password = "secret";
    (void)str_copy(t->config.user, sizeof t->config.user, "admin");
    (void)str_copy(t->config.password, sizeof t->config.password, "wrong");
    start(t);
    WAIT(t, t->downs == 1);
    assert_int_equal(t->why[0].kind, FAIL_DENIED);
    assert_string_equal(t->why[0].text, "Authentication failure");
    bolt_client_retry_now(t->client);
    WAIT(t, t->downs == 2);
    assert_int_equal(t->why[1].kind, FAIL_DENIED);
    denied_us = t->down_us[1];
    assert_true(denied_us - t->down_us[0] < 900000); /* that was retry_now */
    WAIT(t, t->downs == 3);
    assert_true(t->down_us[2] - denied_us >= 1000000);
}

static void test_answer_limit(void **state)
{
    struct test *t = *state;

    t->config.answer_limit = 4096;
    start_up(t);
    ask(t, "ROW", PATIENCE_US);
    WAIT(t, t->answers == 1);
    assert_int_equal(t->fail.kind, FAIL_NONE);
    ask(t, "ROWS", PATIENCE_US);
    WAIT(t, t->downs == 1);
    assert_int_equal(t->fail.kind, FAIL_PROTOCOL);
    assert_int_equal(t->why[0].kind, FAIL_PROTOCOL);
}

static void test_garbage(void **state)
{
    struct test *t = *state;

    start_up(t);
    ask(t, "GARBAGE", PATIENCE_US);
    WAIT(t, t->downs == 1);
    assert_int_equal(t->fail.kind, FAIL_PROTOCOL);
    assert_int_equal(t->why[0].kind, FAIL_PROTOCOL);
    WAIT(t, t->ups == 2);
    ask(t, "STRAY", PATIENCE_US);
    WAIT(t, t->downs == 2);
    assert_int_equal(t->answers, 2);
    assert_int_equal(t->fail.kind, FAIL_NONE);
    assert_int_equal(t->why[1].kind, FAIL_PROTOCOL);
}

static void test_no_address(void **state)
{
    struct test *t = *state;

    (void)str_copy(t->config.host, sizeof t->config.host, "not an address");
    start(t);
    assert_int_equal(t->downs, 0);
    WAIT(t, t->downs == 2);
    assert_int_equal(t->why[0].kind, FAIL_UNREACHABLE);
}

/* Freed in each callback, and outside with a query under way: nothing is called after it. */
static void free_in(struct test *t, const char *event, const char *query, const char *events)
{
    t->events[0] = '\0';
    t->free_in = event;
    t->ups = t->downs = t->answers = 0;
    start(t);
    if (query) {
        WAIT(t, t->ups == 1);
        ask(t, query, PATIENCE_US);
    }
    WAIT(t, t->client == NULL);
    for (unsigned i = 0; i < 3; i++)
        uv_run(loop_uv(t->loop), UV_RUN_NOWAIT);
    assert_string_equal(t->events, events);
}

static void test_free_in_callbacks(void **state)
{
    struct test *t = *state;

    free_in(t, "up", NULL, "up ");
    free_in(t, "answer", "ROW", "up answer ");
    free_in(t, "answer", "STRAY", "up answer ");
    free_in(t, "answer", "CLOSE", "up answer ");
    free_in(t, "down", "CLOSE", "up answer down ");
    t->server.mood = BOLT_SERVER_HANGS_UP;
    free_in(t, "down", NULL, "down ");
}

static void test_free_with_a_query_under_way(void **state)
{
    struct test *t = *state;

    start_up(t);
    ask(t, "ROW", PATIENCE_US);
    bolt_client_free(t->client);
    start(t); /* freed while it connects */
    uv_run(loop_uv(t->loop), UV_RUN_NOWAIT);
    bolt_client_free(t->client);
    start(t);
    WAIT(t, t->ups == 2);
    assert_int_equal(t->answers, 0);
    assert_int_equal(t->downs, 0);
    bolt_client_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_up_and_query),
        TEST(test_every_version),
        TEST(test_server_failure_then_query),
        TEST(test_query_in_answer),
        TEST(test_long_query),
        TEST(test_refused_schedule),
        TEST(test_server_dies_and_returns),
        TEST(test_server_that_never_lasts),
        TEST(test_query_dies_with_the_connection),
        TEST(test_silent_query),
        TEST(test_silent_server),
        TEST(test_limits_end),
        TEST(test_bad_handshakes),
        TEST(test_wrong_password),
        TEST(test_answer_limit),
        TEST(test_garbage),
        TEST(test_no_address),
        TEST(test_free_in_callbacks),
        TEST(test_free_with_a_query_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
