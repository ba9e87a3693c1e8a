/* Stories of a lost main: how it is replaced, and when not. The traces are exact. */
#include "world.h"

#include "../cmocka_test.h"

static void test_main_killed(void **state)
{
    struct world *w = world_formed(3);
    int64_t took_us;

    (void)state;
    world_kill(w, 0);
    took_us = world_until(w, world_is_open, second, "the other serves");
    assert_true(took_us < 100 * ms);
    assert_int_equal(world_write(w, 0), WRITTEN);
    assert_int_equal(w->record.target, 1);
    assert_int_equal(w->record.fenced, 1);
    assert_int_equal(w->pods[1].users, 1);
    world_run(w, second);
    WORLD_EXPECT(w, "O4 record 2 failover none:failover", "EPOCH promote 1", "EPOCH ensure_users 1",
                 "EPOCH touch 1", "EPOCH record 2 - none:failover", "EPOCH event FailoverDone",
                 "O7 register 1 2 async");
    world_start(w, 0);
    (void)world_until(w, world_is_ready, 10 * second, "the old main joins");
    WORLD_EXPECT(w, "O1 demote 0", "O7 register 1 0 async", "O1 record 2 - none:failover",
                 "O6 record 3 refresh none:failover", "EPOCH demote 1", "EPOCH promote 1",
                 "EPOCH register 1 0 strict_sync", "EPOCH register 1 2 async", "EPOCH touch 1",
                 "EPOCH record 3 - ready:r0.2", "EPOCH event EpochRefreshed");
    world_kill(w, 1);
    (void)world_until(w, world_is_open, second, "and takes over again");
    world_start(w, 1);
    (void)world_until(w, world_is_ready, 10 * second, "and back");
    world_free(w);
}

static void test_main_hangs(void **state)
{
    struct world *w = world_formed(3);
    int64_t took_us;

    (void)state;
    w->pods[0].mute = true;
    took_us = world_until(w, world_is_closed, 3 * second, "the gate closes");
    assert_true(took_us <= 2 * second);
    took_us += world_until(w, world_is_open, 5 * second, "the other serves");
    assert_true(took_us > 3 * second && took_us < 4500 * ms);
    WORLD_EXPECT(w, "O4 record 2 failover none:failover", "EPOCH promote 1", "EPOCH ensure_users 1",
                 "EPOCH touch 1", "EPOCH record 2 - none:failover", "EPOCH event FailoverDone");
    w->pods[0].mute = false;
    (void)world_until(w, world_is_ready, 10 * second, "the old main joins");
    WORLD_EXPECT(w, "O7 register 1 2 async", "O1 demote 0", "O7 register 1 0 async",
                 "O1 record 2 - none:failover", "O6 record 3 refresh none:failover",
                 "EPOCH demote 1", "EPOCH promote 1", "EPOCH register 1 0 strict_sync",
                 "EPOCH register 1 2 async", "EPOCH touch 1", "EPOCH record 3 - ready:r0.1",
                 "EPOCH event EpochRefreshed");
    world_free(w);
}

/* The old main could still acknowledge through sessions that are not cut yet. */
static void test_no_promotion_before_the_gateways_have_cut(void **state)
{
    struct world *w = world_formed(3);
    int64_t took_us;

    (void)state;
    w->settle_us = 300 * ms;
    world_kill(w, 0);
    took_us = world_until(w, world_is_open, second, "the other serves");
    assert_true(took_us > 300 * ms);
    w->settle_us = 5 * second; /* a worker that is stuck delays it, at most for a second */
    world_start(w, 0);
    (void)world_until(w, world_is_ready, 20 * second, "the old main joins");
    world_free(w);
}

static bool is_refused(const struct world *w)
{
    return strstr(w->trace, "O5 event FailoverRefused") != NULL;
}

static void expect_refusal(struct world *w, const char *words)
{
    (void)world_until(w, is_refused, 10 * second, "the failover is refused");
    if (!strstr(world_plan(w)->reason, words))
        fail_msg("the reason does not say '%s': %s", words, world_plan(w)->reason);
    assert_true(world_plan(w)->failover_refused);
    assert_int_not_equal(world_plan(w)->gate.state, GATE_OPEN);
    assert_int_equal(w->record.target, 0);
    world_forget(w);
}

static void test_failover_is_refused_when_s_is_down(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_kill(w, 1);
    world_run(w, 100 * ms);
    world_kill(w, 0);
    expect_refusal(w, "mg-1 cannot be reached");
    world_start(w, 1); /* it is another process now */
    world_run(w, second);
    expect_refusal(w, "mg-1 was restarted since it was last known to be in sync");
    world_start(w, 0);
    (void)world_until(w, world_is_ready, 20 * second, "both are back");
    assert_false(world_plan(w)->failover_refused);
    WORLD_EXPECT(w, "O6 record 2 refresh none:refresh", "EPOCH demote 0", "EPOCH promote 0",
                 "EPOCH register 0 1 strict_sync", "EPOCH register 0 2 async", "EPOCH touch 0",
                 "EPOCH record 2 - ready:r1.2", "EPOCH event EpochRefreshed");
    world_free(w);
}

static void test_failover_waits_for_an_s_that_was_only_away(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    w->unreachable[1] = true;
    world_run(w, 2 * second);
    world_kill(w, 0);
    expect_refusal(w, "mg-1 cannot be reached");
    w->unreachable[1] = false;
    (void)world_until(w, world_is_open, 5 * second, "S answers again: promoted");
    assert_int_equal(w->record.target, 1);
    world_free(w);
}

