#include "models/memgraph.h"

#include "base/alloc.h"
#include "models/memgraph_impl.h"

#include <assert.h>

void mg_config_init(struct mg_config *config)
{
    *config = (struct mg_config){
        .seed = 1, .workers = 2, .bcrypt_us = 290000, .promotion_us = 200000, .poked_us = 3700};
    str_copy(config->version, sizeof(config->version), "3.6.1");
    str_copy(config->server_name, sizeof(config->server_name),
             "Neo4j/v5.11.0 compatible graph database server - Memgraph");
    str_copy(config->data_directory, sizeof(config->data_directory), "DATA");
}

/* splitmix64 */
static uint64_t next_random(struct mg *mg)
{
    uint64_t z = mg->random += 0x9E3779B97F4A7C15u;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

void mg_uuid(struct mg *mg, char out[MG_UUID_SIZE])
{
    uint64_t a = next_random(mg), b = next_random(mg);

    str_format(out, MG_UUID_SIZE, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
               (unsigned)(a >> 16) & 0xFFFF, (unsigned)a & 0xFFF,
               (unsigned)(b >> 48 & 0x3FFF) | 0x8000, (unsigned long long)(b & 0xFFFFFFFFFFFFu));
}

bool mg_chance(struct mg *mg, unsigned percent)
{
    return percent && next_random(mg) % 100 < percent;
}

void mg_die(struct mg *mg, const char *why)
{
    mg->dead = true;
    mg->host.crash(mg->host.arg, why);
}

void mg_history_add(struct mg *mg, const char *epoch, int64_t ts)
{
    enum { HISTORY_MAX = 1000 };

    assert(mg->history || !mg->history_n);
    if (mg->history && mg->history_n == HISTORY_MAX)
        memmove(mg->history, mg->history + 1, --mg->history_n * sizeof(*mg->history));
    mg->history = xrealloc(mg->history, (mg->history_n + 1) * sizeof(*mg->history));
    str_copy(mg->history[mg->history_n].id, MG_UUID_SIZE, epoch);
    mg->history[mg->history_n++].ts = ts;
}

void mg_history_save(struct mg *mg)
{
    const struct mg_epoch *last = mg->history_n ? &mg->history[mg->history_n - 1] : NULL;
    const char *epoch = mg->features.commit_epoch ? mg->ldt_epoch : mg->epoch;

    if (!last || strcmp(last->id, epoch) != 0 || last->ts != mg->ldt)
        mg_history_add(mg, epoch, mg->ldt);
}

void mg_changed(struct mg *mg)
{
    mg->changed = true;
}

/* Lets those who wait try again, in their order, until nothing changes any more. */
void mg_settle(struct mg *mg)
{
    bool again = true;

    if (mg->settling || mg->dead)
        return;
    mg->settling = true;
    while (again && !mg->dead) {
        struct list round, *node;
        bool all = mg->changed;

        mg->changed = false;
        mg_change_progress(mg);
        all |= mg->changed;
        list_init(&round);
        while ((node = list_pop(&mg->waiting)))
            list_add_tail(&round, node);
        while ((node = list_pop(&round))) {
            struct mg_session *s = CONTAINER_OF(node, struct mg_session, waiting);

            if (!mg->dead && (all || s->wake_at <= mg->now_us))
                mg_session_step(s);
            else
                list_add_tail(&mg->waiting, &s->waiting);
        }
        again = mg->changed;
    }
    mg->settling = false;
}

static void contact_replicas(struct mg *mg)
{
    LIST_FOR_EACH (node, &mg->replicas) {
        struct mg_replica *r = CONTAINER_OF(node, struct mg_replica, node);

        r->starting = true;
        r->beat_at = mg->now_us + MG_BEAT_PERIOD_US;
        mg_send_system(r);
        mg_send_check(r);
    }
}

static struct mg *mg_make(const struct mg_config *config, const struct mg_host *host,
                          int64_t now_us)
{
    struct mg *mg = xcalloc(1, sizeof(*mg));

    mg->config = *config;
    mg->features = mg_features_of(config->version);
    mg->host = *host;
    mg->now_us = now_us;
    mg->random = config->seed;
    mg->is_main = true;
    list_init(&mg->replicas);
    list_init(&mg->sessions);
    list_init(&mg->waiting);
    buf_init(&mg->wal, SIZE_MAX);
    buf_init(&mg->prepared.record, SIZE_MAX);
    buf_init(&mg->commit.record, SIZE_MAX);
    mg->graph = graph_new();
    mg_uuid(mg, mg->run_id);
    return mg;
}

struct mg *mg_new(const struct mg_config *config, const struct mg_host *host, int64_t now_us,
                  const char **why)
{
    struct mg *mg = mg_make(config, host, now_us);

    *why = NULL;
    if (!mg_recover(mg, why)) {
        mg_free(mg);
        return NULL;
    }
    if (config->user && config->user[0])
        mg_user_add(mg, config->user, config->password ? config->password : "");
    if (!mg->is_main) {
        mg->listening = host->listen(host->arg, mg->port);
        if (!mg->listening) {
            *why = "the replication port is taken";
            mg_free(mg);
            return NULL;
        }
    }
    contact_replicas(mg);
    return mg;
}

void mg_free(struct mg *mg)
{
    struct list *node;

    assert(list_empty(&mg->sessions));
    while ((node = list_pop(&mg->replicas))) {
        struct mg_replica *r = CONTAINER_OF(node, struct mg_replica, node);
        struct list *call;

        while ((call = list_pop(&r->calls))) {
            free(CONTAINER_OF(call, struct mg_call, node)->bytes);
            free(CONTAINER_OF(call, struct mg_call, node));
        }
        free(r);
    }
    if (mg->commit.txn)
        graph_abort(mg->commit.txn);
    graph_free(mg->graph);
    buf_done(&mg->wal);
    buf_done(&mg->prepared.record);
    buf_done(&mg->commit.record);
    for (size_t i = 0; i < mg->snapshots_n; i++)
        free(mg->snapshots[i].path);
    free(mg->snapshots);
    free(mg->history);
    free(mg->records);
    free(mg->users);
    free(mg);
}

bool mg_ready(const struct mg *mg)
{
    LIST_FOR_EACH (node, &mg->replicas) {
        if (CONTAINER_OF(node, struct mg_replica, node)->starting)
            return false;
    }
    return !mg->dead;
}

int64_t mg_deadline(const struct mg *mg)
{
    int64_t at = mg_beat_deadline(mg);

    if (mg->dead)
        return INT64_MAX;
    if (mg->change.kind == MG_PROMOTING && mg->change.end_at < at)
        at = mg->change.end_at;
    LIST_FOR_EACH (node, &mg->waiting) {
        const struct mg_session *s = CONTAINER_OF(node, struct mg_session, waiting);

        if (s->wake_at < at)
            at = s->wake_at;
    }
    return at;
}

void mg_tick(struct mg *mg, int64_t now_us)
{
    if (mg->dead)
        return;
    mg->now_us = now_us;
    mg_beat_due(mg);
    mg_settle(mg);
}

void mg_poke(struct mg *mg, int64_t now_us)
{
    mg->now_us = now_us;
    if (mg->change.kind == MG_PROMOTING && mg->change.end_at > now_us + mg->config.poked_us)
        mg->change.end_at = now_us + mg->config.poked_us;
}

const char *mg_server_name(const struct mg *mg)
{
    return mg->config.server_name;
}

const struct mg_features *mg_features(const struct mg *mg)
{
    return &mg->features;
}

struct mg_view mg_look(const struct mg *mg)
{
    return (struct mg_view){.main = mg->is_main,
                            .listening = mg->listening,
                            .epoch = mg->epoch,
                            .main_uuid = mg->main_uuid,
                            .database_uuid = mg->database_uuid,
                            .run_id = mg->run_id,
                            .last_durable_ts = mg->ldt,
                            .nodes = graph_node_count(mg->graph),
                            .history_n = mg->history_n,
                            .users_n = mg->users_n,
                            .commits = mg->commits};
}

bool mg_history(const struct mg *mg, size_t i, const char **epoch, int64_t *last_ts)
{
    if (i >= mg->history_n)
        return false;
    *epoch = mg->history[i].id;
    *last_ts = mg->history[i].ts;
    return true;
}
