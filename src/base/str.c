#include "base/str.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>

struct str str_of(const char *s)
{
    return (struct str){.p = s ? s : "", .n = s ? strlen(s) : 0};
}

bool str_same(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_eq(struct str a, const char *b)
{
    return str_same(a, str_of(b));
}

bool str_starts(struct str s, const char *prefix)
{
    size_t n = strlen(prefix);

    return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

bool str_contains(struct str s, const char *part)
{
    size_t n = strlen(part);

    for (size_t i = 0; i + n <= s.n; i++)
        if (memcmp(s.p + i, part, n) == 0)
            return true;
    return false;
}

struct str str_cut(struct str *rest, char at)
{
    struct str all = *rest;
    const char *found = all.n ? memchr(all.p, at, all.n) : NULL;
    size_t n;

    if (!found) {
        *rest = (struct str){.p = all.p + all.n, .n = 0};
        return all;
    }
    n = (size_t)(found - all.p);
    *rest = (struct str){.p = found + 1, .n = all.n - n - 1};
    return (struct str){.p = all.p, .n = n};
}

struct str str_trim(struct str s)
{
    while (s.n && isspace((unsigned char)s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && isspace((unsigned char)s.p[s.n - 1]))
        s.n--;
    return s;
}

bool str_to_int64(struct str s, int64_t *out)
{
    bool negative = s.n && s.p[0] == '-';
    int64_t value = 0;

    if (s.n == (negative ? 1U : 0U))
        return false;
    for (size_t i = negative ? 1 : 0; i < s.n; i++) {
        int digit = s.p[i] - '0';

        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return false; /* counted downwards, as INT64_MIN has no positive twin */
    }
    if (!negative && value == INT64_MIN)
        return false;
    *out = negative ? value : -value;
    return true;
}

bool str_copy_n(char *dst, size_t size, struct str src)
{
    size_t n = src.n < size ? src.n : size - 1;

    assert(size > 0);
    if (n)
        memmove(dst, src.p, n);
    dst[n] = '\0';
    return n == src.n;
}

bool str_copy(char *dst, size_t size, const char *src)
{
    return str_copy_n(dst, size, str_of(src));
}

static bool format(char *dst, size_t size, const char *fmt, va_list args) PRINTF_LIKE(3, 0);

static bool format(char *dst, size_t size, const char *fmt, va_list args)
{
    int n;

    assert(size > 0);
    n = vsnprintf(dst, size, fmt, args);
    assert(n >= 0);
    return (size_t)n < size;
}

bool str_format(char *dst, size_t size, const char *fmt, ...)
{
    va_list args;
    bool fits;

    va_start(args, fmt);
    fits = format(dst, size, fmt, args);
    va_end(args);
    return fits;
}

bool str_append(char *dst, size_t size, const char *fmt, ...)
{
    size_t used = strlen(dst);
    va_list args;
    bool fits;

    va_start(args, fmt);
    fits = format(dst + used, size - used, fmt, args);
    va_end(args);
    return fits;
}
