#include "server/memgraph_server.h"

#include "base/alloc.h"
#include "server/memgraph_bolt.h"
#include "server/memgraph_rpc.h"

struct memgraph_server {
    struct loop *loop;
    char address[64];
    unsigned port;
    struct memgraph_server_events events;
    void *arg;
    struct timer *timer;
    struct memgraph_rpc *rpc;
    struct memgraph_bolt *bolt;
    struct mg *mg;
    bool open; /* Bolt listens */
};

/* After anything that went into the model: Bolt opens when it may, and the timer is set anew. */
static void after(void *arg)
{
    struct memgraph_server *s = arg;
    int64_t at, now_us = loop_now_us(s->loop);

    if (!s->open && mg_ready(s->mg)) {
        struct fail why = {0};

        s->open = true;
        (void)memgraph_bolt_listen(s->bolt, s->address, s->port, &why);
        s->events.on_open(s->arg, &why);
    }
    at = mg_deadline(s->mg);
    if (at == INT64_MAX)
        timer_stop(s->timer);
    else
        timer_start(s->timer, at > now_us ? at - now_us : 0);
}

static void on_timer(void *arg)
{
    struct memgraph_server *s = arg;

    mg_tick(s->mg, loop_now_us(s->loop));
    after(s);
}

/* What the model asks of the world. */

static bool host_listen(void *arg, unsigned port)
{
    struct memgraph_server *s = arg;

    return memgraph_rpc_listen(s->rpc, port);
}

static void host_unlisten(void *arg)
{
    struct memgraph_server *s = arg;

    memgraph_rpc_unlisten(s->rpc);
}

static void host_call(void *arg, uint64_t call, unsigned link, const char *address,
                      struct str request, int64_t timeout_us)
{
    struct memgraph_server *s = arg;

    memgraph_rpc_call(s->rpc, call, link, address, request, timeout_us);
}

static void host_link_close(void *arg, unsigned link)
{
    struct memgraph_server *s = arg;

    memgraph_rpc_close(s->rpc, link);
}

static void host_persist(void *arg, enum mg_file file, bool append, struct str bytes)
{
    struct memgraph_server *s = arg;

    s->events.persist(s->arg, file, append, bytes);
}

static void host_crash(void *arg, const char *why)
{
    struct memgraph_server *s = arg;

    s->events.crash(s->arg, why);
}

/* What the world says to the model. */

static void on_answer(void *arg, uint64_t call, bool ok, struct str bytes)
{
    struct memgraph_server *s = arg;

    mg_answer(s->mg, loop_now_us(s->loop), call, ok, bytes);
    after(s);
}

static bool on_request(void *arg, struct str request, struct buf *answer)
{
    struct memgraph_server *s = arg;
    bool ok;

    mg_poke(s->mg, loop_now_us(s->loop));
    ok = mg_serve(s->mg, loop_now_us(s->loop), request, answer);
    after(s);
    return ok;
}

static void on_poke(void *arg)
{
    struct memgraph_server *s = arg;

    mg_poke(s->mg, loop_now_us(s->loop));
    after(s);
}

struct memgraph_server *memgraph_server_new(struct loop *loop,
                                            const struct memgraph_server_config *config,
                                            const struct memgraph_server_events *events, void *arg,
                                            const char **why)
{
    static const struct memgraph_rpc_events rpc_events = {
        .on_answer = on_answer, .on_request = on_request, .on_poke = on_poke};
    struct memgraph_server *s = xcalloc(1, sizeof *s);
    const struct mg_host host = {.arg = s,
                                 .listen = host_listen,
                                 .unlisten = host_unlisten,
                                 .call = host_call,
                                 .link_close = host_link_close,
                                 .persist = host_persist,
                                 .crash = host_crash};

    s->loop = loop;
    (void)str_copy(s->address, sizeof s->address, config->bolt_address);
    s->port = config->bolt_port;
    s->events = *events;
    s->arg = arg;
    s->timer = timer_new(loop, on_timer, s);
    s->rpc = memgraph_rpc_new(loop, s->address, &rpc_events, s);
    s->mg = mg_new(&config->model, &host, loop_now_us(loop), why);
    if (!s->mg) {
        memgraph_server_free(s);
        return NULL;
    }
    s->bolt = memgraph_bolt_new(loop, s->mg, after, s);
    after(s);
    return s;
}

void memgraph_server_free(struct memgraph_server *s)
{
    if (!s)
        return;
    memgraph_bolt_free(s->bolt);
    if (s->mg)
        mg_free(s->mg);
    memgraph_rpc_free(s->rpc);
    timer_free(s->timer);
    free(s);
}

const struct mg *memgraph_server_model(const struct memgraph_server *s)
{
    return s->mg;
}
