#include "proto/memgraph.h"

#include "proto/memgraph_text.h"

#include <assert.h>

static const char default_database[] = "memgraph";

static const char *const status_names[] = {
    [MEMGRAPH_READY] = "ready",       [MEMGRAPH_REPLICATING] = "replicating",
    [MEMGRAPH_RECOVERY] = "recovery", [MEMGRAPH_INVALID] = "invalid",
    [MEMGRAPH_DIVERGED] = "diverged", [MEMGRAPH_STATUS_UNKNOWN] = "unknown",
};

static const char *const mode_names[] = {
    [MEMGRAPH_SYNC] = "sync",
    [MEMGRAPH_STRICT_SYNC] = "strict_sync",
    [MEMGRAPH_ASYNC] = "async",
};

static const char *const role_names[] = {
    [MEMGRAPH_ROLE_UNKNOWN] = "unknown",
    [MEMGRAPH_MAIN] = "main",
    [MEMGRAPH_REPLICA] = "replica",
};

const char *memgraph_role_name(enum memgraph_role r)
{
    return (size_t)r < ARRAY_LEN(role_names) ? role_names[r] : "?";
}

const char *memgraph_mode_name(enum memgraph_mode m)
{
    return (size_t)m < ARRAY_LEN(mode_names) ? mode_names[m] : "?";
}

const char *memgraph_status_name(enum memgraph_status s)
{
    return (size_t)s < ARRAY_LEN(status_names) ? status_names[s] : "?";
}

/* Queries. */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool holds_only(const char *text, const char *marks)
{
    for (const char *c = text; *c; c++)
        if (!is_letter(*c) && !is_digit(*c) && !strchr(marks, *c))
            return false;
    return *text != '\0';
}

static bool harmless(const char *text)
{
    return holds_only(text, "_.-:");
}

/* A symbolic name: in backticks, unless it is letters, digits and underscores alone. */
static void add_name(struct buf *out, const char *name)
{
    bool plain = !is_digit(*name);

    for (const char *c = name; *c; c++)
        plain = plain && (is_letter(*c) || is_digit(*c) || *c == '_');
    buf_printf(out, plain ? "%s" : "`%s`", name);
}

void memgraph_demote_query(struct buf *out, unsigned port)
{
    buf_printf(out, "SET REPLICATION ROLE TO REPLICA WITH PORT %u", port);
}

bool memgraph_register_query(struct buf *out, const char *name, enum memgraph_mode mode,
                             const char *address)
{
    static const char *const words[] = {
        [MEMGRAPH_SYNC] = "SYNC",
        [MEMGRAPH_STRICT_SYNC] = "STRICT_SYNC",
        [MEMGRAPH_ASYNC] = "ASYNC",
    };

    assert((size_t)mode < ARRAY_LEN(words));
    if (!harmless(name) || !harmless(address))
        return false;
    buf_add_text(out, "REGISTER REPLICA ");
    add_name(out, name);
    buf_printf(out, " %s TO \"%s\"", words[mode], address);
    return true;
}

bool memgraph_drop_query(struct buf *out, const char *name)
{
    if (!harmless(name))
        return false;
    buf_add_text(out, "DROP REPLICA ");
    add_name(out, name);
    return true;
}

bool memgraph_user_query(struct buf *out, const char *user, const char *password)
{
    if (!holds_only(user, "_.-+@"))
        return false;
    buf_add_text(out, "CREATE USER IF NOT EXISTS ");
    add_name(out, user);
    buf_add_text(out, " IDENTIFIED BY '");
    for (const char *c = password; *c; c++) {
        if (*c == '\'' || *c == '\\')
            buf_add_byte(out, '\\');
        buf_add_byte(out, (uint8_t)*c);
    }
    buf_add_byte(out, '\'');
    return true;
}

/* Readings. */

static const struct fail no_failure = {.kind = FAIL_NONE};

/* Number of the column of that name, or SIZE_MAX. */
static size_t find_column(const struct memgraph_rows *rows, const char *name)
{
    if (!rows->fields || rows->fields->kind != VALUE_LIST)
        return SIZE_MAX;
    for (size_t i = 0; i < rows->fields->as.list.n; i++) {
        const struct value *field = &rows->fields->as.list.items[i];

        if (field->kind == VALUE_STRING && str_eq(field->as.str, name))
            return i;
    }
    return SIZE_MAX;
}

static const struct value *cell(const struct value *row, size_t column)
{
    return row->kind == VALUE_LIST && column < row->as.list.n ? &row->as.list.items[column] : NULL;
}

static bool cell_text(const struct value *row, size_t column, struct str *out)
{
    const struct value *v = cell(row, column);

    if (!v || v->kind != VALUE_STRING)
        return false;
    *out = v->as.str;
    return true;
}

/* The single text that SHOW REPLICATION ROLE and SHOW VERSION answer. */
static struct fail read_single(const struct memgraph_rows *rows, const char *column,
                               struct str *out)
{
    if (rows->n != 1 || !cell_text(&rows->rows[0], find_column(rows, column), out))
        return fail_make(FAIL_PROTOCOL, "an answer of %zu rows without one text in \"%s\"", rows->n,
                         column);
    return no_failure;
}

