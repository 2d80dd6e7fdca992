#include "flow.h"

#include <stdlib.h>

#define BUCKETS 16384 /* a power of two, and twice the VLANs that one probe can send */
#define FLOWS_MAX (BUCKETS / 2)
#define SEQ_MAX (1u << 20)

#define GAPS_MAX 64

struct gap {
    uint32_t first, last;
    uint64_t began_ms, ms;
};

struct flow {
    uint32_t run, total, frames, duplicates, unique, next_seq;
    uint16_t sent, received;
    uint64_t first_ms, last_ms, longest_gap_ms;
    struct gap gaps[GAPS_MAX];
    uint32_t n_gaps; /* all of them, beyond GAPS_MAX too */
    uint8_t *seen;
    uint32_t seen_size;
};

struct flows {
    struct flow *buckets[BUCKETS];
    unsigned n;
    unsigned long uncounted;
};

struct flows *flows_new(void)
{
    struct flows *flows = calloc(1, sizeof(*flows));
    if (!flows)
        abort();
    return flows;
}

struct flows *flows_free(struct flows *flows)
{
    if (!flows)
        return NULL;
    for (unsigned i = 0; i < BUCKETS; i++) {
        if (flows->buckets[i])
            free(flows->buckets[i]->seen);
        free(flows->buckets[i]);
    }
    free(flows);
    return NULL;
}

/* Finds or makes the flow; NULL when there are too many. */
static struct flow *flow_of(struct flows *flows, const struct frame *frame, uint16_t vlan)
{
    unsigned i = (frame->run * 31 + frame->vlan * 4099u + vlan) % BUCKETS;
    for (; flows->buckets[i]; i = (i + 1) % BUCKETS) {
        struct flow *flow = flows->buckets[i];
        if (flow->run == frame->run && flow->sent == frame->vlan && flow->received == vlan)
            return flow;
    }
    if (flows->n == FLOWS_MAX)
        return NULL;
    struct flow *flow = calloc(1, sizeof(*flow));
    if (!flow)
        abort();
    *flow = (struct flow){
        .run = frame->run, .total = frame->total, .sent = frame->vlan, .received = vlan
    };
    flows->n++;
    flows->buckets[i] = flow;
    return flow;
}

static bool flow_has(const struct flow *flow, uint32_t seq)
{
    return seq / 8 < flow->seen_size && flow->seen[seq / 8] & 1u << seq % 8;
}

/* True when 'seq' is new to the flow. */
static bool flow_mark(struct flow *flow, uint32_t seq)
{
    uint32_t byte = seq / 8, bit = 1u << seq % 8;
    if (byte >= flow->seen_size) {
        uint32_t size = byte * 2 + 64;
        flow->seen = realloc(flow->seen, size);
        if (!flow->seen)
            abort();
        for (uint32_t i = flow->seen_size; i < size; i++)
            flow->seen[i] = 0;
        flow->seen_size = size;
    }
    if (flow_has(flow, seq))
        return false;
    flow->seen[byte] |= (uint8_t)bit;
    return true;
}

/* Notes when the frame came, and which numbers were left out before it. */
static void flow_time(struct flow *flow, uint32_t seq, uint64_t now_ms)
{
    if (flow->frames == 0)
        flow->first_ms = flow->last_ms = now_ms;
    if (now_ms - flow->last_ms > flow->longest_gap_ms)
        flow->longest_gap_ms = now_ms - flow->last_ms;
    if (flow->frames > 0 && seq > flow->next_seq && flow->n_gaps++ < GAPS_MAX)
        flow->gaps[flow->n_gaps - 1] =
            (struct gap){ flow->next_seq, seq - 1, flow->last_ms, now_ms - flow->last_ms };
    flow->last_ms = now_ms;
}

bool flows_add(struct flows *flows, const struct frame *frame, uint16_t vlan, uint64_t now_ms)
{
    struct flow *flow = frame->seq < SEQ_MAX ? flow_of(flows, frame, vlan) : NULL;
    if (!flow) {
        flows->uncounted++;
        return false;
    }
    flow_time(flow, frame->seq, now_ms);
    flow->frames++;
    if (flow_mark(flow, frame->seq))
        flow->unique++;
    else
        flow->duplicates++;
    if (frame->seq >= flow->next_seq)
        flow->next_seq = frame->seq + 1;
    return flow->frames == 1;
}

static void print_vlan(FILE *out, const char *name, uint16_t vlan)
{
    if (vlan == WIRE_UNTAGGED)
        fprintf(out, "\"%s\": null, ", name);
    else
        fprintf(out, "\"%s\": %u, ", name, vlan);
}

/* The numbers that arrived, as a list of ranges. */
static void print_numbers(FILE *out, const struct flow *flow)
{
    const char *comma = "";
    fprintf(out, "\"numbers\": [");
    for (uint32_t seq = 0; seq < flow->next_seq; seq++) {
        if (!flow_has(flow, seq))
            continue;
        uint32_t first = seq;
        while (flow_has(flow, seq + 1))
            seq++;
        fprintf(out, "%s[%u, %u]", comma, first, seq);
        comma = ", ";
    }
    fprintf(out, "], ");
}

static void print_gaps(FILE *out, const struct flow *flow, uint64_t epoch_ms)
{
    fprintf(out, "\"gaps\": [");
    for (uint32_t i = 0; i < flow->n_gaps && i < GAPS_MAX; i++)
        fprintf(out, "%s{\"first\": %u, \"last\": %u, \"began_ms\": %llu, \"ms\": %llu}",
                i ? ", " : "", flow->gaps[i].first, flow->gaps[i].last,
                (unsigned long long)(epoch_ms + flow->gaps[i].began_ms),
                (unsigned long long)flow->gaps[i].ms);
    fprintf(out, "], \"n_gaps\": %u, ", flow->n_gaps);
}

static void print_flow(FILE *out, const struct flow *flow, uint64_t epoch_ms)
{
    uint32_t expected = flow->total ? flow->total : flow->next_seq;
    fprintf(out, "{\"run\": %u, ", flow->run);
    print_vlan(out, "sent", flow->sent);
    print_vlan(out, "received", flow->received);
    print_numbers(out, flow);
    print_gaps(out, flow, epoch_ms);
    fprintf(out, "\"first_ms\": %llu, \"last_ms\": %llu, ",
            (unsigned long long)(epoch_ms + flow->first_ms),
            (unsigned long long)(epoch_ms + flow->last_ms));
    fprintf(out, "\"frames\": %u, \"lost\": %u, \"duplicates\": %u, \"longest_gap_ms\": %llu}",
            flow->frames, expected > flow->unique ? expected - flow->unique : 0, flow->duplicates,
            (unsigned long long)flow->longest_gap_ms);
}

void flows_print(const struct flows *flows, uint64_t epoch_ms, FILE *out)
{
    const char *comma = "";
    fprintf(out, "{\"flows\": [");
    for (unsigned i = 0; i < BUCKETS; i++) {
        if (!flows->buckets[i])
            continue;
        fputs(comma, out);
        print_flow(out, flows->buckets[i], epoch_ms);
        comma = ", ";
    }
    fprintf(out, "], \"uncounted\": %lu}\n", flows->uncounted);
    fflush(out);
}
