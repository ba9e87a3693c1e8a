/* Stories of the replicas: S is lost and comes back, registrations are meddled with, an A dies. T
 * stays main in all of them. The traces are exact. */
#include "world.h"

#include "../cmocka_test.h"

static enum gate_state worst_gate(const struct world *w)
{
    return w->controllers[0].worst_gate;
}

static void test_s_restarts(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_kill(w, 1);
    (void)world_until(w, world_is_closed, second, "the gate holds");
    assert_int_equal(world_plan(w)->gate.state, GATE_HOLD);
    assert_int_equal(world_write(w, 0), WRITE_PARKED);
    world_run(w, 300 * ms);
    assert_string_equal(w->trace, "");
    world_start(w, 1);
    (void)world_until(w, world_is_ready, second, "S is back");
    assert_int_equal(worst_gate(w), GATE_HOLD);
    WORLD_EXPECT(w, "O6 record 2 refresh none:refresh", "EPOCH demote 0", "EPOCH promote 0",
                 "EPOCH register 0 1 strict_sync", "EPOCH register 0 2 async", "EPOCH touch 0",
                 "EPOCH record 2 - ready:r1.2", "EPOCH event EpochRefreshed");
    world_free(w);
}

/* Within the heartbeats T never notices: its row says ready all the time, and S is empty. */
static void test_s_comes_back_empty_unnoticed(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_kill(w, 1);
    fake_wipe(w, 1);
    world_start(w, 1);
    assert_int_equal(fake_row(w, 0, 1)->status, ROW_READY);
    (void)world_until(w, world_is_ready, 10 * second, "S is filled");
    WORLD_EXPECT(w, "O1 record 1 - ready:r1.1", "O1 demote 1", "O6 record 2 refresh none:refresh",
                 "EPOCH demote 0", "EPOCH promote 0", "EPOCH register 0 1 strict_sync",
                 "EPOCH register 0 2 async", "EPOCH touch 0", "EPOCH record 2 - ready:r1.2",
                 "EPOCH event EpochRefreshed", "O1 record 2 - ready:r1.2");
    world_free(w);
}

static bool is_open_unproven(const struct world *w)
{
    return world_is_open(w) && world_is_unproven(w);
}

static void test_s_stays_away(void **state)
{
    struct world *w = world_formed(3);
    int64_t took_us;

    (void)state;
    world_kill(w, 1);
    took_us = world_until(w, is_open_unproven, 10 * second, "the gate opens without S");
    assert_true(took_us >= 5 * second && took_us < 5200 * ms);
    assert_int_equal(worst_gate(w), GATE_HOLD);
    assert_int_equal(world_write(w, 0), WRITE_FAILED); /* STRICT_SYNC aborts them */
    WORLD_EXPECT(w, "O7 record 1 - unproven:r1.1", "O7 event WritesFail");
    world_run(w, 30 * second);
    assert_string_equal(w->trace, "");
    world_start(w, 1);
    (void)world_until(w, world_is_ready, 5 * second, "S is back");
    WORLD_EXPECT(w, "O6 record 2 refresh none:refresh", "EPOCH demote 0", "EPOCH promote 0",
                 "EPOCH register 0 1 strict_sync", "EPOCH register 0 2 async", "EPOCH touch 0",
                 "EPOCH record 2 - ready:r1.2", "EPOCH event EpochRefreshed");
    world_free(w);
}

/* SYNC goes on saying ready while the gate holds: what was acknowledged, S confirmed. */
static void test_s_stays_away_in_sync_mode(void **state)
{
    struct world *w = world_new(3);

    (void)state;
    w->controllers[0].view.settings.replication_mode = REPLICATION_SYNC;
    (void)world_until(w, world_is_ready, 5 * second, "the cluster is formed");
    assert_int_equal(world_write(w, 0), WRITTEN);
    world_forget(w);
    fake_row(w, 0, 1)->status = ROW_INVALID;
    w->cut[0][1] = true;
    world_run(w, 4 * second);
    assert_string_equal(w->trace, "");
    assert_int_equal(world_plan(w)->gate.state, GATE_HOLD);
    (void)world_until(w, is_open_unproven, 2 * second, "the gate opens without S");
    assert_int_equal(world_write(w, 0), WRITE_FAILED); /* committed all the same */
    WORLD_EXPECT(w, "O7 record 1 - unproven:r1.1", "O7 event WritesFail");
    w->cut[0][1] = false;
    (void)world_until(w, world_is_ready, 5 * second, "T reaches it again");
    WORLD_EXPECT(w, "O7 touch 0", "O7 record 1 - ready:r1.1");
    world_free(w);
}

