#include "app/transitions.h"

#include "app/metric.h"
#include "base/alloc.h"
#include "core/eligibility.h"

#include <jansson.h>

enum { FAILOVERS_MAX = 48, REASON_LABEL = 64 };

static const char *const kinds[] = {"initial", "failover", "switchover", "refresh"};
static const char *const phases[] = {"decide", "record", "fence", "promote", "touch", "open"};

struct failover_count {
    int from, to;
    char reason[REASON_LABEL];
    bool refused;
    uint64_t n;
};

struct transitions {
    struct controller *c;
    char seen[HISTORY_SIZE];   /* the newest entry that was looked at */
    bool led;                  /* at the last step */
    int64_t epoch;             /* of the failover that is under way; 0: none */
    char reason[REASON_LABEL]; /* why it was begun, in a word or two */
    int from;
    uint64_t refused;
    uint64_t by_kind[ARRAY_LEN(kinds)];
    struct metric_histogram took[ARRAY_LEN(kinds)][ARRAY_LEN(phases)];
    unsigned failovers_n;
    struct failover_count failovers[FAILOVERS_MAX];
};

struct transitions *transitions_new(struct controller *c)
{
    struct transitions *t = xcalloc(1, sizeof *t);

    t->c = c;
    return t;
}

void transitions_free(struct transitions *t)
{
    free(t);
}

static void count_failover(struct transitions *t, int from, int to, const char *reason,
                           bool refused)
{
    struct failover_count *f;

    for (unsigned i = 0; i < t->failovers_n; i++) {
        f = &t->failovers[i];
        if (f->from == from && f->to == to && f->refused == refused &&
            strcmp(f->reason, reason) == 0) {
            f->n++;
            return;
        }
    }
    if (t->failovers_n == FAILOVERS_MAX)
        return;
    f = &t->failovers[t->failovers_n++];
    *f = (struct failover_count){.from = from, .to = to, .refused = refused, .n = 1};
    (void)str_copy(f->reason, sizeof f->reason, reason);
}

/* What became of the old main, as the link told it when the failover was begun. */
static const char *loss_of(const struct view *v, int pod)
{
    const struct pod *p = &v->pods[pod];

    if (v->record.promoted == PROMOTED_FORCED)
        return "forced";
    if (!p->exists)
        return "pod gone";
    if (pod_up(p))
        return "not main any more";
    return p->link_fail == FAIL_REFUSED ? "process gone" : fail_kind_name(p->link_fail);
}

static void note_begin(struct transitions *t)
{
    const struct record *r = &t->c->view.record;

    if (r->transition != EPOCH_FAILOVER || r->epoch == t->epoch || r->from < 0)
        return;
    t->epoch = r->epoch;
    t->from = r->from;
    (void)str_copy(t->reason, sizeof t->reason, loss_of(&t->c->view, r->from));
}

static void count(struct transitions *t, json_t *entry)
{
    const char *kind = json_string_value(json_object_get(entry, "kind"));
    json_t *ms = json_object_get(entry, "ms");

    for (size_t k = 0; kind && k < ARRAY_LEN(kinds); k++) {
        if (strcmp(kind, kinds[k]) != 0)
            continue;
        t->by_kind[k]++;
        for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
            int64_t at_ms = json_integer_value(json_object_get(ms, phases[i]));

            if (at_ms > 0)
                metric_observe(&t->took[k][i], at_ms * 1000);
        }
        if (strcmp(kind, "failover") == 0 && t->epoch)
            count_failover(t, t->from, t->c->view.record.target, t->reason, false);
    }
}

void transitions_follow(struct transitions *t)
{
    const struct view *v = &t->c->view;
    const struct record *r = &v->record;
    bool leads = view_leading(v) && v->record_exists;
    const char *newest = leads && r->history_n ? r->history[r->history_n - 1] : "";

    if (leads)
        note_begin(t);
    if (leads && strcmp(newest, t->seen) != 0) {
        json_t *entry = t->led && newest[0] ? json_loads(newest, 0, NULL) : NULL;

        if (entry)
            count(t, entry);
        json_decref(entry);
        (void)str_copy(t->seen, sizeof t->seen, newest);
    }
    t->led = leads;
}

void transitions_refused(struct transitions *t)
{
    struct condition conditions[CONDITIONS_MAX];
    const struct view *v = &t->c->view;
    unsigned n = eligibility_conditions(v, conditions);
    const char *reason = "decided otherwise";

    for (unsigned i = n; i > 0; i--)
        if (!conditions[i - 1].holds)
            reason = conditions[i - 1].name;
    t->refused++;
    count_failover(t, v->record.target, view_s(v), reason, true);
}

/* ---- the metrics ---- */

static void write_failovers(const struct transitions *t, struct buf *out)
{
    const char *name = t->c->view.settings.name;

    metric_head(out, "memgraph_controller_failovers_total", "counter",
                "Failovers that this controller decided or refused; reason: what became of the "
                "old main, or the first condition that did not hold.");
    for (unsigned i = 0; i < t->failovers_n; i++) {
        const struct failover_count *f = &t->failovers[i];

        buf_printf(out,
                   "memgraph_controller_failovers_total{from=\"%s-%d\",to=\"%s-%d\",reason=\"%s\","
                   "result=\"%s\"} %llu\n",
                   name, f->from, name, f->to, f->reason, f->refused ? "refused" : "done",
                   (unsigned long long)f->n);
    }
    metric_one(out, "memgraph_controller_failovers_refused_total", "counter",
               "Failovers that were refused, each reason once in five minutes.",
               (double)t->refused);
}

void transitions_write(const struct transitions *t, struct buf *out)
{
    char labels[80];

    metric_head(out, "memgraph_controller_transitions_total", "counter",
                "Transitions that this controller completed, by kind.");
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        buf_printf(out, "memgraph_controller_transitions_total{kind=\"%s\"} %llu\n", kinds[k],
                   (unsigned long long)t->by_kind[k]);
    write_failovers(t, out);
    metric_head(out, "memgraph_controller_transition_phase_seconds", "histogram",
                "When each phase of a transition was done, since the loss or the decision.");
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
            if (!t->took[k][i].count)
                continue;
            (void)str_format(labels, sizeof labels, "kind=\"%s\",phase=\"%s\"", kinds[k],
                             phases[i]);
            metric_histogram_write(out, "memgraph_controller_transition_phase_seconds", labels,
                                   &t->took[k][i]);
        }
    }
}
