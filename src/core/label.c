#include "core/label.h"

static bool serves(const struct view *v)
{
    const struct pod *t = &v->pods[v->record.target];

    return pod_role(t) == ROLE_MAIN && pod_runs(t, v->record.main_run);
}

const char *label_wanted(const struct view *v, int pod, const char *now)
{
    const struct record *r = &v->record;
    bool was_main = strcmp(now, "main") == 0;

    if (!v->record_known || v->record_broken || !v->record_exists)
        return now;
    if (pod >= 2)
        return "async";
    if (pod != r->target && was_main)
        return ""; /* whatever comes: it is not the main any more */
    if (r->transition != EPOCH_NONE)
        return now;
    if (pod == r->target)
        return was_main || serves(v) ? "main" : now;
    return r->sync == SYNC_NONE ? "async" : "sync";
}
