#include "core/failover.h"

#include "core/eligibility.h"
#include "core/epoch.h"
#include "core/request.h"

void failover_refuse(const struct view *v, struct plan *plan, const char *why, const char *obstacle)
{
    char name[NAME_SIZE + 8], text[WHY_SIZE];

    view_pod_name(v, v->record.target, name);
    (void)str_format(text, sizeof text, "no failover from %.60s (%.60s): %.110s", name, why,
                     obstacle);
    plan_reason(plan, "%s", text);
    plan->failover_refused = true;
    plan_warn(plan, v, RULE_O5, "FailoverRefused", v->record.target, "%s", text);
}

/* O3, second part: the old main was not demoted yet, so the main never moved. */
static bool go_back(const struct view *v, struct plan *plan, const char *why)
{
    const struct record *now = &v->record;
    int t = now->target, old = now->from;
    struct record *r;

    if (now->transition != EPOCH_SWITCHOVER || old < 0 || pod_role(&v->pods[old]) != ROLE_MAIN ||
        !view_role_fresh(v, old) || !pod_runs(&v->pods[old], now->from_run))
        return false;
    r = epoch_begin(v, plan, RULE_O3, EPOCH_SWITCHOVER, old, "back again: %s-%d (%.60s)",
                    v->settings.name, t, why);
    if (!r)
        return true;
    r->fenced |= 1U << t; /* it may have been promoted in its last moment */
    request_take_back(r, r->reason);
    return true;
}

void failover_or_refuse(const struct view *v, struct plan *plan, enum rule rule, const char *why)
{
    char name[NAME_SIZE + 8], eligible[WHY_SIZE];

    if (go_back(v, plan, why))
        return;
    if (!eligibility_may_promote(v, eligible)) {
        failover_refuse(v, plan, why, eligible);
        return;
    }
    view_pod_name(v, v->record.target, name);
    plan_reason(plan, "%.60s is lost: failing over", name);
    (void)epoch_begin(v, plan, rule, EPOCH_FAILOVER, view_s(v), "%.60s: %.60s; %.80s", name, why,
                      eligible);
}
