/* Stories of the controllers themselves: leaders die after every single effect, writes of the
 * record meet others, followers follow. */
#include "world.h"

#include "../cmocka_test.h"

/* ---- a leader dies, whatever it has just begun ---- */

/* Two halves of a fault: what happens at first, and what happens 3 s later. */
struct fault {
    const char *name;
    struct world *(*make)(void);
    void (*first)(struct world *w);
    void (*later)(struct world *w);
    unsigned effects_min; /* of the whole story */
};

static struct world *make_new(void)
{
    return world_new(3);
}

static struct world *make_formed(void)
{
    return world_formed(3);
}

static void nothing(struct world *w)
{
    (void)w;
}

static void kill_t(struct world *w)
{
    world_kill(w, 0);
}

static void start_t(struct world *w)
{
    world_start(w, 0);
}

static void kill_s(struct world *w)
{
    world_kill(w, 1);
}

static void start_s(struct world *w)
{
    world_start(w, 1);
}

static void restart_t(struct world *w)
{
    fake_stop(w, 0);
    world_start(w, 0);
}

static void promote_s(struct world *w)
{
    const struct effect e = {.kind = EFFECT_PROMOTE, .pod = 1};

    assert_int_equal(fake_command(w, &e), OUTCOME_OK);
}

static void lose_t_volume(struct world *w)
{
    fake_stop(w, 0);
    fake_wipe(w, 0);
    world_start(w, 0);
}

static void ask_switchover(struct world *w)
{
    world_request(w, "switchover@1");
}

static void delete_t(struct world *w)
{
    world_delete(w, 0, 30 * second);
}

static void delete_s(struct world *w)
{
    world_delete(w, 1, 30 * second);
}

static void degrade(struct world *w)
{
    world_request(w, "degrade@1");
}

static void refresh(struct world *w)
{
    world_request(w, "refresh@1");
}

/* Its pod holds a commit that nobody else has. */
static void start_diverged(struct world *w, int pod)
{
    w->pods[pod].epoch = -7;
    w->pods[pod].data |= UINT64_C(1) << 62;
    w->pods[pod].ldt += 2;
    w->pods[pod].main_id = -1;
    world_start(w, pod);
}

static void kill_a(struct world *w)
{
    world_kill(w, 2);
}

static void start_a_diverged(struct world *w)
{
    start_diverged(w, 2);
}

static void start_t_diverged(struct world *w)
{
    start_diverged(w, 0);
}

static const struct fault faults[] = {
    {"bootstrap", make_new, nothing, nothing, 9},
    {"failover and return", make_formed, kill_t, start_t, 14},
    {"S restarts", make_formed, kill_s, start_s, 7},
    {"T restarts", make_formed, restart_t, nothing, 7},
    {"stray S", make_formed, promote_s, nothing, 10},
    {"T loses its volume", make_formed, lose_t_volume, nothing, 14},
    {"switchover", make_formed, ask_switchover, nothing, 8},
    {"T is restarted as planned", make_formed, delete_t, nothing, 13},
    {"S is restarted as planned", make_formed, delete_s, nothing, 12},
    {"degrade and back", make_formed, degrade, refresh, 10},
    {"A is rebuilt", make_formed, kill_a, start_a_diverged, 5},
    {"S is rebuilt", make_formed, kill_t, start_t_diverged, 14},
};

static bool is_ready_or_dead(const struct world *w)
{
    return w->leader < 0 || world_is_ready(w);
}

/* Lets the leader die at its n-th effect, and the next one at its m-th (0: not). False: the story
 * has fewer than n effects. */
static bool story_with_deaths(const struct fault *f, bool applies, unsigned n, unsigned m)
{
    struct world *w = f->make();
    bool died;

    world_trace(w, "-- %s, dies at effect %u (%s), then at %u", f->name, n,
                applies ? "it happens" : "it does not", m);
    w->crash_applies = applies;
    w->effects_n = 0;
    w->crash_at = n;
    f->first(w);
    world_run(w, 3 * second);
    f->later(w);
    (void)world_until(w, is_ready_or_dead, 60 * second, f->name);
    died = w->leader < 0;
    if (died) {
        w->effects_n = 0;
        w->crash_at = m;
        world_take_over(w, 1);
        (void)world_until(w, is_ready_or_dead, 60 * second, f->name);
        if (w->leader < 0)
            world_take_over(w, 0);
        (void)world_until(w, world_is_ready, 60 * second, f->name);
        assert_int_equal(world_write(w, w->leader), WRITTEN);
    }
    world_free(w);
    return died;
}

static void test_leaders_die_after_every_effect(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        for (int applies = 0; applies < 2; applies++) {
            unsigned n = 1;

            while (story_with_deaths(&faults[i], applies, n, 0))
                n++;
            assert_true(n > faults[i].effects_min);
        }
    }
}

static void test_two_leaders_die_one_after_the_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        for (int applies = 0; applies < 2; applies++)
            for (unsigned n = 1; n <= faults[i].effects_min; n++)
                for (unsigned m = 1; m <= faults[i].effects_min; m += 2)
                    (void)story_with_deaths(&faults[i], applies, n, m);
}

/* ---- writes of the record ---- */

