#include "cmocka_unit.h"

#include <stdio.h>

#include "intent/demand.h"
#include "scene.h"

static void add(const struct need *need, void *data)
{
    struct vlanset *vlans = data;

    *vlans = vlanset_union(vlans, &need->vlans);
}

/* "100,200" or "100,200 and WHAT could not be read". */
static void assert_demand(const struct inventory *inventory, enum config_provision provision,
                          const char *nic, const char *wanted)
{
    struct vlanset vlans = vlanset_empty;
    struct error error = { "" };
    bool known = demand_of_nic(inventory, provision, "a", nic, add, &vlans, &error);
    char text[512], list[256];

    vlanset_text(&vlans, list, sizeof(list));
    snprintf(text, sizeof(text), "%s%s%s", list, known ? "" : " and ", known ? "" : error.text);
    assert_string_equal(text, wanted);
}

/* Host a: vmnic0 on vSwitch v, vmnic1 and vmnic2 on the distributed switch, vmnic3 idle. */
#define BASE                                                                                       \
    HOST("a", "01")                                                                                \
    NETWORK("a", "100")                                                                            \
    "new nic owner=a id=vmnic1\nnew nic owner=a id=vmnic2\nnew nic owner=a id=vmnic3\n"            \
    "new vswitch owner=a id=u1 name=dvs kind=distributed\n"                                        \
    "new uplink owner=a id=vmnic1 vswitch=u1 name=up1\n"                                           \
    "new uplink owner=a id=vmnic2 vswitch=u1 name=up2 lag=lag1\n"                                  \
    "new dvswitch id=dvs-1 name=dvs uuid=u1\n"                                                     \
    "new network id=up kind=distributed role=uplinks vswitch=dvs-1 mode=trunk vlans=1-4094\n"
#define SHARED(fields) "new network id=s name=s kind=distributed vswitch=dvs-1 " fields "\n"

