#include "app/link.h"

#include "app/confirm.h"
#include "app/users.h"
#include "app/words.h"
#include "base/alloc.h"
#include "core/command.h"
#include "io/bolt_client.h"
#include "io/poke.h"

#include <assert.h>
#include <errno.h>

static const int64_t question_limit_us = 5LL * 1000 * 1000;

enum side { PROBE, COMMAND };

/* Questions that can go without an answer that makes sense. */
enum question { ASKED_ROLE = 1, ASKED_ROWS = 2, ASKED_STORAGE = 4 };

struct link {
    struct controller *c;
    int pod;
    char ip[64];
    struct bolt_client *probe, *command;
    struct poke *poke;
    struct timer *probe_due, *rows_due, *later;
    /* wanted of the probe's connection, in this order */
    bool want_role, want_rows, want_version;
    /* wanted of the commands' connection */
    bool want_storage, storage_by_database;
    int64_t memory_bytes;
    unsigned senseless; /* whose last answer made no sense: not asked again before the next probe */
    bool told_senseless, told_claim;
    enum fail_kind told_down; /* why there is no connection, as last logged; FAIL_NONE: there is */
    char command_run[MEMGRAPH_UUID_SIZE]; /* what that connection has shown; empty: nothing yet */
    struct effect effect;                 /* the command under way */
    bool commanding;                      /* it is sent, or to be answered from `later` */
    enum outcome outcome; /* of a command that could not be sent; of the users so far */
    unsigned user;        /* ENSURE_USERS: whose query is under way */
};

static void probe_next(struct link *l);
static void command_next(struct link *l);
static void finish_command(struct link *l, enum outcome outcome, const char *message);
static struct bolt_client *connect_side(struct link *l, enum side side);

static struct view *seen(struct link *l)
{
    return controller_view(l->c);
}

/* ---- questions over the probe's connection ---- */

static bool is_target(const struct link *l)
{
    return l->c->view.record_exists && l->c->view.record.target == l->pod;
}

/* What a question's answer told, or why it told nothing. Without a pause the rules would ask again
 * at once, and again. The connection's end is reported on its own. */
static void judge(struct link *l, enum question question, const struct bolt_answer *answer,
                  const struct fail *why)
{
    char name[NAME_SIZE + 8];

    l->senseless &= ~(unsigned)question;
    if (answer->fail.kind != FAIL_NONE || (answer->error == MEMGRAPH_OK && !why->kind))
        return;
    l->senseless |= (unsigned)question;
    if (l->told_senseless || answer->error == MEMGRAPH_WRONG_ROLE)
        return;
    l->told_senseless = true; /* once a connection */
    log_event(LOG_WARN, "link", "an answer that tells nothing, trying again", "pod",
              view_pod_name(&l->c->view, l->pod, name), "answer",
              answer->error != MEMGRAPH_OK ? answer->message : why->text, NULL);
}

/* It may be another pod's, which has this address by now. Each process is told once; it is asked
 * again at the next probe, or when Kubernetes shows something new. */
static void tell_claim(struct link *l, const char *run)
{
    char name[NAME_SIZE + 8];

    l->senseless |= ASKED_ROLE;
    confirm_ask(l->c->confirm);
    if (l->told_claim)
        return;
    l->told_claim = true;
    log_event(LOG_INFO, "link",
              "a new process answers at the pod's address: asking Kubernetes whether it is the "
              "pod's",
              "pod", view_pod_name(&l->c->view, l->pod, name), "ip", l->ip, "run", run, NULL);
}

/* False: the answer says nothing. */
static bool fold_role(struct link *l, const struct bolt_answer *answer)
{
    enum memgraph_role role = MEMGRAPH_ROLE_UNKNOWN;
    struct fail why = memgraph_read_role(&answer->rows, &role);

    if (!why.kind && !answer->run_id[0])
        why = fail_make(FAIL_PROTOCOL, "no run_id in the summary: which process is it?");
    judge(l, ASKED_ROLE, answer, &why);
    if (answer->fail.kind != FAIL_NONE || l->senseless & ASKED_ROLE)
        return false;
    if (view_role(seen(l), l->pod, words_role(role), answer->run_id, answer->asked_us))
        l->told_claim = false;
    else
        tell_claim(l, answer->run_id);
    return true;
}

/* Another process answers now, and the commands' connection still leads to the one before: a
 * machine that was switched off resets nothing, and an idle connection notices nothing. */
