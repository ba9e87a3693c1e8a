#include "tests/scenarios/story.h"

#include <stdlib.h>
#include <unistd.h>

/* Each story has a process of its own: it ends here. */
static void fail_story(struct story *s, const char *what)
{
    check_describe(s->world);
    printf("# %s, at %.6f: %s\n", s->name, (double)clock_now_us() / 1e6, what);
    (void)fflush(stdout);
    _exit(1);
}

/* ---- the trace ---- */

static void note_decision(struct story *s, const struct decision *d)
{
    buf_printf(&s->trace, "%s%s %s", s->trace.n ? ", " : "", rule_name(d->rule),
               effect_kind_name(d->kind));
    if (d->pod >= 0)
        buf_printf(&s->trace, " %d", d->pod);
}

static void note_decisions(struct story *s)
{
    for (unsigned i = 0; i < s->world->config.controllers; i++) {
        const struct world_controller *wc = &s->world->controllers[i];

        if (wc->starts != s->starts[i])
            s->told[i] = 0;
        s->starts[i] = wc->starts;
        for (; wc->controller && s->told[i] < wc->controller->decisions_n; s->told[i]++) {
            const struct decision *d = &wc->controller->decisions[s->told[i] % DECISIONS_MAX];

            if (d->kind != EFFECT_EVENT)
                note_decision(s, d);
        }
    }
}

static bool watch(void *arg)
{
    struct story *s = arg;

    note_decisions(s);
    return check_step(&s->check);
}

void story_forget_trace(struct story *s)
{
    buf_clear(&s->trace);
}

void story_expect(struct story *s, const char *trace)
{
    struct str told = buf_str(&s->trace);

    if (!str_eq(told, trace)) {
        printf("# wanted: %s\n# got:    %.*s\n", trace, STR_ARGS(told));
        fail_story(s, "the controllers decided something else");
    }
    story_forget_trace(s);
}

/* ---- running ---- */

static void stop_if_broken(struct story *s)
{
    if (s->check.violation[0])
        fail_story(s, s->check.violation);
}

void story_run(struct story *s, int64_t for_us)
{
    (void)world_run(s->world, for_us);
    stop_if_broken(s);
}

void story_until(struct story *s, const char *what, story_condition_fn *condition, int64_t limit_us)
{
    for (int64_t us = 0; us < limit_us && !condition(s); us += MS(1))
        story_run(s, MS(1));
    if (!condition(s))
        fail_story(s, what);
}

void story_expect_until_converged(struct story *s, const char *trace)
{
    story_run(s, MS(500)); /* by then it is noticed that something is amiss */
    story_until(s, "not as it should be", story_converged, SECONDS(30));
    story_run(s, MS(20));
    story_expect(s, trace);
}

void story_require(struct story *s, bool holds, const char *what)
{
    if (!holds)
        fail_story(s, what);
}

void story_ask_pod(struct story *s, unsigned pod, const char *password, const char *query)
{
    s->console = console_new(s->world, pod, password ? "admin" : NULL, password, query);
}

void story_hang_up(struct story *s)
{
    console_free(s->console);
    s->console = NULL;
}

void story_tell_pod(struct story *s, unsigned pod, const char *query)
{
    story_ask_pod(s, pod, NULL, query);
    story_until(s, "a person's query is not answered", story_is_answered, SECONDS(5));
    story_hang_up(s);
}

void story_lose_sync(struct story *s)
{
    kube_cluster_hold(s->world->cluster, clock_now_us(), 1, true);
    world_pod_signal(s->world, 1, SIGKILL);
}

void story_require_smooth(struct story *s)
{
    char why[WHY_TEXT_SIZE];

    if (!check_smooth(&s->check, s->clients.clients[CLIENT_WRITER], why))
        fail_story(s, why);
}

/* ---- begin and end ---- */

void story_init(struct story *s, const char *name)
{
    *s = (struct story){.name = name};
    buf_init(&s->trace, 1 << 20);
    world_config_init(&s->config, 1);
    world_set(&s->config, "LEASE_DURATION", "3s");
    world_set(&s->config, "LEASE_RENEW_DEADLINE", "2s");
    world_set(&s->config, "LEASE_RETRY_PERIOD", "500ms");
    world_set(&s->config, "ADMIN_TOKEN_FILE", person_token_file());
    s->config.trace = getenv("STORY_TRACE") != NULL;
    s->clients = (struct load_config){.seed = 1, .think_us = MS(20)};
    s->clients.clients[CLIENT_WRITER] = 2;
}

void story_open(struct story *s)
{
    ledger_init(&s->ledger);
    s->world = world_new(&s->config);
    check_init(&s->check, s->world, &s->ledger);
    s->world->watch = watch;
    s->world->watch_arg = s;
}

void story_form(struct story *s)
{
    story_until(s, "no cluster was formed", story_converged, SECONDS(20));
    s->load = load_new(s->world, &s->ledger, &s->clients);
    s->check.load = s->load;
    story_run(s, SECONDS(1));
    story_forget_trace(s);
}

void story_begin(struct story *s)
{
    story_open(s);
    story_form(s);
}

static bool is_idle(struct story *s)
{
    return load_idle(s->load);
}

static bool is_verified(struct story *s)
{
    return load_verified(s->load);
}

void story_end(struct story *s)
{
    story_until(s, "not everything is as it should be", story_converged, SECONDS(60));
    story_until(s, "writes do not go on", story_writes_go_on, SECONDS(5));
    load_stop(s->load);
    story_until(s, "a request never ended", is_idle, SECONDS(10));
    load_verify(s->load);
    story_until(s, "the data could not be read", is_verified, SECONDS(10));
    (void)check_step(&s->check);
    stop_if_broken(s);
    if (getenv("STORY_TRACE"))
        printf("# the rest: %.*s\n", STR_ARGS(buf_str(&s->trace)));
    story_free(s);
}

void story_free(struct story *s)
{
    person_free(s->person);
    console_free(s->console);
    load_free(s->load);
    world_free(s->world);
    ledger_done(&s->ledger);
    buf_done(&s->trace);
}

/* ---- conditions ---- */

bool story_converged(struct story *s)
{
    char why[WHY_TEXT_SIZE];

    return check_converged(s->world, why);
}

bool story_main_is_1(struct story *s)
{
    const struct record *r = world_record(s->world);

    return r && r->target == 1 && r->transition == EPOCH_NONE;
}

bool story_writes_go_on(struct story *s)
{
    return clock_now_us() - s->ledger.last_ack_us < MS(50);
}

bool story_is_answered(struct story *s)
{
    return console_done(s->console);
}

bool story_is_denied(struct story *s)
{
    return console_denied(s->console);
}

bool story_refuses(struct story *s)
{
    int leader = world_leader(s->world);

    return leader >= 0 &&
           str_contains(str_of(s->world->controllers[leader].controller->plan.reason),
                        "no failover from");
}
