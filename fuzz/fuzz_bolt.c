/* Bolt, both sides: the first byte chooses side, version and the size of the pieces that are fed.
 * A message that is read is written again and must be read as the same. */
#include "fuzz.h"

#include "proto/bolt_encode.h"

#include <assert.h>

enum { LIMIT = 1024 * 1024 };

static void check_again(const struct bolt *like, const struct bolt_message *m)
{
    struct bolt_message again;
    struct buf first, second;
    struct arena a;
    struct bolt b;

    arena_init(&a, LIMIT);
    buf_init(&first, LIMIT);
    buf_init(&second, LIMIT);
    bolt_encode(&first, m->signature, m->fields, m->n);
    bolt_init(&b, like->side, like->version, LIMIT);
    bolt_feed(&b, buf_str(&first));
    assert(bolt_next(&b, &a, &again) == BOLT_MESSAGE);
    assert(again.signature == m->signature && again.n == m->n);
    bolt_encode(&second, again.signature, again.fields, again.n);
    assert(str_same(buf_str(&first), buf_str(&second)));
    assert(bolt_next(&b, &a, &again) == BOLT_INCOMPLETE);
    bolt_done(&b);
    arena_done(&a);
    buf_done(&first);
    buf_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum bolt_version versions[] = {BOLT_1_0, BOLT_4_0, BOLT_4_1,
                                                 BOLT_4_3, BOLT_4_4, BOLT_5_2};
    struct bolt_message m;
    struct arena a;
    struct bolt b;
    size_t step;

    if (size == 0)
        return 0;
    if (size >= BOLT_REQUEST_BYTES)
        (void)bolt_choose(data, versions, ARRAY_LEN(versions));
    bolt_init(&b, data[0] & 1 ? BOLT_SERVER : BOLT_CLIENT,
              versions[(data[0] >> 1) % ARRAY_LEN(versions)], 64 * 1024);
    step = 1 + (size_t)(data[0] >> 4) * 7;
    arena_init(&a, LIMIT / 4);
    for (size_t at = 1; at < size; at += step) {
        enum bolt_next next;

        bolt_feed(&b, (struct str){(const char *)data + at, size - at < step ? size - at : step});
        while ((next = bolt_next(&b, &a, &m)) == BOLT_MESSAGE) {
            check_again(&b, &m);
            arena_reset(&a);
        }
        assert((next == BOLT_MALFORMED) == (b.why.kind == FAIL_PROTOCOL));
    }
    bolt_done(&b);
    arena_done(&a);
    return 0;
}
