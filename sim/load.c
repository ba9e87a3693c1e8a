#include "sim/load.h"

#include "base/alloc.h"
#include "io/bolt_client.h"
#include "sim/process.h"

enum { ACCOUNTS = 4, BALANCE = 100, QUERY_LIMIT_US = 8000 * 1000, CONNECT_LIMIT_US = 7000 * 1000 };
#define BANK_SUM    ((int64_t)ACCOUNTS * BALANCE)
#define BANK_CREATE "UNWIND [0, 1, 2, 3] AS i CREATE (:Account {n: i, v: 100})"

enum { READ_GATEWAY_PORT = 7688, BOLT_PORT = 7687 };

struct client {
    struct load *load;
    enum client_kind kind;
    bool verifier;
    struct loop *process;
    struct host *host;
    struct bolt_client *bolt;
    struct timer *think, *connect;
    size_t write; /* under way */
    bool busy, bank_ready, odd;
};

struct load {
    struct world *world;
    struct ledger *ledger;
    struct load_config config;
    struct random random;
    struct client clients[LOAD_CLIENTS_MAX + 1];
    unsigned n;
    bool stopped, verified;
    char violation[WHY_TEXT_SIZE];
};

static void ask(struct client *c);

static void fail_load(struct load *l, const char *why)
{
    if (!l->violation[0])
        (void)str_copy(l->violation, sizeof l->violation, why);
}

static void think(struct client *c)
{
    if (c->verifier)
        timer_start(c->think, 50 * 1000);
    else if (!c->load->stopped)
        timer_start(c->think, random_range(&c->load->random, 1000, 2 * c->load->config.think_us));
}

/* ---- answers ---- */

static enum write_outcome outcome_of(const struct bolt_answer *a)
{
    if (a->fail.kind != FAIL_NONE)
        return WRITE_UNKNOWN;
    switch (a->error) {
    case MEMGRAPH_OK:
        return WRITE_ACKNOWLEDGED;
    case MEMGRAPH_WRONG_ROLE:
    case MEMGRAPH_ABORTED:
        return WRITE_REFUSED;
    case MEMGRAPH_ROLE_NOT_SET:
    case MEMGRAPH_BUSY:
    case MEMGRAPH_NAME_EXISTS:
    case MEMGRAPH_ENDPOINT_EXISTS:
    case MEMGRAPH_DIVERGED_REPLICA:
    case MEMGRAPH_UNREACHABLE:
    case MEMGRAPH_NO_SUCH_REPLICA:
    case MEMGRAPH_NOT_REGISTERED:
    case MEMGRAPH_NOT_CONFIRMED:
    case MEMGRAPH_UNAUTHORISED:
    case MEMGRAPH_EXISTS:
    case MEMGRAPH_TRANSIENT:
    case MEMGRAPH_OTHER:
        return WRITE_UNKNOWN;
    }
    return WRITE_UNKNOWN;
}

static int pod_of(const struct world *w, const char *run)
{
    for (unsigned i = 0; i < w->config.pods; i++) {
        const struct mg *mg = world_model(w, i);

        if (mg && strcmp(mg_look(mg).run_id, run) == 0)
            return (int)i;
    }
    return -1;
}

static void on_written(void *arg, const struct bolt_answer *answer)
{
    struct client *c = arg;
    struct load *l = c->load;
    char why[WHY_TEXT_SIZE];
    enum write_outcome outcome = outcome_of(answer);

    c->busy = false;
    if (outcome != WRITE_ACKNOWLEDGED)
        world_say(l->world, "%s: write %zu: %s", process_name(c->process), c->write,
                  answer->message);
    if (!ledger_end(l->ledger, c->write, clock_now_us(), outcome, answer->run_id,
                    pod_of(l->world, answer->run_id), why))
        fail_load(l, why);
    if (bolt_client_up(c->bolt))
        think(c);
}

static void on_any_answer(void *arg, const struct bolt_answer *answer)
{
    struct client *c = arg;

    (void)answer;
    c->busy = false;
    if (bolt_client_up(c->bolt))
        think(c);
}

