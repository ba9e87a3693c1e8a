#include "app/try_out.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum {
    AGAIN_US = 200 * 1000,
    QUERY_LIMIT_US = 10 * 1000000,
};

/* In this order. A read from a replica may come too early: it is asked again. */
static const struct step {
    bool read;
    const char *what, *verb, *end; /* "<verb> <the node><end>" */
    int64_t wanted;                /* the number in the answer; -1: none */
} steps[] = {
    {false, "written", "CREATE", "", -1},
    {true, "read", "MATCH", " RETURN count(n)", 1},
    {false, "removed", "MATCH", " DELETE n", -1},
};

struct trial {
    const struct try_out *t;
    struct loop *loop;
    struct client write, read;
    struct timer *again, *limit;
    size_t step;
    uint64_t id;
    struct fail last; /* why the present step has not worked yet */
};

static struct bolt_client *client_of(const struct trial *trial)
{
    return steps[trial->step].read ? trial->read.bolt : trial->write.bolt;
}

static void on_limit(void *arg)
{
    struct trial *trial = arg;

    loop_stop(trial->loop);
}

static bool is_as_wanted(const struct bolt_answer *answer, int64_t wanted)
{
    const struct value *row;

    if (wanted < 0)
        return true;
    row = answer->rows.n == 1 ? answer->rows.rows : NULL;
    return row && row->kind == VALUE_LIST && row->as.list.n == 1 &&
           row->as.list.items[0].kind == VALUE_INT && row->as.list.items[0].as.integer == wanted;
}

static void on_answer(void *arg, const struct bolt_answer *answer)
{
    struct trial *trial = arg;
    const struct step *step = &steps[trial->step];

    if (answer->fail.kind != FAIL_NONE)
        trial->last = answer->fail;
    else if (answer->error != MEMGRAPH_OK)
        trial->last = fail_make(FAIL_DENIED, "%s", answer->message);
    else if (!is_as_wanted(answer, step->wanted))
        trial->last = fail_make(FAIL_BUSY, "what was written is not there");
    else {
        printf("%s through %s\n", step->what,
               step->read && trial->t->read ? trial->t->read : trial->t->write.address);
        trial->last = (struct fail){0};
        trial->step++;
        if (trial->step == ARRAY_LEN(steps)) {
            loop_stop(trial->loop);
            return;
        }
    }
    timer_start(trial->again, trial->last.kind == FAIL_NONE ? 0 : AGAIN_US);
}

static void next(void *arg)
{
    struct trial *trial = arg;
    struct bolt_client *client = client_of(trial);
    char query[120];

    (void)str_format(query, sizeof query, "%s (n:MemgraphControllerTry {id: %" PRIu64 "})%s",
                     steps[trial->step].verb, trial->id, steps[trial->step].end);
    if (bolt_client_query(client, query, QUERY_LIMIT_US, on_answer, trial) != 0)
        timer_start(trial->again, AGAIN_US);
}

static void on_up(void *arg)
{
    (void)arg; /* the timer finds it */
}

static void on_down(void *arg, const struct fail *why)
{
    struct trial *trial = arg;

    trial->last = *why;
}

static struct fail run(struct trial *trial)
{
    static const struct bolt_client_events events = {.on_up = on_up, .on_down = on_down};
    struct client_target reads = trial->t->write;
    struct fail f = client_open(&trial->write, trial->loop, &trial->t->write, &events, trial);

    if (trial->t->read)
        reads.address = trial->t->read;
    if (f.kind == FAIL_NONE)
        f = client_open(&trial->read, trial->loop, &reads, &events, trial);
    if (f.kind != FAIL_NONE)
        return f;
    timer_start(trial->limit, trial->t->limit_us);
    timer_start(trial->again, 0);
    loop_run(trial->loop);
    if (trial->step == ARRAY_LEN(steps))
        return (struct fail){0};
    return fail_make(FAIL_TIMEOUT, "not %s in time: %s", steps[trial->step].what,
                     trial->last.kind != FAIL_NONE ? trial->last.text : "no answer");
}

struct fail try_out_run(const struct try_out *t)
{
    struct trial trial = {.t = t, .loop = loop_new()};
    struct fail f;

    if (getrandom(&trial.id, sizeof trial.id, 0) != sizeof trial.id)
        trial.id = (uint64_t)loop_wall_us(trial.loop);
    trial.id >>= 1; /* Cypher's numbers have a sign */
    trial.again = timer_new(trial.loop, next, &trial);
    trial.limit = timer_new(trial.loop, on_limit, &trial);
    f = run(&trial);
    client_close(&trial.write);
    client_close(&trial.read);
    timer_free(trial.again);
    timer_free(trial.limit);
    loop_free(trial.loop);
    return f;
}
