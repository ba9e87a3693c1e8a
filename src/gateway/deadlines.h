/* deadlines: the moments at which a worker must look at something again.
 *
 * A binary heap of the deadlines that are set. A deadline is a member of the thing that it is for,
 * which owns it and clears it before it goes away. Times are microseconds of the monotonic clock.
 * A deadline that has passed is taken off before its function runs, so the function may set it
 * again. */
#ifndef GATEWAY_DEADLINES_H
#define GATEWAY_DEADLINES_H

#include "base/attrs.h"

#include <stdbool.h>
#include <stdint.h>

struct deadline {
    int64_t at_us;
    size_t place; /* index in the heap and 1; 0: not set */
    void (*on_passed)(struct deadline *deadline);
};

struct deadlines {
    struct deadline **heap;
    size_t n, cap;
};

/* A zeroed struct deadlines is empty and ready. */
void deadlines_done(struct deadlines *d);
/* Sets, or moves when it was set. */
void deadlines_set(struct deadlines *d, struct deadline *deadline, int64_t at_us);
/* Safe on one that is not set. */
void deadlines_clear(struct deadlines *d, struct deadline *deadline);
/* Takes the earliest off when its time has come; NULL: none is due. */
struct deadline *deadlines_take(struct deadlines *d, int64_t now_us) MUST_CHECK;
/* The earliest; INT64_MAX: none is set. */
int64_t deadlines_next_us(const struct deadlines *d);

#endif
