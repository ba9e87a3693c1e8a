#include "models/kube_selector.h"

static bool is_key(struct str key)
{
    if (!key.n)
        return false;
    for (size_t i = 0; i < key.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./", key.p[i]))
            return false;
    return true;
}

static json_t *text_of(struct str s)
{
    return json_stringn(s.p, s.n);
}

/* One term. `values` NULL: only the presence of the key counts. */
static bool term_add(json_t *terms, const char *from, struct str key, bool negated, json_t *values)
{
    json_t *term;

    key = str_trim(key);
    if (!is_key(key)) {
        json_decref(values);
        return false;
    }
    term = json_pack("{s:s, s:o, s:b, s:o*}", "from", from, "key", text_of(key), "not", negated,
                     "values", values);
    json_array_append_new(terms, term);
    return true;
}

/* "(b, c)" */
static json_t *values_parse(struct str text)
{
    json_t *values;

    text = str_trim(text);
    if (text.n < 2 || text.p[0] != '(' || text.p[text.n - 1] != ')')
        return NULL;
    text = (struct str){text.p + 1, text.n - 2};
    values = json_array();
    while (text.n)
        json_array_append_new(values, text_of(str_trim(str_cut(&text, ','))));
    return values;
}

/* Finds `word` between white space; cuts the text there. */
static bool word_cut(struct str text, const char *word, struct str *before, struct str *after)
{
    size_t n = strlen(word);

    for (size_t i = 0; i + n <= text.n; i++) {
        if (memcmp(text.p + i, word, n) != 0)
            continue;
        *before = (struct str){text.p, i};
        *after = (struct str){text.p + i + n, text.n - i - n};
        return true;
    }
    return false;
}

static bool label_parse(json_t *terms, struct str text)
{
    struct str key, rest;
    json_t *values;
    bool negated;

    text = str_trim(text);
    negated = word_cut(text, " notin ", &key, &rest);
    if (negated || word_cut(text, " in ", &key, &rest)) {
        values = values_parse(rest);
        return values && term_add(terms, "labels", key, negated, values);
    }
    if (text.n && text.p[0] == '!')
        return term_add(terms, "labels", (struct str){text.p + 1, text.n - 1}, true, NULL);
    if (word_cut(text, "!=", &key, &rest))
        return term_add(terms, "labels", key, true, json_pack("[o]", text_of(str_trim(rest))));
    if (word_cut(text, "==", &key, &rest) || word_cut(text, "=", &key, &rest))
        return term_add(terms, "labels", key, false, json_pack("[o]", text_of(str_trim(rest))));
    return term_add(terms, "labels", text, false, NULL);
}

static bool field_parse(json_t *terms, struct str text)
{
    struct str key, rest;
    bool negated = word_cut(text, "!=", &key, &rest);

    if (!negated && !word_cut(text, "==", &key, &rest) && !word_cut(text, "=", &key, &rest))
        return false;
    if (!str_eq(key, "metadata.name") && !str_eq(key, "metadata.namespace"))
        return false;
    key = (struct str){key.p + strlen("metadata."), key.n - strlen("metadata.")};
    return term_add(terms, "", key, negated, json_pack("[o]", text_of(rest)));
}

/* Up to the next comma outside parentheses. */
static struct str term_cut(struct str *rest)
{
    size_t i, depth = 0;
    struct str term;

    for (i = 0; i < rest->n && (rest->p[i] != ',' || depth); i++) {
        depth += rest->p[i] == '(';
        depth -= rest->p[i] == ')' && depth;
    }
    term = (struct str){rest->p, i};
    *rest = i < rest->n ? (struct str){rest->p + i + 1, rest->n - i - 1}
                        : (struct str){rest->p + i, 0};
    return term;
}

bool kube_selector_parse(struct kube_selector *s, const char *labels, const char *fields)
{
    struct str label_rest = str_of(labels), field_rest = str_of(fields);
    bool good = true;

    s->terms = json_array();
    while (good && label_rest.n)
        good = label_parse(s->terms, term_cut(&label_rest));
    while (good && field_rest.n)
        good = field_parse(s->terms, term_cut(&field_rest));
    if (!good)
        kube_selector_done(s);
    return good;
}

void kube_selector_done(struct kube_selector *s)
{
    json_decref(s->terms);
    s->terms = NULL;
}

static bool term_matches(const json_t *term, const json_t *metadata)
{
    const char *from = json_string_value(json_object_get(term, "from"));
    const json_t *map = *from ? json_object_get(metadata, from) : metadata;
    const json_t *have = json_object_get(map, json_string_value(json_object_get(term, "key")));
    const json_t *values = json_object_get(term, "values"), *value;
    bool negated = json_is_true(json_object_get(term, "not"));
    size_t i;

    if (!values)
        return (have != NULL) != negated;
    json_array_foreach (values, i, value)
        if (have && json_equal(value, have))
            return !negated;
    return negated;
}

bool kube_selector_matches(const struct kube_selector *s, const json_t *object)
{
    const json_t *metadata = json_object_get(object, "metadata"), *term;
    size_t i;

    json_array_foreach (s->terms, i, term)
        if (!term_matches(term, metadata))
            return false;
    return true;
}
