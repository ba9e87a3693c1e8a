#include "bolt_server.h"

#include "base/alloc.h"
#include "proto/bolt_encode.h"

#include "../cmocka_test.h"

enum { LIMIT = 16 * 1024 * 1024, INPUT_BYTES = 4096 };

struct session {
    struct list node;
    uv_tcp_t tcp;
    struct bolt_server *server;
    uint8_t head[BOLT_REQUEST_BYTES];
    size_t head_bytes;
    struct bolt reader;
    struct buf out;
    struct str query;
    char query_bytes[512];
    bool replied; /* the query is answered by `reply` */
    struct bolt_server_reply reply;
    bool failed;
    char input[INPUT_BYTES];
};

static void on_session_closed(uv_handle_t *handle)
{
    struct session *s = handle->data;

    bolt_done(&s->reader);
    buf_done(&s->out);
    free(s);
}

static void session_close(struct session *s)
{
    if (!uv_is_closing((uv_handle_t *)&s->tcp)) {
        list_remove(&s->node);
        uv_close((uv_handle_t *)&s->tcp, on_session_closed);
    }
}

static void session_reset(struct session *s)
{
    list_remove(&s->node);
    assert_int_equal(uv_tcp_close_reset(&s->tcp, on_session_closed), 0);
}

/* Answers are small: the socket always takes them whole. */
static void flush(struct session *s)
{
    uv_buf_t all = uv_buf_init(s->out.p, (unsigned)s->out.n);

    if (s->out.n)
        assert_int_equal(uv_try_write((uv_stream_t *)&s->tcp, &all, 1), (int)s->out.n);
    buf_clear(&s->out);
}

static void fail_query(struct session *s)
{
    bolt_encode_failure(&s->out, "Memgraph.ClientError.MemgraphError.MemgraphError",
                        s->server->words);
    s->failed = true;
}

/* RUN and PULL of a query that the test answers itself. */
static void reply_run(struct session *s)
{
    const struct bolt_server_reply *r = &s->reply;
    struct arena arena;
    struct value map;

    if (r->failure) {
        bolt_encode_failure(&s->out, "Memgraph.ClientError.MemgraphError.MemgraphError",
                            r->failure);
        s->failed = true;
        return;
    }
    arena_init(&arena, LIMIT);
    map = value_map(&arena, 1);
    map.as.map.entries[0].key = str_of("fields");
    map.as.map.entries[0].value = value_list(&arena, r->fields_n);
    for (size_t i = 0; i < r->fields_n; i++)
        map.as.map.entries[0].value.as.list.items[i] = value_str(r->fields[i]);
    bolt_encode_success(&s->out, &map);
    arena_done(&arena);
}

static void reply_pull(struct session *s)
{
    const struct bolt_server_reply *r = &s->reply;
    struct value_entry code = {str_of("code"), value_str(r->notification ? r->notification : "")};
    struct value notification = {.kind = VALUE_MAP, .as.map = {&code, 1}};
    struct value_entry entries[] = {
        {str_of("run_id"), value_str(r->run_id)},
        {str_of("notifications"), {.kind = VALUE_LIST, .as.list = {&notification, 1}}}};
    struct value summary = {.kind = VALUE_MAP, .as.map = {entries, r->notification ? 2 : 1}};

    for (size_t i = 0; i < r->rows_n; i++)
        bolt_encode_record(&s->out, r->rows + i * r->fields_n, r->fields_n);
    bolt_encode_success(&s->out, &summary);
}

static void on_run(struct session *s)
{
    struct arena arena;
    struct value map;

    arena_init(&arena, LIMIT);
    map = value_map(&arena, 1);
    map.as.map.entries[0].key = str_of("fields");
    map.as.map.entries[0].value = value_list(&arena, 1);
    map.as.map.entries[0].value.as.list.items[0] = value_str("replication role");
    if (str_eq(s->query, "FAIL AT RUN"))
        fail_query(s);
    else if (!str_eq(s->query, "SILENCE"))
        bolt_encode_success(&s->out, &map);
    arena_done(&arena);
}

static void on_pull(struct session *s)
{
    struct value row = value_str("main");
    struct value_entry entry = {str_of("run_id"), value_str("the-run-id")};
    struct value summary = {.kind = VALUE_MAP, .as.map = {&entry, 1}};

    if (str_eq(s->query, "SILENCE"))
        return;
    if (str_eq(s->query, "FAIL AT PULL")) {
        fail_query(s);
        return;
    }
    if (str_eq(s->query, "GARBAGE"))
        buf_add(&s->out, "\0\2\xB0\x55\0\0", 6);
    for (unsigned i = 0; i < (str_eq(s->query, "ROWS") ? 100 : 1); i++)
        bolt_encode_record(&s->out, &row, 1);
    bolt_encode_success(&s->out, &summary);
    if (str_eq(s->query, "STRAY"))
        bolt_encode_success(&s->out, &summary);
}

static void serve_run(struct session *s)
{
    struct bolt_server *server = s->server;

    s->reply = (struct bolt_server_reply){0};
    s->replied = server->reply && server->reply(server->arg, s->query_bytes, &s->reply);
    if (!s->replied)
        on_run(s);
    else if (!s->reply.silent)
        reply_run(s);
}

static void serve_pull(struct session *s)
{
    if (!s->replied)
        on_pull(s);
    else if (!s->reply.silent)
        reply_pull(s);
}

