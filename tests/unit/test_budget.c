#include "cmocka_unit.h"

#include <string.h>

#include "base/attrs.h"
#include "reconcile/budget.h"

/* One port of a case; sets as lists, ranks as lists from the best on. */
struct port_case {
    const char *carried, *owned, *wanted, *ranks[N_RANKS];
    const char *left_out, *surplus; /* what has to come out */
};

static void parse(const char *text, struct vlanset *set)
{
    assert_int_equal(vlanset_parse(text ? text : "", set), 0);
}

static void assert_vlans(const struct vlanset *set, const char *wanted)
{
    char text[64];

    assert_string_equal(vlanset_text(set, text, sizeof(text)), wanted ? wanted : "");
}

struct limits {
    uint32_t vlans, port_vlans, memberships;
};

static void check(struct limits limits, const char *others, const struct port_case *cases,
                  size_t count)
{
    const struct config config = {
        .limit_vlans = limits.vlans,
        .limit_port_vlans = limits.port_vlans,
        .limit_memberships = limits.memberships,
    };
    struct budget_port ports[4];
    struct vlanset ranks[4][N_RANKS];
    struct budget_others other;

    memset(ports, 0, sizeof(ports));
    parse(others, &other.carried);
    other.memberships = vlanset_count(&other.carried);
    for (size_t i = 0; i < count; i++) {
        parse(cases[i].carried, &ports[i].carried);
        parse(cases[i].owned, &ports[i].owned);
        parse(cases[i].wanted, &ports[i].wanted);
        for (enum need_rank rank = 0; rank < N_RANKS; rank++)
            parse(cases[i].ranks[rank], &ranks[i][rank]);
        ports[i].ranks = ranks[i];
    }
    assert_int_equal(budget_compute(&config, &other, ports, count), 0);
    for (size_t i = 0; i < count; i++) {
        assert_vlans(&ports[i].left_out, cases[i].left_out);
        assert_vlans(&ports[i].surplus, cases[i].surplus);
        assert_int_equal(ports[i].reason != NULL, cases[i].left_out != NULL);
    }
}

#define CHECK(limits, others, ...)                                                                 \
    do {                                                                                           \
        const struct port_case cases[] = { __VA_ARGS__ };                                          \
                                                                                                   \
        check(limits, others, cases, ARRAY_SIZE(cases));                                           \
    } while (0)

static void everything_fits_without_limits(void **state)
{
    (void)state;
    CHECK(((struct limits){ 0 }), "", { .wanted = "1-4094" });
}

static void the_better_rank_has_the_room(void **state)
{
    (void)state;
    CHECK(((struct limits){ .vlans = 3 }), "1",
          { .wanted = "10,20,30",
            .ranks = { [RANK_OWN] = "30", [RANK_MOVE] = "20" },
            .left_out = "10" });
}

/* A VLAN that the switch has already takes no room as a VLAN, but does as a membership. */
static void limits_count_different_things(void **state)
{
    (void)state;
    CHECK(((struct limits){ .vlans = 2 }), "10,20", { .wanted = "10,20" });
    CHECK(((struct limits){ .memberships = 3 }), "10,20", { .wanted = "10,20", .left_out = "20" });
    CHECK(((struct limits){ .port_vlans = 2 }), "1-100",
          { .carried = "1", .wanted = "10,20", .left_out = "20" }, { .wanted = "10,20" });
}

static void what_is_wanted_in_the_best_rank_on_any_port_comes_first(void **state)
{
    (void)state;
    CHECK(((struct limits){ .vlans = 1 }), "",
          { .wanted = "10", .ranks = { [RANK_EMPTY] = "10" }, .left_out = "10" },
          { .wanted = "20", .ranks = { [RANK_RUNNING] = "20" } });
}

/* An empty network's VLAN goes for a running machine's, but there is no room before it is gone. */
static void what_matters_least_gives_way(void **state)
{
    (void)state;
    CHECK(((struct limits){ .vlans = 2 }), "",
          { .carried = "10,20",
            .owned = "10,20",
            .wanted = "30",
            .ranks = { [RANK_RUNNING] = "20,30", [RANK_EMPTY] = "10" },
            .left_out = "30",
            .surplus = "10" });
    CHECK(
        ((struct limits){ .vlans = 2 }), "",
        { .carried = "20", .owned = "20", .wanted = "30", .ranks = { [RANK_RUNNING] = "20,30" } });
}

static void what_runs_and_what_others_made_never_does(void **state)
{
    (void)state;
    CHECK(((struct limits){ .vlans = 2 }), "",
          { .carried = "10,20",
            .owned = "20",
            .wanted = "30",
            .ranks = { [RANK_OWN] = "30", [RANK_RUNNING] = "20", [RANK_EMPTY] = "10" },
            .left_out = "30" });
}

/* A limit that is lower than what is there already. */
static void too_much_is_taken_from_what_matters_least(void **state)
{
    (void)state;
    CHECK(((struct limits){ .port_vlans = 1 }), "",
          { .carried = "10,20,30",
            .owned = "10,20,30",
            .ranks = { [RANK_RUNNING] = "20", [RANK_STOPPED] = "30", [RANK_EMPTY] = "10" },
            .surplus = "10,30" });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_fits_without_limits),
        cmocka_unit_test(the_better_rank_has_the_room),
        cmocka_unit_test(limits_count_different_things),
        cmocka_unit_test(what_is_wanted_in_the_best_rank_on_any_port_comes_first),
        cmocka_unit_test(what_matters_least_gives_way),
        cmocka_unit_test(what_runs_and_what_others_made_never_does),
        cmocka_unit_test(too_much_is_taken_from_what_matters_least),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
