/* Administrative queries: which one a text is, and whether it may run at all (facts 2). */
#include "models/cypher_lex.h"
#include "models/memgraph_impl.h"

#include <assert.h>
#include <stdarg.h>

static bool complain(struct cypher_fail *why, const char *fmt, ...) PRINTF_LIKE(2, 3);
static bool complain(struct cypher_fail *why, const char *fmt, ...)
{
    va_list args;

    why->kind = CYPHER_CLIENT;
    va_start(args, fmt);
    vsnprintf(why->text, sizeof(why->text), fmt, args);
    va_end(args);
    return false;
}

static bool misplaced(const struct lex *l, const char *expected, struct cypher_fail *why)
{
    size_t line, column;

    lex_position(l, l->now.begin, &line, &column);
    return complain(why,
                    "Error on line %zu position %zu. The underlying parsing error is mismatched "
                    "input '%.*s' expecting %s",
                    line, column, STR_ARGS(l->now.text), expected);
}

static bool end_here(struct lex *l, struct cypher_fail *why)
{
    lex_sign(l, ";");
    return l->now.kind == LEX_END || misplaced(l, "<EOF>", why);
}

static bool take_name(struct lex *l, char *out, size_t size, struct cypher_fail *why)
{
    struct str name;

    if (!lex_name(l, &name))
        return misplaced(l, "a name", why);
    return str_copy_n(out, size, name) || complain(why, "The name is too long.");
}

static bool take_string(struct lex *l, char *out, size_t size, struct cypher_fail *why)
{
    if (l->now.kind != LEX_STRING)
        return misplaced(l, "StringLiteral", why);
    if (!str_copy_n(out, size, l->now.text))
        return complain(why, "The string is too long.");
    lex_next(l);
    return true;
}

static bool parse_role(struct lex *l, struct admin *out, struct cypher_fail *why)
{
    bool port = false;

    if (!lex_word(l, "ROLE") || !lex_word(l, "TO"))
        return misplaced(l, "ROLE TO", why);
    out->kind = lex_word(l, "MAIN") ? ADMIN_SET_MAIN : ADMIN_SET_REPLICA;
    if (out->kind == ADMIN_SET_REPLICA && !lex_word(l, "REPLICA"))
        return misplaced(l, "{MAIN, REPLICA}", why);
    if (lex_word(l, "WITH")) {
        if (!lex_word(l, "PORT"))
            return misplaced(l, "PORT", why);
        if (l->now.kind == LEX_STRING)
            return complain(why, "Port must be an integer literal!");
        if (l->now.kind != LEX_INTEGER || !str_to_int64(l->now.text, &out->port))
            return misplaced(l, "DecimalLiteral", why);
        lex_next(l);
        port = true;
    }
    if (out->kind == ADMIN_SET_MAIN && port)
        return complain(why, "Main can't set a port!");
    if (out->kind == ADMIN_SET_REPLICA && !port)
        return complain(why, "Replica must set a port!");
    return end_here(l, why);
}

static bool parse_register(struct lex *l, const struct mg_features *features, struct admin *out,
                           struct cypher_fail *why)
{
    out->kind = ADMIN_REGISTER;
    if (!lex_word(l, "REPLICA"))
        return misplaced(l, "REPLICA", why);
    if (!take_name(l, out->name, sizeof(out->name), why))
        return false;
    if (lex_word(l, "SYNC"))
        out->mode = MG_SYNC;
    else if (lex_word(l, "ASYNC"))
        out->mode = MG_ASYNC;
    else if (features->strict_sync && lex_word(l, "STRICT_SYNC"))
        out->mode = MG_STRICT_SYNC;
    else
        return misplaced(l, features->strict_sync ? "{ASYNC, STRICT_SYNC, SYNC}" : "{ASYNC, SYNC}",
                         why);
    if (!lex_word(l, "TO"))
        return misplaced(l, "TO", why);
    if (l->now.kind == LEX_INTEGER)
        return complain(why, "Socket address should be a string literal!");
    return take_string(l, out->address, sizeof(out->address), why) && end_here(l, why);
}

