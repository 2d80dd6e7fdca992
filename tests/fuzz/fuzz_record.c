/* Any bytes: record_read() must not crash, and what it accepts must survive being written and read.
 */
#include <stdint.h>
#include <string.h>

#include "model/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[4096];
    struct record record, again;
    struct strbuf first, second;
    struct error error;

    if (size >= sizeof(line) || memchr(data, '\0', size) || memchr(data, '\n', size))
        return 0;
    memcpy(line, data, size);
    line[size] = '\0';
    if (record_read(line, &record, &error) < 0)
        return 0;
    strbuf_init(&first, RECORD_LINE_MAX);
    strbuf_init(&second, RECORD_LINE_MAX);
    if (record_write(&first, record.op, record.table, &record.row, record.stated) == 0) {
        char *copy = strdup(strbuf_text(&first));

        copy[first.size - 1] = '\0';
        if (record_read(copy, &again, &error) < 0 ||
            record_write(&second, again.op, again.table, &again.row, again.stated) < 0 ||
            strcmp(first.data, second.data) != 0)
            __builtin_trap();
        free(copy);
    }
    strbuf_done(&first);
    strbuf_done(&second);
    return 0;
}
