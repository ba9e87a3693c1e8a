#include "app/words.h"

/* Limits of commands: what Memgraph itself may take (facts 3.3, live facts 1.6) and a margin. */
static const int64_t role_limit_us = 45LL * 1000 * 1000;
static const int64_t register_limit_us = 60LL * 1000 * 1000;
static const int64_t touch_limit_us = 40LL * 1000 * 1000;

enum role words_role(enum memgraph_role role)
{
    switch (role) {
    case MEMGRAPH_MAIN:
        return ROLE_MAIN;
    case MEMGRAPH_REPLICA:
        return ROLE_REPLICA;
    case MEMGRAPH_ROLE_UNKNOWN:
        break;
    }
    return ROLE_UNKNOWN;
}

enum row_status words_status(enum memgraph_status status)
{
    switch (status) {
    case MEMGRAPH_READY:
        return ROW_READY;
    case MEMGRAPH_REPLICATING:
        return ROW_REPLICATING;
    case MEMGRAPH_RECOVERY:
        return ROW_RECOVERY;
    case MEMGRAPH_INVALID:
        return ROW_INVALID;
    case MEMGRAPH_DIVERGED:
        return ROW_DIVERGED;
    case MEMGRAPH_STATUS_UNKNOWN:
        break;
    }
    return ROW_UNKNOWN;
}

enum mode words_mode(enum memgraph_mode mode)
{
    switch (mode) {
    case MEMGRAPH_SYNC:
        return MODE_SYNC;
    case MEMGRAPH_STRICT_SYNC:
        return MODE_STRICT_SYNC;
    case MEMGRAPH_ASYNC:
        break;
    }
    return MODE_ASYNC;
}

enum outcome words_outcome(const struct bolt_answer *answer, enum effect_kind kind)
{
    if (answer->fail.kind != FAIL_NONE)
        return OUTCOME_FAILED;
    switch (answer->error) {
    case MEMGRAPH_OK:
        return memgraph_sync_failed(answer->rows.summary) ? OUTCOME_NOT_CONFIRMED : OUTCOME_OK;
    case MEMGRAPH_ROLE_NOT_SET:
        return OUTCOME_ROLE_NOT_SET;
    case MEMGRAPH_BUSY:
    case MEMGRAPH_TRANSIENT:
        return OUTCOME_BUSY;
    case MEMGRAPH_NAME_EXISTS:
    case MEMGRAPH_ENDPOINT_EXISTS:
        return OUTCOME_EXISTS;
    case MEMGRAPH_DIVERGED_REPLICA:
        return OUTCOME_REFUSED;
    case MEMGRAPH_UNREACHABLE:
    case MEMGRAPH_NOT_REGISTERED: /* unless the rows say more: words_registered */
        return OUTCOME_UNREACHABLE;
    case MEMGRAPH_NOT_CONFIRMED:
        return OUTCOME_NOT_CONFIRMED;
    case MEMGRAPH_ABORTED:
        return OUTCOME_ABORTED;
    case MEMGRAPH_NO_SUCH_REPLICA:
        return kind == EFFECT_DROP ? OUTCOME_OK : OUTCOME_FAILED;
    case MEMGRAPH_EXISTS:
        return kind == EFFECT_ENSURE_USERS ? OUTCOME_OK : OUTCOME_FAILED;
    case MEMGRAPH_WRONG_ROLE:
    case MEMGRAPH_UNAUTHORISED:
    case MEMGRAPH_OTHER:
        break;
    }
    return OUTCOME_FAILED;
}

/* A lock that was busy leaves no row, all the rest does (facts 2.4). A dead row may be that of a
 * replica that cannot be reached or that has diverged: the former is assumed, as it is tried again
 * and never rebuilt. */
enum outcome words_registered(const struct memgraph_replica *rows, size_t n, const struct effect *e)
{
    char name[MEMGRAPH_NAME_SIZE];

    memgraph_replica_name(e->name, name);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].has_data ? OUTCOME_EXISTS : OUTCOME_UNREACHABLE;
        if (strcmp(rows[i].address, e->address) == 0)
            return OUTCOME_EXISTS;
    }
    return OUTCOME_BUSY;
}

bool words_command(const struct config *config, const struct effect *e, struct buf *out)
{
    static const enum memgraph_mode modes[] = {[MODE_SYNC] = MEMGRAPH_SYNC,
                                               [MODE_STRICT_SYNC] = MEMGRAPH_STRICT_SYNC,
                                               [MODE_ASYNC] = MEMGRAPH_ASYNC};
    char name[MEMGRAPH_NAME_SIZE];

    switch (e->kind) {
    case EFFECT_PROMOTE:
        buf_add_text(out, MEMGRAPH_PROMOTE);
        return true;
    case EFFECT_DEMOTE:
        memgraph_demote_query(out, (unsigned)config->replication_port);
        return true;
    case EFFECT_TOUCH:
        buf_add_text(out, MEMGRAPH_TOUCH);
        return true;
    case EFFECT_REGISTER:
        memgraph_replica_name(e->name, name);
        return memgraph_register_query(out, name, modes[e->mode], e->address);
    case EFFECT_DROP: /* the row's own name */
        return memgraph_drop_query(out, e->name);
    case EFFECT_ENSURE_USERS: /* a query a user: app/link.c */
    case EFFECT_NONE:
    case EFFECT_ASK_ROLE:
    case EFFECT_ASK_STORAGE:
    case EFFECT_ASK_ROWS:
    case EFFECT_WRITE_RECORD:
    case EFFECT_DELETE_POD:
    case EFFECT_EVENT:
    case EFFECT_EXIT:
        break;
    }
    return false; /* a question, or no effect on a pod: the core never sends one here */
}

int64_t words_limit_us(enum effect_kind kind)
{
    if (kind == EFFECT_REGISTER)
        return register_limit_us;
    return kind == EFFECT_TOUCH || kind == EFFECT_ENSURE_USERS ? touch_limit_us : role_limit_us;
}
