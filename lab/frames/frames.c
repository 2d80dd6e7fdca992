/*
 * frames: sends and counts numbered Ethernet frames on chosen VLANs.
 *
 *   frames send IF --vlan LIST [--count N] [--interval-ms M] [--mac SRC] [--run R]
 *   frames listen IF
 *   frames watch IF [--every N] [--run R]
 *
 * LIST is ids and ranges and "none" (untagged), as in none,100,200-210: a round sends one frame in
 * each of them, N rounds are sent (3; 0 is until SIGTERM), M ms apart. "listen" prints READY when
 * it hears, and on SIGTERM, SIGINT or the end of its input drains the line and prints what it
 * counted as one JSON object (see flow.h). "watch" also prints one line for each frame as it
 * arrives, or for the first of each flow and then every Nth frame: SENT RECEIVED NUMBER. All frames
 * of one sender are a run, with a random number unless it is given; "watch --run" tells of that
 * one.
 */
#include "flow.h"
#include "wire.h"

#include <errno.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

/* A userspace switch sees a burst through a socket buffer of a few hundred frames: stay below it.
 */
#define BURST 8
#define BURST_PAUSE_MS 1
/* The line counts as drained when it was quiet this long, or when other traffic keeps it busy. */
#define QUIET_MS 60
#define DRAIN_MS 500

struct plan {
    bool vlans[WIRE_VLANS];
    uint32_t count;
    int interval_ms;
    uint8_t mac[ETH_ALEN];
    bool has_mac;
    uint32_t run; /* 0: a random one */
};

static int usage(void)
{
    fputs("usage: frames send IF --vlan LIST [--count N] [--interval-ms M] [--mac SRC] [--run R]\n"
          "       frames listen IF | frames watch IF [--every N] [--run R]\n"
          "LIST: ids 0-4095, ranges and 'none', as in none,100,200-210\n",
          stderr);
    return 2;
}

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t now_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

/* Waits 'ms' for 'fd'. Returns poll's answer: 0 when the time ran out. */
static int wait_ms(int fd, int ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return poll(&p, 1, ms);
}

static int parse_vlans(const char *text, bool ret_vlans[WIRE_VLANS])
{
    while (*text) {
        unsigned first = WIRE_UNTAGGED, last = WIRE_UNTAGGED;
        int used = 0;
        if (strncmp(text, "none", 4) == 0)
            used = 4;
        else if (sscanf(text, "%u-%u%n", &first, &last, &used) < 2 || used == 0) {
            if (sscanf(text, "%u%n", &first, &used) < 1 || used == 0)
                return -EINVAL;
            last = first;
        }
        if (first > last || last > WIRE_UNTAGGED || (text[used] != ',' && text[used] != '\0'))
            return -EINVAL;
        for (unsigned i = first; i <= last; i++)
            ret_vlans[i] = true;
        text += used + (text[used] == ',');
    }
    return 0;
}

static int parse_mac(const char *text, uint8_t ret_mac[ETH_ALEN])
{
    int used = 0;
    int n = sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%n", &ret_mac[0], &ret_mac[1], &ret_mac[2],
                   &ret_mac[3], &ret_mac[4], &ret_mac[5], &used);
    return n == ETH_ALEN && text[used] == '\0' ? 0 : -EINVAL;
}

static int parse_plan(int argc, char **argv, struct plan *ret_plan)
{
    static const struct option options[] = {
        { "vlan", required_argument, NULL, 'v' },        { "count", required_argument, NULL, 'c' },
        { "interval-ms", required_argument, NULL, 'i' }, { "mac", required_argument, NULL, 'm' },
        { "run", required_argument, NULL, 'r' },         { 0 }
    };
    bool has_vlans = false;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        int r = 0;
        if (o == 'v') {
            r = parse_vlans(optarg, ret_plan->vlans);
            has_vlans = true;
        } else if (o == 'c')
            ret_plan->count = (uint32_t)strtoul(optarg, NULL, 10);
        else if (o == 'i')
            ret_plan->interval_ms = atoi(optarg);
        else if (o == 'r')
            ret_plan->run = (uint32_t)strtoul(optarg, NULL, 10);
        else if (o == 'm') {
            r = parse_mac(optarg, ret_plan->mac);
            ret_plan->has_mac = true;
        } else
            r = -EINVAL;
        if (r < 0)
            return r;
    }
    return has_vlans && optind == argc ? 0 : -EINVAL;
}

/* One frame in each VLAN of the plan. Returns how many were sent, or a negative errno. A frame that
 * the interface cannot take, because its cable is out, is a lost frame like any other. */
static int send_round(int fd, const struct plan *plan, uint32_t run, uint32_t seq)
{
    int sent = 0;
    for (uint16_t vlan = 0; vlan < WIRE_VLANS; vlan++) {
        if (!plan->vlans[vlan])
            continue;
        struct frame frame = { .run = run, .vlan = vlan, .seq = seq, .total = plan->count };
        int r = wire_send(fd, plan->mac, &frame);
        if (r < 0 && r != -ENOBUFS && r != -ENETDOWN)
            return r;
        if (++sent % BURST == 0)
            poll(NULL, 0, BURST_PAUSE_MS);
    }
    return sent;
}

