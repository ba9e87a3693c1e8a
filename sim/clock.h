/* clock: virtual time and the one ordered queue of everything that is going to happen.
 *
 * There is one simulation at a time in a process of the operating system (jobs are processes), so
 * the queue is a global. Events of the same microsecond happen in the order in which they were
 * planned. An event that belongs to a simulated process waits while that process is frozen and
 * never happens when it is dead. */
#ifndef SIM_CLOCK_H
#define SIM_CLOCK_H

#include "base/list.h"

#include <stddef.h>
#include <stdint.h>

struct loop; /* a simulated process */

struct happening {
    void (*fn)(void *arg);
    void *arg;
    struct loop *process; /* NULL: of the world itself */
    int64_t at_us;
    uint64_t order;
    size_t place;     /* in the queue; 0: not in it */
    struct list held; /* by a frozen process */
};

/* Empties the clock: time 0, nothing planned. */
void clock_reset(void);
int64_t clock_now_us(void);
void happening_init(struct happening *h, struct loop *process, void (*fn)(void *arg), void *arg);
/* Plans it, or plans it anew. */
void happening_at(struct happening *h, int64_t at_us);
void happening_after(struct happening *h, int64_t after_us);
/* No effect when it is not planned. */
void happening_cancel(struct happening *h);
bool happening_planned(const struct happening *h);
/* Lets the next thing happen. False: nothing is planned before `until_us`; it is that time now. */
bool clock_step(int64_t until_us);
/* How many things have happened since the reset. */
uint64_t clock_count(void);

#endif
