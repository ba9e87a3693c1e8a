/* Users. A password costs bcrypt's time, whether it is set or checked. */
#include "base/alloc.h"
#include "models/memgraph_impl.h"

static struct mg_user *find(const struct mg *mg, struct str name)
{
    for (size_t i = 0; i < mg->users_n; i++)
        if (str_eq(name, mg->users[i].name))
            return &mg->users[i];
    return NULL;
}

bool mg_user_check(const struct mg *mg, struct str name, struct str password)
{
    const struct mg_user *u = find(mg, name);

    return u && str_eq(password, u->password);
}

bool mg_user_add(struct mg *mg, const char *name, const char *password)
{
    size_t at = 0;

    if (find(mg, str_of(name)))
        return false;
    mg->users = xrealloc(mg->users, (mg->users_n + 1) * sizeof(*mg->users));
    while (at < mg->users_n && strcmp(mg->users[at].name, name) < 0)
        at++;
    memmove(mg->users + at + 1, mg->users + at, (mg->users_n - at) * sizeof(*mg->users));
    str_copy(mg->users[at].name, sizeof(mg->users[at].name), name);
    str_copy(mg->users[at].password, sizeof(mg->users[at].password), password);
    mg->users_n++;
    mg_persist_users(mg);
    return true;
}

static void user_change(struct mg_session *s, struct mg_result *result)
{
    const struct admin *a = &result->admin;
    struct mg_user *u = find(s->mg, str_of(a->name));

    if (a->kind == ADMIN_CREATE_USER) {
        mg_user_add(s->mg, a->name, a->address);
    } else if (a->kind == ADMIN_SET_PASSWORD) {
        if (u)
            str_copy(u->password, sizeof(u->password), a->address);
        mg_persist_users(s->mg);
    } else if (u) {
        size_t at = (size_t)(u - s->mg->users);

        memmove(u, u + 1, (--s->mg->users_n - at) * sizeof(*u));
        mg_persist_users(s->mg);
    }
    mg_reply_summary(s, result);
}

void mg_user_step(struct mg_session *s, struct mg_result *result)
{
    const struct admin *a = &result->admin;
    bool known = find(s->mg, str_of(a->name)) != NULL;

    if (a->kind == ADMIN_CREATE_USER && known && s->stage == 0) {
        if (a->flag)
            mg_reply_summary(s, result);
        else
            mg_query_failed(s, MG_CLIENT_ERROR,
                            "User or role with name '%s' already exists. Use the SHOW USERS or "
                            "SHOW ROLES query to list all users and roles. In addition you can "
                            "rerun the current query with IF NOT EXISTS.",
                            a->name);
        return;
    }
    if (a->kind != ADMIN_CREATE_USER && !known) {
        mg_query_failed(s, MG_CLIENT_ERROR,
                        "User with username '%s' doesn't exist. A new user can be created via the "
                        "CREATE USER query.",
                        a->name);
        return;
    }
    if (a->kind != ADMIN_DROP_USER && s->stage == 0) {
        s->stage = 1;
        mg_wait(s, s->mg->now_us + s->mg->config.bcrypt_us);
        return;
    }
    if (s->stage == 1 && s->mg->now_us < s->wake_at) {
        mg_wait(s, s->wake_at);
        return;
    }
    if (s->mg->commit.phase != MG_COMMIT_NONE || s->mg->exclusive) {
        s->stage = 2;
        mg_wait(s, INT64_MAX);
        return;
    }
    user_change(s, result);
}
