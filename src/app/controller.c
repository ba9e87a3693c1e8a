#include "app/controller.h"

#include "app/confirm.h"
#include "app/election.h"
#include "app/events.h"
#include "app/felt.h"
#include "app/flights.h"
#include "app/labels.h"
#include "app/link.h"
#include "app/pods.h"
#include "app/prestop.h"
#include "app/pulse.h"
#include "app/routes.h"
#include "app/state.h"
#include "app/transitions.h"
#include "app/users.h"
#include "base/alloc.h"
#include "core/gate.h"
#include "core/rules.h"

#include <assert.h>

static const int64_t kube_timeout_us = 5LL * 1000 * 1000;
static const int64_t kube_watch_us = 20LL * 1000 * 1000; /* a silent stream is noticed soon after */

struct view *controller_view(struct controller *c)
{
    int64_t before_us = c->view.now_us;

    c->view.now_us = loop_now_us(c->loop);
    c->view.wall_us = loop_wall_us(c->loop);
    if (before_us && c->view.now_us - before_us > config_stall_limit_ms(&c->config) * 1000)
        controller_stalled(c);
    return &c->view;
}

void controller_stalled(struct controller *c)
{
    view_stalled(&c->view);
    c->stalled = true; /* this may be in the middle of an answer of its */
}

static void ask_after_stall(struct controller *c)
{
    struct link *main = c->view.record_exists ? c->links[c->view.record.target] : NULL;

    c->stalled = false;
    if (main)
        link_hurry(main);
}

/* ---- effects ---- */

/* A command that was busy or could not be sent is asked for again every 20 ms: said once. */
static bool is_repeated(const struct controller *c, const struct effect *e)
{
    const struct decision *last = &c->decisions[(c->decisions_n - 1) % DECISIONS_MAX];

    return c->decisions_n && last->rule == e->rule && last->kind == e->kind &&
           last->pod == e->pod && strcmp(last->why, e->why) == 0 &&
           c->view.wall_us - last->wall_us < 10 * 1000 * 1000;
}

static void remember(struct controller *c, const struct effect *e)
{
    struct decision *d = &c->decisions[c->decisions_n++ % DECISIONS_MAX];

    *d = (struct decision){
        .wall_us = c->view.wall_us, .rule = e->rule, .kind = e->kind, .pod = e->pod};
    (void)str_copy(d->why, sizeof d->why, e->why);
}

static void tell(struct controller *c, const struct effect *e)
{
    char name[NAME_SIZE + 8] = "";

    if (is_repeated(c, e))
        return;
    if (e->pod >= 0)
        view_pod_name(&c->view, e->pod, name);
    log_event(e->warning ? LOG_WARN : LOG_INFO, "decide", e->why, "rule", rule_name(e->rule),
              "effect", effect_kind_name(e->kind), "pod", name, "replica", e->name, NULL);
    remember(c, e);
}

static void post(struct controller *c, const struct effect *e)
{
    if (!events_post(c->events, e->event, e->warning, e->why, e->about))
        return;
    if (strcmp(e->event, "FailoverRefused") == 0)
        transitions_refused(c->transitions);
    tell(c, e);
}

static void execute(struct controller *c, const struct effect *e)
{
    struct link *link = e->pod >= 0 ? c->links[e->pod] : NULL;

    c->effects_by_kind[e->kind]++;
    switch (e->kind) {
    case EFFECT_NONE:
        return;
    case EFFECT_ASK_ROLE:
        if (link)
            link_ask_role(link);
        return;
    case EFFECT_ASK_STORAGE:
        if (link)
            link_ask_storage(link);
        return;
    case EFFECT_ASK_ROWS:
        if (link)
            link_ask_rows(link);
        return;
    case EFFECT_WRITE_RECORD:
        tell(c, e);
        state_write(c->state, &c->plan.record);
        return;
    case EFFECT_DEMOTE:
    case EFFECT_PROMOTE:
    case EFFECT_ENSURE_USERS:
    case EFFECT_REGISTER:
    case EFFECT_DROP:
    case EFFECT_TOUCH:
        if (!link)
            return;
        if (e->kind != EFFECT_TOUCH || e->rule == RULE_EPOCH)
            tell(c, e);
        link_command(link, e);
        return;
    case EFFECT_DELETE_POD:
        tell(c, e);
        pods_delete(c->pods, e->pod);
        return;
    case EFFECT_EVENT:
        post(c, e);
        return;
    case EFFECT_EXIT:
        tell(c, e);
        c->exit_status = 3;
        controller_stop(c);
        return;
    }
}

