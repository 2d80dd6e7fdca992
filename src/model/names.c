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

/* Called in the innermost loops of settling: strstr() is quicker than walking. */
bool names_has(const char *names, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = *name ? strstr(names, name) : NULL; at; at = strstr(at + 1, name))
        if ((at == names || at[-1] == NAMES_SEPARATOR) &&
            (!at[length] || at[length] == NAMES_SEPARATOR))
            return true;
    return false;
}
