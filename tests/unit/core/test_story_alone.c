/* Stories of a main that goes on without its SYNC replica: by policy, by an operator's word, by
 * force; and of replicas that are filled anew. The traces are exact. */
#include "world.h"

#include "core/rebuild.h"

#include "../cmocka_test.h"

static void set(struct world *w)
{
    for (int i = 0; i < WORLD_CONTROLLERS; i++)
        w->controllers[i].view.settings = w->settings;
}

static struct world *preferring(void)
{
    struct world *w = world_formed(3);

    w->settings.durability = DURABILITY_PREFERRED;
    set(w);
    return w;
}

static void test_preferred_goes_on_without_s(void **state)
{
    struct world *w = preferring();

    (void)state;
    world_kill(w, 1);
    world_run(w, 4900 * ms);
    assert_string_equal(w->controllers[0].gates, "open hold");
    world_run(w, 300 * ms);
    assert_string_equal(w->controllers[0].gates, "open hold open");
    assert_string_equal(world_sync(w), "none:degraded");
    assert_int_equal(world_write(w, 0), WRITTEN);
    WORLD_EXPECT(w, "O7 record 1 - unproven:r1.1", "O6 record 2 refresh none:degraded",
                 "O6 event Degraded", "EPOCH demote 0", "EPOCH promote 0",
                 "EPOCH register 0 2 async", "EPOCH touch 0", "EPOCH record 2 - none:degraded",
                 "EPOCH event EpochRefreshed");
    world_kill(w, 0); /* and nobody else has the newest writes */
    world_run(w, second);
    assert_false(world_is_open(w));
    assert_true(strstr(w->trace, "O5 event FailoverRefused"));
    world_start(w, 0);
    world_run(w, second);
    assert_true(world_is_open(w));
    world_start(w, 1);
    (void)world_until(w, world_is_ready, 30 * second, "S is back and proven");
    world_free(w);
}

/* T cannot reach S, the controller can: S joins when T can, and not before. */
static void test_preferred_with_a_cut_between_the_pair(void **state)
{
    struct world *w = preferring();
    int64_t took_us;

    (void)state;
    w->cut[0][1] = w->cut[1][0] = true;
    (void)world_write(w, 0);
    took_us = world_until(w, world_is_open, 15 * second, "it goes on alone");
    assert_true(took_us <= 6 * second);
    world_run(w, 20 * second);
    assert_string_equal(world_sync(w), "none:degraded");
    assert_true(world_is_open(w));
    assert_int_equal(world_write(w, 0), WRITTEN);
    w->cut[0][1] = w->cut[1][0] = false;
    (void)world_until(w, world_is_ready, 400 * second, "S joins");
    world_free(w);
}

/* With a write in flight to it T would not answer: its pod is deleted first. */
static void test_an_s_that_hangs_is_deleted_first(void **state)
{
    struct world *w = preferring();

    (void)state;
    w->pods[1].mute = true;
    fake_row(w, 0, 1)->status = ROW_INVALID;
    world_run(w, 5200 * ms);
    WORLD_EXPECT(w, "O7 record 1 - unproven:r1.1", "O6 delete_pod 1");
    world_run(w, 5 * second);
    assert_true(strstr(w->trace, "O6 record 2 refresh none:degraded"));
    (void)world_until(w, world_is_ready, 60 * second, "its next pod joins");
    world_free(w);
}

/* With DURABILITY=required it takes an operator, who takes it back later. */
static void test_an_operator_degrades(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_kill(w, 1);
    world_run(w, 8 * second);
    assert_string_equal(world_sync(w), "unproven:r1.1");
    world_forget(w);
    world_request(w, "degrade@1");
    world_run(w, 200 * ms);
    assert_string_equal(w->record.request, "");
    assert_string_equal(w->record.answer, "degrade@1: served");
    assert_int_equal(world_write(w, 0), WRITTEN);
    WORLD_EXPECT(w, "O6 record 2 refresh none:degraded:r1.1", "O6 event Degraded", "EPOCH demote 0",
                 "EPOCH promote 0", "EPOCH register 0 2 async", "EPOCH touch 0",
                 "EPOCH record 2 - none:degraded:r1.1", "EPOCH event EpochRefreshed");
    world_start(w, 1); /* another process: not the one that was set aside */
    (void)world_until(w, world_is_ready, 30 * second, "S is back and proven");
    world_request(w, "degrade@2");
    world_run(w, 30 * second);
    assert_string_equal(world_sync(w), "none:degraded:r1.2"); /* the same process stays out */
    world_request(w, "refresh@3");
    (void)world_until(w, world_is_ready, 10 * second, "until it is asked for");
    assert_string_equal(w->record.answer, "refresh@3: served");
    world_free(w);
}

