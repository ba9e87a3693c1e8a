/* stories_crash_points: 7. The leader dies between any two effects of a bootstrap, a failover, a
 * refresh, a switchover and a rebuild; the next one finishes. */
#include "tests/scenarios/story.h"

#include <stdlib.h>

/* What is interrupted. */
struct interrupted {
    void (*begin)(struct story *s); /* NULL: the forming of the cluster */
    /* It has come about. NULL: that everything is as it should be says enough. */
    story_condition_fn *done;
};

struct crash {
    struct story story;
    const struct interrupted *what;
    const struct world_controller *leader;
    unsigned starts; /* of the leader, before it dies */
};

static bool is_dead(const struct crash *c)
{
    return !c->leader->process || c->leader->starts > c->starts;
}

static bool is_dead_or_done(struct story *s)
{
    const struct crash *c = CONTAINER_OF(s, struct crash, story);

    return is_dead(c) || ((!c->what->done || c->what->done(s)) && story_converged(s));
}

/* Who asked a controller that died, or that was not there, asks again. */
static void insist(struct story *s, const struct interrupted *what)
{
    enum { TRIES = 10 };

    for (unsigned i = 0; what->done && !what->done(s) && i < TRIES; i++) {
        if (i)
            what->begin(s);
        for (int64_t us = 0; us < SECONDS(4) && !what->done(s); us += MS(10))
            story_run(s, MS(10));
    }
    story_require(s, !what->done || what->done(s), "it did not come about");
}

/* The leader dies when it is about to say its n-th word. False: all is done before it says that. */
static bool die_at_point(const char *name, const struct interrupted *what, uint64_t n)
{
    struct crash c = {.what = what};
    struct story *s = &c.story;
    bool reached;

    story_init(s, name);
    s->config.controllers = 2;
    s->config.controller_restart_us = MS(300);
    s->clients.think_us = MS(200); /* what the gateway passes on are words, too */
    story_open(s);
    if (what->begin)
        story_form(s);
    else
        story_run(s, 0); /* the first controller starts, and will lead */
    c.leader = &s->world->controllers[what->begin ? world_leader(s->world) : 0];
    c.starts = c.leader->starts;
    process_kill_at_output(c.leader->process, n);
    if (what->begin)
        what->begin(s);
    story_run(s, MS(500)); /* by then it is noticed */
    story_until(s, "it is never over", is_dead_or_done, SECONDS(20));
    reached = is_dead(&c);
    if (!reached) {
        process_kill_at_output(c.leader->process, 0);
        story_require(s, c.leader == &s->world->controllers[world_leader(s->world)],
                      "it was not the leader that was to die");
    }
    if (what->begin)
        insist(s, what);
    else
        story_form(s);
    story_until(s, "it was not finished", story_converged, SECONDS(60));
    story_end(s);
    return reached;
}

static void at_every_point(const char *name, const struct interrupted *what)
{
    uint64_t n = 1;

    while (die_at_point(name, what, n))
        n++;
    if (getenv("STORY_TRACE"))
        printf("# %s: %u points\n", name, (unsigned)(n - 1));
}

static void bootstrap_at_every_point(const char *name)
{
    at_every_point(name, &(struct interrupted){0});
}

static void kill_main(struct story *s)
{
    world_pod_signal(s->world, 0, SIGKILL);
}

static void failover_at_every_point(const char *name)
{
    at_every_point(name, &(struct interrupted){.begin = kill_main});
}

static void kill_sync(struct story *s)
{
    world_pod_signal(s->world, 1, SIGKILL);
}

static void refresh_at_every_point(const char *name)
{
    at_every_point(name, &(struct interrupted){.begin = kill_sync});
}

static void ask_switchover(struct story *s)
{
    person_asks(s->world, "switchover", "{}");
}

static void switchover_at_every_point(const char *name)
{
    at_every_point(name, &(struct interrupted){.begin = ask_switchover, .done = story_main_is_1});
}

static bool is_rebuilt(const struct story *s, unsigned pod)
{
    const struct record *r = world_record(s->world);

    return s->world->pods[pod].volume.aside[0] && r && !record_is_rebuilt(r, (int)pod);
}

static void ask_rebuild_of_sync(struct story *s)
{
    person_asks(s->world, "rebuild/" WORLD_STATEFULSET "-1", NULL);
}

static bool sync_is_rebuilt(struct story *s)
{
    return is_rebuilt(s, 1);
}

static void rebuild_at_every_point(const char *name)
{
    at_every_point(name,
                   &(struct interrupted){.begin = ask_rebuild_of_sync, .done = sync_is_rebuilt});
}

static void ask_rebuild_of_async(struct story *s)
{
    person_asks(s->world, "rebuild/" WORLD_STATEFULSET "-2", NULL);
}

static bool async_is_rebuilt(struct story *s)
{
    return is_rebuilt(s, 2);
}

static void async_rebuild_at_every_point(const char *name)
{
    at_every_point(name,
                   &(struct interrupted){.begin = ask_rebuild_of_async, .done = async_is_rebuilt});
}

const struct story_entry stories_crash_points[] = {
    {"bootstrap_at_every_point", bootstrap_at_every_point},
    {"failover_at_every_point", failover_at_every_point},
    {"refresh_at_every_point", refresh_at_every_point},
    {"switchover_at_every_point", switchover_at_every_point},
    {"rebuild_at_every_point", rebuild_at_every_point},
    {"async_rebuild_at_every_point", async_rebuild_at_every_point},
    {NULL, NULL},
};