static void leave_old_process(struct link *l, const char *run)
{
    if (!l->command_run[0] || strcmp(l->command_run, run) == 0 || timer_active(l->later))
        return;
    l->command_run[0] = '\0';
    bolt_client_free(l->command);
    l->command = connect_side(l, COMMAND);
    if (l->commanding)
        finish_command(l, OUTCOME_FAILED, "its process is gone");
}

static void on_role(void *arg, const struct bolt_answer *answer)
{
    struct link *l = arg;

    view_answered(seen(l), l->pod);
    if (fold_role(l, answer)) {
        const struct pod *p = &l->c->view.pods[l->pod];

        l->want_version = l->want_version || (!pod_claimed(p) && !p->version[0]);
        leave_old_process(l, answer->run_id);
    }
    timer_start(l->probe_due, l->c->config.probe_interval_ms * 1000);
    probe_next(l);
    controller_step(l->c);
}

static void on_rows(void *arg, const struct bolt_answer *answer)
{
    struct link *l = arg;
    struct memgraph_replica replicas[MEMGRAPH_REPLICAS_MAX];
    struct row rows[ROWS_MAX] = {0};
    size_t n = 0;
    struct fail why = memgraph_read_replicas(&answer->rows, replicas, &n);

    view_answered(seen(l), l->pod);
    timer_start(l->rows_due, l->c->config.sync_watch_ms * 1000);
    if (answer->error == MEMGRAPH_WRONG_ROLE)
        l->want_role = true; /* a replica has no list: its role changed under us */
    judge(l, ASKED_ROWS, answer, &why);
    if (answer->fail.kind == FAIL_NONE && !(l->senseless & ASKED_ROWS)) {
        for (size_t i = 0; i < n && i < ROWS_MAX; i++) {
            rows[i] = (struct row){.mode = words_mode(replicas[i].mode),
                                   .has_data = replicas[i].has_data,
                                   .status = words_status(replicas[i].status),
                                   .ts = replicas[i].ts,
                                   .behind = replicas[i].behind};
            (void)str_copy(rows[i].name, sizeof rows[i].name, replicas[i].name);
            (void)str_copy(rows[i].address, sizeof rows[i].address, replicas[i].address);
        }
        view_rows(seen(l), l->pod, answer->run_id, rows, (unsigned)n, answer->asked_us);
    }
    probe_next(l);
    controller_step(l->c);
}

static void on_version(void *arg, const struct bolt_answer *answer)
{
    struct link *l = arg;
    char version[MEMGRAPH_VERSION_SIZE];

    view_answered(seen(l), l->pod);
    if (answer->fail.kind == FAIL_NONE && answer->error == MEMGRAPH_OK &&
        !pod_claimed(&l->c->view.pods[l->pod]) &&
        memgraph_read_version(&answer->rows, version).kind == FAIL_NONE)
        view_version(seen(l), l->pod, version,
                     (struct abilities){.strict_sync = memgraph_version_at_least(version, 3, 5),
                                        .sync_fails = !memgraph_version_at_least(version, 3, 13)});
    probe_next(l);
    controller_step(l->c);
}

/* A command of ours may make it silent: a DROP of a replica that cannot be reached, a REGISTER, a
 * demotion wait 5 to 10 s for the call to that replica and let nobody else in. That is no sign of a
 * main that hangs. */
static int64_t probe_limit_us(const struct link *l)
{
    static const int64_t patience_us = 11LL * 1000 * 1000;
    enum effect_kind kind = l->effect.kind;
    bool waits = l->commanding &&
                 (kind == EFFECT_DROP || kind == EFFECT_REGISTER || kind == EFFECT_DEMOTE);

    return waits ? patience_us : l->c->config.probe_timeout_ms * 1000;
}

static void probe_next(struct link *l)
{
    int64_t limit_us = probe_limit_us(l);
    int err = 0;

    if (!bolt_client_up(l->probe) || bolt_client_busy(l->probe))
        return;
    if (l->want_role) {
        l->want_role = false;
        err = bolt_client_query(l->probe, MEMGRAPH_SHOW_ROLE, limit_us, on_role, l);
    } else if (l->want_rows) {
        l->want_rows = false;
        err = bolt_client_query(l->probe, MEMGRAPH_SHOW_REPLICAS, limit_us, on_rows, l);
    } else if (l->want_version) {
        l->want_version = false;
        err = bolt_client_query(l->probe, MEMGRAPH_SHOW_VERSION, limit_us, on_version, l);
    }
    assert(err == 0); /* up and idle: we have just looked */
    if (bolt_client_busy(l->probe))
        view_asked(seen(l), l->pod);
}

