#include "sandbox/prestop.h"

#include "base/alloc.h"
#include "io/http_client.h"

#include <openssl/evp.h>
#include <stdlib.h>

enum {
    RETRY_US = 200 * 1000,
    CONNECT_LIMIT_US = 1000 * 1000,
    ANSWER_LIMIT = 64 * 1024,
    PAIR_SIZE = 256,
    URL_SIZE = 512
};

struct prestops {
    struct loop *loop;
    struct http_client *client;
    char urls[2048];
    char authorization[2 * PAIR_SIZE]; /* empty: none */
};

struct prestop {
    struct prestops *all;
    struct http_transfer *transfer;
    struct timer *timer;
    char pod[256];
    struct str left; /* of the URLs */
    void (*on_done)(void *arg, bool good, const char *text);
    void *arg;
};

struct prestops *prestops_new(struct loop *loop, const char *urls, const char *user,
                              const char *password)
{
    struct prestops *ps = xcalloc(1, sizeof *ps);
    unsigned char coded[2 * PAIR_SIZE];
    char pair[PAIR_SIZE];

    ps->loop = loop;
    ps->client =
        http_client_new(loop, &(struct http_client_config){.user_agent = "sandbox/prestop",
                                                           .connect_timeout_us = CONNECT_LIMIT_US});
    (void)str_copy(ps->urls, sizeof ps->urls, urls);
    if (user && str_format(pair, sizeof pair, "%s:%s", user, password ? password : "")) {
        EVP_EncodeBlock(coded, (const unsigned char *)pair, (int)strlen(pair));
        (void)str_format(ps->authorization, sizeof ps->authorization, "Basic %s", (char *)coded);
    }
    return ps;
}

void prestops_free(struct prestops *ps)
{
    if (!ps)
        return;
    http_client_free(ps->client);
    free(ps);
}

static void on_answer(void *arg, const struct http_result *result)
{
    struct prestop *p = arg;
    char text[400];

    p->transfer = NULL;
    if (result->fail.kind != FAIL_NONE) {
        timer_start(p->timer, p->left.n ? 0 : RETRY_US);
        return;
    }
    (void)str_format(text, sizeof text, "HTTP %ld %.*s", result->status,
                     (int)(result->body.n < 300 ? result->body.n : 300), result->body.p);
    p->on_done(p->arg, result->status == 200, text);
}

static void on_timer(void *arg)
{
    struct prestop *p = arg;
    const char *authorization = *p->all->authorization ? p->all->authorization : NULL;
    char url[URL_SIZE];
    const struct http_transfer_config config = {.method = "POST",
                                                .url = url,
                                                .authorization = authorization,
                                                .content_type = "application/json",
                                                .body = "",
                                                .limit = ANSWER_LIMIT,
                                                .on_done = on_answer,
                                                .arg = p};
    struct str one;

    if (!p->left.n)
        p->left = str_of(p->all->urls);
    one = str_cut(&p->left, ',');
    (void)str_format(url, sizeof url, "%.*s/prestop-hook/%s", STR_ARGS(one), p->pod);
    p->transfer = http_transfer_start(p->all->client, &config);
}

struct prestop *prestop_start(struct prestops *ps, const char *pod,
                              void (*on_done)(void *arg, bool good, const char *text), void *arg)
{
    struct prestop *p = xcalloc(1, sizeof *p);

    p->all = ps;
    p->on_done = on_done;
    p->arg = arg;
    (void)str_copy(p->pod, sizeof p->pod, pod);
    p->timer = timer_new(ps->loop, on_timer, p);
    timer_start(p->timer, 0);
    return p;
}

void prestop_free(struct prestop *p)
{
    if (!p)
        return;
    http_transfer_cancel(p->transfer);
    timer_free(p->timer);
    free(p);
}
