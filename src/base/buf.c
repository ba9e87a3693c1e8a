#include "base/buf.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdarg.h>

void buf_init(struct buf *b, size_t limit)
{
    *b = (struct buf){.limit = limit};
}

void buf_done(struct buf *b)
{
    free(b->p);
    *b = (struct buf){.limit = b->limit};
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->failed = false;
    if (b->p)
        b->p[0] = '\0';
}

/* Room for n more bytes and a NUL, or false. */
static bool reserve(struct buf *b, size_t n)
{
    size_t need;

    if (b->failed || n > b->limit || b->n > b->limit - n) {
        b->failed = true;
        return false;
    }
    need = b->n + n + 1;
    if (need > b->cap) {
        size_t cap = b->cap ? b->cap : 64;

        while (cap < need)
            cap *= 2;
        b->p = xrealloc(b->p, cap);
        b->cap = cap;
    }
    return true;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    if (!reserve(b, n))
        return;
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void buf_add_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.n);
}

void buf_add_text(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_add_byte(struct buf *b, uint8_t byte)
{
    buf_add(b, &byte, 1);
}

static void add_be(struct buf *b, uint64_t v, unsigned bytes)
{
    uint8_t out[8];

    for (unsigned i = 0; i < bytes; i++)
        out[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
    buf_add(b, out, bytes);
}

void buf_add_be16(struct buf *b, uint16_t v)
{
    add_be(b, v, 2);
}

void buf_add_be32(struct buf *b, uint32_t v)
{
    add_be(b, v, 4);
}

void buf_add_be64(struct buf *b, uint64_t v)
{
    add_be(b, v, 8);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args, again;
    int n;

    va_start(args, fmt);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(n >= 0);
    if (reserve(b, (size_t)n)) {
        vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

void buf_drop(struct buf *b, size_t n)
{
    assert(n <= b->n);
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->n - n + 1);
    b->n -= n;
}

struct str buf_str(const struct buf *b)
{
    return (struct str){.p = b->p ? b->p : "", .n = b->n};
}

char *buf_take(struct buf *b)
{
    char *text = b->p ? b->p : xstrdup("");

    b->p = NULL;
    buf_done(b);
    return text;
}
