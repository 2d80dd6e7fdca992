#include "source/escape.h"

void escape_xml(struct strbuf *to, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&':
            strbuf_adds(to, "&amp;");
            break;
        case '<':
            strbuf_adds(to, "&lt;");
            break;
        case '>':
            strbuf_adds(to, "&gt;");
            break;
        case '"':
            strbuf_adds(to, "&quot;");
            break;
        case '\t':
        case '\n':
        case '\r':
            strbuf_addf(to, "&#%d;", *text);
            break;
        default:
            if ((unsigned char)*text >= ' ')
                strbuf_addc(to, *text);
        }
}
