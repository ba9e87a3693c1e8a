#include "base/fail.h"

#include <errno.h>
#include <stdarg.h>

const char *fail_kind_name(enum fail_kind kind)
{
    static const char *const names[] = {
#define X(name, word) [FAIL_##name] = (word),
        FAIL_KINDS(X)
#undef X
    };

    return (size_t)kind < ARRAY_LEN(names) ? names[kind] : "?";
}

struct fail fail_make(enum fail_kind kind, const char *fmt, ...)
{
    struct fail f = {.kind = kind};
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(f.text, sizeof f.text, fmt, args);
    va_end(args);
    return f;
}

enum fail_kind fail_kind_errno(int err)
{
    switch (err) {
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case ENOTCONN:
        return FAIL_REFUSED;
    case ETIMEDOUT:
        return FAIL_TIMEOUT;
    case ECANCELED:
        return FAIL_CANCELLED;
    case ENOENT:
        return FAIL_GONE;
    case EMFILE: /* our own lack says nothing about the other side */
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return FAIL_BUSY;
    default:
        return FAIL_UNREACHABLE;
    }
}

struct fail fail_errno(const char *doing, int err)
{
    char text[80];

    return fail_make(fail_kind_errno(err), "%s: %s", doing, strerror_r(err, text, sizeof text));
}
