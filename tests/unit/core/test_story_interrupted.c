/* Stories of what was cut short, and is gone on with from the facts. */
#include "world.h"

#include "../cmocka_test.h"

static bool has_begun(const struct world *w)
{
    return w->record.transition != EPOCH_NONE;
}

/* The leader dies right after it recorded a failover; whom it chose restarts before it was
 * promoted. */
static struct world *begun_and_restarted(void)
{
    struct world *w = world_formed(3);

    w->effects_n = 0;
    w->crash_at = 1;
    w->crash_applies = true;
    world_kill(w, 0);
    world_run(w, second);
    assert_int_equal(w->record.transition, EPOCH_FAILOVER);
    assert_int_equal(w->pods[1].role, ROLE_REPLICA);
    fake_stop(w, 1);
    world_start(w, 1);
    world_forget(w);
    controller_start(w, 1);
    world_lead(w, 1);
    return w;
}

/* Nothing vouches for either of the two: X begins, and sees by registering the other who has more.
 */
static void test_both_restarted_are_compared(void **state)
{
    struct world *w = begun_and_restarted();

    (void)state;
    world_run(w, 5 * second);
    WORLD_EXPECT(w, "O5 event FailoverRefused");
    assert_non_null(strstr(world_plan(w)->reason, "mg-0 does not answer"));
    world_start(w, 0);
    (void)world_until(w, world_is_ready, 10 * second, "X has everything");
    assert_int_equal(w->record.target, 1);
    WORLD_EXPECT(w, "O1 demote 0", "O3 record 3 switchover none:switchover", "EPOCH promote 1",
                 "EPOCH ensure_users 1", "EPOCH register 1 0 strict_sync",
                 "EPOCH register 1 2 async", "EPOCH touch 1", "EPOCH record 3 - ready:r0.2",
                 "EPOCH event SwitchoverDone", "O1 record 3 - ready:r0.2");
    world_free(w);
}

/* X's machine died, and with it the tail of its log. */
static void test_the_other_has_more_than_x(void **state)
{
    struct world *w = begun_and_restarted();

    (void)state;
    w->pods[1].data &= ~(UINT64_C(1) << 9);
    w->pods[1].ldt -= 2;
    world_start(w, 0);
    (void)world_until(w, world_is_ready, 10 * second, "the other has everything");
    assert_int_equal(w->record.target, 0);
    assert_int_equal(w->acked & ~w->pods[0].data, 0);
    WORLD_EXPECT(w, "O1 demote 0", "O3 record 3 switchover none:switchover", "EPOCH promote 1",
                 "EPOCH ensure_users 1", "EPOCH register 1 0 strict_sync",
                 "EPOCH record 4 switchover none:switchover", "EPOCH demote 1", "EPOCH promote 0",
                 "EPOCH ensure_users 0", "EPOCH register 0 1 strict_sync",
                 "EPOCH register 0 2 async", "EPOCH touch 0", "EPOCH record 4 - ready:r1.2",
                 "EPOCH event SwitchoverDone");
    world_free(w);
}

static void test_chosen_and_restarted_does_not_go_back_to_nothing(void **state)
{
    struct world *w = begun_and_restarted();

    (void)state;
    fake_wipe(w, 0);
    world_start(w, 0);
    world_run(w, 5 * second);
    assert_non_null(strstr(world_plan(w)->reason, "mg-0 is empty"));
    assert_int_equal(w->record.target, 1);
    assert_true(world_is_closed(w));
    world_free(w);
}

static bool is_trying(const struct world *w)
{
    return w->injection.count < 1000;
}

/* The old main was empty when the cluster was formed, in this very process. That was then. */
static void test_going_back_to_one_that_was_empty_once(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    w->injection = (struct injection){EFFECT_PROMOTE, 1, OUTCOME_BUSY, 1000};
    w->pods[0].mute = true;
    (void)world_until(w, is_trying, 5 * second, "a failover that does not succeed");
    w->pods[0].mute = false;
    w->injection.count = 0;
    fake_stop(w, 1);
    world_start(w, 1);
    (void)world_until(w, world_is_ready, 10 * second, "the old main goes on");
    assert_int_equal(w->record.target, 0);
    world_free(w);
}

