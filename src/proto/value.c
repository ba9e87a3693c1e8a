#include "proto/value.h"

#include <assert.h>
#include <inttypes.h>

/* Markers. Those of the tiny forms hold the number, length or count in their low bits. */
enum {
    TINY_STRING = 0x80,
    TINY_LIST = 0x90,
    TINY_MAP = 0xA0,
    TINY_STRUCT = 0xB0,
    MARK_NULL = 0xC0,
    MARK_FLOAT = 0xC1,
    MARK_FALSE = 0xC2,
    MARK_TRUE = 0xC3,
    INT_8 = 0xC8,
    INT_16 = 0xC9,
    INT_32 = 0xCA,
    INT_64 = 0xCB,
    BYTES_8 = 0xCC,
    BYTES_16 = 0xCD,
    BYTES_32 = 0xCE,
    STRING_8 = 0xD0,
    STRING_16 = 0xD1,
    STRING_32 = 0xD2,
    LIST_8 = 0xD4,
    LIST_16 = 0xD5,
    LIST_32 = 0xD6,
    MAP_8 = 0xD8,
    MAP_16 = 0xD9,
    MAP_32 = 0xDA,
    STRUCT_8 = 0xDC,
    STRUCT_16 = 0xDD,
    TINY_INT_LEAST = 0xF0
};

const struct value *value_get(const struct value *map, const char *key)
{
    if (!map || map->kind != VALUE_MAP)
        return NULL;
    for (size_t i = 0; i < map->as.map.n; i++)
        if (str_eq(map->as.map.entries[i].key, key))
            return &map->as.map.entries[i].value;
    return NULL;
}

bool value_get_int(const struct value *map, const char *key, int64_t *out)
{
    const struct value *v = value_get(map, key);

    if (!v || v->kind != VALUE_INT)
        return false;
    *out = v->as.integer;
    return true;
}

bool value_get_str(const struct value *map, const char *key, struct str *out)
{
    const struct value *v = value_get(map, key);

    if (!v || v->kind != VALUE_STRING)
        return false;
    *out = v->as.str;
    return true;
}

/* Printing. */

static void print_text(struct str s, struct buf *out)
{
    buf_add_byte(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c == '\n')
            buf_add_text(out, "\\n");
        else if (c < 0x20 || c == 0x7F)
            buf_printf(out, "\\x%02x", c);
        else
            buf_add_byte(out, c);
    }
    buf_add_byte(out, '"');
}

static void print_items(const struct value *items, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_text(out, ", ");
        value_print(&items[i], out);
    }
}

static void print_map(const struct value *v, struct buf *out)
{
    buf_add_byte(out, '{');
    for (size_t i = 0; i < v->as.map.n; i++) {
        if (i)
            buf_add_text(out, ", ");
        buf_add_str(out, v->as.map.entries[i].key);
        buf_add_text(out, ": ");
        value_print(&v->as.map.entries[i].value, out);
    }
    buf_add_byte(out, '}');
}

void value_print(const struct value *v, struct buf *out)
{
    switch (v->kind) {
    case VALUE_NULL:
        buf_add_text(out, "null");
        break;
    case VALUE_BOOL:
        buf_add_text(out, v->as.boolean ? "true" : "false");
        break;
    case VALUE_INT:
        buf_printf(out, "%" PRId64, v->as.integer);
        break;
    case VALUE_FLOAT:
        buf_printf(out, "%g", v->as.real);
        break;
    case VALUE_BYTES:
        buf_add_text(out, "0x");
        for (size_t i = 0; i < v->as.str.n; i++)
            buf_printf(out, "%02x", (unsigned char)v->as.str.p[i]);
        break;
    case VALUE_STRING:
        print_text(v->as.str, out);
        break;
    case VALUE_LIST:
        buf_add_byte(out, '[');
        print_items(v->as.list.items, v->as.list.n, out);
        buf_add_byte(out, ']');
        break;
    case VALUE_MAP:
        print_map(v, out);
        break;
    case VALUE_STRUCT:
        buf_printf(out, "<%02x: ", v->as.structure.tag);
        print_items(v->as.structure.fields, v->as.structure.n, out);
        buf_add_byte(out, '>');
        break;
    }
}

/* Decoding. Malformed input sets r->failed; a full arena does not. */

static bool decode(struct rd *r, struct arena *a, unsigned depth, struct value *out);

static bool malformed(struct rd *r)
{
    r->failed = true;
    return false;
}

/* A length or a count of 1, 2 or 4 bytes. */
static size_t read_size(struct rd *r, unsigned bytes)
{
    return bytes == 1 ? rd_u8(r) : bytes == 2 ? rd_be16(r) : rd_be32(r);
}

static bool decode_text(struct rd *r, struct arena *a, size_t n, struct str *out)
{
    struct str text = rd_bytes(r, n);

    if (r->failed)
        return false;
    *out = arena_copy(a, text);
    return out->p != NULL;
}

