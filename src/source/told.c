#include "source/told.h"

#include <stdlib.h>

void told_add(struct told_rows *rows, enum table table, const void *row)
{
    void **grown =
        rows->count < TOLD_ROWS_MAX ? realloc(rows->row, (rows->count + 1) * sizeof(void *)) : NULL;
    void *copy = grown ? row_copy(table, row) : NULL;

    if (grown)
        rows->row = grown;
    if (copy)
        rows->row[rows->count++] = copy;
}

void told_done(struct told_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free(rows->row[i]);
    free(rows->row);
    *rows = (struct told_rows){ 0 };
}

static bool are_equal(enum table table, const struct told_rows *a, const struct told_rows *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++)
        if (!row_equal(table, a->row[i], b->row[i]))
            return false;
    return a->count == b->count;
}

void told_tell(enum table table, struct told_rows *rows, struct told_rows *told, bool was_told,
               told_emit_fn *emit, void *data)
{
    if (!was_told || !are_equal(table, rows, told)) {
        emit(RECORD_BEGIN, table, NULL, data);
        for (size_t i = 0; i < rows->count; i++)
            emit(RECORD_NEW, table, rows->row[i], data);
        emit(RECORD_END, table, NULL, data);
    }
    told_done(told);
    *told = *rows;
    *rows = (struct told_rows){ 0 };
}
