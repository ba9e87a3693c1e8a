#include "core/eligibility.h"

/* The conditions in the order in which a person would ask; the first that fails is the reason. */
static bool promotable(const struct view *v, int pod, char why[WHY_SIZE])
{
    const struct pod *s = &v->pods[pod];
    char name[NAME_SIZE + 8], sync[RUN_SIZE + 40];

    view_pod_name(v, pod, name);
    if (v->record.sync != SYNC_READY)
        return (void)str_format(why, WHY_SIZE,
                                "%s is not known to hold every acknowledged write (sync is %s)",
                                name, record_sync_text(&v->record, sync, sizeof sync)),
               false;
    if (v->doubt)
        return (void)str_format(why, WHY_SIZE,
                                "the main had lost %s before: in STRICT_SYNC one acknowledged "
                                "write may be missing there",
                                name),
               false;
    if (!pod_up(s))
        return (void)str_format(why, WHY_SIZE, "%s cannot be reached (%s)", name,
                                s->link_text[0] ? s->link_text : "not connected yet"),
               false;
    if (pod_role(s) != ROLE_REPLICA)
        return (void)str_format(why, WHY_SIZE, "%s has role %s", name, role_name(pod_role(s))),
               false;
    if (!pod_runs(s, v->record.sync_run))
        return (void)str_format(why, WHY_SIZE,
                                "%s was restarted since it was last known to be in sync", name),
               false;
    if (s->terminating)
        return (void)str_format(why, WHY_SIZE, "%s is being terminated", name), false;
    if (record_is_rebuilt(&v->record, pod))
        return (void)str_format(why, WHY_SIZE, "%s waits to be rebuilt", name), false;
    (void)str_format(why, WHY_SIZE, "%s holds every acknowledged write", name);
    return true;
}

bool eligibility_may_promote(const struct view *v, char why[WHY_SIZE])
{
    if (!v->record_exists) {
        (void)str_copy(why, WHY_SIZE, "there is no record yet");
        return false;
    }
    return promotable(v, view_s(v), why);
}