static bool parse_create_user(struct lex *l, struct admin *out, struct cypher_fail *why)
{
    out->kind = ADMIN_CREATE_USER;
    if (lex_word(l, "IF")) {
        if (!lex_word(l, "NOT") || !lex_word(l, "EXISTS"))
            return misplaced(l, "NOT EXISTS", why);
        out->flag = true;
    }
    if (!take_name(l, out->name, sizeof(out->name), why))
        return false;
    if (lex_word(l, "IDENTIFIED")) {
        if (!lex_word(l, "BY"))
            return misplaced(l, "BY", why);
        if (!take_string(l, out->address, sizeof(out->address), why))
            return false;
    }
    return end_here(l, why);
}

/* INDEX ON :Label[(property)], or CONSTRAINT ON ...: the text after is its name. */
static bool parse_schema(struct lex *l, struct admin *out, bool create, struct cypher_fail *why)
{
    bool index = lex_word(l, "INDEX");
    size_t begin;

    out->kind = ADMIN_SCHEMA;
    out->flag = create;
    if (!index && !lex_word(l, "CONSTRAINT"))
        return misplaced(l, "{CONSTRAINT, INDEX}", why);
    if (!lex_word(l, "ON"))
        return misplaced(l, "ON", why);
    begin = l->now.begin;
    if (index && lex_sign(l, ":")) {
        if (!take_name(l, out->label, sizeof(out->label), why))
            return false;
        if (lex_sign(l, "(") &&
            (!take_name(l, out->property, sizeof(out->property), why) || !lex_sign(l, ")")))
            return why->kind != CYPHER_OK ? false : misplaced(l, "')'", why);
        str_format(out->address, sizeof(out->address), "INDEX %s%s%s", out->label,
                   out->property[0] ? "." : "", out->property);
        return end_here(l, why);
    }
    while (l->now.kind != LEX_END && l->now.kind != LEX_BAD && !lex_is_sign(l, ";"))
        lex_next(l);
    str_format(out->address, sizeof(out->address), "%s %.*s", index ? "INDEX" : "CONSTRAINT",
               (int)(l->now.begin - begin), l->query.p + begin);
    return end_here(l, why);
}

static bool parse_show(struct lex *l, const struct mg_features *features, struct admin *out,
                       struct cypher_fail *why)
{
    static const struct {
        const char *first, *second;
        enum admin_kind kind;
    } TABLE[] = {
        {"REPLICATION", "ROLE", ADMIN_SHOW_ROLE},  {"REPLICAS", NULL, ADMIN_SHOW_REPLICAS},
        {"VERSION", NULL, ADMIN_SHOW_VERSION},     {"STORAGE", "INFO", ADMIN_SHOW_STORAGE},
        {"USERS", NULL, ADMIN_SHOW_USERS},         {"CURRENT", "USER", ADMIN_SHOW_CURRENT_USER},
        {"INDEX", "INFO", ADMIN_SHOW_INDEXES},     {"CONSTRAINT", "INFO", ADMIN_SHOW_CONSTRAINTS},
        {"SNAPSHOTS", NULL, ADMIN_SHOW_SNAPSHOTS}, {"BUILD", "INFO", ADMIN_SHOW_BUILD},
        {"LICENSE", "INFO", ADMIN_SHOW_LICENSE},   {"DATABASES", NULL, ADMIN_SHOW_DATABASES},
        {"DATABASE", NULL, ADMIN_SHOW_DATABASE},   {"INSTANCES", NULL, ADMIN_SHOW_INSTANCES},
        {"INSTANCE", NULL, ADMIN_SHOW_INSTANCES},  {"REPLICATION", "LAG", ADMIN_SHOW_INSTANCES},
        {"METRICS", "INFO", ADMIN_SHOW_METRICS}};

