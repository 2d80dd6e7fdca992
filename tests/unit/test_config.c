#include "cmocka_unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model/config.h"
#include "model/config_words.h"

#define VC "hypervisor vc1\n type vmware\n access https://vc1/sdk username u password-file /p\n"

static struct config *parse(const char *text)
{
    struct config *config = NULL;
    struct error error = { "" };

    if (config_parse(text, strlen(text), "test.conf", &config, &error) < 0)
        fail_msg("%s", error.text);
    return config;
}

static void refuse(const char *text, size_t size, const char *expected)
{
    struct config *config = NULL;
    struct error error = { "" };

    assert_true(config_parse(text, size, "test.conf", &config, &error) < 0);
    assert_null(config);
    if (strcmp(error.text, expected) != 0)
        fail_msg("\n     got: %s\nexpected: %s", error.text, expected);
}

static char *write_out(const struct config *config)
{
    struct strbuf text;

    strbuf_init(&text, 1 << 20);
    config_write(config, &text);
    assert_false(text.overflow);
    return text.data;
}

static void the_design_s_words_are_understood(void **state)
{
    char list[64];
    struct config *config = parse("hostname tor-1\n"
                                  "switch linux-bridge br0\n"
                                  "lldpd socket none\n"
                                  "lldpd nonce\n"
                                  "! a remark\n"
                                  "hypervisor vc1\n"
                                  " type vmware\n"
                                  "\taccess https://vc1.example.net/sdk username CORP\\vsn "
                                  "password-file \"/etc/my secrets/vc1\"\n"
                                  " tls ca-file /etc/vsn/vc1.pem\n"
                                  " ! a remark inside the block\n"
                                  " tls legacy\n"
                                  " mode config\n"
                                  " provision machines\n"
                                  " vlan allowed 100-199,300\n"
                                  " hint interval 30\n"
                                  " no disable\n"
                                  "interface Ethernet1\r\n"
                                  " vsn enable\r\n"
                                  " vsn bind vc1 esx01 vmnic0\n"
                                  " vlan allowed none\n"
                                  " vlan maximum 12\n"
                                  "interface Ethernet48\n"
                                  "vsn uplink\n"
                                  "vsn\n"
                                  " prune never\n"
                                  " prune hold-down 60\n"
                                  " prune budget 5\n"
                                  " hold 180\n"
                                  " evidence strict\n"
                                  " vlan protect 1,4094\n"
                                  "end\n"
                                  "! behind it\n");
    const struct config_hypervisor *vc1 = config_hypervisor(config, "vc1");
    const struct config_port *port = config_port(config, "Ethernet1");

    (void)state;
    assert_string_equal(config->hostname, "tor-1");
    assert_string_equal(config->switch_driver, "linux-bridge");
    assert_string_equal(config->switch_arguments, "br0");
    assert_int_equal(config->switch_line, 2);
    assert_string_equal(config->lldpd_socket, "none");
    assert_true(config->lldpd_nonce);
    assert_non_null(vc1);
    assert_int_equal(vc1->line, 6);
    assert_string_equal(vc1->url, "https://vc1.example.net/sdk");
    assert_string_equal(vc1->username, "CORP\\vsn");
    assert_string_equal(vc1->password_file, "/etc/my secrets/vc1");
    assert_string_equal(vc1->ca_file, "/etc/vsn/vc1.pem");
    assert_true(vc1->tls_legacy && vc1->enabled);
    assert_int_equal(vc1->mode, MODE_CONFIG);
    assert_int_equal(vc1->provision, PROVISION_MACHINES);
    assert_string_equal(vlanset_text(&vc1->allowed, list, sizeof(list)), "100-199,300");
    assert_int_equal(vc1->hint_interval_s, 30);
    assert_non_null(port);
    assert_true(port->enabled && !port->uplink);
    assert_string_equal(port->pin_nic, "vmnic0");
    assert_true(vlanset_is_empty(&port->allowed));
    assert_int_equal(port->vlan_max, 12);
    assert_true(config_port(config, "Ethernet48")->uplink);
    assert_int_equal(config->prune, PRUNE_NEVER);
    assert_int_equal(config->hold_down_s, 60);
    assert_int_equal(config->budget_per_minute, 5);
    assert_int_equal(config->hold_s, 180);
    assert_int_equal(config->evidence, EVIDENCE_STRICT);
    assert_true(vlanset_has(&config->protected_vlans, 4094));
    config_free(config);
}