/* An item has at least one byte: a count that promises more than there is allocates nothing. */
static bool decode_items(struct rd *r, struct arena *a, unsigned depth, size_t n,
                         struct value **out)
{
    struct value *items;

    if (r->failed || n > r->left)
        return malformed(r);
    items = arena_alloc(a, n, sizeof *items);
    if (!items)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!decode(r, a, depth, &items[i]))
            return false;
    *out = items;
    return true;
}

static bool decode_list(struct rd *r, struct arena *a, unsigned depth, size_t n, struct value *out)
{
    out->kind = VALUE_LIST;
    out->as.list.n = n;
    return decode_items(r, a, depth, n, &out->as.list.items);
}

static bool decode_struct(struct rd *r, struct arena *a, unsigned depth, size_t n,
                          struct value *out)
{
    out->kind = VALUE_STRUCT;
    out->as.structure.n = n;
    out->as.structure.tag = rd_u8(r);
    return decode_items(r, a, depth, n, &out->as.structure.fields);
}

static bool decode_key(struct rd *r, struct arena *a, struct str *out)
{
    uint8_t marker = rd_u8(r);

    if ((marker & 0xF0) == TINY_STRING)
        return decode_text(r, a, marker & 0x0F, out);
    if (marker >= STRING_8 && marker <= STRING_32)
        return decode_text(r, a, read_size(r, 1U << (marker - STRING_8)), out);
    return malformed(r);
}

static bool decode_map(struct rd *r, struct arena *a, unsigned depth, size_t n, struct value *out)
{
    struct value_entry *entries;

    if (r->failed || n > r->left / 2)
        return malformed(r);
    entries = arena_alloc(a, n, sizeof *entries);
    if (!entries)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!decode_key(r, a, &entries[i].key) || !decode(r, a, depth, &entries[i].value))
            return false;
    out->kind = VALUE_MAP;
    out->as.map.n = n;
    out->as.map.entries = entries;
    return true;
}

static bool decode_int(struct rd *r, uint8_t marker, struct value *out)
{
    int64_t i;

    if (marker == INT_8)
        i = (int64_t)(rd_u8(r) ^ 0x80) - 0x80; /* the sign, without a cast through char */
    else if (marker == INT_16)
        i = (int16_t)rd_be16(r);
    else if (marker == INT_32)
        i = (int32_t)rd_be32(r);
    else
        i = (int64_t)rd_be64(r);
    *out = value_int(i);
    return !r->failed;
}

static bool decode_float(struct rd *r, struct value *out)
{
    uint64_t bits = rd_be64(r);

    out->kind = VALUE_FLOAT;
    memcpy(&out->as.real, &bits, sizeof bits);
    return !r->failed;
}

/* The forms whose size follows their marker. */
static bool decode_sized(struct rd *r, struct arena *a, unsigned depth, uint8_t marker,
                         struct value *out)
{
    size_t n = read_size(r, 1U << (marker & 3));

    switch (marker) {
    case BYTES_8:
    case BYTES_16:
    case BYTES_32:
        out->kind = VALUE_BYTES;
        return decode_text(r, a, n, &out->as.str);
    case STRING_8:
    case STRING_16:
    case STRING_32:
        out->kind = VALUE_STRING;
        return decode_text(r, a, n, &out->as.str);
    case LIST_8:
    case LIST_16:
    case LIST_32:
        return decode_list(r, a, depth, n, out);
    case MAP_8:
    case MAP_16:
    case MAP_32:
        return decode_map(r, a, depth, n, out);
    case STRUCT_8:
    case STRUCT_16:
        return decode_struct(r, a, depth, n, out);
    default:
        return malformed(r);
    }
}

static bool decode(struct rd *r, struct arena *a, unsigned depth, struct value *out)
{
    uint8_t marker = rd_u8(r);

    if (r->failed || ++depth > VALUE_MAX_DEPTH)
        return malformed(r);
    if (marker < TINY_STRING || marker >= TINY_INT_LEAST) {
        *out = value_int((int8_t)marker);
        return true;
    }
    switch (marker & 0xF0) {
    case TINY_STRING:
        out->kind = VALUE_STRING;
        return decode_text(r, a, marker & 0x0F, &out->as.str);
    case TINY_LIST:
        return decode_list(r, a, depth, marker & 0x0F, out);
    case TINY_MAP:
        return decode_map(r, a, depth, marker & 0x0F, out);
    case TINY_STRUCT:
        return decode_struct(r, a, depth, marker & 0x0F, out);
    default:
        break;
    }
    switch (marker) {
    case MARK_NULL:
        *out = value_null();
        return true;
    case MARK_FALSE:
    case MARK_TRUE:
        *out = value_bool(marker == MARK_TRUE);
        return true;
    case MARK_FLOAT:
        return decode_float(r, out);
    case INT_8:
    case INT_16:
    case INT_32:
    case INT_64:
        return decode_int(r, marker, out);
    default:
        return decode_sized(r, a, depth, marker, out);
    }
}

