/* Any bytes as replies of XenAPI: they must not crash the decoder, and whatever rows come of them
 * must be records. The first byte picks the call, and its bit 6 cuts the reply into small pieces;
 * each further reply begins behind a byte 0xff, which no XML document holds. */
#include <stdint.h>
#include <string.h>

#include "model/record.h"
#include "source/xenapi/moves.h"
#include "source/xenapi/rows.h"
#include "source/xenapi/take.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rows(struct strbuf *rows)
{
    char *at = rows->data, *line;
    struct record record;
    struct error error;

    if (!rows->size)
        return;
    if (rows->data[rows->size - 1] != '\n' || rows->overflow)
        __builtin_trap();
    while ((line = strsep(&at, "\n")))
        if (*line && record_read(line, &record, &error) < 0)
            __builtin_trap();
    strbuf_reset(rows);
}

static void feed(struct xen_take *take, const uint8_t *data, size_t size)
{
    static const struct xml_caps caps = { .bytes = 1 << 20, .opened = 100000 };
    static const struct rpc_rule *const rules[] = { &xen_next_rule, &xen_from_rule,
                                                    &xen_scalar_rule, &xen_nothing_rule };
    unsigned call = data[0] % 16;
    size_t piece = data[0] & 0x40 ? 3 : size;
    struct xml *xml;
    struct error error;
    int r = 0;

    xen_take_begin(take, call < N_XEN_CLASSES ? &xen_list_rule : rules[call % ARRAY_SIZE(rules)]);
    take->class = call < N_XEN_CLASSES ? (enum xen_class)call : XEN_POOL;
    xml = xml_new(rpc_rules, &take->rpc, &caps);
    for (size_t at = 1; xml && r == 0 && at < size; at += piece)
        r = xml_push(xml, (const char *)data + at, size - at < piece ? size - at : piece, &error);
    if (xml && r == 0 && xml_end(xml, &error) == 0)
        rpc_check(&take->rpc, &error);
    xml_free(xml);
}

static void tell(struct xen_pool *pool, struct xen_moves *moves, struct strbuf *rows, bool all)
{
    const struct xen_moment moment = { .now_ms = 1000000, .wall_ms = 1, .all = all };

    if (all)
        xen_rows_all(pool, rows);
    else
        xen_rows_changed(pool, rows);
    xen_moves_write(moves, pool, &moment, rows);
    check_rows(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct xen_pool pool;
    struct xen_moves moves = { 0 };
    struct xen_take take;
    struct strbuf rows;

    xen_pool_init(&pool);
    xen_take_init(&take, &pool);
    strbuf_init(&rows, 64u << 20);
    while (size) {
        const uint8_t *end = memchr(data, 0xff, size);
        size_t part = end ? (size_t)(end - data) : size;

        if (part)
            feed(&take, data, part);
        tell(&pool, &moves, &rows, false);
        data += end ? part + 1 : part;
        size -= end ? part + 1 : part;
    }
    xen_pool_begin(&pool);
    tell(&pool, &moves, &rows, true);
    for (enum xen_class class = 0; class < N_XEN_CLASSES; class ++)
        xen_pool_end(&pool, class);
    tell(&pool, &moves, &rows, false);
    strbuf_done(&rows);
    xen_take_done(&take);
    xen_moves_done(&moves);
    xen_pool_done(&pool);
    return 0;
}