static void test_strict_sync_row_is_invalid_for_a_moment(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    fake_row(w, 0, 1)->status = ROW_INVALID;
    (void)world_until(w, world_is_unproven, 300 * ms, "unproven at once");
    assert_int_equal(world_plan(w)->gate.state, GATE_HOLD);
    (void)world_until(w, world_is_ready, 3 * second, "a touch proves it");
    assert_int_equal(worst_gate(w), GATE_HOLD);
    WORLD_EXPECT(w, "O7 record 1 - unproven:r1.1", "O7 touch 0", "O7 record 1 - ready:r1.1");
    world_free(w);
}

/* FinalizeCommit lost on the way: T shows S ready for good, S lacks the write. The touch shows it.
 */
static void test_a_touch_finds_a_lost_last_step(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    assert_int_equal(world_write(w, 0), WRITTEN);
    w->pods[1].ldt -= 2;
    w->pods[1].data = 0;
    (void)world_until(w, world_is_unproven, 1500 * ms, "the touch is aborted");
    w->pods[1].data = w->pods[0].data; /* the heartbeat repairs it */
    (void)world_until(w, world_is_ready, 4 * second, "repaired");
    WORLD_EXPECT(w, "O7 touch 0", "O7 record 1 - unproven:r1.1", "O7 touch 0",
                 "O7 record 1 - ready:r1.1");
    world_free(w);
}

static unsigned touches(const struct world *w)
{
    unsigned n = 0;

    for (const char *at = w->trace; (at = strstr(at, "touch")); at++)
        n++;
    return n;
}

static void test_proof_touches_stop_when_nobody_writes(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_run(w, 20 * second);
    assert_string_equal(w->trace, "");
    assert_int_equal(world_write(w, 0), WRITTEN);
    world_run(w, 20 * second);
    assert_int_equal(touches(w), 1);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(world_write(w, 0), WRITTEN);
        world_run(w, 100 * ms);
    }
    assert_in_range(touches(w), 3, 5);
    world_free(w);
}

static void test_s_is_promoted_by_hand(void **state)
{
    struct world *w = world_formed(3);
    const struct effect e = {.kind = EFFECT_PROMOTE, .pod = 1};

    (void)state;
    assert_int_equal(fake_command(w, &e), OUTCOME_OK);
    (void)world_until(w, world_is_closed, 2 * second, "a stray main is seen");
    assert_string_equal(world_sync(w), "none:stray");
    (void)world_until(w, world_is_ready, 10 * second, "S is a replica again");
    WORLD_EXPECT(w, "O1 record 1 - none:stray", "O1 demote 1", "O6 record 2 refresh none:refresh",
                 "EPOCH demote 0", "EPOCH promote 0", "EPOCH register 0 1 strict_sync",
                 "EPOCH register 0 2 async", "EPOCH touch 0", "EPOCH record 2 - ready:r1.1",
                 "EPOCH event EpochRefreshed", "O1 record 2 - ready:r1.1");
    world_free(w);
}

static void test_a_stray_a_is_fenced(void **state)
{
    struct world *w = world_formed(3);
    const struct effect e = {.kind = EFFECT_PROMOTE, .pod = 2};

    (void)state;
    assert_int_equal(fake_command(w, &e), OUTCOME_OK);
    world_run(w, 2 * second);
    assert_int_equal(w->pods[2].role, ROLE_REPLICA);
    assert_int_equal(worst_gate(w), GATE_OPEN);
    (void)world_until(w, world_is_ready, 40 * second, "A follows again");
    WORLD_EXPECT(w, "O1 record 1 - ready:r1.1", "O1 demote 2", "O1 record 1 - ready:r1.1");
    assert_int_equal(world_write(w, 0), WRITTEN); /* T learns that A obeys it no more */
    (void)world_until(w, world_is_ready, 40 * second, "A is registered anew");
    WORLD_EXPECT(w, "O7 touch 0", "O7 drop 0 2", "O7 register 0 2 async");
    world_free(w);
}

