#include "app/completion.h"

#include <stdio.h>
#include <string.h>

/* The words as they are between blanks: bash has split them at colons (of URLs) and equal signs. */
static const char script[] =
    "_memgraph_controller() {\n"
    "    local line=${COMP_LINE:0:COMP_POINT} words IFS=$' \\t\\n'\n"
    "    read -ra words <<<\"$line\"\n"
    "    [[ $line != *[[:blank:]] ]] || words+=('')\n"
    "    local last=$((${#words[@]} - 1))\n"
    "    if [[ ${words[last]} == --*=* ]]; then\n"
    "        words+=(\"${words[last]#*=}\")\n"
    "        words[last]=${words[last]%%=*}\n"
    "        last=$((last + 1))\n"
    "    fi\n"
    "    IFS=$'\\n'\n"
    "    case ${words[last-1]} in\n"
    "    -t | --token-file | --kubeconfig | --tls-ca)\n"
    "        COMPREPLY=($(compgen -f -- \"${words[last]}\"))\n"
    "        return ;;\n"
    "    install | --data-directory)\n"
    "        COMPREPLY=($(compgen -d -- \"${words[last]}\"))\n"
    "        return ;;\n"
    "    esac\n"
    "    COMPREPLY=($(\"${COMP_WORDS[0]}\" __complete \"${words[@]:1}\" 2>/dev/null))\n"
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
