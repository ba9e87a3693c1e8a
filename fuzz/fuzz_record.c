/* The record: any JSON as a ConfigMap's data, and any lines "key=value" as its fields. What decodes
 * is written as something that decodes to the same. */
#include "fuzz.h"

#include "app/state.h"
#include "core/rebuild.h"

#include <assert.h>
#include <stdlib.h>

enum { FIELDS = 32 };

/* What is done with a record that was read. */
static void check_use(const struct record *r)
{
    struct rebuild_order order;
    int64_t until_us;

    for (int i = 0; i < PODS_MAX; i++) {
        rebuild_order(r, i, "uid", &order);
        assert(!order.move_data || (order.move_replication && record_is_rebuilt(r, i)));
        assert(!order.move_replication || order.token[0] != '\0');
    }
    assert(record_paused(r, 0, &until_us) == (r->paused[0] && until_us > 0));
}

/* Written and read again, it is the same record. */
static void check_record(const struct record *r, json_t *before)
{
    json_t *data = state_encode(r, "mg", before), *again;
    struct record back;

    assert(r->target == 0 || r->target == 1);
    assert(r->history_n <= HISTORY_MAX && r->from < PODS_MAX);
    assert(r->began_wall_us >= 0);
    check_use(r);
    assert(state_decode(data, &back).kind == FAIL_NONE);
    again = state_encode(&back, "mg", before);
    assert(json_equal(data, again));
    json_decref(again);
    json_decref(data);
}

static void check_json(struct str text)
{
    json_t *data = json_loadb(text.p, text.n, JSON_DECODE_ANY, NULL);
    struct record r;

    if (state_decode(data, &r).kind == FAIL_NONE)
        check_record(&r, data);
    json_decref(data);
}

static bool is_utf8(struct str text)
{
    json_t *string = json_stringn(text.p, text.n);
    bool is = string != NULL;

    json_decref(string);
    return is;
}

static void check_fields(struct str text)
{
    struct record_field fields[FIELDS];
    char *copy = malloc(text.n + 1), *at = copy, *line;
    struct record r;
    size_t n = 0;

    assert(copy);
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    while (n < FIELDS && (line = strsep(&at, "\n")) != NULL) {
        fields[n].key = strsep(&line, "=");
        fields[n++].value = line ? line : "";
    }
    /* What is no UTF-8 comes from no ConfigMap, and cannot be written as one. */
    if (record_decode(&r, fields, n).kind == FAIL_NONE && is_utf8(text))
        check_record(&r, NULL);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};

    check_json(text);
    check_fields(text);
    return 0;
}
