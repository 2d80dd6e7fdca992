/* core_bench: what the decision core costs in a large installation: 1,000 hosts with 20 networks
 * each, 10,000 machines, 48 of the hosts behind this switch's ports. Prints 'bench NAME VALUE
 * UNIT'.
 *
 *     core_bench [HOSTS [MACHINES]]
 */
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reconcile/replay.h"

enum { PORTS = 48, NETWORKS = 20, STATIONS = 64, ROUNDS = 50, MOVES = 500, POSSIBLE = 32 };

struct bench {
    struct replay *replay;
    unsigned hosts, machines;
    int64_t now_ms;
    uint64_t lines;
};

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void feed(struct bench *bench, const char *format, ...) PRINTF_LIKE(2, 3);

/* One line without its times. */
static void feed(struct bench *bench, const char *format, ...)
{
    struct actions actions;
    struct error error = { "" };
    char line[1024];
    va_list args;
    int used = snprintf(line, sizeof(line), "%lld 0 ", (long long)bench->now_ms);

    va_start(args, format);
    vsnprintf(line + (format[0] == '|' ? 0 : used), sizeof(line) - 64, format, args);
    va_end(args);
    actions_init(&actions);
    if (replay_line(bench->replay, line, &actions, &error) < 0) {
        fprintf(stderr, "core_bench: %s\n", error.text);
        exit(1);
    }
    actions_done(&actions);
    bench->lines++;
}

static void configure(struct bench *bench, const char *provision)
{
    static const char *const head[] = {
        "config",
        "| hostname tor-1",
        "| switch dummy ports",
        "| hypervisor vc1",
        "|  type vmware",
        "|  access https://127.0.0.1/sdk username u password-file /p",
        "|  mode config",
        "|  no disable",
    };

    feed(bench, "%s", head[0]);
    for (size_t i = 1; i < ARRAY_SIZE(head); i++)
        feed(bench, "|%s", head[i] + 1);
    feed(bench, "|  provision %s", provision);
    for (unsigned port = 0; port < PORTS; port++) {
        feed(bench, "| interface swp%u", port);
        feed(bench, "|  vsn enable");
    }
    feed(bench, "| end");
    feed(bench, "settle");
}

static void tell_switch(struct bench *bench)
{
    feed(bench, "switch new switch driver=dummy state=ready");
    feed(bench, "switch begin port");
    for (unsigned port = 0; port < PORTS; port++)
        feed(bench, "switch new port id=swp%u enabled=yes link=up native=1 learnt_known=yes", port);
    feed(bench, "switch end port");
    for (unsigned port = 0; port < PORTS; port++)
        feed(bench,
             "neighbor new neighbor owner=swp%u id=%u protocol=lldp system=host-%u "
             "port_mac=00:50:56:00:%02x:%02x",
             port, port, port, port >> 8, port & 255);
}

/* On each port the host itself, and its machines and others. */
static void tell_stations(struct bench *bench)
{
    for (unsigned port = 0; port < PORTS; port++)
        for (unsigned i = 0; i < STATIONS; i++) {
            unsigned machine = port + i * bench->hosts;

            feed(bench,
                 "switch new station owner=swp%u id=%u/1 mac=00:50:%02x:%02x:%02x:%02x vlan=1",
                 port, i, i ? 0x5bu : 0x5au, i ? machine >> 16 : 0u,
                 (i ? machine : port) >> 8 & 255, (i ? machine : port) & 255);
        }
    feed(bench, "settle");
}

static void tell_host(struct bench *bench, unsigned host)
{
    feed(bench, "hypervisor/vc1 new host id=host-%u name=esx%u.example.net connection=connected",
         host, host);
    for (unsigned nic = 0; nic < 2; nic++)
        feed(bench,
             "hypervisor/vc1 new nic owner=host-%u id=vmnic%u mac=00:50:56:%02x:%02x:%02x "
             "link=up",
             host, nic, nic, host >> 8, host & 255);
    feed(bench, "hypervisor/vc1 new vswitch owner=host-%u id=vSwitch0 name=vSwitch0 kind=standard",
         host);
    for (unsigned nic = 0; nic < 2; nic++)
        feed(bench,
             "hypervisor/vc1 new uplink owner=host-%u id=vmnic%u vswitch=vSwitch0 "
             "name=vmnic%u",
             host, nic, nic);
    for (unsigned n = 0; n < NETWORKS; n++)
        feed(bench,
             "hypervisor/vc1 new network owner=host-%u id=net-%u name=net-%u kind=standard "
             "vswitch=vSwitch0 mode=tagged vlans=%u active=vmnic0 standby=vmnic1 teaming_known=yes",
             host, n, n, 100 + n);
    feed(bench,
         "hypervisor/vc1 new vmknic owner=host-%u id=vmk0 network=net-0 "
         "mac=00:50:5a:00:%02x:%02x",
         host, host >> 8, host & 255);
    for (unsigned nic = 0; nic < 2; nic++)
        feed(bench,
             "hypervisor/vc1 new hint owner=host-%u id=vmnic%u/cdp nic=vmnic%u protocol=cdp "
             "system=tor-%u port=swp%u",
             host, nic, nic, 1 + host / PORTS + nic, host % PORTS);
}

