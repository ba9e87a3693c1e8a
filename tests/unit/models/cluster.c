#include "cluster.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdarg.h>

enum { LATENCY_US = 100 };

enum event_kind { EVENT_REQUEST, EVENT_ANSWER, EVENT_TIMEOUT };

struct event {
    struct event *next;
    int64_t at;
    enum event_kind kind;
    struct node *from, *to; /* who asked, who serves */
    unsigned from_generation, to_generation, link;
    uint64_t call;
    bool ok;
    char *bytes;
    size_t n;
};

void cluster_init(struct cluster *c)
{
    *c = (struct cluster){.now_us = 1000000, .seed = 7};
}

static void client_done(struct client *client)
{
    mg_session_free(client->session);
    json_decref(client->params);
    json_decref(client->fields);
    json_decref(client->rows);
    json_decref(client->metadata);
    *client = (struct client){0};
}

static void event_free(struct event *e)
{
    free(e->bytes);
    free(e);
}

void cluster_done(struct cluster *c)
{
    for (size_t i = 0; i < c->nodes_n; i++) {
        cluster_kill(&c->nodes[i]);
        for (size_t k = 0; k < MG_FILE_COUNT; k++) {
            buf_done(&c->nodes[i].files[k]);
            buf_done(&c->nodes[i].saved[k]);
        }
    }
    while (c->events) {
        struct event *next = c->events->next;

        event_free(c->events);
        c->events = next;
    }
}

struct node *cluster_add(struct cluster *c, const char *name, const char *host)
{
    struct node *n = &c->nodes[c->nodes_n++];

    assert(c->nodes_n <= CLUSTER_NODES_MAX);
    *n = (struct node){.cluster = c, .bolt_port = 7687, .workers = 2};
    str_copy(n->name, sizeof(n->name), name);
    str_copy(n->host, sizeof(n->host), host);
    for (size_t i = 0; i < MG_FILE_COUNT; i++) {
        buf_init(&n->files[i], SIZE_MAX);
        buf_init(&n->saved[i], SIZE_MAX);
    }
    return n;
}

struct node *cluster_node(struct cluster *c, const char *name)
{
    for (size_t i = 0; i < c->nodes_n; i++)
        if (!strcmp(c->nodes[i].name, name))
            return &c->nodes[i];
    return NULL;
}

static void post(struct cluster *c, struct event e, struct str bytes, int64_t at)
{
    struct event *copy = xcalloc(1, sizeof(*copy)), **where = &c->events;

    *copy = e;
    copy->at = at;
    copy->bytes = xstrndup("", 0);
    if (bytes.n) {
        copy->bytes = xrealloc(copy->bytes, bytes.n);
        memcpy(copy->bytes, bytes.p, bytes.n);
    }
    copy->n = bytes.n;
    while (*where && (*where)->at <= at)
        where = &(*where)->next;
    copy->next = *where;
    *where = copy;
}

/* The host of a model. */

static bool host_listen(void *arg, unsigned port)
{
    struct node *n = arg;

    if (port == n->bolt_port)
        return false;
    n->listening = true;
    n->port = port;
    n->generation++;
    return true;
}

static void host_unlisten(void *arg)
{
    struct node *n = arg;

    n->listening = false;
    n->generation++;
}

static struct node *find_server(struct cluster *c, const char *address)
{
    for (size_t i = 0; i < c->nodes_n; i++) {
        struct node *n = &c->nodes[i];
        char own[64];

        str_format(own, sizeof(own), "%s:%u", n->host, n->port);
        if (n->mg && n->listening && !strcmp(own, address))
            return n;
    }
    return NULL;
}

static void host_call(void *arg, uint64_t call, unsigned link, const char *address,
                      struct str request, int64_t timeout_us)
{
    struct node *n = arg;
    struct cluster *c = n->cluster;
    struct event e = {.from = n, .from_generation = n->generation, .link = link, .call = call};
    bool broken;

    assert(link < CLUSTER_LINKS_MAX);
    broken = n->links[link].connected && n->links[link].to->generation != n->links[link].generation;
    if (!n->links[link].connected) {
        n->links[link].to = find_server(c, address);
        n->links[link].connected = n->links[link].to != NULL;
    }
    if (broken || !n->links[link].connected) {
        n->links[link].connected = false;
        e.kind = EVENT_ANSWER;
        post(c, e, (struct str){0}, c->now_us + LATENCY_US);
        return;
    }
    e.to = n->links[link].to;
    e.to_generation = n->links[link].generation = e.to->generation;
    e.kind = EVENT_REQUEST;
    post(c, e, request, c->now_us + LATENCY_US);
    e.kind = EVENT_TIMEOUT;
    post(c, e, (struct str){0}, c->now_us + timeout_us);
}

