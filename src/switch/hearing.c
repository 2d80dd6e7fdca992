#include "switch/hearing.h"

#include <stdlib.h>
#include <string.h>

struct told {
    char *port;
    struct stations list;
    bool is_unknown;
};

struct hearing {
    station_fn *fn;
    void *data;
    struct told *told;
    size_t n_told;
};

struct hearing *hearing_new(station_fn *fn, void *data)
{
    struct hearing *hearing = calloc(1, sizeof(*hearing));

    if (hearing)
        *hearing = (struct hearing){ .fn = fn, .data = data };
    return hearing;
}

static void told_done(struct told *told)
{
    free(told->port);
    stations_done(&told->list);
}

struct hearing *hearing_free(struct hearing *hearing)
{
    if (!hearing)
        return NULL;
    for (size_t i = 0; i < hearing->n_told; i++)
        told_done(&hearing->told[i]);
    free(hearing->told);
    free(hearing);
    return NULL;
}

static struct told *find(const struct hearing *hearing, const char *port)
{
    for (size_t i = 0; i < hearing->n_told; i++)
        if (strcmp(hearing->told[i].port, port) == 0)
            return &hearing->told[i];
    return NULL;
}

/* Nothing was told of the port yet. NULL when out of memory: it is tried at the next reading. */
static struct told *begin(struct hearing *hearing, const char *port)
{
    struct told *told = realloc(hearing->told, (hearing->n_told + 1) * sizeof(*told));
    char *name = strdup(port);

    if (told)
        hearing->told = told;
    if (!told || !name) {
        free(name);
        return NULL;
    }
    told[hearing->n_told] = (struct told){ .port = name };
    return &told[hearing->n_told++];
}

static void tell_whole(const struct hearing *hearing, const char *port, const struct stations *now)
{
    struct station key = { .owner = port };

    hearing->fn(RECORD_BEGIN, &key, hearing->data);
    stations_differ(port, &(struct stations){ 0 }, now, hearing->fn, hearing->data);
    hearing->fn(RECORD_END, &key, hearing->data);
}

static void take_unknown(const struct hearing *hearing, struct told *told, bool is_first)
{
    if (is_first || !told->is_unknown)
        hearing->fn(RECORD_UNKNOWN, &(struct station){ .owner = told->port }, hearing->data);
    told->is_unknown = true;
}

void hearing_take(struct hearing *hearing, const char *port, struct stations *now)
{
    struct told *told = find(hearing, port);
    bool is_first = !told;

    told = told ? told : begin(hearing, port);
    stations_sort(now);
    if (told && now->is_partial) {
        take_unknown(hearing, told, is_first);
    } else if (told) {
        if (is_first || told->is_unknown)
            tell_whole(hearing, port, now);
        else
            stations_differ(port, &told->list, now, hearing->fn, hearing->data);
        stations_done(&told->list);
        told->list = *now;
        told->is_unknown = false;
        *now = (struct stations){ 0 };
    }
    stations_done(now);
}

void hearing_drop(struct hearing *hearing, const char *port)
{
    struct told *told = find(hearing, port);

    if (!told)
        return;
    tell_whole(hearing, port, &(struct stations){ 0 });
    told_done(told);
    *told = hearing->told[--hearing->n_told];
}