static bool story_with_bad_write(const struct fault *f, bool conflict, unsigned n)
{
    struct world *w = f->make();
    bool reached;

    world_trace(w, "-- %s, write %u %s", f->name, n, conflict ? "conflicts" : "is not answered");
    *(conflict ? &w->conflict_at : &w->lost_answer_at) = w->record_writes_n + n;
    f->first(w);
    world_run(w, 3 * second);
    f->later(w);
    (void)world_until(w, world_is_ready, 60 * second, f->name);
    reached = w->record_writes_n >= (conflict ? w->conflict_at : w->lost_answer_at);
    world_free(w);
    return reached;
}

static void test_every_write_meets_another(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        for (int conflict = 0; conflict < 2; conflict++) {
            unsigned n = 1;

            while (story_with_bad_write(&faults[i], conflict, n))
                n++;
            assert_true(n > 2);
        }
    }
}

static void test_no_decision_without_the_api(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    w->api_down = true;
    world_run(w, 30 * second);
    assert_true(world_is_open(w));
    assert_int_equal(world_write(w, 0), WRITTEN);
    world_kill(w, 0);
    world_run(w, 30 * second);
    assert_int_equal(w->pods[1].role, ROLE_REPLICA);
    w->api_down = false;
    (void)world_until(w, world_is_open, 10 * second, "the API is back: failover");
    world_free(w);
}

static void test_a_lease_that_is_over_ends_all_effects(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    view_leadership(&w->controllers[0].view, true, w->now_us + second);
    world_run(w, 2 * second);
    world_kill(w, 0);
    world_run(w, 5 * second);
    assert_string_equal(w->trace, "");
    assert_string_equal(world_plan(w)->reason,
                        "this controller does not lead: it routes, and decides nothing");
    world_lead(w, 0);
    (void)world_until(w, world_is_open, second, "renewed");
    world_free(w);
}

static void test_paused(void **state)
{
    struct world *w = world_formed(3);

    (void)state;
    (void)str_copy(w->record.paused, sizeof w->record.paused, "by a test");
    w->version++;
    controller_saw_record(w, 0);
    world_kill(w, 0);
    world_run(w, 5 * second);
    assert_string_equal(w->trace, "");
    assert_int_equal(world_plan(w)->gate.state, GATE_CUT);
    assert_string_equal(world_plan(w)->reason, "paused: by a test");
    w->record.paused[0] = '\0';
    w->version++;
    controller_saw_record(w, 0);
    (void)world_until(w, world_is_open, second, "no longer");
    world_free(w);
}

/* ---- followers ---- */

static bool both_open(const struct world *w)
{
    return w->controllers[0].plan.gate.state == GATE_OPEN &&
           w->controllers[1].plan.gate.state == GATE_OPEN;
}

static struct world *with_follower(void)
{
    struct world *w = world_formed(3);

    controller_start(w, 1);
    (void)world_until(w, both_open, second, "the follower routes");
    world_forget(w);
    return w;
}

static void test_a_follower_cuts_in_a_failover(void **state)
{
    struct world *w = with_follower();

    (void)state;
    world_kill(w, 0);
    (void)world_until(w, both_open, second, "both route to the new main");
    assert_string_equal(w->controllers[0].gates, "open cut open");
    assert_string_equal(w->controllers[1].gates, "open cut open");
    assert_int_equal(w->controllers[1].plan.gate.pod, 1);
    assert_int_equal(world_write(w, 1), WRITTEN);
    world_free(w);
}

static void test_a_follower_holds_in_a_refresh(void **state)
{
    struct world *w = with_follower();

    (void)state;
    world_kill(w, 1);
    world_run(w, 500 * ms);
    world_start(w, 1);
    (void)world_until(w, world_is_ready, 2 * second, "S is back");
    (void)world_until(w, both_open, second, "both route");
    assert_string_equal(w->controllers[0].gates, "open hold open");
    assert_string_equal(w->controllers[1].gates, "open hold open");
    world_free(w);
}

static void test_a_follower_cuts_when_the_main_restarts(void **state)
{
    struct world *w = with_follower();

    (void)state;
    restart_t(w);
    (void)world_until(w, world_is_ready, 2 * second, "its new epoch");
    (void)world_until(w, both_open, second, "both route");
    assert_string_equal(w->controllers[0].gates, "open cut hold open");
    assert_string_equal(w->controllers[1].gates, "open cut hold open");
    world_free(w);
}

static void test_a_follower_routes_on_without_a_leader(void **state)
{
    struct world *w = with_follower();

    (void)state;
    controller_stop(w, 0);
    world_run(w, 20 * second);
    assert_int_equal(world_write(w, 1), WRITTEN);
    world_kill(w, 1);
    world_run(w, 20 * second); /* nobody records that S is lost: no write without it */
    assert_int_not_equal(w->controllers[1].plan.gate.state, GATE_OPEN);
    world_lead(w, 1);
    (void)world_until(w, world_is_open, second, "it leads and records it");
    assert_int_equal(w->record.sync, SYNC_UNPROVEN);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaders_die_after_every_effect),
        cmocka_unit_test(test_two_leaders_die_one_after_the_other),
        cmocka_unit_test(test_every_write_meets_another),
        cmocka_unit_test(test_no_decision_without_the_api),
        cmocka_unit_test(test_a_lease_that_is_over_ends_all_effects),
        cmocka_unit_test(test_paused),
        cmocka_unit_test(test_a_follower_cuts_in_a_failover),
        cmocka_unit_test(test_a_follower_holds_in_a_refresh),
        cmocka_unit_test(test_a_follower_cuts_when_the_main_restarts),
        cmocka_unit_test(test_a_follower_routes_on_without_a_leader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
