#include "sim/faults.h"

#include "base/alloc.h"
#include "sim/check.h"
#include "sim/person.h"
#include "sim/process.h"
#include "sim/world_impl.h"

#include <signal.h>

/* A machine that was switched off takes a while, and so does another volume: longer than the
 * silence that a probe excuses (docs/decisions.md, "What the promises do not cover"). */
enum {
    OPEN_MAX = 32,
    HOSTS_MAX = 32,
    MACHINE_START_US = 3000 * 1000,
    VOLUME_START_US = 1500 * 1000
};

/* A fault that lasts, until its happening ends it. */
struct open_fault {
    struct faults *f;
    enum fault_kind kind;
    bool used;
    unsigned index;        /* pod or controller */
    char from[48], to[48]; /* addresses of hosts: they may be gone by the end */
    struct host *a, *b;    /* as long as they still have these addresses */
    bool both_ways;
    struct happening over;
};

struct faults {
    struct world *world;
    struct load *load;
    struct faults_config config;
    struct random random;
    struct happening next;
    struct open_fault open[OPEN_MAX];
    unsigned count;
    bool healed;
    int lost; /* the pod whose disk lost something, until the pair was proven again; -1 */
};

const char *fault_name(enum fault_kind kind)
{
    static const char *const names[] = {
#define X(name, text) [FAULT_##name] = (text),
        FAULT_KINDS(X)
#undef X
    };

    return names[kind];
}

static int64_t dice(struct faults *f, int64_t least, int64_t most)
{
    return random_range(&f->random, least, most);
}

/* Short ones are as frequent as long ones. */
static int64_t duration_us(struct faults *f)
{
    int64_t most_us = f->config.longest_us;

    for (int64_t halvings = dice(f, 0, 6); halvings > 0; halvings--)
        most_us /= 2;
    return dice(f, 1000, most_us + 1000);
}

/* ---- the end of a fault ---- */

static void end_partition(const struct open_fault *o)
{
    if (host_find(o->from) != o->a || host_find(o->to) != o->b)
        return;
    world_say(o->f->world, "the path from %s to %s heals", host_name(o->a), host_name(o->b));
    path_block(o->a, o->b, false);
    if (o->both_ways)
        path_block(o->b, o->a, false);
}

static void end_fault(struct open_fault *o)
{
    struct world *w = o->f->world;

    happening_cancel(&o->over);
    o->used = false;
    switch (o->kind) {
    case FAULT_POD_FREEZE:
        world_pod_signal(w, o->index, SIGCONT);
        return;
    case FAULT_NODE_CRASH:
        world_node_return(w, o->index);
        return;
    case FAULT_VOLUME_LOSS:
        kube_cluster_hold(w->cluster, clock_now_us(), o->index, false);
        world_cluster_asked(w);
        return;
    case FAULT_PARTITION:
        end_partition(o);
        return;
    case FAULT_DEGRADE:
        if (host_find(o->from) == o->a && host_find(o->to) == o->b)
            path_degrade(o->a, o->b, 0, 0);
        return;
    case FAULT_LEADER_FREEZE:
        world_controller_freeze(w, o->index, false);
        return;
    case FAULT_API_AWAY:
        world_say(w, "the API server is back");
        api_set_mode(API_SERVES);
        return;
    case FAULT_API_SLOW:
        api_set_slow(0, 0);
        return;
    case FAULT_API_ERRORS:
        api_set_errors(0, 0);
        return;
    case FAULT_API_STALE:
        api_set_stale(false);
        return;
    case FAULT_DRAIN:
        kube_cluster_uncordon(w->cluster, clock_now_us(), o->index);
        world_cluster_asked(w);
        return;
    case FAULT_REQUEST:
        person_asks(w, "resume", NULL);
        return;
    case FAULT_ROLLOUT:
    case FAULT_POD_KILL:
    case FAULT_POD_RESTART:
    case FAULT_POD_DELETE:
    case FAULT_ISOLATE:
    case FAULT_RESET:
    case FAULT_LEADER_KILL:
    case FAULT_LEADER_STOP:
    case FAULT_API_BREAK:
    case FAULT_CLOCK_JUMP:
    case FAULT_KIND_COUNT:
        return;
    }
}

static void on_over(void *arg)
{
    end_fault(arg);
}

static bool is_open(const struct faults *f, enum fault_kind kind, unsigned index)
{
    for (int i = 0; i < OPEN_MAX; i++)
        if (f->open[i].used && f->open[i].kind == kind && f->open[i].index == index)
            return true;
    return false;
}

