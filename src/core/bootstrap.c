#include "core/bootstrap.h"

#include "core/epoch.h"

/* B1: both of the pair must be Ready. */
static bool pair_is_ready(const struct view *v, struct plan *plan)
{
    for (int i = 0; i < 2; i++) {
        if (v->pods_known && v->pods[i].exists && v->pods[i].ready)
            continue;
        plan_reason(plan, "waiting until %s-%d is Ready", v->settings.name, i);
        return false;
    }
    return true;
}

/* B2: role and storage counts of both, and these not from long ago: while a controller waits for
 * one, somebody may write to the other. */
static const int64_t storage_age_us = 2 * 1000 * 1000;

static bool pair_is_known(const struct view *v, struct plan *plan)
{
    bool known = true;

    for (int i = 0; i < 2; i++) {
        const struct pod *p = &v->pods[i];

        bool counted = p->storage_at && v->now_us - p->storage_at < storage_age_us;

        if (pod_role(p) != ROLE_UNKNOWN && counted && p->version[0])
            continue;
        known = false;
        plan_reason(plan, "waiting for an answer of %s-%d%s%s", v->settings.name, i,
                    p->link_text[0] ? ": " : "", p->link_text);
        if (pod_up(p) && pod_role(p) == ROLE_UNKNOWN)
            (void)plan_add(plan, v, EFFECT_ASK_ROLE, RULE_B2, i, "its role is not known");
        if (pod_up(p) && !counted)
            (void)plan_add(plan, v, EFFECT_ASK_STORAGE, RULE_B2, i, "does it hold data?");
    }
    return known;
}

/* Nothing is begun that could not be ended: every registration would be an error. */
static bool mode_is_known(const struct view *v, struct plan *plan)
{
    char why[WHY_SIZE];

    if (v->settings.replication_mode != REPLICATION_STRICT_SYNC || view_mode_fits(v, why))
        return true;
    plan_reason(plan, "%s", why);
    return false;
}

static bool is_empty(const struct pod *p)
{
    return p->vertices == 0 && p->edges == 0;
}

/* B4: what is there already becomes the record. */
static void adopt(const struct view *v, struct plan *plan, int main_pod)
{
    const struct pod *t = &v->pods[main_pod];
    struct record *r = plan_write(plan, v, RULE_B4, "%s-%d is main and %s-%d its replica: adopted",
                                  v->settings.name, main_pod, v->settings.name, 1 - main_pod);

    if (!r)
        return;
    r->target = main_pod;
    r->promoted = PROMOTED_ADOPTED;
    (void)str_copy(r->main_run, sizeof r->main_run, t->run);
    (void)str_copy(r->promoted_run, sizeof r->promoted_run, t->run);
    (void)str_copy(r->database, sizeof r->database, t->database);
    r->sync = SYNC_NONE;
    r->sync_why = SYNC_WHY_ADOPTED;
}

static const char *contents(const struct pod *p)
{
    return is_empty(p) ? "empty" : "with data";
}

/* B5: a person must look. */
static void refuse(const struct view *v, struct plan *plan, const char *advice)
{
    const struct pod *a = &v->pods[0], *b = &v->pods[1];
    struct effect *e;

    (void)str_copy(plan->state, sizeof plan->state, "UNKNOWN_STATE");
    plan_reason(plan, "%s-0 is %s (%s), %s-1 is %s (%s): %s", v->settings.name,
                role_name(pod_role(a)), contents(a), v->settings.name, role_name(pod_role(b)),
                contents(b), advice);
    plan_warn(plan, v, RULE_B5, "UnknownState", -1, "%s", plan->reason);
    e = plan_add(plan, v, EFFECT_EXIT, RULE_B5, -1, "%s", plan->reason);
    if (e)
        e->warning = true;
}

static void decide_mixed(const struct view *v, struct plan *plan, int main_pod)
{
    const struct pod *t = &v->pods[main_pod], *s = &v->pods[1 - main_pod];

    if (is_empty(t) && !is_empty(s)) {
        refuse(v, plan,
               "the main is empty and the replica has data. Promote the one that holds the data by "
               "hand, or empty the replica's volume");
        return;
    }
    (void)str_copy(plan->state, sizeof plan->state, "OPERATIONAL_STATE");
    plan_reason(plan, "%s-%d is main already: adopting it", v->settings.name, main_pod);
    adopt(v, plan, main_pod);
}

void bootstrap_decide(const struct view *v, struct plan *plan)
{
    enum role a, b;

    (void)str_copy(plan->state, sizeof plan->state, "BOOTSTRAP");
    if (!pair_is_ready(v, plan) || !pair_is_known(v, plan) || !mode_is_known(v, plan))
        return;
    a = pod_role(&v->pods[0]);
    b = pod_role(&v->pods[1]);
    if (a == ROLE_MAIN && b == ROLE_MAIN && is_empty(&v->pods[0]) && is_empty(&v->pods[1])) {
        (void)str_copy(plan->state, sizeof plan->state, "INITIAL_STATE");
        plan_reason(plan, "both of the pair are empty mains: forming the cluster");
        (void)epoch_begin(v, plan, RULE_B3, EPOCH_INITIAL, 0, "both of the pair are empty mains");
    } else if (a == ROLE_MAIN && b == ROLE_REPLICA) {
        decide_mixed(v, plan, 0);
    } else if (a == ROLE_REPLICA && b == ROLE_MAIN) {
        decide_mixed(v, plan, 1);
    } else if (a == ROLE_MAIN) {
        refuse(v, plan,
               "two mains, and not both empty. Make the one that may lose its data a replica (SET "
               "REPLICATION ROLE TO REPLICA WITH PORT ...), or empty its volume and restart it");
    } else {
        refuse(
            v, plan,
            "no main. Promote the one that holds the newest data (SET REPLICATION ROLE TO MAIN)");
    }
}
