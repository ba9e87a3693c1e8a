/* memgraph: a model of one Memgraph server (Community use of the Enterprise build), without
 * sockets, clock, threads or random numbers of its own: 3.6.1, or another version from 3.4 on
 * (memgraph_version.h).
 *
 * What it models: roles, main UUIDs, the list of replicas, epochs and their history with Bug H,
 * the state of each replica, heartbeats, zombies, SYNC, STRICT_SYNC and ASYNC commits, recovery,
 * locks, workers, users, transactions and data. Source: Memgraph's facts, sections 2 to 5 and 11,
 * and what a live 3.6.1 did, which wins. docs/simulated-memgraph.md says what is left out.
 *
 * Inputs are the functions below, each with the time (microseconds, any origin, never backwards);
 * outputs are the functions of struct mg_host, called from within the inputs. Two things of the
 * world are the host's: the files (mg_host.persist, mg_files) and the connections (mg_host.call:
 * one connection a link, 5 s to connect, an answer within the given time; a call on a connection
 * that has broken fails, and the next one connects again).
 *
 * After every input ask mg_deadline and call mg_tick when it has come. */
#ifndef MODELS_MEMGRAPH_H
#define MODELS_MEMGRAPH_H

#include "base/buf.h"
#include "models/memgraph_version.h"
#include "proto/value.h"

enum { MG_UUID_SIZE = 40 };

/* Files, each in a folder of its own, so that tests can wipe or restore them apart. */
enum mg_file {
    MG_FILE_WAL,         /* wal/: grows by records, emptied when a snapshot is received */
    MG_FILE_SNAPSHOT,    /* snapshots/: the latest */
    MG_FILE_REPLICATION, /* replication/: role, main UUID, replicas */
    MG_FILE_AUTH,        /* auth/: users */
    MG_FILE_DATABASE,    /* databases/: UUID of the database */
    MG_FILE_COUNT
};

struct mg_host {
    void *arg;
    /* The replication server: false when the port cannot be had. */
    bool (*listen)(void *arg, unsigned port);
    /* Ends the server and closes its connections. */
    void (*unlisten)(void *arg);
    /* Sends a request; mg_answer with the same number follows, never from within. */
    void (*call)(void *arg, uint64_t call, unsigned link, const char *address, struct str request,
                 int64_t timeout_us);
    /* The link is not used any more. A call that is under way on it (from 3.12) is aborted: the
     * connection closes, and its answer, should it come, is ignored. */
    void (*link_close)(void *arg, unsigned link);
    /* Adds to a file, or replaces it. Must have reached the OS when it returns. */
    void (*persist)(void *arg, enum mg_file file, bool append, struct str bytes);
    /* The process dies here (an assertion of the real server). The instance must not be used any
     * more, other than by mg_free. */
    void (*crash)(void *arg, const char *why);
};

struct mg_config {
    uint64_t seed;        /* of UUIDs */
    unsigned workers;     /* --bolt-num-workers */
    int64_t bcrypt_us;    /* of one password; 0: no cost */
    int64_t promotion_us; /* without a poke: 200 ms */
    int64_t poked_us;     /* from the poke to the end of a promotion: 4 ms */
    /* Of DROP REPLICA while a heartbeat or a recovery of that replica is under way: how often, in
     * 100 cases, it kills the main (live facts 1.7). */
    unsigned drop_crash_percent;
    char version[40];      /* SHOW VERSION, and what the server can do */
    char server_name[128]; /* in HELLO */
    char data_directory[256];
    const char *user, *password; /* MEMGRAPH_USER, MEMGRAPH_PASSWORD: created at start; or NULL */
    struct str files[MG_FILE_COUNT]; /* what the disk holds; empty where there is nothing */
};

struct mg;

/* As 3.6.1 with the defaults of its flags and two workers. */
void mg_config_init(struct mg_config *config);
/* Recovers from the files and starts to contact its replicas. NULL: recovery failed (*why). */
struct mg *mg_new(const struct mg_config *config, const struct mg_host *host, int64_t now_us,
                  const char **why);
/* Sessions must have been freed. Nothing is written: a kill -9 is just this. */
void mg_free(struct mg *mg);
/* May Bolt open? Not before each replica has been contacted once (facts 6.1). */
bool mg_ready(const struct mg *mg);
/* INT64_MAX: nothing is due. */
int64_t mg_deadline(const struct mg *mg);
void mg_tick(struct mg *mg, int64_t now_us);
/* Our call was answered (ok), or failed. */
void mg_answer(struct mg *mg, int64_t now_us, uint64_t call, bool ok, struct str bytes);
/* A request came in on the replication port. False: close the connection without an answer. */
bool mg_serve(struct mg *mg, int64_t now_us, struct str request, struct buf *answer) MUST_CHECK;
/* Bytes that are no whole request came in on the replication port. */
void mg_poke(struct mg *mg, int64_t now_us);
const char *mg_server_name(const struct mg *mg);
const struct mg_features *mg_features(const struct mg *mg);

/* Looking inside, for checkers and tests; not what a client could know. */
struct mg_view {
    bool main;
    bool listening;
    const char *epoch, *main_uuid, *database_uuid, *run_id;
    int64_t last_durable_ts;
    int64_t nodes;
    size_t history_n, users_n;
    uint64_t commits; /* since the start, by clients of this instance */
};
struct mg_view mg_look(const struct mg *mg);
bool mg_history(const struct mg *mg, size_t i, const char **epoch, int64_t *last_ts);

/* Sessions: what a Bolt connection is to the server. One request at a time; each is answered by
 * exactly one call of the reply function, possibly from within the request, and values in it live
 * until the next request. The session may be freed in its reply function. */
struct mg_reply {
    const char *code; /* NULL: success */
    const char *message;
    struct value metadata;    /* of SUCCESS */
    const struct value *rows; /* each a list; nodes and relationships as Bolt 5 wants them */
    size_t rows_n;
};

struct mg_session;
typedef void mg_reply_fn(void *arg, const struct mg_reply *reply);

struct mg_session *mg_session_new(struct mg *mg, mg_reply_fn *reply, void *arg);
/* Aborts what is open. A commit that is under way goes on. NULL is fine. */
void mg_session_free(struct mg_session *s);
bool mg_session_busy(const struct mg_session *s);
/* LOGON, or the credentials of HELLO. Anything is accepted while there are no users. */
void mg_session_login(struct mg_session *s, int64_t now_us, const struct value *credentials);
/* Texts and values are copied. */
void mg_session_run(struct mg_session *s, int64_t now_us, struct str query,
                    const struct value *params);
/* n < 0: all. qid < 0: the latest result. discard: no rows. */
void mg_session_pull(struct mg_session *s, int64_t now_us, int64_t n, int64_t qid, bool discard);
void mg_session_begin(struct mg_session *s, int64_t now_us);
void mg_session_commit(struct mg_session *s, int64_t now_us);
void mg_session_rollback(struct mg_session *s, int64_t now_us);
/* Aborts what is open; no reply. */
void mg_session_reset(struct mg_session *s, int64_t now_us);
/* Is a result open that has not been pulled to its end (Bolt's state Result)? */
bool mg_session_has_result(const struct mg_session *s);

#endif
