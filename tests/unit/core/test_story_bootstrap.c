/* Stories of the beginning: how a cluster is formed, adopted or refused. The traces are exact. */
#include "world.h"

#include "../cmocka_test.h"

static void test_three_empty_pods_form_a_cluster(void **state)
{
    struct world *w = world_new(3);

    (void)state;
    (void)world_until(w, world_is_ready, 5 * second, "the cluster is formed");
    WORLD_EXPECT(w, "B3 record 1 initial none:initial", "O1 record 1 initial none:initial",
                 "EPOCH demote 1", "EPOCH ensure_users 0", "O1 demote 2",
                 "EPOCH register 0 1 strict_sync", "EPOCH register 0 2 async", "EPOCH touch 0",
                 "EPOCH record 1 - ready:r1.1", "EPOCH event ClusterFormed",
                 "O1 record 1 - ready:r1.1");
    assert_string_equal(world_plan(w)->state, "OPERATIONAL_STATE");
    world_free(w);
}

static bool has_exited(const struct world *w)
{
    return w->controllers[0].exited;
}

/* Pods 0 and 1 with these roles and contents; expects the exit. */
static void refuse_pair(enum role role0, uint64_t data0, enum role role1, uint64_t data1,
                        const char *words)
{
    struct world *w = world_new(2);

    w->pods[0].role = role0;
    w->pods[0].data = data0;
    w->pods[1].role = role1;
    w->pods[1].data = data1;
    (void)world_until(w, has_exited, 5 * second, "an unknown state ends the program");
    assert_string_equal(w->trace, "B5 event UnknownState\nB5 exit\n");
    assert_string_equal(w->controllers[0].plan.state, "UNKNOWN_STATE");
    if (!strstr(w->controllers[0].plan.reason, words))
        fail_msg("the reason does not say '%s': %s", words, w->controllers[0].plan.reason);
    assert_false(w->record_exists);
    world_free(w);
}

static void test_unknown_states_are_refused(void **state)
{
    (void)state;
    refuse_pair(ROLE_MAIN, 1, ROLE_MAIN, 0, "two mains");
    refuse_pair(ROLE_MAIN, 0, ROLE_MAIN, 1, "two mains");
    refuse_pair(ROLE_MAIN, 1, ROLE_MAIN, 1, "two mains");
    refuse_pair(ROLE_REPLICA, 0, ROLE_REPLICA, 0, "no main");
    refuse_pair(ROLE_REPLICA, 1, ROLE_REPLICA, 1, "no main");
    refuse_pair(ROLE_MAIN, 0, ROLE_REPLICA, 1, "the main is empty and the replica has data");
    refuse_pair(ROLE_REPLICA, 1, ROLE_MAIN, 0, "the main is empty and the replica has data");
}

static void test_bootstrap_waits_until_both_are_ready(void **state)
{
    struct world *w = world_new(2);

    (void)state;
    world_ready(w, 1, false);
    world_run(w, 20 * second);
    assert_string_equal(w->trace, "");
    assert_non_null(strstr(world_plan(w)->reason, "waiting until mg-1 is Ready"));
    world_ready(w, 1, true);
    (void)world_until(w, world_is_ready, 5 * second, "the cluster is formed");
    world_free(w);
}

/* What was true of an empty pod long ago may be true no more. */
static void test_bootstrap_asks_again_after_waiting(void **state)
{
    struct world *w = world_new(2);

    (void)state;
    w->pods[0].mute = true;
    world_run(w, 5 * second);
    assert_string_equal(w->trace, "");
    w->pods[1].data = 2;
    world_run(w, 3 * second);
    w->pods[0].mute = false;
    (void)world_until(w, has_exited, 5 * second, "two mains, one with data");
    world_free(w);
}

/* A cluster that lives already: pod `t` is main, the other its replica, registered in a mode. */
static struct world *living(int t, bool registered, enum mode mode)
{
    struct world *w = world_new(3);
    struct effect e = {.kind = EFFECT_DEMOTE, .pod = 1 - t};

    w->pods[t].data = 1;
    assert_int_equal(fake_commit(w, t, 1), OUTCOME_OK);
    w->writes_n = 1;
    w->acked = 1;
    assert_int_equal(fake_command(w, &e), OUTCOME_OK);
    e.pod = 2;
    assert_int_equal(fake_command(w, &e), OUTCOME_OK);
    e = (struct effect){.kind = EFFECT_REGISTER, .pod = t, .target = 1 - t, .mode = mode};
    (void)str_format(e.address, sizeof e.address, "%s:10000", w->pods[1 - t].ip);
    if (registered)
        assert_int_equal(fake_command(w, &e), OUTCOME_OK);
    return w;
}

static void test_a_living_pair_is_adopted(void **state)
{
    struct world *w = living(1, true, MODE_ASYNC);

    (void)state;
    (void)world_until(w, world_is_ready, 10 * second, "the pair is adopted");
    WORLD_EXPECT(w, "B4 record 0 - none:adopted", "O6 record 1 refresh none:adopted",
                 "EPOCH demote 1", "EPOCH promote 1", "EPOCH register 1 0 strict_sync",
                 "EPOCH register 1 2 async", "EPOCH touch 1", "EPOCH record 1 - ready:r0.1",
                 "EPOCH event EpochRefreshed");
    world_free(w);
}

