/* The simulated Memgraph: its first byte says what the rest of the input is: a file that it
 * recovers from, a request on the replication port, an answer of a replica, or the text of a query.
 */
#include "fuzz.h"

#include "models/memgraph.h"

#include <assert.h>

struct host {
    struct buf files[MG_FILE_COUNT];
    uint64_t call; /* under way */
    bool crashed;
};

static bool on_listen(void *arg, unsigned port)
{
    (void)arg;
    (void)port;
    return true;
}

static void on_unlisten(void *arg)
{
    (void)arg;
}

static void on_call(void *arg, uint64_t call, unsigned link, const char *address,
                    struct str request, int64_t timeout_us)
{
    (void)link;
    (void)address;
    (void)request;
    (void)timeout_us;
    ((struct host *)arg)->call = call;
}

static void on_link_close(void *arg, unsigned link)
{
    (void)arg;
    (void)link;
}

static void on_persist(void *arg, enum mg_file file, bool append, struct str bytes)
{
    struct host *h = arg;

    if (!append)
        buf_clear(&h->files[file]);
    buf_add_str(&h->files[file], bytes);
}

static void on_crash(void *arg, const char *why)
{
    (void)why;
    ((struct host *)arg)->crashed = true;
}

static void on_reply(void *arg, const struct mg_reply *reply)
{
    (void)arg;
    assert(!reply->code || reply->message);
}

static struct mg *start(struct host *h)
{
    const struct mg_host host = {h,          on_listen, on_unlisten, on_call, on_link_close,
                                 on_persist, on_crash};
    struct mg_config config;
    const char *why;
    struct mg *mg;

    mg_config_init(&config);
    for (size_t i = 0; i < MG_FILE_COUNT; i++)
        config.files[i] = buf_str(&h->files[i]);
    mg = mg_new(&config, &host, 0, &why);
    assert(mg || why);
    return mg;
}

/* One query, to its end or to where it waits for somebody. */
static void query(struct mg *mg, const char *text, size_t n)
{
    struct mg_session *s = mg_session_new(mg, on_reply, NULL);

    mg_session_login(s, 0, NULL);
    mg_tick(mg, 1000000);
    if (!mg_session_busy(s))
        mg_session_run(s, 1000000, (struct str){text, n}, NULL);
    if (!mg_session_busy(s) && mg_session_has_result(s))
        mg_session_pull(s, 1000000, -1, -1, false);
    mg_tick(mg, 2000000);
    mg_session_free(s);
}

#define QUERY(mg, text) query(mg, text, strlen(text))

/* What was recovered from is recovered from again, and what came after it, too. */
static void recover(struct host *h, enum mg_file file, struct str bytes)
{
    struct mg_view before, after;
    struct mg *mg;

    buf_add_str(&h->files[file], bytes);
    mg = start(h);
    if (!mg)
        return;
    if (mg_look(mg).main)
        QUERY(mg, "CREATE (:P)");
    before = mg_look(mg);
    mg_free(mg);
    mg = start(h);
    assert(mg);
    after = mg_look(mg);
    assert(after.nodes == before.nodes && after.main == before.main);
    assert(after.last_durable_ts == before.last_durable_ts);
    mg_free(mg);
}

static void serve(struct host *h, struct str bytes)
{
    struct mg *mg = start(h);
    struct buf answer;

    buf_init(&answer, 1 << 20);
    QUERY(mg, "SET REPLICATION ROLE TO REPLICA WITH PORT 10000");
    assert(!mg_look(mg).main);
    if (!mg_serve(mg, 2000000, bytes, &answer))
        mg_poke(mg, 2000000);
    buf_done(&answer);
    mg_free(mg);
}

static void answer(struct host *h, struct str bytes)
{
    struct mg *mg = start(h);

    QUERY(mg, "CREATE (:P)");
    QUERY(mg, "REGISTER REPLICA a SYNC TO '10.0.0.2'");
    for (int i = 0; i < 4; i++)
        mg_answer(mg, 2000000, h->call, true, bytes);
    mg_tick(mg, 9000000);
    mg_free(mg);
}

/* A number of more than three digits makes UNWIND range(...) long; that is no mistake. */
static bool is_short(struct str text)
{
    size_t digits = 0;

    for (size_t i = 0; i < text.n; i++) {
        digits = text.p[i] >= '0' && text.p[i] <= '9' ? digits + 1 : 0;
        if (digits > 3)
            return false;
    }
    return true;
}

static void ask(struct host *h, struct str text)
{
    struct mg *mg = start(h);

    QUERY(mg, "CREATE (:P {id: 1})-[:R {w: 2}]->(:P {id: 2})");
    if (is_short(text))
        query(mg, text.p, text.n);
    if (!h->crashed)
        QUERY(mg, "MATCH (n) RETURN n");
    mg_free(mg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct host h = {.call = 0};
    struct str rest;

    if (!size)
        return 0;
    rest = (struct str){(const char *)data + 1, size - 1};
    for (size_t i = 0; i < MG_FILE_COUNT; i++)
        buf_init(&h.files[i], SIZE_MAX);
    if (data[0] - '0' < MG_FILE_COUNT && data[0] >= '0')
        recover(&h, (enum mg_file)(data[0] - '0'), rest);
    else if (data[0] == 's')
        serve(&h, rest);
    else if (data[0] == 'a')
        answer(&h, rest);
    else
        ask(&h, rest);
    for (size_t i = 0; i < MG_FILE_COUNT; i++)
        buf_done(&h.files[i]);
    return 0;
}
