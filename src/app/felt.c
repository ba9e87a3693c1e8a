#include "app/felt.h"

#include "app/flights.h"
#include "app/note.h"
#include "app/state.h"
#include "base/alloc.h"

static const char key[] = "clients";
static const int64_t busy_us = 1000 * 1000;
static const int64_t again_us = 30 * 1000 * 1000;

struct felt {
    struct controller *c;
    struct timer *due;
    struct note *note; /* NULL: none is under way */
};

/* ---- one replica's part ---- */

static json_int_t ms_between(int64_t from_us, int64_t to_us)
{
    return (json_int_t)((to_us - from_us) / 1000);
}

static json_t *part_json(const struct flight *flight)
{
    json_t *part = json_pack("{s:b, s:I, s:I, s:I, s:I, s:I}", "led", flight->led, "cut",
                             (json_int_t)flight->cut, "parked", (json_int_t)flight->parked,
                             "shutMs", ms_between(flight->shut_us, flight->open_us), "shut",
                             ms_between(flight->zero_us, flight->shut_us), "route",
                             ms_between(flight->zero_us, flight->open_us));

    if (flight->answer_us && flight->answer_us - flight->open_us <= FLIGHT_SETTLED_US)
        (void)json_object_set_new(part, "answer",
                                  json_integer(ms_between(flight->zero_us, flight->answer_us)));
    return part;
}

static const char *epoch_text(int64_t epoch, char out[24])
{
    (void)str_format(out, 24, "%lld", (long long)epoch);
    return out;
}

/* ---- written down ---- */

static json_t *parse(const char *text)
{
    json_t *object = json_loads(text ? text : "", 0, NULL);

    if (json_is_object(object))
        return object;
    json_decref(object);
    return json_object();
}

/* Of one epoch, by replica, with ours as we remember it. New reference. */
static json_t *parts_of(const struct controller *c, const json_t *written, int64_t epoch)
{
    const struct flight *ours = flights_of(c->flights, epoch);
    char text[24];
    json_t *parts = json_object_get(written, epoch_text(epoch, text));

    parts = json_is_object(parts) ? json_copy(parts) : json_object();
    if (ours)
        (void)json_object_set_new(parts, c->config.pod, part_json(ours));
    return parts;
}

/* The parts of the epochs in the history, with ours as we remember them. */
static json_t *merged(const struct felt *f, json_t *data, const json_t *before)
{
    json_t *history = json_loads(json_string_value(json_object_get(data, "history")), 0, NULL);
    json_t *after = json_object(), *entry;
    char text[24];
    size_t i;

    json_array_foreach (history, i, entry) {
        int64_t epoch = json_integer_value(json_object_get(entry, "epoch"));
        json_t *parts = parts_of(f->c, before, epoch);

        if (json_object_size(parts))
            (void)json_object_set(after, epoch_text(epoch, text), parts);
        json_decref(parts);
    }
    json_decref(history);
    return after;
}

static bool edit(void *arg, json_t *data)
{
    json_t *before = parse(json_string_value(json_object_get(data, key)));
    json_t *after = merged(arg, data, before);
    bool changed = !json_equal(before, after);

    if (changed) {
        char *text = json_dumps(after, JSON_COMPACT | JSON_SORT_KEYS);

        (void)json_object_set_new(data, key, json_string(text));
        free(text);
    }
    json_decref(before);
    json_decref(after);
    return changed;
}

static void on_done(void *arg, const struct fail *why, const struct record *record)
{
    struct felt *f = arg;

    (void)record;
    f->note = NULL;
    if (why->kind != FAIL_NONE && why->kind != FAIL_GONE)
        timer_start(f->due, again_us);
}

static void on_due(void *arg)
{
    struct felt *f = arg;
    const struct view *v = &f->c->view;

    /* A decision that finds another version than it has read is made again: not in the middle of
     * one. */
    if (f->note || !v->record_known || v->writing || v->record.transition != EPOCH_NONE ||
        v->record.request[0])
        timer_start(f->due, busy_us);
    else
        f->note = note_edit(f->c, edit, on_done, f);
}

void felt_ended(struct felt *f)
{
    if (f)
        timer_start(f->due, FLIGHT_SETTLED_US);
}

struct felt *felt_new(struct controller *c)
{
    struct felt *f = xcalloc(1, sizeof *f);

    f->c = c;
    f->due = timer_new(c->loop, on_due, f);
    return f;
}

void felt_free(struct felt *f)
{
    if (!f)
        return;
    note_cancel(f->note);
    timer_free(f->due);
    free(f);
}

/* ---- read ---- */

json_t *felt_written(const struct controller *c)
{
    return parse(state_text(c->state, key));
}

static json_int_t number(const json_t *part, const char *name)
{
    return json_integer_value(json_object_get(part, name));
}

/* Counts of all replicas together; times of the one that led, if it is among them. */
static json_t *summed(json_t *parts)
{
    json_int_t cut = 0, parked = 0, shut_ms = 0;
    json_t *replicas = json_array(), *times = NULL, *part, *answer;
    const char *identity;

    json_object_foreach (parts, identity, part) {
        cut += number(part, "cut");
        parked += number(part, "parked");
        if (number(part, "shutMs") > shut_ms)
            shut_ms = number(part, "shutMs");
        if (!times || json_is_true(json_object_get(part, "led")))
            times = part;
        (void)json_array_append_new(replicas, json_string(identity));
    }
    answer = json_object_get(times, "answer");
    return json_pack("{s:o, s:I, s:I, s:I, s:{s:I, s:I, s:o}}", "replicas", replicas, "sessionsCut",
                     cut, "parkedMost", parked, "shutMs", shut_ms, "ms", "shut",
                     number(times, "shut"), "route", number(times, "route"), "firstAnswer",
                     json_is_integer(answer) ? json_incref(answer) : json_null());
}

json_t *felt_of(const struct controller *c, const json_t *written, int64_t epoch)
{
    json_t *parts = parts_of(c, written, epoch);
    json_t *all = json_object_size(parts) ? summed(parts) : json_null();

    json_decref(parts);
    return all;
}
