/* Any bytes: config_parse() must not crash, and what it accepts must survive a round trip. */
#include <stdint.h>
#include <string.h>

#include "model/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = NULL, *again = NULL;
    struct error error;
    struct strbuf first, second;

    if (config_parse((const char *)data, size, "fuzz", &config, &error) < 0)
        return 0;
    strbuf_init(&first, 4 * CONFIG_FILE_MAX);
    strbuf_init(&second, 4 * CONFIG_FILE_MAX);
    config_write(config, &first);
    if (config_parse(strbuf_text(&first), first.size, "fuzz", &again, &error) < 0)
        __builtin_trap();
    config_write(again, &second);
    if (strcmp(strbuf_text(&first), strbuf_text(&second)) != 0)
        __builtin_trap();
    strbuf_done(&first);
    strbuf_done(&second);
    config_free(config);
    config_free(again);
    return 0;
}
