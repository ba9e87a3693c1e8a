#include "core/epoch_finish.h"

bool epoch_s_stands(const struct view *v, int64_t since_us, bool ready)
{
    const struct row *row = view_row(v, view_s(v));

    if (!row || !view_rows_fresh(v, since_us) || row->mode == MODE_ASYNC || !row->has_data)
        return false;
    return !ready || (row->status == ROW_READY && row->behind == 0);
}

bool epoch_s_proven(const struct view *v)
{
    return v->work.s_registered && v->work.touch_clean &&
           epoch_s_stands(v, v->work.touched_at, false) &&
           strcmp(v->pods[view_s(v)].run, v->work.s_run) == 0;
}

static long long ms_between(int64_t from_us, int64_t to_us)
{
    return from_us && to_us > from_us ? (long long)((to_us - from_us) / 1000) : 0;
}

/* One compact JSON object; names and reasons hold nothing that would need escaping. Times of the
 * phases are milliseconds since the detection, or since the decision when nothing was lost. */
static void add_history(const struct view *v, struct record *r, enum epoch_kind kind, bool proven)
{
    const struct epoch_work *w = &v->work;
    int64_t zero_us = w->detected_at ? w->detected_at : w->decided_at;
    char entry[HISTORY_SIZE], from[NAME_SIZE + 8] = "";

    if (!zero_us)
        zero_us = w->recorded_at;
    if (r->from >= 0)
        view_pod_name(v, r->from, from);
    (void)str_format(
        entry, sizeof entry,
        "{\"epoch\":%lld,\"kind\":\"%s\",\"at\":%lld,\"from\":\"%s\",\"to\":\"%s-%d\","
        "\"why\":\"%s\",\"sync\":\"%s\",\"ms\":{\"decide\":%lld,\"record\":%lld,\"fence\":%lld,"
        "\"promote\":%lld,\"touch\":%lld,\"open\":%lld}}",
        (long long)r->epoch, epoch_kind_name(kind), (long long)(v->wall_us / 1000), from,
        v->settings.name, r->target, r->reason,
        proven                 ? "ready"
        : v->work.s_registered ? "unproven"
                               : "none",
        ms_between(zero_us, w->decided_at), ms_between(zero_us, w->recorded_at),
        ms_between(zero_us, w->fenced_at), ms_between(zero_us, w->promoted_at),
        ms_between(zero_us, w->touched_at), ms_between(zero_us, v->now_us));
    record_add_history(r, entry);
}

/* A cluster is formed when S was proven once; until then the gate stays closed and it is tried
 * again. */
static bool is_forming(const struct record *r)
{
    return r->sync == SYNC_NONE && r->sync_why == SYNC_WHY_INITIAL;
}

/* The old main died before it was demoted, or right after: what was planned became a failover. */
static bool became_failover(const struct view *v)
{
    char why[WHY_SIZE];

    return v->record.transition == EPOCH_SWITCHOVER && v->record.from >= 0 &&
           !v->work.s_registered && v->record.sync_why == SYNC_WHY_SWITCHOVER &&
           view_lost(v, v->record.from, why);
}

static void set_outcome(const struct view *v, struct record *r, enum epoch_kind kind, bool proven)
{
    const struct pod *s = &v->pods[view_s(v)];

    if (is_forming(r) && !proven)
        return;
    if (kind != v->record.transition) {
        r->promoted = PROMOTED_FAILOVER;
        r->sync_why = SYNC_WHY_FAILOVER;
    }
    if (v->work.s_registered) {
        r->sync = proven ? SYNC_READY : SYNC_UNPROVEN;
        (void)str_copy(r->sync_run, sizeof r->sync_run, v->work.s_run);
        r->sync_until_wall_us = 0;
    } else if (pod_refused(s) && !record_alone_by_decision(r, v->wall_us)) {
        r->sync = SYNC_NONE;
        r->sync_why = SYNC_WHY_REFUSED;
        (void)str_copy(r->sync_run, sizeof r->sync_run, s->run);
    }
}

static const char *event_of(enum epoch_kind kind)
{
    switch (kind) {
    case EPOCH_INITIAL:
        return "ClusterFormed";
    case EPOCH_FAILOVER:
        return "FailoverDone";
    case EPOCH_SWITCHOVER:
        return "SwitchoverDone";
    case EPOCH_REFRESH:
    case EPOCH_NONE:
        break;
    }
    return "EpochRefreshed";
}

void epoch_finish(const struct view *v, struct plan *plan)
{
    enum epoch_kind kind = became_failover(v) ? EPOCH_FAILOVER : v->record.transition;
    bool proven = epoch_s_proven(v);
    char sync[RUN_SIZE + 40];
    struct record *r = plan_write(plan, v, RULE_EPOCH, "epoch %lld (%s) on %s-%d is begun, S is %s",
                                  (long long)v->record.epoch, epoch_kind_name(v->record.transition),
                                  v->settings.name, v->record.target,
                                  proven                 ? "proven"
                                  : v->work.s_registered ? "registered, not proven"
                                                         : "not part of it");

    if (!r)
        return;
    add_history(v, r, kind, proven);
    set_outcome(v, r, kind, proven);
    if (v->pods[r->target].database[0])
        (void)str_copy(r->database, sizeof r->database, v->pods[r->target].database);
    if (r->from >= 0 && v->pods[r->from].role != ROLE_REPLICA)
        r->fenced |= 1U << r->from; /* contact to it was lost before it was demoted */
    r->transition = EPOCH_NONE;
    r->from = -1;
    r->from_run[0] = '\0';
    (void)record_sync_text(r, sync, sizeof sync);
    if (is_forming(r))
        plan_warn(plan, v, RULE_EPOCH, "ClusterNotFormed", r->target,
                  "%.40s-%d is main in epoch %lld, sync is %s: %s", v->settings.name, r->target,
                  (long long)r->epoch, sync, r->reason);
    else
        plan_tell(plan, v, RULE_EPOCH, event_of(kind), r->target,
                  "%.40s-%d is main in epoch %lld, sync is %s: %s", v->settings.name, r->target,
                  (long long)r->epoch, sync, r->reason);
}