/* NULL: there are too many, or this one is there already. */
static struct open_fault *begin_fault(struct faults *f, enum fault_kind kind, unsigned index,
                                      int64_t lasts_us)
{
    struct open_fault *o = f->open;

    while (o < f->open + OPEN_MAX && o->used)
        o++;
    if (o == f->open + OPEN_MAX ||
        (kind != FAULT_PARTITION && kind != FAULT_DEGRADE && is_open(f, kind, index)))
        return NULL;
    *o = (struct open_fault){.f = f, .kind = kind, .used = true, .index = index};
    happening_init(&o->over, NULL, on_over, o);
    happening_after(&o->over, lasts_us);
    return o;
}

/* ---- whom it hits ---- */

/* The main more often than the others. */
static unsigned choose_pod(struct faults *f)
{
    const struct record *r = world_record(f->world);

    if (random_chance(&f->random, 40) && r)
        return (unsigned)(random_chance(&f->random, 65) ? r->target : !r->target);
    return (unsigned)dice(f, 0, (int64_t)f->world->config.pods - 1);
}

static unsigned choose_controller(struct faults *f)
{
    int leader = world_leader(f->world);

    if (leader >= 0 && random_chance(&f->random, 60))
        return (unsigned)leader;
    return (unsigned)dice(f, 0, (int64_t)f->world->config.controllers - 1);
}

static unsigned list_hosts(struct faults *f, struct host *out[HOSTS_MAX])
{
    const struct world *w = f->world;
    unsigned n = 0;

    for (unsigned i = 0; i < w->config.pods; i++)
        if (w->pods[i].host)
            out[n++] = w->pods[i].host;
    for (unsigned i = 0; i < w->config.controllers; i++)
        out[n++] = w->controllers[i].host;
    out[n++] = w->api_host;
    for (unsigned i = 0; f->load && load_host(f->load, i); i++)
        if (random_chance(&f->random, 20))
            out[n++] = load_host(f->load, i);
    return n;
}

static void block(struct faults *f, struct host *a, struct host *b, bool both, int64_t lasts_us)
{
    struct open_fault *o;

    if (a == b || !(o = begin_fault(f, FAULT_PARTITION, 0, lasts_us)))
        return;
    o->a = a;
    o->b = b;
    o->both_ways = both;
    (void)str_copy(o->from, sizeof o->from, host_ip(a));
    (void)str_copy(o->to, sizeof o->to, host_ip(b));
    path_block(a, b, true);
    if (both)
        path_block(b, a, true);
}

static void partition(struct faults *f)
{
    struct host *hosts[HOSTS_MAX];
    unsigned n = list_hosts(f, hosts);
    struct host *a = hosts[dice(f, 0, n - 1)], *b = hosts[dice(f, 0, n - 1)];
    bool both = random_chance(&f->random, 50);

    world_say(f->world, "fault: nothing gets from %s to %s%s", host_name(a), host_name(b),
              both ? " and back" : "");
    block(f, a, b, both, duration_us(f));
}

static void isolate(struct faults *f)
{
    struct host *hosts[HOSTS_MAX];
    unsigned n = list_hosts(f, hosts), at = (unsigned)dice(f, 0, n - 1);
    int64_t lasts_us = duration_us(f);

    world_say(f->world, "fault: %s is cut off from all", host_name(hosts[at]));
    for (unsigned i = 0; i < n; i++)
        block(f, hosts[at], hosts[i], true, lasts_us);
}

static void degrade(struct faults *f)
{
    struct host *hosts[HOSTS_MAX];
    unsigned n = list_hosts(f, hosts);
    struct host *a = hosts[dice(f, 0, n - 1)], *b = hosts[dice(f, 0, n - 1)];
    struct open_fault *o = begin_fault(f, FAULT_DEGRADE, 0, duration_us(f));

    if (!o)
        return;
    o->a = a;
    o->b = b;
    (void)str_copy(o->from, sizeof o->from, host_ip(a));
    (void)str_copy(o->to, sizeof o->to, host_ip(b));
    path_degrade(a, b, dice(f, 0, 300 * 1000), (unsigned)dice(f, 0, 30));
    world_say(f->world, "fault: the path from %s to %s is slow and lossy", host_name(a),
              host_name(b));
}

static void reset_pair(struct faults *f)
{
    struct host *hosts[HOSTS_MAX];
    unsigned n = list_hosts(f, hosts);
    struct host *a = hosts[dice(f, 0, n - 1)], *b = hosts[dice(f, 0, n - 1)];

    world_say(f->world, "fault: connections between %s and %s are reset", host_name(a),
              host_name(b));
    if (a != b)
        net_reset_between(a, b);
}

/* What a disk loses is gone for good, so it must not be the only one that has it: nobody could keep
 * that promise. */