static void test_s_is_dropped_by_hand(void **state)
{
    struct world *w = world_formed(3);
    const struct effect e = {.kind = EFFECT_DROP, .pod = 0, .target = 1};

    (void)state;
    assert_int_equal(fake_command(w, &e), OUTCOME_OK);
    (void)world_until(w, world_is_closed, 110 * ms, "seen within a watch");
    world_run(w, 5 * ms);
    assert_string_equal(world_sync(w), "none:dropped");
    (void)world_until(w, world_is_ready, 5 * second, "S joins again");
    assert_int_equal(worst_gate(w), GATE_HOLD);
    WORLD_EXPECT(w, "O7 record 1 - none:dropped", "O7 register 0 1 async",
                 "O6 record 2 refresh none:refresh", "EPOCH demote 0", "EPOCH promote 0",
                 "EPOCH register 0 1 strict_sync", "EPOCH register 0 2 async", "EPOCH touch 0",
                 "EPOCH record 2 - ready:r1.1", "EPOCH event EpochRefreshed");
    world_free(w);
}

static void test_s_is_made_async_by_hand(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    fake_row(w, 0, 1)->mode = MODE_ASYNC;
    (void)world_until(w, world_is_closed, second, "seen within a watch");
    (void)world_until(w, world_is_ready, 5 * second, "S joins again");
    WORLD_EXPECT(w, "O7 record 1 - none:dropped", "O6 record 2 refresh none:refresh",
                 "EPOCH demote 0", "EPOCH promote 0", "EPOCH register 0 1 strict_sync",
                 "EPOCH register 0 2 async", "EPOCH touch 0", "EPOCH record 2 - ready:r1.1",
                 "EPOCH event EpochRefreshed");
    world_free(w);
}

/* The pod is replaced: for a while it exists under another address and does not answer. That is a
 * loss like any other, nobody meddled with its registration. */
static void test_s_is_replaced_under_another_address(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_replace(w, 1, "10.0.0.77");
    (void)world_until(w, world_is_ready, 5 * second, "S is back");
    assert_int_equal(worst_gate(w), GATE_HOLD);
    WORLD_EXPECT(w, "O6 record 2 refresh none:refresh", "EPOCH demote 0", "EPOCH promote 0",
                 "EPOCH register 0 1 strict_sync", "EPOCH register 0 2 async", "EPOCH touch 0",
                 "EPOCH record 2 - ready:r1.2", "EPOCH event EpochRefreshed");
    world_free(w);
}

static void test_a_is_replaced_under_another_address(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_replace(w, 2, "10.0.0.78");
    (void)world_until(w, world_is_ready, 10 * second, "A is back");
    assert_int_equal(worst_gate(w), GATE_OPEN);
    WORLD_EXPECT(w, "O7 drop 0 2", "O7 register 0 2 async");
    world_free(w);
}

static void test_a_dies_and_returns(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_kill(w, 2);
    world_run(w, 5 * second);
    assert_int_equal(world_write(w, 0), WRITTEN);
    world_start(w, 2);
    (void)world_until(w, world_is_ready, 10 * second, "A is back");
    assert_int_equal(worst_gate(w), GATE_OPEN);
    WORLD_EXPECT(w, "O7 touch 0"); /* its row was left alone */
    world_free(w);
}

static void test_an_a_that_is_not_ready_is_left_alone(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_ready(w, 2, false);
    world_run(w, 20 * second);
    world_ready(w, 2, true);
    (void)world_until(w, world_is_ready, 5 * second, "A is Ready again");
    world_expect(w, NULL, 0);
    world_free(w);
}

/* T's demotion would wait for a replica that hangs. A refresh that is not urgent lets it be, for a
 * while. */
static void test_a_refresh_waits_for_an_a_that_hangs(void **state)
{
    struct world *w = world_formed(3);
    int64_t took_us;

    (void)state;
    w->pods[2].mute = true;
    world_run(w, 3 * second);
    world_kill(w, 1);
    world_run(w, 100 * ms);
    world_start(w, 1);
    w->pods[2].mute = true;
    took_us = world_until(w, world_is_armed, 30 * second, "S joins all the same");
    assert_true(took_us > 5 * second && took_us < 20 * second);
    w->pods[2].mute = false;
    (void)world_until(w, world_is_ready, 60 * second, "A is back");
    world_free(w);
}

