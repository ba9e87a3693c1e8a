/* What the error texts of Memgraph mean to a controller (facts 2.2 to 2.6, 4.3; live 1.2, 1.6). */
#include "proto/memgraph.h"

const char *memgraph_error_name(enum memgraph_error e)
{
    switch (e) {
    case MEMGRAPH_OK:
        return "ok";
    case MEMGRAPH_ROLE_NOT_SET:
        return "role_not_set";
    case MEMGRAPH_BUSY:
        return "busy";
    case MEMGRAPH_NAME_EXISTS:
        return "name_exists";
    case MEMGRAPH_ENDPOINT_EXISTS:
        return "endpoint_exists";
    case MEMGRAPH_DIVERGED_REPLICA:
        return "diverged_replica";
    case MEMGRAPH_UNREACHABLE:
        return "unreachable";
    case MEMGRAPH_NOT_REGISTERED:
        return "not_registered";
    case MEMGRAPH_NO_SUCH_REPLICA:
        return "no_such_replica";
    case MEMGRAPH_WRONG_ROLE:
        return "wrong_role";
    case MEMGRAPH_NOT_CONFIRMED:
        return "not_confirmed";
    case MEMGRAPH_ABORTED:
        return "aborted";
    case MEMGRAPH_UNAUTHORISED:
        return "unauthorised";
    case MEMGRAPH_EXISTS:
        return "exists";
    case MEMGRAPH_TRANSIENT:
        return "transient";
    case MEMGRAPH_OTHER:
        return "other";
    }
    return "?";
}

/* "Couldn't register replica {name}. Error: {N}"; 3.4 leaves the number out. */
static enum memgraph_error judge_register(struct str message)
{
    struct str mark = str_of(". Error: ");
    int64_t number;

    for (size_t at = message.n; at-- > 0;) {
        struct str rest = {message.p + at, message.n - at};

        if (!str_starts(rest, mark.p))
            continue;
        rest = str_trim((struct str){rest.p + mark.n, rest.n - mark.n});
        if (!str_to_int64(rest, &number))
            return MEMGRAPH_OTHER;
        switch (number) {
        case 1:
            return MEMGRAPH_NAME_EXISTS;
        case 2:
            return MEMGRAPH_ENDPOINT_EXISTS;
        case 3:
            return MEMGRAPH_DIVERGED_REPLICA;
        case 4:
        case 5:
            return MEMGRAPH_UNREACHABLE;
        case 6:
            return MEMGRAPH_BUSY;
        default:
            return MEMGRAPH_OTHER;
        }
    }
    return MEMGRAPH_NOT_REGISTERED;
}

/* In this order: "aborted" stands in texts that also have the words of "not confirmed". Texts that
 * begin so come before the parts, as a part may also stand in what a user wrote. */
static const struct {
    const char *text;
    enum memgraph_error error;
} begins[] =
    {
        {"Couldn't set replication role to main!", MEMGRAPH_ROLE_NOT_SET},
        {"Couldn't set role to replica!", MEMGRAPH_ROLE_NOT_SET},
        {"Multiple concurrent system queries are not supported.", MEMGRAPH_BUSY},
        {"Failed to unregister replica due to lack of unique access", MEMGRAPH_BUSY},
        {"Failed to unregister the replica ", MEMGRAPH_NO_SUCH_REPLICA},
        {"Replica can't register another replica!", MEMGRAPH_WRONG_ROLE},
        {"Replica can't unregister a replica!", MEMGRAPH_WRONG_ROLE},
        {"Show replicas query should only be run on the main instance.", MEMGRAPH_WRONG_ROLE},
        {"Write queries are forbidden on the replica instance.", MEMGRAPH_WRONG_ROLE},
        {"Query forbidden on the replica!", MEMGRAPH_WRONG_ROLE},
        {"Queries on replica shouldn't write.", MEMGRAPH_WRONG_ROLE},
        {"Cannot commit because instance is not main anymore.", MEMGRAPH_WRONG_ROLE},
        {"Failed to create a snapshot. Replica instances", MEMGRAPH_WRONG_ROLE},
        {"Failed to recover a snapshot. Replica instances", MEMGRAPH_WRONG_ROLE},
        {"Write queries currently forbidden on the main instance.", MEMGRAPH_TRANSIENT},
        {"You are not authorized to execute this query!", MEMGRAPH_UNAUTHORISED},
        {"Authentication failure", MEMGRAPH_UNAUTHORISED},
        {"Couldn't parse string", MEMGRAPH_OTHER}, /* a bad port, told as a TransientError */
        {"Parsing failed for string", MEMGRAPH_OTHER},
},
  parts[] = {
      {"Transaction will be aborted", MEMGRAPH_ABORTED}, /* 3.5 to 3.9 */
      {"Transaction was aborted", MEMGRAPH_ABORTED},     /* from 3.10 on */
      {"SYNC replica has not confirmed", MEMGRAPH_NOT_CONFIRMED},
      {"Failed to replicate to ", MEMGRAPH_NOT_CONFIRMED},
      {"Queries on replica shouldn't write.", MEMGRAPH_WRONG_ROLE}, /* behind PeriodicCommit */
};

enum memgraph_error memgraph_judge(struct str code, struct str message)
{
    if (str_contains(code, ".Security."))
        return MEMGRAPH_UNAUTHORISED;
    if (str_starts(message, "Couldn't register replica "))
        return judge_register(message);
    if (str_starts(message, "User ") && str_contains(message, " already exists."))
        return MEMGRAPH_EXISTS;
    for (size_t i = 0; i < ARRAY_LEN(begins); i++)
        if (str_starts(message, begins[i].text))
            return begins[i].error;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (str_contains(message, parts[i].text))
            return parts[i].error;
    if (str_starts(message, "Replication Exception: "))
        return MEMGRAPH_NOT_CONFIRMED;
    return str_contains(code, ".TransientError.") ? MEMGRAPH_TRANSIENT : MEMGRAPH_OTHER;
}
