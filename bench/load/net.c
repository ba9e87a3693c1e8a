#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Each source address has its own 28,000 ports, which stay taken for a while after a close. */
enum { SOURCES = 64, CONNECT_LIMIT_MS = 10000 };

void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t cpu_us(void)
{
    struct rusage r;

    getrusage(RUSAGE_SELF, &r);
    return (int64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 + r.ru_utime.tv_usec +
           r.ru_stime.tv_usec;
}

struct sockaddr_in address_of(const char *host, const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};

    if (inet_pton(AF_INET, host, &a.sin_addr) != 1) {
        errno = EINVAL;
        die(host);
    }
    return a;
}

static void set(int fd, int level, int option)
{
    int on = 1;

    if (setsockopt(fd, level, option, &on, sizeof on) < 0)
        die("setsockopt");
}

static int open_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        die("socket");
    set(fd, IPPROTO_TCP, TCP_NODELAY);
    return fd;
}

int listen_at(const struct sockaddr_in *at)
{
    int fd = open_socket();

    set(fd, SOL_SOCKET, SO_REUSEADDR);
    if (bind(fd, (const struct sockaddr *)at, sizeof *at) < 0 || listen(fd, 4096) < 0)
        die("listen");
    return fd;
}

int connect_to(const struct sockaddr_in *to, unsigned nth)
{
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7f000002u + nth % SOURCES)};
    int fd = open_socket();

    set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0)
        die("bind");
    if (connect(fd, (const struct sockaddr *)to, sizeof *to) < 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

int connect_now(const struct sockaddr_in *to, unsigned nth)
{
    int fd = connect_to(to, nth);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int err = 0;
    socklen_t size = sizeof err;

    if (fd < 0)
        return -1;
    if (poll(&p, 1, CONNECT_LIMIT_MS) != 1 ||
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0 || err || fcntl(fd, F_SETFL, 0) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

bool send_all(int fd, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    while (n) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

bool receive_all(int fd, void *bytes, size_t n)
{
    return recv(fd, bytes, n, MSG_WAITALL) == (ssize_t)n;
}

void epoll_want(int epoll, int op, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event e = {.events = events, .data.u64 = data};

    if (epoll_ctl(epoll, op, fd, &e) < 0)
        die("epoll_ctl");
}

/* ---- the pattern ---- */

const uint8_t *pattern_at(uint64_t at)
{
    static uint8_t bytes[PATTERN_PERIOD + CHUNK];
    static bool made;

    if (!made) {
        uint64_t x = 88172645463325252u;

        for (size_t i = 0; i < PATTERN_PERIOD; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            bytes[i] = (uint8_t)(x >> 32);
        }
        memcpy(bytes + PATTERN_PERIOD, bytes, CHUNK);
        made = true;
    }
    return bytes + at % PATTERN_PERIOD;
}

bool pattern_matches(uint64_t at, const uint8_t *bytes, size_t n)
{
    return n <= CHUNK && memcmp(bytes, pattern_at(at), n) == 0;
}

/* ---- histogram: 32 slots for each power of two ---- */

void histogram_add(struct histogram *h, uint64_t value)
{
    unsigned power = 63u - (unsigned)__builtin_clzll(value | 32);
    size_t slot = (power - 5) * 32 + (size_t)(value >> (power - 5));

    h->slot[slot < HISTOGRAM_SLOTS ? slot : HISTOGRAM_SLOTS - 1]++;
    h->count++;
}

uint64_t histogram_at(const struct histogram *h, double quantile)
{
    uint64_t seen = 0, wanted = (uint64_t)(quantile * (double)h->count);

    for (size_t i = 0; i < HISTOGRAM_SLOTS; i++) {
        seen += h->slot[i];
        if (seen > wanted)
            return i < 64 ? i : ((uint64_t)(i % 32) + 32) << (i / 32 - 1);
    }
    return 0;
}
