#include "app/explanation.h"

#include "app/answers.h"
#include "core/explain.h"

static json_t *one_json(const struct explanation *e)
{
    json_t *conditions = json_array();

    for (unsigned i = 0; i < e->conditions_n; i++) {
        const struct condition *k = &e->conditions[i];

        (void)json_array_append_new(
            conditions, json_pack("{s:s, s:b, s:o, s:o}", "name", k->name, "holds", k->holds,
                                  "value", answer_text(k->value), "ageMs",
                                  k->age_us >= 0 ? json_integer(k->age_us / 1000) : json_null()));
    }
    return json_pack("{s:b, s:o, s:o}", "possible", e->possible, "answer", answer_text(e->answer),
                     "conditions", conditions);
}

static json_t *rebuild_json(const struct view *v, int pod)
{
    struct explanation e = {0};

    explain_rebuild(v, pod, &e);
    return one_json(&e);
}

json_t *explanation_json(struct controller *c, int pod)
{
    const struct view *v = controller_view(c);
    struct explanation writes = {0}, failover = {0}, switchover = {0};
    json_t *rebuild = json_object();
    char name[NAME_SIZE + 8];

    for (int i = 0; i < PODS_MAX; i++)
        if (pod < 0 ? v->pods[i].exists && !(v->record_exists && i == v->record.target) : i == pod)
            (void)json_object_set_new(rebuild, view_pod_name(v, i, name), rebuild_json(v, i));
    if (pod >= 0)
        return json_pack("{s:o}", "rebuild", rebuild);
    explain_writes(v, &writes);
    explain_failover(v, &failover);
    explain_switchover(v, &switchover);
    return json_pack("{s:o, s:o, s:o, s:o}", "writes", one_json(&writes), "failover",
                     one_json(&failover), "switchover", one_json(&switchover), "rebuild", rebuild);
}
