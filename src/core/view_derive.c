#include "core/switchover.h"

/* After a switchover that was given up: 5 s, doubled up to 5 min. */
static int64_t pause_after_us(unsigned failures)
{
    int64_t pause_us = 5LL * 1000 * 1000;

    return failures < 6 ? pause_us << failures : pause_us << 6;
}

/* S is lost for the sync registration that `sync` speaks of (docs/decisions.md, "Gate"): its own
 * process is gone or another one, or T reports it as something else than ready or replicating, or
 * not at all: followers hold, too, before the leader has recorded it. A silent link of ours to S is
 * no loss: T's report decides. */
static bool s_is_lost(const struct view *v)
{
    const struct pod *s = &v->pods[view_s(v)];
    const struct row *row = view_row(v, view_s(v));

    if (!pod_up(s) && v->pods_known && !s->exists)
        return true;
    if (s->link == LINK_DOWN && s->link_fail == FAIL_REFUSED)
        return true;
    if (pod_role(s) != ROLE_UNKNOWN && !pod_runs(s, v->record.sync_run))
        return true;
    return view_rows_fresh(v, 0) &&
           (!row || !row->has_data || row->mode == MODE_ASYNC || !row_serves(row));
}

static bool s_is_well(const struct view *v)
{
    const struct pod *s = &v->pods[view_s(v)];
    const struct row *row = view_row(v, view_s(v));

    return pod_role(s) == ROLE_REPLICA && pod_runs(s, v->record.sync_run) && row && row->has_data &&
           row->mode != MODE_ASYNC && row_serves(row);
}

/* T's row puts in doubt that S has all that T acknowledged. A T that was restarted knows nothing of
 * an S that it has not reached yet: that says nothing about what its former process acknowledged.
 */
static bool row_doubts(const struct view *v, const struct row *row)
{
    bool in_epoch = strcmp(v->pods[v->record.target].run, v->record.main_run) == 0;

    if (!row || row->mode != MODE_STRICT_SYNC || row_serves(row))
        return false;
    return in_epoch || (row->has_data && row->ts > 0 && row->behind < 0);
}

/* Between loss and recovery stand times in which nothing is known: they belong to the loss. */
static void derive_loss(struct view *v)
{
    const struct row *row = view_row(v, view_s(v));

    if (v->record.sync == SYNC_NONE || v->record.transition != EPOCH_NONE || s_is_well(v))
        v->s_lost_since = 0;
    else if (s_is_lost(v) && !v->s_lost_since)
        v->s_lost_since = v->now_us;
    if (v->record.sync != SYNC_READY)
        v->doubt = false;
    else if (row_doubts(v, row))
        v->doubt = true;
}

static void derive_row_loss(struct view *v)
{
    const struct row *row = view_row(v, view_s(v));
    bool lost = row && row->has_data && row->mode != MODE_ASYNC && !row_serves(row);

    if (!view_rows_fresh(v, 0) && v->record.transition == EPOCH_NONE)
        return; /* nothing is known anew */
    if (!lost || v->record.transition != EPOCH_NONE)
        v->s_row_lost_since = 0;
    else if (!v->s_row_lost_since)
        v->s_row_lost_since = v->now_us;
}

/* How near it came is measured from when it was far: what its former process had says nothing. */
static void derive_catch_up(struct view *v)
{
    const struct row *row = view_row(v, view_s(v));

    if (!row || !row->has_data || (row->ts > 0 && row->behind >= -v->settings.catchup_behind)) {
        v->s_best_at = 0;
        return;
    }
    if (!v->s_best_at || row->behind > v->s_best_behind) {
        v->s_best_behind = row->behind;
        v->s_best_at = v->now_us;
    }
}

/* A replica that follows, or is close enough behind, may serve readers. Under writes an ASYNC
 * replica hardly ever reads ready: it is the distance that counts ("Memgraph as it is", 10). */
static bool row_reads(const struct view *v, const struct row *row)
{
    if (!row || !row->has_data || row->status == ROW_DIVERGED)
        return false;
    return row_serves(row) || (row->ts > 0 && -row->behind <= v->settings.read_max_lag);
}

/* Since when its row has read invalid without coming nearer, while it answers as a replica. */
static void derive_invalid(struct view *v, struct pod *p, const struct row *row)
{
    bool invalid = row && row->has_data && row->status == ROW_INVALID;

    if (!invalid || pod_role(p) != ROLE_REPLICA) {
        p->invalid_since = 0;
    } else if (!p->invalid_since || row->ts != p->invalid_ts) {
        p->invalid_since = v->now_us;
        p->invalid_ts = row->ts;
    }
}

static void derive_rows(struct view *v)
{
    for (int i = 0; i < PODS_MAX; i++) {
        const struct row *row = view_row(v, i);

        if (row_reads(v, row))
            v->pods[i].reads_at = v->now_us;
        if (row)
            v->pods[i].row_bad = !row->has_data || row->status == ROW_INVALID;
        derive_invalid(v, &v->pods[i], row);
    }
}

/* Since when the write gateway is everywhere what it is. */
static void derive_gate(struct view *v)
{
    if (!v->gate_settled)
        v->gate_settled_at = 0;
    else if (!v->gate_settled_at || v->gate_seen != v->gate_in_force)
        v->gate_settled_at = v->now_us;
    v->gate_seen = v->gate_in_force;
}

static void derive_ready(struct view *v)
{
    for (int i = 0; i < PODS_MAX; i++) {
        struct pod *p = &v->pods[i];

        if (p->exists && p->ready && pod_up(p))
            (void)str_copy(p->ready_run, sizeof p->ready_run, p->run);
    }
}

static void derive_request(struct view *v)
{
    if (strcmp(v->request_seen, v->record.request) == 0)
        return;
    (void)str_copy(v->request_seen, sizeof v->request_seen, v->record.request);
    v->request_at = v->now_us;
}

/* A switchover is prepared as long as it is due; one that does not come to its point is given up,
 * the gate opens, and it is tried again later. */
static void derive_switchover(struct view *v)
{
    bool due = switchover_due(v);
    int64_t until_us = v->switch_since + v->settings.switchover_drain_us +
                       v->settings.switchover_timeout_us;

    if (due && v->switch_since && v->now_us >= until_us) {
        v->switch_retry_at = v->now_us + pause_after_us(v->switch_failures++);
        v->switch_since = 0;
    } else if (due && !v->switch_since) {
        v->switch_since = v->now_us;
    } else if (!due) {
        v->switch_since = 0;
    }
}

void view_derive(struct view *v)
{
    derive_gate(v);
    derive_ready(v);
    if (!v->record_exists)
        return;
    derive_request(v);
    derive_loss(v);
    derive_row_loss(v);
    if (v->record.sync != SYNC_UNPROVEN)
        v->unproven_since = 0;
    else if (!v->unproven_since)
        v->unproven_since = v->now_us;
    derive_catch_up(v);
    derive_rows(v);
    derive_switchover(v);
}
