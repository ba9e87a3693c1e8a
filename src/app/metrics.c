#include "app/metrics.h"

#include "app/link.h"
#include "app/metric.h"
#include "app/pods.h"
#include "app/process.h"
#include "app/pulse.h"
#include "app/routes.h"
#include "app/transitions.h"
#include "core/explain.h"

static unsigned count_rebuilds(const struct view *v)
{
    unsigned n = 0;

    for (int i = 0; v->record_exists && i < PODS_MAX; i++)
        n += record_is_rebuilt(&v->record, i);
    return n;
}

static void add_cluster(const struct controller *c, struct buf *out)
{
    const struct view *v = &c->view;
    unsigned healthy = 0, known = 0;
    int64_t fresh_us = pods_fresh_us(c->pods);

    for (int i = 0; i < PODS_MAX; i++) {
        known += v->pods[i].exists;
        healthy += v->pods[i].exists && v->pods[i].ready && pod_up(&v->pods[i]);
    }
    metric_one(out, "memgraph_cluster_pods", "gauge", "Pods of the StatefulSet.", known);
    metric_one(out, "memgraph_cluster_pods_healthy", "gauge",
               "Pods that are Ready and answer probes.", healthy);
    metric_one(out, "memgraph_controller_is_leader", "gauge",
               "1 on the controller replica that leads.", view_leading(v));
    metric_one(out, "memgraph_controller_epoch", "gauge", "Epochs begun, as in the record.",
               v->record_exists ? (double)v->record.epoch : 0);
    metric_one(out, "memgraph_controller_sync_ready", "gauge",
               "1 while the SYNC replica is known to hold every acknowledged write.",
               v->record_exists && v->record.sync == SYNC_READY);
    metric_one(out, "memgraph_controller_gate_open", "gauge", "1 while the write gateway forwards.",
               c->plan.gate.state == GATE_OPEN);
    metric_one(out, "memgraph_controller_degraded", "gauge",
               "1 while the main serves alone by decision: a failover would be refused.",
               v->record_exists && record_alone_by_decision(&v->record, v->wall_us));
    metric_one(out, "memgraph_controller_paused", "gauge", "1 while decisions are paused.",
               v->record_exists && record_paused(&v->record, v->wall_us, NULL));
    metric_one(out, "memgraph_controller_request_open", "gauge",
               "1 while a request waits to be served.",
               v->record_exists && v->record.request[0] != '\0');
    metric_one(out, "memgraph_controller_rebuilds_open", "gauge",
               "Replicas that are being filled anew.", count_rebuilds(v));
    metric_one(out, "memgraph_controller_reconciliations_total", "counter",
               "Times that the rules were evaluated.", (double)c->steps);
    metric_one(out, "memgraph_controller_kubernetes_age_seconds", "gauge",
               "Time since the API server was last heard, or since the start when it never was.",
               (double)(loop_now_us(c->loop) - (fresh_us > 0 ? fresh_us : c->started_us)) / 1e6);
    metric_one(out, "memgraph_controller_uptime_seconds", "gauge",
               "Time since this process started.",
               (double)(loop_now_us(c->loop) - c->started_us) / 1e6);
    metric_head(out, "memgraph_controller_info", "gauge", "Who this controller is.");
    buf_printf(out, "memgraph_controller_info{version=\"%s\",identity=\"%s\"} 1\n",
               CONTROLLER_VERSION, c->config.pod);
    metric_head(out, "memgraph_controller_loop_lateness_seconds", "histogram",
                "How late the control loop runs its timers.");
    metric_histogram_write(out, "memgraph_controller_loop_lateness_seconds", "",
                           pulse_lateness(c->pulse));
}

/* Would a write be acknowledged now? */
static void add_writes(const struct controller *c, struct buf *out)
{
    struct explanation e = {0};

    explain_writes(&c->view, &e);
    metric_one(out, "memgraph_controller_writes_possible", "gauge",
               "1 while a write through the gateway would be acknowledged.", e.possible);
}

