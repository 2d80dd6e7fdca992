#include "programs/history/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "model/names.h"

#define SQL_MAX 8192
#define TEXT_LIMIT (4 * RECORD_LINE_MAX) /* bytes of one value, whoever wrote it */
#define HEAP_LIMIT (32 * 1024 * 1024)    /* bytes that SQLite may use in all */
#define BUSY_MS 2000                     /* for others that read the file */

static const struct {
    enum table table;
    const char *time; /* the column by which it grows old */
} kept[] = { { TABLE_MIGRATION, "seen_ms" }, { TABLE_AUDIT, "at_ms" } };

struct store {
    sqlite3 *db;
    sqlite3_stmt *put[ARRAY_SIZE(kept)];
};

static size_t place_of(enum table table)
{
    size_t place = 0;

    while (place + 1 < ARRAY_SIZE(kept) && kept[place].table != table)
        place++;
    return place;
}

/* ---- Failures -------------------------------------------------------------------------------- */

static int code_of(int result)
{
    switch (result & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_ERROR: /* the statements are ours: what they do not find was changed by somebody */
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
        return -EUCLEAN;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    default:
        return -EIO;
    }
}

static int check(const struct store *store, int result, struct error *reterr)
{
    int code = code_of(result);

    if (code == 0)
        return 0;
    return error_set(reterr, code, "%s",
                     store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(result));
}

static int run(struct store *store, const char *sql, struct error *reterr)
{
    return check(store, sqlite3_exec(store->db, sql, NULL, NULL, NULL), reterr);
}

static int prepare(struct store *store, const char *sql, sqlite3_stmt **ret, struct error *reterr)
{
    return check(store, sqlite3_prepare_v2(store->db, sql, -1, ret, NULL), reterr);
}

/* The first column of the first row, as a number or a text. */
static int ask(struct store *store, const char *sql, sqlite3_int64 *ret_number, char *text,
               size_t size, struct error *reterr)
{
    sqlite3_stmt *statement = NULL;
    int r = prepare(store, sql, &statement, reterr);

    if (r == 0)
        r = check(store, sqlite3_step(statement), reterr);
    if (r == 0) {
        const unsigned char *value = sqlite3_column_text(statement, 0);

        *ret_number = sqlite3_column_int64(statement, 0);
        text_copy(text, size, value ? (const char *)value : "");
    }
    sqlite3_finalize(statement);
    return r;
}

/* ---- The schema ------------------------------------------------------------------------------ */

static const char *type_of(const struct field *field)
{
    return field->type == FIELD_NUMBER || field->type == FIELD_FLAG ? "INTEGER NOT NULL DEFAULT 0"
                                                                    : "TEXT NOT NULL DEFAULT ''";
}

static int create(struct store *store, enum table table, struct error *reterr)
{
    size_t count;
    const struct field *fields = table_fields(table, &count);
    struct strbuf sql;
    int r;

    strbuf_init(&sql, SQL_MAX);
    strbuf_addf(&sql, "CREATE TABLE IF NOT EXISTS \"%s\" (id INTEGER PRIMARY KEY",
                table_name(table));
    for (size_t i = 2; i < count; i++)
        strbuf_addf(&sql, ", \"%s\" %s", fields[i].name, type_of(&fields[i]));
    strbuf_adds(&sql, ")");
    r = run(store, strbuf_text(&sql), reterr);
    strbuf_done(&sql);
    return r;
}

/* "id, "port", ..." or "?, ?, ...". */
static void list_columns(enum table table, bool as_values, struct strbuf *sql)
{
    size_t count;
    const struct field *fields = table_fields(table, &count);

    strbuf_adds(sql, as_values ? "?" : "id");
    for (size_t i = 2; i < count; i++)
        strbuf_addf(sql, as_values ? ", ?" : ", \"%s\"", fields[i].name);
}

static int prepare_put(struct store *store, size_t place, struct error *reterr)
{
    enum table table = kept[place].table;
    struct strbuf sql;
    int r;

    strbuf_init(&sql, SQL_MAX);
    strbuf_addf(&sql, "INSERT OR REPLACE INTO \"%s\" (", table_name(table));
    list_columns(table, false, &sql);
    strbuf_adds(&sql, ") VALUES (");
    list_columns(table, true, &sql);
    strbuf_adds(&sql, ")");
    r = prepare(store, strbuf_text(&sql), &store->put[place], reterr);
    strbuf_done(&sql);
    return r;
}

static int make_tables(struct store *store, struct error *reterr)
{
    char sql[64];
    int r = run(store, "BEGIN", reterr);

    for (size_t i = 0; i < ARRAY_SIZE(kept) && r == 0; i++)
        r = create(store, kept[i].table, reterr);
    snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", STORE_VERSION);
    if (r == 0)
        r = run(store, sql, reterr);
    return r < 0 ? r : run(store, "COMMIT", reterr);
}

