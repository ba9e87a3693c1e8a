#include "sandbox/volume.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

enum { OPEN_MAX_HERE = 16 };

int volume_make(const char *path)
{
    return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : -errno;
}

static int remove_any(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path) == 0 || errno == ENOENT ? 0 : -errno;
}

static int remove_below(const char *path, const struct stat *st, int type, struct FTW *where)
{
    return where->level == 0 ? 0 : remove_any(path, st, type, where);
}

static int walk(const char *path, __nftw_func_t each)
{
    int rc = nftw(path, each, OPEN_MAX_HERE, FTW_DEPTH | FTW_PHYS);

    if (rc == -1)
        return errno == ENOENT ? 0 : -errno;
    return rc;
}

int volume_empty(const char *path)
{
    return walk(path, remove_below);
}

int volume_remove(const char *path)
{
    return walk(path, remove_any);
}
