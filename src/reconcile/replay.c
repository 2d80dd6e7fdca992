#include "reconcile/replay.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

struct replay {
    struct core *core;
    int64_t now_ms, wall_ms;
    bool in_config; /* the lines of a configuration are being collected */
    struct strbuf config;
};

struct replay *replay_new(void)
{
    struct replay *replay = calloc(1, sizeof(*replay));

    if (!replay)
        return NULL;
    strbuf_init(&replay->config, CONFIG_FILE_MAX);
    replay->core = core_new();
    return replay->core ? replay : replay_free(replay);
}

struct replay *replay_free(struct replay *replay)
{
    if (!replay)
        return NULL;
    core_free(replay->core);
    strbuf_done(&replay->config);
    free(replay);
    return NULL;
}

const struct core *replay_core(const struct replay *replay)
{
    return replay->core;
}

int64_t replay_now_ms(const struct replay *replay)
{
    return replay->now_ms;
}

int64_t replay_wall_ms(const struct replay *replay)
{
    return replay->wall_ms;
}

static int step(struct replay *replay, const struct event *event, struct actions *actions,
                struct error *reterr)
{
    return core_step(replay->core, event, replay->now_ms, replay->wall_ms, actions, reterr);
}

int replay_end(struct replay *replay, struct actions *actions, struct error *reterr)
{
    struct event event = { .kind = EVENT_CONFIG, .source = "" };
    int r;

    if (!replay->in_config)
        return 0;
    replay->in_config = false;
    r = config_parse(strbuf_text(&replay->config), replay->config.size, "config", &event.config,
                     reterr);
    strbuf_reset(&replay->config);
    if (r < 0)
        return r;
    r = step(replay, &event, actions, reterr);
    if (r < 0)
        config_free(event.config);
    return r;
}

static int take_time(char **at, int64_t *ret_ms, struct error *reterr)
{
    const char *word = strsep(at, " ");
    uint64_t value;

    if (!word || text_number(word, 0, INT64_MAX, &value) < 0)
        return error_set(reterr, -EINVAL, "'%s' is no time in milliseconds", word ? word : "");
    *ret_ms = (int64_t)value;
    return 0;
}

static int take_record(struct replay *replay, const char *source, char *line,
                       struct actions *actions, struct error *reterr)
{
    struct record record;
    struct event event = { .kind = EVENT_RECORD, .source = source, .record = &record };
    int r;

    if (strncmp(line, "! ", 2) == 0) {
        event = (struct event){ .kind = EVENT_LOST, .source = source, .reason = line + 2 };
        return step(replay, &event, actions, reterr);
    }
    r = record_read(line, &record, reterr);
    return r < 0 ? r : step(replay, &event, actions, reterr);
}

static int take_event(struct replay *replay, char *rest, struct actions *actions,
                      struct error *reterr)
{
    const char *word = strsep(&rest, " ");
    struct event event = { .source = rest ? rest : "" };

    if (!word)
        return error_set(reterr, -EINVAL, "a line ends behind its times");
    if (strcmp(word, "config") == 0) {
        replay->in_config = true;
        return 0;
    }
    if (strcmp(word, "settle") == 0) {
        event.kind = EVENT_SETTLE;
        return step(replay, &event, actions, reterr);
    }
    if (strcmp(word, "accept") == 0) {
        event.kind = EVENT_ACCEPT;
        return step(replay, &event, actions, reterr);
    }
    if (!rest)
        return error_set(reterr, -EINVAL, "'%s' is followed by nothing", word);
    return take_record(replay, word, rest, actions, reterr);
}

int replay_line(struct replay *replay, char *line, struct actions *actions, struct error *reterr)
{
    int r;

    if (replay->in_config && line[0] == '|') {
        strbuf_adds(&replay->config, line[1] == ' ' ? line + 2 : line + 1);
        return strbuf_addc(&replay->config, '\n');
    }
    if (!line[0] || line[0] == '#')
        return 0;
    r = replay_end(replay, actions, reterr);
    if (r == 0)
        r = take_time(&line, &replay->now_ms, reterr);
    if (r == 0)
        r = take_time(&line, &replay->wall_ms, reterr);
    return r < 0 ? r : take_event(replay, line, actions, reterr);
}