static void test_failover_is_refused_while_unproven(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    fake_row(w, 0, 1)->status = ROW_INVALID; /* a last step of STRICT_SYNC was lost */
    world_run(w, 150 * ms);
    world_kill(w, 0);
    expect_refusal(w, "not known to hold every acknowledged write (sync is unproven:r1.1)");
    world_free(w);
}

static void test_failover_is_refused_before_unproven_is_recorded(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    w->api_down = true;
    fake_row(w, 0, 1)->status = ROW_INVALID;
    world_run(w, 150 * ms);
    assert_int_equal(w->record.sync, SYNC_READY);
    world_kill(w, 0);
    w->api_down = false;
    expect_refusal(w, "had lost mg-1 before");
    world_free(w);
}

static void test_failover_is_refused_without_s(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_kill(w, 0);
    (void)world_until(w, world_is_open, second, "the other serves");
    world_start(w, 0);
    world_run(w, 2 * ms);
    world_kill(w, 1);
    (void)world_until(w, is_refused, 10 * second, "nobody else holds the writes");
    assert_non_null(strstr(world_plan(w)->reason, "sync is none:failover"));
    world_free(w);
}

static void test_failover_is_refused_while_s_ends(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_delete(w, 1, 30 * second);
    world_kill(w, 0);
    expect_refusal(w, "mg-1 is being terminated");
    world_free(w);
}

static void test_failover_is_refused_while_s_waits_for_a_rebuild(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    (void)str_copy(w->record.rebuild[1].uid, UID_SIZE, "uid");
    controller_saw_record(w, 0);
    world_kill(w, 0);
    expect_refusal(w, "mg-1 waits to be rebuilt");
    world_free(w);
}

static void test_a_busy_promotion_is_tried_again(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    w->injection = (struct injection){EFFECT_PROMOTE, 1, OUTCOME_ROLE_NOT_SET, 3};
    world_kill(w, 0);
    (void)world_until(w, world_is_open, second, "the other serves");
    WORLD_EXPECT(w, "O4 record 2 failover none:failover", "EPOCH promote 1", "EPOCH promote 1",
                 "EPOCH promote 1", "EPOCH promote 1", "EPOCH ensure_users 1", "EPOCH touch 1",
                 "EPOCH record 2 - none:failover", "EPOCH event FailoverDone");
    world_free(w);
}

/* The promotion happens, its answer is lost: the role tells. */
static void test_a_promotion_whose_answer_is_lost(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    w->injection = (struct injection){EFFECT_PROMOTE, 1, OUTCOME_FAILED, 1};
    world_kill(w, 0);
    world_run(w, 31 * ms);
    assert_int_equal(w->pods[1].role, ROLE_REPLICA);
    w->pods[1].role = ROLE_MAIN;
    (void)world_until(w, world_is_open, second, "the other serves");
    WORLD_EXPECT(w, "O4 record 2 failover none:failover", "EPOCH promote 1", "EPOCH ensure_users 1",
                 "EPOCH touch 1", "EPOCH record 2 - none:failover", "EPOCH event FailoverDone");
    world_free(w);
}

/* What a failover was, for people: its times run from the loss of the connection. */
static void test_history_of_a_failover(void **state)
{
    struct world *w = world_formed(3);
    const char *entry;

    (void)state;
    world_kill(w, 0);
    (void)world_until(w, world_is_open, second, "the other serves");
    world_run(w, second);
    assert_int_equal(w->record.history_n, 2);
    entry = w->record.history[1];
    if (!strstr(entry, "{\"epoch\":2,\"kind\":\"failover\",\"at\":4055,") ||
        !strstr(entry, "\"from\":\"mg-0\",\"to\":\"mg-1\",\"why\":\"mg-0: 3 connections in a row "
                       "refused: its process is gone; mg-1 holds every acknowledged write\","
                       "\"sync\":\"none\"") ||
        !strstr(entry, "\"ms\":{\"decide\":26,\"record\":28,\"fence\":0,\"promote\":32,"
                       "\"touch\":36,\"open\":36}}"))
        fail_msg("%s", entry);
    if (strcmp(
            world_event(&w->controllers[0]),
            "mg-1 is main in epoch 2, sync is none:failover: mg-0: 3 connections in a row refused: "
            "its process is gone; mg-1 holds every acknowledged write") != 0)
        fail_msg("%s", world_event(&w->controllers[0]));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_main_killed),
        cmocka_unit_test(test_main_hangs),
        cmocka_unit_test(test_no_promotion_before_the_gateways_have_cut),
        cmocka_unit_test(test_failover_is_refused_when_s_is_down),
        cmocka_unit_test(test_failover_waits_for_an_s_that_was_only_away),
        cmocka_unit_test(test_failover_is_refused_while_unproven),
        cmocka_unit_test(test_failover_is_refused_before_unproven_is_recorded),
        cmocka_unit_test(test_failover_is_refused_without_s),
        cmocka_unit_test(test_failover_is_refused_while_s_ends),
        cmocka_unit_test(test_failover_is_refused_while_s_waits_for_a_rebuild),
        cmocka_unit_test(test_a_busy_promotion_is_tried_again),
        cmocka_unit_test(test_a_promotion_whose_answer_is_lost),
        cmocka_unit_test(test_history_of_a_failover),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
