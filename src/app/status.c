#include "app/status.h"

#include "app/answers.h"
#include "app/election.h"
#include "app/pods.h"
#include "app/routes.h"
#include "core/request.h"

static const char *wall_text(int64_t wall_us, char out[40])
{
    kube_format_time(wall_us, out, 40);
    return out;
}

/* Milliseconds since a monotonic time; null when it never was. */
static json_t *age_ms(const struct controller *c, int64_t at_us)
{
    return at_us ? json_integer((loop_now_us(c->loop) - at_us) / 1000) : json_null();
}

static json_t *pod_name(const struct controller *c, int pod)
{
    char name[NAME_SIZE + 8];

    return pod < 0 ? json_null() : json_string(view_pod_name(&c->view, pod, name));
}

static const char *link_name(const struct pod *p)
{
    switch (p->link) {
    case LINK_UP:
        return "up";
    case LINK_DOWN:
        return "down";
    case LINK_UNTRIED:
        break;
    }
    return "connecting";
}

static json_t *row_json(const struct row *row)
{
    json_t *out = json_pack("{s:o, s:o, s:s}", "name", answer_text(row->name), "address",
                            answer_text(row->address), "mode", mode_name(row->mode));

    if (row->has_data) {
        (void)json_object_set_new(out, "status", json_string(row_status_name(row->status)));
        (void)json_object_set_new(out, "ts", json_integer(row->ts));
        (void)json_object_set_new(out, "behind", json_integer(row->behind));
    } else {
        (void)json_object_set_new(out, "status", json_string("dead"));
    }
    return out;
}

static const char *topology_role(const struct view *v, int pod)
{
    const struct row *row;

    if (!v->record_exists)
        return "unknown";
    if (pod == v->record.target)
        return "main";
    if (pod == view_s(v))
        return "sync";
    row = view_row(v, pod);
    return row && row->mode != MODE_ASYNC ? mode_name(row->mode) : "async";
}

static json_t *pod_json(const struct controller *c, int pod)
{
    const struct pod *p = &c->view.pods[pod];
    const struct row *row = view_row(&c->view, pod);
    json_t *out = json_pack(
        "{s:o, s:s, s:{s:b, s:b, s:b, s:s, s:s, s:o}, s:{s:s, s:o, s:o, s:o},"
        " s:{s:s, s:o, s:o, s:o, s:o}}",
        "name", pod_name(c, pod), "topology", topology_role(&c->view, pod), "kubernetes", "exists",
        p->exists, "ready", p->ready, "terminating", p->terminating, "uid", p->uid, "ip", p->ip,
        "ageMs", age_ms(c, p->kube_at), "link", "state", link_name(p), "sinceMs",
        age_ms(c, p->link_at), "error", answer_text(p->link_text), "probeUs",
        json_integer(p->probe_us), "memgraph", "role", role_name(pod_role(p)), "roleAgeMs",
        age_ms(c, p->role_at), "run", answer_text(p->run), "version", answer_text(p->version),
        "unconfirmed", answer_text(p->claim_run));
    json_t *memgraph = json_object_get(out, "memgraph");

    if (p->storage_at) {
        (void)json_object_set_new(memgraph, "vertices", json_integer(p->vertices));
        (void)json_object_set_new(memgraph, "edges", json_integer(p->edges));
        (void)json_object_set_new(memgraph, "storageAgeMs", age_ms(c, p->storage_at));
    }
    (void)json_object_set_new(memgraph, "database", answer_text(p->database));
    (void)json_object_set_new(out, "command", json_string(effect_kind_name(p->command)));
    (void)json_object_set_new(out, "registration", row ? row_json(row) : json_null());
    return out;
}

static void add_string(void *arg, const char *key, const char *value)
{
    json_t *parsed = strcmp(key, "history") == 0 ? json_loads(value, 0, NULL) : NULL;

    (void)json_object_set_new((json_t *)arg, key, parsed ? parsed : answer_text(value));
}

static json_t *record_json(const struct controller *c)
{
    json_t *out;

    if (!c->view.record_exists)
        return json_null();
    out = json_object();
    record_encode(&c->view.record, c->config.statefulset, add_string, out);
    return out;
}

static json_t *counts_json(const uint64_t *counts, unsigned n, bool refusals)
{
    json_t *out = json_object();

    for (unsigned i = 0; i < n; i++)
        (void)json_object_set_new(out,
                                  refusals ? gateway_refusal_name((enum gateway_refusal)i)
                                           : gateway_cut_name((enum gateway_cut)i),
                                  json_integer((json_int_t)counts[i]));
    return out;
}

static json_t *gateway_json(const struct gateway *g)
{
    struct gateway_counters n;

    if (!g)
        return json_null();
    gateway_read_counters(g, &n);
    return json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "port",
                     (int)gateway_port(g), "active", (json_int_t)n.sessions_active, "parked",
                     (json_int_t)n.parked, "accepted", (json_int_t)n.accepted_total, "sessions",
                     (json_int_t)n.sessions_total, "bytesUp", (json_int_t)n.bytes_up, "bytesDown",
                     (json_int_t)n.bytes_down, "upstreamErrors", (json_int_t)n.upstream_errors,
                     "refused", counts_json(n.refused, GATEWAY_REFUSAL_COUNT, true), "cut",
                     counts_json(n.cut, GATEWAY_CUT_COUNT, false));
}

