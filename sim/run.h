/* run: one seed: a cluster drawn from it, a safety phase with faults, then a liveness phase without
 * any, in which all must come back to what it should be. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "sim/ledger.h"

enum run_profile {
    RUN_DEFAULT,
    RUN_QUIET,   /* no faults */
    RUN_ROLLING, /* rolling restarts, drains and switchovers, nothing else: nothing may fail */
    RUN_ROUGH,   /* the same, with faults */
    RUN_OLD      /* Memgraph 3.4: no STRICT_SYNC, and two defects more */
};
bool run_profile_parse(const char *text, enum run_profile *out) MUST_CHECK;

struct run_result {
    bool failed;
    char why[WHY_TEXT_SIZE + 200];
    int64_t simulated_us;
    uint64_t happenings;
    size_t writes, acknowledged;
    unsigned excused;           /* lost in a finalize window: see ledger_check */
    unsigned faults, decisions; /* decisions: of a person, in the liveness phase */
};

void run_seed(uint64_t seed, enum run_profile profile, bool trace, struct run_result *out);

#endif
