#include "gateway/peer.h"

#include "gateway/tls.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

void peer_note(struct peer *p, uint32_t events)
{
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        p->readable = true;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        p->writable = true;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        p->ending = true;
    /* TLS may have to write in order to read, and the other way round. */
    if (p->tls)
        p->readable = p->writable = true;
}

ssize_t peer_receive(struct peer *p, void *bytes, size_t size)
{
    ssize_t got;

    if (p->tls) {
        got = tls_receive(p->tls, bytes, size);
        if (got == -EAGAIN)
            p->readable = false;
        return got;
    }
    do {
        got = recv(p->fd, bytes, size, 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        if (errno == EAGAIN)
            p->readable = false;
        return -errno;
    }
    /* A short read has emptied the socket, and the next byte will raise an edge; a FIN that was
     * announced already will not, so go on to read it. */
    if (got && (size_t)got < size && !p->ending)
        p->readable = false;
    return got;
}

ssize_t peer_send(struct peer *p, const void *bytes, size_t n)
{
    ssize_t sent;

    if (p->tls) {
        sent = tls_send(p->tls, bytes, n);
        if (sent == -EAGAIN)
            p->writable = false;
        return sent;
    }
    do {
        sent = send(p->fd, bytes, n, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return sent;
    if (errno == EAGAIN)
        p->writable = false;
    return -errno;
}

bool peer_end(struct peer *p)
{
    if (p->tls && tls_end(p->tls) == -EAGAIN) {
        p->writable = false;
        return false;
    }
    /* ENOTCONN: it has been reset; its own event says so. */
    (void)shutdown(p->fd, SHUT_WR);
    return true;
}

void peer_close(struct peer *p)
{
    tls_free(p->tls);
    p->tls = NULL;
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}
