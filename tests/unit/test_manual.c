/* The manual pages know every command and every word of the configuration, in its section. */
#include "cmocka_unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/config_words.h"
#include "present/control.h"

static char *read_page(const char *name)
{
    char path[512], *text = calloc(1, 65536);
    FILE *file;

    snprintf(path, sizeof(path), SOURCE_ROOT "/man/%s", name);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(text);
    assert_true(fread(text, 1, 65535, file) > 0);
    fclose(file);
    return text;
}

/* True when an item of the list between 'from' and the next section begins with 'words', or names
 * them behind a comma. */
static bool has_item(const char *from, const char *words)
{
    size_t length = strlen(words);

    for (const char *line = from; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        const char *at = line + strlen(".It Cm ");

        if (line != from && (strncmp(line, ".Ss ", 4) == 0 || strncmp(line, ".Sh ", 4) == 0))
            return false;
        if (strncmp(line, ".It Cm ", 7) != 0)
            continue;
        for (;;) {
            const char *comma;

            if (strncmp(at, words, length) == 0 && strchr(" \n", at[length]))
                return true;
            comma = strstr(at, " , ");
            if (!comma || comma > strchr(at, '\n'))
                break;
            at = comma + 3;
        }
    }
    return false;
}

static void every_command_is_documented(void **state)
{
    char *page = read_page("vsn.1");
    size_t count;
    const struct control_command *commands = control_commands(&count);
    const char *section = strstr(page, "\n.Sh COMMANDS\n");

    (void)state;
    assert_non_null(section);
    for (size_t i = 0; i < count; i++) {
        if (!has_item(section + 1, commands[i].words))
            fail_msg("vsn.1 has no item '%s'", commands[i].words);
    }
    assert_false(has_item(section + 1, "can-fly"));
    free(page);
}

static void every_setting_is_documented(void **state)
{
    static const char *const sections[N_CONFIG_BLOCKS] = {
        [BLOCK_TOP] = "\n.Ss Top level\n",
        [BLOCK_HYPERVISOR] = "\n.Ss In a hypervisor block\n",
        [BLOCK_INTERFACE] = "\n.Ss In an interface block\n",
        [BLOCK_VSN] = "\n.Ss In the vsn block\n",
    };
    char *page = read_page("vsn.conf.5");

    (void)state;
    for (enum config_block block = BLOCK_TOP; block < N_CONFIG_BLOCKS; block++) {
        const char *section = strstr(page, sections[block]);
        size_t count;
        const struct config_word *words = config_words(block, &count);

        assert_non_null(section);
        for (size_t i = 0; i < count; i++) {
            if (!has_item(section + 1, words[i].words))
                fail_msg("vsn.conf.5 has no item '%s' in its section", words[i].words);
        }
    }
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_is_documented),
        cmocka_unit_test(every_setting_is_documented),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
