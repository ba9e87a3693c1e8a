/* stories_network: who cannot reach whom, and what answers late. */
#include "tests/scenarios/story.h"

static void cut_pods(struct story *s, unsigned a, unsigned b, bool blocked)
{
    path_block_both(s->world->pods[a].host, s->world->pods[b].host, blocked);
}

/* The main is cut off from everybody but a client, who writes to it. */
static void leave_main_with_a_client(struct story *s)
{
    path_block_both(s->world->pods[0].host, s->world->controllers[0].host, true);
    cut_pods(s, 0, 1, true);
    cut_pods(s, 0, 2, true);
    story_ask_pod(s, 0, NULL, "CREATE (:Elsewhere)");
    story_until(s, "no failover", story_main_is_1, SECONDS(6));
}

/* It has acknowledged nothing to that one. */
static void look_at_the_client(struct story *s)
{
    story_require(s, !story_is_answered(s), "the old main acknowledges a write");
    story_hang_up(s);
    story_expect(s, TRACE_FAILOVER);
}

/* 4, 21. The main is cut off from S alone, and then all are from S: a stalled main is not a dead
 * one. Nothing is acknowledged, nobody is promoted. */
static void sync_cut_off(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    cut_pods(&s, 0, 1, true);
    story_run(&s, SECONDS(40));
    story_require(&s, s.ledger.last_ack_us < clock_now_us() - SECONDS(39),
                  "a write was acknowledged without S");
    cut_pods(&s, 0, 1, false);
    story_expect_until_converged(&s, "O7 write_record, O7 write_record"); /* unproven, and proven */
    path_block_both(s.world->pods[1].host, s.world->controllers[0].host, true);
    cut_pods(&s, 0, 1, true);
    story_run(&s, SECONDS(20));
    story_require(&s, s.ledger.moves == 0, "the main moved");
    net_heal();
    story_end(&s);
}

/* 4. The main hears the controller, and is not heard. */
static void main_cut_off_one_way(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    path_block(s.world->pods[0].host, s.world->controllers[0].host, true);
    story_until(&s, "no failover", story_main_is_1, SECONDS(6));
    story_run(&s, SECONDS(5));
    story_expect(&s, TRACE_FAILOVER);
    net_heal();
    story_expect_until_converged(&s, TRACE_OLD_MAIN_RETURNS);
    story_end(&s);
}

/* 4. The main is cut off from everybody but a client: it acknowledges nothing to that one. */
static void main_alone_with_a_client(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    story_tell_pod(&s, 0, "RETURN 1"); /* the client can reach it */
    leave_main_with_a_client(&s);
    story_run(&s, SECONDS(20));
    look_at_the_client(&s);
    net_heal();
    story_expect_until_converged(&s, TRACE_OLD_MAIN_RETURNS);
    story_end(&s);
}

/* 11. In SYNC mode the old main commits what it never acknowledges. When it is back it is refused
 * as diverged, and filled anew; what it had is kept aside. */
static void old_main_has_more(const char *name)
{
    struct story s;

    story_init(&s, name);
    world_set(&s.config, "REPLICATION_MODE", "sync");
    story_begin(&s);
    leave_main_with_a_client(&s);
    story_run(&s, SECONDS(40));
    look_at_the_client(&s);
    net_heal();
    story_expect_until_converged(
        &s, "O1 demote 0, O7 register 1, O1 write_record, "
            "O8 write_record, O7 drop 1, O8 delete_pod 0, O1 write_record, " TRACE_OLD_MAIN_RETURNS
            ", O8 write_record");
    story_require(&s, s.world->pods[0].volume.aside[0] != '\0', "nothing was kept aside");
    story_end(&s);
}

/* The cluster's own defaults: with a lease of 3 s nobody leads while an answer takes 4 s. */
static void set_slow_lease(struct story *s)
{
    world_set(&s->config, "LEASE_DURATION", "15s");
    world_set(&s->config, "LEASE_RENEW_DEADLINE", "10s");
    world_set(&s->config, "LEASE_RETRY_PERIOD", "2s");
}

/* 6. Each answer of the API server takes 4 s: a failover takes two of them, clients notice nothing
 * before. */
static void api_slow(const char *name)
{
    struct story s;

    story_init(&s, name);
    set_slow_lease(&s);
    story_begin(&s);
    api_set_slow(SECONDS(2), SECONDS(2));
    story_run(&s, SECONDS(30));
    story_require(&s, s.ledger.longest_gap_us < MS(100), "clients noticed that the API was slow");
    story_expect(&s, "");
    world_pod_signal(s.world, 0, SIGSTOP);
    story_until(&s, "no failover", story_main_is_1, SECONDS(20));
    api_set_slow(0, 0);
    story_run(&s, SECONDS(5));
    story_expect(&s, TRACE_FAILOVER);
    world_pod_signal(s.world, 0, SIGCONT);
    story_end(&s);
}

/* 6. It is away two thirds of the time, again and again. */
static void api_flaps(const char *name)
{
    struct story s;

    story_init(&s, name);
    set_slow_lease(&s);
    story_begin(&s);
    for (unsigned i = 0; i < 30; i++) {
        if (i == 20)
            world_pod_signal(s.world, 0, SIGSTOP);
        api_set_mode(API_REFUSES);
        story_run(&s, MS(1100));
        api_set_mode(API_SERVES);
        story_run(&s, MS(600));
        story_require(&s, i >= 20 || s.ledger.longest_gap_us < MS(100), "clients noticed it");
    }
    story_require(&s, story_main_is_1(&s), "no failover");
    story_expect(&s, TRACE_FAILOVER);
    world_pod_signal(s.world, 0, SIGCONT);
    story_end(&s);
}

/* 6. Watches are open and say nothing any more: the main is replaced all the same. */
static void api_stale(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    api_set_stale(true);
    story_run(&s, SECONDS(10));
    story_require(&s, s.ledger.longest_gap_us < MS(100),
                  "clients noticed that watches were silent");
    world_pod_signal(s.world, 0, SIGSTOP);
    story_until(&s, "no failover", story_main_is_1, SECONDS(5));
    story_run(&s, MS(20));
    story_expect(&s, TRACE_FAILOVER);
    api_set_stale(false);
    world_pod_signal(s.world, 0, SIGCONT);
    story_end(&s);
}

const struct story_entry stories_network[] = {
    {"sync_cut_off", sync_cut_off},
    {"main_cut_off_one_way", main_cut_off_one_way},
    {"main_alone_with_a_client", main_alone_with_a_client},
    {"old_main_has_more", old_main_has_more},
    {"api_slow", api_slow},
    {"api_flaps", api_flaps},
    {"api_stale", api_stale},
    {NULL, NULL},
};