/* Idle connections for the next promotion: to every replica of the pair, as long as we lead. */
static void keep_pokes(struct controller *c)
{
    for (int i = 0; i < 2; i++)
        if (c->links[i])
            link_keep_poke(c->links[i],
                           view_leading(&c->view) && c->view.pods[i].role == ROLE_REPLICA);
}

/* The SYNC replica's row on the main: each time that it begins or ceases to count. */
static void tell_sync_row(struct controller *c)
{
    const struct view *v = &c->view;
    const struct row *row = v->record_exists ? view_row(v, view_s(v)) : NULL;
    bool takes_part = row && row->has_data && row->mode != MODE_ASYNC;
    bool ready = takes_part && row_serves(row);
    bool was_ready = c->sync_row_ready;

    c->sync_row_ready = ready;
    if (ready && !was_ready)
        log_event(LOG_INFO, "replica", "the SYNC replica is ready", "replica", row->name, NULL);
    else if (!ready && takes_part && was_ready)
        log_event(LOG_ERROR, "replica", "the SYNC replica is not ready", "replica", row->name,
                  "status", row_status_name(row->status), NULL);
}

static void tell_changes(struct controller *c)
{
    const struct plan *plan = &c->plan;

    if (c->last_gate != plan->gate.state)
        log_event(LOG_INFO, "gate", gate_state_name(plan->gate.state), "why", plan->gate.why, NULL);
    c->last_gate = plan->gate.state;
    tell_sync_row(c);
    if (c->view.writing && c->view.record_known)
        return; /* for a millisecond or two, and what for was said */
    if (strcmp(c->last_reason, plan->reason) != 0)
        log_event(LOG_INFO, "state", plan->reason, "state", plan->state, NULL);
    (void)str_copy(c->last_reason, sizeof c->last_reason, plan->reason);
}

static void step_once(struct controller *c)
{
    struct view *v = controller_view(c);

    c->steps++;
    if (c->stalled)
        ask_after_stall(c);
    view_derive(v);
    /* The gateways first: what the rules wait for is what they do now. */
    plan_init(&c->plan, v);
    gate_decide(v, &c->plan);
    routes_follow(c->routes, &c->plan);
    rules_decide(v, &c->plan);
    c->heard = c->heard || (v->pods_known && v->record_known);
    tell_changes(c);
    keep_pokes(c);
    labels_follow(c->labels);
    for (unsigned i = 0; i < c->plan.n; i++)
        execute(c, &c->plan.effects[i]);
    if (c->plan.resign)
        election_resign(c->election);
    prestop_follow(c->prestop);
    flights_follow(c->flights);
    transitions_follow(c->transitions);
    timer_start(c->wake, c->plan.wake_us > v->now_us ? c->plan.wake_us - v->now_us : 0);
}

void controller_step(struct controller *c)
{
    c->again = true;
    if (c->stepping || !c->whole)
        return; /* folded into the step that runs, or not yet (or no more) whole */
    c->stepping = true;
    while (c->again) {
        c->again = false;
        step_once(c);
    }
    c->stepping = false;
}

static void on_wake(void *arg)
{
    struct controller *c = arg;

    controller_step(c);
}

/* ---- start and end ---- */

static void on_grace_over(void *arg)
{
    struct controller *c = arg;

    loop_stop(c->loop);
}

