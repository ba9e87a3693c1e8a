#include "io/http_client.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/list.h"

#include <assert.h>
#include <curl/curl.h>
#include <uv.h>

enum {
    CONNECTIONS_KEPT = 16,
    CA_CACHE_S = 600, /* the CA file is read again after this, for new connections */
    KEEPALIVE_S = 15  /* a peer that vanished is found within about a minute */
};

/* libcurl must not be called back from inside its callbacks, so those only take notes: bytes into
 * the transfer, the transfer into `ready`. deliver() hands out when curl has returned. */
struct http_client {
    struct loop *loop;
    CURLM *multi;
    struct timer *timer;
    struct list transfers; /* all */
    struct list ready;     /* with news for their owners */
    bool delivering;       /* deliver() is under way: it frees what a callback ended */
    bool ended;
    char *ca_file, *user_agent;
    int64_t connect_timeout_us;
};

struct http_transfer {
    struct list node, ready_node;
    struct http_client *client;
    struct http_transfer_config config; /* its strings are not used after the start */
    CURL *easy;
    struct curl_slist *headers;
    struct buf data;
    bool done;
    CURLcode code; /* once done */
    char error[CURL_ERROR_SIZE];
};

struct http_socket {
    uv_poll_t poll;
    struct http_client *client;
    curl_socket_t fd;
};

/* ---- delivering ---- */

static void transfer_free(struct http_transfer *t)
{
    list_remove(&t->node);
    list_remove(&t->ready_node);
    curl_multi_remove_handle(t->client->multi, t->easy);
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    buf_done(&t->data);
    free(t);
}

static struct fail transfer_judge(const struct http_transfer *t)
{
    const char *text = t->error[0] ? t->error : curl_easy_strerror(t->code);

    if (t->code == CURLE_OK)
        return (struct fail){0};
    if (t->data.failed)
        return fail_make(FAIL_PROTOCOL, "answer of over %zu bytes", t->config.limit);
    if (t->code == CURLE_OPERATION_TIMEDOUT)
        return fail_make(FAIL_TIMEOUT, "%s", text);
    if (t->code == CURLE_WEIRD_SERVER_REPLY || t->code == CURLE_UNSUPPORTED_PROTOCOL ||
        t->code == CURLE_URL_MALFORMAT)
        return fail_make(FAIL_PROTOCOL, "%s", text);
    return fail_make(FAIL_UNREACHABLE, "%s", text);
}

/* The transfer ends here; its result lives until the callback returns. */
static void transfer_finish(struct http_transfer *t)
{
    struct http_transfer_config config = t->config;
    struct http_result result = {.fail = transfer_judge(t)};
    struct buf body = t->data;

    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &result.status);
    buf_init(&t->data, 0);
    transfer_free(t);
    result.body = buf_str(&body);
    config.on_done(config.arg, &result);
    buf_done(&body);
}

static void transfer_hand_over(struct http_transfer *t)
{
    struct http_transfer_config config = t->config;
    struct buf data = t->data;

    buf_init(&t->data, config.limit);
    if (t->done)
        list_add_tail(&t->client->ready, &t->ready_node); /* once more, for the end */
    config.on_data(config.arg, buf_str(&data));           /* may free the transfer */
    buf_done(&data);
}

static bool transfer_streams(const struct http_transfer *t)
{
    long status = 0;

    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    return t->config.on_data && status >= 200 && status < 300;
}

static void deliver(struct http_client *c)
{
    struct list *node;
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(c->multi, &left))) {
        struct http_transfer *t;

        assert(message->msg == CURLMSG_DONE);
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
        t->done = true;
        t->code = message->data.result;
        list_remove(&t->ready_node);
        list_add_tail(&c->ready, &t->ready_node);
    }
    c->delivering = true;
    while ((node = list_pop(&c->ready))) { /* empty once a callback has ended the client */
        struct http_transfer *t = CONTAINER_OF(node, struct http_transfer, ready_node);

        if (t->data.n > 0 && transfer_streams(t))
            transfer_hand_over(t);
        else
            transfer_finish(t);
    }
    c->delivering = false;
    if (c->ended)
        free(c);
}

/* ---- what libcurl asks of the loop ---- */

/* An error is told as readable and writable too: told of the error alone, libcurl would not look
 * which one it is, and would not ask again what a reused connection's reset left unanswered. */
static void on_socket_ready(uv_poll_t *poll, int status, int events)
{
    struct http_socket *s = poll->data;
    struct http_client *c = s->client;
    int mask = 0, running;

    if (status < 0)
        mask = CURL_CSELECT_ERR | CURL_CSELECT_IN | CURL_CSELECT_OUT;
    if (events & UV_READABLE)
        mask |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        mask |= CURL_CSELECT_OUT;
    curl_multi_socket_action(c->multi, s->fd, mask, &running);
    deliver(c);
}

static void on_timeout(void *arg)
{
    struct http_client *c = arg;
    int running;

    curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    deliver(c);
}

