#include "rig.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

void rig_init(struct rig *r)
{
    *r = (struct rig){
        .config = {.bind_host = "127.0.0.1",
                   .workers = 2,
                   .max_connections = 1000,
                   .buffer_size = 64 * 1024,
                   .hold_timeout_ms = 30000,
                   .hold_drain_ms = 10,
                   .connect_timeout_ms = 5000,
                   .session_timeout_ms = 30000},
    };
    for (int i = 0; i < RIG_UPSTREAMS; i++)
        r->upstream[i] = rig_listen(1000);
}

void rig_start(struct rig *r)
{
    struct fail why = {0};

    r->g = gateway_start(&r->config, &why);
    assert_string_equal(why.text, "");
    assert_non_null(r->g);
}

void rig_stop(struct rig *r)
{
    gateway_stop(r->g);
    for (int i = 0; i < RIG_UPSTREAMS; i++)
        close(r->upstream[i]);
}

/* ---- control ---- */

struct gateway_route rig_route(const struct rig *r, uint64_t generation, unsigned upstreams)
{
    struct gateway_route route = {
        .generation = generation, .kind = GATEWAY_FORWARD, .upstreams = upstreams};

    for (unsigned i = 0; i < upstreams; i++) {
        (void)str_copy(route.upstream[i].host, sizeof route.upstream[i].host, "127.0.0.1");
        route.upstream[i].port = rig_port_of(r->upstream[i]);
    }
    return route;
}

void rig_forward(struct rig *r, uint64_t generation, bool hold)
{
    struct gateway_route route = rig_route(r, generation, 1);
    struct gateway_report report;

    route.hold = hold;
    gateway_set_route(r->g, &route);
    report = rig_report(r, GATEWAY_IN_FORCE);
    assert_int_equal(report.generation, generation);
    assert_int_equal(report.hold, hold);
}

void rig_set(struct rig *r, uint64_t generation, enum gateway_route_kind kind)
{
    struct gateway_route route = {.generation = generation, .kind = kind};

    gateway_set_route(r->g, &route);
    assert_int_equal(rig_report(r, GATEWAY_IN_FORCE).generation, generation);
}

struct gateway_report rig_report(struct rig *r, enum gateway_report_kind kind)
{
    struct gateway_report report;

    for (;;) {
        struct pollfd p = {.fd = gateway_fd(r->g), .events = POLLIN};

        while (gateway_next_report(r->g, &report)) {
            r->seen[report.kind]++;
            if (report.kind == kind)
                return report;
        }
        if (poll(&p, 1, RIG_LIMIT_MS) != 1)
            fail_msg("no report of kind %d", (int)kind);
    }
}

void rig_drop_reports(struct rig *r)
{
    struct gateway_report report;

    while (gateway_next_report(r->g, &report))
        r->seen[report.kind]++;
}

void rig_wait_counter(struct rig *r, const uint64_t *counter, uint64_t value)
{
    int64_t until_us = rig_now_us() + RIG_LIMIT_MS * 1000;

    for (;;) {
        gateway_read_counters(r->g, &r->counters);
        if (*counter == value)
            return;
        if (rig_now_us() > until_us)
            fail_msg("counter is %llu instead of %llu", (unsigned long long)*counter,
                     (unsigned long long)value);
        (void)poll(NULL, 0, 1);
    }
}

/* ---- sockets ---- */

