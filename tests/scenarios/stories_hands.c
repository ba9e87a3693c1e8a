/* stories_hands: what people do behind the controllers' back, and at bad moments. */
#include "tests/scenarios/story.h"

/* 18. S is made main by hand: it is demoted, and joins again. */
static void sync_promoted_by_hand(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    story_tell_pod(&s, 1, "SET REPLICATION ROLE TO MAIN");
    story_run(&s, SECONDS(3));
    story_require(&s, s.ledger.moves == 0, "the main moved");
    story_expect_until_converged(
        &s, "O7 write_record, O1 write_record, O1 demote 1, " TRACE_REFRESH("0") ", "
                                                                                 "O1 write_record");
    story_end(&s);
}

/* 18. The main is made a replica by hand: a new epoch begins on it. */
static void main_demoted_by_hand(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    story_tell_pod(&s, 0, "SET REPLICATION ROLE TO REPLICA WITH PORT 10000");
    story_run(&s, SECONDS(3));
    story_expect(&s, "O3 write_record, EPOCH promote 0, EPOCH register 0, EPOCH register 0, "
                     "EPOCH touch 0, EPOCH write_record");
    story_end(&s);
}

/* 18. A registration is dropped by hand, of S, then of the ASYNC replica: it is made again. */
static void registrations_dropped_by_hand(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    story_tell_pod(&s, 0, "DROP REPLICA memgraph_1");
    story_expect_until_converged(&s, "O7 write_record, " TRACE_JOINS("0"));
    story_tell_pod(&s, 0, "DROP REPLICA memgraph_2");
    story_run(&s, SECONDS(1));
    story_expect_until_converged(&s, "O7 register 0");
    story_require(&s, s.ledger.moves == 0, "the main moved");
    story_end(&s);
}

/* 18. An ASYNC replica is made main by hand, and takes S for its own: the last one to register it
 * owns it, and the main goes on calling it ready until the next write. */
static void sync_stolen_by_hand(const char *name)
{
    struct story s;
    char query[160];

    story_init(&s, name);
    story_begin(&s);
    (void)str_format(query, sizeof query, "REGISTER REPLICA mine ASYNC TO '%s:10000'",
                     host_ip(s.world->pods[1].host));
    story_tell_pod(&s, 2, "SET REPLICATION ROLE TO MAIN");
    story_ask_pod(&s, 2, NULL, query);
    story_run(&s, SECONDS(3)); /* that it is refused changes nothing: S obeys it all the same */
    story_hang_up(&s);
    story_until(&s, "not as it should be", story_converged, SECONDS(30));
    story_require(&s, s.ledger.moves == 0, "the main moved");
    story_end(&s);
}

/* 12. All three are main, with data, when the controllers come: the record decides. */
static void all_are_main(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    world_controller_hold(s.world, 0, true);
    world_controller_kill(s.world, 0);
    story_tell_pod(&s, 1, "SET REPLICATION ROLE TO MAIN");
    story_tell_pod(&s, 2, "SET REPLICATION ROLE TO MAIN");
    world_controller_hold(s.world, 0, false);
    story_run(&s, SECONDS(3));
    story_expect_until_converged(
        &s, "O1 write_record, O1 demote 1, O1 write_record, O1 demote 2, " TRACE_REFRESH(
                "0") ", O1 write_record");
    story_end(&s);
}

/* 19. S is restarted, writes follow, and it becomes main: nobody is refused as diverged (Bug H). */
static void sync_restarted_then_promoted(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    for (unsigned i = 0; i < 4; i++) {
        unsigned sync = i % 2 ? 0 : 1;

        world_pod_signal(s.world, sync, SIGKILL);
        story_run(&s, MS(500));
        story_until(&s, "S does not join", story_converged, SECONDS(20));
        story_run(&s, SECONDS(1));
        world_pod_signal(s.world, 1 - sync, SIGKILL);
        story_run(&s, MS(500));
        story_until(&s, "the old main does not join", story_converged, SECONDS(20));
        story_require(&s, s.ledger.moves == i + 1, "the main did not move");
    }
    story_require(&s, s.world->controllers[0].controller->outcomes[OUTCOME_REFUSED] == 0,
                  "a replica was refused as diverged");
    story_end(&s);
}

/* 26. A switchover is asked for while nothing is decided: it is refused, and not done later. */
static void switchover_while_paused(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    person_asks(s.world, "pause", "{}");
    story_run(&s, MS(500));
    person_asks(s.world, "switchover", "{}");
    story_run(&s, SECONDS(5));
    person_asks(s.world, "resume", NULL);
    story_run(&s, SECONDS(5));
    story_expect(&s, "");
    story_require_smooth(&s);
    story_end(&s);
}

/* 26. To a pod that is not Ready: refused at once, and the main serves as before. */
static void switchover_to_nobody(const char *name)
{
    struct story s;

    story_init(&s, name);
    world_set(&s.config, "DURABILITY", "preferred");
    story_begin(&s);
    story_lose_sync(&s);
    story_run(&s, SECONDS(15));
    story_forget_trace(&s);
    person_asks(s.world, "switchover", "{}");
    story_run(&s, SECONDS(5));
    story_expect(&s, "");
    story_require(&s, world_record(s.world)->request[0] == '\0', "the request is open");
    story_require(&s, s.ledger.moves == 0 && story_writes_go_on(&s), "the main does not serve on");
    kube_cluster_hold(s.world->cluster, clock_now_us(), 1, false);
    world_cluster_asked(s.world);
    story_end(&s);
}

/* 26. During a rolling restart. */
static void switchover_while_rolling(const char *name)
{
    struct story s;

    story_init(&s, name);
    story_begin(&s);
    world_rollout(s.world);
    for (unsigned i = 0; i < 8; i++) {
        story_run(&s, MS(700));
        person_asks(s.world, "switchover", "{}");
    }
    story_until(&s, "the rolling restart does not end", story_converged, SECONDS(60));
    story_require_smooth(&s);
    story_end(&s);
}

const struct story_entry stories_hands[] = {
    {"sync_promoted_by_hand", sync_promoted_by_hand},
    {"main_demoted_by_hand", main_demoted_by_hand},
    {"registrations_dropped_by_hand", registrations_dropped_by_hand},
    {"sync_stolen_by_hand", sync_stolen_by_hand},
    {"all_are_main", all_are_main},
    {"sync_restarted_then_promoted", sync_restarted_then_promoted},
    {"switchover_while_paused", switchover_while_paused},
    {"switchover_to_nobody", switchover_to_nobody},
    {"switchover_while_rolling", switchover_while_rolling},
    {NULL, NULL},
};
