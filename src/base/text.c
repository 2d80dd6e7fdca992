#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int text_copy(char *to, size_t size, const char *from)
{
    size_t length = strlen(from);
    bool cut = length >= size;

    if (cut) {
        length = size - 1;
        while (length > 0 && ((unsigned char)from[length] & 0xc0) == 0x80)
            length--;
    }
    memcpy(to, from, length);
    to[length] = '\0';
    return cut ? -EMSGSIZE : 0;
}

/* Length in bytes (1-4) of the UTF-8 sequence at 'text' (RFC 3629), 0 when it is none; the code
 * point goes to 'ret_code'. Overlong forms and surrogates are none. */
static size_t utf8_sequence(const unsigned char *text, uint32_t *ret_code)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t length = text[0] < 0x80             ? 1
                    : (text[0] & 0xe0) == 0xc0 ? 2
                    : (text[0] & 0xf0) == 0xe0 ? 3
                    : (text[0] & 0xf8) == 0xf0 ? 4
                                               : 0;
    uint32_t code;

    if (length <= 1) {
        *ret_code = text[0];
        return length;
    }
    code = text[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3fu);
    }
    if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *ret_code = code;
    return length;
}

static bool is_steering(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0x202a && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0x2028 || code == 0x2029;
}

size_t text_utf8(const char *text, uint32_t *ret_code, bool *ret_steering)
{
    size_t length = utf8_sequence((const unsigned char *)text, ret_code);

    *ret_steering = length == 0 || is_steering(*ret_code);
    return length;
}

void text_escape(struct strbuf *to, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at) {
        uint32_t code = 0;
        size_t length = utf8_sequence(at, &code);

        if (code == '\\' && length == 1) {
            strbuf_adds(to, "\\\\");
        } else if (length == 0 || is_steering(code)) {
            for (size_t i = 0; i < (length ? length : 1); i++)
                strbuf_addf(to, "\\x%02x", at[i]);
        } else {
            strbuf_add(to, at, length);
        }
        at += length ? length : 1;
    }
}

const char *text_safe(char *to, size_t size, const char *text)
{
    struct strbuf buf;

    strbuf_init(&buf, 4 * strlen(text) + 1);
    text_escape(&buf, text);
    text_copy(to, size, strbuf_text(&buf));
    strbuf_done(&buf);
    return to;
}

int text_number(const char *text, uint64_t low, uint64_t high, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (!*text)
        return -EINVAL;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -EINVAL;
        if (value > (UINT64_MAX - 9) / 10)
            return -ERANGE;
        value = value * 10 + (uint64_t)(*text - '0');
    }
    if (value < low || value > high)
        return -ERANGE;
    *ret_value = value;
    return 0;
}
