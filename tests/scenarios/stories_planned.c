/* stories_planned: what people do. */
#include "tests/scenarios/story.h"

static bool rolled_out(struct story *s)
{
    return world_is_rolled_out(s->world) && story_converged(s);
}

/* A run in which nothing may fail: nobody is refused, sessions are cut only when the main moves. */
static void require_smooth(struct story *s)
{
    char why[WHY_TEXT_SIZE];

    if (!check_smooth(&s->check, s->clients.clients[CLIENT_WRITER], why))
        story_require(s, false, why);
}

/* 14. A rolling restart under writes. */
static void rolling_restart(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    world_rollout(s.world);
    story_run(&s, MS(300));
    story_until(&s, "the rolling restart does not end", rolled_out, SECONDS(60));
    story_require(&s, s.ledger.moves == 1, "the main did not move once");
    require_smooth(&s);
    story_run(&s, MS(20));
    story_expect(&s, "O7 drop 0, O7 register 0, " /* the ASYNC replica */
                 TRACE_REFRESH_ALONE("0") ", "    /* the SYNC replica goes, */
                 TRACE_JOINS("0") ", "            /* and is back */
                 TRACE_SWITCHOVER_ALONE ", "      /* the main goes, */
                 TRACE_JOINS("1"));               /* and is back */
    story_end(&s);
}

/* 14. It is taken back midway. */
static void rollout_undone(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    world_rollout(s.world);
    story_run(&s, MS(2500));
    json_decref(kube_cluster_rollout_undo(s.world->cluster).body);
    world_cluster_asked(s.world);
    story_run(&s, MS(300));
    story_until(&s, "it does not end", rolled_out, SECONDS(60));
    require_smooth(&s);
    story_end(&s);
}

/* 3. The main's node is drained. */
static void node_drained(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    kube_cluster_drain(s.world->cluster, clock_now_us(), 0);
    world_cluster_asked(s.world);
    story_until(&s, "the main does not move", story_main_is_1, SECONDS(10));
    story_run(&s, SECONDS(3));
    story_expect(&s, TRACE_SWITCHOVER_ALONE);
    kube_cluster_uncordon(s.world->cluster, clock_now_us(), 0);
    world_cluster_asked(s.world);
    story_expect_until_converged(&s, TRACE_JOINS("1"));
    require_smooth(&s);
    story_end(&s);
}

/* 3. The main's pod is deleted by force. */
static void main_deleted_by_force(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    json_decref(kube_cluster_delete(s.world->cluster, WORLD_STATEFULSET "-0", 0).body);
    world_cluster_asked(s.world);
    story_until(&s, "the main does not move", story_main_is_1, SECONDS(10));
    story_run(&s, MS(20));
    story_expect(&s, TRACE_FAILOVER);
    story_expect_until_converged(&s, TRACE_OLD_MAIN_RETURNS);
    story_end(&s);
}

/* 26. A switchover is asked for, and a second one while it is open. */
static void switchover(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    person_asks(s.world, "switchover", "{}");
    person_asks(s.world, "switchover", "{}");
    story_until(&s, "the main does not move", story_main_is_1, SECONDS(2));
    story_run(&s, SECONDS(5));
    story_require(&s, s.ledger.moves == 1, "the main moved more than once");
    story_expect(&s, TRACE_SWITCHOVER);
    require_smooth(&s);
    story_end(&s);
}

/* 26. Paused: nothing is decided, and clients go on; then a failover is due at once. */
static void paused(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    person_asks(s.world, "pause", "{}");
    story_run(&s, SECONDS(2));
    story_require(&s, s.ledger.longest_gap_us < MS(100), "clients noticed the pause");
    world_pod_signal(s.world, 0, SIGSTOP);
    story_run(&s, SECONDS(10));
    story_expect(&s, "");
    person_asks(s.world, "resume", NULL);
    story_until(&s, "no failover", story_main_is_1, SECONDS(2));
    story_run(&s, MS(20));
    story_expect(&s, TRACE_FAILOVER);
    world_pod_signal(s.world, 0, SIGCONT);
    story_end(&s);
}

/* An ASYNC replica is restarted: nobody notices. */
static void async_restarted(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    world_pod_signal(s.world, 2, SIGKILL);
    story_run(&s, SECONDS(5));
    story_expect(&s, "");
    require_smooth(&s);
    story_require(&s, s.ledger.longest_gap_us < MS(100), "clients noticed it");
    story_end(&s);
}

const struct story_entry stories_planned[] = {
    {"rolling_restart", rolling_restart}, {"rollout_undone", rollout_undone},
    {"node_drained", node_drained},       {"main_deleted_by_force", main_deleted_by_force},
    {"switchover", switchover},           {"paused", paused},
    {"async_restarted", async_restarted}, {NULL, NULL},
};
