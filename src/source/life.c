#include "source/life.h"

#include <errno.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"

#define RETRY_FIRST_MS 1000
#define RETRY_MOST_MS 60000
#define HOLD_MS (15 * 60 * 1000)
#define HOLD_JITTER_MS (5 * 60 * 1000)
#define STEADY_MS 60000 /* a connection that lasted as long starts the backoff anew */
#define CLOSE_MS 4000

uint64_t life_random(void)
{
    uint64_t random = 0;

    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        random = (uint64_t)clock_wall_ms();
    return random;
}

void life_tell(struct life *life, enum session_state state)
{
    struct session row = {
        .state = state,
        .reason = life->reason.text,
        .product = life->product,
        .version = life->version,
        .api = life->api,
        .notice = life->notice,
    };
    struct strbuf line;

    /* vsnd logs what it hears, with the hypervisor's name. */
    if (state != life->state || *life->reason.text)
        log_debug("%s%s%s", record_word(TABLE_SESSION, "state", &row),
                  *life->reason.text ? ": " : "", life->reason.text);
    life->state = state;
    strbuf_init(&line, RECORD_LINE_MAX);
    if (record_write(&line, RECORD_NEW, TABLE_SESSION, &row, 0) == 0)
        life->callbacks.emit(line.data, line.size, life->data);
    strbuf_done(&line);
}

void life_connected(struct life *life)
{
    life->ever_read = true;
    life->connected_ms = clock_now_ms();
    *life->reason.text = '\0';
    life_tell(life, SESSION_CONNECTED);
}

/* ---- Closing --------------------------------------------------------------------------------- */

static enum session_state state_without_contact(const struct life *life)
{
    return life->after == LIFE_HOLD ? SESSION_HELD
           : life->ever_read        ? SESSION_STALE
                                    : SESSION_CONNECTING;
}

static void plan_retry(struct life *life)
{
    int64_t delay = life->after == LIFE_HOLD ? HOLD_MS + (int64_t)(life_random() % HOLD_JITTER_MS)
                                             : backoff_next(&life->backoff, life_random());

    life->state = state_without_contact(life);
    life->waiting = true;
    loop_timer_start(life->timer, delay);
}

void life_closed(struct life *life)
{
    life->closing = false;
    loop_timer_stop(life->timer);
    switch (life->after) {
    case LIFE_RETRY:
    case LIFE_HOLD:
        plan_retry(life);
        break;
    case LIFE_TARGET:
        loop_timer_start(life->target_timer, 0);
        break;
    case LIFE_STOP:
        life->callbacks.stopped(life->data);
        break;
    }
}

void life_close(struct life *life, enum life_after after)
{
    bool was_closing = life->closing;

    life->after = after;
    life->closing = true;
    life->waiting = false;
    if (life->connected_ms && clock_now_ms() - life->connected_ms > STEADY_MS)
        backoff_reset(&life->backoff);
    life->connected_ms = 0;
    if (was_closing)
        return; /* it goes on; only what comes after it is another */
    if (after == LIFE_RETRY || after == LIFE_HOLD)
        life_tell(life, state_without_contact(life));
    if (life->ops->disconnect(life->session))
        loop_timer_start(life->timer, CLOSE_MS);
    else
        life_closed(life);
}

/* The retry's time has come, or a close takes too long. */
static void on_timer(void *data)
{
    struct life *life = data;

    if (life->closing) {
        life->ops->abandon(life->session);
        life_closed(life);
        return;
    }
    life->waiting = false;
    life->ops->connect(life->session);
}

/* ---- Targets --------------------------------------------------------------------------------- */

/* Takes up the next target. Runs from the loop: nothing of the old one is under way. */
static void on_target(void *data)
{
    struct life *life = data;

    free(life->target);
    life->target = life->next_target;
    life->next_target = NULL;
    life->ever_read = false;
    *life->product = *life->version = *life->api = *life->notice = *life->reason.text = '\0';
    backoff_reset(&life->backoff);
    if (life->ops->open(&life->reason, life->session) < 0) {
        life_close(life, LIFE_HOLD);
        return;
    }
    life_tell(life, SESSION_CONNECTING);
    life->ops->connect(life->session);
}

void life_target(struct life *life, const struct target *target)
{
    if (life->closing && life->after == LIFE_STOP)
        return;
    if (life->target && !life->next_target && row_equal(TABLE_TARGET, target, life->target)) {
        if (life->waiting) {
            backoff_reset(&life->backoff);
            loop_timer_start(life->timer, 0);
        }
        return;
    }
    free(life->next_target);
    life->next_target = row_copy(TABLE_TARGET, target);
    if (life->next_target)
        life_close(life, LIFE_TARGET);
}

void life_stop(struct life *life)
{
    life_close(life, LIFE_STOP);
}

/* ---- Beginning and end ----------------------------------------------------------------------- */

int life_init(struct life *life, struct loop *loop, const struct life_callbacks *callbacks,
              void *data, const struct life_ops *ops, void *session)
{
    *life = (struct life){
        .loop = loop,
        .callbacks = *callbacks,
        .data = data,
        .ops = ops,
        .session = session,
        .backoff = { .first_ms = RETRY_FIRST_MS, .most_ms = RETRY_MOST_MS },
    };
    life->timer = loop_timer_new(loop, on_timer, life);
    life->target_timer = loop_timer_new(loop, on_target, life);
    return life->timer && life->target_timer ? 0 : -ENOMEM;
}

void life_done(struct life *life)
{
    loop_watch_free(life->timer);
    loop_watch_free(life->target_timer);
    free(life->target);
    free(life->next_target);
    *life = (struct life){ 0 };
}
