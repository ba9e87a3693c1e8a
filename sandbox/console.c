#include "sandbox/console.h"

#include <jansson.h>
#include <stdarg.h>
#include <unistd.h>

static enum console_form form = CONSOLE_WORDS;
static bool coloured;

void console_setup(enum console_form wanted)
{
    form = wanted;
    coloured = form == CONSOLE_WORDS && isatty(STDOUT_FILENO);
    setvbuf(stdout, NULL, _IOLBF, 0);
}

static const char *time_text(char out[32])
{
    struct timespec now;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    (void)str_format(out, 32, "%02d:%02d:%02d.%03ld", tm.tm_hour, tm.tm_min, tm.tm_sec,
                     now.tv_nsec / 1000000);
    return out;
}

static const char *tone_code(enum console_tone tone)
{
    switch (tone) {
    case CONSOLE_PLAIN:
        return "";
    case CONSOLE_GOOD:
        return "\033[32m";
    case CONSOLE_BAD:
        return "\033[1;31m";
    case CONSOLE_QUIET:
        return "\033[2m";
    }
    return "";
}

static void json_print(json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);

    if (text)
        puts(text);
    free(text);
    json_decref(line);
}

void console_event(const char *subject, const char *what, enum console_tone tone, const char *fmt,
                   ...)
{
    char text[1024], now[32];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (form == CONSOLE_JSON)
        json_print(json_pack("{s:s, s:s, s:s, s:s}", "time", time_text(now), "subject", subject,
                             "event", what, "text", text));
    else if (coloured)
        printf("%s%s  %-12s %s\033[0m\n", tone_code(tone), time_text(now), subject, text);
    else
        printf("%s  %-12s %s\n", time_text(now), subject, text);
}

void console_answer(bool ok, const char *text)
{
    if (form == CONSOLE_JSON)
        json_print(json_pack("{s:s, s:b, s:s}", "event", "answer", "ok", ok, "text", text));
    else
        printf("%s%s\n", ok ? "" : "no: ", text);
}