/* HELLO (up to 4.4) or LOGON. */
static void on_auth(struct session *s, const struct value *auth)
{
    struct str user = {0}, password = {0};

    (void)value_get_str(auth, "principal", &user);
    (void)value_get_str(auth, "credentials", &password);
    if (s->server->user &&
        (!str_eq(user, s->server->user) || !str_eq(password, s->server->password))) {
        bolt_encode_failure(&s->out, "Memgraph.ClientError.Security.Unauthenticated",
                            "Authentication failure");
        flush(s);
        session_close(s);
        return;
    }
    bolt_encode_success(&s->out, NULL);
}

static void answer(struct session *s, const struct bolt_message *m)
{
    struct bolt_server *server = s->server;

    (void)str_append(server->log, sizeof server->log, "%s ", bolt_signature_name(m->signature));
    if (s->failed && m->signature != BOLT_RESET) {
        bolt_encode_ignored(&s->out);
    } else if (m->signature == BOLT_HELLO && bolt_has_logon(server->version)) {
        bolt_encode_success(&s->out, NULL);
    } else if (m->signature == BOLT_HELLO || m->signature == BOLT_LOGON) {
        on_auth(s, &m->fields[0]);
    } else if (m->signature == BOLT_RUN) {
        (void)str_copy_n(s->query_bytes, sizeof s->query_bytes, m->fields[0].as.str);
        s->query = str_of(s->query_bytes);
        if (str_eq(s->query, "CLOSE"))
            session_close(s);
        else if (str_eq(s->query, "RESET"))
            session_reset(s);
        else
            serve_run(s);
    } else if (m->signature == BOLT_PULL) {
        serve_pull(s);
    } else {
        s->failed = false;
        bolt_encode_success(&s->out, NULL);
    }
}

static void shake_hands(struct session *s)
{
    static const char tls_alert[] = {0x15, 0x03, 0x01, 0x00, 0x02};
    enum bolt_version version = bolt_choose(s->head, &s->server->version, 1);

    switch (s->server->mood) {
    case BOLT_SERVER_SERVES:
        assert_int_equal(version, s->server->version);
        bolt_add_answer(&s->out, version);
        break;
    case BOLT_SERVER_IS_SILENT:
        break;
    case BOLT_SERVER_REFUSES:
        bolt_encode_failure(&s->out, BOLT_VIOLATION_CODE, BOLT_VIOLATION_MESSAGE);
        break;
    case BOLT_SERVER_SPEAKS_TLS:
        buf_add(&s->out, tls_alert, sizeof tls_alert);
        break;
    case BOLT_SERVER_HANGS_UP:
        session_close(s);
        break;
    }
    bolt_init(&s->reader, BOLT_SERVER, s->server->version, LIMIT);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct session *s = handle->data;

    (void)suggested;
    *out = uv_buf_init(s->input, sizeof s->input);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *input)
{
    struct session *s = stream->data;
    struct str bytes = {input->base, n > 0 ? (size_t)n : 0};
    struct bolt_message m;
    struct arena arena;

    if (n < 0) {
        session_close(s);
        return;
    }
    while (bytes.n && s->head_bytes < sizeof s->head) {
        s->head[s->head_bytes++] = (uint8_t)*bytes.p++;
        bytes.n--;
        if (s->head_bytes == sizeof s->head)
            shake_hands(s);
    }
    if (s->head_bytes < sizeof s->head)
        return;
    arena_init(&arena, LIMIT);
    bolt_feed(&s->reader, bytes);
    while (!uv_is_closing((uv_handle_t *)&s->tcp) &&
           bolt_next(&s->reader, &arena, &m) == BOLT_MESSAGE)
        answer(s, &m);
    assert_int_equal(s->reader.why.kind, FAIL_NONE);
    arena_done(&arena);
    if (!uv_is_closing((uv_handle_t *)&s->tcp))
        flush(s);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct bolt_server *server = listener->data;
    struct session *s = xcalloc(1, sizeof *s);

    assert_int_equal(status, 0);
    server->accepted++;
    s->server = server;
    s->tcp.data = s;
    buf_init(&s->out, LIMIT);
    list_init(&s->node);
    list_add_tail(&server->sessions, &s->node);
    assert_int_equal(uv_tcp_init(listener->loop, &s->tcp), 0);
    s->tcp.data = s;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&s->tcp), 0);
    assert_int_equal(uv_read_start((uv_stream_t *)&s->tcp, on_alloc, on_read), 0);
}

void bolt_server_start(struct bolt_server *s, struct loop *loop, unsigned port)
{
    struct sockaddr_in address;
    int size = sizeof address;

    if (!s->version)
        s->version = BOLT_5_2;
    if (!s->words)
        s->words = "no";
    list_init(&s->sessions);
    assert_int_equal(uv_ip4_addr("127.0.0.1", (int)port, &address), 0);
    assert_int_equal(uv_tcp_init(loop_uv(loop), &s->listener), 0);
    s->listener.data = s;
    assert_int_equal(uv_tcp_bind(&s->listener, (struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&s->listener, 16, on_connection), 0);
    assert_int_equal(uv_tcp_getsockname(&s->listener, (struct sockaddr *)&address, &size), 0);
    s->port = ntohs(address.sin_port);
    s->listening = true;
}

void bolt_server_stop(struct bolt_server *s)
{
    if (!s->listening)
        return;
    s->listening = false;
    uv_close((uv_handle_t *)&s->listener, NULL);
    LIST_FOR_EACH (it, &s->sessions)
        session_close(CONTAINER_OF(it, struct session, node));
}
