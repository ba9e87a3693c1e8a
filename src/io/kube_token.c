#include "io/kube_token.h"

#include "base/alloc.h"
#include "io/file.h"

#include <errno.h>

enum { TOKEN_LIMIT = 64 * 1024 };

void kube_token_init(struct kube_token *t, const char *path)
{
    *t = (struct kube_token){.read_again = true};
    str_copy(t->path, sizeof(t->path), path);
}

void kube_token_done(struct kube_token *t)
{
    free(t->authorization);
    t->authorization = NULL;
}

/* Visible ASCII only: a line break would add a header of somebody's choice. */
static bool token_is_valid(struct str token)
{
    for (size_t i = 0; i < token.n; i++) {
        if (token.p[i] <= ' ' || token.p[i] > '~')
            return false;
    }
    return token.n > 0;
}

static void token_read(struct kube_token *t)
{
    struct buf text;

    buf_init(&text, TOKEN_LIMIT);
    t->fail = file_read(t->path, &text);
    if (t->fail.kind == FAIL_NONE && !token_is_valid(str_trim(buf_str(&text))))
        t->fail = fail_make(FAIL_PROTOCOL, "%s: no token", t->path);
    if (t->fail.kind == FAIL_NONE) {
        struct str token = str_trim(buf_str(&text));
        struct buf value;

        buf_init(&value, TOKEN_LIMIT + sizeof("Bearer "));
        buf_add_text(&value, "Bearer ");
        buf_add_str(&value, token);
        free(t->authorization);
        t->authorization = buf_take(&value);
    }
    buf_done(&text);
}

const char *kube_token_get(struct kube_token *t)
{
    struct stat now;

    if (t->path[0] == 0)
        return NULL;
    if (stat(t->path, &now) != 0) {
        t->fail = fail_errno(t->path, errno);
        t->read_again = true;
    } else if (t->read_again || !file_same(&now, &t->seen)) {
        token_read(t);
        t->seen = now;
        t->read_again = t->fail.kind != FAIL_NONE;
    }
    return t->authorization;
}

void kube_token_refused(struct kube_token *t)
{
    t->read_again = true;
}
