/* stories_failures: what breaks by itself. Numbers are those of the list in docs/simulator.md, here
 * and in the other stories_*.c. */
#include "tests/scenarios/story.h"

/* 1. Kill -9 of the main: the gap is short, and the old main comes back as the SYNC replica. */
static void main_killed(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    world_pod_signal(s.world, 0, SIGKILL);
    story_until(&s, "no failover", story_main_is_1, SECONDS(1));
    story_run(&s, MS(20));
    story_expect(&s, TRACE_FAILOVER);
    story_run(&s, MS(80));
    story_require(&s, s.ledger.longest_gap_us < MS(100), "the gap is longer than 100 ms");
    story_expect_until_converged(&s, TRACE_OLD_MAIN_RETURNS);
    story_end(&s);
}

/* 2. The main's process freezes: it is replaced within 4 s, and never takes a write again as main.
 */
static void main_frozen(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    world_pod_signal(s.world, 0, SIGSTOP);
    story_until(&s, "no failover", story_main_is_1, SECONDS(5));
    story_require(&s, s.ledger.longest_gap_us < SECONDS(5), "the gap is longer than 5 s");
    story_run(&s, MS(20));
    story_expect(&s, TRACE_FAILOVER);
    story_run(&s, SECONDS(20));
    story_forget_trace(&s);
    world_pod_signal(s.world, 0, SIGCONT);
    story_expect_until_converged(&s, TRACE_OLD_MAIN_RETURNS);
    story_end(&s);
}

/* 4. The main is cut off from the controller alone: writes stop for as long as that takes to be
 * noticed, and go on at the other one. */
static void main_cut_off(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    path_block_both(s.world->pods[0].host, s.world->controllers[0].host, true);
    story_until(&s, "no failover", story_main_is_1, SECONDS(6));
    story_run(&s, SECONDS(5));
    story_expect(&s, TRACE_FAILOVER);
    net_heal();
    story_expect_until_converged(&s, TRACE_OLD_MAIN_RETURNS);
    story_end(&s);
}

/* 5. The API server is away: clients notice nothing. The main dies meanwhile: nothing is decided
 * before it is back. */
static void api_away(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    api_set_mode(API_REFUSES);
    story_run(&s, SECONDS(60));
    story_require(&s, s.ledger.longest_gap_us < MS(100), "clients noticed that the API was away");
    story_expect(&s, "");
    world_pod_signal(s.world, 0, SIGSTOP);
    story_run(&s, SECONDS(20));
    story_expect(&s, "");
    api_set_mode(API_SERVES);
    story_until(&s, "no failover", story_main_is_1, SECONDS(15));
    story_run(&s, MS(20));
    story_expect(&s, TRACE_FAILOVER);
    world_pod_signal(s.world, 0, SIGCONT);
    story_end(&s);
}

/* 8. The leader freezes, the main dies, another one leads and fails over; the first one goes on,
 * with a command on its lips: nothing comes of that. */
static void leader_frozen(const char *name)
{
    struct story s;
    int leader;

    story_init(&s, name);
    s.config.controllers = 2;
    story_begin(&s);
    leader = world_leader(s.world);
    kube_cluster_hold(s.world->cluster, clock_now_us(), 0, true);
    world_controller_freeze(s.world, (unsigned)leader, true);
    world_pod_signal(s.world, 0, SIGKILL);
    story_until(&s, "no failover", story_main_is_1, SECONDS(10));
    story_run(&s, MS(20));
    story_expect(&s, TRACE_FAILOVER);
    world_controller_freeze(s.world, (unsigned)leader, false);
    story_run(&s, SECONDS(2));
    story_expect(&s, "");
    kube_cluster_hold(s.world->cluster, clock_now_us(), 0, false);
    world_cluster_asked(s.world);
    story_end(&s);
}

static bool new_leader(struct story *s)
{
    return world_leader(s->world) >= 0;
}