static void on_probe_due(void *arg)
{
    struct link *l = arg;

    l->senseless = 0;
    l->want_role = true;
    probe_next(l);
}

static void on_rows_due(void *arg)
{
    struct link *l = arg;

    if (is_target(l) && l->c->view.pods[l->pod].role == ROLE_MAIN)
        l->want_rows = true;
    probe_next(l);
    timer_start(l->rows_due, l->c->config.sync_watch_ms * 1000);
}

/* Each kind of failure once, until it is up again. */
static void tell_link(struct link *l, const struct fail *why)
{
    char name[NAME_SIZE + 8];

    if (why->kind == l->told_down)
        return;
    l->told_down = why->kind;
    view_pod_name(&l->c->view, l->pod, name);
    if (why->kind == FAIL_NONE)
        log_event(LOG_INFO, "link", "connected", "pod", name, "ip", l->ip, NULL);
    else
        log_event(LOG_WARN, "link",
                  why->kind == FAIL_DENIED
                      ? "the pod denies us: are MEMGRAPH_USER and MEMGRAPH_PASSWORD right?"
                      : "no connection, trying again",
                  "pod", name, "ip", l->ip, "kind", fail_kind_name(why->kind), "error", why->text,
                  NULL);
}

static void on_probe_up(void *arg)
{
    static const struct fail well = {0};
    struct link *l = arg;

    tell_link(l, &well);
    view_link_up(seen(l), l->pod);
    l->senseless = 0;
    l->told_senseless = false;
    l->want_role = true;
    timer_start(l->rows_due, 0);
    probe_next(l);
    controller_step(l->c);
}

static void on_probe_down(void *arg, const struct fail *why)
{
    struct link *l = arg;

    tell_link(l, why);
    view_link_down(seen(l), l->pod, why->kind, why->text);
    timer_stop(l->probe_due);
    timer_stop(l->rows_due);
    controller_step(l->c);
}

/* ---- the commands' connection ---- */

/* Touches between epochs come every second under writes, and the busy and the stale are sent again:
 * no news. */
static enum log_level log_level_of(const struct effect *effect, enum outcome outcome)
{
    bool routine = effect->kind == EFFECT_TOUCH && effect->rule != RULE_EPOCH;

    if (outcome == OUTCOME_OK)
        return routine ? LOG_DEBUG : LOG_INFO;
    return outcome == OUTCOME_BUSY || outcome == OUTCOME_STALE ? LOG_DEBUG : LOG_WARN;
}

static void finish_command(struct link *l, enum outcome outcome, const char *message)
{
    struct controller *c = l->c;
    char name[NAME_SIZE + 8];

    assert(l->commanding);
    l->commanding = false;
    c->outcomes[outcome]++;
    log_event(log_level_of(&l->effect, outcome), "command", effect_kind_name(l->effect.kind), "pod",
              view_pod_name(&c->view, l->pod, name), "replica", l->effect.name, "outcome",
              outcome_name(outcome), "answer", message, NULL);
    command_done(seen(l), l->pod, outcome);
    controller_step(c);
}

/* What the rows tell of a REGISTER that failed without a reason. */
static void on_registered_rows(void *arg, const struct bolt_answer *answer)
{
    struct link *l = arg;
    struct memgraph_replica rows[MEMGRAPH_REPLICAS_MAX];
    enum outcome outcome = words_outcome(answer, l->effect.kind);
    size_t n = 0;

    if (outcome == OUTCOME_OK)
        outcome = memgraph_read_replicas(&answer->rows, rows, &n).kind == FAIL_NONE
                      ? words_registered(rows, n, &l->effect)
                      : OUTCOME_FAILED;
    finish_command(l, outcome, "Couldn't register, and no reason is given");
    command_next(l);
}

static void on_command(void *arg, const struct bolt_answer *answer)
{
    struct link *l = arg;
    enum outcome outcome = words_outcome(answer, l->effect.kind);

    if (answer->fail.kind == FAIL_NONE && answer->error == MEMGRAPH_NOT_REGISTERED &&
        bolt_client_query(l->command, MEMGRAPH_SHOW_REPLICAS, question_limit_us, on_registered_rows,
                          l) == 0)
        return;
    if (l->effect.kind == EFFECT_PROMOTE && l->poke)
        poke_stop(l->poke);
    if (l->effect.kind == EFFECT_DEMOTE && outcome == OUTCOME_OK && l->poke)
        poke_connect(l->poke); /* it has just begun to listen */
    finish_command(l, outcome, answer->message);
    command_next(l);
}

