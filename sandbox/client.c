#include "sandbox/client.h"

#include "base/alloc.h"
#include "io/bolt_client.h"
#include "sandbox/console.h"

#include <inttypes.h>

enum {
    INTERVAL_US = 200 * 1000,
    RETRY_US = 5 * 1000,
    WRITE_LIMIT_US = 10 * 1000000,
    SLOW_US = 100 * 1000 /* a write that takes this long is worth a line */
};

struct client {
    struct loop *loop;
    struct controllers *controllers;
    struct bolt_client *bolt;
    struct timer *timer;
    unsigned through; /* index of the controller whose gateway it uses */
    int64_t id;
    int64_t failed_us; /* since when no write is acknowledged; 0: all is well */
    uint64_t acknowledged, refused, unknown;
};

static void connect_to_next(struct client *c);

static void failed(struct client *c, const char *why)
{
    if (!c->failed_us) {
        c->failed_us = loop_now_us(c->loop);
        if (c->acknowledged)
            console_event("client", "writes-fail", CONSOLE_BAD, "writes fail: %s", why);
    }
    timer_start(c->timer, RETRY_US);
}

static void acknowledged(struct client *c, int64_t took_us)
{
    int64_t now_us = loop_now_us(c->loop);

    c->acknowledged++;
    if (c->failed_us && c->acknowledged == 1)
        console_event("client", "writes-begin", CONSOLE_GOOD, "first write is acknowledged");
    else if (c->failed_us)
        console_event("client", "writes-back", CONSOLE_GOOD,
                      "writes are back, %.0f ms after the first failure (%" PRIu64
                      " acknowledged, %" PRIu64 " unknown, %" PRIu64 " refused so far)",
                      (double)(now_us - c->failed_us) / 1e3, c->acknowledged, c->unknown,
                      c->refused);
    else if (took_us >= SLOW_US)
        console_event("client", "write-slow", CONSOLE_BAD, "a write waited %.0f ms, and succeeded",
                      (double)took_us / 1e3);
    c->failed_us = 0;
    timer_start(c->timer, INTERVAL_US);
}

static void on_written(void *arg, const struct bolt_answer *answer)
{
    struct client *c = arg;

    if (answer->fail.kind != FAIL_NONE || answer->error == MEMGRAPH_NOT_CONFIRMED) {
        c->unknown++; /* nobody can say whether it was committed */
        failed(c, answer->message);
    } else if (answer->error != MEMGRAPH_OK) {
        c->refused++;
        failed(c, answer->message);
    } else {
        acknowledged(c, loop_now_us(c->loop) - answer->asked_us);
    }
}

static void write_next(void *arg)
{
    struct client *c = arg;
    char query[80];

    if (!bolt_client_up(c->bolt)) {
        bolt_client_retry_now(c->bolt);
        timer_start(c->timer, RETRY_US);
        return;
    }
    if (bolt_client_busy(c->bolt))
        return;
    (void)str_format(query, sizeof query, "CREATE (:Demo {id: %" PRId64 "})", ++c->id);
    if (bolt_client_query(c->bolt, query, WRITE_LIMIT_US, on_written, c) != 0)
        timer_start(c->timer, RETRY_US);
}

static void on_up(void *arg)
{
    struct client *c = arg;

    timer_start(c->timer, 0);
}

static void on_down(void *arg, const struct fail *why)
{
    struct client *c = arg;

    failed(c, why->text);
    if (!controllers_at(c->controllers, c->through)->process)
        connect_to_next(c);
}

/* Round the controllers, to one whose process runs. */
static void connect_to_next(struct client *c)
{
    static const struct bolt_client_events events = {.on_up = on_up, .on_down = on_down};
    struct bolt_client_config config = {.port = CONTROLLERS_PORT_WRITE,
                                        .user_agent = "sandbox/client",
                                        .connect_timeout_us = WRITE_LIMIT_US};
    unsigned next = c->through + 1;

    while (controllers_at(c->controllers, next) && !controllers_at(c->controllers, next)->process)
        next++;
    if (!controllers_at(c->controllers, next))
        next = 0;
    if (c->bolt && next == c->through)
        return;
    c->through = next;
    bolt_client_free(c->bolt);
    (void)str_copy(config.host, sizeof config.host, controllers_at(c->controllers, next)->ip);
    c->bolt = bolt_client_new(c->loop, &config, &events, c);
}

struct client *client_start(struct loop *loop, struct controllers *controllers)
{
    struct client *c;

    if (!controllers_at(controllers, 0))
        return NULL;
    c = xcalloc(1, sizeof *c);
    c->loop = loop;
    c->controllers = controllers;
    c->failed_us = loop_now_us(loop);
    c->through = CONTROLLERS_MAX;
    c->timer = timer_new(loop, write_next, c);
    connect_to_next(c);
    timer_start(c->timer, RETRY_US);
    return c;
}

void client_free(struct client *c)
{
    if (!c)
        return;
    console_event("client", "totals", CONSOLE_QUIET,
                  "writes: %" PRIu64 " acknowledged, %" PRIu64 " refused, %" PRIu64 " unknown",
                  c->acknowledged, c->refused, c->unknown);
    bolt_client_free(c->bolt);
    timer_free(c->timer);
    free(c);
}
