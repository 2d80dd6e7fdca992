#include "model/nonce.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OPENING " [vsn "
#define MARK_LENGTH (sizeof(OPENING) - 1 + NONCE_TEXT - 1 + 1)

char *nonce_format(uint64_t number, char text[NONCE_TEXT])
{
    snprintf(text, NONCE_TEXT, "%016" PRIx64, number);
    return text;
}

size_t nonce_split(const char *description, char ret_nonce[NONCE_TEXT])
{
    size_t length = strlen(description), before;
    const char *mark;

    ret_nonce[0] = '\0';
    if (length < MARK_LENGTH)
        return length;
    before = length - MARK_LENGTH;
    mark = description + before;
    if (strncmp(mark, OPENING, strlen(OPENING)) != 0 || description[length - 1] != ']' ||
        strspn(mark + strlen(OPENING), "0123456789abcdef") != NONCE_TEXT - 1)
        return length;
    memcpy(ret_nonce, mark + strlen(OPENING), NONCE_TEXT - 1);
    ret_nonce[NONCE_TEXT - 1] = '\0';
    return before;
}

char *nonce_mark(const char *description, const char *nonce, char *text, size_t size)
{
    char former[NONCE_TEXT];
    size_t length = nonce_split(description, former);

    if (length + MARK_LENGTH >= size)
        length = size - MARK_LENGTH - 1;
    snprintf(text, size, "%.*s" OPENING "%s]", (int)length, description, nonce);
    return text;
}

bool nonce_same_but_mark(const char *a, const char *b)
{
    char mark[NONCE_TEXT];
    size_t length = nonce_split(a, mark);

    return length == nonce_split(b, mark) && strncmp(a, b, length) == 0;
}
