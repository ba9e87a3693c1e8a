/* pump: one direction of a session: bytes from one peer to the other.
 *
 * Small amounts are copied through the scratch buffer of the worker. What cannot be sent at once
 * moves into memory of the pump (never more than the scratch buffer's size), and until that is sent
 * nothing more is read: back-pressure. The memory is freed when the last byte of it is sent.
 *
 * A source that fills the buffer several times in a row is spliced instead: its bytes move through
 * a pipe and are never copied. The pipe is filled only when it is empty and read until it is empty:
 * EAGAIN of a splice from a socket into a pipe does not say which of them is meant, so the question
 * must not come up. When a source calms down, its bytes are copied again. A pump owns a pipe only
 * while bytes are in it; so an idle session owns nothing.
 *
 * When the source ends and all is sent, the end is passed on (half-close). */
#ifndef GATEWAY_PUMP_H
#define GATEWAY_PUMP_H

#include "gateway/peer.h"
#include "gateway/pipes.h"

struct pump {
    struct peer *from, *to;
    uint8_t *rest; /* read, not yet sent: bytes from rest_at to rest_end; NULL: none */
    uint32_t rest_at, rest_end;
    struct pipe pipe; /* ours while piped is not 0 */
    uint32_t piped;   /* bytes in it */
    uint8_t streak;   /* reads in a row that speak for the other way of moving bytes */
    bool splicing;
    bool ended;  /* the source has ended */
    bool closed; /* and the sink was told so */
};

/* What a worker lends to its pumps. */
struct pump_tools {
    uint8_t *scratch;
    size_t size;
    struct pipes pipes;
    int64_t now_us;
    int64_t read_until_us; /* of this turn: nothing is read after it; 0: no limit */
};

enum pump_outcome {
    PUMP_WAITS,       /* for the kernel, or for the permission to read */
    PUMP_HAS_MORE,    /* it had its share of this turn; run it again in the next one */
    PUMP_FROM_FAILED, /* the source is broken, see err */
    PUMP_TO_FAILED    /* the sink is */
};

struct pump_result {
    enum pump_outcome outcome;
    int err;      /* positive errno */
    size_t moved; /* bytes sent */
};

void pump_init(struct pump *p, struct peer *from, struct peer *to);
/* Gives back what it holds; closes no socket. */
void pump_done(struct pump *p, struct pump_tools *tools);
/* Moves what can be moved now. Without may_read, or when the turn is too old, it only sends what it
 * had read before. */
struct pump_result pump_run(struct pump *p, struct pump_tools *tools, bool may_read);
/* The sink takes no more: what was not sent is thrown away, and the direction is closed. */
void pump_abandon(struct pump *p, struct pump_tools *tools);

#endif
