/* xml.h: an XML document, pushed in as it arrives and decoded by tables; nothing of it is kept.
 *
 * A decoder is a tree of tables. Each rule names a child element and says what to do with it: take
 * its text into a member of the decoder's own struct, call a function when it opens or closes, or
 * go on with a table for its children. Elements that no rule names are skipped whole, with all that
 * is in them: servers are newer than we are.
 *
 * A document comes from a stranger. A DOCTYPE is refused at once (SOAP 1.1 section 3 forbids one,
 * and with it go entities and outside references); depth, text and total size have caps; and
 * memory does not grow with the document. */
#ifndef VSN_SOURCE_XML_H
#define VSN_SOURCE_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct xml;

/* An element as it opens. Texts are borrowed for the time of the call. */
struct xml_element {
    const char *name; /* local name */
    const char
        *type; /* xsi:type without its prefix, found by namespace URI; "" when there is none */
    const char *ref; /* the attribute 'type' of no namespace, as a MoRef has; "" */
};

enum xml_take {
    XML_NOTHING, /* text is of no interest */
    XML_CLOSE,   /* text is handed to 'close' only */
    XML_TEXT,    /* char[size]; cut when it does not fit */
    XML_ID,      /* char[size]; when it does not fit, the member is "" and xml_spoil() is called */
    XML_FLAG,    /* bool: "true" or "1" */
    XML_NUMBER,  /* uint64_t; spoiled when it is none */
    XML_NAMES,   /* char[size]: one more name of a model/names.h list; spoiled when it is full */
};

struct xml_rule {
    const char *name; /* "*" matches any element; NULL ends a table */
    enum xml_take take;
    size_t offset, size;          /* of the member, in the decoder's data */
    const struct xml_rule *rules; /* for its children; NULL: they are skipped */
    /* Called when the element opens and when it closes; each may be NULL, and each may end the
     * whole document by returning a negative errno (after error_set(xml_error(xml), ...)).
     * 'text' is "" unless the rule takes some. */
    int (*open)(struct xml *xml, void *data, const struct xml_element *element);
    int (*close)(struct xml *xml, void *data, const char *text);
};

/* Rows for tables: XML_MEMBER("macAddress", XML_TEXT, struct nic_scratch, mac). */
#define XML_MEMBER(element, kind, type, member)                                                    \
    {                                                                                              \
        .name = element, .take = kind, .offset = offsetof(type, member),                           \
        .size = sizeof(((type *)0)->member)                                                        \
    }
#define XML_INTO(element, table)                                                                   \
    {                                                                                              \
        .name = element, .rules = table                                                            \
    }

struct xml_caps {
    uint64_t bytes;  /* of the whole document */
    uint64_t opened; /* elements in it */
};

/* A parser that calls the rules of 'rules' with 'data'. The first rule table is for the document's
 * root element. NULL when out of memory. */
struct xml *xml_new(const struct xml_rule *rules, void *data, const struct xml_caps *caps);
struct xml *xml_free(struct xml *xml);

/* Takes the next bytes. Returns 0, or a negative errno with the sentence in 'reterr': -EBADMSG not
 * well-formed XML, -EMSGSIZE beyond a cap, or what a rule returned. A failure is final. */
int xml_push(struct xml *xml, const char *bytes, size_t size, struct error *reterr);

/* The document's end. -EBADMSG when it is not complete. */
int xml_end(struct xml *xml, struct error *reterr);

/* For 'open': the element's children are decoded by 'rules' in place of its own. */
void xml_descend(struct xml *xml, const struct xml_rule *rules);

/* Notes that something in the element could not be held; xml_spoiled() tells and forgets it. */
void xml_spoil(struct xml *xml);
bool xml_spoiled(struct xml *xml);

/* Where a rule puts the sentence for its failure. */
struct error *xml_error(struct xml *xml);

#endif
