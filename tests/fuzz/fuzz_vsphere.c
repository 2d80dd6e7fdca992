/* Any bytes as a reply of the vSphere API: it must not crash the decoder, and whatever rows come of
 * it must be records. The first byte picks the call; its bit 6 cuts the
 * rest into small pieces. */
#include <stdint.h>
#include <string.h>

#include "source/vsphere/reply.h"
#include "source/vsphere/teller.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_emit(const char *lines, size_t size, void *data)
{
    char *copy = strndup(lines, size), *at = copy, *line;
    struct record record;
    struct error error;

    (void)data;
    if (!copy)
        return;
    if (size == 0 || lines[size - 1] != '\n')
        __builtin_trap();
    while ((line = strsep(&at, "\n")))
        if (*line && record_read(line, &record, &error) < 0)
            __builtin_trap();
    free(copy);
}

static void on_oddity(const char *what, void *data)
{
    (void)what, (void)data;
}

static void feed(struct xml *xml, const char *text, size_t size, size_t piece)
{
    struct error error;
    int r = 0;

    for (size_t at = 0; r == 0 && at < size; at += piece)
        r = xml_push(xml, text + at, size - at < piece ? size - at : piece, &error);
    if (r == 0)
        xml_end(xml, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct xml_caps caps = { .bytes = 1 << 20, .opened = 100000 };
    static const struct xml_rule *const responses[] = {
        update_rules, objects_rules, page_rules, hint_rules,
        login_rules,  content_rules, ref_rules,  nothing_rules,
    };
    struct teller *teller = teller_new(on_emit, on_oddity, NULL);
    struct reply *reply;
    struct xml *xml;

    if (size == 0 || !teller) {
        teller_free(teller);
        return 0;
    }
    teller_asked(teller, API_6_5, 0);
    teller_begin(teller);
    reply = reply_new(responses[data[0] % ARRAY_SIZE(responses)], teller);
    xml = reply ? xml_new(envelope_rules, reply, &caps) : NULL;
    if (xml) {
        reply->hint_host = "host-1";
        feed(xml, (const char *)data + 1, size - 1, data[0] & 0x40 ? 3 : size);
        on_emit(reply->rows.size ? reply->rows.data : "\n", reply->rows.size ? reply->rows.size : 1,
                NULL);
    }
    teller_complete(teller);
    xml_free(xml);
    reply_free(reply);
    teller_free(teller);
    return 0;
}
