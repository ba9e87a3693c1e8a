/* memgraph: the administration of a Memgraph server, as texts of queries and readings of answers.
 *
 * Source: sections 1 to 5 of Memgraph's facts; a live 3.6.1 where the two differ. No sockets: io/
 * sends the queries and hands the rows in. */
#ifndef PROTO_MEMGRAPH_H
#define PROTO_MEMGRAPH_H

#include "base/buf.h"
#include "base/fail.h"
#include "proto/value.h"

enum {
    MEMGRAPH_NAME_SIZE = 72,     /* a replica's name: a pod's name has at most 63 letters */
    MEMGRAPH_ADDRESS_SIZE = 272, /* host:port, the host of at most 253 letters */
    MEMGRAPH_UUID_SIZE = 40,
    MEMGRAPH_VERSION_SIZE = 40,
    MEMGRAPH_REPLICAS_MAX = 32
};

enum memgraph_role { MEMGRAPH_ROLE_UNKNOWN, MEMGRAPH_MAIN, MEMGRAPH_REPLICA };
enum memgraph_mode { MEMGRAPH_SYNC, MEMGRAPH_STRICT_SYNC, MEMGRAPH_ASYNC };
enum memgraph_status {
    MEMGRAPH_READY,
    MEMGRAPH_REPLICATING,
    MEMGRAPH_RECOVERY,
    MEMGRAPH_INVALID,
    MEMGRAPH_DIVERGED,
    MEMGRAPH_STATUS_UNKNOWN /* a text that we do not know */
};

/* Rows of one answer; borrowed. */
struct memgraph_rows {
    const struct value *fields; /* list of column names */
    const struct value *rows;   /* each a list of values */
    size_t n;
    const struct value *summary; /* the map of the last SUCCESS */
};

struct memgraph_replica {
    char name[MEMGRAPH_NAME_SIZE];
    char address[MEMGRAPH_ADDRESS_SIZE];
    enum memgraph_mode mode;
    bool has_data; /* false: data_info is empty, a dead row (facts 2.4) */
    enum memgraph_status status;
    int64_t ts, behind; /* logical timestamps (facts 3.4) */
};

struct memgraph_storage {
    bool has_counts;
    int64_t vertices, edges;
    int64_t memory_bytes;                   /* that Memgraph accounts for; 0: not told */
    char database_uuid[MEMGRAPH_UUID_SIZE]; /* empty before 3.5 */
};

/* What an error means to a controller. */
enum memgraph_error {
    MEMGRAPH_OK,
    MEMGRAPH_ROLE_NOT_SET, /* "Couldn't set ... role": already so, or busy: read the role */
    MEMGRAPH_BUSY, /* lock held: retry after 20 ms (Error 6, unique access, system queries) */
    MEMGRAPH_NAME_EXISTS,      /* REGISTER Error 1 */
    MEMGRAPH_ENDPOINT_EXISTS,  /* REGISTER Error 2 */
    MEMGRAPH_DIVERGED_REPLICA, /* REGISTER Error 3 */
    MEMGRAPH_UNREACHABLE,      /* REGISTER Error 5 (or 4) */
    MEMGRAPH_NOT_REGISTERED,   /* REGISTER before 3.5, which says no more: look at SHOW REPLICAS */
    MEMGRAPH_NO_SUCH_REPLICA,  /* DROP of an unknown name */
    MEMGRAPH_WRONG_ROLE,       /* this query belongs on the other role */
    MEMGRAPH_NOT_CONFIRMED,    /* SYNC: committed on the main, a SYNC replica has not confirmed */
    MEMGRAPH_ABORTED,          /* STRICT_SYNC: aborted everywhere */
    MEMGRAPH_UNAUTHORISED,     /* wrong credentials, or no privilege */
    MEMGRAPH_EXISTS,           /* CREATE USER of an existing one */
    MEMGRAPH_TRANSIENT,        /* a conflict or a lock of the storage: try again */
    MEMGRAPH_OTHER
};

enum memgraph_error memgraph_judge(struct str code, struct str message);
const char *memgraph_error_name(enum memgraph_error e);
const char *memgraph_role_name(enum memgraph_role r);     /* "main", "replica", "unknown" */
const char *memgraph_mode_name(enum memgraph_mode m);     /* "sync", "strict_sync", "async" */
const char *memgraph_status_name(enum memgraph_status s); /* "ready", ... */

/* Queries. Names and addresses are checked: false when they hold anything but letters, digits and
 * _ . - : (a user's: _ . - + @), so that nothing can break out of the text; nothing is written
 * then. */
#define MEMGRAPH_SHOW_ROLE     "SHOW REPLICATION ROLE"
#define MEMGRAPH_SHOW_REPLICAS "SHOW REPLICAS"
#define MEMGRAPH_SHOW_VERSION  "SHOW VERSION"
#define MEMGRAPH_SHOW_STORAGE  "SHOW STORAGE INFO"
/* From 3.11 on the counts are here; older servers refuse the syntax. */
#define MEMGRAPH_SHOW_STORAGE_DATABASE "SHOW STORAGE INFO ON CURRENT DATABASE"
#define MEMGRAPH_PROMOTE               "SET REPLICATION ROLE TO MAIN"
/* A commit that leaves nothing behind (design: "touch"). */
#define MEMGRAPH_TOUCH "CREATE (n:__mgctl) DELETE n"
void memgraph_demote_query(struct buf *out, unsigned port);
bool memgraph_register_query(struct buf *out, const char *name, enum memgraph_mode mode,
                             const char *address) MUST_CHECK;
bool memgraph_drop_query(struct buf *out, const char *name) MUST_CHECK;
/* CREATE USER IF NOT EXISTS name IDENTIFIED BY 'password'; quotes and backslashes escaped. */
bool memgraph_user_query(struct buf *out, const char *user, const char *password) MUST_CHECK;

/* Readings. FAIL_NONE, or FAIL_PROTOCOL with what was wrong. */
struct fail memgraph_read_role(const struct memgraph_rows *rows, enum memgraph_role *out);
/* At most MEMGRAPH_REPLICAS_MAX are kept; *n is their number. Left out are those whose name or
 * address is longer than that of any pod. */
struct fail memgraph_read_replicas(const struct memgraph_rows *rows,
                                   struct memgraph_replica out[MEMGRAPH_REPLICAS_MAX], size_t *n);
/* Either form of SHOW STORAGE INFO; has_counts is false for the instance-level form of 3.11+. */
struct fail memgraph_read_storage(const struct memgraph_rows *rows, struct memgraph_storage *out);
struct fail memgraph_read_version(const struct memgraph_rows *rows,
                                  char out[MEMGRAPH_VERSION_SIZE]);
/* run_id of a summary (facts 1.4); empty when there is none. */
void memgraph_run_id(const struct value *summary, char out[MEMGRAPH_UUID_SIZE]);
/* A summary's notification SyncReplicationFailure: committed, but not confirmed (after 3.12). */
bool memgraph_sync_failed(const struct value *summary);
/* STRICT_SYNC is there from 3.5 on. False for a text that is no version. */
bool memgraph_version_at_least(const char *version, int major, int minor);

/* Pod names and replica names: - and _ stand for each other. */
void memgraph_replica_name(const char *pod, char out[MEMGRAPH_NAME_SIZE]);
void memgraph_pod_name(const char *replica, char out[MEMGRAPH_NAME_SIZE]);

#endif
