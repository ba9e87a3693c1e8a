/* transitions: counts of what this controller did as the leader, and how long each phase of it
 * took, for the metrics. They are made from the entries that the core adds to the record's
 * history; those of another leader are not counted twice. */
#ifndef APP_TRANSITIONS_H
#define APP_TRANSITIONS_H

#include "app/controller.h"
#include "base/buf.h"

struct transitions;
struct transitions *transitions_new(struct controller *c);
void transitions_free(struct transitions *t); /* NULL is fine */
/* At every step. */
void transitions_follow(struct transitions *t);
/* A failover was refused, and it was news. */
void transitions_refused(struct transitions *t);
void transitions_write(const struct transitions *t, struct buf *out);

#endif
