/* writer.h: one walk over what there is to show, several renderers.
 *
 * A view says what it has, in the order in which a person reads it: arrays of objects with named
 * fields. JSON (RFC 8259) takes it as it comes. Text makes a table of the outermost array, one row
 * per object and one column per field; what a row nests stands indented below it. An outermost
 * object, or a writer that was told to be in detail, has one line per field.
 *
 * All texts may hold any bytes: JSON escapes them and writes U+FFFD for what is not UTF-8; text
 * escapes them as text_escape() does. Errors are kept by the buffer (strbuf.overflow): a walk is
 * checked once, at its end. */
#ifndef VSN_PRESENT_WRITER_H
#define VSN_PRESENT_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "model/vlanset.h"

enum writer_form { WRITER_TEXT, WRITER_JSON };

#define WRITER_DEPTH_MAX 8
#define WRITER_COLUMNS_MAX 24
#define WRITER_LIST_SHOWN 8

struct writer;

/* Renders into 'to', which the caller keeps. NULL when out of memory. */
struct writer *writer_new(enum writer_form form, struct strbuf *to);
/* Ends the writer, not what it wrote. Accepts NULL, returns NULL. */
struct writer *writer_free(struct writer *writer);

/* Text: the outermost array's rows are few and wanted in detail, a line per field. */
void writer_detailed(struct writer *writer);

/* Begins an array or an object; 'name' is its name in the object around it, NULL where there is
 * none. Every one is ended by writer_end(). Names are ours: short lower-case words with '_', of
 * which text makes headings ("hand_made" is HAND-MADE), without a unit "_s" or "_ms" at the end. */
void writer_array(struct writer *writer, const char *name);
void writer_object(struct writer *writer, const char *name);
void writer_end(struct writer *writer);

/* Fields of an object (or, with 'name' NULL, elements of an array). Text shows "-" for nothing. */
void writer_text(struct writer *writer, const char *name, const char *value);
void writer_textf(struct writer *writer, const char *name, const char *format, ...)
    PRINTF_LIKE(3, 4);
void writer_number(struct writer *writer, const char *name, int64_t value);
void writer_flag(struct writer *writer, const char *name, bool value); /* true, or "yes" */
/* A list such as "100,200-210", "" for none. */
void writer_vlans(struct writer *writer, const char *name, const struct vlanset *vlans);
/* Milliseconds since the epoch, or 0: null in JSON; text shows UTC as in RFC 3339. */
void writer_time(struct writer *writer, const char *name, int64_t wall_ms);
/* Seconds, or negative: null in JSON; text shows "12 s", "5 min", "3 h", "2 d". */
void writer_age(struct writer *writer, const char *name, int64_t seconds);

/* The same as text, for sentences. Returns 'text'. */
const char *writer_age_text(int64_t seconds, char *text, size_t size);

/* A number (NULL: null in JSON) that people read as 'text'. */
void writer_number_as(struct writer *writer, const char *name, const int64_t *value,
                      const char *text);

/* From here on, until told otherwise, fields are for programs: a table leaves them out, as others
 * say enough to people. One in detail has them. */
void writer_aside(struct writer *writer, bool is_aside);

/* Marks the answer as not complete (out of memory). */
void writer_fail(struct writer *writer);

/* null, or "-" in text. */
void writer_nothing(struct writer *writer, const char *name);
/* An array of short texts. In text it is one field, of which no more than WRITER_LIST_SHOWN are
 * spelt out. */
void writer_list(struct writer *writer, const char *name, const char *const *items, size_t count);
/* A field that is a sentence: text has it in a line of its own below the row, or leaves it out when
 * it is empty. */
void writer_remark(struct writer *writer, const char *name, const char *value);

/* A whole answer that is one text of our own, such as a configuration: as it is in text, the only
 * member of an object in JSON. */
void writer_verbatim(struct writer *writer, const char *name, const char *text);

/* Text: leaves out every field, as the notes say all there is to say. */
void writer_notes_only(struct writer *writer);

/* A sentence for people at the end of a text; JSON leaves it out, so it may only say what the
 * fields say too. */
void writer_note(struct writer *writer, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
