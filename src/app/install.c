#include "app/install.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

struct install {
    const char *directory;
    struct fail fail;
};

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static int copy_bytes(int from, int to)
{
    enum { PART = 1 << 20 };
    ssize_t n;

    do
        n = sendfile(to, from, NULL, PART);
    while (n > 0 || (n < 0 && errno == EINTR));
    return n < 0 ? errno : 0;
}

/* Under another name first, so that nobody finds half of it. */
static struct fail copy(const char *from, const char *directory, const char *name)
{
    char path[PATH_MAX], part[PATH_MAX];
    int in, out, err = 0;

    if (!str_format(path, sizeof path, "%s/%s", directory, name) ||
        !str_format(part, sizeof part, "%s/%s.part", directory, name))
        return fail_make(FAIL_PROTOCOL, "the path of the directory is too long");
    in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return fail_errno(from, errno);
    out = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    if (out < 0)
        err = errno;
    else
        err = copy_bytes(in, out);
    close(in);
    if (out >= 0 && close(out) != 0 && !err)
        err = errno;
    if (!err && rename(part, path) != 0)
        err = errno;
    return err ? fail_errno(path, err) : (struct fail){0};
}

/* Called for the program itself first, without a path, and for each library by the name under which
 * it is asked for. What the kernel provides has no path either. */
static int install_object(struct dl_phdr_info *object, size_t size, void *arg)
{
    struct install *in = arg;
    const char *path = object->dlpi_name, *slash = strrchr(path, '/');

    (void)size;
    if (slash)
        in->fail = copy(path, in->directory, begins(slash + 1, "ld-") ? "loader" : slash + 1);
    return in->fail.kind != FAIL_NONE;
}

struct fail install_self(const char *directory)
{
    struct install in = {directory, copy("/proc/self/exe", directory, "memgraph-controller")};

    if (in.fail.kind == FAIL_NONE)
        dl_iterate_phdr(install_object, &in);
    return in.fail;
}
