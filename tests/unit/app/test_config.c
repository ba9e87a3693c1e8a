/* The environment: defaults, every kind of value, all errors at once, and the documentation. */
#include "app/config.h"

#include "../cmocka_test.h"

#include <unistd.h>

static const struct {
    const char *name, *value;
} * environment;

static const char *get(const char *name)
{
    for (size_t i = 0; environment && environment[i].name; i++)
        if (strcmp(environment[i].name, name) == 0)
            return environment[i].value;
    return NULL;
}

/* Reads `pairs`; returns what was wrong (static). */
static const char *read_with(const void *pairs, struct config *c)
{
    static char text[8192];
    struct buf errors;
    bool ok;

    environment = pairs;
    buf_init(&errors, sizeof text - 1);
    ok = config_read(c, get, &errors);
    assert_int_equal(ok, errors.n == 0);
    (void)str_copy_n(text, sizeof text, buf_str(&errors));
    buf_done(&errors);
    return text;
}

static void test_defaults(void **state)
{
    static const struct {
        const char *name, *value;
    } none[] = {{NULL, NULL}};
    struct settings settings;
    struct config c;
    char name[80];

    (void)state;
    assert_string_equal(read_with(none, &c), "");
    assert_string_equal(c.statefulset, "memgraph");
    assert_int_equal(c.bolt_port, 7687);
    assert_int_equal(c.reconcile_ms, 30000);
    assert_int_equal(c.gateway, 1);
    assert_int_equal(c.read_gateway, 0);
    assert_string_equal(c.read_bind.host, "0.0.0.0");
    assert_int_equal(c.read_bind.port, 7688);
    assert_true(c.pod[0] != '\0');
    config_record_name(&c, name, sizeof name);
    assert_string_equal(name, "memgraph-state");
    config_settings(&c, &settings);
    assert_int_equal(settings.hold_timeout_us, 5000000);
    assert_int_equal(settings.domain[0], 0);
    assert_false(settings.has_users);
    assert_int_equal(settings.durability, DURABILITY_REQUIRED);
    assert_int_equal(settings.planned_restart, PLANNED_DEGRADE);
    assert_int_equal(settings.rebuild_policy, REBUILD_SAFE);
    assert_int_equal(settings.planned_limit_us, 300000000);
    assert_int_equal(settings.switchover_timeout_us, 10000000);
}

static void test_values(void **state)
{
    static const struct {
        const char *name, *value;
    } pairs[] = {{"RELEASE_NAME", "prod"},
                 {"STATEFULSET_NAME", "mg"},
                 {"NAMESPACE", "db"},
                 {"REPLICATION_ADDRESS", "fqdn"},
                 {"REPLICATION_MODE", "sync"},
                 {"GATEWAY_BIND_ADDRESS", "[::1]:7000"},
                 {"GATEWAY_READ_BIND_ADDRESS", ":7001"},
                 {"ENABLE_READ_GATEWAY", "yes"},
                 {"RECONCILE_INTERVAL", "1m30s"},
                 {"LOG_FORMAT", "json"},
                 {"MEMGRAPH_USER", "u"},
                 {"MEMGRAPH_PASSWORD", "p"},
                 {"DURABILITY", "preferred"},
                 {"SYNC_LOSS_TIMEOUT", "3s"},
                 {"PLANNED_RESTART", "block"},
                 {"PLANNED_RESTART_LIMIT", "2m"},
                 {"REBUILD_POLICY", "manual"},
                 {"SWITCHOVER_DRAIN", "500ms"},
                 {"SWITCHOVER_TIMEOUT", "7s"},
                 {"BOLT_PORT", ""},
                 {NULL, NULL}};
    struct settings settings;
    struct config c;
    char name[80];

    (void)state;
    assert_string_equal(read_with(pairs, &c), "");
    config_lease_name(&c, name, sizeof name);
    assert_string_equal(name, "prod-controller");
    assert_string_equal(c.gateway_bind.host, "::1");
    assert_int_equal(c.gateway_bind.port, 7000);
    assert_string_equal(c.read_bind.host, "0.0.0.0");
    assert_int_equal(c.reconcile_ms, 90000);
    assert_int_equal(c.log_format, LOG_JSON);
    assert_int_equal(c.bolt_port, 7687); /* empty is as not set */
    config_settings(&c, &settings);
    assert_string_equal(settings.domain, "mg.db.svc.cluster.local");
    assert_int_equal(settings.replication_mode, REPLICATION_SYNC);
    assert_true(settings.has_users);
    assert_int_equal(settings.durability, DURABILITY_PREFERRED);
    assert_int_equal(settings.sync_loss_us, 3000000);
    assert_int_equal(settings.planned_restart, PLANNED_BLOCK);
    assert_int_equal(settings.planned_limit_us, 120000000);
    assert_int_equal(settings.rebuild_policy, REBUILD_MANUAL);
    assert_int_equal(settings.switchover_drain_us, 500000);
    assert_int_equal(settings.switchover_timeout_us, 7000000);
}

