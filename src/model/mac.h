/* mac.h: an Ethernet address by value (IEEE 802-2014 clause 8). */
#ifndef VSN_MODEL_MAC_H
#define VSN_MODEL_MAC_H

#include <stdbool.h>
#include <stdint.h>

#define MAC_TEXT 18 /* "52:54:00:aa:bb:cc" and its NUL */

struct mac {
    uint8_t byte[6]; /* all zero: not known */
};

/* Reads 52:54:00:aa:bb:cc, 52-54-00-AA-BB-CC or 5254.00aa.bbcc. Returns 0 or -EINVAL. */
int mac_parse(const char *text, struct mac *ret_mac);

/* Writes the colon form in lower case. Returns 'text'. */
char *mac_format(struct mac mac, char text[MAC_TEXT]);

bool mac_equal(struct mac a, struct mac b);

/* True for the address of one interface: neither zero nor a group address (I/G bit). */
bool mac_is_unicast(struct mac mac);

#endif
