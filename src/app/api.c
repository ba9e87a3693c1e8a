#include "app/api.h"

#include "app/admin.h"
#include "app/answers.h"
#include "app/explanation.h"
#include "app/feed.h"
#include "app/flights.h"
#include "app/metrics.h"
#include "app/pods.h"
#include "app/prestop.h"
#include "app/startup.h"
#include "app/status.h"
#include "app/web.h"
#include "base/alloc.h"

enum { BODY_LIMIT = 4 * 1024, METRICS_LIMIT = 4 * 1024 * 1024 };

struct api {
    struct controller *c;
    struct http_server *server;
    struct admin *admin;
    struct startup *startup;
    struct feed *feed;
};

static void on_status(struct api *a, struct http_request *request)
{
    answer_json(request, 200, status_json(a->c));
}

static void on_root(struct api *a, struct http_request *request)
{
    if (web_wants_page(request))
        web_answer_page(request);
    else
        on_status(a, request);
}

static void on_history(struct api *a, struct http_request *request)
{
    answer_json(request, 200, flights_json(a->c));
}

static void on_overview(struct api *a, struct http_request *request)
{
    feed_answer_overview(a->feed, request);
}

static void on_events(struct api *a, struct http_request *request)
{
    feed_answer_events(a->feed, request);
}

static void on_leadership(struct api *a, struct http_request *request)
{
    answer_json(request, 200, status_leadership_json(a->c));
}

static void on_metrics(struct api *a, struct http_request *request)
{
    struct buf out;

    metrics_ask(a->c);
    buf_init(&out, METRICS_LIMIT);
    metrics_write(a->c, &out);
    http_reply(request, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&out));
    buf_done(&out);
}

/* That it answers shows that the loop turns: there is no other way to get here. */
static void on_livez(struct api *a, struct http_request *request)
{
    (void)a;
    http_reply(request, 200, "text/plain", str_of("ok\n"));
}

static void on_readyz(struct api *a, struct http_request *request)
{
    char why[WHY_SIZE], text[WHY_SIZE + 8];
    bool ready = controller_ready(a->c, why);

    (void)str_format(text, sizeof text, "%s\n", why);
    http_reply(request, ready ? 200 : 503, "text/plain", str_of(text));
}

static void on_health(struct api *a, struct http_request *request)
{
    char why[WHY_SIZE];
    bool ready = controller_ready(a->c, why);

    answer_json(request, ready ? 200 : 503,
                json_pack("{s:s, s:s, s:b, s:s}", "status", ready ? "healthy" : "unhealthy",
                          "reason", why, "leader", view_leading(&a->c->view), "state",
                          a->c->plan.state));
}

static void on_explain(struct api *a, struct http_request *request)
{
    const char *name = http_request_param(request, "pod");
    int pod = name ? pods_ordinal(a->c, name) : -1;
    const struct pod *known = pod >= 0 ? &a->c->view.pods[pod] : NULL;

    if (name && !(known && (known->exists || known->kube_at)))
        answer_error(request, 404, "no such pod: `status` names them all");
    else
        answer_json(request, 200, explanation_json(a->c, pod));
}

static const struct {
    const char *path;
    void (*handle)(struct api *a, struct http_request *request);
} routes[] = {
    {"/", on_root},
    {"/status", on_status},
    {"/api/v1/status", on_status},
    {"/api/v1/leadership", on_leadership},
    {"/api/v1/explain", on_explain},
    {"/api/v1/history", on_history},
    {"/api/v1/overview", on_overview},
    {"/api/v1/events", on_events},
    {"/metrics", on_metrics},
    {"/livez", on_livez},
    {"/readyz", on_readyz},
    {"/health", on_health},
};

static void on_request(void *arg, struct http_request *request)
{
    struct api *a = arg;
    struct str path = str_of(http_request_path(request));

    if (str_starts(path, ADMIN_PREFIX)) {
        admin_answer(a->admin, request);
        return;
    }
    if (str_starts(path, PRESTOP_PREFIX)) {
        prestop_answer(a->c->prestop, request);
        return;
    }
    if (str_starts(path, STARTUP_PREFIX)) {
        startup_answer(a->startup, request);
        return;
    }
    if (str_starts(path, WEB_PREFIX)) {
        if (answer_to(request, "GET"))
            web_answer_file(request);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (!str_eq(path, routes[i].path))
            continue;
        if (answer_to(request, "GET"))
            routes[i].handle(a, request);
        return;
    }
    answer_error(request, 404,
                 "no such route; there are /status, /metrics, /livez, /readyz, /health, "
                 "/api/v1/{status,leadership,explain,history,overview,events}, /api/v1/admin/..., "
                 "/prestop-hook/<pod> and "
                 "/api/v1/init/<pod>");
}

struct api *api_new(struct controller *c, struct fail *why)
{
    struct api *a = xcalloc(1, sizeof *a);

    a->c = c;
    a->server = http_server_start(c->loop, c->config.http_host, (unsigned)c->config.http_port,
                                  BODY_LIMIT, on_request, a, why);
    if (!a->server) {
        free(a);
        return NULL;
    }
    a->admin = admin_new(c);
    a->startup = startup_new(c);
    a->feed = feed_new(c);
    return a;
}

void api_free(struct api *a)
{
    if (!a)
        return;
    admin_free(a->admin);
    startup_free(a->startup);
    http_server_stop(a->server);
    feed_free(a->feed);
    free(a);
}