static void make_parts(struct controller *c)
{
    c->events = events_new(c);
    c->state = state_new(c);
    c->labels = labels_new(c);
    c->confirm = confirm_new(c);
    c->pods = pods_new(c);
    c->election = election_new(c);
    c->prestop = prestop_new(c);
    c->flights = flights_new(c);
    c->felt = felt_new(c);
    c->transitions = transitions_new(c);
    c->pulse = pulse_new(c);
}

struct controller *controller_new(struct loop *loop, const struct config *config, struct fail *why)
{
    struct controller *c = xcalloc(1, sizeof *c);
    struct kube_config kube = {.timeout_us = kube_timeout_us,
                               .watch_timeout_us = kube_watch_us,
                               .user_agent = "memgraph-controller/" CONTROLLER_VERSION};
    struct settings settings;

    c->loop = loop;
    c->config = *config;
    c->started_us = loop_now_us(loop);
    c->started_wall_us = loop_wall_us(loop);
    c->last_gate = GATE_CUT;
    config_settings(config, &settings);
    view_init(&c->view, &settings);
    (void)str_copy(kube.api_url, sizeof kube.api_url, config->kube_api_url);
    (void)str_copy(kube.token_file, sizeof kube.token_file, config->kube_token_file);
    (void)str_copy(kube.ca_file, sizeof kube.ca_file, config->kube_ca_file);
    c->users = users_new(config->user, config->password, config->users_file);
    c->wake = timer_new(loop, on_wake, c);
    c->grace = timer_new(loop, on_grace_over, c);
    if (!kube_config_complete(&kube, why) || !(c->routes = routes_new(c, why))) {
        controller_free(c);
        return NULL;
    }
    c->kube = kube_client_new(loop, &kube);
    make_parts(c);
    c->whole = true;
    controller_step(c);
    return c;
}

void controller_free(struct controller *c)
{
    if (!c)
        return;
    c->whole = false;
    prestop_free(c->prestop);
    election_free(c->election);
    pods_free(c->pods);
    confirm_free(c->confirm);
    labels_free(c->labels);
    state_free(c->state);
    events_free(c->events);
    routes_free(c->routes);
    felt_free(c->felt);
    flights_free(c->flights);
    transitions_free(c->transitions);
    pulse_free(c->pulse);
    if (c->kube)
        kube_client_free(c->kube);
    users_free(c->users);
    timer_free(c->wake);
    timer_free(c->grace);
    free(c);
}

static void on_released(void *arg)
{
    struct controller *c = arg;

    timer_start(c->grace, c->exit_status ? 0 : c->config.shutdown_grace_ms * 1000);
}

void controller_stop(struct controller *c)
{
    if (c->stopping)
        return;
    log_event(LOG_INFO, "controller", "stopping", NULL);
    c->stopping = true;
    election_release(c->election, on_released, c);
    prestop_follow(c->prestop);
}

static void tell_kube(const char *fails, const char *works, const char *what, bool *failing,
                      const struct fail *why)
{
    bool failed = *failing;

    *failing = why->kind != FAIL_NONE;
    if (*failing && !failed)
        log_event(LOG_WARN, "kube", fails, "what", what, "kind", fail_kind_name(why->kind), "error",
                  why->text, NULL);
    else if (!*failing && failed)
        log_event(LOG_INFO, "kube", works, "what", what, NULL);
}

void controller_tell_watch(const char *what, bool *deaf, const struct fail *why)
{
    tell_kube("cannot watch, trying again", "watching again", what, deaf, why);
}

void controller_tell_request(const char *what, bool *failing, const struct fail *why)
{
    tell_kube("a request failed, trying again", "it works again", what, failing, why);
}

bool controller_ready(const struct controller *c, char why[WHY_SIZE])
{
    if (c->stopping)
        return (void)str_copy(why, WHY_SIZE, "stopping"), false;
    if (!c->heard)
        return (void)str_copy(why, WHY_SIZE, "the API server has not been heard yet"), false;
    (void)str_copy(why, WHY_SIZE, "it follows the cluster and serves its gateways");
    return true;
}
