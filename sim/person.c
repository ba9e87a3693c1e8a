#include "sim/person.h"

#include "base/alloc.h"
#include "sim/check.h"
#include "sim/http.h"
#include "sim/process.h"
#include "sim/world_impl.h"

#include <unistd.h>

enum { HTTP_PORT = 8080 };

struct person {
    struct world *world;
    struct happening look;
    int64_t every_us;
    unsigned decisions;
    bool ready;              /* all pods were at the last look */
    char hopeless[RUN_SIZE]; /* the process that was so at the last look; empty: none */
    unsigned hopeless_looks, waiting_looks, silent_looks;
    int asked_for; /* the pod whose rebuild was asked for last; -1: none */
};

static char token_file[64];

static void remove_token(void)
{
    (void)unlink(token_file);
}

const char *person_token_file(void)
{
    FILE *file;

    if (token_file[0])
        return token_file;
    (void)str_format(token_file, sizeof token_file, "/tmp/sim-token.%ld", (long)getpid());
    file = fopen(token_file, "w");
    if (!file || fputs(PERSON_TOKEN "\n", file) < 0 || fclose(file) != 0)
        abort();
    (void)atexit(remove_token);
    return token_file;
}

static void on_answer(void *arg, unsigned status, struct str body)
{
    struct world *w = arg;

    world_say(w, "a person is answered %u %.*s", status, STR_ARGS(body));
}

void person_asks(struct world *w, const char *what, const char *body)
{
    char path[128];
    struct http_call call = {
        .method = "POST", .path = path, .body = body, .authorization = "Bearer " PERSON_TOKEN};
    int64_t i = random_range(&w->random, 0, (int64_t)w->config.controllers - 1);

    (void)str_format(path, sizeof path, "/api/v1/admin/%s", what);
    world_say(w, "a person asks for %s %s", what, body ? body : "");
    (void)http_call(w->api_host, w->controllers[i].host, HTTP_PORT, &call, on_answer, w);
}

/* The pod of which the controller says that a person must decide; -1: none. */
static int refused_pod(const struct view *v, unsigned pods)
{
    int s = view_s(v);

    if (v->record.sync == SYNC_NONE && v->record.sync_why == SYNC_WHY_REFUSED &&
        pod_runs(&v->pods[s], v->record.sync_run))
        return s;
    for (int i = 0; i < (int)pods; i++)
        if (i != v->record.target && pod_refused(&v->pods[i]))
            return i;
    return -1;
}

/* Registered, and without hope; or it cannot be registered, and Memgraph (before 3.5) does not say
 * why. Beginning with the one after the last that was asked for. */
static int hopeless_pod(const struct view *v, unsigned pods, int last)
{
    for (int k = 1; k <= (int)pods; k++) {
        int i = (last + k) % (int)pods;
        const struct row *row = view_row(v, i);

        if (i == v->record.target)
            continue;
        if (row ? !row_serves(row) && row->status != ROW_RECOVERY
                : pod_is_unregistrable(&v->pods[i]))
            return i;
    }
    return -1;
}

static void asks_rebuild(struct person *p, int pod)
{
    char what[64];

    (void)str_format(what, sizeof what, "rebuild/" WORLD_STATEFULSET "-%d", pod);
    person_asks(p->world, what, NULL);
    p->asked_for = pod;
    p->decisions++;
}

/* Nobody decides for a pod that is still starting. */
static bool all_ready(const struct world *w)
{
    for (unsigned i = 0; i < w->config.pods; i++) {
        const struct kube_cluster_pod *pod = kube_cluster_pod(w->cluster, i);

        if (!pod || !pod->ready || pod->terminating)
            return false;
    }
    return true;
}

/* As the init container's message says. */
static bool removes_what_is_aside(struct person *p)
{
    struct world *w = p->world;

    for (unsigned i = 0; i < w->config.pods; i++) {
        if (!w->pods[i].volume.in_the_way)
            continue;
        world_say(w, "a person removes what is aside of " WORLD_STATEFULSET "-%u", i);
        volume_remove_aside(&w->pods[i].volume);
        p->decisions++;
        return true;
    }
    return false;
}

/* A main with a write under way to a replica that vanished is silent for 30 s. */
static bool may_answer_yet(struct person *p, const char *reason)
{
    static const unsigned patience = 4;

    if (!str_contains(str_of(reason), "it hangs"))
        p->silent_looks = 0;
    else
        p->silent_looks++;
    return p->silent_looks && p->silent_looks <= patience;
}

