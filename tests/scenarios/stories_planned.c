/* stories_planned: what people do. */
#include "tests/scenarios/story.h"

static bool rolled_out(struct story *s)
{
    return world_is_rolled_out(s->world) && story_converged(s);
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
    story_require_smooth(&s);
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
    story_require_smooth(&s);
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
    story_require_smooth(&s);
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
    story_require_smooth(&s);
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
    story_require_smooth(&s);
    story_require(&s, s.ledger.longest_gap_us < MS(100), "clients noticed it");
    story_end(&s);
}

static void scale(struct story *s, unsigned pods)
{
    json_decref(kube_cluster_scale(s->world->cluster, pods).body);
    world_cluster_asked(s->world);
    s->world->config.pods = pods;
}

/* 24. Scaled to one pod and back: the main goes on alone for as long as a planned restart may take,
 * and beyond that because a person says so; it is restarted meanwhile. */
static void scaled_to_one(const char *name)
{
    struct story s;
    int64_t since_us;

    story_init(&s, name);
    world_set(&s.config, "PLANNED_RESTART_LIMIT", "15s");
    story_begin(&s);
    scale(&s, 1);
    story_run(&s, SECONDS(12));
    story_require(&s, story_writes_go_on(&s), "the main does not go on alone");
    story_run(&s, SECONDS(10));
    since_us = s.ledger.last_ack_us;
    story_run(&s, SECONDS(10));
    story_require(&s, s.ledger.last_ack_us == since_us, "a write was acknowledged without S");
    person_asks(s.world, "degrade", NULL);
    story_until(&s, "writes do not go on", story_writes_go_on, SECONDS(2));
    world_pod_signal(s.world, 0, SIGKILL);
    story_run(&s, MS(200));
    story_until(&s, "writes do not go on after a restart", story_writes_go_on, SECONDS(20));
    story_require(&s, s.ledger.moves == 0, "the main moved");
    scale(&s, 3);
    story_end(&s);
}

/* 24. 3, 5, 2, and 3 again: no write fails. */
static void scaled_up_and_down(const char *name)
{
    static const unsigned pods[] = {5, 2, 3};
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    for (size_t i = 0; i < ARRAY_LEN(pods); i++) {
        scale(&s, pods[i]);
        story_run(&s, SECONDS(1));
        story_until(&s, "not as it should be", story_converged, SECONDS(30));
    }
    story_require_smooth(&s);
    story_require(&s, s.ledger.moves == 0, "the main moved");
    story_end(&s);
}

/* 24. To 0 and back. */
static void scaled_to_zero(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    scale(&s, 0);
    story_run(&s, SECONDS(30));
    story_require(&s, !kube_cluster_pod(s.world->cluster, 0), "a pod is left");
    scale(&s, 3);
    story_end(&s);
}

/* ---- 25. a password is changed ---- */

static void try_password(struct story *s, unsigned pod, const char *password, bool good)
{
    story_ask_pod(s, pod, password, "RETURN 1");
    story_until(s, good ? "a password does not work" : "a wrong password works",
                good ? story_is_answered : story_is_denied, SECONDS(5));
    story_hang_up(s);
}

/* As docs/operations.md says: first on the main, then in the Secret. Whoever is connected stays.
 * Then all connections break: the controllers are denied, so nobody is let in to the main, and that
 * is no reason to replace it. They are restarted with the new one, and all goes on; also at the
 * next main, which had no users and gets the new password from them. */
static void password_changed(const char *name)
{
    struct story s;
    struct world_config *config;

    story_init(&s, name);
    s.config.model.user = "admin";
    s.config.model.password = "old";
    s.config.model.bcrypt_us = MS(1);
    world_set(&s.config, "MEMGRAPH_USER", "admin");
    world_set(&s.config, "MEMGRAPH_PASSWORD", "old");
    story_begin(&s);
    config = &s.world->config;
    story_ask_pod(&s, 0, "old", "SET PASSWORD FOR admin TO 'new'");
    story_until(&s, "the password is not set", story_is_answered, SECONDS(5));
    story_hang_up(&s);
    config->model.password = "new"; /* of clients, and of pods that start */
    story_run(&s, SECONDS(5));
    story_require(&s, story_writes_go_on(&s), "writes do not go on while nothing was restarted");
    net_reset_between(s.world->controllers[0].host, s.world->pods[0].host);
    story_run(&s, SECONDS(20));
    story_require(&s, !story_writes_go_on(&s), "the controller is let in with the old password");
    story_expect(&s, "");
    world_set(config, "MEMGRAPH_PASSWORD", "new");
    world_controller_kill(s.world, 0);
    story_until(&s, "writes do not go on with the new password", story_writes_go_on, SECONDS(10));
    story_run(&s, SECONDS(1));
    story_require(&s, s.ledger.moves == 0, "the main moved");
    story_forget_trace(&s);
    world_pod_signal(s.world, 0, SIGKILL);
    story_until(&s, "no failover", story_main_is_1, SECONDS(1));
    story_run(&s, MS(20));
    story_expect(&s, "O4 write_record, EPOCH promote 1, EPOCH ensure_users 1, EPOCH touch 1, "
                     "EPOCH write_record, O7 register 1");
    story_expect_until_converged(&s, TRACE_OLD_MAIN_RETURNS);
    try_password(&s, 1, "old", false);
    try_password(&s, 1, "new", true);
    story_end(&s);
}

const struct story_entry stories_planned[] = {
    {"rolling_restart", rolling_restart},
    {"rollout_undone", rollout_undone},
    {"node_drained", node_drained},
    {"main_deleted_by_force", main_deleted_by_force},
    {"switchover", switchover},
    {"paused", paused},
    {"async_restarted", async_restarted},
    {"scaled_to_one", scaled_to_one},
    {"scaled_up_and_down", scaled_up_and_down},
    {"scaled_to_zero", scaled_to_zero},
    {"password_changed", password_changed},
    {NULL, NULL},
};
