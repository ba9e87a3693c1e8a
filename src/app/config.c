#include "app/config.h"

#include "app/users.h"
#include "base/duration.h"
#include "gateway/network.h"
#include "io/kube_token.h"

#include <arpa/inet.h>
#include <assert.h>
#include <unistd.h>

enum kind { TEXT, NAME, NUMBER, MILLISECONDS, FLAG, CHOICE, ADDRESS };

struct variable {
    const char *name;
    enum kind kind;
    size_t offset, size;
    const char *fallback;
    int64_t least, most;      /* NUMBER and MILLISECONDS */
    const char *const *words; /* CHOICE: its words, NULL behind the last */
    const char *help;
};

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const log_formats[] = {"logfmt", "json", NULL};
static const char *const addresses[] = {"ip", "fqdn", NULL};
static const char *const replication_modes[] = {"auto", "sync", "strict_sync", NULL};
/* In the order of enum gateway_balance. */
static const char *const balances[] = {"ordinal", "round_robin", "least_connections", NULL};
static const char *const durabilities[] = {"required", "preferred", NULL};
static const char *const planned_restarts[] = {"degrade", "block", NULL};
static const char *const rebuild_policies[] = {"safe", "manual", NULL};

#define AT(member) offsetof(struct config, member), sizeof(((struct config *)0)->member)
#define DAY_MS     (24 * 3600 * 1000)

