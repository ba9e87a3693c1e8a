#include "core/command.h"

#include "core/epoch.h"

#include <assert.h>

static const int64_t busy_pause_us = 20 * 1000;  /* "Memgraph as it is", 3 */
static const int64_t fail_pause_us = 100 * 1000; /* doubled up to */
static const int64_t fail_pause_max_us = 5 * 1000 * 1000;
static const int64_t register_pause_us = 5 * 1000 * 1000; /* doubled up to */
static const int64_t register_pause_max_us = 300 * 1000 * 1000;

static int64_t backoff(int64_t first_us, int64_t most_us, unsigned failures)
{
    int64_t pause_us = first_us;

    for (unsigned i = 1; i < failures && pause_us < most_us; i++)
        pause_us *= 2;
    return pause_us < most_us ? pause_us : most_us;
}

static bool changes_role(enum effect_kind kind)
{
    return kind == EFFECT_DEMOTE || kind == EFFECT_PROMOTE;
}

static bool changes_rows(enum effect_kind kind)
{
    return changes_role(kind) || kind == EFFECT_REGISTER || kind == EFFECT_DROP;
}

/* Its row is dropped because it has been invalid for long. Whether that helped is judged by what
 * its next row says, and for how long. */
static void healing(struct pod *p)
{
    if (!p->invalid_since)
        return;
    (void)str_copy(p->healed_run, sizeof p->healed_run, p->run);
    p->invalid_since = 0;
}

void command_started(struct view *v, const struct effect *effect)
{
    struct pod *p = &v->pods[effect->pod];
    int64_t ldt;

    assert(p->command == EFFECT_NONE);
    p->command = effect->kind;
    p->command_target = effect->target;
    p->command_epoch = v->record.transition != EPOCH_NONE ? v->record.epoch : -1;
    if (effect->kind == EFFECT_TOUCH) {
        v->touch_at = v->now_us;
        /* A touch alone moves it by two ("Memgraph as it is", 7): anything else means somebody
         * wrote. */
        v->touch_ldt = view_ldt(v, &ldt) ? ldt + 2 : 0;
    }
    if (effect->kind == EFFECT_DROP && effect->target >= 0)
        healing(&v->pods[effect->target]);
    if (effect->kind == EFFECT_REGISTER && effect->target == view_s(v) &&
        v->record.transition != EPOCH_NONE)
        (void)str_copy(v->work.s_run, sizeof v->work.s_run, v->pods[effect->target].run);
}

static void role_is(struct view *v, int pod, enum role role)
{
    v->pods[pod].role = role;
    v->pods[pod].role_at = v->now_us;
    if (pod != v->record.target)
        return;
    /* A demotion drops the list of replicas, a promotion begins an empty one ("Memgraph as it is",
     * 2). */
    v->rows_pod = pod;
    (void)str_copy(v->rows_run, sizeof v->rows_run, v->pods[pod].run);
    v->rows_at = v->now_us;
    v->rows_n = 0;
}

/* Whatever was registered or touched before is void: the epoch begins with this. */
static void promoted(struct view *v, int pod, enum outcome outcome, bool in_epoch)
{
    struct epoch_work *w = &v->work;

    if (outcome != OUTCOME_OK)
        return;
    role_is(v, pod, ROLE_MAIN);
    if (pod != v->record.target || !in_epoch)
        return;
    w->promoted = true;
    w->promoted_at = v->now_us;
    w->s_done = w->s_registered = w->touched = w->touch_clean = false;
    w->tried = 0;
}

static void demoted(struct view *v, int pod, enum outcome outcome)
{
    if (outcome != OUTCOME_OK)
        return;
    role_is(v, pod, ROLE_REPLICA);
    v->work.fenced_at = v->now_us;
}

static void s_registered(struct view *v, enum outcome outcome)
{
    struct epoch_work *w = &v->work;

    if (epoch_s_is_compared(v) && outcome != OUTCOME_OK && outcome != OUTCOME_REFUSED) {
        w->s_incomparable = true;
        w->promoted = false; /* a demotion takes the dead row away */
        return;
    }
    w->s_done = true;
    w->s_registered = outcome == OUTCOME_OK;
    w->s_registered_at = v->now_us;
}

