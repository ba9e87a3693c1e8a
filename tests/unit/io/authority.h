/* authority: a certificate authority of the test's own, and servers that it vouches for. */
#ifndef TESTS_AUTHORITY_H
#define TESTS_AUTHORITY_H

#include <openssl/ssl.h>

struct authority {
    EVP_PKEY *key;
    X509 *certificate;
    char path[64];
};

void authority_init(struct authority *a, const char *name);
void authority_done(struct authority *a);
/* A server's side whose certificate, signed by that authority, is for this address, such as
 * "IP:127.0.0.1". */
SSL_CTX *authority_serve(const struct authority *a, const char *san);

#endif
