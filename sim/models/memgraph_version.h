/* memgraph_version: what differs between the versions of Memgraph that are modelled: 3.4, 3.5, 3.6,
 * and so on up to the one after 3.12. One table; the model asks for features, never for versions.
 *
 * Source: Memgraph's facts, section 10 and those it points to. 3.6.1 is as a live server did it,
 * the others as their source reads. */
#ifndef MODELS_MEMGRAPH_VERSION_H
#define MODELS_MEMGRAPH_VERSION_H

#include <stdbool.h>
#include <stdint.h>

/* X(feature, the first minor version of 3 that has it) */
#define MG_FEATURES(X)                                                                             \
    X(strict_sync, 5)         /* REGISTER ... STRICT_SYNC; before: a syntax error */               \
    X(register_numbers, 5)    /* "Error: N" behind "Couldn't register replica" */                  \
    X(commit_epoch, 5)        /* names the epoch of its last commit, not its own */                \
    X(history_forward, 5)     /* searches the history from its front: Bug H */                     \
    X(snapshot_path, 5)       /* CREATE SNAPSHOT answers with a path */                            \
    X(storage_uuid, 5)        /* database_uuid in SHOW STORAGE INFO */                             \
    X(wire_5, 5)              /* replication protocol 5: knows no other */                         \
    X(wire_6, 6)              /* replication protocol 6: knows 5, too */                           \
    X(log_by_epoch, 6)        /* a new file of the log with each epoch: no Bug W */                \
    X(replica_snapshots, 8)   /* CREATE SNAPSHOT on a replica */                                   \
    X(plain_client_error, 8)  /* autocommit, not confirmed: no TransientError */                   \
    X(multicommand_spelt, 8)  /* "known", not "knwon"; but "particularquery" */                    \
    X(failures_named, 10)     /* errors of commits name replicas and reasons */                    \
    X(storage_split, 11)      /* SHOW STORAGE INFO [ON CURRENT DATABASE] */                        \
    X(storage_health, 12)     /* with state and health there */                                    \
    X(bolt_4_4, 12)           /* Bolt 4.4 */                                                       \
    X(logoff_answered, 12)    /* LOGOFF is answered */                                             \
    X(calls_aborted, 12)      /* DROP and demotion abort calls under way */                        \
    X(sync_failure_noted, 13) /* SYNC not confirmed: success, with a notification */

struct mg_features {
#define X(name, minor) bool name;
    MG_FEATURES(X)
#undef X
};

/* Of "3.6.1" and the like; a text that is no version counts as the oldest. */
struct mg_features mg_features_of(const char *version);
/* The number of the replication protocol that this version speaks. */
int mg_wire_of(const struct mg_features *f);
/* Does a server understand requests of that protocol? */
bool mg_wire_understood(const struct mg_features *f, int64_t wire);

#endif