struct fail memgraph_read_role(const struct memgraph_rows *rows, enum memgraph_role *out)
{
    struct str text = {0};
    struct fail f = read_single(rows, "replication role", &text);

    *out = MEMGRAPH_ROLE_UNKNOWN;
    if (f.kind)
        return f;
    if (str_eq(text, role_names[MEMGRAPH_MAIN]))
        *out = MEMGRAPH_MAIN;
    else if (str_eq(text, role_names[MEMGRAPH_REPLICA]))
        *out = MEMGRAPH_REPLICA;
    else
        return fail_make(FAIL_PROTOCOL, "the role is \"%.*s\"", (int)(text.n < 40 ? text.n : 40),
                         text.p);
    return no_failure;
}

struct fail memgraph_read_version(const struct memgraph_rows *rows, char out[MEMGRAPH_VERSION_SIZE])
{
    struct str text = {0};
    struct fail f = read_single(rows, "version", &text);

    out[0] = '\0';
    if (!f.kind && !str_copy_n(out, MEMGRAPH_VERSION_SIZE, text))
        f = fail_make(FAIL_PROTOCOL, "the version is too long");
    return f;
}

static enum memgraph_status status_of(struct str text)
{
    for (size_t i = 0; i < MEMGRAPH_STATUS_UNKNOWN; i++)
        if (str_eq(text, status_names[i]))
            return (enum memgraph_status)i;
    return MEMGRAPH_STATUS_UNKNOWN;
}

static bool mode_of(struct str text, enum memgraph_mode *out)
{
    for (size_t i = 0; i < ARRAY_LEN(mode_names); i++)
        if (str_eq(text, mode_names[i])) {
            *out = (enum memgraph_mode)i;
            return true;
        }
    return false;
}

/* One database's {behind, status, ts} as text. */
static bool read_state_text(struct str text, struct memgraph_replica *out)
{
    struct str body, key, value, status = {0};
    bool has_ts = false, has_behind = false;

    if (!memgraph_text_open(text, &body))
        return false;
    while (memgraph_text_next(&body, &key, &value)) {
        if (str_eq(key, "status"))
            status = memgraph_text_unquote(value);
        else if (str_eq(key, "ts"))
            has_ts = str_to_int64(value, &out->ts);
        else if (str_eq(key, "behind"))
            has_behind = str_to_int64(value, &out->behind);
    }
    out->status = status_of(status);
    return body.n == 0 && status.n && has_ts && has_behind;
}

static bool read_state(const struct value *state, struct memgraph_replica *out)
{
    struct str status;

    out->has_data = true;
    if (state->kind == VALUE_STRING)
        return read_state_text(state->as.str, out);
    if (!value_get_str(state, "status", &status) || !value_get_int(state, "ts", &out->ts) ||
        !value_get_int(state, "behind", &out->behind))
        return false;
    out->status = status_of(status);
    return true;
}

/* The whole column as text. */
static bool read_data_text(struct str text, struct memgraph_replica *out)
{
    struct str body, key, value, state = {0};

    if (text.n == 0)
        return true;
    if (!memgraph_text_open(text, &body))
        return false;
    while (memgraph_text_next(&body, &key, &value))
        if (state.n == 0 || str_eq(key, default_database))
            state = value;
    if (body.n)
        return false;
    out->has_data = state.n > 0;
    return !out->has_data || read_state_text(state, out);
}

/* data_info: a map of databases. The default one is ours; a server that names it otherwise has but
 * one. Empty or null: a dead row. */
static bool read_data(const struct value *data, struct memgraph_replica *out)
{
    const struct value *state;

    if (data->kind == VALUE_STRING)
        return read_data_text(data->as.str, out);
    if (data->kind == VALUE_NULL || (data->kind == VALUE_MAP && data->as.map.n == 0))
        return true;
    if (data->kind != VALUE_MAP)
        return false;
    state = value_get(data, default_database);
    return read_state(state ? state : &data->as.map.entries[0].value, out);
}

struct columns {
    size_t name, address, mode, data;
};

/* fits: false for a name or an address that no pod of ours can have. */
static struct fail read_replica(const struct columns *at, const struct value *row,
                                struct memgraph_replica *out, bool *fits)
{
    struct str name, address, mode;
    const struct value *data = cell(row, at->data);

    *out = (struct memgraph_replica){.status = MEMGRAPH_STATUS_UNKNOWN};
    if (!cell_text(row, at->name, &name) || !cell_text(row, at->address, &address) ||
        !cell_text(row, at->mode, &mode) || !data)
        return fail_make(FAIL_PROTOCOL, "a replica's row without a name, address, mode or data");
    *fits = str_copy_n(out->name, sizeof out->name, name) &&
            str_copy_n(out->address, sizeof out->address, address);
    if (!mode_of(mode, &out->mode))
        return fail_make(FAIL_PROTOCOL, "%s: a mode that is none", out->name);
    if (!read_data(data, out))
        return fail_make(FAIL_PROTOCOL, "%s: data_info that is none", out->name);
    return no_failure;
}