/* It obeys nobody: somebody demoted it twice. One DROP and REGISTER heals it. */
static void test_an_invalid_a_is_registered_anew_once(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    w->pods[2].main_id = -1;
    fake_row(w, 0, 2)->status = ROW_INVALID;
    (void)world_until(w, world_is_ready, 30 * second, "healed");
    WORLD_EXPECT(w, "O7 drop 0 2", "O7 register 0 2 async");
    w->controllers[0].view.settings.rebuild_policy = REBUILD_MANUAL;
    (void)str_copy(w->pods[2].database, sizeof w->pods[2].database, "foreign");
    w->pods[2].main_id = -1;
    fake_row(w, 0, 2)->status = ROW_INVALID;
    world_run(w, 120 * second);
    WORLD_EXPECT(w, "O8 event RebuildNeeded"); /* once for each run of its process */
    world_free(w);
}

/* A registration answers busy, unreachable, diverged, exists: what is left behind is cleared. */
static void test_registrations_that_fail(void **state)
{
    static const enum outcome outcomes[] = {OUTCOME_BUSY, OUTCOME_UNREACHABLE, OUTCOME_EXISTS,
                                            OUTCOME_FAILED};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
        struct world *w = world_formed(3);

        w->injection = (struct injection){EFFECT_REGISTER, 0, outcomes[i], 2};
        world_replace(w, 2, "10.0.0.22");
        (void)world_until(w, world_is_ready, 30 * second, outcome_name(outcomes[i]));
        assert_int_equal(w->injection.count, 0);
        world_free(w);
    }
}

static void test_a_diverged_a_is_left_alone_if_so_set(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    w->controllers[0].view.settings.rebuild_policy = REBUILD_MANUAL;
    world_kill(w, 2);
    world_run(w, 4 * second);
    w->pods[2].epoch = -7;
    w->pods[2].data |= UINT64_C(1) << 60;
    w->pods[2].main_id = -1;
    world_start(w, 2);
    world_run(w, 120 * second);
    WORLD_EXPECT(w, "O7 drop 0 2", "O7 register 0 2 async", "O8 event RebuildNeeded",
                 "O7 drop 0 2");
    assert_true(world_is_open(w));
    world_free(w);
}

/* Somebody registered the pod under another name: Error 2 for our own. */
static void test_a_foreign_name_on_our_address(void **state)
{
    struct world *w = world_formed(3);
    unsigned before;

    (void)state;
    world_kill(w, 2);
    world_run(w, 4 * second);
    w->injection = (struct injection){EFFECT_REGISTER, 0, OUTCOME_EXISTS, 1000};
    world_start(w, 2);
    world_run(w, 60 * second);
    before = w->injection.count;
    assert_true(before > 980); /* it does not hammer on T */
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_s_restarts),
        cmocka_unit_test(test_s_comes_back_empty_unnoticed),
        cmocka_unit_test(test_s_stays_away),
        cmocka_unit_test(test_s_stays_away_in_sync_mode),
        cmocka_unit_test(test_strict_sync_row_is_invalid_for_a_moment),
        cmocka_unit_test(test_a_touch_finds_a_lost_last_step),
        cmocka_unit_test(test_proof_touches_stop_when_nobody_writes),
        cmocka_unit_test(test_s_is_promoted_by_hand),
        cmocka_unit_test(test_a_stray_a_is_fenced),
        cmocka_unit_test(test_s_is_dropped_by_hand),
        cmocka_unit_test(test_s_is_made_async_by_hand),
        cmocka_unit_test(test_s_is_replaced_under_another_address),
        cmocka_unit_test(test_a_is_replaced_under_another_address),
        cmocka_unit_test(test_a_dies_and_returns),
        cmocka_unit_test(test_an_a_that_is_not_ready_is_left_alone),
        cmocka_unit_test(test_a_refresh_waits_for_an_a_that_hangs),
        cmocka_unit_test(test_an_invalid_a_is_registered_anew_once),
        cmocka_unit_test(test_registrations_that_fail),
        cmocka_unit_test(test_a_diverged_a_is_left_alone_if_so_set),
        cmocka_unit_test(test_a_foreign_name_on_our_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
