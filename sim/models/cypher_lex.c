#include "models/cypher_lex.h"

#include <assert.h>
#include <ctype.h>
#include <strings.h>

static int peek(const struct lex *l, size_t ahead)
{
    return l->at + ahead < l->query.n ? (unsigned char)l->query.p[l->at + ahead] : -1;
}

static bool is_name(int c)
{
    return c == '_' || c >= 0x80 || (c >= 0 && isalnum(c));
}

static void skip_space(struct lex *l)
{
    for (;;) {
        int c = peek(l, 0);

        if (c >= 0 && isspace(c)) {
            l->at++;
        } else if (c == '/' && peek(l, 1) == '/') {
            while (peek(l, 0) >= 0 && peek(l, 0) != '\n')
                l->at++;
        } else if (c == '/' && peek(l, 1) == '*') {
            l->at += 2;
            while (peek(l, 0) >= 0 && !(peek(l, 0) == '*' && peek(l, 1) == '/'))
                l->at++;
            l->at = l->at + 2 < l->query.n ? l->at + 2 : l->query.n;
        } else {
            return;
        }
    }
}

static struct str since(const struct lex *l, size_t begin)
{
    return (struct str){l->query.p + begin, l->at - begin};
}

static char unescape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    default:
        return c;
    }
}

/* A string, or a name in backticks, up to the same quote. */
static void read_quoted(struct lex *l, char quote)
{
    char *out = arena_alloc(l->arena, l->query.n - l->at + 1, 1);
    size_t n = 0;

    assert(out);
    l->at++;
    while (peek(l, 0) >= 0 && peek(l, 0) != quote) {
        if (quote != '`' && peek(l, 0) == '\\' && peek(l, 1) >= 0)
            out[n++] = unescape(l->query.p[++l->at]);
        else
            out[n++] = l->query.p[l->at];
        l->at++;
    }
    l->now.kind = peek(l, 0) < 0 ? LEX_BAD : quote == '`' ? LEX_QUOTED : LEX_STRING;
    l->now.text = (struct str){out, n};
    l->at += peek(l, 0) >= 0;
}

static void read_number(struct lex *l)
{
    size_t begin = l->at;

    l->now.kind = LEX_INTEGER;
    if (peek(l, 0) == '0' && (peek(l, 1) == 'x' || peek(l, 1) == 'X')) {
        l->at += 2;
        while (peek(l, 0) >= 0 && isxdigit(peek(l, 0)))
            l->at++;
    }
    while (peek(l, 0) >= 0 && isdigit(peek(l, 0)))
        l->at++;
    if (peek(l, 0) == '.' && peek(l, 1) >= 0 && isdigit(peek(l, 1))) { /* not the .. of a range */
        l->now.kind = LEX_FLOAT;
        l->at++;
        while (peek(l, 0) >= 0 && isdigit(peek(l, 0)))
            l->at++;
    }
    if (peek(l, 0) == 'e' || peek(l, 0) == 'E') {
        size_t sign = peek(l, 1) == '-' || peek(l, 1) == '+';

        if (peek(l, 1 + sign) >= 0 && isdigit(peek(l, 1 + sign))) {
            l->now.kind = LEX_FLOAT;
            l->at += 1 + sign;
            while (peek(l, 0) >= 0 && isdigit(peek(l, 0)))
                l->at++;
        }
    }
    l->now.text = since(l, begin);
}

static void read_sign(struct lex *l)
{
    static const char *const DOUBLE[] = {"<>", "<=", ">=", "+=", "->", "<-", ".."};
    size_t begin = l->at;

    l->now.kind = strchr("()[]{},;:.|+-*/%^=<>", l->query.p[l->at]) ? LEX_SIGN : LEX_BAD;
    for (size_t i = 0; i < ARRAY_LEN(DOUBLE); i++)
        if (peek(l, 0) == DOUBLE[i][0] && peek(l, 1) == DOUBLE[i][1]) {
            l->at++;
            break;
        }
    l->at++;
    l->now.text = since(l, begin);
}

void lex_next(struct lex *l)
{
    int c;

    skip_space(l);
    l->now = (struct lex_token){.kind = LEX_END, .text = str_of("<EOF>"), .begin = l->at};
    c = peek(l, 0);
    if (c == '\'' || c == '"' || c == '`') {
        read_quoted(l, (char)c);
    } else if (c >= 0 && isdigit(c)) {
        read_number(l);
    } else if (c == '$' || is_name(c)) {
        size_t begin = l->at + (c == '$');

        l->at = begin;
        while (is_name(peek(l, 0)))
            l->at++;
        l->now.kind = c != '$' ? LEX_WORD : l->at > begin ? LEX_PARAM : LEX_BAD;
        l->now.text = since(l, begin);
    } else if (c >= 0) {
        read_sign(l);
    }
    l->now.end = l->at;
}

void lex_init(struct lex *l, struct str query, struct arena *arena)
{
    *l = (struct lex){.query = query, .arena = arena};
    lex_next(l);
}

bool lex_is_word(const struct lex *l, const char *word)
{
    return l->now.kind == LEX_WORD && l->now.text.n == strlen(word) &&
           !strncasecmp(l->now.text.p, word, l->now.text.n);
}

bool lex_is_sign(const struct lex *l, const char *sign)
{
    return l->now.kind == LEX_SIGN && str_eq(l->now.text, sign);
}

bool lex_word(struct lex *l, const char *word)
{
    bool is = lex_is_word(l, word);

    if (is)
        lex_next(l);
    return is;
}

bool lex_sign(struct lex *l, const char *sign)
{
    bool is = lex_is_sign(l, sign);

    if (is)
        lex_next(l);
    return is;
}

bool lex_name(struct lex *l, struct str *out)
{
    if (l->now.kind != LEX_WORD && l->now.kind != LEX_QUOTED)
        return false;
    *out = l->now.text;
    lex_next(l);
    return true;
}

void lex_position(const struct lex *l, size_t at, size_t *line, size_t *column)
{
    *line = 1;
    *column = 0;
    for (size_t i = 0; i < at && i < l->query.n; i++) {
        *column += 1;
        if (l->query.p[i] == '\n') {
            *line += 1;
            *column = 0;
        }
    }
}
