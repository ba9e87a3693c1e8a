#include "app/transitions.h"

#include "app/metric.h"
#include "base/alloc.h"
#include "core/eligibility.h"

#include <jansson.h>

static const char *const kinds[] = {"initial", "failover", "switchover", "refresh"};
enum { KIND_FAILOVER = 1, KINDS_N = ARRAY_LEN(kinds) };

/* always: none is without it; the others are 0 where they were not needed. */
static const struct phase {
    const char *name;
    bool always;
} phases[] = {
    {"decide", true},   {"record", true}, {"fence", false},
    {"promote", false}, {"touch", true},  {"open", true},
};
enum { PHASES_N = ARRAY_LEN(phases) };

/* What became of the old main. */
enum loss { LOSS_FORCED, LOSS_POD, LOSS_PROCESS, LOSS_SILENT, LOSS_ROLE };
static const char *const losses[] = {
    [LOSS_FORCED] = "forced",          [LOSS_POD] = "pod gone",
    [LOSS_PROCESS] = "process gone",   [LOSS_SILENT] = "does not answer",
    [LOSS_ROLE] = "not main any more",
};
enum { LOSSES_N = ARRAY_LEN(losses), REASONS_MAX = CONDITIONS_MAX + 1 };

struct transitions {
    struct controller *c;
    char seen[HISTORY_SIZE]; /* the newest entry that was looked at */
    bool led;                /* at the last step */
    int64_t epoch;           /* of the change of main that was begun last; 0: none was seen */
    enum loss loss;          /* why */
    uint64_t by_kind[KINDS_N];
    struct metric_histogram took[KINDS_N][PHASES_N];
    /* failovers, by whose turn it was */
    uint64_t done[2][LOSSES_N], refused[2][REASONS_MAX];
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

/* As the link tells it when the failover is begun. */
static enum loss loss_of(const struct view *v, int pod)
{
    const struct pod *p = &v->pods[pod];

    if (v->record.promoted == PROMOTED_FORCED)
        return LOSS_FORCED;
    if (!p->exists)
        return LOSS_POD;
    if (pod_up(p))
        return LOSS_ROLE;
    return p->link_fail == FAIL_REFUSED ? LOSS_PROCESS : LOSS_SILENT;
}

/* A main that goes on as it is, as an operator forces it, is no failover: `from` names nobody. A
 * switchover may become one, and then it is the last look at the old main that tells. */
static void note_begin(struct transitions *t)
{
    const struct record *r = &t->c->view.record;
    bool seen = r->transition == EPOCH_FAILOVER && r->epoch == t->epoch;

    if ((r->transition != EPOCH_FAILOVER && r->transition != EPOCH_SWITCHOVER) || seen ||
        r->from < 0)
        return;
    t->epoch = r->epoch;
    t->loss = loss_of(&t->c->view, r->from);
}

static int kind_of(const json_t *entry)
{
    const char *kind = json_string_value(json_object_get(entry, "kind"));

    for (int k = 0; kind && k < KINDS_N; k++)
        if (strcmp(kind, kinds[k]) == 0)
            return k;
    return -1;
}

static void count(struct transitions *t, const json_t *entry)
{
    const json_t *ms = json_object_get(entry, "ms");
    int k = kind_of(entry);

    if (k < 0)
        return;
    t->by_kind[k]++;
    for (size_t i = 0; i < PHASES_N; i++) {
        int64_t at_ms = json_integer_value(json_object_get(ms, phases[i].name));

        if (at_ms > 0 || phases[i].always)
            metric_observe(&t->took[k][i], at_ms * 1000);
    }
    if (k == KIND_FAILOVER && json_integer_value(json_object_get(entry, "epoch")) == t->epoch)
        t->done[t->c->view.record.target][t->loss]++;
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
    unsigned n = eligibility_conditions(v, conditions), reason = 0;

    while (reason < n && conditions[reason].holds)
        reason++;
    t->refused[view_s(v)][reason]++;
}

/* ---- the metrics ---- */

static void write_failover(const struct transitions *t, struct buf *out, int to, const char *reason,
                           const char *result, uint64_t n)
{
    const char *name = t->c->view.settings.name;

    buf_printf(out,
               "memgraph_controller_failovers_total{from=\"%s-%d\",to=\"%s-%d\",reason=\"%s\","
               "result=\"%s\"} %llu\n",
               name, 1 - to, name, to, reason, result, (unsigned long long)n);
}

/* All that there may be, from the start: an increase from nothing is none for Prometheus. */
static void write_failovers(const struct transitions *t, struct buf *out)
{
    const char *reason;
    unsigned i;

    metric_head(out, "memgraph_controller_failovers_total", "counter",
                "Failovers that this controller did or refused; reason: what became of the old "
                "main, or the first condition that did not hold.");
    for (int to = 0; to < 2; to++) {
        for (i = 0; i < LOSSES_N; i++)
            write_failover(t, out, to, losses[i], "done", t->done[to][i]);
        i = 0;
        do {
            reason = eligibility_condition_name(i);
            write_failover(t, out, to, reason ? reason : "decided otherwise", "refused",
                           t->refused[to][i++]);
        } while (reason);
    }
}

/* From the record, so that every replica knows them, also one that has just started. */
static void write_last(const struct transitions *t, struct buf *out)
{
    const struct record *r = &t->c->view.record;
    double at[KINDS_N] = {0};

    for (unsigned i = 0; t->c->view.record_exists && i < r->history_n; i++) {
        json_t *entry = json_loads(r->history[i], 0, NULL);
        int k = kind_of(entry);

        if (k >= 0)
            at[k] = (double)json_integer_value(json_object_get(entry, "at")) / 1000;
        json_decref(entry);
    }
    metric_head(out, "memgraph_controller_last_transition_timestamp_seconds", "gauge",
                "When the last transition of a kind ended, as in the record; 0: none there.");
    for (size_t k = 0; k < KINDS_N; k++)
        buf_printf(out, "memgraph_controller_last_transition_timestamp_seconds{kind=\"%s\"} %.3f\n",
                   kinds[k], at[k]);
}

static void write_phases(const struct transitions *t, struct buf *out)
{
    char labels[80];

    metric_head(out, "memgraph_controller_transition_phase_seconds", "histogram",
                "When each phase of a transition was done, since the loss or the decision.");
    for (size_t k = 0; k < KINDS_N; k++) {
        for (size_t i = 0; i < PHASES_N; i++) {
            (void)str_format(labels, sizeof labels, "kind=\"%s\",phase=\"%s\"", kinds[k],
                             phases[i].name);
            metric_histogram_write(out, "memgraph_controller_transition_phase_seconds", labels,
                                   &t->took[k][i]);
        }
    }
}

void transitions_write(const struct transitions *t, struct buf *out)
{
    metric_head(out, "memgraph_controller_transitions_total", "counter",
                "Transitions that this controller completed, by kind.");
    for (size_t k = 0; k < KINDS_N; k++)
        buf_printf(out, "memgraph_controller_transitions_total{kind=\"%s\"} %llu\n", kinds[k],
                   (unsigned long long)t->by_kind[k]);
    write_failovers(t, out);
    write_last(t, out);
    write_phases(t, out);
}
