/* SET REPLICATION ROLE, REGISTER and DROP REPLICA (facts 2.3 to 2.5, 5.4). */
#include "models/memgraph_impl.h"

#include <assert.h>

#define BAD_ADDRESS                                                                                \
    "Invalid socket address. The socket address must be a string defining the address and port, "  \
    "delimited by a single colon. The address must be valid and the port must be an integer."

enum register_error {
    REGISTER_NAME_EXISTS = 1,
    REGISTER_ENDPOINT_EXISTS = 2,
    REGISTER_DIVERGED = 3,
    REGISTER_NO_MAIN_ACCEPTED = 5,
    REGISTER_NO_ACCESS = 6
};

static bool lock_free(const struct mg *mg)
{
    return !mg->exclusive && mg->commit.phase == MG_COMMIT_NONE;
}

static void change_begin(struct mg_session *s, enum mg_change_kind kind)
{
    struct mg *mg = s->mg;

    mg->exclusive = true;
    mg->change = (struct mg_change){.kind = kind, .session = s};
    s->finish = MG_FINISH_UNDER_WAY;
}

static void change_end(struct mg *mg, const char *message)
{
    struct mg_session *s = mg->change.session;

    mg->exclusive = false;
    mg->change = (struct mg_change){.kind = MG_CHANGE_NONE};
    if (s) {
        s->finish = MG_FINISH_DONE;
        str_copy(s->finish_message, sizeof(s->finish_message), message);
    }
    mg_changed(mg);
}

/* Progress of what waits. */

static void demote(struct mg *mg)
{
    struct list *node;

    while ((node = mg->replicas.next) != &mg->replicas)
        mg_replica_remove(CONTAINER_OF(node, struct mg_replica, node));
    mg->is_main = false;
    mg->port = mg->change.port;
    mg_uuid(mg, mg->main_uuid); /* nobody's: every main is refused until one registers us */
    mg_persist_replication(mg);
    mg->listening = mg->host.listen(mg->host.arg, mg->port);
    change_end(mg, mg->listening ? "" : "Couldn't set role to replica!");
}

static void promote(struct mg *mg)
{
    if (mg->listening)
        mg->host.unlisten(mg->host.arg);
    mg->listening = false;
    mg_prepared_drop(mg);
    mg->log_epoch[0] = '\0';
    mg_history_save(mg);
    mg_uuid(mg, mg->epoch); /* in memory only, until something is committed in it */
    mg_uuid(mg, mg->main_uuid);
    mg->is_main = true;
    mg_persist_replication(mg);
    change_end(mg, "");
}

static void drop(struct mg *mg)
{
    struct mg_replica *r = mg->change.replica;

    mg_replica_remove(r);
    mg_persist_replication(mg);
    if (mg->change.crash)
        mg_die(mg, "DROP REPLICA freed the client of a replica that was still in use");
    else
        change_end(mg, "");
}

static bool all_idle(const struct mg *mg)
{
    LIST_FOR_EACH (node, &mg->replicas) {
        if (!mg_replica_idle(CONTAINER_OF(node, struct mg_replica, node)))
            return false;
    }
    return true;
}

void mg_change_progress(struct mg *mg)
{
    switch (mg->change.kind) {
    case MG_CHANGE_NONE:
    case MG_REGISTERING:
        break;
    case MG_DROPPING:
        if (mg_replica_idle(mg->change.replica))
            drop(mg);
        break;
    case MG_DEMOTING:
        if (all_idle(mg))
            demote(mg);
        break;
    case MG_PROMOTING:
        if (mg->now_us >= mg->change.end_at)
            promote(mg);
        break;
    }
}

/* REGISTER: the main UUID, the system data, the check of the epoch. Each failure leaves the entry
 * behind, without a client: a zombie. */

enum { REGISTER_TEXT_SIZE = MG_NAME_SIZE + 64 };

