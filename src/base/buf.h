/* buf: bytes that grow up to a limit. The limit is mandatory: nothing that comes from outside may
 * grow without one.
 *
 * A buffer that was asked to go over its limit keeps what it had, remembers it (`failed`), and
 * ignores everything after, so a writer checks once at the end. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/str.h"

struct buf {
    char *p;      /* always ends in NUL (not counted in n) once something was added */
    size_t n;     /* bytes held */
    size_t cap;   /* bytes allocated */
    size_t limit; /* bytes allowed */
    bool failed;  /* the limit was hit */
};

void buf_init(struct buf *b, size_t limit);
/* Frees the memory; the buffer may be used again, empty, with the same limit. */
void buf_done(struct buf *b);
/* Empties it and forgets a failure; keeps the memory. */
void buf_clear(struct buf *b);

void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_add_text(struct buf *b, const char *text);
void buf_add_byte(struct buf *b, uint8_t byte);
/* Big endian, as every number on the wires that we speak. */
void buf_add_be16(struct buf *b, uint16_t v);
void buf_add_be32(struct buf *b, uint32_t v);
void buf_add_be64(struct buf *b, uint64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Takes n bytes (at most what it holds) away from the front. */
void buf_drop(struct buf *b, size_t n);
/* What it holds, borrowed until the next change. */
struct str buf_str(const struct buf *b);
/* Hands the text (ending in NUL) over to the caller, who frees it; the buffer is empty then. */
char *buf_take(struct buf *b);

#endif
