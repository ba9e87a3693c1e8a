/* felt: what the clients of every controller replica felt of the last transitions, in the record.
 *
 * The history in the record holds what the leader did. Each replica writes beside it what it saw
 * (app/flights.h), a few seconds after the transition and while nothing is decided: the key
 * `clients` of the ConfigMap, a JSON object {"<epoch>": {"<identity>": {...}}} of the epochs in
 * the history. The core does not know the key, and nothing is decided by it. */
#ifndef APP_FELT_H
#define APP_FELT_H

#include "app/controller.h"

#include <jansson.h>

struct felt;
struct felt *felt_new(struct controller *c);
void felt_free(struct felt *f); /* NULL is fine */
/* A flight of this replica has ended: it is written down soon. NULL is fine. */
void felt_ended(struct felt *f);
/* All that is written down; an object, by epoch. New reference. */
json_t *felt_written(const struct controller *c);
/* What the clients of all replicas felt of one epoch, as far as it is written down or remembered
 * here; null: nothing. New reference. */
json_t *felt_of(const struct controller *c, const json_t *written, int64_t epoch);

#endif
