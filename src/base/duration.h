/* duration: times as people write them: 500ms, 30s, 5m, 1h, and sums such as 1m30s. */
#ifndef BASE_DURATION_H
#define BASE_DURATION_H

#include "base/str.h"

/* A bare 0 is allowed; any other number needs its unit. False: not a duration, or over 10 years. */
bool duration_parse(struct str text, int64_t *out_ms) MUST_CHECK;

/* Shortest exact form, such as "1m30s" or "250ms". Returns out. */
const char *duration_format(int64_t ms, char *out, size_t size);

#endif
