/* cluster: several models of Memgraph on one virtual network with one virtual clock, for tests.
 *
 * Nothing happens but in cluster_run and in what waits (cluster_query): then events happen in the
 * order of their times. Disks are buffers that outlive the processes. Answers are JSON, so that
 * they can be kept and compared with recordings. */
#ifndef TESTS_CLUSTER_H
#define TESTS_CLUSTER_H

#include "models/memgraph.h"

#include <jansson.h>

enum { CLUSTER_NODES_MAX = 5, CLUSTER_LINKS_MAX = 64, CLUSTER_SESSIONS_MAX = 64 };

struct cluster;
struct node;

/* A client's connection. Requests are kept until the one before is answered. */
struct client {
    struct node *node;
    char name[32];
    struct mg_session *session;
    bool waiting; /* for an answer */
    bool logged_on;
    /* What is being asked. */
    char query[512];
    json_t *params;
    int stage;
    /* The answer: of cluster_answer. */
    char code[80], message[600];
    bool at_run; /* the failure came at RUN */
    json_t *fields, *rows, *metadata;
    int64_t asked_us, answered_us;
};

struct node {
    struct cluster *cluster;
    char name[16], host[32];
    unsigned bolt_port, workers;
    struct mg *mg; /* NULL: the process is not there */
    bool stopped, crashed, listening;
    unsigned port, generation; /* counts what breaks connections to it */
    struct buf files[MG_FILE_COUNT], saved[MG_FILE_COUNT];
    struct {
        bool connected;
        unsigned generation;
        struct node *to;
    } links[CLUSTER_LINKS_MAX];
    struct client clients[CLUSTER_SESSIONS_MAX];
    size_t clients_n;
    const char *user, *password; /* MEMGRAPH_USER ... of the next start */
    const char *version;         /* of the next start; NULL: the default */
    unsigned drop_crash_percent; /* of the next start */
};

struct cluster {
    int64_t now_us;
    uint64_t seed;
    struct node nodes[CLUSTER_NODES_MAX];
    size_t nodes_n;
    struct event *events; /* by time */
    uint64_t events_made;
};

void cluster_init(struct cluster *c);
void cluster_done(struct cluster *c);
struct node *cluster_add(struct cluster *c, const char *name, const char *host);
struct node *cluster_node(struct cluster *c, const char *name);
/* False: it died at its start. */
bool cluster_start(struct node *n);
void cluster_kill(struct node *n);
void cluster_stop(struct node *n); /* SIGSTOP */
void cluster_continue(struct node *n);
/* Files of a process that is not running. */
void cluster_wipe(struct node *n, bool all); /* or wal and snapshots only */
void cluster_backup(struct node *n);         /* wal and snapshots */
void cluster_restore(struct node *n);
void cluster_run(struct cluster *c, int64_t until_us);
void cluster_wait(struct cluster *c, int64_t us);

/* The connection of that name ("" is the main one), logged on or under way. */
struct client *cluster_client(struct node *n, const char *name, const char *user,
                              const char *password);
/* Asks: query is a text, or "BEGIN (message)", "COMMIT (message)", "ROLLBACK (message)". */
void cluster_ask(struct client *client, const char *query, const json_t *params);
/* Runs until the answer is there; false: not within the limit. */
bool cluster_answer(struct client *client, int64_t limit_us);
/* Asks on the main connection and waits. The rows (borrowed), or NULL after a failure. */
const json_t *cluster_query(struct node *n, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The last failure of cluster_query on the node; "" after a success. */
const char *cluster_error(const struct node *n);

#endif