/* A file of ours has our version; one without any is new, or somebody else's. */
static int check_version(struct store *store, struct error *reterr)
{
    sqlite3_int64 version = 0, tables = 0;
    char ignored[8];
    int r = ask(store, "PRAGMA user_version", &version, ignored, sizeof(ignored), reterr);

    if (r == 0)
        r = ask(store, "SELECT count(*) FROM sqlite_master", &tables, ignored, sizeof(ignored),
                reterr);
    if (r < 0)
        return r;
    if (version != STORE_VERSION && (version != 0 || tables != 0))
        return error_set(reterr, -EUCLEAN, "it is of version %lld, not %d", (long long)version,
                         STORE_VERSION);
    return version == 0 ? make_tables(store, reterr) : 0;
}

static int check_pages(struct store *store, struct error *reterr)
{
    sqlite3_int64 ignored;
    char verdict[128];
    int r = ask(store, "PRAGMA quick_check(1)", &ignored, verdict, sizeof(verdict), reterr);

    if (r == 0 && strcmp(verdict, "ok") != 0)
        r = error_set(reterr, -EUCLEAN, "%s", verdict);
    return r;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int set_up(struct store *store, struct error *reterr)
{
    int r = run(store,
                "PRAGMA cache_size = -1024; PRAGMA temp_store = MEMORY; PRAGMA journal_mode = WAL;"
                "PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 4194304;"
                "PRAGMA trusted_schema = OFF",
                reterr);

    if (r == 0)
        r = check_version(store, reterr);
    if (r == 0)
        r = check_pages(store, reterr);
    for (size_t i = 0; i < ARRAY_SIZE(kept) && r == 0; i++)
        r = prepare_put(store, i, reterr);
    return r;
}

int store_open(const char *path, struct store **ret_store, struct error *reterr)
{
    struct store *store = calloc(1, sizeof(*store));
    int r;

    if (!store)
        return error_set(reterr, -ENOMEM, "out of memory");
    sqlite3_hard_heap_limit64(HEAP_LIMIT);
    r = check(store,
              sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
              reterr);
    if (r == 0) {
        sqlite3_busy_timeout(store->db, BUSY_MS);
        sqlite3_limit(store->db, SQLITE_LIMIT_LENGTH, TEXT_LIMIT);
        r = set_up(store, reterr);
    }
    if (r < 0) {
        store_close(store);
        return error_prefix(reterr, r, "%s", path);
    }
    *ret_store = store;
    return 0;
}

struct store *store_close(struct store *store)
{
    if (!store)
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
        sqlite3_finalize(store->put[i]);
    sqlite3_close(store->db);
    free(store);
    return NULL;
}

static int move_file(const char *path, const char *tail, struct error *reterr)
{
    char from[4096], to[4096];

    if (snprintf(from, sizeof(from), "%s%s", path, tail) >= (int)sizeof(from) ||
        snprintf(to, sizeof(to), "%s.bad%s", path, tail) >= (int)sizeof(to))
        return error_set(reterr, -ENAMETOOLONG, "%s: the path is too long", path);
    if (rename(from, to) == 0)
        return 0;
    if (errno == ENOENT) {
        unlink(to); /* what was left there belongs to another file */
        return 0;
    }
    return error_set(reterr, -errno, "%s cannot be moved aside: %s", from, strerror(errno));
}

int store_set_aside(const char *path, struct error *reterr)
{
    int r = move_file(path, "-wal", reterr);

    if (r == 0)
        r = move_file(path, "-shm", reterr);
    return r < 0 ? r : move_file(path, "", reterr);
}

/* ---- Writing --------------------------------------------------------------------------------- */

int store_begin(struct store *store, struct error *reterr)
{
    return run(store, "BEGIN IMMEDIATE", reterr);
}

int store_commit(struct store *store, struct error *reterr)
{
    return run(store, "COMMIT", reterr);
}

void store_rollback(struct store *store)
{
    if (!sqlite3_get_autocommit(store->db))
        run(store, "ROLLBACK", NULL);
}

static const char *text_in(const void *at)
{
    const char *text;

    memcpy(&text, at, sizeof(text));
    return text ? text : "";
}

/* A value as people read it. */
static void write_text(const struct field *field, const void *at, struct strbuf *to)
{
    unsigned word;

    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_NAMES:
        strbuf_adds(to, text_in(at));
        break;
    case FIELD_ENUM:
        memcpy(&word, at, sizeof(word));
        strbuf_adds(to, field->words[word]);
        break;
    case FIELD_VLANS:
        vlanset_format(at, to);
        break;
    case FIELD_NUMBER:
    case FIELD_FLAG:
    case FIELD_MAC:
        break;
    }
    for (size_t i = 0; field->type == FIELD_NAMES && i < to->size; i++)
        if (to->data[i] == NAMES_SEPARATOR)
            to->data[i] = ',';
}

static int bind(sqlite3_stmt *statement, int index, const struct field *field, const void *at)
{
    struct strbuf text;
    uint64_t number;
    int result;

    if (field->type == FIELD_NUMBER) {
        memcpy(&number, at, sizeof(number));
        return sqlite3_bind_int64(statement, index, (sqlite3_int64)number);
    }
    if (field->type == FIELD_FLAG)
        return sqlite3_bind_int64(statement, index, *(const bool *)at);
    strbuf_init(&text, RECORD_LINE_MAX);
    write_text(field, at, &text);
    result = sqlite3_bind_text(statement, index, strbuf_text(&text), -1, SQLITE_TRANSIENT);
    strbuf_done(&text);
    return result;
}

