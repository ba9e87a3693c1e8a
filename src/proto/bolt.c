#include "proto/bolt.h"

#include <assert.h>

enum {
    LENGTH_BYTES = 4,        /* of a message, in front of it in b->data */
    KEEP_BYTES = 256 * 1024, /* an empty buffer above this is given back */
    MARK_TINY_STRUCT = 0xB0,
    PROPOSALS = 4
};

static const uint8_t magic[4] = {0x60, 0x60, 0xB0, 0x17};

/* What our client proposes, best first. */
static const enum bolt_version proposed[PROPOSALS] = {BOLT_5_2, BOLT_4_4, BOLT_4_3, BOLT_4_1};

/* The messages: who may get them, in which versions, with how many fields (facts 1.2). */
static const struct kind {
    enum bolt_signature signature;
    const char *name;
    enum bolt_side reader;
    enum bolt_version first, last;
    uint8_t fields;
} kinds[] = {
    {BOLT_NOOP, "NOOP", BOLT_SERVER, BOLT_4_1, BOLT_5_2, 0},
    {BOLT_HELLO, "INIT", BOLT_SERVER, BOLT_1_0, BOLT_1_0, 2},
    {BOLT_HELLO, "HELLO", BOLT_SERVER, BOLT_4_0, BOLT_5_2, 1},
    {BOLT_GOODBYE, "GOODBYE", BOLT_SERVER, BOLT_4_0, BOLT_5_2, 0},
    {BOLT_ACK_FAILURE, "ACK_FAILURE", BOLT_SERVER, BOLT_1_0, BOLT_1_0, 0},
    {BOLT_RESET, "RESET", BOLT_SERVER, BOLT_1_0, BOLT_5_2, 0},
    {BOLT_RUN, "RUN", BOLT_SERVER, BOLT_1_0, BOLT_1_0, 2},
    {BOLT_RUN, "RUN", BOLT_SERVER, BOLT_4_0, BOLT_5_2, 3},
    {BOLT_BEGIN, "BEGIN", BOLT_SERVER, BOLT_4_0, BOLT_5_2, 1},
    {BOLT_COMMIT, "COMMIT", BOLT_SERVER, BOLT_4_0, BOLT_5_2, 0},
    {BOLT_ROLLBACK, "ROLLBACK", BOLT_SERVER, BOLT_4_0, BOLT_5_2, 0},
    {BOLT_DISCARD, "DISCARD_ALL", BOLT_SERVER, BOLT_1_0, BOLT_1_0, 0},
    {BOLT_DISCARD, "DISCARD", BOLT_SERVER, BOLT_4_0, BOLT_5_2, 1},
    {BOLT_PULL, "PULL_ALL", BOLT_SERVER, BOLT_1_0, BOLT_1_0, 0},
    {BOLT_PULL, "PULL", BOLT_SERVER, BOLT_4_0, BOLT_5_2, 1},
    {BOLT_ROUTE, "ROUTE", BOLT_SERVER, BOLT_4_3, BOLT_5_2, 3},
    {BOLT_LOGON, "LOGON", BOLT_SERVER, BOLT_5_2, BOLT_5_2, 1},
    {BOLT_LOGOFF, "LOGOFF", BOLT_SERVER, BOLT_5_2, BOLT_5_2, 0},
    {BOLT_SUCCESS, "SUCCESS", BOLT_CLIENT, BOLT_1_0, BOLT_5_2, 1},
    {BOLT_RECORD, "RECORD", BOLT_CLIENT, BOLT_1_0, BOLT_5_2, 1},
    {BOLT_IGNORED, "IGNORED", BOLT_CLIENT, BOLT_1_0, BOLT_5_2, 0},
    {BOLT_FAILURE, "FAILURE", BOLT_CLIENT, BOLT_1_0, BOLT_5_2, 1},
};

const char *bolt_signature_name(enum bolt_signature signature)
{
    const char *name = "?";

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i].signature == signature)
            name = kinds[i].name; /* the last one: the name of today */
    return name;
}

const char *bolt_version_name(enum bolt_version version)
{
    switch (version) {
    case BOLT_NONE:
        return "none";
    case BOLT_1_0:
        return "1.0";
    case BOLT_4_0:
        return "4.0";
    case BOLT_4_1:
        return "4.1";
    case BOLT_4_3:
        return "4.3";
    case BOLT_4_4:
        return "4.4";
    case BOLT_5_2:
        return "5.2";
    }
    return "?";
}

bool bolt_has_logon(enum bolt_version version)
{
    return version >= BOLT_5_2;
}

/* Handshake. */

void bolt_add_request(struct buf *out)
{
    buf_add(out, magic, sizeof magic);
    for (size_t i = 0; i < PROPOSALS; i++)
        bolt_add_answer(out, proposed[i]);
}

void bolt_add_answer(struct buf *out, enum bolt_version version)
{
    buf_add_be16(out, 0);
    buf_add_byte(out, (uint8_t)(version & 0xFF));
    buf_add_byte(out, (uint8_t)(version >> 8));
}

enum bolt_version bolt_read_answer(const uint8_t answer[BOLT_ANSWER_BYTES])
{
    for (size_t i = 0; i < PROPOSALS; i++)
        if (answer[0] == 0 && answer[1] == 0 && answer[2] == (proposed[i] & 0xFF) &&
            answer[3] == proposed[i] >> 8)
            return proposed[i];
    return BOLT_NONE;
}

