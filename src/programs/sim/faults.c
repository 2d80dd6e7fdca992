#include "programs/sim/faults.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "programs/sim/teller.h"

#define READING_MAX (1024 * 1024)
#define HINTS_MS 60000
#define LONG_MS 3000000 /* the longest that a fault lasts which a guard is there for */

void faults_init(struct faults *faults, const struct world *world)
{
    memset(faults, 0, sizeof(*faults));
    faults->brief_ms = (int64_t)world->hold_down_s * 700;
    for (unsigned h = 0; h < SIM_HYPERVISORS; h++)
        strbuf_init(&faults->sessions[h].reading, READING_MAX);
}

void faults_done(struct faults *faults)
{
    for (unsigned h = 0; h < SIM_HYPERVISORS; h++)
        strbuf_done(&faults->sessions[h].reading);
}

/* What may be told of moves in a full read: those that are under way and were heard of. */
static void begin_moves(const struct sim_session *session, struct world *world, unsigned h,
                        int64_t now_ms)
{
    for (unsigned i = 0; i < SIM_MOVES; i++) {
        struct sim_move *move = &world->moves[i];

        if (!move->exists || move->hypervisor != h)
            continue;
        move->is_told = session->lie != LIE_EMPTY && !move->has_ended && move->tell_ms <= now_ms;
        move->is_to_told = move->to_ms <= now_ms;
        move->is_end_told = false;
        move->told_ms = 0;
    }
}

static struct teller teller_of(const struct world *world, unsigned h, struct sim_session *session,
                               struct strbuf *to)
{
    return (struct teller){
        .world = world,
        .hypervisor = &world->hypervisors[h],
        .index = h,
        .session = session,
        .to = to,
    };
}

static const char *source_of(const struct world *world, unsigned h, char text[32])
{
    snprintf(text, 32, "hypervisor/%s", world->hypervisors[h].name);
    return text;
}

static void go_down(struct sim_session *session, int64_t back_ms)
{
    session->phase = PHASE_DOWN;
    session->next_ms = back_ms;
    strbuf_reset(&session->reading);
}

void faults_restart(struct faults *faults, int64_t now_ms)
{
    for (unsigned h = 0; h < SIM_HYPERVISORS; h++) {
        go_down(&faults->sessions[h], now_ms + 500);
        faults->sessions[h].synced = false;
    }
    for (unsigned port = 0; port < SIM_PORTS; port++)
        faults->heard[port].told[0][0] = faults->heard[port].told[1][0] = '\0';
}

void faults_note(struct faults *faults, unsigned h, enum sim_change change, unsigned index)
{
    struct sim_session *session = &faults->sessions[h];

    session->host_dirty[index % SIM_HOSTS] |= change == SIM_HOST;
    session->machine_dirty[index % SIM_MACHINES] |= change == SIM_MACHINE;
    session->shared_dirty |= change == SIM_SHARED;
}

/* ---- Reading in full ------------------------------------------------------------------------- */

/* Nobody lies twice before telling the truth once: short lies would add up to a long one. */
static void choose_lie(struct faults *faults, struct sim_session *session, struct world *world,
                       int64_t now_ms)
{
    struct dice *dice = &world->dice;
    bool is_brief;

    session->lie = LIE_NONE;
    if (faults->calm || session->lied || !dice_percent(dice, 40))
        return;
    session->lie = (enum lie)dice_range(dice, LIE_EMPTY, N_LIES - 1);
    is_brief = session->lie == LIE_SHORT;
    session->lie_ends_ms =
        now_ms + dice_range(dice, 1000, is_brief ? faults->brief_ms - 20000 : LONG_MS);
    session->lie_host = (unsigned)dice_range(dice, 0, SIM_HOSTS - 1);
    session->lie_list = (unsigned)dice_range(dice, 0, 34);
    if (session->lie == LIE_HOLLOW)
        session->lie_list %= 4; /* a host without an interface of its own is not seen through */
    session->lie_seed = dice_next(dice);
    faults->struck[session->lie]++;
}

