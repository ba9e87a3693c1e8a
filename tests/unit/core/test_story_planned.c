/* Stories of what is planned: the main moves while it lives, pods are restarted one by one. The
 * traces are exact. */
#include "world.h"

#include "core/stopping.h"

#include "../cmocka_test.h"

static void set(struct world *w)
{
    for (int i = 0; i < WORLD_CONTROLLERS; i++)
        w->controllers[i].view.settings = w->settings;
}

static void test_an_operator_moves_the_main(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_request(w, "switchover@5");
    world_run(w, 200 * ms);
    assert_string_equal(w->controllers[0].gates, "open cut open");
    WORLD_EXPECT(w, SWITCHED(2, 0, 1, "switchover"), "EPOCH register 1 0 strict_sync",
                 "EPOCH register 1 2 async", "EPOCH touch 1", "EPOCH record 2 - ready:r0.1",
                 "EPOCH event SwitchoverDone");
    assert_string_equal(w->record.request, "");
    assert_string_equal(w->record.answer, "switchover@5: served");
    assert_int_equal(w->record.promoted, PROMOTED_SWITCHOVER);
    assert_int_equal(w->record.fenced, 0);
    assert_string_equal(w->record.reason, "mg-0 hands over: an operator asks for it");
    (void)world_until(w, world_is_ready, second, "nobody was refused");
    assert_int_equal(world_write(w, 0), WRITTEN);
    world_request(w, "switchover:0@6");
    world_run(w, 200 * ms);
    assert_int_equal(w->record.target, 0);
    (void)world_until(w, world_is_ready, second, "and back");
    world_free(w);
}

/* The gap, in virtual time: what the steps take with nothing to wait for. */
static void test_a_switchover_is_short(void **state)
{
    struct world *w = world_formed(3);
    int64_t took_us;

    (void)state;
    world_request(w, "switchover@5");
    (void)world_until(w, world_is_closed, 50 * ms, "the gate closes");
    took_us = world_until(w, world_is_open, 200 * ms, "the other serves");
    if (took_us > 40 * ms)
        fail_msg("the gap is %lld us", (long long)took_us);
    world_free(w);
}

static void test_sessions_may_end_by_themselves_first(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    w->settings.switchover_drain_us = 300 * ms;
    set(w);
    world_request(w, "switchover@5");
    world_run(w, 250 * ms);
    assert_string_equal(w->controllers[0].gates, "open drain");
    assert_int_equal(w->record.epoch, 1);
    world_run(w, 300 * ms);
    assert_string_equal(w->controllers[0].gates, "open drain cut open");
    assert_int_equal(w->record.target, 1);
    world_free(w);
}

static void refused(const char *request, const char *why)
{
    struct world *w = world_formed(3);

    world_request(w, request);
    world_run(w, 70 * second);
    assert_string_equal(w->record.request, "");
    if (!strstr(w->trace, "REQUEST event RequestRefused") ||
        !strstr(world_event(&w->controllers[0]), why))
        fail_msg("%s: '%s', wanted '%s'\n%s", request, world_event(&w->controllers[0]), why,
                 w->trace);
    if (!str_starts(str_of(w->record.answer), request) ||
        !strstr(w->record.answer, ": refused: ") || !strstr(w->record.answer, why))
        fail_msg("answer '%s'", w->record.answer);
    assert_string_equal(w->controllers[0].gates, "open");
    world_free(w);
}

static void test_requests_that_make_no_sense(void **state)
{
    (void)state;
    refused("switchover:0@1", "mg-0 is main already");
    refused("switchover:2@1", "only mg-0 and mg-1 may be main");
    refused("coffee@1", "its text makes no sense");
    refused("rebuild@1", "its text makes no sense");
    refused("rebuild:0@1", "it is the main: switch over first");
    refused("rebuild:9@1", "there is no such pod");
}

