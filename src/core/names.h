/* names: the closed sets of words that the core speaks, each with its text.
 *
 * Source: docs/decisions.md (words, record) and Memgraph's own words for roles, modes and states.
 * The texts are part of the record's format and of the status page: change none. */
#ifndef CORE_NAMES_H
#define CORE_NAMES_H

#include "base/str.h"

/* Role of a Memgraph process. */
enum role { ROLE_UNKNOWN, ROLE_MAIN, ROLE_REPLICA };
const char *role_name(enum role role);

/* How a replica is registered on the main. */
enum mode { MODE_SYNC, MODE_STRICT_SYNC, MODE_ASYNC };
const char *mode_name(enum mode mode);

/* What the main shows of a replica. */
enum row_status {
    ROW_READY,
    ROW_REPLICATING,
    ROW_RECOVERY,
    ROW_INVALID,
    ROW_DIVERGED,
    ROW_UNKNOWN
};
const char *row_status_name(enum row_status status);

/* Kind of an epoch; as `transition` in the record while it is being begun. X(NAME, text) */
#define EPOCH_KINDS(X)                                                                             \
    X(NONE, "")                                                                                    \
    X(INITIAL, "initial")                                                                          \
    X(FAILOVER, "failover")                                                                        \
    X(SWITCHOVER, "switchover")                                                                    \
    X(REFRESH, "refresh")
enum epoch_kind {
#define X(name, text) EPOCH_##name,
    EPOCH_KINDS(X)
#undef X
};
const char *epoch_kind_name(enum epoch_kind kind);
bool epoch_kind_parse(struct str text, enum epoch_kind *out) MUST_CHECK;

/* How T became main. */
#define PROMOTED_WAYS(X)                                                                           \
    X(INITIAL, "initial")                                                                          \
    X(ADOPTED, "adopted")                                                                          \
    X(SWITCHOVER, "switchover")                                                                    \
    X(FAILOVER, "failover")                                                                        \
    X(FORCED, "forced")
enum promoted {
#define X(name, text) PROMOTED_##name,
    PROMOTED_WAYS(X)
#undef X
};
const char *promoted_name(enum promoted promoted);
bool promoted_parse(struct str text, enum promoted *out) MUST_CHECK;

/* `sync` of the record: does a second pod hold every acknowledged write? */
enum sync_state { SYNC_NONE, SYNC_UNPROVEN, SYNC_READY };

/* Why no S takes part (`none:<why>`). */
#define SYNC_WHYS(X)                                                                               \
    X(INITIAL, "initial")                                                                          \
    X(FAILOVER, "failover")                                                                        \
    X(SWITCHOVER, "switchover")                                                                    \
    X(REFRESH, "refresh")                                                                          \
    X(PLANNED, "planned")                                                                          \
    X(DEGRADED, "degraded")                                                                        \
    X(DROPPED, "dropped")                                                                          \
    X(STRAY, "stray")                                                                              \
    X(REFUSED, "refused")                                                                          \
    X(FORCED, "forced")                                                                            \
    X(ADOPTED, "adopted")
enum sync_why {
#define X(name, text) SYNC_WHY_##name,
    SYNC_WHYS(X)
#undef X
};
const char *sync_why_name(enum sync_why why);
bool sync_why_parse(struct str text, enum sync_why *out) MUST_CHECK;

/* What the write gateway does: forward; let its sessions go on; keep them and stop reading; cut
 * them all. New clients are parked in all but the first. */
enum gate_state { GATE_OPEN, GATE_DRAIN, GATE_HOLD, GATE_CUT };
const char *gate_state_name(enum gate_state state);

/* What the leader wants of the world. A command changes the pod that it is sent to. */
#define EFFECT_KINDS(X)                                                                            \
    X(NONE, "none")                                                                                \
    X(ASK_ROLE, "ask_role")       /* SHOW REPLICATION ROLE */                                      \
    X(ASK_STORAGE, "ask_storage") /* SHOW STORAGE INFO */                                          \
    X(ASK_ROWS, "ask_replicas")   /* SHOW REPLICAS */                                              \
    X(WRITE_RECORD, "write_record")                                                                \
    X(DEMOTE, "demote")                                                                            \
    X(PROMOTE, "promote")                                                                          \
    X(ENSURE_USERS, "ensure_users")                                                                \
    X(REGISTER, "register")                                                                        \
    X(DROP, "drop")                                                                                \
    X(TOUCH, "touch")                                                                              \
    X(DELETE_POD, "delete_pod") /* Kubernetes starts another */                                    \
    X(EVENT, "event")           /* a Kubernetes Event */                                           \
    X(EXIT, "exit")             /* an unknown state: wait for a person */
enum effect_kind {
#define X(name, text) EFFECT_##name,
    EFFECT_KINDS(X)
#undef X
};
const char *effect_kind_name(enum effect_kind kind);

/* How a command ended, as the edges judged the server's answer. */
#define OUTCOMES(X)                                                                                \
    X(OK, "ok")                                                                                    \
    X(BUSY, "busy")                      /* a lock: again in 20 ms */                              \
    X(ROLE_NOT_SET, "not_set")           /* already so, or busy: read the role */                  \
    X(EXISTS, "exists")                  /* REGISTER Error 1 or 2 */                               \
    X(REFUSED, "diverged")               /* REGISTER Error 3: the replica is of another lineage */ \
    X(UNREACHABLE, "target_unreachable") /* REGISTER Error 5 */                                    \
    X(NOT_CONFIRMED, "not_confirmed")    /* committed, but not by the SYNC replica */              \
    X(ABORTED, "aborted")                /* STRICT_SYNC aborted it everywhere */                   \
    X(STALE, "stale")   /* not sent: the connection had not shown the run id decided on */         \
    X(FAILED, "failed") /* anything else: the link broke, time ran out, an unknown error */
enum outcome {
#define X(name, text) OUTCOME_##name,
    OUTCOMES(X)
#undef X
};
const char *outcome_name(enum outcome outcome);

/* What an operator, or a pod that is about to stop, asks for. X(NAME, text) */
#define REQUEST_KINDS(X)                                                                           \
    X(NONE, "")                                                                                    \
    X(SWITCHOVER, "switchover")                                                                    \
    X(FAILOVER, "failover") /* with the loss of acknowledged writes accepted */                    \
    X(REBUILD, "rebuild")                                                                          \
    X(DEGRADE, "degrade")                                                                          \
    X(REFRESH, "refresh")                                                                          \
    X(STOP, "stop") /* a pod's preStop hook, when Kubernetes does not call it terminating */
enum request_kind {
#define X(name, text) REQUEST_##name,
    REQUEST_KINDS(X)
#undef X
};
const char *request_kind_name(enum request_kind kind);
bool request_kind_parse(struct str text, enum request_kind *out) MUST_CHECK;

/* The rule that asked for an effect: docs/decisions.md. */
#define RULES(X)                                                                                   \
    X(B1)                                                                                          \
    X(B2) X(B3) X(B4) X(B5) X(O1) X(O2) X(O3) X(O4) X(O5) X(O6) X(O7) X(O8) X(REQUEST) X(EPOCH)
enum rule {
#define X(name) RULE_##name,
    RULES(X)
#undef X
};
const char *rule_name(enum rule rule);

#endif
