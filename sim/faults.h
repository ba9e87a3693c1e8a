/* faults: what goes wrong in a random run: kinds chosen by the seed, at times chosen by the seed,
 * and everything put right in the end. */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "sim/load.h"
#include "sim/world.h"

/* X(NAME, what the trace and --faults call it) */
#define FAULT_KINDS(X)                                                                             \
    X(POD_KILL, "kill")       /* kill -9, restarted in place */                                    \
    X(POD_FREEZE, "freeze")   /* SIGSTOP, SIGCONT later */                                         \
    X(POD_RESTART, "restart") /* SIGTERM, restarted in place */                                    \
    X(POD_DELETE, "delete")   /* gracefully, or with grace 0 */                                    \
    X(NODE_CRASH, "node")     /* the machine dies, with its log's tail */                          \
    X(VOLUME_LOSS, "volume")  /* a volume comes back empty */                                      \
    X(PARTITION, "partition") /* a pair, one way or both */                                        \
    X(ISOLATE, "isolate")     /* one host from all others */                                       \
    X(DEGRADE, "slow")        /* a path is slow and lossy */                                       \
    X(RESET, "reset")         /* connections of a pair are reset */                                \
    X(LEADER_KILL, "leader")  /* a controller is killed, at an output perhaps */                   \
    X(LEADER_FREEZE, "leader-freeze")                                                              \
    X(LEADER_STOP, "leader-stop")                                                                  \
    X(API_AWAY, "api-away") /* refuses or is silent */                                             \
    X(API_SLOW, "api-slow")                                                                        \
    X(API_ERRORS, "api-errors") /* 503, and answers that are lost */                               \
    X(API_STALE, "api-stale")   /* watches fall silent */                                          \
    X(API_BREAK, "api-break")   /* streams break, history is compacted */                          \
    X(CLOCK_JUMP, "clock")      /* the wall clock of a controller */                               \
    X(ROLLOUT, "rollout")       /* a rolling restart, or its undoing midway */                     \
    X(DRAIN, "drain")           /* a node is drained, and comes back */                            \
    X(REQUEST, "request")       /* a person asks for a switchover, a refresh, a pause ... */

enum fault_kind {
#define X(name, text) FAULT_##name,
    FAULT_KINDS(X)
#undef X
        FAULT_KIND_COUNT
};
const char *fault_name(enum fault_kind kind);

struct faults_config {
    uint64_t seed;
    uint64_t kinds;     /* a bit each */
    int64_t every_us;   /* on average */
    int64_t longest_us; /* of one */
};

struct faults;
struct faults *faults_new(struct world *w, struct load *l, const struct faults_config *config);
/* Ends every fault and injects no more. */
void faults_heal(struct faults *f);
void faults_free(struct faults *f);
unsigned faults_count(const struct faults *f);

#endif
