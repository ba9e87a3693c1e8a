#include "proto/bolt_session.h"

#include "base/alloc.h"
#include "proto/bolt_encode.h"

#include <assert.h>

enum {
    OUT_LIMIT = 16 * 1024 * 1024,  /* our own queries */
    FEED_BYTES_MORE = 1024 * 1024, /* held beside one answer */
    WORDS_MAX = 150                /* of the server, in a struct fail */
};

/* What the next answer is one to. */
enum expected {
    EXPECT_HELLO,
    EXPECT_LOGON,
    EXPECT_RUN,
    EXPECT_PULL,
    EXPECT_IGNORED, /* to the PULL behind a RUN that failed */
    EXPECT_RESET
};

void bolt_session_init(struct bolt_session *s, const struct bolt_session_config *config)
{
    *s = (struct bolt_session){.config = *config, .message = ""};
    buf_init(&s->out, OUT_LIMIT);
    arena_init(&s->arena, config->answer_limit);
    bolt_init(&s->reader, BOLT_CLIENT, BOLT_5_2, config->answer_limit + FEED_BYTES_MORE);
    bolt_add_request(&s->out);
}

void bolt_session_done(struct bolt_session *s)
{
    buf_done(&s->out);
    bolt_done(&s->reader);
    arena_done(&s->arena);
    free(s->list);
    s->list = NULL;
}

static void expect(struct bolt_session *s, enum expected what)
{
    assert(s->expecting < BOLT_SESSION_EXPECTED_MAX);
    s->expected[s->expecting++] = (uint8_t)what;
}

/* The first of the expected answers has come. */
static enum expected met(struct bolt_session *s)
{
    enum expected what = (enum expected)s->expected[0];

    s->expecting--;
    memmove(s->expected, s->expected + 1, s->expecting);
    return what;
}

static bool expects(const struct bolt_session *s, enum expected what)
{
    return s->expecting && s->expected[0] == what;
}

static enum bolt_session_event broken(struct bolt_session *s, struct fail why)
{
    s->why = why;
    return BOLT_SESSION_BROKEN;
}

static void forget_answer(struct bolt_session *s)
{
    arena_reset(&s->arena);
    s->list_n = 0;
    s->answered = false;
}

/* Handshake. */

static enum bolt_session_event shake_hands(struct bolt_session *s)
{
    const uint8_t *h = s->head;

    s->version = bolt_read_answer(h);
    if (s->version) {
        s->state = BOLT_SESSION_LOGGING_ON;
        s->reader.version = s->version;
        bolt_encode_hello(&s->out, s->version, s->config.user_agent, s->config.user,
                          s->config.password);
        expect(s, EXPECT_HELLO);
        if (bolt_has_logon(s->version)) {
            bolt_encode_logon(&s->out, s->config.user, s->config.password);
            expect(s, EXPECT_LOGON);
        }
    } else if (h[0] == 0 && h[2] == 0xB1 && h[3] == BOLT_FAILURE) {
        s->state = BOLT_SESSION_REFUSED; /* the rest of that message says why */
        bolt_feed(&s->reader, (struct str){(const char *)h, sizeof s->head});
    } else {
        return broken(s, fail_make(FAIL_PROTOCOL, "handshake answered with %02x %02x %02x %02x",
                                   h[0], h[1], h[2], h[3]));
    }
    return BOLT_SESSION_WAITS;
}

void bolt_session_feed(struct bolt_session *s, struct str bytes)
{
    if (s->state == BOLT_SESSION_SHAKING && !s->why.kind) {
        size_t n = sizeof s->head - s->head_bytes;

        n = bytes.n < n ? bytes.n : n;
        memcpy(s->head + s->head_bytes, bytes.p, n);
        s->head_bytes += n;
        bytes = (struct str){bytes.p + n, bytes.n - n};
        if (s->head_bytes == sizeof s->head)
            (void)shake_hands(s);
    }
    bolt_feed(&s->reader, bytes);
}

struct fail bolt_session_ended(const struct bolt_session *s)
{
    if (s->state == BOLT_SESSION_REFUSED)
        return fail_make(FAIL_PROTOCOL, "the server refused the handshake");
    return fail_make(FAIL_REFUSED, "the server closed the connection");
}

/* Messages. */

static enum bolt_session_event on_summary(struct bolt_session *s, const struct value *summary)
{
    s->summary = *summary;
    s->error = MEMGRAPH_OK;
    s->message = "";
    s->rows = (struct memgraph_rows){&s->fields, s->list, s->list_n, &s->summary};
    s->answered = true;
    return BOLT_SESSION_ANSWER;
}

static enum bolt_session_event on_success(struct bolt_session *s, const struct value *metadata)
{
    const struct value *fields;

