/* Memgraph's answers: the input is a PackStream list [column names, rows, summary]; each reading
 * takes it for its own. Texts of it go through the judge. */
#include "fuzz.h"

#include "proto/memgraph.h"

#include <assert.h>

static void judge(const struct value *v)
{
    if (v->kind == VALUE_STRING)
        (void)memgraph_error_name(memgraph_judge(str_of("x.TransientError.x"), v->as.str));
    else if (v->kind == VALUE_LIST)
        for (size_t i = 0; i < v->as.list.n; i++)
            judge(&v->as.list.items[i]);
}

static void read_all(const struct memgraph_rows *rows)
{
    static struct memgraph_replica replicas[MEMGRAPH_REPLICAS_MAX];
    char version[MEMGRAPH_VERSION_SIZE], run_id[MEMGRAPH_UUID_SIZE];
    struct memgraph_storage storage;
    enum memgraph_role role;
    struct fail f;
    size_t n;

    f = memgraph_read_role(rows, &role);
    assert((f.kind == FAIL_NONE) == (role != MEMGRAPH_ROLE_UNKNOWN));
    f = memgraph_read_replicas(rows, replicas, &n);
    assert(n <= MEMGRAPH_REPLICAS_MAX && (f.kind == FAIL_NONE || n == 0));
    for (size_t i = 0; i < n; i++) {
        struct buf query;

        buf_init(&query, 1024);
        if (memgraph_register_query(&query, replicas[i].name, replicas[i].mode,
                                    replicas[i].address))
            assert(memgraph_drop_query(&query, replicas[i].name));
        buf_done(&query);
    }
    f = memgraph_read_storage(rows, &storage);
    assert(f.kind == FAIL_NONE || f.kind == FAIL_PROTOCOL);
    f = memgraph_read_version(rows, version);
    if (f.kind == FAIL_NONE)
        (void)memgraph_version_at_least(version, 3, 5);
    memgraph_run_id(rows->summary, run_id);
    (void)memgraph_sync_failed(rows->summary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rd r = rd_of(data, size);
    struct value v, *items;
    struct arena a;

    arena_init(&a, 256 * 1024);
    if (value_decode(&r, &a, &v) && v.kind == VALUE_LIST && v.as.list.n == 3) {
        items = v.as.list.items;
        judge(&v);
        if (items[1].kind == VALUE_LIST) {
            struct memgraph_rows rows = {.fields = &items[0],
                                         .rows = items[1].as.list.items,
                                         .n = items[1].as.list.n,
                                         .summary = &items[2]};

            read_all(&rows);
        }
    }
    arena_done(&a);
    return 0;
}
