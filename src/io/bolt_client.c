#include "io/bolt_client.h"

#include "base/alloc.h"
#include "io/tcp.h"
#include "proto/bolt_session.h"

#include <assert.h>
#include <errno.h>

enum { ANSWER_LIMIT = 16 * 1024 * 1024 };

/* Before each attempt to connect, counted since the client was up last; the last one for all that
 * follow, and whenever the server has denied us. */
static const int64_t delays_us[] = {0, 5000, 20000, 50000, 100000, 200000, 400000, 800000, 1000000};

enum state {
    WAITING,    /* for the next attempt; no link */
    CONNECTING, /* TCP */
    LOGGING_ON, /* with the handshake before it */
    UP
};

struct bolt_client {
    struct loop *loop;
    struct bolt_client_config config;
    struct bolt_client_events events;
    void *arg;

    enum state state;
    struct tcp *link;
    struct bolt_session session; /* of the link; until the next one */
    struct timer *retry;         /* the next attempt */
    struct timer *limit;         /* of connecting and logging on, or of the query */
    unsigned attempts;
    int64_t restarted_us; /* when `attempts` last began anew by itself */

    bolt_done_fn *done; /* of the query under way, or NULL */
    void *done_arg;
    int64_t asked_us;
    bool *gone; /* set when a callback frees the client; of the innermost who asks */
};

/* The end of a connection. */

static void drop_link(struct bolt_client *c)
{
    tcp_free(c->link);
    c->link = NULL;
}

/* Takes the query away; what to call. */
static bolt_done_fn *take_done(struct bolt_client *c)
{
    bolt_done_fn *done = c->done;

    c->done = NULL;
    timer_stop(c->limit);
    return done;
}

static int64_t next_delay_us(const struct bolt_client *c, enum fail_kind why)
{
    size_t last = ARRAY_LEN(delays_us) - 1;

    return delays_us[c->attempts < last && why != FAIL_DENIED ? c->attempts : last];
}

/* Plans the next attempt, tells the query, then the owner. Nothing of *c may be touched after it: a
 * callback may have freed it. */
static void go_down(struct bolt_client *c, struct fail why)
{
    struct bolt_answer answer = {.fail = why, .error = MEMGRAPH_OK, .asked_us = c->asked_us};
    bolt_done_fn *done = take_done(c);
    bool *outer = c->gone;
    bool gone = false;

    answer.message = answer.fail.text;
    drop_link(c);
    c->state = WAITING;
    timer_start(c->retry, next_delay_us(c, why.kind));
    if (done) {
        c->gone = &gone;
        done(c->done_arg, &answer);
        if (gone) {
            if (outer)
                *outer = true;
            return;
        }
        c->gone = outer;
    }
    c->events.on_down(c->arg, &why);
}

/* Sends what the session has to say. */
static void send_out(struct bolt_client *c)
{
    struct buf *out = &c->session.out;

    assert(!out->failed);
    tcp_write(c->link, buf_str(out));
    buf_clear(out);
}

/* Reading. */

static void give_answer(struct bolt_client *c)
{
    struct bolt_session *s = &c->session;
    struct bolt_answer answer = {
        .error = s->error, .message = s->message, .rows = s->rows, .asked_us = c->asked_us};
    bolt_done_fn *done = take_done(c);

    if (!s->error)
        memgraph_run_id(s->rows.summary, answer.run_id);
    done(c->done_arg, &answer);
}

/* A server that logs us on and hangs up at once is not to be tried without a pause for ever: the
 * quick attempts are granted once a second. */
static void restart_schedule(struct bolt_client *c)
{
    int64_t now_us = loop_now_us(c->loop);

    if (c->restarted_us && now_us - c->restarted_us < 1000 * 1000)
        return;
    c->attempts = 0;
    c->restarted_us = now_us;
}

