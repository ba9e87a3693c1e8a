/* The environment: lines NAME=VALUE, of which the last of a name counts; and the first line as a
 * duration. What is read without a complaint can be used. */
#include "fuzz.h"

#include "app/config.h"
#include "base/duration.h"

#include <assert.h>
#include <stdlib.h>

enum { LINES_MAX = 64 };

static struct {
    const char *name, *value;
} lines[LINES_MAX];
static size_t lines_n;

static const char *get(const char *name)
{
    for (size_t i = lines_n; i-- > 0;)
        if (strcmp(lines[i].name, name) == 0)
            return lines[i].value;
    return NULL;
}

static void check_duration(struct str text)
{
    char form[64];
    int64_t ms, again;

    if (!duration_parse(text, &ms))
        return;
    assert(ms >= 0);
    assert(duration_parse(str_of(duration_format(ms, form, sizeof form)), &again) && again == ms);
}

static void check_config(void)
{
    struct settings settings;
    struct config c;
    struct buf errors;
    bool ok;

    buf_init(&errors, 1 << 20);
    ok = config_read(&c, get, &errors);
    assert(ok == (errors.n == 0));
    if (ok) {
        config_settings(&c, &settings);
        assert(settings.name[0] != '\0' && c.gateway_bind.port > 0 && c.lease_ms > 0);
        assert(c.lease_renew_ms < c.lease_ms);
    }
    buf_done(&errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size}, first = text;
    char *copy = malloc(size + 1), *at = copy, *line;

    assert(copy);
    memcpy(copy, data, size);
    copy[size] = '\0';
    check_duration(str_cut(&first, '\n'));
    lines_n = 0;
    while (lines_n < LINES_MAX && (line = strsep(&at, "\n")) != NULL) {
        lines[lines_n].name = strsep(&line, "=");
        lines[lines_n++].value = line ? line : "";
    }
    check_config();
    free(copy);
    return 0;
}