/* 8. The leader freezes past its lease and goes on: it does nothing more. */
static void leader_thawed(const char *name)
{
    struct story s;
    int leader;

    story_init(&s, name);
    s.config.controllers = 2;
    story_begin(&s);
    leader = world_leader(s.world);
    world_controller_freeze(s.world, (unsigned)leader, true);
    story_run(&s, SECONDS(8));
    story_until(&s, "nobody leads", new_leader, SECONDS(1));
    story_require(&s, world_leader(s.world) != leader, "the frozen one leads");
    world_controller_freeze(s.world, (unsigned)leader, false);
    story_run(&s, SECONDS(1));
    story_expect(&s, "");
    story_end(&s);
}

/* 9. S dies: writes stop; the main dies, too: refused; both come back: writes go on. */
static void sync_lost_required(const char *name)
{
    struct story s;
    int64_t since_us;

    story_init(&s, name);
    story_begin(&s);
    story_lose_sync(&s);
    story_run(&s, SECONDS(1));
    since_us = s.ledger.last_ack_us;
    story_run(&s, SECONDS(20));
    story_require(&s, s.ledger.last_ack_us == since_us, "a write was acknowledged without S");
    story_expect(&s, "O7 write_record");
    world_pod_signal(s.world, 0, SIGSTOP);
    story_until(&s, "it is not refused", story_refuses, SECONDS(6));
    story_expect(&s, "");
    world_pod_signal(s.world, 0, SIGCONT);
    kube_cluster_hold(s.world->cluster, clock_now_us(), 1, false);
    world_cluster_asked(s.world);
    story_expect_until_converged(&s, TRACE_REFRESH("0"));
    story_end(&s);
}

/* 9. The same with DURABILITY=preferred: writes go on after SYNC_LOSS_TIMEOUT. */
static void sync_lost_preferred(const char *name)
{
    struct story s;

    story_init(&s, name);
    world_set(&s.config, "DURABILITY", "preferred");
    story_begin(&s);
    story_lose_sync(&s);
    story_run(&s, SECONDS(8));
    story_until(&s, "writes do not go on", story_writes_go_on, SECONDS(5));
    story_run(&s, MS(20));
    story_expect(&s, "O7 write_record, " TRACE_REFRESH_ALONE("0"));
    world_pod_signal(s.world, 0, SIGSTOP);
    story_until(&s, "it is not refused", story_refuses, SECONDS(6));
    story_expect(&s, "");
    world_pod_signal(s.world, 0, SIGCONT);
    kube_cluster_hold(s.world->cluster, clock_now_us(), 1, false);
    world_cluster_asked(s.world);
    story_expect_until_converged(&s, TRACE_JOINS("0"));
    story_end(&s);
}

/* 12. Both of the pair at once, then all pods at once. */
static void all_restarted(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    world_pod_signal(s.world, 0, SIGKILL);
    world_pod_signal(s.world, 1, SIGKILL);
    story_expect_until_converged(&s, TRACE_REFRESH("0"));
    for (unsigned i = 0; i < s.config.pods; i++)
        world_pod_signal(s.world, i, SIGKILL);
    story_expect_until_converged(&s, TRACE_REFRESH("0"));
    story_end(&s);
}

/* 13. The record is deleted: the cluster is discovered anew, and nothing is lost. */
static void record_deleted(const char *name)
{
    struct story s;
    struct kube_key key = {KUBE_CONFIGMAPS, WORLD_NAMESPACE, WORLD_STATEFULSET "-state"};
    struct kube_delete how = {.grace_s = -1};

    story_init(&s, name);
    story_begin(&s);
    story_run(&s, SECONDS(3));
    s.check.record_may_fall = true;
    json_decref(kube_store_delete(s.world->store, &key, &how).body);
    story_run(&s, SECONDS(2));
    story_expect(&s, "B4 write_record, O7 write_record");
    story_end(&s);
}