/* The end of a failover cannot be recorded; its main serves already through the leader's gateway.
 */
static struct world *served_but_not_recorded(void)
{
    struct world *w = world_formed(3);

    world_kill(w, 0);
    (void)world_until(w, has_begun, second, "begun");
    w->api_down = true;
    (void)world_until(w, world_is_open, second, "it serves");
    assert_int_equal(world_write(w, 0), WRITTEN);
    assert_int_equal(w->record.transition, EPOCH_FAILOVER);
    world_forget(w);
    return w;
}

/* The next leader must not demote it: should it restart then, it would be taken for one that never
 * was promoted. */
static void test_a_failover_that_was_not_recorded_to_its_end(void **state)
{
    struct world *w = served_but_not_recorded();

    (void)state;
    controller_stop(w, 0);
    w->api_down = false;
    world_take_over(w, 1);
    (void)world_until(w, world_is_open, second, "it goes on");
    WORLD_EXPECT(w, "EPOCH ensure_users 1", "EPOCH touch 1", "EPOCH record 2 - none:failover",
                 "EPOCH event FailoverDone");
    world_start(w, 0);
    (void)world_until(w, world_is_ready, 5 * second, "the old main joins");
    world_free(w);
}

/* A person demotes it, and it restarts: its leader knows that it had served. */
static void test_who_has_served_is_not_gone_back_from(void **state)
{
    struct world *w = served_but_not_recorded();
    const struct effect e = {.kind = EFFECT_DEMOTE, .pod = 1};

    (void)state;
    assert_int_equal(fake_command(w, &e), OUTCOME_OK);
    fake_stop(w, 1);
    world_start(w, 1);
    world_start(w, 0);
    world_run(w, 100 * ms);
    w->api_down = false;
    (void)world_until(w, world_is_ready, 20 * second, "it is main again");
    assert_int_equal(w->record.target, 1);
    world_free(w);
}

static bool users_failed(const struct world *w)
{
    return w->injection.count == 0;
}

/* Promoted, but restarted before the users were there and the epoch was durable. */
static void test_promoted_and_restarted_still_gets_its_users(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    w->injection = (struct injection){EFFECT_ENSURE_USERS, 1, OUTCOME_FAILED, 1};
    world_kill(w, 0);
    (void)world_until(w, users_failed, second, "promoted, the users not made");
    assert_int_equal(w->pods[1].role, ROLE_MAIN);
    assert_int_equal(w->pods[1].users, 0);
    world_forget(w);
    fake_stop(w, 1);
    world_start(w, 1);
    (void)world_until(w, world_is_open, 5 * second, "it goes on");
    assert_int_equal(w->pods[1].users, 1);
    WORLD_EXPECT(w, "O6 record 3 failover none:failover", "EPOCH demote 1", "EPOCH promote 1",
                 "EPOCH ensure_users 1", "EPOCH touch 1", "EPOCH record 3 - none:failover",
                 "EPOCH event FailoverDone");
    world_start(w, 0);
    (void)world_until(w, world_is_ready, 5 * second, "the old main joins");
    world_free(w);
}

/* A person demotes T while its epoch is being begun: everything before that is void. */
static void test_t_is_demoted_in_the_middle_of_an_epoch(void **state)
{
    struct world *w = world_formed(3);
    const struct effect e = {.kind = EFFECT_DEMOTE, .pod = 0};

    (void)state;
    w->pods[1].stuck = true;
    world_kill(w, 1);
    world_start(w, 1);
    world_run(w, 2 * second);
    assert_int_equal(w->record.transition, EPOCH_REFRESH);
    assert_int_equal(fake_command(w, &e), OUTCOME_OK);
    w->pods[1].stuck = false;
    world_run(w, second);
    assert_int_equal(w->pods[0].role, ROLE_MAIN);
    (void)world_until(w, world_is_ready, 5 * second, "the epoch is begun");
    WORLD_EXPECT(w, "O6 record 2 refresh none:refresh", "EPOCH demote 0", "EPOCH promote 0",
                 "EPOCH register 0 1 strict_sync", "EPOCH register 0 2 async", "EPOCH promote 0",
                 "EPOCH register 0 1 strict_sync", "EPOCH register 0 2 async", "EPOCH touch 0",
                 "EPOCH record 2 - ready:r1.2", "EPOCH event EpochRefreshed");
    world_free(w);
}

