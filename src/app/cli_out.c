#include "app/cli_out.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static bool has_colour(void)
{
    const char *no = getenv("NO_COLOR");

    return isatty(STDOUT_FILENO) && !(no && no[0]);
}

void cli_paint(enum paint paint, int width, const char *fmt, ...)
{
    static const char *const codes[] = {"", "32", "33", "31", "2", "1"};
    bool coloured = paint != PAINT_PLAIN && has_colour();
    va_list args;
    int n;

    if (coloured)
        printf("\033[%sm", codes[paint]);
    va_start(args, fmt);
    n = vprintf(fmt, args);
    va_end(args);
    if (coloured)
        (void)fputs("\033[0m", stdout);
    if (n < width)
        printf("%*s", width - n, "");
}

bool cli_output_parse(const char *text, enum cli_output *out)
{
    static const char *const names[] = {"table", "json", "yaml"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i]) != 0)
            continue;
        *out = (enum cli_output)i;
        return true;
    }
    return false;
}

/* A scalar as JSON writes it, which YAML takes as well: but for the control characters from DEL on,
 * which JSON leaves as they are. */
static void write_scalar(json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    const unsigned char *c = (const unsigned char *)(text ? text : "null");

    for (; *c; c++) {
        if (*c == 0x7f)
            (void)fputs("\\u007f", stdout);
        else if (*c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
            printf("\\u%04x", *++c);
        else
            (void)putchar(*c);
    }
    (void)putchar('\n');
    free(text);
}

/* Names of ours stand as they are; a pod's may read as a number or a date. */
static void write_key(const char *key)
{
    bool plain = !key[strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")];

    printf(plain ? "%s:" : "\"%s\":", key);
}

static bool is_block(json_t *value)
{
    return (json_is_object(value) && json_object_size(value)) ||
           (json_is_array(value) && json_array_size(value));
}

/* The value after "key:" or "-", which was written; its lines are indented by `depth`. An object in
 * a list begins on the line of its "-". */
static void write_yaml(json_t *value, int depth, bool in_list);

static void write_members(json_t *object, int depth, bool in_list)
{
    const char *key;
    json_t *member;
    bool first = in_list;

    if (!in_list)
        (void)putchar('\n');
    json_object_foreach (object, key, member) {
        printf("%*s", first ? 0 : depth, "");
        write_key(key);
        first = false;
        write_yaml(member, depth + 2, false);
    }
}

static void write_items(json_t *array, int depth)
{
    json_t *item;
    size_t i;

    (void)putchar('\n');
    json_array_foreach (array, i, item) {
        printf("%*s-", depth, "");
        write_yaml(item, depth + 2, true);
    }
}

static void write_yaml(json_t *value, int depth, bool in_list)
{
    if (!is_block(value)) {
        (void)putchar(' ');
        write_scalar(value);
    } else if (json_is_object(value)) {
        if (in_list)
            (void)putchar(' ');
        write_members(value, depth, in_list);
    } else {
        write_items(value, depth);
    }
}

void cli_write_document(json_t *document, enum cli_output output)
{
    const char *key;
    json_t *member;

    if (output == OUTPUT_JSON) {
        (void)json_dumpf(document, stdout, JSON_INDENT(2));
        (void)putchar('\n');
        return;
    }
    json_object_foreach (document, key, member) {
        write_key(key);
        write_yaml(member, 2, false);
    }
}

const char *cli_text(json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value ? value : "";
}