static void defaults_are_the_careful_ones(void **state)
{
    struct config *config = parse(VC "interface p1\n");
    const struct config_hypervisor *vc1 = &config->hypervisors[0];
    struct vlanset all = vlanset_all();

    (void)state;
    assert_false(vc1->enabled);
    assert_int_equal(vc1->mode, MODE_CHECK);
    assert_int_equal(vc1->provision, PROVISION_NETWORKS);
    assert_true(vlanset_equal(&vc1->allowed, &all));
    assert_int_equal(vc1->hint_interval_s, 60);
    assert_false(config->ports[0].enabled);
    assert_int_equal(config->ports[0].vlan_max, 4094);
    assert_int_equal(config->prune, PRUNE_GUARDED);
    assert_int_equal(config->hold_down_s, 300);
    assert_int_equal(config->budget_per_minute, 10);
    assert_int_equal(config->hold_s, 0);
    assert_int_equal(config->evidence, EVIDENCE_NORMAL);
    assert_true(vlanset_is_empty(&config->protected_vlans));
    config_free(config);
}

static void no_takes_a_setting_back(void **state)
{
    struct config *config = parse("hostname a\nno hostname\n" VC " no disable\n disable\n"
                                  " mode config\n no mode\n vlan allowed 7\n no vlan allowed\n"
                                  " tls legacy\n no tls legacy\n"
                                  "interface p1\n vsn enable\n no vsn enable\n"
                                  " vsn bind vc1 a b\n no vsn bind\n"
                                  "vsn\n hold 60\n no hold\n prune hold-down 5\n"
                                  " no prune hold-down\n");
    struct config *plain = parse(VC "interface p1\n");
    char *a = write_out(config), *b = write_out(plain);

    (void)state;
    assert_string_equal(a, b);
    free(a);
    free(b);
    config_free(config);
    config_free(plain);
}

static void the_written_form_is_canonical(void **state)
{
    struct config *config =
        parse("vsn\nvlan protect 4094,1\nhypervisor vc1\n no disable\n"
              " access https://vc1 password-file /p username \"a \\\"b\"\n type vmware\n"
              " tls fingerprint sha256 "
              "AB:CD:EF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:"
              "99:aa:bb:cc\n"
              "interface \"Te 0/1\"\nvlan allowed none\nvsn enable\nswitch dummy \"/a b\" c\n");
    char *text = write_out(config);

    (void)state;
    assert_string_equal(text, "switch dummy \"/a b\" c\n"
                              "!\n"
                              "hypervisor vc1\n"
                              " type vmware\n"
                              " access https://vc1/sdk username \"a \\\"b\" password-file /p\n"
                              " tls fingerprint sha256 "
                              "abcdef00112233445566778899aabbccddeeff00112233445566778899aabbcc\n"
                              " mode check\n"
                              " provision networks\n"
                              " no disable\n"
                              "!\n"
                              "interface \"Te 0/1\"\n"
                              " vsn enable\n"
                              " vlan allowed none\n"
                              "!\n"
                              "vsn\n"
                              " prune guarded\n"
                              " vlan protect 1,4094\n"
                              "!\n"
                              "end\n");
    free(text);
    config_free(config);
}

static void the_written_form_reads_back_the_same(void **state)
{
    static const char *const files[] = { SOURCE_ROOT "/docs/examples/vsn.conf" };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        struct config *config = NULL, *again;
        struct error error = { "" };
        char *first, *second;

        if (config_read(files[i], &config, &error) < 0)
            fail_msg("%s", error.text);
        first = write_out(config);
        again = parse(first);
        second = write_out(again);
        assert_string_equal(first, second);
        free(first);
        free(second);
        config_free(config);
        config_free(again);
    }
}

/* The shipped example shows every word there is. */
static void the_example_is_complete(void **state)
{
    FILE *file = fopen(SOURCE_ROOT "/docs/examples/vsn.conf", "r");
    char text[8192];
    size_t size;

    (void)state;
    assert_non_null(file);
    size = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[size] = '\0';
    for (enum config_block block = BLOCK_TOP; block < N_CONFIG_BLOCKS; block++) {
        size_t count;
        const struct config_word *words = config_words(block, &count);

        for (size_t i = 0; i < count; i++) {
            char line[80];

            snprintf(line, sizeof(line), "\n%s%s", block == BLOCK_TOP ? "" : " ", words[i].words);
            if (!strstr(text, line))
                fail_msg("docs/examples/vsn.conf does not show '%s'", words[i].words);
        }
    }
}

