/* state: the record as a ConfigMap: read, watched, written with the resourceVersion that was read.
 *
 * Keys that this version does not know are kept. The watch may be behind our own reads and writes,
 * or ahead of their answers: versions are compared, so that the view never goes back and nothing
 * that others wrote is missed. */
#ifndef APP_STATE_H
#define APP_STATE_H

#include "app/controller.h"

struct state *state_new(struct controller *c);
void state_free(struct state *s); /* NULL is fine */
/* Writes a record; the view gets it, or the failure. One at a time. */
void state_write(struct state *s, const struct record *r);
/* Reads it afresh before the next decision: a new leader must. */
void state_read(struct state *s);
/* Another key of the ConfigMap, as it was read or written last; NULL: there is none, or no record
 * yet, or no state. Borrowed until the next step. */
const char *state_text(const struct state *s, const char *key);

/* Its resourceVersion as it was read or written last; empty: there is none. Borrowed. */
const char *state_version(const struct state *s);

/* The record from a ConfigMap's data (borrowed), for tests. */
struct fail state_decode(json_t *data, struct record *out);
/* A ConfigMap's data; `before` (may be NULL) gives the keys that are kept. New reference. */
json_t *state_encode(const struct record *r, const char *prefix, json_t *before);

#endif
