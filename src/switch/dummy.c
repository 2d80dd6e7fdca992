#include "switch/dummy.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/text.h"

struct dummy {
    struct driver driver;
    struct loop *loop;
    char *path;
    int watch_fd;
    struct loop_watch *watch;
    driver_changed_fn *changed;
    void *changed_data;
};

struct faults {
    struct vlanset add, remove, lose;
};

/* One 'port' line, its texts pointing into the line. */
struct dummy_port {
    struct port row;
    struct faults faults;
    char *stations; /* "MAC/VLAN,MAC/VLAN"; NULL: none */
};

static struct dummy *dummy_of(struct driver *driver)
{
    return (struct dummy *)(void *)driver;
}

/* ---- The file -------------------------------------------------------------------------------- */

static int read_file(const struct dummy *dummy, struct strbuf *text, struct error *reterr)
{
    CLEANUP(close_fd) int fd = open(dummy->path, O_RDONLY | O_CLOEXEC);
    char chunk[16384];
    ssize_t got;

    if (fd < 0)
        return error_set(reterr, -ENOTCONN, "%s: %s", dummy->path, strerror(errno));
    while ((got = read(fd, chunk, sizeof(chunk))) > 0)
        if (strbuf_add(text, chunk, (size_t)got) < 0)
            return error_set(reterr, -ENOTCONN, "%s: larger than %d bytes", dummy->path,
                             DUMMY_SIZE_MAX);
    if (got < 0)
        return error_set(reterr, -ENOTCONN, "%s: %s", dummy->path, strerror(errno));
    return 0;
}

static int write_file(const struct dummy *dummy, const struct strbuf *text, struct error *reterr)
{
    char path[PATH_MAX];
    CLEANUP(close_fd) int fd = -1;

    if ((size_t)snprintf(path, sizeof(path), "%s.new", dummy->path) >= sizeof(path))
        return error_set(reterr, -ENAMETOOLONG, "%s: name too long", dummy->path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text->data, text->size) != (ssize_t)text->size ||
        rename(path, dummy->path) < 0)
        return error_set(reterr, -EIO, "%s: %s", path, strerror(errno));
    return 0;
}

/* "add:200,remove:100-110" */
static int parse_faults(char *text, struct faults *ret_faults)
{
    for (char *word; (word = strsep(&text, ","));) {
        char *kind = strsep(&word, ":");
        struct vlanset *to = strcmp(kind, "add") == 0      ? &ret_faults->add
                             : strcmp(kind, "remove") == 0 ? &ret_faults->remove
                             : strcmp(kind, "lose") == 0   ? &ret_faults->lose
                                                           : NULL;
        struct vlanset vlans;

        if (!to || !word || vlanset_parse(word, &vlans) < 0)
            return -EINVAL;
        *to = vlanset_union(to, &vlans);
    }
    return 0;
}

/* "52:54:00:00:00:01/100,52:54:00:00:00:02/200" */
static int parse_stations(char *text, struct stations *stations)
{
    for (char *word; (word = strsep(&text, ","));) {
        char *address = strsep(&word, "/");
        uint64_t vlan;
        struct mac mac;

        if (!word || mac_parse(address, &mac) < 0 || text_number(word, 0, VLAN_MAX, &vlan) < 0)
            return -EINVAL;
        stations_add(stations, mac, (uint32_t)vlan);
    }
    return 0;
}

/* Moves the word that begins with 'name' (" fail=", with its blank) out of 'line' to behind its
 * NUL, where there is room for it then. Returns what follows 'name', NULL when there is no such
 * word. */
static char *take_word(char *line, const char *name)
{
    char *at = strstr(line, name), *end;
    CLEANUP(free_text) char *word = NULL;

    if (!at)
        return NULL;
    end = strchrnul(at + 1, ' ');
    word = strndup(at, (size_t)(end - at));
    if (!word)
        return NULL;
    memmove(at, end, strlen(end) + 1);
    at = line + strlen(line) + 1;
    strcpy(at, word + 1);
    return at + strlen(name) - 1;
}

/* Reads "port NAME word=value...": as the record "new port id=NAME word=value...". */
static int parse_port(const char *line, struct strbuf *space, struct dummy_port *ret_port,
                      struct error *reterr)
{
    struct record record;
    const char *at = line + strlen("port ");
    char *faults;

