/* tls: the end of TLS for clients that speak bolt+s: a certificate that can be renewed while the
 * gateway works, and the encrypted side of a session. OpenSSL does the work, and hands it to the
 * kernel (kTLS) where that is to be had. */
#ifndef GATEWAY_TLS_H
#define GATEWAY_TLS_H

#include "base/fail.h"

#include <sys/types.h>

struct ssl_st;
struct ssl_ctx_st;

/* A context with this certificate chain and key (PEM files). NULL: *why. The caller's; sessions
 * that use it keep it alive beyond tls_context_free. */
struct ssl_ctx_st *tls_context_new(const char *cert_path, const char *key_path, struct fail *why);
struct ssl_ctx_st *tls_context_share(struct ssl_ctx_st *context);
void tls_context_free(struct ssl_ctx_st *context); /* NULL is fine */

/* The server's end of a connection over this socket, which stays the caller's. NULL: no memory for
 * it. */
struct ssl_st *tls_new(struct ssl_ctx_st *context, int fd);
void tls_free(struct ssl_st *tls); /* NULL is fine */
/* 0: done; -EAGAIN: not yet; another -errno: the client does not speak our TLS. */
int tls_greet(struct ssl_st *tls) MUST_CHECK;
/* As of peers, but no flag falls. An end without TLS's own goodbye counts as one. */
ssize_t tls_receive(struct ssl_st *tls, void *bytes, size_t size) MUST_CHECK;
ssize_t tls_send(struct ssl_st *tls, const void *bytes, size_t n) MUST_CHECK;
/* Says goodbye. 0, or -EAGAIN: not now. */
int tls_end(struct ssl_st *tls) MUST_CHECK;

#endif
