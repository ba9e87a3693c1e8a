/* sock: the few things that the gateway does to TCP sockets. All are non-blocking and
 * close-on-exec, without Nagle's delay and with keep-alive. Functions return 0, a descriptor, or
 * -errno. */
#ifndef GATEWAY_SOCK_H
#define GATEWAY_SOCK_H

#include "base/str.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct sock_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t size; /* 0: no address */
};

/* An IP address and a port. False, and no address, on anything else. */
bool sock_address_parse(struct sock_address *out, const char *host, unsigned port) MUST_CHECK;
/* Nobody listens on this address (or its port is 0, which is always free). SO_REUSEPORT would let
 * two processes of one user share a port in silence, so this is asked before the first listener. */
int sock_address_free(const struct sock_address *at) MUST_CHECK;
struct sock_options {
    int64_t user_timeout_ms; /* TCP_USER_TIMEOUT; 0: the system's */
    char congestion[16];     /* TCP_CONGESTION; empty: the system's */
};

/* The first of a list of congestion controls ("cubic,reno") that this process may use, for
 * *options: nothing when that is the system's own, or when none of them may be used. */
void sock_choose_congestion(struct sock_options *options, struct str list);
/* A listening socket (SO_REUSEPORT); what it accepts inherits the options. */
int sock_listen(const struct sock_address *at, const struct sock_options *options) MUST_CHECK;
/* The port that a socket is bound to. */
unsigned sock_port(int fd);
/* A socket whose connect is under way; it is writable when that is decided, see sock_error. */
int sock_connect(const struct sock_address *to, const struct sock_options *options) MUST_CHECK;
/* The pending error as a positive errno (the kernel forgets it by this), or 0. */
int sock_error(int fd);
/* This errno of sock_connect or accept is about us, not about the other side. */
bool sock_error_is_ours(int err);
/* Resets the connection: what was not sent is thrown away, and the peer learns it at once. The
 * descriptor stays open. */
void sock_reset(int fd);
/* Has the close that follows reset the connection. */
void sock_close_resets(int fd);

#endif