/* Would somebody take over if the main died now, and what does it hang on? */
static void add_failover(const struct controller *c, struct buf *out)
{
    struct explanation e = {0};

    explain_failover(&c->view, &e);
    metric_one(out, "memgraph_controller_failover_possible", "gauge",
               "1 while the SYNC replica would take over if the main died now.", e.possible);
    metric_one(out, "memgraph_controller_failover_refused", "gauge",
               "1 on the leader while the main is lost and nobody may take over.",
               c->plan.failover_refused);
    metric_head(out, "memgraph_controller_failover_condition", "gauge",
                "1 for each condition of a failover that holds now.");
    for (unsigned i = 0; i < e.conditions_n; i++)
        buf_printf(out, "memgraph_controller_failover_condition{condition=\"%s\"} %d\n",
                   e.conditions[i].name, e.conditions[i].holds);
}

static void add_pods(const struct controller *c, struct buf *out)
{
    const struct view *v = &c->view;

    metric_head(out, "memgraph_pod_up", "gauge", "1 while the pod answers probes.");
    for (int i = 0; i < PODS_MAX; i++)
        if (v->pods[i].exists)
            buf_printf(out, "memgraph_pod_up{pod=\"%s-%d\"} %d\n", v->settings.name, i,
                       pod_up(&v->pods[i]));
    metric_head(out, "memgraph_pod_main", "gauge", "1 while the pod reports role main.");
    for (int i = 0; i < PODS_MAX; i++)
        if (v->pods[i].exists)
            buf_printf(out, "memgraph_pod_main{pod=\"%s-%d\"} %d\n", v->settings.name, i,
                       pod_role(&v->pods[i]) == ROLE_MAIN);
    metric_head(out, "memgraph_pod_probe_seconds", "gauge",
                "How long the last probe took, while it is up.");
    for (int i = 0; i < PODS_MAX; i++)
        if (v->pods[i].exists && pod_up(&v->pods[i]))
            buf_printf(out, "memgraph_pod_probe_seconds{pod=\"%s-%d\"} %.6f\n", v->settings.name, i,
                       (double)v->pods[i].probe_us / 1e6);
    metric_head(
        out, "memgraph_replica_behind", "gauge",
        "Logical timestamps that a replica is behind the main (negative as Memgraph tells it).");
    for (int i = 0; i < PODS_MAX; i++) {
        const struct row *row = view_row(v, i);

        if (row && row->has_data)
            buf_printf(out, "memgraph_replica_behind{pod=\"%s-%d\",mode=\"%s\"} %lld\n",
                       v->settings.name, i, mode_name(row->mode), (long long)row->behind);
    }
    metric_head(out, "memgraph_replica_ready", "gauge",
                "1 while the main shows the replica as ready.");
    for (int i = 0; i < PODS_MAX; i++) {
        const struct row *row = view_row(v, i);

        if (row)
            buf_printf(out, "memgraph_replica_ready{pod=\"%s-%d\",mode=\"%s\"} %d\n",
                       v->settings.name, i, mode_name(row->mode), row->has_data && row_serves(row));
    }
    metric_head(out, "memgraph_replica_status", "gauge", "1 for the status that the main shows.");
    for (int i = 0; i < PODS_MAX; i++) {
        const struct row *row = view_row(v, i);

        if (row)
            buf_printf(out, "memgraph_replica_status{pod=\"%s-%d\",mode=\"%s\",status=\"%s\"} 1\n",
                       v->settings.name, i, mode_name(row->mode),
                       row->has_data ? row_status_name(row->status) : "dead");
    }
}

/* ---- what the pods store ---- */

static const int64_t storage_fresh_us = 30LL * 1000 * 1000;
static const int64_t storage_old_us = 120LL * 1000 * 1000; /* not shown any more */

/* The answer waits behind commits, and a command behind the answer. So S, which may have to be
 * promoted at any moment, is not asked, and nobody while something is being decided. */