/* T was restarted and waits for an S that may hold more: an operator decides otherwise. */
static void test_degrade_overrides_the_wait_for_s(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_kill(w, 1);
    world_kill(w, 0);
    world_run(w, second);
    world_start(w, 0);
    world_run(w, 10 * second);
    assert_false(world_is_open(w));
    world_request(w, "degrade@1");
    (void)world_until(w, world_is_open, second, "it goes on alone");
    assert_string_equal(world_sync(w), "none:degraded:r1.1");
    world_start(w, 1);
    (void)world_until(w, world_is_ready, 30 * second, "S joins");
    world_free(w);
}

static void test_a_failover_is_forced(void **state)
{
    struct world *w = preferring();

    (void)state;
    world_kill(w, 1);
    world_run(w, 6 * second);
    assert_int_equal(world_write(w, 0), WRITTEN); /* S lacks this one */
    world_kill(w, 0);
    world_start(w, 1);
    world_run(w, 2 * second);
    assert_false(world_is_open(w));
    world_forget(w);
    world_request(w, "failover@1");
    (void)world_until(w, world_is_open, second, "S serves");
    assert_string_equal(w->record.answer, "failover@1: served");
    assert_int_equal(w->record.promoted, PROMOTED_FORCED);
    assert_int_equal(w->record.target, 1);
    world_run(w, second);
    WORLD_EXPECT(w, "REQUEST record 3 failover none:forced", "REQUEST event FailoverForced",
                 "EPOCH promote 1", "EPOCH ensure_users 1", "EPOCH touch 1",
                 "EPOCH record 3 - none:forced", "EPOCH event FailoverDone",
                 "O7 register 1 2 async", "O8 event RebuildNeeded", "O7 drop 1 2");
    assert_true(strstr(w->record.history[w->record.history_n - 1], "an operator forces it"));
    world_start(w, 0); /* with what was given up: a person must say that it may go */
    world_run(w, 20 * second);
    assert_int_equal(w->pods[0].role, ROLE_REPLICA);
    assert_true(strstr(world_event(&w->controllers[0]), "a person must decide"));
    world_request(w, "rebuild:0@1");
    world_run(w, 20 * second);
    assert_string_equal(w->record.answer, "rebuild:0@1: served");
    world_request(w, "rebuild:2@1");
    (void)world_until(w, world_is_ready, 60 * second, "both are filled anew");
    world_free(w);
}

/* S is main already: somebody promoted it by hand, and T is gone. */
static void test_a_failover_to_a_stray_main_is_forced(void **state)
{
    struct world *w = world_formed(3);
    const struct effect e = {.kind = EFFECT_PROMOTE, .pod = 1};

    (void)state;
    world_pause(w, "me");
    world_kill(w, 0);
    world_run(w, second);
    assert_int_equal(fake_command(w, &e), OUTCOME_OK);
    w->record.sync = SYNC_NONE;
    world_request(w, "failover@1");
    world_run(w, 2 * second);
    assert_string_equal(w->trace, "");
    world_pause(w, "");
    (void)world_until(w, world_is_open, 2 * second, "S serves");
    WORLD_EXPECT(w, "O1 record 1 - none:initial", "O1 demote 1",
                 "REQUEST record 2 failover none:forced", "REQUEST event FailoverForced",
                 "EPOCH promote 1", "EPOCH ensure_users 1", "EPOCH touch 1",
                 "EPOCH record 2 - none:forced", "EPOCH event FailoverDone");
    world_free(w);
}

/* X was restarted before it was promoted, and the old main has lost its volume: nobody can vouch
 * for X, and there is nobody else. */
static void test_a_main_that_nobody_vouches_for_is_forced(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    w->injection = (struct injection){EFFECT_PROMOTE, 1, OUTCOME_BUSY, 1000};
    world_kill(w, 0);
    world_run(w, second);
    assert_int_equal(w->record.transition, EPOCH_FAILOVER);
    fake_stop(w, 1);
    fake_wipe(w, 0);
    world_start(w, 0);
    world_start(w, 1);
    w->injection.count = 0;
    world_run(w, 5 * second);
    assert_false(world_is_open(w));
    assert_true(strstr(world_event(&w->controllers[0]), "it was restarted before it was promoted"));
    world_request(w, "failover:1@1");
    (void)world_until(w, world_is_open, 2 * second, "it goes on");
    assert_int_equal(w->record.target, 1);
    assert_int_equal(w->record.promoted, PROMOTED_FORCED);
    (void)world_until(w, world_is_ready, 30 * second, "the empty one is filled");
    world_free(w);
}

