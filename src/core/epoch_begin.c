#include "core/epoch.h"

#include "core/request.h"
#include "core/stopping.h"

#include <assert.h>
#include <stdarg.h>

static enum sync_why why_of(enum epoch_kind kind)
{
    switch (kind) {
    case EPOCH_INITIAL:
        return SYNC_WHY_INITIAL;
    case EPOCH_FAILOVER:
        return SYNC_WHY_FAILOVER;
    case EPOCH_SWITCHOVER:
        return SYNC_WHY_SWITCHOVER;
    case EPOCH_REFRESH:
    case EPOCH_NONE:
        break;
    }
    return SYNC_WHY_REFRESH;
}

/* `sync` while no S takes part. A refresh keeps a `none` by decision, with its time: should S not
 * join after all, T may go on alone as before. And it keeps `none:initial`: a cluster is not formed
 * before S was proven once. An old main that is about to stop will be back in a moment. */
static void set_none(const struct view *v, struct record *r, enum epoch_kind kind, int x)
{
    if (kind == EPOCH_REFRESH && r->sync == SYNC_NONE &&
        (record_alone_by_decision(r, v->wall_us) || r->sync_why == SYNC_WHY_INITIAL))
        return;
    r->sync = SYNC_NONE;
    r->sync_why = why_of(kind);
    r->sync_run[0] = '\0';
    r->sync_until_wall_us = 0;
    if (kind == EPOCH_SWITCHOVER && v->settings.planned_restart == PLANNED_DEGRADE &&
        stopping_is(v, 1 - x)) {
        r->sync_why = SYNC_WHY_PLANNED;
        r->sync_until_wall_us = v->wall_us + v->settings.planned_limit_us;
    }
}

/* Ends up in JSON and on a status page: nothing that would need escaping. */
static void set_reason(const struct view *v, struct record *r, const char *why)
{
    (void)str_copy(r->reason, sizeof r->reason, why);
    for (char *c = r->reason; *c; c++)
        if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ')
            *c = ' ';
    r->began_wall_us = v->wall_us;
}

static void clear_request(const struct view *v, struct record *r, enum epoch_kind kind, int x)
{
    enum request_kind asked = request_open(v).kind;
    bool moves = v->record_exists && x != v->record.target;

    if ((moves && asked == REQUEST_SWITCHOVER) ||
        (kind == EPOCH_REFRESH && asked == REQUEST_REFRESH))
        request_close(r, "served");
}

static void set_promoted(struct record *r, enum epoch_kind kind, const char *run)
{
    if (kind == EPOCH_REFRESH)
        return; /* the same main, no other way */
    r->promoted = kind == EPOCH_INITIAL    ? PROMOTED_INITIAL
                  : kind == EPOCH_FAILOVER ? PROMOTED_FAILOVER
                                           : PROMOTED_SWITCHOVER;
    (void)str_copy(r->promoted_run, sizeof r->promoted_run, run);
}

struct record *epoch_begin(const struct view *v, struct plan *plan, enum rule rule,
                           enum epoch_kind kind, int x, const char *fmt, ...)
{
    char why[WHY_SIZE];
    struct record *r;
    va_list args;

    assert(kind != EPOCH_NONE && (x == 0 || x == 1));
    va_start(args, fmt);
    (void)vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    r = plan_write(plan, v, rule, "begin epoch %lld (%s) on %s-%d: %s",
                   (long long)(v->record_exists ? v->record.epoch + 1 : 1), epoch_kind_name(kind),
                   v->settings.name, x, why);
    if (!r)
        return NULL;
    clear_request(v, r, kind, x);
    r->from = -1;
    r->from_run[0] = '\0';
    if (v->record_exists && x != r->target) {
        r->from = r->target;
        (void)str_copy(r->from_run, sizeof r->from_run, r->main_run);
        if (kind == EPOCH_FAILOVER)
            r->fenced |= 1U << r->target;
    }
    r->fenced &= ~(1U << x);
    memset(&r->rebuild[x], 0, sizeof r->rebuild[x]); /* whoever is main fills the others */
    r->target = x;
    r->epoch++;
    (void)str_copy(r->main_run, sizeof r->main_run, v->pods[x].run);
    r->transition = kind;
    set_promoted(r, kind, v->pods[x].run);
    set_none(v, r, kind, x);
    set_reason(v, r, why);
    return r;
}
