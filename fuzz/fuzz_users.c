/* MEMGRAPH_USERS_FILE: any bytes as that file, beside a MEMGRAPH_USER. Whoever is read can be
 * created; a file that makes no sense changes nothing. */
#include "fuzz.h"

#include "app/users.h"
#include "proto/memgraph.h"

#include <assert.h>
#include <sys/mman.h>
#include <unistd.h>

static void check_users(const struct users *u)
{
    struct buf text;

    assert(u->n >= 1 && u->n <= USERS_MAX && strcmp(u->list[0].name, "own") == 0);
    for (unsigned i = 0; i < u->n; i++) {
        buf_init(&text, 4096);
        assert(memgraph_user_query(&text, u->list[i].name, u->list[i].password));
        assert(!text.failed && u->list[i].password[0] != '\0');
        for (unsigned k = 0; k < i; k++)
            assert(strcmp(u->list[i].name, u->list[k].name) != 0);
        buf_done(&text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int file = memfd_create("users", MFD_CLOEXEC);
    char path[64];
    struct users *u;

    assert(file >= 0 && write(file, data, size) == (ssize_t)size);
    (void)str_format(path, sizeof path, "/proc/self/fd/%d", file);
    u = users_new("own", "secret", path);
    if (users_read(u).kind != FAIL_NONE)
        assert(u->n == 1);
    check_users(u);
    users_free(u);
    close(file);
    return 0;
}
