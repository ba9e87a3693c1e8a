/* The environment: defaults, every kind of value, all errors at once, and the documentation. */
#include "app/config.h"

#include "../cmocka_test.h"

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
        rows += p[4] >= 'A' && p[4] <= 'Z';
    assert_int_equal(rows, config_count()); /* and none that is not in the code */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_every_error_is_said_at_once),
        cmocka_unit_test(test_what_does_not_fit_together),
        cmocka_unit_test(test_documentation_is_true),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
