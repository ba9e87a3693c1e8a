/* Stories that nobody wrote: faults at random, then everything is healed. world_check.c looks on
 * all the time; at the end every acknowledged write is on the main and S is proven again.
 *
 * RANDOM_SEED=n runs that seed alone; RANDOM_COUNT=n runs that many instead of the usual few. */
#include "world.h"

#include "core/request.h"

#include "../cmocka_test.h"

#include <stdlib.h>

enum { STEPS = 25, SEEDS = 150 };

/* Of what is written within one watch after a person meddled, nothing is promised. */
static const int64_t within_watch_us = 150 * 1000;
/* And what T did while it could not be heard is known when it was asked again. */
static const int64_t heard_again_us = 1200 * 1000;
static uint64_t chance;
static bool telling; /* the faults, in the trace */

static unsigned dice(unsigned sides)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return (unsigned)(chance >> 33) % sides;
}

static int some_pod(const struct world *w)
{
    return (int)dice(w->pods_n);
}

static void by_hand(struct world *w, enum effect_kind kind, int pod, int target)
{
    const struct effect e = {.kind = kind, .pod = pod, .target = target};

    if (fake_answers(w, pod) && (kind != EFFECT_DROP || w->pods[pod].role == ROLE_MAIN))
        (void)fake_command(w, &e);
}

static void stop_or_start(struct world *w, int pod)
{
    if (!w->pods[pod].exists)
        return;
    if (w->pods[pod].running)
        world_kill(w, pod);
    else
        world_start(w, pod);
}

static void restart(struct world *w, int pod)
{
    if (!w->pods[pod].exists)
        return;
    if (w->pods[pod].running)
        fake_stop(w, pod);
    world_start(w, pod);
}

static void replace_leader(struct world *w)
{
    int old = w->leader, next = 1 - (old < 0 ? 0 : old);

    if (old >= 0) {
        w->crash_applies = dice(2);
        controller_stop(w, old);
        return;
    }
    controller_start(w, next);
    world_lead(w, next);
}

static void break_command(struct world *w)
{
    static const enum effect_kind kinds[] = {EFFECT_DEMOTE, EFFECT_PROMOTE, EFFECT_REGISTER,
                                             EFFECT_TOUCH, EFFECT_ENSURE_USERS};
    static const enum outcome outcomes[] = {OUTCOME_BUSY, OUTCOME_ROLE_NOT_SET, OUTCOME_FAILED,
                                            OUTCOME_STALE};

    w->injection = (struct injection){kinds[dice(ARRAY_LEN(kinds))], some_pod(w),
                                      outcomes[dice(ARRAY_LEN(outcomes))], 1 + dice(3)};
}

/* A volume is lost, of a pod that is not the only one to hold what was written. */
static void lose_volume(struct world *w, int pod)
{
    const struct fake_pod *t = &w->pods[w->record.target];

    if (!w->pods[pod].exists || pod == w->record.target || w->record.transition != EPOCH_NONE ||
        !t->running || t->role != ROLE_MAIN || w->acked & ~t->data || w->unreachable[pod] ||
        w->leader < 0)
        return;
    if (w->pods[pod].running)
        fake_stop(w, pod);
    fake_wipe(w, pod);
    world_start(w, pod);
}

/* All pods, as a rolling update does it. */
static void roll(struct world *w)
{
    for (int i = (int)w->pods_n - 1; i >= 0; i--) {
        world_delete(w, i, 30 * second);
        world_run(w, (int64_t)(500 + dice(3000)) * ms);
    }
}

/* An operator's request; not the one that accepts losses. */
static void ask(struct world *w, int pod)
{
    static const enum request_kind kinds[] = {REQUEST_SWITCHOVER, REQUEST_SWITCHOVER,
                                              REQUEST_REBUILD,    REQUEST_DEGRADE,
                                              REQUEST_REFRESH,    REQUEST_STOP};
    struct request r = {.kind = kinds[dice(ARRAY_LEN(kinds))], .pod = pod};
    char text[NOTE_SIZE];

    if (r.kind == REQUEST_SWITCHOVER && dice(2))
        r.pod = -1;
    if (!w->record.request[0] && !w->api_down)
        world_request(w, request_text(&r, text));
}

static void fault(struct world *w)
{
    int pod = some_pod(w), other = some_pod(w);
    unsigned which = dice(17);

    if (telling)
        world_trace(w, "-- %lld us: fault %u of pod %d (%d)", (long long)w->now_us, which, pod,
                    other);
    switch (which) {
    case 0:
    case 1:
    case 2:
        stop_or_start(w, pod);
        break;
    case 3:
    case 4:
        restart(w, pod);
        break;
    case 5:
        w->pods[pod].mute = !w->pods[pod].mute;
        if (!w->pods[pod].mute)
            world_run(w, heard_again_us);
        break;
    case 6:
        w->cut[pod][other] = w->cut[other][pod] = !w->cut[pod][other];
        break;
    case 7:
        w->unreachable[pod] = !w->unreachable[pod];
        if (!w->unreachable[pod])
            world_run(w, heard_again_us);
        break;
    case 8:
        by_hand(w, EFFECT_DROP, w->record.target, pod);
        world_run(w, within_watch_us);
        break;
    case 9:
        if (pod == w->record.target && w->record.transition != EPOCH_NONE)
            break; /* nobody could tell it from a promotion that was never done */
        by_hand(w, dice(2) ? EFFECT_DEMOTE : EFFECT_PROMOTE, pod, -1);
        world_run(w, within_watch_us);
        break;
    case 10:
        replace_leader(w);
        break;
    case 11:
        break_command(w);
        break;
    case 12:
        lose_volume(w, pod);
        break;
    case 13:
        world_delete(w, pod, (int64_t)(1 + dice(30)) * second);
        break;
    case 14:
        ask(w, pod);
        break;
    case 15:
        if (dice(3) == 0)
            world_pause(w, w->record.paused[0] ? "" : "somebody@1..");
        else
            roll(w);
        break;
    default:
        if (dice(2))
            w->api_down = !w->api_down;
        else
            *(dice(2) ? &w->conflict_at : &w->lost_answer_at) = w->record_writes_n + 1;
    }
}