    for (size_t i = 0; i < ARRAY_LEN(TABLE); i++) {
        struct lex back = *l;

        if (lex_word(l, TABLE[i].first) && (!TABLE[i].second || lex_word(l, TABLE[i].second))) {
            out->kind = TABLE[i].kind;
            if (out->kind == ADMIN_SHOW_STORAGE && features->storage_split && lex_word(l, "ON")) {
                out->flag = true;
                if (!lex_word(l, "CURRENT") || !lex_word(l, "DATABASE"))
                    return misplaced(l, "CURRENT DATABASE", why);
            }
            return end_here(l, why);
        }
        *l = back;
    }
    return misplaced(l, "{BUILD, CURRENT, INDEX, LICENSE, REPLICAS, REPLICATION, STORAGE, ...}",
                     why);
}

static bool parse_create(struct lex *l, struct admin *out, struct cypher_fail *why)
{
    if (lex_word(l, "USER"))
        return parse_create_user(l, out, why);
    if (lex_word(l, "SNAPSHOT"))
        return out->kind = ADMIN_CREATE_SNAPSHOT, end_here(l, why);
    if (lex_is_word(l, "INDEX") || lex_is_word(l, "CONSTRAINT"))
        return parse_schema(l, out, true, why);
    if (lex_is_word(l, "TRIGGER"))
        out->kind = ADMIN_ACCEPTED;
    return out->kind != ADMIN_NONE;
}

static bool parse_drop(struct lex *l, struct admin *out, struct cypher_fail *why)
{
    if (lex_word(l, "REPLICA")) {
        out->kind = ADMIN_DROP_REPLICA;
        return take_name(l, out->name, sizeof(out->name), why) && end_here(l, why);
    }
    if (lex_word(l, "USER")) {
        out->kind = ADMIN_DROP_USER;
        return take_name(l, out->name, sizeof(out->name), why) && end_here(l, why);
    }
    return parse_schema(l, out, false, why);
}

static bool parse_set(struct lex *l, struct admin *out, struct cypher_fail *why)
{
    if (lex_word(l, "REPLICATION"))
        return parse_role(l, out, why);
    if (!lex_word(l, "PASSWORD"))
        return false; /* Cypher's SET */
    out->kind = ADMIN_SET_PASSWORD;
    if (!lex_word(l, "FOR"))
        return misplaced(l, "FOR", why);
    if (!take_name(l, out->name, sizeof(out->name), why))
        return false;
    if (!lex_word(l, "TO"))
        return misplaced(l, "TO", why);
    return take_string(l, out->address, sizeof(out->address), why) && end_here(l, why);
}

static bool parse_mode(struct lex *l, struct admin *out, struct cypher_fail *why)
{
    out->kind = ADMIN_STORAGE_MODE;
    if (!lex_word(l, "MODE"))
        return misplaced(l, "MODE", why);
    out->flag = lex_word(l, "IN_MEMORY_ANALYTICAL");
    if (!out->flag && !lex_word(l, "IN_MEMORY_TRANSACTIONAL"))
        return misplaced(l, "{IN_MEMORY_ANALYTICAL, IN_MEMORY_TRANSACTIONAL}", why);
    return end_here(l, why);
}

static bool parse_recover(struct lex *l, struct admin *out, struct cypher_fail *why)
{
    out->kind = ADMIN_RECOVER_SNAPSHOT;
    if (!lex_word(l, "SNAPSHOT"))
        return misplaced(l, "SNAPSHOT", why);
    if (!take_string(l, out->address, sizeof(out->address), why))
        return false;
    out->flag = lex_word(l, "FORCE");
    return end_here(l, why);
}

bool admin_parse(struct arena *arena, struct str query, const struct mg_features *features,
                 struct admin *out, struct cypher_fail *why)
{
    struct lex l;

    *out = (struct admin){.kind = ADMIN_NONE};
    lex_init(&l, query, arena);
    if (lex_word(&l, "SHOW"))
        return parse_show(&l, features, out, why);
    if (lex_word(&l, "SET"))
        return parse_set(&l, out, why);
    if (lex_word(&l, "REGISTER"))
        return parse_register(&l, features, out, why);
    if (lex_word(&l, "DROP"))
        return parse_drop(&l, out, why);
    if (lex_word(&l, "CREATE"))
        return parse_create(&l, out, why);
    if (lex_word(&l, "RECOVER"))
        return parse_recover(&l, out, why);
    if (lex_word(&l, "STORAGE"))
        return parse_mode(&l, out, why);
    return false;
}

