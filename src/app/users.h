/* users: the database users that must exist on a new main: MEMGRAPH_USER, and those of
 * MEMGRAPH_USERS_FILE.
 *
 * The file has one `name:password` a line and comes from a Secret, so it is read again each time
 * that the users are asked for. One that makes no sense any more leaves the users that were read
 * last: a new main with some users too many or too few is better than one that is never opened. */
#ifndef APP_USERS_H
#define APP_USERS_H

#include "base/buf.h"
#include "base/fail.h"

enum { USERS_MAX = 64, USER_NAME_SIZE = 128, USER_PASSWORD_SIZE = 256 };

struct user {
    char name[USER_NAME_SIZE], password[USER_PASSWORD_SIZE];
};

struct users {
    char path[512]; /* of the file; empty: none */
    bool has_own;   /* the first is MEMGRAPH_USER */
    unsigned n;
    struct user list[USERS_MAX]; /* MEMGRAPH_USER first: Memgraph's first user has all rights */
};

/* user and path may be empty. The file is not read yet. */
struct users *users_new(const char *user, const char *password, const char *path);
void users_free(struct users *u); /* NULL is fine */
/* Reads the file again. On a failure the users stay as they were; it says the line. GONE: the file
 * is not there. Users without MEMGRAPH_USER are a failure: they would lock the controller out. */
struct fail users_read(struct users *u) MUST_CHECK;
/* Can Memgraph be told this name? */
#define USERS_NAME_WANTED "letters, digits and _ . - + @"
bool users_name_is_fine(const char *name);

#endif
