/* soap.h: building requests of the vSphere Web Services API (SOAP 1.1, document/literal, namespace
 * urn:vim25). Values are escaped, so any text may be one. A request is complete when its strbuf has
 * no 'overflow'. */
#ifndef VSN_SOURCE_VSPHERE_SOAP_H
#define VSN_SOURCE_VSPHERE_SOAP_H

#include <stdint.h>

#include "base/strbuf.h"

/* A managed object reference: its type and value, both as the server gave them. */
struct moref {
    char type[64];
    char value[256];
};

/* Starts the envelope and the method's element with its '_this', and ends them. */
void soap_begin(struct strbuf *to, const char *method, const struct moref *self);
void soap_finish(struct strbuf *to, const char *method);

/* <element>text</element>, escaped. Characters that XML 1.0 cannot hold are left out. */
void soap_text(struct strbuf *to, const char *element, const char *text);
void soap_number(struct strbuf *to, const char *element, uint64_t number);
/* <element type="T">value</element> */
void soap_ref(struct strbuf *to, const char *element, const struct moref *ref);
/* Markup of our own, as it is. */
void soap_markup(struct strbuf *to, const char *markup);

#endif
