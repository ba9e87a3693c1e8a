/* proxy_header: the PROXY protocol, versions 1 and 2: what a load balancer in front of the gateway
 * says about the client that it connects for. Source: HAProxy's doc/proxy-protocol.txt. */
#ifndef GATEWAY_PROXY_HEADER_H
#define GATEWAY_PROXY_HEADER_H

#include "gateway/network.h"

/* The longest header that is taken; version 2 may carry more, but nobody sends that. */
enum { PROXY_HEADER_MAX = 2048 };

enum proxy_outcome {
    PROXY_DONE,  /* *used bytes are the header */
    PROXY_SHORT, /* good so far, more bytes are needed */
    PROXY_WRONG
};

/* Looks at the first bytes of a connection. *origin is set when the header names a client, and left
 * alone when it does not (UNKNOWN, LOCAL, other families). */
enum proxy_outcome proxy_header_parse(const uint8_t *bytes, size_t n, struct origin *origin,
                                      size_t *used) MUST_CHECK;

#endif