static bool begin_reading(struct faults *faults, unsigned h, struct world *world, struct feed *feed)
{
    struct sim_session *session = &faults->sessions[h];
    struct teller teller = teller_of(world, h, session, &session->reading);
    char source[32];

    choose_lie(faults, session, world, feed->now_ms);
    begin_moves(session, world, h, feed->now_ms);
    strbuf_reset(&session->reading);
    session->read_to = 0;
    strbuf_adds(&session->reading, "put session state=syncing reason=\nbegin all\n");
    tell_everything(&teller);
    strbuf_adds(&session->reading, "end all\nput session state=connected product=sim api=sim\n");
    memset(session->host_dirty, 0, sizeof(session->host_dirty));
    memset(session->machine_dirty, 0, sizeof(session->machine_dirty));
    session->shared_dirty = false;
    session->phase = PHASE_READING;
    session->next_ms = feed->now_ms;
    session->readings++;
    return feed_line(feed, source_of(world, h, source), "put session state=connecting");
}

/* Hands in up to 'count' lines of a text from '*at' on, one now and then twice. */
static bool hand_in(struct faults *faults, struct world *world, unsigned h, struct feed *feed,
                    const struct strbuf *text, size_t *at, size_t count)
{
    char source[32], line[RECORD_LINE_MAX];

    source_of(world, h, source);
    for (; count && *at < text->size; count--) {
        size_t length = strcspn(text->data + *at, "\n");

        snprintf(line, sizeof(line), "%.*s", (int)length, text->data + *at);
        *at += length + 1;
        if (!feed_line(feed, source, line))
            return false;
        if (!faults->calm && strncmp(line, "new ", 4) == 0 && dice_once_in(&world->dice, 50) &&
            !feed_line(feed, source, line))
            return false;
    }
    return true;
}

static bool read_on(struct faults *faults, unsigned h, struct world *world, struct feed *feed)
{
    struct sim_session *session = &faults->sessions[h];
    size_t lines = faults->calm || dice_percent(&world->dice, 60)
                       ? READING_MAX
                       : (size_t)dice_range(&world->dice, 1, 40);

    if (!hand_in(faults, world, h, feed, &session->reading, &session->read_to, lines))
        return false;
    if (session->read_to < session->reading.size)
        return true;
    session->phase = PHASE_UP;
    session->hints_ms = feed->now_ms;
    session->next_ms = 0;
    session->synced = true;
    session->lied = session->lie != LIE_NONE;
    return true;
}

/* ---- Following ------------------------------------------------------------------------------- */

static bool is_dirty(const struct sim_session *session)
{
    bool dirty = session->shared_dirty;

    for (unsigned i = 0; i < SIM_HOSTS; i++)
        dirty |= session->host_dirty[i];
    for (unsigned i = 0; i < SIM_MACHINES; i++)
        dirty |= session->machine_dirty[i];
    return dirty;
}

static void tell_changes(struct teller *teller, struct sim_session *session)
{
    if (session->shared_dirty)
        tell_shared(teller);
    for (unsigned i = 0; i < SIM_HOSTS; i++)
        if (session->host_dirty[i])
            tell_host(teller, i);
    for (unsigned i = 0; i < SIM_MACHINES; i++)
        if (session->machine_dirty[i])
            tell_machine(teller, i);
    memset(session->host_dirty, 0, sizeof(session->host_dirty));
    memset(session->machine_dirty, 0, sizeof(session->machine_dirty));
    session->shared_dirty = false;
}

