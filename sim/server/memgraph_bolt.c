#include "server/memgraph_bolt.h"

#include "base/alloc.h"
#include "base/list.h"
#include "io/tcp.h"
#include "proto/bolt.h"
#include "proto/bolt_encode.h"

#include <assert.h>

enum { MESSAGE_MAX = 1 << 28, ARENA_MAX = 1 << 30 };

struct memgraph_bolt {
    struct loop *loop;
    struct mg *mg;
    void (*after)(void *arg);
    void *arg;
    struct tcp_listener *listener;
    struct list clients;
};

enum state {
    STATE_HANDSHAKE,
    STATE_HELLO, /* HELLO (INIT) has not come */
    STATE_LOGON, /* 5.2: not logged on */
    STATE_READY,
    STATE_FAILED, /* everything is ignored until RESET */
    STATE_CLOSED  /* what is left is to be freed */
};

struct client {
    struct list node;
    struct memgraph_bolt *bolt;
    struct tcp *stream;
    struct mg_session *session;
    enum state state;
    uint8_t request[BOLT_REQUEST_BYTES];
    size_t request_n;
    struct bolt reader;
    struct arena arena;
    struct buf out;
    bool working; /* in the loop over messages: replies come from within */
};

static bool is_new(const struct client *c)
{
    return c->reader.version >= BOLT_5_2;
}

/* Ends the connection. What is left is freed by whoever called into this client from outside. */
static void client_close(struct client *c)
{
    if (c->state == STATE_CLOSED)
        return;
    c->state = STATE_CLOSED;
    tcp_write(c->stream, buf_str(&c->out));
    tcp_finish(c->stream);
    mg_session_free(c->session);
    c->session = NULL;
}

static void client_free(struct client *c)
{
    list_remove(&c->node);
    bolt_done(&c->reader);
    arena_done(&c->arena);
    buf_done(&c->out);
    free(c);
}

static void violation(struct client *c)
{
    bolt_encode_failure(&c->out, BOLT_VIOLATION_CODE, BOLT_VIOLATION_MESSAGE);
    client_close(c);
}

static void fail(struct client *c, const char *code, const char *message)
{
    bolt_encode_failure(&c->out, code, message);
    c->state = STATE_FAILED;
}

static struct value empty_map(void)
{
    return (struct value){.kind = VALUE_MAP};
}

static void succeed(struct client *c, const struct value *metadata)
{
    struct value empty = empty_map();

    bolt_encode_success(&c->out, metadata && metadata->kind == VALUE_MAP ? metadata : &empty);
}

static void greet(struct client *c)
{
    struct value_entry entries[] = {{str_of("connection_id"), value_str("bolt-1")},
                                    {str_of("server"), value_str(mg_server_name(c->bolt->mg))}};
    struct value map = {.kind = VALUE_MAP};

    map.as.map.entries = entries;
    map.as.map.n = ARRAY_LEN(entries);
    bolt_encode_success(&c->out, &map);
}

/* Bolt before 5 knows no element ids: nodes and relationships lose their last fields. */
static void without_element_ids(struct value *v)
{
    if (v->kind == VALUE_STRUCT && v->as.structure.tag == 'N')
        v->as.structure.n = 3;
    else if (v->kind == VALUE_STRUCT && v->as.structure.tag == 'R')
        v->as.structure.n = 5;
    else if (v->kind == VALUE_LIST)
        for (size_t i = 0; i < v->as.list.n; i++)
            without_element_ids(&v->as.list.items[i]);
    else if (v->kind == VALUE_MAP)
        for (size_t i = 0; i < v->as.map.n; i++)
            without_element_ids(&v->as.map.entries[i].value);
}

static void work(struct client *c);

static void on_reply(void *arg, const struct mg_reply *reply)
{
    struct client *c = arg;

    if (reply->code) {
        fail(c, reply->code, reply->message);
        if (str_contains(str_of(reply->code), "Security"))
            client_close(c);
    } else if (c->state == STATE_HELLO || c->state == STATE_LOGON) {
        greet(c);
        c->state = STATE_READY;
    } else {
        for (size_t i = 0; i < reply->rows_n; i++) {
            struct value row = reply->rows[i];

            if (!is_new(c))
                without_element_ids(&row);
            bolt_encode_record(&c->out, row.as.list.items, row.as.list.n);
        }
        succeed(c, &reply->metadata);
    }
    if (!c->working)
        work(c);
}

