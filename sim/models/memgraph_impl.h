/* memgraph_impl: what the files of the model share. */
#ifndef MODELS_MEMGRAPH_IMPL_H
#define MODELS_MEMGRAPH_IMPL_H

#include "base/list.h"
#include "models/cypher.h"
#include "models/memgraph.h"
#include "models/memgraph_version.h"

enum { MG_NAME_SIZE = 128, MG_ADDRESS_SIZE = 300 };

/* Times of facts 3.2 and 3.3. */
#define MG_BEAT_PERIOD_US      1000000
#define MG_BEATS_LOST          3
#define MG_SWAP_TIMEOUT_US     10000000
#define MG_BEAT_TIMEOUT_US     5000000
#define MG_CHECK_TIMEOUT_US    10000000
#define MG_SYSTEM_TIMEOUT_US   30000000
#define MG_PREPARE_TIMEOUT_US  30000000
#define MG_FINISH_TIMEOUT_US   10000000
#define MG_WAL_TIMEOUT_US      30000000
#define MG_SNAPSHOT_TIMEOUT_US 60000000
#define MG_LOCK_WAIT_US        100000

#define MG_CLIENT_ERROR    "Memgraph.ClientError.MemgraphError.MemgraphError"
#define MG_TRANSIENT_ERROR "Memgraph.TransientError.MemgraphError.MemgraphError"
#define MG_AUTH_ERROR      "Memgraph.ClientError.Security.Unauthenticated"

enum mg_mode { MG_SYNC, MG_ASYNC, MG_STRICT_SYNC };
enum mg_status { MG_READY, MG_REPLICATING, MG_RECOVERY, MG_MAYBE_BEHIND, MG_DIVERGED };

/* Why a replica has not confirmed a commit. */
enum mg_reason {
    MG_CONFIRMED,
    MG_NOT_IN_STEP, /* not reachable, or not in sync with the main */
    MG_RPC_BROKE,
    MG_HAS_DIVERGED,
    MG_TIMED_OUT,
    MG_REASON_COUNT
};

enum mg_rpc {
    MG_RPC_SWAP,     /* main UUID -> ok */
    MG_RPC_SYSTEM,   /* main UUID, database UUID -> ok; wipes users */
    MG_RPC_BEAT,     /* -> ok */
    MG_RPC_CHECK,    /* main UUID, database UUID -> ok, epoch, ts ("Heartbeat" of the facts) */
    MG_RPC_PREPARE,  /* main UUID, two phases?, previous ts, record -> ok */
    MG_RPC_FINISH,   /* main UUID, ts, commit? -> ok */
    MG_RPC_WAL,      /* main UUID, records -> ok, ts */
    MG_RPC_SNAPSHOT, /* main UUID, snapshot -> ok, ts */
    MG_RPC_COUNT
};

/* One entry of the epoch history: the epoch's last durable timestamp, as written down then. */
struct mg_epoch {
    char id[MG_UUID_SIZE];
    int64_t ts;
};

/* One commit in the log. */
struct mg_record {
    int64_t ts, previous_ts;
    size_t at, n; /* its bytes in the log's buffer: [epoch, ts, previous ts, operations] */
};

/* A request on its way to a replica, or waiting for the link. */
struct mg_call {
    struct list node; /* in the replica's queue; the first is under way */
    uint64_t id;
    enum mg_rpc rpc;
    int64_t ts; /* of PREPARE and FINISH */
    int64_t expires_us;
    bool for_commit; /* the commit under way waits for it */
    char *bytes;
    size_t n;
};

struct mg_replica {
    struct list node;
    struct mg *mg;
    char name[MG_NAME_SIZE], address[MG_ADDRESS_SIZE];
    enum mg_mode mode;
    bool zombie; /* registered without a client (facts 2.4) */
    enum mg_status status;
    bool behind; /* instance state BEHIND: system data must be sent */
    int64_t ts;  /* last durable timestamp of the replica as we believe it */
    unsigned beats_lost;
    int64_t beat_at;
    bool starting; /* first contact after our start, Bolt waits for it */
    unsigned link;
    struct list calls;
    int64_t recovery_goal; /* our last timestamp when the recovery began */
    bool recovery_failed;  /* shown as recovery still, tried again at the next heartbeat */
    struct {
        bool in;     /* takes part */
        bool failed; /* did not confirm */
        enum mg_reason reason;
    } commit;
};

