/* session: one client of a gateway, from accept to its end: arriving (a PROXY header, the rate
 * limit, TLS), parked until there is a route, then connecting to an upstream, then flowing.
 *
 * Owned by its worker; it ends itself, and its memory is freed at the end of the worker's turn. No
 * byte of the protocol is read from a client before its upstream has taken the connection, so until
 * then it can be parked and tried again without anybody noticing. */
#ifndef GATEWAY_SESSION_H
#define GATEWAY_SESSION_H

#include "gateway/worker.h"

enum session_state {
    SESSION_ARRIVING,
    SESSION_PARKED,
    SESSION_CONNECTING,
    SESSION_FLOWING,
    SESSION_ENDED
};

enum session_farewell { SESSION_CLOSES, SESSION_RESETS };

struct session {
    struct list node; /* in the worker's list of this state */
    struct list busy; /* in the worker's list of the busy, or in none */
    struct worker *worker;
    enum session_state state;
    struct peer client, upstream;
    struct pump up, down; /* client to upstream, upstream to client */
    struct deadline deadline;
    int64_t accepted_us, since_us; /* since: of this state */
    int64_t parked_us;             /* first time; 0: never */
    int64_t moved_us;              /* last byte */
    struct origin origin;          /* the client */
    uint16_t tried;                /* upstreams of the route that did not take it, a bit each */
    uint8_t slot;                  /* CONNECTING, FLOWING: its upstream */
    bool owes_header;              /* the PROXY header is still to come */
    bool owes_greeting;            /* the TLS handshake is */
    bool answered;                 /* the upstream has sent something */
    bool turned_down;              /* parked because no upstream took the connection */
    bool upstream_resets;          /* ENDED: its upstream is reset, too, when it is closed */
};

/* Takes the descriptor over. */
void session_accept(struct worker *w, int fd, const struct origin *origin);
/* It has arrived, or must go elsewhere than where it connects to: does what the route says. */
void session_admitted(struct session *s);
/* Connects to the first upstream that takes it. */
void session_connect(struct session *s);
/* Where the session's upstream stands in the route now; -1: no longer. */
int session_place(const struct session *s);
/* The one exit for all ends. Nothing moves any more; the descriptors are closed by session_bury. */
void session_end(struct session *s, enum session_farewell farewell, const char *why);
/* Ends with a reset of both sides, the client's at once, and counts why. */
void session_cut(struct session *s, enum gateway_cut why);
/* The same for a client that had no session yet. */
void session_refuse(struct session *s, enum gateway_refusal why);
/* Closes and frees sessions that have ended, at most so many, and resets their upstreams: to reset
 * 9,000 clients is urgent, the rest takes longer than that and can wait while others are served. */
void session_bury(struct worker *w, size_t most);

/* Counts and reports that the session's upstream failed, with a positive errno. */
void session_tell_failure(const struct session *s, const char *doing, int err);

#endif
