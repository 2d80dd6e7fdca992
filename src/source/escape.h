/* escape.h: text inside XML that we write. */
#ifndef VSN_SOURCE_ESCAPE_H
#define VSN_SOURCE_ESCAPE_H

#include "base/strbuf.h"

/* Appends 'text' as character data or the value of an attribute. Characters that XML 1.0 cannot
 * hold are left out. */
void escape_xml(struct strbuf *to, const char *text);

#endif
