#include "core/record.h"

#include <assert.h>

static struct fail wrong(const char *key, struct str value, const char *wanted)
{
    return fail_make(FAIL_PROTOCOL, "%s is '%.*s': wanted %s", key,
                     (int)(value.n < 60 ? value.n : 60), value.p, wanted);
}

bool record_parse_pod(struct str text, int *out)
{
    size_t at = text.n;
    int64_t ordinal;

    while (at && text.p[at - 1] >= '0' && text.p[at - 1] <= '9')
        at--;
    if (!str_to_int64((struct str){text.p + at, text.n - at}, &ordinal) || ordinal >= PODS_MAX)
        return false;
    *out = (int)ordinal;
    return true;
}

static struct fail decode_sync(struct record *out, struct str value)
{
    struct str rest = value, state = str_cut(&rest, ':'), why;
    bool fits = true;

    if (str_eq(state, "ready") || str_eq(state, "unproven")) {
        out->sync = str_eq(state, "ready") ? SYNC_READY : SYNC_UNPROVEN;
        if (rest.n && str_copy_n(out->sync_run, sizeof out->sync_run, rest))
            return (struct fail){0};
        return wrong("sync", value, "ready:<run id>, unproven:<run id> or none:<why>");
    }
    why = str_cut(&rest, ':');
    out->sync = SYNC_NONE;
    if (!str_eq(state, "none") || !sync_why_parse(why, &out->sync_why))
        return wrong("sync", value, "ready:<run id>, unproven:<run id> or none:<why>");
    if (out->sync_why == SYNC_WHY_REFUSED || out->sync_why == SYNC_WHY_DEGRADED)
        fits = str_copy_n(out->sync_run, sizeof out->sync_run, rest);
    if (out->sync_why == SYNC_WHY_PLANNED && rest.n)
        fits = str_to_int64(rest, &out->sync_until_wall_us);
    return fits ? (struct fail){0} : wrong("sync", value, "none:planned:<end>, none:refused:<run>");
}

static struct fail decode_promoted(struct record *out, struct str value)
{
    struct str rest = value, how = str_cut(&rest, ':');

    if (!promoted_parse(how, &out->promoted) ||
        !str_copy_n(out->promoted_run, sizeof out->promoted_run, rest))
        return wrong("promoted", value, "initial, adopted, switchover, failover or forced, :<run>");
    return (struct fail){0};
}

static struct fail decode_from(struct record *out, struct str value)
{
    struct str rest = value, pod = str_cut(&rest, ':');

    if (value.n == 0)
        return (struct fail){0};
    if (!record_parse_pod(pod, &out->from) ||
        !str_copy_n(out->from_run, sizeof out->from_run, rest))
        return wrong("from", value, "<pod>:<run id>");
    return (struct fail){0};
}

static struct fail decode_fenced(struct record *out, struct str value)
{
    struct str rest = value;

    while (rest.n) {
        int pod;

        if (!record_parse_pod(str_trim(str_cut(&rest, ',')), &pod))
            return wrong("fenced", value, "pods, separated by commas");
        out->fenced |= 1U << pod;
    }
    return (struct fail){0};
}

/* It becomes the name of a folder. */
static bool is_uid(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              c == '-' || (c == '.' && i)))
            return false;
    }
    return text.n > 0;
}

/* <pod>:<uid>:<reason>, separated by commas. */
static struct fail decode_rebuild(struct record *out, struct str value)
{
    struct str rest = value;

    while (rest.n) {
        struct str entry = str_trim(str_cut(&rest, ','));
        struct str pod = str_cut(&entry, ':'), uid = str_cut(&entry, ':');
        int i;

        if (!record_parse_pod(pod, &i) || !is_uid(uid) ||
            !str_copy_n(out->rebuild[i].uid, sizeof out->rebuild[i].uid, uid) ||
            !str_copy_n(out->rebuild[i].reason, sizeof out->rebuild[i].reason, entry))
            return wrong("rebuild", value, "<pod>:<uid>:<reason>, separated by commas");
    }
    return (struct fail){0};
}

static struct fail decode_target(struct record *out, struct str value)
{
    if (!str_eq(value, "0") && !str_eq(value, "1"))
        return wrong("targetMainIndex", value, "0 or 1");
    out->target = str_eq(value, "1");
    return (struct fail){0};
}

