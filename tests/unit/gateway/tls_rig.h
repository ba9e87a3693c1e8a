/* tls_rig: certificates that a test makes for itself, and a client that speaks TLS. */
#ifndef TESTS_GATEWAY_TLS_RIG_H
#define TESTS_GATEWAY_TLS_RIG_H

#include <pthread.h>
#include <stdint.h>

struct certificate {
    char directory[64], cert_path[96], key_path[96];
};

/* Writes a certificate with this common name, and its key, into a directory of its own. */
void certificate_init(struct certificate *c, const char *name);
void certificate_write(struct certificate *c, const char *name);
/* Half of the certificate's file is left. */
void certificate_spoil(struct certificate *c);
void certificate_done(struct certificate *c);

struct tls_client {
    struct ssl_st *tls;
    struct ssl_ctx_st *context;
    int fd;
    char server[64]; /* the common name that the server showed */
    struct {
        uint64_t id, bytes;
    } writes, checks;
    pthread_t thread;
};

/* Connects, and greets. Blocking, as the sockets of the rig. */
void tls_client_connect(struct tls_client *t, unsigned port);
/* The greeting on t->fd, which is connected already. */
void tls_client_greet(struct tls_client *t);
void tls_client_send(struct tls_client *t, const void *bytes, int n);
void tls_client_expect(struct tls_client *t, const char *text);
void tls_client_end(struct tls_client *t);
void tls_client_expect_end(struct tls_client *t);
void tls_client_close(struct tls_client *t);
/* A stream each way at once, moved by one thread from the check on; see rig_byte. */
void tls_client_write_stream(struct tls_client *t, uint64_t id, uint64_t bytes);
void tls_client_check_stream(struct tls_client *t, uint64_t id, uint64_t bytes);
void tls_client_join(struct tls_client *t);

#endif
