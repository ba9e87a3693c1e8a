#include "app/prober.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

static const int64_t query_limit_us = 10LL * 1000 * 1000;
static const int64_t again_us = 2000;
static const int64_t farewell_us = 10LL * 1000 * 1000;

struct prober {
    pthread_t thread;
    /* The thread's own. */
    struct loop *loop;
    struct client client;
    struct timer *again, *limit;
    uint64_t id, serial;
    int64_t last_us; /* when the last write was acknowledged; 0: none yet */
    bool sent;       /* a write, so that there may be a node */
    bool removing, removed;
    /* Shared. */
    _Atomic bool stop;
    _Atomic uint64_t writes, errors;
    _Atomic int64_t gap_us;
    pthread_mutex_t lock; /* of what follows */
    char trouble[200];
};

static void note_trouble(struct prober *p, const char *text)
{
    p->errors++;
    pthread_mutex_lock(&p->lock);
    (void)str_copy(p->trouble, sizeof p->trouble, text);
    pthread_mutex_unlock(&p->lock);
}

const char *prober_trouble(struct prober *p, char *out, size_t size)
{
    pthread_mutex_lock(&p->lock);
    (void)str_copy(out, size, p->trouble);
    pthread_mutex_unlock(&p->lock);
    return out;
}

static void note_write(struct prober *p)
{
    int64_t now_us = loop_now_us(p->loop);

    if (p->last_us && now_us - p->last_us > p->gap_us)
        p->gap_us = now_us - p->last_us;
    p->last_us = now_us;
    p->writes++;
}

static void on_answer(void *arg, const struct bolt_answer *answer)
{
    struct prober *p = arg;
    bool worked = answer->fail.kind == FAIL_NONE && answer->error == MEMGRAPH_OK;

    if (worked && p->removing) {
        p->removed = true;
        loop_stop(p->loop);
        return;
    }
    if (worked)
        note_write(p);
    else
        note_trouble(p, answer->message);
    timer_start(p->again, again_us);
}

static void next(void *arg)
{
    struct prober *p = arg;
    char query[160];

    if (p->stop && !p->sent) { /* there is nothing to remove */
        p->removed = true;
        loop_stop(p->loop);
        return;
    }
    if (p->stop && !p->removing) {
        p->removing = true;
        timer_start(p->limit, farewell_us);
    }
    if (p->removing)
        (void)str_format(query, sizeof query,
                         "MATCH (n:MemgraphControllerDrill {id: %" PRIu64 "}) DELETE n", p->id);
    else
        (void)str_format(query, sizeof query,
                         "MERGE (n:MemgraphControllerDrill {id: %" PRIu64
                         "}) SET n.write = %" PRIu64,
                         p->id, ++p->serial);
    if (bolt_client_query(p->client.bolt, query, query_limit_us, on_answer, p) != 0)
        timer_start(p->again, again_us);
    else
        p->sent = true;
}

static void on_up(void *arg)
{
    (void)arg; /* the timer finds it */
}

static void on_down(void *arg, const struct fail *why)
{
    struct prober *p = arg;

    note_trouble(p, why->text);
}

static void on_limit(void *arg)
{
    struct prober *p = arg;

    loop_stop(p->loop);
}

static void *run(void *arg)
{
    struct prober *p = arg;

    timer_start(p->again, 0);
    loop_run(p->loop);
    return NULL;
}

static void prober_free(struct prober *p)
{
    client_close(&p->client);
    timer_free(p->again);
    timer_free(p->limit);
    loop_free(p->loop);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

struct prober *prober_start(const struct client_target *target, struct fail *why)
{
    static const struct bolt_client_events events = {.on_up = on_up, .on_down = on_down};
    struct prober *p = xcalloc(1, sizeof *p);
    int err;

    pthread_mutex_init(&p->lock, NULL);
    p->loop = loop_new();
    p->id = (uint64_t)loop_wall_us(p->loop);
    p->again = timer_new(p->loop, next, p);
    p->limit = timer_new(p->loop, on_limit, p);
    *why = client_open(&p->client, p->loop, target, &events, p);
    if (why->kind == FAIL_NONE && (err = pthread_create(&p->thread, NULL, run, p)) != 0)
        *why = fail_errno("start a thread", err);
    if (why->kind == FAIL_NONE)
        return p;
    prober_free(p);
    return NULL;
}

struct prober_counts prober_take(struct prober *p)
{
    return (struct prober_counts){.writes = p->writes,
                                  .errors = atomic_exchange(&p->errors, 0),
                                  .gap_us = atomic_exchange(&p->gap_us, 0)};
}

uint64_t prober_writes(const struct prober *p)
{
    return p->writes;
}

bool prober_stop(struct prober *p)
{
    bool removed;

    p->stop = true;
    (void)pthread_join(p->thread, NULL);
    removed = p->removed;
    prober_free(p);
    return removed;
}
