#include "io/kube_token.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

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

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
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

static struct fail read_file(const char *path, struct buf *out)
{
    char chunk[4096];
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return fail_errno(path, errno);
    while ((n = read(fd, chunk, sizeof(chunk))) > 0 && !out->failed)
        buf_add(out, chunk, (size_t)n);
    if (n < 0) {
        struct fail fail = fail_errno(path, errno);

        close(fd);
        return fail;
    }
    close(fd);
    if (out->failed || !token_is_valid(str_trim(buf_str(out))))
        return fail_make(FAIL_PROTOCOL, "%s: no token", path);
    return (struct fail){0};
}

static void token_read(struct kube_token *t)
{
    struct buf text;

    buf_init(&text, TOKEN_LIMIT);
    t->fail = read_file(t->path, &text);
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
    } else if (t->read_again || !same_file(&now, &t->seen)) {
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