static void test_a_switchover_without_s_is_refused_after_a_while(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_kill(w, 1);
    world_run(w, second);
    world_request(w, "switchover@5");
    world_run(w, 9 * second);
    assert_string_not_equal(w->record.request, "");
    assert_true(strstr(w->trace, "O5 event SwitchoverWaits"));
    assert_null(strstr(w->trace, "FailoverRefused")); /* the main serves: none was asked for */
    assert_false(world_plan(w)->failover_refused);
    world_run(w, 2 * second);
    assert_string_equal(w->record.request, "");
    assert_true(strstr(w->trace, "REQUEST event RequestRefused"));
    assert_int_equal(w->record.target, 0);
    world_start(w, 1);
    (void)world_until(w, world_is_ready, 30 * second, "S is back");
    assert_int_equal(w->record.target, 0); /* the old request does not come back with it */
    world_free(w);
}

/* S comes back in time: then it is served. */
static void test_a_switchover_waits_for_s(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_kill(w, 1);
    world_run(w, second);
    world_request(w, "switchover@5");
    world_run(w, 2 * second);
    world_start(w, 1);
    world_run(w, 4 * second);
    assert_int_equal(w->record.target, 1);
    (void)world_until(w, world_is_ready, 5 * second, "all well");
    world_free(w);
}

/* An A that hangs is waited for, and then left out. */
static void test_an_a_in_the_old_epoch_is_waited_for(void **state)
{
    struct world *w = world_formed(3);
    int64_t took_us;

    (void)state;
    w->pods[2].stuck = true;
    fake_row(w, 0, 2)->status = ROW_RECOVERY;
    fake_row(w, 0, 2)->ts = w->pods[2].ldt = 1;
    world_request(w, "switchover@5");
    (void)world_until(w, world_is_closed, 50 * ms, "the gate closes");
    took_us = world_until(w, world_is_open, 5 * second, "it goes on without A");
    assert_true(took_us > 1900 * ms && took_us < 2500 * ms);
    w->pods[2].stuck = false;
    (void)world_until(w, world_is_ready, 60 * second, "A joins");
    world_free(w);
}

/* S never gets ready: the gate opens again, and it is tried later. */
static void test_a_switchover_is_given_up(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_delete(w, 0, 60 * second);
    w->injection = (struct injection){EFFECT_TOUCH, 0, OUTCOME_BUSY, 100000};
    (void)world_until(w, world_is_closed, 50 * ms, "the gate closes");
    (void)world_until(w, world_is_open, 11 * second, "and opens again");
    assert_int_equal(w->record.epoch, 1);
    w->injection.count = 0;
    world_run(w, 6 * second);
    assert_int_equal(w->record.target, 1);
    world_run(w, second);
    (void)world_until(w, world_is_ready, 10 * second, "done after all");
    world_free(w);
}

/* All pods, from the highest ordinal down, with a write in every pause. Returns the worst of what
 * the gate did for each pod, as text. */
static void roll(struct world *w, char gates[3][200])
{
    for (int i = 2; i >= 0; i--) {
        unsigned starts = w->pods[i].starts;

        world_forget(w);
        world_delete(w, i, 30 * second);
        while (w->pods[i].starts == starts) {
            world_run(w, 20 * ms);
            if (w->writes_n < 60)
                (void)world_write(w, 0);
        }
        (void)world_until(w, world_is_ready, 10 * second, "everybody is back");
        (void)str_copy(gates[i], 200, w->controllers[0].gates);
    }
}

static void test_a_rolling_restart(void **state)
{
    static const enum replication_mode modes[] = {REPLICATION_AUTO, REPLICATION_SYNC};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        struct world *w = world_formed(3);
        char gates[3][200];

        w->settings.replication_mode = modes[i];
        set(w);
        roll(w, gates);
        assert_string_equal(gates[2], "open");                     /* an A costs nothing */
        assert_string_equal(gates[1], "open hold open hold open"); /* S goes, S joins */
        assert_string_equal(gates[0], "open cut open hold open");  /* T moves, the old one joins */
        assert_int_equal(w->record.target, 1);
        if (strstr(w->trace, "refused"))
            fail_msg("%s", w->trace);
        roll(w, gates); /* now the main is the second to go: it moves twice */
        assert_string_equal(gates[1], "open cut open hold open");
        assert_string_equal(gates[0], "open cut open hold open");
        assert_int_equal(w->record.target, 1);
        world_free(w);
    }
}

