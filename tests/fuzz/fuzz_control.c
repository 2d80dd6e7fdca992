/* Any bytes as a request on the control socket of a core that knows nothing. */
#include <stdint.h>
#include <string.h>

#include "present/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[CONTROL_LINE_MAX];
    struct control_request request;
    struct error error;
    struct strbuf reply;
    struct core *core;

    if (size >= sizeof(line))
        return 0;
    memcpy(line, data, size);
    line[size] = '\0';
    if (control_decode(line, &request, &error) < 0 || request.action != CONTROL_SHOW)
        return 0;
    core = core_new();
    strbuf_init(&reply, CONTROL_ANSWER_MAX);
    control_run(core, &request, 1000, 1000, &reply);
    strbuf_done(&reply);
    core_free(core);
    return 0;
}
