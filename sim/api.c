#include "sim/api.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/list.h"
#include "io/http_client.h"
#include "models/kube_rest.h"
#include "sim/process.h"

#include <assert.h>

enum { PARAMS_MAX = 8, TEXT_MAX = 1024, SEND_AGAIN_US = 300 * 1000, LINES_KEPT = 8 };

struct http_client {
    struct loop *process;
    struct list transfers;
};

struct http_transfer {
    struct list node; /* of the client's */
    struct list stream_node;
    struct http_client *client;
    struct http_transfer_config config; /* its strings are not used after the start */
    char method[8], path[512], content_type[64], query[512];
    char *body;
    struct happening request; /* reaches the server */
    struct happening answer;  /* reaches the client */
    struct happening limit;
    struct happening lines; /* of a watch: its next lines reach the client */
    struct happening end;   /* of a watch: its time is over */
    long status;
    char *text; /* of the answer */
    bool lost;
    bool orphan; /* its client has given it up, or died; the request is still on its way */
    struct host *from;
    char name[64]; /* of the client */
    struct kube_watcher *watch;
    bool bookmarks;
};

struct kept_line {
    json_t *object;
    char type;
    char *text;
    size_t n;
};

static struct {
    struct kept_line lines[LINES_KEPT];
    size_t lines_next;
    struct host *host;
    struct kube_store *store;
    struct random random;
    enum api_mode mode;
    int64_t before_us, after_us;
    unsigned error_percent, lost_percent;
    bool stale;
    struct list streams, orphans;
    api_seen_fn *seen;
    void *seen_arg;
} api;

static void forget_lines(void);
static void on_request(void *arg);
static void on_answer(void *arg);
static void on_limit(void *arg);
static void on_lines(void *arg);
static void on_stream_end(void *arg);

/* ---- the server's faults ---- */

void api_set_slow(int64_t before_us, int64_t after_us)
{
    api.before_us = before_us;
    api.after_us = after_us;
}

void api_set_errors(unsigned percent, unsigned lost_percent)
{
    api.error_percent = percent;
    api.lost_percent = lost_percent;
}

void api_watch_writes(api_seen_fn *seen, void *arg)
{
    api.seen = seen;
    api.seen_arg = arg;
}

static void plan_lines(struct http_transfer *t)
{
    if (!happening_planned(&t->lines))
        happening_after(&t->lines, path_latency_us(api.host, t->from));
}

void api_changed(void)
{
    LIST_FOR_EACH (node, &api.streams)
        plan_lines(CONTAINER_OF(node, struct http_transfer, stream_node));
}

void api_set_stale(bool stale)
{
    api.stale = stale;
    if (!stale)
        api_changed();
}

/* ---- transfers ---- */

/* What was sent arrives, also when nobody waits for the answer any more. */
static void transfer_free(struct http_transfer *t)
{
    bool under_way = happening_planned(&t->request) && strcmp(t->method, "GET") != 0;

    list_remove(&t->node);
    list_remove(&t->stream_node);
    happening_cancel(&t->answer);
    happening_cancel(&t->limit);
    happening_cancel(&t->lines);
    happening_cancel(&t->end);
    kube_watcher_free(t->watch);
    t->watch = NULL;
    if (under_way) {
        t->orphan = true;
        t->client = NULL;
        list_add_tail(&api.orphans, &t->node);
        return;
    }
    happening_cancel(&t->request);
    free(t->body);
    free(t->text);
    free(t);
}

void api_reset(uint64_t seed, struct host *host, struct kube_store *store)
{
    struct list *node;

    while (api.orphans.next && (node = list_pop(&api.orphans))) {
        struct http_transfer *t = CONTAINER_OF(node, struct http_transfer, node);

        happening_cancel(&t->request);
        transfer_free(t);
    }
    forget_lines();
    memset(&api, 0, sizeof api);
    api.host = host;
    api.store = store;
    api.random = random_stream(seed, 2);
    list_init(&api.streams);
    list_init(&api.orphans);
}

/* The end: frees the transfer, then tells its owner. */
static void finish(struct http_transfer *t, struct fail fail)
{
    struct http_transfer_config config = t->config;
    struct http_result result = {.fail = fail, .status = t->status};
    char *text = t->text;

    t->text = NULL;
    transfer_free(t);
    if (text && fail.kind == FAIL_NONE)
        result.body = str_of(text);
    config.on_done(config.arg, &result);
    free(text);
}

/* An answer that travels: over a path that is blocked it never comes. */
static void send_answer(struct http_transfer *t, int64_t after_us)
{
    happening_after(&t->answer, after_us + path_latency_us(api.host, t->from));
}