static void test_s_is_restarted_as_planned(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_delete(w, 1, 30 * second);
    world_run(w, 300 * ms);
    WORLD_EXPECT(w, "O6 record 2 refresh none:planned:304100000", "EPOCH demote 0",
                 "EPOCH promote 0", "EPOCH register 0 2 async", "EPOCH touch 0",
                 "EPOCH record 2 - none:planned:304100000", "EPOCH event EpochRefreshed");
    assert_false(w->pods[1].exists);
    assert_int_equal(world_write(w, 0), WRITTEN);
    (void)world_until(w, world_is_ready, 10 * second, "S is back");
    WORLD_EXPECT(w, "O7 register 0 1 async", "O6 record 3 refresh none:planned:304100000",
                 "EPOCH demote 0", "EPOCH promote 0", "EPOCH register 0 1 strict_sync",
                 "EPOCH register 0 2 async", "EPOCH touch 0", "EPOCH record 3 - ready:r1.2",
                 "EPOCH event EpochRefreshed");
    world_free(w);
}

/* After PLANNED_RESTART_LIMIT the main serves alone no more. */
static void test_s_does_not_come_back_from_its_planned_restart(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_delete(w, 1, 30 * second);
    world_run(w, 300 * ms);
    w->pods[1].kubelet_at = INT64_MAX;
    world_run(w, 290 * second);
    assert_true(world_is_open(w));
    world_run(w, 15 * second);
    assert_false(world_is_open(w));
    w->pods[1].kubelet_at = w->now_us;
    (void)world_until(w, world_is_ready, 10 * second, "S is back");
    world_free(w);
}

static void test_planned_restarts_may_block_instead(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    w->settings.planned_restart = PLANNED_BLOCK;
    set(w);
    world_delete(w, 1, 30 * second);
    world_run(w, 250 * ms);
    assert_false(w->pods[1].exists); /* nothing keeps it */
    assert_string_equal(world_sync(w), "ready:r1.1");
    assert_false(world_is_open(w));
    (void)world_until(w, world_is_ready, 10 * second, "S is back");
    assert_string_equal(w->controllers[0].gates, "open hold open");
    world_forget(w);
    world_delete(w, 0, 30 * second);
    world_run(w, 250 * ms);
    assert_int_equal(w->record.target, 1);
    assert_string_equal(world_sync(w), "none:switchover");
    assert_false(world_is_open(w)); /* and waits for the other */
    (void)world_until(w, world_is_ready, 10 * second, "the old main is back");
    world_free(w);
}

/* While it answers: of a silent one the main's DROP would wait for the call under way. */
static void test_an_async_replica_is_let_go_first(void **state)
{
    struct world *w = world_formed(3);
    char why[WHY_SIZE];

    (void)state;
    assert_false(stopping_may(&w->controllers[0].view, 2, why));
    assert_string_equal(why, "the main still has a registration of mg-2");
    world_request(w, "stop:2@1");
    world_run(w, 300 * ms);
    WORLD_EXPECT(w, "O7 drop 0 2");
    assert_true(stopping_may(&w->controllers[0].view, 2, why));
    world_kill(w, 2);
    world_run(w, second);
    world_start(w, 2);
    (void)world_until(w, world_is_ready, 10 * second, "it is back");
    world_free(w);
}

/* A container that is restarted in its pod: Kubernetes calls nothing terminating. */
static void test_a_pod_asks_to_stop(void **state)
{
    struct world *w = world_formed(3);
    char why[WHY_SIZE];

    (void)state;
    assert_false(stopping_may(&w->controllers[0].view, 0, why));
    assert_string_equal(why, "mg-0 is main");
    assert_false(stopping_may(&w->controllers[0].view, 1, why));
    assert_string_equal(why, "the main still counts on mg-1");
    world_request(w, "stop:0@1");
    world_run(w, 300 * ms);
    assert_int_equal(w->record.target, 1);
    assert_true(stopping_may(&w->controllers[0].view, 0, why));
    assert_string_equal(w->record.request, "stop:0@1"); /* S does not join again meanwhile */
    world_kill(w, 0);
    world_run(w, second);
    assert_string_equal(w->record.request, "");
    assert_string_equal(w->record.answer, ""); /* nobody waits for this one's */
    world_start(w, 0);
    (void)world_until(w, world_is_ready, 10 * second, "it is back");
    assert_int_equal(w->record.target, 1);
    world_request(w, "stop:0@1");
    world_run(w, 300 * ms);
    assert_true(stopping_may(&w->controllers[0].view, 0, why));
    assert_int_equal(w->record.sync_why, SYNC_WHY_PLANNED);
    (void)world_until(w, world_is_ready, 80 * second, "it did not stop after all");
    assert_string_equal(w->record.request, "");
    world_free(w);
}

