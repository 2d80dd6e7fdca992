#include "present/views.h"

enum view_status view_migrations(const struct view *view)
{
    writer_array(view->writer, NULL);
    writer_end(view->writer);
    writer_note(view->writer, "None is recorded: this release follows where machines are, but does "
                              "not keep a ledger of their moves yet.");
    return VIEW_DONE;
}

enum view_status view_running_config(const struct view *view)
{
    struct strbuf text;

    strbuf_init(&text, 4 * CONFIG_FILE_MAX);
    config_write(core_config(view->core), &text);
    writer_verbatim(view->writer, "running_config", strbuf_text(&text));
    strbuf_done(&text);
    return VIEW_DONE;
}
