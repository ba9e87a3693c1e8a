#include "base/alloc.h"
#include "base/buf.h"
#include "io/http_server.h"

#include "../cmocka_test.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BODY_LIMIT = 1000, WAIT_LIMIT_US = 5000000 };

static struct loop *loop;
static struct http_server *server;
static struct http_request *kept[4]; /* requests under /later, not answered yet */
static unsigned kept_count, handled;

static void handle(void *arg, struct http_request *r)
{
    struct buf body;
    const char *header = http_request_header(r, "x-ONE"), *param = http_request_param(r, "q");

    assert_ptr_equal(arg, &server);
    handled++;
    if (str_starts(str_of(http_request_path(r)), "/later")) {
        kept[kept_count++] = r;
        return;
    }
    buf_init(&body, 4096);
    buf_printf(&body, "%s %s [%s] [%s] ", http_request_method(r), http_request_path(r),
               header ? header : "-", param ? param : "-");
    buf_add_str(&body, http_request_body(r));
    http_reply_header(r, "X-Reply", "a");
    http_reply_header(r, "X-Other", "");
    http_reply(r, 201, "text/x", buf_str(&body));
    buf_done(&body);
}

static int setup(void **state)
{
    struct fail why;

    (void)state;
    kept_count = handled = 0;
    loop = loop_new();
    server = http_server_start(loop, "127.0.0.1", 0, BODY_LIMIT, handle, &server, &why);
    assert_non_null(server);
    assert_int_equal(why.kind, FAIL_NONE);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_server_stop(server);
    loop_free(loop);
    return 0;
}

/* ---- a client in the same thread: connecting and small sends do not wait for the server ---- */

struct client {
    struct buf in;
    const char *until;
    struct loop_fd *watch;
    int fd;
    bool eof;
};

static void on_client_readable(void *arg)
{
    struct client *c = arg;
    char chunk[4096];
    ssize_t n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

    if (n > 0)
        buf_add(&c->in, chunk, (size_t)n);
    else
        c->eof = true;
    if (c->eof || (c->until && strstr(c->in.p, c->until)))
        loop_stop(loop);
}

