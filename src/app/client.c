#include "app/client.h"

#include "io/tls_stream.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

static const int64_t connect_limit_us = 10LL * 1000 * 1000;

static struct fail resolve(const char *address, struct bolt_client_config *out)
{
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    const char *colon = strrchr(address, ':');
    struct str host = {address, colon ? (size_t)(colon - address) : 0};
    int64_t port;
    int err;

    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') /* IPv6 */
        host = (struct str){host.p + 1, host.n - 2};
    if (!colon || !str_copy_n(out->tls_name, sizeof out->tls_name, host) ||
        !str_to_int64(str_of(colon + 1), &port) || port < 1 || port > 65535)
        return fail_make(FAIL_PROTOCOL, "'%s': wanted HOST:PORT", address);
    err = getaddrinfo(out->tls_name, NULL, &hints, &found);
    if (err == 0)
        err = getnameinfo(found->ai_addr, found->ai_addrlen, out->host, sizeof out->host, NULL, 0,
                          NI_NUMERICHOST);
    if (found)
        freeaddrinfo(found);
    out->port = (unsigned)port;
    return err ? fail_make(FAIL_UNREACHABLE, "%s: %s", out->tls_name, gai_strerror(err))
               : (struct fail){0};
}

/* The address behind its scheme; NULL: one that we do not know. */
static const char *without_scheme(const char *address, bool *tls, bool *anybody)
{
    static const struct {
        const char *name;
        bool tls, anybody;
    } schemes[] = {
        {"bolt://", false, false}, {"bolt+s://", true, false}, {"bolt+ssc://", true, true}};

    *tls = *anybody = false;
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (!str_starts(str_of(address), schemes[i].name))
            continue;
        *tls = schemes[i].tls;
        *anybody = schemes[i].anybody;
        return address + strlen(schemes[i].name);
    }
    return strstr(address, "://") ? NULL : address;
}

struct fail client_open(struct client *c, struct loop *loop, const struct client_target *target,
                        const struct bolt_client_events *events, void *arg)
{
    struct bolt_client_config config = {.user_agent = "memgraph-controller/client",
                                        .connect_timeout_us = connect_limit_us};
    bool tls, anybody;
    const char *address = without_scheme(target->address, &tls, &anybody);
    struct fail f;

    *c = (struct client){0};
    if (!address)
        return fail_make(FAIL_PROTOCOL,
                         "'%s': wanted HOST:PORT, or that behind bolt://, bolt+s:// "
                         "or bolt+ssc://",
                         target->address);
    f = resolve(address, &config);
    if (f.kind != FAIL_NONE)
        return f;
    if (!str_copy(config.user, sizeof config.user, target->user ? target->user : "") ||
        !str_copy(config.password, sizeof config.password,
                  target->password ? target->password : ""))
        return fail_make(FAIL_PROTOCOL, "the user's name or password is too long");
    if (tls && !(c->trust = tls_trust_new(target->ca_path, anybody, &f)))
        return f;
    config.tls = c->trust;
    c->bolt = bolt_client_new(loop, &config, events, arg);
    return (struct fail){0};
}

void client_close(struct client *c)
{
    bolt_client_free(c->bolt);
    tls_trust_free(c->trust);
    *c = (struct client){0};
}