/* ---- users: a query each ---- */

static void on_user(void *arg, const struct bolt_answer *answer);

/* False: there are no more, or the next one cannot be sent. */
static bool send_user(struct link *l)
{
    const struct users *users = l->c->users;
    struct buf text;
    int err = -EINVAL;

    if (l->user >= users->n)
        return false;
    buf_init(&text, 4096);
    if (memgraph_user_query(&text, users->list[l->user].name, users->list[l->user].password) &&
        !text.failed)
        err = bolt_client_query(l->command, text.p, words_limit_us(EFFECT_ENSURE_USERS), on_user,
                                l);
    buf_done(&text);
    if (err != 0)
        l->outcome = OUTCOME_FAILED;
    return err == 0;
}

/* One that fails does not keep the others from being created; the worst outcome counts. */
static void on_user(void *arg, const struct bolt_answer *answer)
{
    struct link *l = arg;
    enum outcome outcome = words_outcome(answer, EFFECT_ENSURE_USERS);

    if (outcome != OUTCOME_OK && l->outcome != OUTCOME_FAILED)
        l->outcome = outcome;
    if (outcome != OUTCOME_OK && outcome != OUTCOME_BUSY)
        log_event(LOG_WARN, "command", "a user was not created", "user",
                  l->c->users->list[l->user].name, "answer", answer->message, NULL);
    l->user++;
    if (answer->fail.kind == FAIL_NONE && send_user(l))
        return;
    finish_command(l, l->outcome, answer->message);
    command_next(l);
}

static bool start_users(struct link *l)
{
    struct fail why = users_read(l->c->users);

    if (why.kind != FAIL_NONE)
        log_event(LOG_WARN, "command",
                  "MEMGRAPH_USERS_FILE cannot be used: the users that were read last are created",
                  "error", why.text, NULL);
    l->user = 0;
    l->outcome = OUTCOME_OK;
    return send_user(l);
}

static void on_storage(void *arg, const struct bolt_answer *answer)
{
    struct link *l = arg;
    struct memgraph_storage storage;
    struct fail why = memgraph_read_storage(&answer->rows, &storage);

    if (!why.kind && !storage.has_counts && !l->storage_by_database)
        l->want_storage = l->storage_by_database = true; /* 3.11 and later */
    else if (!why.kind && !storage.has_counts)
        why = fail_make(FAIL_PROTOCOL, "SHOW STORAGE INFO answered without its counts");
    if (storage.memory_bytes)
        l->memory_bytes = storage.memory_bytes;
    judge(l, ASKED_STORAGE, answer, &why);
    if (answer->fail.kind == FAIL_NONE && !(l->senseless & ASKED_STORAGE) && storage.has_counts &&
        pod_runs(&l->c->view.pods[l->pod], l->command_run))
        view_storage(seen(l), l->pod, storage.vertices, storage.edges, storage.database_uuid,
                     answer->asked_us);
    command_next(l);
    controller_step(l->c);
}

static void on_command_role(void *arg, const struct bolt_answer *answer)
{
    struct link *l = arg;

    if (fold_role(l, answer))
        (void)str_copy(l->command_run, sizeof l->command_run, answer->run_id);
    command_next(l);
    controller_step(l->c);
}

/* A question, when no command is under way. The first one shows the process behind it. */
static void command_next(struct link *l)
{
    int err = 0;

    if (!bolt_client_up(l->command) || bolt_client_busy(l->command))
        return;
    if (!l->command_run[0]) {
        err = bolt_client_query(l->command, MEMGRAPH_SHOW_ROLE, question_limit_us, on_command_role,
                                l);
    } else if (l->want_storage) {
        l->want_storage = false;
        err = bolt_client_query(l->command,
                                l->storage_by_database ? MEMGRAPH_SHOW_STORAGE_DATABASE
                                                       : MEMGRAPH_SHOW_STORAGE,
                                question_limit_us, on_storage, l);
    }
    assert(err == 0);
}

static void on_command_up(void *arg)
{
    struct link *l = arg;

    l->command_run[0] = '\0';
    l->storage_by_database = false;
    command_next(l);
}

static void on_command_down(void *arg, const struct fail *why)
{
    struct link *l = arg;

    (void)why; /* the probe's connection tells the view */
    l->command_run[0] = '\0';
    link_ask_role(l);
}

/* Commands that could not be sent are answered from the loop, as all the others. */
static void on_later(void *arg)
{
    struct link *l = arg;

    finish_command(l, l->outcome, "not sent");
    command_next(l);
}