/* Each event may end the link, and the client with it. */
static void run_session(struct bolt_client *c)
{
    bool gone = false;

    c->gone = &gone;
    while (!gone && c->link) {
        switch (bolt_session_next(&c->session)) {
        case BOLT_SESSION_WAITS:
            send_out(c);
            c->gone = NULL;
            return;
        case BOLT_SESSION_UP:
            timer_stop(c->limit);
            c->state = UP;
            restart_schedule(c);
            c->events.on_up(c->arg);
            break;
        case BOLT_SESSION_ANSWER:
            give_answer(c);
            break;
        case BOLT_SESSION_BROKEN:
            go_down(c, c->session.why);
            break;
        }
    }
    if (!gone)
        c->gone = NULL;
}

static void on_data(void *arg, struct str bytes)
{
    struct bolt_client *c = arg;

    bolt_session_feed(&c->session, bytes);
    run_session(c);
}

static void on_closed(void *arg, const struct fail *why)
{
    struct bolt_client *c = arg;

    go_down(c, why->kind == FAIL_NONE ? bolt_session_ended(&c->session) : *why);
}

/* Connecting. */

static void on_connected(void *arg)
{
    struct bolt_client *c = arg;

    c->state = LOGGING_ON;
    send_out(c);
}

static void open_session(struct bolt_client *c)
{
    struct bolt_session_config config = {
        .user_agent = c->config.user_agent,
        .user = c->config.user,
        .password = c->config.password,
        .answer_limit = c->config.answer_limit ? c->config.answer_limit : ANSWER_LIMIT,
    };

    bolt_session_init(&c->session, &config);
}

static void on_retry(void *arg)
{
    static const struct tcp_events link_events = {on_connected, on_data, on_closed};
    struct bolt_client *c = arg;

    assert(c->state == WAITING && !c->link);
    c->state = CONNECTING;
    c->attempts++;
    bolt_session_done(&c->session);
    open_session(c);
    timer_start(c->limit, c->config.connect_timeout_us);
    c->link = tcp_connect(c->loop, c->config.host, c->config.port, &link_events, c);
    if (c->config.tls)
        tcp_secure(c->link, c->config.tls, c->config.tls_name);
}

static void on_limit(void *arg)
{
    struct bolt_client *c = arg;
    const char *doing = c->state == UP           ? "answer"
                        : c->state == LOGGING_ON ? "log-on"
                                                 : "connection";

    go_down(c, fail_make(FAIL_TIMEOUT, "no %s within the time limit", doing));
}

/* The owner's side. */

struct bolt_client *bolt_client_new(struct loop *loop, const struct bolt_client_config *config,
                                    const struct bolt_client_events *events, void *arg)
{
    struct bolt_client *c = xcalloc(1, sizeof *c);

    c->loop = loop;
    c->config = *config;
    c->events = *events;
    c->arg = arg;
    c->retry = timer_new(loop, on_retry, c);
    c->limit = timer_new(loop, on_limit, c);
    open_session(c);
    timer_start(c->retry, 0);
    return c;
}

void bolt_client_free(struct bolt_client *c)
{
    if (!c)
        return;
    if (c->gone)
        *c->gone = true;
    drop_link(c);
    timer_free(c->retry);
    timer_free(c->limit);
    bolt_session_done(&c->session);
    free(c);
}

bool bolt_client_up(const struct bolt_client *c)
{
    return c->state == UP;
}

bool bolt_client_busy(const struct bolt_client *c)
{
    return c->done != NULL;
}

void bolt_client_retry_now(struct bolt_client *c)
{
    if (c->state != WAITING)
        return;
    c->attempts = 0;
    timer_start(c->retry, 0);
}

int bolt_client_query(struct bolt_client *c, const char *query, int64_t timeout_us,
                      bolt_done_fn *done, void *arg)
{
    if (c->state != UP)
        return -ENOTCONN;
    if (c->done)
        return -EBUSY;
    assert(done);
    c->done = done;
    c->done_arg = arg;
    timer_start(c->limit, timeout_us);
    bolt_session_ask(&c->session, str_of(query));
    c->asked_us = loop_now_us(c->loop);
    send_out(c);
    return 0;
}
