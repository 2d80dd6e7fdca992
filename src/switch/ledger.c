#include "switch/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"

#define HEADER "vsn-ledger 1\n"
#define LINE_MAX_SIZE (4 * 16384)
#define LOCK_WAIT_MS 6000
#define SLACK_LINES 1000 /* lines appended before the file is written anew */

struct entry {
    char *port;
    struct vlanset owned, removing;
};

struct ledger {
    char *path;
    int fd, lock_fd;
    off_t size;     /* bytes of the file that are sound */
    bool behind;    /* memory knows more than the file: write it anew before anything else */
    unsigned lines; /* since it was written anew */
    struct entry *entries;
    size_t n_entries;
};

/* CRC-32 of IEEE 802.3 clause 3.2.9, bit by bit: lines are short and few. */
static uint32_t crc32_of(const char *data, size_t size)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < size; i++) {
        crc ^= (unsigned char)data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
    }
    return ~crc;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static struct entry *entry_find(const struct ledger *ledger, const char *port)
{
    for (size_t i = 0; i < ledger->n_entries; i++)
        if (strcmp(ledger->entries[i].port, port) == 0)
            return &ledger->entries[i];
    return NULL;
}

static struct entry *entry_get(struct ledger *ledger, const char *port)
{
    struct entry *entry = entry_find(ledger, port), *entries;
    char *name;

    if (entry || ledger->n_entries >= LEDGER_PORTS_MAX || !*port || strchr(port, '\n'))
        return entry;
    entries = realloc(ledger->entries, (ledger->n_entries + 1) * sizeof(*entries));
    if (!entries)
        return NULL;
    ledger->entries = entries;
    name = strdup(port);
    if (!name)
        return NULL;
    entries[ledger->n_entries] = (struct entry){ .port = name };
    return &entries[ledger->n_entries++];
}

struct vlanset ledger_owned(const struct ledger *ledger, const char *port)
{
    const struct entry *entry = entry_find(ledger, port);

    return entry ? entry->owned : vlanset_empty;
}

struct vlanset ledger_removing(const struct ledger *ledger, const char *port)
{
    const struct entry *entry = entry_find(ledger, port);