/* A cluster that ran by hand is adopted: S was restarted in the main's epoch, which Memgraph's own
 * history does not survive. Nobody is refused when the main moves. */
static void adopted_with_a_past(const char *name)
{
    struct story s;
    struct kube_key key = {KUBE_CONFIGMAPS, WORLD_NAMESPACE, WORLD_STATEFULSET "-state"};
    struct kube_delete how = {.grace_s = -1};

    story_init(&s, name);
    story_begin(&s);
    world_controller_hold(s.world, 0, true); /* nobody is there yet */
    world_controller_kill(s.world, 0);
    world_pod_signal(s.world, 1, SIGKILL);
    story_run(&s, SECONDS(10));
    s.check.record_may_fall = true;
    json_decref(kube_store_delete(s.world->store, &key, &how).body);
    world_controller_hold(s.world, 0, false);
    story_run(&s, SECONDS(8));
    story_expect(&s, "B4 write_record, O7 write_record");
    person_asks(s.world, "switchover", "{}");
    story_until(&s, "the main does not move", story_main_is_1, SECONDS(5));
    story_run(&s, SECONDS(5));
    story_expect(&s, TRACE_REFRESH("0") ", " TRACE_SWITCHOVER);
    story_end(&s);
}

/* 16. The main comes back with an empty volume: it feeds nobody, and S takes over. */
static void main_volume_lost(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    kube_cluster_volume_lose(s.world->cluster, 0);
    world_pod_signal(s.world, 0, SIGKILL);
    story_until(&s, "no failover", story_main_is_1, SECONDS(5));
    story_run(&s, MS(20));
    story_expect(&s, TRACE_FAILOVER);
    story_expect_until_converged(&s, TRACE_OLD_MAIN_RETURNS);
    story_end(&s);
}

/* 16. The SYNC replica comes back with an empty volume: it is filled anew. */
static void sync_volume_lost(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    kube_cluster_volume_lose(s.world->cluster, 1);
    world_pod_signal(s.world, 1, SIGKILL);
    story_run(&s, SECONDS(2));
    story_expect_until_converged(
        &s, "O1 write_record, O1 demote 1, " TRACE_REFRESH("0") ", "
                                                                "O1 write_record");
    story_end(&s);
}

/* 16. The main's machine dies with the end of its log. */
static void main_tail_lost(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    world_node_crash(s.world, 0);
    story_until(&s, "no failover", story_main_is_1, SECONDS(6));
    story_run(&s, MS(20));
    story_expect(&s, TRACE_FAILOVER);
    world_node_return(s.world, 0);
    story_expect_until_converged(&s, TRACE_OLD_MAIN_RETURNS);
    story_end(&s);
}

/* 17. The main's address goes to another pod: no session reaches that one as the main. */
static void address_reused(const char *name)
{
    struct story s;

    story_init(&s, name);
    s.config.cluster.address = KUBE_CLUSTER_ADDRESS_REUSE;
    story_begin(&s);
    json_decref(kube_cluster_delete(s.world->cluster, WORLD_STATEFULSET "-0", 0).body);
    json_decref(kube_cluster_delete(s.world->cluster, WORLD_STATEFULSET "-2", 0).body);
    world_cluster_asked(s.world);
    story_run(&s, MS(100));
    story_expect(&s, TRACE_PROMOTION);
    story_expect_until_converged(
        &s, "O7 register 1, O1 demote 0, O1 write_record, O7 register 1, " TRACE_REFRESH("1"));
    story_end(&s);
}

/* 25. DNS is gone: addresses are IP addresses, so nothing depends on it. */
static void dns_gone(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    net_set_dns(false);
    world_pod_signal(s.world, 0, SIGKILL);
    story_until(&s, "no failover", story_main_is_1, SECONDS(1));
    story_run(&s, MS(20));
    story_expect(&s, TRACE_FAILOVER);
    story_expect_until_converged(&s, TRACE_OLD_MAIN_RETURNS);
    story_end(&s);
}

