#include "source/marks.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <uthash.h>

struct mark {
    UT_hash_handle hh;
    char nonce[NONCE_TEXT], before[NONCE_TEXT]; /* empty: none yet */
    int64_t made_ms;                            /* when 'nonce' took the place of 'before' */
    bool stays;
    char port[];
};

struct marks {
    struct mark *first;
};

struct marks *marks_new(void)
{
    return calloc(1, sizeof(struct marks));
}

static void forget(struct marks *marks, struct mark *mark)
{
    HASH_DEL(marks->first, mark);
    free(mark);
}

struct marks *marks_free(struct marks *marks)
{
    while (marks && marks->first)
        forget(marks, marks->first);
    free(marks);
    return NULL;
}

static struct mark *find(const struct marks *marks, const char *port)
{
    struct mark *mark = NULL;

    HASH_FIND_STR(marks->first, port, mark);
    return mark;
}

/* ---- Which ports ----------------------------------------------------------------------------- */

void marks_begin(struct marks *marks)
{
    for (struct mark *mark = marks->first; mark; mark = mark->hh.next)
        mark->stays = false;
}

void marks_add(struct marks *marks, const char *port)
{
    struct mark *mark = find(marks, port);
    size_t size = strlen(port) + 1;

    if (!mark && HASH_COUNT(marks->first) < MARKS_MAX)
        mark = calloc(1, sizeof(*mark) + size);
    if (!mark)
        return;
    mark->stays = true;
    if (*mark->port)
        return;
    memcpy(mark->port, port, size);
    HASH_ADD_STR(marks->first, port, mark);
}

void marks_end(struct marks *marks)
{
    struct mark *mark, *next;

    HASH_ITER (hh, marks->first, mark, next)
        if (!mark->stays)
            forget(marks, mark);
}

/* ---- Nonces ---------------------------------------------------------------------------------- */

/* Without random numbers there is no nonce: a guessable one would prove nothing. */
static void make_nonce(struct mark *mark, const char *former, int64_t now_ms)
{
    uint64_t number;

    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != (ssize_t)sizeof(number))
        return;
    memmove(mark->before, former, NONCE_TEXT);
    nonce_format(number, mark->nonce);
    mark->made_ms = now_ms;
}

bool marks_wanted(struct marks *marks, const char *port, const char *description, int64_t now_ms,
                  char *ret_text, size_t size)
{
    struct mark *mark = find(marks, port);
    char found[NONCE_TEXT];
    size_t length = nonce_split(description, found);

    if (!mark) {
        if (!*found || length >= size)
            return false;
        memcpy(ret_text, description, length);
        ret_text[length] = '\0';
        return true;
    }
    if (!*mark->nonce)
        make_nonce(mark, found, now_ms);
    else if (now_ms - mark->made_ms >= MARK_LIFE_MS)
        make_nonce(mark, mark->nonce, now_ms);
    if (!*mark->nonce || strcmp(found, mark->nonce) == 0)
        return false;
    nonce_mark(description, mark->nonce, ret_text, size);
    return true;
}

void marks_told(const struct marks *marks, const char *port, const char *description,
                int64_t now_ms, char ret_nonce[NONCE_TEXT], char ret_before[NONCE_TEXT])
{
    const struct mark *mark = find(marks, port);
    char found[NONCE_TEXT];

    *ret_nonce = *ret_before = '\0';
    if (!mark)
        return;
    nonce_split(description, found);
    if (strcmp(found, mark->nonce) == 0)
        memcpy(ret_nonce, mark->nonce, NONCE_TEXT);
    if (now_ms - mark->made_ms < MARK_GRACE_MS)
        memcpy(ret_before, mark->before, NONCE_TEXT);
}