    *ret_port = (struct dummy_port){ .row = { 0 } };
    strbuf_reset(space);
    strbuf_addf(space, "new port id=%s", at);
    if (space->overflow)
        return error_set(reterr, -ENOTCONN, "'%.60s': too long", line);
    faults = take_word(space->data, " fail=");
    ret_port->stations = take_word(space->data, " stations=");
    if (faults && parse_faults(faults, &ret_port->faults) < 0)
        return error_set(reterr, -ENOTCONN, "'%.60s': bad line", line);
    if (record_read(space->data, &record, reterr) < 0)
        return -ENOTCONN;
    ret_port->row = record.row.port;
    if (!(record.stated & record_field(TABLE_PORT, "enabled")))
        ret_port->row.enabled = true;
    if (!(record.stated & record_field(TABLE_PORT, "link")))
        ret_port->row.link = LINK_UP;
    if (!(record.stated & record_field(TABLE_PORT, "learnt_known")))
        ret_port->row.learnt_known = true;
    ret_port->row.owned = vlanset_empty;
    return 0;
}

/* What a line is about: 0 nothing, 1 a port, -ENOTCONN with the reason when the switch is down. */
static int read_line(const struct dummy *dummy, const char *line, struct strbuf *space,
                     struct dummy_port *ret_port, struct error *reterr)
{
    int r;

    if (!*line || *line == '#')
        return 0;
    if (strncmp(line, "unreachable", 11) == 0)
        return error_set(reterr, -ENOTCONN, "%s: %s", dummy->path, line);
    if (strncmp(line, "port ", 5) != 0)
        return error_set(reterr, -ENOTCONN, "%s: '%.60s': not a port", dummy->path, line);
    r = parse_port(line, space, ret_port, reterr);
    return r < 0 ? error_prefix(reterr, r, "%s", dummy->path) : 1;
}

