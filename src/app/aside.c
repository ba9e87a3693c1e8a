#include "app/aside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct fail well = {0};

static const char replication_prefix[] = "replication-";
static const char *const data_names[] = {"snapshots", "wal", "replication"};
static const char *const replication_names[] = {"replication"};

/* One order under way. */
struct move {
    const char *directory;
    char aside[PATH_MAX]; /* <data>/aside */
    char name[128];       /* of this order's directory there */
    char to[PATH_MAX];    /* that directory */
    const char *const *names;
    size_t names_n;
    bool is_data, may_overwrite;
};

static bool exists(const char *path)
{
    struct stat seen;

    return lstat(path, &seen) == 0;
}

static struct fail join(char out[PATH_MAX], const char *directory, const char *name)
{
    return str_format(out, PATH_MAX, "%s/%s", directory, name)
               ? well
               : fail_make(FAIL_PROTOCOL, "the path of the data directory is too long");
}

/* What was renamed into or out of a directory, or made in it, stays so after a crash. */
static struct fail keep(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int err = fd < 0 || fsync(fd) != 0 ? errno : 0;

    if (fd >= 0)
        close(fd);
    return err ? fail_errno(path, err) : well;
}

static struct fail make_directory(const char *path, const char *parent)
{
    if (mkdir(path, 0750) != 0 && errno != EEXIST)
        return fail_errno(path, errno);
    return keep(parent);
}

static int remove_one(const char *path, const struct stat *seen, int type, struct FTW *where)
{
    (void)seen;
    (void)type;
    (void)where;
    return remove(path);
}

static struct fail remove_all(const char *path)
{
    enum { DESCRIPTORS = 16 };

    return nftw(path, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS) == 0 ? well
                                                                          : fail_errno(path, errno);
}

/* ---- older generations ---- */

static bool is_older(const struct move *m, const char *name)
{
    bool of_replication = strncmp(name, replication_prefix, strlen(replication_prefix)) == 0;

    return name[0] != '.' && strcmp(name, m->name) != 0 && of_replication != m->is_data;
}

static struct fail make_room_of(const struct move *m, const char *name)
{
    char path[PATH_MAX];
    struct fail f = join(path, m->aside, name);

    if (f.kind != FAIL_NONE || (rmdir(path) == 0 /* interrupted before anything was moved */))
        return f;
    if (m->is_data && !m->may_overwrite)
        return fail_make(FAIL_DENIED,
                         "aside/%s holds data of an earlier rebuild: look at them and remove that "
                         "directory",
                         name);
    return remove_all(path);
}

static struct fail make_room(const struct move *m)
{
    DIR *d = opendir(m->aside);
    struct dirent *entry;
    struct fail f = well;

    if (!d)
        return fail_errno(m->aside, errno);
    while (f.kind == FAIL_NONE && (entry = readdir(d)))
        if (is_older(m, entry->d_name))
            f = make_room_of(m, entry->d_name);
    closedir(d);
    return f.kind == FAIL_NONE ? keep(m->aside) : f;
}

/* ---- the move ---- */

static struct fail move_one(const struct move *m, const char *name)
{
    char from[PATH_MAX], to[PATH_MAX];
    struct fail f = join(from, m->directory, name);

    if (f.kind == FAIL_NONE)
        f = join(to, m->to, name);
    if (f.kind != FAIL_NONE || !exists(from))
        return f; /* moved before it was interrupted, or never there */
    if (exists(to) && rmdir(from) == 0)
        return keep(m->directory); /* an empty one was made anew */
    if (exists(to))
        return fail_make(FAIL_PROTOCOL, "%s is there, and aside/%s has one already", name, m->name);
    if (rename(from, to) != 0)
        return fail_errno(from, errno);
    f = keep(m->to);
    return f.kind == FAIL_NONE ? keep(m->directory) : f;
}

static struct fail finish(const struct move *m, const char *done)
{
    int fd = open(done, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);

    if (fd < 0)
        return fail_errno(done, errno);
    close(fd);
    return keep(m->to);
}

static struct fail carry_out(const struct move *m, const char *done)
{
    struct fail f = make_directory(m->aside, m->directory);

    if (f.kind == FAIL_NONE)
        f = make_room(m);
    if (f.kind == FAIL_NONE)
        f = make_directory(m->to, m->aside);
    for (size_t i = 0; i < m->names_n && f.kind == FAIL_NONE; i++)
        f = move_one(m, m->names[i]);
    return f.kind == FAIL_NONE ? finish(m, done) : f;
}

static bool token_is_fine(const char *token)
{
    return token[0] && token[0] != '.' &&
           !token[strspn(token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-_.")] &&
           strncmp(token, replication_prefix, strlen(replication_prefix)) != 0;
}

struct fail aside_carry_out(const char *directory, const struct aside_order *order, bool *acted)
{
    struct move m = {.directory = directory,
                     .names = order->data ? data_names : replication_names,
                     .names_n = order->data ? ARRAY_LEN(data_names) : ARRAY_LEN(replication_names),
                     .is_data = order->data,
                     .may_overwrite = order->may_overwrite};
    char done[PATH_MAX];
    struct fail f;

    *acted = false;
    if (!order->data && !order->replication)
        return well;
    if (!token_is_fine(order->token) ||
        !str_format(m.name, sizeof m.name, "%s%s", order->data ? "" : replication_prefix,
                    order->token))
        return fail_make(FAIL_PROTOCOL, "the order's token makes no sense");
    f = join(m.aside, directory, "aside");
    if (f.kind == FAIL_NONE)
        f = join(m.to, m.aside, m.name);
    if (f.kind == FAIL_NONE)
        f = join(done, m.to, "done");
    if (f.kind != FAIL_NONE || exists(done))
        return f;
    *acted = true;
    return carry_out(&m, done);
}