static void errors_name_line_and_reason(void **state)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        { "hostnam x\n", "test.conf:1: unknown word 'hostnam' in the top level; did you mean "
                         "'hostname NAME'?" },
        { "\n\nfrobnicate\n", "test.conf:3: unknown word 'frobnicate' in the top level" },
        { "interface p1\n vsn enabel\n",
          "test.conf:2: unknown word 'enabel' after 'vsn' in an interface block; did you mean 'vsn "
          "enable'" },
        { "interface p1\n vsn frobnicate\n",
          "test.conf:2: unknown word 'frobnicate' after 'vsn' in an interface block; expected 'vsn "
          "enable' or 'vsn bind HYPERVISOR HOST NIC' or 'vsn uplink'" },
        { "interface p1\n vlan\n",
          "test.conf:2: nothing after 'vlan' in an interface block; expected 'vlan allowed LIST' "
          "or 'vlan maximum NUMBER'" },
        { "interface p1\n mode config\n",
          "test.conf:2: 'mode' stands in an interface block, but belongs into a hypervisor block" },
        { "!\nmode config\n",
          "test.conf:2: 'mode' stands in the top level, but belongs into a hypervisor block" },
        { "interface p1\n vsn enable please\n",
          "test.conf:2: too many words; expected 'vsn enable'" },
        { "interface p1\n vsn bind vc1 esx01\n",
          "test.conf:2: the line is not complete; expected 'vsn bind HYPERVISOR HOST NIC'" },
        { "interface p1\n vlan allowed 100,5000\n",
          "test.conf:2: 'vlan allowed 100,5000': VLAN ids run from 1 to 4094, and ranges upwards" },
        { "interface p1\n vlan allowed 100;200\n",
          "test.conf:2: 'vlan allowed 100;200': expected a VLAN list such as 100-199,300 (without "
          "blanks), or 'none'" },
        { "interface p1\n vlan maximum 0\n",
          "test.conf:2: 'vlan maximum 0': expected a number from 1 to 4094" },
        { "interface p1\n vsn bind vc9 esx01 vmnic0\n",
          "test.conf:1: interface p1 is bound to hypervisor vc9, which is not configured" },
        { VC "interface p1\n vsn bind vc1 e v\ninterface p2\n vsn bind vc1 e v\n",
          "test.conf:6: interface p2 is bound to the same NIC as interface p1 (line 4); a NIC has "
          "one port" },
        { "interface p1\n vsn enable\n vsn uplink\n",
          "test.conf:1: interface p1: 'vsn uplink' says that another switch is behind the port, "
          "'vsn enable' that a host is; keep one of them" },
        { "interface p1\n!\ninterface p1\n",
          "test.conf:3: interface p1 was configured before, on line 1" },
        { VC VC, "test.conf:4: hypervisor vc1 was configured before, on line 1" },
        { "hypervisor ../x\n",
          "test.conf:1: '../x' is no name for a hypervisor: letters, digits, '.', '_' and '-' are "
          "allowed, and neither '.' nor '-' at its start" },
        { "hypervisor v\n access https://v\n", "test.conf:1: hypervisor v has no 'type'" },
        { "hypervisor v\n type vmware\n", "test.conf:1: hypervisor v has no 'access'" },
        { "hypervisor v\n type vmware\n access https://v\n no disable\n",
          "test.conf:1: hypervisor v is enabled, but its 'access' has no 'username USER'" },
        { "hypervisor v\n type vmware\n access https://v username u\n no disable\n",
          "test.conf:1: hypervisor v is enabled, but its 'access' has no 'password-file FILE'" },
        { "hypervisor v\n type kvm\n",
          "test.conf:2: 'type kvm': expected 'type vmware' or 'type xen-citrix'" },
        { "hypervisor v\n access http://v\n",
          "test.conf:2: 'access http://v': expected a URL that begins with https://" },
        { "hypervisor v\n access https://a:b@v/sdk\n",
          "test.conf:2: the URL holds a user name or password; write 'access https://HOST/sdk "
          "username USER password-file FILE'" },
        { "hypervisor v\n access https:///sdk\n",
          "test.conf:2: 'access https:///sdk': the URL names no host" },
        { "hypervisor v\n access https://v username u password secret\n",
          "test.conf:2: passwords do not belong into the configuration: put it into a file that "
          "only vsn can read, and write 'password-file FILE'" },
        { "hypervisor v\n access https://v username\n", "test.conf:2: nothing follows 'username'" },
        { "hypervisor v\n access https://v password-file secrets/v\n",
          "test.conf:2: password-file 'secrets/v': expected an absolute path" },
        { "hypervisor v\n tls fingerprint sha256 12:34\n",
          "test.conf:2: '12:34' is no SHA-256 fingerprint: expected 64 hex digits, colons between "
          "them allowed" },
        { "hypervisor v\n tls fingerprint md5 12\n",
          "test.conf:2: 'tls fingerprint md5': expected 'tls fingerprint sha256 HEX'" },
        { "hypervisor v\n mode auto\n", "test.conf:2: 'mode auto': expected 'mode check|config'" },
        { "vsn\n hold 29\n",
          "test.conf:2: 'hold 29': expected 'keep' or a number of seconds from 30 to 86400" },
        { "vsn\n!\nvsn\n", "test.conf:3: a second vsn block; the first began on line 1" },
        { "switch dummy /a\nswitch dummy /b\n",
          "test.conf:2: a second switch; the first is on line 1" },
        { "end\nhostname a\n", "test.conf:2: 'hostname' stands behind 'end'" },
        { "hostname \"a\n", "test.conf:1: a quoted word is not closed properly" },
        { "hostname \"a\"b\n", "test.conf:1: a quoted word is not closed properly" },
        { "hostname \"\"\n", "test.conf:1: NAME is empty" },
        { "hostname a\x1b[2J\n", "test.conf:1: the line holds a control character (0x1b)" },
        { "no hypervisor\n", "test.conf:1: 'no hypervisor' has no place in a file: leave the block "
                             "out instead" },
        { "hostname \xff\xfe frob\n", "test.conf:1: too many words; expected 'hostname NAME'" },
        { "\xff\xfe\n", "test.conf:1: unknown word '\\xff\\xfe' in the top level" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        refuse(rows[i].text, strlen(rows[i].text), rows[i].error);
}

