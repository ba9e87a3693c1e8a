#include "core/request.h"

#include "core/eligibility.h"
#include "core/epoch.h"
#include "core/rebuild.h"

static const int64_t limit_us = 60LL * 1000 * 1000; /* of all but a switchover */

bool request_parse(struct str text, struct request *out)
{
    struct str rest = str_trim(text), what = str_cut(&rest, '@'), pod = what, kind;
    int64_t at_ms = 0;

    *out = (struct request){.pod = -1};
    kind = str_cut(&pod, ':');
    if (!request_kind_parse(kind, &out->kind) || (pod.n && !record_parse_pod(pod, &out->pod)) ||
        (rest.n && (!str_to_int64(rest, &at_ms) || at_ms < 0 || at_ms > INT64_MAX / 1000))) {
        *out = (struct request){.pod = -1};
        return false;
    }
    out->at_wall_us = at_ms * 1000;
    return out->pod >= 0 || (out->kind != REQUEST_REBUILD && out->kind != REQUEST_STOP);
}

const char *request_text(const struct request *r, char out[NOTE_SIZE])
{
    (void)str_copy(out, NOTE_SIZE, request_kind_name(r->kind));
    if (r->pod >= 0)
        (void)str_append(out, NOTE_SIZE, ":%d", r->pod);
    (void)str_append(out, NOTE_SIZE, "@%lld", (long long)(r->at_wall_us / 1000));
    return out;
}

struct request request_open(const struct view *v)
{
    struct request r = {.pod = -1};

    if (v->record_exists && v->record.request[0] && !request_parse(str_of(v->record.request), &r))
        r = (struct request){.pod = -1};
    return r;
}

void request_close(struct record *r, const char *outcome)
{
    struct request asked;

    if (!request_parse(str_of(r->request), &asked) || asked.kind != REQUEST_STOP)
        (void)str_format(r->answer, sizeof r->answer, "%s: %s", r->request, outcome);
    r->request[0] = '\0';
}

const char *request_outcome(const char *answer, const char *request)
{
    size_t n = strlen(request);

    return n && strncmp(answer, request, n) == 0 && strncmp(answer + n, ": ", 2) == 0
               ? answer + n + 2
               : NULL;
}

void request_take_back(struct record *r, const char *why)
{
    static const char served[] = ": served";
    size_t n = strlen(r->answer), m = sizeof served - 1;

    if (n < m || strcmp(r->answer + n - m, served) != 0)
        return;
    r->answer[n - m] = '\0';
    (void)str_append(r->answer, sizeof r->answer, ": refused: %s", why);
}

/* T answers as main: in the process in which its epoch was begun, or in any. */
static bool main_answers(const struct view *v, bool in_epoch, char why[WHY_SIZE])
{
    const struct pod *t = &v->pods[v->record.target];

    if (pod_role(t) == ROLE_MAIN && (!in_epoch || pod_runs(t, v->record.main_run)))
        return true;
    (void)str_format(why, WHY_SIZE, "the main (%s-%d) does not answer as such", v->settings.name,
                     v->record.target);
    return false;
}

static bool check_switchover(const struct view *v, const struct request *r, char why[WHY_SIZE])
{
    if (r->pod == v->record.target)
        (void)str_format(why, WHY_SIZE, "%s-%d is main already", v->settings.name, r->pod);
    else if (r->pod >= 2)
        (void)str_format(why, WHY_SIZE, "only %s-0 and %s-1 may be main", v->settings.name,
                         v->settings.name);
    else
        return main_answers(v, true, why) && eligibility_may_promote(v, why);
    return false;
}

/* As far as was ever asked of this process. */
static bool has_nothing(const struct view *v, int pod)
{
    const struct pod *p = &v->pods[pod];

    return p->storage_at && p->vertices == 0 && p->edges == 0;
}

/* T itself may be meant: a main that came back, or never came to be one, and for which nobody can
 * vouch, goes on as it is. */
static bool check_failover(const struct view *v, const struct request *r, char why[WHY_SIZE])
{
    if (r->pod >= 2) {
        (void)str_format(why, WHY_SIZE, "only %s-0 and %s-1 may be main", v->settings.name,
                         v->settings.name);
        return false;
    }
    if (r->pod != v->record.target && has_nothing(v, view_s(v)) &&
        !has_nothing(v, v->record.target)) {
        (void)str_format(
            why, WHY_SIZE,
            "%s-%d is empty: everything would be lost. To let %s-%d go on as it is, name "
            "it",
            v->settings.name, view_s(v), v->settings.name, v->record.target);
        return false;
    }
    if (r->pod != v->record.target)
        return eligibility_may_force(v, why);
    if (pod_role(&v->pods[r->pod]) == ROLE_UNKNOWN) {
        (void)str_format(why, WHY_SIZE, "%s-%d does not answer", v->settings.name, r->pod);
        return false;
    }
    (void)str_format(why, WHY_SIZE, "%s-%d goes on; acknowledged writes that it lacks are lost",
                     v->settings.name, r->pod);
    return true;
}

static bool check_degrade(const struct view *v, char why[WHY_SIZE])
{
    if (v->record.sync == SYNC_NONE && v->record.sync_why == SYNC_WHY_DEGRADED) {
        (void)str_copy(why, WHY_SIZE, "the main serves alone already");
        return false;
    }
    return main_answers(v, false, why);
}

