/* kube_token: the bearer token of a ServiceAccount (or an operator's), as its file has it now.
 *
 * The kubelet replaces the file about once an hour, long before the token ends, by turning a
 * symbolic link; so the file is looked at (one stat) for each request, and read when it is another
 * one. A file that cannot be read leaves the token that was there: it may still be good. */
#ifndef IO_KUBE_TOKEN_H
#define IO_KUBE_TOKEN_H

#include "base/fail.h"

#include <sys/stat.h>

struct kube_token {
    char path[512]; /* empty: no authentication */
    struct stat seen;
    bool read_again;
    char *authorization; /* value of the header, owned; NULL: none */
    struct fail fail;    /* why it could not be read; GONE: it is not there; NONE: it could */
};

void kube_token_init(struct kube_token *t, const char *path);
void kube_token_done(struct kube_token *t);
/* Value of the header Authorization, borrowed until the next call; NULL: none. */
const char *kube_token_get(struct kube_token *t);
/* The server refused it: read the file again for the next request, whatever stat says. */
void kube_token_refused(struct kube_token *t);

#endif
