/* rd: the one checked reader for wire data. It never reads past the end: the first read that would
 * sets `failed`, and every read after that gives zeros. Check once at the end of a structure. */
#ifndef BASE_RD_H
#define BASE_RD_H

#include "base/str.h"

struct rd {
    const uint8_t *p;
    size_t left;
    bool failed;
};

struct rd rd_of(const void *p, size_t n);
uint8_t rd_u8(struct rd *r);
uint16_t rd_be16(struct rd *r);
uint32_t rd_be32(struct rd *r);
uint64_t rd_be64(struct rd *r);
/* n bytes, borrowed from the input; empty when there are not that many. */
struct str rd_bytes(struct rd *r, size_t n);

#endif
