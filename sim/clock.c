#include "sim/clock.h"

#include "base/alloc.h"
#include "sim/process.h"

#include <assert.h>
#include <stdlib.h>

/* A heap of four children each: shallower than two, and its nodes lie side by side. queue[0] is not
 * used, so that place 0 can mean "not planned". */
static struct {
    struct happening **queue;
    size_t n, cap;
    int64_t now_us;
    uint64_t order, count;
} c;

enum { CHILDREN = 4 };

static bool earlier(const struct happening *a, const struct happening *b)
{
    return a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order);
}

static void put(size_t place, struct happening *h)
{
    c.queue[place] = h;
    h->place = place;
}

static size_t parent_of(size_t place)
{
    return (place - 2) / CHILDREN + 1;
}

static void sift_up(size_t place, struct happening *h)
{
    while (place > 1 && earlier(h, c.queue[parent_of(place)])) {
        put(place, c.queue[parent_of(place)]);
        place = parent_of(place);
    }
    put(place, h);
}

static void sift_down(size_t place, struct happening *h)
{
    for (;;) {
        size_t first = (place - 1) * CHILDREN + 2, best = 0;

        for (size_t i = first; i < first + CHILDREN && i <= c.n; i++)
            if (!best || earlier(c.queue[i], c.queue[best]))
                best = i;
        if (!best || !earlier(c.queue[best], h))
            break;
        put(place, c.queue[best]);
        place = best;
    }
    put(place, h);
}

static void take_out(struct happening *h)
{
    size_t place = h->place;
    struct happening *last = c.queue[c.n--];

    h->place = 0;
    if (last == h)
        return;
    if (place > 1 && earlier(last, c.queue[parent_of(place)]))
        sift_up(place, last);
    else
        sift_down(place, last);
}

void clock_reset(void)
{
    c.n = 0;
    c.now_us = 0;
    c.order = c.count = 0;
}

int64_t clock_now_us(void)
{
    return c.now_us;
}

uint64_t clock_count(void)
{
    return c.count;
}

void happening_init(struct happening *h, struct loop *process, void (*fn)(void *arg), void *arg)
{
    *h = (struct happening){.fn = fn, .arg = arg, .process = process};
    list_init(&h->held);
}

void happening_at(struct happening *h, int64_t at_us)
{
    list_remove(&h->held);
    h->at_us = at_us < c.now_us ? c.now_us : at_us;
    h->order = ++c.order;
    if (h->place) {
        struct happening *parent = h->place > 1 ? c.queue[parent_of(h->place)] : NULL;

        if (parent && earlier(h, parent))
            sift_up(h->place, h);
        else
            sift_down(h->place, h);
        return;
    }
    if (c.n + 1 >= c.cap) {
        c.cap = c.cap ? 2 * c.cap : 1024;
        c.queue = xrealloc(c.queue, c.cap * sizeof(struct happening *));
    }
    sift_up(++c.n, h);
}

void happening_after(struct happening *h, int64_t after_us)
{
    if (after_us < 0)
        after_us = 0;
    happening_at(h, after_us > INT64_MAX - c.now_us ? INT64_MAX : c.now_us + after_us);
}

void happening_cancel(struct happening *h)
{
    list_remove(&h->held);
    if (h->place)
        take_out(h);
}

bool happening_planned(const struct happening *h)
{
    return h->place || !list_empty(&h->held);
}

bool clock_step(int64_t until_us)
{
    struct happening *h = c.n ? c.queue[1] : NULL;

    if (!h || h->at_us > until_us) {
        c.now_us = until_us > c.now_us ? until_us : c.now_us;
        return false;
    }
    take_out(h);
    c.now_us = h->at_us;
    c.count++;
    if (h->process && !process_may_run(h->process, h))
        return true;
    process_run(h->process, h->fn, h->arg);
    return true;
}
