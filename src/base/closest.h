/* closest.h: the word that somebody who mistyped probably meant. */
#ifndef VSN_BASE_CLOSEST_H
#define VSN_BASE_CLOSEST_H

#include <stdbool.h>

/* How many single edits (insert, delete, replace, swap of neighbours) lead from one word to the
 * other; words longer than 31 bytes are taken to be far apart. */
unsigned closest_distance(const char *a, const char *b);

/* True when 'candidate' is near enough to 'word' to be suggested, and nearer than '*best', which is
 * then lowered. Start with '*best = UINT_MAX'. */
bool closest_improves(const char *word, const char *candidate, unsigned *best);

#endif