static struct fail decode_epoch(struct record *out, struct str value)
{
    if (!str_to_int64(value, &out->epoch) || out->epoch < 0)
        return wrong("epoch", value, "a number");
    return (struct fail){0};
}

/* Milliseconds since 1970, as in the history. */
static struct fail decode_began(struct record *out, struct str value)
{
    int64_t began_ms = 0;

    if (value.n && (!str_to_int64(value, &began_ms) || began_ms < 0 || began_ms > INT64_MAX / 1000))
        return wrong("began", value, "milliseconds since 1970");
    out->began_wall_us = began_ms * 1000;
    return (struct fail){0};
}

static struct fail decode_transition(struct record *out, struct str value)
{
    if (!epoch_kind_parse(value, &out->transition))
        return wrong("transition", value, "empty, initial, failover, switchover or refresh");
    return (struct fail){0};
}

static struct fail decode_text(const char *key, char *dst, size_t size, struct str value)
{
    return str_copy_n(dst, size, value) ? (struct fail){0} : wrong(key, value, "a shorter text");
}

static struct fail decode_field(struct record *out, const char *key, struct str value)
{
    struct str k = str_of(key);

    if (str_eq(k, "targetMainIndex"))
        return decode_target(out, value);
    if (str_eq(k, "epoch"))
        return decode_epoch(out, value);
    if (str_eq(k, "mainRun"))
        return decode_text(key, out->main_run, sizeof out->main_run, value);
    if (str_eq(k, "promoted"))
        return decode_promoted(out, value);
    if (str_eq(k, "from"))
        return decode_from(out, value);
    if (str_eq(k, "sync"))
        return decode_sync(out, value);
    if (str_eq(k, "transition"))
        return decode_transition(out, value);
    if (str_eq(k, "database"))
        return decode_text(key, out->database, sizeof out->database, value);
    if (str_eq(k, "fenced"))
        return decode_fenced(out, value);
    if (str_eq(k, "rebuild"))
        return decode_rebuild(out, value);
    if (str_eq(k, "reason"))
        return decode_text(key, out->reason, sizeof out->reason, value);
    if (str_eq(k, "began"))
        return decode_began(out, value);
    if (str_eq(k, "paused"))
        return decode_text(key, out->paused, sizeof out->paused, value);
    if (str_eq(k, "request"))
        return decode_text(key, out->request, sizeof out->request, value);
    if (str_eq(k, "answer"))
        (void)str_copy_n(out->answer, sizeof out->answer, value);
    return (struct fail){0};
}

struct fail record_decode(struct record *out, const struct record_field *fields, size_t n)
{
    static const char *const required[] = {"targetMainIndex", "epoch", "mainRun", "promoted",
                                           "sync"};

    *out = (struct record){.from = -1};
    for (size_t i = 0; i < ARRAY_LEN(required); i++) {
        size_t at = 0;

        while (at < n && strcmp(fields[at].key, required[i]) != 0)
            at++;
        if (at == n)
            return fail_make(FAIL_PROTOCOL, "%s is missing", required[i]);
    }
    for (size_t i = 0; i < n; i++) {
        struct fail f = decode_field(out, fields[i].key, str_of(fields[i].value));

        if (f.kind != FAIL_NONE)
            return f;
    }
    return (struct fail){0};
}

const char *record_sync_text(const struct record *r, char *out, size_t size)
{
    switch (r->sync) {
    case SYNC_READY:
        (void)str_format(out, size, "ready:%s", r->sync_run);
        return out;
    case SYNC_UNPROVEN:
        (void)str_format(out, size, "unproven:%s", r->sync_run);
        return out;
    case SYNC_NONE:
        break;
    }
    (void)str_format(out, size, "none:%s", sync_why_name(r->sync_why));
    if (r->sync_why == SYNC_WHY_REFUSED || (r->sync_why == SYNC_WHY_DEGRADED && r->sync_run[0]))
        (void)str_append(out, size, ":%s", r->sync_run);
    if (r->sync_why == SYNC_WHY_PLANNED && r->sync_until_wall_us)
        (void)str_append(out, size, ":%lld", (long long)r->sync_until_wall_us);
    return out;
}