static int64_t now(const struct client *c)
{
    return loop_now_us(c->bolt->loop);
}

static const struct value *field(const struct bolt_message *m, size_t i)
{
    return i < m->n ? &m->fields[i] : NULL;
}

static void on_hello(struct client *c, const struct bolt_message *m)
{
    struct str agent;
    bool first = c->reader.version == BOLT_1_0;

    if (!first && !value_get_str(field(m, 0), "user_agent", &agent)) {
        violation(c);
    } else if (is_new(c)) {
        greet(c);
        c->state = STATE_LOGON;
    } else {
        mg_session_login(c->session, now(c), field(m, first ? 1 : 0));
    }
}

/* Before the log-on only HELLO and then LOGON are allowed, besides GOODBYE. */
static void on_early(struct client *c, const struct bolt_message *m)
{
    if (m->signature == BOLT_GOODBYE)
        client_close(c);
    else if (c->state == STATE_HELLO && m->signature == BOLT_HELLO)
        on_hello(c, m);
    else if (c->state == STATE_LOGON && m->signature == BOLT_LOGON)
        mg_session_login(c->session, now(c), field(m, 0));
    else
        violation(c);
}

static void on_reset(struct client *c)
{
    mg_session_reset(c->session, now(c));
    c->state = STATE_READY;
    succeed(c, NULL);
}

static void on_failed(struct client *c, const struct bolt_message *m)
{
    if (m->signature == BOLT_RESET || m->signature == BOLT_ACK_FAILURE)
        on_reset(c);
    else if (m->signature != BOLT_NOOP || is_new(c))
        bolt_encode_ignored(&c->out);
}

static void on_pull(struct client *c, const struct bolt_message *m)
{
    int64_t n = -1, qid = -1;

    value_get_int(field(m, 0), "n", &n);
    value_get_int(field(m, 0), "qid", &qid);
    mg_session_pull(c->session, now(c), n, qid, m->signature == BOLT_DISCARD);
}

static void on_request(struct client *c, const struct bolt_message *m)
{
    bool result = mg_session_has_result(c->session);

    switch (m->signature) {
    case BOLT_RUN:
        if (result || !field(m, 0) || field(m, 0)->kind != VALUE_STRING)
            violation(c);
        else
            mg_session_run(c->session, now(c), field(m, 0)->as.str, field(m, 1));
        break;
    case BOLT_PULL:
    case BOLT_DISCARD:
        if (result)
            on_pull(c, m);
        else
            violation(c);
        break;
    case BOLT_BEGIN:
        result ? violation(c) : mg_session_begin(c->session, now(c));
        break;
    case BOLT_COMMIT:
        result ? violation(c) : mg_session_commit(c->session, now(c));
        break;
    case BOLT_ROLLBACK:
        result ? violation(c) : mg_session_rollback(c->session, now(c));
        break;
    case BOLT_RESET:
        on_reset(c);
        break;
    case BOLT_GOODBYE:
        client_close(c);
        break;
    case BOLT_NOOP:
        break;
    case BOLT_LOGOFF:
        mg_session_reset(c->session, now(c));
        c->state = STATE_LOGON;
        if (mg_features(c->bolt->mg)->logoff_answered)
            succeed(c, NULL);
        break;
    case BOLT_ROUTE:
        fail(c, "Memgraph.TransientError.MemgraphError.MemgraphError",
             "You cannot fetch routing table from an instance which is not part of a cluster.");
        break;
    case BOLT_HELLO:
    case BOLT_LOGON:
    case BOLT_ACK_FAILURE:
    case BOLT_SUCCESS:
    case BOLT_RECORD:
    case BOLT_IGNORED:
    case BOLT_FAILURE:
        violation(c);
        break;
    }
}

