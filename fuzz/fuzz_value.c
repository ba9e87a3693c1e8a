/* PackStream: what decodes must encode, shorter or equally long, to something that decodes to the
 * same bytes again; and it must print. */
#include "fuzz.h"

#include "proto/value.h"

#include <assert.h>

enum { LIMIT = 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rd r = rd_of(data, size), again;
    struct buf first, second, text;
    struct value v, w;
    struct arena a;

    arena_init(&a, LIMIT);
    buf_init(&first, LIMIT);
    buf_init(&second, LIMIT);
    buf_init(&text, LIMIT);
    if (value_decode(&r, &a, &v)) {
        assert(!r.failed && r.left <= size);
        value_encode(&v, &first);
        assert(first.n <= size - r.left);
        arena_done(&a); /* v is gone */
        again = rd_of(first.p, first.n);
        assert(value_decode(&again, &a, &w) && again.left == 0);
        value_encode(&w, &second);
        assert(str_same(buf_str(&first), buf_str(&second)));
        value_print(&w, &text);
    }
    arena_done(&a);
    buf_done(&first);
    buf_done(&second);
    buf_done(&text);
    return 0;
}
