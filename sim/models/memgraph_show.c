/* What administrative queries show, and those that change neither roles nor users. */
#include "base/alloc.h"
#include "models/memgraph_impl.h"

#include <assert.h>

static struct value text_value(struct mg_result *result, const char *text)
{
    struct str copy = arena_copy(&result->arena, str_of(text));

    assert(copy.p);
    return value_str_n(copy);
}

/* One more row of n values. */
static void add_row(struct mg_result *result, const struct value *values, size_t n)
{
    struct arena *a = &result->arena;
    size_t rows = result->out.n;
    struct value row = value_list(a, n);

    if (!(rows & (rows - 1))) { /* none, or a power of two: grow */
        struct value *bigger = arena_alloc(a, rows ? rows * 2 : 1, sizeof(*bigger));

        assert(bigger);
        if (rows)
            memcpy(bigger, result->out.rows, rows * sizeof(*bigger));
        result->out.rows = bigger;
    }
    memcpy(row.as.list.items, values, n * sizeof(*values));
    result->out.rows[result->out.n++] = row;
}

static void add_pair(struct mg_result *result, const char *key, struct value v)
{
    struct value row[] = {value_str(key), v};

    add_row(result, row, 2);
}

/* What others see as our last commit: not the one that is still under way. */
static int64_t shown_ldt(const struct mg *mg)
{
    const struct mg_record *last = mg->records_n ? &mg->records[mg->records_n - 1] : NULL;

    if (mg->commit.phase != MG_COMMIT_NONE && last && last->ts == mg->commit.ts)
        return last->previous_ts;
    return mg->ldt;
}

static const char *const STATUSES[] = {[MG_READY] = "ready",
                                       [MG_REPLICATING] = "replicating",
                                       [MG_RECOVERY] = "recovery",
                                       [MG_MAYBE_BEHIND] = "invalid",
                                       [MG_DIVERGED] = "diverged"};
static const char *const MODES[] = {
    [MG_SYNC] = "sync", [MG_ASYNC] = "async", [MG_STRICT_SYNC] = "strict_sync"};

static struct value data_info(struct mg_result *result, const struct mg_replica *r)
{
    struct arena *a = &result->arena;
    struct value outer = value_map(a, r->zombie || r->mg->analytical ? 0 : 1), inner;

    if (!outer.as.map.n)
        return outer;
    inner = value_map(a, 3);
    inner.as.map.entries[0] = (struct value_entry){str_of("behind"),
                                                   value_int(r->ts - shown_ldt(r->mg))};
    inner.as.map.entries[1] = (struct value_entry){str_of("status"),
                                                   value_str(STATUSES[r->status])};
    inner.as.map.entries[2] = (struct value_entry){str_of("ts"), value_int(r->ts)};
    outer.as.map.entries[0] = (struct value_entry){str_of("memgraph"), inner};
    return outer;
}

static void show_replicas(struct mg_session *s, struct mg_result *result)
{
    struct mg *mg = s->mg;

    if (!mg->is_main) {
        mg_query_failed(s, MG_CLIENT_ERROR,
                        "Show replicas query should only be run on the main instance.");
        return;
    }
    LIST_FOR_EACH (node, &mg->replicas) {
        const struct mg_replica *r = CONTAINER_OF(node, struct mg_replica, node);
        struct value row[] = {text_value(result, r->name), text_value(result, r->address),
                              value_str(MODES[r->mode]), value_null(), data_info(result, r)};

        add_row(result, row, ARRAY_LEN(row));
    }
    mg_reply_summary(s, result);
}

static void add_isolation(struct mg_result *result)
{
    add_pair(result, "global_isolation_level", value_str("SNAPSHOT_ISOLATION"));
    add_pair(result, "session_isolation_level", value_str(""));
    add_pair(result, "next_session_isolation_level", value_str(""));
}

static const char *storage_mode(const struct mg *mg)
{
    return mg->analytical ? "IN_MEMORY_ANALYTICAL" : "IN_MEMORY_TRANSACTIONAL";
}