static void fail_later(struct link *l, enum outcome outcome)
{
    l->outcome = outcome;
    timer_start(l->later, 0);
}

static bool start_command(struct link *l)
{
    const struct effect *effect = &l->effect;
    struct buf text;
    bool sent;

    if (effect->kind == EFFECT_ENSURE_USERS)
        return start_users(l);
    buf_init(&text, 4096);
    sent = words_command(&l->c->config, effect, &text) &&
           bolt_client_query(l->command, text.p, words_limit_us(effect->kind), on_command, l) == 0;
    buf_done(&text);
    if (sent && effect->kind == EFFECT_PROMOTE && l->poke)
        poke_fire(l->poke);
    return sent;
}

void link_command(struct link *l, const struct effect *effect)
{
    assert(!l->commanding);
    l->effect = *effect;
    l->commanding = true;
    command_started(seen(l), effect);
    if (!bolt_client_up(l->command) || bolt_client_busy(l->command) ||
        strcmp(l->command_run, effect->run) != 0)
        fail_later(l, OUTCOME_STALE);
    else if (!start_command(l))
        fail_later(l, OUTCOME_FAILED);
}

/* ---- the rest ---- */

void link_ask_role(struct link *l)
{
    if (l->senseless & ASKED_ROLE)
        return;
    l->want_role = true;
    probe_next(l);
}

void link_ask_rows(struct link *l)
{
    if (l->senseless & ASKED_ROWS)
        return;
    l->want_rows = true;
    probe_next(l);
}

void link_ask_storage(struct link *l)
{
    if (!l->c->view.pods[l->pod].version[0])
        l->want_version = true;
    if (!(l->senseless & ASKED_STORAGE))
        l->want_storage = true;
    probe_next(l);
    command_next(l);
}

int64_t link_memory_bytes(const struct link *l)
{
    return l->memory_bytes;
}

void link_hurry(struct link *l)
{
    l->senseless &= ~(unsigned)ASKED_ROLE;
    link_ask_role(l);
}

void link_retry(struct link *l)
{
    bolt_client_retry_now(l->probe);
    bolt_client_retry_now(l->command);
}

void link_keep_poke(struct link *l, bool keep)
{
    unsigned count = (unsigned)l->c->config.promote_poke;

    if (keep && !l->poke && count)
        l->poke = poke_new(l->c->loop, l->ip, (unsigned)l->c->config.replication_port, count);
    if (!keep && l->poke) {
        poke_free(l->poke);
        l->poke = NULL;
    }
}

const char *link_ip(const struct link *l)
{
    return l->ip;
}

static struct bolt_client *connect_side(struct link *l, enum side side)
{
    static const struct bolt_client_events probe_events = {on_probe_up, on_probe_down};
    static const struct bolt_client_events command_events = {on_command_up, on_command_down};
    const struct config *config = &l->c->config;
    struct bolt_client_config bolt = {.port = (unsigned)config->bolt_port,
                                      .user_agent = "memgraph-controller/0.1"};

    (void)str_copy(bolt.host, sizeof bolt.host, l->ip);
    (void)str_copy(bolt.user, sizeof bolt.user, config->user);
    (void)str_copy(bolt.password, sizeof bolt.password, config->password);
    bolt.connect_timeout_us = config->probe_timeout_ms * 1000;
    return bolt_client_new(l->c->loop, &bolt, side == PROBE ? &probe_events : &command_events, l);
}

struct link *link_new(struct controller *c, int pod, const char *ip)
{
    struct link *l = xcalloc(1, sizeof *l);

    l->c = c;
    l->pod = pod;
    (void)str_copy(l->ip, sizeof l->ip, ip);
    l->told_down = FAIL_CANCELLED; /* nothing yet: the first connection is told, too */
    l->probe_due = timer_new(c->loop, on_probe_due, l);
    l->rows_due = timer_new(c->loop, on_rows_due, l);
    l->later = timer_new(c->loop, on_later, l);
    l->probe = connect_side(l, PROBE);
    l->command = connect_side(l, COMMAND);
    return l;
}

void link_free(struct link *l)
{
    if (!l)
        return;
    bolt_client_free(l->probe);
    bolt_client_free(l->command);
    poke_free(l->poke);
    timer_free(l->probe_due);
    timer_free(l->rows_due);
    timer_free(l->later);
    if (l->commanding)
        command_done(seen(l), l->pod, OUTCOME_FAILED);
    free(l);
}