enum mg_commit_phase { MG_COMMIT_NONE, MG_COMMIT_PREPARING, MG_COMMIT_FINISHING };

/* The commit under way: at most one, it holds the engine lock and the replication lock (shared). */
struct mg_commit {
    enum mg_commit_phase phase;
    struct mg_session *session; /* NULL: it has gone */
    struct graph_txn *txn;
    int64_t ts;
    bool strict; /* two phases */
    bool sync_failed, strict_failed;
    unsigned waiting; /* calls to be answered */
    struct buf record;
};

enum mg_change_kind { MG_CHANGE_NONE, MG_REGISTERING, MG_DROPPING, MG_DEMOTING, MG_PROMOTING };

/* The change of the replication state under way: at most one, it holds the lock exclusively. */
struct mg_change {
    enum mg_change_kind kind;
    struct mg_session *session; /* NULL: it has gone */
    struct mg_replica *replica; /* registered or dropped */
    unsigned port;              /* demotion */
    int64_t end_at;             /* promotion */
    bool crash;                 /* the drop kills us (mg_config.drop_crash_percent) */
};

struct mg_user {
    char name[128], password[128];
};

struct mg {
    struct mg_config config;
    struct mg_features features;
    struct mg_host host;
    int64_t now_us;
    uint64_t random;
    char run_id[MG_UUID_SIZE];
    bool dead;

    /* Replication state: persisted. */
    bool is_main;
    unsigned port;
    char main_uuid[MG_UUID_SIZE]; /* own, or the one accepted */
    struct list replicas;         /* registered, in their order */
    bool listening;
    unsigned next_link;
    uint64_t next_call;

    /* Data. */
    struct graph *graph;
    char database_uuid[MG_UUID_SIZE];
    char epoch[MG_UUID_SIZE];
    char ldt_epoch[MG_UUID_SIZE]; /* epoch of the last commit */
    int64_t ldt;                  /* last durable timestamp */
    int64_t counter;              /* next logical timestamp */
    struct mg_epoch *history;
    size_t history_n;
    char log_epoch[MG_UUID_SIZE]; /* of the log's file that is open (before 3.6); or empty */
    struct buf wal;               /* the bytes of all records */
    struct mg_record *records;
    size_t records_n, records_cap;
    struct { /* STRICT_SYNC: prepared, not finished (replica) */
        bool held;
        int64_t ts;
        struct buf record;
    } prepared;
    bool analytical;
    struct {
        char *path;
        int64_t ts;
    } * snapshots; /* names of those made */
    size_t snapshots_n;

    struct mg_user *users;
    size_t users_n;

    /* Locks. */
    struct mg_commit commit;
    bool exclusive;            /* the replication lock: REGISTER, DROP, SET ROLE at work */
    struct mg_session *system; /* holds the lock of system queries */
    struct mg_change change;
    unsigned busy_workers;
    uint64_t commits;

    struct list sessions;
    struct list waiting; /* sessions that wait for something, first come first */
    bool changed;        /* something was freed: those who wait may try again */
    bool settling;
};

enum admin_kind {
    ADMIN_NONE,
    ADMIN_SHOW_ROLE,
    ADMIN_SHOW_REPLICAS,
    ADMIN_SHOW_VERSION,
    ADMIN_SHOW_STORAGE,
    ADMIN_SHOW_USERS,
    ADMIN_SHOW_CURRENT_USER,
    ADMIN_SHOW_INDEXES,
    ADMIN_SHOW_CONSTRAINTS,
    ADMIN_SHOW_SNAPSHOTS,
    ADMIN_SHOW_BUILD,
    ADMIN_SHOW_LICENSE,
    ADMIN_SHOW_DATABASES,
    ADMIN_SHOW_DATABASE,
    ADMIN_SHOW_INSTANCES, /* and REPLICATION LAG: of coordinators */
    ADMIN_SHOW_METRICS,
    ADMIN_SET_MAIN,
    ADMIN_SET_REPLICA,
    ADMIN_REGISTER,
    ADMIN_DROP_REPLICA,
    ADMIN_CREATE_USER,
    ADMIN_SET_PASSWORD,
    ADMIN_DROP_USER,
    ADMIN_CREATE_SNAPSHOT,
    ADMIN_RECOVER_SNAPSHOT,
    ADMIN_SCHEMA, /* CREATE and DROP of indexes and constraints */
    ADMIN_STORAGE_MODE,
    ADMIN_ACCEPTED /* accepted without an effect (triggers and the like) */
};