static void add_counts(struct mg *mg, struct mg_result *result)
{
    int64_t nodes = graph_node_count(mg->graph), edges = graph_edge_count(mg->graph);

    add_pair(result, "vertex_count", value_int(nodes));
    add_pair(result, "edge_count", value_int(edges));
    add_pair(result, "average_degree",
             value_float(nodes ? 2.0 * (double)edges / (double)nodes : 0.0));
}

/* From 3.11 on: ON CURRENT DATABASE. */
static void show_storage_database(struct mg *mg, struct mg_result *result)
{
    add_pair(result, "name", value_str("memgraph"));
    add_pair(result, "database_uuid", text_value(result, mg->database_uuid));
    add_pair(result, "storage_mode", value_str(storage_mode(mg)));
    add_counts(mg, result);
    add_pair(result, "unreleased_delta_objects", value_int(0));
    add_pair(result, "disk_usage", value_str("82.11KiB"));
    add_pair(result, "memory_tracked", value_str("12.84MiB"));
    add_pair(result, "storage_isolation_level", value_str("SNAPSHOT_ISOLATION"));
    if (!mg->features.storage_health)
        return;
    add_pair(result, "state", value_str("HOT"));
    add_pair(result, "health", value_str("ready"));
}

/* From 3.11 on, without it: the instance alone. */
static void show_storage_instance(struct mg *mg, struct mg_result *result)
{
    add_pair(result, "vm_max_map_count", value_int(65530));
    add_pair(result, "memory_res", value_str("74.45MiB"));
    add_pair(result, "peak_memory_res", value_str("74.45MiB"));
    add_pair(result, "disk_usage", value_str("82.11KiB"));
    add_pair(result, "memory_tracked", value_str("12.84MiB"));
    add_pair(result, "memory_limit", value_str("21.19GiB"));
    add_pair(result, "license_memory_limit", value_str("UNLIMITED"));
    add_pair(result, "query+graph_memory_tracked", value_str("12.84MiB"));
    add_pair(result, "vector_index_memory_tracked", value_str("0B"));
    add_isolation(result);
    add_pair(result, "global_storage_mode", value_str(storage_mode(mg)));
}

static void show_storage(struct mg *mg, struct mg_result *result)
{
    if (result->admin.flag) {
        show_storage_database(mg, result);
        return;
    }
    if (mg->features.storage_split) {
        show_storage_instance(mg, result);
        return;
    }
    add_pair(result, "name", value_str("memgraph"));
    if (mg->features.storage_uuid)
        add_pair(result, "database_uuid", text_value(result, mg->database_uuid));
    add_counts(mg, result);
    add_pair(result, "vm_max_map_count", value_int(65530));
    add_pair(result, "memory_res", value_str("74.45MiB"));
    add_pair(result, "peak_memory_res", value_str("74.45MiB"));
    add_pair(result, "unreleased_delta_objects", value_int(0));
    add_pair(result, "disk_usage", value_str("82.11KiB"));
    add_pair(result, "memory_tracked", value_str("12.84MiB"));
    add_pair(result, "allocation_limit", value_str("21.19GiB"));
    add_isolation(result);
    add_pair(result, "storage_mode", value_str(storage_mode(mg)));
}

static void show_license(struct mg_result *result)
{
    add_pair(result, "organization_name", value_str(""));
    add_pair(result, "license_key", value_str(""));
    add_pair(result, "is_valid", value_bool(false));
    add_pair(result, "license_type", value_str(""));
    add_pair(result, "valid_until", value_str(""));
    add_pair(result, "memory_limit", value_str("UNLIMITED"));
    add_pair(result, "status", value_str("You have not provided any license!"));
}

