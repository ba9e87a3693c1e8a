#include "app/confirm.h"

#include "app/link.h"
#include "app/pods.h"
#include "base/alloc.h"

struct confirm {
    struct controller *c;
    struct kube_request *request; /* NULL: none under way */
    int64_t asked_us;             /* when it was sent */
    bool again, failing;
};

/* Two pods with one address: one of them has it no more. The one that is Ready has it, when the
 * other is not. */
static bool has_address(const struct kube_pod *seen, const struct kube_pod *all, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].meta.name, seen->meta.name) != 0 && strcmp(all[i].ip, seen->ip) == 0 &&
            (all[i].ready || !seen->ready))
            return false;
    return true;
}

static void judge(struct confirm *f, const struct kube_pod *seen)
{
    struct controller *c = f->c;
    int pod = pods_ordinal(c, seen->meta.name);
    struct pod_kube facts = pods_facts(seen);

    if (pod >= 0 && c->links[pod] && view_confirm(controller_view(c), pod, &facts, f->asked_us))
        link_hurry(c->links[pod]);
}

static void on_pods(struct confirm *f, json_t *items)
{
    struct kube_pod *all = xcalloc(json_array_size(items) + 1, sizeof *all);
    size_t n = 0, i;
    json_t *item;

    json_array_foreach (items, i, item)
        if (kube_read_pod(item, &all[n]).kind == FAIL_NONE)
            n++;
    for (i = 0; i < n; i++)
        if (has_address(&all[i], all, n))
            judge(f, &all[i]);
    free(all);
}

static void on_answer(void *arg, const struct kube_answer *answer)
{
    struct confirm *f = arg;
    char version[KUBE_VERSION_SIZE];
    json_t *items = NULL;

    f->request = NULL;
    controller_tell_request("asking for the pods", &f->failing, &answer->fail);
    if (answer->fail.kind == FAIL_NONE &&
        kube_read_list(answer->body, version, &items).kind == FAIL_NONE)
        on_pods(f, items);
    if (f->again)
        confirm_ask(f);
    controller_step(f->c);
}

struct confirm *confirm_new(struct controller *c)
{
    struct confirm *f = xcalloc(1, sizeof *f);

    f->c = c;
    return f;
}

void confirm_free(struct confirm *f)
{
    if (!f)
        return;
    kube_request_cancel(f->request);
    free(f);
}

void confirm_ask(struct confirm *f)
{
    char path[PODS_PATH_SIZE];

    f->again = f->request != NULL;
    if (f->request)
        return;
    f->asked_us = controller_view(f->c)->now_us;
    pods_path(f->c, path);
    f->request = kube_client_send(f->c->kube, "GET", path, NULL, NULL, on_answer, f);
}
