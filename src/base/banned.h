/* banned: calls that have a safer one beside them. Included by str.h, so by everything of ours.
 * (The idea is git's.) Use str_copy, str_format, str_to_int64, gmtime_r instead. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef strtok
#undef sprintf
#undef atoi
#undef atol
#undef gmtime
#undef localtime
#undef rand

#define strcpy(...)    use_str_copy_instead_of_strcpy
#define strcat(...)    use_str_format_instead_of_strcat
#define strncpy(...)   use_str_copy_instead_of_strncpy
#define strncat(...)   use_str_format_instead_of_strncat
#define strtok(...)    use_str_cut_instead_of_strtok
#define sprintf(...)   use_str_format_instead_of_sprintf
#define atoi(...)      use_str_to_int64_instead_of_atoi
#define atol(...)      use_str_to_int64_instead_of_atol
#define gmtime(...)    use_gmtime_r_instead_of_gmtime
#define localtime(...) use_gmtime_r_instead_of_localtime
#define rand(...)      use_a_seeded_generator_instead_of_rand

#endif
