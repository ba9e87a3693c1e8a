#include "app/users.h"

#include "base/alloc.h"
#include "io/file.h"
#include "proto/memgraph.h"

enum { FILE_LIMIT = 64 * 1024 };

struct users *users_new(const char *user, const char *password, const char *path)
{
    struct users *u = xcalloc(1, sizeof *u);

    (void)str_copy(u->path, sizeof u->path, path);
    if (user[0]) {
        (void)str_copy(u->list[0].name, sizeof u->list[0].name, user);
        (void)str_copy(u->list[0].password, sizeof u->list[0].password, password);
        u->has_own = true;
        u->n = 1;
    }
    return u;
}

void users_free(struct users *u)
{
    free(u);
}

bool users_name_is_fine(const char *name)
{
    struct buf text;
    bool fine;

    buf_init(&text, 4096);
    fine = name[0] && memgraph_user_query(&text, name, "");
    buf_done(&text);
    return fine;
}

static bool is_plain(struct str password)
{
    for (size_t i = 0; i < password.n; i++)
        if ((unsigned char)password.p[i] < ' ' || password.p[i] == 0x7f)
            return false;
    return password.n > 0;
}

/* What is wrong with a line; NULL: it was added. Never the line itself: it holds a password. */
static const char *add_line(struct users *u, struct str line)
{
    bool has_both = str_contains(line, ":");
    struct str name = str_cut(&line, ':');
    struct user *user = &u->list[u->n];

    if (u->n == USERS_MAX)
        return "too many users";
    if (!has_both || !str_copy_n(user->name, sizeof user->name, name) ||
        !users_name_is_fine(user->name))
        return "wanted name:password, the name of " USERS_NAME_WANTED;
    if (!is_plain(line) || !str_copy_n(user->password, sizeof user->password, line))
        return "wanted a password behind the colon, without control characters, of at most 255 "
               "bytes";
    for (unsigned i = 0; i < u->n; i++)
        if (strcmp(u->list[i].name, user->name) == 0)
            return "this user is there twice (MEMGRAPH_USER needs no line)";
    u->n++;
    return NULL;
}

static struct fail parse(struct users *u, struct str text)
{
    for (unsigned number = 1; text.n; number++) {
        struct str line = str_cut(&text, '\n');
        const char *wrong;

        if (str_trim(line).n == 0)
            continue;
        wrong = add_line(u, line);
        if (wrong)
            return fail_make(FAIL_PROTOCOL, "line %u: %s", number, wrong);
    }
    return (struct fail){0};
}

struct fail users_read(struct users *u)
{
    struct users *next;
    struct buf text;
    struct fail fail;

    if (!u->path[0])
        return (struct fail){0};
    next = users_new(u->has_own ? u->list[0].name : "", u->list[0].password, u->path);
    buf_init(&text, FILE_LIMIT);
    fail = file_read(u->path, &text);
    if (fail.kind == FAIL_NONE)
        fail = parse(next, buf_str(&text));
    if (fail.kind == FAIL_NONE && next->n && !next->has_own)
        fail = fail_make(FAIL_PROTOCOL, "MEMGRAPH_USER is not set: with users, the controller "
                                        "needs one itself");
    if (fail.kind == FAIL_NONE)
        *u = *next;
    buf_done(&text);
    users_free(next);
    return fail;
}