static void test_the_main_is_not_ready_for_long(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_run(w, 290 * second);
    world_ready(w, 0, false);
    world_run(w, 9 * second);
    assert_int_equal(w->record.target, 0);
    world_run(w, 2 * second);
    assert_int_equal(w->record.target, 1);
    world_run(w, second);
    world_ready(w, 1, false);
    world_ready(w, 0, true);
    world_run(w, 280 * second);
    assert_int_equal(w->record.target, 1); /* no ping-pong */
    world_run(w, 30 * second);
    assert_int_equal(w->record.target, 0);
    world_free(w);
}

static void test_nothing_is_decided_while_paused(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_pause(w, "me@0..60000");
    world_request(w, "switchover@1");
    world_run(w, 2 * second);
    world_kill(w, 2);
    world_run(w, 2 * second);
    world_kill(w, 0);
    world_run(w, 40 * second);
    assert_string_equal(w->trace, "");
    assert_false(world_is_open(w));
    world_run(w, 20 * second);
    assert_int_equal(w->record.target, 1); /* the pause is over by itself */
    world_start(w, 0);
    world_start(w, 2);
    (void)world_until(w, world_is_ready, 20 * second, "all are back");
    world_free(w);
}

/* T dies in the middle of being replaced, before it was demoted: it is a failover then. And the one
 * who was to take over dies: the main has not moved. */
static void test_a_death_within_a_switchover(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    w->injection = (struct injection){EFFECT_DEMOTE, 0, OUTCOME_BUSY, 1000};
    world_request(w, "switchover@1");
    world_run(w, 200 * ms);
    assert_int_equal(w->record.transition, EPOCH_SWITCHOVER);
    world_kill(w, 0);
    (void)world_until(w, world_is_open, second, "the other serves");
    assert_true(record_is_fenced(&w->record, 0));
    assert_non_null(strstr(w->record.history[1], "{\"epoch\":2,\"kind\":\"failover\","));
    assert_non_null(strstr(w->trace, "EPOCH event FailoverDone"));
    world_start(w, 0);
    w->injection.count = 0;
    (void)world_until(w, world_is_ready, 10 * second, "joined");
    w->injection = (struct injection){EFFECT_DEMOTE, 1, OUTCOME_BUSY, 1000};
    world_forget(w);
    world_request(w, "switchover@1");
    world_run(w, 200 * ms);
    assert_int_equal(w->record.target, 0);
    world_kill(w, 0);
    world_run(w, 100 * ms);
    assert_int_equal(w->record.target, 1); /* back again */
    assert_true(strstr(w->trace, "O3 record 5 switchover none:switchover"));
    assert_true(record_is_fenced(&w->record, 0));
    w->injection.count = 0;
    world_start(w, 0);
    (void)world_until(w, world_is_ready, 10 * second, "joined");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_operator_moves_the_main),
        cmocka_unit_test(test_a_switchover_is_short),
        cmocka_unit_test(test_sessions_may_end_by_themselves_first),
        cmocka_unit_test(test_requests_that_make_no_sense),
        cmocka_unit_test(test_a_switchover_without_s_is_refused_after_a_while),
        cmocka_unit_test(test_a_switchover_waits_for_s),
        cmocka_unit_test(test_an_a_in_the_old_epoch_is_waited_for),
        cmocka_unit_test(test_a_switchover_is_given_up),
        cmocka_unit_test(test_a_rolling_restart),
        cmocka_unit_test(test_s_is_restarted_as_planned),
        cmocka_unit_test(test_s_does_not_come_back_from_its_planned_restart),
        cmocka_unit_test(test_planned_restarts_may_block_instead),
        cmocka_unit_test(test_an_async_replica_is_let_go_first),
        cmocka_unit_test(test_a_pod_asks_to_stop),
        cmocka_unit_test(test_the_main_is_not_ready_for_long),
        cmocka_unit_test(test_nothing_is_decided_while_paused),
        cmocka_unit_test(test_a_death_within_a_switchover),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
