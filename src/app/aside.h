/* aside: a pod's data are moved aside before Memgraph starts, never deleted.
 *
 * Source: docs/decisions.md, "Rebuild". Under <data>/aside there is one directory for each order,
 * named by its token: <token>/ with snapshots/, wal/ and replication/ of a replica that is filled
 * anew, replication-<token>/ with the list of replicas of an old main. All is done by rename(2)
 * inside the data directory, with every directory synchronised, so that an order may be
 * interrupted at any point and is finished by the next call with the same token. Its last step
 * leaves a file `done`: after that the token does nothing any more.
 *
 * One generation of data is kept. It makes room for another one only when a person asked for that;
 * an old list of replicas is no loss and always makes room. */
#ifndef APP_ASIDE_H
#define APP_ASIDE_H

#include "base/fail.h"

struct aside_order {
    bool data;        /* snapshots/, wal/ and replication/ */
    bool replication; /* replication/ alone; counts only without `data` */
    bool may_overwrite;
    const char *token; /* letters, digits, - _ and . (not first) */
};

/* Carries out an order on a data directory. DENIED: an older generation is there and must not go;
 * PROTOCOL: the token, or what is found, makes no sense; else why the system refused. *acted: it
 * did something now; false: nothing to do, or done before. */
struct fail aside_carry_out(const char *directory, const struct aside_order *order, bool *acted);

#endif