static int64_t first_int(const struct bolt_answer *a)
{
    const struct value *row = a->rows.n ? &a->rows.rows[0] : NULL;

    return row && row->kind == VALUE_LIST && row->as.list.n &&
                   row->as.list.items[0].kind == VALUE_INT
               ? row->as.list.items[0].as.integer
               : 0;
}

static bool is_good(const struct bolt_answer *a)
{
    return a->fail.kind == FAIL_NONE && a->error == MEMGRAPH_OK;
}

static void on_sum(void *arg, const struct bolt_answer *answer)
{
    struct client *c = arg;
    char why[WHY_TEXT_SIZE];

    /* An account list that was created twice, as an answer was lost, makes two sums. */
    if (is_good(answer) && first_int(answer) % BANK_SUM) {
        (void)str_format(why, sizeof why, "the accounts' sum is %lld in run %.8s",
                         (long long)first_int(answer), answer->run_id);
        fail_load(c->load, why);
    }
    on_any_answer(arg, answer);
}

static void on_accounts(void *arg, const struct bolt_answer *answer)
{
    struct client *c = arg;

    c->bank_ready = is_good(answer) && first_int(answer) >= ACCOUNTS;
    c->odd = is_good(answer) && first_int(answer) == 0; /* to be created */
    on_any_answer(arg, answer);
}

static void on_ids(void *arg, const struct bolt_answer *answer)
{
    struct client *c = arg;
    struct load *l = c->load;
    size_t n = l->ledger->n + 1;
    unsigned *seen;
    char why[WHY_TEXT_SIZE];

    c->busy = false;
    if (!is_good(answer)) {
        if (bolt_client_up(c->bolt))
            think(c);
        return;
    }
    seen = xcalloc(n, sizeof *seen);
    for (size_t i = 0; i < answer->rows.n; i++) {
        const struct value *id = &answer->rows.rows[i].as.list.items[0];

        seen[id->as.integer >= 0 && (size_t)id->as.integer < n ? (size_t)id->as.integer : n - 1]++;
    }
    if (!ledger_check(l->ledger, seen, n, why))
        fail_load(l, why);
    free(seen);
    l->verified = true;
}

/* ---- questions ---- */

static void query(struct client *c, const char *text, bolt_done_fn *done)
{
    c->busy = true;
    if (bolt_client_query(c->bolt, text, QUERY_LIMIT_US, done, c) != 0)
        c->busy = false;
}

static void ask_bank(struct client *c)
{
    struct random *r = &c->load->random;
    int64_t from = random_range(r, 0, ACCOUNTS - 1), to = random_range(r, 0, ACCOUNTS - 2);
    int64_t amount = random_range(r, 1, 20);
    char text[200];

    if (!c->bank_ready) {
        if (c->odd)
            query(c, BANK_CREATE, on_any_answer);
        else
            query(c, "MATCH (a:Account) RETURN count(a)", on_accounts);
        c->odd = false;
        return;
    }
    to += to >= from;
    (void)str_format(text, sizeof text,
                     "MATCH (a:Account {n: %lld}), (b:Account {n: %lld}) "
                     "SET a.v = a.v - %lld, b.v = b.v + %lld",
                     (long long)from, (long long)to, (long long)amount, (long long)amount);
    query(c, text, on_any_answer);
}

static void ask(struct client *c)
{
    char text[64];

    if (c->busy || !bolt_client_up(c->bolt))
        return;
    if (c->verifier) {
        query(c, "MATCH (n:W) RETURN n.id", on_ids);
        return;
    }
    switch (c->kind) {
    case CLIENT_WRITER:
        c->write = ledger_begin(c->load->ledger, clock_now_us());
        (void)str_format(text, sizeof text, "CREATE (:W {id: %zu})", c->write);
        query(c, text, on_written);
        return;
    case CLIENT_BANK:
        ask_bank(c);
        return;
    case CLIENT_READER:
    case CLIENT_DIRECT:
        c->odd = !c->odd;
        if (c->odd)
            query(c, "MATCH (a:Account) RETURN sum(a.v)", on_sum);
        else
            query(c, "MATCH (n:W) RETURN count(n)", on_any_answer);
        return;
    case CLIENT_KINDS:
        return;
    }
}

static void on_think(void *arg)
{
    struct client *c = arg;

    if (!c->load->stopped || c->verifier)
        ask(c);
}

/* ---- connections ---- */

