/* cypher_lex: the words of a query, one at a time. Comments and white space are skipped. */
#ifndef MODELS_CYPHER_LEX_H
#define MODELS_CYPHER_LEX_H

#include "base/arena.h"

enum lex_kind {
    LEX_END,
    LEX_WORD,    /* a name or a keyword */
    LEX_QUOTED,  /* a name in backticks; text is without them */
    LEX_STRING,  /* text is without quotes, escapes resolved (in the arena) */
    LEX_INTEGER, /* decimal, or 0x... */
    LEX_FLOAT,
    LEX_PARAM, /* $name; text is the name */
    LEX_SIGN,  /* one of ( ) [ ] { } , ; : . .. | + - * / % ^ = <> < > <= >= += -> <- */
    LEX_BAD    /* a character that cannot be here, or a string that does not end */
};

struct lex_token {
    enum lex_kind kind;
    struct str text;
    size_t begin, end; /* in the query */
};

struct lex {
    struct str query;
    size_t at;
    struct arena *arena;
    struct lex_token now; /* the token that comes next */
};

/* Stands on the first token then. Query and arena must outlive the tokens. */
void lex_init(struct lex *l, struct str query, struct arena *arena);
/* Goes on to the next token. */
void lex_next(struct lex *l);
/* Is the token that word (any case), or that sign? */
bool lex_is_word(const struct lex *l, const char *word);
bool lex_is_sign(const struct lex *l, const char *sign);
/* The same, and goes on when it is. */
bool lex_word(struct lex *l, const char *word);
bool lex_sign(struct lex *l, const char *sign);
/* A name, bare or in backticks: true and goes on. */
bool lex_name(struct lex *l, struct str *out);
/* Line (from 1) and position in it (from 0) of an offset. */
void lex_position(const struct lex *l, size_t at, size_t *line, size_t *column);

#endif
