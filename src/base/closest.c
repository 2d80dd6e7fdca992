#include "base/closest.h"

#include <string.h>

#define LENGTH_MAX 31
#define FAR 1000

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* The "optimal string alignment" distance: three rows of the usual matrix are enough. */
unsigned closest_distance(const char *a, const char *b)
{
    size_t m = strlen(a), n = strlen(b);
    unsigned rows[3][LENGTH_MAX + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];

    if (m > LENGTH_MAX || n > LENGTH_MAX)
        return FAR;
    for (size_t j = 0; j <= n; j++)
        before[j] = above[j] = (unsigned)j;
    for (size_t i = 1; i <= m; i++) {
        unsigned *spare = before;

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        before = above;
        above = row;
        row = spare;
    }
    return above[n];
}

bool closest_improves(const char *word, const char *candidate, unsigned *best)
{
    unsigned distance = closest_distance(word, candidate);
    unsigned allowed = 1 + (unsigned)strlen(word) / 4;

    if (distance > allowed || distance >= *best)
        return false;
    *best = distance;
    return true;
}
