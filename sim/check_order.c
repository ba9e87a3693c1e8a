/* What a leader sends follows the record; and what the record says of S is true when it is said. */
#include "sim/check_impl.h"

#include "sim/world_impl.h"

/* A role is changed only as the record has announced it. */
static const char *forbids(const struct record *r, const struct view *v, int pod,
                           enum effect_kind kind)
{
    bool begins = r->transition != EPOCH_NONE;

    if (kind == EFFECT_DEMOTE)
        return record_is_fenced(r, pod) || (begins && pod < 2) ? NULL : "it is not announced";
    if (pod != r->target)
        return "the record names another main";
    if (kind == EFFECT_PROMOTE && !begins)
        return "no epoch is being begun";
    if (kind == EFFECT_PROMOTE && !pod_runs(&v->pods[pod], r->main_run))
        return "the record names another process";
    return NULL;
}

void check_commands(struct check *c)
{
    for (unsigned i = 0; i < c->world->config.controllers; i++) {
        const struct controller *controller = c->world->controllers[i].controller;

        for (int pod = 0; pod < (int)c->world->config.pods; pod++) {
            enum effect_kind now = controller ? controller->view.pods[pod].command : EFFECT_NONE;
            const struct record *r;
            const char *why;

            if (now == c->commands[i][pod])
                continue;
            c->commands[i][pod] = now;
            if (now == EFFECT_NONE)
                continue;
            r = world_record(c->world);
            why = r ? forbids(r, &controller->view, pod, now) : "there is no record";
            if (why)
                check_break(c, "%s sends %s to pod %d: %s", c->world->controllers[i].name,
                            effect_kind_name(now), pod, why);
        }
    }
}

void check_armed(struct check *c, const struct record *r)
{
    enum { UNDER_WAY = 64 }; /* timestamps of what was committed since the proof */
    bool was = record_sync_is(&c->record, SYNC_READY, r->sync_run[0] ? r->sync_run : "?");
    const struct mg *t = world_model(c->world, (unsigned)r->target);
    const struct mg *s = world_model(c->world, (unsigned)(1 - r->target));

    c->record = *r;
    if (was || r->sync != SYNC_READY || !t || !s || strcmp(mg_look(t).run_id, r->main_run) != 0 ||
        strcmp(mg_look(s).run_id, r->sync_run) != 0)
        return;
    if (mg_look(s).last_durable_ts + UNDER_WAY < mg_look(t).last_durable_ts)
        check_break(c, "sync is ready, and pod %d is at %lld, the main at %lld", 1 - r->target,
                    (long long)mg_look(s).last_durable_ts, (long long)mg_look(t).last_durable_ts);
}
