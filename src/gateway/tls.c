#include "gateway/tls.h"

#include "base/str.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

/* OpenSSL's reason for the last failure, which is then forgotten. */
static struct fail trouble(const char *doing, const char *path)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    struct fail why;
    char text[sizeof why.text];

    (void)str_format(text, sizeof text, "%s %s: %s", doing, path, reason ? reason : "unknown");
    why = fail_make(FAIL_PROTOCOL, "%s", text);
    ERR_clear_error();
    return why;
}

struct ssl_ctx_st *tls_context_new(const char *cert_path, const char *key_path, struct fail *why)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    ERR_clear_error();
    if (!context) {
        *why = trouble("TLS", "context");
        return NULL;
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                     SSL_OP_ENABLE_KTLS);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    if (SSL_CTX_use_certificate_chain_file(context, cert_path) != 1)
        *why = trouble("certificate", cert_path);
    else if (SSL_CTX_use_PrivateKey_file(context, key_path, SSL_FILETYPE_PEM) != 1 ||
             SSL_CTX_check_private_key(context) != 1)
        *why = trouble("key", key_path);
    else
        return context;
    SSL_CTX_free(context);
    return NULL;
}

struct ssl_ctx_st *tls_context_share(struct ssl_ctx_st *context)
{
    if (context)
        SSL_CTX_up_ref(context);
    return context;
}

void tls_context_free(struct ssl_ctx_st *context)
{
    SSL_CTX_free(context);
}

struct ssl_st *tls_new(struct ssl_ctx_st *context, int fd)
{
    SSL *tls = SSL_new(context);

    if (tls && SSL_set_fd(tls, fd) != 1) {
        SSL_free(tls);
        return NULL;
    }
    if (tls)
        SSL_set_accept_state(tls);
    return tls;
}

void tls_free(struct ssl_st *tls)
{
    SSL_free(tls);
}

/* What a call that did not succeed means. */
static int outcome(SSL *tls, int returned)
{
    int err = errno;
    int kind = SSL_get_error(tls, returned);

    ERR_clear_error();
    switch (kind) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        return err && err != EAGAIN ? -err : -ECONNRESET;
    default:
        return -EPROTO;
    }
}

int tls_greet(struct ssl_st *tls)
{
    int done = SSL_do_handshake(tls);
    int err;

    if (done == 1)
        return 0;
    err = outcome(tls, done);
    return err ? err : -EPROTO; /* a goodbye instead of a greeting */
}

static int bounded(size_t n)
{
    return n > INT_MAX ? INT_MAX : (int)n;
}

ssize_t tls_receive(struct ssl_st *tls, void *bytes, size_t size)
{
    int got;

    errno = 0;
    got = SSL_read(tls, bytes, bounded(size));
    return got > 0 ? got : outcome(tls, got);
}

ssize_t tls_send(struct ssl_st *tls, const void *bytes, size_t n)
{
    int sent, err;

    errno = 0;
    sent = SSL_write(tls, bytes, bounded(n));
    if (sent > 0)
        return sent;
    err = outcome(tls, sent);
    return err ? err : -EPIPE;
}

int tls_end(struct ssl_st *tls)
{
    int said;

    errno = 0;
    said = SSL_shutdown(tls);
    if (said >= 0)
        return 0;
    /* Whatever else went wrong: the connection is over, and its own events say so. */
    return outcome(tls, said) == -EAGAIN ? -EAGAIN : 0;
}