static json_t *decisions_json(const struct controller *c)
{
    json_t *out = json_array();
    unsigned n = c->decisions_n < DECISIONS_MAX ? c->decisions_n : DECISIONS_MAX;

    for (unsigned i = 0; i < n; i++) { /* newest first */
        const struct decision *d = &c->decisions[(c->decisions_n - 1 - i) % DECISIONS_MAX];
        char at[40];

        (void)json_array_append_new(
            out, json_pack("{s:s, s:s, s:s, s:o, s:o}", "at", wall_text(d->wall_us, at), "rule",
                           rule_name(d->rule), "effect", effect_kind_name(d->kind), "pod",
                           pod_name(c, d->pod), "why", answer_text(d->why)));
    }
    return out;
}

static json_t *readers_json(const struct controller *c)
{
    json_t *out = json_array();

    for (unsigned i = 0; i < c->plan.read.n; i++)
        (void)json_array_append_new(out, pod_name(c, c->plan.read.pods[i]));
    return out;
}

json_t *status_leadership_json(const struct controller *c)
{
    return json_pack("{s:o, s:b, s:s, s:I}", "identity", answer_text(c->config.pod), "leader",
                     view_leading(&c->view), "holder", election_holder(c->election), "certainForMs",
                     (json_int_t)(view_leading(&c->view)
                                      ? (c->view.leader_until_us - loop_now_us(c->loop)) / 1000
                                      : 0));
}

/* What matters first: phase, state, who is main, in one sentence. */
static json_t *summary_json(const struct controller *c)
{
    const struct view *v = &c->view;
    bool has = v->record_exists;
    char sync[RUN_SIZE + 40] = "", at[40];

    if (has)
        (void)record_sync_text(&v->record, sync, sizeof sync);
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:I}", "time",
                     wall_text(loop_wall_us(c->loop), at), "phase",
                     has ? "OPERATIONAL" : "BOOTSTRAP", "state", c->plan.state, "reason",
                     answer_text(c->plan.reason), "main",
                     has ? pod_name(c, v->record.target) : json_null(), "syncReplica",
                     has ? pod_name(c, view_s(v)) : json_null(), "sync", answer_text(sync),
                     "transition", has ? epoch_kind_name(v->record.transition) : "", "epoch",
                     (json_int_t)(has ? v->record.epoch : 0));
}

static json_t *paused_json(const struct view *v)
{
    int64_t until_us;
    char until[40], words[NOTE_SIZE];

    if (!v->record_exists || !record_paused(&v->record, v->wall_us, &until_us))
        return json_null();
    return json_pack("{s:o, s:o, s:o}", "text", answer_text(v->record.paused), "words",
                     answer_text(record_pause_words(&v->record, words)), "until",
                     until_us == INT64_MAX ? json_null() : json_string(wall_text(until_us, until)));
}

static json_t *request_json(const struct controller *c)
{
    const struct view *v = &c->view;
    struct request r = request_open(v);
    char at[40];

    if (!v->record_exists || !v->record.request[0])
        return json_null();
    return json_pack("{s:o, s:s, s:o, s:s}", "text", answer_text(v->record.request), "kind",
                     request_kind_name(r.kind), "pod", pod_name(c, r.pod), "at",
                     wall_text(r.at_wall_us, at));
}

static json_t *rebuild_json(const struct controller *c)
{
    json_t *out = json_array();

    for (int i = 0; c->view.record_exists && i < PODS_MAX; i++)
        if (record_is_rebuilt(&c->view.record, i))
            (void)json_array_append_new(out,
                                        json_pack("{s:o, s:s, s:o}", "pod", pod_name(c, i), "uid",
                                                  c->view.record.rebuild[i].uid, "reason",
                                                  answer_text(c->view.record.rebuild[i].reason)));
    return out;
}

/* What was decided for a while, by plan or by a person. */
static void add_decided(const struct controller *c, json_t *out)
{
    const struct view *v = &c->view;
    const struct record *r = &v->record;
    bool planned = v->record_exists && r->sync == SYNC_NONE && r->sync_why == SYNC_WHY_PLANNED &&
                   r->sync_until_wall_us;
    char until[40];

    (void)json_object_set_new(
        out, "degraded", json_boolean(v->record_exists && record_alone_by_decision(r, v->wall_us)));
    (void)json_object_set_new(out, "plannedUntil",
                              planned ? json_string(wall_text(r->sync_until_wall_us, until))
                                      : json_null());
    (void)json_object_set_new(out, "paused", paused_json(v));
    (void)json_object_set_new(out, "request", request_json(c));
    (void)json_object_set_new(out, "rebuild", rebuild_json(c));
}

json_t *status_json(const struct controller *c)
{
    json_t *out = summary_json(c);
    json_t *pods = json_array();

    for (int i = 0; i < PODS_MAX; i++)
        if (c->view.pods[i].exists || c->view.pods[i].kube_at)
            (void)json_array_append_new(pods, pod_json(c, i));
    add_decided(c, out);
    (void)json_object_set_new(out, "leadership", status_leadership_json(c));
    (void)json_object_set_new(
        out, "gate",
        json_pack("{s:s, s:o, s:o}", "state", gate_state_name(c->plan.gate.state), "pod",
                  pod_name(c, c->plan.gate.pod), "why", answer_text(c->plan.gate.why)));
    (void)json_object_set_new(out, "readers", readers_json(c));
    (void)json_object_set_new(out, "pods", pods);
    (void)json_object_set_new(out, "record", record_json(c));
    (void)json_object_set_new(out, "gateways",
                              json_pack("{s:o, s:o}", "write",
                                        gateway_json(routes_write_gateway(c->routes)), "read",
                                        gateway_json(routes_read_gateway(c->routes))));
    (void)json_object_set_new(out, "decisions", decisions_json(c));
    (void)json_object_set_new(out, "kubernetesAgeMs", age_ms(c, pods_fresh_us(c->pods)));
    return out;
}
