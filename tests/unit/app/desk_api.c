#include "desk_api.h"

#include "app/election.h"
#include "app/pods.h"
#include "app/prestop.h"
#include "app/routes.h"
#include "app/state.h"
#include "io/http_server.h"

struct http_server *__real_http_server_start(struct loop *loop, const char *host, unsigned port,
                                             size_t body_limit, http_handler_fn *handler, void *arg,
                                             struct fail *why);
struct http_server *__wrap_http_server_start(struct loop *loop, const char *host, unsigned port,
                                             size_t body_limit, http_handler_fn *handler, void *arg,
                                             struct fail *why);

unsigned desk_api_port;

struct http_server *__wrap_http_server_start(struct loop *loop, const char *host, unsigned port,
                                             size_t body_limit, http_handler_fn *handler, void *arg,
                                             struct fail *why)
{
    struct http_server *s = __real_http_server_start(loop, host, port, body_limit, handler, arg,
                                                     why);

    desk_api_port = s ? http_server_port(s) : 0;
    return s;
}

void desk_api_prepare(struct desk_api *d)
{
    memset(d, 0, sizeof *d);
    d->loop = loop_new();
    fake_api_start(&d->kube, d->loop);
    desk_config(&d->config, "me", d->kube.port);
}

void desk_api_start(struct desk_api *d)
{
    struct fail why;

    desk_set(&d->c, d->loop, &d->config);
    d->c.routes = routes_new(&d->c, &why);
    d->c.state = state_new(&d->c);
    d->c.pods = pods_new(&d->c);
    d->c.election = election_new(&d->c);
    d->c.prestop = prestop_new(&d->c);
    d->api = api_new(&d->c, &why);
    assert_non_null(d->api);
    asker_init(&d->asker, d->loop);
}

void desk_api_stop(struct desk_api *d)
{
    api_free(d->api);
    asker_done(&d->asker);
    desk_clear(&d->c);
    fake_api_stop(&d->kube);
    loop_free(d->loop);
}

int desk_api_ask(struct desk_api *d, const char *method, const char *path, const char *headers,
                 const char *body)
{
    asker_send(&d->asker, desk_api_port, method, path, headers, body);
    return asker_status(&d->asker);
}

const char *desk_api_stored(const struct desk_api *d, const char *key)
{
    json_t *object = fake_api_find(&d->kube, "configmaps", "mg-state");

    return json_string_value(json_object_get(json_object_get(object, "data"), key));
}
