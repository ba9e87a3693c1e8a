#include "core/eligibility.h"

#include "core/stopping.h"

/* One condition: does it hold for this pod, how the fact reads in words, and when it was seen (0:
 * it is no observation). The words are the reason when it does not hold. */
struct test {
    const char *name;
    bool forced_too; /* it counts also when an operator accepts the loss of writes */
    bool (*holds)(const struct view *v, int pod);
    void (*say)(const struct view *v, int pod, const char *name, bool holds, char why[WHY_SIZE]);
    int64_t (*seen_at)(const struct view *v, int pod);
};

static int64_t never(const struct view *v, int pod)
{
    (void)v;
    (void)pod;
    return 0;
}

static int64_t role_at(const struct view *v, int pod)
{
    return v->pods[pod].role_at;
}

static int64_t link_at(const struct view *v, int pod)
{
    return v->pods[pod].link_at;
}

static int64_t kube_at(const struct view *v, int pod)
{
    return v->pods[pod].kube_at;
}

static bool is_armed(const struct view *v, int pod)
{
    (void)pod;
    return v->record.sync == SYNC_READY;
}

static void say_armed(const struct view *v, int pod, const char *name, bool holds,
                      char why[WHY_SIZE])
{
    char sync[RUN_SIZE + 40];

    (void)pod;
    (void)record_sync_text(&v->record, sync, sizeof sync);
    if (holds)
        (void)str_format(why, WHY_SIZE, "sync is %s", sync);
    else
        (void)str_format(why, WHY_SIZE,
                         "%s is not known to hold every acknowledged write (sync is %s)", name,
                         sync);
}

static bool is_undoubted(const struct view *v, int pod)
{
    (void)pod;
    return !v->doubt;
}

static void say_undoubted(const struct view *v, int pod, const char *name, bool holds,
                          char why[WHY_SIZE])
{
    (void)v;
    (void)pod;
    if (holds)
        (void)str_format(why, WHY_SIZE, "the main has not lost %s", name);
    else
        (void)str_format(why, WHY_SIZE,
                         "the main had lost %s before: in STRICT_SYNC one acknowledged write may "
                         "be missing there",
                         name);
}

static bool is_up(const struct view *v, int pod)
{
    return pod_up(&v->pods[pod]);
}

static void say_up(const struct view *v, int pod, const char *name, bool holds, char why[WHY_SIZE])
{
    const char *text = v->pods[pod].link_text;

    if (holds)
        (void)str_format(why, WHY_SIZE, "%s is connected", name);
    else
        (void)str_format(why, WHY_SIZE, "%s cannot be reached (%s)", name,
                         text[0] ? text : "not connected yet");
}

static bool is_replica(const struct view *v, int pod)
{
    return pod_role(&v->pods[pod]) == ROLE_REPLICA;
}

static void say_role(const struct view *v, int pod, const char *name, bool holds,
                     char why[WHY_SIZE])
{
    if (!holds && pod_claimed(&v->pods[pod]))
        (void)str_format(why, WHY_SIZE,
                         "another process answers at the address of %s, and Kubernetes has not "
                         "shown that it is the pod's",
                         name);
    else
        (void)str_format(why, WHY_SIZE, "%s has role %s", name, role_name(pod_role(&v->pods[pod])));
}

static bool is_same_run(const struct view *v, int pod)
{
    return pod_runs(&v->pods[pod], v->record.sync_run);
}

static void say_run(const struct view *v, int pod, const char *name, bool holds, char why[WHY_SIZE])
{
    if (holds)
        (void)str_format(why, WHY_SIZE, "%s runs as %s", name, v->pods[pod].run);
    else
        (void)str_format(why, WHY_SIZE, "%s was restarted since it was last known to be in sync",
                         name);
}

static bool stays(const struct view *v, int pod)
{
    return !stopping_is(v, pod);
}

static void say_stays(const struct view *v, int pod, const char *name, bool holds,
                      char why[WHY_SIZE])
{
    if (holds)
        (void)str_format(why, WHY_SIZE, "%s is not about to stop", name);
    else if (v->pods[pod].terminating)
        (void)str_format(why, WHY_SIZE, "%s is being terminated", name);
    else
        (void)str_format(why, WHY_SIZE, "%s asked to stop", name);
}

static bool keeps_data(const struct view *v, int pod)
{
    return !record_is_rebuilt(&v->record, pod);
}

static void say_keeps_data(const struct view *v, int pod, const char *name, bool holds,
                           char why[WHY_SIZE])
{
    if (holds)
        (void)str_format(why, WHY_SIZE, "%s keeps its data", name);
    else
        (void)str_format(why, WHY_SIZE, "%s waits to be rebuilt (%.100s)", name,
                         v->record.rebuild[pod].reason);
}

static bool has_role(const struct view *v, int pod)
{
    return pod_role(&v->pods[pod]) != ROLE_UNKNOWN;
}

/* In the order in which a person would ask; the first that fails is the reason. */
static const struct test tests[] = {
    {"it holds every acknowledged write", false, is_armed, say_armed, never},
    {"the main has not lost it", false, is_undoubted, say_undoubted, never},
    {"it is connected", true, is_up, say_up, link_at},
    {"it is a replica", false, is_replica, say_role, role_at},
    {"its process is the one that was proven", false, is_same_run, say_run, role_at},
    {"it is not about to stop", true, stays, say_stays, kube_at},
    {"it keeps its data", true, keeps_data, say_keeps_data, never},
    {"its role is known", true, has_role, say_role, role_at},
};

static bool judge(const struct view *v, bool forced, char why[WHY_SIZE])
{
    char name[NAME_SIZE + 8];
    int pod = view_s(v);

    if (!v->record_exists) {
        (void)str_copy(why, WHY_SIZE, "there is no record yet");
        return false;
    }
    view_pod_name(v, pod, name);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        if ((forced && !tests[i].forced_too) || tests[i].holds(v, pod))
            continue;
        tests[i].say(v, pod, name, false, why);
        return false;
    }
    (void)str_format(why, WHY_SIZE, "%s %s", name,
                     forced ? "can take over; acknowledged writes that it lacks are lost"
                            : "holds every acknowledged write");
    return true;
}

bool eligibility_may_promote(const struct view *v, char why[WHY_SIZE])
{
    return judge(v, false, why);
}

bool eligibility_may_force(const struct view *v, char why[WHY_SIZE])
{
    return judge(v, true, why);
}

/* The last one follows from another. */
enum { CONDITIONS_N = ARRAY_LEN(tests) - 1 };

const char *eligibility_condition_name(unsigned i)
{
    return i < CONDITIONS_N ? tests[i].name : NULL;
}

unsigned eligibility_conditions(const struct view *v, struct condition *out)
{
    char name[NAME_SIZE + 8];
    unsigned n = 0;
    int pod = view_s(v);

    if (!v->record_exists)
        return 0;
    view_pod_name(v, pod, name);
    for (size_t i = 0; i < CONDITIONS_N; i++) {
        struct condition *c = &out[n++];
        int64_t at = tests[i].seen_at(v, pod);

        (void)str_copy(c->name, sizeof c->name, tests[i].name);
        c->holds = tests[i].holds(v, pod);
        tests[i].say(v, pod, name, c->holds, c->value);
        c->age_us = at ? v->now_us - at : -1;
    }
    return n;
}
