#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *reterr, int code, const char *format, ...)
{
    va_list args;

    if (!reterr)
        return code;
    va_start(args, format);
    vsnprintf(reterr->text, sizeof(reterr->text), format, args);
    va_end(args);
    return code;
}

int error_prefix(struct error *reterr, int code, const char *format, ...)
{
    char prefix[ERROR_SIZE], whole[2 * ERROR_SIZE + 3];
    va_list args;

    if (!reterr)
        return code;
    va_start(args, format);
    vsnprintf(prefix, sizeof(prefix), format, args);
    va_end(args);
    snprintf(whole, sizeof(whole), "%s: %s", prefix, reterr->text);
    memcpy(reterr->text, whole, sizeof(reterr->text) - 1);
    reterr->text[sizeof(reterr->text) - 1] = '\0';
    return code;
}
