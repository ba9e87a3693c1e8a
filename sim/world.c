#include "sim/world.h"

#include "base/alloc.h"
#include "sim/http.h"
#include "sim/world_impl.h"

#include <stdarg.h>

void world_config_init(struct world_config *config, uint64_t seed)
{
    enum { MS = 1000 };

    *config = (struct world_config){.seed = seed,
                                    .pods = 3,
                                    .controllers = 1,
                                    .latency_us = 100,
                                    .load_us = 200 * MS,
                                    .controller_restart_us = 500 * MS,
                                    .init = true,
                                    .prestop = true};
    kube_cluster_config_init(&config->cluster);
    config->cluster.parallel = true;
    config->cluster.start_us = 300 * MS;
    config->cluster.restart_us = 300 * MS;
    config->cluster.backoff_us = 0;
    config->cluster.probe_unready_us = 200 * MS;
    config->cluster.probe_ready_us = 1000 * MS;
    config->cluster.probe_failures = 2;
    config->cluster.grace_s = 10;
    config->cluster.node_monitor_us = 4000 * MS;
    config->cluster.node_eviction_us = 4000 * MS;
    mg_config_init(&config->model);
    world_set(config, "NAMESPACE", WORLD_NAMESPACE);
    world_set(config, "STATEFULSET_NAME", WORLD_STATEFULSET);
    world_set(config, "KUBE_API_URL", "http://10.0.2.1:6443");
    world_set(config, "ENABLE_READ_GATEWAY", "true");
}

void world_set(struct world_config *config, const char *name, const char *value)
{
    unsigned i = 0;

    while (i < config->settings_n && strcmp(config->settings[i].name, name) != 0)
        i++;
    if (i == config->settings_n)
        config->settings_n++;
    config->settings[i] = (struct world_setting){name, value};
}

/* ---- the trace ---- */

void world_say(const struct world *w, const char *fmt, ...)
{
    va_list args;

    if (!w->config.trace)
        return;
    printf("%12.6f  ", (double)clock_now_us() / 1e6);
    va_start(args, fmt);
    (void)vprintf(fmt, args);
    va_end(args);
    printf("\n");
}

static void on_log_line(void *arg, struct str line)
{
    struct world *w = arg;
    const struct loop *p = process_current();

    world_say(w, "%s: %.*s", p ? process_name(p) : "world", STR_ARGS(line));
}

/* ---- the cluster's model ---- */

static int64_t wall_us(void *arg)
{
    (void)arg;
    return process_wall_us();
}

void world_cluster_asked(struct world *w)
{
    int64_t at_us = kube_cluster_deadline(w->cluster);

    if (at_us == INT64_MAX)
        happening_cancel(&w->cluster_due);
    else if (!happening_planned(&w->cluster_due) || w->cluster_due.at_us != at_us)
        happening_at(&w->cluster_due, at_us);
}

static void on_cluster_due(void *arg)
{
    struct world *w = arg;

    kube_cluster_tick(w->cluster, clock_now_us());
    world_cluster_asked(w);
}

static void on_store_change(void *arg)
{
    struct world *w = arg;

    api_changed();
    if (!w->cluster)
        return;
    kube_cluster_wake(w->cluster, clock_now_us());
    world_cluster_asked(w);
}

/* ---- start and end ---- */

struct world *world_new(const struct world_config *config)
{
    struct world *w = xcalloc(1, sizeof *w);
    struct net_config network = {
        .seed = config->seed, .latency_us = config->latency_us, .silent_gone = config->silent_gone};
    struct kube_store_config store = {
        .wall_us = wall_us, .on_change = on_store_change, .arg = w, .seed = config->seed};
    struct kube_cluster_host host;

    w->config = *config;
    w->random = random_stream(config->seed, 3);
    clock_reset();
    net_reset(&network);
    log_setup(config->trace ? LOG_DEBUG : LOG_NONE, LOG_LOGFMT);
    log_redirect(on_log_line, w);
    w->api_host = host_new("api", "10.0.2.1");
    w->store = kube_store_new(&store);
    api_reset(config->seed, w->api_host, w->store);
    happening_init(&w->cluster_due, NULL, on_cluster_due, w);
    world_pods_init(w);
    host = world_pods_host(w);
    w->config.cluster.store = w->store;
    w->config.cluster.ns = WORLD_NAMESPACE;
    w->config.cluster.statefulset = WORLD_STATEFULSET;
    w->config.cluster.app = "memgraph";
    w->config.cluster.network = "10.0.0.";
    w->config.cluster.replicas = config->pods;
    w->cluster = kube_cluster_new(&w->config.cluster, &host, clock_now_us());
    world_cluster_asked(w);
    world_controllers_init(w);
    return w;
}

void world_free(struct world *w)
{
    if (!w)
        return;
    w->ending = true;
    world_controllers_done(w);
    world_pods_done(w);
    http_reset();
    kube_cluster_free(w->cluster);
    w->cluster = NULL;
    happening_cancel(&w->cluster_due);
    api_reset(0, NULL, NULL);
    kube_store_free(w->store);
    net_done();
    log_redirect(NULL, NULL);
    free(w);
}

/* ---- running ---- */

bool world_run(struct world *w, int64_t for_us)
{
    int64_t until_us = clock_now_us() + for_us;

    while (clock_step(until_us))
        if (w->watch && w->watch(w->watch_arg))
            return false;
    return true;
}

bool world_until(struct world *w, world_condition_fn *condition, int64_t limit_us)
{
    int64_t until_us = clock_now_us() + limit_us;

    while (!condition(w)) {
        if (!clock_step(until_us))
            return condition(w);
        if (w->watch && w->watch(w->watch_arg))
            return false;
    }
    return true;
}

static bool read_record(const struct world *w, struct record *out)
{
    enum { FIELDS_MAX = 64 };
    struct kube_key key = {KUBE_CONFIGMAPS, WORLD_NAMESPACE, WORLD_STATEFULSET "-state"};
    json_t *data = json_object_get(kube_store_find(w->store, &key), "data"), *value;
    struct record_field fields[FIELDS_MAX];
    const char *name;
    size_t n = 0;

    json_object_foreach (data, name, value)
        if (n < FIELDS_MAX && json_is_string(value))
            fields[n++] = (struct record_field){name, json_string_value(value)};
    return data && record_decode(out, fields, n).kind == FAIL_NONE;
}

const struct record *world_record(struct world *w)
{
    uint64_t version = kube_store_last(w->store, KUBE_CONFIGMAPS);

    if (version != w->record_version) {
        w->record_version = version;
        w->record_good = read_record(w, &w->record);
    }
    return w->record_good ? &w->record : NULL;
}

bool world_is_serving(struct world *w)
{
    const struct record *r = world_record(w);

    return r && r->sync == SYNC_READY && r->transition == EPOCH_NONE && !r->fenced;
}