/* name, kind, member, default, least, most, words, help */
static const struct variable rows[] = {
    {"NAMESPACE", NAME, AT(namespace_), "default", 0, 0, NULL,
     "namespace of the pods, the record and the lease"},
    {"STATEFULSET_NAME", NAME, AT(statefulset), "memgraph", 0, 0, NULL,
     "the Memgraph StatefulSet; its pods are <name>-0, <name>-1 ..."},
    {"APP_NAME", NAME, AT(app), "memgraph", 0, 0, NULL, "the pods' label app.kubernetes.io/name"},
    {"RELEASE_NAME", NAME, AT(release), "", 0, 0, NULL,
     "prefix of the record's and the lease's name; empty: the StatefulSet's name"},
    {"SERVICE_NAME", NAME, AT(service), "", 0, 0, NULL,
     "the headless Service, for REPLICATION_ADDRESS=fqdn; empty: the StatefulSet's name"},
    {"CLUSTER_DOMAIN", TEXT, AT(cluster_domain), "cluster.local", 0, 0, NULL,
     "DNS domain of the cluster, for REPLICATION_ADDRESS=fqdn"},
    {"POD_NAME", TEXT, AT(pod), "", 0, 0, NULL,
     "identity of this controller replica in the lease; empty: the host's name"},
    {"MEMGRAPH_USER", TEXT, AT(user), "", 0, 0, NULL,
     "database user, re-created on a new main; empty: no authentication"},
    {"MEMGRAPH_PASSWORD", TEXT, AT(password), "", 0, 0, NULL, "its password"},
    {"MEMGRAPH_USERS_FILE", TEXT, AT(users_file), "", 0, 0, NULL,
     "file with more users, name:password a line, that are re-created on a new main; read anew "
     "each time"},
    {"BOLT_PORT", NUMBER, AT(bolt_port), "7687", 1, 65535, NULL, "Bolt port of the pods"},
    {"REPLICATION_PORT", NUMBER, AT(replication_port), "10000", 1, 65535, NULL,
     "replication port of the pods"},
    {"REPLICATION_ADDRESS", CHOICE, AT(replication_address), "ip", 0, 0, addresses,
     "how replicas are registered: ip or fqdn"},
    {"REPLICATION_MODE", CHOICE, AT(replication_mode), "auto", 0, 0, replication_modes,
     "auto (STRICT_SYNC from Memgraph 3.5 on, else SYNC), sync or strict_sync"},
    {"DURABILITY", CHOICE, AT(durability), "required", 0, 0, durabilities,
     "required: without a SYNC replica writes fail; preferred: after SYNC_LOSS_TIMEOUT they go on"},
    {"SYNC_LOSS_TIMEOUT", MILLISECONDS, AT(sync_loss_ms), "5s", 0, DAY_MS, NULL,
     "DURABILITY=preferred: how long writes wait for the SYNC replica"},
    {"PLANNED_RESTART", CHOICE, AT(planned_restart), "degrade", 0, 0, planned_restarts,
     "while the SYNC replica restarts by plan: degrade: the main serves alone; block: writes fail"},
    {"PLANNED_RESTART_LIMIT", MILLISECONDS, AT(planned_limit_ms), "5m", 1000, DAY_MS, NULL,
     "PLANNED_RESTART=degrade: the main serves alone for no longer"},
    {"REBUILD_POLICY", CHOICE, AT(rebuild_policy), "safe", 0, 0, rebuild_policies,
     "safe: a diverged replica is rebuilt by itself when nothing can be lost; manual: only when "
     "asked"},
    {"SWITCHOVER_DRAIN", MILLISECONDS, AT(switchover_drain_ms), "0", 0, 60000, NULL,
     "before a switchover sessions may end by themselves for so long"},
    {"SWITCHOVER_TIMEOUT", MILLISECONDS, AT(switchover_timeout_ms), "10s", 100, DAY_MS, NULL,
     "a switchover whose SYNC replica has not caught up within this is given up"},
    {"PRESTOP_TIMEOUT_SECONDS", NUMBER, AT(prestop_s), "60", 1, 3600, NULL,
     "how long a preStop hook waits until its pod may stop"},
    {"ADMIN_TOKEN_FILE", TEXT, AT(admin_token_file), "", 0, 0, NULL,
     "file with the bearer token of /api/v1/admin; empty: those routes are closed"},
    {"KUBE_API_URL", TEXT, AT(kube_api_url), "", 0, 0, NULL,
     "API server; empty: the cluster that this pod runs in"},
    {"KUBE_TOKEN_FILE", TEXT, AT(kube_token_file), "", 0, 0, NULL,
     "file with the bearer token; empty: the ServiceAccount's"},
    {"KUBE_CA_FILE", TEXT, AT(kube_ca_file), "", 0, 0, NULL,
     "file with the API server's CA; empty: the ServiceAccount's"},
    {"HTTP_PORT", NUMBER, AT(http_port), "8080", 1, 65535, NULL, "status, metrics and health"},
    {"HTTP_BIND_ADDRESS", TEXT, AT(http_host), "0.0.0.0", 0, 0, NULL,
     "address on which they listen"},
    {"LOG_LEVEL", CHOICE, AT(log_level), "info", 0, 0, log_levels, "debug, info, warn or error"},
    {"LOG_FORMAT", CHOICE, AT(log_format), "logfmt", 0, 0, log_formats, "logfmt or json"},
    {"RECONCILE_INTERVAL", MILLISECONDS, AT(reconcile_ms), "30s", 1000, DAY_MS, NULL,
     "everything is looked at anew at least this often"},
    {"PROBE_INTERVAL", MILLISECONDS, AT(probe_interval_ms), "1s", 50, 60000, NULL,
     "between two questions for a pod's role"},
    {"PROBE_TIMEOUT", MILLISECONDS, AT(probe_timeout_ms), "1s", 50, 60000, NULL,
     "a question without an answer for so long has failed"},
    {"PROBE_FAILURES", NUMBER, AT(probe_failures), "3", 1, 100, NULL,
     "so many of them in a row: the pod hangs"},
    {"SYNC_WATCH_INTERVAL", MILLISECONDS, AT(sync_watch_ms), "100ms", 20, 10000, NULL,
     "between two looks at the main's list of replicas"},
    {"REFRESH_TIMEOUT", MILLISECONDS, AT(refresh_timeout_ms), "5s", 100, 60000, NULL,
     "how long a new epoch waits for its SYNC replica"},
    {"REPLICA_HEAL_TIMEOUT", MILLISECONDS, AT(heal_timeout_ms), "15s", 1000, DAY_MS, NULL,
     "how long Memgraph may heal a replica by itself"},
    {"PROOF_INTERVAL", MILLISECONDS, AT(proof_interval_ms), "1s", 0, DAY_MS, NULL,
     "STRICT_SYNC: at most this often a touch proves the last writes; 0: off"},
    {"CATCHUP_BEHIND", NUMBER, AT(catchup_behind), "1000", 0, INT32_MAX, NULL,
     "a returning SYNC replica joins when it is no further behind"},
    {"PROMOTE_POKE", NUMBER, AT(promote_poke), "16", 0, 256, NULL,
     "idle connections that speed a promotion up; 0: off"},
    {"LEASE_DURATION", MILLISECONDS, AT(lease_ms), "15s", 1000, DAY_MS, NULL,
     "a lease that was not renewed for so long is free"},
    {"LEASE_RENEW_DEADLINE", MILLISECONDS, AT(lease_renew_ms), "10s", 500, DAY_MS, NULL,
     "a leader that could not renew for so long stops acting"},
    {"LEASE_RETRY_PERIOD", MILLISECONDS, AT(lease_retry_ms), "2s", 100, DAY_MS, NULL,
     "between two renewals"},
    {"SHUTDOWN_GRACE", MILLISECONDS, AT(shutdown_grace_ms), "3s", 0, DAY_MS, NULL,
     "sessions go on for so long after SIGTERM"},
    {"GATEWAY_ENABLED", FLAG, AT(gateway), "true", 0, 0, NULL, "the read/write gateway"},
    {"GATEWAY_BIND_ADDRESS", ADDRESS, AT(gateway_bind), "0.0.0.0:7687", 0, 0, NULL,
     "where it listens"},
    {"ENABLE_READ_GATEWAY", FLAG, AT(read_gateway), "false", 0, 0, NULL, "the read-only gateway"},
    {"GATEWAY_READ_BIND_ADDRESS", ADDRESS, AT(read_bind), "0.0.0.0:7688", 0, 0, NULL,
     "where it listens"},
    {"GATEWAY_WORKERS", NUMBER, AT(workers), "0", 0, 64, NULL,
     "threads of each gateway; 0: one a CPU, at most 8"},
    {"GATEWAY_MAX_CONNECTIONS", NUMBER, AT(max_connections), "1000", 1, 1000000, NULL,
     "clients of each gateway, waiting ones included"},
    {"GATEWAY_BUFFER_SIZE", NUMBER, AT(buffer_size), "65536", 4096, 16777216, NULL,
     "bytes held for a slow reader before its writer waits"},
    {"GATEWAY_TIMEOUT", MILLISECONDS, AT(session_ms), "30s", 100, DAY_MS, NULL,
     "from accept to the first byte exchanged, waiting included"},
    {"GATEWAY_CONNECTION_TIMEOUT", MILLISECONDS, AT(connect_ms), "2s", 10, DAY_MS, NULL,
     "for the connection to the pod"},
    {"GATEWAY_HOLD_TIMEOUT", MILLISECONDS, AT(hold_ms), "5s", 0, DAY_MS, NULL,
     "how long clients wait for a main; 0: refused at once"},
    {"GATEWAY_HOLD_DRAIN", MILLISECONDS, AT(hold_drain_ms), "30ms", 0, 10000, NULL,
     "answers still flow for so long when sessions are held"},
    {"GATEWAY_IDLE_TIMEOUT", MILLISECONDS, AT(idle_ms), "0", 0, DAY_MS, NULL,
     "sessions without a byte for so long are cut; 0: never"},
    {"GATEWAY_TCP_USER_TIMEOUT", MILLISECONDS, AT(user_timeout_ms), "0", 0, DAY_MS, NULL,
     "unacknowledged data for so long ends a connection; 0: the system's"},
    {"GATEWAY_TCP_CONGESTION", TEXT, AT(congestion), "cubic,reno", 0, 0, NULL,
     "the first of these that the kernel allows, on both sides; system: its own choice"},
    {"GATEWAY_MAX_PARKED", NUMBER, AT(max_parked), "0", 0, 1000000, NULL,
     "so many of the clients may wait for a pod; 0: all of them"},
    {"GATEWAY_RATE_LIMIT_PER_SECOND", NUMBER, AT(rate_per_s), "0", 0, 1000000, NULL,
     "new clients of one address (IPv6: of one /64); 0: no limit"},
    {"GATEWAY_RATE_LIMIT_BURST", NUMBER, AT(rate_burst), "100", 1, 1000000, NULL,
     "so many of them at once"},
    {"GATEWAY_PROXY_PROTOCOL_FROM", TEXT, AT(proxy_from), "", 0, 0, NULL,
     "networks whose connections begin with a PROXY header, such as 10.0.0.0/8,fd00::/8"},
    {"GATEWAY_TLS_CERT_PATH", TEXT, AT(tls_cert), "", 0, 0, NULL,
     "certificate chain (PEM) for clients that speak TLS; empty: TLS passes through"},
    {"GATEWAY_TLS_KEY_PATH", TEXT, AT(tls_key), "", 0, 0, NULL, "its key (PEM)"},
    {"READ_MAX_LAG", NUMBER, AT(read_max_lag), "1000", 0, INT32_MAX, NULL,
     "a replica in recovery serves reads when it is no further behind"},
    {"READ_FALLBACK_MAIN", FLAG, AT(read_fallback_main), "true", 0, 0, NULL,
     "without a replica, reads go to the main"},
    {"READ_BALANCE", CHOICE, AT(read_balance), "ordinal", 0, 0, balances,
     "which replica serves a reader: ordinal, round_robin or least_connections"},
};