/* The highest of the n versions that lies in the proposal. */
static enum bolt_version match(unsigned major, unsigned minor, unsigned range,
                               const enum bolt_version *spoken, size_t n)
{
    unsigned top = major << 8 | minor;
    unsigned bottom = major << 8 | (range < minor ? minor - range : 0);
    enum bolt_version best = BOLT_NONE;

    for (size_t i = 0; i < n; i++)
        if (spoken[i] >= bottom && spoken[i] <= top && spoken[i] > best)
            best = spoken[i];
    return best;
}

enum bolt_version bolt_choose(const uint8_t request[BOLT_REQUEST_BYTES],
                              const enum bolt_version *spoken, size_t n)
{
    if (memcmp(request, magic, sizeof magic) != 0)
        return BOLT_NONE;
    for (size_t i = 0; i < PROPOSALS; i++) {
        const uint8_t *p = request + sizeof magic + 4 * i;
        enum bolt_version found;

        if (p[0] == 0 && p[1] == 0 && p[2] == 0 && p[3] == 0)
            break;
        found = match(p[3], p[2], p[1], spoken, n);
        if (found)
            return found;
    }
    return BOLT_NONE;
}

/* Out of chunks. */

void bolt_init(struct bolt *b, enum bolt_side side, enum bolt_version version, size_t limit)
{
    *b = (struct bolt){.side = side, .version = version};
    buf_init(&b->data, limit);
}

void bolt_done(struct bolt *b)
{
    buf_done(&b->data);
}

static void fail(struct bolt *b, const char *why)
{
    b->why = fail_make(FAIL_PROTOCOL, "%s", why);
}

static size_t open_bytes(const struct bolt *b)
{
    return b->data.n - b->open;
}

/* A chunk's length has come. */
static void end_head(struct bolt *b)
{
    b->head_seen = 0;
    if (b->chunk_left) {
        if (open_bytes(b) == 0)
            buf_add_be32(&b->data, 0); /* filled in by the end of the message */
    } else if (open_bytes(b)) {
        size_t n = open_bytes(b) - LENGTH_BYTES;

        for (unsigned i = 0; i < LENGTH_BYTES; i++)
            b->data.p[b->open + i] = (char)(n >> (8 * (LENGTH_BYTES - 1 - i)) & 0xFF);
        b->open = b->data.n;
    } else if (b->side == BOLT_SERVER) {
        fail(b, "an empty chunk outside of a message");
    }
}

/* Makes room at the front: only what bolt_next has not taken is kept. */
static void compact(struct bolt *b)
{
    buf_drop(&b->data, b->taken);
    b->open -= b->taken;
    b->taken = 0;
    if (b->data.n == 0 && b->data.cap > KEEP_BYTES)
        buf_done(&b->data);
}

void bolt_feed(struct bolt *b, struct str bytes)
{
    compact(b);
    while (bytes.n && !b->why.kind) {
        size_t n = 1;

        if (b->chunk_left) {
            n = bytes.n < b->chunk_left ? bytes.n : b->chunk_left;
            buf_add(&b->data, bytes.p, n);
            b->chunk_left -= n;
        } else if (++b->head_seen == 1) {
            b->head = (uint8_t)bytes.p[0];
        } else {
            b->chunk_left = (size_t)b->head << 8 | (uint8_t)bytes.p[0];
            end_head(b);
        }
        if (b->data.failed)
            fail(b, "more bytes than the limit");
        bytes = (struct str){bytes.p + n, bytes.n - n};
    }
}

/* Messages. */

static const struct kind *find_kind(const struct bolt *b, uint8_t signature)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct kind *k = &kinds[i];

        if (k->signature == signature && k->reader == b->side && b->version >= k->first &&
            b->version <= k->last)
            return k;
    }
    return NULL;
}

static enum bolt_next refuse(struct bolt *b, const char *why)
{
    fail(b, why);
    return BOLT_MALFORMED;
}

static enum bolt_next decode(struct bolt *b, struct rd *r, struct arena *arena,
                             struct bolt_message *out)
{
    uint8_t marker = rd_u8(r);
    uint8_t signature = rd_u8(r);
    const struct kind *kind = find_kind(b, signature);
    struct value *fields;

    if (r->failed || (marker & 0xF0) != MARK_TINY_STRUCT)
        return refuse(b, "not a message");
    if (!kind)
        return refuse(b, "a message that this version does not have here");
    if ((marker & 0x0F) != kind->fields)
        return refuse(b, "a message with a wrong number of fields");
    fields = arena_alloc(arena, kind->fields, sizeof *fields);
    if (!fields)
        return refuse(b, "a message over the limit of memory");
    for (size_t i = 0; i < kind->fields; i++)
        if (!value_decode(r, arena, &fields[i]))
            return refuse(b,
                          r->failed ? "a malformed value" : "a message over the limit of memory");
    if (r->left)
        return refuse(b, "bytes behind the end of a message");
    *out = (struct bolt_message){kind->signature, fields, kind->fields};
    return BOLT_MESSAGE;
}

enum bolt_next bolt_next(struct bolt *b, struct arena *arena, struct bolt_message *out)
{
    struct rd head;
    struct rd body;
    enum bolt_next result;
    size_t n;

    if (b->broken)
        return BOLT_MALFORMED;
    if (b->taken == b->open)
        return b->why.kind ? BOLT_MALFORMED : BOLT_INCOMPLETE;
    assert(b->open - b->taken > LENGTH_BYTES);
    head = rd_of(b->data.p + b->taken, LENGTH_BYTES);
    n = rd_be32(&head);
    body = rd_of(b->data.p + b->taken + LENGTH_BYTES, n);
    b->taken += LENGTH_BYTES + n;
    result = decode(b, &body, arena, out);
    b->broken = result == BOLT_MALFORMED;
    return result;
}
