/* copy: deep copies of values into one block of memory that the caller allocates.
 *
 * copy_size says how many bytes copy_into will take from *at (aligned for any value; the block must
 * begin so aligned). Used by the graph, whose values outlive every arena. */
#ifndef MODELS_COPY_H
#define MODELS_COPY_H

#include "proto/value.h"

size_t copy_size(const struct value *v);
/* Returns the copy of the value itself; what hangs below it stands at *at, which moves on. */
struct value copy_into(const struct value *v, char **at);
/* A deep copy in an arena that must have room (asserted). */
struct value copy_to_arena(const struct value *v, struct arena *a);

#endif
