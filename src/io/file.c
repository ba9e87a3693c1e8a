#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct fail file_read(const char *path, struct buf *out)
{
    char chunk[4096];
    struct fail fail = {0};
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return fail_errno(path, errno);
    while ((n = read(fd, chunk, sizeof(chunk))) > 0 && !out->failed)
        buf_add(out, chunk, (size_t)n);
    if (n < 0)
        fail = fail_errno(path, errno);
    else if (out->failed)
        fail = fail_make(FAIL_PROTOCOL, "%s: too long", path);
    close(fd);
    return fail;
}

bool file_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}
