/* What lasts: the log, snapshots, replication state, users; and the recovery from them.
 *
 * A file is a row of frames: 4 bytes of length (big endian) and a PackStream value. A frame that is
 * cut off at the end (killed in the middle of a write) is ignored. */
#include "base/alloc.h"
#include "models/memgraph_impl.h"

#include <assert.h>

static void add_frame(struct buf *out, struct str bytes)
{
    buf_add_be32(out, (uint32_t)bytes.n);
    buf_add_str(out, bytes);
}

static bool next_frame(struct rd *r, struct str *out)
{
    uint32_t n;

    if (r->left < 4)
        return false;
    n = rd_be32(r);
    *out = rd_bytes(r, n);
    return !r->failed;
}

static struct value value_of_list(struct value *items, size_t n)
{
    struct value v = {.kind = VALUE_LIST};

    v.as.list.items = items;
    v.as.list.n = n;
    return v;
}

static void persist_value(struct mg *mg, enum mg_file file, const struct value *v)
{
    struct buf body, whole;

    buf_init(&body, SIZE_MAX);
    buf_init(&whole, SIZE_MAX);
    value_encode(v, &body);
    add_frame(&whole, buf_str(&body));
    mg->host.persist(mg->host.arg, file, false, buf_str(&whole));
    buf_done(&body);
    buf_done(&whole);
}

/* The one value of a file; false: nothing there, or nothing that makes sense. */
static bool read_file(const struct mg *mg, enum mg_file file, struct arena *arena,
                      struct value *out)
{
    struct rd r = rd_of(mg->config.files[file].p, mg->config.files[file].n);
    struct str frame;

    if (!next_frame(&r, &frame))
        return false;
    r = rd_of(frame.p, frame.n);
    return value_decode(&r, arena, out) && out->kind == VALUE_LIST;
}

bool mg_item_text(const struct value *list, size_t i, char *out, size_t size)
{
    return i < list->as.list.n && list->as.list.items[i].kind == VALUE_STRING &&
           str_copy_n(out, size, list->as.list.items[i].as.str);
}

bool mg_item_int(const struct value *list, size_t i, int64_t *out)
{
    if (i >= list->as.list.n || list->as.list.items[i].kind != VALUE_INT)
        return false;
    *out = list->as.list.items[i].as.integer;
    return true;
}

/* Replication state: [main?, port, main UUID, [[name, address, mode] ...]]. */

void mg_persist_replication(struct mg *mg)
{
    struct value fields[4] = {value_bool(mg->is_main), value_int(mg->port),
                              value_str(mg->main_uuid)};
    struct value whole = value_of_list(fields, ARRAY_LEN(fields));
    struct arena arena;
    size_t n = 0;

    arena_init(&arena, SIZE_MAX);
    LIST_FOR_EACH (node, &mg->replicas) {
        (void)node;
        n++;
    }
    fields[3] = value_list(&arena, n);
    n = 0;
    LIST_FOR_EACH (node, &mg->replicas) {
        const struct mg_replica *r = CONTAINER_OF(node, struct mg_replica, node);
        struct value row = value_list(&arena, 3);

        row.as.list.items[0] = value_str(r->name);
        row.as.list.items[1] = value_str(r->address);
        row.as.list.items[2] = value_int(r->mode);
        fields[3].as.list.items[n++] = row;
    }
    persist_value(mg, MG_FILE_REPLICATION, &whole);
    arena_done(&arena);
}

