#include "base/time_text.h"

#include "base/str.h"

#include <time.h>

const char *time_text(int64_t wall_us, unsigned digits, char *out, size_t size)
{
    time_t seconds = (time_t)(wall_us / 1000000);
    int fraction = (int)(wall_us % 1000000);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    (void)str_format(out, size, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
                     tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    if (digits == 3)
        (void)str_append(out, size, ".%03d", fraction / 1000);
    else if (digits == 6)
        (void)str_append(out, size, ".%06d", fraction);
    (void)str_append(out, size, "Z");
    return out;
}