static void break_stream(struct http_transfer *t)
{
    list_remove(&t->stream_node);
    kube_watcher_free(t->watch);
    t->watch = NULL;
    t->lost = true;
    send_answer(t, 0);
}

void api_break_streams(void)
{
    while (!list_empty(&api.streams))
        break_stream(CONTAINER_OF(api.streams.next, struct http_transfer, stream_node));
}

void api_compact(void)
{
    kube_store_compact(api.store);
}

void api_set_mode(enum api_mode mode)
{
    api.mode = mode;
    if (mode == API_REFUSES)
        api_break_streams();
}

/* ---- the request at the server ---- */

struct query {
    char text[TEXT_MAX];
    const char *names[PARAMS_MAX], *values[PARAMS_MAX];
    size_t n;
};

static unsigned hex(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 32) - 'a' + 10);
}

static void unescape(char *text)
{
    char *out = text;

    for (; *text; text++) {
        if (*text == '%' && text[1] && text[2]) {
            *out++ = (char)(hex(text[1]) * 16 + hex(text[2]));
            text += 2;
        } else {
            *out++ = *text;
        }
    }
    *out = '\0';
}

static void query_parse(struct query *q, const char *text)
{
    char *at = q->text, *next;

    q->n = 0;
    (void)str_copy(q->text, sizeof q->text, text);
    for (; at && *at && q->n < PARAMS_MAX; at = next) {
        char *equals;

        next = strchr(at, '&');
        if (next)
            *next++ = '\0';
        equals = strchr(at, '=');
        if (!equals)
            continue;
        *equals = '\0';
        unescape(equals + 1);
        q->names[q->n] = at;
        q->values[q->n++] = equals + 1;
    }
}

static const char *param(void *arg, const char *name)
{
    const struct query *q = arg;

    for (size_t i = 0; i < q->n; i++)
        if (strcmp(q->names[i], name) == 0)
            return q->values[i];
    return NULL;
}

static void take_reply(struct http_transfer *t, struct kube_reply reply)
{
    t->status = (long)reply.status;
    t->text = json_is_string(reply.body) ? xstrdup(json_string_value(reply.body))
                                         : json_dumps(reply.body, JSON_COMPACT);
    json_decref(reply.body);
}

static void begin_stream(struct http_transfer *t, const struct kube_rest_answer *answer)
{
    t->watch = answer->watch;
    t->bookmarks = answer->bookmarks;
    t->status = 200;
    list_add_tail(&api.streams, &t->stream_node);
    happening_after(&t->end, answer->timeout_s * 1000000);
    plan_lines(t);
}

static void serve(struct http_transfer *t)
{
    struct query q;
    struct kube_rest_request rest = {.method = t->method,
                                     .path = t->path,
                                     .content_type = t->content_type[0] ? t->content_type : NULL,
                                     .body = t->body ? str_of(t->body) : (struct str){0},
                                     .param = param,
                                     .arg = &q};
    struct kube_rest_answer answer = {0};

    query_parse(&q, t->query);
    if (api.error_percent && random_chance(&api.random, api.error_percent))
        answer.reply = kube_status_failure(503, "ServiceUnavailable", "the server is overloaded");
    else
        answer = kube_rest_serve(api.store, &rest);
    if (t->orphan && answer.watch) {
        kube_watcher_free(answer.watch);
        return;
    }
    if (answer.watch) {
        begin_stream(t, &answer);
        return;
    }
    if (api.seen && strcmp(t->method, "GET") != 0)
        api.seen(api.seen_arg, t->name, t->method, t->path, answer.reply.status);
    take_reply(t, answer.reply);
    if (t->orphan)
        return;
    t->lost = false;
    if (!api.lost_percent || !random_chance(&api.random, api.lost_percent))
        send_answer(t, api.after_us);
}

/* What does not get through is sent again by TCP, as long as its client waits. */
static void meet(struct http_transfer *t)
{
    if (!path_open(t->from, api.host) || api.mode == API_SILENT) {
        if (!t->orphan)
            happening_after(&t->request, SEND_AGAIN_US);
        return;
    }
    if (api.mode == API_SERVES) {
        serve(t);
        return;
    }
    t->lost = true;
    if (!t->orphan)
        send_answer(t, 0);
}

static void on_request(void *arg)
{
    struct http_transfer *t = arg;
    bool orphan = t->orphan;

    meet(t);
    if (orphan)
        transfer_free(t);
}

/* ---- what reaches the client ---- */

static void on_answer(void *arg)
{
    struct http_transfer *t = arg;

    if (!path_open(api.host, t->from)) {
        happening_after(&t->answer, SEND_AGAIN_US);
        return;
    }
    finish(t,
           t->lost ? fail_make(FAIL_UNREACHABLE, "connection refused or reset") : (struct fail){0});
}

