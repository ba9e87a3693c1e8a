#include "io/poke.h"

#include "base/alloc.h"
#include "io/tcp.h"

enum {
    BYTES_MAX = 3, /* on one connection: an RPC header has more */
    RETRY_LEAST_US = 100 * 1000,
    RETRY_MOST_US = 5 * 1000 * 1000
};

/* When bytes go out, counted from the promotion: the first three times on the first half of the
 * connections, then on the rest. */
static const int64_t steps_us[] = {300, 1000, 3000, 8000, 25000, 80000};
enum { STEPS = ARRAY_LEN(steps_us), FIRST_HALF_STEPS = 3 };

struct slot {
    struct poke *poke;
    struct tcp *wire; /* NULL: waits for the next attempt */
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

static void drop_wire(struct slot *slot)
{
    tcp_free(slot->wire);
    slot->wire = NULL;
    slot->connected = false;
    slot->sent = 0;
}

static void lose_wire(struct slot *slot)
{
    struct poke *p = slot->poke;

    drop_wire(slot);
    if (!timer_active(p->retry))
        timer_start(p->retry, p->retry_us);
}

static void on_connected(void *arg)
{
    struct slot *slot = arg;

    slot->connected = true;
    slot->poke->retry_us = RETRY_LEAST_US;
}

/* Whatever comes is thrown away. */
static void on_data(void *arg, struct str bytes)
{
    (void)arg;
    (void)bytes;
}

static void on_closed(void *arg, const struct fail *why)
{
    (void)why;
    lose_wire(arg);
}

static void open_wire(struct slot *slot)
{
    static const struct tcp_events wire_events = {on_connected, on_data, on_closed};
    const struct poke *p = slot->poke;

    slot->wire = tcp_connect(p->loop, p->host, p->port, &wire_events, slot);
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

    for (unsigned i = first ? 0 : half; i < (first ? half : p->count); i++) {
        struct slot *slot = &p->slots[i];

        if (slot->connected && slot->sent < BYTES_MAX) {
            tcp_write(slot->wire, (struct str){"", 1});
            slot->sent++;
        }
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
