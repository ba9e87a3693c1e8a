#include "../cmocka_test.h"

#include "trio.h"

void ok(struct node *n, const char *query)
{
    if (!cluster_query(n, "%s", query))
        fail_msg("%s: %s: %s", n->name, query, cluster_error(n));
}

void refused(struct node *n, const char *query, const char *why)
{
    if (cluster_query(n, "%s", query))
        fail_msg("%s: %s went well", n->name, query);
    if (!strstr(cluster_error(n), why))
        fail_msg("%s: %s: %s", n->name, query, cluster_error(n));
}

void write_one(struct node *n)
{
    ok(n, "CREATE (:P)");
}

int64_t count(struct node *n)
{
    const json_t *rows = cluster_query(n, "MATCH (n) RETURN count(n)");

    assert_non_null(rows);
    return json_integer_value(json_array_get(json_array_get(rows, 0), 0));
}

const char *register_at(struct node *n, const struct node *replica, const char *mode)
{
    const char *number;

    if (cluster_query(n, "REGISTER REPLICA %s %s TO \"%s:10000\"", replica->name, mode,
                      replica->host))
        return "";
    number = strrchr(cluster_error(n), ' ');
    return number ? number + 1 : "?";
}

void demote(struct node *n)
{
    ok(n, "SET REPLICATION ROLE TO REPLICA WITH PORT 10000");
}

void promote(struct node *n)
{
    ok(n, "SET REPLICATION ROLE TO MAIN");
}

const char *status_of(struct node *n, const char *name, int64_t *ts, int64_t *behind)
{
    const json_t *rows = cluster_query(n, "SHOW REPLICAS");

    assert_non_null(rows);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const json_t *info = json_object_get(json_array_get(row, 4), "memgraph");

        if (strcmp(json_string_value(json_array_get(row, 0)), name) != 0)
            continue;
        if (!info)
            return "zombie";
        if (ts)
            *ts = json_integer_value(json_object_get(info, "ts"));
        if (behind)
            *behind = json_integer_value(json_object_get(info, "behind"));
        return json_string_value(json_object_get(info, "status"));
    }
    return "";
}

void wait_ready(struct node *n, const char *name)
{
    for (int i = 0; i < 200; i++) {
        int64_t behind = -1;

        if (!strcmp(status_of(n, name, NULL, &behind), "ready") && behind == 0)
            return;
        cluster_wait(n->cluster, 50000);
    }
    fail_msg("%s does not become ready on %s: %s", name, n->name, status_of(n, name, NULL, NULL));
}

void begin_version(struct fixture *f, const char *mode, const char *version)
{
    f->mode = mode;
    cluster_init(&f->c);
    f->t = cluster_add(&f->c, "t", "10.0.0.1");
    f->s = cluster_add(&f->c, "s", "10.0.0.2");
    f->a = cluster_add(&f->c, "a", "10.0.0.3");
    for (size_t i = 0; i < f->c.nodes_n; i++) {
        f->c.nodes[i].version = version;
        assert_true(cluster_start(&f->c.nodes[i]));
    }
    demote(f->s);
    demote(f->a);
    assert_string_equal(register_at(f->t, f->s, mode), "");
    assert_string_equal(register_at(f->t, f->a, "ASYNC"), "");
    write_one(f->t);
    wait_ready(f->t, "s");
    wait_ready(f->t, "a");
}

void begin(struct fixture *f, const char *mode)
{
    begin_version(f, mode, NULL);
}

void end(struct fixture *f)
{
    cluster_done(&f->c);
}

void restart(struct node *n)
{
    cluster_kill(n);
    assert_true(cluster_start(n));
}

void refresh(struct fixture *f, bool touch)
{
    demote(f->t);
    promote(f->t);
    assert_string_equal(register_at(f->t, f->s, f->mode), "");
    assert_string_equal(register_at(f->t, f->a, "ASYNC"), "");
    if (touch)
        ok(f->t, TOUCH);
    wait_ready(f->t, "s");
    wait_ready(f->t, "a");
}

void failover(struct fixture *f, const char *expected)
{
    cluster_kill(f->t);
    promote(f->s);
    assert_string_equal(register_at(f->s, f->a, "ASYNC"), expected);
    assert_true(cluster_start(f->t));
    demote(f->t);
    assert_string_equal(register_at(f->s, f->t, f->mode), expected);
}

void restart_s(struct fixture *f)
{
    restart(f->s);
    cluster_wait(&f->c, 2500000); /* the main notices and connects again */
    wait_ready(f->t, "s");
}
