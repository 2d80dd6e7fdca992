#include "model/sonic_line.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

static int take_word(const char *word, const char *value, struct sonic_line *line)
{
    if (strcmp(word, "redis") == 0 && strncmp(value, "unix:", 5) == 0)
        return text_copy(line->socket, sizeof(line->socket), value + 5);
    if (strcmp(word, "naming") != 0)
        return -EINVAL;
    line->by_alias = strcmp(value, "alias") == 0;
    return line->by_alias || strcmp(value, "default") == 0 ? 0 : -EINVAL;
}

int sonic_line_read(const char *text, struct sonic_line *ret_line, struct error *reterr)
{
    CLEANUP(free_text) char *copy = strdup(text);
    struct sonic_line line = { 0 };
    char *rest = copy, *word = NULL, *value;
    int r = copy ? 0 : -ENOMEM;

    while (r == 0 && (word = strsep(&rest, " ")) && (value = strsep(&rest, " ")))
        r = take_word(word, value, &line);
    if (r < 0 || word || !*line.socket)
        return error_set(reterr, -EINVAL,
                         "switch sonic: expected 'redis unix:PATH [naming default|alias]'");
    *ret_line = line;
    return 0;
}
