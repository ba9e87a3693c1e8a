/* attrs: the compiler's help, in short words. GNU C, as gcc and clang both speak it. */
#ifndef BASE_ATTRS_H
#define BASE_ATTRS_H

#include <stddef.h>

#ifdef NDEBUG
#error "assert stays on in release: it guards against our own mistakes"
#endif

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define MUST_CHECK             __attribute__((warn_unused_result))
#define UNUSED                 __attribute__((unused))
#define NO_RETURN              __attribute__((noreturn))

#define ARRAY_LEN(a)                  (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

#endif
