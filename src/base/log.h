/* log.h: one line per message on standard error. Only the top files of a process log above debug;
 * everything below returns a struct error instead. */
#ifndef VSN_BASE_LOG_H
#define VSN_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attrs.h"

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG
};

/* Names the process in each line, and sets the highest level that is written. */
void log_setup(const char *program, enum log_level highest);

/* Writes one line; whatever the arguments contain is escaped (text_escape), so that a machine's
 * name cannot forge a second line. */
void log_write(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Lets through at most 'burst' messages in 'interval_ms', per place that owns one. Zeroed to start.
 */
struct log_limit {
    int64_t since_ms;
    unsigned passed;
    unsigned held;
};

/* True when a message may be written at 'now_ms'. '*ret_held' is how many were held back before it.
 */
bool log_allowed(struct log_limit *limit, int64_t now_ms, unsigned burst, int64_t interval_ms,
                 unsigned *ret_held);

#endif
