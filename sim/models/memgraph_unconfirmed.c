/* What a client is told when replicas have not confirmed its commit (facts 4.3). */
#include "models/memgraph_impl.h"

static const struct {
    const char *one, *many;
} REASONS[MG_REASON_COUNT] = {
    [MG_NOT_IN_STEP] = {"replica is not reachable or not in sync with the main",
                        "replicas are not reachable or not in sync with the main"},
    [MG_RPC_BROKE] = {"RPC communication error", "RPC communication error"},
    [MG_HAS_DIVERGED] = {"replica has diverged from main", "replicas have diverged from main"},
    [MG_TIMED_OUT] = {"RPC timeout while replicating", "RPC timeout while replicating"}};

static const char *const MODES[] = {[MG_SYNC] = "SYNC", [MG_STRICT_SYNC] = "STRICT_SYNC"};

static bool belongs(const struct mg_replica *r, enum mg_mode mode, enum mg_reason reason)
{
    return r->mode == mode && !r->zombie && r->commit.reason == reason;
}

static size_t group_size(const struct mg *mg, enum mg_mode mode, enum mg_reason reason)
{
    size_t n = 0;

    LIST_FOR_EACH (node, &mg->replicas) {
        n += belongs(CONTAINER_OF(node, struct mg_replica, node), mode, reason);
    }
    return n;
}

/* 'r1', 'r2' and 'r3'; or without quotes and "and". */
static void add_names(const struct mg *mg, enum mg_mode mode, enum mg_reason reason, bool quoted,
                      char *out, size_t size)
{
    size_t n = group_size(mg, mode, reason), i = 0;
    const char *quote = quoted ? "'" : "";

    LIST_FOR_EACH (node, &mg->replicas) {
        const struct mg_replica *r = CONTAINER_OF(node, struct mg_replica, node);

        if (!belongs(r, mode, reason))
            continue;
        str_append(out, size, "%s%s%s%s",
                   !i                     ? ""
                   : quoted && i + 1 == n ? " and "
                                          : ", ",
                   quote, r->name, quote);
        i++;
    }
}

static void add_group(const struct mg *mg, enum mg_mode mode, enum mg_reason reason, size_t n,
                      char *out, size_t size)
{
    str_append(out, size, "Failed to replicate to %s replica%s ", MODES[mode], n > 1 ? "s" : "");
    add_names(mg, mode, reason, true, out, size);
    str_append(out, size, ": %s. ", n > 1 ? REASONS[reason].many : REASONS[reason].one);
}

static void add_timeouts(const struct mg *mg, char *out, size_t size)
{
    size_t sync = group_size(mg, MG_SYNC, MG_TIMED_OUT);
    size_t strict = group_size(mg, MG_STRICT_SYNC, MG_TIMED_OUT);

    if (!sync && !strict)
        return;
    str_append(out, size, " Main reached an RPC timeout while replicating to [");
    add_names(mg, MG_SYNC, MG_TIMED_OUT, false, out, size);
    str_append(out, size, sync && strict ? ", " : "");
    add_names(mg, MG_STRICT_SYNC, MG_TIMED_OUT, false, out, size);
    str_append(out, size,
               "]. One possible reason for this error is that the replica is down and in that case "
               "make sure to recover it. If all of your replicas are up and running normally, then "
               "please try setting a smaller parameter value for 'deltas_batch_progress_size' "
               "using 'SET COORDINATOR SETTING' query on the coordinator.");
}

/* From 3.10 on: a sentence for each kind of replica and reason. */
static void name_failures(const struct mg *mg, bool aborted, char *out, size_t size)
{
    static const enum mg_mode ORDER[] = {MG_SYNC, MG_STRICT_SYNC};
    size_t all = 0;

    str_copy(out, size, "Replication Exception: ");
    for (size_t i = 0; i < ARRAY_LEN(ORDER); i++)
        for (enum mg_reason reason = MG_CONFIRMED + 1; reason < MG_REASON_COUNT; reason++) {
            size_t n = group_size(mg, ORDER[i], reason);

            all += n;
            if (n)
                add_group(mg, ORDER[i], reason, n, out, size);
        }
    str_append(out, size, "Replica%s will be recovered automatically. %s", all > 1 ? "s" : "",
               aborted ? "Transaction was aborted on all instances."
                       : "Transaction is still committed on the main instance and other alive "
                         "replicas.");
    add_timeouts(mg, out, size);
    str_append(out, size, " Check the status of the replicas using 'SHOW REPLICAS' query.");
}

void mg_unconfirmed_text(const struct mg *mg, bool aborted, char *out, size_t size)
{
    if (mg->features.failures_named)
        name_failures(mg, aborted, out, size);
    else
        str_copy(out, size,
                 aborted ? "At least one STRICT_SYNC replica has not confirmed committing last "
                           "transaction. Transaction will be aborted on all instances."
                         : "At least one SYNC replica has not confirmed committing last "
                           "transaction.");
}
