#include "app/metrics.h"

#include "app/pods.h"
#include "app/routes.h"

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void one(struct buf *out, const char *name, const char *type, const char *help, double value)
{
    head(out, name, type, help);
    buf_printf(out, "%s %.17g\n", name, value);
}

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
    double fresh_us = (double)pods_fresh_us(c->pods);

    for (int i = 0; i < PODS_MAX; i++) {
        known += v->pods[i].exists;
        healthy += v->pods[i].exists && v->pods[i].ready && pod_up(&v->pods[i]);
    }
    one(out, "memgraph_cluster_pods_total", "gauge", "Pods of the StatefulSet.", known);
    one(out, "memgraph_cluster_pods_healthy", "gauge", "Pods that are Ready and answer probes.",
        healthy);
    one(out, "memgraph_controller_is_leader", "gauge", "1 on the controller replica that leads.",
        view_leading(v));
    one(out, "memgraph_controller_epoch", "gauge", "Epochs begun, as in the record.",
        v->record_exists ? (double)v->record.epoch : 0);
    one(out, "memgraph_controller_sync_ready", "gauge",
        "1 while the SYNC replica is known to hold every acknowledged write.",
        v->record_exists && v->record.sync == SYNC_READY);
    one(out, "memgraph_controller_gate_open", "gauge", "1 while the write gateway forwards.",
        c->plan.gate.state == GATE_OPEN);
    one(out, "memgraph_controller_degraded", "gauge",
        "1 while the main serves alone by decision: a failover would be refused.",
        v->record_exists && record_alone_by_decision(&v->record, v->wall_us));
    one(out, "memgraph_controller_paused", "gauge", "1 while decisions are paused.",
        v->record_exists && record_paused(&v->record, v->wall_us, NULL));
    one(out, "memgraph_controller_request_open", "gauge", "1 while a request waits to be served.",
        v->record_exists && v->record.request[0] != '\0');
    one(out, "memgraph_controller_rebuilds_open", "gauge", "Replicas that are being filled anew.",
        count_rebuilds(v));
    one(out, "memgraph_controller_reconciliations_total", "counter",
        "Times that the rules were evaluated.", (double)c->steps);
    one(out, "memgraph_controller_failovers_total", "counter", "Failovers that were completed.",
        (double)c->failovers);
    one(out, "memgraph_controller_switchovers_total", "counter", "Switchovers that were completed.",
        (double)c->switchovers);
    one(out, "memgraph_controller_failovers_refused_total", "counter",
        "Failovers that were refused, each reason once in five minutes.", (double)c->refusals);
    one(out, "memgraph_controller_kubernetes_age_seconds", "gauge",
        "Time since the API server was last heard; -1: never.",
        fresh_us > 0 ? ((double)loop_now_us(c->loop) - fresh_us) / 1e6 : -1);
    one(out, "memgraph_controller_uptime_seconds", "gauge", "Time since this process started.",
        (double)(loop_now_us(c->loop) - c->started_us) / 1e6);
}

static void add_pods(const struct controller *c, struct buf *out)
{
    const struct view *v = &c->view;

    head(out, "memgraph_pod_up", "gauge", "1 while the pod answers probes.");
    for (int i = 0; i < PODS_MAX; i++)
        if (v->pods[i].exists)
            buf_printf(out, "memgraph_pod_up{pod=\"%s-%d\"} %d\n", v->settings.name, i,
                       pod_up(&v->pods[i]));
    head(out, "memgraph_pod_main", "gauge", "1 while the pod reports role main.");
    for (int i = 0; i < PODS_MAX; i++)
        if (v->pods[i].exists)
            buf_printf(out, "memgraph_pod_main{pod=\"%s-%d\"} %d\n", v->settings.name, i,
                       pod_role(&v->pods[i]) == ROLE_MAIN);
    head(out, "memgraph_pod_probe_seconds", "gauge", "How long the last probe took.");
    for (int i = 0; i < PODS_MAX; i++)
        if (v->pods[i].exists)
            buf_printf(out, "memgraph_pod_probe_seconds{pod=\"%s-%d\"} %.6f\n", v->settings.name, i,
                       (double)v->pods[i].probe_us / 1e6);
    head(out, "memgraph_replica_behind", "gauge",
         "Logical timestamps that a replica is behind the main (negative as Memgraph tells it).");
    for (int i = 0; i < PODS_MAX; i++) {
        const struct row *row = view_row(v, i);

        if (row && row->has_data)
            buf_printf(out, "memgraph_replica_behind{pod=\"%s-%d\",mode=\"%s\"} %lld\n",
                       v->settings.name, i, mode_name(row->mode), (long long)row->behind);
    }
    head(out, "memgraph_replica_ready", "gauge", "1 while the main shows the replica as ready.");
    for (int i = 0; i < PODS_MAX; i++) {
        const struct row *row = view_row(v, i);

        if (row)
            buf_printf(out, "memgraph_replica_ready{pod=\"%s-%d\",mode=\"%s\"} %d\n",
                       v->settings.name, i, mode_name(row->mode), row->has_data && row_serves(row));
    }
}

static void add_commands(const struct controller *c, struct buf *out)
{
    head(out, "memgraph_controller_effects_total", "counter", "Effects decided, by kind.");
    for (size_t i = EFFECT_ASK_ROLE; i < ARRAY_LEN(c->effects_by_kind); i++)
        buf_printf(out, "memgraph_controller_effects_total{effect=\"%s\"} %llu\n",
                   effect_kind_name((enum effect_kind)i),
                   (unsigned long long)c->effects_by_kind[i]);
    head(out, "memgraph_controller_command_outcomes_total", "counter",
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
    head(out, name, type, help);
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
    head(out, "memgraph_gateway_connections_rejected_total", "counter",
         "Clients that were refused, by reason.");
    for (int i = 0; i < 2; i++)
        for (int r = 0; g->gateway[i] && r < GATEWAY_REFUSAL_COUNT; r++)
            buf_printf(out,
                       "memgraph_gateway_connections_rejected_total{gateway=\"%s\",reason=\"%s\"} "
                       "%llu\n",
                       gateway_names[i], gateway_refusal_name((enum gateway_refusal)r),
                       (unsigned long long)g->n[i].refused[r]);
    head(out, "memgraph_gateway_sessions_cut_total", "counter", "Sessions cut, by reason.");
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
    head(out, name, "histogram", help);
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
    add_pods(c, out);
    add_commands(c, out);
    add_gateways(c, out);
}
