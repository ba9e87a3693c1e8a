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

enum session_farewell { SESSION_CLOSES, SESSION_RESETS };

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
/* The one exit for all ends. Nothing moves any more; the descriptors are closed by session_bury. */
void session_end(struct session *s, enum session_farewell farewell);
/* Ends with a reset of both sides, and counts why. */
void session_cut(struct session *s, enum gateway_cut why);
/* The same for a client that had no session yet. */
void session_refuse(struct session *s, enum gateway_refusal why);
/* Closes and frees sessions that have ended, at most so many: to reset 9,000 is urgent and takes
 * some 30 ms, to close them takes as long again and can wait while others are served. */
void session_bury(struct worker *w, size_t most);

/* Counts and reports that the session's upstream failed, with a positive errno. */
void session_tell_failure(const struct session *s, const char *doing, int err);

#endif