struct admin {
    enum admin_kind kind;
    char name[MG_NAME_SIZE];       /* replica or user */
    char address[MG_ADDRESS_SIZE]; /* or password, or the name of an index */
    enum mg_mode mode;
    int64_t port;
    bool flag; /* IF NOT EXISTS; create (of a schema); analytical; storage of the database */
    char label[128], property[128];
};

/* False: it is none (kind NONE), or it is wrong (*why). */
bool admin_parse(struct arena *arena, struct str query, const struct mg_features *features,
                 struct admin *out, struct cypher_fail *why);

/* An open result. In an explicit transaction there may be several. */
struct mg_result {
    struct list node;
    int64_t qid;
    struct arena arena;
    struct cypher_query *query; /* NULL: admin */
    struct admin admin;
    struct value params;
    bool executed;
    struct cypher_result out;
    size_t next;               /* row */
    struct value notification; /* null: none */
};

enum mg_op { MG_OP_NONE, MG_OP_LOGIN, MG_OP_RUN, MG_OP_PULL, MG_OP_BEGIN, MG_OP_COMMIT };
enum mg_finish { MG_FINISH_NONE, MG_FINISH_UNDER_WAY, MG_FINISH_DONE };

struct mg_session {
    struct list node;    /* in sessions */
    struct list waiting; /* in waiting, or in none */
    struct mg *mg;
    mg_reply_fn *reply;
    void *arg;
    char user[128];

    /* The request under way. */
    enum mg_op op;
    bool priority, has_worker;
    int stage;
    int64_t wake_at; /* INT64_MAX: by a change only */
    struct arena request;
    struct mg_result *pulled;
    int64_t pull_n;
    bool discard;
    const struct value *credentials;

    /* Transactions. */
    bool explicit_txn, failed_txn;
    struct graph_txn *txn;
    int64_t next_qid;
    struct list results;
    enum mg_finish finish;
    bool finish_replication;   /* what went wrong is that a replica has not confirmed */
    bool finish_committed;     /* and it is committed all the same */
    char finish_message[1024]; /* empty: it went well */
};

/* memgraph.c */
void mg_uuid(struct mg *mg, char out[MG_UUID_SIZE]);
/* True in that many of 100 cases. */
bool mg_chance(struct mg *mg, unsigned percent);
/* The process dies: nothing may be done with it any more. */
void mg_die(struct mg *mg, const char *why);
/* Adds (epoch of the last commit, its timestamp), unless the last entry says so already. */
void mg_history_save(struct mg *mg);
void mg_history_add(struct mg *mg, const char *epoch, int64_t ts);
/* Somebody may go on now. */
void mg_changed(struct mg *mg);
void mg_settle(struct mg *mg);

/* memgraph_state.c */
bool mg_recover(struct mg *mg, const char **why);
void mg_persist_replication(struct mg *mg);
void mg_persist_users(struct mg *mg);
void mg_persist_database(struct mg *mg);
/* A record of the log: [epoch, ts, previous ts, operations]. */
void mg_record_encode(struct buf *out, const char *epoch, int64_t ts, int64_t previous_ts,
                      struct str operations);
/* Puts a record into the log, in memory and on disk. */
void mg_log(struct mg *mg, struct str record, int64_t ts, int64_t previous_ts);
/* Does what a record of another instance says: epoch, data, log. False: it does not fit. A record
 * that is not newer than what we have is skipped. */
bool mg_record_apply(struct mg *mg, struct str record, int64_t *ts) MUST_CHECK;
/* Item i of a list, when it is there and of that kind. */
bool mg_item_text(const struct value *list, size_t i, char *out, size_t size);
bool mg_item_int(const struct value *list, size_t i, int64_t *out);
struct str mg_record_bytes(const struct mg *mg, const struct mg_record *record);

/* memgraph_snapshot.c */
void mg_snapshot_encode(struct mg *mg, struct buf *out);
/* Replaces all data. */
bool mg_snapshot_load(struct mg *mg, struct str bytes) MUST_CHECK;

/* memgraph_link.c: the main's side of a replica */
struct mg_replica *mg_replica_add(struct mg *mg, const char *name, const char *address,
                                  enum mg_mode mode);
