/* world_controllers: the controllers of a simulated cluster: the program's own code. */
#include "app/api.h"
#include "base/alloc.h"
#include "sim/gateway.h"
#include "sim/world_impl.h"

#include <assert.h>

static void on_restart(void *arg);

/* ---- the environment ---- */

static const struct world_controller *configured;

static const char *get_setting(const char *name)
{
    const struct world_config *config = &configured->world->config;

    if (strcmp(name, "POD_NAME") == 0)
        return configured->name;
    for (unsigned i = 0; i < config->settings_n; i++)
        if (strcmp(config->settings[i].name, name) == 0)
            return config->settings[i].value;
    return NULL;
}

static void read_config(const struct world_controller *wc, struct config *out)
{
    struct buf errors;

    buf_init(&errors, 64 * 1024);
    configured = wc;
    if (!config_read(out, get_setting, &errors)) {
        (void)fprintf(stderr, "%.*s", STR_ARGS(buf_str(&errors)));
        abort();
    }
    buf_done(&errors);
}

/* ---- its life ---- */

static void on_end(void *arg)
{
    struct world_controller *wc = arg;

    wc->exit_status = wc->controller ? wc->controller->exit_status : 0;
    api_free(wc->api);
    controller_free(wc->controller);
    process_free(wc->process);
    wc->api = NULL;
    wc->controller = NULL;
    wc->process = NULL;
    wc->leaving = false;
    if (wc->world->ending)
        return;
    world_say(wc->world, "%s has ended", wc->name);
    if (!wc->held)
        happening_after(&wc->restart, wc->world->config.controller_restart_us);
}

static void on_start(void *arg)
{
    struct world_controller *wc = arg;
    struct config config;
    struct fail why = {0};

    read_config(wc, &config);
    wc->controller = controller_new(wc->process, &config, &why);
    wc->api = wc->controller ? api_new(wc->controller, &why) : NULL;
    if (wc->api)
        return;
    (void)fprintf(stderr, "%s cannot start: %s\n", wc->name, why.text);
    abort();
}

static void on_restart(void *arg)
{
    struct world_controller *wc = arg;
    struct process_config process = {
        .name = wc->name, .host = wc->host, .on_end = on_end, .arg = wc};

    if (wc->process)
        return;
    wc->starts++;
    wc->process = process_new(&process);
    process_run(wc->process, on_start, wc);
}

void world_controller_kill(struct world *w, unsigned i)
{
    if (!w->controllers[i].process)
        return;
    world_say(w, "%s is killed", w->controllers[i].name);
    process_kill(w->controllers[i].process);
}

static void on_stop(void *arg)
{
    controller_stop(arg);
}

void world_controller_stop(struct world *w, unsigned i)
{
    struct world_controller *wc = &w->controllers[i];

    if (!wc->controller || process_frozen(wc->process))
        return;
    world_say(w, "%s is told to stop", wc->name);
    wc->leaving = true;
    process_run(wc->process, on_stop, wc->controller);
}

void world_controller_freeze(struct world *w, unsigned i, bool frozen)
{
    struct world_controller *wc = &w->controllers[i];

    if (!wc->process || process_frozen(wc->process) == frozen)
        return;
    world_say(w, "%s %s", wc->name, frozen ? "freezes" : "goes on");
    if (frozen)
        wc->frozen_at_us = clock_now_us();
    else
        gateway_sim_stalled(wc->process, clock_now_us() - wc->frozen_at_us);
    process_freeze(wc->process, frozen);
}

void world_controller_hold(struct world *w, unsigned i, bool held)
{
    struct world_controller *wc = &w->controllers[i];

    wc->held = held;
    if (held)
        happening_cancel(&wc->restart);
    else if (!wc->process && !happening_planned(&wc->restart))
        happening_after(&wc->restart, 0);
}

int world_leader(const struct world *w)
{
    for (unsigned i = 0; i < w->config.controllers; i++) {
        const struct controller *c = w->controllers[i].controller;

        if (c && c->view.leader && c->view.leader_until_us > clock_now_us())
            return (int)i;
    }
    return -1;
}

void world_controllers_init(struct world *w)
{
    for (unsigned i = 0; i < w->config.controllers; i++) {
        struct world_controller *wc = &w->controllers[i];
        char ip[48];

        wc->world = w;
        (void)str_format(wc->name, sizeof wc->name, "controller-%u", i);
        (void)str_format(ip, sizeof ip, "10.0.1.%u", i + 1);
        wc->host = host_new(wc->name, ip);
        happening_init(&wc->restart, NULL, on_restart, wc);
        happening_after(&wc->restart, (int64_t)i * 1000);
    }
}

void world_controllers_done(struct world *w)
{
    for (unsigned i = 0; i < w->config.controllers; i++) {
        happening_cancel(&w->controllers[i].restart);
        if (w->controllers[i].process)
            process_kill(w->controllers[i].process);
    }
}
