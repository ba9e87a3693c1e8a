#include "base/log.h"

#include "base/buf.h"
#include "base/time_text.h"

#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <unistd.h>

enum { LINE_LIMIT = 16 * 1024, PATIENCE_MS = 100, PATIENT_EVERY_S = 10 };

static enum log_level least_level = LOG_INFO;
static enum log_format line_format = LOG_LOGFMT;
static unsigned lines_lost; /* since the last one that was written */
static time_t patient_at;   /* when the reader was waited for */
static void (*line_sink)(void *arg, struct str line);
static void *line_sink_arg;
static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_setup(enum log_level least, enum log_format format)
{
    least_level = least;
    line_format = format;
}

void log_redirect(void (*sink)(void *arg, struct str line), void *arg)
{
    line_sink = sink;
    line_sink_arg = arg;
}

bool log_level_parse(struct str text, enum log_level *out)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
        if (str_eq(text, level_names[i])) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool log_format_parse(struct str text, enum log_format *out)
{
    if (!str_eq(text, "json") && !str_eq(text, "logfmt"))
        return false;
    *out = str_eq(text, "json") ? LOG_JSON : LOG_LOGFMT;
    return true;
}

bool log_enabled(enum log_level level)
{
    return level >= least_level;
}

/* Inside double quotes, as both JSON and logfmt readers take it. Bytes over 127 pass as UTF-8. */
static void add_quoted(struct buf *b, const char *s)
{
    buf_add_byte(b, '"');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (c == '"' || c == '\\')
            buf_printf(b, "\\%c", c);
        else if (c == '\n')
            buf_add_text(b, "\\n");
        else if (c < 0x20 || c == 0x7f)
            buf_printf(b, "\\u%04x", c);
        else
            buf_add_byte(b, c);
    }
    buf_add_byte(b, '"');
}

static bool is_plain(const char *s)
{
    if (!*s)
        return false;
    for (; *s; s++)
        if (*s <= ' ' || *s == '"' || *s == '=' || *s == '\\' || *s == 0x7f)
            return false;
    return true;
}

static void add_field(struct buf *b, const char *key, const char *value)
{
    bool first = b->n == 0;

    if (line_format == LOG_JSON) {
        buf_add_text(b, first ? "{" : ",");
        add_quoted(b, key);
        buf_add_byte(b, ':');
        add_quoted(b, value);
        return;
    }
    buf_printf(b, "%s%s=", first ? "" : " ", key);
    if (is_plain(value))
        buf_add_text(b, value);
    else
        add_quoted(b, value);
}

static void add_time(struct buf *b)
{
    struct timespec now;
    char text[TIME_TEXT_SIZE];

    clock_gettime(CLOCK_REALTIME, &now);
    add_field(b, "time",
              time_text((int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000, 3, text, sizeof text));
}

/* One write: lines of processes do not mix. A pipe that has room takes PIPE_BUF bytes at once; what
 * is longer is cut short. */
static void put(struct str line)
{
    static const char end = '\n';

    if (line.n <= PIPE_BUF) {
        (void)!write(STDERR_FILENO, line.p, line.n);
        return;
    }
    (void)!write(STDERR_FILENO, line.p, PIPE_BUF - 1);
    (void)!write(STDERR_FILENO, &end, 1);
}

/* How long the reader is waited for, who may just be busy: a moment, and not again and again. */
static int patience_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (lines_lost || (patient_at && now.tv_sec < patient_at + PATIENT_EVERY_S))
        return 0;
    patient_at = now.tv_sec;
    return PATIENCE_MS;
}

/* Whoever reads standard error may stop doing so: waiting for that would stop the controller. */
static void put_or_lose(struct str line)
{
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    unsigned lost = lines_lost;
    char number[16];

    if (poll(&ready, 1, 0) == 0 && poll(&ready, 1, patience_ms()) <= 0) {
        lines_lost++;
        return;
    }
    lines_lost = 0;
    put(line);
    if (!lost)
        return;
    (void)str_format(number, sizeof number, "%u", lost);
    log_event(LOG_WARN, "log", "lines were lost: nobody read standard error", "lines", number,
              NULL);
    if (lines_lost)
        lines_lost = lost; /* nor is that told yet */
}

void log_event(enum log_level level, const char *module, const char *message, ...)
{
    struct buf line;
    va_list args;
    const char *key;

    if (!log_enabled(level))
        return;
    buf_init(&line, LINE_LIMIT);
    if (!line_sink)
        add_time(&line);
    add_field(&line, "level", level_names[level]);
    add_field(&line, "module", module);
    add_field(&line, "msg", message);
    va_start(args, message);
    while ((key = va_arg(args, const char *)) != NULL) {
        const char *value = va_arg(args, const char *);

        add_field(&line, key, value ? value : "");
    }
    va_end(args);
    buf_add_text(&line, line_format == LOG_JSON ? "}" : "");
    if (line_sink)
        line_sink(line_sink_arg, buf_str(&line));
    buf_add_byte(&line, '\n');
    if (line.p && !line_sink)
        put_or_lose(buf_str(&line));
    buf_done(&line);
}