    return entry ? entry->removing : vlanset_empty;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static void add_set(struct strbuf *to, const struct vlanset *set)
{
    if (vlanset_is_empty(set))
        strbuf_addc(to, '-');
    else
        vlanset_format(set, to);
}

static void add_line(struct strbuf *to, const struct entry *entry)
{
    struct strbuf body;

    strbuf_init(&body, LINE_MAX_SIZE);
    add_set(&body, &entry->owned);
    strbuf_addc(&body, ' ');
    add_set(&body, &entry->removing);
    strbuf_addc(&body, ' ');
    strbuf_adds(&body, entry->port);
    strbuf_addf(to, "%08x ", crc32_of(body.data, body.size));
    strbuf_add(to, body.data, body.size);
    strbuf_addc(to, '\n');
    to->overflow |= body.overflow;
    strbuf_done(&body);
}

static int parse_set(const char *word, struct vlanset *ret_set)
{
    *ret_set = vlanset_empty;
    return strcmp(word, "-") == 0 ? 0 : vlanset_parse(word, ret_set);
}

/* Takes one line over into memory. -EINVAL for a line that does not hold what was once written. */
static int take_line(struct ledger *ledger, char *line)
{
    char *sum = strsep(&line, " "), *end, *owned, *removing;
    struct entry read, *entry;

    if (!line || strlen(sum) != 8 || strtoul(sum, &end, 16) != crc32_of(line, strlen(line)) || *end)
        return -EINVAL;
    owned = strsep(&line, " ");
    removing = strsep(&line, " ");
    if (!line || parse_set(owned, &read.owned) < 0 || parse_set(removing, &read.removing) < 0)
        return -EINVAL;
    entry = entry_get(ledger, line);
    if (!entry)
        return -EINVAL;
    entry->owned = read.owned;
    entry->removing = read.removing;
    return 0;
}

/* Returns the number of bad lines. */
static unsigned take_lines(struct ledger *ledger, char *text)
{
    unsigned bad = 0;
    char *end;

    for (bool first = true; (end = strchr(text, '\n')); text = end + 1, first = false) {
        *end = '\0';
        if (first && strcmp(text, "vsn-ledger 1") == 0)
            continue;
        if (first || take_line(ledger, text) < 0)
            bad++;
        ledger->lines++;
    }
    return bad;
}

/* ---- The file -------------------------------------------------------------------------------- */

static void add_content(const struct ledger *ledger, struct strbuf *content)
{
    strbuf_adds(content, HEADER);
    for (size_t i = 0; i < ledger->n_entries; i++)
        if (!vlanset_is_empty(&ledger->entries[i].owned))
            add_line(content, &ledger->entries[i]);
}

/* Writes the file anew; the old one stays until the new one is whole and on the disk. */
static int rewrite(struct ledger *ledger)
{
    struct strbuf content;
    int r, fd;

    strbuf_init(&content, LEDGER_SIZE_MAX);
    add_content(ledger, &content);
    r = file_replace(ledger->path, &content);
    if (r == 0 && (fd = open(ledger->path, O_WRONLY | O_APPEND | O_CLOEXEC)) >= 0) {
        close_fd(&ledger->fd);
        ledger->fd = fd;
        ledger->size = (off_t)content.size;
        ledger->lines = 0;
        ledger->behind = false;
    } else if (r == 0) {
        r = -errno;
    }
    strbuf_done(&content);
    return r;
}

/* Puts lines at the end. After a failure the file ends as before (or is written anew later). */
static int append(struct ledger *ledger, const struct strbuf *lines, unsigned count)
{
    int r;

    if (ledger->fd < 0 || ledger->behind || ledger->lines > SLACK_LINES + 4 * ledger->n_entries)
        return rewrite(ledger);
    r = lines->overflow ? -EMSGSIZE : file_write(ledger->fd, lines->data, lines->size);
    if (r == 0) {
        ledger->size += (off_t)lines->size;
        ledger->lines += count;
    } else {
        (void)!ftruncate(ledger->fd, ledger->size); /* or else note() has it written anew */
    }
    return r;
}

static int failed(const struct ledger *ledger, int r, struct error *reterr)
{
    return error_set(reterr, r, "ledger %s cannot be written: %s", ledger->path, strerror(-r));
}

/* Has the lines written, and on the disk if they have to be. */
static int note_lines(struct ledger *ledger, const struct strbuf *lines, unsigned count,
                      bool durable, struct error *reterr)
{
    int r = count ? append(ledger, lines, count) : 0;

    if (r == 0 && durable && fdatasync(ledger->fd) < 0)
        r = -errno;
    if (r == 0)
        return 0;
    ledger->behind = true;
    return failed(ledger, r, reterr);
}

static int note(struct ledger *ledger, const struct entry *entry, struct error *reterr)
{
    struct strbuf line;
    int r;

    strbuf_init(&line, LINE_MAX_SIZE + 16);
    add_line(&line, entry);
    r = note_lines(ledger, &line, 1, /* durable = */ false, reterr);
    strbuf_done(&line);
    return r;
}

/* Takes one step in memory. Returns its entry, or NULL when the ledger is full. */
static struct entry *take_step(struct ledger *ledger, const struct ledger_step *step)
{
    struct entry *entry = entry_get(ledger, step->port);

    if (!entry)
        return NULL;
    entry->owned = vlanset_union(&entry->owned, step->add);
    entry->removing = vlanset_union(&entry->removing, step->remove);
    return entry;
}

/* Nothing of it is removed then. A reading has settled these ports, so they had no removal before.
 */
static void drop_removals(struct ledger *ledger, const struct ledger_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = entry_find(ledger, steps[i].port);

        if (entry)
            entry->removing = vlanset_minus(&entry->removing, steps[i].remove);
    }
}

int ledger_intend(struct ledger *ledger, const struct ledger_step *steps, size_t count,
                  struct error *reterr)
{
    bool durable = false, full = false;
    struct strbuf lines;
    unsigned n_lines = 0;
    int r;

