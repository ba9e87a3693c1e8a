/* A session with a server that says anything. The first byte is the size of the pieces that are
 * fed; a query is asked whenever one may be. */
#include "fuzz.h"

#include "proto/bolt_session.h"

#include <assert.h>

static void use_answer(const struct bolt_session *s)
{
    char run_id[MEMGRAPH_UUID_SIZE];
    struct buf text;

    assert(s->message);
    if (s->error)
        return;
    buf_init(&text, 64 * 1024);
    for (size_t i = 0; i < s->rows.n; i++)
        value_print(&s->rows.rows[i], &text);
    memgraph_run_id(s->rows.summary, run_id);
    buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bolt_session_config config = {
        .user_agent = "fuzz/1", .user = "u", .password = "p", .answer_limit = 256 * 1024};
    enum bolt_session_event event = BOLT_SESSION_WAITS;
    struct bolt_session s;
    size_t step;

    if (size == 0)
        return 0;
    step = 1 + data[0];
    bolt_session_init(&s, &config);
    for (size_t at = 1; at < size && event != BOLT_SESSION_BROKEN; at += step) {
        bolt_session_feed(
            &s, (struct str){(const char *)data + at, size - at < step ? size - at : step});
        while ((event = bolt_session_next(&s)) != BOLT_SESSION_WAITS) {
            if (event == BOLT_SESSION_BROKEN)
                break;
            if (event == BOLT_SESSION_ANSWER)
                use_answer(&s);
            bolt_session_ask(&s, str_of("SHOW REPLICAS"));
        }
        buf_clear(&s.out);
    }
    if (event == BOLT_SESSION_BROKEN)
        assert(s.why.kind && bolt_session_next(&s) == BOLT_SESSION_BROKEN);
    bolt_session_done(&s);
    return 0;
}
