/* told.h: a list of rows that is told as a whole, when something in it differs from what was told.
 */
#ifndef VSN_SOURCE_TOLD_H
#define VSN_SOURCE_TOLD_H

#include "model/record.h"

#define TOLD_ROWS_MAX 8192 /* rows of one list; what is beyond is left out */

struct told_rows {
    void **row; /* each one block from row_copy() */
    size_t count;
};

/* One row told; as the arguments of record_write(). */
typedef void told_emit_fn(enum record_op op, enum table table, const void *row, void *data);

/* Adds a copy of the row; without memory it is left out. */
void told_add(struct told_rows *rows, enum table table, const void *row);
void told_done(struct told_rows *rows);

/* Tells 'rows' in brackets, unless 'was_told' and it equals '*told', and takes it over into
 * '*told'.
 */
void told_tell(enum table table, struct told_rows *rows, struct told_rows *told, bool was_told,
               told_emit_fn *emit, void *data);

#endif
