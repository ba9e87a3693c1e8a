#include "core/stopping.h"

#include "core/registrations.h"
#include "core/request.h"

bool stopping_is(const struct view *v, int pod)
{
    struct request r;

    if (v->pods[pod].exists && v->pods[pod].terminating)
        return true;
    r = request_open(v);
    return r.kind == REQUEST_STOP && r.pod == pod;
}

/* Writes of T wait for it, or a failover would want it. */
static bool counts(const struct view *v, int pod)
{
    return v->record.sync != SYNC_NONE && pod_runs(&v->pods[pod], v->record.sync_run);
}

/* One of the pair. */
static bool pair_may(const struct view *v, int pod, const char *name, char why[WHY_SIZE])
{
    if (pod == v->record.target || pod_role(&v->pods[pod]) == ROLE_MAIN)
        (void)str_format(why, WHY_SIZE, "%s is main", name);
    else if (v->record.transition != EPOCH_NONE)
        (void)str_format(why, WHY_SIZE, "a %s is under way", epoch_kind_name(v->record.transition));
    else if (counts(v, pod) && v->settings.planned_restart == PLANNED_DEGRADE)
        (void)str_format(why, WHY_SIZE, "the main still counts on %s", name);
    else
        return true;
    return false;
}

bool stopping_may(const struct view *v, int pod, char why[WHY_SIZE])
{
    char name[NAME_SIZE + 8];

    view_pod_name(v, pod, name);
    if (!v->record_known || v->record_broken) {
        (void)str_copy(why, WHY_SIZE, "the record has not been read yet");
        return false;
    }
    if (pod >= 2 && v->record_exists && registrations_let_go(v, pod)) {
        (void)str_format(why, WHY_SIZE, "the main still has a registration of %s", name);
        return false;
    }
    if (pod < 2 && v->record_exists && !pair_may(v, pod, name, why))
        return false;
    (void)str_format(why, WHY_SIZE, "%s may stop", name);
    return true;
}
