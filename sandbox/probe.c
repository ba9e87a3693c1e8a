#include "sandbox/probe.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <uv.h>

enum {
    STARTING_US = 50 * 1000,
    RUNNING_US = 1000 * 1000,
    CONNECT_LIMIT_US = 1000 * 1000,
    FAILURES = 2
};

/* One connection attempt; it outlives its probe until libuv has closed it. */
struct attempt {
    uv_tcp_t tcp;
    uv_connect_t connect;
    struct probe *probe; /* NULL: given up */
};

struct probe {
    struct loop *loop;
    struct sockaddr_in address;
    struct attempt *attempt;
    struct timer *timer; /* of the next attempt, or the limit of this one */
    void (*on_change)(void *arg, bool ready);
    void *arg;
    unsigned failures;
    bool ready;
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void attempt_end(struct probe *p)
{
    if (!p->attempt)
        return;
    p->attempt->probe = NULL;
    uv_close((uv_handle_t *)&p->attempt->tcp, on_closed);
    p->attempt = NULL;
}

static void probe_result(struct probe *p, bool good)
{
    bool ready = p->ready;

    attempt_end(p);
    p->failures = good ? 0 : p->failures + 1;
    if (good)
        p->ready = true;
    else if (p->failures >= FAILURES)
        p->ready = false;
    timer_start(p->timer, p->ready ? RUNNING_US : STARTING_US);
    if (p->ready != ready)
        p->on_change(p->arg, p->ready);
}

static void on_connect(uv_connect_t *connect, int status)
{
    struct attempt *attempt = connect->data;

    if (attempt->probe)
        probe_result(attempt->probe, status == 0);
}

static void on_timer(void *arg)
{
    struct probe *p = arg;
    struct attempt *attempt;

    if (p->attempt) {
        probe_result(p, false);
        return;
    }
    attempt = p->attempt = xcalloc(1, sizeof *attempt);
    attempt->probe = p;
    attempt->tcp.data = attempt->connect.data = attempt;
    uv_tcp_init(loop_uv(p->loop), &attempt->tcp);
    timer_start(p->timer, CONNECT_LIMIT_US);
    if (uv_tcp_connect(&attempt->connect, &attempt->tcp, (const struct sockaddr *)&p->address,
                       on_connect) != 0)
        probe_result(p, false);
}

struct probe *probe_start(struct loop *loop, const char *ip, unsigned port,
                          void (*on_change)(void *arg, bool ready), void *arg)
{
    struct probe *p = xcalloc(1, sizeof *p);

    p->loop = loop;
    p->on_change = on_change;
    p->arg = arg;
    uv_ip4_addr(ip, (int)port, &p->address);
    p->timer = timer_new(loop, on_timer, p);
    timer_start(p->timer, STARTING_US / 5);
    return p;
}

void probe_free(struct probe *p)
{
    if (!p)
        return;
    attempt_end(p);
    timer_free(p->timer);
    free(p);
}
