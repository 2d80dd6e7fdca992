/* Any bytes as what a vSphere server says of events and tasks: several replies, divided by NUL
 * bytes, of which the first byte of each picks the call. They must not crash the decoder nor what
 * puts moves together from them, and whatever rows come of it must be records. */
#include <stdint.h>
#include <string.h>

#include "model/record.h"
#include "source/vsphere/pending.h"
#include "source/vsphere/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct xml_caps caps = { .bytes = 1 << 20, .opened = 100000 };

struct world {
    struct pending *pending;
    struct known_set hosts, machines;
    struct moment moment;
    struct strbuf out;
};

static void place(struct known_set *set, const char *id, const char *where, bool running)
{
    struct known *known = known_need(set, id);

    if (!known)
        return;
    known_set_name(known, id);
    known_set_place(known, where);
    known->running = running;
}

/* Every row that was told must be one that can be read. */
static void check_rows(struct world *world)
{
    char *at = world->out.data, *line;
    struct record record;
    struct error error;

    while (at && *at && (line = strsep(&at, "\n")))
        if (*line && record_read(line, &record, &error) < 0)
            __builtin_trap();
    strbuf_reset(&world->out);
}

static void take_news(struct world *world, const struct news *news)
{
    for (size_t i = 0; i < news->n_events; i++)
        pending_event(world->pending, &news->events[i], &world->moment);
    for (size_t i = 0; i < news->n_tasks; i++)
        pending_task(world->pending, &news->tasks[i], &world->moment);
}

static void take_reply(struct world *world, const char *text, size_t size)
{
    static const struct xml_rule *const responses[] = { news_update_rules, news_objects_rules,
                                                        events_rules, text_rules };
    struct reply *reply = reply_new(responses[text[0] & 3], NULL);
    struct xml *xml = reply ? xml_new(envelope_rules, reply, &caps) : NULL;
    struct error error;

    if (xml && xml_push(xml, text + 1, size - 1, &error) == 0)
        xml_end(xml, &error);
    if (xml)
        take_news(world, &reply->news);
    xml_free(xml);
    reply_free(reply);
    if (text[0] & 0x08)
        world->moment.now_ms += 59000;
    if (text[0] & 0x10)
        place(&world->machines, "vm-37", "host-25", true);
    if (text[0] & 0x20) {
        pending_reconnect(world->pending);
        pending_restate(world->pending, &world->moment);
    }
    pending_look(world->pending, &world->moment);
    check_rows(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = { .pending = pending_new() };
    const char *text = (const char *)data, *end = text + size;

    strbuf_init(&world.out, 16 << 20);
    world.moment = (struct moment){ .now_ms = 1000000,
                                    .complete = true,
                                    .hosts = &world.hosts,
                                    .machines = &world.machines,
                                    .to = &world.out };
    place(&world.hosts, "host-17", "c1", false);
    place(&world.hosts, "host-25", "c1", false);
    place(&world.machines, "vm-37", "host-17", true);
    while (world.pending && text < end) {
        const char *next = memchr(text, '\0', (size_t)(end - text));

        if (!next)
            next = end;
        if (next > text)
            take_reply(&world, text, (size_t)(next - text));
        text = next + 1;
    }
    pending_free(world.pending);
    known_clear(&world.hosts);
    known_clear(&world.machines);
    strbuf_done(&world.out);
    return 0;
}
