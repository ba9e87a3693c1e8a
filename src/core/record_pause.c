#include "core/record.h"

const char *record_pause_text(const char *who, int64_t since_wall_us, int64_t until_wall_us,
                              char out[NOTE_SIZE])
{
    (void)str_format(out, NOTE_SIZE, "%.80s@%lld..", who, (long long)(since_wall_us / 1000));
    if (until_wall_us)
        (void)str_append(out, NOTE_SIZE, "%lld", (long long)(until_wall_us / 1000));
    return out;
}

/* The text of record_pause_text's making. False: somebody's own words. until 0: for ever. */
static bool parse_pause(const char *text, struct str *who, int64_t *since_ms, int64_t *until_ms)
{
    const char *at = strrchr(text, '@'), *end = at ? strstr(at, "..") : NULL;

    *until_ms = 0;
    if (!end || !str_to_int64((struct str){at + 1, (size_t)(end - at - 1)}, since_ms) ||
        (end[2] && (!str_to_int64(str_of(end + 2), until_ms) || *until_ms < 0)))
        return false;
    *who = (struct str){text, (size_t)(at - text)};
    return *since_ms >= 0 && *since_ms < INT64_MAX / 1000 && *until_ms < INT64_MAX / 1000;
}

bool record_paused(const struct record *r, int64_t wall_us, int64_t *until_wall_us)
{
    int64_t since_ms, until_ms;
    struct str who;

    if (!parse_pause(r->paused, &who, &since_ms, &until_ms))
        until_ms = 0;
    if (until_wall_us)
        *until_wall_us = until_ms ? until_ms * 1000 : INT64_MAX;
    if (until_ms)
        return wall_us < until_ms * 1000;
    return r->paused[0] != '\0';
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* By hand, as gmtime_r looks at the time zones of the machine. */
static void add_time(char out[NOTE_SIZE], const char *before, int64_t wall_ms)
{
    static const int64_t month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t seconds = wall_ms / 1000, days = seconds / 86400, year = 1970, n;
    unsigned month = 0;

    for (; year < 9999 && days >= (n = is_leap(year) ? 366 : 365); year++)
        days -= n;
    for (; month < 11 && days >= (n = month_days[month] + (month == 1 && is_leap(year))); month++)
        days -= n;
    (void)str_append(out, NOTE_SIZE, " %s %04d-%02u-%02dT%02d:%02d:%02dZ", before, (int)year,
                     month + 1, (int)days + 1, (int)(seconds / 3600 % 24), (int)(seconds / 60 % 60),
                     (int)(seconds % 60));
}

const char *record_pause_words(const struct record *r, char out[NOTE_SIZE])
{
    int64_t since_ms, until_ms;
    struct str who;

    if (!parse_pause(r->paused, &who, &since_ms, &until_ms)) {
        (void)str_copy(out, NOTE_SIZE, r->paused);
        return out;
    }
    (void)str_format(out, NOTE_SIZE, "by %.*s", STR_ARGS(who));
    add_time(out, "since", since_ms);
    if (until_ms)
        add_time(out, "until", until_ms);
    return out;
}
