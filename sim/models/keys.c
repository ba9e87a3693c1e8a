#include "models/keys.h"

#include "base/alloc.h"
#include "models/cypher_ast.h"

struct entry {
    uint64_t hash;
    size_t at, n; /* its bytes in text */
};

struct keys {
    struct entry *entries;
    size_t n, cap;
    size_t *slots; /* entry + 1, or 0; a power of two, at most half full */
    size_t slots_n;
    struct buf text, scratch;
};

struct keys *keys_new(void)
{
    struct keys *k = xcalloc(1, sizeof(*k));

    buf_init(&k->text, SIZE_MAX);
    buf_init(&k->scratch, SIZE_MAX);
    k->slots_n = 16;
    k->slots = xcalloc(k->slots_n, sizeof(size_t));
    return k;
}

void keys_free(struct keys *k)
{
    if (!k)
        return;
    buf_done(&k->text);
    buf_done(&k->scratch);
    free(k->entries);
    free(k->slots);
    free(k);
}

size_t keys_count(const struct keys *k)
{
    return k->n;
}

/* FNV-1a: keys come from tests, not from enemies. */
static uint64_t hash_of(const struct buf *b)
{
    uint64_t h = 14695981039346656037u;

    for (size_t i = 0; i < b->n; i++)
        h = (h ^ (unsigned char)b->p[i]) * 1099511628211u;
    return h;
}

static void slots_grow(struct keys *k)
{
    free(k->slots);
    k->slots_n *= 2;
    k->slots = xcalloc(k->slots_n, sizeof(size_t));
    for (size_t i = 0; i < k->n; i++) {
        size_t at = k->entries[i].hash & (k->slots_n - 1);

        while (k->slots[at])
            at = (at + 1) & (k->slots_n - 1);
        k->slots[at] = i + 1;
    }
}

size_t keys_find_value(struct keys *k, const struct value *values, size_t n, bool *fresh)
{
    uint64_t hash;
    size_t at;

    buf_clear(&k->scratch);
    for (size_t i = 0; i < n; i++)
        value_key(&values[i], &k->scratch);
    hash = hash_of(&k->scratch);
    *fresh = false;
    for (at = hash & (k->slots_n - 1); k->slots[at]; at = (at + 1) & (k->slots_n - 1)) {
        const struct entry *e = &k->entries[k->slots[at] - 1];

        if (e->hash == hash && e->n == k->scratch.n &&
            (e->n == 0 || !memcmp(k->text.p + e->at, k->scratch.p, e->n)))
            return k->slots[at] - 1;
    }
    *fresh = true;
    if (k->n == k->cap) {
        k->cap = k->cap ? k->cap * 2 : 16;
        k->entries = xrealloc(k->entries, k->cap * sizeof(struct entry));
    }
    k->entries[k->n] = (struct entry){hash, k->text.n, k->scratch.n};
    buf_add(&k->text, k->scratch.p, k->scratch.n);
    k->slots[at] = ++k->n;
    if (k->n * 2 > k->slots_n)
        slots_grow(k);
    return k->n - 1;
}
