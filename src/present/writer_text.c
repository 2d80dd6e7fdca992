/* Text for people: the outermost array is a table, written when it ends, as only then the widths of
 * its columns are known. */
#include "present/writer_form.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define CELLS_CAP (256u << 20)
#define HEADING_SIZE 32
#define GAP 2 /* blanks between columns */

/* The rows of a table lie behind each other in 'cells': each row's cells, then what stands below
 * it, each ended by a NUL. */
struct writer_text {
    struct writer writer;
    unsigned depth;
    bool array[WRITER_DEPTH_MAX];
    const char *name[WRITER_DEPTH_MAX];
    unsigned row_depth; /* depth at which fields are cells: 2 in an array, 1 in a lone object */

    unsigned n_columns;
    struct {
        char heading[HEADING_SIZE];
        size_t width;
    } columns[WRITER_COLUMNS_MAX];
    unsigned cell; /* of the row under way */
    size_t n_rows;
    struct strbuf cells;
    struct strbuf below; /* what is nested in the row under way */
    bool line_open;      /* the last line of 'below' is not ended yet */
};

static struct writer_text *text_of(struct writer *writer)
{
    return (struct writer_text *)writer;
}

/* Names end in their unit; text shows it with the value. */
static size_t length_without_unit(const char *name)
{
    size_t length = strlen(name);

    if (length > 3 && strcmp(name + length - 3, "_ms") == 0)
        return length - 3;
    if (length > 2 && strcmp(name + length - 2, "_s") == 0)
        return length - 2;
    return length;
}

/* "hand_made" becomes "HAND-MADE", "age_s" becomes "AGE". */
static void make_heading(char heading[HEADING_SIZE], const char *name)
{
    size_t length = length_without_unit(name);

    if (length >= HEADING_SIZE)
        length = HEADING_SIZE - 1;
    for (size_t i = 0; i < length; i++)
        heading[i] = name[i] == '_' ? '-' : (char)toupper((unsigned char)name[i]);
    heading[length] = '\0';
}

/* Characters, as far as a terminal gives each one place. */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

/* ---- Rows ----------------------------------------------------------------------------------- */

static void start_row(struct writer_text *text)
{
    text->cell = 0;
    text->line_open = false;
    strbuf_reset(&text->below);
}

static void add_cell(struct writer_text *text, const char *name, const char *value)
{
    struct strbuf cell;
    size_t start = text->cells.size;

    /* The first row says which columns there are. */
    if (text->cell == WRITER_COLUMNS_MAX || (text->cell == text->n_columns && text->n_rows > 0))
        return;
    if (text->cell == text->n_columns) {
        make_heading(text->columns[text->n_columns].heading, name ? name : "");
        text->columns[text->n_columns].width = strlen(text->columns[text->n_columns].heading);
        text->n_columns++;
    }
    strbuf_init(&cell, CELLS_CAP);
    text_escape(&cell, value);
    strbuf_adds(&text->cells, cell.size ? cell.data : "-");
    strbuf_done(&cell);
    if (strbuf_addc(&text->cells, '\0') == 0) {
        size_t width = width_of(text->cells.data + start);

        if (width > text->columns[text->cell].width)
            text->columns[text->cell].width = width;
    }
    text->cell++;
}

static void close_line(struct writer_text *text)
{
    if (text->line_open)
        strbuf_addc(&text->below, '\n');
    text->line_open = false;
}

static void end_row(struct writer_text *text)
{
    close_line(text);
    while (text->cell < text->n_columns)
        add_cell(text, "", "");
    strbuf_add(&text->cells, strbuf_text(&text->below), text->below.size + 1);
    text->n_rows++;
}

/* ---- What is nested in a row ---------------------------------------------------------------- */

/* Appends a name as people read it: "hand_made" as hand-made, "age_s" as age. */
static void add_name(struct strbuf *to, const char *name)
{
    size_t length = length_without_unit(name);

    for (size_t i = 0; i < length; i++)
        strbuf_addc(to, name[i] == '_' ? '-' : name[i]);
}

/* The word that says what a nested line is: the name of the array or object it belongs to. An
 * array's is a plural, which the line is not. */
static void add_nested_name(struct writer_text *text)
{
    const char *name = "";

    for (unsigned depth = text->depth; depth > text->row_depth && !*name; depth--) {
        if (text->name[depth - 1])
            name = text->name[depth - 1];
    }
    for (; *name && !(name[0] == 's' && !name[1]); name++)
        strbuf_addc(&text->below, *name == '_' ? '-' : *name);
}

static void open_line(struct writer_text *text)
{
    close_line(text);
    strbuf_adds(&text->below, "  ");
    for (unsigned depth = text->row_depth + 2; depth < text->depth; depth++) {
        if (!text->array[depth])
            strbuf_adds(&text->below, "  ");
    }
    add_nested_name(text);
    strbuf_addc(&text->below, ':');
}

/* One field of a nested object: "name value", behind what the line has already. */
static void add_nested(struct writer_text *text, const char *name, const char *value)
{
    if (!*value)
        return;
    if (!text->line_open)
        open_line(text);
    else if (name)
        strbuf_addc(&text->below, ',');
    text->line_open = true;
    strbuf_addc(&text->below, ' ');
    if (name) {
        add_name(&text->below, name);
        strbuf_addc(&text->below, ' ');
    }
    text_escape(&text->below, value);
}

/* ---- Writing what was gathered --------------------------------------------------------------- */

static void pad(struct strbuf *to, size_t count)
{
    while (count-- > 0)
        strbuf_addc(to, ' ');
}