void metrics_ask(struct controller *c)
{
    struct view *v = controller_view(c);

    if (!v->record_exists || v->record.transition != EPOCH_NONE || v->record.request[0] ||
        c->plan.gate.state != GATE_OPEN)
        return;
    for (int i = 0; i < PODS_MAX; i++) {
        const struct pod *p = &v->pods[i];

        if (c->links[i] && pod_up(p) && i != view_s(v) && p->command == EFFECT_NONE &&
            !p->terminating && (!p->storage_at || v->now_us - p->storage_at > storage_fresh_us))
            link_ask_storage(c->links[i]);
    }
}

static void add_storage(const struct controller *c, struct buf *out)
{
    static const char *const names[] = {"memgraph_pod_vertices", "memgraph_pod_edges",
                                        "memgraph_pod_memory_bytes"};
    static const char *const helps[] = {"Vertices that the pod stores.",
                                        "Edges that the pod stores.",
                                        "Memory that Memgraph accounts for."};
    const struct view *v = &c->view;

    for (size_t k = 0; k < ARRAY_LEN(names); k++) {
        metric_head(out, names[k], "gauge", helps[k]);
        for (int i = 0; i < PODS_MAX; i++) {
            const struct pod *p = &v->pods[i];
            int64_t values[] = {p->vertices, p->edges,
                                c->links[i] ? link_memory_bytes(c->links[i]) : 0};

            if (p->exists && p->storage_at && v->now_us - p->storage_at < storage_old_us)
                buf_printf(out, "%s{pod=\"%s-%d\"} %lld\n", names[k], v->settings.name, i,
                           (long long)values[k]);
        }
    }
}

static void add_commands(const struct controller *c, struct buf *out)
{
    metric_head(out, "memgraph_controller_effects_total", "counter", "Effects decided, by kind.");
    for (size_t i = EFFECT_ASK_ROLE; i < ARRAY_LEN(c->effects_by_kind); i++)
        buf_printf(out, "memgraph_controller_effects_total{effect=\"%s\"} %llu\n",
                   effect_kind_name((enum effect_kind)i),
                   (unsigned long long)c->effects_by_kind[i]);
    metric_head(out, "memgraph_controller_command_outcomes_total", "counter",
                "Commands to Memgraph, by how they ended.");
    for (size_t i = 0; i < ARRAY_LEN(c->outcomes); i++)
        buf_printf(out, "memgraph_controller_command_outcomes_total{outcome=\"%s\"} %llu\n",
                   outcome_name((enum outcome)i), (unsigned long long)c->outcomes[i]);
}

/* Two gateways at most; NULL where one is not enabled. */
struct gateways {
    struct gateway *gateway[2];
    struct gateway_counters n[2];
};

static const char *const gateway_names[] = {"write", "read"};

static void each(struct buf *out, const struct gateways *g, const char *name, const char *type,
                 const char *help, size_t offset)
{
    metric_head(out, name, type, help);
    for (int i = 0; i < 2; i++) {
        uint64_t value;

        if (!g->gateway[i])
            continue;
        memcpy(&value, (const char *)&g->n[i] + offset, sizeof value);
        buf_printf(out, "%s{gateway=\"%s\"} %llu\n", name, gateway_names[i],
                   (unsigned long long)value);
    }
}

static void reasons(struct buf *out, const struct gateways *g)
{
    metric_head(out, "memgraph_gateway_connections_rejected_total", "counter",
                "Clients that were refused, by reason.");
    for (int i = 0; i < 2; i++)
        for (int r = 0; g->gateway[i] && r < GATEWAY_REFUSAL_COUNT; r++)
            buf_printf(out,
                       "memgraph_gateway_connections_rejected_total{gateway=\"%s\",reason=\"%s\"} "
                       "%llu\n",
                       gateway_names[i], gateway_refusal_name((enum gateway_refusal)r),
                       (unsigned long long)g->n[i].refused[r]);
    metric_head(out, "memgraph_gateway_sessions_cut_total", "counter", "Sessions cut, by reason.");
    for (int i = 0; i < 2; i++)
        for (int r = 0; g->gateway[i] && r < GATEWAY_CUT_COUNT; r++)
            buf_printf(out,
                       "memgraph_gateway_sessions_cut_total{gateway=\"%s\",reason=\"%s\"} %llu\n",
                       gateway_names[i], gateway_cut_name((enum gateway_cut)r),
                       (unsigned long long)g->n[i].cut[r]);
}

