#include "sim/check_impl.h"

#include "sim/gateway.h"
#include "sim/process.h"
#include "sim/world_impl.h"

void check_init(struct check *c, struct world *w, struct ledger *ledger)
{
    *c = (struct check){.world = w, .ledger = ledger};
}

void check_break(struct check *c, const char *fmt, ...)
{
    va_list args;

    if (c->violation[0])
        return;
    va_start(args, fmt);
    (void)vsnprintf(c->violation, sizeof c->violation, fmt, args);
    va_end(args);
}

/* ---- after every step ---- */

static const char *lease_holder(const struct world *w)
{
    struct kube_key key = {KUBE_LEASES, WORLD_NAMESPACE, WORLD_STATEFULSET "-controller"};
    const char *holder = json_string_value(json_object_get(
        json_object_get(kube_store_find(w->store, &key), "spec"), "holderIdentity"));

    return holder ? holder : "";
}

static uint64_t acts_of(const struct controller *c)
{
    static const enum effect_kind acts[] = {EFFECT_WRITE_RECORD, EFFECT_DEMOTE,   EFFECT_PROMOTE,
                                            EFFECT_ENSURE_USERS, EFFECT_REGISTER, EFFECT_DROP,
                                            EFFECT_TOUCH};
    uint64_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(acts); i++)
        n += c->effects_by_kind[acts[i]];
    return n;
}

/* A leader without a valid lease does nothing. */
static void check_leaders(struct check *c)
{
    for (unsigned i = 0; i < c->world->config.controllers; i++) {
        const struct world_controller *wc = &c->world->controllers[i];
        uint64_t acts = wc->controller ? acts_of(wc->controller) : 0;

        if (wc->starts != c->starts[i])
            c->acted[i] = 0;
        c->starts[i] = wc->starts;
        if (acts > c->acted[i] && strcmp(lease_holder(c->world), wc->name) != 0)
            check_break(c, "%s acts, but the lease is with '%s'", wc->name, lease_holder(c->world));
        c->acted[i] = acts;
    }
}

static void check_record(struct check *c)
{
    uint64_t version = kube_store_last(c->world->store, KUBE_CONFIGMAPS);
    const struct record *r;
    char why[WHY_TEXT_SIZE];

    if (version == c->record_version)
        return;
    c->record_version = version;
    r = world_record(c->world);
    if (r && !ledger_record(c->ledger, clock_now_us(), r, why) && !c->record_may_fall)
        check_break(c, "%s", why);
    if (!r)
        return;
    check_moves(c, r);
    check_armed(c, r);
}

/* A program that plans its next turn for the past takes all of a CPU. */
static void check_spins(struct check *c)
{
    enum { MOST = 20000 };

    if (clock_now_us() != c->since_us) {
        c->since_us = clock_now_us();
        c->still = 0;
    } else if (++c->still > MOST) {
        check_break(c, "it spins: %d things happened at %.6f", MOST, (double)c->since_us / 1e6);
    }
}

struct routes_seen {
    struct check *check;
    unsigned n;
    struct {
        int64_t epoch;
        const char *upstream;
        const char *name;
    } open[WORLD_CONTROLLERS_MAX];
};

static const struct controller *controller_of(const struct world *w, const struct loop *process)
{
    for (unsigned i = 0; i < w->config.controllers; i++)
        if (w->controllers[i].process == process)
            return w->controllers[i].controller;
    return NULL;
}

/* At most one open route for writes per epoch. */
static void see_gateway(void *arg, const struct gateway_sim_view *g)
{
    struct routes_seen *seen = arg;
    const struct controller *c = controller_of(seen->check->world, g->process);

    if (!c || g->port != GATEWAY_PORT || g->route->kind != GATEWAY_FORWARD || g->route->hold ||
        !g->settled || seen->n == WORLD_CONTROLLERS_MAX)
        return;
    for (unsigned i = 0; i < seen->n; i++)
        if (seen->open[i].epoch == c->view.record.epoch &&
            strcmp(seen->open[i].upstream, g->route->upstream[0].host) != 0)
            check_break(seen->check, "two routes for writes in epoch %lld: %s to %s, %s to %s",
                        (long long)c->view.record.epoch, seen->open[i].name, seen->open[i].upstream,
                        process_name(g->process), g->route->upstream[0].host);
    seen->open[seen->n].epoch = c->view.record.epoch;
    seen->open[seen->n].upstream = g->route->upstream[0].host;
    seen->open[seen->n++].name = process_name(g->process);
}

bool check_step(void *arg)
{
    struct check *c = arg;
    struct routes_seen seen = {.check = c};

    check_spins(c);
    check_leaders(c);
    check_record(c);
    check_commands(c);
    gateway_sim_each(see_gateway, &seen);
    if (c->load && load_violation(c->load))
        check_break(c, "%s", load_violation(c->load));
    return c->violation[0] != '\0';
}

/* ---- in the end ---- */

static bool runs(const struct world *w, unsigned pod, const char *run)
{
    const struct mg *mg = world_model(w, pod);

    return mg && strcmp(mg_look(mg).run_id, run) == 0;
}

bool check_proven(struct world *w)
{
    const struct record *r = world_record(w);
    unsigned s;

    if (!r || r->sync != SYNC_READY || r->transition != EPOCH_NONE)
        return false;
    s = r->target ? 0 : 1;
    return runs(w, s, r->sync_run) && runs(w, (unsigned)r->target, r->main_run) &&
           !memgraph_host_frozen(w->pods[s].process) &&
           !memgraph_host_frozen(w->pods[r->target].process);
}

