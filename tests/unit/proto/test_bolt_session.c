/* A session without a socket: against recorded servers it says, byte for byte, what the recorded
 * client said, and it takes every answer the right way. */
#include "golden.h"

#include "proto/bolt_encode.h"
#include "proto/bolt_session.h"

#include "../cmocka_test.h"

enum { LIMIT = 1024 * 1024, GOODBYE_BYTES = 6 };

static const struct bolt_session_config nobody = {
    .user_agent = "lab/1", .user = "", .password = "", .answer_limit = LIMIT};

/* Feeds a recorded server byte by byte and asks `query` once. The last event; `said` gets all that
 * the session wants to send. */
static enum bolt_session_event replay(struct bolt_session *s, const struct golden *g,
                                      const char *query, struct buf *said)
{
    enum bolt_session_event event = BOLT_SESSION_WAITS;

    for (size_t i = 0; i < g->s2c.n && event != BOLT_SESSION_BROKEN; i++) {
        bolt_session_feed(s, (struct str){g->s2c.p + i, 1});
        event = bolt_session_next(s);
        if (event == BOLT_SESSION_UP)
            bolt_session_ask(s, str_of(query));
        buf_add_str(said, buf_str(&s->out));
        buf_clear(&s->out);
        if (event == BOLT_SESSION_ANSWER)
            break;
    }
    return event;
}

static void check_login(const char *name, const char *user, const char *password, const char *query)
{
    struct bolt_session_config config = nobody;
    struct bolt_session s;
    struct golden g;
    struct buf said;

    config.user = user;
    config.password = password;
    golden_load(&g, name);
    buf_init(&said, LIMIT);
    bolt_session_init(&s, &config);
    assert_int_equal(replay(&s, &g, query, &said), BOLT_SESSION_ANSWER);
    assert_int_equal(s.error, MEMGRAPH_OK);
    assert_int_equal(s.rows.n, 1);
    assert_int_equal(s.rows.rows[0].as.list.items[0].as.integer, 1);
    assert_int_equal(s.rows.fields->as.list.n, 1);
    assert_non_null(value_get(s.rows.summary, "run_id"));
    /* Only the proposals differ: the recorder had but one. */
    assert_int_equal(said.n, g.c2s.n - GOODBYE_BYTES);
    assert_memory_equal(said.p + BOLT_REQUEST_BYTES, g.c2s.p + BOLT_REQUEST_BYTES,
                        said.n - BOLT_REQUEST_BYTES);
    bolt_session_done(&s);
    buf_done(&said);
    golden_done(&g);
}

static void test_logins(void **state)
{
    (void)state;
    check_login("login_none_41", "", "", "RETURN 1 AS x");
    check_login("login_none_43", "", "", "RETURN 1 AS x");
    check_login("login_none_52", "", "", "RETURN 1 AS x");
    check_login("auth_right_43", "admin", "secret", "RETURN 1");
    check_login("auth_right_52", "admin", "secret", "RETURN 1");
    check_login("login_basic_nousers_43", "who", "ever", "RETURN 1 AS x");
}

static void check_broken(const char *name, enum fail_kind kind, const char *why)
{
    struct bolt_session s;
    struct golden g;
    struct buf said;

    golden_load(&g, name);
    buf_init(&said, LIMIT);
    bolt_session_init(&s, &nobody);
    assert_int_equal(replay(&s, &g, "x", &said), BOLT_SESSION_BROKEN);
    assert_int_equal(s.why.kind, kind);
    assert_string_equal(s.why.text, why);
    assert_int_equal(bolt_session_next(&s), BOLT_SESSION_BROKEN);
    bolt_session_done(&s);
    buf_done(&said);
    golden_done(&g);
}

static void test_refusals(void **state)
{
    (void)state;
    check_broken("auth_none_43", FAIL_DENIED, "Authentication failure");
    check_broken("auth_none_52", FAIL_DENIED, "Authentication failure");
    check_broken("logon_unknown_scheme", FAIL_DENIED, "Authentication failure");
    check_broken("handshake_44_only", FAIL_PROTOCOL, BOLT_VIOLATION_MESSAGE);
    check_broken("hello_no_user_agent_52", FAIL_PROTOCOL, BOLT_VIOLATION_MESSAGE);
    check_broken("handshake_websocket", FAIL_PROTOCOL, "handshake answered with 48 54 54 50");
    check_broken("handshake_10", FAIL_PROTOCOL, "handshake answered with 00 00 00 01");
}