struct fail memgraph_read_replicas(const struct memgraph_rows *rows,
                                   struct memgraph_replica out[MEMGRAPH_REPLICAS_MAX], size_t *n)
{
    struct columns at = {find_column(rows, "name"), find_column(rows, "socket_address"),
                         find_column(rows, "sync_mode"), find_column(rows, "data_info")};

    *n = 0;
    if (at.name == SIZE_MAX || at.address == SIZE_MAX || at.mode == SIZE_MAX || at.data == SIZE_MAX)
        return fail_make(FAIL_PROTOCOL, "SHOW REPLICAS answered without its columns");
    for (size_t i = 0; i < rows->n && *n < MEMGRAPH_REPLICAS_MAX; i++) {
        bool fits = false;
        struct fail f = read_replica(&at, &rows->rows[i], &out[*n], &fits);

        if (f.kind) {
            *n = 0;
            return f;
        }
        *n += fits; /* what somebody registered by hand must not hide the others */
    }
    return no_failure;
}

/* "12.84MiB", as Memgraph writes sizes for people. 0: it is none. */
static int64_t read_size(const struct value *v)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    char text[32], *unit;
    double n, factor = 1;

    if (v->kind != VALUE_STRING || !str_copy_n(text, sizeof text, v->as.str))
        return 0;
    n = strtod(text, &unit);
    for (size_t i = 0; n > 0 && n < 1e6 && i < ARRAY_LEN(units); i++, factor *= 1024)
        if (strcmp(unit, units[i]) == 0)
            return (int64_t)(n * factor);
    return 0;
}

struct fail memgraph_read_storage(const struct memgraph_rows *rows, struct memgraph_storage *out)
{
    size_t key_column = find_column(rows, "storage info");
    size_t value_column = find_column(rows, "value");
    bool has_vertices = false, has_edges = false;

    *out = (struct memgraph_storage){0};
    if (key_column == SIZE_MAX || value_column == SIZE_MAX)
        return fail_make(FAIL_PROTOCOL, "SHOW STORAGE INFO answered without its columns");
    for (size_t i = 0; i < rows->n; i++) {
        const struct value *v = cell(&rows->rows[i], value_column);
        struct str key;

        if (!v || !cell_text(&rows->rows[i], key_column, &key))
            return fail_make(FAIL_PROTOCOL, "SHOW STORAGE INFO: a row without key and value");
        if (str_eq(key, "vertex_count") && v->kind == VALUE_INT) {
            out->vertices = v->as.integer;
            has_vertices = true;
        } else if (str_eq(key, "edge_count") && v->kind == VALUE_INT) {
            out->edges = v->as.integer;
            has_edges = true;
        } else if (str_eq(key, "memory_tracked")) {
            out->memory_bytes = read_size(v);
        } else if (str_eq(key, "database_uuid") && v->kind == VALUE_STRING &&
                   !str_copy_n(out->database_uuid, sizeof out->database_uuid, v->as.str)) {
            return fail_make(FAIL_PROTOCOL, "SHOW STORAGE INFO: database_uuid is too long");
        }
    }
    out->has_counts = has_vertices && has_edges;
    return no_failure;
}

void memgraph_run_id(const struct value *summary, char out[MEMGRAPH_UUID_SIZE])
{
    struct str id;

    out[0] = '\0';
    if (value_get_str(summary, "run_id", &id) && !str_copy_n(out, MEMGRAPH_UUID_SIZE, id))
        out[0] = '\0'; /* half an id could be that of two runs */
}

bool memgraph_sync_failed(const struct value *summary)
{
    const struct value *list = value_get(summary, "notifications");
    struct str code;

    if (!list || list->kind != VALUE_LIST)
        return false;
    for (size_t i = 0; i < list->as.list.n; i++)
        if (value_get_str(&list->as.list.items[i], "code", &code) &&
            str_eq(code, "SyncReplicationFailure"))
            return true;
    return false;
}

/* Versions and names. */

static bool read_number(const char **text, int *out)
{
    const char *p = *text;
    int n = 0;

    if (!is_digit(*p))
        return false;
    for (; is_digit(*p); p++)
        if (n < 100000)
            n = n * 10 + (*p - '0');
    *text = p;
    *out = n;
    return true;
}

bool memgraph_version_at_least(const char *version, int major, int minor)
{
    int is_major, is_minor;

    if (!read_number(&version, &is_major) || *version++ != '.' || !read_number(&version, &is_minor))
        return false;
    return is_major > major || (is_major == major && is_minor >= minor);
}

static void translate(const char *from, char out[MEMGRAPH_NAME_SIZE], char old, char new)
{
    (void)str_copy(out, MEMGRAPH_NAME_SIZE, from);
    for (char *c = out; *c; c++)
        if (*c == old)
            *c = new;
}

void memgraph_replica_name(const char *pod, char out[MEMGRAPH_NAME_SIZE])
{
    translate(pod, out, '-', '_');
}

void memgraph_pod_name(const char *replica, char out[MEMGRAPH_NAME_SIZE])
{
    translate(replica, out, '_', '-');
}
