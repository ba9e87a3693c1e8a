#include "sim/run.h"

#include "sim/check.h"
#include "sim/faults.h"
#include "sim/person.h"

struct run {
    struct world_config world;
    struct load_config load;
    struct faults_config faults;
    int64_t safety_us;
    unsigned rollouts;
    bool smooth;
};

static const int64_t second_us = 1000 * 1000;

bool run_profile_parse(const char *text, enum run_profile *out)
{
    static const char *const names[] = {"default", "quiet", "rolling", "rough", "old"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i]) != 0)
            continue;
        *out = (enum run_profile)i;
        return true;
    }
    return false;
}

/* ---- what the seed chooses ---- */

static void choose_cluster(struct world_config *c, struct random *r, enum run_profile profile)
{
    static const char *const versions[] = {"3.6.1", "3.6.1", "3.12.0"};
    static const char *const modes[] = {"auto", "auto", "sync", "strict_sync"};

    c->pods = (unsigned)random_range(r, 2, 5);
    c->controllers = (unsigned)random_range(r, 1, 3);
    c->latency_us = random_range(r, 20, 800);
    c->load_us = random_range(r, 50, 1500) * 1000;
    c->controller_restart_us = random_range(r, 100, 2000) * 1000;
    c->silent_gone = random_chance(r, 50);
    c->cluster.parallel = random_chance(r, 70);
    c->cluster.address = (enum kube_cluster_address)random_range(r, 0, 2);
    c->cluster.grace_s = random_range(r, 2, 10);
    c->cluster.start_us = random_range(r, 100, 800) * 1000;
    c->cluster.probe_ready_us = random_range(r, 500, 2000) * 1000;
    c->model.workers = (unsigned)random_range(r, 2, 4);
    (void)str_copy(c->model.version, sizeof c->model.version,
                   versions[random_range(r, 0, ARRAY_LEN(versions) - 1)]);
    if (profile == RUN_OLD)
        (void)str_copy(c->model.version, sizeof c->model.version, "3.4.0");
    if (profile == RUN_OLD)
        world_set(c, "REPLICATION_MODE", random_chance(r, 50) ? "auto" : "sync");
    else
        world_set(c, "REPLICATION_MODE", modes[random_range(r, 0, ARRAY_LEN(modes) - 1)]);
    if (random_chance(r, 30)) {
        c->model.user = "admin";
        c->model.password = "secret";
        c->basic = "Basic YWRtaW46c2VjcmV0";
        world_set(c, "MEMGRAPH_USER", "admin");
        world_set(c, "MEMGRAPH_PASSWORD", "secret");
        c->model.bcrypt_us = random_chance(r, 50) ? 1000 : 290 * 1000;
    }
}

static void choose_settings(struct world_config *c, struct random *r)
{
    if (random_chance(r, 80)) {
        world_set(c, "LEASE_DURATION", "3s");
        world_set(c, "LEASE_RENEW_DEADLINE", "2s");
        world_set(c, "LEASE_RETRY_PERIOD", "500ms");
    }
    if (random_chance(r, 30))
        world_set(c, "GATEWAY_HOLD_TIMEOUT", random_chance(r, 30) ? "0" : "1s");
    if (random_chance(r, 30))
        world_set(c, "PROMOTE_POKE", random_chance(r, 50) ? "0" : "4");
    if (random_chance(r, 20))
        world_set(c, "PROOF_INTERVAL", random_chance(r, 50) ? "0" : "300ms");
    if (random_chance(r, 30))
        world_set(c, "REPLICA_HEAL_TIMEOUT", "4s");
    if (random_chance(r, 20))
        world_set(c, "CATCHUP_BEHIND", "0");
    if (random_chance(r, 25))
        world_set(c, "DURABILITY", "preferred");
    if (random_chance(r, 30))
        world_set(c, "SYNC_LOSS_TIMEOUT", "1s");
    if (random_chance(r, 25))
        world_set(c, "PLANNED_RESTART", "block");
    if (random_chance(r, 20))
        world_set(c, "REBUILD_POLICY", "manual");
    if (random_chance(r, 30))
        world_set(c, "PRESTOP_TIMEOUT_SECONDS", "3");
}

