/* session: one client of a gateway, from accept to its end: parked until there is a route, then
 * connecting to an upstream, then flowing.
 *
 * Owned by its worker; it ends itself, and its memory is freed at the end of the worker's turn. No
 * byte is read from a client before its upstream has taken the connection, so until then it can be
 * parked and tried again without anybody noticing. */
#ifndef GATEWAY_SESSION_H
#define GATEWAY_SESSION_H

#include "gateway/worker.h"

enum session_state { SESSION_PARKED, SESSION_CONNECTING, SESSION_FLOWING, SESSION_ENDED };

struct session {
    struct list node; /* in the worker's list of this state */
    struct list busy; /* in the worker's list of the busy, or in none */
    struct worker *worker;
    enum session_state state;
    unsigned upstream_index; /* in the route */
    struct peer client, upstream;
    struct pump up, down; /* client to upstream, upstream to client */
    struct deadline deadline;
    int64_t accepted_us, since_us; /* since: of this state */
    int64_t parked_us;             /* first time; 0: never */
    int64_t moved_us;              /* last byte */
    bool answered;                 /* the upstream has sent something */
    bool turned_down;              /* parked because no upstream took the connection */
};

/* Takes the descriptor over and does with the client what the route says. */
void session_accept(struct worker *w, int fd);
/* Connects to the first upstream of the route that takes it. */
void session_connect(struct session *s);
/* Moves the bytes that may be moved now. */
void session_run(struct session *s);
/* Ends with a reset of both sides, and counts why. */
void session_cut(struct session *s, enum gateway_cut why);
/* The same for a client that had no session yet. */
void session_refuse(struct session *s, enum gateway_refusal why);
/* Frees the sessions that have ended. */
void session_bury(struct worker *w);

#endif