int store_put(struct store *store, enum table table, const void *row, struct error *reterr)
{
    sqlite3_stmt *statement = store->put[place_of(table)];
    size_t count;
    const struct field *fields = table_fields(table, &count);
    const union row *any = row;
    uint64_t id;
    int result, r;

    if (text_number(any->key.id, 1, INT64_MAX, &id) < 0)
        return error_set(reterr, -EINVAL, "'%s' is no number", any->key.id);
    result = sqlite3_bind_int64(statement, 1, (sqlite3_int64)id);
    for (size_t i = 2; i < count && result == SQLITE_OK; i++)
        result = bind(statement, (int)i, &fields[i], (const char *)row + fields[i].offset);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    r = check(store, result, reterr);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return r;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int read_word(const struct field *field, const char *text, void *at)
{
    for (unsigned i = 0; field->words[i]; i++)
        if (strcmp(field->words[i], text) == 0) {
            memcpy(at, &i, sizeof(i));
            return 0;
        }
    return -EINVAL;
}

static void split_names(char *names)
{
    for (; *names; names++)
        if (*names == ',')
            *names = NAMES_SEPARATOR;
}

/* Takes a column over into the row. A list of names is changed where SQLite keeps it, which it
 * allows until the statement goes on. */
static int read_column(sqlite3_stmt *statement, int column, const struct field *field, void *row)
{
    char *at = (char *)row + field->offset;
    union {
        const unsigned char *from;
        char *text;
    } value = { sqlite3_column_text(statement, column) };
    uint64_t number = (uint64_t)sqlite3_column_int64(statement, column);

    if (!value.text)
        return -EINVAL;
    switch (field->type) {
    case FIELD_NAMES:
        split_names(value.text);
        memcpy(at, &value.text, sizeof(value.text));
        return 0;
    case FIELD_TEXT:
        memcpy(at, &value.text, sizeof(value.text));
        return 0;
    case FIELD_ENUM:
        return read_word(field, value.text, at);
    case FIELD_VLANS:
        return vlanset_parse(value.text, (struct vlanset *)(void *)at);
    case FIELD_NUMBER:
        memcpy(at, &number, sizeof(number));
        return 0;
    case FIELD_FLAG:
        *(bool *)(void *)at = number != 0;
        return 0;
    case FIELD_MAC:
        break;
    }
    return -EINVAL;
}

static int read_row(sqlite3_stmt *statement, enum table table, char id[24], union row *row)
{
    size_t count;
    const struct field *fields = table_fields(table, &count);
    sqlite3_int64 number = sqlite3_column_int64(statement, 0);
    int r = number > 0 ? 0 : -EINVAL;

    memset(row, 0, sizeof(*row));
    snprintf(id, 24, "%lld", (long long)number);
    row->key.owner = "";
    row->key.id = id;
    for (size_t i = 2; i < count && r == 0; i++)
        r = read_column(statement, (int)i - 1, &fields[i], row);
    return r;
}

static int prepare_read(struct store *store, enum table table, uint64_t most, sqlite3_stmt **ret,
                        struct error *reterr)
{
    struct strbuf sql;
    int r;

    strbuf_init(&sql, SQL_MAX);
    strbuf_adds(&sql, "SELECT * FROM (SELECT ");
    list_columns(table, false, &sql);
    strbuf_addf(&sql, " FROM \"%s\" ORDER BY id DESC LIMIT %llu) ORDER BY id", table_name(table),
                (unsigned long long)most);
    r = prepare(store, strbuf_text(&sql), ret, reterr);
    strbuf_done(&sql);
    return r;
}

int store_read(struct store *store, enum table table, uint64_t most, store_row_fn *fn, void *data,
               struct error *reterr)
{
    sqlite3_stmt *statement = NULL;
    int result = SQLITE_DONE, r = prepare_read(store, table, most, &statement, reterr);

    while (r == 0 && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        union row row;
        char id[24];

        if (read_row(statement, table, id, &row) == 0)
            fn(table, &row, data);
    }
    if (r == 0)
        r = check(store, result, reterr);
    sqlite3_finalize(statement);
    return r;
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

int store_prune(struct store *store, int64_t oldest_ms, uint64_t most, struct error *reterr)
{
    int r = 0;

    for (size_t i = 0; i < ARRAY_SIZE(kept) && r == 0; i++) {
        const char *name = table_name(kept[i].table);
        char sql[512];

        snprintf(sql, sizeof(sql),
                 "DELETE FROM \"%s\" WHERE \"%s\" < %lld OR id <= (SELECT id FROM \"%s\" "
                 "ORDER BY id DESC LIMIT 1 OFFSET %llu)",
                 name, kept[i].time, (long long)oldest_ms, name, (unsigned long long)most);
        r = run(store, sql, reterr);
    }
    return r;
}