/* What is not allowed in an explicit transaction; NULL: it is. */
static const char *multicommand_subject(enum admin_kind kind)
{
    switch (kind) {
    case ADMIN_SHOW_ROLE:
    case ADMIN_SHOW_REPLICAS:
    case ADMIN_SET_MAIN:
    case ADMIN_SET_REPLICA:
    case ADMIN_REGISTER:
    case ADMIN_DROP_REPLICA:
        return "Managing replication";
    case ADMIN_CREATE_USER:
    case ADMIN_SET_PASSWORD:
    case ADMIN_DROP_USER:
    case ADMIN_SHOW_USERS:
    case ADMIN_SHOW_CURRENT_USER:
        return "Managing users";
    case ADMIN_CREATE_SNAPSHOT:
    case ADMIN_RECOVER_SNAPSHOT:
    case ADMIN_SHOW_SNAPSHOTS:
        return "Creating snapshots";
    case ADMIN_SCHEMA:
        return "Index manipulation";
    case ADMIN_SHOW_STORAGE:
        return "Storage information query";
    case ADMIN_SHOW_VERSION:
        return "Version information query";
    case ADMIN_STORAGE_MODE:
        return "Modifying storage modes";
    case ADMIN_SHOW_INDEXES:
    case ADMIN_SHOW_CONSTRAINTS:
    case ADMIN_SHOW_BUILD:
    case ADMIN_SHOW_LICENSE:
    case ADMIN_SHOW_DATABASES:
    case ADMIN_SHOW_DATABASE:
    case ADMIN_SHOW_INSTANCES:
    case ADMIN_SHOW_METRICS:
    case ADMIN_ACCEPTED:
    case ADMIN_NONE:
        break;
    }
    return NULL;
}

/* Misspelt in each version, though not in the same place. */
static bool refuse_multicommand(const char *subject, bool spelt, struct cypher_fail *why)
{
    return complain(why,
                    "%s is not allowed in multicommand transactions. A multicommand transaction, "
                    "also known as an explicit transaction, groups multiple commands into a single "
                    "atomic operation. Instead, please use an implicit transaction, also %s as an "
                    "auto committing transaction, in order to execute this particular%squery. For "
                    "more details, visit https://memgraph.com/docs",
                    subject, spelt ? "known" : "knwon", spelt ? "" : " ");
}

/* What needs an enterprise licence, or a coordinator. */
static const char *enterprise_refusal(enum admin_kind kind)
{
    if (kind == ADMIN_SHOW_DATABASES)
        return "Your license has an invalid type. To use multi-tenancy you need to have an "
               "enterprise license. \n";
    if (kind == ADMIN_SHOW_METRICS)
        return "Your license has an invalid type. To use SHOW METRICS INFO you need to have an "
               "enterprise license. \n";
    if (kind == ADMIN_SHOW_DATABASE)
        return "Trying to use enterprise feature without a valid license. Check your license "
               "status by running SHOW LICENSE INFO.";
    if (kind == ADMIN_SHOW_INSTANCES)
        return "Coordinator was not initialized as coordinator port, coordinator id or management "
               "port were not set.";
    return NULL;
}

bool mg_admin_allowed(const struct mg_session *s, const struct admin *a, struct cypher_fail *why)
{
    const char *subject = s->explicit_txn ? multicommand_subject(a->kind) : NULL;
    const char *text = enterprise_refusal(a->kind);

    if (subject)
        return refuse_multicommand(subject, s->mg->features.multicommand_spelt, why);
    if (text)
        return complain(why, "%s", text);
    if (a->kind == ADMIN_REGISTER && s->mg->analytical)
        return complain(why, "Replication query requires IN_MEMORY_TRANSACTIONAL mode.");
    if (!s->mg->is_main && (a->kind == ADMIN_CREATE_USER || a->kind == ADMIN_SET_PASSWORD ||
                            a->kind == ADMIN_DROP_USER))
        return complain(why, "Query forbidden on the replica! Update on MAIN, as it is the only "
                             "source of truth for authentication data. MAIN will then replicate "
                             "the update to connected REPLICAs");
    return true;
}