/* Tells what changed, after a lag. */
static bool follow(struct faults *faults, unsigned h, struct world *world, struct feed *feed)
{
    struct sim_session *session = &faults->sessions[h];
    struct dice *dice = &world->dice;
    struct strbuf text;
    struct teller teller = teller_of(world, h, session, &text);
    size_t at = 0;
    bool taken;

    if (!is_dirty(session))
        return true;
    if (session->next_ms == 0) {
        session->next_ms = feed->now_ms + dice_range(dice, 0, 2000);
        if (!faults->calm && dice_percent(dice, 5))
            session->next_ms += dice_range(dice, 0, faults->brief_ms);
    }
    if (feed->now_ms < session->next_ms)
        return true;
    session->next_ms = 0;
    strbuf_init(&text, READING_MAX);
    tell_changes(&teller, session);
    taken = hand_in(faults, world, h, feed, &text, &at, READING_MAX);
    strbuf_done(&text);
    return taken;
}

bool faults_tell(struct faults *faults, struct world *world, unsigned h, struct feed *feed,
                 faults_tell_fn *fn, const void *data)
{
    struct strbuf text;
    struct teller teller = teller_of(world, h, &faults->sessions[h], &text);
    size_t at = 0;
    bool taken;

    strbuf_init(&text, READING_MAX);
    fn(&teller, data);
    taken = hand_in(faults, world, h, feed, &text, &at, READING_MAX);
    strbuf_done(&text);
    return taken;
}

static bool round_of_hints(struct faults *faults, unsigned h, struct world *world,
                           struct feed *feed)
{
    struct sim_session *session = &faults->sessions[h];
    struct strbuf text;
    struct teller teller = teller_of(world, h, session, &text);
    size_t at = 0;
    bool taken;

    if (feed->now_ms < session->hints_ms)
        return true;
    session->hints_ms = feed->now_ms + HINTS_MS;
    strbuf_init(&text, READING_MAX);
    for (unsigned host = 0; host < SIM_HOSTS; host++)
        if (world->hypervisors[h].hosts[host].exists)
            tell_hints(&teller, host, faults->calm || dice_percent(&world->dice, 95));
    taken = hand_in(faults, world, h, feed, &text, &at, READING_MAX);
    strbuf_done(&text);
    return taken;
}

/* Contact is lost, or the process dies. */
static bool strike(struct faults *faults, unsigned h, struct world *world, struct feed *feed)
{
    struct sim_session *session = &faults->sessions[h];
    int64_t longest = dice_percent(&world->dice, 20) ? 900000 : 60000;
    char source[32];

    go_down(session, feed->now_ms + dice_range(&world->dice, 1000, longest));
    faults->struck[dice_percent(&world->dice, 50) ? 8 : 9]++;
    return feed_line(feed, source_of(world, h, source),
                     dice_percent(&world->dice, 50) ? "! was killed by signal 11"
                                                    : "put session state=stale reason=reset");
}

static bool run_session(struct faults *faults, unsigned h, struct world *world, struct feed *feed)
{
    struct sim_session *session = &faults->sessions[h];

    if (session->phase != PHASE_DOWN && !faults->calm && dice_once_in(&world->dice, 150))
        return strike(faults, h, world, feed);
    switch (session->phase) {
    case PHASE_DOWN:
        return feed->now_ms < session->next_ms || begin_reading(faults, h, world, feed);
    case PHASE_READING:
        return read_on(faults, h, world, feed);
    case PHASE_UP:
        break;
    }
    if (session->lie != LIE_NONE && feed->now_ms >= session->lie_ends_ms)
        return begin_reading(faults, h, world, feed);
    return follow(faults, h, world, feed) && round_of_hints(faults, h, world, feed);
}

/* ---- Neighbours ------------------------------------------------------------------------------ */

static bool tell_neighbor(struct feed *feed, unsigned port, char *told, const char *now)
{
    char line[256];

    if (strcmp(told, now) == 0)
        return true;
    if (told[0]) {
        snprintf(line, sizeof(line), "gone neighbor owner=swp%u id=lldp/%s", port, told);
        if (!feed_line(feed, "neighbor", line))
            return false;
    }
    text_copy(told, 32, now);
    if (!now[0])
        return true;
    snprintf(line, sizeof(line),
             "new neighbor owner=swp%u id=lldp/%s protocol=lldp system=host port=%s port_mac=%s",
             port, now, now, now);
    return feed_line(feed, "neighbor", line);
}