size_t config_count(void)
{
    return ARRAY_LEN(rows);
}

struct config_entry config_entry_at(size_t i)
{
    return (struct config_entry){rows[i].name, rows[i].fallback, rows[i].help};
}

static void say(struct buf *errors, const struct variable *row, const char *value,
                const char *wanted)
{
    buf_printf(errors, "%s='%s': wanted %s\n", row->name, value, wanted);
}

static void *member(struct config *c, const struct variable *row)
{
    return (char *)c + row->offset;
}

static void read_text(struct config *c, const struct variable *row, const char *value,
                      struct buf *errors)
{
    if (!str_copy(member(c, row), row->size, value))
        say(errors, row, value, "a shorter text");
}

/* Kubernetes names: lower case letters, digits, - and . ; they become parts of URLs. */
static void read_name(struct config *c, const struct variable *row, const char *value,
                      struct buf *errors)
{
    if (value[strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-.")])
        say(errors, row, value, "a Kubernetes name (lower case letters, digits, - and .)");
    else
        read_text(c, row, value, errors);
}

static void read_number(struct config *c, const struct variable *row, const char *value,
                        struct buf *errors)
{
    int64_t *out = member(c, row);
    char wanted[80];

    if (str_to_int64(str_of(value), out) && *out >= row->least && *out <= row->most)
        return;
    (void)str_format(wanted, sizeof wanted, "a number from %lld to %lld", (long long)row->least,
                     (long long)row->most);
    say(errors, row, value, wanted);
}

static void read_milliseconds(struct config *c, const struct variable *row, const char *value,
                              struct buf *errors)
{
    int64_t *out = member(c, row);
    char wanted[120], least[32], most[32];

    if (duration_parse(str_of(value), out) && *out >= row->least && *out <= row->most)
        return;
    (void)str_format(wanted, sizeof wanted, "a duration such as 500ms, 30s or 5m, from %s to %s",
                     duration_format(row->least, least, sizeof least),
                     duration_format(row->most, most, sizeof most));
    say(errors, row, value, wanted);
}

static void read_flag(struct config *c, const struct variable *row, const char *value,
                      struct buf *errors)
{
    int64_t *out = member(c, row);
    struct str v = str_of(value);

    *out = str_eq(v, "true") || str_eq(v, "1") || str_eq(v, "yes");
    if (!*out && !str_eq(v, "false") && !str_eq(v, "0") && !str_eq(v, "no"))
        say(errors, row, value, "true or false");
}

static void read_choice(struct config *c, const struct variable *row, const char *value,
                        struct buf *errors)
{
    int64_t *out = member(c, row);
    char wanted[120] = "";

    for (size_t i = 0; row->words[i]; i++) {
        if (str_eq(str_of(value), row->words[i])) {
            *out = (int64_t)i;
            return;
        }
        (void)str_append(wanted, sizeof wanted, "%s%s", i ? ", " : "", row->words[i]);
    }
    say(errors, row, value, wanted);
}

/* host:port, [v6]:port or :port; the host is an IP address. */
static void read_address(struct config *c, const struct variable *row, const char *value,
                         struct buf *errors)
{
    struct config_address *out = member(c, row);
    const char *colon = strrchr(value, ':');
    struct in6_addr any;
    struct str host;
    int64_t port;

    *out = (struct config_address){0};
    if (colon && str_to_int64(str_of(colon + 1), &port) && port >= 1 && port <= 65535) {
        host = (struct str){value, (size_t)(colon - value)};
        if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
            host = (struct str){host.p + 1, host.n - 2};
        if (str_copy_n(out->host, sizeof out->host, host.n ? host : str_of("0.0.0.0")) &&
            (inet_pton(AF_INET, out->host, &any) == 1 ||
             inet_pton(AF_INET6, out->host, &any) == 1)) {
            out->port = (unsigned)port;
            return;
        }
    }
    say(errors, row, value, "an IP address and a port, such as 0.0.0.0:7687");
}

static void read_row(struct config *c, const struct variable *row, const char *value,
                     struct buf *errors)
{
    switch (row->kind) {
    case TEXT:
        read_text(c, row, value, errors);
        return;
    case NAME:
        read_name(c, row, value, errors);
        return;
    case NUMBER:
        read_number(c, row, value, errors);
        return;
    case MILLISECONDS:
        read_milliseconds(c, row, value, errors);
        return;
    case FLAG:
        read_flag(c, row, value, errors);
        return;
    case CHOICE:
        read_choice(c, row, value, errors);
        return;
    case ADDRESS:
        read_address(c, row, value, errors);
        return;
    }
}

/* The Secret that it comes from may lack the key (run.c warns). Without its folder it is a mistake.
 */
static bool may_come_yet(const struct fail *fail, const char *path)
{
    const char *end = strrchr(path, '/');
    char folder[512];

    return fail->kind == FAIL_GONE && end &&
           str_copy_n(folder, sizeof folder, (struct str){path, (size_t)(end - path) + 1}) &&
           access(folder, F_OK) == 0;
}

/* Files that must make sense from the start on; what becomes of them later is for the log. */
static void check_files(const struct config *c, struct buf *errors)
{
    struct users *users = users_new(c->user, c->password, c->users_file);
    struct fail fail = users_read(users);
    struct kube_token token;

    if (fail.kind != FAIL_NONE && !may_come_yet(&fail, c->users_file))
        buf_printf(errors, "MEMGRAPH_USERS_FILE='%s': %s\n", c->users_file, fail.text);
    users_free(users);
    kube_token_init(&token, c->admin_token_file);
    (void)kube_token_get(&token);
    if (token.fail.kind != FAIL_NONE && !may_come_yet(&token.fail, c->admin_token_file))
        buf_printf(errors, "ADMIN_TOKEN_FILE: %s\n", token.fail.text);
    kube_token_done(&token);
}

/* Nothing is concluded from a value that could not be read. */
static bool was_read(const bool *wrong, const char *name)
{
    size_t i = 0;

    while (i < ARRAY_LEN(rows) && strcmp(rows[i].name, name) != 0)
        i++;
    assert(i < ARRAY_LEN(rows));
    return !wrong[i];
}

static void check_lease(const struct config *c, const bool *wrong, struct buf *errors)
{
    if (!was_read(wrong, "LEASE_RENEW_DEADLINE"))
        return;
    if (was_read(wrong, "LEASE_DURATION") && c->lease_renew_ms >= c->lease_ms)
        buf_add_text(errors, "LEASE_RENEW_DEADLINE must be shorter than LEASE_DURATION: a leader "
                             "must stop before another one may start\n");
    if (was_read(wrong, "LEASE_RETRY_PERIOD") && c->lease_retry_ms >= c->lease_renew_ms)
        buf_add_text(errors, "LEASE_RETRY_PERIOD must be shorter than LEASE_RENEW_DEADLINE\n");
}

/* What no single variable shows, or not by its kind alone. */
static void check_together(const struct config *c, const bool *wrong, struct buf *errors)
{
    struct in6_addr any;
    struct networks networks;

    check_lease(c, wrong, errors);
    if (c->password[0] && !c->user[0])
        buf_add_text(errors, "MEMGRAPH_PASSWORD is set and MEMGRAPH_USER is not: set both\n");
    if (was_read(wrong, "MEMGRAPH_USER") && c->user[0] && !users_name_is_fine(c->user))
        buf_printf(errors, "MEMGRAPH_USER='%s': wanted " USERS_NAME_WANTED "\n", c->user);
    if (was_read(wrong, "GATEWAY_BIND_ADDRESS") && was_read(wrong, "GATEWAY_READ_BIND_ADDRESS") &&
        c->gateway && c->read_gateway && c->gateway_bind.port == c->read_bind.port &&
        strcmp(c->gateway_bind.host, c->read_bind.host) == 0)
        buf_add_text(errors, "GATEWAY_BIND_ADDRESS and GATEWAY_READ_BIND_ADDRESS are the same: "
                             "give each gateway its own port\n");
    if (was_read(wrong, "GATEWAY_PROXY_PROTOCOL_FROM") &&
        !networks_parse(&networks, str_of(c->proxy_from)))
        buf_printf(errors,
                   "GATEWAY_PROXY_PROTOCOL_FROM='%s': wanted at most %d networks, such as "
                   "10.0.0.0/8,fd00::/8\n",
                   c->proxy_from, NETWORKS_MAX);
    if (!c->tls_cert[0] != !c->tls_key[0])
        buf_add_text(errors, "GATEWAY_TLS_CERT_PATH and GATEWAY_TLS_KEY_PATH: set both or none\n");
    if (was_read(wrong, "HTTP_BIND_ADDRESS") && inet_pton(AF_INET, c->http_host, &any) != 1 &&
        inet_pton(AF_INET6, c->http_host, &any) != 1)
        buf_printf(errors, "HTTP_BIND_ADDRESS='%s': wanted an IP address\n", c->http_host);
}

bool config_read(struct config *out, config_get_fn *get, struct buf *errors)
{
    bool wrong[ARRAY_LEN(rows)];

    *out = (struct config){0};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *value = get(rows[i].name);
        size_t before = errors->n;

        read_row(out, &rows[i], value && value[0] ? value : rows[i].fallback, errors);
        wrong[i] = errors->n != before;
    }
    check_together(out, wrong, errors);
    check_files(out, errors);
    if (!out->pod[0])
        (void)gethostname(out->pod, sizeof out->pod - 1);
    if (!out->release[0])
        (void)str_copy(out->release, sizeof out->release, out->statefulset);
    if (!out->service[0])
        (void)str_copy(out->service, sizeof out->service, out->statefulset);
    return errors->n == 0;
}

void config_settings(const struct config *c, struct settings *out)
{
    *out = (struct settings){
        .replication_port = (unsigned)c->replication_port,
        .replication_mode = (enum replication_mode)c->replication_mode,
        .durability = (enum durability)c->durability,
        .planned_restart = (enum planned_restart)c->planned_restart,
        .rebuild_policy = (enum rebuild_policy)c->rebuild_policy,
        .sync_loss_us = c->sync_loss_ms * 1000,
        .planned_limit_us = c->planned_limit_ms * 1000,
        .switchover_drain_us = c->switchover_drain_ms * 1000,
        .switchover_timeout_us = c->switchover_timeout_ms * 1000,
        .has_users = c->user[0] != '\0', /* without it there are no more (users_read) */
        .read_fallback_main = c->read_fallback_main,
        .read_max_lag = c->read_max_lag,
        .probe_failures = (unsigned)c->probe_failures,
        .probe_timeout_us = c->probe_timeout_ms * 1000,
        .sync_watch_us = c->sync_watch_ms * 1000,
        .hold_timeout_us = c->hold_ms * 1000,
        .hold_drain_us = c->hold_drain_ms * 1000,
        .refresh_timeout_us = c->refresh_timeout_ms * 1000,
        .replica_heal_us = c->heal_timeout_ms * 1000,
        .proof_interval_us = c->proof_interval_ms * 1000,
        .reconcile_us = c->reconcile_ms * 1000,
        .catchup_behind = c->catchup_behind,
    };
    (void)str_copy(out->name, sizeof out->name, c->statefulset);
    if (c->replication_address == 1)
        (void)str_format(out->domain, sizeof out->domain, "%s.%s.svc.%s", c->service, c->namespace_,
                         c->cluster_domain);
}

int64_t config_stall_limit_ms(const struct config *c)
{
    return c->probe_timeout_ms * (c->probe_failures > 1 ? c->probe_failures - 1 : 1);
}

unsigned config_gateway_workers(const struct config *c)
{
    enum { MOST = 8 };
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    if (c->workers)
        return (unsigned)c->workers;
    return (unsigned)(cpus < 1 ? 1 : cpus > MOST ? MOST : cpus);
}

void config_record_name(const struct config *c, char *out, size_t size)
{
    (void)str_format(out, size, "%s-state", c->release);
}

void config_lease_name(const struct config *c, char *out, size_t size)
{
    (void)str_format(out, size, "%s-controller", c->release);
}
