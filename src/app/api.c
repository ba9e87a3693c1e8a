#include "app/api.h"

#include "app/metrics.h"
#include "app/status.h"
#include "base/alloc.h"
#include "io/http_server.h"

enum { BODY_LIMIT = 64 * 1024, METRICS_LIMIT = 4 * 1024 * 1024 };

struct api {
    struct controller *c;
    struct http_server *server;
};

static void reply_json(struct http_request *request, unsigned status, json_t *json)
{
    char *text = json_dumps(json, JSON_INDENT(2));

    http_reply_header(request, "Cache-Control", "no-store");
    http_reply(request, status, "application/json", str_of(text ? text : "{}"));
    free(text);
    json_decref(json);
}

static void on_status(struct api *a, struct http_request *request)
{
    reply_json(request, 200, status_json(a->c));
}

static void on_leadership(struct api *a, struct http_request *request)
{
    reply_json(request, 200, status_leadership_json(a->c));
}

static void on_metrics(struct api *a, struct http_request *request)
{
    struct buf out;

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

    reply_json(request, ready ? 200 : 503,
               json_pack("{s:s, s:s, s:b, s:s}", "status", ready ? "healthy" : "unhealthy",
                         "reason", why, "leader", view_leading(&a->c->view), "state",
                         a->c->plan.state));
}

static const struct {
    const char *path;
    void (*handle)(struct api *a, struct http_request *request);
} routes[] = {
    {"/", on_status},
    {"/status", on_status},
    {"/api/v1/status", on_status},
    {"/api/v1/leadership", on_leadership},
    {"/metrics", on_metrics},
    {"/livez", on_livez},
    {"/readyz", on_readyz},
    {"/health", on_health},
};

static void refuse(struct http_request *request, unsigned status, const char *error)
{
    reply_json(request, status, json_pack("{s:s}", "error", error));
}

static void on_request(void *arg, struct http_request *request)
{
    struct api *a = arg;
    struct str method = str_of(http_request_method(request));

    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (strcmp(routes[i].path, http_request_path(request)) != 0)
            continue;
        if (str_eq(method, "GET") || str_eq(method, "HEAD")) {
            routes[i].handle(a, request);
            return;
        }
        http_reply_header(request, "Allow", "GET, HEAD");
        refuse(request, 405, "this route answers GET only");
        return;
    }
    refuse(request, 404,
           "no such route; there are /status, /metrics, /livez, /readyz, /health, "
           "/api/v1/status and /api/v1/leadership");
}

struct api *api_new(struct controller *c, struct fail *why)
{
    struct api *a = xcalloc(1, sizeof *a);

    a->c = c;
    a->server = http_server_start(c->loop, c->config.http_host, (unsigned)c->config.http_port,
                                  BODY_LIMIT, on_request, a, why);
    if (a->server)
        return a;
    free(a);
    return NULL;
}

void api_free(struct api *a)
{
    if (!a)
        return;
    http_server_stop(a->server);
    free(a);
}