static void on_limit(void *arg)
{
    struct http_transfer *t = arg;

    t->status = 0;
    finish(t, fail_make(FAIL_TIMEOUT, "no answer within the time limit"));
}

static bool stream_flows(const struct http_transfer *t)
{
    return t->watch && !api.stale && api.mode == API_SERVES && path_open(api.host, t->from);
}

/* Several controllers watch the same objects, which never change once stored: the text of the last
 * lines is kept. */
static void add_line(struct buf *text, json_t *line)
{
    json_t *object = json_object_get(line, "object");
    char type = json_string_value(json_object_get(line, "type"))[0];
    struct kept_line *kept = NULL;

    for (size_t i = 0; i < LINES_KEPT && !kept; i++)
        if (api.lines[i].object == object && api.lines[i].type == type)
            kept = &api.lines[i];
    if (!kept) {
        kept = &api.lines[api.lines_next++ % LINES_KEPT];
        free(kept->text);
        json_decref(kept->object);
        *kept = (struct kept_line){
            .object = json_incref(object), .type = type, .text = json_dumps(line, JSON_COMPACT)};
        kept->n = strlen(kept->text);
    }
    buf_add(text, kept->text, kept->n);
    buf_add_byte(text, '\n');
}

static void forget_lines(void)
{
    for (size_t i = 0; i < LINES_KEPT; i++) {
        free(api.lines[i].text);
        json_decref(api.lines[i].object);
    }
}

/* All lines that there are, in one piece. What the path holds back is asked for again a little
 * later, as TCP would. */
static void on_lines(void *arg)
{
    struct http_transfer *t = arg;
    struct buf text;
    json_t *line;

    if (!stream_flows(t)) {
        if (t->watch && !api.stale)
            happening_after(&t->lines, SEND_AGAIN_US);
        return;
    }
    buf_init(&text, SIZE_MAX);
    while ((line = kube_watcher_next(t->watch))) {
        add_line(&text, line);
        json_decref(line);
    }
    if (kube_watcher_ended(t->watch))
        happening_after(&t->end, 0);
    if (text.n)
        t->config.on_data(t->config.arg, buf_str(&text)); /* may cancel the transfer */
    buf_done(&text);
}

static void on_stream_end(void *arg)
{
    struct http_transfer *t = arg;

    if (!stream_flows(t)) {
        happening_after(&t->end, SEND_AGAIN_US);
        return;
    }
    finish(t, (struct fail){0});
}

/* ---- io/http_client.h ---- */

struct http_client *http_client_new(struct loop *loop, const struct http_client_config *config)
{
    struct http_client *c = xcalloc(1, sizeof *c);

    (void)config;
    c->process = loop;
    list_init(&c->transfers);
    return c;
}

void http_client_free(struct http_client *c)
{
    struct list *node;

    if (!c)
        return;
    while ((node = list_pop(&c->transfers)))
        transfer_free(CONTAINER_OF(node, struct http_transfer, node));
    free(c);
}

/* http://host:port/path?query: there is one server only. */
static void take_url(struct http_transfer *t, const char *url)
{
    const char *path = strchr(strstr(url, "://") + 3, '/');
    const char *query = strchr(path, '?');

    (void)str_copy_n(t->path, sizeof t->path,
                     query ? (struct str){path, (size_t)(query - path)} : str_of(path));
    (void)str_copy(t->query, sizeof t->query, query ? query + 1 : "");
}

struct http_transfer *http_transfer_start(struct http_client *c,
                                          const struct http_transfer_config *config)
{
    struct http_transfer *t = xcalloc(1, sizeof *t);

    t->client = c;
    t->from = process_host(c->process);
    (void)str_copy(t->name, sizeof t->name, process_name(c->process));
    t->config = *config;
    list_init(&t->stream_node);
    list_add_tail(&c->transfers, &t->node);
    (void)str_copy(t->method, sizeof t->method, config->method);
    (void)str_copy(t->content_type, sizeof t->content_type,
                   config->content_type ? config->content_type : "");
    t->body = config->body ? xstrdup(config->body) : NULL;
    take_url(t, config->url);
    happening_init(&t->request, NULL, on_request, t);
    happening_init(&t->answer, c->process, on_answer, t);
    happening_init(&t->limit, c->process, on_limit, t);
    happening_init(&t->lines, c->process, on_lines, t);
    happening_init(&t->end, c->process, on_stream_end, t);
    if (config->timeout_us)
        happening_after(&t->limit, config->timeout_us);
    if (process_says(c->process))
        happening_after(&t->request,
                        api.before_us + path_latency_us(process_host(c->process), api.host));
    return t;
}

void http_transfer_cancel(struct http_transfer *t)
{
    if (t)
        transfer_free(t);
}