static void test_every_error_is_said_at_once(void **state)
{
    static const struct {
        const char *name, *value;
    } pairs[] = {{"NAMESPACE", "a/b"},
                 {"BOLT_PORT", "0"},
                 {"HTTP_PORT", "http"},
                 {"RECONCILE_INTERVAL", "30"},
                 {"PROBE_INTERVAL", "1ms"},
                 {"GATEWAY_BIND_ADDRESS", "localhost:7687"},
                 {"GATEWAY_ENABLED", "maybe"},
                 {"LOG_LEVEL", "loud"},
                 {"STATEFULSET_NAME",
                  "a-name-that-is-far-too-long-for-a-statefulset-in-any-version-of-kubernetes"},
                 {NULL, NULL}};
    struct config c;
    const char *errors = read_with(pairs, &c);
    unsigned lines = 0;

    (void)state;
    for (size_t i = 0; pairs[i].name; i++)
        assert_non_null(strstr(errors, pairs[i].name));
    for (const char *p = errors; *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, 9);
    assert_non_null(strstr(errors, "a duration such as 500ms, 30s or 5m, from 1s to 24h"));
}

static void test_what_does_not_fit_together(void **state)
{
    static const struct {
        const char *name, *value;
    } pairs[] = {{"LEASE_DURATION", "5s"},        {"LEASE_RENEW_DEADLINE", "5s"},
                 {"LEASE_RETRY_PERIOD", "6s"},    {"MEMGRAPH_PASSWORD", "p"},
                 {"ENABLE_READ_GATEWAY", "true"}, {"GATEWAY_READ_BIND_ADDRESS", "0.0.0.0:7687"},
                 {"HTTP_BIND_ADDRESS", "here"},   {NULL, NULL}};
    struct config c;
    const char *errors = read_with(pairs, &c);

    (void)state;
    assert_non_null(strstr(errors, "shorter than LEASE_DURATION"));
    assert_non_null(strstr(errors, "shorter than LEASE_RENEW_DEADLINE"));
    assert_non_null(strstr(errors, "MEMGRAPH_USER is not"));
    assert_non_null(strstr(errors, "give each gateway its own port"));
    assert_non_null(strstr(errors, "HTTP_BIND_ADDRESS"));
}

/* What a variable alone, several together and a file have wrong; and no guess about what follows
 * from a value that could not be read. */
static void test_all_kinds_of_errors_at_once(void **state)
{
    static const struct {
        const char *name, *value;
    } mixed[] = {{"BOLT_PORT", "0"},
                 {"MEMGRAPH_PASSWORD", "p"},
                 {"ADMIN_TOKEN_FILE", "/tmp"},
                 {NULL, NULL}},
      alone[] = {{"LEASE_DURATION", "1"},
                 {"LEASE_RETRY_PERIOD", "1h"},
                 {"ENABLE_READ_GATEWAY", "true"},
                 {"GATEWAY_BIND_ADDRESS", "here"},
                 {"GATEWAY_READ_BIND_ADDRESS", "there"},
                 {NULL, NULL}};
    struct config c;
    const char *errors = read_with(mixed, &c);
    unsigned lines = 0;

    (void)state;
    assert_non_null(strstr(errors, "BOLT_PORT='0'"));
    assert_non_null(strstr(errors, "MEMGRAPH_USER is not"));
    assert_non_null(strstr(errors, "ADMIN_TOKEN_FILE: /tmp"));
    errors = read_with(alone, &c);
    assert_non_null(strstr(errors, "LEASE_DURATION='1'"));
    assert_non_null(strstr(errors, "LEASE_RETRY_PERIOD must be shorter than LEASE_RENEW_DEADLINE"));
    for (const char *p = errors; *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, 4);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    (void)fclose(f);
}

