#include "gateway/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static const uint8_t signature[12] = {'\r', '\n', '\r', '\n', 0,   '\r',
                                      '\n', 'Q',  'U',  'I',  'T', '\n'};

enum {
    V1_MAX = 107,
    V2_HEAD = 16,
    V2_LOCAL = 0x20,
    V2_PROXY = 0x21,
    V2_TCP4 = 0x11,
    V2_TCP6 = 0x21
};

/* ---- version 1: "PROXY TCP4 192.0.2.1 192.0.2.2 5000 7687\r\n" ---- */

static bool parse_port(struct str text, uint16_t *out)
{
    int64_t port;

    if (!str_to_int64(text, &port) || port < 0 || port > UINT16_MAX)
        return false;
    *out = (uint16_t)port;
    return true;
}

static bool parse_address(int family, struct str text, void *out)
{
    char host[INET6_ADDRSTRLEN];

    return str_copy_n(host, sizeof host, text) && inet_pton(family, host, out) == 1;
}

static bool take_origin(struct origin *out, int family, const void *address, uint16_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    if (family == AF_INET) {
        memcpy(&v4.sin_addr, address, sizeof v4.sin_addr);
        return origin_of_sockaddr(out, (const struct sockaddr *)&v4);
    }
    memcpy(&v6.sin6_addr, address, sizeof v6.sin6_addr);
    return origin_of_sockaddr(out, (const struct sockaddr *)&v6);
}

static enum proxy_outcome parse_line(struct str line, struct origin *origin)
{
    struct str kind, from, to, from_port, to_port;
    uint8_t from_ip[16], to_ip[16];
    uint16_t port, ignored;
    int family;

    (void)str_cut(&line, ' '); /* PROXY */
    kind = str_cut(&line, ' ');
    if (str_eq(kind, "UNKNOWN"))
        return PROXY_DONE;
    if (!str_eq(kind, "TCP4") && !str_eq(kind, "TCP6"))
        return PROXY_WRONG;
    family = str_eq(kind, "TCP4") ? AF_INET : AF_INET6;
    from = str_cut(&line, ' ');
    to = str_cut(&line, ' ');
    from_port = str_cut(&line, ' ');
    to_port = line;
    if (!parse_address(family, from, from_ip) || !parse_address(family, to, to_ip) ||
        !parse_port(from_port, &port) || !parse_port(to_port, &ignored))
        return PROXY_WRONG;
    return take_origin(origin, family, from_ip, port) ? PROXY_DONE : PROXY_WRONG;
}

static enum proxy_outcome parse_v1(const uint8_t *bytes, size_t n, struct origin *origin,
                                   size_t *used)
{
    const uint8_t *end = memchr(bytes, '\n', n < V1_MAX ? n : V1_MAX);
    size_t length;

    if (!end)
        return n < V1_MAX ? PROXY_SHORT : PROXY_WRONG;
    length = (size_t)(end - bytes);
    if (length < 7 || bytes[length - 1] != '\r')
        return PROXY_WRONG;
    *used = length + 1;
    return parse_line((struct str){(const char *)bytes, length - 1}, origin);
}

/* ---- version 2: signature, command, family, length, addresses, extensions ---- */

static enum proxy_outcome parse_v2(const uint8_t *bytes, size_t n, struct origin *origin,
                                   size_t *used)
{
    size_t length;
    uint16_t port;

    if (n < V2_HEAD)
        return PROXY_SHORT;
    length = (size_t)bytes[14] << 8 | bytes[15];
    if ((bytes[12] != V2_LOCAL && bytes[12] != V2_PROXY) || V2_HEAD + length > PROXY_HEADER_MAX)
        return PROXY_WRONG;
    if (n < V2_HEAD + length)
        return PROXY_SHORT;
    *used = V2_HEAD + length;
    if (bytes[12] == V2_LOCAL)
        return PROXY_DONE;
    switch (bytes[13]) {
    case V2_TCP4:
        if (length < 12)
            return PROXY_WRONG;
        port = (uint16_t)(bytes[V2_HEAD + 8] << 8 | bytes[V2_HEAD + 9]);
        return take_origin(origin, AF_INET, bytes + V2_HEAD, port) ? PROXY_DONE : PROXY_WRONG;
    case V2_TCP6:
        if (length < 36)
            return PROXY_WRONG;
        port = (uint16_t)(bytes[V2_HEAD + 32] << 8 | bytes[V2_HEAD + 33]);
        return take_origin(origin, AF_INET6, bytes + V2_HEAD, port) ? PROXY_DONE : PROXY_WRONG;
    default:
        return PROXY_DONE; /* another family: the connection's own address counts */
    }
}

enum proxy_outcome proxy_header_parse(const uint8_t *bytes, size_t n, struct origin *origin,
                                      size_t *used)
{
    static const char word[] = "PROXY ";
    size_t of_word = n < sizeof word - 1 ? n : sizeof word - 1;
    size_t of_signature = n < sizeof signature ? n : sizeof signature;

    if (memcmp(bytes, word, of_word) == 0)
        return of_word < sizeof word - 1 ? PROXY_SHORT : parse_v1(bytes, n, origin, used);
    if (memcmp(bytes, signature, of_signature) == 0)
        return of_signature < sizeof signature ? PROXY_SHORT : parse_v2(bytes, n, origin, used);
    return PROXY_WRONG;
}