static void register_text(const struct mg *mg, const char *name, int error,
                          char out[REGISTER_TEXT_SIZE])
{
    str_format(out, REGISTER_TEXT_SIZE, "Couldn't register replica %s.", name);
    if (mg->features.register_numbers)
        str_append(out, REGISTER_TEXT_SIZE, " Error: %d", error);
}

static void register_end(struct mg_replica *r, int error)
{
    char message[REGISTER_TEXT_SIZE] = "";

    r->zombie = error != 0;
    r->beat_at = r->mg->now_us + MG_BEAT_PERIOD_US;
    if (error)
        register_text(r->mg, r->name, error, message);
    change_end(r->mg, message);
}

void mg_register_answered(struct mg_replica *r, enum mg_rpc rpc, bool ok)
{
    switch (rpc) {
    case MG_RPC_SWAP:
        if (!ok) {
            register_end(r, REGISTER_NO_MAIN_ACCEPTED);
            break;
        }
        mg_send_system(r);
        mg_send_check(r);
        break;
    case MG_RPC_CHECK:
        register_end(r, r->status == MG_DIVERGED ? REGISTER_DIVERGED : 0);
        break;
    case MG_RPC_SYSTEM:
    case MG_RPC_BEAT:
    case MG_RPC_PREPARE:
    case MG_RPC_FINISH:
    case MG_RPC_WAL:
    case MG_RPC_SNAPSHOT:
    case MG_RPC_COUNT:
        break;
    }
}

/* host[:port] as Memgraph reads it: the port wraps at 65536. NULL: fine. */
static const char *read_address(const char *text, char out[MG_ADDRESS_SIZE], bool *transient)
{
    struct str rest = str_of(text), host = str_cut(&rest, ':');
    int64_t port = 10000;

    *transient = false;
    if (str_contains(rest, ":"))
        return BAD_ADDRESS;
    if (strchr(text, ':') && !str_to_int64(rest, &port)) {
        *transient = true;
        return "Couldn't parse string";
    }
    str_format(out, MG_ADDRESS_SIZE, "%.*s:%u", STR_ARGS(host), (unsigned)(port & 0xFFFF));
    return NULL;
}

static int register_conflict(struct mg *mg, const char *name, const char *address)
{
    if (mg_replica_find(mg, name))
        return REGISTER_NAME_EXISTS;
    LIST_FOR_EACH (node, &mg->replicas) {
        if (!strcmp(CONTAINER_OF(node, struct mg_replica, node)->address, address))
            return REGISTER_ENDPOINT_EXISTS;
    }
    return 0;
}

static void register_begin(struct mg_session *s, const struct admin *a)
{
    struct mg *mg = s->mg;
    char address[MG_ADDRESS_SIZE], text[REGISTER_TEXT_SIZE];
    const char *wrong;
    bool transient;
    int error;

    if (!mg->is_main) {
        mg_query_failed(s, MG_CLIENT_ERROR, "Replica can't register another replica!");
        return;
    }
    wrong = read_address(a->address, address, &transient);
    if (wrong) {
        mg_query_failed(s, transient ? MG_TRANSIENT_ERROR : MG_CLIENT_ERROR, "%s", wrong);
        return;
    }
    error = lock_free(mg) ? register_conflict(mg, a->name, address) : REGISTER_NO_ACCESS;
    if (error) {
        register_text(mg, a->name, error, text);
        mg_query_failed(s, MG_CLIENT_ERROR, "%s", text);
        return;
    }
    change_begin(s, MG_REGISTERING);
    mg->change.replica = mg_replica_add(mg, a->name, address, a->mode);
    mg_persist_replication(mg);
    mg_send_swap(mg->change.replica);
    mg_wait(s, INT64_MAX);
}

