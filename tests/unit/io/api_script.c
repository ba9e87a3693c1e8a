#include "api_script.h"

#include "base/alloc.h"

#include "../cmocka_test.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LIMIT = 32 * 1024 * 1024, SPLIT_PAUSE_US = 300, WAIT_LIMIT_US = 5000000 };

struct connection {
    struct list node;
    struct api_script *script;
    int fd;
    SSL *ssl;
    struct loop_fd *watch;
    struct timer *timer; /* goes on with writing */
    struct buf in, out;
    size_t hold; /* bytes of `out` that wait for the timer */
    enum api_then then;
};

static void connection_free(struct connection *c, bool reset)
{
    struct linger now = {.l_onoff = 1};

    list_remove(&c->node);
    c->script->closed++;
    loop_fd_free(c->watch);
    timer_free(c->timer);
    SSL_free(c->ssl);
    if (reset)
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(c->fd);
    buf_done(&c->in);
    buf_done(&c->out);
    free(c);
}

static ssize_t connection_write(struct connection *c, size_t n)
{
    int written;

    if (!c->ssl)
        return send(c->fd, c->out.p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    written = SSL_write(c->ssl, c->out.p, (int)n);
    return written > 0 ? written : -1;
}

/* Writes what is due; the connection may be gone afterwards. */
static void connection_flush(struct connection *c)
{
    while (c->out.n > c->hold) {
        ssize_t n = connection_write(c, c->out.n - c->hold);

        if (n < 0) {
            timer_start(c->timer, 1000);
            return;
        }
        buf_drop(&c->out, (size_t)n);
    }
    if (c->hold > 0) {
        c->hold = 0;
        timer_start(c->timer, SPLIT_PAUSE_US);
    } else if (c->then != API_KEEP) {
        connection_free(c, c->then == API_RESET);
    }
}

static void on_timer(void *arg)
{
    connection_flush(arg);
}

static void connection_answer(struct connection *c)
{
    struct api_script *s = c->script;
    const struct api_step *step;

    buf_add_str(&s->requests, buf_str(&c->in));
    buf_add_text(&s->requests, "\n---\n");
    if (s->step == s->steps_n)
        fail_msg("not expected: %s", c->in.p);
    step = &s->steps[s->step++];
    if (step->expect && !strstr(c->in.p, step->expect))
        fail_msg("expected %s, asked: %s", step->expect, c->in.p);
    buf_clear(&c->in);
    buf_add_str(&c->out, step->answer);
    c->hold = step->split && step->split < c->out.n ? c->out.n - step->split : 0;
    c->then = step->then;
    connection_flush(c);
}

static bool request_is_complete(const struct connection *c)
{
    const char *end = strstr(c->in.p, "\r\n\r\n"), *length;
    int64_t n = 0;
    struct str rest;

    if (!end)
        return false;
    length = strcasestr(c->in.p, "\r\nContent-Length:");
    if (length && length < end) {
        rest = str_of(length + strlen("\r\nContent-Length:"));
        assert_true(str_to_int64(str_trim(str_cut(&rest, '\r')), &n));
    }
    return c->in.n >= (size_t)(end + 4 - c->in.p) + (size_t)n;
}

static void on_readable(void *arg)
{
    struct connection *c = arg;
    char chunk[65536];
    ssize_t n;

    if (c->ssl) {
        int got = SSL_read(c->ssl, chunk, sizeof(chunk)); /* does the handshake, too */

        if (got <= 0 && SSL_get_error(c->ssl, got) == SSL_ERROR_WANT_READ)
            return;
        n = got;
    } else {
        n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
    }
    if (n <= 0) {
        ERR_clear_error();
        connection_free(c, false);
        return;
    }
    buf_add(&c->in, chunk, (size_t)n);
    if (request_is_complete(c))
        connection_answer(c);
}

static void on_connection(void *arg)
{
    struct api_script *s = arg;
    struct connection *c = xcalloc(1, sizeof(*c));
    int one = 1;

    s->accepted++;
    c->script = s;
    c->fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(c->fd >= 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    buf_init(&c->in, LIMIT);
    buf_init(&c->out, LIMIT);
    c->timer = timer_new(s->loop, on_timer, c);
    if (s->tls) {
        c->ssl = SSL_new(s->tls);
        SSL_set_fd(c->ssl, c->fd);
        SSL_set_accept_state(c->ssl);
    }
    c->watch = loop_fd_new(s->loop, c->fd, on_readable, c);
    list_add_tail(&s->connections, &c->node);
}

void api_script_start(struct api_script *s, struct loop *loop)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    *s = (struct api_script){.loop = loop};
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(s->fd, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(s->fd, 64), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&address, &size), 0);
    s->port = ntohs(address.sin_port);
    list_init(&s->connections);
    buf_init(&s->requests, LIMIT);
    s->watch = loop_fd_new(loop, s->fd, on_connection, s);
}

void api_script_close_all(struct api_script *s)
{
    struct list *node;

    while ((node = list_pop(&s->connections)))
        connection_free(CONTAINER_OF(node, struct connection, node), false);
}

void api_script_stop(struct api_script *s)
{
    api_script_close_all(s);
    loop_fd_free(s->watch);
    close(s->fd);
    buf_done(&s->requests);
}

void api_script_set(struct api_script *s, const struct api_step *steps, size_t n)
{
    s->steps = steps;
    s->steps_n = n;
    s->step = 0;
}

struct str api_answer_bytes(long status, struct str body)
{
    struct buf b;
    size_t n;

    buf_init(&b, LIMIT);
    buf_printf(&b,
               "HTTP/1.1 %ld X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
               status, body.n);
    buf_add_str(&b, body);
    n = b.n;
    return (struct str){buf_take(&b), n};
}

struct str api_answer(long status, const char *body)
{
    return api_answer_bytes(status, str_of(body));
}

struct str api_chunked(const char *const *chunks, size_t n, bool ended)
{
    struct buf b;
    size_t size;

    buf_init(&b, LIMIT);
    buf_add_text(&b, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, "%zx\r\n%s\r\n", strlen(chunks[i]), chunks[i]);
    if (ended)
        buf_add_text(&b, "0\r\n\r\n");
    size = b.n;
    return (struct str){buf_take(&b), size};
}

/* ---- waiting ---- */

static void on_tick(void *arg)
{
    loop_stop(arg);
}

void run_for(struct loop *loop, int64_t us)
{
    struct timer *timer = timer_new(loop, on_tick, loop);

    timer_start(timer, us);
    loop_run(loop);
    timer_free(timer);
}

void run_until(struct loop *loop, const bool *done)
{
    int64_t limit_us = loop_now_us(loop) + WAIT_LIMIT_US;

    while (!*done && loop_now_us(loop) < limit_us)
        run_for(loop, 200);
    assert_true(*done);
}
