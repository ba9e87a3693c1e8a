#include "app/client.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

static const int64_t connect_limit_us = 10LL * 1000 * 1000;

static struct fail resolve(const char *address, struct bolt_client_config *out)
{
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    const char *colon = strrchr(address, ':');
    char host[256];
    int64_t port;
    int err;

    if (!colon ||
        !str_copy_n(host, sizeof host, (struct str){address, (size_t)(colon - address)}) ||
        !str_to_int64(str_of(colon + 1), &port) || port < 1 || port > 65535)
        return fail_make(FAIL_PROTOCOL, "'%s': wanted HOST:PORT", address);
    err = getaddrinfo(host, NULL, &hints, &found);
    if (err == 0)
        err = getnameinfo(found->ai_addr, found->ai_addrlen, out->host, sizeof out->host, NULL, 0,
                          NI_NUMERICHOST);
    if (found)
        freeaddrinfo(found);
    out->port = (unsigned)port;
    return err ? fail_make(FAIL_UNREACHABLE, "%s: %s", host, gai_strerror(err)) : (struct fail){0};
}

struct fail client_open(struct loop *loop, const char *address, const char *user,
                        const char *password, const struct bolt_client_events *events, void *arg,
                        struct bolt_client **out)
{
    struct bolt_client_config config = {.user_agent = "memgraph-controller/client",
                                        .connect_timeout_us = connect_limit_us};
    struct fail f = resolve(address, &config);

    if (f.kind != FAIL_NONE)
        return f;
    if (!str_copy(config.user, sizeof config.user, user ? user : "") ||
        !str_copy(config.password, sizeof config.password, password ? password : ""))
        return fail_make(FAIL_PROTOCOL, "the user's name or password is too long");
    *out = bolt_client_new(loop, &config, events, arg);
    return (struct fail){0};
}
