/* completion: bash completion. The script asks the program itself what fits: `__complete` with the
 * words so far, the last of which is being typed. kubectl asks the same way, of a program that is
 * called kubectl_complete-<plugin>. */
#ifndef APP_COMPLETION_H
#define APP_COMPLETION_H

/* The script, on standard output. */
void completion_write(void);
/* A line with the word, if it begins with what was typed. */
void completion_offer(const char *word, const char *prefix);

#endif
