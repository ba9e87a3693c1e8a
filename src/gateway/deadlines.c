#include "gateway/deadlines.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>

static void put(struct deadlines *d, size_t i, struct deadline *deadline)
{
    d->heap[i] = deadline;
    deadline->place = i + 1;
}

/* Moves the deadline at i towards the root, or away from it, to where it belongs. */
static void settle(struct deadlines *d, size_t i)
{
    struct deadline *moving = d->heap[i];

    while (i > 0 && d->heap[(i - 1) / 2]->at_us > moving->at_us) {
        put(d, i, d->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (size_t child = 2 * i + 1; child < d->n; child = 2 * i + 1) {
        if (child + 1 < d->n && d->heap[child + 1]->at_us < d->heap[child]->at_us)
            child++;
        if (d->heap[child]->at_us >= moving->at_us)
            break;
        put(d, i, d->heap[child]);
        i = child;
    }
    put(d, i, moving);
}

void deadlines_done(struct deadlines *d)
{
    free(d->heap);
    *d = (struct deadlines){0};
}

void deadlines_set(struct deadlines *d, struct deadline *deadline, int64_t at_us)
{
    deadline->at_us = at_us;
    if (!deadline->place) {
        if (d->n == d->cap) {
            d->cap = d->cap ? 2 * d->cap : 64;
            d->heap = xrealloc(d->heap, d->cap * sizeof(struct deadline *));
        }
        put(d, d->n++, deadline);
    }
    settle(d, deadline->place - 1);
}

void deadlines_clear(struct deadlines *d, struct deadline *deadline)
{
    size_t i = deadline->place - 1;
    struct deadline *last;

    if (!deadline->place)
        return;
    assert(i < d->n && d->heap[i] == deadline);
    deadline->place = 0;
    last = d->heap[--d->n];
    if (last != deadline) {
        put(d, i, last);
        settle(d, i);
    }
}

struct deadline *deadlines_take(struct deadlines *d, int64_t now_us)
{
    struct deadline *first = d->n ? d->heap[0] : NULL;

    if (!first || first->at_us > now_us)
        return NULL;
    deadlines_clear(d, first);
    return first;
}

int64_t deadlines_next_us(const struct deadlines *d)
{
    return d->n ? d->heap[0]->at_us : INT64_MAX;
}