    switch (met(s)) {
    case EXPECT_HELLO:
        if (bolt_has_logon(s->version))
            return BOLT_SESSION_WAITS;
        s->state = BOLT_SESSION_ON;
        return BOLT_SESSION_UP;
    case EXPECT_LOGON:
        s->state = BOLT_SESSION_ON;
        return BOLT_SESSION_UP;
    case EXPECT_RUN:
        fields = value_get(metadata, "fields");
        s->fields = fields ? *fields : value_null();
        return BOLT_SESSION_WAITS;
    case EXPECT_PULL:
        return on_summary(s, metadata);
    case EXPECT_RESET:
        return BOLT_SESSION_WAITS;
    case EXPECT_IGNORED:
        break;
    }
    return broken(s, fail_make(FAIL_PROTOCOL, "SUCCESS where IGNORED was due"));
}

static enum bolt_session_event on_record(struct bolt_session *s, const struct value *row)
{
    if (!expects(s, EXPECT_PULL) || row->kind != VALUE_LIST)
        return broken(s, fail_make(FAIL_PROTOCOL, "a record out of turn"));
    if (s->list_n == s->list_cap) { /* bounded: each row takes some of the arena */
        s->list_cap = s->list_cap ? 2 * s->list_cap : 16;
        s->list = xrealloc(s->list, s->list_cap * sizeof s->list[0]);
    }
    s->list[s->list_n++] = *row;
    return BOLT_SESSION_WAITS;
}

static enum bolt_session_event on_failure(struct bolt_session *s, const struct value *metadata)
{
    struct str code = {0}, message = {0};
    bool of_query = expects(s, EXPECT_RUN) || expects(s, EXPECT_PULL);
    enum fail_kind kind = FAIL_PROTOCOL;

    (void)value_get_str(metadata, "code", &code);
    (void)value_get_str(metadata, "message", &message);
    s->error = memgraph_judge(code, message);
    if (of_query) {
        if (met(s) == EXPECT_RUN)
            s->expected[0] = EXPECT_IGNORED;
        s->message = arena_copy(&s->arena, message).p;
        if (!s->message)
            s->message = "";
        s->rows = (struct memgraph_rows){0};
        s->must_reset = true;
        s->answered = true;
        return BOLT_SESSION_ANSWER;
    }
    if (s->state == BOLT_SESSION_LOGGING_ON && s->error == MEMGRAPH_UNAUTHORISED)
        kind = FAIL_DENIED;
    else if (s->state == BOLT_SESSION_LOGGING_ON && s->error == MEMGRAPH_TRANSIENT)
        kind = FAIL_BUSY;
    return broken(s, fail_make(kind, "%.*s", (int)(message.n < WORDS_MAX ? message.n : WORDS_MAX),
                               message.n ? message.p : ""));
}

static enum bolt_session_event on_message(struct bolt_session *s, const struct bolt_message *m)
{
    if (m->signature == BOLT_FAILURE)
        return on_failure(s, &m->fields[0]);
    if (m->signature == BOLT_SUCCESS && s->expecting)
        return on_success(s, &m->fields[0]);
    if (m->signature == BOLT_RECORD)
        return on_record(s, &m->fields[0]);
    if (m->signature == BOLT_IGNORED && expects(s, EXPECT_IGNORED)) {
        (void)met(s);
        return BOLT_SESSION_WAITS;
    }
    return broken(s, fail_make(FAIL_PROTOCOL, "%s out of turn", bolt_signature_name(m->signature)));
}

enum bolt_session_event bolt_session_next(struct bolt_session *s)
{
    enum bolt_session_event event = BOLT_SESSION_WAITS;

    if (s->why.kind)
        return BOLT_SESSION_BROKEN;
    if (s->answered)
        forget_answer(s);
    while (event == BOLT_SESSION_WAITS) {
        struct bolt_message m;
        enum bolt_next next = bolt_next(&s->reader, &s->arena, &m);

        if (next == BOLT_INCOMPLETE)
            break;
        event = next == BOLT_MESSAGE ? on_message(s, &m) : broken(s, s->reader.why);
    }
    return event;
}

void bolt_session_ask(struct bolt_session *s, struct str query)
{
    assert(s->state == BOLT_SESSION_ON && !s->why.kind);
    assert(!s->expecting || s->expected[s->expecting - 1] == EXPECT_IGNORED);
    if (s->must_reset) {
        bolt_encode_bare(&s->out, BOLT_RESET);
        expect(s, EXPECT_RESET);
        s->must_reset = false;
    }
    bolt_encode_run(&s->out, s->version, query, NULL, NULL);
    bolt_encode_pull(&s->out, s->version, -1, -1);
    expect(s, EXPECT_RUN);
    expect(s, EXPECT_PULL);
}
