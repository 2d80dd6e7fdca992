#include "model/mac.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int nibble(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

int mac_parse(const char *text, struct mac *ret_mac)
{
    size_t length = strlen(text), digits = 0;
    char separator = length == 14 ? '.' : length == 17 ? text[2] : '\0';
    size_t group = separator == '.' ? 4 : 2;
    struct mac mac = { 0 };

    if (separator != '.' && separator != ':' && separator != '-')
        return -EINVAL;
    if (separator == '.' && length != 14)
        return -EINVAL;
    for (size_t i = 0; i < length; i++) {
        int value = nibble(text[i]);

        if (i % (group + 1) == group) {
            if (text[i] != separator)
                return -EINVAL;
            continue;
        }
        if (value < 0)
            return -EINVAL;
        mac.byte[digits / 2] = (uint8_t)(mac.byte[digits / 2] << 4 | value);
        digits++;
    }
    *ret_mac = mac;
    return 0;
}

char *mac_format(struct mac mac, char text[MAC_TEXT])
{
    const uint8_t *b = mac.byte;

    snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
    return text;
}

bool mac_equal(struct mac a, struct mac b)
{
    return memcmp(a.byte, b.byte, sizeof(a.byte)) == 0;
}

bool mac_is_unicast(struct mac mac)
{
    return !(mac.byte[0] & 1) && !mac_equal(mac, (struct mac){ 0 });
}
