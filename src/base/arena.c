#include "base/arena.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdalign.h>

enum { BLOCK_BYTES = 4096 - 64 };

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    alignas(max_align_t) unsigned char bytes[];
};

void arena_init(struct arena *a, size_t limit)
{
    *a = (struct arena){.limit = limit};
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;

        free(block);
        block = next;
    }
}

void arena_done(struct arena *a)
{
    free_blocks(a->blocks);
    *a = (struct arena){.limit = a->limit};
}

void arena_reset(struct arena *a)
{
    struct arena_block *keep = a->blocks;

    a->used = 0;
    if (!keep)
        return;
    free_blocks(keep->next);
    keep->next = NULL;
    keep->used = 0;
    if (keep->size > BLOCK_BYTES)
        arena_done(a);
}

void *arena_alloc(struct arena *a, size_t count, size_t size)
{
    struct arena_block *block = a->blocks;
    size_t bytes;
    void *p;

    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - alignof(max_align_t))
        return NULL;
    bytes = (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (bytes > a->limit || a->used > a->limit - bytes)
        return NULL;
    if (!block || block->size - block->used < bytes) {
        size_t room = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;

        block = xcalloc(1, sizeof *block + room);
        block->size = room;
        block->next = a->blocks;
        a->blocks = block;
    }
    p = block->bytes + block->used;
    block->used += bytes;
    a->used += bytes;
    assert(block->used <= block->size);
    return memset(p, 0, bytes);
}

struct str arena_copy(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1, 1);

    if (!p)
        return (struct str){0};
    if (s.n)
        memcpy(p, s.p, s.n);
    return (struct str){.p = p, .n = s.n};
}
