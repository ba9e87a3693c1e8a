#include "io/bolt_client.h"

#include "base/alloc.h"
#include "proto/bolt_session.h"

#include <assert.h>
#include <errno.h>
#include <uv.h>

enum { INPUT_BYTES = 16 * 1024, ANSWER_LIMIT = 16 * 1024 * 1024, KEEPALIVE_S = 20 };

/* Before each attempt to connect, counted since the client was up last; the last one for all that
 * follow, and whenever the server has denied us. */
static const int64_t delays_us[] = {0, 5000, 20000, 50000, 100000, 200000, 400000, 800000, 1000000};

enum state {
    WAITING,    /* for the next attempt; no link */
    CONNECTING, /* TCP */
    LOGGING_ON, /* with the handshake before it */
    UP
};

/* One connection. It lives until libuv has closed it, which may be after its client has moved on
 * or is gone: `client` is NULL then. */
struct link {
    uv_tcp_t tcp;
    uv_connect_t connect;
    struct bolt_client *client;
    char input[INPUT_BYTES];
};

struct bolt_client {
    struct loop *loop;
    struct bolt_client_config config;
    struct bolt_client_events events;
    void *arg;

    enum state state;
    struct link *link;
    struct bolt_session session; /* of the link; until the next one */
    struct timer *retry;         /* the next attempt */
    struct timer *limit;         /* of connecting and logging on, or of the query */
    unsigned attempts;
    int64_t restarted_us;     /* when `attempts` last began anew by itself */
    struct fail write_failed; /* told from the loop */

    bolt_done_fn *done; /* of the query under way, or NULL */
    void *done_arg;
    int64_t asked_us;
    bool *gone; /* set when a callback frees the client */
};

/* The end of a connection. */

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void drop_link(struct bolt_client *c)
{
    struct link *link = c->link;

    if (!link)
        return;
    c->link = NULL;
    link->client = NULL;
    uv_close((uv_handle_t *)&link->tcp, on_closed);
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
    bool gone = false;

    answer.message = answer.fail.text;
    drop_link(c);
    c->state = WAITING;
    timer_start(c->retry, next_delay_us(c, why.kind));
    if (done) {
        c->gone = &gone;
        done(c->done_arg, &answer);
        if (gone)
            return;
        c->gone = NULL;
    }
    c->events.on_down(c->arg, &why);
}

/* Writing. */

struct write {
    uv_write_t request;
    struct link *link;
    char bytes[];
};

static void on_written(uv_write_t *request, int status)
{
    struct write *write = CONTAINER_OF(request, struct write, request);
    struct link *link = write->link;

    free(write);
    if (status < 0 && link->client)
        go_down(link->client, fail_errno("write", -status));
}

/* What the socket does not take at once is copied and written later. */
static int write_later(struct link *link, const char *bytes, size_t n)
{
    struct write *write = xcalloc(1, sizeof *write + n);
    uv_buf_t all = uv_buf_init(write->bytes, (unsigned)n);
    int rc;

    write->link = link;
    memcpy(write->bytes, bytes, n);
    rc = uv_write(&write->request, (uv_stream_t *)&link->tcp, &all, 1, on_written);
    if (rc < 0)
        free(write);
    return rc;
}

/* Sends what the session has to say. A failure is told from the loop, as this also runs inside of
 * calls from outside. */
static void send_out(struct bolt_client *c)
{
    struct buf *out = &c->session.out;
    uv_buf_t all = uv_buf_init(out->p, (unsigned)out->n);
    int n;

    assert(!out->failed);
    if (out->n == 0)
        return;
    n = uv_try_write((uv_stream_t *)&c->link->tcp, &all, 1);
    if (n == UV_EAGAIN)
        n = 0;
    if (n >= 0 && (size_t)n < out->n)
        n = write_later(c->link, out->p + n, out->n - (size_t)n);
    if (n < 0) {
        c->write_failed = fail_errno("write", -n);
        timer_start(c->limit, 0);
    }
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
    const struct link *link = c->link;

    while (link->client) {
        switch (bolt_session_next(&c->session)) {
        case BOLT_SESSION_WAITS:
            send_out(c);
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
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct link *link = handle->data;

    (void)suggested;
    *out = uv_buf_init(link->input, sizeof link->input);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *input)
{
    const struct link *link = stream->data;
    struct bolt_client *c = link->client;

    if (!c || n == 0)
        return;
    if (n > 0) {
        bolt_session_feed(&c->session, (struct str){input->base, (size_t)n});
        run_session(c);
    } else if (n == UV_EOF) {
        go_down(c, bolt_session_ended(&c->session));
    } else {
        go_down(c, fail_errno("read", (int)-n));
    }
}

/* Connecting. */

static void on_connected(uv_connect_t *request, int status)
{
    struct link *link = CONTAINER_OF(request, struct link, connect);
    struct bolt_client *c = link->client;

    if (!c)
        return;
    if (status == 0)
        status = uv_read_start((uv_stream_t *)&link->tcp, on_alloc, on_read);
    if (status < 0) {
        go_down(c, fail_errno("connect", -status));
        return;
    }
    (void)uv_tcp_nodelay(&link->tcp, 1); /* both only help */
    (void)uv_tcp_keepalive(&link->tcp, 1, KEEPALIVE_S);
    c->state = LOGGING_ON;
    send_out(c);
}

static int connect_link(struct bolt_client *c, struct link *link)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } to;
    int port = (int)c->config.port;

    if (uv_ip4_addr(c->config.host, port, &to.v4) != 0 &&
        uv_ip6_addr(c->config.host, port, &to.v6) != 0)
        return UV_EADDRNOTAVAIL;
    return uv_tcp_connect(&link->connect, &link->tcp, &to.any, on_connected);
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
    struct bolt_client *c = arg;
    struct link *link = xcalloc(1, sizeof *link);
    int rc = uv_tcp_init(loop_uv(c->loop), &link->tcp);

    assert(c->state == WAITING && !c->link && rc == 0);
    link->tcp.data = link;
    link->client = c;
    c->link = link;
    c->state = CONNECTING;
    c->attempts++;
    c->write_failed = (struct fail){.kind = FAIL_NONE};
    bolt_session_done(&c->session);
    open_session(c);
    timer_start(c->limit, c->config.connect_timeout_us);
    rc = connect_link(c, link);
    if (rc < 0)
        go_down(c, fail_errno("connect", -rc));
}

static void on_limit(void *arg)
{
    struct bolt_client *c = arg;
    const char *doing = c->state == UP           ? "answer"
                        : c->state == LOGGING_ON ? "log-on"
                                                 : "connection";

    if (c->write_failed.kind)
        go_down(c, c->write_failed);
    else
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
