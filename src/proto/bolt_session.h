/* bolt_session: a client's conversation with one server over one connection, without the socket.
 *
 * Shake hands, log on, then one query after the other, each answered whole. The caller sends what
 * stands in `out` (and clears it) after each call, feeds what comes in, and asks for events until
 * there are no more. A query that the server refuses leaves the session usable: the RESET that this
 * takes goes out with the next query. After BROKEN the session is of no use any more.
 *
 * Source: sections 1.1 to 1.5 of Memgraph's facts. */
#ifndef PROTO_BOLT_SESSION_H
#define PROTO_BOLT_SESSION_H

#include "proto/bolt.h"
#include "proto/memgraph.h"

enum bolt_session_event {
    BOLT_SESSION_WAITS,  /* for more bytes */
    BOLT_SESSION_UP,     /* logged on */
    BOLT_SESSION_ANSWER, /* to the query: error, message, rows */
    BOLT_SESSION_BROKEN  /* why: DENIED, BUSY or PROTOCOL */
};

/* All strings live as long as the session. */
struct bolt_session_config {
    const char *user_agent;
    const char *user, *password; /* empty user: scheme none */
    size_t answer_limit;         /* bytes that one answer may take in memory */
};

enum { BOLT_SESSION_EXPECTED_MAX = 8 };

struct bolt_session {
    /* For the caller. */
    struct buf out;
    struct fail why;           /* of BROKEN */
    enum memgraph_error error; /* of ANSWER, and what follows: until the next bolt_session_next */
    const char *message;       /* the server's words; never NULL */
    struct memgraph_rows rows; /* of an answer without an error */

    /* Its own. */
    struct bolt_session_config config;
    enum bolt_version version;
    enum {
        BOLT_SESSION_SHAKING,
        BOLT_SESSION_REFUSED,
        BOLT_SESSION_LOGGING_ON,
        BOLT_SESSION_ON
    } state;
    uint8_t head[BOLT_ANSWER_BYTES];
    size_t head_bytes;
    struct bolt reader;
    uint8_t expected[BOLT_SESSION_EXPECTED_MAX]; /* answers that are due, in their order */
    size_t expecting;
    bool must_reset; /* before the next query */
    bool answered;   /* the arena holds an answer that was given */
    struct arena arena;
    struct value fields, summary;
    struct value *list; /* rows.rows */
    size_t list_n, list_cap;
};

/* Puts the handshake into out. */
void bolt_session_init(struct bolt_session *s, const struct bolt_session_config *config);
void bolt_session_done(struct bolt_session *s);
void bolt_session_feed(struct bolt_session *s, struct str bytes);
enum bolt_session_event bolt_session_next(struct bolt_session *s) MUST_CHECK;
/* RUN and PULL into out. Only between UP and BROKEN, and not before the last query's answer
 * (asserted). */
void bolt_session_ask(struct bolt_session *s, struct str query);
/* The server closed the connection: what that means here. */
struct fail bolt_session_ended(const struct bolt_session *s);

#endif
