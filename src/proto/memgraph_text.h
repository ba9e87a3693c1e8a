/* memgraph_text: maps that very old servers send as text, such as
 * {memgraph: {behind: 0, status: "ready", ts: 0}}.
 *
 * Everything is borrowed from the text. Keys may stand in quotes. */
#ifndef PROTO_MEMGRAPH_TEXT_H
#define PROTO_MEMGRAPH_TEXT_H

#include "base/str.h"

/* Cuts the next entry off *body, what stands between a map's braces: its key without quotes, its
 * value as written (a string keeps its quotes, a map its braces). False at the end, or when the
 * text is malformed: *body is not empty then. */
bool memgraph_text_next(struct str *body, struct str *key, struct str *value) MUST_CHECK;
/* What stands between the braces of a map's text. False: it is none. */
bool memgraph_text_open(struct str map, struct str *body) MUST_CHECK;
/* A string's text without its quotes (no escapes); anything else as it is. */
struct str memgraph_text_unquote(struct str value);

#endif