static void on_socket_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct http_client *c = arg;
    struct http_socket *s = socket_arg;
    int events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (s) {
            curl_multi_assign(c->multi, fd, NULL);
            uv_close((uv_handle_t *)&s->poll, on_socket_closed);
        }
        return 0;
    }
    if (!s) {
        s = xcalloc(1, sizeof(*s));
        s->client = c;
        s->fd = fd;
        s->poll.data = s;
        if (uv_poll_init_socket(loop_uv(c->loop), &s->poll, fd) != 0) {
            free(s);
            return -1;
        }
        curl_multi_assign(c->multi, fd, s);
    }
    if (what & CURL_POLL_IN)
        events |= UV_READABLE;
    if (what & CURL_POLL_OUT)
        events |= UV_WRITABLE;
    return uv_poll_start(&s->poll, events, on_socket_ready) == 0 ? 0 : -1;
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct http_client *c = arg;

    (void)multi;
    if (timeout_ms < 0)
        timer_stop(c->timer);
    else
        timer_start(c->timer, (int64_t)timeout_ms * 1000);
    return 0;
}

/* Anything but n ends the transfer with CURLE_WRITE_ERROR. */
static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct http_transfer *t = arg;

    buf_add(&t->data, p, size * n);
    if (t->data.failed)
        return 0;
    if (t->config.on_data && list_empty(&t->ready_node) && transfer_streams(t))
        list_add_tail(&t->client->ready, &t->ready_node);
    return size * n;
}

/* ---- the client and its transfers ---- */

struct http_client *http_client_new(struct loop *loop, const struct http_client_config *config)
{
    struct http_client *c = xcalloc(1, sizeof(*c));

    curl_global_init(CURL_GLOBAL_DEFAULT);
    c->loop = loop;
    list_init(&c->transfers);
    list_init(&c->ready);
    c->ca_file = config->ca_file ? xstrdup(config->ca_file) : NULL;
    c->user_agent = xstrdup(config->user_agent);
    c->connect_timeout_us = config->connect_timeout_us;
    c->timer = timer_new(loop, on_timeout, c);
    c->multi = curl_multi_init();
    assert(c->multi);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
    return c;
}

void http_client_free(struct http_client *c)
{
    struct list *node;

    if (!c)
        return;
    while ((node = list_pop(&c->transfers)))
        transfer_free(CONTAINER_OF(node, struct http_transfer, node));
    curl_multi_cleanup(c->multi);
    curl_global_cleanup();
    timer_free(c->timer);
    free(c->ca_file);
    free(c->user_agent);
    c->ended = true;
    if (!c->delivering)
        free(c);
}

static long us_to_ms(int64_t us)
{
    return us > 0 && us < 1000 ? 1 : (long)(us / 1000);
}

static void transfer_add_header(struct http_transfer *t, const char *name, const char *value)
{
    struct buf line;
    struct curl_slist *headers;

    buf_init(&line, 64 * 1024);
    buf_printf(&line, "%s:%s%s", name, value ? " " : "", value ? value : "");
    headers = curl_slist_append(t->headers, line.p);
    assert(headers);
    t->headers = headers;
    buf_done(&line);
}

static void transfer_set_request(struct http_transfer *t)
{
    const struct http_transfer_config *config = &t->config;

    curl_easy_setopt(t->easy, CURLOPT_URL, config->url);
    if (config->body) {
        curl_easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS, config->body);
        transfer_add_header(t, "Content-Type", config->content_type);
        transfer_add_header(t, "Expect", NULL); /* do not wait for "100 Continue" */
    }
    curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, config->method);
    transfer_add_header(t, "Accept", "application/json");
    if (config->authorization)
        transfer_add_header(t, "Authorization", config->authorization);
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
}

static void transfer_set_connection(struct http_transfer *t)
{
    const struct http_client *c = t->client;
    CURL *easy = t->easy;

    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_S / 3);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, us_to_ms(c->connect_timeout_us));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, us_to_ms(t->config.timeout_us));
    curl_easy_setopt(easy, CURLOPT_USERAGENT, c->user_agent);
    curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, (long)CA_CACHE_S);
    if (c->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, c->ca_file);
}

struct http_transfer *http_transfer_start(struct http_client *c,
                                          const struct http_transfer_config *config)
{
    struct http_transfer *t = xcalloc(1, sizeof(*t));

    t->client = c;
    t->config = *config;
    list_init(&t->ready_node);
    list_add_tail(&c->transfers, &t->node);
    buf_init(&t->data, config->limit);
    t->easy = curl_easy_init();
    assert(t->easy);
    transfer_set_request(t);
    transfer_set_connection(t);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error);
    curl_multi_add_handle(c->multi, t->easy); /* asks for a timeout of 0, which does the rest */
    return t;
}

void http_transfer_cancel(struct http_transfer *t)
{
    if (t)
        transfer_free(t);
}