    strbuf_init(&lines, LEDGER_SIZE_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = take_step(ledger, &steps[i]);

        full |= !entry;
        durable |= !vlanset_is_empty(steps[i].remove);
        if (!entry)
            continue;
        add_line(&lines, entry);
        n_lines++;
    }
    r = note_lines(ledger, &lines, n_lines, durable, reterr);
    strbuf_done(&lines);
    if (r == 0 && full)
        r = failed(ledger, -ENOSPC, reterr);
    if (r < 0)
        drop_removals(ledger, steps, count);
    return r;
}

int ledger_disown(struct ledger *ledger, const char *port, const struct vlanset *vlans,
                  struct error *reterr)
{
    struct entry *entry = entry_find(ledger, port);

    if (!entry)
        return 0;
    entry->owned = vlanset_minus(&entry->owned, vlans);
    entry->removing = vlanset_minus(&entry->removing, vlans);
    return note(ledger, entry, reterr);
}

int ledger_settle(struct ledger *ledger, const char *port, struct error *reterr)
{
    struct entry *entry = entry_find(ledger, port);

    if (!entry || vlanset_is_empty(&entry->removing))
        return 0;
    entry->removing = vlanset_empty;
    return note(ledger, entry, reterr);
}

/* ---- Opening --------------------------------------------------------------------------------- */

/* Two writers would each forget what the other owns. A predecessor whose vsnd was killed may still
 * be inside its last call to the switch: that is bounded, so waiting for it is. */
static int take_lock(struct ledger *ledger, struct error *reterr)
{
    static const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
    char path[PATH_MAX];

    if ((size_t)snprintf(path, sizeof(path), "%s.lock", ledger->path) >= sizeof(path))
        return error_set(reterr, -ENAMETOOLONG, "ledger %s: name too long", ledger->path);
    ledger->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (ledger->lock_fd < 0)
        return error_set(reterr, -errno, "%s: %s", path, strerror(errno));
    for (int waited_ms = 0; flock(ledger->lock_fd, LOCK_EX | LOCK_NB) < 0; waited_ms += 20) {
        if (errno != EWOULDBLOCK || waited_ms > LOCK_WAIT_MS)
            return error_set(reterr, -EBUSY, "%s is held by another process", path);
        nanosleep(&pause, NULL);
    }
    return 0;
}

static int load(struct ledger *ledger, struct error *retnote)
{
    struct strbuf content;
    unsigned bad = 0;
    int r;

    strbuf_init(&content, LEDGER_SIZE_MAX);
    r = file_read(ledger->path, &content);
    /* A NUL would end the text early; as any other byte it makes its own line bad. */
    for (size_t i = 0; i < content.size; i++)
        if (!content.data[i])
            content.data[i] = '\x01';
    if (r == 0 && content.size)
        bad = take_lines(ledger, content.data);
    strbuf_done(&content);
    if (bad)
        error_set(retnote, -EBADMSG, "ledger %s: %u damaged lines skipped", ledger->path, bad);
    return r == -ENOENT ? 0 : r;
}

int ledger_open(const char *path, struct ledger **ret_ledger, struct error *retnote)
{
    struct ledger *ledger = calloc(1, sizeof(*ledger));
    int r;

    retnote->text[0] = '\0';
    if (!ledger)
        return error_set(retnote, -ENOMEM, "out of memory");
    ledger->fd = ledger->lock_fd = -1;
    ledger->path = strdup(path);
    r = ledger->path ? take_lock(ledger, retnote) : error_set(retnote, -ENOMEM, "out of memory");
    if (r == 0) {
        r = load(ledger, retnote);
        if (r < 0)
            error_set(retnote, r, "ledger %s cannot be read: %s", path, strerror(-r));
    }
    if (r < 0) {
        ledger_free(ledger);
        return r;
    }
    r = rewrite(ledger);
    ledger->behind = r < 0;
    if (r < 0)
        failed(ledger, r, retnote);
    *ret_ledger = ledger;
    return 0;
}

struct ledger *ledger_free(struct ledger *ledger)
{
    if (!ledger)
        return NULL;
    close_fd(&ledger->fd);
    close_fd(&ledger->lock_fd);
    for (size_t i = 0; i < ledger->n_entries; i++)
        free(ledger->entries[i].port);
    free(ledger->entries);
    free(ledger->path);
    free(ledger);
    return NULL;
}
