#include "programs/sim/feed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/text.h"

#define TO_MODULE_MAX (16 * 1024 * 1024)

int feed_start(struct feed *feed, FILE *recording, int64_t now_ms)
{
    feed_done(feed);
    feed->replay = replay_new();
    if (!feed->replay)
        return -ENOMEM;
    strbuf_init(&feed->to_module, TO_MODULE_MAX);
    feed->now_ms = now_ms;
    feed->wake_ms = INT64_MAX;
    feed->settle = feed->settle_now = false;
    feed->recording = recording;
    if (recording) {
        rewind(recording);
        if (ftruncate(fileno(recording), 0) < 0)
            return -errno;
    }
    return 0;
}

void feed_done(struct feed *feed)
{
    feed->replay = replay_free(feed->replay);
    strbuf_done(&feed->to_module);
}

static void keep(struct feed *feed, const char *line)
{
    if (feed->recording)
        fprintf(feed->recording, "%s\n", line);
    text_copy(feed->kept[feed->lines++ % FEED_KEPT], FEED_LINE, line);
}

/* Takes out what follows from a line. */
static void harvest(struct feed *feed, struct actions *actions)
{
    feed->settle |= actions->settle;
    feed->settle_now |= actions->settle_now;
    if (actions->wake_ms < feed->wake_ms)
        feed->wake_ms = actions->wake_ms;
    strbuf_add(&feed->to_module, strbuf_text(&actions->to_module), actions->to_module.size);
}

static bool hand_in(struct feed *feed, char *line)
{
    struct actions actions;
    struct error error = { "" };
    int r;

    keep(feed, line);
    actions_init(&actions);
    r = replay_line(feed->replay, line, &actions, &error);
    harvest(feed, &actions);
    actions_done(&actions);
    if (r < 0)
        printf("the core refused a line: %s\n", error.text);
    return r == 0;
}

bool feed_line(struct feed *feed, const char *source, const char *text)
{
    char line[RECORD_LINE_MAX];

    snprintf(line, sizeof(line), "%" PRId64 " %" PRId64 " %s %s", feed->now_ms, feed->now_ms,
             source, text);
    return hand_in(feed, line);
}

bool feed_config(struct feed *feed, const char *text)
{
    char line[CONFIG_LINE_MAX];

    snprintf(line, sizeof(line), "%" PRId64 " %" PRId64 " config", feed->now_ms, feed->now_ms);
    if (!hand_in(feed, line))
        return false;
    while (*text) {
        size_t length = strcspn(text, "\n");

        snprintf(line, sizeof(line), "| %.*s", (int)length, text);
        if (!hand_in(feed, line))
            return false;
        text += length + (text[length] == '\n');
    }
    return feed_settle(feed);
}

bool feed_settle(struct feed *feed)
{
    char line[64];

    feed->settle = feed->settle_now = false;
    feed->wake_ms = INT64_MAX;
    feed->settles++;
    snprintf(line, sizeof(line), "%" PRId64 " %" PRId64 " settle", feed->now_ms, feed->now_ms);
    return hand_in(feed, line);
}

bool feed_settle_now(struct feed *feed)
{
    return !feed->settle_now || feed_settle(feed);
}

bool feed_until(struct feed *feed, int64_t now_ms)
{
    while (feed->wake_ms <= now_ms) {
        if (feed->wake_ms > feed->now_ms)
            feed->now_ms = feed->wake_ms;
        if (!feed_settle(feed))
            return false;
    }
    feed->now_ms = now_ms;
    return true;
}

void feed_report(const struct feed *feed, FILE *to)
{
    uint64_t first = feed->lines > FEED_KEPT ? feed->lines - FEED_KEPT : 0;

    for (uint64_t i = first; i < feed->lines; i++)
        fprintf(to, "%s\n", feed->kept[i % FEED_KEPT]);
}
