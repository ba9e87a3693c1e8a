#include "world.h"

#include "../cmocka_test.h"

bool fake_answers(const struct world *w, int pod)
{
    const struct fake_pod *p = &w->pods[pod];

    return p->exists && p->running && !p->mute;
}

/* Packets get through to a replica server that listens. */
static bool reaches(const struct world *w, int from, int to)
{
    return fake_answers(w, to) && !w->cut[from][to] && w->pods[to].role == ROLE_REPLICA;
}

struct fake_row *fake_row(struct world *w, int main_pod, int pod)
{
    struct fake_pod *m = &w->pods[main_pod];

    for (unsigned i = 0; i < m->rows_n; i++)
        if (m->rows[i].pod == pod)
            return &m->rows[i];
    return NULL;
}

static void remove_row(struct fake_pod *m, struct fake_row *row)
{
    *row = m->rows[--m->rows_n];
}

static void apply(struct fake_pod *p, uint64_t data, int64_t ldt, int epoch)
{
    if (p->restarted_epoch == epoch && p->ldt < ldt)
        p->tainted_epoch = epoch;
    p->data |= data;
    p->ldt = ldt;
    p->epoch = epoch;
}

static bool is_diverged(const struct fake_pod *m, const struct fake_pod *p)
{
    if (p->ldt == 0 || p->epoch == m->new_epoch)
        return false;
    return p->epoch == m->tainted_epoch || (p->data & ~m->data) != 0 || p->ldt > m->ldt;
}

/* A main and a replica that obeys it compare themselves; the replica gets what it lacks. */
static void compare(struct fake_pod *m, struct fake_row *row, struct fake_pod *p)
{
    if (p->data && strcmp(p->database, m->database) != 0)
        return;
    if (is_diverged(m, p)) {
        row->status = ROW_DIVERGED;
        return;
    }
    (void)str_copy(p->database, sizeof p->database, m->database);
    if (p->stuck) {
        row->status = ROW_RECOVERY;
        row->ts = p->ldt;
        return;
    }
    if (p->ldt < m->ldt)
        apply(p, m->data, m->ldt, m->epoch);
    row->ts = p->ldt;
    row->status = ROW_READY;
}

void fake_heartbeats(struct world *w)
{
    for (unsigned i = 0; i < w->pods_n; i++) {
        struct fake_pod *m = &w->pods[i];

        if (!fake_answers(w, (int)i) || m->role != ROLE_MAIN)
            continue;
        for (unsigned k = 0; k < m->rows_n; k++) {
            struct fake_row *row = &m->rows[k];
            struct fake_pod *p = &w->pods[row->pod];

            if (row->dead || row->status == ROW_DIVERGED)
                continue;
            if (!reaches(w, (int)i, row->pod) || strcmp(row->address, p->ip) != 0) {
                if (++row->missed >= 3)
                    row->status = ROW_INVALID;
                continue;
            }
            row->missed = 0;
            if (row->status != ROW_READY && p->main_id == m->main_id)
                compare(m, row, p);
        }
    }
}

void fake_start(struct world *w, int pod)
{
    struct fake_pod *p = &w->pods[pod];

    assert_false(p->running);
    p->running = true;
    p->mute = false;
    p->starts++;
    (void)str_format(p->run, sizeof p->run, "r%d.%u", pod, p->starts);
    p->restarted_epoch = p->ldt ? p->epoch : -1;
    p->tainted_epoch = -1; /* a start merges the history */
    p->new_epoch = p->epoch;
    if (p->role != ROLE_MAIN)
        return;
    for (unsigned i = 0; i < p->rows_n; i++) {
        struct fake_row *row = &p->rows[i];
        struct fake_pod *r = &w->pods[row->pod];

        row->dead = false;
        row->missed = 0;
        row->status = ROW_INVALID;
        row->ts = 0;
        if (reaches(w, pod, row->pod) && r->main_id == p->main_id)
            compare(p, row, r);
    }
}

void fake_stop(struct world *w, int pod)
{
    w->pods[pod].running = false;
}

void fake_lose_list(struct world *w, int pod)
{
    struct fake_pod *p = &w->pods[pod];

    assert_false(p->running);
    p->role = ROLE_MAIN;
    p->main_id = ++w->main_ids;
    p->rows_n = 0;
}

void fake_wipe(struct world *w, int pod)
{
    struct fake_pod *p = &w->pods[pod];

    assert_false(p->running);
    p->role = ROLE_MAIN;
    p->main_id = ++w->main_ids;
    p->epoch = p->new_epoch = ++w->epochs;
    p->tainted_epoch = -1;
    p->data = 0;
    p->ldt = 0;
    p->rows_n = 0;
    p->users = 0;
    (void)str_format(p->database, sizeof p->database, "db%d.%u", pod, p->starts);
}

static bool confirms(const struct world *w, int main_pod, const struct fake_row *row)
{
    const struct fake_pod *m = &w->pods[main_pod], *p = &w->pods[row->pod];

    return row->status == ROW_READY && reaches(w, main_pod, row->pod) && p->main_id == m->main_id &&
           p->ldt >= m->ldt;
}