static bool check_kind(const struct view *v, const struct request *r, char why[WHY_SIZE])
{
    switch (r->kind) {
    case REQUEST_SWITCHOVER:
        return check_switchover(v, r, why);
    case REQUEST_FAILOVER:
        return check_failover(v, r, why);
    case REQUEST_REBUILD:
        return rebuild_possible(v, r->pod, why);
    case REQUEST_DEGRADE:
        return check_degrade(v, why);
    case REQUEST_REFRESH:
        return main_answers(v, true, why);
    case REQUEST_STOP:
        return true;
    case REQUEST_NONE:
        break;
    }
    (void)str_copy(why, WHY_SIZE, "it asks for nothing");
    return false;
}

bool request_check(const struct view *v, const struct request *r, char why[WHY_SIZE])
{
    char pause[NOTE_SIZE];

    (void)str_copy(why, WHY_SIZE, "it can be served");
    if (!v->record_known || v->record_broken || !v->record_exists)
        (void)str_copy(why, WHY_SIZE, "there is no record of a main yet");
    else if (record_paused(&v->record, v->wall_us, NULL))
        (void)str_format(why, WHY_SIZE, "decisions are paused (%.120s): resume first",
                         record_pause_words(&v->record, pause));
    else if (v->record.transition != EPOCH_NONE && r->kind != REQUEST_FAILOVER &&
             r->kind != REQUEST_STOP)
        (void)str_format(why, WHY_SIZE, "a %s is under way: ask again when it is done",
                         epoch_kind_name(v->record.transition));
    else
        return check_kind(v, r, why);
    return false;
}

/* ---- the leader's part ---- */

static void clear(const struct view *v, struct plan *plan, const char *why)
{
    struct record *r = plan_write(plan, v, RULE_REQUEST, "the request is closed: %s", why);
    char outcome[WHY_SIZE + 16];

    (void)str_format(outcome, sizeof outcome, "refused: %s", why);
    if (r)
        request_close(r, outcome);
}

static bool refuse(const struct view *v, struct plan *plan, const char *why)
{
    clear(v, plan, why);
    if (!plan_has_write(plan))
        return true;
    plan_warn(plan, v, RULE_REQUEST, "RequestRefused", -1, "the request %.60s was refused: %.140s",
              v->record.request, why);
    return true;
}

static bool force(const struct view *v, struct plan *plan, const struct request *asked)
{
    int x = asked->pod >= 0 ? asked->pod : view_s(v);
    char why[WHY_SIZE];
    struct record *r;

    if (!check_failover(v, asked, why))
        return false;
    r = epoch_begin(v, plan, RULE_REQUEST, EPOCH_FAILOVER, x, "an operator forces it: %s", why);
    if (!r)
        return true;
    request_close(r, "served");
    r->promoted = PROMOTED_FORCED;
    r->sync_why = SYNC_WHY_FORCED;
    plan_warn(plan, v, RULE_REQUEST, "FailoverForced", x,
              "%s-%d becomes main because an operator forces it: acknowledged writes that it "
              "lacks are lost",
              v->settings.name, x);
    return true;
}

static bool rebuild(const struct view *v, struct plan *plan, int pod)
{
    char why[WHY_SIZE];
    struct record *r;

    if (!rebuild_possible(v, pod, why))
        return false;
    r = plan_write(plan, v, RULE_REQUEST, "%s-%d is to be rebuilt: an operator asks for it",
                   v->settings.name, pod);
    if (!r)
        return true;
    rebuild_enter(v, r, pod, REBUILD_REQUESTED);
    request_close(r, "served");
    return true;
}

/* It stops being heard of when its process has gone, or Kubernetes itself says that it stops. */
static bool stop_is_over(const struct view *v, const struct request *r)
{
    const struct pod *p = &v->pods[r->pod];

    return !p->exists || p->terminating || p->link_at > v->request_at;
}

bool request_decide(const struct view *v, struct plan *plan)
{
    struct request r;
    int64_t until_us;
    char why[WHY_SIZE];

    if (!v->record.request[0])
        return false;
    if (!request_parse(str_of(v->record.request), &r) || r.kind == REQUEST_NONE)
        return refuse(v, plan, "its text makes no sense; see docs/reference.md");
    if (r.kind == REQUEST_FAILOVER && force(v, plan, &r))
        return true;
    if (r.kind == REQUEST_REBUILD && rebuild(v, plan, r.pod))
        return true;
    if (r.kind == REQUEST_STOP && stop_is_over(v, &r)) {
        clear(v, plan, "that pod has stopped");
        return true;
    }
    until_us = v->request_at +
               (r.kind == REQUEST_SWITCHOVER ? v->settings.switchover_timeout_us : limit_us);
    if (v->now_us < until_us) {
        plan_wake(plan, until_us);
        return false;
    }
    if (r.kind == REQUEST_STOP) {
        clear(v, plan, "that pod has not stopped");
        return true;
    }
    if (request_check(v, &r, why))
        (void)str_copy(why, WHY_SIZE, "the replicas did not catch up in time");
    return refuse(v, plan, why);
}
