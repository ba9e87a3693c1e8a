#include "sim/console.h"

#include "base/alloc.h"
#include "io/bolt_client.h"
#include "sim/process.h"

#include <stdlib.h>

enum { QUERY_LIMIT_US = 10 * 1000 * 1000 };

struct console {
    struct host *host;
    struct loop *process;
    struct bolt_client *bolt;
    char query[256];
    bool asked, done, denied;
};

static void on_answer(void *arg, const struct bolt_answer *answer)
{
    struct console *c = arg;

    c->done = answer->fail.kind == FAIL_NONE && answer->error == MEMGRAPH_OK;
}

static void on_up(void *arg)
{
    struct console *c = arg;

    if (!c->asked)
        c->asked = bolt_client_query(c->bolt, c->query, QUERY_LIMIT_US, on_answer, c) == 0;
}

static void on_down(void *arg, const struct fail *why)
{
    struct console *c = arg;

    c->denied = why->kind == FAIL_DENIED;
}

struct console *console_new(struct world *w, unsigned pod, const char *user, const char *password,
                            const char *query)
{
    static const struct bolt_client_events events = {on_up, on_down};
    struct console *c = xcalloc(1, sizeof *c);
    struct process_config process = {.name = "console", .arg = c};
    struct bolt_client_config bolt = {
        .user_agent = "console/1", .port = 7687, .connect_timeout_us = QUERY_LIMIT_US};

    c->host = host_new("console", "10.0.4.1");
    process.host = c->host;
    c->process = process_new(&process);
    (void)str_copy(c->query, sizeof c->query, query);
    (void)str_copy(bolt.host, sizeof bolt.host, host_ip(w->pods[pod].host));
    (void)str_copy(bolt.user, sizeof bolt.user, user ? user : "");
    (void)str_copy(bolt.password, sizeof bolt.password, user ? password : "");
    world_say(w, "a person asks pod %u: %s", pod, query);
    c->bolt = bolt_client_new(c->process, &bolt, &events, c);
    return c;
}

void console_free(struct console *c)
{
    if (!c)
        return;
    bolt_client_free(c->bolt);
    process_free(c->process);
    host_free(c->host);
    free(c);
}

bool console_done(const struct console *c)
{
    return c->done;
}

bool console_denied(const struct console *c)
{
    return c->denied;
}