/* A main that was restarted waits for an S that can tell nothing (Memgraph before 3.5). */
static bool waits_for_s(struct person *p, const char *reason)
{
    static const unsigned patience = 3;

    if (!str_contains(str_of(reason), "which may hold more"))
        p->waiting_looks = 0;
    else
        p->waiting_looks++;
    return p->waiting_looks > patience;
}

/* Whose process answers and has more of the data; when they have as much, or one of them does not
 * answer: by_default. */
static int who_has_more(const struct world *w, int by_default)
{
    const struct mg *a = world_model(w, 0), *b = world_model(w, 1);
    int64_t more;

    if (!a || !b)
        return by_default;
    more = mg_look(a).nodes - mg_look(b).nodes;
    return more > 0 ? 0 : more < 0 ? 1 : by_default;
}

static void forces(struct person *p, int pod)
{
    char what[80];

    (void)str_format(what, sizeof what,
                     "{\"acceptDataLoss\": true, \"to\": \"" WORLD_STATEFULSET "-%d\"}", pod);
    person_asks(p->world, "failover", what);
    p->decisions++;
}

/* The pair is to be compared, and Memgraph (before 3.5) does not say who is refused. */
static bool is_not_compared(const struct view *v, const char *reason)
{
    return str_contains(str_of(reason), "is being registered") &&
           pod_is_unregistrable(&v->pods[view_s(v)]);
}

/* The controller has its REPLICA_HEAL_TIMEOUT (15 s) with each process first. */
static bool stays_hopeless(struct person *p, const char *run, bool registered)
{
    unsigned patience = registered ? 3 : 1;

    if (!run[0] || strcmp(p->hopeless, run) != 0)
        p->hopeless_looks = 0;
    (void)str_copy(p->hopeless, sizeof p->hopeless, run);
    return run[0] && ++p->hopeless_looks > patience;
}

static void look(struct person *p)
{
    struct world *w = p->world;
    int leader = world_leader(w), pod;
    const struct controller *c = leader >= 0 ? w->controllers[leader].controller : NULL;
    bool ready, settled, goes_on, waits;

    if (!c || !c->view.record_exists)
        return;
    if (c->view.record.paused[0]) {
        person_asks(w, "resume", NULL); /* the first one was lost */
        return;
    }
    if (removes_what_is_aside(p))
        return;
    ready = all_ready(w);
    settled = ready && p->ready;
    p->ready = ready;
    if (c->view.record.request[0] || !settled)
        return;
    waits = waits_for_s(p, c->plan.reason);
    if (may_answer_yet(p, c->plan.reason))
        return;
    waits = waits || is_not_compared(&c->view, c->plan.reason);
    if (waits || str_contains(str_of(c->plan.reason), "no failover from")) {
        /* When the other one has nothing to offer, the main of the record goes on as it is. */
        goes_on = waits || str_contains(str_of(c->plan.reason), " is empty");
        forces(p, who_has_more(w, goes_on ? c->view.record.target : !c->view.record.target));
        return;
    }
    pod = refused_pod(&c->view, w->config.pods);
    if (pod >= 0) {
        asks_rebuild(p, pod);
        return;
    }
    pod = hopeless_pod(&c->view, w->config.pods, p->asked_for);
    if (stays_hopeless(p, pod < 0 ? "" : c->view.pods[pod].run,
                       pod >= 0 && view_row(&c->view, pod)))
        asks_rebuild(p, pod);
    else if (c->view.record.sync == SYNC_NONE && c->view.record.sync_why == SYNC_WHY_DEGRADED)
        person_asks(w, "refresh", NULL); /* somebody had set the SYNC replica aside */
}

static void on_look(void *arg)
{
    struct person *p = arg;
    char why[WHY_TEXT_SIZE];

    if (!check_converged(p->world, why))
        look(p);
    happening_after(&p->look, p->every_us);
}

struct person *person_new(struct world *w, int64_t every_us)
{
    struct person *p = xcalloc(1, sizeof *p);

    p->world = w;
    p->asked_for = -1;
    p->every_us = every_us;
    happening_init(&p->look, NULL, on_look, p);
    happening_after(&p->look, every_us);
    return p;
}

void person_free(struct person *p)
{
    if (!p)
        return;
    happening_cancel(&p->look);
    free(p);
}

unsigned person_decisions(const struct person *p)
{
    return p->decisions;
}