static void emit_history(const struct record *r, record_emit_fn *emit, void *arg)
{
    char text[HISTORY_MAX * (HISTORY_SIZE + 1) + 3] = "[";

    for (unsigned i = 0; i < r->history_n; i++)
        (void)str_append(text, sizeof text, "%s%s", i ? "," : "", r->history[i]);
    (void)str_append(text, sizeof text, "]");
    emit(arg, "history", text);
}

static void emit_rebuild(const struct record *r, const char *prefix, record_emit_fn *emit,
                         void *arg)
{
    char text[PODS_MAX * (80 + UID_SIZE + REASON_SIZE)] = "";

    for (int i = 0; i < PODS_MAX; i++)
        if (record_is_rebuilt(r, i))
            (void)str_append(text, sizeof text, "%s%s-%d:%s:%s", text[0] ? "," : "", prefix, i,
                             r->rebuild[i].uid, r->rebuild[i].reason);
    emit(arg, "rebuild", text);
}

void record_encode(const struct record *r, const char *prefix, record_emit_fn *emit, void *arg)
{
    char text[PODS_MAX * 80] = "";

    emit(arg, "targetMainIndex", r->target ? "1" : "0");
    (void)str_format(text, sizeof text, "%lld", (long long)r->epoch);
    emit(arg, "epoch", text);
    emit(arg, "mainRun", r->main_run);
    (void)str_format(text, sizeof text, "%s:%s", promoted_name(r->promoted), r->promoted_run);
    emit(arg, "promoted", text);
    text[0] = '\0';
    if (r->from >= 0)
        (void)str_format(text, sizeof text, "%s-%d:%s", prefix, r->from, r->from_run);
    emit(arg, "from", text);
    emit(arg, "sync", record_sync_text(r, text, sizeof text));
    emit(arg, "transition", epoch_kind_name(r->transition));
    emit(arg, "database", r->database);
    text[0] = '\0';
    for (int i = 0; i < PODS_MAX; i++)
        if (record_is_fenced(r, i))
            (void)str_append(text, sizeof text, "%s%s-%d", text[0] ? "," : "", prefix, i);
    emit(arg, "fenced", text);
    emit_rebuild(r, prefix, emit, arg);
    emit(arg, "reason", r->reason);
    (void)str_format(text, sizeof text, "%lld", (long long)(r->began_wall_us / 1000));
    emit(arg, "began", text);
    emit(arg, "paused", r->paused);
    emit(arg, "request", r->request);
    emit(arg, "answer", r->answer);
    emit_history(r, emit, arg);
}

bool record_sync_is(const struct record *r, enum sync_state state, const char *run)
{
    assert(state != SYNC_NONE);
    return r->sync == state && run[0] && strcmp(r->sync_run, run) == 0;
}

bool record_alone_by_decision(const struct record *r, int64_t wall_us)
{
    if (r->sync != SYNC_NONE)
        return false;
    switch (r->sync_why) {
    case SYNC_WHY_FAILOVER:
    case SYNC_WHY_DEGRADED:
    case SYNC_WHY_FORCED:
    case SYNC_WHY_ADOPTED:
        return true;
    case SYNC_WHY_PLANNED:
        return r->sync_until_wall_us == 0 || wall_us < r->sync_until_wall_us;
    case SYNC_WHY_INITIAL:
    case SYNC_WHY_SWITCHOVER:
    case SYNC_WHY_REFRESH:
    case SYNC_WHY_DROPPED:
    case SYNC_WHY_STRAY:
    case SYNC_WHY_REFUSED:
        break;
    }
    return false;
}

void record_add_history(struct record *r, const char *entry)
{
    if (r->history_n == HISTORY_MAX) {
        memmove(r->history[0], r->history[1], sizeof r->history - sizeof r->history[0]);
        r->history_n--;
    }
    (void)str_copy(r->history[r->history_n++], HISTORY_SIZE, entry);
}

bool record_is_rebuilt(const struct record *r, int pod)
{
    assert(pod >= 0 && pod < PODS_MAX);
    return r->rebuild[pod].uid[0] != '\0';
}

bool record_is_fenced(const struct record *r, int pod)
{
    assert(pod >= 0 && pod < PODS_MAX);
    return r->fenced >> pod & 1U;
}