static int send_all(int fd, const struct plan *plan, int stop)
{
    uint32_t run = plan->run;
    unsigned long sent = 0;
    if (run == 0 && getrandom(&run, sizeof(run), 0) < 0)
        return -errno;
    for (uint32_t seq = 0; plan->count == 0 || seq < plan->count; seq++) {
        int r = send_round(fd, plan, run, seq);
        if (r < 0)
            return r;
        sent += (unsigned)r;
        if (wait_ms(stop, plan->interval_ms) != 0)
            break;
    }
    printf("{\"run\": %u, \"sent\": %lu}\n", run, sent);
    return 0;
}

/* Which frames are told as they arrive. */
struct telling {
    unsigned long every; /* the first of each flow, and then each of that many; 0: none */
    uint32_t run;        /* of this one only; 0: of all */
    unsigned long counted;
};

static void receive_all(int fd, struct flows *flows, struct telling *telling)
{
    struct frame frame;
    uint16_t vlan;
    for (int r; (r = wire_receive(fd, &frame, &vlan)) >= 0;) {
        if (r == 0)
            continue;
        bool first = flows_add(flows, &frame, vlan, now_ms());
        if (telling->run != 0 && frame.run != telling->run)
            continue;
        if (telling->every > 0 && (++telling->counted % telling->every == 0 || first))
            printf("%d %d %u\n", frame.vlan == WIRE_UNTAGGED ? -1 : frame.vlan,
                   vlan == WIRE_UNTAGGED ? -1 : vlan, frame.seq);
    }
    fflush(stdout);
}

static int listen_until(int fd, int stop, struct telling *telling)
{
    struct flows *flows = flows_new();
    struct pollfd sources[] = { { .fd = fd, .events = POLLIN },
                                { .fd = stop, .events = POLLIN },
                                { .fd = STDIN_FILENO, .events = POLLIN } };
    char ignored[256];
    bool going = true;
    puts("READY");
    fflush(stdout);
    while (going) {
        if (poll(sources, 3, -1) < 0 && errno != EINTR)
            break;
        receive_all(fd, flows, telling);
        if (sources[1].revents)
            going = false;
        if (sources[2].revents && read(STDIN_FILENO, ignored, sizeof(ignored)) <= 0)
            going = false;
    }
    uint64_t end = now_ms() + DRAIN_MS;
    while (now_ms() < end && wait_ms(fd, QUIET_MS) > 0)
        receive_all(fd, flows, telling);
    flows_print(flows, clock_ms(CLOCK_REALTIME) - now_ms(), stdout);
    flows_free(flows);
    return 0;
}

static int stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static int parse_telling(int argc, char **argv, bool watches, struct telling *ret_telling)
{
    static const struct option options[] = { { "every", required_argument, NULL, 'e' },
                                             { "run", required_argument, NULL, 'r' },
                                             { 0 } };
    ret_telling->every = watches ? 1 : 0;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'e' && watches)
            ret_telling->every = strtoul(optarg, NULL, 10);
        else if (o == 'r' && watches)
            ret_telling->run = (uint32_t)strtoul(optarg, NULL, 10);
        else
            return -EINVAL;
    }
    return optind == argc && (ret_telling->every > 0) == watches ? 0 : -EINVAL;
}

/* Reads what follows the interface's name. */
static int parse(int argc, char **argv, struct plan *ret_plan, struct telling *ret_telling)
{
    bool watches = strcmp(argv[1], "watch") == 0;
    if (strcmp(argv[1], "send") == 0)
        return parse_plan(argc - 2, argv + 2, ret_plan);
    if (!watches && strcmp(argv[1], "listen") != 0)
        return -EINVAL;
    return parse_telling(argc - 2, argv + 2, watches, ret_telling);
}

static int run(int argc, char **argv)
{
    const char *name = argv[2];
    bool sends = strcmp(argv[1], "send") == 0;
    struct plan plan = { .count = 3 };
    struct telling telling = { 0 };
    int r = parse(argc, argv, &plan, &telling);
    if (r < 0)
        return r;
    int stop = stop_signals();
    /* All protocols: below a bridge or a switch, a socket bound to one protocol hears nothing. */
    int fd = wire_open(name, sends ? 0 : ETH_P_ALL);
    r = fd;
    if (r >= 0 && sends && !plan.has_mac)
        r = wire_mac(fd, name, plan.mac);
    if (r >= 0)
        r = sends ? send_all(fd, &plan, stop) : listen_until(fd, stop, &telling);
    if (r < 0)
        fprintf(stderr, "frames: %s: %s\n", name, strerror(-r));
    return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    int r = argc < 3 ? -EINVAL : run(argc, argv);
    return r == -EINVAL ? usage() : r;
}
