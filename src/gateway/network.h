/* network: addresses of clients, and lists of networks that they may be in. IPv4 addresses are kept
 * as IPv6 ones (::ffff:a.b.c.d), so there is one kind. */
#ifndef GATEWAY_NETWORK_H
#define GATEWAY_NETWORK_H

#include "base/str.h"

enum { NETWORKS_MAX = 16, ORIGIN_TEXT_SIZE = 64 };

/* Where a client comes from. */
struct origin {
    uint8_t ip[16];
    uint16_t port;
};

struct network {
    uint8_t ip[16];
    uint8_t bits; /* of 128 */
};

struct networks {
    struct network list[NETWORKS_MAX];
    unsigned n;
};

struct sockaddr;
/* False: no IP address. */
bool origin_of_sockaddr(struct origin *out, const struct sockaddr *from) MUST_CHECK;
/* "10.0.0.1 port 5000". Returns text. */
const char *origin_text(const struct origin *o, char text[ORIGIN_TEXT_SIZE]);

/* A list such as "10.0.0.0/8, fd00::/8, 192.168.1.1", empty for none. False on anything else. */
bool networks_parse(struct networks *out, struct str text) MUST_CHECK;
bool networks_have(const struct networks *n, const struct origin *o);

#endif
