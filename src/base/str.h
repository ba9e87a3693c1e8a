/* str: borrowed slices of text, and the few things that are done with fixed arrays of char.
 *
 * A struct str owns nothing: whoever made it says how long the bytes live. It need not end in NUL.
 * Functions that fill a char array always end it with NUL and say whether everything fitted. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/attrs.h"
#include "base/banned.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    const char *p;
    size_t n;
};

/* For printf: "%.*s", STR_ARGS(s). */
#define STR_ARGS(s) (int)(s).n, (s).p

/* A slice of a C string (NULL gives the empty slice). */
struct str str_of(const char *s);
bool str_eq(struct str a, const char *b);
bool str_same(struct str a, struct str b);
bool str_starts(struct str s, const char *prefix);
bool str_contains(struct str s, const char *part);

/* Cuts off what stands before the first `at` and returns it; *rest goes on behind it. Without `at`,
 * returns all and leaves *rest empty. */
struct str str_cut(struct str *rest, char at);
/* Without white space at both ends. */
struct str str_trim(struct str s);

/* Whole slice as a decimal number. False on anything else, or out of range. */
bool str_to_int64(struct str s, int64_t *out) MUST_CHECK;

/* Fill dst (of size bytes, at least 1). False when something had to be cut off. */
bool str_copy(char *dst, size_t size, const char *src);
bool str_copy_n(char *dst, size_t size, struct str src);
bool str_format(char *dst, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Adds behind what dst holds already. */
bool str_append(char *dst, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
