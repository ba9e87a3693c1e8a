#include "core/record.h"

#include "base/time_text.h"

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

static void add_time(char out[NOTE_SIZE], const char *before, int64_t wall_ms)
{
    char text[TIME_TEXT_SIZE];

    (void)str_append(out, NOTE_SIZE, " %s %s", before,
                     time_text(wall_ms * 1000, 0, text, sizeof text));
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
