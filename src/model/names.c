#include "model/names.h"

#include <errno.h>
#include <string.h>

int names_add(struct strbuf *names, const char *name)
{
    int r = 0;

    if (!*name || strchr(name, NAMES_SEPARATOR))
        return -EINVAL;
    if (names->size)
        r = strbuf_addc(names, NAMES_SEPARATOR);
    return r < 0 ? r : strbuf_adds(names, name);
}

bool names_next(const char **at, const char **ret_name, size_t *ret_length)
{
    const char *end;

    if (!**at)
        return false;
    end = strchrnul(*at, NAMES_SEPARATOR);
    *ret_name = *at;
    *ret_length = (size_t)(end - *at);
    *at = *end ? end + 1 : end;
    return true;
}

bool names_has(const char *names, const char *name)
{
    size_t wanted = strlen(name), length;
    const char *each;

    while (names_next(&names, &each, &length))
        if (length == wanted && memcmp(each, name, length) == 0)
            return true;
    return false;
}