static void host_link_close(void *arg, unsigned link)
{
    struct node *n = arg;

    n->links[link].connected = false;
}

static void host_persist(void *arg, enum mg_file file, bool append, struct str bytes)
{
    struct node *n = arg;

    if (!append)
        buf_clear(&n->files[file]);
    buf_add_str(&n->files[file], bytes);
}

static void host_crash(void *arg, const char *why)
{
    struct node *n = arg;

    (void)why;
    n->crashed = true;
}

/* Processes. */

bool cluster_start(struct node *n)
{
    const struct mg_host host = {.arg = n,
                                 .listen = host_listen,
                                 .unlisten = host_unlisten,
                                 .call = host_call,
                                 .link_close = host_link_close,
                                 .persist = host_persist,
                                 .crash = host_crash};
    struct mg_config config;
    const char *why;

    assert(!n->mg);
    mg_config_init(&config);
    config.seed = ++n->cluster->seed * 0x9E3779B97F4A7C15u;
    config.workers = n->workers;
    config.user = n->user;
    config.password = n->password;
    config.drop_crash_percent = n->drop_crash_percent;
    if (n->version)
        str_copy(config.version, sizeof(config.version), n->version);
    for (size_t i = 0; i < MG_FILE_COUNT; i++)
        config.files[i] = buf_str(&n->files[i]);
    n->crashed = n->stopped = n->listening = false;
    n->mg = mg_new(&config, &host, n->cluster->now_us, &why);
    if (!n->mg)
        return false;
    while (!mg_ready(n->mg))
        cluster_run(n->cluster, n->cluster->now_us + 1000);
    return true;
}

void cluster_kill(struct node *n)
{
    for (size_t i = 0; i < n->clients_n; i++)
        client_done(&n->clients[i]);
    n->clients_n = 0;
    if (n->mg)
        mg_free(n->mg);
    n->mg = NULL;
    n->listening = false;
    n->generation++;
    memset(n->links, 0, sizeof(n->links));
}

void cluster_stop(struct node *n)
{
    n->stopped = true;
}

void cluster_continue(struct node *n)
{
    n->stopped = false;
}

void cluster_wipe(struct node *n, bool all)
{
    assert(!n->mg);
    for (size_t i = 0; i < MG_FILE_COUNT; i++)
        if (all || i == MG_FILE_WAL || i == MG_FILE_SNAPSHOT)
            buf_clear(&n->files[i]);
}

static void copy_data(struct buf *to, const struct buf *from)
{
    buf_clear(&to[MG_FILE_WAL]);
    buf_add_str(&to[MG_FILE_WAL], buf_str(&from[MG_FILE_WAL]));
    buf_clear(&to[MG_FILE_SNAPSHOT]);
    buf_add_str(&to[MG_FILE_SNAPSHOT], buf_str(&from[MG_FILE_SNAPSHOT]));
}

void cluster_backup(struct node *n)
{
    copy_data(n->saved, n->files);
}

void cluster_restore(struct node *n)
{
    assert(!n->mg);
    copy_data(n->files, n->saved);
}

/* Time. */

/* A process that is stopped gets everything when it goes on. */
static bool event_held(const struct event *e)
{
    const struct node *n = e->kind == EVENT_REQUEST ? e->to : e->from;

    return n->mg && n->stopped;
}

static void serve(struct cluster *c, struct event *e)
{
    struct event answer = {.kind = EVENT_ANSWER,
                           .from = e->from,
                           .to = e->to,
                           .from_generation = e->from_generation,
                           .link = e->link,
                           .call = e->call};
    struct buf bytes;

    buf_init(&bytes, SIZE_MAX);
    answer.ok = e->to->mg && e->to->generation == e->to_generation &&
                mg_serve(e->to->mg, c->now_us, (struct str){e->bytes, e->n}, &bytes);
    post(c, answer, buf_str(&bytes), c->now_us + LATENCY_US);
    buf_done(&bytes);
}