/* Messages in their order, one request of the session at a time. */
static void work(struct client *c)
{
    struct bolt_message m;
    enum bolt_next next;

    c->working = true;
    while (c->state != STATE_CLOSED && !mg_session_busy(c->session)) {
        arena_reset(&c->arena);
        next = bolt_next(&c->reader, &c->arena, &m);
        if (next == BOLT_INCOMPLETE)
            break;
        if (next == BOLT_MALFORMED)
            violation(c);
        else if (c->state == STATE_HELLO || c->state == STATE_LOGON)
            on_early(c, &m);
        else if (c->state == STATE_FAILED)
            on_failed(c, &m);
        else
            on_request(c, &m);
    }
    c->working = false;
    if (c->state == STATE_CLOSED) {
        client_free(c);
        return;
    }
    tcp_write(c->stream, buf_str(&c->out));
    buf_clear(&c->out);
}

/* True: the handshake is done. */
static bool shake_hands(struct client *c, struct str *bytes)
{
    static const enum bolt_version SPOKEN[] = {BOLT_1_0, BOLT_4_0, BOLT_4_1,
                                               BOLT_4_3, BOLT_5_2, BOLT_4_4};
    size_t spoken_n = ARRAY_LEN(SPOKEN) - !mg_features(c->bolt->mg)->bolt_4_4;
    size_t n = BOLT_REQUEST_BYTES - c->request_n;
    enum bolt_version version;

    n = n < bytes->n ? n : bytes->n;
    memcpy(c->request + c->request_n, bytes->p, n);
    c->request_n += n;
    bytes->p += n;
    bytes->n -= n;
    if (c->request_n < BOLT_REQUEST_BYTES)
        return false;
    version = bolt_choose(c->request, SPOKEN, spoken_n);
    if (version == BOLT_NONE) {
        violation(c);
        return false;
    }
    bolt_add_answer(&c->out, version);
    bolt_init(&c->reader, BOLT_SERVER, version, MESSAGE_MAX);
    c->state = STATE_HELLO;
    return true;
}

static void on_bytes(void *arg, struct str bytes)
{
    struct client *c = arg;
    struct memgraph_bolt *bolt = c->bolt;

    if (c->state == STATE_HANDSHAKE && !shake_hands(c, &bytes)) {
        if (c->state == STATE_CLOSED)
            client_free(c);
        return;
    }
    bolt_feed(&c->reader, bytes);
    if (!mg_session_busy(c->session))
        work(c);
    bolt->after(bolt->arg);
}

static void on_end(void *arg, const struct fail *why)
{
    struct client *c = arg;
    struct memgraph_bolt *bolt = c->bolt;

    (void)why;
    client_close(c);
    client_free(c);
    bolt->after(bolt->arg);
}

static void on_client(void *arg)
{
    static const struct tcp_events events = {.on_data = on_bytes, .on_closed = on_end};
    struct memgraph_bolt *bolt = arg;
    struct client *c = xcalloc(1, sizeof(*c));

    c->bolt = bolt;
    c->stream = tcp_accept(bolt->listener, &events, c);
    if (!c->stream) {
        free(c);
        return;
    }
    list_add_tail(&bolt->clients, &c->node);
    arena_init(&c->arena, ARENA_MAX);
    buf_init(&c->out, SIZE_MAX);
    bolt_init(&c->reader, BOLT_SERVER, BOLT_1_0, 0);
    c->session = mg_session_new(bolt->mg, on_reply, c);
}

struct memgraph_bolt *memgraph_bolt_new(struct loop *loop, struct mg *mg, void (*after)(void *arg),
                                        void *arg)
{
    struct memgraph_bolt *bolt = xcalloc(1, sizeof(*bolt));

    bolt->loop = loop;
    bolt->mg = mg;
    bolt->after = after;
    bolt->arg = arg;
    list_init(&bolt->clients);
    return bolt;
}

void memgraph_bolt_free(struct memgraph_bolt *bolt)
{
    if (!bolt)
        return;
    LIST_FOR_EACH (node, &bolt->clients) {
        struct client *c = CONTAINER_OF(node, struct client, node);

        tcp_free(c->stream);
        mg_session_free(c->session);
        client_free(c);
    }
    tcp_listener_free(bolt->listener);
    free(bolt);
}

bool memgraph_bolt_listen(struct memgraph_bolt *bolt, const char *address, unsigned port,
                          struct fail *why)
{
    bolt->listener = tcp_listen(bolt->loop, address, port, on_client, bolt, why);
    return bolt->listener != NULL;
}