static void test_a_sync_pair_is_adopted_by_a_touch(void **state)
{
    struct world *w = living(0, true, MODE_STRICT_SYNC);

    (void)state;
    (void)world_until(w, world_is_ready, 10 * second, "the pair is adopted");
    WORLD_EXPECT(w, "B4 record 0 - none:adopted", "O7 touch 0", "O7 register 0 2 async",
                 "O7 record 0 - ready:r1.1");
    world_free(w);
}

/* Who knows whether its replicas were restarted in this lineage: a planned move makes a new one. */
static void test_an_adopted_main_begins_an_epoch_before_it_hands_over(void **state)
{
    struct world *w = living(0, true, MODE_STRICT_SYNC);

    (void)state;
    (void)world_until(w, world_is_ready, 10 * second, "the pair is adopted");
    world_forget(w);
    world_request(w, "switchover@5");
    world_run(w, second);
    WORLD_EXPECT(w, "O6 record 1 refresh none:refresh", "EPOCH demote 0", "EPOCH promote 0",
                 "EPOCH register 0 1 strict_sync", "EPOCH register 0 2 async", "EPOCH touch 0",
                 "EPOCH record 1 - ready:r1.1", "EPOCH event EpochRefreshed",
                 SWITCHED(2, 0, 1, "switchover"), "EPOCH register 1 0 strict_sync",
                 "EPOCH register 1 2 async", "EPOCH touch 1", "EPOCH record 2 - ready:r0.1",
                 "EPOCH event SwitchoverDone");
    assert_string_equal(w->record.answer, "switchover@5: served");
    world_free(w);
}

/* Its pod goes before a hook could wait for anything: S stays armed. */
static void test_an_adopted_main_that_is_deleted_is_replaced(void **state)
{
    struct world *w = living(0, true, MODE_STRICT_SYNC);

    (void)state;
    (void)world_until(w, world_is_ready, 10 * second, "the pair is adopted");
    world_delete(w, 0, 100 * ms);
    world_run(w, second);
    assert_int_equal(w->record.target, 1);
    assert_true(world_is_open(w));
    world_free(w);
}

static void test_an_unregistered_pair_is_adopted(void **state)
{
    struct world *w = living(0, false, MODE_ASYNC);

    (void)state;
    (void)world_until(w, world_is_ready, 10 * second, "the pair is adopted");
    WORLD_EXPECT(w, "B4 record 0 - none:adopted", "O7 register 0 1 async",
                 "O6 record 1 refresh none:adopted", "EPOCH demote 0", "EPOCH promote 0",
                 "EPOCH register 0 1 strict_sync", "EPOCH register 0 2 async", "EPOCH touch 0",
                 "EPOCH record 1 - ready:r1.1", "EPOCH event EpochRefreshed");
    world_free(w);
}

/* In the adopted pair S is another one than T thinks: the touch fails, the refresh brings it in. */
static void test_an_adopted_touch_that_fails_becomes_a_refresh(void **state)
{
    struct world *w = living(0, true, MODE_STRICT_SYNC);

    (void)state;
    w->injection = (struct injection){EFFECT_TOUCH, 0, OUTCOME_ABORTED, 1};
    (void)world_until(w, world_is_ready, 10 * second, "the pair is adopted");
    WORLD_EXPECT(w, "B4 record 0 - none:adopted", "O7 touch 0", "O6 record 1 refresh none:adopted",
                 "EPOCH demote 0", "EPOCH promote 0", "EPOCH register 0 1 strict_sync",
                 "EPOCH register 0 2 async", "EPOCH touch 0", "EPOCH record 1 - ready:r1.1",
                 "EPOCH event EpochRefreshed");
    world_free(w);
}

/* It was registered in the sync mode under an address that it has no more: nothing but a refresh
 * lets T's writes go on. */
static void test_an_adopted_pair_under_an_old_address(void **state)
{
    struct world *w = living(0, true, MODE_STRICT_SYNC);

    (void)state;
    (void)str_copy(w->pods[1].ip, sizeof w->pods[1].ip, "10.0.0.99");
    fake_row(w, 0, 1)->status = ROW_INVALID;
    controller_saw_pod(w, 0, 1);
    (void)world_until(w, world_is_ready, 20 * second, "the pair is adopted");
    assert_int_equal(world_write(w, 0), WRITTEN);
    world_free(w);
}

/* Its lineage was broken before us: S is refused in the refresh. T serves alone, and the Event
 * names both ways out; the first one heals it. */
