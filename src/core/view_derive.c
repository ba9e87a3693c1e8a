#include "core/view.h"

static bool row_serves(const struct row *row)
{
    return row->status == ROW_READY || row->status == ROW_REPLICATING;
}

/* S is lost for the sync registration that `sync` speaks of (docs/decisions.md, "Gate"): its own
 * process is gone or another one, or T reports it as something else than ready or replicating. A
 * silent link of ours to S is no loss: T's report decides. */
static bool s_is_lost(const struct view *v)
{
    const struct pod *s = &v->pods[view_s(v)];
    const struct row *row = view_row(v, view_s(v));

    if (!pod_up(s) && v->pods_known && !s->exists)
        return true;
    if (s->link == LINK_DOWN && s->link_fail == FAIL_REFUSED)
        return true;
    if (pod_role(s) != ROLE_UNKNOWN && strcmp(s->run, v->record.sync_run) != 0)
        return true;
    return row && !row_serves(row);
}

static bool s_is_well(const struct view *v)
{
    const struct pod *s = &v->pods[view_s(v)];
    const struct row *row = view_row(v, view_s(v));

    return pod_role(s) == ROLE_REPLICA && strcmp(s->run, v->record.sync_run) == 0 && row &&
           row_serves(row);
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
    else if (row && row->mode == MODE_STRICT_SYNC && !row_serves(row))
        v->doubt = true;
}

static void derive_catch_up(struct view *v)
{
    const struct row *row = view_row(v, view_s(v));

    if (!row || !row->has_data) {
        v->s_best_at = 0;
        return;
    }
    if (!v->s_best_at || row->behind > v->s_best_behind) {
        v->s_best_behind = row->behind;
        v->s_best_at = v->now_us;
    }
}

/* A replica that follows, or is close enough behind, may serve readers. */
static bool row_reads(const struct view *v, const struct row *row)
{
    if (!row || !row->has_data)
        return false;
    return row_serves(row) ||
           (row->status == ROW_RECOVERY && row->ts > 0 && -row->behind <= v->settings.read_max_lag);
}

static void derive_rows(struct view *v)
{
    for (int i = 0; i < PODS_MAX; i++) {
        const struct row *row = view_row(v, i);
        bool invalid = row && row->has_data && row->status == ROW_INVALID &&
                       pod_role(&v->pods[i]) == ROLE_REPLICA;

        if (row_reads(v, row))
            v->pods[i].reads_at = v->now_us;

        if (!invalid)
            v->pods[i].invalid_since = 0;
        else if (!v->pods[i].invalid_since)
            v->pods[i].invalid_since = v->now_us;
    }
}

void view_derive(struct view *v)
{
    if (!v->record_exists)
        return;
    derive_loss(v);
    if (v->record.sync != SYNC_UNPROVEN)
        v->unproven_since = 0;
    else if (!v->unproven_since)
        v->unproven_since = v->now_us;
    derive_catch_up(v);
    derive_rows(v);
}
