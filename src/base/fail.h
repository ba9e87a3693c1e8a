/* fail: why an operation that the core must judge did not succeed. Code reads `kind` only; people
 * read `text`. Plumbing that nobody judges returns 0 or -errno instead. */
#ifndef BASE_FAIL_H
#define BASE_FAIL_H

#include "base/str.h"

/* X(name, word) */
#define FAIL_KINDS(X)                                                                              \
    X(NONE, "none")               /* no failure */                                                 \
    X(UNREACHABLE, "unreachable") /* no route, name not known, connection cut by the network */    \
    X(TIMEOUT, "timeout")         /* nothing came within the limit */                              \
    X(REFUSED, "refused")         /* connection refused or reset: nobody listens any more */       \
    X(BUSY, "busy")               /* try again soon */                                             \
    X(PROTOCOL, "protocol")       /* bytes that make no sense, or an answer of a wrong shape */    \
    X(CONFLICT, "conflict")       /* somebody else was first (HTTP 409) */                         \
    X(GONE, "gone")               /* not there, or no longer (HTTP 404, 410) */                    \
    X(DENIED, "denied")           /* not allowed, or refused for good */                           \
    X(CANCELLED, "cancelled")     /* we ended it ourselves */

enum fail_kind {
#define X(name, word) FAIL_##name,
    FAIL_KINDS(X)
#undef X
};

struct fail {
    enum fail_kind kind;
    char text[160];
};

const char *fail_kind_name(enum fail_kind kind);
struct fail fail_make(enum fail_kind kind, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* From an errno of a call about a socket or a file: what was being done, and why it failed. */
struct fail fail_errno(const char *doing, int err);
/* The kind that fits such an errno (positive). */
enum fail_kind fail_kind_errno(int err);

#endif
