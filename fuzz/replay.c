/* Runs a fuzzer over the files of one folder, as a unit test: a crash is a failure, and so is an
 * empty folder. */
#include "fuzz.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <dirent.h>

enum { FILE_LIMIT = 1024 * 1024 };

static int replay(const char *folder, const char *name)
{
    char path[1024], piece[4096];
    struct buf bytes;
    FILE *file;
    size_t n;

    if (!str_format(path, sizeof path, "%s/%s", folder, name) || !(file = fopen(path, "re")))
        return -1;
    buf_init(&bytes, FILE_LIMIT);
    while ((n = fread(piece, 1, sizeof piece, file)) > 0)
        buf_add(&bytes, piece, n);
    fclose(file);
    /* A block of exactly this size: reading past its end is seen by a sanitizer. */
    if (!bytes.failed) {
        uint8_t *exact = xcalloc(bytes.n, 1);

        if (bytes.n)
            memcpy(exact, bytes.p, bytes.n);
        (void)LLVMFuzzerTestOneInput(exact, bytes.n);
        free(exact);
    }
    buf_done(&bytes);
    return bytes.failed ? -1 : 0;
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    const struct dirent *entry;
    unsigned done = 0, failed = 0;

    if (!folder) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    while ((entry = readdir(folder)))
        if (entry->d_name[0] != '.') {
            failed += replay(argv[1], entry->d_name) < 0;
            done++;
        }
    closedir(folder);
    printf("1..1\n%s 1 - %u inputs, %u unreadable\n", done && !failed ? "ok" : "not ok", done,
           failed);
    return done && !failed ? 0 : 1;
}
