#include "flow.h"

#include <stdbool.h>
#include <stdlib.h>

#define BUCKETS 16384 /* a power of two, and twice the VLANs that one probe can send */
#define FLOWS_MAX (BUCKETS / 2)
#define SEQ_MAX (1u << 20)

struct flow {
    uint32_t run, total, frames, duplicates, unique, next_seq;
    uint16_t sent, received;
    uint64_t last_ms, longest_gap_ms;
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
    if (flow->seen[byte] & bit)
        return false;
    flow->seen[byte] |= (uint8_t)bit;
    return true;
}

void flows_add(struct flows *flows, const struct frame *frame, uint16_t vlan, uint64_t now_ms)
{
    struct flow *flow = frame->seq < SEQ_MAX ? flow_of(flows, frame, vlan) : NULL;
    if (!flow) {
        flows->uncounted++;
        return;
    }
    if (flow->frames && now_ms - flow->last_ms > flow->longest_gap_ms)
        flow->longest_gap_ms = now_ms - flow->last_ms;
    flow->last_ms = now_ms;
    flow->frames++;
    if (flow_mark(flow, frame->seq))
        flow->unique++;
    else
        flow->duplicates++;
    if (frame->seq >= flow->next_seq)
        flow->next_seq = frame->seq + 1;
}

static void print_vlan(FILE *out, const char *name, uint16_t vlan)
{
    if (vlan == WIRE_UNTAGGED)
        fprintf(out, "\"%s\": null, ", name);
    else
        fprintf(out, "\"%s\": %u, ", name, vlan);
}

static void print_flow(FILE *out, const struct flow *flow)
{
    uint32_t expected = flow->total ? flow->total : flow->next_seq;
    fprintf(out, "{\"run\": %u, ", flow->run);
    print_vlan(out, "sent", flow->sent);
    print_vlan(out, "received", flow->received);
    fprintf(out, "\"frames\": %u, \"lost\": %u, \"duplicates\": %u, \"longest_gap_ms\": %llu}",
            flow->frames, expected > flow->unique ? expected - flow->unique : 0, flow->duplicates,
            (unsigned long long)flow->longest_gap_ms);
}

void flows_print(const struct flows *flows, FILE *out)
{
    const char *comma = "";
    fprintf(out, "{\"flows\": [");
    for (unsigned i = 0; i < BUCKETS; i++) {
        if (!flows->buckets[i])
            continue;
        fputs(comma, out);
        print_flow(out, flows->buckets[i]);
        comma = ", ";
    }
    fprintf(out, "], \"uncounted\": %lu}\n", flows->uncounted);
    fflush(out);
}
