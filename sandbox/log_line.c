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

static bool is_one_of(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(word, *list) == 0)
            return true;
    return false;
}

static bool is_worth_telling(const json_t *line)
{
    static const char *const told_elsewhere[] = {"state", "pods", "gateway", NULL};
    static const char *const went_well[] = {"ok", "stale", NULL};

    return !is_one_of(member(line, "module"), told_elsewhere) &&
           !is_one_of(member(line, "outcome"), went_well);
}

/* What the line's head has said already, or nobody reads while it scrolls by. */
static bool is_detail(const char *key, bool for_people)
{
    static const char *const head[] = {"time", "level", "module", "msg", NULL};
    static const char *const details[] = {"effect",      "identity",  "holder", "uid",
                                          "statefulset", "namespace", "state",  NULL};

    return is_one_of(key, head) || (for_people && is_one_of(key, details));
}

static void text_make(struct buf *out, json_t *line, bool for_people)
{
    const char *key;
    json_t *value;

    buf_printf(out, "%s: %s", member(line, "module"), member(line, "msg"));
    json_object_foreach (line, key, value) {
        if (!is_detail(key, for_people) && json_string_length(value))
            buf_printf(out, "  %s=%s", key, json_string_value(value));
    }
}

void log_line_show(const char *controller, struct str text, bool for_people)
{
    json_t *line = json_loadb(text.p, text.n, 0, NULL);
    const char *level = member(line, "level");
    bool loud = strcmp(level, "error") == 0 || strcmp(level, "warn") == 0;
    struct buf out;

    if (!json_is_object(line)) {
        console_event(controller, "output", CONSOLE_BAD, "%.*s", STR_ARGS(text));
    } else if (strcmp(level, "debug") != 0 && (loud || !for_people || is_worth_telling(line))) {
        buf_init(&out, TEXT_LIMIT);
        text_make(&out, line, for_people);
        console_event(controller, "log", loud ? CONSOLE_BAD : CONSOLE_PLAIN, "%s",
                      out.p ? out.p : "");
        buf_done(&out);
    }
    json_decref(line);
}