static void happen(struct cluster *c, struct event *e)
{
    if (e->kind == EVENT_REQUEST) {
        serve(c, e);
        return;
    }
    if (!e->from->mg || e->from->generation != e->from_generation)
        return;
    /* A time-out of a call that was answered is nothing to the model, but it must not cut. */
    if (e->kind == EVENT_ANSWER && !e->ok)
        e->from->links[e->link].connected = false;
    mg_answer(e->from->mg, c->now_us, e->call, e->ok, (struct str){e->bytes, e->n});
}

static struct event *take_event(struct cluster *c, int64_t until_us)
{
    struct event **where = &c->events, *e;

    while (*where && event_held(*where))
        where = &(*where)->next;
    e = *where;
    if (!e || e->at > until_us)
        return NULL;
    *where = e->next;
    return e;
}

static int64_t next_event(struct cluster *c)
{
    const struct event *e = c->events;

    while (e && event_held(e))
        e = e->next;
    return e ? e->at : INT64_MAX;
}

static struct node *next_tick(struct cluster *c, int64_t *at)
{
    struct node *best = NULL;

    *at = INT64_MAX;
    for (size_t i = 0; i < c->nodes_n; i++) {
        struct node *n = &c->nodes[i];

        if (n->mg && !n->stopped && mg_deadline(n->mg) < *at) {
            *at = mg_deadline(n->mg);
            best = n;
        }
    }
    return best;
}

static bool step(struct cluster *c, int64_t until_us)
{
    int64_t tick_at, event_at = next_event(c);
    struct node *n = next_tick(c, &tick_at);
    struct event *e;

    if (tick_at > until_us && event_at > until_us)
        return false;
    if (tick_at < event_at) {
        c->now_us = tick_at > c->now_us ? tick_at : c->now_us;
        mg_tick(n->mg, c->now_us);
        return true;
    }
    e = take_event(c, until_us);
    c->now_us = e->at > c->now_us ? e->at : c->now_us;
    happen(c, e);
    event_free(e);
    return true;
}

void cluster_run(struct cluster *c, int64_t until_us)
{
    while (step(c, until_us))
        ;
    if (c->now_us < until_us)
        c->now_us = until_us;
}

void cluster_wait(struct cluster *c, int64_t us)
{
    cluster_run(c, c->now_us + us);
}

/* Clients. */

static json_t *to_json(const struct value *v)
{
    json_t *out;

    switch (v->kind) {
    case VALUE_BOOL:
        return json_boolean(v->as.boolean);
    case VALUE_INT:
        return json_integer(v->as.integer);
    case VALUE_FLOAT:
        return json_real(v->as.real);
    case VALUE_STRING:
        return json_stringn(v->as.str.p, v->as.str.n);
    case VALUE_LIST:
        out = json_array();
        for (size_t i = 0; i < v->as.list.n; i++)
            json_array_append_new(out, to_json(&v->as.list.items[i]));
        return out;
    case VALUE_MAP:
        out = json_object();
        for (size_t i = 0; i < v->as.map.n; i++) {
            char key[128];

            str_copy_n(key, sizeof(key), v->as.map.entries[i].key);
            json_object_set_new(out, key, to_json(&v->as.map.entries[i].value));
        }
        return out;
    case VALUE_NULL:
    case VALUE_BYTES:
    case VALUE_STRUCT:
        break;
    }
    return json_null();
}

static struct value from_json(json_t *j, struct arena *a)
{
    if (json_is_integer(j))
        return value_int(json_integer_value(j));
    if (json_is_object(j)) {
        struct value map = value_map(a, json_object_size(j));
        const char *key;
        json_t *v;
        size_t i = 0;

        json_object_foreach (j, key, v) {
            map.as.map.entries[i].key = str_of(key);
            map.as.map.entries[i++].value = from_json(v, a);
        }
        return map;
    }
    return json_is_string(j) ? value_str(json_string_value(j)) : value_null();
}

static void keep(json_t **where, json_t *v)
{
    json_decref(*where);
    *where = v;
}

static void go_on(struct client *client);

static void finish(struct client *client, const struct mg_reply *r)
{
    client->waiting = false;
    client->answered_us = client->node->cluster->now_us;
    if (!r->code)
        return;
    str_copy(client->code, sizeof(client->code), r->code);
    str_copy(client->message, sizeof(client->message), r->message);
}