static void tell_hypervisor(struct bench *bench)
{
    feed(bench, "hypervisor/vc1 put session state=syncing");
    feed(bench, "hypervisor/vc1 begin all");
    for (unsigned host = 0; host < bench->hosts; host++)
        tell_host(bench, host);
    for (unsigned machine = 0; machine < bench->machines; machine++) {
        feed(bench, "hypervisor/vc1 new machine id=vm-%u name=machine-%u host=host-%u power=on",
             machine, machine, machine % bench->hosts);
        feed(bench,
             "hypervisor/vc1 new vif owner=vm-%u id=4000 network=net-%u "
             "mac=00:50:5b:%02x:%02x:%02x",
             machine, machine % NETWORKS, machine >> 16, machine >> 8 & 255, machine & 255);
    }
    feed(bench, "hypervisor/vc1 end all");
    feed(bench, "hypervisor/vc1 put session state=connected");
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

/* The median of settling after a machine moved, or after nothing at all. */
static double measure_settle(struct bench *bench, bool moves)
{
    double cost[ROUNDS];

    for (unsigned i = 0; i < ROUNDS; i++) {
        double begun;

        bench->now_ms += 1000;
        if (moves)
            feed(bench, "hypervisor/vc1 put machine id=vm-%u host=host-%u", i, (i + 1) % PORTS);
        begun = now_s();
        feed(bench, "settle");
        cost[i] = now_s() - begun;
    }
    qsort(cost, ROUNDS, sizeof(*cost), compare);
    return cost[ROUNDS / 2] * 1000;
}

/* So many machines are on their way to hosts behind the ports; or to one of so many hosts. */
static void tell_moves(struct bench *bench, bool to_is_known)
{
    char possible[POSSIBLE * 16] = "";
    size_t used = 0;

    for (unsigned host = 0; host < POSSIBLE; host++)
        used += (size_t)snprintf(possible + used, sizeof(possible) - used, "%shost-%u",
                                 host ? "," : "", host);
    for (unsigned i = 0; i < MOVES; i++) {
        feed(bench, "hypervisor/vc1 gone move owner=vm-%u id=%u", i, i);
        if (to_is_known)
            feed(bench, "hypervisor/vc1 new move owner=vm-%u id=%u kind=migrate to=host-%u", i, i,
                 i % PORTS);
        else
            feed(bench, "hypervisor/vc1 new move owner=vm-%u id=%u kind=start possible=%s", i, i,
                 possible);
    }
    feed(bench, "settle");
}

static void print(const char *name, double value, const char *unit)
{
    printf("bench %s %.3f %s\n", name, value, unit);
}

int main(int argc, char **argv)
{
    struct bench bench = {
        .replay = replay_new(),
        .hosts = argc > 1 ? (unsigned)atoi(argv[1]) : 1000,
        .machines = argc > 2 ? (unsigned)atoi(argv[2]) : 10000,
        .now_ms = 1000,
    };
    size_t before = mallinfo2().uordblks;
    double begun, first;

    configure(&bench, "networks");
    tell_switch(&bench);
    bench.lines = 0;
    begun = now_s();
    tell_hypervisor(&bench);
    first = now_s() - begun;
    print("core_read_in", first * 1000, "ms");
    print("core_records_per_second", (double)bench.lines / first, "1/s");
    print("core_memory", (double)(mallinfo2().uordblks - before) / 1048576, "MiB");
    begun = now_s();
    feed(&bench, "settle");
    print("core_first_settle", (now_s() - begun) * 1000, "ms");
    print("core_settle_networks", measure_settle(&bench, true), "ms");
    print("core_settle_idle", measure_settle(&bench, false), "ms");
    tell_stations(&bench);
    print("core_settle_stations", measure_settle(&bench, false), "ms");
    configure(&bench, "machines");
    print("core_settle_machines", measure_settle(&bench, true), "ms");
    tell_moves(&bench, /* to_is_known = */ true);
    print("core_settle_500_moves", measure_settle(&bench, true), "ms");
    tell_moves(&bench, /* to_is_known = */ false);
    print("core_settle_500_moves_unplaced", measure_settle(&bench, true), "ms");
    begun = now_s();
    tell_hypervisor(&bench);
    feed(&bench, "settle");
    print("core_read_again", (now_s() - begun) * 1000, "ms");
    replay_free(bench.replay);
    return 0;
}
