#include "desk.h"

#include "app/election.h"
#include "app/events.h"
#include "app/flights.h"
#include "app/labels.h"
#include "app/pods.h"
#include "app/prestop.h"
#include "app/pulse.h"
#include "app/routes.h"
#include "app/state.h"
#include "app/transitions.h"
#include "app/users.h"

/* Nothing is set: the defaults. */
static const char *no_variable(const char *name)
{
    (void)name;
    return NULL;
}

void desk_config(struct config *config, const char *identity, unsigned api_port)
{
    struct buf errors;

    buf_init(&errors, 4096);
    assert_true(config_read(config, no_variable, &errors));
    buf_done(&errors);
    (void)str_copy(config->statefulset, sizeof config->statefulset, "mg");
    (void)str_copy(config->release, sizeof config->release, "mg");
    (void)str_copy(config->app, sizeof config->app, "mg");
    (void)str_copy(config->namespace_, sizeof config->namespace_, "db");
    (void)str_copy(config->pod, sizeof config->pod, identity);
    (void)str_format(config->kube_api_url, sizeof config->kube_api_url, "http://127.0.0.1:%u",
                     api_port);
    config->http_port = 0;
    config->workers = 2;
    config->gateway_bind = config->read_bind = (struct config_address){"127.0.0.1", 0};
    config->lease_ms = 1000;
    config->lease_renew_ms = 400;
    config->lease_retry_ms = 50;
    config->probe_interval_ms = 20;
    config->sync_watch_ms = 20;
}

void desk_set(struct controller *c, struct loop *loop, const struct config *config)
{
    struct kube_config kube = {.timeout_us = 300 * 1000, .watch_timeout_us = 60LL * 1000 * 1000};
    struct settings settings;

    memset(c, 0, sizeof *c);
    c->loop = loop;
    c->config = *config;
    c->started_us = loop_now_us(loop);
    c->started_wall_us = loop_wall_us(loop);
    config_settings(config, &settings);
    view_init(&c->view, &settings);
    (void)str_copy(kube.api_url, sizeof kube.api_url, config->kube_api_url);
    (void)str_copy(kube.user_agent, sizeof kube.user_agent, "unit-test");
    c->kube = kube_client_new(loop, &kube);
    c->labels = labels_new(c);
    c->users = users_new(config->user, config->password, config->users_file);
    c->flights = flights_new(c);
    c->transitions = transitions_new(c);
    c->pulse = pulse_new(c);
}

void desk_clear(struct controller *c)
{
    prestop_free(c->prestop);
    flights_free(c->flights);
    transitions_free(c->transitions);
    pulse_free(c->pulse);
    election_free(c->election);
    pods_free(c->pods);
    labels_free(c->labels);
    state_free(c->state);
    events_free(c->events);
    routes_free(c->routes);
    kube_client_free(c->kube);
    users_free(c->users);
}

struct loop *desk_setup(struct controller *c, struct fake_api *api,
                        void (*tune)(struct config *config))
{
    enum { NOBODY = 1 };
    struct loop *loop = loop_new();
    struct config config;

    if (api)
        fake_api_start(api, loop);
    desk_config(&config, "me", api ? api->port : NOBODY);
    if (tune)
        tune(&config);
    desk_set(c, loop, &config);
    return loop;
}

void desk_teardown(struct controller *c, struct fake_api *api)
{
    struct loop *loop = c->loop;

    desk_clear(c);
    if (api)
        fake_api_stop(api);
    loop_free(loop);
}

static void on_tick(void *arg)
{
    loop_stop(arg);
}

void desk_turn(struct loop *loop)
{
    struct timer *timer = timer_new(loop, on_tick, loop);

    timer_start(timer, 200);
    loop_run(loop);
    timer_free(timer);
}

json_t *desk_lease(const char *holder, int duration_s)
{
    return json_pack("{s:{s:s}, s:{s:s, s:i, s:s, s:s, s:i}}", "metadata", "name", "mg-controller",
                     "spec", "holderIdentity", holder, "leaseDurationSeconds", duration_s,
                     "acquireTime", "2020-01-01T00:00:00.000000Z", "renewTime",
                     "2020-01-01T00:00:00.000000Z", "leaseTransitions", 3);
}

json_t *desk_pod(const char *name, const char *uid, const char *ip, bool ready)
{
    return json_pack("{s:{s:s, s:s}, s:{s:s, s:s, s:[{s:s, s:s}]}}", "metadata", "name", name,
                     "uid", uid, "status", "phase", "Running", "podIP", ip, "conditions", "type",
                     "Ready", "status", ready ? "True" : "False");
}

json_t *desk_configmap(json_t *data)
{
    return json_pack("{s:{s:s}, s:o}", "metadata", "name", "mg-state", "data", data);
}

struct record desk_record(int64_t epoch)
{
    return (struct record){.epoch = epoch,
                           .main_run = "run-a",
                           .promoted = PROMOTED_INITIAL,
                           .promoted_run = "run-a",
                           .from = -1,
                           .sync = SYNC_READY,
                           .sync_run = "run-b"};
}