static struct sockaddr_in loopback(unsigned port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int bind_any(void)
{
    struct sockaddr_in at = loopback(0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

int rig_listen(int backlog)
{
    int fd = bind_any();

    assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

int rig_closed_port(void)
{
    return bind_any();
}

unsigned rig_port_of(int fd)
{
    struct sockaddr_in at = {0};
    socklen_t size = sizeof at;

    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    return ntohs(at.sin_port);
}

static void limit_waiting(int fd)
{
    struct timeval limit = {.tv_sec = RIG_LIMIT_MS / 1000};

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

int rig_connect(unsigned port)
{
    struct sockaddr_in at = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    assert_true(fd >= 0);
    limit_waiting(fd);
    /* A gateway that refuses may reset before a blocking connect has returned; this way the reset
     * waits for the first read or write. */
    if (connect(fd, (const struct sockaddr *)&at, sizeof at) < 0)
        assert_int_equal(errno, EINPROGRESS);
    assert_int_equal(poll(&p, 1, RIG_LIMIT_MS), 1);
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
    return fd;
}

int rig_client(const struct rig *r)
{
    return rig_connect(gateway_port(r->g));
}

int rig_accept(int listener)
{
    struct pollfd p = {.fd = listener, .events = POLLIN};
    int fd;

    assert_int_equal(poll(&p, 1, RIG_LIMIT_MS), 1);
    fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    limit_waiting(fd);
    return fd;
}

void rig_session(struct rig *r, int *client, int *upstream)
{
    *client = rig_client(r);
    *upstream = rig_accept(r->upstream[0]);
    rig_send(*client, "hello");
    rig_expect(*upstream, "hello");
    rig_send(*upstream, "welcome");
    rig_expect(*client, "welcome");
}

void rig_send(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

void rig_expect(int fd, const char *text)
{
    char got[256] = {0};
    size_t n = strlen(text);

    assert_true(n < sizeof got);
    assert_int_equal(recv(fd, got, n, MSG_WAITALL), n);
    assert_string_equal(got, text);
}

void rig_expect_end(int fd)
{
    char byte;

    assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

void rig_expect_reset(int fd)
{
    char byte;

    assert_int_equal(recv(fd, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
}

void rig_expect_silence(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    assert_int_equal(poll(&p, 1, 30), 0);
}

void rig_reset(int fd)
{
    struct linger at_once = {.l_onoff = 1};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

/* ---- the rest ---- */

int64_t rig_now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

unsigned rig_open_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

unsigned rig_open_sockets(void)
{
    DIR *d = opendir("/proc/self/fd");
    const struct dirent *entry;
    unsigned n = 0;

    assert_non_null(d);
    while ((entry = readdir(d))) {
        char target[64] = {0};

        n += readlinkat(dirfd(d), entry->d_name, target, sizeof target - 1) > 0 &&
             str_starts(str_of(target), "socket:");
    }
    closedir(d);
    return n;
}

uint8_t rig_byte(uint64_t stream, uint64_t at)
{
    uint64_t x = (at + 1) * 0x9e3779b97f4a7c15u + stream * 0xbf58476d1ce4e5b9u;

    return (uint8_t)((x ^ x >> 29) >> 17);
}

static void *write_stream(void *arg)
{
    struct rig_stream *s = arg;
    uint8_t chunk[64 * 1024];

    for (uint64_t at = 0; at < s->bytes;) {
        size_t n = s->bytes - at < s->chunk ? (size_t)(s->bytes - at) : s->chunk;

        for (size_t i = 0; i < n; i++)
            chunk[i] = rig_byte(s->id, at + i);
        if (send(s->fd, chunk, n, MSG_NOSIGNAL) != (ssize_t)n)
            return s;
        at += n;
    }
    return s->then_end && shutdown(s->fd, SHUT_WR) ? s : NULL;
}

static void *check_stream(void *arg)
{
    struct rig_stream *s = arg;
    uint8_t chunk[64 * 1024];
    uint64_t at = 0;

    while (at < s->bytes) {
        ssize_t n = recv(s->fd, chunk, s->chunk, 0);

        if (n <= 0)
            return s;
        for (ssize_t i = 0; i < n; i++)
            if (chunk[i] != rig_byte(s->id, at++))
                return s;
    }
    return s->then_end && recv(s->fd, chunk, 1, 0) ? s : NULL;
}

void rig_stream_write(struct rig_stream *s)
{
    assert_true(s->chunk && s->chunk <= 64 * 1024);
    assert_int_equal(pthread_create(&s->thread, NULL, write_stream, s), 0);
}

void rig_stream_check(struct rig_stream *s)
{
    assert_true(s->chunk && s->chunk <= 64 * 1024);
    assert_int_equal(pthread_create(&s->thread, NULL, check_stream, s), 0);
}

void rig_stream_join(struct rig_stream *s)
{
    void *wrong;

    assert_int_equal(pthread_join(s->thread, &wrong), 0);
    assert_null(wrong);
}