struct mg_replica *mg_replica_find(struct mg *mg, const char *name);
/* Forgets what waits for the link; the call under way goes on (from 3.12: is aborted). */
void mg_replica_quiet(struct mg_replica *r);
bool mg_replica_idle(const struct mg_replica *r);
/* A check or a step of the recovery is under way. */
bool mg_replica_recovers(const struct mg_replica *r);
/* Must be idle. */
void mg_replica_remove(struct mg_replica *r);
void mg_send(struct mg_replica *r, enum mg_rpc rpc, const struct value *fields, size_t n,
             int64_t ts, bool for_commit);
void mg_send_swap(struct mg_replica *r);
void mg_send_system(struct mg_replica *r);
void mg_send_check(struct mg_replica *r);
void mg_beat_due(struct mg *mg);
int64_t mg_beat_deadline(const struct mg *mg);

/* memgraph_roles.c */
/* An answer of the replica that is being registered. */
void mg_register_answered(struct mg_replica *r, enum mg_rpc rpc, bool ok);
/* Goes on with a change that waited for links or for time. */
void mg_change_progress(struct mg *mg);

/* memgraph_replica.c: the replica's side */
void mg_prepared_drop(struct mg *mg);

/* memgraph_commit.c */
/* Begins the commit of the session's transaction when the locks are free: false, try later. */
bool mg_commit_begin(struct mg_session *s);
/* Begins it when that is due; true: it has not ended yet, and the session waits for that. */
bool mg_commit_waits(struct mg_session *s);
void mg_commit_answered(struct mg_replica *r, enum mg_rpc rpc, enum mg_reason reason);
/* What went wrong is no failure but a notification in the summary (after 3.12). */
bool mg_commit_noted(const struct mg_session *s);
struct value mg_commit_notification(const struct mg_session *s, struct arena *a);
/* The answer of a query whose own commit has ended. */
void mg_commit_reply(struct mg_session *s, struct mg_result *result);

/* memgraph_unconfirmed.c */
/* What a client is told when replicas have not confirmed its commit. */
void mg_unconfirmed_text(const struct mg *mg, bool aborted, char *out, size_t size);

enum { MG_ARENA_LIMIT = 1 << 30 };

/* memgraph_query.c */
void mg_run_step(struct mg_session *s);
void mg_pull_step(struct mg_session *s);

/* memgraph_session.c */
/* A request begins: at op; mg_op_go does what can be done of it now. */
void mg_op_begin(struct mg_session *s, int64_t now_us, enum mg_op op);
void mg_op_go(struct mg_session *s);
/* The answer: the last thing that is done with a session, which may be gone after. */
void mg_reply_send(struct mg_session *s, const struct mg_reply *reply);
void mg_result_free(struct mg_result *result);
/* Forgets results and transaction. */
void mg_abort_all(struct mg_session *s);
/* False: it waits. */
bool mg_txn_start(struct mg_session *s);
void mg_session_step(struct mg_session *s);
void mg_wait(struct mg_session *s, int64_t until_us);
void mg_reply_failure(struct mg_session *s, const char *code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void mg_reply_success(struct mg_session *s, struct value metadata);
/* The end of a query: rows that are left, and its summary. */
void mg_reply_summary(struct mg_session *s, struct mg_result *result);
/* Failure of the query under way: an open transaction is aborted (autocommit) or spoilt. */
void mg_query_failed(struct mg_session *s, const char *code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* A list of one notification. */
struct value mg_notification(struct arena *a, const char *code, const char *severity,
                             const char *text);
void mg_notify(struct mg_result *result, const char *code, const char *severity, const char *fmt,
               ...) PRINTF_LIKE(4, 5);

/* Administrative queries at their PULL: each answers, or waits and is called again. */
void mg_admin_step(struct mg_session *s, struct mg_result *result);
void mg_role_step(struct mg_session *s, struct mg_result *result);
void mg_show(struct mg_session *s, struct mg_result *result);
void mg_user_step(struct mg_session *s, struct mg_result *result);
/* False: an administrative query is refused already at RUN (*why). */
bool mg_admin_allowed(const struct mg_session *s, const struct admin *a, struct cypher_fail *why);
void mg_system_release(struct mg_session *s);
bool mg_user_check(const struct mg *mg, struct str name, struct str password);
bool mg_user_add(struct mg *mg, const char *name, const char *password);

#endif