/* A pretender's address is that of some NIC, which may well be heard at its own port too. */
static void pretend(struct faults *faults, struct sim_heard *heard, struct world *world,
                    int64_t now_ms)
{
    if (heard->pretends_ms && now_ms >= heard->pretends_ms) {
        heard->pretends[0] = '\0';
        heard->pretends_ms = 0;
    }
    if (faults->calm || heard->pretends[0] || !dice_once_in(&world->dice, 4000))
        return;
    sim_mac(world, (unsigned)dice_range(&world->dice, 0, world->n_hypervisors - 1),
            (unsigned)dice_range(&world->dice, 0, SIM_HOSTS - 1),
            (unsigned)dice_range(&world->dice, 0, SIM_NICS - 1), heard->pretends);
    heard->pretends_ms = now_ms + dice_range(&world->dice, 1000, faults->brief_ms / 2);
    faults->struck[10]++;
}

static bool run_neighbor(struct faults *faults, unsigned port, struct world *world,
                         struct feed *feed)
{
    struct sim_heard *heard = &faults->heard[port];
    char now[32] = "";
    unsigned h, host, nic;

    if (!faults->calm && dice_once_in(&world->dice, 300))
        heard->silent_ms = feed->now_ms + dice_range(&world->dice, 1000, 120000);
    if (feed->now_ms >= heard->silent_ms && world_behind(world, port, &h, &host, &nic) &&
        world_nic(world, h, host, nic)->speaks)
        sim_mac(world, h, host, nic, now);
    /* A station that left is heard no more, but what it said is valid for two minutes. */
    if (!now[0] && heard->told[0][0] && heard->withdraw_ms == 0)
        heard->withdraw_ms = feed->now_ms + dice_range(&world->dice, 0, 120000);
    if (!now[0] && feed->now_ms < heard->withdraw_ms)
        text_copy(now, sizeof(now), heard->told[0]);
    else
        heard->withdraw_ms = 0;
    pretend(faults, heard, world, feed->now_ms);
    if (strcmp(heard->pretends, now) == 0)
        heard->pretends[0] = '\0';
    /* The pretender first: when it is told to be gone, its address may be heard from its owner. */
    return tell_neighbor(feed, port, heard->told[1], heard->pretends) &&
           tell_neighbor(feed, port, heard->told[0], now);
}

/* ---- All together ---------------------------------------------------------------------------- */

bool faults_run(struct faults *faults, struct world *world, struct feed *feed)
{
    for (unsigned h = 0; h < world->n_hypervisors; h++)
        if (!run_session(faults, h, world, feed))
            return false;
    for (unsigned port = 0; port < SIM_PORTS; port++)
        if (!run_neighbor(faults, port, world, feed))
            return false;
    return true;
}

void faults_calm(struct faults *faults, int64_t now_ms)
{
    faults->calm = true;
    for (unsigned h = 0; h < SIM_HYPERVISORS; h++) {
        struct sim_session *session = &faults->sessions[h];

        session->lie_ends_ms = now_ms;
        if (session->phase == PHASE_DOWN)
            session->next_ms = now_ms;
        else
            session->lie = LIE_SHORT; /* ends at once: one more reading, a true one */
    }
    for (unsigned port = 0; port < SIM_PORTS; port++)
        faults->heard[port].silent_ms = faults->heard[port].pretends_ms = now_ms;
}

bool faults_told_all(const struct faults *faults, const struct world *world)
{
    for (unsigned h = 0; h < world->n_hypervisors; h++)
        if (faults->sessions[h].phase != PHASE_UP || is_dirty(&faults->sessions[h]) ||
            faults->sessions[h].lie != LIE_NONE)
            return false;
    return true;
}