static void each_kind_of_network(void **state)
{
    static const struct {
        const char *told, *nic, *demand;
    } rows[] = {
        { "", "vmnic0", "100" },
        { "", "vmnic1", "" },
        { "", "vmnic3", "" },
        { NETWORK("a", "200"), "vmnic0", "100,200" },
        { "new network owner=b id=n vswitch=v mode=tagged vlans=300\n", "vmnic0", "100" },
        { "new network owner=a id=n vswitch=w mode=tagged vlans=300\n", "vmnic0", "100" },
        { "new network owner=a id=n vswitch=v mode=native\n", "vmnic0", "100" },
        { "new network owner=a id=n name=n vswitch=v mode=unknown vlans=7\n", "vmnic0",
          "100 and the VLAN of network n could not be read" },
        { "new network owner=a id=n name=n mode=tagged vlans=7\n", "vmnic0",
          "100 and the virtual switch of network n could not be read" },
        { SHARED("mode=tagged vlans=300"), "vmnic1", "300" },
        { SHARED("mode=tagged vlans=300"), "vmnic0", "100" },
        { SHARED("mode=trunk vlans=10-12,20"), "vmnic1", "10-12,20" },
        { SHARED("mode=trunk vlans=10-12 role=uplinks"), "vmnic1", "" },
        { SHARED("mode=tagged vlans=5 role=defaults"), "vmnic1", "" },
        /* Private: both ids, when the pairs are known. */
        { SHARED("mode=private vlans=501") "new pvlan owner=dvs-1 id=p primary=500 secondary=501\n",
          "vmnic1", "500-501" },
        { SHARED("mode=private vlans=501"), "vmnic1",
          "501 and the VLAN of network s could not be read" },
        { SHARED("mode=private vlans=501") "new pvlan owner=dvs-1 id=p primary=500 secondary=501\n"
                                           "unknown pvlan owner=dvs-1\n",
          "vmnic1", "500-501 and the VLAN of network s could not be read" },
        /* Inherited: as the defaults of its switch. */
        { SHARED("mode=inherited") "new network id=d role=defaults vswitch=dvs-1 mode=tagged "
                                   "vlans=7\n",
          "vmnic1", "7" },
        { SHARED("mode=inherited") "new network id=d role=defaults vswitch=dvs-2 mode=tagged "
                                   "vlans=7\n",
          "vmnic1", " and the VLAN of network s could not be read" },
        /* Teaming: by uplink name, or by the LAG; an order not read means every uplink. */
        { SHARED("mode=tagged vlans=9 active=up1 teaming_known=yes"), "vmnic1", "9" },
        { SHARED("mode=tagged vlans=9 active=up1 teaming_known=yes"), "vmnic2", "" },
        { SHARED("mode=tagged vlans=9 active=up1 standby=lag1 teaming_known=yes"), "vmnic2", "9" },
        { SHARED("mode=tagged vlans=9 active=up1"), "vmnic2", "9" },
        { SHARED("mode=tagged vlans=9 teaming_known=yes"), "vmnic2", "9" },
        { SHARED("mode=tagged vlans=9 active=up1 teaming_known=yes") "put uplink owner=a id=vmnic1 "
                                                                     "name=\n",
          "vmnic1", "9" },
        /* What hides networks. */
        { "gone dvswitch id=dvs-1\n", "vmnic1", " and distributed switch dvs could not be read" },
        { "put vswitch owner=a id=v kind=opaque\n", "vmnic0",
          "100 and the virtual switch of NIC vmnic0 could not be read" },
        { "gone vswitch owner=a id=v\n", "vmnic0",
          " and the virtual switch of NIC vmnic0 could not be read" },
        { "unknown network owner=a\n", "vmnic0", "100 and the networks of a could not be read" },
        { "unknown network\n", "vmnic0", "100" },
        { "unknown network\n", "vmnic1",
          " and the networks of the distributed switches could not be read" },
        { "unknown uplink owner=a\n", "vmnic0",
          "100 and the virtual switches of a could not be read" },
        { "unknown uplink owner=a\n", "vmnic3",
          " and the virtual switches of a could not be read" },
        { "unknown nic owner=a\n", "vmnic0",
          "100 and the virtual switches of a could not be read" },
        { "gone host id=a\n", "vmnic0", " and host a could not be read" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct scene *scene;

        scene_set_up(state);
        scene = *state;
        tell(scene->vc1, "begin all\n" HOST("b", "02") BASE "end all\n");
        tell(scene->vc1, rows[i].told);
        assert_demand(scene->vc1, PROVISION_NETWORKS, rows[i].nic, rows[i].demand);
    }
}

/* Lists that come empty at the first reading, when nothing is known that could be missed. */
static void hollow_lists(void **state)
{
    static const struct {
        const char *told, *nic, *demand;
    } rows[] = {
        { HOST("a", "01"), "vmnic0", " and the networks of a could not be read" },
        { "new host id=a name=a\nnew nic owner=a id=vmnic0\nnew vswitch owner=a id=v "
          "kind=standard\n"
          "new network owner=a id=n vswitch=v mode=tagged vlans=9\n",
          "vmnic0", " and the virtual switches of a could not be read" },
        { "new host id=a name=a\nnew nic owner=a id=vmnic1\n"
          "new vswitch owner=a id=u1 name=dvs kind=distributed\n"
          "new uplink owner=a id=vmnic1 vswitch=u1 name=up1\nnew dvswitch id=dvs-1 uuid=u1\n",
          "vmnic1", " and the networks of the distributed switches could not be read" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct scene *scene;

        scene_set_up(state);
        scene = *state;
        tell(scene->vc1, "begin all\n");
        tell(scene->vc1, rows[i].told);
        tell(scene->vc1, "end all\n");
        assert_demand(scene->vc1, PROVISION_NETWORKS, rows[i].nic, rows[i].demand);
        assert_demand(scene->vc1, PROVISION_MACHINES, rows[i].nic, rows[i].demand);
    }
}

#define MACHINE(id, fields) "new machine id=" id " name=" id " host=a " fields "\n"
#define VIF(machine, fields) "new vif owner=" machine " id=4000 " fields "\n"

static void machines_and_own_interfaces(void **state)
{
    static const struct {
        const char *told, *demand;
    } rows[] = {
        { "", "" },
        { "new vmknic owner=a id=vmk0 network=net-100\n", "100" },
        { "new vmknic owner=a id=vmk0 network=net-9\n",
          " and the network of interface vmk0 could not be read" },
        { MACHINE("m", "power=on") VIF("m", "network=net-100"), "100" },
        /* Off, suspended or out of sight: it is there and may be started. */
        { MACHINE("m", "power=off") VIF("m", "network=net-100"), "100" },
        { MACHINE("m", "connection=not-responding") VIF("m", "network=net-100"), "100" },
        { MACHINE("m", "template=yes") VIF("m", "network=net-100"), "" },
        { MACHINE("m", "") VIF("m", "network=net-100") "put machine id=m host=b\n", "" },
        { MACHINE("m", "") VIF("m", "network=net-100") "put machine id=m host=\n",
          " and the host of machine m could not be read" },
        { MACHINE("m", "power=off") VIF("m", "network=net-100") "put machine id=m host=\n", "" },
        { MACHINE("m", "power=suspended") VIF("m", "network=net-100") "put machine id=m host=\n",
          "" },
        { MACHINE("m", "power=on") VIF("m", "network=net-100") "put machine id=m host=\n",
          " and the host of machine m could not be read" },
        { MACHINE("m", "") VIF("m", "network=net-9"),
          " and the network of machine m could not be read" },
        { MACHINE("m", "") VIF("m", ""), "" },
        { MACHINE("m", "") VIF("m", "network=s shared=yes") SHARED("mode=tagged vlans=9"), "" },
        { MACHINE("m", "") "unknown vif owner=m\n",
          " and the interfaces of machine m could not be read" },
        { "unknown machine\n", " and the machines of a could not be read" },
        { "unknown vmknic owner=a\n", " and the interfaces of a could not be read" },
        { "unknown network owner=a\n", " and the networks of a could not be read" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct scene *scene;

        scene_set_up(state);
        scene = *state;
        tell(scene->vc1, "begin all\n" BASE "end all\n");
        tell(scene->vc1, rows[i].told);
        assert_demand(scene->vc1, PROVISION_MACHINES, "vmnic0", rows[i].demand);
    }
}

/* Machine m is on host b; what its way to somewhere makes of host a. */
#define ON_B                                                                                       \
    "new machine id=m name=m host=b power=on\n" VIF("m", "network=net-100") "begin move\nend "     \
                                                                            "move\n"
#define MOVE(fields) ON_B "new move owner=m id=7 kind=migrate from=b " fields "\n"

static void machines_on_their_way(void **state)
{
    static const struct {
        const char *told, *machines, *networks;
    } rows[] = {
        { ON_B, "", "100" },
        { MOVE("to=a"), "100", "100" },
        { MOVE("to=b"), "", "100" },
        { MOVE("to=c possible=a"), "", "100" },
        { MOVE("to=a outcome=done"), "100", "100" },
        { MOVE("to=a outcome=failed"), "", "100" },
        { MOVE("to=a outcome=cancelled"), "", "100" },
        { MOVE("to=a") "gone move owner=m id=7\n", "", "100" },
        /* Where to is not known: nowhere, until it was waited for; then wherever it may go. */
        { MOVE(""), "", "100" },
        { MOVE("possible=b,a"), "", "100" },
        { MOVE("widened=yes"), "100", "100" },
        { MOVE("possible=b widened=yes"), "", "100" },
        { MOVE("possible=b,a widened=yes"), "100", "100" },
        { MOVE("possible=b,a widened=yes outcome=failed"), "", "100" },
        { MOVE("to=c possible=b,a widened=yes"), "", "100" },
        /* From store to store: the host stays. */
        { ON_B "new move owner=m id=7 kind=storage from=b to=b\n", "", "100" },
        { ON_B "new move owner=m id=7 kind=storage\n", "", "100" },
        { ON_B "new move owner=m id=7 kind=storage from=a to=a\n", "", "100" },
        { ON_B "new move owner=m id=7 kind=storage from=b to=a\n", "100", "100" },
        /* A copy of a machine, or of a template. */
        { ON_B "put machine id=m template=yes\nnew move owner=m id=7 kind=deploy to=a name=n\n",
          "100", "100" },
        /* What cannot be said proves nothing, and opens nothing. */
        { "new move owner=m id=7 to=a\n", " and the interfaces of machine m could not be read",
          "100 and the interfaces of machine m could not be read" },
        { "new machine id=m name=mail host=b\nnew move owner=m id=7 to=a\n",
          " and the interfaces of machine mail could not be read",
          "100 and the interfaces of machine mail could not be read" },
        { MOVE("to=a") "unknown vif owner=m\n",
          "100 and the interfaces of machine m could not be read",
          "100 and the interfaces of machine m could not be read" },
        { MOVE("to=a") "put vif owner=m id=4000 network=net-9\n",
          " and the network of machine m could not be read",
          "100 and the network of machine m could not be read" },
        { MOVE("") "put vif owner=m id=4000 network=net-9\n", "", "100" },
        { MOVE("to=a") "put vif owner=m id=4000 network=\n", "", "100" },
        { MOVE("to=a") "put vif owner=m id=4000 network=s shared=yes\n" SHARED(
              "mode=tagged vlans=9"),
          "", "100" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct scene *scene;

        scene_set_up(state);
        scene = *state;
        tell(scene->vc1, "begin all\n" HOST("b", "02") BASE "end all\n");
        tell(scene->vc1, rows[i].told);
        assert_demand(scene->vc1, PROVISION_MACHINES, "vmnic0", rows[i].machines);
        assert_demand(scene->vc1, PROVISION_NETWORKS, "vmnic0", rows[i].networks);
    }
}

static void name_move(const struct need *need, void *data)
{
    struct strbuf *text = data;

    strbuf_addf(text, "%s/%s/%s ", need->network->id, need->machine ? need->machine->id : "",
                need->move ? need->move->id : "");
}

/* So that 'why' can name the move where the network alone is reason enough. */
static void a_need_names_its_move(void **state)
{
    static const struct {
        enum config_provision provision;
        const char *needs;
    } rows[] = {
        { PROVISION_NETWORKS, "net-100// net-100/m/7 " },
        { PROVISION_MACHINES, "net-100/m/7 " },
    };
    struct scene *scene = *state;

    tell(scene->vc1, "begin all\n" HOST("b", "02") BASE "end all\n" MOVE("to=a"));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct strbuf text;

        strbuf_init(&text, 1024);
        assert_true(
            demand_of_nic(scene->vc1, rows[i].provision, "a", "vmnic0", name_move, &text, NULL));
        assert_string_equal(strbuf_text(&text), rows[i].needs);
        strbuf_done(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_ROW(each_kind_of_network),        SCENE_ROW(hollow_lists),
        SCENE_ROW(machines_and_own_interfaces), SCENE_ROW(machines_on_their_way),
        SCENE_ROW(a_need_names_its_move),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
