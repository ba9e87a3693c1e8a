#include "base/rd.h"

struct rd rd_of(const void *p, size_t n)
{
    return (struct rd){.p = p, .left = n};
}

static const uint8_t *take(struct rd *r, size_t n)
{
    const uint8_t *p = r->p;

    if (r->failed || n > r->left) {
        r->failed = true;
        return NULL;
    }
    r->p += n;
    r->left -= n;
    return p;
}

static uint64_t be(struct rd *r, size_t n)
{
    const uint8_t *p = take(r, n);
    uint64_t v = 0;

    for (size_t i = 0; p && i < n; i++)
        v = v << 8 | p[i];
    return v;
}

uint8_t rd_u8(struct rd *r)
{
    return (uint8_t)be(r, 1);
}

uint16_t rd_be16(struct rd *r)
{
    return (uint16_t)be(r, 2);
}

uint32_t rd_be32(struct rd *r)
{
    return (uint32_t)be(r, 4);
}

uint64_t rd_be64(struct rd *r)
{
    return be(r, 8);
}

struct str rd_bytes(struct rd *r, size_t n)
{
    const uint8_t *p = take(r, n);

    return p ? (struct str){.p = (const char *)p, .n = n} : (struct str){.p = "", .n = 0};
}
