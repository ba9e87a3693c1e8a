/* flights: what the clients of this controller replica felt of each transition, and the document of
 * all that is known about the last ones.
 *
 * The record keeps what the core knows: when it detected, decided, wrote, fenced, promoted. How
 * many sessions the write gateway cut, how many clients waited, and when the first answer came
 * through it again only the replica that carries the clients knows; it remembers the last
 * FLIGHTS_MAX, and app/felt.h writes them down. A time in which the write gateway did not forward
 * counts as a transition's when one was under way in it. */
#ifndef APP_FLIGHTS_H
#define APP_FLIGHTS_H

#include "app/controller.h"

#include <jansson.h>

enum {
    FLIGHTS_MAX = HISTORY_MAX,
    FLIGHT_SETTLED_US = 5 * 1000 * 1000 /* the first answers have come by then, or nobody asked */
};

struct flight {
    int64_t epoch;
    bool led;                            /* this replica led it */
    int64_t zero_us;                     /* detected or decided, where it led; else shut_us */
    int64_t shut_us, open_us, answer_us; /* the gate; the first answer after it; 0: not yet */
    uint64_t cut;                        /* sessions */
    uint64_t parked;                     /* clients that waited at the same time, at most */
};

struct flights;
struct flights *flights_new(struct controller *c);
void flights_free(struct flights *f); /* NULL is fine */
/* At every step, when the gateways follow the plan. */
void flights_follow(struct flights *f);
/* Reports of the write gateway. */
void flights_cut(struct flights *f, uint64_t sessions);
void flights_answer(struct flights *f);
/* NULL: none of this epoch. Borrowed until the next step. */
const struct flight *flights_of(const struct flights *f, int64_t epoch);

/* The record's history, newest first, each entry with `clients`: what was felt of it, or null. New
 * reference. */
json_t *flights_json(const struct controller *c);

#endif
