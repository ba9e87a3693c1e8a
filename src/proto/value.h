/* value: what PackStream can say, as a tree that lives in an arena.
 *
 * Source: Bolt's PackStream page (markers, structures) and section 1 of Memgraph's facts.
 * Everything reachable from a value belongs to the arena that it was decoded into and is borrowed
 * by readers. Strings need not end in NUL. */
#ifndef PROTO_VALUE_H
#define PROTO_VALUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/rd.h"
#include "base/str.h"

enum value_kind {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_FLOAT,
    VALUE_BYTES,
    VALUE_STRING,
    VALUE_LIST,
    VALUE_MAP,
    VALUE_STRUCT /* nodes, dates, points ...: a tag and fields */
};

struct value_entry;

struct value {
    enum value_kind kind;
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct str str; /* BYTES and STRING */
        struct {
            struct value *items;
            size_t n;
        } list;
        struct {
            struct value_entry *entries; /* in the order of the wire */
            size_t n;
        } map;
        struct {
            struct value *fields;
            size_t n;
            uint8_t tag;
        } structure;
    } as;
};

struct value_entry {
    struct str key;
    struct value value;
};

/* The value under key, or NULL: no such key, or not a map. */
const struct value *value_get(const struct value *map, const char *key);
/* Typed look-ups for maps: false leaves *out alone (no such key, or another kind). */
bool value_get_int(const struct value *map, const char *key, int64_t *out);
bool value_get_str(const struct value *map, const char *key, struct str *out);
/* As people read it, for logs and errors: {a: 1, b: "x"}. */
void value_print(const struct value *v, struct buf *out);

/* Reads one value. False: malformed or deeper than VALUE_MAX_DEPTH (r->failed is set), or the arena
 * is full (it is not). */
enum { VALUE_MAX_DEPTH = 64 };
bool value_decode(struct rd *r, struct arena *a, struct value *out) MUST_CHECK;
/* Writes in the shortest form, as Memgraph does (facts 1.7). */
void value_encode(const struct value *v, struct buf *out);

/* Makers, for both directions of the codec. */
struct value value_null(void);
struct value value_bool(bool b);
struct value value_int(int64_t i);
struct value value_float(double d);
struct value value_str(const char *s); /* borrows s */
struct value value_str_n(struct str s);
/* Room for n; the caller fills items or entries. The arena must have room (asserted): use for our
 * own output, never for input. */
struct value value_list(struct arena *a, size_t n);
struct value value_map(struct arena *a, size_t n);

#endif
