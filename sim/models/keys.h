/* keys: numbers for tuples of values: the first distinct tuple is 0, the next 1, and so on. For
 * groups and DISTINCT. */
#ifndef MODELS_KEYS_H
#define MODELS_KEYS_H

#include "proto/value.h"

struct keys;

struct keys *keys_new(void);
void keys_free(struct keys *k); /* NULL is fine */
/* The number of the tuple; *fresh: it was not known before. */
size_t keys_find_value(struct keys *k, const struct value *values, size_t n, bool *fresh);
size_t keys_count(const struct keys *k);

#endif