static void test_s_does_not_become_ready_in_time(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    w->pods[1].stuck = true;
    world_kill(w, 1);
    world_start(w, 1);
    (void)world_until(w, world_is_unproven, 8 * second, "registered, not proven");
    WORLD_EXPECT(w, "O6 record 2 refresh none:refresh", "EPOCH demote 0", "EPOCH promote 0",
                 "EPOCH register 0 1 strict_sync", "EPOCH register 0 2 async", "EPOCH touch 0",
                 "EPOCH record 2 - unproven:r1.2", "EPOCH event EpochRefreshed");
    w->pods[1].stuck = false;
    (void)world_until(w, world_is_ready, 5 * second, "it catches up");
    WORLD_EXPECT(w, "O7 touch 0", "O7 record 2 - ready:r1.2");
    world_free(w);
}

/* T served alone by decision, and goes on so when S does not become ready. */
static void test_s_does_not_become_ready_after_a_failover(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_kill(w, 0);
    (void)world_until(w, world_is_open, second, "the other serves");
    world_run(w, second);
    world_forget(w);
    w->pods[0].stuck = true;
    assert_int_equal(world_write(w, 0), WRITTEN);
    world_start(w, 0);
    world_run(w, 8 * second);
    assert_true(world_is_open(w));
    assert_string_equal(world_sync(w), "none:failover");
    WORLD_EXPECT(w, "O1 demote 0", "O7 register 1 0 async", "O1 record 2 - none:failover",
                 "O6 record 3 refresh none:failover", "EPOCH demote 1", "EPOCH promote 1",
                 "EPOCH register 1 0 strict_sync", "EPOCH register 1 2 async", "EPOCH touch 1",
                 "EPOCH record 4 refresh none:failover", "EPOCH demote 1", "EPOCH promote 1",
                 "EPOCH register 1 2 async", "EPOCH touch 1", "EPOCH record 4 - none:failover",
                 "EPOCH event EpochRefreshed", "O7 register 1 0 async");
    w->pods[0].stuck = false;
    (void)world_until(w, world_is_ready, 30 * second, "it catches up");
    world_free(w);
}

static void test_t_is_lost_in_a_refresh(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    w->pods[1].stuck = true;
    world_kill(w, 1);
    world_start(w, 1);
    world_run(w, 2 * second);
    world_kill(w, 0);
    world_run(w, 5 * second);
    assert_non_null(strstr(world_plan(w)->reason, "sync is none:refresh"));
    w->pods[1].stuck = false;
    world_forget(w);
    world_start(w, 0);
    (void)world_until(w, world_is_ready, 10 * second, "T is back");
    WORLD_EXPECT(w, "O6 record 3 refresh none:refresh", "EPOCH demote 0", "EPOCH promote 0",
                 "EPOCH register 0 1 strict_sync", "EPOCH register 0 2 async", "EPOCH touch 0",
                 "EPOCH record 3 - ready:r1.2", "EPOCH event EpochRefreshed");
    world_free(w);
}

/* The last answers of a former decision come in when the next epoch has begun: they do not count
 * for it. */
static void test_old_answers_do_not_count(void **state)
{
    struct world *w = world_formed(3);
    struct view *v = &w->controllers[0].view;
    struct effect touch = {.kind = EFFECT_TOUCH, .pod = 0, .target = -1};
    struct record r = w->record;

    (void)state;
    command_started(v, &touch);
    r.epoch++;
    r.transition = EPOCH_REFRESH;
    view_record(v, &r);
    command_done(v, 0, OUTCOME_OK);
    assert_false(v->work.touched);
    touch.kind = EFFECT_REGISTER;
    touch.target = 1;
    command_started(v, &touch);
    view_leadership(v, false, 0);
    view_leadership(v, true, INT64_MAX / 2);
    command_done(v, 0, OUTCOME_OK);
    assert_false(v->work.s_done);
    command_started(v, &touch);
    command_done(v, 0, OUTCOME_OK);
    assert_true(v->work.s_done);
    world_free(w);
}