static bool may_lose(struct faults *f, unsigned pod)
{
    if (check_proven(f->world))
        f->lost = -1;
    if (pod > 1)
        return true;
    if (f->lost >= 0 || !check_proven(f->world))
        return false;
    f->lost = (int)pod;
    return true;
}

/* ---- injecting ---- */

static void delete_pod(struct faults *f, const char *name)
{
    int64_t grace_s = random_chance(&f->random, 30) ? 0 : -1;

    world_say(f->world, "fault: %s is deleted%s", name, grace_s ? "" : " by force");
    json_decref(kube_cluster_delete(f->world->cluster, name, grace_s).body);
    world_cluster_asked(f->world);
}

static void restart_pod(struct faults *f, unsigned pod, const char *name)
{
    world_say(f->world, "fault: %s is restarted in place", name);
    (void)kube_cluster_restart(f->world->cluster, clock_now_us(), pod);
    world_cluster_asked(f->world);
}

static void lose_volume(struct faults *f, unsigned pod, const char *name)
{
    if (is_open(f, FAULT_VOLUME_LOSS, pod) || !may_lose(f, pod) ||
        !begin_fault(f, FAULT_VOLUME_LOSS, pod, VOLUME_START_US))
        return;
    kube_cluster_hold(f->world->cluster, clock_now_us(), pod, true);
    world_say(f->world, "fault: %s loses its volume and dies", name);
    kube_cluster_volume_lose(f->world->cluster, pod);
    world_pod_signal(f->world, pod, SIGKILL);
}

static void hit_pod(struct faults *f, enum fault_kind kind)
{
    struct world *w = f->world;
    unsigned pod = choose_pod(f);
    char name[32];

    (void)str_format(name, sizeof name, WORLD_STATEFULSET "-%u", pod);
    if (kind == FAULT_POD_KILL)
        world_pod_signal(w, pod, SIGKILL);
    else if (kind == FAULT_POD_RESTART)
        restart_pod(f, pod, name);
    else if (kind == FAULT_POD_DELETE)
        delete_pod(f, name);
    else if (kind == FAULT_VOLUME_LOSS)
        lose_volume(f, pod, name);
    else if (kind == FAULT_POD_FREEZE && w->pods[pod].process &&
             begin_fault(f, kind, pod, duration_us(f)))
        world_pod_signal(w, pod, SIGSTOP);
    else if (kind == FAULT_NODE_CRASH && !is_open(f, kind, pod) && may_lose(f, pod) &&
             begin_fault(f, kind, pod, MACHINE_START_US + duration_us(f)))
        world_node_crash(w, pod);
}

static void hit_controller(struct faults *f, enum fault_kind kind)
{
    struct world *w = f->world;
    unsigned i = choose_controller(f);
    struct loop *process = w->controllers[i].process;

    if (!process)
        return;
    if (kind == FAULT_LEADER_KILL && random_chance(&f->random, 70)) {
        world_say(w, "fault: %s is to die at an output", w->controllers[i].name);
        process_kill_at_output(process, (uint64_t)dice(f, 1, 40));
    } else if (kind == FAULT_LEADER_KILL) {
        world_controller_kill(w, i);
    } else if (kind == FAULT_LEADER_STOP) {
        world_controller_stop(w, i);
    } else if (kind == FAULT_CLOCK_JUMP) {
        process_shift_wall(process, dice(f, -3600LL * 1000 * 1000, 3600LL * 1000 * 1000));
    } else if (begin_fault(f, kind, i, 2 * duration_us(f))) {
        world_controller_freeze(w, i, true);
    }
}

static void hit_api(struct faults *f, enum fault_kind kind)
{
    struct world *w = f->world;

    if (kind == FAULT_API_BREAK) {
        world_say(w, "fault: watch streams break");
        if (random_chance(&f->random, 50))
            api_compact();
        api_break_streams();
        return;
    }
    if (!begin_fault(f, kind, 0, duration_us(f)))
        return;
    world_say(w, "fault: %s", fault_name(kind));
    if (kind == FAULT_API_AWAY)
        api_set_mode(random_chance(&f->random, 50) ? API_REFUSES : API_SILENT);
    else if (kind == FAULT_API_SLOW)
        api_set_slow(dice(f, 0, 3000 * 1000), dice(f, 0, 3000 * 1000));
    else if (kind == FAULT_API_ERRORS)
        api_set_errors((unsigned)dice(f, 0, 50), (unsigned)dice(f, 0, 50));
    else
        api_set_stale(true);
}

static void roll_out(struct faults *f)
{
    bool undo = random_chance(&f->random, 30);

    world_say(f->world, "fault: a rollout is %s", undo ? "undone" : "begun");
    json_decref(undo ? kube_cluster_rollout_undo(f->world->cluster).body
                     : kube_cluster_rollout_restart(f->world->cluster).body);
    world_cluster_asked(f->world);
}