/* Writes one row's cells; returns where what stands below it begins. */
static const char *write_row(const struct writer_text *text, const char *cell)
{
    struct strbuf *to = text->writer.to;

    for (unsigned i = 0; i < text->n_columns; i++) {
        strbuf_adds(to, cell);
        if (i + 1 < text->n_columns)
            pad(to, text->columns[i].width - width_of(cell) + GAP);
        cell += strlen(cell) + 1;
    }
    strbuf_addc(to, '\n');
    return cell;
}

static void write_heading(const struct writer_text *text)
{
    for (unsigned i = 0; i < text->n_columns; i++) {
        const char *heading = text->columns[i].heading;

        strbuf_adds(text->writer.to, heading);
        if (i + 1 < text->n_columns)
            pad(text->writer.to, text->columns[i].width - strlen(heading) + GAP);
    }
    strbuf_addc(text->writer.to, '\n');
}

/* A line per field: "HEADING  value". */
static const char *write_detail(const struct writer_text *text, const char *cell)
{
    size_t widest = 0;

    for (unsigned i = 0; i < text->n_columns; i++) {
        if (strlen(text->columns[i].heading) > widest)
            widest = strlen(text->columns[i].heading);
    }
    for (unsigned i = 0; i < text->n_columns; i++) {
        strbuf_adds(text->writer.to, text->columns[i].heading);
        pad(text->writer.to, widest - strlen(text->columns[i].heading) + GAP);
        strbuf_addf(text->writer.to, "%s\n", cell);
        cell += strlen(cell) + 1;
    }
    return cell;
}

static void write_table(struct writer_text *text)
{
    const char *cell = strbuf_text(&text->cells);

    text->writer.to->overflow |= text->cells.overflow || text->below.overflow;
    if (text->writer.to->overflow || text->n_rows == 0)
        return;
    if (!text->writer.detailed)
        write_heading(text);
    for (size_t i = 0; i < text->n_rows; i++) {
        if (text->writer.detailed && i > 0)
            strbuf_addc(text->writer.to, '\n');
        cell = text->writer.detailed ? write_detail(text, cell) : write_row(text, cell);
        strbuf_adds(text->writer.to, cell);
        cell += strlen(cell) + 1;
    }
}

/* ---- The renderer ---------------------------------------------------------------------------- */

static void text_begin(struct writer *writer, const char *name, bool array)
{
    struct writer_text *text = text_of(writer);

    if (text->depth == WRITER_DEPTH_MAX)
        abort(); /* a view that nests without end is a programming error */
    if (text->depth == 0) {
        text->row_depth = array ? 2 : 1;
        text->n_columns = 0;
        text->n_rows = 0;
        strbuf_reset(&text->cells);
    }
    close_line(text);
    text->array[text->depth] = array;
    text->name[text->depth] = name;
    text->depth++;
    if (text->depth == text->row_depth)
        start_row(text);
}

static void text_end(struct writer *writer)
{
    struct writer_text *text = text_of(writer);

    if (text->depth == 0)
        abort(); /* ended more often than begun */
    if (text->depth == text->row_depth)
        end_row(text);
    else
        close_line(text);
    text->depth--;
    if (text->depth > 0)
        return;
    if (text->row_depth == 1)
        writer->detailed = true;
    if (!writer->notes_only)
        write_table(text);
}

static void text_value(struct writer *writer, const char *name, const struct value *value)
{
    struct writer_text *text = text_of(writer);

    if (writer->aside && !writer->detailed)
        return;
    if (text->depth == text->row_depth)
        add_cell(text, name, value->text);
    else
        add_nested(text, name, value->text);
}

static void text_list(struct writer *writer, const char *name, const char *const *items,
                      size_t count)
{
    struct strbuf cell;

    strbuf_init(&cell, CELLS_CAP);
    for (size_t i = 0; i < count && i < WRITER_LIST_SHOWN; i++)
        strbuf_addf(&cell, "%s%s", i > 0 ? ", " : "", items[i]);
    if (count > WRITER_LIST_SHOWN)
        strbuf_addf(&cell, " and %zu more", count - WRITER_LIST_SHOWN);
    text_value(writer, name, &(struct value){ VALUE_TEXT, strbuf_text(&cell), 0 });
    writer->to->overflow |= cell.overflow;
    strbuf_done(&cell);
}

static void text_remark(struct writer *writer, const char *name, const char *value)
{
    struct writer_text *text = text_of(writer);

    if (!*value)
        return;
    if (text->depth != text->row_depth) {
        add_nested(text, name, value);
        return;
    }
    close_line(text);
    strbuf_adds(&text->below, "  ");
    add_name(&text->below, name);
    strbuf_adds(&text->below, ": ");
    text_escape(&text->below, value);
    strbuf_addc(&text->below, '\n');
}

static void text_verbatim(struct writer *writer, const char *name UNUSED, const char *whole)
{
    strbuf_adds(writer->to, whole);
}

static void text_note(struct writer *writer, const char *note)
{
    text_escape(writer->to, note);
    strbuf_addc(writer->to, '\n');
}

static void text_free(struct writer *writer)
{
    struct writer_text *text = text_of(writer);

    strbuf_done(&text->cells);
    strbuf_done(&text->below);
    free(text);
}

static const struct writer_ops text_ops = {
    .begin = text_begin,
    .end = text_end,
    .value = text_value,
    .list = text_list,
    .remark = text_remark,
    .verbatim = text_verbatim,
    .note = text_note,
    .free = text_free,
};

struct writer *writer_text_new(void)
{
    struct writer_text *text = calloc(1, sizeof(*text));

    if (!text)
        return NULL;
    text->writer.ops = &text_ops;
    strbuf_init(&text->cells, CELLS_CAP);
    strbuf_init(&text->below, CELLS_CAP);
    return &text->writer;
}
