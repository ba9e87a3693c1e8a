#include "sim/http.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/list.h"
#include "io/http_server.h"
#include "sim/net_impl.h"
#include "sim/process.h"

#include <strings.h>

enum { SERVERS_MAX = 16, TEXT_MAX = 1024, BODY_MAX = 64 * 1024 };

struct http_server {
    struct loop *process;
    unsigned port;
    size_t body_limit;
    http_handler_fn *handler;
    void *arg;
    struct list requests;
};

struct http_request {
    struct list node; /* of the server's, or of `calls` */
    struct http_server *server;
    struct host *from, *to;
    unsigned port;
    char method[16], path[TEXT_MAX], authorization[256], param[64], value[256];
    struct buf body;
    struct happening arrival, answered;
    unsigned status;
    struct buf answer;
    http_answer_fn *answer_fn;
    void *arg;
};

static struct http_server *servers[SERVERS_MAX];
static struct list calls = {&calls, &calls};

static void request_free(struct http_request *r)
{
    list_remove(&r->node);
    happening_cancel(&r->arrival);
    happening_cancel(&r->answered);
    buf_done(&r->body);
    buf_done(&r->answer);
    free(r);
}

void http_reset(void)
{
    while (!list_empty(&calls))
        request_free(CONTAINER_OF(calls.next, struct http_request, node));
}

/* It may have gone meanwhile. */
static bool path_back_open(const struct http_request *r)
{
    return r->from && path_open(r->to, r->from);
}

static void on_answered(void *arg)
{
    struct http_request *r = arg;

    if (r->answer_fn)
        r->answer_fn(r->arg, path_back_open(r) ? r->status : 0, buf_str(&r->answer));
    request_free(r);
}

static void send_back(struct http_request *r)
{
    list_remove(&r->node);
    list_add_tail(&calls, &r->node);
    r->server = NULL;
    happening_after(&r->answered, path_latency_us(r->to, r->to));
}

static void hand_over(void *arg)
{
    struct http_request *r = arg;

    r->server->handler(r->server->arg, r);
}

static void on_arrival(void *arg)
{
    struct http_request *r = arg;

    if (!r->from || !path_open(r->from, r->to)) {
        send_back(r);
        return;
    }
    for (size_t i = 0; i < SERVERS_MAX; i++) {
        struct http_server *s = servers[i];

        if (!s || s->port != r->port || process_host(s->process) != r->to ||
            !process_alive(s->process))
            continue;
        r->server = s;
        list_remove(&r->node);
        list_add_tail(&s->requests, &r->node);
        happening_init(&r->arrival, s->process, hand_over, r);
        happening_after(&r->arrival, 0);
        return;
    }
    send_back(r);
}

void http_call_forget(struct http_request *r)
{
    r->answer_fn = NULL;
}

struct http_request *http_call(struct host *from, struct host *to, unsigned port,
                               const struct http_call *call, http_answer_fn *answer, void *arg)
{
    struct http_request *r = xcalloc(1, sizeof *r);

    r->from = from;
    r->to = to;
    r->port = port;
    (void)str_copy(r->method, sizeof r->method, call->method);
    (void)str_copy(r->path, sizeof r->path, call->path);
    (void)str_copy(r->authorization, sizeof r->authorization,
                   call->authorization ? call->authorization : "");
    (void)str_copy(r->param, sizeof r->param, call->param ? call->param : "");
    (void)str_copy(r->value, sizeof r->value, call->value ? call->value : "");
    buf_init(&r->body, BODY_MAX);
    buf_init(&r->answer, SIZE_MAX);
    buf_add_text(&r->body, call->body ? call->body : "");
    r->answer_fn = answer;
    r->arg = arg;
    happening_init(&r->arrival, NULL, on_arrival, r);
    happening_init(&r->answered, NULL, on_answered, r);
    list_add_tail(&calls, &r->node);
    happening_after(&r->arrival, path_latency_us(from, to));
    return r;
}

static void forget_from(struct list *requests, const struct host *gone)
{
    LIST_FOR_EACH (node, requests) {
        struct http_request *r = CONTAINER_OF(node, struct http_request, node);

        if (r->from == gone)
            r->from = NULL;
    }
}

void http_forget_host(const struct host *gone)
{
    forget_from(&calls, gone);
    for (size_t i = 0; i < SERVERS_MAX; i++)
        if (servers[i])
            forget_from(&servers[i]->requests, gone);
}

/* ---- io/http_server.h ---- */

struct http_server *http_server_start(struct loop *loop, const char *host, unsigned port,
                                      size_t body_limit, http_handler_fn *handler, void *arg,
                                      struct fail *why)
{
    (void)host;
    for (size_t i = 0; i < SERVERS_MAX; i++) {
        if (servers[i])
            continue;
        servers[i] = xcalloc(1, sizeof(struct http_server));
        *servers[i] = (struct http_server){.process = loop,
                                           .port = port,
                                           .body_limit = body_limit,
                                           .handler = handler,
                                           .arg = arg};
        list_init(&servers[i]->requests);
        return servers[i];
    }
    *why = fail_make(FAIL_BUSY, "too many servers in the simulation");
    return NULL;
}

unsigned http_server_port(const struct http_server *s)
{
    return s->port;
}

void http_server_stop(struct http_server *s)
{
    if (!s)
        return;
    while (!list_empty(&s->requests)) {
        struct http_request *r = CONTAINER_OF(s->requests.next, struct http_request, node);

        happening_cancel(&r->arrival);
        r->status = 0;
        buf_clear(&r->answer);
        send_back(r);
    }
    for (size_t i = 0; i < SERVERS_MAX; i++)
        if (servers[i] == s)
            servers[i] = NULL;
    free(s);
}

const char *http_request_method(const struct http_request *r)
{
    return r->method;
}

const char *http_request_path(const struct http_request *r)
{
    return r->path;
}

struct str http_request_body(const struct http_request *r)
{
    return buf_str(&r->body);
}

const char *http_request_header(const struct http_request *r, const char *name)
{
    return strcasecmp(name, "Authorization") == 0 && r->authorization[0] ? r->authorization : NULL;
}

const char *http_request_param(const struct http_request *r, const char *name)
{
    return r->param[0] && strcmp(name, r->param) == 0 ? r->value : NULL;
}

void http_reply(struct http_request *r, unsigned status, const char *content_type, struct str body)
{
    (void)content_type;
    if (!process_says(r->server->process))
        return;
    r->status = status;
    buf_clear(&r->answer);
    buf_add_str(&r->answer, body);
    send_back(r);
}

void http_reply_header(struct http_request *r, const char *name, const char *value)
{
    (void)r;
    (void)name;
    (void)value;
}

/* Nobody in the simulation looks on for longer than an answer takes. */
struct http_stream *http_reply_stream(struct http_request *r, const char *content_type,
                                      http_stream_closed_fn *closed, void *arg)
{
    (void)closed;
    (void)arg;
    http_reply(r, 503, content_type, str_of("no streams in the simulation\n"));
    return NULL;
}

bool http_stream_send(struct http_stream *s, struct str part)
{
    (void)s;
    (void)part;
    return false;
}

void http_stream_end(struct http_stream *s)
{
    (void)s;
}