static void test_an_adopted_pair_of_broken_lineage(void **state)
{
    struct world *w = living(0, true, MODE_ASYNC);

    (void)state;
    w->pods[0].tainted_epoch = w->pods[1].epoch;
    world_run(w, 20 * second);
    assert_true(world_is_open(w));
    assert_string_equal(world_sync(w), "none:adopted");
    WORLD_EXPECT(w, "B4 record 0 - none:adopted", "O6 record 1 refresh none:adopted",
                 "EPOCH demote 0", "EPOCH promote 0", "EPOCH register 0 1 strict_sync",
                 "EPOCH register 0 2 async", "EPOCH touch 0", "EPOCH record 1 - none:adopted",
                 "EPOCH event EpochRefreshed", "O8 event RebuildNeeded", "O7 drop 0 1");
    world_kill(w, 0);
    world_run(w, 100 * ms);
    world_start(w, 0);
    w->pods[0].tainted_epoch = -1;
    (void)world_until(w, world_is_ready, 20 * second, "healed by a restart");
    world_free(w);
}

static void test_initial_state_is_tried_again(void **state)
{
    struct world *w = world_new(2);

    (void)state;
    w->cut[0][1] = true;
    world_run(w, 12 * second);
    assert_string_equal(world_plan(w)->state, "INITIAL_STATE");
    assert_int_equal(world_plan(w)->gate.state == GATE_OPEN, false);
    WORLD_EXPECT(w, "B3 record 1 initial none:initial", "EPOCH demote 1", "EPOCH ensure_users 0",
                 "EPOCH register 0 1 strict_sync", "EPOCH touch 0", "EPOCH record 1 - none:initial",
                 "EPOCH event ClusterNotFormed", "O7 drop 0 1", "O7 register 0 1 async");
    w->cut[0][1] = false;
    (void)world_until(w, world_is_ready, 40 * second, "the cluster is formed after all");
    WORLD_EXPECT(w, "O6 record 2 refresh none:initial", "EPOCH demote 0", "EPOCH promote 0",
                 "EPOCH register 0 1 strict_sync", "EPOCH touch 0", "EPOCH record 2 - ready:r1.1",
                 "EPOCH event EpochRefreshed");
    world_free(w);
}

/* S is registered and does not become ready: that is no cluster yet, nobody writes. */
static void test_initial_state_lasts_until_s_is_proven(void **state)
{
    struct world *w = world_new(2);

    (void)state;
    w->pods[1].stuck = true;
    world_run(w, 20 * second);
    assert_string_equal(world_plan(w)->state, "INITIAL_STATE");
    assert_string_equal(world_sync(w), "none:initial");
    assert_true(world_is_closed(w));
    w->pods[1].stuck = false;
    (void)world_until(w, world_is_ready, 60 * second, "the cluster is formed after all");
    assert_string_equal(world_plan(w)->state, "OPERATIONAL_STATE");
    world_free(w);
}

static bool has_touched(const struct world *w)
{
    return w->pods[0].ldt > 0;
}

/* What was committed in the first epoch before a restart belongs to it: the next needs a promotion,
 * or everybody would be refused later. */
static void test_main_restarts_while_the_cluster_is_formed(void **state)
{
    struct world *w = world_new(3);

    (void)state;
    (void)world_until(w, has_touched, 5 * second, "the first touch");
    assert_int_equal(w->record.transition, EPOCH_INITIAL);
    world_kill(w, 0);
    world_run(w, 2 * second);
    world_forget(w);
    world_start(w, 0);
    (void)world_until(w, world_is_ready, 10 * second, "formed all the same");
    WORLD_EXPECT(w, "O6 record 2 initial none:initial", "EPOCH demote 0", "EPOCH promote 0",
                 "EPOCH ensure_users 0", "EPOCH register 0 1 strict_sync",
                 "EPOCH register 0 2 async", "EPOCH touch 0", "EPOCH record 2 - ready:r1.1",
                 "EPOCH event ClusterFormed", "O1 record 2 - ready:r1.1");
    assert_int_equal(world_write(w, 0), WRITTEN);
    world_kill(w, 0);
    (void)world_until(w, world_is_open, second, "failover");
    world_start(w, 0);
    (void)world_until(w, world_is_ready, 10 * second, "nobody is refused");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_empty_pods_form_a_cluster),
        cmocka_unit_test(test_unknown_states_are_refused),
        cmocka_unit_test(test_bootstrap_waits_until_both_are_ready),
        cmocka_unit_test(test_bootstrap_asks_again_after_waiting),
        cmocka_unit_test(test_a_living_pair_is_adopted),
        cmocka_unit_test(test_a_sync_pair_is_adopted_by_a_touch),
        cmocka_unit_test(test_an_adopted_main_begins_an_epoch_before_it_hands_over),
        cmocka_unit_test(test_an_adopted_main_that_is_deleted_is_replaced),
        cmocka_unit_test(test_an_unregistered_pair_is_adopted),
        cmocka_unit_test(test_an_adopted_touch_that_fails_becomes_a_refresh),
        cmocka_unit_test(test_an_adopted_pair_under_an_old_address),
        cmocka_unit_test(test_an_adopted_pair_of_broken_lineage),
        cmocka_unit_test(test_initial_state_is_tried_again),
        cmocka_unit_test(test_initial_state_lasts_until_s_is_proven),
        cmocka_unit_test(test_main_restarts_while_the_cluster_is_formed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
