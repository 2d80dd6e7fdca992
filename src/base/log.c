#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/strbuf.h"
#include "base/text.h"

#define LOG_LINE 2048

/* The one piece of process-wide state that conventions allow: who speaks, and how much. */
static struct {
    char program[32];
    enum log_level highest;
} log_state = { .program = "vsn", .highest = LOG_LEVEL_INFO };

static const char *const levels[] = {
    [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_NOTICE] = "notice",
    [LOG_LEVEL_INFO] = "info",   [LOG_LEVEL_DEBUG] = "debug",
};

void log_setup(const char *program, enum log_level highest)
{
    text_copy(log_state.program, sizeof(log_state.program), program);
    log_state.highest = highest;
}

static void add_time(struct strbuf *line)
{
    struct timespec at;
    struct tm parts;
    char text[32];

    clock_gettime(CLOCK_REALTIME, &at);
    gmtime_r(&at.tv_sec, &parts);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    strbuf_addf(line, "%s.%03ldZ ", text, at.tv_nsec / 1000000);
}

void log_write(enum log_level level, const char *format, ...)
{
    char message[LOG_LINE];
    struct strbuf line;
    va_list args;

    if (level > log_state.highest)
        return;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    strbuf_init(&line, 5 * LOG_LINE);
    add_time(&line);
    strbuf_addf(&line, "%s: %s: ", log_state.program, levels[level]);
    text_escape(&line, message);
    strbuf_addc(&line, '\n');
    /* One write, so that lines of several processes do not mix. */
    if (write(STDERR_FILENO, line.data, line.size) < 0)
        strbuf_reset(&line);
    strbuf_done(&line);
}

bool log_allowed(struct log_limit *limit, int64_t now_ms, unsigned burst, int64_t interval_ms,
                 unsigned *ret_held)
{
    if (now_ms - limit->since_ms >= interval_ms || limit->passed == 0) {
        limit->since_ms = now_ms;
        limit->passed = 0;
    }
    if (limit->passed >= burst) {
        limit->held++;
        return false;
    }
    limit->passed++;
    *ret_held = limit->held;
    limit->held = 0;
    return true;
}