static bool check_pods(const struct world *w, const struct record *r, char why[WHY_TEXT_SIZE])
{
    for (unsigned i = 0; i < w->config.pods; i++) {
        const struct kube_cluster_pod *pod = kube_cluster_pod(w->cluster, i);
        const struct mg *mg = world_model(w, i);

        if (!pod || !pod->ready || pod->terminating || !mg)
            return (void)str_format(why, WHY_TEXT_SIZE, "pod %u is not Ready", i), false;
        if (mg_look(mg).main != ((int)i == r->target))
            return (void)str_format(why, WHY_TEXT_SIZE, "pod %u is %s", i,
                                    mg_look(mg).main ? "main, too" : "not main"),
                   false;
    }
    return true;
}

static bool check_rows(const struct world *w, char why[WHY_TEXT_SIZE])
{
    int leader = world_leader(w);
    const struct view *v;

    if (leader < 0)
        return (void)str_copy(why, WHY_TEXT_SIZE, "nobody leads"), false;
    v = &w->controllers[leader].controller->view;
    for (unsigned i = 0; i < w->config.pods; i++) {
        const struct row *row = view_row(v, (int)i);

        if ((int)i == v->record.target)
            continue;
        if (!row)
            return (void)str_format(why, WHY_TEXT_SIZE, "pod %u is not registered%s", i,
                                    pod_refused(&v->pods[i]) ? " (refused as diverged)" : ""),
                   false;
        if (!row_serves(row))
            return (void)str_format(why, WHY_TEXT_SIZE, "replica %u is %s", i,
                                    row->has_data ? row_status_name(row->status) : "dead"),
                   false;
    }
    return true;
}

struct serving {
    const struct world *world;
    const char *target;
    unsigned n;
};

static void see_serving(void *arg, const struct gateway_sim_view *g)
{
    struct serving *s = arg;

    if (g->port == GATEWAY_PORT && g->route->kind == GATEWAY_FORWARD && !g->route->hold &&
        strcmp(g->route->upstream[0].host, s->target) == 0)
        s->n++;
}

bool check_converged(struct world *w, char why[WHY_TEXT_SIZE])
{
    const struct record *r = world_record(w);
    struct serving serving = {.world = w};

    if (!r)
        return (void)str_copy(why, WHY_TEXT_SIZE, "there is no record"), false;
    if (!world_is_rolled_out(w))
        return (void)str_copy(why, WHY_TEXT_SIZE, "a rollout is under way"), false;
    if (!check_pods(w, r, why) || !check_rows(w, why))
        return false;
    if (!check_proven(w) || r->fenced) {
        char sync[RUN_SIZE + 40];

        (void)str_format(why, WHY_TEXT_SIZE, "sync is %s, transition '%s', fenced %x",
                         record_sync_text(r, sync, sizeof sync), epoch_kind_name(r->transition),
                         r->fenced);
        return false;
    }
    serving.target = host_ip(w->pods[r->target].host);
    gateway_sim_each(see_serving, &serving);
    if (serving.n < w->config.controllers)
        return (void)str_format(why, WHY_TEXT_SIZE, "%u of %u gateways serve the main", serving.n,
                                w->config.controllers),
               false;
    return true;
}

void check_describe(const struct world *w)
{
    int leader = world_leader(w);
    const struct view *v = leader >= 0 ? &w->controllers[leader].controller->view : NULL;

    for (unsigned i = 0; i < w->config.pods; i++) {
        const struct mg *mg = world_model(w, i);
        const struct row *row = v ? view_row(v, (int)i) : NULL;
        struct mg_view look;

        if (!mg) {
            world_say(w, "pod %u does not run", i);
            continue;
        }
        look = mg_look(mg);
        world_say(w, "pod %u: %s, run %.8s, epoch %.8s, ldt %lld, %lld nodes, database %.8s", i,
                  look.main ? "main" : "replica", look.run_id, look.epoch,
                  (long long)look.last_durable_ts, (long long)look.nodes, look.database_uuid);
        for (size_t k = 0; k < look.history_n; k++) {
            const char *epoch;
            int64_t ts;

            if (mg_history(mg, k, &epoch, &ts))
                world_say(w, "    history: epoch %.8s until %lld", epoch, (long long)ts);
        }
        if (row)
            world_say(w, "    its row: %s, ts %lld, behind %lld", row_status_name(row->status),
                      (long long)row->ts, (long long)row->behind);
    }
}

struct cuts {
    unsigned most;
};

static void see_cuts(void *arg, const struct gateway_sim_view *g)
{
    struct cuts *cuts = arg;

    if (g->port == GATEWAY_PORT && g->cuts > cuts->most)
        cuts->most = g->cuts;
}

bool check_smooth(const struct check *c, unsigned writers, char why[WHY_TEXT_SIZE])
{
    const struct ledger *l = c->ledger;
    struct cuts cuts = {0};
    uint64_t refused = 0;
    /* A client that was cut may come back through another controller before that one has heard of
     * the move, and be cut there: once at each gateway. */
    size_t excusable = (size_t)l->moves * writers * c->world->config.controllers;

    for (unsigned i = 0; i < c->world->config.controllers; i++)
        refused += c->world->controllers[i].controller
                       ? c->world->controllers[i].controller->outcomes[OUTCOME_REFUSED]
                       : 0;
    gateway_sim_each(see_cuts, &cuts);
    if (refused)
        (void)str_format(why, WHY_TEXT_SIZE, "%u times a replica was refused as diverged",
                         (unsigned)refused);
    else if (l->refused + l->unknown > excusable)
        (void)str_format(why, WHY_TEXT_SIZE,
                         "%zu writes failed; the main moved %u times, %u writers",
                         l->refused + l->unknown, l->moves, writers);
    else if (cuts.most > l->moves)
        (void)str_format(why, WHY_TEXT_SIZE, "sessions were cut %u times, the main moved %u times",
                         cuts.most, l->moves);
    else
        return true;
    return false;
}
