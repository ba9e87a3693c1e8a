/* words: Memgraph's words as the core's, and the core's commands as Memgraph's.
 *
 * core and proto do not know each other: this is where app joins them. Nothing is kept or owned. */
#ifndef APP_WORDS_H
#define APP_WORDS_H

#include "app/config.h"
#include "core/plan.h"
#include "io/bolt_client.h"

enum role words_role(enum memgraph_role role);
enum row_status words_status(enum memgraph_status status);
enum mode words_mode(enum memgraph_mode mode);

/* How a command of this kind ended. */
enum outcome words_outcome(const struct bolt_answer *answer, enum effect_kind kind);
/* How a REGISTER ended that failed without a reason (before 3.5): from the rows that the main shows
 * after it. */
enum outcome words_registered(const struct memgraph_replica *rows, size_t n,
                              const struct effect *e);
/* The text of a command that is one query; false: a name or an address that cannot be written. */
bool words_command(const struct config *config, const struct effect *e, struct buf *out) MUST_CHECK;
/* How long a command may take: what Memgraph itself may need, and a margin. */
int64_t words_limit_us(enum effect_kind kind);

#endif
