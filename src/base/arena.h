/* arena: memory for the values of one answer or one parsed object, freed in one go.
 * Everything that comes from it lives until arena_done or arena_reset. Bounded: an arena that would
 * go over its limit returns NULL from then on (the input asked for too much; it is not ours). */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_block;

struct arena {
    struct arena_block *blocks;
    size_t used;  /* bytes handed out */
    size_t limit; /* bytes allowed */
};

void arena_init(struct arena *a, size_t limit);
/* Frees all; the arena may be used again. */
void arena_done(struct arena *a);
/* Forgets all, keeps one block for the next use. */
void arena_reset(struct arena *a);
/* Zeroed, aligned for any type; NULL over the limit or when count * size overflows. */
void *arena_alloc(struct arena *a, size_t count, size_t size) MUST_CHECK;
/* A copy that also ends in NUL; .p is NULL over the limit. */
struct str arena_copy(struct arena *a, struct str s);

#endif