static void drain(struct faults *f)
{
    unsigned node = choose_pod(f);

    if (!begin_fault(f, FAULT_DRAIN, node, duration_us(f)))
        return;
    world_say(f->world, "fault: the node of " WORLD_STATEFULSET "-%u is drained", node);
    kube_cluster_drain(f->world->cluster, clock_now_us(), node);
    world_cluster_asked(f->world);
}

#define DISK_LOSSES (UINT64_C(1) << FAULT_NODE_CRASH | UINT64_C(1) << FAULT_VOLUME_LOSS)

/* What may be asked at any time without a promise being given up. */
static void request(struct faults *f)
{
    static const char *const what[] = {"switchover", "switchover", "switchover",        "refresh",
                                       "degrade",    "pause",      "rebuild/memgraph-2"};
    const char *ask = what[dice(f, 0, (int64_t)ARRAY_LEN(what) - 1)];

    if (strcmp(ask, "pause") == 0 && !begin_fault(f, FAULT_REQUEST, 0, duration_us(f)))
        return;
    /* Who lets the main serve alone gives up what only the SYNC replica may have. */
    if (strcmp(ask, "degrade") == 0 && f->config.kinds & DISK_LOSSES)
        return;
    if (strncmp(ask, "rebuild", 7) != 0 || f->world->config.pods > 2)
        person_asks(f->world, ask, NULL);
}

static void inject(struct faults *f, enum fault_kind kind)
{
    f->count++;
    switch (kind) {
    case FAULT_POD_KILL:
    case FAULT_POD_FREEZE:
    case FAULT_POD_RESTART:
    case FAULT_POD_DELETE:
    case FAULT_NODE_CRASH:
    case FAULT_VOLUME_LOSS:
        hit_pod(f, kind);
        return;
    case FAULT_PARTITION:
        partition(f);
        return;
    case FAULT_ISOLATE:
        isolate(f);
        return;
    case FAULT_DEGRADE:
        degrade(f);
        return;
    case FAULT_RESET:
        reset_pair(f);
        return;
    case FAULT_LEADER_KILL:
    case FAULT_LEADER_FREEZE:
    case FAULT_LEADER_STOP:
    case FAULT_CLOCK_JUMP:
        hit_controller(f, kind);
        return;
    case FAULT_API_AWAY:
    case FAULT_API_SLOW:
    case FAULT_API_ERRORS:
    case FAULT_API_STALE:
    case FAULT_API_BREAK:
        hit_api(f, kind);
        return;
    case FAULT_ROLLOUT:
        roll_out(f);
        return;
    case FAULT_DRAIN:
        drain(f);
        return;
    case FAULT_REQUEST:
        request(f);
        return;
    case FAULT_KIND_COUNT:
        return;
    }
}

static void on_next(void *arg)
{
    struct faults *f = arg;
    unsigned burst = random_chance(&f->random, 20) ? 3 : 1;

    while (burst--) {
        enum fault_kind kind = (enum fault_kind)dice(f, 0, FAULT_KIND_COUNT - 1);

        while (!(f->config.kinds >> kind & 1))
            kind = (enum fault_kind)((kind + 1) % FAULT_KIND_COUNT);
        inject(f, kind);
    }
    happening_after(&f->next, dice(f, 1000, 2 * f->config.every_us));
}

struct faults *faults_new(struct world *w, struct load *l, const struct faults_config *config)
{
    struct faults *f = xcalloc(1, sizeof *f);

    f->world = w;
    f->load = l;
    f->config = *config;
    f->lost = -1;
    f->random = random_stream(config->seed, 5);
    happening_init(&f->next, NULL, on_next, f);
    if (config->kinds)
        happening_after(&f->next, dice(f, 1000, config->every_us));
    return f;
}

static void end_all(struct faults *f, bool machines_too)
{
    for (int i = 0; i < OPEN_MAX; i++)
        if (f->open[i].used && (machines_too || f->open[i].kind != FAULT_NODE_CRASH))
            end_fault(&f->open[i]);
}

/* A machine that is off comes back in its own time, also now. */
void faults_heal(struct faults *f)
{
    happening_cancel(&f->next);
    end_all(f, false);
    for (unsigned i = 0; i < f->world->config.controllers; i++)
        if (f->world->controllers[i].process)
            process_kill_at_output(f->world->controllers[i].process, 0);
    net_heal();
}

void faults_free(struct faults *f)
{
    if (!f)
        return;
    faults_heal(f);
    end_all(f, true);
    free(f);
}

unsigned faults_count(const struct faults *f)
{
    return f->count;
}