static void client_open(struct client *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)http_server_port(server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    *c = (struct client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(connect(c->fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    buf_init(&c->in, 1 << 20);
    c->watch = loop_fd_new(loop, c->fd, on_client_readable, c);
}

static void client_close(struct client *c)
{
    loop_fd_free(c->watch);
    close(c->fd);
    buf_done(&c->in);
}

static void client_send(struct client *c, const char *text)
{
    assert_int_equal(send(c->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void on_limit(void *arg)
{
    *(bool *)arg = true;
    loop_stop(loop);
}

/* Runs the loop until the client has read `until` (NULL: the end of the connection). */
static void client_wait(struct client *c, const char *until)
{
    bool late = false;
    struct timer *limit = timer_new(loop, on_limit, &late);

    c->until = until;
    timer_start(limit, WAIT_LIMIT_US);
    while (!late && !c->eof && !(until && c->in.p && strstr(c->in.p, until)))
        loop_run(loop);
    timer_free(limit);
    if (late || (until && !(c->in.p && strstr(c->in.p, until))))
        fail_msg("waited for %s, read: %s", until ? until : "the end", c->in.p ? c->in.p : "");
}

/* Runs the loop until so many requests were handled. */
static void wait_handled(unsigned count)
{
    for (int i = 0; i < 1000 && handled < count; i++) {
        bool late = false;
        struct timer *turn = timer_new(loop, on_limit, &late);

        timer_start(turn, 1000);
        loop_run(loop);
        timer_free(turn);
    }
    assert_int_equal(handled, count);
}

static void reply_kept(unsigned i, const char *text)
{
    http_reply(kept[i], 200, "text/plain", str_of(text));
}

/* ---- the tests ---- */

static void test_get(void **state)
{
    struct client c;

    (void)state;
    client_open(&c);
    client_send(&c, "GET /a%20b?q=1%2B1&flag HTTP/1.1\r\nHost: x\r\nX-One: yes\r\n\r\n");
    client_wait(&c, "GET /a b [yes] [1+1] ");
    assert_true(str_starts(buf_str(&c.in), "HTTP/1.1 201 Created\r\n"));
    assert_non_null(strstr(c.in.p, "\r\nContent-Type: text/x\r\n"));
    assert_non_null(strstr(c.in.p, "\r\nX-Reply: a\r\n"));
    assert_non_null(strstr(c.in.p, "\r\nContent-Length: 21\r\n"));
    client_close(&c);
}

static void test_param_without_value(void **state)
{
    struct client c;

    (void)state;
    client_open(&c);
    client_send(&c, "GET /?q HTTP/1.1\r\nHost: x\r\n\r\n");
    client_wait(&c, "GET / [-] [] ");
    client_close(&c);
}

static void test_post(void **state)
{
    struct client c;

    (void)state;
    client_open(&c);
    client_send(&c, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234");
    wait_handled(0);
    client_send(&c, "56789");
    client_wait(&c, "POST /p [-] [-] 0123456789");
    client_close(&c);

    client_open(&c);
    client_send(&c, "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    client_wait(&c, "POST /p [-] [-] abcde");
    client_close(&c);
}

static void test_expect_continue(void **state)
{
    struct client c;

    (void)state;
    client_open(&c);
    client_send(&c,
                "PUT /p HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    client_wait(&c, "HTTP/1.1 100 Continue\r\n\r\n");
    client_send(&c, "ab");
    client_wait(&c, "PUT /p [-] [-] ab");
    client_close(&c);
}

static char *long_request(const char *header, size_t body)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    buf_printf(&b, "POST / HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", header);
    for (size_t i = 0; i < body; i++)
        buf_add_byte(&b, 'x');
    return buf_take(&b);
}

static void test_too_large(void **state)
{
    struct client c;
    char *text = long_request("Content-Length: 1001", 1001);

    (void)state;
    client_open(&c);
    client_send(&c, text);
    client_wait(&c, "HTTP/1.1 413 ");
    client_close(&c);
    free(text);

    text = long_request("Content-Length: 100000", 100000);
    client_open(&c);
    client_send(&c, text);
    client_wait(&c, "HTTP/1.1 413 ");
    client_close(&c);
    free(text);

    client_open(&c);
    client_send(&c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n");
    client_wait(&c, "HTTP/1.1 4");
    client_close(&c);

    text = long_request("Transfer-Encoding: chunked", 0);
    client_open(&c);
    client_send(&c, text);
    free(text);
    for (int i = 0; i < 11; i++)
        client_send(&c, "64\r\n"
                        "0123456789012345678901234567890123456789012345678901234567890123456789"
                        "012345678901234567890123456789\r\n");
    client_send(&c, "0\r\n\r\n");
    client_wait(&c, "HTTP/1.1 413 ");
    client_close(&c);
    assert_int_equal(handled, 0);

    text = long_request("Content-Length: 1000", 1000);
    client_open(&c);
    client_send(&c, text);
    client_wait(&c, "xxxx");
    assert_true(str_starts(buf_str(&c.in), "HTTP/1.1 201 "));
    client_close(&c);
    free(text);
}

static void test_later(void **state)
{
    struct client c;

    (void)state;
    client_open(&c);
    client_send(&c, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_handled(1);
    assert_int_equal(c.in.n, 0);
    assert_string_equal(http_request_path(kept[0]), "/later");
    http_reply_header(kept[0], "X-Late", "1");
    reply_kept(0, "at last");
    client_wait(&c, "at last");
    assert_non_null(strstr(c.in.p, "\r\nX-Late: 1\r\n"));
    client_close(&c);
}

static int64_t cpu_us(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

/* A request that waits for its reply costs nothing meanwhile. */
static void test_waiting_is_idle(void **state)
{
    struct client c;
    bool ended = false;
    struct timer *end = timer_new(loop, on_limit, &ended);
    int64_t before_us;

    (void)state;
    client_open(&c);
    client_send(&c, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_handled(1);
    before_us = cpu_us();
    timer_start(end, 50000);
    loop_run(loop);
    assert_true(ended);
    assert_true(cpu_us() - before_us < 20000);
    timer_free(end);
    reply_kept(0, "now");
    client_wait(&c, "now");
    client_close(&c);
}

static void test_gone_before_reply(void **state)
{
    struct client c;

    (void)state;
    client_open(&c);
    client_send(&c, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_handled(1);
    client_close(&c);
    client_open(&c);
    client_send(&c, "GET /now HTTP/1.1\r\nHost: x\r\n\r\n");
    client_wait(&c, "GET /now");
    reply_kept(0, "into the void");
    client_send(&c, "GET /then HTTP/1.1\r\nHost: x\r\n\r\n");
    client_wait(&c, "GET /then");
    client_close(&c);
}

static void test_head(void **state)
{
    struct client c;

    (void)state;
    client_open(&c);
    client_send(&c, "HEAD /h HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    client_wait(&c, NULL);
    assert_non_null(strstr(c.in.p, "\r\nContent-Length: 16\r\n"));
    assert_string_equal(c.in.p + c.in.n - 4, "\r\n\r\n"); /* and nothing behind it */
    client_close(&c);
}

static void test_keep_alive(void **state)
{
    struct client c;

    (void)state;
    client_open(&c);
    for (int i = 0; i < 5; i++) {
        buf_clear(&c.in);
        client_send(&c, "GET /k HTTP/1.1\r\nHost: x\r\n\r\n");
        client_wait(&c, "GET /k [-] [-] ");
    }
    assert_false(c.eof);
    client_close(&c);
}

/* Two at once: the second is not begun before the first is answered. */
static void test_pipelined(void **state)
{
    struct client c;

    (void)state;
    client_open(&c);
    client_send(&c,
                "GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /second HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_handled(1);
    reply_kept(0, "first");
    client_wait(&c, "GET /second");
    assert_true(strstr(c.in.p, "first") < strstr(c.in.p, "GET /second"));
    client_close(&c);
}

/* Connections over the limit wait until another one goes. */
static void test_connection_limit(void **state)
{
    struct client clients[64], late;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        client_open(&clients[i]);
        client_send(&clients[i], "GET /c HTTP/1.1\r\nHost: x\r\n\r\n");
        client_wait(&clients[i], "GET /c");
    }
    client_open(&late);
    client_send(&late, "GET /late HTTP/1.1\r\nHost: x\r\n\r\n");
    client_send(&clients[0], "GET /again HTTP/1.1\r\nHost: x\r\n\r\n");
    client_wait(&clients[0], "GET /again");
    assert_int_equal(late.in.n, 0);
    client_close(&clients[0]);
    client_wait(&late, "GET /late");
    client_close(&late);
    for (size_t i = 1; i < ARRAY_LEN(clients); i++)
        client_close(&clients[i]);
}

static void test_stop_with_unanswered(void **state)
{
    struct client c, half;

    (void)state;
    client_open(&c);
    client_open(&half);
    client_send(&c, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    client_send(&half, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234");
    wait_handled(1);
    http_server_stop(server);
    server = NULL;
    client_wait(&c, NULL);
    assert_int_equal(c.in.n, 0);
    client_close(&c);
    client_close(&half);
}

/* ---- streams ---- */

static unsigned closed;

static void on_closed(void *arg)
{
    assert_ptr_equal(arg, &closed);
    closed++;
}

static struct http_stream *stream_open(struct client *c)
{
    struct http_stream *s;
    unsigned before = kept_count;

    client_open(c);
    client_send(c, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_handled(handled + 1);
    http_reply_header(kept[before], "X-Reply", "a");
    s = http_reply_stream(kept[before], "text/event-stream", on_closed, &closed);
    kept_count = before;
    return s;
}

static void stream_say(struct http_stream *s, struct client *c, const char *text)
{
    assert_true(http_stream_send(s, str_of(text)));
    client_wait(c, text);
}

static void test_stream(void **state)
{
    struct client c;
    struct http_stream *s = stream_open(&c);

    (void)state;
    closed = 0;
    stream_say(s, &c, "one");
    assert_non_null(strstr(c.in.p, "\r\nContent-Type: text/event-stream\r\n"));
    assert_non_null(strstr(c.in.p, "\r\nX-Reply: a\r\n"));
    stream_say(s, &c, "two");
    assert_true(http_stream_send(s, str_of("last")));
    http_stream_end(s);
    client_wait(&c, "last\r\n0\r\n\r\n");
    client_send(&c, "GET /then HTTP/1.1\r\nHost: x\r\n\r\n");
    client_wait(&c, "GET /then"); /* the connection goes on */
    assert_int_equal(closed, 0);
    client_close(&c);
}

static void test_stream_is_idle_between_parts(void **state)
{
    struct client c;
    struct http_stream *s = stream_open(&c);
    bool ended = false;
    struct timer *end = timer_new(loop, on_limit, &ended);
    int64_t before_us;

    (void)state;
    stream_say(s, &c, "one");
    before_us = cpu_us();
    timer_start(end, 50000);
    loop_run(loop);
    assert_true(ended);
    assert_true(cpu_us() - before_us < 20000);
    timer_free(end);
    stream_say(s, &c, "two");
    client_close(&c);
}

static void wait_closed(unsigned count)
{
    for (int i = 0; i < 1000 && closed < count; i++) {
        bool late = false;
        struct timer *turn = timer_new(loop, on_limit, &late);

        timer_start(turn, 1000);
        loop_run(loop);
        timer_free(turn);
    }
    assert_int_equal(closed, count);
}

static void test_stream_client_goes(void **state)
{
    struct client c;
    struct http_stream *s = stream_open(&c);

    (void)state;
    closed = 0;
    stream_say(s, &c, "one");
    client_close(&c);
    for (int i = 0; i < 100 && !closed; i++) {
        bool late = false;
        struct timer *turn = timer_new(loop, on_limit, &late);

        (void)http_stream_send(s, str_of("into the void"));
        timer_start(turn, 1000);
        loop_run(loop);
        timer_free(turn);
    }
    assert_int_equal(closed, 1);
}

/* A client that does not read: nothing is heaped up for it. */
static void test_stream_slow_client(void **state)
{
    enum { PART = 1 << 20 };
    char *part = xcalloc(1, PART);
    struct client c;
    struct http_stream *s = stream_open(&c);
    unsigned sent = 0;

    (void)state;
    closed = 0;
    memset(part, 'x', PART - 1);
    loop_fd_free(c.watch);
    for (int i = 0; i < 200 && (sent == 0 || http_stream_send(s, str_of(part))); i++) {
        bool late = false;
        struct timer *turn = timer_new(loop, on_limit, &late);

        if (sent++ == 0)
            assert_true(http_stream_send(s, str_of(part)));
        timer_start(turn, 10000);
        loop_run(loop);
        timer_free(turn);
    }
    assert_in_range(sent, 1, 100);
    assert_false(http_stream_send(s, str_of("more")));
    c.watch = loop_fd_new(loop, c.fd, on_client_readable, &c);
    client_close(&c);
    wait_closed(1);
    free(part);
}

static void test_stream_limit(void **state)
{
    struct client clients[HTTP_STREAMS_MOST], late;
    struct http_stream *streams[HTTP_STREAMS_MOST];

    (void)state;
    closed = 0;
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        streams[i] = stream_open(&clients[i]);
        assert_non_null(streams[i]);
    }
    assert_null(stream_open(&late));
    client_wait(&late, "HTTP/1.1 503 ");
    client_close(&late);
    http_stream_end(streams[0]);
    client_wait(&clients[0], "0\r\n\r\n");
    assert_non_null(stream_open(&late));
    http_server_stop(server);
    server = NULL;
    assert_int_equal(closed, HTTP_STREAMS_MOST); /* all but the one that we ended ourselves */
    client_close(&late);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        client_close(&clients[i]);
}

static void test_cannot_start(void **state)
{
    struct fail why;

    (void)state;
    assert_null(
        http_server_start(loop, "127.0.0.1", http_server_port(server), 1, handle, NULL, &why));
    assert_true(why.kind != FAIL_NONE);
    assert_non_null(strstr(why.text, "127.0.0.1"));
    assert_non_null(strstr(why.text, "in use"));
    assert_null(http_server_start(loop, "localhost", 0, 1, handle, NULL, &why));
    assert_int_equal(why.kind, FAIL_PROTOCOL);
    assert_null(http_server_start(loop, "127.0.0.1", 65536, 1, handle, NULL, &why));
    assert_int_equal(why.kind, FAIL_PROTOCOL);
}

static void test_nonsense(void **state)
{
    static const char *const texts[] = {
        "\r\n\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "x",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    struct client c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        client_open(&c);
        client_send(&c, texts[i]);
        if (i % 2)
            client_wait(&c, "HTTP/1.1 400 ");
        client_close(&c);
    }
    client_open(&c);
    client_send(&c, "GET /still HTTP/1.1\r\nHost: x\r\n\r\n");
    client_wait(&c, "GET /still");
    client_close(&c);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_get),
        T(test_param_without_value),
        T(test_post),
        T(test_expect_continue),
        T(test_too_large),
        T(test_later),
        T(test_waiting_is_idle),
        T(test_gone_before_reply),
        T(test_head),
        T(test_keep_alive),
        T(test_pipelined),
        T(test_connection_limit),
        T(test_stop_with_unanswered),
        T(test_stream),
        T(test_stream_is_idle_between_parts),
        T(test_stream_client_goes),
        T(test_stream_slow_client),
        T(test_stream_limit),
        T(test_cannot_start),
        T(test_nonsense),
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
