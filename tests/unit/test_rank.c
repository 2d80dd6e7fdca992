#include "cmocka_unit.h"

#include "intent/rank.h"
#include "scene.h"

#define PORT_GROUP(name, vlan)                                                                     \
    "new network owner=a id=" name " name=" name                                                   \
    " kind=standard vswitch=v0 mode=tagged vlans=" vlan "\n"
#define MACHINE(id, network, more)                                                                 \
    "new machine id=" id " name=" id " " more "\nnew vif owner=" id " id=4000 network=" network "\n"

/* One network of each rank, and one that a running and a stopped machine share. */
static const char world[] =
    "begin all\nnew host id=a name=a connection=connected\nnew host id=b name=b\n"
    "new nic owner=a id=vmnic0\nnew vswitch owner=a id=v0 name=v0 kind=standard\n"
    "new uplink owner=a id=vmnic0 vswitch=v0 name=vmnic0\n"
    "new vmknic owner=a id=vmk0 network=own\n" PORT_GROUP("own", "10") PORT_GROUP("coming", "20")
        PORT_GROUP("busy", "30") PORT_GROUP("off", "40") PORT_GROUP("nobody",
                                                                    "50") PORT_GROUP("both", "35")
            MACHINE("m1", "coming", "host=b power=on") MACHINE("m2", "busy", "host=a power=on")
                MACHINE("m3", "off", "host=a power=off") MACHINE("m4", "both", "host=a power=on")
                    MACHINE("m5", "both",
                            "host=a power=suspended") "new move owner=m1 id=1 kind=migrate from=b "
                                                      "to=a\nend all\n";

static void each_need_has_its_rank(void **state)
{
    struct scene *scene = *state;
    struct vlanset ranks[N_RANKS] = { 0 };

    tell(scene->vc1, world);
    rank_nic(scene->vc1, PROVISION_NETWORKS, "a", "vmnic0", ranks);
    assert_vlans(&ranks[RANK_OWN], "10");
    assert_vlans(&ranks[RANK_MOVE], "20");
    assert_vlans(&ranks[RANK_RUNNING], "30,35");
    assert_vlans(&ranks[RANK_STOPPED], "35,40");
    assert_int_equal(rank_of(ranks, 35), RANK_RUNNING);
    assert_int_equal(rank_of(ranks, 40), RANK_STOPPED);
    assert_int_equal(rank_of(ranks, 50), RANK_EMPTY);
}

static void empty_networks_are_no_need_of_machines(void **state)
{
    struct scene *scene = *state;
    struct vlanset ranks[N_RANKS] = { 0 };

    tell(scene->vc1, world);
    rank_nic(scene->vc1, PROVISION_MACHINES, "a", "vmnic0", ranks);
    assert_vlans(&ranks[RANK_EMPTY], "");
}

static void the_best_go_by_rank_and_then_by_id(void **state)
{
    static const struct {
        unsigned most;
        const char *best;
    } rows[] = { { 0, "" },         { 1, "30" },         { 2, "20,30" },
                 { 3, "20,30,40" }, { 4, "5,20,30,40" }, { 9, "5-6,20,30,40" } };
    struct vlanset ranks[N_RANKS] = { 0 }, vlans;

    (void)state;
    vlanset_parse("30", &ranks[RANK_OWN]);
    vlanset_parse("20,30,40", &ranks[RANK_RUNNING]);
    vlanset_parse("5,6,20,30,40", &vlans);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct vlanset best = rank_best(ranks, &vlans, rows[i].most);

        assert_vlans(&best, rows[i].best);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_need_has_its_rank, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(empty_networks_are_no_need_of_machines, scene_set_up,
                                        scene_tear_down),
        cmocka_unit_test(the_best_go_by_rank_and_then_by_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