static int by_name(const void *a, const void *b)
{
    const struct mg_replica *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

/* After a restart the order is that of the names (facts 2.1). */
static void sort_replicas(struct mg *mg)
{
    struct mg_replica **all = NULL;
    struct list *node;
    size_t n = 0;

    while ((node = list_pop(&mg->replicas))) {
        all = xrealloc(all, (n + 1) * sizeof(struct mg_replica *));
        all[n++] = CONTAINER_OF(node, struct mg_replica, node);
    }
    if (n > 1)
        qsort(all, n, sizeof(struct mg_replica *), by_name);
    for (size_t i = 0; i < n; i++)
        list_add_tail(&mg->replicas, &all[i]->node);
    free(all);
}

static bool recover_replication(struct mg *mg, struct arena *arena)
{
    struct value v;
    const struct value *rows;
    int64_t port, mode;

    if (!read_file(mg, MG_FILE_REPLICATION, arena, &v)) {
        mg_uuid(mg, mg->main_uuid);
        mg_persist_replication(mg);
        return true;
    }
    if (v.as.list.n != 4 || v.as.list.items[0].kind != VALUE_BOOL || !mg_item_int(&v, 1, &port) ||
        !mg_item_text(&v, 2, mg->main_uuid, sizeof(mg->main_uuid)) ||
        v.as.list.items[3].kind != VALUE_LIST)
        return false;
    mg->is_main = v.as.list.items[0].as.boolean;
    mg->port = (unsigned)port;
    rows = &v.as.list.items[3];
    for (size_t i = 0; i < rows->as.list.n; i++) {
        const struct value *row = &rows->as.list.items[i];
        char name[MG_NAME_SIZE], address[MG_ADDRESS_SIZE];

        if (row->kind != VALUE_LIST || !mg_item_text(row, 0, name, sizeof(name)) ||
            !mg_item_text(row, 1, address, sizeof(address)) || !mg_item_int(row, 2, &mode) ||
            mode < 0 || mode > MG_STRICT_SYNC)
            return false;
        mg_replica_add(mg, name, address, (enum mg_mode)mode)->zombie = false;
    }
    sort_replicas(mg);
    return true;
}

/* Users: [[name, password] ...], in clear: nobody guards a simulated server. */

void mg_persist_users(struct mg *mg)
{
    struct arena arena;
    struct value list;

    arena_init(&arena, SIZE_MAX);
    list = value_list(&arena, mg->users_n);
    for (size_t i = 0; i < mg->users_n; i++) {
        struct value row = value_list(&arena, 2);

        row.as.list.items[0] = value_str(mg->users[i].name);
        row.as.list.items[1] = value_str(mg->users[i].password);
        list.as.list.items[i] = row;
    }
    persist_value(mg, MG_FILE_AUTH, &list);
    arena_done(&arena);
}

static bool recover_users(struct mg *mg, struct arena *arena)
{
    struct value v;

    if (!read_file(mg, MG_FILE_AUTH, arena, &v))
        return true;
    mg->users = xcalloc(v.as.list.n + 1, sizeof(*mg->users));
    for (size_t i = 0; i < v.as.list.n; i++) {
        struct mg_user *u = &mg->users[mg->users_n++];
        const struct value *row = &v.as.list.items[i];

        if (row->kind != VALUE_LIST || !mg_item_text(row, 0, u->name, sizeof(u->name)) ||
            !mg_item_text(row, 1, u->password, sizeof(u->password)))
            return false;
    }
    return true;
}

void mg_persist_database(struct mg *mg)
{
    struct value uuid = value_str(mg->database_uuid);
    struct value list = value_of_list(&uuid, 1);

    persist_value(mg, MG_FILE_DATABASE, &list);
}

/* The log. */

void mg_record_encode(struct buf *out, const char *epoch, int64_t ts, int64_t previous_ts,
                      struct str operations)
{
    struct value fields[4] = {value_str(epoch), value_int(ts), value_int(previous_ts)};
    struct value list = value_of_list(fields, 4);

    fields[3] = (struct value){.kind = VALUE_BYTES};
    fields[3].as.str = operations;
    value_encode(&list, out);
}

/* Adds to the log in memory, and sets what the log says: the last commit and the counter. */
static void log_keep(struct mg *mg, struct str record, int64_t ts, int64_t previous_ts)
{
    if (mg->records_n == mg->records_cap) {
        mg->records_cap = mg->records_cap ? mg->records_cap * 2 : 64;
        mg->records = xrealloc(mg->records, mg->records_cap * sizeof(*mg->records));
    }
    mg->records[mg->records_n++] = (struct mg_record){ts, previous_ts, mg->wal.n, record.n};
    buf_add_str(&mg->wal, record);
    mg->ldt = ts;
    str_copy(mg->ldt_epoch, sizeof(mg->ldt_epoch), mg->epoch);
    if (mg->counter <= ts)
        mg->counter = ts + 1;
}

void mg_log(struct mg *mg, struct str record, int64_t ts, int64_t previous_ts)
{
    struct buf frame;

    buf_init(&frame, SIZE_MAX);
    add_frame(&frame, record);
    mg->host.persist(mg->host.arg, MG_FILE_WAL, true, buf_str(&frame));
    buf_done(&frame);
    log_keep(mg, record, ts, previous_ts);
}

struct str mg_record_bytes(const struct mg *mg, const struct mg_record *record)
{
    return (struct str){mg->wal.p + record->at, record->n};
}

struct record_parts {
    char epoch[MG_UUID_SIZE];
    int64_t ts, previous_ts;
    struct str operations;
};

static bool record_decode(struct str record, struct arena *arena, struct record_parts *out)
{
    struct rd r = rd_of(record.p, record.n);
    struct value v;

    if (!value_decode(&r, arena, &v) || v.kind != VALUE_LIST || v.as.list.n != 4 ||
        !mg_item_text(&v, 0, out->epoch, sizeof(out->epoch)) || !mg_item_int(&v, 1, &out->ts) ||
        !mg_item_int(&v, 2, &out->previous_ts) || v.as.list.items[3].kind != VALUE_BYTES)
        return false;
    out->operations = v.as.list.items[3].as.str;
    return true;
}

/* Before 3.6 a file of a replica's log goes on when the epoch changes: what is in it counts as of
 * the epoch in which it was begun, once it is read again (Bug W, facts 5.7). */
static void log_of_others(struct mg *mg, struct str record, const struct record_parts *parts)
{
    struct buf stamped;

    if (mg->features.log_by_epoch || !mg->log_epoch[0] || !strcmp(mg->log_epoch, parts->epoch)) {
        str_copy(mg->log_epoch, sizeof(mg->log_epoch), parts->epoch);
        mg_log(mg, record, parts->ts, parts->previous_ts);
        return;
    }
    buf_init(&stamped, SIZE_MAX);
    mg_record_encode(&stamped, mg->log_epoch, parts->ts, parts->previous_ts, parts->operations);
    mg_log(mg, buf_str(&stamped), parts->ts, parts->previous_ts);
    buf_done(&stamped);
}

bool mg_record_apply(struct mg *mg, struct str record, int64_t *ts)
{
    struct record_parts parts;
    struct arena arena;
    bool ok;

    arena_init(&arena, SIZE_MAX);
    ok = record_decode(record, &arena, &parts);
    *ts = ok ? parts.ts : 0;
    if (ok && parts.ts > mg->ldt) {
        ok = graph_apply(mg->graph, parts.operations, parts.ts);
        if (ok && strcmp(parts.epoch, mg->epoch) != 0) {
            mg_history_save(mg);
            str_copy(mg->epoch, sizeof(mg->epoch), parts.epoch);
        }
        if (ok)
            log_of_others(mg, record, &parts);
    }
    arena_done(&arena);
    return ok;
}

/* What a write that was cut off has left behind the last whole frame must go, or what is added
 * behind it could never be read. */
static void cut_log(struct mg *mg, struct str whole)
{
    struct buf copy; /* the host may hold the very bytes that it is told to replace */

    buf_init(&copy, SIZE_MAX);
    buf_add_str(&copy, whole);
    mg->host.persist(mg->host.arg, MG_FILE_WAL, false, buf_str(&copy));
    buf_done(&copy);
}

/* The log after the snapshot. What a restart makes of the history is half of Bug H: one entry for
 * each epoch that has records, the last one too (live facts 2.1). */
static bool recover_log(struct mg *mg)
{
    struct str file = mg->config.files[MG_FILE_WAL], frame;
    struct rd r = rd_of(file.p, file.n);
    struct record_parts parts;
    struct arena arena;
    size_t whole = 0;
    bool ok = true;

    arena_init(&arena, SIZE_MAX);
    while (ok && next_frame(&r, &frame)) {
        arena_reset(&arena);
        whole += 4 + frame.n;
        ok = record_decode(frame, &arena, &parts);
        if (!ok || parts.ts <= mg->ldt)
            continue;
        ok = graph_apply(mg->graph, parts.operations, parts.ts);
        str_copy(mg->epoch, sizeof(mg->epoch), parts.epoch);
        log_keep(mg, frame, parts.ts, parts.previous_ts);
        if (mg->history_n && !strcmp(mg->history[mg->history_n - 1].id, parts.epoch))
            mg->history[mg->history_n - 1].ts = parts.ts;
        else
            mg_history_add(mg, parts.epoch, parts.ts);
    }
    arena_done(&arena);
    if (ok && whole < file.n)
        cut_log(mg, (struct str){file.p, whole});
    return ok;
}

static bool recover_data(struct mg *mg, struct arena *arena)
{
    struct rd r = rd_of(mg->config.files[MG_FILE_SNAPSHOT].p, mg->config.files[MG_FILE_SNAPSHOT].n);
    struct value v;
    struct str frame;

    mg_uuid(mg, mg->epoch);
    str_copy(mg->ldt_epoch, sizeof(mg->ldt_epoch), mg->epoch);
    if (read_file(mg, MG_FILE_DATABASE, arena, &v)) {
        if (!mg_item_text(&v, 0, mg->database_uuid, sizeof(mg->database_uuid)))
            return false;
    } else {
        mg_uuid(mg, mg->database_uuid);
        mg_persist_database(mg);
    }
    if (next_frame(&r, &frame) && !mg_snapshot_load(mg, frame))
        return false;
    if (!recover_log(mg))
        return false;
    if (!mg->ldt)
        str_copy(mg->ldt_epoch, sizeof(mg->ldt_epoch), mg->epoch);
    /* The start consumes a timestamp (facts 3.4). */
    mg->counter = mg->ldt ? mg->ldt + 2 : 1;
    return true;
}

bool mg_recover(struct mg *mg, const char **why)
{
    struct arena arena;

    arena_init(&arena, SIZE_MAX);
    if (!recover_users(mg, &arena))
        *why = "the users cannot be read";
    else if (!recover_data(mg, &arena))
        *why = "the data cannot be read";
    else if (!recover_replication(mg, &arena))
        *why = "the replication state cannot be read";
    arena_done(&arena);
    return !*why;
}