enum outcome fake_commit(struct world *w, int pod, uint64_t bit)
{
    struct fake_pod *m = &w->pods[pod];
    enum outcome outcome = OUTCOME_OK;
    int64_t ldt = m->ldt + 2;
    bool ok[WORLD_PODS] = {false};

    if (m->role != ROLE_MAIN)
        return OUTCOME_FAILED;
    for (unsigned i = 0; i < m->rows_n; i++) {
        struct fake_row *row = &m->rows[i];

        ok[i] = !row->dead && confirms(w, pod, row);
        if (!row->dead && !ok[i] && row->status == ROW_READY)
            row->status = ROW_INVALID;
        if (row->dead || ok[i] || row->mode == MODE_ASYNC)
            continue;
        outcome = row->mode == MODE_STRICT_SYNC ? OUTCOME_ABORTED : OUTCOME_NOT_CONFIRMED;
    }
    if (outcome == OUTCOME_ABORTED)
        return outcome;
    for (unsigned i = 0; i < m->rows_n; i++) {
        struct fake_pod *p = &w->pods[m->rows[i].pod];

        if (!ok[i])
            continue;
        if (p->ldt < ldt) /* one that is ahead skips it and says yes */
            apply(p, bit, ldt, m->new_epoch);
        m->rows[i].ts = p->ldt;
    }
    apply(m, bit, ldt, m->new_epoch);
    return outcome;
}

static enum outcome set_role(struct world *w, struct fake_pod *p, enum role role)
{
    if (p->role == role)
        return OUTCOME_ROLE_NOT_SET;
    p->role = role;
    p->rows_n = 0;
    p->main_id = ++w->main_ids;
    if (role == ROLE_MAIN)
        p->new_epoch = ++w->epochs;
    return OUTCOME_OK;
}

static enum outcome add_row(struct world *w, const struct effect *e)
{
    struct fake_pod *m = &w->pods[e->pod], *p = &w->pods[e->target];
    struct fake_row *row = &m->rows[m->rows_n];
    struct str address = str_of(e->address), host = str_cut(&address, ':');

    if (m->role != ROLE_MAIN)
        return OUTCOME_FAILED;
    if (fake_row(w, e->pod, e->target))
        return OUTCOME_EXISTS;
    *row = (struct fake_row){.pod = e->target, .mode = e->mode, .dead = true};
    (void)str_copy_n(row->address, sizeof row->address, host);
    m->rows_n++;
    if (!reaches(w, e->pod, e->target) || strcmp(row->address, p->ip) != 0)
        return OUTCOME_UNREACHABLE;
    p->main_id = m->main_id;
    p->users = 0; /* an unlicensed main wipes them */
    row->dead = false;
    row->status = ROW_INVALID;
    compare(m, row, p);
    row->dead = row->status == ROW_DIVERGED;
    return row->dead ? OUTCOME_REFUSED : OUTCOME_OK;
}

enum outcome fake_command(struct world *w, const struct effect *e)
{
    struct fake_pod *p = &w->pods[e->pod];
    struct fake_row *row;

    switch (e->kind) {
    case EFFECT_DEMOTE:
        return set_role(w, p, ROLE_REPLICA);
    case EFFECT_PROMOTE:
        return set_role(w, p, ROLE_MAIN);
    case EFFECT_ENSURE_USERS:
        p->users++;
        return OUTCOME_OK;
    case EFFECT_REGISTER:
        return add_row(w, e);
    case EFFECT_DROP:
        row = fake_row(w, e->pod, e->target);
        if (row)
            remove_row(p, row);
        return row ? OUTCOME_OK : OUTCOME_FAILED;
    case EFFECT_TOUCH:
        return fake_commit(w, e->pod, 0);
    case EFFECT_NONE:
    case EFFECT_ASK_ROLE:
    case EFFECT_ASK_STORAGE:
    case EFFECT_ASK_ROWS:
    case EFFECT_WRITE_RECORD:
    case EFFECT_DELETE_POD:
    case EFFECT_EVENT:
    case EFFECT_EXIT:
        break;
    }
    check_fail(w, "%s is no command", effect_kind_name(e->kind));
    return OUTCOME_FAILED;
}

unsigned fake_rows(const struct world *w, int pod, struct row rows[WORLD_PODS])
{
    const struct fake_pod *m = &w->pods[pod];

    for (unsigned i = 0; i < m->rows_n; i++) {
        const struct fake_row *f = &m->rows[i];

        rows[i] = (struct row){.mode = f->mode,
                               .has_data = !f->dead,
                               .status = f->dead ? ROW_UNKNOWN : f->status,
                               .ts = f->dead ? 0 : f->ts,
                               .behind = f->dead ? 0 : f->ts - m->ldt};
        (void)str_format(rows[i].name, sizeof rows[i].name, "mg_%d", f->pod);
        (void)str_format(rows[i].address, sizeof rows[i].address, "%s:10000", f->address);
    }
    return m->rows_n;
}
