/* scene.h: facts for the pure layers, written as the lines of a session. Include after
 * cmocka_unit.h. */
#ifndef VSN_TESTS_SCENE_H
#define VSN_TESTS_SCENE_H

#include <string.h>

#include "model/config.h"
#include "model/inventory.h"

/* Two hypervisors, the neighbour process and the Config Module; a configuration of ports swp1, swp2
 * and swp3, 'mode config', nothing else. */
struct scene {
    struct config *config;
    struct inventory *vc1, *vc2, *neighbors, *module;
};

/* Takes in lines (each with a newline), and settles. */
static inline void tell(struct inventory *inventory, const char *lines)
{
    char *copy = strdup(lines), *at = copy, *line;

    while (at && *at && (line = strsep(&at, "\n"))) {
        struct record record;
        struct error error = { "" };

        if (record_read(line, &record, &error) < 0)
            fail_msg("%s: %s", line, error.text);
        assert_true(inventory_apply(inventory, &record, &error) >= 0);
    }
    free(copy);
    inventory_settle(inventory, 0);
}

/* Adds words to the interfaces swp1 and swp2, and lines at the end, to the configuration of the
 * scene. */
static inline void configure(struct scene *scene, const char *swp1, const char *swp2,
                             const char *more)
{
    static const char base[] =
        "hostname tor-1\nswitch dummy ports\n"
        "hypervisor vc1\n type vmware\n access https://127.0.0.1/1 username u password-file /p\n"
        " mode config\n no disable\n!\n"
        "hypervisor vc2\n type vmware\n access https://127.0.0.1/2 username u password-file /p\n"
        " mode config\n no disable\n!\n"
        "interface swp3\n vsn enable\n!\n";
    struct strbuf text;
    struct error error = { "" };

    config_free(scene->config);
    scene->config = NULL;
    strbuf_init(&text, CONFIG_FILE_MAX);
    strbuf_addf(&text, "%sinterface swp1\n vsn enable\n%s!\ninterface swp2\n vsn enable\n%s!\n%s",
                base, swp1, swp2, more);
    if (config_parse(text.data, text.size, "scene", &scene->config, &error) < 0)
        fail_msg("%s", error.text);
    strbuf_done(&text);
}

static inline int scene_tear_down(void **state)
{
    struct scene *scene = *state;

    config_free(scene->config);
    inventory_free(scene->vc1);
    inventory_free(scene->vc2);
    inventory_free(scene->neighbors);
    inventory_free(scene->module);
    *scene = (struct scene){ 0 };
    return 0;
}

/* A new scene in place of the last one. */
static inline int scene_set_up(void **state)
{
    static struct scene scene;

    *state = &scene;
    scene_tear_down(state);
    scene =
        (struct scene){ NULL, inventory_new(), inventory_new(), inventory_new(), inventory_new() };
    configure(&scene, "", "", "");
    return 0;
}

/* A host with one NIC on vSwitch0, within a complete read. */
#define HOST(id, mac)                                                                              \
    "new host id=" id " name=" id " connection=connected\n"                                        \
    "new nic owner=" id " id=vmnic0 mac=00:50:56:00:00:" mac "\n"                                  \
    "new vswitch owner=" id " id=v kind=standard\n"                                                \
    "new uplink owner=" id " id=vmnic0 vswitch=v name=vmnic0\n"
#define NETWORK(host, vlan)                                                                        \
    "new network owner=" host " id=net-" vlan " name=net-" vlan                                    \
    " kind=standard vswitch=v mode=tagged vlans=" vlan "\n"
#define HEARD(port, mac)                                                                           \
    "new neighbor owner=" port " id=" mac " protocol=lldp port_mac=00:50:56:00:00:" mac "\n"

#define SCENE_ROW(test) cmocka_unit_test_setup_teardown(test, scene_set_up, scene_tear_down)

static inline void assert_vlans(const struct vlanset *vlans, const char *wanted)
{
    char text[256];

    assert_string_equal(vlanset_text(vlans, text, sizeof(text)), wanted);
}

#endif
