#include "switch/driver.h"

#include <errno.h>
#include <string.h>

static const struct driver_ops *const drivers[] = {
    &driver_dummy,
    &driver_linux_bridge,
    &driver_open_vswitch,
    &driver_sonic,
};

const struct driver_ops *driver_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
        if (strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    return NULL;
}

int port_list_add(struct port_list *list, const struct port *port)
{
    struct port **ports = realloc(list->ports, (list->count + 1) * sizeof(struct port *));

    if (!ports)
        return -ENOMEM;
    list->ports = ports;
    ports[list->count] = row_copy(TABLE_PORT, port);
    if (!ports[list->count])
        return -ENOMEM;
    list->count++;
    return 0;
}

void port_list_done(struct port_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->ports[i]);
    free(list->ports);
    *list = (struct port_list){ 0 };
}

struct port *port_list_find(const struct port_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->ports[i]->id, name) == 0)
            return list->ports[i];
    return NULL;
}

void port_changes_done(struct port_change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(changes[i].now);
}

int port_changes_fail(struct port_change *changes, size_t count, int r, const struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (changes[i].result < 0)
            continue;
        changes[i].result = r;
        changes[i].error = *error;
    }
    return r;
}