/* A rollout follows another one when that is done; drains and requests come in between. */
static void choose_rolling(struct run *run, struct random *r)
{
    run->rollouts = (unsigned)random_range(r, 1, 2);
    world_set(&run->world, "PLANNED_RESTART", "degrade");
    world_set(&run->world, "GATEWAY_HOLD_TIMEOUT", "5s");
    world_set(&run->world, "PRESTOP_TIMEOUT_SECONDS", "60");
    run->world.cluster.grace_s = 60;
    run->safety_us = random_range(r, 10, 20) * second_us;
}

static void choose(struct run *run, uint64_t seed, enum run_profile profile)
{
    struct random r = random_stream(seed, 6);

    world_config_init(&run->world, seed);
    world_set(&run->world, "ADMIN_TOKEN_FILE", person_token_file());
    choose_cluster(&run->world, &r, profile);
    choose_settings(&run->world, &r);
    run->load = (struct load_config){.seed = seed, .think_us = random_range(&r, 30, 300) * 1000};
    run->load.clients[CLIENT_WRITER] = (unsigned)random_range(&r, 1, 3);
    run->load.clients[CLIENT_BANK] = (unsigned)random_range(&r, 0, 1);
    run->load.clients[CLIENT_READER] = (unsigned)random_range(&r, 0, 1);
    run->load.clients[CLIENT_DIRECT] = (unsigned)random_range(&r, 0, 1);
    run->safety_us = random_range(&r, 4, 12) * second_us;
    run->faults = (struct faults_config){.seed = seed,
                                         .every_us = random_range(&r, 100, 1500) * 1000,
                                         .longest_us = random_range(&r, 1, 8) * second_us};
    for (int kind = 0; kind < FAULT_KIND_COUNT; kind++)
        if (random_chance(&r, 30))
            run->faults.kinds |= UINT64_C(1) << kind;
    run->smooth = profile == RUN_QUIET || profile == RUN_ROLLING;
    if (profile == RUN_QUIET)
        run->faults.kinds = 0;
    if (profile == RUN_ROLLING)
        run->faults.kinds = 0;
    if (profile == RUN_ROLLING || profile == RUN_ROUGH)
        choose_rolling(run, &r);
    /* No network gives an address to another machine's pod before the first one's kubelet has
     * reported: that is a limit of the promises, too. */
    if (run->world.cluster.address != KUBE_CLUSTER_ADDRESS_REUSE && random_chance(&r, 40))
        run->world.cluster.status_delay_us = random_range(&r, 10, 1500) * 1000;
}

/* ---- the phases ---- */

struct phases {
    struct run run;
    struct world *world;
    struct ledger ledger;
    struct check check;
    struct load *load;
    struct faults *faults;
    struct person *person;
    struct run_result *out;
};

static void PRINTF_LIKE(2, 3) give_up(struct phases *p, const char *fmt, ...)
{
    va_list args;

    p->out->failed = true;
    va_start(args, fmt);
    (void)vsnprintf(p->out->why, sizeof p->out->why, fmt, args);
    va_end(args);
}

static bool broken(struct phases *p)
{
    if (!p->check.violation[0])
        return false;
    if (!p->out->failed) {
        check_describe(p->world);
        give_up(p, "%s", p->check.violation);
    }
    return true;
}

static bool converged(struct world *w)
{
    char why[WHY_TEXT_SIZE];

    return check_converged(w, why);
}

/* Looked at every now and then: it costs more than a step. */
static bool wait_for(struct phases *p, bool (*condition)(struct phases *p), int64_t limit_us)
{
    enum { EVERY_US = 20 * 1000 };

    for (int64_t us = 0; us < limit_us; us += EVERY_US) {
        if (condition(p))
            return true;
        if (!world_run(p->world, EVERY_US))
            return false;
    }
    return condition(p);
}

static bool is_converged(struct phases *p)
{
    return converged(p->world);
}

static bool is_idle(struct phases *p)
{
    return load_idle(p->load);
}

