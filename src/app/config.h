/* config: the environment as one checked struct. All that is wrong with it is said at once.
 *
 * Every variable stands in one table in config.c with its default and its help; the reference page
 * docs/reference.md is compared with that table by a test. */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include "base/buf.h"
#include "base/log.h"
#include "core/view.h"

#include <stdint.h>

struct config_address {
    char host[64];
    unsigned port;
};

struct config {
    char namespace_[64], statefulset[64], app[64], release[64], pod[128], service[64];
    char cluster_domain[128];
    char user[128], password[128], users_file[512];
    char kube_api_url[512], kube_token_file[512], kube_ca_file[512];
    int64_t bolt_port, replication_port, http_port;
    char http_host[64];
    int64_t log_level, log_format;
    int64_t replication_address; /* 0: ip, 1: fqdn */
    int64_t replication_mode, durability, planned_restart, rebuild_policy;
    int64_t sync_loss_ms, planned_limit_ms, switchover_drain_ms, switchover_timeout_ms;
    int64_t prestop_s;
    char admin_token_file[512];
    int64_t reconcile_ms, probe_interval_ms, probe_timeout_ms, probe_failures, sync_watch_ms;
    int64_t refresh_timeout_ms, heal_timeout_ms, proof_interval_ms, catchup_behind, promote_poke;
    int64_t lease_ms, lease_renew_ms, lease_retry_ms, shutdown_grace_ms;
    int64_t gateway, read_gateway, workers, max_connections, buffer_size;
    struct config_address gateway_bind, read_bind;
    int64_t hold_ms, hold_drain_ms, connect_ms, session_ms, idle_ms, user_timeout_ms;
    int64_t max_parked, rate_per_s, rate_burst;
    char congestion[64], proxy_from[512], tls_cert[512], tls_key[512];
    int64_t read_max_lag, read_fallback_main, read_balance;
};

/* Reads the environment through get (getenv in the program). False: errors holds one line for each
 * thing that is wrong, with what to do. */
typedef const char *config_get_fn(const char *name);
bool config_read(struct config *out, config_get_fn *get, struct buf *errors) MUST_CHECK;
/* What the core needs of it. */
void config_settings(const struct config *c, struct settings *out);
/* Whoever stood still for longer may have missed that the main was replaced: one that hangs is
 * after PROBE_FAILURES time-outs of a probe, the first of which cuts its sessions. */
int64_t config_stall_limit_ms(const struct config *c);
/* Threads of each gateway. */
unsigned config_gateway_workers(const struct config *c);
/* <release or statefulset>-state and -controller: the record and the lease. */
void config_record_name(const struct config *c, char *out, size_t size);
void config_lease_name(const struct config *c, char *out, size_t size);

/* The table, for --help, check-config and the documentation's test. */
struct config_entry {
    const char *name, *fallback, *help;
};
size_t config_count(void);
struct config_entry config_entry_at(size_t i);

#endif