static void histogram(struct buf *out, const struct gateways *g, const char *name, const char *help,
                      size_t offset)
{
    metric_head(out, name, "histogram", help);
    for (int i = 0; i < 2; i++) {
        struct gateway_histogram h;
        uint64_t sum = 0;

        if (!g->gateway[i])
            continue;
        memcpy(&h, (const char *)&g->n[i] + offset, sizeof h);
        for (int b = 0; b + 1 < GATEWAY_BUCKETS; b++) {
            sum += h.bucket[b];
            buf_printf(out, "%s_bucket{gateway=\"%s\",le=\"%g\"} %llu\n", name, gateway_names[i],
                       gateway_bucket_seconds[b], (unsigned long long)sum);
        }
        buf_printf(out, "%s_bucket{gateway=\"%s\",le=\"+Inf\"} %llu\n", name, gateway_names[i],
                   (unsigned long long)h.count);
        buf_printf(out, "%s_sum{gateway=\"%s\"} %.9g\n", name, gateway_names[i], h.sum_seconds);
        buf_printf(out, "%s_count{gateway=\"%s\"} %llu\n", name, gateway_names[i],
                   (unsigned long long)h.count);
    }
}

#define OF(member) offsetof(struct gateway_counters, member)

static void add_gateways(const struct controller *c, struct buf *out)
{
    struct gateways g = {
        .gateway = {routes_write_gateway(c->routes), routes_read_gateway(c->routes)}};

    for (int i = 0; i < 2; i++)
        if (g.gateway[i])
            gateway_read_counters(g.gateway[i], &g.n[i]);
    each(out, &g, "memgraph_gateway_connections_active", "gauge",
         "Sessions connected to their pod.", OF(sessions_active));
    each(out, &g, "memgraph_gateway_connections_parked", "gauge", "Clients that wait for a main.",
         OF(parked));
    metric_head(out, "memgraph_gateway_connections_max", "gauge",
                "Clients that are taken, waiting ones included (GATEWAY_MAX_CONNECTIONS).");
    for (int i = 0; i < 2; i++)
        if (g.gateway[i])
            buf_printf(out, "memgraph_gateway_connections_max{gateway=\"%s\"} %lld\n",
                       gateway_names[i], (long long)c->config.max_connections);
    each(out, &g, "memgraph_gateway_connections_total", "counter", "Clients accepted.",
         OF(accepted_total));
    each(out, &g, "memgraph_gateway_sessions_total", "counter", "Sessions connected to a pod.",
         OF(sessions_total));
    each(out, &g, "memgraph_gateway_bytes_received_total", "counter", "Bytes from clients to pods.",
         OF(bytes_up));
    each(out, &g, "memgraph_gateway_bytes_sent_total", "counter", "Bytes from pods to clients.",
         OF(bytes_down));
    each(out, &g, "memgraph_gateway_backend_errors_total", "counter",
         "Connections to pods that failed.", OF(upstream_errors));
    reasons(out, &g);
    histogram(out, &g, "memgraph_gateway_parked_seconds", "How long clients waited for a main.",
              OF(parked_time));
    histogram(out, &g, "memgraph_gateway_connect_seconds", "How long connections to the pod took.",
              OF(connect_time));
}

void metrics_write(const struct controller *c, struct buf *out)
{
    add_cluster(c, out);
    add_writes(c, out);
    add_failover(c, out);
    transitions_write(c->transitions, out);
    add_pods(c, out);
    add_storage(c, out);
    add_commands(c, out);
    add_gateways(c, out);
    process_write(out, c->started_wall_us);
}
