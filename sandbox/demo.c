#include "sandbox/demo.h"

#include "base/alloc.h"
#include "sandbox/client.h"
#include "sandbox/roles.h"

struct demo {
    struct client *client;
    struct roles *roles;
};

static void picture_print(struct sandbox *sb)
{
    const struct controller *c;
    const struct pod *pod;

    printf("\nA Memgraph cluster on this machine\n\n");
    for (unsigned i = 0; (c = controllers_at(sb->controllers, i)); i++)
        printf("  %-14s status page  http://%s:%d/\n"
               "  %-14s writes       bolt://%s:%d\n"
               "  %-14s reads        bolt://%s:%d\n",
               c->name, c->ip, CONTROLLERS_PORT_HTTP, "", c->ip, CONTROLLERS_PORT_WRITE, "", c->ip,
               CONTROLLERS_PORT_READ);
    for (unsigned i = 0; i < PODS_MAX; i++)
        if ((pod = pods_at(sb->pods, i)) && pod->process)
            printf("  %-14s server       bolt://%s:%d   process %ld\n", pod->seen->name,
                   pod->seen->ip, POD_BOLT_PORT, (long)process_pid(pod->process));
    printf("  %-14s API          %s   (token in %s, for the page's actions, too)\n", "kubernetes",
           sb->api_url, sb->token_file);
    printf("  %-14s directory    %s   (logs/, volumes/)\n\n", "", sb->directory);
    c = controllers_at(sb->controllers, 0);
    if (c)
        printf("  A client:  mgconsole --host %s --port %d\n"
               "             or any neo4j driver with bolt://%s:%d\n",
               c->ip, CONTROLLERS_PORT_WRITE, c->ip, CONTROLLERS_PORT_WRITE);
    printf("  Try here:  kill main | kill sync | delete main | rollout restart | freeze main (thaw "
           "it by its name)\n"
           "             wipe sync | api down, api up | scale 4 | record | help | quit\n"
           "  Pods are processes: any tool may kill them. Ctrl-C stops everything.\n\n");
    fflush(stdout);
}

/* Clients go first: their open sessions would keep the controllers waiting. */
static void clients_end(void *arg)
{
    struct demo *demo = arg;

    client_free(demo->client);
    roles_free(demo->roles);
    demo->client = NULL;
    demo->roles = NULL;
}

struct demo *demo_start(struct sandbox *sb)
{
    struct demo *demo = xcalloc(1, sizeof *demo);

    if (sb->config.demo) {
        picture_print(sb);
        demo->roles = roles_start(sb->loop, sb->pods);
    }
    if (sb->config.client)
        demo->client = client_start(sb->loop, sb->controllers);
    sb->on_stop = clients_end;
    sb->on_stop_arg = demo;
    return demo;
}

void demo_free(struct demo *demo)
{
    clients_end(demo);
    free(demo);
}
