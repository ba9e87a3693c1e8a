#include "io/poke.h"

#include "base/alloc.h"
#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <uv.h>

enum {
    BYTES_MAX = 3, /* on one connection: an RPC header has more */
    RETRY_LEAST_US = 100 * 1000,
    RETRY_MOST_US = 5 * 1000 * 1000
};

/* When bytes go out, counted from the promotion: the first three times on the first half of the
 * connections, then on the rest. */
static const int64_t steps_us[] = {300, 1000, 3000, 8000, 25000, 80000};
enum { STEPS = ARRAY_LEN(steps_us), FIRST_HALF_STEPS = 3 };

/* Lives until libuv has closed it; `slot` is NULL once its slot has dropped it. */
struct wire {
    uv_tcp_t tcp;
    uv_connect_t connect;
    struct slot *slot;
    char input[64]; /* whatever comes is thrown away */
};

struct slot {
    struct poke *poke;
    struct wire *wire; /* NULL: waits for the next attempt */
    bool connected;
    unsigned sent; /* bytes on this wire */
};

struct poke {
    struct loop *loop;
    char host[64];
    unsigned port;
    struct timer *retry; /* of all slots without a wire */
    int64_t retry_us;    /* how long the next failure waits */
    struct timer *step;
    unsigned steps_done;
    int64_t fired_us;
    unsigned count;
    struct slot slots[];
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void drop_wire(struct slot *slot)
{
    struct wire *wire = slot->wire;

    if (!wire)
        return;
    wire->slot = NULL;
    slot->wire = NULL;
    slot->connected = false;
    slot->sent = 0;
    uv_close((uv_handle_t *)&wire->tcp, on_closed);
}

static void lose_wire(struct slot *slot)
{
    struct poke *p = slot->poke;

    drop_wire(slot);
    if (!timer_active(p->retry))
        timer_start(p->retry, p->retry_us);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct wire *wire = handle->data;

    (void)suggested;
    *out = uv_buf_init(wire->input, sizeof wire->input);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *input)
{
    const struct wire *wire = stream->data;

    (void)input;
    if (n < 0 && wire->slot)
        lose_wire(wire->slot);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct wire *wire = CONTAINER_OF(request, struct wire, connect);
    struct slot *slot = wire->slot;

    if (!slot)
        return;
    if (status == 0)
        status = uv_read_start((uv_stream_t *)&wire->tcp, on_alloc, on_read);
    if (status < 0) {
        lose_wire(slot);
        return;
    }
    (void)uv_tcp_nodelay(&wire->tcp, 1); /* else the second byte waits for the first one's ACK */
    slot->connected = true;
    slot->poke->retry_us = RETRY_LEAST_US;
}

static int connect_wire(const struct poke *p, struct wire *wire)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } to;

    if (uv_ip4_addr(p->host, (int)p->port, &to.v4) != 0 &&
        uv_ip6_addr(p->host, (int)p->port, &to.v6) != 0)
        return UV_EADDRNOTAVAIL;
    return uv_tcp_connect(&wire->connect, &wire->tcp, &to.any, on_connected);
}

static void open_wire(struct slot *slot)
{
    struct poke *p = slot->poke;
    struct wire *wire = xcalloc(1, sizeof *wire);
    int rc = uv_tcp_init(loop_uv(p->loop), &wire->tcp);

    assert(rc == 0);
    wire->tcp.data = wire;
    wire->slot = slot;
    slot->wire = wire;
    rc = connect_wire(p, wire);
    if (rc < 0)
        lose_wire(slot);
}

static void open_missing(struct poke *p)
{
    for (unsigned i = 0; i < p->count; i++)
        if (!p->slots[i].wire)
            open_wire(&p->slots[i]);
}

static void on_retry(void *arg)
{
    struct poke *p = arg;

    p->retry_us = p->retry_us < RETRY_MOST_US / 2 ? 2 * p->retry_us : RETRY_MOST_US;
    open_missing(p);
}

static void plan_step(struct poke *p)
{
    if (p->steps_done < STEPS)
        timer_start(p->step, p->fired_us + steps_us[p->steps_done] - loop_now_us(p->loop));
}

static void on_step(void *arg)
{
    struct poke *p = arg;
    unsigned half = (p->count + 1) / 2;
    bool first = p->steps_done < FIRST_HALF_STEPS;
    uv_buf_t zero = uv_buf_init((char[]){0}, 1);

    for (unsigned i = first ? 0 : half; i < (first ? half : p->count); i++) {
        struct slot *slot = &p->slots[i];

        if (slot->connected && slot->sent < BYTES_MAX &&
            uv_try_write((uv_stream_t *)&slot->wire->tcp, &zero, 1) == 1)
            slot->sent++;
    }
    p->steps_done++;
    plan_step(p);
}

struct poke *poke_new(struct loop *loop, const char *host, unsigned port, unsigned count)
{
    struct poke *p = xcalloc(1, sizeof *p + count * sizeof p->slots[0]);

    p->loop = loop;
    (void)str_copy(p->host, sizeof p->host, host);
    p->port = port;
    p->retry = timer_new(loop, on_retry, p);
    p->retry_us = RETRY_LEAST_US;
    p->step = timer_new(loop, on_step, p);
    p->count = count;
    for (unsigned i = 0; i < count; i++)
        p->slots[i].poke = p;
    open_missing(p);
    return p;
}

void poke_free(struct poke *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < p->count; i++)
        drop_wire(&p->slots[i]);
    timer_free(p->retry);
    timer_free(p->step);
    free(p);
}

void poke_connect(struct poke *p)
{
    timer_stop(p->retry);
    p->retry_us = RETRY_LEAST_US;
    for (unsigned i = 0; i < p->count; i++)
        if (!p->slots[i].connected)
            drop_wire(&p->slots[i]); /* an attempt that waits for a lost packet */
    open_missing(p);
}

void poke_fire(struct poke *p)
{
    p->fired_us = loop_now_us(p->loop);
    p->steps_done = 0;
    plan_step(p);
}

/* Connections that have had bytes are of no more use: fresh ones for the next promotion. */
void poke_stop(struct poke *p)
{
    timer_stop(p->step);
    p->steps_done = STEPS;
    for (unsigned i = 0; i < p->count; i++)
        if (p->slots[i].sent)
            drop_wire(&p->slots[i]);
    open_missing(p);
}

unsigned poke_connected(const struct poke *p)
{
    unsigned n = 0;

    for (unsigned i = 0; i < p->count; i++)
        n += p->slots[i].connected;
    return n;
}