static int dummy_read(struct driver *driver, struct port_list *ret_ports, struct error *reterr)
{
    struct dummy *dummy = dummy_of(driver);
    struct strbuf text, space;
    int r;

    strbuf_init(&text, DUMMY_SIZE_MAX);
    strbuf_init(&space, RECORD_LINE_MAX);
    r = read_file(dummy, &text, reterr);
    for (char *line, *at = text.data; r >= 0 && (line = strsep(&at, "\n"));) {
        struct dummy_port port;

        r = read_line(dummy, line, &space, &port, reterr);
        if (r > 0)
            r = port_list_add(ret_ports, &port.row);
    }
    strbuf_done(&text);
    strbuf_done(&space);
    return r < 0 ? r : 0;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Copies 'line' without its word that begins with 'name' ("tagged="), and with 'word' at the end.
 */
static void add_changed_line(struct strbuf *to, char *line, const char *name, const char *word)
{
    char *each;

    for (bool first = true; (each = strsep(&line, " ")); first = false) {
        if (!*each || strncmp(each, name, strlen(name)) == 0)
            continue;
        strbuf_addf(to, "%s%s", first ? "" : " ", each);
    }
    strbuf_addf(to, "%s%s\n", *word ? " " : "", word);
}

/* Gives one port another word in place of that 'name', leaving every other line as it is. */
static int store(struct dummy *dummy, const char *port, const char *name, const char *word,
                 struct error *reterr)
{
    struct strbuf text, space, changed;
    int r;

    strbuf_init(&text, DUMMY_SIZE_MAX);
    strbuf_init(&space, RECORD_LINE_MAX);
    strbuf_init(&changed, DUMMY_SIZE_MAX);
    r = read_file(dummy, &text, reterr);
    for (char *line, *at = text.data; r >= 0 && (line = strsep(&at, "\n")) && (*line || at);) {
        struct dummy_port found;

        r = read_line(dummy, line, &space, &found, reterr);
        if (r > 0 && strcmp(found.row.id, port) == 0)
            add_changed_line(&changed, line, name, word);
        else
            strbuf_addf(&changed, "%s\n", line);
    }
    if (r >= 0)
        r = write_file(dummy, &changed, reterr);
    strbuf_done(&text);
    strbuf_done(&space);
    strbuf_done(&changed);
    return r;
}

static int store_tagged(struct dummy *dummy, const char *port, const struct vlanset *tagged,
                        struct error *reterr)
{
    struct strbuf word;
    int r;

    strbuf_init(&word, RECORD_LINE_MAX);
    if (!vlanset_is_empty(tagged)) {
        strbuf_adds(&word, "tagged=");
        vlanset_format(tagged, &word);
    }
    r = store(dummy, port, "tagged=", strbuf_text(&word), reterr);
    strbuf_done(&word);
    return r;
}

/* The VLANs of 'wanted' up to the first that is to fail. '*ret_failing' is that one, or 0. */
static struct vlanset until_failure(const struct vlanset *wanted, const struct vlanset *faults,
                                    uint32_t *ret_failing)
{
    struct vlanset failing = vlanset_both(wanted, faults), before = vlanset_empty;

    *ret_failing = vlanset_next(&failing, 1);
    if (!*ret_failing)
        return *wanted;
    if (*ret_failing > 1)
        vlanset_add_range(&before, 1, *ret_failing - 1);
    return vlanset_both(wanted, &before);
}

static int find_port(struct dummy *dummy, const char *name, struct strbuf *text,
                     struct strbuf *space, struct dummy_port *ret_port, struct error *reterr)
{
    int r = read_file(dummy, text, reterr);

    if (r < 0)
        return r;
    for (char *line, *at = text->data; (line = strsep(&at, "\n"));) {
        r = read_line(dummy, line, space, ret_port, reterr);
        if (r < 0)
            return r;
        if (r > 0 && strcmp(ret_port->row.id, name) == 0)
            return 0;
    }
    return error_set(reterr, -ENODEV, "the switch has no port %s", name);
}

static int write_part(struct dummy *dummy, const struct dummy_port *port,
                      const struct vlanset *vlans, bool adding, struct error *reterr)
{
    uint32_t failing;
    struct vlanset part =
        until_failure(vlans, adding ? &port->faults.add : &port->faults.remove, &failing);
    struct vlanset after;
    int r = 0;

    part = vlanset_minus(&part, &port->faults.lose);
    after =
        adding ? vlanset_union(&port->row.tagged, &part) : vlanset_minus(&port->row.tagged, &part);
    if (!vlanset_equal(&after, &port->row.tagged))
        r = store_tagged(dummy, port->row.id, &after, reterr);
    if (r == 0 && failing)
        r = error_set(reterr, -EIO, "port %s: VLAN %u cannot be %s", port->row.id, failing,
                      adding ? "added" : "removed");
    return r;
}

static int check(const struct dummy_port *port, struct error *reterr)
{
    if (*port->row.refusal)
        return error_set(reterr, -EPERM, "%s", port->row.refusal);
    if (port->row.open)
        return error_set(reterr, -EPERM, "port %s carries every VLAN", port->row.id);
    return 0;
}

/* Writes one half of a port's change. */
static int write_half(struct dummy *dummy, struct port_change *change, bool adding)
{
    struct strbuf text, space;
    struct dummy_port port;
    int r;

    strbuf_init(&text, DUMMY_SIZE_MAX);
    strbuf_init(&space, RECORD_LINE_MAX);
    r = find_port(dummy, change->port, &text, &space, &port, &change->error);
    if (r == 0)
        r = check(&port, &change->error);
    if (r == 0 && adding)
        change->found = vlanset_both(&change->add, &port.row.tagged);
    if (r == 0)
        r = write_part(dummy, &port, adding ? &change->add : &change->remove, adding,
                       &change->error);
    strbuf_done(&text);
    strbuf_done(&space);
    return r;
}

static struct port *read_back(struct dummy *dummy, const char *name)
{
    struct strbuf text, space;
    struct dummy_port port;
    struct port *row = NULL;

    strbuf_init(&text, DUMMY_SIZE_MAX);
    strbuf_init(&space, RECORD_LINE_MAX);
    if (find_port(dummy, name, &text, &space, &port, NULL) == 0)
        row = row_copy(TABLE_PORT, &port.row);
    strbuf_done(&text);
    strbuf_done(&space);
    return row;
}

static void dummy_apply(struct driver *driver, struct port_change *changes, size_t count)
{
    struct dummy *dummy = dummy_of(driver);

    for (size_t i = 0; i < count; i++)
        changes[i].result = write_half(dummy, &changes[i], /* adding = */ true);
    for (size_t i = count; i-- > 0;)
        if (changes[i].result == 0)
            changes[i].result = write_half(dummy, &changes[i], /* adding = */ false);
    for (size_t i = 0; i < count; i++)
        changes[i].now = read_back(dummy, changes[i].port);
}

static int dummy_test(struct driver *driver, const char *name, const struct vlanset *add UNUSED,
                      const struct vlanset *remove UNUSED, struct error *reterr)
{
    struct strbuf text, space;
    struct dummy_port port;
    int r;

    strbuf_init(&text, DUMMY_SIZE_MAX);
    strbuf_init(&space, RECORD_LINE_MAX);
    r = find_port(dummy_of(driver), name, &text, &space, &port, reterr);
    if (r == 0)
        r = check(&port, reterr);
    strbuf_done(&text);
    strbuf_done(&space);
    return r;
}

static int dummy_enable(struct driver *driver, const char *name, struct error *reterr)
{
    struct port *port = read_back(dummy_of(driver), name);
    int r = port ? store(dummy_of(driver), name, "enabled=", "enabled=yes", reterr)
                 : error_set(reterr, -ENODEV, "the switch has no port %s", name);

    free(port);
    return r;
}

static int dummy_heard(struct driver *driver, const char *name, struct stations *stations)
{
    struct strbuf text, space;
    struct dummy_port port;
    int r;

    strbuf_init(&text, DUMMY_SIZE_MAX);
    strbuf_init(&space, RECORD_LINE_MAX);
    r = find_port(dummy_of(driver), name, &text, &space, &port, NULL);
    if (r == 0 && port.stations)
        r = parse_stations(port.stations, stations);
    if (r == 0 && !port.row.learnt_known)
        r = -EINVAL;
    strbuf_done(&text);
    strbuf_done(&space);
    return r < 0 ? -ENODATA : 0;
}

/* ---- Watching and life ----------------------------------------------------------------------- */

static void on_notice(int fd, int ready, void *data)
{
    struct dummy *dummy = data;
    char buffer[4096] __attribute__((aligned(8)));

    (void)ready;
    while (read(fd, buffer, sizeof(buffer)) > 0)
        ;
    dummy->changed(dummy->changed_data);
}

/* The directory is watched, because editors and vsn itself replace the file by rename. A file that
 * is being written in place counts when it is closed. */
static int dummy_watch(struct driver *driver, driver_changed_fn *changed, void *data,
                       struct error *reterr)
{
    struct dummy *dummy = dummy_of(driver);
    CLEANUP(free_text) char *copy = strdup(dummy->path);

    dummy->changed = changed;
    dummy->changed_data = data;
    dummy->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (!copy || dummy->watch_fd < 0 ||
        inotify_add_watch(dummy->watch_fd, dirname(copy),
                          IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE) < 0)
        return error_set(reterr, -ENOTCONN, "%s cannot be watched: %s", dummy->path,
                         strerror(errno));
    dummy->watch = loop_watch_fd(dummy->loop, dummy->watch_fd, LOOP_READ, on_notice, dummy);
    return dummy->watch ? 0 : error_set(reterr, -ENOMEM, "out of memory");
}

static void dummy_free(struct driver *driver)
{
    struct dummy *dummy = dummy_of(driver);

    if (!dummy)
        return;
    loop_watch_free(dummy->watch);
    close_fd(&dummy->watch_fd);
    free(dummy->path);
    free(dummy);
}

static int dummy_new(struct loop *loop, const char *arguments, struct driver **ret_driver,
                     struct error *reterr)
{
    struct dummy *dummy;

    if (!*arguments)
        return error_set(reterr, -EINVAL, "switch dummy: the file is missing");
    dummy = calloc(1, sizeof(*dummy));
    if (!dummy)
        return error_set(reterr, -ENOMEM, "out of memory");
    *dummy = (struct dummy){ .driver.ops = &driver_dummy, .loop = loop, .watch_fd = -1 };
    dummy->path = strdup(arguments);
    if (!dummy->path) {
        dummy_free(&dummy->driver);
        return error_set(reterr, -ENOMEM, "out of memory");
    }
    *ret_driver = &dummy->driver;
    return 0;
}

const struct driver_ops driver_dummy = {
    .name = "dummy",
    .new = dummy_new,
    .free = dummy_free,
    .read = dummy_read,
    .test = dummy_test,
    .apply = dummy_apply,
    .enable = dummy_enable,
    .watch = dummy_watch,
    .heard = dummy_heard,
};
