#include "sandbox/memgraph_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const FOLDERS[MG_FILE_COUNT] = {[MG_FILE_WAL] = "wal",
                                                   [MG_FILE_SNAPSHOT] = "snapshots",
                                                   [MG_FILE_REPLICATION] = "replication",
                                                   [MG_FILE_AUTH] = "auth",
                                                   [MG_FILE_DATABASE] = "databases"};

enum { PATH_SIZE = 320 };

static void path_of(const struct memgraph_disk *disk, enum mg_file file, const char *name,
                    char out[PATH_SIZE])
{
    str_format(out, PATH_SIZE, "%s/%s%s%s", disk->directory, FOLDERS[file], name[0] ? "/" : "",
               name);
}

static void die(const char *doing)
{
    (void)fprintf(stderr, "memgraph-sim: %s: %s\n", doing, strerror(errno));
    _exit(1);
}

static void write_all(int fd, struct str bytes)
{
    while (bytes.n) {
        ssize_t n = write(fd, bytes.p, bytes.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            die("cannot write");
        bytes.p += n;
        bytes.n -= (size_t)n;
    }
}

static bool read_file(const char *path, struct buf *out)
{
    char chunk[65536];
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT;
    while ((n = read(fd, chunk, sizeof(chunk))) > 0)
        buf_add(out, chunk, (size_t)n);
    close(fd);
    return n == 0;
}

/* mkdir -p */
static bool make_directory(const char *path)
{
    char part[PATH_SIZE];

    str_copy(part, sizeof(part), path);
    for (char *p = part + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            if (mkdir(part, 0777) && errno != EEXIST)
                return false;
            *p = '/';
        }
    return !mkdir(part, 0777) || errno == EEXIST;
}

static int open_wal(const struct memgraph_disk *disk, int flags)
{
    char path[PATH_SIZE];

    path_of(disk, MG_FILE_WAL, "current", path);
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | flags, 0666);
}

bool memgraph_disk_open(struct memgraph_disk *disk, const char *directory, const char **why)
{
    char path[PATH_SIZE];

    *disk = (struct memgraph_disk){.lock_fd = -1, .wal_fd = -1};
    str_copy(disk->directory, sizeof(disk->directory), directory);
    for (int i = 0; i < MG_FILE_COUNT; i++) {
        buf_init(&disk->files[i], SIZE_MAX);
        path_of(disk, (enum mg_file)i, "", path);
        if (!make_directory(path)) {
            *why = strerror(errno);
            return false;
        }
    }
    str_format(path, sizeof(path), "%s/.lock", disk->directory);
    disk->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (disk->lock_fd < 0 || flock(disk->lock_fd, LOCK_EX | LOCK_NB)) {
        *why = "the data directory is used by another process";
        return false;
    }
    for (int i = 0; i < MG_FILE_COUNT; i++) {
        path_of(disk, (enum mg_file)i, "current", path);
        if (!read_file(path, &disk->files[i])) {
            *why = "the data directory cannot be read";
            return false;
        }
    }
    disk->wal_fd = open_wal(disk, 0);
    if (disk->wal_fd < 0)
        *why = strerror(errno);
    return disk->wal_fd >= 0;
}

void memgraph_disk_forget(struct memgraph_disk *disk)
{
    for (int i = 0; i < MG_FILE_COUNT; i++)
        buf_done(&disk->files[i]);
}

void memgraph_disk_close(struct memgraph_disk *disk)
{
    memgraph_disk_forget(disk);
    if (disk->wal_fd >= 0)
        close(disk->wal_fd);
    if (disk->lock_fd >= 0)
        close(disk->lock_fd);
}

static void replace(struct memgraph_disk *disk, enum mg_file file, struct str bytes)
{
    char path[PATH_SIZE], fresh[PATH_SIZE];
    int fd;

    path_of(disk, file, "current", path);
    path_of(disk, file, "fresh", fresh);
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        die("cannot create a file");
    write_all(fd, bytes);
    close(fd);
    if (rename(fresh, path))
        die("cannot rename a file");
}

void memgraph_disk_write(struct memgraph_disk *disk, enum mg_file file, bool append,
                         struct str bytes)
{
    if (file != MG_FILE_WAL) {
        replace(disk, file, bytes);
        return;
    }
    if (!append) {
        close(disk->wal_fd);
        disk->wal_fd = open_wal(disk, O_TRUNC);
        if (disk->wal_fd < 0)
            die("cannot open the log");
    }
    write_all(disk->wal_fd, bytes);
}
