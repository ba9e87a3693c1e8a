#include "io/tls_stream.h"

#include "base/alloc.h"

#include <assert.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct tls_trust {
    SSL_CTX *context;
};

struct tls_stream {
    SSL *ssl;
    BIO *in, *out; /* the SSL's */
};

/* OpenSSL's reason for the last failure, which is then forgotten. */
static struct fail trouble(const char *doing)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    struct fail f = fail_make(FAIL_PROTOCOL, "TLS: %.80s: %.60s", doing,
                              reason ? reason : "unknown");

    ERR_clear_error();
    return f;
}

struct tls_trust *tls_trust_new(const char *ca_path, bool anybody, struct fail *why)
{
    struct tls_trust *trust = xcalloc(1, sizeof *trust);
    int known = 1;

    ERR_clear_error();
    trust->context = SSL_CTX_new(TLS_client_method());
    if (!trust->context)
        alloc_failed();
    SSL_CTX_set_min_proto_version(trust->context, TLS1_2_VERSION);
    SSL_CTX_set_options(trust->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (!anybody) {
        SSL_CTX_set_verify(trust->context, SSL_VERIFY_PEER, NULL);
        known = ca_path && ca_path[0] ? SSL_CTX_load_verify_locations(trust->context, ca_path, NULL)
                                      : SSL_CTX_set_default_verify_paths(trust->context);
    }
    if (known == 1)
        return trust;
    *why = trouble(ca_path ? ca_path : "the system's certificates");
    tls_trust_free(trust);
    return NULL;
}

void tls_trust_free(struct tls_trust *trust)
{
    if (!trust)
        return;
    SSL_CTX_free(trust->context);
    free(trust);
}

struct tls_stream *tls_stream_new(const struct tls_trust *trust, const char *name)
{
    struct tls_stream *s = xcalloc(1, sizeof *s);

    s->ssl = SSL_new(trust->context);
    s->in = BIO_new(BIO_s_mem());
    s->out = BIO_new(BIO_s_mem());
    if (!s->ssl || !s->in || !s->out)
        alloc_failed();
    SSL_set_bio(s->ssl, s->in, s->out);
    SSL_set_connect_state(s->ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(s->ssl), name) == 1)
        return s;
    ERR_clear_error();
    if (SSL_set1_host(s->ssl, name) != 1 || SSL_set_tlsext_host_name(s->ssl, name) != 1)
        alloc_failed();
    return s;
}

void tls_stream_free(struct tls_stream *s)
{
    if (!s)
        return;
    SSL_free(s->ssl);
    free(s);
}

static int bounded(size_t n)
{
    return n > INT_MAX ? INT_MAX : (int)n;
}

/* A BIO in memory takes all. */
void tls_stream_feed(struct tls_stream *s, struct str bytes)
{
    assert(bytes.n <= INT_MAX);
    if (bytes.n && BIO_write(s->in, bytes.p, (int)bytes.n) != (int)bytes.n)
        alloc_failed();
}

bool tls_stream_greet(struct tls_stream *s, struct fail *why)
{
    int done = SSL_do_handshake(s->ssl);
    long verified;

    *why = (struct fail){0};
    if (done == 1)
        return true;
    if (SSL_get_error(s->ssl, done) == SSL_ERROR_WANT_READ)
        return false;
    verified = SSL_get_verify_result(s->ssl);
    *why = trouble("handshake");
    if (verified != X509_V_OK)
        *why = fail_make(FAIL_DENIED, "TLS: the server's certificate: %.100s",
                         X509_verify_cert_error_string(verified));
    return false;
}

ssize_t tls_stream_read(struct tls_stream *s, void *bytes, size_t size, struct fail *why)
{
    int got = SSL_read(s->ssl, bytes, bounded(size));

    *why = (struct fail){0};
    if (got > 0)
        return got;
    switch (SSL_get_error(s->ssl, got)) {
    case SSL_ERROR_WANT_READ:
        ERR_clear_error();
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        return -1;
    default:
        *why = trouble("read");
        return -1;
    }
}

void tls_stream_write(struct tls_stream *s, struct str bytes)
{
    while (bytes.n) {
        int n = SSL_write(s->ssl, bytes.p, bounded(bytes.n));

        if (n <= 0) { /* the connection has failed: its reader hears of it */
            ERR_clear_error();
            return;
        }
        bytes = (struct str){bytes.p + n, bytes.n - (size_t)n};
    }
}

size_t tls_stream_take(struct tls_stream *s, void *bytes, size_t size)
{
    int n = BIO_read(s->out, bytes, bounded(size));

    return n > 0 ? (size_t)n : 0;
}