/* 25. The wall clock of the leader jumps an hour, there and back. */
static void clock_jumps(const char *name)
{
    struct story s;
    struct loop *leader;

    story_init(&s, name);
    s.config.controllers = 2;
    story_begin(&s);
    leader = s.world->controllers[world_leader(s.world)].process;
    process_shift_wall(leader, SECONDS(3600));
    story_run(&s, SECONDS(5));
    process_shift_wall(leader, -2 * SECONDS(3600));
    story_run(&s, SECONDS(5));
    story_require(&s, s.ledger.longest_gap_us < MS(100), "clients noticed it");
    story_expect(&s, "");
    story_end(&s);
}

/* As soon as it has started it lives for so long, and dies again. */
static void crash_again_and_again(struct story *s, unsigned pod, int64_t life_us, int64_t for_us)
{
    int64_t until_us = clock_now_us() + for_us;

    while (clock_now_us() < until_us) {
        if (world_model(s->world, pod)) {
            story_run(s, life_us);
            world_pod_signal(s->world, pod, SIGKILL);
        }
        story_run(s, MS(10));
    }
}

/* 27. Crash loop of the main, dying before and after it could be the SYNC replica: the other one
 * takes over, once, and writes go on in between. */
static void crash_loop(const char *name)
{
    struct story s;
    size_t acknowledged;

    story_init(&s, name);
    s.config.cluster.backoff_us = SECONDS(1);
    s.config.cluster.backoff_max_us = SECONDS(5);
    story_begin(&s);
    crash_again_and_again(&s, 0, MS(100), SECONDS(20));
    story_require(&s, story_writes_go_on(&s), "the new main does not take writes");
    acknowledged = s.ledger.acknowledged;
    crash_again_and_again(&s, 0, SECONDS(3), SECONDS(60));
    story_require(&s, s.ledger.acknowledged > acknowledged + 100, "writes do not go on");
    story_require(&s, kube_cluster_pod(s.world->cluster, 0)->restarts > 10, "it did not die often");
    story_require(&s, s.ledger.moves == 1, "the main went back and forth");
    story_end(&s);
}

/* 27. The same without a SYNC replica: no failover, nothing is acknowledged; both come back. */
static void crash_loop_alone(const char *name)
{
    struct story s;
    int64_t since_us;

    story_init(&s, name);
    story_begin(&s);
    story_lose_sync(&s);
    story_run(&s, SECONDS(1));
    since_us = s.ledger.last_ack_us;
    crash_again_and_again(&s, 0, MS(100), SECONDS(10));
    crash_again_and_again(&s, 0, SECONDS(3), SECONDS(20));
    story_require(&s, s.ledger.last_ack_us == since_us, "a write was acknowledged without S");
    story_require(&s, s.ledger.moves == 0, "the main moved");
    kube_cluster_hold(s.world->cluster, clock_now_us(), 1, false);
    world_cluster_asked(s.world);
    story_end(&s);
}

const struct story_entry stories_failures[] = {
    {"main_killed", main_killed},
    {"main_frozen", main_frozen},
    {"main_cut_off", main_cut_off},
    {"api_away", api_away},
    {"leader_frozen", leader_frozen},
    {"leader_thawed", leader_thawed},
    {"sync_lost_required", sync_lost_required},
    {"sync_lost_preferred", sync_lost_preferred},
    {"all_restarted", all_restarted},
    {"record_deleted", record_deleted},
    {"adopted_with_a_past", adopted_with_a_past},
    {"main_volume_lost", main_volume_lost},
    {"sync_volume_lost", sync_volume_lost},
    {"main_tail_lost", main_tail_lost},
    {"address_reused", address_reused},
    {"dns_gone", dns_gone},
    {"clock_jumps", clock_jumps},
    {"crash_loop", crash_loop},
    {"crash_loop_alone", crash_loop_alone},
    {NULL, NULL},
};
