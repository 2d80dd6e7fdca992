/* Any bytes as what a database says: its messages are found, and the replica takes them without a
 * crash. What is found by a name has it. */
#include <stdint.h>
#include <string.h>

#include "switch/json_rpc.h"
#include "switch/ovs_replica.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first message is the answer to the monitor, the others are notices. */
static void take(struct ovs_replica *replica, unsigned number, json_t *message)
{
    const char *method = json_string_value(json_object_get(message, "method"));
    json_t *params = json_object_get(message, "params");
    bool others;

    if (number == 0)
        ovs_replica_load(replica, json_object_get(message, "result"),
                         json_is_true(json_object_get(message, "is_difference")));
    else if (method && params)
        ovs_replica_take(replica, method, params, &others);
}

static void look(struct ovs_replica *replica)
{
    const struct ovs_row *bridge = ovs_replica_bridge(replica, "br0");

    for (size_t i = 0; bridge && i < bridge->n_members; i++) {
        const struct ovs_row *row = ovs_replica_member(replica, bridge, i);
        const struct ovs_row *found =
            row && row->name ? ovs_replica_port(replica, bridge, row->name) : NULL;

        if (found && (found->table != OVS_PORT || strcmp(found->name, row->name) != 0))
            __builtin_trap();
    }
    ovs_replica_applied(replica);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ovs_replica *replica = ovs_replica_new();
    struct json_frame frame = { 0 };
    ssize_t found = 1;

    for (unsigned number = 0; (found = json_frame_scan(&frame, (const char *)data, size)) > 0;
         number++) {
        json_t *message = json_loadb((const char *)data, (size_t)found, 0, NULL);

        if (!message)
            break;
        take(replica, number, message);
        look(replica);
        json_decref(message);
        data += found;
        size -= (size_t)found;
        frame = (struct json_frame){ 0 };
    }
    ovs_replica_free(replica);
    return 0;
}
