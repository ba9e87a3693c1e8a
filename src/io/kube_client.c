#include "io/kube_client.h"

#include "base/alloc.h"
#include "io/kube_transport.h"

#include <assert.h>

struct kube_request {
    struct list node;
    struct http_transfer *transfer;
    struct kube_client *client;
    kube_done_fn *done;
    void *arg;
};

/* ---- what requests and watches share ---- */

struct http_transfer *kube_transport_start(struct kube_client *k, const char *path,
                                           struct http_transfer_config *config)
{
    struct http_transfer *transfer;
    struct buf url;

    buf_init(&url, KUBE_ANSWER_LIMIT);
    buf_add_text(&url, k->config.api_url);
    buf_add_text(&url, path);
    config->url = url.p;
    config->authorization = kube_token_get(&k->token);
    config->limit = KUBE_ANSWER_LIMIT;
    transfer = http_transfer_start(k->http, config);
    buf_done(&url);
    return transfer;
}

struct fail kube_transport_judge(struct kube_client *k, const struct http_result *result,
                                 json_t **body)
{
    json_error_t error;
    struct fail fail;

    *body = NULL;
    if (result->fail.kind != FAIL_NONE)
        return result->fail;
    if (result->body.n > 0)
        *body = json_loadb(result->body.p, result->body.n, 0, &error);
    fail = kube_judge(result->status, *body);
    if (result->status == 401)
        kube_token_refused(&k->token);
    if (fail.kind == FAIL_DENIED && k->token.fail.kind != FAIL_NONE)
        str_append(fail.text, sizeof(fail.text), " (%s)", k->token.fail.text);
    if (fail.kind == FAIL_NONE && result->body.n > 0 && !*body)
        return fail_make(FAIL_PROTOCOL, "HTTP %ld, and no JSON: %s", result->status, error.text);
    return fail;
}

/* ---- requests ---- */

static void request_free(struct kube_request *r)
{
    list_remove(&r->node);
    free(r);
}

static void on_request_done(void *arg, const struct http_result *result)
{
    struct kube_request *r = arg;
    kube_done_fn *done = r->done;
    void *done_arg = r->arg;
    json_t *body;
    struct kube_answer answer = {.status = result->status};

    answer.fail = kube_transport_judge(r->client, result, &body);
    answer.body = body;
    request_free(r);
    if (done)
        done(done_arg, &answer);
    json_decref(body);
}

struct kube_request *kube_client_send(struct kube_client *k, const char *method, const char *path,
                                      const char *content_type, json_t *body, kube_done_fn *done,
                                      void *arg)
{
    struct kube_request *r = xcalloc(1, sizeof(*r));
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct http_transfer_config config = {
        .method = method,
        .content_type = content_type ? content_type : "application/json",
        .body = text,
        .timeout_us = k->config.timeout_us,
        .on_done = on_request_done,
        .arg = r,
    };

    assert(!body || text);
    r->client = k;
    r->done = done;
    r->arg = arg;
    list_add_tail(&k->requests, &r->node);
    r->transfer = kube_transport_start(k, path, &config);
    free(text);
    return r;
}

void kube_request_cancel(struct kube_request *r)
{
    if (!r)
        return;
    http_transfer_cancel(r->transfer);
    request_free(r);
}

/* ---- the client ---- */

struct kube_client *kube_client_new(struct loop *loop, const struct kube_config *config)
{
    struct kube_client *k = xcalloc(1, sizeof(*k));
    size_t n = strlen(config->api_url);
    struct http_client_config http = {
        .ca_file = config->ca_file[0] ? config->ca_file : NULL,
        .user_agent = config->user_agent,
        .connect_timeout_us = config->timeout_us,
    };

    k->loop = loop;
    k->config = *config;
    while (n > 0 && k->config.api_url[n - 1] == '/')
        k->config.api_url[--n] = 0;
    list_init(&k->requests);
    list_init(&k->watches);
    kube_token_init(&k->token, config->token_file);
    k->http = http_client_new(loop, &http);
    return k;
}

void kube_client_free(struct kube_client *k)
{
    struct list *node;

    if (!k)
        return;
    while ((node = list_pop(&k->watches)))
        kube_watch_end(node);
    while ((node = list_pop(&k->requests)))
        kube_request_cancel(CONTAINER_OF(node, struct kube_request, node));
    http_client_free(k->http);
    kube_token_done(&k->token);
    free(k);
}
