/* request: what an operator asks for through the record.
 *
 * Source: docs/decisions.md, "Requests". Any controller replica writes `request` on behalf of its
 * HTTP API; the leader serves it, or refuses it with the reason, and clears it either way. One is
 * open at a time. Its text is <kind>[:<ordinal>]@<when, ms since 1970>. */
#ifndef CORE_REQUEST_H
#define CORE_REQUEST_H

#include "core/plan.h"

struct request {
    enum request_kind kind;
    int pod; /* REBUILD, STOP: which; SWITCHOVER, FAILOVER: to whom, -1: the other of the pair */
    int64_t at_wall_us;
};

/* False: the text makes no sense. An empty one is NONE. */
bool request_parse(struct str text, struct request *out) MUST_CHECK;
const char *request_text(const struct request *r, char out[NOTE_SIZE]);
/* The open one; NONE also when its text makes no sense. */
struct request request_open(const struct view *v);
/* Could it be served as far as is known now? why: what stands in its way, and what to do. For the
 * leader, and for the API of every controller replica before it writes the request. */
bool request_check(const struct view *v, const struct request *r, char why[WHY_SIZE]);
/* Closes the open request of a record. What became of an operator's stays in `answer`, as
 * <request>: <outcome>: "served" (what it asks for is recorded, and done or begun) or "refused:
 * why". Of a hook's nothing stays. */
void request_close(struct record *r, const char *outcome);
/* What `answer` says became of this request: "served" or "refused: why"; NULL: it speaks of another
 * one, or of none. */
const char *request_outcome(const char *answer, const char *request);
/* What was served, and could not be finished: "refused: why" takes the place of "served". */
void request_take_back(struct record *r, const char *why);
/* Serves what is served by a write of the record alone; refuses what makes no sense or could not be
 * served within SWITCHOVER_TIMEOUT. True: it was spoken of in this round. */
bool request_decide(const struct view *v, struct plan *plan);

#endif