static void size_is_no_way_in(void **state)
{
    static const char nul[] = "hostname a\nhost\0name b\n";
    char line[CONFIG_LINE_MAX + 3];
    struct strbuf many;

    (void)state;
    refuse(nul, sizeof(nul) - 1, "test.conf:2: the line holds a NUL byte");
    memset(line, 'x', sizeof(line));
    refuse(line, sizeof(line), "test.conf:1: the line is longer than 2048 bytes");
    memset(line, 'x', sizeof(line));
    memcpy(line, "hostname ", 9);
    refuse(line, 300, "test.conf:1: NAME is longer than 255 bytes");
    strbuf_init(&many, 1 << 20);
    for (int i = 0; i <= CONFIG_PORTS_MAX; i++)
        strbuf_addf(&many, "interface p%d\n", i);
    refuse(many.data, many.size, "test.conf:1025: more than 1024 interfaces");
    strbuf_reset(&many);
    for (int i = 0; i < 65; i++)
        strbuf_adds(&many, "a ");
    refuse(many.data, many.size, "test.conf:1: more than 64 words in one line");
    strbuf_done(&many);
}

static void an_empty_file_is_a_configuration(void **state)
{
    struct config *config = parse("");
    struct config *marked = parse("\xef\xbb\xbfhostname a");

    (void)state;
    assert_int_equal(config->n_hypervisors, 0);
    assert_string_equal(marked->hostname, "a");
    config_free(config);
    config_free(marked);
}

static void files_that_cannot_be_read_are_named(void **state)
{
    struct config *config = NULL;
    struct error error = { "" };

    (void)state;
    assert_int_equal(config_read("/nonexistent/vsn.conf", &config, &error), -ENOENT);
    assert_string_equal(error.text, "/nonexistent/vsn.conf: No such file or directory");
    assert_int_equal(config_read("/", &config, &error), -EISDIR);
    assert_int_equal(config_read("/dev/zero", &config, &error), -EFBIG);
    assert_null(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_design_s_words_are_understood),
        cmocka_unit_test(defaults_are_the_careful_ones),
        cmocka_unit_test(no_takes_a_setting_back),
        cmocka_unit_test(the_written_form_is_canonical),
        cmocka_unit_test(the_written_form_reads_back_the_same),
        cmocka_unit_test(the_example_is_complete),
        cmocka_unit_test(errors_name_line_and_reason),
        cmocka_unit_test(size_is_no_way_in),
        cmocka_unit_test(an_empty_file_is_a_configuration),
        cmocka_unit_test(files_that_cannot_be_read_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
