/* time_text: moments as RFC 3339 has them, in UTC: 2026-11-25T21:09:25.445Z. */
#ifndef BASE_TIME_TEXT_H
#define BASE_TIME_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum { TIME_TEXT_SIZE = 40 };

/* Microseconds since 1970, with so many digits behind the second: 0, 3 or 6. Returns out. */
const char *time_text(int64_t wall_us, unsigned digits, char *out, size_t size);

#endif