static bool is_verified(struct phases *p)
{
    return load_verified(p->load);
}

static bool is_rolled_out(struct phases *p)
{
    return world_is_rolled_out(p->world) && is_converged(p);
}

/* With faults it may well take longer than the phase. */
static bool roll_out(struct phases *p)
{
    world_say(p->world, "a rolling restart begins");
    world_rollout(p->world);
    (void)world_run(p->world, 200 * 1000);
    if (wait_for(p, is_rolled_out, p->run.smooth ? 120 * second_us : 15 * second_us) ||
        !p->run.smooth)
        return true;
    if (!broken(p))
        give_up(p, "the rolling restart is not over after 120 s");
    return false;
}

static void safety_phase(struct phases *p)
{
    if (!wait_for(p, is_converged, 30 * second_us)) {
        char why[WHY_TEXT_SIZE];

        (void)check_converged(p->world, why);
        if (!broken(p))
            give_up(p, "no cluster was formed within 30 s: %s", why);
        return;
    }
    p->load = load_new(p->world, &p->ledger, &p->run.load);
    p->check.load = p->load;
    p->faults = faults_new(p->world, p->load, &p->run.faults);
    for (unsigned i = 0; i < p->run.rollouts; i++)
        if (!world_run(p->world, second_us) || !roll_out(p))
            return;
    (void)world_run(p->world, p->run.safety_us);
    world_say(p->world, "---- everything heals ----");
    faults_heal(p->faults);
}

/* Within 150 s, and 30 s more for each thing that a person had still to do, one after the other. */
static bool is_healed(struct phases *p)
{
    unsigned decisions = 0;

    if (wait_for(p, is_converged, 150 * second_us))
        return true;
    for (unsigned i = 0; i < p->run.world.pods && person_decisions(p->person) > decisions; i++) {
        decisions = person_decisions(p->person);
        if (wait_for(p, is_converged, 30 * second_us))
            return true;
    }
    return false;
}

static void liveness_phase(struct phases *p)
{
    char why[WHY_TEXT_SIZE];

    if (broken(p))
        return;
    p->person = person_new(p->world, 10 * second_us);
    if (!is_healed(p)) {
        (void)check_converged(p->world, why);
        check_describe(p->world);
        if (!broken(p))
            give_up(p, "not as it should be long after the last fault: %s", why);
        return;
    }
    (void)world_run(p->world, second_us / 2);
    load_stop(p->load);
    if (!broken(p) && !wait_for(p, is_idle, 10 * second_us) && !broken(p))
        give_up(p, "a client's request never ended");
    if (broken(p))
        return;
    load_verify(p->load);
    if (!wait_for(p, is_verified, 60 * second_us) && !broken(p))
        give_up(p, "the gateways do not serve: the data could not be read within 60 s");
    (void)check_step(&p->check);
    if (!broken(p) && p->run.smooth &&
        !check_smooth(&p->check, p->run.load.clients[CLIENT_WRITER], why))
        give_up(p, "%s", why);
}

void run_seed(uint64_t seed, enum run_profile profile, bool trace, struct run_result *out)
{
    struct phases p = {.out = out};

    *out = (struct run_result){0};
    choose(&p.run, seed, profile);
    p.run.world.trace = trace;
    ledger_init(&p.ledger);
    p.world = world_new(&p.run.world);
    check_init(&p.check, p.world, &p.ledger);
    p.world->watch = check_step;
    p.world->watch_arg = &p.check;
    safety_phase(&p);
    if (!out->failed)
        liveness_phase(&p);
    out->simulated_us = clock_now_us();
    out->happenings = clock_count();
    out->writes = p.ledger.n;
    out->acknowledged = p.ledger.acknowledged;
    out->excused = p.ledger.excused;
    out->decisions = p.person ? person_decisions(p.person) : 0;
    person_free(p.person);
    out->faults = p.faults ? faults_count(p.faults) : 0;
    faults_free(p.faults);
    load_free(p.load);
    world_free(p.world);
    ledger_done(&p.ledger);
}
