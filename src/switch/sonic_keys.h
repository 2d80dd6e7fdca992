/* sonic_keys.h: the names of rows in SONiC's databases, and what a keyspace notification says
 * (https://redis.io/docs/latest/develop/use/keyspace-notifications). Pure. */
#ifndef VSN_SWITCH_SONIC_KEYS_H
#define VSN_SWITCH_SONIC_KEYS_H

#include <stdbool.h>
#include <stdint.h>

/* Database numbers and separators as every SONiC has them (database_config.json). */
enum sonic_database { SONIC_APPL = 0, SONIC_CONFIG = 4, SONIC_STATE = 6 };

#define SONIC_NAME_MAX 64 /* bytes of a port's name with the NUL; a netdev's has 16 */
#define SONIC_KEY_MAX (SONIC_NAME_MAX + 40)

/* What follows 'table' and its separator in 'key'; NULL when the row is of another table. 'table'
 * has the separator: "PORT|". */
const char *sonic_key_rest(const char *key, const char *table);

/* "Vlan100", the whole of 'text' or up to 'end': 100, or 0 when it is none. The id is 1 to 4094 and
 * written without leading zeros, as its row is. */
uint32_t sonic_vlan_of(const char *text, const char *end);

/* A row of VLAN_MEMBER or VLAN_MEMBER_TABLE: the VLAN, and in '*ret_port' the port, which points
 * into 'key'. 0 when it is none. */
uint32_t sonic_member_of(const char *key, const char *table, const char **ret_port);

/* Writes "VLAN_MEMBER|Vlan100|Ethernet0" for table "VLAN_MEMBER|". Returns 'key'. */
const char *sonic_member_key(char key[SONIC_KEY_MAX], const char *table, uint32_t vlan,
                             const char *port);

/* "__keyspace@4__:VLAN|Vlan100": the key, and its database; NULL when it is no such channel. */
const char *sonic_channel_key(const char *channel, unsigned *ret_database);

#endif
