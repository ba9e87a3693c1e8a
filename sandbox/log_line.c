#include "sandbox/log_line.h"

#include "base/buf.h"
#include "sandbox/console.h"

#include <jansson.h>

enum { TEXT_LIMIT = 900 };

static const char *member(const json_t *line, const char *name)
{
    const char *text = json_string_value(json_object_get(line, name));

    return text ? text : "";
}

static enum console_tone tone_of(const char *level)
{
    if (strcmp(level, "error") == 0 || strcmp(level, "warn") == 0)
        return CONSOLE_BAD;
    return CONSOLE_PLAIN;
}

void log_line_show(void *arg, const char *name, struct str text)
{
    json_t *line = json_loadb(text.p, text.n, 0, NULL), *value;
    const char *level = member(line, "level"), *key;
    struct buf out;

    (void)arg;
    if (!json_is_object(line)) {
        json_decref(line);
        console_event(name, "output", CONSOLE_BAD, "%.*s", STR_ARGS(text));
        return;
    }
    if (strcmp(level, "debug") != 0) {
        buf_init(&out, TEXT_LIMIT);
        buf_printf(&out, "%s: %s", member(line, "module"), member(line, "msg"));
        json_object_foreach (line, key, value) {
            if (strcmp(key, "time") != 0 && strcmp(key, "level") != 0 &&
                strcmp(key, "module") != 0 && strcmp(key, "msg") != 0 && json_string_length(value))
                buf_printf(&out, " %s=%s", key, json_string_value(value));
        }
        console_event(name, "log", tone_of(level), "%s", out.p ? out.p : "");
        buf_done(&out);
    }
    json_decref(line);
}