static void write_some(struct world *w)
{
    for (int i = 0; i < WORLD_CONTROLLERS; i++)
        if (w->controllers[i].alive && w->writes_n < 60 && dice(3) == 0 &&
            world_write(w, i) == WRITTEN && telling)
            world_trace(w, "-- %lld us: a write through %d to pod %d", (long long)w->now_us, i,
                        w->controllers[i].plan.gate.pod);
}

static void heal(struct world *w)
{
    w->api_down = false;
    w->injection.count = 0;
    w->conflict_at = w->lost_answer_at = 0;
    world_pause(w, "");
    memset(w->cut, 0, sizeof w->cut);
    memset(w->unreachable, 0, sizeof w->unreachable);
    for (int i = 0; i < (int)w->pods_n; i++) {
        w->pods[i].mute = false;
        if (!w->pods[i].exists || w->pods[i].terminating)
            continue; /* the kubelet's */
        if (!w->pods[i].running)
            world_start(w, i);
        world_ready(w, i, true);
    }
    for (int i = 0; i < WORLD_CONTROLLERS; i++)
        if (w->controllers[i].alive)
            controller_saw_record(w, i);
    if (w->leader < 0)
        replace_leader(w);
}

/* S is proven, or was refused as diverged. */
static bool world_is_settled(const struct world *w)
{
    const struct pod *s;

    if (w->leader < 0 || w->record.transition != EPOCH_NONE)
        return false;
    s = &w->controllers[w->leader].view.pods[1 - w->record.target];
    return world_is_armed(w) || (s->refused_run[0] && strcmp(s->refused_run, s->run) == 0);
}

/* An operator takes back what he asked for. */
static void take_back(struct world *w)
{
    world_run(w, 90 * second); /* whatever is still asked for is served or refused by then */
    if (w->record.sync == SYNC_NONE && w->record.sync_why == SYNC_WHY_DEGRADED &&
        !w->record.request[0])
        world_request(w, "refresh");
}

/* Everything that was acknowledged is where it must be. */
static void check_end(struct world *w)
{
    const struct fake_pod *t = &w->pods[w->record.target];

    bool strict = w->settings.replication_mode != REPLICATION_SYNC;

    /* In SYNC mode an old main may hold what it never acknowledged: it is refused for good. */
    if (strict)
        (void)world_until(w, world_is_armed, 700 * second, "healed");
    else
        (void)world_until(w, world_is_settled, 700 * second, "healed");
    world_run(w, second);
    if (w->acked & ~t->data)
        check_fail(w, "the main lacks acknowledged writes");
    if (strict && w->acked & ~w->pods[1 - w->record.target].data)
        check_fail(w, "the proven replica lacks acknowledged writes");
}

static void set_up(struct world *w, unsigned seed)
{
    if (seed % 2)
        w->settings.durability = DURABILITY_PREFERRED;
    if (seed % 5 == 0)
        w->settings.planned_restart = PLANNED_BLOCK;
    if (seed % 7 == 0)
        w->settings.switchover_drain_us = 300 * ms;
    w->controllers[0].view.settings = w->settings;
}

static void story(unsigned seed)
{
    struct world *w;

    chance = 0x9e3779b97f4a7c15U * (seed + 1);
    w = world_formed(3);
    set_up(w, seed);
    if (seed % 3 == 0)
        w->settings.replication_mode = w->controllers[0].view.settings.replication_mode =
            REPLICATION_SYNC;
    world_trace(w, "-- RANDOM_SEED=%u", seed);
    if (dice(2)) {
        controller_start(w, 1);
        world_run(w, 10 * ms);
    }
    for (int i = 0; i < STEPS; i++) {
        fault(w);
        write_some(w);
        world_run(w, (int64_t)(dice(4) ? 1 + dice(100) : 1 + dice(8000)) * ms);
        write_some(w);
    }
    heal(w);
    take_back(w);
    check_end(w);
    world_free(w);
}

static void test_random_faults(void **state)
{
    const char *seed = getenv("RANDOM_SEED"), *count = getenv("RANDOM_COUNT");
    unsigned from = seed ? (unsigned)strtoul(seed, NULL, 10) : 1;
    unsigned n = seed ? 1 : count ? (unsigned)strtoul(count, NULL, 10) : SEEDS;

    (void)state;
    telling = seed != NULL;
    for (unsigned i = 0; i < n; i++)
        story(from + i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
