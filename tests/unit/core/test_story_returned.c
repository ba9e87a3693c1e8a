/* Stories of a main that is back, and not what the record says: with less, as a replica, as a new
 * process. The traces are exact. */
#include "world.h"

#include "../cmocka_test.h"

static void test_t_restarts_before_anything_is_written(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    w->controllers[0].view.settings.probe_failures = 3;
    fake_stop(w, 0);
    world_start(w, 0); /* faster than three refused connections */
    (void)world_until(w, world_is_closed, second, "its run is another one");
    assert_int_equal(world_plan(w)->gate.state, GATE_CUT);
    (void)world_until(w, world_is_ready, 5 * second, "its new epoch is begun");
    WORLD_EXPECT(w, "O6 record 2 refresh none:refresh", "EPOCH demote 0", "EPOCH promote 0",
                 "EPOCH register 0 1 strict_sync", "EPOCH register 0 2 async", "EPOCH touch 0",
                 "EPOCH record 2 - ready:r1.1", "EPOCH event EpochRefreshed");
    world_kill(w, 0);
    (void)world_until(w, world_is_open, second, "S can take over");
    world_start(w, 0);
    (void)world_until(w, world_is_ready, 5 * second, "and nobody is refused");
    world_free(w);
}

static void test_t_restarts_while_s_is_down(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_kill(w, 1);
    world_run(w, 10 * second);
    world_forget(w);
    fake_stop(w, 0);
    world_start(w, 0);
    world_run(w, 20 * second);
    assert_string_equal(w->trace, ""); /* S may hold more: it is waited for */
    assert_int_equal(world_plan(w)->gate.state, GATE_CUT);
    world_start(w, 1);
    (void)world_until(w, world_is_ready, 10 * second, "S is back");
    WORLD_EXPECT(w, "O6 record 2 refresh none:refresh", "EPOCH demote 0", "EPOCH promote 0",
                 "EPOCH register 0 1 strict_sync", "EPOCH register 0 2 async", "EPOCH touch 0",
                 "EPOCH record 2 - ready:r1.2", "EPOCH event EpochRefreshed");
    world_free(w);
}

static void test_t_loses_its_tail(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    fake_stop(w, 0);
    w->pods[0].ldt -= 4;
    w->pods[0].data = 1;
    world_start(w, 0);
    (void)world_until(w, world_is_open, 5 * second, "S holds more and takes over");
    assert_int_equal(w->record.target, 1);
    WORLD_EXPECT(w, "O2 record 2 failover none:failover", "EPOCH demote 0", "EPOCH promote 1",
                 "EPOCH ensure_users 1", "EPOCH touch 1", "EPOCH record 2 - none:failover",
                 "EPOCH event FailoverDone");
    world_free(w);
}

static void test_t_comes_back_empty(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    fake_stop(w, 0);
    fake_wipe(w, 0);
    world_start(w, 0);
    (void)world_until(w, world_is_open, 5 * second, "S has the data and takes over");
    assert_int_equal(w->record.target, 1);
    (void)world_until(w, world_is_ready, 20 * second, "the empty one is filled");
    WORLD_EXPECT(w, "O2 record 2 failover none:failover", "EPOCH demote 0", "EPOCH promote 1",
                 "EPOCH ensure_users 1", "EPOCH touch 1", "EPOCH record 2 - none:failover",
                 "EPOCH event FailoverDone", "O1 record 2 - none:failover", "O7 register 1 0 async",
                 "O6 record 3 refresh none:failover", "EPOCH demote 1", "EPOCH promote 1",
                 "EPOCH register 1 0 strict_sync", "EPOCH register 1 2 async", "EPOCH touch 1",
                 "EPOCH record 3 - ready:r0.2", "EPOCH event EpochRefreshed");
    world_free(w);
}

/* Its row says nothing of S, for S obeys nobody: S is registered anew, which shows that it has
 * more. */
static void test_t_lost_its_tail_and_its_row_says_nothing(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    w->pods[1].main_id = -1;
    fake_stop(w, 0);
    w->pods[0].ldt -= 4;
    w->pods[0].data = 1;
    w->pods[0].epoch = -9; /* an epoch of its own */
    world_start(w, 0);
    (void)world_until(w, world_is_open, 40 * second, "S holds more and takes over");
    assert_int_equal(w->record.target, 1);
    WORLD_EXPECT(w, "O6 drop 0 1", "O6 register 0 1 strict_sync",
                 "O2 record 2 failover none:failover", "EPOCH demote 0", "EPOCH promote 1",
                 "EPOCH ensure_users 1", "EPOCH touch 1", "EPOCH record 2 - none:failover",
                 "EPOCH event FailoverDone");
    world_free(w);
}

static void test_t_is_demoted_by_hand(void **state)
{
    struct world *w = world_formed(3);
    const struct effect e = {.kind = EFFECT_DEMOTE, .pod = 0};

    (void)state;
    assert_int_equal(fake_command(w, &e), OUTCOME_OK);
    (void)world_until(w, world_is_closed, 2 * second, "seen");
    (void)world_until(w, world_is_ready, 5 * second, "main again");
    WORLD_EXPECT(w, "O3 record 2 refresh none:refresh", "EPOCH promote 0",
                 "EPOCH register 0 1 strict_sync", "EPOCH register 0 2 async", "EPOCH touch 0",
                 "EPOCH record 2 - ready:r1.1", "EPOCH event EpochRefreshed");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_t_restarts_before_anything_is_written),
        cmocka_unit_test(test_t_restarts_while_s_is_down),
        cmocka_unit_test(test_t_loses_its_tail),
        cmocka_unit_test(test_t_comes_back_empty),
        cmocka_unit_test(test_t_lost_its_tail_and_its_row_says_nothing),
        cmocka_unit_test(test_t_is_demoted_by_hand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
