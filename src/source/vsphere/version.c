#include "source/vsphere/version.h"

#include <string.h>

#include "base/attrs.h"
#include "base/text.h"

static const struct {
    const char *text;
    enum api_level level;
} known[] = {
    { "2.0", API_2_0 },     { "2.5", API_2_5 },     { "2.5u2", API_2_5 },   { "4.0", API_4_0 },
    { "4.1", API_4_1 },     { "5.0", API_5_0 },     { "5.1", API_5_1 },     { "5.5", API_5_5 },
    { "6.0", API_6_0 },     { "6.5", API_6_5 },     { "6.7", API_6_5 },     { "6.7.1", API_6_5 },
    { "6.7.2", API_6_5 },   { "6.7.3", API_6_5 },   { "7.0.0.0", API_6_5 }, { "7.0.1.0", API_6_5 },
    { "7.0.2.0", API_6_5 }, { "7.0.3.0", API_6_5 }, { "8.0.0.0", API_6_5 }, { "8.0.1.0", API_6_5 },
    { "8.0.2.0", API_6_5 }, { "8.0.3.0", API_6_5 },
};

struct api_version version_least(void)
{
    return (struct api_version){ .text = "2.5", .level = API_2_5, .rank = 1 };
}

void version_offer(struct api_version *version, const char *text)
{
    for (unsigned i = version->rank + 1; i < ARRAY_SIZE(known); i++)
        if (strcmp(known[i].text, text) == 0) {
            version->rank = i;
            version->level = known[i].level;
            text_copy(version->text, sizeof(version->text), text);
        }
}

static int on_version(struct xml *xml, void *data, const char *text)
{
    struct version_list *list = data;

    (void)xml;
    if (strcmp(list->namespace, "urn:vim25") == 0)
        version_offer(&list->best, text);
    return 0;
}

static const struct xml_rule prior_rules[] = {
    { .name = "version", .take = XML_CLOSE, .close = on_version },
    { 0 },
};

static const struct xml_rule namespace_rules[] = {
    XML_MEMBER("name", XML_TEXT, struct version_list, namespace),
    { .name = "version", .take = XML_CLOSE, .close = on_version },
    XML_INTO("priorVersions", prior_rules),
    { 0 },
};

static const struct xml_rule namespaces_rules[] = {
    XML_INTO("namespace", namespace_rules),
    { 0 },
};

const struct xml_rule version_list_rules[] = {
    XML_INTO("namespaces", namespaces_rules),
    { 0 },
};
