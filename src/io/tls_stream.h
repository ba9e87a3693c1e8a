/* tls_stream: the client's side of TLS as a filter of bytes; it has no socket of its own.
 *
 * What came from the other side is fed; after each call what is to be sent is taken. TLS 1.2 and
 * 1.3, by OpenSSL. */
#ifndef IO_TLS_STREAM_H
#define IO_TLS_STREAM_H

#include "base/fail.h"

#include <sys/types.h>

/* Whom to believe. */
struct tls_trust;
/* ca_path: a PEM file with certificates of authorities; NULL or empty: the system's. anybody: any
 * certificate will do. NULL: *why. */
struct tls_trust *tls_trust_new(const char *ca_path, bool anybody, struct fail *why);
/* NULL is fine. Streams that were made with it may still be there. */
void tls_trust_free(struct tls_trust *trust);

struct tls_stream;
/* name: the host name or IP address for which the certificate must be made out. */
struct tls_stream *tls_stream_new(const struct tls_trust *trust, const char *name);
void tls_stream_free(struct tls_stream *s); /* NULL is fine */
void tls_stream_feed(struct tls_stream *s, struct str bytes);
/* Goes on with the handshake. True: it is done. False with *why NONE: more must be fed. */
bool tls_stream_greet(struct tls_stream *s, struct fail *why);
/* Up to `size` bytes of what was said. 0: more must be fed. -1: nothing comes any more, *why (NONE:
 * the other side ended it in order). */
ssize_t tls_stream_read(struct tls_stream *s, void *bytes, size_t size, struct fail *why);
/* After the handshake. */
void tls_stream_write(struct tls_stream *s, struct str bytes);
/* Up to `size` bytes of what is to be sent. 0: nothing. */
size_t tls_stream_take(struct tls_stream *s, void *bytes, size_t size);

#endif
