#include "gateway/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <unistd.h>

/* A peer that vanished without a word is found after a minute, also when nothing is sent. */
enum { KEEP_IDLE_S = 30, KEEP_INTERVAL_S = 10, KEEP_PROBES = 3, BACKLOG = 4096 };

bool sock_address_parse(struct sock_address *out, const char *host, unsigned port)
{
    *out = (struct sock_address){0};
    if (port > UINT16_MAX)
        return false;
    if (inet_pton(AF_INET, host, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons((uint16_t)port);
        out->size = sizeof out->v4;
    } else if (inet_pton(AF_INET6, host, &out->v6.sin6_addr) == 1) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons((uint16_t)port);
        out->size = sizeof out->v6;
    }
    return out->size;
}

static int open_socket(const struct sock_address *a)
{
    int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    return fd < 0 ? -errno : fd;
}

static int set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

static int set_congestion(int fd, const char *name)
{
    socklen_t size = (socklen_t)strlen(name);

    return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, size) < 0 ? -errno : 0;
}

static int set_stream_options(int fd, const struct sock_options *o)
{
    int err = set(fd, IPPROTO_TCP, TCP_NODELAY, 1);

    if (!err)
        err = set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    if (!err)
        err = set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
    if (!err)
        err = set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL_S);
    if (!err)
        err = set(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_PROBES);
    if (!err && o->user_timeout_ms > 0)
        err = set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
                  o->user_timeout_ms > INT_MAX ? INT_MAX : (int)o->user_timeout_ms);
    if (!err && o->congestion[0])
        err = set_congestion(fd, o->congestion);
    return err;
}

void sock_choose_congestion(struct sock_options *options, struct str list)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char system[sizeof options->congestion] = "";
    socklen_t size = sizeof system;

    options->congestion[0] = '\0';
    if (fd < 0)
        return;
    (void)getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, system, &size);
    while (list.n) {
        char name[sizeof system];

        if (!str_copy_n(name, sizeof name, str_trim(str_cut(&list, ','))) ||
            set_congestion(fd, name) != 0)
            continue;
        if (!str_eq(str_of(name), system))
            (void)str_copy(options->congestion, sizeof options->congestion, name);
        break;
    }
    close(fd);
}

static int close_failed(int fd, int err)
{
    close(fd);
    return err;
}

int sock_address_free(const struct sock_address *at)
{
    int fd = open_socket(at);
    int err;

    if (fd < 0)
        return fd;
    /* SO_REUSEADDR passes over connections that are still closing, not over a listener. */
    err = set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (!err && bind(fd, &at->any, at->size) < 0)
        err = -errno;
    close(fd);
    return err;
}

int sock_listen(const struct sock_address *at, const struct sock_options *options)
{
    int fd = open_socket(at);
    int err;

    if (fd < 0)
        return fd;
    err = set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (!err)
        err = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (!err)
        err = set_stream_options(fd, options);
    if (!err && (bind(fd, &at->any, at->size) < 0 || listen(fd, BACKLOG) < 0))
        err = -errno;
    return err ? close_failed(fd, err) : fd;
}

unsigned sock_port(int fd)
{
    struct sock_address at = {.size = sizeof at.v6};

    if (getsockname(fd, &at.any, &at.size) < 0)
        return 0;
    return ntohs(at.any.sa_family == AF_INET ? at.v4.sin_port : at.v6.sin6_port);
}

int sock_connect(const struct sock_address *to, const struct sock_options *options)
{
    int fd = open_socket(to);
    int err;

    if (fd < 0)
        return fd;
    err = set_stream_options(fd, options);
    if (!err && connect(fd, &to->any, to->size) < 0 && errno != EINPROGRESS)
        err = -errno;
    return err ? close_failed(fd, err) : fd;
}

int sock_error(int fd)
{
    int err = 0;
    socklen_t size = sizeof err;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0 ? errno : err;
}

bool sock_error_is_ours(int err)
{
    return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM || err == ENOSPC;
}

void sock_close_resets(int fd)
{
    static const struct linger at_once = {.l_onoff = 1};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void sock_reset(int fd)
{
    static const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

    /* Half the price of a close with SO_LINGER, which is the other way to say it: connect(2),
     * "dissolve the association by connecting to an address with sa_family AF_UNSPEC". */
    if (connect(fd, &nowhere, sizeof nowhere) < 0)
        sock_close_resets(fd);
}
