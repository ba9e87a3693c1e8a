#include "app/flights.h"

#include "app/felt.h"
#include "app/routes.h"
#include "base/alloc.h"
#include "proto/kube.h"

struct flights {
    struct controller *c;
    bool shut;      /* the gate does not forward: `now` is under way */
    int64_t before; /* the record's epoch as it was shut; -1: it was not known */
    struct flight now;
    unsigned n; /* ever */
    struct flight last[FLIGHTS_MAX];
};

struct flights *flights_new(struct controller *c)
{
    struct flights *f = xcalloc(1, sizeof *f);

    f->c = c;
    return f;
}

void flights_free(struct flights *f)
{
    free(f);
}

static struct flight *newest(struct flights *f)
{
    return f->n ? &f->last[(f->n - 1) % FLIGHTS_MAX] : NULL;
}

static void count_parked(struct flights *f)
{
    struct gateway *g = routes_write_gateway(f->c->routes);
    struct gateway_counters n;

    if (!g)
        return;
    gateway_read_counters(g, &n);
    if (n.parked > f->now.parked)
        f->now.parked = n.parked;
}

/* The leader of the transition counts from when it saw the loss, or decided; others do not know. */
static void set_zero(const struct flights *f, struct flight *flight)
{
    const struct epoch_work *w = &f->c->view.work;
    int64_t zero_us = w->detected_at ? w->detected_at : w->decided_at;

    flight->led = w->epoch == flight->epoch && zero_us;
    flight->zero_us = flight->led ? zero_us : flight->shut_us;
}

/* One is being begun; or was, and a follower hears of it when it is over. */
static bool is_another_epoch(const struct flights *f)
{
    const struct view *v = &f->c->view;

    return v->record_exists &&
           (v->record.transition != EPOCH_NONE || (f->before >= 0 && v->record.epoch != f->before));
}

void flights_follow(struct flights *f)
{
    const struct view *v = &f->c->view;
    bool shut = f->c->plan.gate.state != GATE_OPEN;

    if (shut && !f->shut) {
        f->now = (struct flight){.shut_us = v->now_us};
        f->before = v->record_exists ? v->record.epoch : -1;
    }
    if ((shut || f->shut) && is_another_epoch(f))
        f->now.epoch = v->record.epoch;
    if (f->shut)
        count_parked(f);
    if (!shut && f->shut && f->now.epoch) {
        set_zero(f, &f->now);
        f->now.open_us = v->now_us;
        f->last[f->n++ % FLIGHTS_MAX] = f->now;
        felt_ended(f->c->felt);
    }
    f->shut = shut;
}

void flights_cut(struct flights *f, uint64_t sessions)
{
    struct flight *flight = f->shut ? &f->now : newest(f);

    if (flight)
        flight->cut += sessions;
}

/* Of all that were not answered yet: the next transition may follow at once. A hold lets answers
 * pass for a moment, so that the gate may be shut by now. */
void flights_answer(struct flights *f)
{
    for (unsigned i = f->n; i > 0 && f->n - i < FLIGHTS_MAX; i--) {
        struct flight *flight = &f->last[(i - 1) % FLIGHTS_MAX];

        if (flight->answer_us)
            return;
        flight->answer_us = loop_now_us(f->c->loop);
    }
}

const struct flight *flights_of(const struct flights *f, int64_t epoch)
{
    for (unsigned i = 0; i < FLIGHTS_MAX && i < f->n; i++)
        if (f->last[i].epoch == epoch)
            return &f->last[i];
    return NULL;
}

/* ---- the document ---- */

/* The phases count from there: the detection, or the decision. */
static void add_times(json_t *entry)
{
    int64_t at_ms = json_integer_value(json_object_get(entry, "at"));
    int64_t open_ms = json_integer_value(json_object_get(json_object_get(entry, "ms"), "open"));
    char text[40];

    kube_format_time(at_ms * 1000, text, sizeof text);
    (void)json_object_set_new(entry, "at", json_string(text));
    kube_format_time((at_ms - open_ms) * 1000, text, sizeof text);
    (void)json_object_set_new(entry, "since", json_string(text));
}

static json_t *entry_json(const struct controller *c, const json_t *felt, const char *text)
{
    json_t *entry = json_loads(text, 0, NULL);
    int64_t epoch = json_integer_value(json_object_get(entry, "epoch"));

    if (!entry)
        return json_object();
    add_times(entry);
    (void)json_object_set_new(entry, "clients", felt_of(c, felt, epoch));
    return entry;
}

json_t *flights_json(const struct controller *c)
{
    json_t *list = json_array(), *felt = felt_written(c);
    const struct record *r = &c->view.record;

    for (unsigned i = c->view.record_exists ? r->history_n : 0; i > 0; i--)
        (void)json_array_append_new(list, entry_json(c, felt, r->history[i - 1]));
    json_decref(felt);
    return json_pack("{s:s, s:o}", "seenBy", c->config.pod, "transitions", list);
}