/* ---- rebuild ---- */

static void start_diverged(struct world *w, int pod)
{
    w->pods[pod].epoch = -7;
    w->pods[pod].ldt += 2;
    w->pods[pod].data |= UINT64_C(1) << 62;
    w->pods[pod].main_id = -1;
    world_start(w, pod);
}

static void test_a_diverged_a_is_rebuilt(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_kill(w, 2);
    world_run(w, 4 * second);
    start_diverged(w, 2);
    (void)world_until(w, world_is_ready, 60 * second, "filled anew");
    WORLD_EXPECT(w, "O7 drop 0 2", "O7 register 0 2 async", "O8 record 1 - ready:r1.1",
                 "O8 event ReplicaRebuild", "O7 drop 0 2", "O8 delete_pod 2",
                 "O1 record 1 - ready:r1.1", "O1 demote 2", "O7 register 0 2 async",
                 "O1 record 1 - ready:r1.1", "O8 record 1 - ready:r1.1", "O8 event ReplicaRebuilt");
    assert_string_equal(w->controllers[0].gates, "open");
    assert_int_equal(w->pods[2].pods, 1);
    world_free(w);
}

/* Not while S is away: two with less than the main were one too many. */
static void test_an_a_is_not_rebuilt_without_s(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_kill(w, 1);
    world_kill(w, 2);
    world_run(w, 4 * second);
    start_diverged(w, 2);
    world_run(w, 60 * second);
    assert_false(record_is_rebuilt(&w->record, 2));
    assert_true(strstr(world_event(&w->controllers[0]), "not before the SYNC replica is proven"));
    world_start(w, 1);
    (void)world_until(w, world_is_ready, 60 * second, "filled anew");
    world_free(w);
}

/* The old main committed what it never acknowledged. After a failover that is known. */
static void test_the_old_main_is_rebuilt_after_a_failover(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    world_kill(w, 0);
    world_run(w, second);
    start_diverged(w, 0);
    (void)world_until(w, world_is_ready, 60 * second, "filled anew");
    assert_int_equal(w->record.target, 1);
    assert_int_equal(w->pods[0].pods, 1);
    world_free(w);
}

static void test_what_an_init_container_is_told(void **state)
{
    struct record r = {.target = 1, .fenced = 1U << 0, .from = -1};
    struct rebuild_order o;

    (void)state;
    (void)str_copy(r.rebuild[2].uid, UID_SIZE, "old");
    (void)str_copy(r.rebuild[2].reason, REASON_SIZE, "diverged");
    rebuild_order(&r, 2, "new", &o);
    assert_true(o.move_data && o.move_replication && !o.may_overwrite);
    assert_string_equal(o.token, "old");
    rebuild_order(&r, 2, "old", &o); /* it is the pod itself, that is to be deleted */
    assert_true(!o.move_data && !o.move_replication);
    (void)str_copy(r.rebuild[2].reason, REASON_SIZE, REBUILD_REQUESTED);
    rebuild_order(&r, 2, "new", &o);
    assert_true(o.move_data && o.may_overwrite);
    rebuild_order(&r, 0, "u0", &o);
    assert_true(!o.move_data && o.move_replication);
    assert_string_equal(o.token, "u0");
    rebuild_order(&r, 1, "u1", &o);
    assert_true(!o.move_data && !o.move_replication);
    r.fenced = 1U << 1; /* the main is never told to forget its replicas */
    rebuild_order(&r, 1, "u1", &o);
    assert_true(!o.move_replication);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_preferred_goes_on_without_s),
        cmocka_unit_test(test_preferred_with_a_cut_between_the_pair),
        cmocka_unit_test(test_an_s_that_hangs_is_deleted_first),
        cmocka_unit_test(test_an_operator_degrades),
        cmocka_unit_test(test_degrade_overrides_the_wait_for_s),
        cmocka_unit_test(test_a_failover_is_forced),
        cmocka_unit_test(test_a_failover_to_a_stray_main_is_forced),
        cmocka_unit_test(test_a_main_that_nobody_vouches_for_is_forced),
        cmocka_unit_test(test_a_diverged_a_is_rebuilt),
        cmocka_unit_test(test_an_a_is_not_rebuilt_without_s),
        cmocka_unit_test(test_the_old_main_is_rebuilt_after_a_failover),
        cmocka_unit_test(test_what_an_init_container_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