static void registered(struct view *v, int target, enum outcome outcome, bool in_epoch)
{
    struct pod *p = &v->pods[target];

    if (outcome == OUTCOME_BUSY || outcome == OUTCOME_STALE)
        return; /* sent again */
    if (in_epoch && target == view_s(v))
        s_registered(v, outcome);
    if (in_epoch)
        v->work.tried |= 1U << target;
    if (outcome == OUTCOME_OK) {
        p->storage_at = 0; /* an empty replica takes over the main's database */
        p->database[0] = '\0';
        p->register_at = v->now_us;
        p->register_failures = 0;
        p->register_retry_at = 0;
        p->invalid_since = 0;
        return;
    }
    if (outcome == OUTCOME_REFUSED)
        (void)str_copy(p->refused_run, sizeof p->refused_run, p->run);
    p->register_failures++;
    p->register_retry_at = v->now_us +
                           backoff(register_pause_us, register_pause_max_us, p->register_failures);
}

static void touched(struct view *v, enum outcome outcome, bool in_epoch)
{
    bool ended = outcome == OUTCOME_OK || outcome == OUTCOME_NOT_CONFIRMED ||
                 outcome == OUTCOME_ABORTED;

    if (outcome == OUTCOME_OK) {
        v->touch_ok_at = v->touch_at;
        v->touch_end_at = v->now_us;
    } else {
        v->touch_ldt = 0;
    }
    if (outcome == OUTCOME_ABORTED && v->record.sync == SYNC_READY)
        v->doubt = true;
    if (!in_epoch || !ended)
        return;
    v->work.touched = true;
    v->work.touch_clean = outcome == OUTCOME_OK;
    v->work.touched_at = v->now_us;
}

static void pause_after(struct view *v, struct pod *p, enum effect_kind kind, enum outcome outcome)
{
    p->retry_at = 0;
    switch (outcome) {
    case OUTCOME_BUSY:
    case OUTCOME_ROLE_NOT_SET:
    case OUTCOME_STALE:
        p->retry_at = v->now_us + busy_pause_us;
        return;
    case OUTCOME_FAILED:
        p->failures++;
        p->retry_at = v->now_us + backoff(fail_pause_us, fail_pause_max_us, p->failures);
        return;
    case OUTCOME_OK:
        p->failures = 0;
        return;
    case OUTCOME_EXISTS:
    case OUTCOME_REFUSED:
    case OUTCOME_UNREACHABLE:
    case OUTCOME_NOT_CONFIRMED:
    case OUTCOME_ABORTED:
        if (kind == EFFECT_DROP || kind == EFFECT_ENSURE_USERS)
            p->retry_at = v->now_us + fail_pause_us;
        return;
    }
}

void command_done(struct view *v, int pod, enum outcome outcome)
{
    struct pod *p = &v->pods[pod];
    enum effect_kind kind = p->command;
    int target = p->command_target;
    bool in_epoch = v->record.transition != EPOCH_NONE && p->command_epoch == v->record.epoch;

    assert(kind != EFFECT_NONE);
    p->command = EFFECT_NONE;
    p->command_target = -1;
    p->command_epoch = -1;
    p->last_outcome = outcome;
    if (changes_role(kind))
        p->changed_at = v->now_us;
    if (changes_rows(kind) && pod == v->record.target)
        v->rows_changed_at = v->now_us;
    pause_after(v, p, kind, outcome);
    if (kind == EFFECT_PROMOTE)
        promoted(v, pod, outcome, in_epoch);
    else if (kind == EFFECT_DEMOTE)
        demoted(v, pod, outcome);
    else if (kind == EFFECT_REGISTER)
        registered(v, target, outcome, in_epoch);
    else if (kind == EFFECT_TOUCH)
        touched(v, outcome, in_epoch);
    else if (kind == EFFECT_ENSURE_USERS)
        v->work.users = v->work.users || (outcome == OUTCOME_OK && in_epoch);
}