/* Names are "INDEX Label", "INDEX Label.property", "CONSTRAINT ...". */
static void show_schema(struct mg *mg, struct mg_result *result, const char *prefix)
{
    for (size_t i = 0; graph_schema(mg->graph, i); i++) {
        struct str label = str_of(graph_schema(mg->graph, i)), kind = str_cut(&label, ' ');
        struct str property = label, name = str_cut(&property, '.');
        bool index = str_eq(kind, "INDEX");
        struct value row[4];

        if (!str_eq(kind, prefix))
            continue;
        row[0] = value_str(!index ? "unique" : property.n ? "label+property" : "label");
        row[1] = value_str_n(arena_copy(&result->arena, index ? name : label));
        row[2] = property.n ? value_str_n(arena_copy(&result->arena, property)) : value_null();
        row[3] = value_int(0);
        add_row(result, row, ARRAY_LEN(row));
    }
}

static void show_snapshots(struct mg *mg, struct mg_result *result)
{
    for (size_t i = mg->snapshots_n; i-- > 0;) {
        struct value row[] = {text_value(result, mg->snapshots[i].path),
                              value_int(mg->snapshots[i].ts), value_str(""), value_str("1KiB")};

        add_row(result, row, ARRAY_LEN(row));
    }
}

static void show_one(struct mg_result *result, struct value v)
{
    add_row(result, &v, 1);
}

static void show_users(struct mg *mg, struct mg_result *result)
{
    for (size_t i = 0; i < mg->users_n; i++)
        show_one(result, text_value(result, mg->users[i].name));
}

void mg_show(struct mg_session *s, struct mg_result *result)
{
    struct mg *mg = s->mg;

    if (result->admin.kind == ADMIN_SHOW_ROLE)
        show_one(result, value_str(mg->is_main ? "main" : "replica"));
    else if (result->admin.kind == ADMIN_SHOW_VERSION)
        show_one(result, value_str(mg->config.version));
    else if (result->admin.kind == ADMIN_SHOW_STORAGE)
        show_storage(mg, result);
    else if (result->admin.kind == ADMIN_SHOW_USERS)
        show_users(mg, result);
    else if (result->admin.kind == ADMIN_SHOW_CURRENT_USER)
        show_one(result, s->user[0] ? text_value(result, s->user) : value_null());
    else if (result->admin.kind == ADMIN_SHOW_INDEXES)
        show_schema(mg, result, "INDEX");
    else if (result->admin.kind == ADMIN_SHOW_CONSTRAINTS)
        show_schema(mg, result, "CONSTRAINT");
    else if (result->admin.kind == ADMIN_SHOW_SNAPSHOTS)
        show_snapshots(mg, result);
    else if (result->admin.kind == ADMIN_SHOW_BUILD)
        add_pair(result, "build_type", value_str("Release"));
    else if (result->admin.kind == ADMIN_SHOW_LICENSE)
        show_license(result);
    mg_reply_summary(s, result);
}

static void create_snapshot(struct mg_session *s, struct mg_result *result)
{
    struct mg *mg = s->mg;
    char path[400];
    struct buf body, frame;

    if (!mg->is_main && !mg->features.replica_snapshots) {
        mg_query_failed(s, MG_TRANSIENT_ERROR,
                        "Failed to create a snapshot. Replica instances are not allowed to create "
                        "them.");
        return;
    }
    if (mg->commit.phase != MG_COMMIT_NONE) {
        mg_wait(s, INT64_MAX);
        return;
    }
    buf_init(&body, SIZE_MAX);
    buf_init(&frame, SIZE_MAX);
    mg_snapshot_encode(mg, &body);
    buf_add_be32(&frame, (uint32_t)body.n);
    buf_add_str(&frame, buf_str(&body));
    mg->host.persist(mg->host.arg, MG_FILE_SNAPSHOT, false, buf_str(&frame));
    buf_done(&body);
    buf_done(&frame);
    str_format(path, sizeof(path), "%s/snapshots/%lld_timestamp_%lld", mg->config.data_directory,
               (long long)mg->now_us, (long long)mg->ldt);
    mg->snapshots = xrealloc(mg->snapshots, (mg->snapshots_n + 1) * sizeof(*mg->snapshots));
    mg->snapshots[mg->snapshots_n].path = xstrdup(path);
    mg->snapshots[mg->snapshots_n++].ts = mg->counter++;
    if (mg->features.snapshot_path)
        show_one(result, text_value(result, path));
    mg_reply_summary(s, result);
}

