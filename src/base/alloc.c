#include "base/alloc.h"

#include "base/str.h"

void alloc_failed(void)
{
    static const char text[] = "out of memory\n";

    (void)!fwrite(text, 1, sizeof text - 1, stderr);
    abort();
}

static void *there(void *p)
{
    if (!p)
        alloc_failed();
    return p;
}

void *xcalloc(size_t count, size_t size)
{
    return there(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size)
{
    return there(realloc(p, size ? size : 1));
}

char *xstrndup(const char *s, size_t n)
{
    char *copy = xcalloc(n + 1, 1);

    memcpy(copy, s, n);
    return copy;
}

char *xstrdup(const char *s)
{
    return xstrndup(s, strlen(s));
}