static void on_up(void *arg)
{
    struct client *c = arg;

    timer_start(c->think, 0);
}

static void on_down(void *arg, const struct fail *why)
{
    struct client *c = arg;

    (void)why;
    timer_start(c->connect, random_range(&c->load->random, 1000, 60 * 1000));
}

/* A Service's choice among the controllers; or a pod. */
static void choose_server(struct client *c, struct bolt_client_config *out)
{
    struct load *l = c->load;
    const struct world *w = l->world;

    if (c->kind == CLIENT_DIRECT && !c->verifier) {
        size_t pod = (size_t)random_range(&l->random, 0, (int64_t)w->config.pods - 1);

        out->port = BOLT_PORT;
        (void)str_copy(out->host, sizeof out->host,
                       w->pods[pod].host ? host_ip(w->pods[pod].host) : "10.0.0.250");
        return;
    }
    out->port = c->kind == CLIENT_READER && !c->verifier ? READ_GATEWAY_PORT : GATEWAY_PORT;
    (void)str_copy(
        out->host, sizeof out->host,
        host_ip(
            w->controllers[random_range(&l->random, 0, (int64_t)w->config.controllers - 1)].host));
}

static void on_connect(void *arg)
{
    static const struct bolt_client_events events = {on_up, on_down};
    struct client *c = arg;
    const struct world_config *config = &c->load->world->config;
    struct bolt_client_config bolt = {.user_agent = "client/1",
                                      .connect_timeout_us = CONNECT_LIMIT_US};

    if (config->model.user) {
        (void)str_copy(bolt.user, sizeof bolt.user, config->model.user);
        (void)str_copy(bolt.password, sizeof bolt.password, config->model.password);
    }
    bolt_client_free(c->bolt);
    c->busy = false;
    choose_server(c, &bolt);
    c->bolt = bolt_client_new(c->process, &bolt, &events, c);
}

static struct client *client_new(struct load *l, enum client_kind kind)
{
    static const char *const names[] = {"writer", "bank", "reader", "direct"};
    struct client *c = &l->clients[l->n];
    struct process_config process = {.arg = c};
    char name[32], ip[48];

    (void)str_format(name, sizeof name, "%s-%u", names[kind], l->n);
    (void)str_format(ip, sizeof ip, "10.0.3.%u", ++l->n);
    *c = (struct client){.load = l, .kind = kind, .host = host_new(name, ip)};
    process.name = name;
    process.host = c->host;
    c->process = process_new(&process);
    c->think = timer_new(c->process, on_think, c);
    c->connect = timer_new(c->process, on_connect, c);
    timer_start(c->connect, random_range(&l->random, 0, l->config.think_us));
    return c;
}

struct load *load_new(struct world *w, struct ledger *ledger, const struct load_config *config)
{
    struct load *l = xcalloc(1, sizeof *l);

    l->world = w;
    l->ledger = ledger;
    l->config = *config;
    l->random = random_stream(config->seed, 4);
    for (int kind = 0; kind < CLIENT_KINDS; kind++)
        for (unsigned i = 0; i < config->clients[kind] && l->n < LOAD_CLIENTS_MAX; i++)
            (void)client_new(l, (enum client_kind)kind);
    return l;
}

void load_free(struct load *l)
{
    if (!l)
        return;
    for (unsigned i = 0; i < l->n; i++) {
        struct client *c = &l->clients[i];

        bolt_client_free(c->bolt);
        timer_free(c->think);
        timer_free(c->connect);
        process_free(c->process);
        host_free(c->host);
    }
    free(l);
}

void load_stop(struct load *l)
{
    l->stopped = true;
}

bool load_idle(const struct load *l)
{
    for (unsigned i = 0; i < l->n; i++)
        if (l->clients[i].busy && !l->clients[i].verifier)
            return false;
    return true;
}

struct host *load_host(const struct load *l, unsigned i)
{
    return i < l->n ? l->clients[i].host : NULL;
}

const char *load_violation(const struct load *l)
{
    return l->violation[0] ? l->violation : NULL;
}

void load_verify(struct load *l)
{
    client_new(l, CLIENT_WRITER)->verifier = true;
}

bool load_verified(const struct load *l)
{
    return l->verified;
}
