/* bolt: the Bolt protocol without sockets, for both ends of a connection.
 *
 * The handshake (what a client proposes, what a server picks), and a reader that turns the chunks
 * of the wire into messages: feed it bytes as they come, then take messages until it has no more.
 * The reader knows its side and version, so a message that this side must not get, or with the
 * wrong number of fields, is malformed. bolt_encode.h writes messages.
 *
 * Source: Bolt's message and handshake pages; sections 1.1, 1.2 and 1.6 of Memgraph's facts, whose
 * habits win. Nothing here allocates from input without the limits that the caller sets. */
#ifndef PROTO_BOLT_H
#define PROTO_BOLT_H

#include "base/buf.h"
#include "base/fail.h"
#include "proto/value.h"

enum bolt_version {
    BOLT_NONE = 0,
    BOLT_1_0 = 0x0100,
    BOLT_4_0 = 0x0400,
    BOLT_4_1 = 0x0401,
    BOLT_4_3 = 0x0403,
    BOLT_4_4 = 0x0404,
    BOLT_5_2 = 0x0502
};

enum bolt_signature {
    BOLT_NOOP = 0x00,
    BOLT_HELLO = 0x01, /* INIT in 1.0: user agent, credentials */
    BOLT_GOODBYE = 0x02,
    BOLT_ACK_FAILURE = 0x0E, /* 1.0 only */
    BOLT_RESET = 0x0F,
    BOLT_RUN = 0x10, /* query, parameters; extra from 4.0 on */
    BOLT_BEGIN = 0x11,
    BOLT_COMMIT = 0x12,
    BOLT_ROLLBACK = 0x13,
    BOLT_DISCARD = 0x2F, /* DISCARD_ALL in 1.0, without a field */
    BOLT_PULL = 0x3F,    /* PULL_ALL in 1.0, without a field */
    BOLT_ROUTE = 0x66,
    BOLT_LOGON = 0x6A,
    BOLT_LOGOFF = 0x6B,
    BOLT_SUCCESS = 0x70,
    BOLT_RECORD = 0x71,
    BOLT_IGNORED = 0x7E,
    BOLT_FAILURE = 0x7F
};

/* "HELLO", "PULL" ... */
const char *bolt_signature_name(enum bolt_signature signature);
/* "5.2"; "none" */
const char *bolt_version_name(enum bolt_version version);
/* Does HELLO leave the credentials to LOGON? */
bool bolt_has_logon(enum bolt_version version);

/* Handshake. The client writes its request, the server its answer: nothing else goes over the wire
 * before both are there, and neither is chunked. */
enum { BOLT_REQUEST_BYTES = 20, BOLT_ANSWER_BYTES = 4 };

/* Magic and the proposals 5.2, 4.4, 4.3, 4.1. */
void bolt_add_request(struct buf *out);
/* The version that a server answered, if it is one of those four; else BOLT_NONE: a server that
 * cannot serve us sends a FAILURE message in place of an answer (facts 1.1), so the bytes may be
 * the beginning of one. */
enum bolt_version bolt_read_answer(const uint8_t answer[BOLT_ANSWER_BYTES]);

/* What a server picks out of a request: the first proposal, in the client's order, that matches one
 * of the n versions which it speaks; within a range the highest. A proposal of zeros ends the
 * search; one that means something else (a manifest) matches nothing. BOLT_NONE: wrong magic or
 * nothing in common; Memgraph then sends the FAILURE below and closes. */
enum bolt_version bolt_choose(const uint8_t request[BOLT_REQUEST_BYTES],
                              const enum bolt_version *spoken, size_t n);
void bolt_add_answer(struct buf *out, enum bolt_version version);

/* What Memgraph says, before it closes, to everything that violates the protocol (facts 1.1). */
#define BOLT_VIOLATION_CODE "Memgraph.ExecutionException"
#define BOLT_VIOLATION_MESSAGE                                                                     \
    "Something went wrong while executing the query! Check the server logs for more details."

/* Messages. */
enum bolt_side {
    BOLT_CLIENT, /* reads answers; empty chunks between messages are a keep-alive and skipped */
    BOLT_SERVER  /* reads requests; an empty chunk is malformed, as for Memgraph (facts 1.2) */
};

struct bolt_message {
    enum bolt_signature signature;
    const struct value *fields; /* in the arena of bolt_next */
    size_t n;                   /* number of fields: always the right one */
};

enum bolt_next { BOLT_INCOMPLETE, BOLT_MESSAGE, BOLT_MALFORMED };

struct bolt {
    enum bolt_side side;
    enum bolt_version version;
    struct buf data;    /* each message: its length in 4 bytes, then its bytes without chunks */
    size_t taken;       /* bytes of data that bolt_next is done with */
    size_t open;        /* where the message under way begins in data */
    size_t chunk_left;  /* bytes of the chunk under way that have not come */
    unsigned head_seen; /* bytes of the next chunk's length that have */
    uint8_t head;       /* the first of them */
    bool broken;        /* bolt_next has met a malformed message */
    struct fail why;
};

/* limit: bytes of messages that are held, the one under way and those not yet taken. */
void bolt_init(struct bolt *b, enum bolt_side side, enum bolt_version version, size_t limit);
void bolt_done(struct bolt *b);
/* Takes bytes that came in: any number, any borders. They are copied. */
void bolt_feed(struct bolt *b, struct str bytes);
/* The next message, its fields in the arena; BOLT_INCOMPLETE: feed more. BOLT_MALFORMED stays for
 * good once it is said (messages in front of the bad one come first): b->why is FAIL_PROTOCOL and
 * says why. The arena's limit bounds what a message may become (a full arena counts as malformed).
 */
enum bolt_next bolt_next(struct bolt *b, struct arena *arena, struct bolt_message *out) MUST_CHECK;

#endif