/* X served before the end of the failover could be recorded. It is begun again on X, and X is
 * restarted before that promotion: the old main lacks what X holds, so it is not gone back to. */
static void test_an_x_that_served_is_not_gone_back_from(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_kill(w, 0);
    while (w->record.transition != EPOCH_FAILOVER)
        world_run(w, ms);
    w->api_down = true;
    (void)world_until(w, world_is_open, second, "X serves");
    assert_int_equal(w->record.transition, EPOCH_FAILOVER);
    assert_int_equal(world_write(w, 0), WRITTEN);
    controller_stop(w, 0);
    w->api_down = false;
    fake_stop(w, 1);
    world_start(w, 1);
    world_start(w, 0);
    w->injection = (struct injection){EFFECT_PROMOTE, 1, OUTCOME_BUSY, 1000};
    world_take_over(w, 1);
    world_run(w, second);
    assert_int_equal(w->record.epoch, 3);
    assert_int_equal(w->pods[1].role, ROLE_REPLICA);
    fake_stop(w, 1);
    world_start(w, 1);
    w->injection.count = 0;
    (void)world_until(w, world_is_open, 5 * second, "X serves again");
    assert_int_equal(w->record.target, 1);
    assert_int_equal(w->acked & ~w->pods[1].data, 0);
    (void)world_until(w, world_is_ready, 20 * second, "and the others follow");
    world_free(w);
}

/* S was restarted and is to join anew; T's machine dies in that refresh and loses its log's tail. S
 * holds what T has lost: T does not go on. */
static void test_t_loses_its_tail_in_a_refresh(void **state)
{
    struct world *w = world_formed(3);
    uint64_t before = w->pods[0].data;
    int64_t ldt = w->pods[0].ldt;

    (void)state;
    assert_int_equal(world_write(w, 0), WRITTEN);
    fake_stop(w, 1);
    world_start(w, 1);
    while (w->record.transition != EPOCH_REFRESH)
        world_run(w, ms);
    world_kill(w, 0);
    w->pods[0].data = before;
    w->pods[0].ldt = ldt;
    world_run(w, second);
    world_start(w, 0);
    world_run(w, 30 * second);
    assert_false(world_is_open(w));
    assert_true(strstr(w->trace, "O5 event FailoverRefused"));
    assert_string_equal(w->record.request, "");
    world_request(w, "failover:1@1"); /* a person sees that S holds more */
    (void)world_until(w, world_is_open, 2 * second, "S serves");
    assert_int_equal(w->acked & ~w->pods[1].data, 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_restarted_are_compared),
        cmocka_unit_test(test_the_other_has_more_than_x),
        cmocka_unit_test(test_chosen_and_restarted_does_not_go_back_to_nothing),
        cmocka_unit_test(test_going_back_to_one_that_was_empty_once),
        cmocka_unit_test(test_a_failover_that_was_not_recorded_to_its_end),
        cmocka_unit_test(test_who_has_served_is_not_gone_back_from),
        cmocka_unit_test(test_promoted_and_restarted_still_gets_its_users),
        cmocka_unit_test(test_t_is_demoted_in_the_middle_of_an_epoch),
        cmocka_unit_test(test_s_does_not_become_ready_in_time),
        cmocka_unit_test(test_s_does_not_become_ready_after_a_failover),
        cmocka_unit_test(test_t_is_lost_in_a_refresh),
        cmocka_unit_test(test_old_answers_do_not_count),
        cmocka_unit_test(test_an_x_that_served_is_not_gone_back_from),
        cmocka_unit_test(test_t_loses_its_tail_in_a_refresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