/* Only the refusals are modelled: snapshots are not kept one by one. */
static void recover_snapshot(struct mg_session *s)
{
    mg_query_failed(s, MG_TRANSIENT_ERROR, "%s",
                    s->mg->is_main ? "Failed to find the defined snapshot file."
                                   : "Failed to recover a snapshot. Replica instances are not "
                                     "allowed to create them.");
}

/* Indexes and constraints are commits like any other, unless there is nothing to change. */
static void change_schema(struct mg_session *s, struct mg_result *result)
{
    const struct admin *a = &result->admin;
    struct mg *mg = s->mg;
    bool begun;

    if (s->finish == MG_FINISH_NONE) {
        if (mg->commit.phase != MG_COMMIT_NONE || mg->exclusive) {
            mg_wait(s, INT64_MAX);
            return;
        }
        s->txn = graph_begin(mg->graph, mg->counter++);
        if (graph_has_schema(mg->graph, str_of(a->address)) == a->flag) {
            mg_notify(result, a->flag ? "IndexAlreadyExists" : "IndexDoesNotExist", "INFO",
                      a->flag ? "Index on label %s on properties %s already exists."
                              : "Index on label %s on properties %s doesn't exist.",
                      a->label, a->property);
        } else {
            graph_change_schema(s->txn, str_of(a->address), a->flag);
            mg_notify(result, a->flag ? "CreateIndex" : "DropIndex", "INFO",
                      a->flag ? "Created index on label %s on properties %s."
                              : "Dropped index on label %s on properties %s.",
                      a->label, a->property);
        }
        begun = mg_commit_begin(s);
        assert(begun); /* the locks were free */
    }
    if (s->finish == MG_FINISH_UNDER_WAY)
        mg_wait(s, INT64_MAX);
    else
        mg_commit_reply(s, result);
}

void mg_admin_step(struct mg_session *s, struct mg_result *result)
{
    struct mg *mg = s->mg;

    switch (result->admin.kind) {
    case ADMIN_SHOW_REPLICAS:
    case ADMIN_SHOW_ROLE:
        if (mg->exclusive)
            mg_wait(s, INT64_MAX);
        else if (result->admin.kind == ADMIN_SHOW_ROLE)
            mg_show(s, result);
        else
            show_replicas(s, result);
        break;
    case ADMIN_SET_MAIN:
    case ADMIN_SET_REPLICA:
    case ADMIN_REGISTER:
    case ADMIN_DROP_REPLICA:
        mg_role_step(s, result);
        break;
    case ADMIN_CREATE_USER:
    case ADMIN_SET_PASSWORD:
    case ADMIN_DROP_USER:
        mg_user_step(s, result);
        break;
    case ADMIN_CREATE_SNAPSHOT:
        create_snapshot(s, result);
        break;
    case ADMIN_RECOVER_SNAPSHOT:
        recover_snapshot(s);
        break;
    case ADMIN_SCHEMA:
        change_schema(s, result);
        break;
    case ADMIN_STORAGE_MODE:
        mg->analytical = result->admin.flag;
        mg_reply_summary(s, result);
        break;
    case ADMIN_NONE:
    case ADMIN_ACCEPTED:
    case ADMIN_SHOW_VERSION:
    case ADMIN_SHOW_STORAGE:
    case ADMIN_SHOW_USERS:
    case ADMIN_SHOW_CURRENT_USER:
    case ADMIN_SHOW_INDEXES:
    case ADMIN_SHOW_CONSTRAINTS:
    case ADMIN_SHOW_SNAPSHOTS:
    case ADMIN_SHOW_BUILD:
    case ADMIN_SHOW_LICENSE:
    case ADMIN_SHOW_DATABASES:
    case ADMIN_SHOW_DATABASE:
    case ADMIN_SHOW_INSTANCES:
    case ADMIN_SHOW_METRICS:
        mg_show(s, result);
        break;
    }
}
