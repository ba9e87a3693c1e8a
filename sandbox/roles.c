#include "sandbox/roles.h"

#include "base/alloc.h"
#include "io/bolt_client.h"
#include "sandbox/console.h"

enum { INTERVAL_US = 250 * 1000, ANSWER_LIMIT_US = 2 * 1000000 };

struct asked {
    struct roles *all;
    struct bolt_client *client; /* to the incarnation with this uid */
    char name[64], uid[KUBE_UID_SIZE];
    enum memgraph_role role;
};

struct roles {
    struct loop *loop;
    const struct pods *pods;
    struct timer *timer;
    struct asked asked[PODS_MAX];
};

static void on_up(void *arg)
{
    (void)arg;
}

static void on_down(void *arg, const struct fail *why)
{
    struct asked *a = arg;

    (void)why;
    a->role = MEMGRAPH_ROLE_UNKNOWN;
}

static void on_role(void *arg, const struct bolt_answer *answer)
{
    struct asked *a = arg;
    enum memgraph_role role;

    if (answer->fail.kind != FAIL_NONE || answer->error != MEMGRAPH_OK ||
        memgraph_read_role(&answer->rows, &role).kind != FAIL_NONE || role == a->role)
        return;
    a->role = role;
    console_event(a->name, "role", CONSOLE_GOOD, "says that it is %s", memgraph_role_name(role));
}

static void client_drop(struct asked *a)
{
    bolt_client_free(a->client);
    a->client = NULL;
    a->role = MEMGRAPH_ROLE_UNKNOWN;
}

static void client_make(struct asked *a, const struct pod *pod)
{
    static const struct bolt_client_events events = {.on_up = on_up, .on_down = on_down};
    struct bolt_client_config config = {.port = POD_BOLT_PORT,
                                        .user_agent = "sandbox/roles",
                                        .connect_timeout_us = ANSWER_LIMIT_US};

    (void)str_copy(config.host, sizeof config.host, pod->seen->ip);
    (void)str_copy(a->name, sizeof a->name, pod->seen->name);
    (void)str_copy(a->uid, sizeof a->uid, pod->seen->uid);
    a->client = bolt_client_new(a->all->loop, &config, &events, a);
}

static void on_timer(void *arg)
{
    struct roles *r = arg;

    for (unsigned i = 0; i < PODS_MAX; i++) {
        const struct pod *pod = pods_at(r->pods, i);
        struct asked *a = &r->asked[i];

        if (a->client && (!pod || strcmp(pod->seen->uid, a->uid) != 0))
            client_drop(a);
        if (pod && *pod->seen->ip && !a->client)
            client_make(a, pod);
        if (a->client && bolt_client_up(a->client) && !bolt_client_busy(a->client))
            (void)!bolt_client_query(a->client, MEMGRAPH_SHOW_ROLE, ANSWER_LIMIT_US, on_role, a);
    }
    timer_start(r->timer, INTERVAL_US);
}

struct roles *roles_start(struct loop *loop, const struct pods *pods)
{
    struct roles *r = xcalloc(1, sizeof *r);

    r->loop = loop;
    r->pods = pods;
    for (unsigned i = 0; i < PODS_MAX; i++)
        r->asked[i].all = r;
    r->timer = timer_new(loop, on_timer, r);
    timer_start(r->timer, 0);
    return r;
}

void roles_free(struct roles *r)
{
    if (!r)
        return;
    for (unsigned i = 0; i < PODS_MAX; i++)
        client_drop(&r->asked[i]);
    timer_free(r->timer);
    free(r);
}
