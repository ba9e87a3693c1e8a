#include "gateway/arrival.h"

#include "gateway/proxy_header.h"
#include "gateway/tls.h"

#include <errno.h>
#include <sys/socket.h>

/* True when the header is behind us. It is looked at where it lies and taken in one piece, so that
 * no byte behind it is touched. */
static bool pass_header(struct session *s)
{
    uint8_t bytes[PROXY_HEADER_MAX];
    ssize_t n = recv(s->client.fd, bytes, sizeof bytes, MSG_PEEK);
    size_t used = 0;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        session_end(s, n ? SESSION_RESETS : SESSION_CLOSES, "gone");
        return false;
    }
    switch (proxy_header_parse(bytes, (size_t)n, &s->origin, &used)) {
    case PROXY_SHORT:
        /* Its end was announced already: no more will come. */
        if (s->client.ending)
            session_refuse(s, GATEWAY_REFUSED_PROXY);
        return false;
    case PROXY_WRONG:
        session_refuse(s, GATEWAY_REFUSED_PROXY);
        return false;
    case PROXY_DONE:
        break;
    }
    if (recv(s->client.fd, bytes, used, 0) != (ssize_t)used) {
        session_refuse(s, GATEWAY_REFUSED_PROXY);
        return false;
    }
    s->owes_header = false;
    return true;
}

/* True when the handshake is behind us. */
static bool pass_greeting(struct session *s)
{
    int err;

    if (!s->client.tls) {
        s->client.tls = tls_new(s->worker->tls, s->client.fd);
        s->client.readable = true;
    }
    err = s->client.tls ? tls_greet(s->client.tls) : -ENOMEM;
    if (err == -EAGAIN)
        return false;
    if (err) {
        session_refuse(s, GATEWAY_REFUSED_TLS);
        return false;
    }
    s->owes_greeting = false;
    return true;
}

void arrival_run(struct session *s)
{
    struct worker *w = s->worker;

    /* The first time only: a client that waits for its handshake has paid. */
    bool pays = s->owes_header || !s->client.tls;

    if (s->owes_header && !pass_header(s))
        return;
    if (pays && !limiter_admit(&w->shared->limiter, &s->origin, w->now_us)) {
        session_refuse(s, GATEWAY_REFUSED_RATE);
        return;
    }
    if (s->owes_greeting && !pass_greeting(s))
        return;
    session_admitted(s);
}