/* DROP waits a little for the lock. */
static void drop_begin(struct mg_session *s, const struct admin *a)
{
    struct mg *mg = s->mg;
    struct mg_replica *r = mg_replica_find(mg, a->name);

    if (!mg->is_main) {
        mg_query_failed(s, MG_CLIENT_ERROR,
                        "Replica can't unregister a replica! Please rerun the query on main in "
                        "order to unregister a replica from the cluster.");
        return;
    }
    if (!lock_free(mg)) {
        if (!s->stage) {
            s->stage = 1;
            mg_wait(s, mg->now_us + MG_LOCK_WAIT_US);
        } else if (mg->now_us < s->wake_at) {
            mg_wait(s, s->wake_at);
        } else {
            mg_query_failed(s, MG_CLIENT_ERROR,
                            "Failed to unregister replica due to lack of unique access over the "
                            "cluster state. Please try again later on.");
        }
        return;
    }
    if (!r) {
        mg_query_failed(s, MG_CLIENT_ERROR, "Failed to unregister the replica %s.", a->name);
        return;
    }
    change_begin(s, MG_DROPPING);
    mg->change.replica = r;
    mg->change.crash = mg_replica_recovers(r) && mg_chance(mg, mg->config.drop_crash_percent);
    mg_replica_quiet(r);
    mg_changed(mg);
    mg_wait(s, INT64_MAX);
}

static void demote_begin(struct mg_session *s, const struct admin *a)
{
    struct mg *mg = s->mg;

    if (a->port < 0 || a->port > 65535) {
        mg_query_failed(s, MG_CLIENT_ERROR, "Port number invalid!");
        return;
    }
    if (!mg->is_main || !lock_free(mg)) {
        mg_query_failed(s, MG_CLIENT_ERROR, "Couldn't set role to replica!");
        return;
    }
    change_begin(s, MG_DEMOTING);
    mg->change.port = (unsigned)a->port;
    LIST_FOR_EACH (node, &mg->replicas) {
        mg_replica_quiet(CONTAINER_OF(node, struct mg_replica, node));
    }
    mg_changed(mg);
    mg_wait(s, INT64_MAX);
}

static void promote_begin(struct mg_session *s)
{
    struct mg *mg = s->mg;

    if (mg->is_main || !lock_free(mg)) {
        mg_query_failed(s, MG_CLIENT_ERROR, "Couldn't set replication role to main!");
        return;
    }
    change_begin(s, MG_PROMOTING);
    mg->change.end_at = mg->now_us + (mg->listening ? mg->config.promotion_us : 0);
    mg_changed(mg);
    mg_wait(s, INT64_MAX);
}

static void succeeded(struct mg_session *s, struct mg_result *result)
{
    const struct admin *a = &result->admin;

    if (a->kind == ADMIN_SET_MAIN)
        mg_notify(result, "SetReplica", "INFO", "Replica role set to MAIN.");
    else if (a->kind == ADMIN_SET_REPLICA)
        mg_notify(result, "SetReplica", "INFO", "Replica role set to REPLICA.");
    else if (a->kind == ADMIN_REGISTER)
        mg_notify(result, "RegisterReplica", "INFO", "Replica %s is registered.", a->name);
    else
        mg_notify(result, "DropReplica", "INFO", "Replica %s is dropped.", a->name);
    mg_reply_summary(s, result);
}

void mg_role_step(struct mg_session *s, struct mg_result *result)
{
    const struct admin *a = &result->admin;

    if (s->finish == MG_FINISH_UNDER_WAY) {
        mg_wait(s, INT64_MAX);
    } else if (s->finish == MG_FINISH_DONE) {
        if (s->finish_message[0])
            mg_query_failed(s, MG_CLIENT_ERROR, "%s", s->finish_message);
        else
            succeeded(s, result);
    } else if (a->kind == ADMIN_REGISTER) {
        register_begin(s, a);
    } else if (a->kind == ADMIN_DROP_REPLICA) {
        drop_begin(s, a);
    } else if (a->kind == ADMIN_SET_REPLICA) {
        demote_begin(s, a);
    } else {
        promote_begin(s);
    }
}
