#include "present/views.h"

enum view_status view_running_config(const struct view *view)
{
    struct strbuf text;

    strbuf_init(&text, 4 * CONFIG_FILE_MAX);
    config_write(core_config(view->core), &text);
    writer_verbatim(view->writer, "running_config", strbuf_text(&text));
    strbuf_done(&text);
    return VIEW_DONE;
}
