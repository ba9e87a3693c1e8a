#include "app/completion.h"

#include <stdio.h>

static const char script[] =
    "_memgraph_controller() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=\n"
    "    case $prev in\n"
    "    -o | --output) words='table json yaml' ;;\n"
    "    -t | --token-file | --kubeconfig | install)\n"
    "        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
    "        return ;;\n"
    "    --data-directory)\n"
    "        COMPREPLY=($(compgen -d -- \"$cur\"))\n"
    "        return ;;\n"
    "    --to | rebuild | explain)\n"
    "        words=$(\"${COMP_WORDS[0]}\" status 2>/dev/null | awk 'p { print $1 } /^POD/ { p = 1 "
    "}') ;;\n"
    "    *)\n"
    "        words=$commands\n"
    "        [ $COMP_CWORD = 1 ] || words=$options ;;\n"
    "    esac\n"
    "    case $cur in -*) words=$options ;; esac\n"
    "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
    "}\n"
    "complete -F _memgraph_controller memgraph-controller kubectl-memgraph_ha\n";

void completion_write(const char *names, const struct argp_option *options)
{
    const char *body = script;

    /* Its first line opens the function: the lists come behind it. */
    while (*body != '\n')
        (void)putchar(*body++);
    printf("\n    local commands='%s'\n    local options='--help --usage --version", names);
    for (const struct argp_option *o = options; o->name || o->doc; o++)
        printf(" --%s", o->name);
    printf("'%s", body);
}