bool value_decode(struct rd *r, struct arena *a, struct value *out)
{
    return decode(r, a, 0, out);
}

/* Encoding. */

static void encode_int(int64_t i, struct buf *out)
{
    if (i >= -16 && i <= INT8_MAX) {
        buf_add_byte(out, (uint8_t)i);
    } else if (i >= INT8_MIN && i <= INT8_MAX) {
        buf_add_byte(out, INT_8);
        buf_add_byte(out, (uint8_t)i);
    } else if (i >= INT16_MIN && i <= INT16_MAX) {
        buf_add_byte(out, INT_16);
        buf_add_be16(out, (uint16_t)i);
    } else if (i >= INT32_MIN && i <= INT32_MAX) {
        buf_add_byte(out, INT_32);
        buf_add_be32(out, (uint32_t)i);
    } else {
        buf_add_byte(out, INT_64);
        buf_add_be64(out, (uint64_t)i);
    }
}

/* tiny: the marker of the form that holds n below 16 (0: there is none); marker: that of the form
 * with one byte, which those with two and four bytes follow. */
static void encode_size(size_t n, uint8_t tiny, uint8_t marker, struct buf *out)
{
    assert(n <= UINT32_MAX);
    if (tiny && n < 16) {
        buf_add_byte(out, (uint8_t)(tiny | n));
    } else if (n <= UINT8_MAX) {
        buf_add_byte(out, marker);
        buf_add_byte(out, (uint8_t)n);
    } else if (n <= UINT16_MAX) {
        buf_add_byte(out, (uint8_t)(marker + 1));
        buf_add_be16(out, (uint16_t)n);
    } else {
        buf_add_byte(out, (uint8_t)(marker + 2));
        buf_add_be32(out, (uint32_t)n);
    }
}

static void encode_items(const struct value *items, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++)
        value_encode(&items[i], out);
}

static void encode_string(struct str s, struct buf *out)
{
    encode_size(s.n, TINY_STRING, STRING_8, out);
    buf_add_str(out, s);
}

static void encode_float(double d, struct buf *out)
{
    uint64_t bits;

    memcpy(&bits, &d, sizeof bits);
    buf_add_byte(out, MARK_FLOAT);
    buf_add_be64(out, bits);
}

void value_encode(const struct value *v, struct buf *out)
{
    switch (v->kind) {
    case VALUE_NULL:
        buf_add_byte(out, MARK_NULL);
        break;
    case VALUE_BOOL:
        buf_add_byte(out, v->as.boolean ? MARK_TRUE : MARK_FALSE);
        break;
    case VALUE_INT:
        encode_int(v->as.integer, out);
        break;
    case VALUE_FLOAT:
        encode_float(v->as.real, out);
        break;
    case VALUE_BYTES:
        encode_size(v->as.str.n, 0, BYTES_8, out);
        buf_add_str(out, v->as.str);
        break;
    case VALUE_STRING:
        encode_string(v->as.str, out);
        break;
    case VALUE_LIST:
        encode_size(v->as.list.n, TINY_LIST, LIST_8, out);
        encode_items(v->as.list.items, v->as.list.n, out);
        break;
    case VALUE_MAP:
        encode_size(v->as.map.n, TINY_MAP, MAP_8, out);
        for (size_t i = 0; i < v->as.map.n; i++) {
            encode_string(v->as.map.entries[i].key, out);
            value_encode(&v->as.map.entries[i].value, out);
        }
        break;
    case VALUE_STRUCT:
        assert(v->as.structure.n <= UINT16_MAX);
        encode_size(v->as.structure.n, TINY_STRUCT, STRUCT_8, out);
        buf_add_byte(out, v->as.structure.tag);
        encode_items(v->as.structure.fields, v->as.structure.n, out);
        break;
    }
}

/* Makers. */

struct value value_null(void)
{
    return (struct value){.kind = VALUE_NULL};
}

struct value value_bool(bool b)
{
    return (struct value){.kind = VALUE_BOOL, .as.boolean = b};
}

struct value value_int(int64_t i)
{
    return (struct value){.kind = VALUE_INT, .as.integer = i};
}

struct value value_float(double d)
{
    return (struct value){.kind = VALUE_FLOAT, .as.real = d};
}

struct value value_str(const char *s)
{
    return value_str_n(str_of(s));
}

struct value value_str_n(struct str s)
{
    return (struct value){.kind = VALUE_STRING, .as.str = s};
}

struct value value_list(struct arena *a, size_t n)
{
    struct value v = {.kind = VALUE_LIST, .as.list.n = n};

    v.as.list.items = arena_alloc(a, n, sizeof *v.as.list.items);
    assert(v.as.list.items);
    return v;
}

struct value value_map(struct arena *a, size_t n)
{
    struct value v = {.kind = VALUE_MAP, .as.map.n = n};

    v.as.map.entries = arena_alloc(a, n, sizeof *v.as.map.entries);
    assert(v.as.map.entries);
    return v;
}
