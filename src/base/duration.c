#include "base/duration.h"

static const struct {
    const char *unit;
    int64_t ms;
} units[] = {{"h", 3600 * 1000}, {"m", 60 * 1000}, {"s", 1000}, {"ms", 1}};

static const int64_t most_ms = (int64_t)10 * 365 * 24 * 3600 * 1000;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Cuts one "number unit" off *rest and adds it. */
static bool add_part(struct str *rest, int64_t *sum_ms)
{
    size_t digits = 0, letters = 0;
    struct str unit;
    int64_t count;

    while (digits < rest->n && is_digit(rest->p[digits]))
        digits++;
    while (digits + letters < rest->n && !is_digit(rest->p[digits + letters]))
        letters++;
    if (!str_to_int64((struct str){rest->p, digits}, &count) || count > most_ms)
        return false;
    unit = (struct str){rest->p + digits, letters};
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (!str_eq(unit, units[i].unit))
            continue;
        if (count > (most_ms - *sum_ms) / units[i].ms)
            return false;
        *sum_ms += count * units[i].ms;
        *rest = (struct str){unit.p + unit.n, rest->n - digits - letters};
        return true;
    }
    return false;
}

bool duration_parse(struct str text, int64_t *out_ms)
{
    int64_t sum_ms = 0;

    if (!str_eq(text, "0")) {
        if (text.n == 0)
            return false;
        while (text.n)
            if (!add_part(&text, &sum_ms))
                return false;
    }
    *out_ms = sum_ms;
    return true;
}

const char *duration_format(int64_t ms, char *out, size_t size)
{
    (void)str_copy(out, size, ms < 0 ? "-" : "");
    if (ms < 0)
        ms = -ms;
    if (ms == 0)
        (void)str_append(out, size, "0s");
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (ms >= units[i].ms)
            (void)str_append(out, size, "%lld%s", (long long)(ms / units[i].ms), units[i].unit);
        ms %= units[i].ms;
    }
    return out;
}
