#include "tls_rig.h"

#include "base/str.h"
#include "rig.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <unistd.h>

/* ---- certificates ---- */

void certificate_write(struct certificate *c, const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    FILE *f;

    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    f = fopen(c->cert_path, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, x), 1);
    (void)fclose(f);
    f = fopen(c->key_path, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    (void)fclose(f);
    X509_free(x);
    EVP_PKEY_free(key);
}

void certificate_init(struct certificate *c, const char *name)
{
    (void)str_copy(c->directory, sizeof c->directory, "/tmp/gateway-tls-XXXXXX");
    assert_non_null(mkdtemp(c->directory));
    (void)str_format(c->cert_path, sizeof c->cert_path, "%s/tls.crt", c->directory);
    (void)str_format(c->key_path, sizeof c->key_path, "%s/tls.key", c->directory);
    certificate_write(c, name);
}

void certificate_spoil(struct certificate *c)
{
    assert_int_equal(truncate(c->cert_path, 200), 0);
}

void certificate_done(struct certificate *c)
{
    (void)unlink(c->cert_path);
    (void)unlink(c->key_path);
    assert_int_equal(rmdir(c->directory), 0);
}

/* ---- client ---- */

void tls_client_connect(struct tls_client *t, unsigned port)
{
    *t = (struct tls_client){.fd = rig_connect(port)};
    tls_client_greet(t);
}

void tls_client_greet(struct tls_client *t)
{
    X509 *x;

    t->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_options(t->context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(t->context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    t->tls = SSL_new(t->context);
    assert_int_equal(SSL_set_fd(t->tls, t->fd), 1);
    assert_int_equal(SSL_connect(t->tls), 1);
    x = SSL_get1_peer_certificate(t->tls);
    assert_non_null(x);
    assert_true(X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, t->server,
                                          sizeof t->server) > 0);
    X509_free(x);
}

void tls_client_send(struct tls_client *t, const void *bytes, int n)
{
    assert_int_equal(SSL_write(t->tls, bytes, n), n);
}

void tls_client_expect(struct tls_client *t, const char *text)
{
    char got[256] = {0};
    int at = 0, n = (int)strlen(text);

    while (at < n) {
        int more = SSL_read(t->tls, got + at, n - at);

        assert_true(more > 0);
        at += more;
    }
    assert_string_equal(got, text);
}

void tls_client_end(struct tls_client *t)
{
    assert_true(SSL_shutdown(t->tls) >= 0);
}

void tls_client_expect_end(struct tls_client *t)
{
    char byte;

    assert_int_equal(SSL_read(t->tls, &byte, 1), 0);
    assert_int_equal(SSL_get_error(t->tls, 0), SSL_ERROR_ZERO_RETURN);
}

void tls_client_close(struct tls_client *t)
{
    SSL_free(t->tls);
    SSL_CTX_free(t->context);
    close(t->fd);
}

/* ---- streams: OpenSSL's object is for one thread, so that one moves both ---- */

void tls_client_write_stream(struct tls_client *t, uint64_t id, uint64_t bytes)
{
    t->writes.id = id;
    t->writes.bytes = bytes;
}

static bool goes_on(const struct tls_client *t, int returned)
{
    int kind = SSL_get_error(t->tls, returned);

    return kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE;
}

static bool write_some(struct tls_client *t, uint64_t *at)
{
    uint8_t chunk[20000];
    uint64_t left = t->writes.bytes - *at;
    int n = left < sizeof chunk ? (int)left : (int)sizeof chunk, sent;

    if (!n)
        return true;
    for (int i = 0; i < n; i++)
        chunk[i] = rig_byte(t->writes.id, *at + (uint64_t)i);
    sent = SSL_write(t->tls, chunk, n);
    if (sent <= 0)
        return goes_on(t, sent);
    *at += (uint64_t)sent;
    return *at < t->writes.bytes || SSL_shutdown(t->tls) >= 0;
}

static bool check_some(struct tls_client *t, uint64_t *at)
{
    uint8_t chunk[20000];
    int got = SSL_read(t->tls, chunk, sizeof chunk);

    if (got <= 0)
        return goes_on(t, got);
    for (int i = 0; i < got; i++)
        if (chunk[i] != rig_byte(t->checks.id, (*at)++))
            return false;
    return true;
}

static void *move_streams(void *arg)
{
    struct tls_client *t = arg;
    uint64_t written = 0, checked = 0;
    struct pollfd p = {.fd = t->fd};

    (void)fcntl(t->fd, F_SETFL, O_NONBLOCK);
    while (written < t->writes.bytes || checked < t->checks.bytes) {
        p.events = written < t->writes.bytes ? POLLIN | POLLOUT : POLLIN;
        if (!SSL_pending(t->tls) && poll(&p, 1, RIG_LIMIT_MS) != 1)
            return t;
        if (!write_some(t, &written) || (checked < t->checks.bytes && !check_some(t, &checked)))
            return t;
    }
    return NULL;
}

void tls_client_check_stream(struct tls_client *t, uint64_t id, uint64_t bytes)
{
    t->checks.id = id;
    t->checks.bytes = bytes;
    assert_int_equal(pthread_create(&t->thread, NULL, move_streams, t), 0);
}

void tls_client_join(struct tls_client *t)
{
    void *wrong;

    assert_int_equal(pthread_join(t->thread, &wrong), 0);
    assert_null(wrong);
}
