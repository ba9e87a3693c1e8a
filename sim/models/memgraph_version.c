#include "models/memgraph_version.h"

#include "proto/memgraph.h"

struct mg_features mg_features_of(const char *version)
{
    return (struct mg_features){
#define X(name, minor) .name = memgraph_version_at_least(version, 3, minor),
        MG_FEATURES(X)
#undef X
    };
}

int mg_wire_of(const struct mg_features *f)
{
    return 4 + f->wire_5 + f->wire_6;
}

bool mg_wire_understood(const struct mg_features *f, int64_t wire)
{
    int own = mg_wire_of(f);

    return wire == own || (own == 6 && wire == 5);
}
