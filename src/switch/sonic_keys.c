#include "switch/sonic_keys.h"

#include <stdio.h>
#include <string.h>

#include "model/vlanset.h"

const char *sonic_key_rest(const char *key, const char *table)
{
    size_t size = strlen(table);

    return strncmp(key, table, size) == 0 ? key + size : NULL;
}

uint32_t sonic_vlan_of(const char *text, const char *end)
{
    const char *at = sonic_key_rest(text, "Vlan");
    uint32_t vlan = 0;

    if (!at || *at == '0')
        return 0;
    for (; at != end && *at; at++) {
        if (*at < '0' || *at > '9' || vlan > VLAN_MAX)
            return 0;
        vlan = vlan * 10 + (uint32_t)(*at - '0');
    }
    return vlan_is_valid(vlan) ? vlan : 0;
}

uint32_t sonic_member_of(const char *key, const char *table, const char **ret_port)
{
    const char *rest = sonic_key_rest(key, table), *bar = rest ? strchr(rest, '|') : NULL;
    uint32_t vlan = bar ? sonic_vlan_of(rest, bar) : 0;

    if (vlan)
        *ret_port = bar + 1;
    return vlan;
}

const char *sonic_member_key(char key[SONIC_KEY_MAX], const char *table, uint32_t vlan,
                             const char *port)
{
    snprintf(key, SONIC_KEY_MAX, "%sVlan%u|%s", table, vlan, port);
    return key;
}

const char *sonic_channel_key(const char *channel, unsigned *ret_database)
{
    int size = 0;

    if (sscanf(channel, "__keyspace@%3u__:%n", ret_database, &size) != 1 || size == 0)
        return NULL;
    return channel + size;
}
