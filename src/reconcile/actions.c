#include "reconcile/actions.h"

#include <stdarg.h>
#include <stdio.h>

#define LOG_MAX 65536
#define LINES_MAX (16 * 1024 * 1024)

void actions_init(struct actions *actions)
{
    *actions = (struct actions){ .wake_ms = INT64_MAX };
    strbuf_init(&actions->to_module, LINES_MAX);
    strbuf_init(&actions->to_history, LINES_MAX);
    strbuf_init(&actions->log, LOG_MAX);
}

void actions_done(struct actions *actions)
{
    strbuf_done(&actions->to_module);
    strbuf_done(&actions->to_history);
    strbuf_done(&actions->log);
}

void actions_say(struct actions *actions, enum log_level level, const char *format, ...)
{
    char line[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    for (char *at = line; *at; at++)
        if (*at == '\n')
            *at = ' ';
    strbuf_addf(&actions->log, "%d %s\n", (int)level, line);
}

void actions_wake(struct actions *actions, int64_t at_ms)
{
    if (at_ms < actions->wake_ms)
        actions->wake_ms = at_ms;
}
