#include "app/completion.h"

#include <stdio.h>
#include <string.h>

static const char script[] =
    "_memgraph_controller() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} IFS=$'\\n'\n"
    "    case $prev in\n"
    "    -t | --token-file | --kubeconfig | --tls-ca)\n"
    "        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
    "        return ;;\n"
    "    install | --data-directory)\n"
    "        COMPREPLY=($(compgen -d -- \"$cur\"))\n"
    "        return ;;\n"
    "    esac\n"
    "    COMPREPLY=($(\"${COMP_WORDS[0]}\" __complete \"${COMP_WORDS[@]:1:COMP_CWORD}\" "
    "2>/dev/null))\n"
    "}\n"
    "complete -F _memgraph_controller memgraph-controller kubectl-memgraph_ha\n";

void completion_write(void)
{
    (void)fputs(script, stdout);
}

void completion_offer(const char *word, const char *prefix)
{
    if (strncmp(word, prefix, strlen(prefix)) == 0)
        (void)puts(word);
}
