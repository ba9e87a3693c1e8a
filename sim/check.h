/* check: what must hold after everything that happens, and what must hold in the end, when all
 * faults are over. */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include "sim/ledger.h"
#include "sim/load.h"
#include "sim/world.h"

struct check {
    struct world *world;
    struct ledger *ledger;
    struct load *load;                     /* may be NULL */
    uint64_t acted[WORLD_CONTROLLERS_MAX]; /* effects of each controller so far */
    unsigned starts[WORLD_CONTROLLERS_MAX];
    enum effect_kind commands[WORLD_CONTROLLERS_MAX][WORLD_PODS_MAX]; /* under way */
    uint64_t record_version;
    struct record record; /* of that version */
    int64_t since_us;     /* time stands still since */
    uint64_t still;       /* happenings since then */
    bool record_may_fall; /* the story edits the record */
    char violation[WHY_TEXT_SIZE];
};

void check_init(struct check *c, struct world *w, struct ledger *ledger);
/* After everything that happens; for struct world's watch. True: a rule is broken. */
bool check_step(void *arg);
/* Has everything come back to what it should be? No: *why says what is missing. */
bool check_converged(struct world *w, char why[WHY_TEXT_SIZE]);
/* After a run without a fault: nobody was refused, a session was cut only when the main moved, and
 * a client lost at most the write that was under way then. */
bool check_smooth(const struct check *c, unsigned writers, char why[WHY_TEXT_SIZE]);
/* What each pod and the record look like, as lines of the trace. */
void check_describe(const struct world *w);
/* The record is proven, by the processes that run now: both of the pair hold all that was
 * acknowledged. */
bool check_proven(struct world *w);

#endif