/* A session that is up, with 5.2. */
static void start_up(struct bolt_session *s, struct buf *server)
{
    bolt_session_init(s, &nobody);
    buf_init(server, LIMIT);
    bolt_add_answer(server, BOLT_5_2);
    bolt_encode_success(server, NULL);
    bolt_encode_success(server, NULL);
    bolt_session_feed(s, buf_str(server));
    assert_int_equal(bolt_session_next(s), BOLT_SESSION_UP);
    assert_int_equal(bolt_session_next(s), BOLT_SESSION_WAITS);
    buf_clear(server);
    buf_clear(&s->out);
}

static void say(struct bolt_session *s, struct buf *server)
{
    bolt_session_feed(s, buf_str(server));
    buf_clear(server);
}

/* Two refusals in a row; the RESETs' answers come with those of the next query. */
static void test_failures_and_resets(void **state)
{
    struct bolt_session s;
    struct buf server;

    (void)state;
    start_up(&s, &server);
    for (unsigned i = 0; i < 3; i++) {
        bolt_session_ask(&s, str_of("x"));
        if (i)
            bolt_encode_success(&server, NULL); /* RESET */
        bolt_encode_failure(&server, "c", "Couldn't register replica x. Error: 6");
        bolt_encode_ignored(&server);
        say(&s, &server);
        assert_int_equal(bolt_session_next(&s), BOLT_SESSION_ANSWER);
        assert_int_equal(s.error, MEMGRAPH_BUSY);
        assert_string_equal(s.message, "Couldn't register replica x. Error: 6");
        assert_int_equal(bolt_session_next(&s), BOLT_SESSION_WAITS);
        assert_int_equal((uint8_t)s.out.p[3], i ? BOLT_RESET : BOLT_RUN);
        buf_clear(&s.out);
    }
    bolt_session_ask(&s, str_of("x"));
    bolt_encode_success(&server, NULL);
    bolt_encode_success(&server, NULL);
    bolt_encode_success(&server, NULL);
    say(&s, &server);
    assert_int_equal(bolt_session_next(&s), BOLT_SESSION_ANSWER);
    assert_int_equal(s.error, MEMGRAPH_OK);
    assert_int_equal(s.rows.n, 0);
    assert_int_equal(bolt_session_next(&s), BOLT_SESSION_WAITS);
    buf_clear(&s.out);
    bolt_session_ask(&s, str_of("x"));
    assert_int_equal((uint8_t)s.out.p[3], BOLT_RUN); /* one RESET was enough */
    bolt_session_done(&s);
    buf_done(&server);
}

static void check_out_of_turn(void (*answer)(struct buf *server), bool asked)
{
    struct bolt_session s;
    struct buf server;

    start_up(&s, &server);
    if (asked)
        bolt_session_ask(&s, str_of("x"));
    answer(&server);
    say(&s, &server);
    assert_int_equal(bolt_session_next(&s), BOLT_SESSION_BROKEN);
    assert_int_equal(s.why.kind, FAIL_PROTOCOL);
    bolt_session_done(&s);
    buf_done(&server);
}

static void a_success(struct buf *server)
{
    bolt_encode_success(server, NULL);
}

static void a_record(struct buf *server)
{
    bolt_encode_record(server, NULL, 0);
}

static void a_failure(struct buf *server)
{
    bolt_encode_failure(server, "c", "shutting down");
}

static void a_flat_record(struct buf *server)
{
    struct value v = value_int(1);

    bolt_encode_success(server, NULL);
    bolt_encode(server, BOLT_RECORD, &v, 1);
}

static void test_out_of_turn(void **state)
{
    (void)state;
    check_out_of_turn(a_success, false);
    check_out_of_turn(a_record, false);
    check_out_of_turn(a_failure, false);
    check_out_of_turn(bolt_encode_ignored, false);
    check_out_of_turn(a_record, true); /* before the answer to RUN */
    check_out_of_turn(bolt_encode_ignored, true);
    check_out_of_turn(a_flat_record, true);
}

static void test_end_of_the_connection(void **state)
{
    struct bolt_session s;
    struct buf server;

    (void)state;
    start_up(&s, &server);
    assert_int_equal(bolt_session_ended(&s).kind, FAIL_REFUSED);
    bolt_session_done(&s);
    bolt_session_init(&s, &nobody);
    bolt_session_feed(&s, (struct str){"\0\x86\xB1\x7F", 4});
    assert_int_equal(bolt_session_next(&s), BOLT_SESSION_WAITS);
    assert_int_equal(bolt_session_ended(&s).kind, FAIL_PROTOCOL);
    bolt_session_done(&s);
    buf_done(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logins),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_failures_and_resets),
        cmocka_unit_test(test_out_of_turn),
        cmocka_unit_test(test_end_of_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
