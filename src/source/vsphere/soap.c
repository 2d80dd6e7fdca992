#include "source/vsphere/soap.h"

#include <inttypes.h>

#include "source/escape.h"

void soap_begin(struct strbuf *to, const char *method, const struct moref *self)
{
    strbuf_adds(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
                    "<soapenv:Envelope"
                    " xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\""
                    " xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\""
                    " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">"
                    "<soapenv:Body>");
    strbuf_addf(to, "<%s xmlns=\"urn:vim25\">", method);
    soap_ref(to, "_this", self);
}

void soap_finish(struct strbuf *to, const char *method)
{
    strbuf_addf(to, "</%s></soapenv:Body></soapenv:Envelope>", method);
}

void soap_text(struct strbuf *to, const char *element, const char *text)
{
    strbuf_addf(to, "<%s>", element);
    escape_xml(to, text);
    strbuf_addf(to, "</%s>", element);
}

void soap_number(struct strbuf *to, const char *element, uint64_t number)
{
    strbuf_addf(to, "<%s>%" PRIu64 "</%s>", element, number, element);
}

void soap_ref(struct strbuf *to, const char *element, const struct moref *ref)
{
    strbuf_addf(to, "<%s type=\"", element);
    escape_xml(to, ref->type);
    strbuf_adds(to, "\">");
    escape_xml(to, ref->value);
    strbuf_addf(to, "</%s>", element);
}

void soap_markup(struct strbuf *to, const char *markup)
{
    strbuf_adds(to, markup);
}