static void on_reply(void *arg, const struct mg_reply *r)
{
    struct client *client = arg;

    if (r->code) {
        client->at_run = client->stage == 1;
        finish(client, r);
        return; /* the next request begins with a RESET */
    }
    if (!client->logged_on) {
        client->logged_on = true;
        if (client->query[0])
            go_on(client);
        else
            client->waiting = false;
        return;
    }
    if (client->stage == 1 && !strstr(client->query, "(message)")) {
        keep(&client->fields, to_json(value_get(&r->metadata, "fields")));
        client->stage = 2;
        mg_session_pull(client->session, client->node->cluster->now_us, -1, -1, false);
        return;
    }
    keep(&client->rows, json_array());
    for (size_t i = 0; i < r->rows_n; i++)
        json_array_append_new(client->rows, to_json(&r->rows[i]));
    keep(&client->metadata, to_json(&r->metadata));
    finish(client, r);
}

static void go_on(struct client *client)
{
    int64_t now_us = client->node->cluster->now_us;
    struct arena arena;
    struct value params;

    client->stage = 1;
    if (!strcmp(client->query, "BEGIN (message)")) {
        mg_session_begin(client->session, now_us);
    } else if (!strcmp(client->query, "COMMIT (message)")) {
        mg_session_commit(client->session, now_us);
    } else if (!strcmp(client->query, "ROLLBACK (message)")) {
        mg_session_rollback(client->session, now_us);
    } else {
        arena_init(&arena, SIZE_MAX);
        params = client->params ? from_json(client->params, &arena) : value_map(&arena, 0);
        mg_session_run(client->session, now_us, str_of(client->query), &params);
        arena_done(&arena);
    }
}

struct client *cluster_client(struct node *n, const char *name, const char *user,
                              const char *password)
{
    struct value_entry entries[3];
    struct value map = {.kind = VALUE_MAP};
    struct client *client;

    assert(n->mg);
    for (size_t i = 0; i < n->clients_n; i++)
        if (!strcmp(n->clients[i].name, name))
            return &n->clients[i];
    assert(n->clients_n < CLUSTER_SESSIONS_MAX);
    client = &n->clients[n->clients_n++];
    *client = (struct client){.node = n, .waiting = true};
    str_copy(client->name, sizeof(client->name), name);
    client->session = mg_session_new(n->mg, on_reply, client);
    entries[0] = (struct value_entry){str_of("scheme"), value_str(user ? "basic" : "none")};
    entries[1] = (struct value_entry){str_of("principal"), value_str(user ? user : "")};
    entries[2] = (struct value_entry){str_of("credentials"), value_str(password ? password : "")};
    map.as.map.entries = entries;
    map.as.map.n = 3;
    mg_session_login(client->session, n->cluster->now_us, &map);
    return client;
}

void cluster_ask(struct client *client, const char *query, const json_t *params)
{
    int64_t now_us = client->node->cluster->now_us;
    bool log_on_failed = !client->logged_on && !client->waiting;

    assert(client->logged_on || log_on_failed || client->waiting);
    str_copy(client->query, sizeof(client->query), query);
    keep(&client->params, params ? json_deep_copy(params) : NULL);
    client->asked_us = now_us;
    if (log_on_failed || client->waiting)
        return;
    if (client->code[0])
        mg_session_reset(client->session, now_us);
    client->code[0] = client->message[0] = '\0';
    client->at_run = false;
    client->waiting = true;
    go_on(client);
}

bool cluster_answer(struct client *client, int64_t limit_us)
{
    struct cluster *c = client->node->cluster;
    int64_t until_us = c->now_us + limit_us;

    while (client->waiting && step(c, until_us))
        ;
    return !client->waiting;
}

const json_t *cluster_query(struct node *n, const char *fmt, ...)
{
    struct client *client = cluster_client(n, "", NULL, NULL);
    char query[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(query, sizeof(query), fmt, args);
    va_end(args);
    if (!cluster_answer(client, 1000000)) /* the log-on */
        return NULL;
    cluster_ask(client, query, NULL);
    if (!cluster_answer(client, 120000000) || client->code[0])
        return NULL;
    return client->rows;
}

const char *cluster_error(const struct node *n)
{
    for (size_t i = 0; i < n->clients_n; i++)
        if (!n->clients[i].name[0])
            return n->clients[i].message;
    return "not connected";
}
