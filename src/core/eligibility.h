/* eligibility: may S be promoted now, and if not, why not, in words.
 *
 * Source: docs/decisions.md, "S may be promoted when". A broken ASYNC replica never blocks it. */
#ifndef CORE_ELIGIBILITY_H
#define CORE_ELIGIBILITY_H

#include "core/view.h"

enum { CONDITIONS_MAX = 12 };

/* One condition, for a person. */
struct condition {
    char name[48]; /* in words: "the SYNC replica is connected" */
    bool holds;
    char value[WHY_SIZE];
    int64_t age_us; /* of the fact; -1: it has none */
};

/* True: S holds every acknowledged write and can be asked to take over. why: the reason either
 * way. */
bool eligibility_may_promote(const struct view *v, char why[WHY_SIZE]);
/* The same without the question whether it holds every acknowledged write, and also of an S that is
 * main: for a failover that an operator forces. */
bool eligibility_may_force(const struct view *v, char why[WHY_SIZE]);
/* All conditions of eligibility_may_promote, in the order in which they are judged. Returns how
 * many; out holds CONDITIONS_MAX. */
unsigned eligibility_conditions(const struct view *v, struct condition *out);
/* Their names, in the same order; NULL: no more. */
const char *eligibility_condition_name(unsigned i);

#endif
