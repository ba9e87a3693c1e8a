#include "core/names.h"

#define TEXTS(name) static const char *const name[]

static const char *text_at(const char *const *texts, size_t count, size_t i)
{
    return i < count ? texts[i] : "?";
}

static bool text_find(const char *const *texts, size_t count, struct str text, size_t *out)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(text, texts[i])) {
            *out = i;
            return true;
        }
    }
    return false;
}

#define X(name, text) text,
TEXTS(gate_states) = {"open", "drain", "hold", "cut"};
TEXTS(roles) = {"unknown", "main", "replica"};
TEXTS(modes) = {"sync", "strict_sync", "async"};
TEXTS(row_statuses) = {"ready", "replicating", "recovery", "invalid", "diverged", "unknown"};
TEXTS(epoch_kinds) = {EPOCH_KINDS(X)};
TEXTS(promoted_ways) = {PROMOTED_WAYS(X)};
TEXTS(sync_whys) = {SYNC_WHYS(X)};
TEXTS(request_kinds) = {REQUEST_KINDS(X)};
TEXTS(effect_kinds) = {EFFECT_KINDS(X)};
TEXTS(outcomes) = {OUTCOMES(X)};
#undef X
#define X(name) #name,
TEXTS(rules) = {RULES(X)};
#undef X

#define NAME_OF(function, type, texts)                                                             \
    const char *function(type value)                                                               \
    {                                                                                              \
        return text_at(texts, ARRAY_LEN(texts), (size_t)value);                                    \
    }

#define PARSE_OF(function, type, texts)                                                            \
    bool function(struct str text, type *out)                                                      \
    {                                                                                              \
        size_t i;                                                                                  \
                                                                                                   \
        if (!text_find(texts, ARRAY_LEN(texts), text, &i))                                         \
            return false;                                                                          \
        *out = (type)i;                                                                            \
        return true;                                                                               \
    }

NAME_OF(role_name, enum role, roles)
NAME_OF(mode_name, enum mode, modes)
NAME_OF(row_status_name, enum row_status, row_statuses)
NAME_OF(epoch_kind_name, enum epoch_kind, epoch_kinds)
NAME_OF(promoted_name, enum promoted, promoted_ways)
NAME_OF(sync_why_name, enum sync_why, sync_whys)
NAME_OF(gate_state_name, enum gate_state, gate_states)
NAME_OF(effect_kind_name, enum effect_kind, effect_kinds)
NAME_OF(outcome_name, enum outcome, outcomes)
NAME_OF(request_kind_name, enum request_kind, request_kinds)
NAME_OF(rule_name, enum rule, rules)

PARSE_OF(epoch_kind_parse, enum epoch_kind, epoch_kinds)
PARSE_OF(promoted_parse, enum promoted, promoted_ways)
PARSE_OF(sync_why_parse, enum sync_why, sync_whys)
PARSE_OF(request_kind_parse, enum request_kind, request_kinds)
