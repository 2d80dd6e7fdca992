/* text.h: copying, escaping and splitting of short texts that may come from anywhere. */
#ifndef VSN_BASE_TEXT_H
#define VSN_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* Copies 'from' into 'to' of 'size' bytes, always NUL-terminated. Returns 0, or -EMSGSIZE when it
 * had to be cut (never inside a UTF-8 sequence). */
int text_copy(char *to, size_t size, const char *from);

/* Appends 'text' so that a terminal or a log line cannot be steered by it: C0, DEL, C1,
 * bidirectional overrides (U+202A-202E, U+2066-2069) and bytes that are not UTF-8 appear as \xNN, a
 * backslash as
 * \\. Everything else stays as it is. */
void text_escape(struct strbuf *to, const char *text);

/* The same into a fixed buffer, cut to fit. Returns 'to', so that it can stand in a log call. */
const char *text_safe(char *to, size_t size, const char *text);

/* The character that 'text' (not empty) begins with: returns its bytes in UTF-8 (RFC 3629), 1 to 4,
 * or 0 when it begins with none. '*ret_steering' is true for characters that text_escape() escapes.
 */
size_t text_utf8(const char *text, uint32_t *ret_code, bool *ret_steering);

/* Decimal number from 'low' to 'high', the whole of 'text'. Returns 0 or -EINVAL / -ERANGE. */
int text_number(const char *text, uint64_t low, uint64_t high, uint64_t *ret_value);

#endif
