#include "proto/bolt_encode.h"

#include <assert.h>

enum { HEAD_BYTES = 2, CHUNK_MAX = 65535, FIELDS_MAX = 15, TINY_STRUCT = 0xB0 };

static void put_head(struct buf *out, size_t at, size_t n)
{
    out->p[at] = (char)(n >> 8 & 0xFF);
    out->p[at + 1] = (char)(n & 0xFF);
}

/* A message is written as one chunk behind a gap for its head, and cut into more chunks here if it
 * has become too long for one: nearly none does. */
static void chunk(struct buf *out, size_t start)
{
    size_t first = start + HEAD_BYTES; /* byte of the message */
    size_t n, more;

    if (out->failed)
        return;
    n = out->n - first;
    more = (n - 1) / CHUNK_MAX; /* chunks behind the first one */
    for (size_t i = 0; i <= more; i++)
        buf_add_be16(out, 0); /* their heads, and the end of the message */
    if (out->failed)
        return;
    for (size_t i = more; i > 0; i--) { /* from the back: nothing is written over */
        size_t from = first + i * CHUNK_MAX;
        size_t to = from + i * HEAD_BYTES;
        size_t size = i == more ? n - i * CHUNK_MAX : CHUNK_MAX;

        memmove(out->p + to, out->p + from, size);
        put_head(out, to - HEAD_BYTES, size);
    }
    put_head(out, start, more ? CHUNK_MAX : n);
    put_head(out, out->n - HEAD_BYTES, 0);
}

void bolt_encode(struct buf *out, enum bolt_signature signature, const struct value *fields,
                 size_t n)
{
    size_t start = out->n;

    assert(n <= FIELDS_MAX);
    buf_add_be16(out, 0);
    buf_add_byte(out, (uint8_t)(TINY_STRUCT | n));
    buf_add_byte(out, (uint8_t)signature);
    for (size_t i = 0; i < n; i++)
        value_encode(&fields[i], out);
    chunk(out, start);
}

void bolt_encode_bare(struct buf *out, enum bolt_signature signature)
{
    bolt_encode(out, signature, NULL, 0);
}

static struct value map_of(struct value_entry *entries, size_t n)
{
    return (struct value){.kind = VALUE_MAP, .as.map = {entries, n}};
}

static struct value or_empty(const struct value *map)
{
    assert(!map || map->kind == VALUE_MAP);
    return map ? *map : map_of(NULL, 0);
}

static struct value_entry entry(const char *key, struct value value)
{
    return (struct value_entry){str_of(key), value};
}

/* Requests. */

/* Writes scheme and, with a user, principal and credentials; returns how many entries. */
static size_t put_auth(struct value_entry *entries, const char *user, const char *password)
{
    entries[0] = entry("scheme", value_str(*user ? "basic" : "none"));
    if (!*user)
        return 1;
    entries[1] = entry("principal", value_str(user));
    entries[2] = entry("credentials", value_str(password));
    return 3;
}

void bolt_encode_hello(struct buf *out, enum bolt_version version, const char *user_agent,
                       const char *user, const char *password)
{
    struct value_entry entries[4] = {entry("user_agent", value_str(user_agent))};
    struct value fields[2];
    size_t n = bolt_has_logon(version) ? 0 : put_auth(entries + 1, user, password);

    if (version == BOLT_1_0) {
        fields[0] = value_str(user_agent);
        fields[1] = map_of(entries + 1, n);
        bolt_encode(out, BOLT_HELLO, fields, 2);
    } else {
        fields[0] = map_of(entries, 1 + n);
        bolt_encode(out, BOLT_HELLO, fields, 1);
    }
}

void bolt_encode_logon(struct buf *out, const char *user, const char *password)
{
    struct value_entry entries[3];
    struct value map = map_of(entries, put_auth(entries, user, password));

    bolt_encode(out, BOLT_LOGON, &map, 1);
}

void bolt_encode_run(struct buf *out, enum bolt_version version, struct str query,
                     const struct value *params, const struct value *extra)
{
    struct value fields[3] = {value_str_n(query), or_empty(params), or_empty(extra)};

    bolt_encode(out, BOLT_RUN, fields, version == BOLT_1_0 ? 2 : 3);
}

static void encode_fetch(struct buf *out, enum bolt_version version, enum bolt_signature signature,
                         int64_t n, int64_t qid)
{
    struct value_entry entries[2] = {entry("n", value_int(n < 0 ? -1 : n)),
                                     entry("qid", value_int(qid))};
    struct value map = map_of(entries, qid < 0 ? 1 : 2);

    bolt_encode(out, signature, &map, version == BOLT_1_0 ? 0 : 1);
}

void bolt_encode_pull(struct buf *out, enum bolt_version version, int64_t n, int64_t qid)
{
    encode_fetch(out, version, BOLT_PULL, n, qid);
}

void bolt_encode_discard(struct buf *out, enum bolt_version version, int64_t n, int64_t qid)
{
    encode_fetch(out, version, BOLT_DISCARD, n, qid);
}

void bolt_encode_begin(struct buf *out, const struct value *extra)
{
    struct value map = or_empty(extra);

    bolt_encode(out, BOLT_BEGIN, &map, 1);
}

/* Answers. */

void bolt_encode_success(struct buf *out, const struct value *metadata)
{
    struct value map = or_empty(metadata);

    bolt_encode(out, BOLT_SUCCESS, &map, 1);
}

void bolt_encode_record(struct buf *out, const struct value *values, size_t n)
{
    struct value row = {.kind = VALUE_LIST, .as.list = {(struct value *)values, n}}; /* read only */

    bolt_encode(out, BOLT_RECORD, &row, 1);
}

void bolt_encode_failure(struct buf *out, const char *code, const char *message)
{
    struct value_entry entries[2] = {entry("code", value_str(code)),
                                     entry("message", value_str(message))};
    struct value map = map_of(entries, 2);

    bolt_encode(out, BOLT_FAILURE, &map, 1);
}

void bolt_encode_ignored(struct buf *out)
{
    bolt_encode_bare(out, BOLT_IGNORED);
}
