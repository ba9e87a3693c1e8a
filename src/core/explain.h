/* explain: "what would happen if", answered by the rules themselves.
 *
 * Source: docs/decisions.md, "Explain". Each answer is made from a copy of the view in which the
 * thing has happened, by the same pure functions that decide; the conditions beside it say what
 * each one hung on, with its value and the age of the fact. */
#ifndef CORE_EXPLAIN_H
#define CORE_EXPLAIN_H

#include "core/eligibility.h"

struct explanation {
    bool possible;
    char answer[WHY_SIZE]; /* one sentence */
    unsigned conditions_n;
    struct condition conditions[CONDITIONS_MAX];
};

/* Would a write that comes through the gateway be acknowledged now? */
void explain_writes(const struct view *v, struct explanation *out);
void explain_failover(const struct view *v, struct explanation *out);   /* T dies now */
void explain_switchover(const struct view *v, struct explanation *out); /* an operator asks now */
void explain_rebuild(const struct view *v, int pod, struct explanation *out);

#endif
