#include "cmocka_unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "present/control.h"

static const char *find(const char *line)
{
    static char reason[ERROR_SIZE];
    char copy[256], *words[16];
    const struct control_command *command;
    struct error error = { "" };
    int argc = 0, used = 0;

    strcpy(copy, line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        words[argc++] = word;
    command = control_find(argc, words, &used, &error);
    if (command)
        return command->words;
    strcpy(reason, error.text);
    return reason;
}

static void words_may_be_shortened(void **state)
{
    (void)state;
    assert_string_equal(find("show port"), "show port");
    assert_string_equal(find("show port Ethernet1"), "show port");
    assert_string_equal(find("sh po Ethernet1"), "show port");
    assert_string_equal(find("s hy"), "show hypervisor");
    assert_string_equal(find("show running"), "show running-config");
    assert_string_equal(find("show virtualm"), "show virtualmachine");
    assert_string_equal(find("why p 1"), "why");
    assert_string_equal(find("why-not p 1"), "why-not");
    assert_string_equal(find("fr"), "freeze");
}

static void what_is_not_clear_is_refused(void **state)
{
    (void)state;
    assert_string_equal(find("show p"),
                        "more than one command fits: 'show port [PORT]', 'show plan'");
    assert_string_equal(find("show ports"),
                        "unknown command 'show ports'; did you mean 'show port [PORT]'");
    assert_string_equal(find("thwa"), "unknown command 'thwa'; did you mean 'thaw'");
    assert_string_equal(find("frobnicate"),
                        "unknown command 'frobnicate'; 'vsn --help' lists them");
    assert_non_null(strstr(find("show"), "expected 'show hypervisor [NAME]', 'show host'"));
    assert_string_equal(find("why Ethernet1"), "an argument is missing; expected 'why PORT VLAN'");
    assert_string_equal(find("show port a b"), "too many arguments; expected 'show port [PORT]'");
    assert_string_equal(find("freeze now"), "too many arguments; expected 'freeze'");
}

/* Every command is found by its own words, and has what its action needs. */
static void the_table_is_whole(void **state)
{
    size_t count;
    const struct control_command *commands = control_commands(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        char line[128];

        snprintf(line, sizeof(line), "%s%s", commands[i].words,
                 commands[i].least == 2   ? " a 1"
                 : commands[i].least == 1 ? " a"
                                          : "");
        assert_string_equal(find(line), commands[i].words);
        assert_int_equal(commands[i].view != NULL, commands[i].action == CONTROL_SHOW);
        assert_true(commands[i].most <= CONTROL_WORDS_MAX - 2);
    }
}

static void requests_survive_the_line(void **state)
{
    char port[] = "Te 0/1 100%\n\x7f", *words[] = { (char[]){ "show" }, (char[]){ "po" }, port };
    struct control_request request;
    struct strbuf line;

    (void)state;
    strbuf_init(&line, CONTROL_LINE_MAX);
    assert_int_equal(control_encode(true, 3, words, &line), 0);
    assert_string_equal(line.data, "json show po Te%200/1%20100%25%0A%7F\n");
    line.data[line.size - 1] = '\0';
    assert_int_equal(control_decode(line.data, &request, NULL), 0);
    assert_true(request.json);
    assert_int_equal(request.action, CONTROL_SHOW);
    assert_int_equal(request.argc, 1);
    assert_string_equal(request.argument, port);
    strbuf_done(&line);
}

static void bad_requests_are_refused(void **state)
{
    static const char *const lines[] = { "",
                                         "text",
                                         "show port",
                                         "xml show port",
                                         "text show%zz",
                                         "text show%0",
                                         "text show%00",
                                         "text a b c d e f g h i",
                                         "text frobnicate",
                                         "json why p" };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        struct control_request request;
        struct error error = { "" };
        char copy[128];

        strcpy(copy, lines[i]);
        assert_int_equal(control_decode(copy, &request, &error), -EINVAL);
        assert_string_not_equal(error.text, "");
        assert_int_equal(request.json, strncmp(lines[i], "json", 4) == 0);
    }
}

static void too_long_a_command_is_not_sent(void **state)
{
    char word[CONTROL_LINE_MAX], *words[9];
    struct strbuf line;

    (void)state;
    memset(word, 'x', sizeof(word));
    word[sizeof(word) - 1] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        words[i] = word;
    strbuf_init(&line, 2 * CONTROL_LINE_MAX);
    assert_int_equal(control_encode(false, 1, words, &line), -E2BIG);
    assert_int_equal(control_encode(false, 9, words, &line), -E2BIG);
    strbuf_done(&line);
}

static void one_sentence_is_a_whole_reply(void **state)
{
    struct strbuf reply;

    (void)state;
    strbuf_init(&reply, 4096);
    control_say(false, 1, "no such port \x1b[2J", &reply);
    assert_string_equal(reply.data, "1\nno such port \\x1b[2J\n");
    strbuf_reset(&reply);
    control_say(true, 0, "frozen", &reply);
    assert_string_equal(reply.data, "0\n{\n  \"done\": true,\n  \"message\": \"frozen\"\n}\n");
    strbuf_done(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_may_be_shortened),
        cmocka_unit_test(what_is_not_clear_is_refused),
        cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(requests_survive_the_line),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(too_long_a_command_is_not_sent),
        cmocka_unit_test(one_sentence_is_a_whole_reply),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
