#include "gateway/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static void map_v4(uint8_t ip[16], const void *v4)
{
    memset(ip, 0, 10);
    ip[10] = ip[11] = 0xff;
    memcpy(ip + 12, v4, 4);
}

static bool is_v4(const uint8_t ip[16])
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(ip, prefix, sizeof prefix) == 0;
}

bool origin_of_sockaddr(struct origin *out, const struct sockaddr *from)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    *out = (struct origin){0};
    if (from->sa_family == AF_INET) {
        memcpy(&v4, from, sizeof v4);
        map_v4(out->ip, &v4.sin_addr);
        out->port = ntohs(v4.sin_port);
        return true;
    }
    if (from->sa_family == AF_INET6) {
        memcpy(&v6, from, sizeof v6);
        memcpy(out->ip, &v6.sin6_addr, sizeof out->ip);
        out->port = ntohs(v6.sin6_port);
        return true;
    }
    return false;
}

const char *origin_text(const struct origin *o, char text[ORIGIN_TEXT_SIZE])
{
    char ip[INET6_ADDRSTRLEN] = "?";

    if (is_v4(o->ip))
        (void)inet_ntop(AF_INET, o->ip + 12, ip, sizeof ip);
    else
        (void)inet_ntop(AF_INET6, o->ip, ip, sizeof ip);
    (void)str_format(text, ORIGIN_TEXT_SIZE, "%s port %u", ip, o->port);
    return text;
}

static bool parse_network(struct network *out, struct str text)
{
    struct str address = str_cut(&text, '/');
    char host[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    int64_t most, bits;

    if (!str_copy_n(host, sizeof host, address))
        return false;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        map_v4(out->ip, &v4);
        most = 32;
    } else if (inet_pton(AF_INET6, host, &v6) == 1) {
        memcpy(out->ip, &v6, sizeof out->ip);
        most = 128;
    } else {
        return false;
    }
    bits = most;
    if (text.n && (!str_to_int64(text, &bits) || bits < 0 || bits > most))
        return false;
    out->bits = (uint8_t)(128 - most + bits);
    return true;
}

bool networks_parse(struct networks *out, struct str text)
{
    *out = (struct networks){0};
    text = str_trim(text);
    while (text.n) {
        struct str one = str_trim(str_cut(&text, ','));

        if (out->n == NETWORKS_MAX || !parse_network(&out->list[out->n], one))
            return false;
        out->n++;
    }
    return true;
}

static bool in_network(const struct network *n, const uint8_t ip[16])
{
    unsigned whole = n->bits / 8, rest = n->bits % 8;
    uint8_t mask = (uint8_t)(0xff00u >> rest);

    return memcmp(n->ip, ip, whole) == 0 && (!rest || ((n->ip[whole] ^ ip[whole]) & mask) == 0);
}

bool networks_have(const struct networks *n, const struct origin *o)
{
    for (unsigned i = 0; i < n->n; i++)
        if (in_network(&n->list[i], o->ip))
            return true;
    return false;
}
