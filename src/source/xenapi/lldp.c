#include "source/xenapi/lldp.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "model/record.h"
#include "source/xenapi/object.h"

struct heard {
    char chassis[RPC_KEY_SIZE], port[RPC_KEY_SIZE], system[RPC_KEY_SIZE];
    char description[RPC_KEY_SIZE];
};

static const struct {
    const char *key;
    size_t offset;
} fields[] = {
    { "chassisid", offsetof(struct heard, chassis) },
    { "portid", offsetof(struct heard, port) },
    { "systemname", offsetof(struct heard, system) },
    { "sysname", offsetof(struct heard, system) },
    { "portdescription", offsetof(struct heard, description) },
    { "portdesc", offsetof(struct heard, description) },
};

static void plain(char *to, const char *from)
{
    for (; *from; from++)
        if (isalnum((unsigned char)*from))
            *to++ = (char)tolower((unsigned char)*from);
    *to = '\0';
}

void xen_lldp_write(const char *host, const char *nic, const char *map, struct strbuf *to)
{
    char key[RPC_KEY_SIZE], value[RPC_KEY_SIZE], name[RPC_KEY_SIZE], id[RPC_KEY_SIZE + 8];
    struct heard heard = { 0 };

    while (xen_map_next(&map, key, value)) {
        plain(name, key);
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
            if (strcmp(fields[i].key, name) == 0)
                text_copy((char *)&heard + fields[i].offset, RPC_KEY_SIZE, value);
    }
    if (!*heard.chassis && !*heard.port)
        return;
    snprintf(id, sizeof(id), "%.*s/lldp", RPC_KEY_SIZE, nic);
    record_write(to, RECORD_NEW, TABLE_HINT,
                 &(struct hint){ .owner = host,
                                 .id = id,
                                 .nic = nic,
                                 .protocol = DISCOVERY_LLDP,
                                 .system = heard.system,
                                 .chassis = heard.chassis,
                                 .port = heard.port,
                                 .description = heard.description },
                 0);
}