/* Files that are named must make sense when the program starts; one that is not there counts as
 * none: a Secret may lack the key. */
static void test_files(void **state)
{
    char users[] = "/tmp/test_config.XXXXXX", token[] = "/tmp/test_config.XXXXXX";
    int fds[] = {mkstemp(users), mkstemp(token)};
    struct {
        const char *name, *value;
    } pairs[] = {{"MEMGRAPH_USER", "u"},
                 {"MEMGRAPH_USERS_FILE", users},
                 {"ADMIN_TOKEN_FILE", token},
                 {NULL, NULL}};
    struct settings settings;
    struct config c;

    (void)state;
    close(fds[0]);
    close(fds[1]);
    write_file(users, "ann:secret\n");
    write_file(token, "t\n");
    assert_string_equal(read_with(pairs, &c), "");
    write_file(users, "secret\n");
    write_file(token, "two words\n");
    assert_non_null(strstr(read_with(pairs, &c), "MEMGRAPH_USERS_FILE"));
    assert_non_null(strstr(read_with(pairs, &c), "line 1: wanted name:password"));
    assert_non_null(strstr(read_with(pairs, &c), "ADMIN_TOKEN_FILE"));
    assert_null(strstr(read_with(pairs, &c), "secret"));
    write_file(users, "ann:secret\n");
    pairs[0].value = "";
    assert_non_null(strstr(read_with(pairs, &c), "the controller needs one itself"));
    unlink(users);
    unlink(token);
    assert_string_equal(read_with(pairs, &c), "");
    config_settings(&c, &settings);
    assert_false(settings.has_users);
    pairs[0].value = "u"; /* a folder that is not there is a mistake */
    pairs[1].value = "/tmp/no such folder/users";
    pairs[2].value = "/tmp/no such folder/token";
    assert_non_null(
        strstr(read_with(pairs, &c), "MEMGRAPH_USERS_FILE='/tmp/no such folder/users'"));
    assert_non_null(strstr(read_with(pairs, &c), "ADMIN_TOKEN_FILE: "));
    pairs[1].value = "/dev/null/users";
    pairs[2].value = "/tmp";
    assert_non_null(strstr(read_with(pairs, &c), "MEMGRAPH_USERS_FILE='/dev/null/users'"));
    assert_non_null(strstr(read_with(pairs, &c), "ADMIN_TOKEN_FILE: /tmp"));
    pairs[0].value = "a;b";
    assert_non_null(strstr(read_with(pairs, &c),
                           "MEMGRAPH_USER='a;b': wanted letters, digits and _ . - + @\n"));
    pairs[0].value = "a:b";
    assert_non_null(strstr(read_with(pairs, &c), "MEMGRAPH_USER='a:b': wanted letters"));
    pairs[0].value = "ann+db@example.com";
    assert_null(strstr(read_with(pairs, &c), "MEMGRAPH_USER="));
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    static char text[256 * 1024];
    size_t n;

    assert_non_null(f);
    n = fread(text, 1, sizeof text - 1, f);
    (void)fclose(f);
    text[n] = '\0';
    return text;
}

/* docs/reference.md holds, for every variable, the row that the table would print. */
static void test_documentation_is_true(void **state)
{
    const char *docs = read_file(getenv("DOCS_REFERENCE"));
    unsigned rows = 0;

    (void)state;
    for (size_t i = 0; i < config_count(); i++) {
        struct config_entry e = config_entry_at(i);
        char row[512];

        (void)str_format(row, sizeof row, "| `%s` | %s%s%s | %s |\n", e.name,
                         e.fallback[0] ? "`" : "", e.fallback[0] ? e.fallback : "(empty)",
                         e.fallback[0] ? "`" : "", e.help);
        if (!strstr(docs, row))
            print_message("missing in docs/reference.md: %s", row);
        assert_non_null(strstr(docs, row));
    }
    for (const char *p = docs; (p = strstr(p, "\n| `")) != NULL; p++)
        rows += p[4 + strspn(p + 4, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")] == '`' &&
                p[4] != '`';                /* routes have a path behind the method */
    assert_int_equal(rows, config_count()); /* and none that is not in the code */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_every_error_is_said_at_once),
        cmocka_unit_test(test_what_does_not_fit_together),
        cmocka_unit_test(test_all_kinds_of_errors_at_once),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_documentation_is_true),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
